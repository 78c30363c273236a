# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interrupt path: the ISR clears the cause, the DPC counts."""

from __future__ import annotations

from dirql.drivers.pulser.extension import PulserExtension
from dirql.registers import pulser as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    KDPC,
    KINTERRUPT,
    READ_REGISTER_ULONG,
    WRITE_REGISTER_ULONG,
    IoRequestDpc,
)

__all__ = ["PulserDpcForIsr", "PulserInterruptService", "reset_counts"]


def PulserInterruptService(interrupt: KINTERRUPT, device: DEVICE_OBJECT) -> bool:
    """Clear the cause and ask for the DPC; return False if the interrupt is another device's, or nobody's.

    Registers of a device that is gone read as all ones; such an interrupt is not claimed either.
    """
    del interrupt
    extension: PulserExtension = device.device_extension
    extension.calls += 1
    register = extension.registers + regs.INTERRUPT_CAUSE.offset
    if READ_REGISTER_ULONG(register) != regs.INTERRUPT_CAUSE.PULSED:
        return False
    WRITE_REGISTER_ULONG(register, regs.INTERRUPT_CAUSE.PULSED)
    extension.claimed += 1
    IoRequestDpc(device, None, None)
    return True


def PulserDpcForIsr(dpc: KDPC, device: DEVICE_OBJECT, irp: IRP | None, context: object) -> None:
    """Count the call: interrupts that come before it share one."""
    del dpc, irp, context
    extension: PulserExtension = device.device_extension
    extension.dpcs += 1


def reset_counts(extension: PulserExtension) -> bool:
    """Begin to count anew; called with the interrupt's spin lock held."""
    extension.calls = extension.claimed = extension.dpcs = 0
    return True
