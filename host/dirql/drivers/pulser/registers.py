# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The registers of a started device. Every routine here is called with the lock of the extension held, in D0."""

from __future__ import annotations

from dirql.drivers.pulser.extension import PulserExtension
from dirql.drivers.pulser.interface import Configuration, Counts
from dirql.drivers.pulser.interrupt import reset_counts
from dirql.registers import pulser as regs
from dirql.wdm import READ_REGISTER_ULONG, WRITE_REGISTER_ULONG, KeSynchronizeExecution

__all__ = ["configure", "counts", "keep_pulses", "mask_pulses", "restore_pulses", "start_pulses"]


def mask_pulses(extension: PulserExtension) -> None:
    """Stop the pulses, and let the device be quiet: no fault, no noise, no cause."""
    _write(extension, regs.COUNT.offset, 0)
    _write(extension, regs.CONTROL.offset, 0)
    _write(extension, regs.INTERRUPT_MASK_CLEAR.offset, regs.INTERRUPT_MASK_CLEAR.PULSED)
    _write(extension, regs.INTERRUPT_CAUSE.offset, regs.INTERRUPT_CAUSE.PULSED)


def configure(extension: PulserExtension, wanted: Configuration) -> None:
    """Stop the pulses, give them a new form, and count anew."""
    assert extension.interrupt is not None  # the caller has looked
    mask_pulses(extension)
    KeSynchronizeExecution(extension.interrupt, reset_counts, extension)
    extension.configuration = wanted
    extension.missed = 0
    _write_form(extension, wanted)


def start_pulses(extension: PulserExtension, pulses: int) -> None:
    """Start this number of pulses; 0 stops those that are still to come."""
    _write(extension, regs.COUNT.offset, pulses)


def counts(extension: PulserExtension) -> Counts:
    """The counts since the last configuration."""
    return Counts(
        extension.missed + _read(extension, regs.EVENTS.offset),
        extension.calls,
        extension.claimed,
        extension.dpcs,
        _read(extension, regs.COUNT.offset),
    )


def keep_pulses(extension: PulserExtension) -> None:
    """Stop the pulses, and keep what the device may lose in a low state."""
    extension.left = _read(extension, regs.COUNT.offset)
    mask_pulses(extension)
    extension.missed += _read(extension, regs.EVENTS.offset)


def restore_pulses(extension: PulserExtension) -> None:
    """Give the pulses their form again, and let those come that were still to come."""
    mask_pulses(extension)
    if extension.configuration is not None:
        _write_form(extension, extension.configuration)
        start_pulses(extension, extension.left)


def _write_form(extension: PulserExtension, form: Configuration) -> None:
    _write(extension, regs.CONTROL.offset, form.control)
    _write(extension, regs.WIDTH.offset, form.width)
    _write(extension, regs.PERIOD.offset, form.period)
    _write(extension, regs.JITTER.offset, form.jitter)
    _write(extension, regs.MODERATION.offset, form.moderation)
    _write(extension, regs.EVENTS.offset, 0)
    _write(extension, regs.INTERRUPT_MASK_SET.offset, regs.INTERRUPT_MASK_SET.PULSED)


def _read(extension: PulserExtension, offset: int) -> int:
    return READ_REGISTER_ULONG(extension.registers + offset)


def _write(extension: PulserExtension, offset: int, value: int) -> None:
    WRITE_REGISTER_ULONG(extension.registers + offset, value)
