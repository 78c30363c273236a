# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of small services of the I/O manager and the executive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm
from dirql.ke.objects.ex_timer import ExTimer
from dirql.ob.callback import Callback, CallbackRegistration

__all__ = ["SERVICE_CALLS", "SERVICE_POINTERS"]


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    @property
    def device(self) -> wdm.DEVICE_OBJECT: ...

    @property
    def driver(self) -> wdm.DRIVER_OBJECT: ...

    @property
    def irp(self) -> wdm.IRP: ...

    @property
    def mutex(self) -> wdm.KMUTEX: ...

    @property
    def upper(self) -> wdm.DEVICE_OBJECT: ...

    @property
    def handle(self) -> int: ...

    @property
    def user(self) -> int: ...


def nothing(*_: object) -> int:
    return wdm.DeallocateObject


def timed(world: World) -> wdm.DEVICE_OBJECT:
    """A device with an IoTimer."""
    wdm.IoInitializeTimer(world.device, nothing, None)
    return world.device


def controller() -> wdm.CONTROLLER_OBJECT:
    made = wdm.IoCreateController(16)
    assert made is not None
    return made


def entry(world: World) -> wdm.IO_ERROR_LOG_PACKET:
    made = wdm.IoAllocateErrorLogEntry(world.device, 0x30)
    assert made is not None
    return made


def callback() -> Callback:
    made = wdm.ExCreateCallback(wdm.OBJECT_ATTRIBUTES(), True, True)[1]
    assert made is not None
    return made


def registration() -> CallbackRegistration:
    made = wdm.ExRegisterCallback(callback(), nothing, None)
    assert made is not None
    return made


def timer() -> ExTimer:
    return wdm.ExAllocateTimer(None, None, 0)


def saved() -> wdm.KFLOATING_SAVE:
    state = wdm.KFLOATING_SAVE()
    wdm.KeSaveFloatingPointState(state)
    return state


def file_of(handle: int) -> wdm.FILE_OBJECT:
    file = wdm.ObReferenceObjectByHandle(handle, 0, wdm.FILE_OBJECT, wdm.KernelMode)[1]
    assert file is not None
    return file


NAMED = r"\BaseNamedObjects\Edge"


def event_handle(name: str | None = None) -> int:
    handle = wdm.IoCreateNotificationEvent(name)[1]
    assert handle is not None
    return handle


def timer_handle(name: str | None = None) -> int:
    handle = wdm.ZwCreateTimer(wdm.TIMER_ALL_ACCESS, named() if name else None, wdm.NotificationTimer)[1]
    assert handle is not None
    return handle


def named(name: str = NAMED) -> wdm.OBJECT_ATTRIBUTES:
    made = wdm.OBJECT_ATTRIBUTES()
    wdm.InitializeObjectAttributes(made, name, 0, None, None)
    return made


