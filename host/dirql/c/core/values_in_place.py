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
_ULONG: Final = 4
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
    memory = _Memory(native, faults)
    routines: dict[str, Callable[..., object]] = {
        "MmMapViewInSystemSpace": memory.map_view_in_system_space,
        "HalTranslateBusAddress": memory.translate_bus_address,
    }
    routines.update({name: memory.wrapped(name, places) for name, places in _IN_PLACE.items()})
    return routines


class _Memory:
    """The memory that the pointers lead to, and the routines that use it."""

    def __init__(self, native: Native, faults: Faults) -> None:
        self._native = native
        self._faults = faults

    def read(self, address: object, size: int = _CELL) -> int:
        """The value behind a pointer; raises as a page fault there does."""
        place = address if isinstance(address, int) else 0
        self._faults.make_usable(place, size, write=True)
        return int.from_bytes(self._native.read_bytes(place, size), "little")

    def write(self, address: object, value: object, size: int = _CELL) -> None:
        """Replace the value behind a pointer; NULL for None."""
        if isinstance(address, int) and isinstance(value, int | None):
            self._native.write_bytes(address, (value or 0).to_bytes(size, "little"))

    def wrapped(self, name: str, places: tuple[int, ...]) -> Callable[..., object]:
        """A routine for C that has pointers at these places of its arguments."""
        routine = python_callable(ROUTINES[name][0])

        def call(*arguments: object) -> object:
            values = list(arguments)
            for place in places:
                is_null = arguments[place] is None and (name, place) == _OPTIONAL
                values[place] = None if is_null else self.read(arguments[place])
            result = routine(*values)
            assert isinstance(result, tuple)
            for place, value in zip(places, result[1:], strict=True):
                self.write(arguments[place], value)
            return result[0]

        return call

    def map_view_in_system_space(
        self, section: int, mapped_base: int | None, view_size: int | None
    ) -> object:
        """MmMapViewInSystemSpace, whose section is an object and no handle."""
        found = self._native.objects.get(section, section)
        result = python_callable(ROUTINES["MmMapViewInSystemSpace"][0])(found, self.read(view_size))
        assert isinstance(result, tuple)
        status, base, size = result
        if base is not None:
            self.write(mapped_base, base)
            self.write(view_size, size)
        return status

    def translate_bus_address(
        self, interface_type: int, bus: int, address: object, space: int | None, translated: int | None
    ) -> object:
        """HalTranslateBusAddress, whose space is a ULONG."""
        routine = python_callable(ROUTINES["HalTranslateBusAddress"][0])
        result = routine(interface_type, bus, address, self.read(space, _ULONG))
        assert isinstance(result, tuple)
        is_found, space_there, address_there = result
        self.write(space, space_there, _ULONG)
        self.write(translated, address_there)
        return is_found
