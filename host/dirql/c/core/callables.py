# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Callables of Python that drivers in C call by pointers: each gets an entry point of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from inspect import signature

from dirql.c.core.forms import NUMBERS, OBJECT, Converters, argument, result
from dirql.c.core.interface import FUNCTIONS
from dirql.c.core.native_module import Native, Value
from dirql.c.core.stubs import FREE_STUBS

__all__ = ["Callables"]


class Callables:
    """Gives callables of Python the addresses of stubs."""

    def __init__(self, native: Native) -> None:
        self._native = native
        self._free: Iterator[int] = iter(FREE_STUBS)

    def address_of(self, routine: Callable[..., object]) -> int | None:
        """The address of a new stub for a callable of unknown type; None if there is none left.

        The callable gets the objects that the system has at its arguments, and other arguments as numbers.
        """
        try:
            count = len(signature(routine).parameters)
        except (TypeError, ValueError):
            return None
        return self._bind(routine, NUMBERS["u8"], [(OBJECT, None)] * count)

    def typed(self, kind: str, routine: Callable[..., object], converters: Converters) -> int | None:
        """The same for a callable that takes all parameters of the function type `kind`, pointers as addresses."""
        form, parameters = FUNCTIONS[kind]
        values = [argument(name, each, direction, converters) for name, each, direction in parameters]
        return self._bind(routine, result(form)[0], values)

    def _bind(self, routine: Callable[..., object], back: int, values: Sequence[Value]) -> int | None:
        number = next(self._free, None)
        if number is None:
            return None
        self._native.bind(number, routine, (back, None), tuple(enumerate(values)), ())
        return self._native.stub_address(number)
