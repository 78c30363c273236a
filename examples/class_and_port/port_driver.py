# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The port driver of a pair: it knows the registers, the interrupt and the DMA of the store function, and no policy.

It does one request after the other, each once, as `port_interface` says. It has no name for programs.
"""

from __future__ import annotations

from port_interface import PORT_DEVICE_NAME, PORT_FUNCTION, PORT_REQUEST, PORT_STATUS

from dirql import wdm
from dirql.registers import store as regs
from dirql.registers.functions import Store
from dirql.registers.store_descriptor import DESCRIPTOR

HARDWARE_IDS = (Store.HARDWARE_ID,)
MAXIMUM_LENGTH = 4096
TIMEOUT = 200_000  # 100 ns units: 20 milliseconds
CAUSES = regs.INTERRUPT_CAUSE.DONE | regs.INTERRUPT_CAUSE.ERROR
ALL_ONES = 0xFFFFFFFF  # a register of a device that is not there
Resources = tuple[wdm.CM_PARTIAL_RESOURCE_DESCRIPTOR, ...]


class Extension:
    """One store device, as the port driver knows it."""

    def __init__(self) -> None:
        self.physical_device: wdm.DEVICE_OBJECT
        self.lower_device: wdm.DEVICE_OBJECT
        self.number = 0
        self.is_claimed = False
        self.registers = 0
        self.registers_length = 0
        self.device_bytes = 0
        self.interrupt: wdm.KINTERRUPT | None = None
        self.adapter: wdm.DMA_ADAPTER | None = None
        self.descriptors = 0
        self.descriptors_logical = 0
        # Guarded by the interrupt spin lock.
        self.causes = 0
        # Guarded by the lock: whoever takes the current request completes it.
        self.lock = wdm.KSPIN_LOCK()
        self.current: wdm.IRP | None = None
        self.deadline = 0
        self.taken = 0
        self.pieces: wdm.SCATTER_GATHER_LIST | None = None
        self.is_gone = False
        self.watchdog = wdm.KTIMER()
        self.watchdog_dpc = wdm.KDPC()


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    driver.driver_start_io = StartIo
    for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLEANUP, wdm.IRP_MJ_CLOSE):
        driver.major_function[major] = Succeed
    driver.major_function[wdm.IRP_MJ_INTERNAL_DEVICE_CONTROL] = InternalControl
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    driver.major_function[wdm.IRP_MJ_POWER] = PassDown
    driver.major_function[wdm.IRP_MJ_SYSTEM_CONTROL] = PassDown
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    pass  # the device objects were deleted when the devices were removed


def AddDevice(driver: wdm.DRIVER_OBJECT, physical_device: wdm.DEVICE_OBJECT) -> int:
    number, status, device = 0, wdm.STATUS_OBJECT_NAME_COLLISION, None
    while status == wdm.STATUS_OBJECT_NAME_COLLISION:
        name = f"{PORT_DEVICE_NAME}{number}"
        status, device = wdm.IoCreateDevice(driver, Extension, name, wdm.FILE_DEVICE_CONTROLLER, 0, False)
        number += 1
    if device is None:
        return status
    extension = device.device_extension
    wdm.IoInitializeDpcRequest(device, DpcForIsr)
    wdm.KeInitializeSpinLock(extension.lock)
    wdm.KeInitializeTimer(extension.watchdog)
    wdm.KeInitializeDpc(extension.watchdog_dpc, Watchdog, device)
    extension.physical_device = physical_device
    lower = wdm.IoAttachDeviceToDeviceStack(device, physical_device)
    if lower is None:
        wdm.IoDeleteDevice(device)
        return wdm.STATUS_NO_SUCH_DEVICE
    extension.lower_device = lower
    device.flags |= wdm.DO_DIRECT_IO
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return wdm.STATUS_SUCCESS


def Read(extension: Extension, offset: int) -> int:
    return wdm.READ_REGISTER_ULONG(extension.registers + offset)


def Write(extension: Extension, offset: int, value: int) -> None:
    wdm.WRITE_REGISTER_ULONG(extension.registers + offset, value)


def Complete(irp: wdm.IRP, status: int) -> int:
    irp.io_status.status = status
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def Succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def PassDown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    wdm.IoSkipCurrentIrpStackLocation(irp)
    return wdm.IoCallDriver(device.device_extension.lower_device, irp)


# Requests of the class driver.


def Request(irp: wdm.IRP) -> PORT_REQUEST:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.others.argument1
    assert isinstance(request, PORT_REQUEST)
    return request


def InternalControl(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension, request = device.device_extension, Request(irp)
    if request.function in (PORT_FUNCTION.READ, PORT_FUNCTION.WRITE):
        if irp.mdl_address is None or request.length > MAXIMUM_LENGTH:
            return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
        wdm.IoMarkIrpPending(irp)
        wdm.IoStartPacket(device, irp, None, None)
        return wdm.STATUS_PENDING
    request.status = PORT_STATUS.SUCCESS
    if request.function == PORT_FUNCTION.RELEASE:
        extension.is_claimed = False
    elif extension.is_claimed:
        request.status = PORT_STATUS.BUSY
    else:
        extension.is_claimed = True
        request.device_bytes, request.maximum_length = extension.device_bytes, MAXIMUM_LENGTH
    return Complete(irp, wdm.STATUS_SUCCESS)


def StartIo(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> None:
    """Begin with a request; DISPATCH_LEVEL."""
    extension, mdl, adapter = device.device_extension, irp.mdl_address, device.device_extension.adapter
    assert mdl is not None
    wdm.KeAcquireSpinLockAtDpcLevel(extension.lock)
    extension.current = irp
    extension.deadline = wdm.KeQueryInterruptTime() + TIMEOUT
    wdm.KeReleaseSpinLockFromDpcLevel(extension.lock)
    if extension.is_gone:
        End(device, Take(extension), PORT_STATUS.GONE)
        return
    address, is_write = wdm.MmGetMdlVirtualAddress(mdl), Request(irp).function == PORT_FUNCTION.WRITE
    status = adapter.dma_operations.get_scatter_gather_list(
        adapter, device, mdl, address, Request(irp).length, ListControl, irp, is_write
    )
    if not wdm.NT_SUCCESS(status):
        End(device, Take(extension), PORT_STATUS.HARDWARE_ERROR)


def ListControl(
    device: wdm.DEVICE_OBJECT, current_irp: wdm.IRP, pieces: wdm.SCATTER_GATHER_LIST, irp: wdm.IRP
) -> None:
    """Start the device, now that it can reach the pages of the request."""
    extension, request = device.device_extension, Request(irp)
    extension.pieces = pieces
    for number, piece in enumerate(pieces.elements):
        is_last = number == len(pieces.elements) - 1
        descriptor = DESCRIPTOR.pack(address=piece.address, length=piece.length, last=is_last)
        place = extension.descriptors + number * DESCRIPTOR.bytes
        wdm.RtlWriteMemory(place, descriptor.to_bytes(DESCRIPTOR.bytes, "little"))
    is_write = request.function == PORT_FUNCTION.WRITE
    wdm.KeSetTimer(extension.watchdog, -TIMEOUT, extension.watchdog_dpc)
    Write(extension, regs.DESCRIPTOR_BASE.offset, extension.descriptors_logical)
    Write(extension, regs.BUFFER_ADDRESS.offset, request.offset)
    Write(extension, regs.LENGTH.offset, request.length)
    Write(extension, regs.COMMAND.offset, regs.Operation.DMA_WRITE if is_write else regs.Operation.DMA_READ)


def Isr(interrupt: wdm.KINTERRUPT, device: wdm.DEVICE_OBJECT) -> bool:
    extension = device.device_extension
    causes = Read(extension, regs.INTERRUPT_CAUSE.offset)
    if not causes & CAUSES or causes == ALL_ONES:
        return False
    Write(extension, regs.INTERRUPT_CAUSE.offset, causes & CAUSES)
    extension.causes |= causes & CAUSES
    wdm.IoRequestDpc(device, None, None)
    return True


def TakeCauses(extension: Extension) -> bool:
    """Called with the interrupt's spin lock held."""
    extension.taken, extension.causes = extension.causes, 0
    return True


