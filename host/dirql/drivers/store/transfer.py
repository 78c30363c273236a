# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""From StartIo to completion: how a request reaches the device, moves its data and ends.

One request at a time owns the device (`extension.request`). Whoever ends it, be it the DPC, the poll, the watchdog
or a cancel, first takes it with `claim_request`; only one of them gets it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dirql.drivers.store.interface import TransferMode
from dirql.registers import store as regs
from dirql.wdm import (
    CONTAINING_RECORD,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_WRITE,
    NT_SUCCESS,
    READ_PORT_BUFFER_ULONG,
    READ_REGISTER_ULONG,
    STATUS_ADAPTER_HARDWARE_ERROR,
    STATUS_CANCELLED,
    STATUS_DEVICE_DATA_ERROR,
    STATUS_DEVICE_NOT_CONNECTED,
    STATUS_DEVICE_PROTOCOL_ERROR,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_IO_TIMEOUT,
    STATUS_SUCCESS,
    WRITE_PORT_BUFFER_ULONG,
    WRITE_REGISTER_ULONG,
    IoAcquireCancelSpinLock,
    IoCancelIrp,
    IoCompleteRequest,
    IoGetCurrentIrpStackLocation,
    IoReleaseCancelSpinLock,
    IoReleaseRemoveLock,
    IoSetCancelRoutine,
    IoStartNextPacket,
    KeAcquireSpinLock,
    KeAcquireSpinLockAtDpcLevel,
    KeCancelTimer,
    KeInsertQueueDpc,
    KeQueryPerformanceCounter,
    KeReleaseSpinLock,
    KeReleaseSpinLockFromDpcLevel,
    KeSetTimer,
    KeStallExecutionProcessor,
    MmGetMdlVirtualAddress,
    MmGetSystemAddressForMdlSafe,
    NormalPagePriority,
    RtlCopyMemory,
    RtlWriteMemory,
)

if TYPE_CHECKING:
    from dirql.drivers.store.extension import StoreExtension
    from dirql.wdm import (
        DEVICE_OBJECT,
        FILE_OBJECT,
        IO_STACK_LOCATION,
        KDPC,
        SCATTER_GATHER_LIST,
    )

__all__ = [
    "CAUSES",
    "StoreCancelCurrentOf",
    "StorePollDpc",
    "StoreStartIo",
    "StoreTimeout",
    "finish",
    "finish_current",
    "finish_with_error",
    "move_fifo",
    "queued_requests",
    "request_range",
    "reset_device",
]

ALL_ONES = 0xFFFFFFFF
"""What a read returns when no device answers."""
CAUSES = (
    regs.INTERRUPT_CAUSE.DONE
    | regs.INTERRUPT_CAUSE.FIFO
    | regs.INTERRUPT_CAUSE.ERROR
    | regs.INTERRUPT_CAUSE.ABORTED
    | regs.INTERRUPT_CAUSE.RAISED
)
POLL_STALL_MICROSECONDS = 1
POLL_SLICE_MICROSECONDS = 50
"""A DPC that polls gives way after this long; the guideline for a whole DPC is 100."""
POLL_PERIOD_100NS = 200
RESET_POLLS = 1000
"""A reset is quiet long before so many looks at the status."""

_DESCRIPTOR = struct.Struct("<IIII")
_DESCRIPTOR_LAST = 1

# What the driver reports for each error of the device, the gravest first.
_ERROR_STATUS = (
    (
        regs.ERROR.MASTER_ABORT | regs.ERROR.TARGET_ABORT | regs.ERROR.BUS_MASTER_DISABLED,
        STATUS_ADAPTER_HARDWARE_ERROR,
    ),
    (regs.ERROR.PARITY | regs.ERROR.FIFO_OVERRUN, STATUS_DEVICE_DATA_ERROR),
    (ALL_ONES, STATUS_DEVICE_PROTOCOL_ERROR),
)


