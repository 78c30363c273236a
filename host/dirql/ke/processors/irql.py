# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The only place that changes an IRQL, and the contracts of kernel routines: the IRQLs at which they may be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.ke.processors.processor import STOPPED_IRQL, Processor
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_DMA_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    IRQL_NOT_GREATER_OR_EQUAL,
    IRQL_NOT_LESS_OR_EQUAL,
    VF_LOWER_IRQL,
    VF_RAISE_IRQL,
)
from dirql.nt.constants import (
    APC_LEVEL,
    CLOCK_LEVEL,
    DISPATCH_LEVEL,
    HIGH_LEVEL,
    IPI_LEVEL,
    PASSIVE_LEVEL,
    SYNCH_LEVEL,
)

__all__ = [
    "Contract",
    "charge_call",
    "contract",
    "current_irql",
    "enter",
    "irql_name",
    "lower_irql",
    "raise_irql",
    "raise_irql_to_dpc_level",
    "raise_irql_to_synch_level",
]

P = ParamSpec("P")
R = TypeVar("R")

_NAMES = {
    PASSIVE_LEVEL: "PASSIVE_LEVEL",
    APC_LEVEL: "APC_LEVEL",
    DISPATCH_LEVEL: "DISPATCH_LEVEL",
    SYNCH_LEVEL: "SYNCH_LEVEL",
    CLOCK_LEVEL: "CLOCK_LEVEL",
    IPI_LEVEL: "IPI_LEVEL",
    HIGH_LEVEL: "HIGH_LEVEL",
}


def irql_name(irql: int) -> str:
    """Return the name that the WDK has for an IRQL."""
    return _NAMES.get(irql) or (f"DIRQL {irql}" if DISPATCH_LEVEL < irql < SYNCH_LEVEL else str(irql))


def enter(processor: Processor, irql: int) -> int:
    """Put a processor to an IRQL without any check or preemption, for the kernel itself; return the old IRQL."""
    old_irql = processor.irql
    processor.irql = irql
    hook = current.kernel.hooks.irql_changed
    if hook is not None:
        hook(processor, irql)
    return old_irql


# Routines for drivers.


def current_irql() -> int:
    """Return the IRQL of the current processor; follows KeGetCurrentIrql."""
    return current.processor.irql


def raise_irql(new_irql: int) -> int:
    """Raise the IRQL and return the old one; follows KeRaiseIrql.

    The IRQL that the processor has already is legal. A lower one, or one above HIGH_LEVEL, is bug check 0xC4/0x30 for a
    verified driver; for others the processor gets the lower IRQL, as on NT.
    """
    processor = current.processor
    if not processor.irql <= new_irql <= HIGH_LEVEL:
        _check_change(processor, VF_RAISE_IRQL, new_irql)
    # `enter` is written out here and in `lower_irql`: the two calls would cost 0.1 µs, a third of "raise and lower" in
    # bench/ke_paths.py.
    old_irql = processor.irql
    processor.irql = new_irql
    hook = current.kernel.hooks.irql_changed
    if hook is not None:
        hook(processor, new_irql)
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
    if not 0 <= new_irql <= processor.irql <= HIGH_LEVEL:
        _check_change(processor, VF_LOWER_IRQL, new_irql)
    processor.irql = new_irql
    hook = current.kernel.hooks.irql_changed
    if hook is not None:
        hook(processor, new_irql)
    current.dispatcher.preempt()


def _check_change(processor: Processor, violation: int, new_irql: int) -> None:
    """Bug check for a change in the wrong direction, unless the driver is not verified and such an IRQL exists."""
    kernel = current.kernel
    if processor.irql == STOPPED_IRQL:
        kernel.refuse()
    if 0 <= new_irql <= HIGH_LEVEL and not kernel.verifier.is_verified(processor.driver):
        return
    routine, side, limit = (
        ("KeRaiseIrql", "at or above", f"not above {irql_name(HIGH_LEVEL)}")
        if violation == VF_RAISE_IRQL
        else ("KeLowerIrql", "at or below", f"not below {irql_name(PASSIVE_LEVEL)}")
    )
    reason = (
        f"the new IRQL of {routine} must be {side} the current one, {irql_name(processor.irql)}, and {limit};"
        f" it was {irql_name(new_irql)}"
    )
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, processor.irql, new_irql, 0, reason=reason)


# Contracts.

_CODES_OF_DRIVER_VERIFIER = (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    DRIVER_VERIFIER_DMA_VIOLATION,
)


def charge_call() -> None:
    """Spend the clocks of a kernel call, and be a point of preemption if each kernel call is one."""
    kernel = current.kernel
    kernel.clock.spend(kernel.costs.kernel_call)
    if kernel.is_eager:
        current.dispatcher.preempt()


