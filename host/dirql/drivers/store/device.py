# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that program the device: commands, causes of interrupts, the FIFO, errors, reset.

The caller holds the request lock, or no other code can use the device yet.
"""

from __future__ import annotations

from typing import NamedTuple

from dirql.drivers.store.extension import Fifo, Hardware, Registers, StoreExtension, Transfer
from dirql.drivers.store.ownership import Outcome
from dirql.registers import store as regs
from dirql.wdm import (
    READ_PORT_BUFFER_ULONG,
    READ_REGISTER_ULONG,
    STATUS_ADAPTER_HARDWARE_ERROR,
    STATUS_DEVICE_DATA_ERROR,
    STATUS_DEVICE_PROTOCOL_ERROR,
    WRITE_PORT_BUFFER_ULONG,
    WRITE_REGISTER_ULONG,
    KeAcquireSpinLock,
    KeReleaseSpinLock,
    KeStallExecutionProcessor,
    KeSynchronizeExecution,
    RtlCopyMemory,
)

__all__ = [
    "ALL_ONES",
    "CAUSES",
    "POLL_STALL_MICROSECONDS",
    "StoreReadClocks",
    "error_outcome",
    "mask_causes",
    "move_fifo",
    "reset_device",
    "start_command",
    "unmask_fifo",
]

ALL_ONES = 0xFFFFFFFF
"""The value of a register that is read when no device answers."""
CAUSES = (
    regs.INTERRUPT_CAUSE.DONE
    | regs.INTERRUPT_CAUSE.FIFO
    | regs.INTERRUPT_CAUSE.ERROR
    | regs.INTERRUPT_CAUSE.ABORTED
    | regs.INTERRUPT_CAUSE.RAISED
)
POLL_STALL_MICROSECONDS = 1
RESET_POLLS = 1000
"""The number of polls of STATUS after which a device that is still busy counts as broken."""

# The status to report for each error of the device, the gravest error first.
_ERROR_STATUS = (
    (
        regs.ERROR.MASTER_ABORT | regs.ERROR.TARGET_ABORT | regs.ERROR.BUS_MASTER_DISABLED,
        STATUS_ADAPTER_HARDWARE_ERROR,
    ),
    (regs.ERROR.PARITY | regs.ERROR.FIFO_OVERRUN, STATUS_DEVICE_DATA_ERROR),
    (ALL_ONES, STATUS_DEVICE_PROTOCOL_ERROR),
)


class _Causes(NamedTuple):
    """The context of a routine that changes the causes under the interrupt's spin lock."""

    extension: StoreExtension
    registers: int
    wanted: int


def start_command(extension: StoreExtension, transfer: Transfer, causes: int) -> None:
    """Enable exactly the interrupt causes in `causes`, then write the request's command; the device begins at once."""
    registers = transfer.hardware.registers.address
    if causes != extension.enabled_causes:
        context = _Causes(extension, registers, causes)
        KeSynchronizeExecution(transfer.hardware.interrupt, _enable_causes, context)
    if extension.timing.access_clocks != extension.device_delay:
        extension.device_delay = extension.timing.access_clocks
        WRITE_REGISTER_ULONG(registers + regs.DELAY.offset, extension.device_delay)
    WRITE_REGISTER_ULONG(registers + regs.COMMAND.offset, transfer.operation)


def mask_causes(extension: StoreExtension, hardware: Hardware) -> None:
    """Let the device not interrupt."""
    context = _Causes(extension, hardware.registers.address, 0)
    KeSynchronizeExecution(hardware.interrupt, _enable_causes, context)


def _enable_causes(context: _Causes) -> bool:
    """Enable the wanted interrupt causes and no others; called with the interrupt's spin lock held."""
    extension, registers, wanted = context
    off = extension.enabled_causes & ~wanted
    on = wanted & ~extension.enabled_causes
    if off:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_CLEAR.offset, off)
    if on:
        # Causes may still be set from earlier requests that polled.
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset, CAUSES)
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_SET.offset, on)
    extension.enabled_causes = wanted
    return True


def unmask_fifo(extension: StoreExtension, transfer: Transfer) -> None:
    """Let the FIFO interrupt again; it does so at once if it needs service already."""
    context = _Causes(extension, transfer.hardware.registers.address, regs.INTERRUPT_CAUSE.FIFO)
    KeSynchronizeExecution(transfer.hardware.interrupt, _enable_more_causes, context)


