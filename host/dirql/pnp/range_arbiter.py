# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The arbiters of a bus for memory and I/O ports: they place the ranges that the devices of the bus ask for.

Ranges are naturally aligned and given out largest first, so that no room is lost between them. Memory without side
effects (prefetchable) comes after the rest, so that each kind is together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

from dirql.nt.addresses import PhysicalAddress
from dirql.nt.constants import (
    CM_RESOURCE_MEMORY_PREFETCHABLE,
    IO_RESOURCE_ALTERNATIVE,
    CmResourceTypeMemory,
    CmResourceTypePort,
)
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
    holes: list[tuple[int, int]] = field(default_factory=list)
    """The ranges below `next` that were given back, as (start, end)."""

    def take(self, wanted: IoResourceRange) -> CmResourceRange:
        """Take an aligned range within the limits of the requirement; raises `ResourceConflict`.

        The range begins behind those that were given out before. Ranges that were given back are used when no room is
        left there.
        """
        start = _place(wanted, self.next, self.end)
        if start is not None:
            self._leave_hole(self.next, start)
            self.next = start + wanted.length
            return CmResourceRange(PhysicalAddress(start), wanted.length)
        for hole in sorted(self.holes):
            start = _place(wanted, *hole)
            if start is not None:
                self.holes.remove(hole)
                self._leave_hole(hole[0], start)
                self._leave_hole(start + wanted.length, hole[1])
                return CmResourceRange(PhysicalAddress(start), wanted.length)
        raise ResourceConflict(
            f"a device needs {wanted.length:#x} bytes of {self.name} that end at or below"
            f" {wanted.maximum_address:#x}; its bus has {self.end - self.next:#x} bytes left, up to {self.end:#x}"
        )

    def give_back(self, taken: CmResourceRange) -> None:
        """Take a range back that was given out, and join it with the free ranges beside it."""
        start, end = int(taken.start), taken.start + taken.length
        for hole in list(self.holes):
            if end == hole[0] or hole[1] == start:
                self.holes.remove(hole)
                start, end = min(start, hole[0]), max(end, hole[1])
        if end == self.next:
            self.next = start
        else:
            self.holes.append((start, end))

    def reserve(self, start: int, end: int) -> list[tuple[int, int]]:
        """Take what is free of a range that somebody uses without having asked; returns the pieces."""
        taken = []
        for hole in list(self.holes):
            first, last = max(hole[0], start), min(hole[1], end)
            if first < last:
                self.holes.remove(hole)
                self._leave_hole(hole[0], first)
                self._leave_hole(last, hole[1])
                taken.append((first, last))
        first, last = max(self.next, start), min(self.end, end)
        if first < last:
            self._leave_hole(self.next, first)
            self.next = last
            taken.append((first, last))
        return taken

    def _leave_hole(self, start: int, end: int) -> None:
        if start < end:
            self.holes.append((start, end))


