# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Devices are removed: after a question to all that are concerned, or because they are gone already.

Children go before their parents, and devices that depend on a device in another way (RemovalRelations) before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.origin import origin_of_routine
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    VF_IO_VERIFY_NOT_DELETED_ON_REMOVE,
    VF_IO_VERIFY_NOT_DETACHED_ON_REMOVE,
    VF_IO_VERIFY_PDO_DELETED_WHILE_PRESENT,
)
from dirql.nt.constants import (
    IRP_MJ_PNP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    EjectionRelations,
    RemovalRelations,
)
from dirql.nt.ntstatus import nt_success, status_name
from dirql.pnp.device_keys import note_devices
from dirql.pnp.enumeration import query_relations
from dirql.pnp.node import DeviceNode, node_of
from dirql.pnp.states import NodeEvent, NodeState
from dirql.pnp.tree import running
from dirql.pnp.veto import Veto

__all__ = [
    "finish_removals",
    "force_removal",
    "query_removal",
    "release",
    "remove_queried",
    "removed_with",
    "surprise_remove",
    "take_away",
]

_IN_USE = (NodeState.STARTED, NodeState.QUERY_STOPPED, NodeState.STOPPED, NodeState.QUERY_REMOVED)
_NOT_IN_USE = (NodeState.INITIALIZED, NodeState.FAILED, NodeState.REMOVED)


def removed_with(node: DeviceNode, *, eject: bool = False) -> list[DeviceNode]:
    """The devices that are removed when this one is, in their order, with the device itself at the end."""
    found: dict[DeviceNode, None] = {}
    _collect(node, found, [], eject=eject)
    return list(found)


def _collect(
    node: DeviceNode, found: dict[DeviceNode, None], open_nodes: list[DeviceNode], *, eject: bool
) -> None:
    if node in found or node in open_nodes:
        return
    open_nodes.append(node)
    for child in reversed(node.children):
        _collect(child, found, open_nodes, eject=eject)
    if node.state is NodeState.STARTED:
        kinds = (RemovalRelations, EjectionRelations) if eject else (RemovalRelations,)
        for device in (device for kind in kinds for device in query_relations(node, kind)):
            related = node_of(device)
            if related is not None:
                _collect(related, found, open_nodes, eject=eject)
    open_nodes.remove(node)
    found[node] = None


# By request.


def query_removal(nodes: Sequence[DeviceNode]) -> Veto | None:
    """Ask whether devices may be removed; None when all drivers agree and no file is open.

    After a refusal every device that was asked gets IRP_MN_CANCEL_REMOVE_DEVICE, the one whose drivers have refused
    first.
    """
    table = running.value.notifications
    asked: list[DeviceNode] = []
    found = table.query_removal(nodes)
    if found is not None:
        return found
    for node in nodes:
        if node.state is not NodeState.STARTED:
            continue
        request = node.send(IRP_MN_QUERY_REMOVE_DEVICE)
        asked.append(node)
        if not nt_success(request.status):
            what = f"IRP_MN_QUERY_REMOVE_DEVICE was refused with {status_name(request.status)}"
            found = Veto(node, what, request.status)
            break
        node.advance(NodeEvent.QUERY_REMOVE)
    else:
        found = _still_needed(asked)
    if found is not None:
        for node in reversed(asked):
            node.send(IRP_MN_CANCEL_REMOVE_DEVICE)
            if node.state is NodeState.QUERY_REMOVED:
                node.advance(NodeEvent.CANCEL_REMOVE)
        table.cancel_removal(nodes)
    return found


def _still_needed(asked: Iterable[DeviceNode]) -> Veto | None:
    """The reason for which devices must stay whose drivers would let them go."""
    for node in asked:
        if node.is_used_by_system:
            report_defect(
                "PNP-21",
                f"a driver must fail IRP_MN_QUERY_REMOVE_DEVICE while a special file is on its device; no driver of"
                f" {node.name} did: count IRP_MN_DEVICE_USAGE_NOTIFICATION, and fail the query until it is 0",
            )
            return Veto(node, "a paging, hibernation or dump file is on the device")
        if node.open_files:
            return Veto(node, f"{node.open_files} files are open on the device")
    return None


def remove_queried(nodes: Sequence[DeviceNode]) -> list[str]:
    """Remove devices whose drivers have agreed; returns a sentence for each thing that went wrong."""
    problems: list[str] = []
    for node in nodes:
        if node.state in (NodeState.QUERY_REMOVED, NodeState.AWAITING_QUEUED_REMOVAL):
            problems += _remove(node)
    running.value.notifications.complete_removal(nodes)
    return problems


# Without a question.


def surprise_remove(nodes: Sequence[DeviceNode]) -> None:
    """Tell the drivers of devices that these are gone (row PNP-08).

    IRP_MN_REMOVE_DEVICE follows at once for a device without open files, and else after the last one is closed.
    """
    tree = running.value
    for node in nodes:
        if node.state in _IN_USE:
            stack = _attached_above(node.physical_device_object)
            node.send(IRP_MN_SURPRISE_REMOVAL)
            left = _attached_above(node.physical_device_object)
            if len(left) < len(stack):
                report_defect(
                    "PNP-09",
                    f"a driver must stay attached until IRP_MN_REMOVE_DEVICE; {stack[len(left)]!r} detached from"
                    f" {node.name} at IRP_MN_SURPRISE_REMOVAL: detach and delete the device at IRP_MN_REMOVE_DEVICE"
                    " only",
                )
            tree.interfaces.disable_all(node)
            node.advance(NodeEvent.SURPRISE_REMOVE)
            tree.awaiting.append(node)
    tree.notifications.complete_removal(nodes)
    finish_removals()


