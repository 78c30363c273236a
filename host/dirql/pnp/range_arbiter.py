# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The arbiters of a bus for memory and I/O ports: they place the ranges that the devices of the bus ask for.

Ranges are naturally aligned and given out largest first, so that no room is lost between them. Memory without side
effects (prefetchable) comes after the rest, so that each kind is together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import CM_RESOURCE_MEMORY_PREFETCHABLE, CmResourceTypeMemory, CmResourceTypePort
from dirql.nt.resources import (
    CmPartialResourceDescriptor,
    CmResourceData,
    CmResourceRange,
    IoResourceDescriptor,
    IoResourceRange,
)

__all__ = ["BusRanges", "RangeArbiter", "ResourceConflict"]


class ResourceConflict(Exception):
    """The bus has no room left for a resource that a device asks for."""


@dataclass(slots=True)
class RangeArbiter:
    """Gives out addresses of one bus, the lowest first; `end` is the first address that the bus does not have."""

    name: str
    next: int
    end: int

    def take(self, wanted: IoResourceRange) -> CmResourceRange:
        """Take the next aligned range within the limits of the requirement; raises `ResourceConflict`."""
        first = max(self.next, wanted.minimum_address)
        start = -(-first // wanted.alignment) * wanted.alignment
        end = start + wanted.length
        if end > self.end or end > wanted.maximum_address + 1:
            raise ResourceConflict(
                f"a device needs {wanted.length:#x} bytes of {self.name} that end at or below "
                f"{wanted.maximum_address:#x}; its bus has {self.end - self.next:#x} bytes left, up to {self.end:#x}"
            )
        self.next = end
        return CmResourceRange(PhysicalAddress(start), wanted.length)


@dataclass(frozen=True, slots=True)
class BusRanges:
    """The memory and the I/O ports that one bus has for its devices."""

    memory: RangeArbiter
    port: RangeArbiter

    @classmethod
    def of(cls, windows: Iterable[CmPartialResourceDescriptor]) -> Self:
        """Arbiters for the ranges with which the bus itself was started.

        An arbiter without a range refuses every request.
        """
        memory, port = RangeArbiter("memory", 0, 0), RangeArbiter("I/O ports", 0, 0)
        for window in windows:
            if window.type == CmResourceTypeMemory:
                memory.next, memory.end = _limits(window.u.memory)
            elif window.type == CmResourceTypePort:
                port.next, port.end = _limits(window.u.port)
        return cls(memory, port)

    def place(
        self, wanted: Sequence[Sequence[IoResourceDescriptor]]
    ) -> list[tuple[CmPartialResourceDescriptor, ...]]:
        """Place the ranges of several devices; raises `ResourceConflict`.

        Each device is a sequence of requirements. Requirements of interrupts are left to the arbiter of interrupts. The
        result has the ranges of each device in the order of its requirements. Raw and translated descriptors are alike,
        since the bus maps one to one.
        """
        ranges = [
            (owner, position, requirement)
            for owner, requirements in enumerate(wanted)
            for position, requirement in enumerate(requirements)
            if requirement.type in (CmResourceTypeMemory, CmResourceTypePort)
        ]
        ranges.sort(key=lambda each: _order(each[2]))
        placed: list[dict[int, CmPartialResourceDescriptor]] = [{} for _ in wanted]
        for owner, position, requirement in ranges:
            placed[owner][position] = self._take(requirement)
        return [tuple(each[position] for position in sorted(each)) for each in placed]

    def _take(self, requirement: IoResourceDescriptor) -> CmPartialResourceDescriptor:
        if requirement.type == CmResourceTypeMemory:
            where = CmResourceData(memory=self.memory.take(requirement.u.memory))
        else:
            where = CmResourceData(port=self.port.take(requirement.u.port))
        return CmPartialResourceDescriptor(
            requirement.type, requirement.share_disposition, requirement.flags, where
        )


def _limits(window: CmResourceRange) -> tuple[int, int]:
    return window.start, window.start + window.length


def _order(requirement: IoResourceDescriptor) -> tuple[bool, int]:
    """Large before small, prefetchable memory last; equal ones keep their order."""
    if requirement.type == CmResourceTypePort:
        return False, -requirement.u.port.length
    return bool(requirement.flags & CM_RESOURCE_MEMORY_PREFETCHABLE), -requirement.u.memory.length
