# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""From StartIo to the end: how a request reaches the device, and what ends it before its time."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dirql.drivers.store.interface import TransferMode
from dirql.drivers.store.ownership import Outcome, attend, finish, is_cancelled
from dirql.registers import store as regs
from dirql.wdm import (
    CONTAINING_RECORD,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_WRITE,
    NT_SUCCESS,
    READ_PORT_BUFFER_ULONG,
    READ_REGISTER_ULONG,
    STATUS_ADAPTER_HARDWARE_ERROR,
    STATUS_CANCELLED,
    STATUS_DEVICE_DATA_ERROR,
    STATUS_DEVICE_PROTOCOL_ERROR,
    STATUS_DEVICE_REMOVED,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_IO_TIMEOUT,
    WRITE_PORT_BUFFER_ULONG,
    WRITE_REGISTER_ULONG,
    IoAcquireCancelSpinLock,
    IoGetCurrentIrpStackLocation,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    IoStartNextPacket,
    KeAcquireSpinLockAtDpcLevel,
    KeInsertQueueDpc,
    KeLowerIrql,
    KeQueryInterruptTime,
    KeRaiseIrqlToDpcLevel,
    KeReleaseSpinLockFromDpcLevel,
    KeSetTimer,
    KeStallExecutionProcessor,
    KeSynchronizeExecution,
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
    "ALL_ONES",
    "CAUSES",
    "POLL_PERIOD_100NS",
    "POLL_STALL_MICROSECONDS",
    "StoreCancelCurrentOf",
    "StoreDeviceGone",
    "StoreStartIo",
    "StoreTimeout",
    "error_outcome",
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
    if irp.cancel or not extension.started:
        IoSetCancelRoutine(irp, None)
        IoReleaseCancelSpinLock(old_irql)
        finish(device, irp, STATUS_CANCELLED if irp.cancel else STATUS_DEVICE_REMOVED, 0)
        IoStartNextPacket(device, True)
        return
    IoSetCancelRoutine(irp, StoreCancelCurrent)
    IoReleaseCancelSpinLock(old_irql)

    raises = IoGetCurrentIrpStackLocation(irp).major_function == IRP_MJ_DEVICE_CONTROL
    timeout = 10 * extension.timing.timeout_microseconds
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    extension.request = irp
    extension.request_mode = TransferMode.INTERRUPT if raises else extension.mode
    extension.deadline = KeQueryInterruptTime() + timeout
    extension.moved = 0
    extension.device_done = extension.abandoned = False
    extension.requests += 1
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    KeSetTimer(extension.watchdog, -timeout, extension.watchdog_dpc)

    if raises:
        attend(device, irp, _start_raise)
    elif extension.request_mode is TransferMode.DMA:
        _get_scatter_gather_list(device, extension, irp)
    else:
        attend(device, irp, _start_fifo)


def _describe(extension: StoreExtension, irp: IRP) -> int:
    """Note what the request is about; returns its offset in the device."""
    stack = IoGetCurrentIrpStackLocation(irp)
    extension.length, offset = request_range(stack)
    extension.writing = stack.major_function == IRP_MJ_WRITE
    return offset


def _start_raise(extension: StoreExtension, argument: int) -> Outcome | None:
    del argument
    if is_cancelled(extension):
        return Outcome(STATUS_CANCELLED)
    extension.length = 0
    _command(extension, regs.Operation.RAISE, CAUSES)
    return None


def _start_fifo(extension: StoreExtension, argument: int) -> Outcome | None:
    """Programmed I/O, by interrupts or by polling."""
    del argument
    irp = extension.request
    if irp is None or is_cancelled(extension):
        return Outcome(STATUS_CANCELLED)
    offset = _describe(extension, irp)
    mdl = irp.mdl_address
    address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) if mdl is not None else None
    if address is None:
        return Outcome(STATUS_INSUFFICIENT_RESOURCES)
    extension.buffer = address
    _place(extension, offset)
    operation = regs.Operation.FIFO_WRITE if extension.writing else regs.Operation.FIFO_READ
    _command(extension, operation, CAUSES if extension.request_mode is TransferMode.INTERRUPT else 0)
    if extension.request_mode is TransferMode.POLLED:
        KeInsertQueueDpc(extension.poll_dpc, None, None)
    elif extension.request_mode is TransferMode.TIMER_POLLED:
        KeSetTimer(extension.poll_timer, -POLL_PERIOD_100NS, extension.poll_dpc)
    return None


