# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt path: the ISR acknowledges the pins, the DPC completes the requests that wait for them."""

from __future__ import annotations

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import pack_pins
from dirql.drivers.gpio.waits import pins_of
from dirql.registers import gpio as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    KDPC,
    KINTERRUPT,
    READ_REGISTER_ULONG,
    STATUS_SUCCESS,
    WRITE_REGISTER_ULONG,
    IoRequestDpc,
    KeSynchronizeExecution,
    RtlWriteMemory,
)

__all__ = ["GpioDpcForIsr", "GpioInterruptService", "enable_pins", "note_pins"]


def GpioInterruptService(interrupt: KINTERRUPT, device: DEVICE_OBJECT) -> bool:
    """Acknowledge the pins and ask for the DPC; return False if the interrupt is another device's.

    A pin that follows a level would interrupt again, so each pin is masked here; the next wait for it unmasks it.
    Registers of a device that is gone read as all ones; such an interrupt is not claimed either.
    """
    del interrupt
    extension: GpioExtension = device.device_extension
    cause = READ_REGISTER_ULONG(extension.registers + regs.INTERRUPT_CAUSE.offset)
    fired = cause & extension.enabled
    if not fired or cause & ~regs.INTERRUPT_CAUSE.PINS:
        return False
    WRITE_REGISTER_ULONG(extension.registers + regs.INTERRUPT_MASK_CLEAR.offset, fired)
    WRITE_REGISTER_ULONG(extension.registers + regs.INTERRUPT_CAUSE.offset, fired)
    extension.enabled &= ~fired
    extension.fired |= fired
    IoRequestDpc(device, None, None)
    return True


def _take_fired(extension: GpioExtension) -> bool:
    """Take the pins that fired; called with the interrupt's spin lock held."""
    extension.taken, extension.fired = extension.fired, 0
    return True


def GpioDpcForIsr(dpc: KDPC, device: DEVICE_OBJECT, irp: IRP | None, context: object) -> None:
    """Complete every request that waits for one of the pins that fired."""
    del dpc, irp, context
    extension: GpioExtension = device.device_extension
    interrupt = extension.interrupt
    if interrupt is None:
        return
    KeSynchronizeExecution(interrupt, _take_fired, extension)
    fired = extension.taken
    while waiting := extension.waits.take(fired):
        buffer = waiting.associated_irp.system_buffer
        assert buffer is not None
        pins = pack_pins(pins_of(waiting) & fired)
        RtlWriteMemory(buffer, pins)
        extension.waits.complete(waiting, STATUS_SUCCESS, len(pins))


def enable_pins(extension: GpioExtension) -> bool:
    """Let the wanted pins interrupt, too; called with the interrupt's spin lock held.

    A pin with a cause that is on already interrupts at once.
    """
    extension.enabled |= extension.wanted
    WRITE_REGISTER_ULONG(extension.registers + regs.INTERRUPT_MASK_SET.offset, extension.enabled)
    return True


def note_pins(extension: GpioExtension) -> bool:
    """Do as `enable_pins` for a device that is not in D0, without its registers."""
    extension.enabled |= extension.wanted
    return True