def _enable_more_causes(context: _Causes) -> bool:
    """Enable the wanted interrupt causes besides the others; called with the interrupt's spin lock held."""
    extension, registers, wanted = context
    extension.enabled_causes |= wanted
    WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_SET.offset, wanted)
    return True


def move_fifo(transfer: Transfer, status: int) -> None:
    """Move all bytes that the FIFO takes or gives now; `status` is the value of the status register."""
    fifo = transfer.hardware.fifo
    level = (status & regs.STATUS.FIFO_LEVEL) >> regs.STATUS.FIFO_LEVEL_SHIFT
    available = 4 * (fifo.dwords - level if transfer.writing else level)
    count = min(available, transfer.length - transfer.moved)
    if count <= 0:
        return
    address = transfer.buffer + transfer.moved
    dwords, tail = divmod(count, 4)
    if transfer.writing:
        if dwords:
            WRITE_PORT_BUFFER_ULONG(fifo.port, address, dwords)
        if tail:
            RtlCopyMemory(fifo.tail, address + 4 * dwords, tail)
            WRITE_PORT_BUFFER_ULONG(fifo.port, fifo.tail, 1)
    else:
        if dwords:
            READ_PORT_BUFFER_ULONG(fifo.port, address, dwords)
        if tail:
            READ_PORT_BUFFER_ULONG(fifo.port, fifo.tail, 1)
            RtlCopyMemory(address + 4 * dwords, fifo.tail, tail)
    transfer.moved += count


def error_outcome(extension: StoreExtension, transfer: Transfer) -> Outcome:
    """The outcome of a request for which the device reports an error; the device is reset for the next request.

    The outcome has the bytes that were moved before the error.
    """
    registers = transfer.hardware.registers
    error = READ_REGISTER_ULONG(registers.address + regs.ERROR.offset)
    moved = READ_REGISTER_ULONG(registers.address + regs.TRANSFERRED.offset)
    status = next(status for mask, status in _ERROR_STATUS if error & mask or mask == ALL_ONES)
    extension.errors += 1
    reset_device(extension, registers, transfer.hardware.fifo)
    return Outcome(status, min(moved, transfer.length))


def reset_device(extension: StoreExtension, registers: Registers, fifo: Fifo) -> None:
    """Stop the device, wait until it is idle, and write the registers that a reset clears.

    A device that does not become idle may still write to memory, so the scatter/gather list of the request is then
    never put back.
    """
    WRITE_REGISTER_ULONG(registers.address + regs.CONTROL.offset, regs.CONTROL.SOFT_RESET)
    extension.device_is_quiet = False
    for _ in range(RESET_POLLS):
        status = READ_REGISTER_ULONG(registers.address + regs.STATUS.offset)
        if status == ALL_ONES or not status & regs.STATUS.BUSY:
            extension.device_is_quiet = True
            break
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS)
    if extension.interrupt is not None:
        KeSynchronizeExecution(extension.interrupt, _forget_causes, extension)
    extension.device_delay = 0
    WRITE_REGISTER_ULONG(registers.address + regs.FIFO_THRESHOLD.offset, fifo.dwords // 2)
    WRITE_REGISTER_ULONG(registers.address + regs.INTERRUPT_CONTROL.offset, extension.interrupt_control)


def _forget_causes(extension: StoreExtension) -> bool:
    """Forget the causes of a request that ends; called with the interrupt's spin lock held."""
    extension.enabled_causes = extension.latched_cause = 0
    return True


def StoreReadClocks(extension: StoreExtension) -> tuple[int, int]:
    """The device's counters of data clocks and busy clocks; those that were kept, if it is off, stopped or gone."""
    old_irql = KeAcquireSpinLock(extension.request_lock)
    clocks = extension.kept_clocks
    if extension.powered and not extension.gone and extension.registers is not None:
        registers = extension.registers.address
        clocks = (
            READ_REGISTER_ULONG(registers + regs.DATA_CLOCKS.offset),
            READ_REGISTER_ULONG(registers + regs.BUSY_CLOCKS.offset),
        )
    KeReleaseSpinLock(extension.request_lock, old_irql)
    return clocks
