# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects by pointer: references, handles and names of an object that a driver has, links and attachments by name."""

from __future__ import annotations

import struct
from itertools import count

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import Machine
from dirql.ob.object import Object
from unit.io.making import (
    NAME,
    OPEN_AND_CLOSE,
    attributes,
    complete,
    create_file,
    make_device,
    make_driver,
)

_NUMBERS = count()


def a_device(name: str | None = NAME) -> wdm.DEVICE_OBJECT:
    driver = make_driver(OPEN_AND_CLOSE, f"made{next(_NUMBERS)}")
    return make_device(driver, name)


def an_event() -> int:
    handle = wdm.IoCreateNotificationEvent(None)[1]
    assert handle is not None
    return handle


def test_a_reference_needs_the_right_type(machine: Machine) -> None:
    device = a_device()
    before = device.references
    for kind, mode, status in (
        (wdm.DEVICE_OBJECT, wdm.UserMode, wdm.STATUS_SUCCESS),
        (None, wdm.KernelMode, wdm.STATUS_SUCCESS),
        (None, wdm.UserMode, wdm.STATUS_OBJECT_TYPE_MISMATCH),
        (wdm.FILE_OBJECT, wdm.KernelMode, wdm.STATUS_OBJECT_TYPE_MISMATCH),
    ):
        assert wdm.ObReferenceObjectByPointer(device, 0, kind, mode) == status
    assert device.references == before + 2
    assert wdm.ObfReferenceObject(device) == before + 3
    wdm.ObDereferenceObjectDeferDelete(device)
    assert [wdm.ObfDereferenceObject(device) for _ in range(2)] == [before + 1, before]


def test_the_last_reference_may_be_given_back_by_each_routine(machine: Machine) -> None:
    device = a_device(None)
    assert wdm.ObfDereferenceObject(device) == 0
    with pytest.raises(BugCheck) as caught:
        wdm.ObDereferenceObjectDeferDelete(device)
    assert caught.value.code == wdm.REFERENCE_BY_POINTER


def test_an_object_gets_a_handle(machine: Machine) -> None:
    device = a_device()
    status, handle = wdm.ObOpenObjectByPointer(
        device, wdm.OBJ_KERNEL_HANDLE, None, 3, wdm.DEVICE_OBJECT, wdm.KernelMode
    )
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    _, found, information = wdm.ObReferenceObjectByHandle(handle, 0, wdm.DEVICE_OBJECT, wdm.KernelMode)
    assert information is not None
    assert (found, information.granted_access) == (device, 3)
    assert wdm.ObIsKernelHandle(handle)
    assert not wdm.ObIsKernelHandle(an_event())
    assert wdm.ObCloseHandle(handle, wdm.KernelMode) == wdm.STATUS_SUCCESS
    assert not wdm.ObIsKernelHandle(handle)
    assert wdm.ObCloseHandle(handle, wdm.UserMode) == wdm.STATUS_INVALID_HANDLE
    mismatch = (wdm.STATUS_OBJECT_TYPE_MISMATCH, None)
    assert wdm.ObOpenObjectByPointer(device, 0, None, 0, wdm.FILE_OBJECT, wdm.KernelMode) == mismatch


def test_a_thread_can_be_waited_for_by_a_handle_of_its_number(machine: Machine) -> None:
    thread = create_thread(lambda _: None, None)
    number = wdm.PsGetThreadId(thread)
    status, handle = wdm.ZwOpenThread(wdm.SYNCHRONIZE, wdm.OBJECT_ATTRIBUTES(), wdm.CLIENT_ID(0, number))
    assert (status, handle is not None) == (wdm.STATUS_SUCCESS, True)
    assert handle is not None
    assert wdm.ZwWaitForSingleObject(handle, False, None) == wdm.STATUS_SUCCESS
    nobody = (wdm.STATUS_INVALID_CID, None)
    for process, wanted in ((0, 0x7777), (5, number), (0, number)):
        client = wdm.CLIENT_ID(process, wanted)
        assert wdm.ZwOpenThread(0, wdm.OBJECT_ATTRIBUTES(), client) == nobody, "it has ended, or never was"
    wait_for_single_object(thread)


