# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The room that base address registers and the windows of bridges take when they are placed one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from dirql.hardware.description import MachineDescription
from dirql.hardware.function_type import BarSpace

__all__ = ["WINDOW_UNITS", "place_all"]

WINDOW_UNITS = {BarSpace.MEMORY: 0x10_0000, BarSpace.IO: 0x1000}
"""The bytes of which a bridge's windows are multiples."""


def place_all(machine: MachineDescription, space: BarSpace, start: int) -> int:
    """The end of all ranges of a space when they are placed from `start` on, largest first, naturally aligned."""
    return _end(start, _ranges(machine, space, 0))


def _end(start: int, ranges: Iterable[tuple[int, int]]) -> int:
    """The end of ranges, of which each is a length and an alignment."""
    end = start
    for length, alignment in sorted(ranges, reverse=True):
        end = -(-end // alignment) * alignment + length
    return end


def _ranges(machine: MachineDescription, space: BarSpace, bus: int) -> list[tuple[int, int]]:
    """Length and alignment of each base address register of a bus, and of each window of its bridges."""
    sizes = [
        (bar.size(function.parameters), bar.prefetchable)
        for function in machine.functions_on(bus)
        for bar in function.type.bars
        if bar.space is space
    ]
    ranges = [(size, size) for size, _ in sizes]
    for bridge in machine.bridges_on(bus):
        behind = _ranges(machine, space, bridge.secondary)
        if behind:
            unit = WINDOW_UNITS[space]
            alignment = max(unit, *(each for _, each in behind))
            # Prefetchable memory has a window of its own, which costs a unit more at most.
            length = -(-_end(0, behind) // unit) * unit + (unit if space is BarSpace.MEMORY else 0)
            ranges.append((length, alignment))
    return ranges
