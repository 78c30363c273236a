# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The decorator that keeps the contract of a kernel routine.

host/wdk describes the contract of each routine once: its WDK name and the IRQLs at which it may be called. The
decorator finds it by the module and the name of the routine.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import update_wrapper
from types import FunctionType
from typing import ParamSpec, TypeVar, cast

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.ke.processors.irql import irql_name
from dirql.ke.processors.processor import STOPPED_IRQL
from dirql.nt.bugcodes import IRQL_NOT_GREATER_OR_EQUAL, IRQL_NOT_LESS_OR_EQUAL
from dirql.nt.constants import HIGH_LEVEL, PASSIVE_LEVEL
from dirql.nt.contract import Contract, Pointer
from dirql.nt.contracts import CONTRACTS

__all__ = ["charge_call", "contract", "contract_of", "keep"]

P = ParamSpec("P")
R = TypeVar("R")


def contract(routine: Callable[P, R]) -> Callable[P, R]:
    """Check at each call of `routine` the IRQLs that host/wdk states for it.

    Each call also costs `Costs.kernel_call`, and is a point of preemption with several processors or a random
    schedule. The contract is kept as `__contract__` of the routine. A routine that host/wdk does not describe is a
    `LookupError`.
    """
    place = f"{routine.__module__.removeprefix('dirql.')}:{routine.__qualname__}"
    if place not in CONTRACTS:
        raise LookupError(
            f"a routine with @contract must be described in host/wdk/routines; {place} is not: describe it, with"
            f' python = "{place}", and run `make wdk`'
        )
    return keep(CONTRACTS[place], routine)


