# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The only place that changes an IRQL, and the contracts of kernel routines, which state the levels they may run at."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar, cast

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.nt import constants
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    IRQL_NOT_GREATER_OR_EQUAL,
    IRQL_NOT_LESS_OR_EQUAL,
    VF_LOWER_IRQL,
    VF_RAISE_IRQL,
)
from dirql.nt.constants import APC_LEVEL, CLOCK_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL, SYNCH_LEVEL

if TYPE_CHECKING:
    from dirql.ke.kernel import Kernel
    from dirql.ke.processors.processor import Processor

__all__ = [
    "Contract",
    "contract",
    "current_irql",
    "enter",
    "freeze",
    "irql_name",
    "leave",
    "lower_irql",
    "raise_irql",
    "raise_irql_to_dpc_level",
    "raise_irql_to_synch_level",
]

P = ParamSpec("P")
R = TypeVar("R")

# The level of a kernel that has stopped. It is above all others, so that each check of a level refuses and nothing asks
# on its own whether the kernel still runs.
_STOPPED = HIGH_LEVEL + 1

_NAMES = {
    PASSIVE_LEVEL: "PASSIVE_LEVEL",
    APC_LEVEL: "APC_LEVEL",
    DISPATCH_LEVEL: "DISPATCH_LEVEL",
    SYNCH_LEVEL: "SYNCH_LEVEL",
    CLOCK_LEVEL: "CLOCK_LEVEL",
    constants.IPI_LEVEL: "IPI_LEVEL",
    HIGH_LEVEL: "HIGH_LEVEL",
}


def irql_name(irql: int) -> str:
    """A level as the WDK calls it."""
    return _NAMES.get(irql) or (f"DIRQL {irql}" if DISPATCH_LEVEL < irql < SYNCH_LEVEL else str(irql))


# The changes themselves. None of these checks anything or preempts.


def enter(processor: Processor, irql: int) -> int:
    """Put a processor to another level, on the kernel's own behalf; returns the level before."""
    old_irql = processor.irql
    processor.irql = irql
    hook = processor.hooks.irql_changed
    if hook is not None:
        hook(processor, irql)
    return old_irql


leave = enter


def freeze(kernel: Kernel) -> None:
    """Put all processors above every level: no kernel routine may be called any more."""
    for processor in kernel.processors:
        processor.irql = _STOPPED


# What drivers call.


def current_irql() -> int:
    """The level of the current processor (KeGetCurrentIrql)."""
    return current.processor.irql


def raise_irql(new_irql: int) -> int:
    """Raise the level and return the old one (KeRaiseIrql).

    The level held already is legal. Otherwise a lower level, or one above HIGH_LEVEL, is bug check 0xC4/0x30.
    """
    processor = current.processor
    old_irql = processor.irql
    if not old_irql <= new_irql <= HIGH_LEVEL:
        _refuse_change(processor, VF_RAISE_IRQL, new_irql)
    processor.irql = new_irql
    hook = processor.hooks.irql_changed
    if hook is not None:
        hook(processor, new_irql)
    return old_irql


def raise_irql_to_dpc_level() -> int:
    """Raise the level to DISPATCH_LEVEL (KeRaiseIrqlToDpcLevel)."""
    return raise_irql(DISPATCH_LEVEL)


def raise_irql_to_synch_level() -> int:
    """Raise the level to SYNCH_LEVEL (KeRaiseIrqlToSynchLevel)."""
    return raise_irql(SYNCH_LEVEL)


def lower_irql(new_irql: int) -> None:
    """Lower the level (KeLowerIrql) and let in what it kept out.

    A higher level than the current one is bug check 0xC4/0x31.
    """
    processor = current.processor
    if not 0 <= new_irql <= processor.irql <= HIGH_LEVEL:
        _refuse_change(processor, VF_LOWER_IRQL, new_irql)
    processor.irql = new_irql
    hook = processor.hooks.irql_changed
    if hook is not None:
        hook(processor, new_irql)
    current.dispatcher.preempt()


def _refuse_change(processor: Processor, violation: int, new_irql: int) -> NoReturn:
    if processor.irql == _STOPPED:
        processor.kernel.refuse()
    verb, bound = ("raised", "above") if violation == VF_RAISE_IRQL else ("lowered", "below")
    reason = (
        f"the IRQL can only be {verb}: the new level must not be {'below' if verb == 'raised' else 'above'} the current"
        f" one, {irql_name(processor.irql)}, nor {bound} the last level there is; it was {irql_name(new_irql)}"
    )
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, processor.irql, new_irql, 0, reason=reason)