@dataclass(frozen=True, slots=True)
class Contract:
    """The IRQLs at which a routine may be called, and the bug check for any other."""

    routine: str
    max_irql: int
    min_irql: int
    code: int | None
    """The bug check; None for 0xA or 0x9."""
    subcode: int

    def levels(self) -> str:
        """The legal IRQLs in words."""
        if self.max_irql == self.min_irql:
            return f"at {irql_name(self.min_irql)}"
        parts = []
        if self.min_irql > PASSIVE_LEVEL:
            parts.append(f"at or above {irql_name(self.min_irql)}")
        if self.max_irql < HIGH_LEVEL:
            parts.append(f"at or below {irql_name(self.max_irql)}")
        return " and ".join(parts) or "at any level"

    def broken(self, argument: object) -> None:
        """Bug check, or return if only Driver Verifier has the rule and the driver is not verified.

        `argument` is the first argument of the routine, usually the object that the routine is about.
        """
        processor = current.processor
        kernel = current.kernel
        irql = processor.irql
        if irql == STOPPED_IRQL:
            kernel.refuse()
        reason = f"{self.routine} must be called {self.levels()}; it was called at {irql_name(irql)}"
        if self.code is None:
            code = IRQL_NOT_GREATER_OR_EQUAL if irql < self.min_irql else IRQL_NOT_LESS_OR_EQUAL
            bug_check(code, argument, irql, 0, self.routine, reason=reason)
        if self.code not in _CODES_OF_DRIVER_VERIFIER or kernel.verifier.is_verified(processor.driver):
            bug_check(self.code, self.subcode, irql, argument, 0, reason=reason)


def contract(
    *, max_irql: int = HIGH_LEVEL, min_irql: int = PASSIVE_LEVEL, code: int | None = None, subcode: int = 0
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """State the IRQLs at which a kernel routine may be called, and check them at each call.

    Each call also costs `Costs.kernel_call`, and is a point of preemption with several processors or a random
    schedule. A rule without a `code` is bug check 0xA or 0x9, any other is `code` with the parameters `subcode`, the
    IRQL and the first argument of the routine. A rule with a code of Driver Verifier's (0xC4, 0xC9, 0xE6) holds for
    verified drivers alone, every other rule for all. The statement is kept as `__contract__` of the routine.
    """

    def decorate(routine: Callable[P, R]) -> Callable[P, R]:
        stated = Contract(routine.__qualname__, max_irql, min_irql, code, subcode)

        checked = _checked(cast("FunctionType", routine), stated)
        vars(checked)["__contract__"] = stated
        return cast("Callable[P, R]", checked)

    return decorate


# One closure for each of the usual numbers of parameters, with the check and `charge_call` written out. A single
# wrapper that collects its arguments takes 0.10 to 0.14 µs more: it would nearly double the cheapest kernel call, and
# make a spin lock a third slower ("contract call" and "spin lock" in bench/ke_paths.py).


def _one(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(first: object) -> object:
        if not low <= current.processor.irql <= high:
            stated.broken(first)
        kernel = current.kernel
        kernel.clock.spend(kernel.costs.kernel_call)
        if kernel.is_eager:
            current.dispatcher.preempt()
        return routine(first)

    return cast("FunctionType", checked)


def _two(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(first: object, second: object) -> object:
        if not low <= current.processor.irql <= high:
            stated.broken(first)
        kernel = current.kernel
        kernel.clock.spend(kernel.costs.kernel_call)
        if kernel.is_eager:
            current.dispatcher.preempt()
        return routine(first, second)

    return cast("FunctionType", checked)


def _three(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(first: object, second: object, third: object) -> object:
        if not low <= current.processor.irql <= high:
            stated.broken(first)
        kernel = current.kernel
        kernel.clock.spend(kernel.costs.kernel_call)
        if kernel.is_eager:
            current.dispatcher.preempt()
        return routine(first, second, third)

    return cast("FunctionType", checked)


def _many(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(*args: object, **kwargs: object) -> object:
        if not low <= current.processor.irql <= high:
            stated.broken(args[0] if args else 0)
        charge_call()
        return routine(*args, **kwargs)

    return cast("FunctionType", checked)


_BY_PARAMETERS = {1: _one, 2: _two, 3: _three}


def _checked(routine: FunctionType, stated: Contract) -> FunctionType:
    """Return `routine` behind its check, with the same parameters and defaults."""
    parameters = inspect.signature(routine).parameters.values()
    plain = all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
    checked = (_BY_PARAMETERS.get(len(parameters), _many) if plain else _many)(routine, stated)
    if "first" in checked.__code__.co_varnames:
        # The parameters take the names that they have in the routine, so that a call may name them.
        names = (*routine.__code__.co_varnames[: len(parameters)], "kernel")
        checked.__code__ = checked.__code__.replace(co_varnames=names)
        checked.__defaults__ = routine.__defaults__
    update_wrapper(checked, routine)
    return checked