def contract_of(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check at each call of a routine the contract of the WDK routine `name`, which it is a part of."""
    whole = next(each for each in CONTRACTS.values() if each.routine == name)
    stated = replace(whole, pointers=())  # the part may have other parameters

    def decorate(routine: Callable[P, R]) -> Callable[P, R]:
        return keep(stated, routine)

    return decorate


def keep(stated: Contract, routine: Callable[P, R]) -> Callable[P, R]:
    """Return `routine` behind a check of the contract `stated`.

    Both get the routine's WDK name, which Python's own error for a wrong number of arguments shows.
    """
    routine.__qualname__ = stated.routine
    checked = _checked(cast("FunctionType", routine), stated)
    vars(checked)["__contract__"] = stated
    return cast("Callable[P, R]", checked)


def charge_call() -> None:
    """Spend the clocks of a kernel call, and be a point of preemption if each kernel call is one."""
    kernel = current.kernel
    kernel.clock.spent += kernel.costs.kernel_call
    if kernel.is_eager:
        current.dispatcher.preempt()


def _levels(stated: Contract) -> str:
    """The legal IRQLs in words."""
    if stated.max_irql == stated.min_irql:
        return f"at {irql_name(stated.min_irql)}"
    parts = []
    if stated.min_irql > PASSIVE_LEVEL:
        parts.append(f"at or above {irql_name(stated.min_irql)}")
    if stated.max_irql < HIGH_LEVEL:
        parts.append(f"at or below {irql_name(stated.max_irql)}")
    return " and ".join(parts) or "at any level"


def _refuse(stated: Contract, argument: object) -> None:
    """Bug check, or return if only Driver Verifier has the rule and the driver is not verified.

    `argument` is the first argument of the routine, usually the object that the routine is about.
    """
    processor = current.processor
    kernel = current.kernel
    irql = processor.irql
    if irql == STOPPED_IRQL:
        kernel.refuse()
    reason = f"{stated.routine} must be called {_levels(stated)}; it was called at {irql_name(irql)}"
    violation = stated.violation
    if violation is None:
        code = IRQL_NOT_GREATER_OR_EQUAL if irql < stated.min_irql else IRQL_NOT_LESS_OR_EQUAL
        bug_check(code, argument, irql, 0, stated.routine, reason=reason)
    if kernel.verifier.is_verified(processor.driver):
        bug_check(violation.code, violation.subcode, irql, argument, 0, reason=reason)


def _explain(stated: Contract, error: Exception, *arguments: object) -> None:
    """Raise the `TypeError` that names the first wrong object among the arguments; return if all are right.

    A routine does not look at the types of the objects that it gets, which would slow each call. A wrong object shows
    as Python's own error, which says neither the routine nor the parameter.
    """
    if error.__traceback__ is None or error.__traceback__.tb_next is None:
        return  # the call itself failed, because it has a wrong number of arguments
    for pointer in stated.pointers:
        if pointer.position >= len(arguments):
            return
        argument = arguments[pointer.position]
        if not _fits(pointer, argument):
            null = " or be None" if pointer.optional else ""
            raise TypeError(
                f"{stated.routine}: {pointer.name} must have the type {pointer.type}{null}; it was {argument!r}"
            ) from error


def _fits(pointer: Pointer, argument: object) -> bool:
    """Whether the argument is an object of the class, or a NULL that is legal."""
    if argument is None:
        return pointer.optional
    bases = type(argument).__mro__
    return f"dirql.{pointer.python}" in {f"{base.__module__}:{base.__qualname__}" for base in bases}


def _legal(stated: Contract) -> tuple[bool, ...]:
    """For each IRQL, and for the one of a stopped kernel, whether the routine may be called.

    A look into this table takes 0.012 µs less than a comparison with both limits, a tenth of the cheapest kernel call
    ("contract call" in bench/ke_paths.py).
    """
    return tuple(stated.min_irql <= irql <= stated.max_irql for irql in range(STOPPED_IRQL + 1))


# One closure for each of the usual numbers of parameters, with the check and `charge_call` written out. A single
# wrapper that collects its arguments takes 0.10 to 0.14 µs more: it would nearly double the cheapest kernel call, and
# make a spin lock a third slower ("contract call" and "spin lock" in bench/ke_paths.py).


def _one(routine: FunctionType, stated: Contract) -> FunctionType:
    is_legal = _legal(stated)

    def checked(first: object) -> object:
        if not is_legal[current.processor.irql]:
            _refuse(stated, first)
        kernel = current.kernel
        kernel.clock.spent += kernel.costs.kernel_call
        if kernel.is_eager:
            current.dispatcher.preempt()
        try:
            return routine(first)
        except (AttributeError, TypeError) as error:
            _explain(stated, error, first)
            raise

    return cast("FunctionType", checked)


def _two(routine: FunctionType, stated: Contract) -> FunctionType:
    is_legal = _legal(stated)

    def checked(first: object, second: object) -> object:
        if not is_legal[current.processor.irql]:
            _refuse(stated, first)
        kernel = current.kernel
        kernel.clock.spent += kernel.costs.kernel_call
        if kernel.is_eager:
            current.dispatcher.preempt()
        try:
            return routine(first, second)
        except (AttributeError, TypeError) as error:
            _explain(stated, error, first, second)
            raise

    return cast("FunctionType", checked)


def _three(routine: FunctionType, stated: Contract) -> FunctionType:
    is_legal = _legal(stated)

    def checked(first: object, second: object, third: object) -> object:
        if not is_legal[current.processor.irql]:
            _refuse(stated, first)
        kernel = current.kernel
        kernel.clock.spent += kernel.costs.kernel_call
        if kernel.is_eager:
            current.dispatcher.preempt()
        try:
            return routine(first, second, third)
        except (AttributeError, TypeError) as error:
            _explain(stated, error, first, second, third)
            raise

    return cast("FunctionType", checked)


def _many(routine: FunctionType, stated: Contract) -> FunctionType:
    is_legal = _legal(stated)

    def checked(*args: object, **kwargs: object) -> object:
        if not is_legal[current.processor.irql]:
            _refuse(stated, args[0] if args else 0)
        kernel = current.kernel
        kernel.clock.spent += kernel.costs.kernel_call
        if kernel.is_eager:
            current.dispatcher.preempt()
        try:
            return routine(*args, **kwargs)
        except (AttributeError, TypeError) as error:
            _explain(stated, error, *args)
            raise

    return cast("FunctionType", checked)


_BY_PARAMETERS = {1: _one, 2: _two, 3: _three}


def _checked(routine: FunctionType, stated: Contract) -> FunctionType:
    """Return `routine` behind its check, with the same parameters and defaults."""
    parameters = inspect.signature(routine).parameters.values()
    plain = all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)
    checked = (_BY_PARAMETERS.get(len(parameters), _many) if plain else _many)(routine, stated)
    if "first" in checked.__code__.co_varnames:
        # The parameters take the names that they have in the routine, so that a call may name them.
        names = routine.__code__.co_varnames[: len(parameters)]
        own = checked.__code__.co_varnames[len(parameters) :]
        checked.__code__ = checked.__code__.replace(co_varnames=(*names, *own))
        checked.__defaults__ = routine.__defaults__
    update_wrapper(checked, routine)
    return checked