def _place(wanted: IoResourceRange, first: int, end: int) -> int | None:
    """The lowest place for the range between two addresses; None if there is none."""
    first = max(first, wanted.minimum_address)
    start = -(-first // wanted.alignment) * wanted.alignment
    last = start + wanted.length
    return None if last > end or last > wanted.maximum_address + 1 else start


@dataclass(frozen=True, slots=True)
class BusRanges:
    """The memory and the I/O ports that one bus has for its devices.

    A bus behind a bridge may have a window for prefetchable memory, where prefetchable ranges then are.
    """

    memory: RangeArbiter
    port: RangeArbiter
    prefetchable: RangeArbiter | None = None

    @classmethod
    def of(cls, windows: Iterable[CmPartialResourceDescriptor]) -> Self:
        """Arbiters for the ranges with which the bus itself was started.

        An arbiter without a range refuses every request.
        """
        memory, port = RangeArbiter("memory", 0, 0), RangeArbiter("I/O ports", 0, 0)
        prefetchable = None
        for window in windows:
            if window.type == CmResourceTypeMemory and window.flags & CM_RESOURCE_MEMORY_PREFETCHABLE:
                prefetchable = RangeArbiter("prefetchable memory", *_limits(window.u.memory))
            elif window.type == CmResourceTypeMemory:
                memory.next, memory.end = _limits(window.u.memory)
            elif window.type == CmResourceTypePort:
                port.next, port.end = _limits(window.u.port)
        return cls(memory, port, prefetchable)

    def place(
        self, wanted: Sequence[Sequence[IoResourceDescriptor]]
    ) -> list[tuple[CmPartialResourceDescriptor, ...]]:
        """Place the ranges of several devices; raises `ResourceConflict`.

        Each device is a sequence of requirements. Requirements of interrupts are left to the arbiter of interrupts. The
        result has the ranges of each device in the order of its requirements. Raw and translated descriptors are alike,
        since the bus maps one to one.
        """
        ranges = [
            (owner, position, choices)
            for owner, requirements in enumerate(wanted)
            for position, choices in enumerate(_choices(requirements))
        ]
        ranges.sort(key=lambda each: _order(each[2][0]))
        placed: list[dict[int, CmPartialResourceDescriptor]] = [{} for _ in wanted]
        try:
            for owner, position, choices in ranges:
                placed[owner][position] = self._take(choices)
        except ResourceConflict:
            for each in placed:
                self.give_back(each.values())
            raise
        return [tuple(each[position] for position in sorted(each)) for each in placed]

    def copy(self) -> BusRanges:
        """Arbiters with the same free ranges, to try something with."""
        memory, port = (replace(each, holes=list(each.holes)) for each in (self.memory, self.port))
        other = self.prefetchable
        return BusRanges(memory, port, other and replace(other, holes=list(other.holes)))

    def give_back(self, taken: Iterable[CmPartialResourceDescriptor]) -> None:
        """Take the ranges of a device back."""
        for descriptor in taken:
            if descriptor.type == CmResourceTypeMemory:
                self._memory_for(descriptor.flags).give_back(descriptor.u.memory)
            else:
                self.port.give_back(descriptor.u.port)

    def reserve(self, used: CmPartialResourceDescriptor) -> list[CmPartialResourceDescriptor]:
        """Take what is free of memory or ports that a driver uses without Plug and Play; returns it in pieces."""
        if used.type == CmResourceTypePort:
            where = used.u.port
            return [
                replace(used, u=CmResourceData(port=piece))
                for piece in _pieces(self.port, int(where.start), where.start + where.length)
            ]
        if used.type != CmResourceTypeMemory:
            return []
        where, plain = used.u.memory, used.flags & ~CM_RESOURCE_MEMORY_PREFETCHABLE
        return [
            replace(used, flags=flags, u=CmResourceData(memory=piece))
            for arbiter, flags in (
                (self.memory, plain),
                (self.prefetchable, plain | CM_RESOURCE_MEMORY_PREFETCHABLE),
            )
            if arbiter is not None
            for piece in _pieces(arbiter, int(where.start), where.start + where.length)
        ]

    def _memory_for(self, flags: int) -> RangeArbiter:
        """The arbiter for a range of memory with these flags."""
        is_prefetchable = flags & CM_RESOURCE_MEMORY_PREFETCHABLE
        return self.prefetchable if is_prefetchable and self.prefetchable else self.memory

    def _take(self, choices: Sequence[IoResourceDescriptor]) -> CmPartialResourceDescriptor:
        """Take the first of the ranges, each in the place of the one before, for which there is room."""
        *others, last = choices
        for requirement in others:
            with suppress(ResourceConflict):
                return self._take_one(requirement)
        return self._take_one(last)

    def _take_one(self, requirement: IoResourceDescriptor) -> CmPartialResourceDescriptor:
        if requirement.type == CmResourceTypeMemory:
            where = CmResourceData(memory=self._memory_for(requirement.flags).take(requirement.u.memory))
        else:
            where = CmResourceData(port=self.port.take(requirement.u.port))
        return CmPartialResourceDescriptor(
            requirement.type, requirement.share_disposition, requirement.flags, where
        )


def _pieces(arbiter: RangeArbiter, start: int, end: int) -> list[CmResourceRange]:
    """The free pieces of a range, which are reserved now."""
    return [
        CmResourceRange(PhysicalAddress(first), last - first) for first, last in arbiter.reserve(start, end)
    ]


def _choices(requirements: Sequence[IoResourceDescriptor]) -> list[list[IoResourceDescriptor]]:
    """The ranges that a device needs, each with those that it takes instead (IO_RESOURCE_ALTERNATIVE)."""
    found: list[list[IoResourceDescriptor]] = []
    for requirement in requirements:
        if requirement.type not in (CmResourceTypeMemory, CmResourceTypePort):
            continue
        if requirement.option & IO_RESOURCE_ALTERNATIVE and found:
            found[-1].append(requirement)
        else:
            found.append([requirement])
    return found


def _limits(window: CmResourceRange) -> tuple[int, int]:
    return window.start, window.start + window.length


def _order(requirement: IoResourceDescriptor) -> tuple[bool, int]:
    """Large before small, prefetchable memory last; equal ones keep their order."""
    if requirement.type == CmResourceTypePort:
        return False, -requirement.u.port.length
    return bool(requirement.flags & CM_RESOURCE_MEMORY_PREFETCHABLE), -requirement.u.memory.length