# Contracts.


@dataclass(frozen=True, slots=True)
class Contract:
    """The levels at which a routine may be called, and the bug check for any other."""

    routine: str
    max_irql: int
    min_irql: int
    code: int | None
    subcode: int

    def levels(self) -> str:
        """The levels in words."""
        if self.max_irql == self.min_irql:
            return f"at {irql_name(self.min_irql)}"
        parts = []
        if self.min_irql > PASSIVE_LEVEL:
            parts.append(f"at or above {irql_name(self.min_irql)}")
        if self.max_irql < HIGH_LEVEL:
            parts.append(f"at or below {irql_name(self.max_irql)}")
        return " and ".join(parts) or "at any level"

    def broken(self, argument: object) -> NoReturn:
        """Bug check; `argument` is the routine's first, usually the object that it is about."""
        processor = current.processor
        irql = processor.irql
        if irql == _STOPPED:
            processor.kernel.refuse()
        reason = f"{self.routine} must be called {self.levels()}; it was called at {irql_name(irql)}"
        if self.code is not None:
            bug_check(self.code, self.subcode, irql, argument, 0, reason=reason)
        code = IRQL_NOT_GREATER_OR_EQUAL if irql < self.min_irql else IRQL_NOT_LESS_OR_EQUAL
        bug_check(code, argument, irql, 0, self.routine, reason=reason)


def contract(
    *, max_irql: int = HIGH_LEVEL, min_irql: int = PASSIVE_LEVEL, code: int | None = None, subcode: int = 0
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """State the levels at which a kernel routine may be called.

    The statement is the routine's `__contract__`; it is checked at each call, each call costs `Costs.kernel_call`,
    and with several processors or a random schedule each call is a point of preemption. The bug check is
    `code` with the parameters `subcode`, the level, the routine's first argument; without a code it is 0xA or 0x9.
    """

    def decorate(routine: Callable[P, R]) -> Callable[P, R]:
        stated = Contract(routine.__qualname__, max_irql, min_irql, code, subcode)
        checked = _checked(cast("FunctionType", routine), stated)
        checked.__dict__["__contract__"] = stated
        return cast("Callable[P, R]", checked)

    return decorate


# One closure for each number of parameters: collecting arguments in a tuple would cost more than the check itself.


def _one(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(first: object) -> object:
        here = current.processor
        if not low <= here.irql <= high:
            stated.broken(first)
        here.clock.spent += here.call_cost
        if here.is_eager:
            current.dispatcher.preempt()
        return routine(first)

    return cast("FunctionType", checked)


def _two(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(first: object, second: object) -> object:
        here = current.processor
        if not low <= here.irql <= high:
            stated.broken(first)
        here.clock.spent += here.call_cost
        if here.is_eager:
            current.dispatcher.preempt()
        return routine(first, second)

    return cast("FunctionType", checked)


def _three(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(first: object, second: object, third: object) -> object:
        here = current.processor
        if not low <= here.irql <= high:
            stated.broken(first)
        here.clock.spent += here.call_cost
        if here.is_eager:
            current.dispatcher.preempt()
        return routine(first, second, third)

    return cast("FunctionType", checked)


def _many(routine: FunctionType, stated: Contract) -> FunctionType:
    low, high = stated.min_irql, stated.max_irql

    def checked(*args: object, **kwargs: object) -> object:
        here = current.processor
        if not low <= here.irql <= high:
            stated.broken(args[0] if args else 0)
        here.clock.spent += here.call_cost
        if here.is_eager:
            current.dispatcher.preempt()
        return routine(*args, **kwargs)

    return cast("FunctionType", checked)


_BY_PARAMETERS = {1: _one, 2: _two, 3: _three}


def _checked(routine: FunctionType, stated: Contract) -> FunctionType:
    """`routine` behind its check, with the same parameters and defaults."""
    parameters = inspect.signature(routine).parameters.values()
    plain = all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
    checked = (_BY_PARAMETERS.get(len(parameters), _many) if plain else _many)(routine, stated)
    if "first" in checked.__code__.co_varnames:
        # The parameters take the routine's names, so that a call may name them.
        names = (*routine.__code__.co_varnames[: len(parameters)], "here")
        checked.__code__ = checked.__code__.replace(co_varnames=names)
        checked.__defaults__ = routine.__defaults__
    update_wrapper(checked, routine)
    return checked