def request_range(stack: IO_STACK_LOCATION) -> tuple[int, int]:
    """(length, byte offset) of a read or a write."""
    if stack.major_function == IRP_MJ_WRITE:
        return stack.parameters.write.length, stack.parameters.write.byte_offset
    return stack.parameters.read.length, stack.parameters.read.byte_offset


def queued_requests(device: DEVICE_OBJECT) -> list[IRP]:
    """The requests that wait for their turn; with the cancel spin lock held, so that none leaves meanwhile."""
    return [CONTAINING_RECORD(entry, IRP, "tail_overlay") for entry in device.device_queue.entries]


# Start.


def StoreStartIo(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Give the device to `irp`, at DISPATCH_LEVEL."""
    extension = device.device_extension
    old_irql = IoAcquireCancelSpinLock()
    if irp.cancel:
        IoSetCancelRoutine(irp, None)
        IoReleaseCancelSpinLock(old_irql)
        finish(device, irp, STATUS_CANCELLED, 0)
        IoStartNextPacket(device, True)
        return
    IoSetCancelRoutine(irp, StoreCancelCurrent)
    extension.request = irp
    extension.moved = 0
    extension.device_done = False
    extension.requests += 1
    IoReleaseCancelSpinLock(old_irql)
    KeSetTimer(extension.watchdog, -10 * extension.timing.timeout_microseconds, extension.watchdog_dpc)
    _begin(device, extension, irp)


def _begin(device: DEVICE_OBJECT, extension: StoreExtension, irp: IRP) -> None:
    stack = IoGetCurrentIrpStackLocation(irp)
    if stack.major_function == IRP_MJ_DEVICE_CONTROL:
        extension.length = 0
        _command(extension, regs.Operation.RAISE, CAUSES)
        return
    extension.length, offset = request_range(stack)
    extension.writing = stack.major_function == IRP_MJ_WRITE
    if extension.mode is TransferMode.DMA:
        _begin_dma(device, extension, irp)
        return
    mdl = irp.mdl_address
    address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) if mdl is not None else None
    if address is None:
        finish_current(device, STATUS_INSUFFICIENT_RESOURCES, 0)
        return
    extension.buffer = address
    operation = regs.Operation.FIFO_WRITE if extension.writing else regs.Operation.FIFO_READ
    _place(extension, offset)
    if extension.mode is TransferMode.INTERRUPT:
        _command(extension, operation, CAUSES)
        return
    _command(extension, operation, 0)
    if extension.mode is TransferMode.POLLED:
        KeInsertQueueDpc(extension.poll_dpc, None, None)
    else:
        KeSetTimer(extension.poll_timer, -POLL_PERIOD_100NS, extension.poll_dpc)


def _place(extension: StoreExtension, offset: int) -> None:
    """Tell the device where in its memory the request is."""
    WRITE_REGISTER_ULONG(extension.registers + regs.BUFFER_ADDRESS.offset, offset)
    WRITE_REGISTER_ULONG(extension.registers + regs.LENGTH.offset, extension.length)


def _command(extension: StoreExtension, operation: int, causes: int) -> None:
    """Program the device and ring its doorbell, with exactly `causes` enabled to interrupt."""
    registers = extension.registers
    unwanted = extension.enabled_causes & ~causes
    wanted = causes & ~extension.enabled_causes
    if unwanted:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_CLEAR.offset, unwanted)
    if wanted:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset, CAUSES)  # of earlier, polled requests
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_SET.offset, wanted)
    extension.enabled_causes = causes
    if extension.timing.access_clocks != extension.device_delay:
        extension.device_delay = extension.timing.access_clocks
        WRITE_REGISTER_ULONG(registers + regs.DELAY.offset, extension.device_delay)
    WRITE_REGISTER_ULONG(registers + regs.COMMAND.offset, operation)


# DMA.


def _begin_dma(device: DEVICE_OBJECT, extension: StoreExtension, irp: IRP) -> None:
    adapter = extension.dma_adapter
    mdl = irp.mdl_address
    assert mdl is not None  # DO_DIRECT_IO
    status = adapter.dma_operations.get_scatter_gather_list(
        adapter,
        device,
        mdl,
        MmGetMdlVirtualAddress(mdl),
        extension.length,
        StoreStartDma,
        irp,
        extension.writing,
    )
    if not NT_SUCCESS(status):
        finish_current(device, status, 0)


def StoreStartDma(
    device: DEVICE_OBJECT, irp: IRP, scatter_gather: SCATTER_GATHER_LIST, context: object
) -> None:
    """AdapterListControl: write the device's descriptor list and start it."""
    del context
    extension = device.device_extension
    extension.scatter_gather = scatter_gather
    elements = scatter_gather.elements
    last = len(elements) - 1
    descriptors = b"".join(
        _DESCRIPTOR.pack(
            element.address & ALL_ONES,
            element.address >> 32,
            element.length,
            _DESCRIPTOR_LAST if index == last else 0,
        )
        for index, element in enumerate(elements)
    )
    RtlWriteMemory(extension.descriptors, descriptors)
    _, offset = request_range(IoGetCurrentIrpStackLocation(irp))
    WRITE_REGISTER_ULONG(extension.registers + regs.DESCRIPTOR_BASE.offset, extension.descriptors_logical)
    operation = regs.Operation.DMA_WRITE if extension.writing else regs.Operation.DMA_READ
    _place(extension, offset)
    _command(extension, operation, CAUSES)


# Programmed I/O.


def move_fifo(extension: StoreExtension, status: int) -> None:
    """Move what the FIFO, whose state is `status`, takes or gives now."""
    level = (status & regs.STATUS.FIFO_LEVEL) >> regs.STATUS.FIFO_LEVEL_SHIFT
    available = 4 * (extension.fifo_dwords - level if extension.writing else level)
    count = min(available, extension.length - extension.moved)
    if count <= 0:
        return
    address = extension.buffer + extension.moved
    dwords, tail = divmod(count, 4)
    if extension.writing:
        if dwords:
            WRITE_PORT_BUFFER_ULONG(extension.fifo_port, address, dwords)
        if tail:
            RtlCopyMemory(extension.fifo_tail, address + 4 * dwords, tail)
            WRITE_PORT_BUFFER_ULONG(extension.fifo_port, extension.fifo_tail, 1)
    else:
        if dwords:
            READ_PORT_BUFFER_ULONG(extension.fifo_port, address, dwords)
        if tail:
            READ_PORT_BUFFER_ULONG(extension.fifo_port, extension.fifo_tail, 1)
            RtlCopyMemory(address + 4 * dwords, extension.fifo_tail, tail)
    extension.moved += count


def StorePollDpc(dpc: KDPC, device: DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """Look at the device without interrupts: for a slice of time, or once for each tick of the poll timer."""
    del argument1, argument2
    extension = device.device_extension
    start, frequency = KeQueryPerformanceCounter()
    slice_ticks = POLL_SLICE_MICROSECONDS * frequency // 1_000_000
    while not _poll(device, extension):
        if extension.mode is not TransferMode.POLLED:
            KeSetTimer(extension.poll_timer, -POLL_PERIOD_100NS, extension.poll_dpc)
            return
        if KeQueryPerformanceCounter()[0] - start > slice_ticks:
            KeInsertQueueDpc(dpc, None, None)
            return
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS)


def _poll(device: DEVICE_OBJECT, extension: StoreExtension) -> bool:
    """One look; true when there is nothing more to poll for."""
    irp = extension.request
    if irp is None:
        return True
    if irp.cancel:
        reset_device(extension)
        finish_current(device, STATUS_CANCELLED, extension.moved)
        return True
    status = READ_REGISTER_ULONG(extension.registers + regs.STATUS.offset)
    if status == ALL_ONES:
        finish_current(device, STATUS_DEVICE_NOT_CONNECTED, extension.moved)
        return True
    if status & regs.STATUS.ERROR:
        finish_with_error(device, extension)
        return True
    move_fifo(extension, status)
    if status & regs.STATUS.BUSY or extension.moved < extension.length:
        return False
    finish_current(device, STATUS_SUCCESS, extension.length)
    return True


# End.


def claim_request(extension: StoreExtension) -> IRP | None:
    """Take the request that owns the device, to end it; None if somebody else has it. At DISPATCH_LEVEL."""
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    irp, extension.request = extension.request, None
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    return irp


def finish_current(device: DEVICE_OBJECT, status: int, information: int) -> None:
    """End the request that owns the device, if nobody has yet, and start the next. At DISPATCH_LEVEL."""
    extension = device.device_extension
    irp = claim_request(extension)
    if irp is None:
        return
    KeCancelTimer(extension.watchdog)
    if extension.mode is TransferMode.TIMER_POLLED:
        KeCancelTimer(extension.poll_timer)
    old_irql = IoAcquireCancelSpinLock()
    IoSetCancelRoutine(irp, None)
    IoReleaseCancelSpinLock(old_irql)
    if extension.scatter_gather is not None:
        adapter = extension.dma_adapter
        adapter.dma_operations.put_scatter_gather_list(adapter, extension.scatter_gather, extension.writing)
        extension.scatter_gather = None
    finish(device, irp, status, information)
    IoStartNextPacket(device, True)


def finish(device: DEVICE_OBJECT, irp: IRP, status: int, information: int) -> None:
    """Complete a request that holds the remove lock."""
    irp.io_status.status = status
    irp.io_status.information = information
    IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)


