# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the arguments of IoConnectInterrupt; each mistake gets a sentence for the driver's author."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dirql.ke.defects import report_defect
from dirql.nt.constants import DISPATCH_LEVEL, SYNCH_LEVEL, Latched

__all__ = [
    "SPURIOUS_VECTOR",
    "find_wrong_mask",
    "find_wrong_neighbour",
    "find_wrong_value",
    "report_foreign",
]

SPURIOUS_VECTOR: Final = 0xFF
"""The answer of the controller to a fetch when no interrupt is pending any more."""

_STEP: Final = "take it from AllocatedResourcesTranslated of IRP_MN_START_DEVICE"
_MODES: Final = ("LevelSensitive", "Latched")


def find_wrong_value(vector: int, irql: int, synchronize_irql: int, mask: int, floating_save: bool) -> str:
    """Say where the arguments do not agree with each other; "" if they do."""
    level = vector >> 4
    if not 0 < vector < SPURIOUS_VECTOR or level <= DISPATCH_LEVEL:
        return f"Vector must be u.Interrupt.Vector of the translated resource; it was {vector:#x}: {_STEP}"
    if irql != level:
        return (
            f"Irql must be u.Interrupt.Level of the translated resource, which is {level} for vector {vector:#x}; it"
            f" was {irql}: {_STEP}"
        )
    if not irql <= synchronize_irql <= SYNCH_LEVEL:
        return (
            f"SynchronizeIrql must be from Irql, {irql}, to {SYNCH_LEVEL}; it was {synchronize_irql}: give the highest"
            " Irql of all interrupts that share the spin lock"
        )
    if not mask:
        return f"ProcessorEnableMask must have a processor of the machine; it had none: {_STEP}"
    return "FloatingSave must be FALSE; it was TRUE: give FALSE, as on x64" if floating_save else ""


def find_wrong_neighbour(share_vector: bool, mode: int, others: Iterable[tuple[object, bool, int]]) -> str:
    """Say why an ISR cannot share its vector with others; "" if it can.

    `others` has for each interrupt object its ShareVector and its mode.
    """
    for other, other_shares, other_mode in others:
        if not share_vector or not other_shares:
            which = "the other" if share_vector else "this one"
            return (
                f"ShareVector must be TRUE for all ISRs of one vector; {other!r} is connected already, and {which} was"
                " given FALSE: give TRUE for a line, since devices share lines"
            )
        if other_mode != mode:
            return (
                f"InterruptMode must be the same for all ISRs of one vector, {_mode(other_mode)} as for {other!r}; it"
                f" was {_mode(mode)}: {_STEP}"
            )
    return ""


def find_wrong_mask(irql: int, mask: int, allowed: int) -> str:
    """Say that no processor may take all interrupts of an IRQL; "" if one may."""
    if allowed & mask:
        return ""
    return (
        f"ProcessorEnableMask must have a processor that all interrupts of IRQL {irql} allow, which are {allowed:#x};"
        f" it was {mask:#x}: {_STEP}"
    )


def report_foreign(vector: int, mode: int, assigned: Iterable[tuple[int, bool]]) -> None:
    """Report a defect if no device has the vector, or has it with another mode (row INT-16).

    `assigned` has each vector that Plug and Play has assigned, and whether it is latched.
    """
    modes = {latched for each, latched in assigned if each == vector}
    if not modes:
        known = ", ".join(f"{each:#x}" for each in sorted({each for each, _ in assigned})) or "none"
        report_defect(
            "INT-16",
            f"IoConnectInterrupt: Vector must be one that Plug and Play has assigned to a device, {known}; it was"
            f" {vector:#x}, on which no device interrupts: {_STEP}",
        )
    elif (mode == Latched) not in modes:
        report_defect(
            "INT-16",
            f"IoConnectInterrupt: InterruptMode must be {_mode(next(iter(modes)))}, as the resource of vector"
            f" {vector:#x} says; it was {_mode(mode)}: look at CM_RESOURCE_INTERRUPT_LATCHED in its Flags",
        )


def _mode(mode: int) -> str:
    return _MODES[mode == Latched]
