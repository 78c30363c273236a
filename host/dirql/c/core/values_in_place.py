# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that read a value behind a pointer and write another one there: Python gets the first and returns the other.

Behind its status such a routine returns the new values in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.c.core.binding import python_callable
from dirql.c.core.faults import Faults
from dirql.c.core.interface import ROUTINES
from dirql.c.core.native_module import Native

__all__ = ["routines_with_values_in_place"]

_CELL: Final = 8
_IN_PLACE: Final = {
    "ZwAllocateVirtualMemory": (1, 3),
    "ZwFreeVirtualMemory": (1, 2),
    "ZwMapViewOfSection": (2, 5, 6),
}
"""The places of the pointers among the arguments; each points to 8 bytes."""
_OPTIONAL: Final = ("ZwMapViewOfSection", 5)
"""The pointer that may be NULL."""


def routines_with_values_in_place(native: Native, faults: Faults) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""

    def read(address: object) -> int:
        place = address if isinstance(address, int) else 0
        faults.make_usable(place, _CELL, write=True)
        return int.from_bytes(native.read_bytes(place, _CELL), "little")

    def write(address: object, value: object) -> None:
        if isinstance(address, int) and isinstance(value, int | None):
            native.write_bytes(address, (value or 0).to_bytes(_CELL, "little"))

    def wrapped(name: str, places: tuple[int, ...]) -> Callable[..., object]:
        routine = python_callable(ROUTINES[name][0])

        def call(*arguments: object) -> object:
            values = list(arguments)
            for place in places:
                is_null = arguments[place] is None and (name, place) == _OPTIONAL
                values[place] = None if is_null else read(arguments[place])
            result = routine(*values)
            assert isinstance(result, tuple)
            for place, value in zip(places, result[1:], strict=True):
                write(arguments[place], value)
            return result[0]

        return call

    def map_in_system(section: int, mapped_base: int | None, view_size: int | None) -> object:
        found = native.objects.get(section, section)
        result = python_callable(ROUTINES["MmMapViewInSystemSpace"][0])(found, read(view_size))
        assert isinstance(result, tuple)
        status, base, size = result
        if base is not None:
            write(mapped_base, base)
            write(view_size, size)
        return status

    routines: dict[str, Callable[..., object]] = {"MmMapViewInSystemSpace": map_in_system}
    routines.update({name: wrapped(name, places) for name, places in _IN_PLACE.items()})
    return routines
