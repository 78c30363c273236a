# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The PCI-to-PCI bridges of a machine file, and the wiring of interrupt pins through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dirql.hardware.description import Bridge
from dirql.hardware.interrupt_controller import LINES
from dirql.hardware.place import Place
from dirql.hardware.table import Table

__all__ = ["line_behind_bridges", "pin_above", "read_bridges"]


def read_bridges(table: Table) -> tuple[Bridge, ...]:
    """The bridges of a machine, in the order of their buses; raises `DescriptionError` for a tree that cannot be."""
    if not table.has("bridges"):
        return ()
    bridges: list[Bridge] = []
    for each in table.tables("bridges", at_least=1):
        place = each.parsed("place", Place.parse)
        secondary = each.integer("secondary", 1, 255)
        _check(each, place, secondary, bridges)
        bridges.append(Bridge(place, secondary))
        each.finish()
    return tuple(bridges)


def _check(table: Table, place: Place, secondary: int, before: Sequence[Bridge]) -> None:
    """Refuse a bridge that has no place, and a bus whose number enumeration would not give."""
    if place.bus == 0 and place.device == 0:
        table.refuse("place", f"device 0 of bus 0 must be left to the host bridge; the place was {place}")
    if place.function != 0:
        table.refuse("place", f"a bridge must be function 0 of its device; it was at {place}")
    if place.bus not in {0, *(bridge.secondary for bridge in before)}:
        table.refuse(
            "place",
            "a bridge must be on bus 0, or on a bus that a bridge before it in the file leads to; it was on bus"
            f" {place.bus}",
        )
    if any(bridge.place[:2] == place[:2] for bridge in before):
        table.refuse("place", f"a bridge must have a device of its own; another bridge is at {place} already")
    numbers = _numbers([*(bridge.place for bridge in before), place])
    wanted = numbers.get(place)
    if wanted != secondary or any(numbers.get(each.place) != each.secondary for each in before):
        table.refuse(
            "secondary",
            "buses must have the numbers that enumeration gives them, depth first: bridges stand in the file in that"
            f" order, and this bus is number {len(before) + 1}; it was {secondary}",
        )


def _numbers(places: Sequence[Place]) -> dict[Place, int]:
    """The secondary bus of each bridge as depth-first enumeration numbers them; the buses of places are these too."""
    numbers: dict[Place, int] = {}

    def visit(bus: int) -> None:
        for place in sorted(each for each in places if each.bus == bus and each not in numbers):
            numbers[place] = len(numbers) + 1
            visit(numbers[place])

    visit(0)
    return numbers


def pin_above(pin: int, device: int) -> int:
    """The pin, 0 for INTA, of a bus at which a pin of one of its devices arrives, or a pin of the bus below it.

    Each device takes the next pin, so that INTA of devices beside each other do not share one (PCI-to-PCI Bridge
    Architecture Specification 9.1).
    """
    return (pin + device) % len(LINES)


def line_behind_bridges(place: Place, pin: str, bridges: Iterable[Bridge]) -> str:
    """The line of the interrupt controller at which the pin of a function behind bridges arrives."""
    above = {bridge.secondary: bridge.place for bridge in bridges}
    number = LINES.index(pin)
    while place.bus in above:
        number = pin_above(number, place.device)
        place = above[place.bus]
    return LINES[number]
