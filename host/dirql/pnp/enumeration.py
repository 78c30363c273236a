# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Enumeration: a started bus is asked for its devices, and each new one gets a node and is asked what it is."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from dirql.io.objects import DeviceObject, IoStackLocation
from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.nt.bugcodes import (
    PNP_DETECTED_FATAL_ERROR,
    PNP_FATAL_DELETED_PDO,
    PNP_FATAL_DUPLICATE_PDO,
)
from dirql.nt.constants import (
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_BUS_INFORMATION,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_DEVICE_TEXT,
    IRP_MN_QUERY_ID,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_RESOURCES,
    BusQueryCompatibleIDs,
    BusQueryDeviceID,
    BusQueryHardwareIDs,
    BusQueryInstanceID,
    BusRelations,
    DeviceTextDescription,
    DeviceTextLocationInformation,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.plug_and_play import DeviceCapabilities, PnpBusInformation
from dirql.nt.resources import CmResourceList, IoResourceRequirementsList
from dirql.ob.manager import running as object_manager
from dirql.pnp.identity import take_strings, take_text
from dirql.pnp.node import DeviceNode, node_of
from dirql.pnp.relations import DeviceRelations
from dirql.pnp.states import NodeEvent

__all__ = [
    "Changes",
    "enumerate_children",
    "filter_requirements",
    "query_capabilities",
    "query_relations",
    "query_requirements",
]

_ENGLISH = 0x0409
_Structure = TypeVar("_Structure")


class Changes(NamedTuple):
    """The result of an enumeration: devices without ranges yet, and devices that the bus no longer reports."""

    new: list[DeviceNode]
    gone: list[DeviceNode]


def enumerate_children(node: DeviceNode) -> Changes:
    """Ask a started device for the devices on its bus (row PNP-13).

    A device that is reported again is unchanged. A device that is no bus reports none.
    """
    reported = query_relations(node, BusRelations)
    known = {child.physical_device_object: child for child in node.children if not child.is_missing}
    for device in reported:
        _check_reported(device, node)
    new = [_identify(device, node) for device in dict.fromkeys(reported) if node_of(device) is None]
    gone = [child for device, child in known.items() if device not in reported]
    for child in gone:
        child.is_missing = True
    order = {device: place for place, device in enumerate(reported)}
    children = [*node.children, *new]
    node.children = sorted(children, key=lambda each: order.get(each.physical_device_object, len(order)))
    _check_identities(node)
    for child in new:
        child.advance(NodeEvent.IDENTIFY)
    return Changes(new, gone)


def query_relations(node: DeviceNode, kind: int) -> tuple[DeviceObject, ...]:
    """The devices that the drivers of the stack report for a DEVICE_RELATION_TYPE.

    The references that come with them are given back (row PNP-13).
    """

    def fill(stack: IoStackLocation) -> None:
        stack.parameters.query_device_relations.type = kind

    request = node.send(IRP_MN_QUERY_DEVICE_RELATIONS, fill)
    relations = request.information_object
    if not nt_success(request.status) or not isinstance(relations, DeviceRelations):
        return ()
    for device in relations.objects:
        object_manager.value.give_reference_back(device)
    return relations.objects


def query_capabilities(node: DeviceNode) -> None:
    """Ask for the capabilities of a device (row PNP-17)."""
    asked = DeviceCapabilities()
    size, version = asked.size, asked.version

    def fill(stack: IoStackLocation) -> None:
        stack.parameters.device_capabilities.capabilities = asked

    request = node.send(IRP_MN_QUERY_CAPABILITIES, fill)
    if nt_success(request.status):
        node.capabilities = asked
    if (asked.size, asked.version) != (size, version):
        report_defect(
            "PNP-17",
            f"a driver must leave Size and Version of DEVICE_CAPABILITIES alone, which were {size} and {version}; a"
            f" driver of {node.name} made them {asked.size} and {asked.version}: write the other members only",
        )


def query_requirements(node: DeviceNode) -> None:
    """Ask the bus driver which resources the device needs."""
    request = node.send(IRP_MN_QUERY_RESOURCE_REQUIREMENTS)
    node.requirements = _structure(request.status, request.information_object, IoResourceRequirementsList)
    node.filtered = None


def filter_requirements(node: DeviceNode) -> None:
    """Let the drivers of a device change the requirements before it gets resources.

    The list stands in IoStatus.Information, where a driver puts another one in its place (row PNP-01).
    """
    wanted = node.wanted

    def fill(stack: IoStackLocation) -> None:
        stack.parameters.filter_resource_requirements.io_resource_requirement_list = wanted

    request = node.send(IRP_MN_FILTER_RESOURCE_REQUIREMENTS, fill, wanted)
    filtered = _structure(request.status, request.information_object, IoResourceRequirementsList)
    if filtered is not None:
        node.filtered = filtered


def _check_reported(device: DeviceObject, bus: DeviceNode) -> None:
    """Bug check 0xCA/4 for a device object that the bus driver has deleted."""
    if device.type and not device.delete_pending:
        return
    reason = (
        f"a bus driver must report device objects that exist; {bus.driver!r} reported {device!r}, which it"
        " has deleted: leave the device out of DEVICE_RELATIONS first, and delete it at IRP_MN_REMOVE_DEVICE"
    )
    bug_check(PNP_DETECTED_FATAL_ERROR, PNP_FATAL_DELETED_PDO, device, 0, 0, reason=reason)


def _check_identities(bus: DeviceNode) -> None:
    """Bug check 0xCA/1 for two devices with the same device ID and instance ID."""
    seen: dict[str, DeviceNode] = {}
    for child in bus.children:
        if not child.device_id:
            continue
        other = seen.setdefault(child.instance_path.casefold(), child)
        if other is child or other.is_missing or child.is_missing:
            continue
        reason = (
            f"the devices of a bus must differ in device ID and instance ID; {bus.driver!r} reported two with"
            f" {child.instance_path}: build the instance ID of something that is different for each device"
        )
        device = child.physical_device_object
        other_device = other.physical_device_object
        bug_check(PNP_DETECTED_FATAL_ERROR, PNP_FATAL_DUPLICATE_PDO, device, other_device, 0, reason=reason)


def _identify(device: DeviceObject, parent: DeviceNode) -> DeviceNode:
    """A node with the identity and the requirements that the bus driver gives for the device."""
    node = DeviceNode(device, parent)
    node.device_id = "".join(_query_id(node, BusQueryDeviceID, multiple=False))
    query_capabilities(node)
    node.hardware_ids = _query_id(node, BusQueryHardwareIDs, multiple=True)
    node.compatible_ids = _query_id(node, BusQueryCompatibleIDs, multiple=True)
    node.instance_id = "".join(_query_id(node, BusQueryInstanceID, multiple=False))
    node.description = _query_text(node, DeviceTextDescription)
    node.location = _query_text(node, DeviceTextLocationInformation)
    request = node.send(IRP_MN_QUERY_BUS_INFORMATION)
    node.bus_information = _structure(request.status, request.information_object, PnpBusInformation)
    request = node.send(IRP_MN_QUERY_RESOURCES)
    node.boot_resources = _structure(request.status, request.information_object, CmResourceList)
    query_requirements(node)
    return node


def _structure(status: int, found: object, kind: type[_Structure]) -> _Structure | None:
    """The structure with which a request has ended, if it is one of the kind."""
    return found if nt_success(status) and isinstance(found, kind) else None


def _query_id(node: DeviceNode, kind: int, *, multiple: bool) -> list[str]:
    def fill(stack: IoStackLocation) -> None:
        stack.parameters.query_id.id_type = kind

    request = node.send(IRP_MN_QUERY_ID, fill)
    if not nt_success(request.status) or not request.information:
        return []
    return take_strings(request.information, kind, multiple=multiple, device=node)


def _query_text(node: DeviceNode, kind: int) -> str:
    def fill(stack: IoStackLocation) -> None:
        stack.parameters.query_device_text.device_text_type = kind
        stack.parameters.query_device_text.locale_id = _ENGLISH

    request = node.send(IRP_MN_QUERY_DEVICE_TEXT, fill)
    if not nt_success(request.status) or not request.information:
        return ""
    return take_text(request.information)
