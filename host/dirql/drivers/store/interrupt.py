# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt path: the ISR acknowledges the device, the DPC moves data and completes the request."""

from __future__ import annotations

from dirql.drivers.store.device import CAUSES, error_outcome, move_fifo, unmask_fifo
from dirql.drivers.store.extension import StoreExtension, Transfer
from dirql.drivers.store.ownership import Outcome, StoreAcquireDevice, StoreReleaseDevice
from dirql.registers import store as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    KDPC,
    KINTERRUPT,
    READ_REGISTER_ULONG,
    STATUS_CANCELLED,
    STATUS_SUCCESS,
    WRITE_REGISTER_ULONG,
    IoRequestDpc,
    KeSynchronizeExecution,
)

__all__ = ["StoreDpcForIsr", "StoreInterruptService"]

FIFO = regs.INTERRUPT_CAUSE.FIFO


def StoreInterruptService(interrupt: KINTERRUPT, device: DEVICE_OBJECT) -> bool:
    """Acknowledge the device and ask for the DPC; return False if the interrupt is another device's.

    The causes are cleared before the end of interrupt, or a level-sensitive line would interrupt again. The cause FIFO
    is set again as long as the FIFO needs service, so it is masked here, and unmasked when the DPC has moved data.
    Registers of a device that is gone read as all ones; such an interrupt is not claimed either.
    """
    del interrupt
    extension: StoreExtension = device.device_extension
    if extension.registers is None:
        return False
    registers = extension.registers.address
    cause = READ_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset)
    if cause & ~CAUSES or not cause & extension.enabled_causes:
        return False
    if cause & FIFO & extension.enabled_causes:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_CLEAR.offset, FIFO)
        extension.enabled_causes &= ~FIFO
    WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset, cause)
    extension.latched_cause |= cause
    extension.interrupts += 1
    IoRequestDpc(device, device.current_irp, None)
    return True


def _take_cause(extension: StoreExtension) -> bool:
    """Take the latched causes, and the request to which they belong; called with the interrupt's spin lock held."""
    extension.taken_cause, extension.latched_cause = extension.latched_cause, 0
    extension.taken_irp = extension.transfer.irp if extension.transfer is not None else None
    return True


def StoreDpcForIsr(dpc: KDPC, device: DEVICE_OBJECT, irp: IRP | None, context: object) -> None:
    """Serve the causes of the interrupt: move data, or complete the request."""
    del dpc, irp, context
    extension: StoreExtension = device.device_extension
    if extension.interrupt is None:
        return
    KeSynchronizeExecution(extension.interrupt, _take_cause, extension)
    cause = extension.taken_cause
    if cause and (transfer := StoreAcquireDevice(extension, extension.taken_irp)):
        StoreReleaseDevice(device, transfer, _serve(extension, transfer, cause))


def _serve(extension: StoreExtension, transfer: Transfer, cause: int) -> Outcome | None:
    if cause & regs.INTERRUPT_CAUSE.ERROR:
        return error_outcome(extension, transfer)
    if cause & regs.INTERRUPT_CAUSE.ABORTED:
        registers = transfer.hardware.registers.address
        moved = READ_REGISTER_ULONG(registers + regs.TRANSFERRED.offset)
        return Outcome(STATUS_CANCELLED, min(moved, transfer.length))
    if cause & regs.INTERRUPT_CAUSE.RAISED:
        return Outcome(STATUS_SUCCESS)
    return _advance(extension, transfer, cause)


def _advance(extension: StoreExtension, transfer: Transfer, cause: int) -> Outcome | None:
    """Continue programmed I/O. The request can be completed when the device is ready and all data has left the FIFO."""
    if cause & regs.INTERRUPT_CAUSE.DONE:
        transfer.device_is_ready = True
    if transfer.scatter_gather is not None:
        transfer.moved = transfer.length
    elif transfer.moved < transfer.length:
        registers = transfer.hardware.registers.address
        move_fifo(transfer, READ_REGISTER_ULONG(registers + regs.STATUS.offset))
    if transfer.moved < transfer.length:
        unmask_fifo(extension, transfer)
    elif transfer.device_is_ready:
        return Outcome(STATUS_SUCCESS, transfer.length)
    return None