def _place(extension: StoreExtension, offset: int) -> None:
    """Tell the device where in its memory the request is."""
    WRITE_REGISTER_ULONG(extension.registers + regs.BUFFER_ADDRESS.offset, offset)
    WRITE_REGISTER_ULONG(extension.registers + regs.LENGTH.offset, extension.length)


def _command(extension: StoreExtension, operation: int, causes: int) -> None:
    """Program the device and ring its doorbell, with exactly `causes` enabled to interrupt."""
    registers = extension.registers
    if causes != extension.enabled_causes:
        extension.wanted_causes = causes
        KeSynchronizeExecution(extension.interrupt, _enable_causes, extension)
    if extension.timing.access_clocks != extension.device_delay:
        extension.device_delay = extension.timing.access_clocks
        WRITE_REGISTER_ULONG(registers + regs.DELAY.offset, extension.device_delay)
    WRITE_REGISTER_ULONG(registers + regs.COMMAND.offset, operation)


def _enable_causes(extension: StoreExtension) -> None:
    """Called with the interrupt's lock held: let exactly `wanted_causes` interrupt."""
    registers = extension.registers
    unwanted = extension.enabled_causes & ~extension.wanted_causes
    wanted = extension.wanted_causes & ~extension.enabled_causes
    if unwanted:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_CLEAR.offset, unwanted)
    if wanted:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset, CAUSES)  # of earlier, polled requests
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_SET.offset, wanted)
    extension.enabled_causes = extension.wanted_causes


# DMA.


def _get_scatter_gather_list(device: DEVICE_OBJECT, extension: StoreExtension, irp: IRP) -> None:
    """Ask for the list; `StoreStartDma` gets it now, or when map registers are free."""
    adapter = extension.dma_adapter
    mdl = irp.mdl_address
    assert mdl is not None  # DO_DIRECT_IO
    _describe(extension, irp)
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
        attend(device, irp, _end_with, status)


def StoreStartDma(
    device: DEVICE_OBJECT, irp: IRP, scatter_gather: SCATTER_GATHER_LIST, context: object
) -> None:
    """AdapterListControl: write the device's descriptor list and start it.

    The request may have ended while it waited for map registers; then the list goes back.
    """
    assert isinstance(context, IRP)
    irp = context
    extension = device.device_extension

    def start(extension: StoreExtension, argument: int) -> Outcome | None:
        del argument
        extension.scatter_gather = scatter_gather
        return _start_dma(extension, scatter_gather)

    if not attend(device, irp, start):
        adapter = extension.dma_adapter
        writing = IoGetCurrentIrpStackLocation(irp).major_function == IRP_MJ_WRITE
        adapter.dma_operations.put_scatter_gather_list(adapter, scatter_gather, writing)


def _start_dma(extension: StoreExtension, scatter_gather: SCATTER_GATHER_LIST) -> Outcome | None:
    irp = extension.request
    if irp is None or is_cancelled(extension):
        return Outcome(STATUS_CANCELLED)
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
    WRITE_REGISTER_ULONG(extension.registers + regs.DESCRIPTOR_BASE.offset, extension.descriptors_logical)
    _place(extension, _describe(extension, irp))
    _command(extension, regs.Operation.DMA_WRITE if extension.writing else regs.Operation.DMA_READ, CAUSES)
    return None


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