def test_a_thread_is_opened_in_its_process(machine: Machine) -> None:
    me, program = wdm.PsGetCurrentThreadId(), wdm.PsGetCurrentProcessId()
    for process, status in ((0, 0), (program, 0), (4, wdm.STATUS_INVALID_CID)):
        client = wdm.CLIENT_ID(process, me)
        assert wdm.ZwOpenThread(0, wdm.OBJECT_ATTRIBUTES(), client)[0] == status


def read_name(address: int) -> str:
    header = wdm.RtlReadMemory(address, 16)
    length = int.from_bytes(header[:2], "little")
    buffer = int.from_bytes(header[8:], "little")
    assert int.from_bytes(header[2:4], "little") == (length + 2 if length else 0)
    return wdm.RtlReadMemory(buffer, length).decode("utf-16-le") if buffer else ""


def test_the_name_of_an_object(machine: Machine) -> None:
    device = a_device()
    _, handle = create_file(NAME + r"\Rest")
    assert handle is not None
    _, file, _ = wdm.ObReferenceObjectByHandle(handle, 0, wdm.FILE_OBJECT, wdm.KernelMode)
    assert file is not None
    block = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 256, wdm.POOL_TAG("Test"))
    assert block is not None
    event = wdm.ObReferenceObjectByHandle(an_event(), 0, None, wdm.KernelMode)[1]
    assert isinstance(event, wdm.KEVENT)
    for body, name in ((device, NAME), (file, NAME + r"\Rest"), (event, "")):
        needed = 16 + (2 * len(name) + 2 if name else 0)
        short = (wdm.STATUS_INFO_LENGTH_MISMATCH, needed)
        assert wdm.ObQueryNameString(body, block, needed - 1) == short
        assert wdm.ObQueryNameString(body, None, 256) == short
        assert wdm.ObQueryNameString(body, block, needed) == (wdm.STATUS_SUCCESS, needed)
        assert read_name(block) == name


def test_NAM_01_a_permanent_object_becomes_temporary_by_its_pointer(machine: Machine) -> None:
    path = r"\BaseNamedObjects\Edge"
    _, handle = wdm.ZwCreateDirectoryObject(0, attributes(path, wdm.OBJ_PERMANENT))
    assert handle is not None
    _, directory, _ = wdm.ObReferenceObjectByHandle(handle, 0, None, wdm.KernelMode)
    wdm.ZwClose(handle)
    status, again = wdm.ZwOpenDirectoryObject(0, attributes(path))
    assert (status, again is not None) == (wdm.STATUS_SUCCESS, True)
    assert again is not None
    assert isinstance(directory, Object)
    wdm.ObMakeTemporaryObject(directory)
    wdm.ZwClose(again)
    assert wdm.ZwOpenDirectoryObject(0, attributes(path)) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)


def test_NAM_01_a_name_without_a_handle_goes_at_once(machine: Machine) -> None:
    path = r"\BaseNamedObjects\Edge"
    _, handle = wdm.ZwCreateDirectoryObject(0, attributes(path, wdm.OBJ_PERMANENT))
    assert handle is not None
    _, directory, _ = wdm.ObReferenceObjectByHandle(handle, 0, None, wdm.KernelMode)
    wdm.ZwClose(handle)
    assert isinstance(directory, Object)
    wdm.ObMakeTemporaryObject(directory)
    assert wdm.ZwOpenDirectoryObject(0, attributes(path)) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)


def test_a_directory_is_opened_by_its_name_alone(machine: Machine) -> None:
    a_device()
    mismatch = (wdm.STATUS_OBJECT_TYPE_MISMATCH, None)
    assert wdm.ZwOpenDirectoryObject(0, attributes(NAME)) == mismatch
    status, handle = wdm.ZwOpenDirectoryObject(0, attributes(r"\DosDevices"))
    assert status == wdm.STATUS_SUCCESS
    made = wdm.OBJECT_ATTRIBUTES()
    wdm.InitializeObjectAttributes(made, "Below", 0, handle, None)
    assert wdm.ZwCreateDirectoryObject(0, made)[0] == wdm.STATUS_SUCCESS
    assert wdm.ZwOpenDirectoryObject(0, attributes(r"\??\Below"))[0] == wdm.STATUS_SUCCESS


