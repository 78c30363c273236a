# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that write the registers of the device; the caller holds the lock, and the device is in D0."""

from __future__ import annotations

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import Configuration, Levels
from dirql.registers import gpio as regs
from dirql.wdm import WRITE_REGISTER_ULONG

__all__ = ["configure", "restore_registers", "set_levels"]


def configure(extension: GpioExtension, configuration: Configuration) -> None:
    """Write the use of all pins. Causes from before are forgotten."""
    extension.configuration = configuration
    _write(extension, regs.RISING.offset, 0)
    _write(extension, regs.FALLING.offset, 0)
    _write_uses(extension)
    _write(extension, regs.INTERRUPT_CAUSE.offset, regs.INTERRUPT_CAUSE.PINS)
    _write_edges(extension)


def set_levels(extension: GpioExtension, levels: Levels) -> None:
    """Change the levels of some outputs."""
    extension.outputs = (extension.outputs & ~levels.pins) | (levels.high & levels.pins)
    _write(extension, regs.PIN_OUTPUT.offset, extension.outputs)


def restore_registers(extension: GpioExtension) -> None:
    """Write all that a device may have lost in a low state, but for the mask."""
    control = regs.INTERRUPT_CONTROL.LATCHED if extension.latched else 0
    _write(extension, regs.INTERRUPT_CONTROL.offset, control)
    _write(extension, regs.PIN_OUTPUT.offset, extension.outputs)
    _write_uses(extension)
    _write_edges(extension)


def _write_uses(extension: GpioExtension) -> None:
    configuration = extension.configuration
    _write(extension, regs.DIRECTION.offset, configuration.outputs)
    _write(extension, regs.LOOPBACK.offset, configuration.loopback)
    _write(extension, regs.LEVEL.offset, configuration.level)


def _write_edges(extension: GpioExtension) -> None:
    _write(extension, regs.RISING.offset, extension.configuration.rising)
    _write(extension, regs.FALLING.offset, extension.configuration.falling)


def _write(extension: GpioExtension, offset: int, pins: int) -> None:
    WRITE_REGISTER_ULONG(extension.registers + offset, pins)