# End.


def _end_with(extension: StoreExtension, status: int) -> Outcome:
    del extension
    return Outcome(status)


def error_outcome(extension: StoreExtension) -> Outcome:
    """The device reports an error: say which, with what was moved before it, and leave the device fit for the next."""
    error = READ_REGISTER_ULONG(extension.registers + regs.ERROR.offset)
    moved = READ_REGISTER_ULONG(extension.registers + regs.TRANSFERRED.offset)
    status = next(status for mask, status in _ERROR_STATUS if error & mask or mask == ALL_ONES)
    extension.errors += 1
    reset_device(extension)
    return Outcome(status, min(moved, extension.length))


def reset_device(extension: StoreExtension) -> None:
    """Stop whatever the device does and wait until it is quiet; its registers are as after power-on, then set anew.

    A device that does not become quiet may still write to memory: its scatter/gather list is then never put back.
    """
    registers = extension.registers
    WRITE_REGISTER_ULONG(registers + regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
    extension.quiet = False
    for _ in range(RESET_POLLS):
        status = READ_REGISTER_ULONG(registers + regs.STATUS.offset)
        if status == ALL_ONES or not status & regs.STATUS.BUSY:
            extension.quiet = True
            break
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS)
    if extension.interrupt_connected:
        KeSynchronizeExecution(extension.interrupt, _forget_causes, extension)
    extension.device_delay = 0
    WRITE_REGISTER_ULONG(registers + regs.FIFO_THRESHOLD.offset, extension.fifo_dwords // 2)
    WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CONTROL.offset, extension.interrupt_control)


def _forget_causes(extension: StoreExtension) -> None:
    """Called with the interrupt's lock held: what the ISR has latched belongs to a request that ends here."""
    extension.enabled_causes = extension.latched_cause = 0


def StoreTimeout(dpc: KDPC, device: DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """The watchdog's DPC: the device did not end the request in time."""
    del dpc, argument1, argument2
    attend(device, device.device_extension.request, _give_up)


def _give_up(extension: StoreExtension, argument: int) -> Outcome | None:
    """End the request if it is really this one whose time is over."""
    del argument
    if KeQueryInterruptTime() < extension.deadline:
        return None
    extension.timeouts += 1
    reset_device(extension)
    return Outcome(STATUS_IO_TIMEOUT, extension.moved)


def StoreCancelCurrent(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Cancel routine of the request that owns the device; called with the cancel spin lock held."""
    IoReleaseCancelSpinLock(irp.cancel_irql)
    old_irql = KeRaiseIrqlToDpcLevel()
    attend(device, irp, _abandon)
    KeLowerIrql(old_irql)


def StoreCancelCurrentOf(device: DEVICE_OBJECT, file_object: FILE_OBJECT) -> None:
    """Cancel the request that owns the device if it belongs to `file_object`."""
    old_irql = KeRaiseIrqlToDpcLevel()
    irp = device.device_extension.request
    if irp is not None and IoGetCurrentIrpStackLocation(irp).file_object is file_object:
        attend(device, irp, _abandon)
    KeLowerIrql(old_irql)


def _abandon(extension: StoreExtension, argument: int) -> None:
    """Nobody wants the request any more: the device is told to stop, and its interrupt, or a poll, ends the request."""
    del argument
    extension.abandoned = True
    if extension.enabled_causes:
        WRITE_REGISTER_ULONG(extension.registers + regs.CONTROL.offset, regs.CONTROL.ABORT)


def StoreDeviceGone(device: DEVICE_OBJECT) -> None:
    """The device is no longer there: end the request that owns it; StartIo ends those that wait."""
    extension = device.device_extension
    old_irql = KeRaiseIrqlToDpcLevel()
    extension.started = False
    attend(device, extension.request, _end_with, STATUS_DEVICE_REMOVED)
    KeLowerIrql(old_irql)
