# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt path of the store driver: the ISR acknowledges the device, the DPC does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.drivers.store import transfer
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


def StoreInterruptService(interrupt: KINTERRUPT, device: DEVICE_OBJECT) -> bool:
    """Acknowledge the device and ask for the DPC; false if the interrupt is not ours.

    The cause is cleared before the line's EOI, or a level line would interrupt again. All ones is what a device that
    has gone returns: not ours either.
    """
    del interrupt
    extension = device.device_extension
    cause_register = extension.registers + regs.INTERRUPT_CAUSE.offset
    cause = READ_REGISTER_ULONG(cause_register)
    if cause & ~transfer.CAUSES or not cause & extension.enabled_causes:
        return False
    WRITE_REGISTER_ULONG(cause_register, cause)
    extension.latched_cause |= cause
    extension.interrupts += 1
    IoRequestDpc(device, device.current_irp, None)
    return True


def _take_cause(extension: StoreExtension) -> int:
    cause, extension.latched_cause = extension.latched_cause, 0
    return cause


def StoreDpcForIsr(dpc: KDPC, device: DEVICE_OBJECT, irp: IRP, context: object) -> None:
    """Do what the interrupt asks for: move data, or end the request."""
    del dpc, irp, context
    extension = device.device_extension
    cause = KeSynchronizeExecution(extension.interrupt, _take_cause, extension)
    if not cause or extension.request is None:
        return
    if cause & regs.INTERRUPT_CAUSE.ERROR:
        transfer.finish_with_error(device, extension)
    elif cause & regs.INTERRUPT_CAUSE.ABORTED:
        moved = READ_REGISTER_ULONG(extension.registers + regs.TRANSFERRED.offset)
        transfer.finish_current(device, STATUS_CANCELLED, min(moved, extension.length))
    elif cause & regs.INTERRUPT_CAUSE.RAISED:
        transfer.finish_current(device, STATUS_SUCCESS, 0)
    else:
        _advance(device, extension, cause)


def _advance(device: DEVICE_OBJECT, extension: StoreExtension, cause: int) -> None:
    """Programmed I/O moves on; either kind ends when the device is done and nothing is left in the FIFO."""
    if cause & regs.INTERRUPT_CAUSE.DONE:
        extension.device_done = True
    if extension.scatter_gather is not None:
        extension.moved = extension.length
    elif extension.moved < extension.length:
        transfer.move_fifo(extension, READ_REGISTER_ULONG(extension.registers + regs.STATUS.offset))
    if extension.device_done and extension.moved == extension.length:
        transfer.finish_current(device, STATUS_SUCCESS, extension.length)
