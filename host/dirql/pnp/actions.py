# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Actions with a device that the user, a driver or the hardware wants; the caller has the lock of the tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dirql.nt.constants import (
    IRP_MN_EJECT,
    PNP_DEVICE_FAILED,
    PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED,
)
from dirql.nt.ntstatus import nt_success, status_name
from dirql.pnp.enumeration import query_requirements
from dirql.pnp.node import DeviceNode
from dirql.pnp.removal import query_removal, remove_queried, removed_with, surprise_remove
from dirql.pnp.starting import UNUSABLE, enumerate_bus, query_state, start_alone, state_problem
from dirql.pnp.states import NodeState
from dirql.pnp.stopping import move_device
from dirql.pnp.tree import running
from dirql.pnp.veto import Veto

__all__ = ["check_state", "eject_device", "queue_action", "remove_device", "rescan_bus"]


def queue_action(action: Callable[[DeviceNode], object], node: DeviceNode) -> None:
    """Have something done with a device later, by the worker of the tree, if the device is still there then."""
    tree = running.value

    def run() -> None:
        with tree.lock:
            if node.physical_device_object.device_object_extension.device_node is node:
                action(node)

    tree.worker.queue(run)


def remove_device(node: DeviceNode) -> Veto | None:
    """Remove a device and all that goes with it, if all agree; None when that was done."""
    return _remove(removed_with(node))


def eject_device(node: DeviceNode) -> Veto | None:
    """Remove a device and all that leaves with it, and let the bus driver eject it (IRP_MN_EJECT)."""
    veto = _remove(removed_with(node, eject=True))
    if veto is not None:
        return veto
    request = node.send(IRP_MN_EJECT)
    if not nt_success(request.status):
        return Veto(node, f"IRP_MN_EJECT ended with {status_name(request.status)}", request.status)
    if node.parent is not None:
        rescan_bus(node.parent)
    return None


def rescan_bus(node: DeviceNode) -> None:
    """Ask a started bus for its devices again."""
    if node.state is NodeState.STARTED:
        enumerate_bus(node)


def check_state(node: DeviceNode) -> None:
    """Ask a started device for its state, and act on it.

    A device that has failed, that is switched off or that has been taken out is removed as one that is gone. One whose
    requirements have changed gets other resources; if it has failed because of those that it had, it is started anew.
    """
    if node.state is not NodeState.STARTED:
        return
    state = query_state(node)
    moves = bool(state & PNP_DEVICE_RESOURCE_REQUIREMENTS_CHANGED)
    if not state & UNUSABLE:
        if moves:
            move_device(node, ask_again=True)
        return
    surprise_remove(removed_with(node))
    node.problem = state_problem(node, state)
    if moves and state & UNUSABLE == PNP_DEVICE_FAILED:
        query_requirements(node)
        start_alone(node)


def _remove(nodes: Sequence[DeviceNode]) -> Veto | None:
    veto = query_removal(nodes)
    if veto is None:
        remove_queried(nodes)
    return veto
