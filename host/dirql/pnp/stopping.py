# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Devices are stopped so that resources can move, and started with other resources (row PNP-06)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dirql.io.objects import IoStackLocation
from dirql.ke.defects import report_defect
from dirql.nt.constants import (
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
)
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.resources import CmPartialResourceDescriptor
from dirql.nt.status import STATUS_RESOURCE_REQUIREMENTS_CHANGED
from dirql.pnp.enumeration import filter_requirements, query_requirements
from dirql.pnp.node import DeviceError, DeviceNode
from dirql.pnp.range_arbiter import BusRanges, ResourceConflict
from dirql.pnp.removal import removed_with, surprise_remove
from dirql.pnp.states import NodeEvent, NodeState
from dirql.pnp.tree import running
from dirql.pnp.veto import Veto

__all__ = ["make_room", "move_device", "send_start"]


def move_device(node: DeviceNode, *, ask_again: bool = False) -> Veto | None:
    """Stop a started device, and start it with other resources if there are others; None when it was done.

    `ask_again` asks the bus driver for the requirements first, which have changed. A device on whose drivers' side
    something speaks against it goes on as it is.
    """
    group = _started(node)
    veto = _query_stop(group)
    if veto is not None:
        return veto
    resources = running.value.resources
    before = node.requirements, node.filtered
    if ask_again:
        query_requirements(node)
        filter_requirements(node)
    try:
        resources.replace(node)
    except ResourceConflict as conflict:
        node.requirements, node.filtered = before
        _cancel_stop(group)
        return Veto(node, str(conflict))
    _stop(group)
    return _start_again(group)


def make_room(bus: DeviceNode, new: Sequence[DeviceNode]) -> bool:
    """Move devices of a bus so that new ones find room; whether there is room.

    A device that refuses to be stopped keeps its resources. One that stays where it is is not stopped.
    """
    free = running.value.resources.ranges_of(bus).copy()
    groups = _movable(bus)
    for child in groups:
        free.give_back(child.ranges)
    movable = list(groups)
    try:
        placed = free.place([each.wanted_resources for each in (*movable, *new)])
    except ResourceConflict:
        for group in groups.values():
            _cancel_stop(group)
        return False
    _move(bus, free, groups, dict(zip(movable, placed, strict=False)))
    for node, ranges in zip(new, placed[len(movable) :], strict=True):
        node.ranges = ranges
    return True


def _movable(bus: DeviceNode) -> dict[DeviceNode, list[DeviceNode]]:
    """The devices of a bus that have ranges and agree to be stopped, each with the started ones from there down.

    A device that is not in use can always be moved.
    """
    found: dict[DeviceNode, list[DeviceNode]] = {}
    for child in bus.children:
        if not child.ranges or child.state is NodeState.AWAITING_QUEUED_REMOVAL:
            continue
        group = _started(child)
        if _query_stop(group) is None:
            found[child] = group
    return found


def _move(
    bus: DeviceNode,
    free: BusRanges,
    groups: dict[DeviceNode, list[DeviceNode]],
    placed: dict[DeviceNode, tuple[CmPartialResourceDescriptor, ...]],
) -> None:
    """Stop the devices whose ranges change, and start them again; the others go on."""
    moved = [node for node, ranges in placed.items() if node.ranges != ranges]
    for node in placed:
        if node not in moved:
            _cancel_stop(groups[node])
    for node in moved:
        _stop(groups[node])
    bus.bus_ranges = free
    for node in moved:
        node.ranges, node.bus_ranges = placed[node], None
        _start_again(groups[node])


def send_start(node: DeviceNode) -> int:
    """Send IRP_MN_START_DEVICE with the resource lists of the device; returns the status."""

    def fill(stack: IoStackLocation) -> None:
        stack.parameters.start_device.allocated_resources = node.raw
        stack.parameters.start_device.allocated_resources_translated = node.translated

    return node.send(IRP_MN_START_DEVICE, fill).status


def _started(node: DeviceNode) -> list[DeviceNode]:
    """The started devices from a device down, children before their parents."""
    found = [each for child in reversed(node.children) for each in _started(child)]
    return [*found, node] if node.state is NodeState.STARTED else found


def _query_stop(group: Sequence[DeviceNode]) -> Veto | None:
    """Ask whether devices may be stopped; after a refusal all that were asked go on, and the reason is returned."""
    asked: list[DeviceNode] = []
    for node in group:
        request = node.send(IRP_MN_QUERY_STOP_DEVICE)
        asked.append(node)
        if not nt_success(request.status):
            _cancel_stop(asked)
            what = f"IRP_MN_QUERY_STOP_DEVICE was refused with {status_name(request.status)}"
            return Veto(node, what, request.status)
        node.advance(NodeEvent.QUERY_STOP)
        if request.status == STATUS_RESOURCE_REQUIREMENTS_CHANGED:
            query_requirements(node)
        if node.is_used_by_system:
            report_defect(
                "PNP-21",
                "a driver must fail IRP_MN_QUERY_STOP_DEVICE while a special file is on its device; no driver of"
                f" {node.name} did: count IRP_MN_DEVICE_USAGE_NOTIFICATION, and fail the query until it is 0",
            )
            _cancel_stop(asked)
            return Veto(node, "a paging, hibernation or dump file is on the device")
    return None


def _cancel_stop(asked: Iterable[DeviceNode]) -> None:
    """Let devices go on that were asked, parents before their children."""
    for node in reversed(list(asked)):
        node.send(IRP_MN_CANCEL_STOP_DEVICE)
        if node.state is NodeState.QUERY_STOPPED:
            node.advance(NodeEvent.CANCEL_STOP)


def _stop(group: Iterable[DeviceNode]) -> None:
    for node in group:
        node.send(IRP_MN_STOP_DEVICE)
        node.advance(NodeEvent.STOP)
        running.value.resources.release(node)


def _start_again(group: Sequence[DeviceNode]) -> Veto | None:
    """Start devices that were stopped, parents before their children.

    A device that does not start is as one that is gone, with all below it; the reason is returned.
    """
    resources = running.value.resources
    for node in reversed(group):
        if node.state is not NodeState.STOPPED:
            continue
        error: Exception | None = None
        try:
            if node is not group[-1] and node.parent is not None:
                resources.place(node.parent, [node])
            resources.assign(node)
            status = send_start(node)
            if not nt_success(status):
                error = DeviceError(node.name, "IRP_MN_START_DEVICE", status)
        except ResourceConflict as conflict:
            error = conflict
        if error is None:
            node.advance(NodeEvent.START)
        else:
            node.problem = error
            surprise_remove(removed_with(node))
            return Veto(node, str(error))
    return None
