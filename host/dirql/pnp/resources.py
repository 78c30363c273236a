# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hardware resources of devices: which of them a device gets, and the lists that say so (row PNP-19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dirql.hal.interrupts import InterruptController
from dirql.hardware.description import Function, MachineDescription
from dirql.hardware.place import Place
from dirql.nt.resources import (
    CmFullResourceDescriptor,
    CmPartialResourceDescriptor,
    CmPartialResourceList,
    CmResourceList,
    IoResourceRequirementsList,
)
from dirql.pnp.claims import ClaimTable
from dirql.pnp.interrupt_arbiter import InterruptArbiter
from dirql.pnp.node import DeviceNode
from dirql.pnp.range_arbiter import BusRanges, ResourceConflict

__all__ = ["ResourceAssigner", "assigned_vectors"]


class ResourceAssigner:
    """Gives the resources of one machine; all its buses share one interrupt controller, and so one arbiter."""

    def __init__(
        self,
        machine: MachineDescription,
        controller: InterruptController,
        processors: int,
        claims: ClaimTable,
    ) -> None:
        """`controller` routes the lines of `machine`; an interrupt may go to each of `processors` processors."""
        self._machine = machine
        self._claims = claims
        self._interrupts = InterruptArbiter(controller, processors)

    # Ranges.

    def place(self, bus: DeviceNode, nodes: Sequence[DeviceNode]) -> None:
        """Give ranges of a bus to devices that have none; raises `ResourceConflict`."""
        if not nodes:
            return
        ranges = self.ranges_of(bus)
        for node, placed in zip(nodes, ranges.place([each.wanted_resources for each in nodes]), strict=True):
            node.ranges = placed

    def replace(self, node: DeviceNode) -> None:
        """Give the device other ranges, if there are others, and take back those that it has.

        Raises `ResourceConflict`, and then the device has the ranges that it had.
        """
        if node.parent is None:
            return
        ranges, old = self.ranges_of(node.parent), node.ranges
        try:
            (placed,) = ranges.place([node.wanted_resources])
        except ResourceConflict:
            free = ranges.copy()
            free.give_back(old)
            (placed,) = free.place([node.wanted_resources])
            node.parent.bus_ranges = free
            self._claims.renew(node.parent, ranges, free)
        else:
            ranges.give_back(old)
        node.ranges, node.bus_ranges = placed, None

    def ranges_of(self, bus: DeviceNode) -> BusRanges:
        """The ranges that a bus has for its devices."""
        if bus.bus_ranges is None:
            resources = bus.boot_resources
            windows = resources.list[0].partial_resource_list.partial_descriptors if resources else bus.ranges
            bus.bus_ranges = BusRanges.of(windows)
            self._claims.reserve(bus, bus.bus_ranges)
        return bus.bus_ranges

    def forget(self, node: DeviceNode) -> None:
        """Take back the ranges of a device that is gone."""
        if node.parent is not None and node.parent.bus_ranges is not None:
            node.parent.bus_ranges.give_back(node.ranges)
        node.ranges = ()

    # Interrupts, and the lists.

    def assign(self, node: DeviceNode) -> None:
        """Make the raw and the translated list of a device, None for both when it needs no resources.

        Raises `ResourceConflict` when no interrupt is left.
        """
        wanted = node.wanted
        if wanted is None or not node.wanted_resources:
            node.raw = node.translated = node.boot_resources
            return
        interrupt = self._interrupts.assign(node.wanted_resources, node.interrupt, self._function(wanted))
        if interrupt is None:
            node.raw = node.translated = _resource_list(wanted, node.ranges)
            return
        node.physical_device_object.device_object_extension.interrupts = (interrupt.resource,)
        node.raw = _resource_list(wanted, (*node.ranges, interrupt.raw))
        node.translated = _resource_list(wanted, (*node.ranges, interrupt.translated))

    def release(self, node: DeviceNode) -> None:
        """Take back all that a device has only while it is in use; its ranges stay."""
        extension = node.physical_device_object.device_object_extension
        self._interrupts.release(extension.interrupts)
        extension.interrupts = ()
        node.raw = node.translated = None

    def _function(self, wanted: IoResourceRequirementsList) -> Function | None:
        """The machine's description of the device that asks; None for a device that the description does not have."""
        slot = wanted.slot_number  # a PCI_SLOT_NUMBER
        return self._machine.function_at(Place(wanted.bus_number, slot & 0x1F, slot >> 5 & 7))


def assigned_vectors(nodes: Iterable[DeviceNode]) -> Iterator[tuple[int, bool]]:
    """The vectors of devices, and whether each is latched."""
    for node in nodes:
        for each in node.physical_device_object.device_object_extension.interrupts:
            yield each.vector, each.latched


def _resource_list(
    wanted: IoResourceRequirementsList, descriptors: tuple[CmPartialResourceDescriptor, ...]
) -> CmResourceList:
    """The list of a device's resources, with the interface type and the bus number that the requirements name."""
    resources = CmPartialResourceList(descriptors)
    return CmResourceList((CmFullResourceDescriptor(wanted.interface_type, wanted.bus_number, resources),))
