# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Enumeration: a started bus is asked for its devices, and each new one gets a node, a name and its ranges."""

from __future__ import annotations

from dirql.io.objects import DeviceObject, IoStackLocation
from dirql.nt.constants import (
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_ID,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    BusQueryCompatibleIDs,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    BusRelations,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.resources import IoResourceRequirementsList
from dirql.ob.manager import running as object_manager
from dirql.pnp.identity import take_strings
from dirql.pnp.node import DeviceNode
from dirql.pnp.range_arbiter import BusRanges
from dirql.pnp.relations import DeviceRelations
from dirql.pnp.states import NodeEvent

__all__ = ["enumerate_children"]


def enumerate_children(node: DeviceNode) -> None:
    """Ask a started device for the devices on its bus, and give ranges to those that are new.

    A device that is no bus reports none. Raises `ResourceConflict` when the ranges do not fit.
    """
    known = {child.physical_device_object: child for child in node.children}
    reported = _query_bus_relations(node)
    children = [known.get(device) or _identify(device, node) for device in reported]
    new = [child for child in children if child.physical_device_object not in known]
    if new and node.bus_ranges is None:
        resources = node.boot_resources
        windows = resources.list[0].partial_resource_list.partial_descriptors if resources else node.ranges
        node.bus_ranges = BusRanges.of(windows)
    placed = node.bus_ranges.place([child.wanted_resources for child in new]) if node.bus_ranges else []
    for child, ranges in zip(new, placed, strict=True):
        child.ranges = ranges
        child.advance(NodeEvent.IDENTIFY)
    node.children = children


def _query_bus_relations(node: DeviceNode) -> tuple[DeviceObject, ...]:
    """The devices that the drivers of the stack report.

    The references that come with them are given back (row PNP-13).
    """

    def fill(stack: IoStackLocation) -> None:
        stack.parameters.query_device_relations.type = BusRelations

    request = node.send(IRP_MN_QUERY_DEVICE_RELATIONS, fill)
    relations = request.information_object
    if not nt_success(request.status) or not isinstance(relations, DeviceRelations):
        return ()
    for device in relations.objects:
        object_manager.value.give_reference_back(device)
    return relations.objects


def _identify(device: DeviceObject, parent: DeviceNode) -> DeviceNode:
    """A node with the identity and the requirements that the bus driver gives for the device."""
    node = DeviceNode(device, parent)
    node.hardware_ids = _query_id(node, BusQueryHardwareIDs, multiple=True)
    node.compatible_ids = _query_id(node, BusQueryCompatibleIDs, multiple=True)
    node.instance_id = "".join(_query_id(node, BusQueryInstanceID, multiple=False))
    requirements = node.send(IRP_MN_QUERY_RESOURCE_REQUIREMENTS).information_object
    if isinstance(requirements, IoResourceRequirementsList):
        node.requirements = requirements
    return node


def _query_id(node: DeviceNode, kind: int, *, multiple: bool) -> list[str]:
    def fill(stack: IoStackLocation) -> None:
        stack.parameters.query_id.id_type = kind

    request = node.send(IRP_MN_QUERY_ID, fill)
    if not nt_success(request.status) or not request.information:
        return []
    return take_strings(request.information, kind, multiple=multiple, device=node)