SERVICE_POINTERS: dict[str, Callable[[World], object]] = {
    "PIO_WORKITEM": lambda w: wdm.IoAllocateWorkItem(w.device),
    "PCONTROLLER_OBJECT": lambda _: controller(),
    "PIO_ERROR_LOG_PACKET": entry,
    "PCALLBACK_OBJECT": lambda _: callback(),
    "PEX_TIMER": lambda _: timer(),
    "PFILE_OBJECT": lambda w: file_of(w.handle),
    "PKFLOATING_SAVE": lambda _: wdm.KFLOATING_SAVE(),
    "PPROCESSOR_NUMBER": lambda _: wdm.PROCESSOR_NUMBER(),
    "PGROUP_AFFINITY": lambda _: wdm.GROUP_AFFINITY(),
    "PETHREAD": lambda _: wdm.PsGetCurrentThread(),
    "PEPROCESS": lambda _: wdm.PsGetCurrentProcess(),
}
"""An object for each type of pointer."""
SERVICE_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "IoInitializeTimer": lambda w: (w.device, nothing, None),
    "IoStartTimer": lambda w: (timed(w),),
    "IoStopTimer": lambda w: (timed(w),),
    "IoInitializeWorkItem": lambda w: (w.device, wdm.IO_WORKITEM()),
    "IoQueueWorkItem": lambda w: (wdm.IoAllocateWorkItem(w.device), nothing, wdm.DelayedWorkQueue, None),
    "IoQueueWorkItemEx": lambda w: (wdm.IoAllocateWorkItem(w.device), nothing, wdm.DelayedWorkQueue, None),
    "IoAllocateErrorLogEntry": lambda w: (w.device, 0x30),
    "IoRegisterDriverReinitialization": lambda w: (w.driver, nothing, None),
    "IoRegisterBootDriverReinitialization": lambda w: (w.driver, nothing, None),
    "IoAllocateController": lambda w: (controller(), w.device, nothing, None),
    "IoSetTopLevelIrp": lambda _: (None,),
    "IoRaiseHardError": lambda w: (w.irp, None, w.device),
    "IoRaiseInformationalHardError": lambda _: (0, "Edge", None),
    "PsLookupThreadByThreadId": lambda _: (1,),
    "PsLookupProcessByProcessId": lambda _: (4,),
    "ZwQueryInformationFile": lambda w: (
        w.handle,
        wdm.IO_STATUS_BLOCK(),
        w.user,
        16,
        wdm.FilePositionInformation,
    ),
    "ZwSetInformationFile": lambda w: (
        w.handle,
        wdm.IO_STATUS_BLOCK(),
        w.user,
        16,
        wdm.FilePositionInformation,
    ),
    "ZwQueryVolumeInformationFile": lambda w: (
        w.handle,
        wdm.IO_STATUS_BLOCK(),
        w.user,
        16,
        wdm.FileFsDeviceInformation,
    ),
    "ObReferenceObjectByPointer": lambda w: (w.device, 0, None, wdm.KernelMode),
    "ObfReferenceObject": lambda w: (w.device,),
    "ObReferenceObjectWithTag": lambda w: (w.device, 1),
    "ObDereferenceObjectWithTag": lambda w: (wdm.ObReferenceObject(w.device) and w.device, 1),
    "ObDereferenceObjectDeferDeleteWithTag": lambda w: (wdm.ObReferenceObject(w.device) and w.device, 1),
    "ObReferenceObjectByHandleWithTag": lambda w: (w.handle, 0, None, wdm.KernelMode, 1),
    "ObReferenceObjectByPointerWithTag": lambda w: (w.device, 0, None, wdm.KernelMode, 1),
    "ObfDereferenceObject": lambda w: (wdm.ObReferenceObject(w.device) and w.device,),
    "ObDereferenceObjectDeferDelete": lambda w: (wdm.ObReferenceObject(w.device) and w.device,),
    "ObOpenObjectByPointer": lambda w: (w.device, 0, None, 0, None, wdm.KernelMode),
    "ObQueryNameString": lambda w: (w.device, w.user, 64),
    "ObGetObjectPointerCount": lambda w: (w.device,),
    "ObMakeTemporaryObject": lambda w: (w.device,),
    "ZwOpenDirectoryObject": lambda _: (0, named(r"\Device")),
    "ZwCreateSymbolicLinkObject": lambda _: (0, named(NAMED), r"\Device\Edge"),
    "ZwDuplicateObject": lambda _: (None, event_handle(), None, 0, 0, wdm.DUPLICATE_SAME_ACCESS),
    "ZwOpenThread": lambda _: (
        0,
        wdm.OBJECT_ATTRIBUTES(),
        wdm.CLIENT_ID(0, wdm.PsGetThreadId(wdm.KeGetCurrentThread())),
    ),
    "IoAttachDevice": lambda w: (w.upper, w.device.name),
    "IoAttachDeviceByPointer": lambda w: (w.upper, w.device),
    "IoTryQueueWorkItem": lambda w: (wdm.IoAllocateWorkItem(w.device), nothing, wdm.DelayedWorkQueue, None),
    "KeRestoreFloatingPointState": lambda _: (saved(),),
    "KeWaitForMutexObject": lambda w: (w.mutex, wdm.Executive, wdm.KernelMode, False, -10),
    "KeGetProcessorNumberFromIndex": lambda _: (0,),
    "ZwPulseEvent": lambda _: (event_handle(),),
    "ZwWaitForMultipleObjects": lambda _: (1, [event_handle()], wdm.WaitAny, False, -10),
    "IoSetCompletionRoutineEx": lambda w: (w.device, w.irp, nothing, None, True, True, True),
    "ZwCreateEvent": lambda _: (wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, True),
    "ZwOpenEvent": lambda _: (wdm.EVENT_ALL_ACCESS, event_handle(NAMED) and named()),
    "ZwSetEvent": lambda _: (event_handle(),),
    "ZwResetEvent": lambda _: (event_handle(),),
    "ZwClearEvent": lambda _: (event_handle(),),
    "ZwCreateTimer": lambda _: (wdm.TIMER_ALL_ACCESS, None, wdm.NotificationTimer),
    "ZwOpenTimer": lambda _: (wdm.TIMER_ALL_ACCESS, timer_handle(NAMED) and named()),
    "ZwSetTimer": lambda _: (timer_handle(), -10, nothing, None, False, 0),
    "ZwCancelTimer": lambda _: (timer_handle(),),
    "ZwWaitForSingleObject": lambda _: (event_handle(), False, -10),
    "IoCreateNotificationEvent": lambda _: (NAMED,),
    "IoCreateSynchronizationEvent": lambda _: (NAMED,),
    "ExAllocateTimer": lambda _: (nothing, None, 0),
    "ExSetTimer": lambda _: (timer(), -10, 0, None),
    "ExDeleteTimer": lambda _: (timer(), True, False, None),
    "ExCreateCallback": lambda _: (wdm.OBJECT_ATTRIBUTES(), True, True),
    "ExRegisterCallback": lambda _: (callback(), nothing, None),
    "ExUnregisterCallback": lambda _: (registration(),),
    "ExNotifyCallback": lambda _: (callback(), None, None),
}
"""The arguments of routines for which those of each parameter alone are not enough."""
