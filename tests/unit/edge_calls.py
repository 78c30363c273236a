# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for every routine of the WDK in dirql, for tests that replace one of them by a wrong value.

`World` holds the objects that the routines take; `good_arguments` makes the arguments of one call. They follow from the
C types of the prototype; `SPECIAL` has those that the types cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, reduce
from importlib import import_module
from typing import Any

from dirql import wdm
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import Machine
from fakes.scripted_target import Ram, ScriptedTarget, Space
from unit.edge_library import BLOCK, LIBRARY_BY_NAME, LIBRARY_BY_TYPE, LIBRARY_SPECIAL, LibraryWorld
from unit.edge_locks import LOCK_CALLS, LOCK_POINTERS
from unit.edge_memory import MEMORY_CALLS
from unit.edge_pnp import PNP_CALLS
from unit.edge_power import POWER_CALLS
from unit.edge_processes import PROCESS_CALLS, PROCESS_POINTERS
from unit.edge_registry import REGISTRY_CALLS
from unit.edge_requests import REQUEST_CALLS
from unit.edge_services import SERVICE_CALLS, SERVICE_POINTERS
from unit.io.making import NAME, OPEN_AND_CLOSE, attributes, complete, create_file, make_device, make_driver
from wdk.routines import Routine

__all__ = ["BAR", "SPECIAL", "World", "find", "good_arguments", "map_devices"]

BAR = 0x8000_0000
PORTS = 0x1000
SERVICES = "\\Registry\\Machine\\SYSTEM\\CurrentControlSet\\Services\\"
CONFIGURATION = 1 << 11


def map_devices(target: ScriptedTarget) -> None:
    """Let a function with registers, ports and configuration space answer."""
    target.map(Space.MEMORY, BAR, wdm.PAGE_SIZE, Ram(wdm.PAGE_SIZE))
    target.map(Space.IO, PORTS, 256, Ram(256))
    target.map(Space.CONFIGURATION, CONFIGURATION, 256, Ram(256))


def find(routine: Routine) -> Callable[..., object]:
    """The Python callable behind a routine."""
    module, name = routine.python.split(":")
    found = reduce(getattr, name.split("."), import_module(f"dirql.{module}"))
    assert callable(found)
    return found


def _nothing(*_: object) -> Any:
    return 0


