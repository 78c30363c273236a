# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""StartIo: gives the device to a request, and starts the device for the request."""

from __future__ import annotations

from dirql.drivers.store.cancel import StoreCancelCurrent
from dirql.drivers.store.device import CAUSES, start_command
from dirql.drivers.store.extension import Hardware, StoreExtension, Transfer
from dirql.drivers.store.interface import TransferMode
from dirql.drivers.store.ownership import (
    Outcome,
    StoreAcquireDevice,
    StoreCompleteRequest,
    StoreEndHeld,
    StoreReleaseDevice,
    is_cancelled,
)
from dirql.drivers.store.polling import POLL_PERIOD_100NS
from dirql.registers import store as regs
from dirql.registers.store import Operation
from dirql.registers.store_descriptor import DESCRIPTOR
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_STACK_LOCATION,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_WRITE,
    NT_SUCCESS,
    SCATTER_GATHER_LIST,
    STATUS_CANCELLED,
    STATUS_DEVICE_REMOVED,
    STATUS_INSUFFICIENT_RESOURCES,
    WRITE_REGISTER_ULONG,
    IoAcquireCancelSpinLock,
    IoGetCurrentIrpStackLocation,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    IoStartNextPacket,
    KeAcquireSpinLockAtDpcLevel,
    KeInsertQueueDpc,
    KeQueryInterruptTime,
    KeReleaseSpinLockFromDpcLevel,
    KeSetTimer,
    MmGetMdlVirtualAddress,
    MmGetSystemAddressForMdlSafe,
    NormalPagePriority,
    RtlWriteMemory,
)

__all__ = ["StoreStartIo", "request_range"]


def request_range(stack: IO_STACK_LOCATION) -> tuple[int, int]:
    """(length, byte offset) of a read or a write."""
    if stack.major_function == IRP_MJ_WRITE:
        return stack.parameters.write.length, stack.parameters.write.byte_offset
    return stack.parameters.read.length, stack.parameters.read.byte_offset