def finish_with_error(device: DEVICE_OBJECT, extension: StoreExtension) -> None:
    """The device reports an error: say which, with what was moved before it, and leave the device fit for the next."""
    error = READ_REGISTER_ULONG(extension.registers + regs.ERROR.offset)
    moved = READ_REGISTER_ULONG(extension.registers + regs.TRANSFERRED.offset)
    status = next(status for mask, status in _ERROR_STATUS if error & mask or mask == ALL_ONES)
    extension.errors += 1
    reset_device(extension)
    finish_current(device, status, min(moved, extension.length))


def reset_device(extension: StoreExtension) -> None:
    """Stop whatever the device does and wait until it is quiet; its registers are as after power-on, then set anew."""
    registers = extension.registers
    WRITE_REGISTER_ULONG(registers + regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
    for _ in range(RESET_POLLS):
        if not READ_REGISTER_ULONG(registers + regs.STATUS.offset) & regs.STATUS.BUSY:
            break
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS)
    extension.enabled_causes = 0
    extension.device_delay = 0
    WRITE_REGISTER_ULONG(registers + regs.FIFO_THRESHOLD.offset, extension.fifo_dwords // 2)
    WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CONTROL.offset, extension.interrupt_control)


def StoreTimeout(dpc: KDPC, device: DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """The watchdog's DPC: the device did not end the request in time."""
    del dpc, argument1, argument2
    extension = device.device_extension
    if extension.request is None:
        return
    extension.timeouts += 1
    reset_device(extension)
    finish_current(device, STATUS_IO_TIMEOUT, extension.moved)


def StoreCancelCurrent(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Cancel routine of the request that owns the device; called with the cancel spin lock held.

    The device is told to stop and its interrupt ends the request; a poll sees `irp.cancel` by itself.
    """
    IoReleaseCancelSpinLock(irp.cancel_irql)
    extension = device.device_extension
    old_irql = KeAcquireSpinLock(extension.request_lock)
    if extension.request is irp and extension.enabled_causes:
        WRITE_REGISTER_ULONG(extension.registers + regs.CONTROL.offset, regs.CONTROL.ABORT)
    KeReleaseSpinLock(extension.request_lock, old_irql)


def StoreCancelCurrentOf(device: DEVICE_OBJECT, file_object: FILE_OBJECT) -> None:
    """Cancel the request that owns the device if it belongs to `file_object`."""
    irp = device.device_extension.request
    if irp is not None and IoGetCurrentIrpStackLocation(irp).file_object is file_object:
        IoCancelIrp(irp)
