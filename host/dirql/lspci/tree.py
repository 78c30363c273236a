# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The tree of buses and functions, as `lspci -t` draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dirql.lspci.function import Function
from dirql.lspci.layout import Bridge
from dirql.lspci.names import Names

__all__ = ["tree_lines"]


def tree_lines(functions: Sequence[Function], names: Names, *, verbose: int) -> Iterator[str]:
    """A line for each function; a bridge is followed by the bus below it. With `verbose` devices have their names."""
    by_bus: dict[int, list[Function]] = {}
    for function in functions:
        by_bus.setdefault(function.place.bus, []).append(function)

    def bus_lines(number: int, lead: str) -> Iterator[str]:
        """The lines of one bus. `lead` stands before the first line, and its vertical strokes before the others."""
        members = by_bus.pop(number, [])
        if not members:
            yield lead
        for index, function in enumerate(members):
            last = index == len(members) - 1
            yield from function_lines(
                function, lead + ("--" if len(members) == 1 else "\\-" if last else "+-")
            )
            lead = "".join("|" if stroke in "+|" else " " for stroke in lead)

    def function_lines(function: Function, lead: str) -> Iterator[str]:
        place = function.place
        text = f"{lead}{place.device:02x}.{place.function}"
        if not function.is_bridge:
            yield f"{text}  {names.device_of(function)}" if verbose else text
            return
        secondary, subordinate = function.byte(Bridge.SECONDARY), function.byte(Bridge.SUBORDINATE)
        buses = f"{secondary:02x}" if secondary == subordinate else f"{secondary:02x}-{subordinate:02x}"
        yield from bus_lines(secondary, f"{text}-[{buses}]--")

    return bus_lines(0, "-[0000:00]-")
