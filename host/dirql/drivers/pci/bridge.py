# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A PCI-to-PCI bridge: the numbers of its buses, and the windows that the devices behind it need.

Buses get their numbers when a bridge without numbers is found, depth first: the bus below a bridge has the next
number that is free, and the bridge passes on whatever is for higher numbers until the last bus behind it is known. A
bridge that firmware has numbered keeps its numbers. The windows follow from the base address registers behind the
bridge, which asks for them as a device asks for its ranges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dirql.drivers.pci.function import LATENCY_CLOCKS, Bar, PciFunction, walk_bus
from dirql.registers import pci_bridge as regs

__all__ = ["PciBridge", "find_functions"]

_LAST_BUS = 255
_MEMORY_UNIT = 0x10_0000
_PORT_UNIT = 0x1000
_COMMAND = regs.COMMAND.IO_ENABLE | regs.COMMAND.MEMORY_ENABLE | regs.COMMAND.BUS_MASTER


class PciBridge(PciFunction):
    """A bridge, with the functions of the bus below it."""

    def __init__(self, bus_number: int, device_number: int, function_number: int = 0) -> None:
        super().__init__(bus_number, device_number, function_number)
        self.secondary = self.read(regs.SECONDARY_BUS.offset, 1)
        self.subordinate = self.read(regs.SUBORDINATE_BUS.offset, 1)
        self.functions: tuple[PciFunction, ...] = ()

    def look_behind(self, free: int) -> int:
        """Find the functions behind the bridge; returns the next number that is free for a bus.

        Without numbers the bridge gets `free` for the bus below it. If none is left, nothing behind it is found.
        """
        if self.secondary == 0:
            if free > _LAST_BUS:
                return free
            self._number(free, _LAST_BUS)
            free += 1
            self.functions, free = _find_functions(self.secondary, (), free)
            self._number(self.secondary, free - 1)
        else:
            self.functions, _ = _find_functions(self.secondary, (), self.subordinate + 1)
        self.bars = self._windows()
        return max(free, self.subordinate + 1)

    def _number(self, secondary: int, subordinate: int) -> None:
        self.write(regs.PRIMARY_BUS.offset, 1, self.bus_number)
        self.write(regs.SECONDARY_BUS.offset, 1, secondary)
        self.write(regs.SUBORDINATE_BUS.offset, 1, subordinate)
        self.secondary, self.subordinate = secondary, subordinate

    def _windows(self) -> tuple[Bar, ...]:
        """The windows that hold all ranges behind the bridge."""
        ranges = [bar for function in self.functions for bar in function.bars]
        kinds = (
            (regs.MEMORY_BASE.offset, True, False, _MEMORY_UNIT),
            (regs.PREFETCHABLE_BASE.offset, True, True, _MEMORY_UNIT),
            (regs.IO_BASE.offset, False, False, _PORT_UNIT),
        )
        return tuple(
            _window(offset, wanted, unit)
            for offset, memory, prefetchable, unit in kinds
            if (wanted := [bar for bar in ranges if (bar.memory, bar.prefetchable) == (memory, prefetchable)])
        )

    def place(self, bar: Bar, start: int) -> None:
        """Open a window of the bridge at an address."""
        last = start + bar.size - 1
        if bar.memory:
            limits = (start >> 16 & regs.MEMORY_BASE.VALUE) | (last >> 16 & regs.MEMORY_LIMIT.VALUE) << 16
            self.write(bar.offset, 4, limits)
        else:
            limits = (start >> 8 & regs.IO_BASE.VALUE) | (last >> 8 & regs.IO_LIMIT.VALUE) << 8
            self.write(bar.offset, 2, limits)

    def enable(self) -> None:
        """Pass transactions both ways, with latency timers that allow long bursts on both buses."""
        self.write(regs.LATENCY_TIMER.offset, 1, LATENCY_CLOCKS)
        self.write(regs.SECONDARY_LATENCY_TIMER.offset, 1, LATENCY_CLOCKS)
        self.write(regs.COMMAND.offset, 2, self.read(regs.COMMAND.offset, 2) | _COMMAND)

    def disable(self) -> None:
        """Pass only configuration accesses."""
        self.write(regs.COMMAND.offset, 2, self.read(regs.COMMAND.offset, 2) & ~_COMMAND)


def _window(offset: int, wanted: Sequence[Bar], unit: int) -> Bar:
    """The window for ranges that are placed largest first, as the arbiter of the bus below places them."""
    end = 0
    for bar in sorted(wanted, key=lambda each: -each.size):
        end = -(-end // bar.alignment) * bar.alignment + bar.size
    alignment = max(unit, *(bar.alignment for bar in wanted))
    first = wanted[0]
    return Bar(offset, first.memory, -(-end // unit) * unit, alignment, first.prefetchable)


def find_functions(bus_number: int, known: Iterable[PciFunction]) -> list[PciFunction]:
    """The functions of a bus; bridges without numbers among them get those above the last one in use.

    A function that is `known`, and is still where it was, is not read again.
    """
    known = tuple(known)
    last = max((each.subordinate for each in known if isinstance(each, PciBridge)), default=bus_number)
    return list(_find_functions(bus_number, known, last + 1)[0])


def _find_functions(
    bus_number: int, known: Iterable[PciFunction], free: int
) -> tuple[tuple[PciFunction, ...], int]:
    """The functions of a bus, and the next number that is free for a bus."""
    found = []
    for function in walk_bus(bus_number, known, _make):
        if isinstance(function, PciBridge) and not function.functions:
            free = function.look_behind(free)
        found.append(function)
    return tuple(found), free


def _make(bus_number: int, device_number: int, function_number: int) -> PciFunction:
    """The function at a place where one answers."""
    function = PciFunction(bus_number, device_number, function_number)
    return PciBridge(bus_number, device_number, function_number) if function.is_bridge else function