def StoreStartIo(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Give the device to `irp`, at DISPATCH_LEVEL."""
    extension: StoreExtension = device.device_extension
    old_irql = IoAcquireCancelSpinLock()
    if irp.cancel or (extension.hardware is None and not extension.stopping):
        IoSetCancelRoutine(irp, None)
        IoReleaseCancelSpinLock(old_irql)
        StoreCompleteRequest(device, irp, STATUS_CANCELLED if irp.cancel else STATUS_DEVICE_REMOVED)
        IoStartNextPacket(device, True)
        return
    IoSetCancelRoutine(irp, StoreCancelCurrent)
    IoReleaseCancelSpinLock(old_irql)

    timeout = 10 * extension.timing.timeout_microseconds
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    if (extension.stopping or not extension.powered) and not irp.cancel:
        extension.held_irp = irp
        KeReleaseSpinLockFromDpcLevel(extension.request_lock)
        return
    hardware = extension.hardware
    if hardware is None:
        KeReleaseSpinLockFromDpcLevel(extension.request_lock)
        StoreEndHeld(device, irp, STATUS_DEVICE_REMOVED)
        return
    transfer = _new_transfer(extension, irp, hardware, KeQueryInterruptTime() + timeout)
    extension.transfer = transfer
    extension.requests += 1
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    KeSetTimer(extension.watchdog, -timeout, extension.watchdog_dpc)

    if transfer.mode is TransferMode.DMA:
        _get_scatter_gather_list(device, transfer)
    elif StoreAcquireDevice(extension, irp):
        StoreReleaseDevice(device, transfer, _start_device(extension, transfer))


def _new_transfer(extension: StoreExtension, irp: IRP, hardware: Hardware, deadline: int) -> Transfer:
    stack = IoGetCurrentIrpStackLocation(irp)
    if stack.major_function == IRP_MJ_DEVICE_CONTROL:
        return Transfer(irp, TransferMode.INTERRUPT, Operation.RAISE, hardware, deadline)
    length, offset = request_range(stack)
    writing = stack.major_function == IRP_MJ_WRITE
    if extension.mode is TransferMode.DMA:
        operation = Operation.DMA_WRITE if writing else Operation.DMA_READ
    else:
        operation = Operation.FIFO_WRITE if writing else Operation.FIFO_READ
    return Transfer(irp, extension.mode, operation, hardware, deadline, writing, length, offset)


def _start_device(extension: StoreExtension, transfer: Transfer) -> Outcome | None:
    """Start a request that does not use DMA: IOCTL_STORE_RAISE, or programmed I/O."""
    if is_cancelled(transfer):
        return Outcome(STATUS_CANCELLED)
    if transfer.operation is Operation.RAISE:
        start_command(extension, transfer, CAUSES)
        return None
    return _start_fifo(extension, transfer)


def _start_fifo(extension: StoreExtension, transfer: Transfer) -> Outcome | None:
    """Start programmed I/O, by interrupts or by polling."""
    mdl = transfer.irp.mdl_address
    address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) if mdl is not None else None
    if address is None:
        return Outcome(STATUS_INSUFFICIENT_RESOURCES)
    transfer.buffer = address
    _place(transfer)
    start_command(extension, transfer, CAUSES if transfer.mode is TransferMode.INTERRUPT else 0)
    if transfer.mode is TransferMode.POLLED:
        KeInsertQueueDpc(extension.poll_dpc, None, None)
    elif transfer.mode is TransferMode.TIMER_POLLED:
        KeSetTimer(extension.poll_timer, -POLL_PERIOD_100NS, extension.poll_dpc)
    return None


def _place(transfer: Transfer) -> None:
    """Tell the device the place of the request in the device's memory, and the length."""
    registers = transfer.hardware.registers.address
    WRITE_REGISTER_ULONG(registers + regs.BUFFER_ADDRESS.offset, transfer.offset)
    WRITE_REGISTER_ULONG(registers + regs.LENGTH.offset, transfer.length)


# DMA.


def _get_scatter_gather_list(device: DEVICE_OBJECT, transfer: Transfer) -> None:
    """Ask for the scatter/gather list; `StoreStartDma` gets it now, or later when map registers are free."""
    dma = transfer.hardware.dma
    mdl = transfer.irp.mdl_address
    assert dma is not None
    assert mdl is not None  # DO_DIRECT_IO
    adapter = dma.adapter
    status = adapter.dma_operations.get_scatter_gather_list(
        adapter,
        device,
        mdl,
        MmGetMdlVirtualAddress(mdl),
        transfer.length,
        StoreStartDma,
        transfer,
        transfer.writing,
    )
    if not NT_SUCCESS(status) and StoreAcquireDevice(device.device_extension, transfer.irp):
        StoreReleaseDevice(device, transfer, Outcome(status))


def StoreStartDma(
    device: DEVICE_OBJECT, irp: IRP, scatter_gather: SCATTER_GATHER_LIST, context: object
) -> None:
    """AdapterListControl: write the device's descriptor list and start the device.

    The request may have been completed while it waited for map registers; the list is then given back.
    """
    del irp  # the device's current request, which need not be the one that asked
    assert isinstance(context, Transfer)
    transfer = context
    extension: StoreExtension = device.device_extension
    if StoreAcquireDevice(extension, transfer.irp):
        transfer.scatter_gather = scatter_gather
        StoreReleaseDevice(device, transfer, _start_dma(extension, transfer, scatter_gather))
    else:
        assert transfer.hardware.dma is not None
        adapter = transfer.hardware.dma.adapter
        adapter.dma_operations.put_scatter_gather_list(adapter, scatter_gather, transfer.writing)


def _start_dma(
    extension: StoreExtension, transfer: Transfer, scatter_gather: SCATTER_GATHER_LIST
) -> Outcome | None:
    if is_cancelled(transfer):
        return Outcome(STATUS_CANCELLED)
    dma = transfer.hardware.dma
    assert dma is not None
    registers = transfer.hardware.registers.address
    RtlWriteMemory(dma.descriptors, _descriptors(scatter_gather))
    WRITE_REGISTER_ULONG(registers + regs.DESCRIPTOR_BASE.offset, dma.descriptors_logical)
    _place(transfer)
    start_command(extension, transfer, CAUSES)
    return None


def _descriptors(scatter_gather: SCATTER_GATHER_LIST) -> bytes:
    """The scatter/gather list in the format of the device's descriptor list."""
    elements = scatter_gather.elements
    last = len(elements) - 1
    return b"".join(
        DESCRIPTOR.pack(
            address=element.address & 0xFFFFFFFF,
            high_address=element.address >> 32,
            length=element.length,
            last=index == last,
        ).to_bytes(DESCRIPTOR.bytes, "little")
        for index, element in enumerate(elements)
    )