@pytest.mark.parametrize("permanent", [0, wdm.OBJ_PERMANENT])
def test_a_link_goes_with_its_last_handle(machine: Machine, permanent: int) -> None:
    a_device()
    link = r"\DosDevices\Link"
    status, handle = wdm.ZwCreateSymbolicLinkObject(0, attributes(link, permanent), NAME)
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    assert create_file(link)[0] == wdm.STATUS_SUCCESS
    collision = (wdm.STATUS_OBJECT_NAME_COLLISION, None)
    assert wdm.ZwCreateSymbolicLinkObject(0, attributes(link), NAME) == collision
    wdm.ZwClose(handle)
    assert (create_file(link)[0] == wdm.STATUS_SUCCESS) is bool(permanent)


def test_an_unprotected_link_leads_to_a_device(machine: Machine) -> None:
    a_device()
    assert wdm.IoCreateUnprotectedSymbolicLink(r"\DosDevices\Link", NAME) == wdm.STATUS_SUCCESS
    assert create_file(r"\DosDevices\Link")[0] == wdm.STATUS_SUCCESS
    again = wdm.IoCreateUnprotectedSymbolicLink(r"\DosDevices\Link", NAME)
    assert again == wdm.STATUS_OBJECT_NAME_COLLISION


def test_a_handle_is_duplicated(machine: Machine) -> None:
    a_device()
    _, first = create_file(NAME, wdm.FILE_READ_DATA)
    assert first is not None

    def granted(handle: int | None) -> int:
        assert handle is not None
        information = wdm.ObReferenceObjectByHandle(handle, 0, None, wdm.KernelMode)[2]
        assert information is not None
        return information.granted_access

    status, second = wdm.ZwDuplicateObject(None, first, None, 0, 0, wdm.DUPLICATE_SAME_ACCESS)
    assert (status, granted(second)) == (wdm.STATUS_SUCCESS, wdm.FILE_READ_DATA)
    options = wdm.DUPLICATE_CLOSE_SOURCE
    status, third = wdm.ZwDuplicateObject(None, first, None, wdm.FILE_WRITE_DATA, wdm.OBJ_INHERIT, options)
    assert (status, granted(third)) == (wdm.STATUS_SUCCESS, wdm.FILE_WRITE_DATA)
    assert third is not None
    assert wdm.ZwClose(first) == wdm.STATUS_INVALID_HANDLE
    assert wdm.ZwDuplicateObject(None, first, None, 0, 0, 0) == (wdm.STATUS_INVALID_HANDLE, None)


class Log:
    """A driver that notes its requests."""

    def __init__(self) -> None:
        self.majors: list[int] = []
        self.driver = make_driver(dict.fromkeys(OPEN_AND_CLOSE, self.dispatch), "logged")
        self.device = make_device(self.driver, NAME)

    def dispatch(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        self.majors.append(wdm.IoGetCurrentIrpStackLocation(irp).major_function)
        return complete(irp)


def test_a_device_is_attached_by_name(machine: Machine) -> None:
    log, upper = Log(), a_device(None)
    assert wdm.IoAttachDevice(upper, NAME) == (wdm.STATUS_SUCCESS, log.device)
    assert log.majors == [wdm.IRP_MJ_CREATE], "the others go through the device on top"
    assert log.device.attached_device is upper
    assert wdm.IoAttachDevice(a_device(None), r"\Device\Nobody") == (
        wdm.STATUS_OBJECT_NAME_NOT_FOUND,
        None,
    )


def test_a_device_is_attached_by_pointer(machine: Machine) -> None:
    lower, upper = a_device(), a_device(None)
    assert wdm.IoAttachDeviceByPointer(upper, lower) == wdm.STATUS_SUCCESS
    assert lower.attached_device is upper
    _, handle = create_file(NAME)
    assert handle is not None
    _, file, _ = wdm.ObReferenceObjectByHandle(handle, 0, wdm.FILE_OBJECT, wdm.KernelMode)
    assert file is not None
    assert wdm.IoGetRelatedDeviceObject(file) is upper
    wdm.IoDetachDevice(lower)
    assert wdm.IoGetRelatedDeviceObject(file) is lower
    wdm.ObDereferenceObject(lower)
    wdm.IoDeleteDevice(lower)
    assert wdm.IoAttachDeviceByPointer(a_device(None), lower) == wdm.STATUS_NO_SUCH_DEVICE


def test_a_work_item_is_queued_once(machine: Machine) -> None:
    device, ran = a_device(), list[object]()
    item = wdm.IoAllocateWorkItem(device)
    assert item is not None

    def work(owner: object, context: object, same: object) -> None:
        ran.append((owner is device, context, same is item))

    old = wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    assert wdm.IoTryQueueWorkItem(item, work, wdm.DelayedWorkQueue, 1) is True
    assert wdm.IoTryQueueWorkItem(item, work, wdm.DelayedWorkQueue, 2) is False
    wdm.KeLowerIrql(old)
    machine.sleep(1e-5)
    assert ran == [(True, 1, True)]
    assert wdm.IoTryQueueWorkItem(item, work, wdm.DelayedWorkQueue, 3) is True


def test_a_dpc_of_a_device_may_run_in_a_thread(machine: Machine) -> None:
    device, levels = a_device(), list[int]()
    wdm.IoInitializeThreadedDpcRequest(device, lambda *_: levels.append(wdm.KeGetCurrentIrql()))
    wdm.IoRequestDpc(device, None, None)
    machine.sleep(1e-5)
    assert levels == [wdm.PASSIVE_LEVEL]


def events(*states: bool) -> list[int]:
    made = [
        wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, state)[1] for state in states
    ]
    return [handle for handle in made if handle is not None]


