# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The only place that changes an IRQL."""

from __future__ import annotations

from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.processors.processor import STOPPED_IRQL, Processor
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VF_LOWER_IRQL,
    VF_RAISE_IRQL,
)
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    HIGH_LEVEL,
    IRQL_NAMES,
    PASSIVE_LEVEL,
    SYNCH_LEVEL,
)

__all__ = [
    "current_irql",
    "enter",
    "irql_name",
    "lower_irql",
    "raise_irql",
    "raise_irql_to_dpc_level",
    "raise_irql_to_synch_level",
    "restore_irql",
]


_LEVELS: Final = range(HIGH_LEVEL + 1)
# By the old and the new IRQL: the new one if the change is legal, else None. A new one that is not the very element, as
# a negative number, is not legal either. The table takes the place of two comparisons and a look at the type: with it
# "raise and lower" in bench/ke_paths.py takes 0.29 instead of 0.35 µs.
_RAISED: Final = tuple(
    tuple(new if new >= old else None for new in _LEVELS) for old in range(STOPPED_IRQL + 1)
)
_LOWERED: Final = tuple(
    tuple(new if new <= old <= HIGH_LEVEL else None for new in _LEVELS) for old in range(STOPPED_IRQL + 1)
)
_ROUTINES: Final = {VF_RAISE_IRQL: "KeRaiseIrql", VF_LOWER_IRQL: "KeLowerIrql"}


def irql_name(irql: int) -> str:
    """Return the name that the WDK has for an IRQL."""
    return IRQL_NAMES.get(irql) or (f"DIRQL {irql}" if DISPATCH_LEVEL < irql < SYNCH_LEVEL else str(irql))


def enter(processor: Processor, irql: int) -> int:
    """Put a processor to an IRQL without any check or preemption, for the kernel itself; return the old IRQL."""
    old_irql = processor.irql
    processor.irql = irql
    hooks = current.kernel.hooks
    if hooks.irql_changed is not None:
        hooks.irql_changed(processor, irql)
    return old_irql


# Routines for drivers.


def current_irql() -> int:
    """Return the IRQL of the current processor; follows KeGetCurrentIrql."""
    irql = current.processor.irql
    if irql == STOPPED_IRQL and not current.is_running():
        current.kernel.refuse()
    return irql


def raise_irql(new_irql: int) -> int:
    """Raise the IRQL and return the old one; follows KeRaiseIrql.

    The clocks of the call are charged by `lower_irql`.
    The IRQL that the processor has already is legal. A lower one, or one above HIGH_LEVEL, is bug check 0xC4/0x30 for a
    verified driver; for others the processor gets the lower IRQL, as on NT.
    """
    processor = current.processor
    old_irql = processor.irql
    try:
        if _RAISED[old_irql][new_irql] is not new_irql:
            _check_new(processor, VF_RAISE_IRQL, new_irql)
    except (TypeError, IndexError, OverflowError):
        _check_new(processor, VF_RAISE_IRQL, new_irql)
    # `enter` is written out here and in the routines below; two calls would cost 0.1 µs, a third of "raise and lower"
    # in bench/ke_paths.py.
    processor.irql = new_irql
    hooks = current.kernel.hooks
    if hooks.irql_changed is not None:
        hooks.irql_changed(processor, new_irql)
    return old_irql


def raise_irql_to_dpc_level() -> int:
    """Raise the IRQL to DISPATCH_LEVEL and return the old one; follows KeRaiseIrqlToDpcLevel."""
    return raise_irql(DISPATCH_LEVEL)


def raise_irql_to_synch_level() -> int:
    """Raise the IRQL to SYNCH_LEVEL and return the old one; follows KeRaiseIrqlToSynchLevel."""
    return raise_irql(SYNCH_LEVEL)


def lower_irql(new_irql: int) -> None:
    """Lower the IRQL and take the interrupts and DPCs that it held off; follows KeLowerIrql.

    A higher IRQL than the current one is bug check 0xC4/0x31 for a verified driver; for others the processor gets it.
    """
    processor = current.processor
    try:
        if _LOWERED[processor.irql][new_irql] is not new_irql:
            _check_new(processor, VF_LOWER_IRQL, new_irql)
    except (TypeError, IndexError, OverflowError):
        _check_new(processor, VF_LOWER_IRQL, new_irql)
    kernel = current.kernel
    clock = kernel.clock
    spent = clock.spent = clock.spent + kernel.call_clocks
    processor.irql = new_irql
    hooks = kernel.hooks
    if hooks.irql_changed is not None:
        hooks.irql_changed(processor, new_irql)
    # These are the reasons for which `preempt` would do anything. Without them "raise and lower" in bench/ke_paths.py
    # would take 0.32 instead of 0.27 µs.
    if spent >= clock.horizon or kernel.is_eager:
        current.dispatcher.preempt()
    elif new_irql < DISPATCH_LEVEL:
        queue = processor.dpcs
        if (
            queue.requested
            or queue.running is not None
            or kernel.ready.highest > processor.current_thread.priority
        ):
            current.dispatcher.preempt()


def restore_irql(new_irql: int) -> None:
    """Do as `lower_irql` as a part of a routine that has been charged already."""
    processor = current.processor
    if not 0 <= new_irql <= processor.irql <= HIGH_LEVEL:
        _check_change(processor, VF_LOWER_IRQL, new_irql)
    processor.irql = new_irql
    kernel = current.kernel
    hooks = kernel.hooks
    if hooks.irql_changed is not None:
        hooks.irql_changed(processor, new_irql)
    # The reasons of `lower_irql`: with a call of `preempt` each time "spin lock" would take a tenth longer.
    clock = kernel.clock
    if clock.spent >= clock.horizon or kernel.is_eager:
        current.dispatcher.preempt()
    elif new_irql < DISPATCH_LEVEL:
        queue = processor.dpcs
        if (
            queue.requested
            or queue.running is not None
            or kernel.ready.highest > processor.current_thread.priority
        ):
            current.dispatcher.preempt()


def _check_new(processor: Processor, violation: int, new_irql: object) -> None:
    """Check an IRQL that is not in the table. Raises `TypeError` if it is no number; a bool is one."""
    if not isinstance(new_irql, int):
        routine = _ROUTINES[violation]
        raise TypeError(f"{routine}: NewIrql must be an integer (KIRQL); it was {new_irql!r}")
    lowest, highest = (
        (processor.irql, HIGH_LEVEL) if violation == VF_RAISE_IRQL else (PASSIVE_LEVEL, processor.irql)
    )
    if not lowest <= new_irql <= highest <= HIGH_LEVEL:
        _check_change(processor, violation, new_irql)


def _check_change(processor: Processor, violation: int, new_irql: int) -> None:
    """Bug check for a change in the wrong direction, unless the driver is not verified and such an IRQL exists."""
    kernel = current.kernel
    if processor.irql == STOPPED_IRQL:
        kernel.refuse()
    routine = _ROUTINES[violation]
    if 0 <= new_irql <= HIGH_LEVEL and not kernel.verifier.is_verified(processor.driver):
        return
    side, limit = (
        ("at or above", f"not above {irql_name(HIGH_LEVEL)}")
        if violation == VF_RAISE_IRQL
        else ("at or below", f"not below {irql_name(PASSIVE_LEVEL)}")
    )
    reason = (
        f"the new IRQL of {routine} must be {side} the current one, {irql_name(processor.irql)}, and {limit};"
        f" it was {irql_name(new_irql)}"
    )
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, processor.irql, new_irql, 0, reason=reason)