def _attached_above(device: DeviceObject) -> list[DeviceObject]:
    """The devices above one in its stack, the lowest first."""
    found: list[DeviceObject] = []
    above = device.attached_device
    while above is not None:
        found.append(above)
        above = above.attached_device
    return found


def take_away(node: DeviceNode) -> None:
    """Remove a device that its bus driver no longer reports, with all below it."""
    node.is_missing = True
    nodes = removed_with(node)
    unused = [each for each in nodes if each.state in _NOT_IN_USE]
    surprise_remove(nodes)
    for each in unused:
        _remove(each)


def finish_removals() -> None:
    """Remove the devices that are gone and have no open file any more."""
    tree = running.value
    for node in list(tree.awaiting):
        is_parent = any(other.parent is node for other in tree.awaiting)
        if node in tree.awaiting and not node.open_files and not is_parent:
            _remove(node)


def force_removal(node: DeviceNode) -> list[str]:
    """Take a device and those below it away from their drivers, whatever the drivers say and whoever uses them.

    Returns one sentence for each thing that went wrong.
    """
    if node.state not in (*_IN_USE, NodeState.AWAITING_QUEUED_REMOVAL):
        return []
    problems = [problem for child in reversed(list(node.children)) for problem in force_removal(child)]
    if node.state is NodeState.STARTED:
        problems += _ask(node)
    problems += _remove(node)
    running.value.notifications.complete_removal([node])
    return problems


def _ask(node: DeviceNode) -> list[str]:
    """Ask the drivers of a device whether it may be removed; it will be removed also if they refuse, which is told."""
    request = node.send(IRP_MN_QUERY_REMOVE_DEVICE)
    if nt_success(request.status):
        node.advance(NodeEvent.QUERY_REMOVE)
        return []
    node.send(IRP_MN_SURPRISE_REMOVAL)
    node.advance(NodeEvent.SURPRISE_REMOVE)
    return [f"{node.name}: IRP_MN_QUERY_REMOVE_DEVICE was refused with {status_name(request.status)}"]


# The end.


def _remove(node: DeviceNode) -> list[str]:
    """Send IRP_MN_REMOVE_DEVICE, and take back what the device has."""
    tree = running.value
    if node in tree.awaiting:
        tree.awaiting.remove(node)
    tree.interfaces.disable_all(node)
    problems: list[str] = []
    device = node.physical_device_object
    layers = list(node.stack())[1:]
    if device.type and not (node.is_missing and device.delete_pending):
        request = node.send(IRP_MN_REMOVE_DEVICE)
        if not nt_success(request.status):
            problems.append(f"{node.name}: IRP_MN_REMOVE_DEVICE ended with {status_name(request.status)}")
    problems += _check_layers(node, layers)
    release(node)
    if node.state is not NodeState.REMOVED:
        node.advance(NodeEvent.REMOVE)
    if node.is_missing:
        _forget(node)
    elif device.delete_pending and node.is_present:
        _refuse_deletion(node)
    return problems


def release(node: DeviceNode) -> None:
    """Take back all that a device loses when it loses its drivers."""
    running.value.resources.release(node)
    driver = node.driver
    node.bus_ranges = node.filtered = node.driver = None
    if driver is not None:
        note_devices(driver)
    node.drivers = []
    node.pnp_state = 0
    node.usages.clear()


def _forget(node: DeviceNode) -> None:
    """Take a device out of the tree that is gone."""
    running.value.resources.forget(node)
    running.value.interfaces.forget(node)
    parent = node.parent
    if parent is not None and node in parent.children:
        parent.children.remove(node)
    node.physical_device_object.device_object_extension.device_node = None


def _check_layers(node: DeviceNode, layers: list[DeviceObject]) -> list[str]:
    """Stop for a verified driver that has not detached or not deleted its device (row PNP-11); tell of the others."""
    verifier = current.kernel.verifier
    attached = set(node.stack())
    problems = []
    for layer in layers:
        driver = layer.driver_object
        if layer in attached:
            reason = (
                f"{node.name}: {layer!r} is still attached after IRP_MN_REMOVE_DEVICE: call IoDetachDevice with the"
                " device below, after the request was passed down"
            )
            if verifier.is_verified(driver):
                _refuse(VF_IO_VERIFY_NOT_DETACHED_ON_REMOVE, layer, reason)
            problems.append(reason)
        elif layer.type and not layer.delete_pending:
            reason = (
                f"{node.name}: {layer!r} was not deleted at IRP_MN_REMOVE_DEVICE: call IoDeleteDevice after"
                " IoDetachDevice"
            )
            if verifier.is_verified(driver):
                _refuse(VF_IO_VERIFY_NOT_DELETED_ON_REMOVE, layer, reason)
            problems.append(reason)
    return problems


def _refuse_deletion(node: DeviceNode) -> None:
    device = node.physical_device_object
    if not current.kernel.verifier.is_verified(device.driver_object):
        return
    reason = (
        f"a bus driver must keep the device object of a device that is present; {device.driver_object!r} deleted"
        f" {device!r} at IRP_MN_REMOVE_DEVICE: leave it out of IRP_MN_QUERY_DEVICE_RELATIONS first"
    )
    _refuse(VF_IO_VERIFY_PDO_DELETED_WHILE_PRESENT, device, reason)


def _refuse(violation: int, device: DeviceObject, reason: str) -> None:
    place = origin_of_routine(device.driver_object.major_function[IRP_MJ_PNP]) or 0
    bug_check(DRIVER_VERIFIER_IOMANAGER_VIOLATION, violation, place, 0, device, reason=reason)