def test_several_objects_are_waited_for_by_their_handles(machine: Machine) -> None:
    handles = events(False, True)
    wait = wdm.ZwWaitForMultipleObjects
    assert wait(2, handles, wdm.WaitAny, False, None) == 1
    assert wait(2, handles, wdm.WaitAll, False, -100) == wdm.STATUS_TIMEOUT
    wdm.ZwSetEvent(handles[0])
    assert wait(2, handles, wdm.WaitAll, False, None) == wdm.STATUS_SUCCESS
    twice = [handles[0]] * 2
    assert wait(2, twice, wdm.WaitAny, False, None) == wdm.STATUS_SUCCESS
    assert wait(2, twice, wdm.WaitAll, False, None) == wdm.STATUS_INVALID_PARAMETER_MIX
    assert wait(2, [handles[0], 0x7777], wdm.WaitAny, False, None) == wdm.STATUS_INVALID_HANDLE
    link = wdm.ZwCreateDirectoryObject(wdm.SYNCHRONIZE, attributes(r"\Edges"))[1]
    assert link is not None
    assert wait(2, [handles[0], link], wdm.WaitAny, False, None) == wdm.STATUS_OBJECT_TYPE_MISMATCH
    for number in (0, wdm.MAXIMUM_WAIT_OBJECTS + 1):
        assert wait(number, handles, wdm.WaitAny, False, None) == wdm.STATUS_INVALID_PARAMETER_1
    with pytest.raises(ValueError, match="Handles must have Count elements, 3; it had 2"):
        wait(3, handles, wdm.WaitAny, False, None)


def test_an_event_is_pulsed_by_its_handle(machine: Machine) -> None:
    (handle,) = events(False)
    waits: list[int] = []
    thread = create_thread(lambda _: waits.append(wdm.ZwWaitForSingleObject(handle, False, None)), None)
    machine.sleep(1e-6)
    assert wdm.ZwPulseEvent(handle) == (wdm.STATUS_SUCCESS, 0)
    wait_for_single_object(thread)
    assert (waits, wdm.ZwPulseEvent(handle)) == ([wdm.STATUS_SUCCESS], (wdm.STATUS_SUCCESS, 0))
    assert wdm.ZwPulseEvent(0x7777) == (wdm.STATUS_INVALID_HANDLE, 0)


def test_the_function_of_a_control_code(machine: Machine) -> None:
    code = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x812, wdm.METHOD_NEITHER, wdm.FILE_READ_ACCESS)
    assert wdm.IoGetFunctionCodeFromCtlCode(code) == 0x812


