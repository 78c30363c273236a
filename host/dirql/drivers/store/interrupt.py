# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt path of the store driver: the ISR acknowledges the device, the DPC does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.drivers.store import transfer
from dirql.drivers.store.ownership import Outcome, attend
from dirql.registers import store as regs
from dirql.wdm import (
    READ_REGISTER_ULONG,
    STATUS_CANCELLED,
    STATUS_SUCCESS,
    WRITE_REGISTER_ULONG,
    IoRequestDpc,
    KeSynchronizeExecution,
)

if TYPE_CHECKING:
    from dirql.drivers.store.extension import StoreExtension
    from dirql.wdm import DEVICE_OBJECT, IRP, KDPC, KINTERRUPT

__all__ = ["StoreDpcForIsr", "StoreInterruptService"]

FIFO = regs.INTERRUPT_CAUSE.FIFO


def StoreInterruptService(interrupt: KINTERRUPT, device: DEVICE_OBJECT) -> bool:
    """Acknowledge the device and ask for the DPC; false if the interrupt is not ours.

    The causes are cleared before the line's EOI, or a level line would interrupt again. The FIFO's comes back for as
    long as the FIFO wants service, so it is masked here and unmasked when the DPC has moved data. All ones is what a
    device that has gone returns: not ours either.
    """
    del interrupt
    extension = device.device_extension
    registers = extension.registers
    cause = READ_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset)
    if cause & ~transfer.CAUSES or not cause & extension.enabled_causes:
        return False
    if cause & FIFO & extension.enabled_causes:
        WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_CLEAR.offset, FIFO)
        extension.enabled_causes &= ~FIFO
    WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_CAUSE.offset, cause)
    extension.latched_cause |= cause
    extension.interrupts += 1
    IoRequestDpc(device, device.current_irp, None)
    return True


def _take_cause(extension: StoreExtension) -> tuple[int, IRP | None]:
    """Called with the interrupt's lock held, as the ISR is: the causes, and the request that they are for."""
    cause, extension.latched_cause = extension.latched_cause, 0
    return cause, extension.request


def _unmask_fifo(extension: StoreExtension) -> None:
    """Called with the interrupt's lock held: let the FIFO ask for service again, at once if it wants some already."""
    extension.enabled_causes |= FIFO
    WRITE_REGISTER_ULONG(extension.registers + regs.INTERRUPT_MASK_SET.offset, FIFO)


def StoreDpcForIsr(dpc: KDPC, device: DEVICE_OBJECT, irp: IRP | None, context: object) -> None:
    """Do what the interrupt asks for: move data, or end the request."""
    del dpc, context
    extension = device.device_extension
    cause, irp = KeSynchronizeExecution(extension.interrupt, _take_cause, extension)
    if cause:
        attend(device, irp, _serve, cause)


def _serve(extension: StoreExtension, cause: int) -> Outcome | None:
    if cause & regs.INTERRUPT_CAUSE.ERROR:
        return transfer.error_outcome(extension)
    if cause & regs.INTERRUPT_CAUSE.ABORTED:
        moved = READ_REGISTER_ULONG(extension.registers + regs.TRANSFERRED.offset)
        return Outcome(STATUS_CANCELLED, min(moved, extension.length))
    if cause & regs.INTERRUPT_CAUSE.RAISED:
        return Outcome(STATUS_SUCCESS)
    return _advance(extension, cause)


def _advance(extension: StoreExtension, cause: int) -> Outcome | None:
    """Programmed I/O moves on; either kind ends when the device is done and nothing is left in the FIFO."""
    if cause & regs.INTERRUPT_CAUSE.DONE:
        extension.device_done = True
    if extension.scatter_gather is not None:
        extension.moved = extension.length
    elif extension.moved < extension.length:
        transfer.move_fifo(extension, READ_REGISTER_ULONG(extension.registers + regs.STATUS.offset))
    if extension.moved < extension.length:
        KeSynchronizeExecution(extension.interrupt, _unmask_fifo, extension)
    elif extension.device_done:
        return Outcome(STATUS_SUCCESS, extension.length)
    return None
