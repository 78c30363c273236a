# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The resources that drivers have claimed without Plug and Play, and their conflicts with those of other devices.

A claim belongs to a driver or to a device object. Ranges that a bus would give to its devices are taken from it for as
long as the claim stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dirql.io.objects import DriverObject
from dirql.nt.constants import (
    CmResourceShareDriverExclusive,
    CmResourceShareShared,
    CmResourceTypeBusNumber,
    CmResourceTypeDma,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
)
from dirql.nt.resources import CmPartialResourceDescriptor, CmResourceList
from dirql.pnp.node import DeviceNode
from dirql.pnp.range_arbiter import BusRanges

__all__ = ["ClaimTable", "Conflict", "descriptors_of", "extent"]


class Conflict(NamedTuple):
    """A resource that is asked for, the one that is in its way, and who has that."""

    wanted: CmPartialResourceDescriptor
    held: CmPartialResourceDescriptor
    holder: object

    def __str__(self) -> str:
        return f"{_words(self.wanted)} cannot be had beside {_words(self.held)} of {self.holder!r}"


class ClaimTable:
    """The claims of one machine."""

    def __init__(self, root: DeviceNode) -> None:
        """`root` is the root of the device tree, whose devices have resources too."""
        self._root = root
        self._claims: dict[object, tuple[DriverObject, CmResourceList]] = {}
        self._reserved: list[tuple[DeviceNode, BusRanges, CmPartialResourceDescriptor]] = []

    def claim(self, owner: object, driver: DriverObject, resources: CmResourceList | None) -> None:
        """Let `owner`, a driver or a device object, have these resources and no others; None takes them back."""
        self._claims.pop(owner, None)
        if resources is not None:
            self._claims[owner] = (driver, resources)
        for bus in (self._root, *self._root.descendants()):
            if bus.bus_ranges is not None:
                self.reserve(bus, bus.bus_ranges)

    def drop(self, driver: DriverObject) -> None:
        """Take back all claims of a driver, which is unloaded."""
        for owner in [owner for owner, (each, _) in self._claims.items() if each is driver]:
            self.claim(owner, driver, None)

    def of(self, owner: object) -> CmResourceList | None:
        """The resources that an owner has claimed."""
        found = self._claims.get(owner)
        return None if found is None else found[1]

    def reserve(self, bus: DeviceNode, ranges: BusRanges) -> None:
        """Take from the free ranges of a bus what is claimed now, and give back what was."""
        for node, known, piece in self._reserved:
            if node is bus and known is ranges:
                ranges.give_back((piece,))
        self._reserved = [each for each in self._reserved if each[0] is not bus]
        for _, resources in self._claims.values():
            for descriptor in descriptors_of(resources):
                self._reserved += [(bus, ranges, piece) for piece in ranges.reserve(descriptor)]

    def renew(self, bus: DeviceNode, before: BusRanges, ranges: BusRanges) -> None:
        """A bus has got a copy of its free ranges, from which the same is taken."""
        self._reserved = [
            (node, ranges if known is before and node is bus else known, piece)
            for node, known, piece in self._reserved
        ]

    def conflict(
        self, owner: object, driver: DriverObject, wanted: Iterable[CmPartialResourceDescriptor]
    ) -> Conflict | None:
        """The first conflict of resources that `owner` asks for; what it has already is in nobody's way."""
        held = list(self._held(owner, driver))
        for each in wanted:
            for holder, of_driver, other in held:
                if _overlap(each, other) and not _may_share(each, other, same=of_driver is driver):
                    return Conflict(each, other, holder)
        return None

    def _held(
        self, owner: object, driver: DriverObject
    ) -> Iterator[tuple[object, DriverObject | None, CmPartialResourceDescriptor]]:
        """Everything that somebody else has: the holder, its driver, and the resource."""
        for holder, (of_driver, resources) in self._claims.items():
            if holder is not owner:
                for descriptor in descriptors_of(resources):
                    yield holder, of_driver, descriptor
        for node in self._root.descendants():
            is_own = node.parent is self._root and node.driver is driver
            if is_own or node.physical_device_object is owner or _is_bus(node):
                continue
            for descriptor in descriptors_of(node.raw) or node.ranges:
                yield node, node.driver, descriptor


def descriptors_of(resources: CmResourceList | None) -> Sequence[CmPartialResourceDescriptor]:
    """All resources of a list, on whatever buses they are."""
    if resources is None:
        return ()
    return [each for full in resources.list for each in full.partial_resource_list.partial_descriptors]


def extent(resource: CmPartialResourceDescriptor) -> tuple[int, int]:
    """The first number that a resource takes, and the one behind its last; (0, 0) for a kind that nobody shares out."""
    where = resource.u
    if resource.type == CmResourceTypeMemory:
        return int(where.memory.start), where.memory.start + where.memory.length
    if resource.type == CmResourceTypePort:
        return int(where.port.start), where.port.start + where.port.length
    if resource.type == CmResourceTypeInterrupt:
        return where.interrupt.vector, where.interrupt.vector + 1
    if resource.type == CmResourceTypeDma:
        return where.dma.channel, where.dma.channel + 1
    if resource.type == CmResourceTypeBusNumber:
        return where.bus_number.start, where.bus_number.start + where.bus_number.length
    return 0, 0


def _overlap(one: CmPartialResourceDescriptor, other: CmPartialResourceDescriptor) -> bool:
    (start, end), (first, last) = extent(one), extent(other)
    return one.type == other.type and start < last and first < end


def _may_share(one: CmPartialResourceDescriptor, other: CmPartialResourceDescriptor, *, same: bool) -> bool:
    """Whether two devices can use a resource together; `same` is whether they have one driver."""
    kinds = {one.share_disposition, other.share_disposition}
    if kinds == {CmResourceShareShared}:
        return True
    return same and kinds <= {CmResourceShareShared, CmResourceShareDriverExclusive}


def _is_bus(node: DeviceNode) -> bool:
    """Whether a device is a bus, whose resources are there for other devices."""
    if node.children or node.bus_ranges is not None:
        return True
    return any(each.type == CmResourceTypeBusNumber for each in descriptors_of(node.boot_resources))


_NAMES = {
    CmResourceTypeMemory: "memory",
    CmResourceTypePort: "ports",
    CmResourceTypeInterrupt: "interrupt",
    CmResourceTypeDma: "DMA channel",
    CmResourceTypeBusNumber: "bus number",
}


def _words(resource: CmPartialResourceDescriptor) -> str:
    start, end = extent(resource)
    last = "" if end - start == 1 else f" … {end - 1:#x}"
    return f"{_NAMES.get(resource.type, 'a resource')} {start:#x}{last}"