@pytest.mark.parametrize(
    ("invited", "status", "calls"),
    [
        ((True, False, False), wdm.STATUS_SUCCESS, 1),
        ((True, False, False), wdm.STATUS_UNSUCCESSFUL, 0),
        ((False, True, False), wdm.STATUS_UNSUCCESSFUL, 1),
        ((False, True, False), wdm.STATUS_SUCCESS, 0),
    ],
)
def test_a_completion_routine_keeps_its_device(
    machine: Machine, invited: tuple[bool, bool, bool], status: int, calls: int
) -> None:
    ended: list[tuple[object, int]] = []
    kept: list[wdm.IRP] = []

    def done(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
        if irp.pending_returned:
            wdm.IoMarkIrpPending(irp)
        ended.append((context, upper.pointer_count - before))
        return wdm.STATUS_CONTINUE_COMPLETION

    def keep(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        kept.append(irp)
        return wdm.STATUS_PENDING

    def forward(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoCopyCurrentIrpStackLocationToNext(irp)
        assert wdm.IoSetCompletionRoutineEx(device, irp, done, "context", *invited) == wdm.STATUS_SUCCESS
        return wdm.IoCallDriver(lower, irp)

    lower = make_device(make_driver({wdm.IRP_MJ_WRITE: keep}, "lower"))
    upper = make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_WRITE: forward}), NAME)
    upper.stack_size = 2
    with machine.open(NAME) as handle:
        before = upper.pointer_count
        request = handle.write_overlapped(b"1")
        assert upper.pointer_count == before + 1
        complete(kept.pop(), status)
        assert (request.status, ended) == (status, [("context", 1)] * calls)
        assert upper.pointer_count == before


def test_the_facts_about_the_object_of_a_handle(machine: Machine) -> None:
    make_device(make_driver(OPEN_AND_CLOSE), NAME)
    block = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 256, wdm.POOL_TAG("Edge"))
    assert block is not None
    _, handle = create_file(NAME, wdm.FILE_READ_DATA)
    assert handle is not None
    _, second = wdm.ZwDuplicateObject(-1, handle, -1, 0, 0, wdm.DUPLICATE_SAME_ACCESS)
    assert second is not None
    basic = wdm.ObjectBasicInformation
    assert wdm.ZwQueryObject(handle, basic, block, 56) == (wdm.STATUS_SUCCESS, 56)
    attributes, access, handles, pointers = struct.unpack("<4I", wdm.RtlReadMemory(block, 16))
    assert (attributes, access, handles) == (0, wdm.FILE_READ_DATA, 2)
    assert pointers >= 2
    for length in (0, 55, 57):
        assert wdm.ZwQueryObject(handle, basic, block, length) == (wdm.STATUS_INFO_LENGTH_MISMATCH, 56)
    needed = 16 + 2 * len(NAME) + 2
    named = wdm.ZwQueryObject(handle, wdm.ObjectNameInformation, block, 256)
    assert (named, read_name(block)) == ((wdm.STATUS_SUCCESS, needed), NAME)
    assert wdm.ZwQueryObject(handle, 3, block, 256) == (wdm.STATUS_INVALID_INFO_CLASS, 0)
    wdm.ZwClose(handle)
    wdm.ZwClose(second)
    assert wdm.ZwQueryObject(handle, basic, block, 56) == (wdm.STATUS_INVALID_HANDLE, 0)
    wdm.ExFreePoolWithTag(block, wdm.POOL_TAG("Edge"))


def test_no_object_has_security(machine: Machine) -> None:
    device = make_device(make_driver(OPEN_AND_CLOSE), NAME)
    assert wdm.ObGetObjectSecurity(device) == (wdm.STATUS_SUCCESS, None, False)
    wdm.ObReleaseObjectSecurity(None, False)
    with pytest.raises(TypeError, match="an object with a reference count"):
        wdm.ObGetObjectSecurity("device")


def test_which_drivers_are_verified(machine: Machine) -> None:
    plain, strict = make_driver(OPEN_AND_CLOSE, "plain"), make_driver(OPEN_AND_CLOSE, "strict")
    for driver, flags in ((plain, None), (strict, wdm.VERIFIER_SPECIAL_POOL)):
        machine.kernel.verifier.verify(driver, flags)
    for other in machine.io.drivers.values():
        if other not in (plain, strict):
            machine.kernel.verifier.verify(other, None)
    assert (wdm.MmIsDriverVerifying(plain), wdm.MmIsDriverVerifying(strict)) == (False, True)
    assert wdm.MmIsVerifierEnabled() == (wdm.STATUS_SUCCESS, wdm.VERIFIER_SPECIAL_POOL)
    machine.kernel.verifier.verify(strict, None)
    assert wdm.MmIsVerifierEnabled() == (wdm.STATUS_NOT_SUPPORTED, 0)