class World(LibraryWorld):
    """Objects of each kind, made when a call needs them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @cached_property
    def driver(self) -> wdm.DRIVER_OBJECT:
        routines = {
            **OPEN_AND_CLOSE,
            wdm.IRP_MJ_READ: _pend,
            wdm.IRP_MJ_WRITE: _succeed,
            wdm.IRP_MJ_DEVICE_CONTROL: _succeed,
            wdm.IRP_MJ_PNP: _succeed,
        }
        return make_driver(routines, driver_start_io=_nothing, driver_unload=_nothing)

    @cached_property
    def device(self) -> wdm.DEVICE_OBJECT:
        device = make_device(self.driver, NAME, wdm.DO_BUFFERED_IO)
        wdm.IoInitializeDpcRequest(device, _nothing)
        return device

    @cached_property
    def upper(self) -> wdm.DEVICE_OBJECT:
        return make_device(self.driver)

    @cached_property
    def handle(self) -> int:
        assert self.device
        status, handle = create_file(NAME, wdm.FILE_READ_DATA | wdm.FILE_WRITE_DATA)
        assert handle is not None, hex(status)
        return handle

    @cached_property
    def irp(self) -> wdm.IRP:
        """A packet of a driver, in the hands of the lower of two drivers."""
        irp = wdm.IoAllocateIrp(3, False)
        assert irp is not None
        wdm.IoSetNextIrpStackLocation(irp)
        wdm.IoSetNextIrpStackLocation(irp)
        irp.locations[1].device_object = self.device
        irp.locations[0].major_function = wdm.IRP_MJ_READ
        return irp

    @cached_property
    def user(self) -> int:
        """A buffer of the program."""
        return self.machine.hal.memory_manager.process.allocate(BLOCK).address

    @cached_property
    def registers(self) -> int:
        address = wdm.MmMapIoSpace(wdm.PHYSICAL_ADDRESS(BAR), wdm.PAGE_SIZE, wdm.MmNonCached)
        assert address is not None
        return address

    @cached_property
    def mdl(self) -> wdm.MDL:
        """Describes the nonpaged block."""
        mdl = self.raw_mdl
        wdm.MmBuildMdlForNonPagedPool(mdl)
        return mdl

    @cached_property
    def raw_mdl(self) -> wdm.MDL:
        mdl = wdm.IoAllocateMdl(self.block, BLOCK, False, False, None)
        assert mdl is not None
        return mdl

    @cached_property
    def target_mdl(self) -> wdm.MDL:
        mdl = wdm.IoAllocateMdl(self.block, BLOCK, False, False, None)
        assert mdl is not None
        return mdl

    @cached_property
    def locked_mdl(self) -> wdm.MDL:
        mdl = wdm.IoAllocateMdl(self.user, BLOCK, False, False, None)
        assert mdl is not None
        wdm.MmProbeAndLockPages(mdl, wdm.UserMode, wdm.IoWriteAccess)
        return mdl

    @cached_property
    def mapped_address(self) -> int:
        address = wdm.MmGetSystemAddressForMdlSafe(self.locked_mdl, wdm.NormalPagePriority)
        assert address is not None
        return address

    @cached_property
    def description(self) -> wdm.DEVICE_DESCRIPTION:
        return wdm.DEVICE_DESCRIPTION(
            version=wdm.DEVICE_DESCRIPTION_VERSION,
            master=True,
            scatter_gather=True,
            dma32_bit_addresses=True,
            interface_type=wdm.PCIBus,
            maximum_length=1 << 16,
        )

    @cached_property
    def adapter(self) -> wdm.DMA_ADAPTER:
        self.device.current_irp = self.irp
        adapter, _ = wdm.IoGetDmaAdapter(self.device, self.description)
        assert adapter is not None
        return adapter

    @cached_property
    def common_buffer(self) -> tuple[int, int]:
        address, logical = self.adapter.dma_operations.allocate_common_buffer(self.adapter, 64, True)
        assert address is not None
        return address, logical

    @cached_property
    def list(self) -> object:
        """A scatter/gather list of the adapter."""
        got: list[object] = []
        adapter = self.adapter
        old = wdm.KeRaiseIrqlToDpcLevel()
        adapter.dma_operations.get_scatter_gather_list(
            adapter,
            self.device,
            self.mdl,
            self.block,
            64,
            lambda _d, _i, found, _c: got.append(found),
            None,
            True,
        )
        wdm.KeLowerIrql(old)
        return got[0]

    def _channel(self, action: int) -> object:
        got: list[object] = []

        def control(_device: object, _irp: object, base: object, _context: object) -> int:
            got.append(base)
            return action

        adapter = self.adapter
        old = wdm.KeRaiseIrqlToDpcLevel()
        adapter.dma_operations.allocate_adapter_channel(adapter, self.device, 1, control, None)
        wdm.KeLowerIrql(old)
        return got[0]

    @cached_property
    def map_registers(self) -> object:
        return self._channel(wdm.DeallocateObjectKeepRegisters)

    @cached_property
    def channel(self) -> object:
        return self._channel(wdm.KeepObject)

    @cached_property
    def event(self) -> wdm.KEVENT:
        event = wdm.KEVENT()
        wdm.KeInitializeEvent(event, wdm.NotificationEvent, True)
        return event

    @cached_property
    def semaphore(self) -> wdm.KSEMAPHORE:
        semaphore = wdm.KSEMAPHORE()
        wdm.KeInitializeSemaphore(semaphore, 1, 4)
        return semaphore

    @cached_property
    def kernel_queue(self) -> wdm.KQUEUE:
        queue = wdm.KQUEUE()
        wdm.KeInitializeQueue(queue, 1)
        wdm.KeInsertQueue(queue, wdm.LIST_ENTRY())
        return queue

    @cached_property
    def mutex(self) -> wdm.KMUTEX:
        mutex = wdm.KMUTEX()
        wdm.KeInitializeMutex(mutex, 0)
        wait_for_single_object(mutex)
        return mutex

    @cached_property
    def timer(self) -> wdm.KTIMER:
        timer = wdm.KTIMER()
        wdm.KeInitializeTimer(timer)
        return timer

    @cached_property
    def dpc(self) -> wdm.KDPC:
        dpc = wdm.KDPC()
        wdm.KeInitializeDpc(dpc, _nothing, None)
        return dpc

    @cached_property
    def lock(self) -> wdm.KSPIN_LOCK:
        lock = wdm.KSPIN_LOCK()
        wdm.KeInitializeSpinLock(lock)
        return lock

    @cached_property
    def queue(self) -> wdm.KDEVICE_QUEUE:
        queue = wdm.KDEVICE_QUEUE()
        wdm.KeInitializeDeviceQueue(queue)
        old = wdm.KeRaiseIrqlToDpcLevel()
        wdm.KeInsertDeviceQueue(queue, wdm.KDEVICE_QUEUE_ENTRY())
        wdm.KeInsertDeviceQueue(queue, self.queued_entry)
        wdm.KeLowerIrql(old)
        return queue

    @cached_property
    def queued_entry(self) -> wdm.KDEVICE_QUEUE_ENTRY:
        return wdm.KDEVICE_QUEUE_ENTRY()

    @cached_property
    def remove_lock(self) -> wdm.IO_REMOVE_LOCK:
        lock = wdm.IO_REMOVE_LOCK()
        wdm.IoInitializeRemoveLock(lock, "Edge", 0, 0)
        wdm.IoAcquireRemoveLock(lock, None)
        return lock

    @cached_property
    def csq(self) -> wdm.IO_CSQ:
        waiting: list[wdm.IRP] = []
        csq = wdm.IO_CSQ()
        wdm.IoCsqInitialize(
            csq,
            lambda _q, irp: waiting.append(irp),
            lambda _q, irp: waiting.remove(irp),
            lambda _q, irp, _c: waiting[0] if irp is None and waiting else None,
            lambda _q: 0,
            _nothing,
            _nothing,
        )
        return csq

    @cached_property
    def csq_ex(self) -> wdm.IO_CSQ:
        csq = wdm.IO_CSQ()
        wdm.IoCsqInitializeEx(csq, _nothing, _nothing, lambda *_: None, lambda _q: 0, _nothing, _nothing)
        return csq

    @cached_property
    def context(self) -> wdm.IO_CSQ_IRP_CONTEXT:
        context = wdm.IO_CSQ_IRP_CONTEXT()
        wdm.IoCsqInsertIrp(self.csq, self.irp, context)
        return context

    @cached_property
    def interrupt(self) -> wdm.KINTERRUPT:
        status, interrupt = wdm.IoConnectInterrupt(*self.connection)
        assert interrupt is not None, hex(status)
        return interrupt

    @property
    def connection(self) -> tuple[Any, ...]:
        vector = self.machine.hal.interrupts.description.vectors[4]
        return (
            _no_interrupt,
            None,
            None,
            vector,
            vector >> 4,
            vector >> 4,
            wdm.LevelSensitive,
            True,
            1,
            False,
        )

    @cached_property
    def link(self) -> int:
        wdm.IoCreateSymbolicLink(r"\DosDevices\Edge", NAME)
        status, handle = wdm.ZwOpenSymbolicLinkObject(0, attributes(r"\DosDevices\Edge"))
        assert handle is not None, hex(status)
        return handle


def _pend(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return complete(irp)


def _succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return complete(irp)


def _no_interrupt(*_: object) -> bool:
    return False


BY_TYPE: dict[str, Callable[[World], object]] = {
    **LIBRARY_BY_TYPE,
    "PDMA_ADAPTER": lambda w: w.adapter,
    "PDEVICE_OBJECT": lambda w: w.device,
    **SERVICE_POINTERS,
    **PROCESS_POINTERS,
    "PDRIVER_OBJECT": lambda w: w.driver,
    "PDEVICE_DESCRIPTION": lambda w: w.description,
    "PIRP": lambda w: w.irp,
    "PMDL": lambda w: w.mdl,
    "PKDPC": lambda w: w.dpc,
    "PRKDPC": lambda w: w.dpc,
    **LOCK_POINTERS,
    "PKEVENT": lambda w: w.event,
    "PRKEVENT": lambda w: w.event,
    "PRKMUTEX": lambda w: w.mutex,
    "PRKSEMAPHORE": lambda w: w.semaphore,
    "PRKQUEUE": lambda w: w.kernel_queue,
    "PKTIMER": lambda w: w.timer,
    "PKSPIN_LOCK": lambda w: w.lock,
    "PKINTERRUPT": lambda w: w.interrupt,
    "PKTHREAD": lambda _: wdm.KeGetCurrentThread(),
    "PKDEVICE_QUEUE": lambda w: w.queue,
    "PKDEVICE_QUEUE_ENTRY": lambda _: wdm.KDEVICE_QUEUE_ENTRY(),
    "PIO_CSQ": lambda w: w.csq,
    "PIO_CSQ_IRP_CONTEXT": lambda _: None,
    "PIO_REMOVE_LOCK": lambda w: w.remove_lock,
    "PIO_STATUS_BLOCK": lambda _: wdm.IO_STATUS_BLOCK(),
    "POBJECT_ATTRIBUTES": lambda w: attributes(w.device.name),
    "PSCATTER_GATHER_LIST": lambda w: w.list,
    "PHYSICAL_ADDRESS": lambda _: wdm.PHYSICAL_ADDRESS(BAR),
    "PUNICODE_STRING": lambda _: r"\Device\Edge",
    "PCSTR": lambda _: "Edge",
    "HANDLE": lambda w: w.handle,
    "LARGE_INTEGER": lambda _: -10,
    "PLARGE_INTEGER": lambda _: 0,
    "SIZE_T": lambda _: 16,
    "const VOID *": lambda w: w.other_block,
    "VOID *": lambda w: w.block,
    "PVOID": lambda w: w.block,
    "PUCHAR": lambda w: w.block,
    "PUSHORT": lambda w: w.block,
    "PULONG": lambda w: w.block,
    "volatile UCHAR *": lambda w: w.registers,
    "volatile USHORT *": lambda w: w.registers,
    "volatile ULONG *": lambda w: w.registers,
    "const volatile VOID *": lambda w: w.user,
    "volatile VOID *": lambda w: w.user,
    "PVOID *": lambda w: [w.event],
    "PKWAIT_BLOCK": lambda _: None,
    "POBJECT_TYPE": lambda _: None,
    "PIO_CONNECT_INTERRUPT_PARAMETERS": lambda w: wdm.IO_CONNECT_INTERRUPT_PARAMETERS(
        wdm.CONNECT_FULLY_SPECIFIED,
        wdm.IO_CONNECT_INTERRUPT_FULLY_SPECIFIED_PARAMETERS(
            w.device,
            _no_interrupt,
            None,
            vector=w.connection[3],
            irql=w.connection[4],
            synchronize_irql=w.connection[4],
            interrupt_mode=wdm.LevelSensitive,
            processor_enable_mask=1,
            share_vector=True,
        ),
    ),
    "PIO_DISCONNECT_INTERRUPT_PARAMETERS": lambda w: wdm.IO_DISCONNECT_INTERRUPT_PARAMETERS(
        wdm.CONNECT_FULLY_SPECIFIED, w.interrupt
    ),
}
ROUTINE_TYPES = (
    "PCREATE_PROCESS_NOTIFY_ROUTINE",
    "PCREATE_THREAD_NOTIFY_ROUTINE",
    "PLOAD_IMAGE_NOTIFY_ROUTINE",
    "PRTL_RUN_ONCE_INIT_FN",
    "PDRIVER_CANCEL",
    "PDRIVER_CONTROL",
    "PDRIVER_LIST_CONTROL",
    "PEXPAND_STACK_CALLOUT",
    "PIO_COMPLETION_ROUTINE",
    "PIO_CSQ_",
    "PIO_DPC_ROUTINE",
    "PKDEFERRED_ROUTINE",
    "PKSERVICE_ROUTINE",
    "PKSTART_ROUTINE",
    "PKSYNCHRONIZE_ROUTINE",
)
BY_NAME: dict[str, Callable[[World], object]] = {
    **LIBRARY_BY_NAME,
    "ApcRoutine": lambda _: None,
    "ApcContext": lambda _: None,
    "EaBuffer": lambda _: None,
    "Event": lambda w: w.event,
    "ExecutionRoutine": lambda _: _keep,
    "SystemArgument1": lambda _: None,
    "SystemArgument2": lambda _: None,
    "Tag": lambda _: None,
    "Port": lambda _: PORTS,
    "Slot": lambda _: 1,
    "SlotNumber": lambda _: 1,
    "StackSize": lambda _: 2,
    "DeviceExtensionSize": lambda _: 16,
    "Alignment": lambda _: 4,
    "AllocationSize": lambda _: None,
    "Irp": lambda w: w.irp,
    "ProcessHandle": lambda _: None,
    "RootDirectory": lambda _: None,
    "SourceDevice": lambda w: w.upper,
    "Key": lambda _: 0,
    "DriverServiceName": lambda w: SERVICES + w.driver.driver_extension.service_key_name,
    "BusDataType": lambda _: wdm.PCIConfiguration,
    "Priority": lambda _: 8,
    "MicroSeconds": lambda _: 1,
    "Length": lambda _: 64,
    "Count": lambda _: 1,
    "InputBuffer": lambda w: w.user,
    "OutputBuffer": lambda w: w.user,
    "InputBufferLength": lambda _: 16,
    "OutputBufferLength": lambda _: 16,
    "CreateDisposition": lambda _: wdm.FILE_OPEN,
}


def _keep(*_: object) -> int:
    return wdm.DeallocateObject


Special = Callable[[World], tuple[object, ...]]
ATTRIBUTES = r"\Edge"
SPECIAL: dict[str, Special] = {
    **LIBRARY_SPECIAL,
    "RtlWriteMemory": lambda w: (w.block, b"data"),
    "FreeCommonBuffer": lambda w: (w.adapter, 64, w.common_buffer[1], w.common_buffer[0], True),
    "FreeAdapterChannel": lambda w: (w.channel and w.adapter,),
    "FreeMapRegisters": lambda w: (w.adapter, w.map_registers, 1),
    "MapTransfer": lambda w: (w.adapter, w.mdl, w.map_registers, w.block, 64, True),
    "FlushAdapterBuffers": lambda w: (w.adapter, w.mdl, w.map_registers, w.block, 64, True),
    "ExAllocatePool2": lambda _: (wdm.POOL_FLAG_NON_PAGED, 16, wdm.POOL_TAG("Edge")),
    "ExAllocatePoolWithTag": lambda _: (wdm.NonPagedPoolNx, 16, wdm.POOL_TAG("Edge")),
    "ExFreePoolWithTag": lambda w: (w.block, wdm.POOL_TAG("Edge")),
    "ExRaiseStatus": lambda _: (wdm.STATUS_UNSUCCESSFUL,),
    "HalSetBusDataByOffset": lambda _: (wdm.PCIConfiguration, 0, 1, b"\0\0\0\0", 0x40, 4),
    "HalGetBusDataByOffset": lambda _: (wdm.PCIConfiguration, 0, 1, 0x40, 4),
    "IoDetachDevice": lambda w: (wdm.IoAttachDeviceToDeviceStack(w.upper, w.device),),
    "IoConnectInterrupt": lambda w: w.connection,
    "KeInitializeTimerEx": lambda _: (wdm.KTIMER(), wdm.NotificationTimer),
    "KeInitializeSemaphore": lambda _: (wdm.KSEMAPHORE(), 1, 4),
    "KeRemoveQueue": lambda w: (w.kernel_queue, wdm.KernelMode, 0),
    "KeReleaseSemaphore": lambda w: (w.semaphore, 0, 1, False),
    "KeRemoveEntryDeviceQueue": lambda w: (w.queue, w.queued_entry),
    "KeRaiseIrql": lambda _: (wdm.DISPATCH_LEVEL,),
    "KeWaitForSingleObject": lambda w: (w.event, wdm.Executive, wdm.KernelMode, False, -10),
    "KeWaitForMultipleObjects": lambda w: (
        1,
        [w.event],
        wdm.WaitAny,
        wdm.Executive,
        wdm.KernelMode,
        False,
        -10,
        None,
    ),
    "KeDelayExecutionThread": lambda _: (wdm.KernelMode, False, -10),
    **LOCK_CALLS,
    **REQUEST_CALLS,
    **SERVICE_CALLS,
    **REGISTRY_CALLS,
    **POWER_CALLS,
    **MEMORY_CALLS,
    **PNP_CALLS,
    **PROCESS_CALLS,
    "KeReleaseSpinLock": lambda w: (held(w), 0),
    "KeReleaseSpinLockFromDpcLevel": lambda w: (held(w),),
    "KeReleaseSpinLockForDpc": lambda w: (held(w), 0),
    "IoReleaseCancelSpinLock": lambda _: (wdm.IoAcquireCancelSpinLock(),),
    "KeReleaseInterruptSpinLock": lambda w: (w.interrupt, wdm.KeAcquireInterruptSpinLock(w.interrupt)),
    "KeLowerIrql": lambda _: (wdm.KeRaiseIrqlToDpcLevel(),),
    "PsTerminateSystemThread": lambda _: (0,),
    "MmBuildMdlForNonPagedPool": lambda w: (w.raw_mdl,),
    "MmProbeAndLockPages": lambda w: (w.raw_mdl, wdm.KernelMode, wdm.IoReadAccess),
    "MmUnlockPages": lambda w: (w.locked_mdl,),
    "MmUnmapLockedPages": lambda w: (w.mapped_address, w.locked_mdl),
    "MmUnmapIoSpace": lambda w: (w.registers, wdm.PAGE_SIZE),
    "IoBuildPartialMdl": lambda w: (w.mdl, w.target_mdl, w.block, 16),
    "ObReferenceObject": lambda w: (w.device,),
    "ObGetObjectSecurity": lambda w: (w.device,),
    "ObDereferenceObject": lambda w: (wdm.ObReferenceObject(w.device) and w.device,),
    "ObReferenceObjectByHandle": lambda w: (w.handle, 0, None, wdm.KernelMode),
    "ZwCreateDirectoryObject": lambda _: (0, attributes(r"\Edges")),
    "ZwOpenSymbolicLinkObject": lambda w: (0, attributes(r"\DosDevices\Edge" if w.link else "")),
    "ZwQuerySymbolicLinkObject": lambda w: (w.link, wdm.UNICODE_STRING()),
    "RtlCopyMemory": lambda w: (w.block, w.other_block, 16),
    "RtlMoveMemory": lambda w: (w.block, w.other_block, 16),
    "RtlCompareMemory": lambda w: (w.block, w.other_block, 16),
    "KeSynchronizeExecution": lambda w: (w.interrupt, lambda _: True, None),
    "MmMapIoSpace": lambda _: (wdm.PHYSICAL_ADDRESS(BAR), wdm.PAGE_SIZE, wdm.MmNonCached),
    "ADDRESS_AND_SIZE_TO_SPAN_PAGES": lambda w: (w.block, 16),
}


def held(world: World) -> wdm.KSPIN_LOCK:
    """A spin lock that the processor holds."""
    wdm.KeAcquireSpinLock(world.lock)
    return world.lock


def good_arguments(routine: Routine, world: World) -> list[object]:
    """The arguments of a call that is right."""
    if routine.name in SPECIAL:
        return list(SPECIAL[routine.name](world))
    return [_good(each.name, each.type, each.direction, world) for each in routine.arguments]


def _good(name: str, type_name: str, direction: str, world: World) -> object:
    if type_name == "PUNICODE_STRING" and direction != "in":
        return world.string
    if name in BY_NAME and not (name == "Irp" and type_name != "PIRP"):
        return BY_NAME[name](world)
    if type_name in BY_TYPE:
        return BY_TYPE[type_name](world)
    if type_name.startswith(ROUTINE_TYPES):
        return _nothing
    return 0
