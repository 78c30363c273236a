# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Who gets what: address ranges and interrupt inputs for all devices of the bus.

Ranges are naturally aligned and given out largest first, so that no room is lost between them; memory without side
effects (prefetchable) comes after the rest, so that each kind is together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dirql.pnp.resources import WindowRequirement
from dirql.registers.machine import Address, Interrupt

__all__ = ["Assignment", "ResourceConflict", "Resources"]


class ResourceConflict(Exception):
    """There is no room left for what a device asks for."""


@dataclass(slots=True)
class _Space:
    """A range of addresses, given out from its start."""

    name: str
    next: int
    end: int

    def take(self, size: int) -> int:
        """The next naturally aligned `size` bytes."""
        start = -(-self.next // size) * size
        if start + size > self.end:
            raise ResourceConflict(
                f"a device needs {size:#x} bytes of {self.name}, free are {self.end - self.next:#x} up to {self.end:#x}"
            )
        self.next = start + size
        return start


@dataclass(frozen=True, slots=True)
class Assignment:
    """A requirement, whose it is, and where it was put."""

    owner: int
    position: int
    window: WindowRequirement
    start: int


@dataclass(slots=True)
class Resources:
    """What is left of the machine's resources."""

    memory: _Space = field(
        default_factory=lambda: _Space("memory", Address.DEVICE_MEMORY_BASE, Address.DEVICE_MEMORY_END)
    )
    ports: _Space = field(default_factory=lambda: _Space("ports", Address.IO_BASE, Address.IO_END))
    inputs: set[int] = field(default_factory=set)
    """Inputs of the interrupt controller that belong to a message."""

    def assign(self, wanted: Sequence[Sequence[WindowRequirement]]) -> list[Assignment]:
        """Place the windows of all owners, in the order given here for each; raises `ResourceConflict`."""
        waiting = [
            (window, owner, position)
            for owner, windows in enumerate(wanted)
            for position, window in enumerate(windows)
        ]
        waiting.sort(key=lambda each: (each[0].prefetchable, -each[0].size, each[1], each[2]))
        return [
            Assignment(
                owner, position, window, (self.memory if window.memory else self.ports).take(window.size)
            )
            for window, owner, position in waiting
        ]

    def take_message_input(self, lines: set[int]) -> int:
        """An input that no line is routed to, for a message of its own; the most urgent one first."""
        for number in reversed(range(Interrupt.INPUTS)):
            if number not in lines and number not in self.inputs:
                self.inputs.add(number)
                return number
        raise ResourceConflict(
            f"a device needs an interrupt message, all {Interrupt.INPUTS} inputs are in use"
        )