def DpcForIsr(dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, context: object) -> None:
    extension = device.device_extension
    wdm.KeAcquireSpinLockAtDpcLevel(extension.lock)  # causes and request are taken together
    wdm.KeSynchronizeExecution(extension.interrupt, TakeCauses, extension)
    causes, current = extension.taken, extension.current
    if causes:
        extension.current = None
    wdm.KeReleaseSpinLockFromDpcLevel(extension.lock)
    if not causes or current is None:
        return
    status = PORT_STATUS.SUCCESS
    if causes & regs.INTERRUPT_CAUSE.ERROR:
        error = Read(extension, regs.ERROR.offset)
        status = PORT_STATUS.DATA_ERROR if error & regs.ERROR.PARITY else PORT_STATUS.HARDWARE_ERROR
        Reset(extension)
    End(device, current, status)


def Watchdog(dpc: wdm.KDPC, device: wdm.DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    extension = device.device_extension
    # The timer may have expired just when its request ended; the next request has a later deadline.
    if (current := Take(extension, wdm.KeQueryInterruptTime())) is not None:
        Reset(extension)
        End(device, current, PORT_STATUS.TIMEOUT)


def Take(extension: Extension, now: int | None = None) -> wdm.IRP | None:
    """Take the current request in order to end it; None if somebody else has done so. DISPATCH_LEVEL.

    With `now`, the request is taken if its deadline has passed.
    """
    wdm.KeAcquireSpinLockAtDpcLevel(extension.lock)
    irp = extension.current if now is None or now >= extension.deadline else None
    if irp is not None:
        extension.current = None
    wdm.KeReleaseSpinLockFromDpcLevel(extension.lock)
    return irp


def End(device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, status: PORT_STATUS) -> None:
    """Complete a request that was taken, and begin with the next one. DISPATCH_LEVEL."""
    assert irp is not None
    extension, request = device.device_extension, Request(irp)
    wdm.KeCancelTimer(extension.watchdog)
    if extension.pieces is not None:
        adapter, is_write = extension.adapter, request.function == PORT_FUNCTION.WRITE
        adapter.dma_operations.put_scatter_gather_list(adapter, extension.pieces, is_write)
        extension.pieces = None
    request.status = status
    Complete(irp, wdm.STATUS_SUCCESS)
    wdm.IoStartNextPacket(device, False)


def Reset(extension: Extension) -> None:
    """Stop the device, which leaves the bus within a few clocks, and let it interrupt again."""
    Write(extension, regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
    while (status := Read(extension, regs.STATUS.offset)) & regs.STATUS.BUSY and status != ALL_ONES:
        wdm.KeStallExecutionProcessor(1)
    if extension.interrupt is not None:
        wdm.KeSynchronizeExecution(extension.interrupt, TakeCauses, extension)
    Write(extension, regs.INTERRUPT_MASK_SET.offset, CAUSES)


# Plug and Play.


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == wdm.IRP_MN_START_DEVICE:
        wdm.IoForwardIrpSynchronously(extension.lower_device, irp)
        status = irp.io_status.status
        return Complete(irp, Start(device, irp) if wdm.NT_SUCCESS(status) else status)
    if minor == wdm.IRP_MN_QUERY_STOP_DEVICE:
        return Complete(irp, wdm.STATUS_UNSUCCESSFUL)  # the driver cannot hold requests back
    if minor == wdm.IRP_MN_SURPRISE_REMOVAL:
        irql = wdm.KeRaiseIrqlToDpcLevel()
        extension.is_gone = True
        if (current := Take(extension)) is not None:
            Reset(extension)  # in case that the device is still there, and still moves data
            End(device, current, PORT_STATUS.GONE)
        wdm.KeLowerIrql(irql)
    if minor in (
        wdm.IRP_MN_SURPRISE_REMOVAL,
        wdm.IRP_MN_QUERY_REMOVE_DEVICE,
        wdm.IRP_MN_CANCEL_REMOVE_DEVICE,
    ):
        irp.io_status.status = wdm.STATUS_SUCCESS
    if minor != wdm.IRP_MN_REMOVE_DEVICE:
        return PassDown(device, irp)
    # The class driver has waited for its requests, so that none is here.
    Release(extension)
    irp.io_status.status = wdm.STATUS_SUCCESS
    status = PassDown(device, irp)
    wdm.IoDetachDevice(extension.lower_device)
    wdm.IoDeleteDevice(device)
    return status


def Start(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    resources = wdm.IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
    assert resources is not None  # the device has registers
    status = Acquire(device, resources.list[0].partial_resource_list.partial_descriptors)
    if not wdm.NT_SUCCESS(status):
        Release(device.device_extension)
    return status


def Acquire(device: wdm.DEVICE_OBJECT, resources: Resources) -> int:
    extension = device.device_extension
    memory = next(entry.u.memory for entry in resources if entry.type == wdm.CmResourceTypeMemory)
    registers = wdm.MmMapIoSpace(memory.start, memory.length, wdm.MmNonCached)
    if registers is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    extension.registers, extension.registers_length = registers, memory.length
    extension.device_bytes = 1 << regs.FEATURES.unpack(Read(extension, regs.FEATURES.offset)).buffer_log2
    description = wdm.DEVICE_DESCRIPTION(
        version=wdm.DEVICE_DESCRIPTION_VERSION,
        master=True,
        scatter_gather=True,
        dma32_bit_addresses=True,
        interface_type=wdm.PCIBus,
        maximum_length=MAXIMUM_LENGTH,
    )
    extension.adapter, _ = wdm.IoGetDmaAdapter(extension.physical_device, description)
    if extension.adapter is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    operations = extension.adapter.dma_operations
    address, logical = operations.allocate_common_buffer(extension.adapter, wdm.PAGE_SIZE, True)
    if address is None or logical is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES
    extension.descriptors, extension.descriptors_logical = address, logical
    entry = next(entry for entry in resources if entry.type == wdm.CmResourceTypeInterrupt)
    line, is_latched = entry.u.interrupt, bool(entry.flags & wdm.CM_RESOURCE_INTERRUPT_LATCHED)
    Write(extension, regs.INTERRUPT_CONTROL.offset, regs.INTERRUPT_CONTROL.LATCHED if is_latched else 0)
    mode = wdm.Latched if is_latched else wdm.LevelSensitive
    status, extension.interrupt = wdm.IoConnectInterrupt(
        Isr, device, None, line.vector, line.level, line.level, mode, True, line.affinity, False
    )
    if wdm.NT_SUCCESS(status):
        Write(extension, regs.INTERRUPT_MASK_SET.offset, CAUSES)
    return status


def Release(extension: Extension) -> None:
    """Give back what `Acquire` got."""
    if extension.interrupt is not None:
        if not extension.is_gone:
            Write(extension, regs.INTERRUPT_MASK_CLEAR.offset, CAUSES)
        wdm.IoDisconnectInterrupt(extension.interrupt)
        extension.interrupt = None
    wdm.KeFlushQueuedDpcs()
    if extension.adapter is not None:
        operations = extension.adapter.dma_operations
        if extension.descriptors:
            operations.free_common_buffer(
                extension.adapter,
                wdm.PAGE_SIZE,
                extension.descriptors_logical,
                extension.descriptors,
                True,
            )
        operations.put_dma_adapter(extension.adapter)
        extension.adapter, extension.descriptors = None, 0
    if extension.registers:
        wdm.MmUnmapIoSpace(extension.registers, extension.registers_length)
        extension.registers = 0
