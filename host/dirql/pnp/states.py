# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The states of a device node, and the event that leads from one to the next.

The states are those of NT's PNP_DEVNODE_STATE that this manager uses, and FAILED: NT keeps the reason of a failure
beside the state.
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["IllegalNodeEvent", "NodeEvent", "NodeState", "next_state"]


class NodeState(enum.Enum):
    """The state of a device node."""

    UNINITIALIZED = "reported by the bus driver"
    INITIALIZED = "identified, without a driver"
    DRIVERS_ADDED = "driver added"
    RESOURCES_ASSIGNED = "resources assigned"
    STARTED = "started"
    QUERY_STOPPED = "ready to be stopped"
    STOPPED = "stopped, to be started with other resources"
    QUERY_REMOVED = "ready to be removed"
    AWAITING_QUEUED_REMOVAL = "gone, to be removed"
    REMOVED = "removed"
    FAILED = "failed"


class NodeEvent(enum.Enum):
    """A step that the manager has taken with a device."""

    IDENTIFY = "the bus driver has named the device"
    ADD_DRIVER = "AddDevice succeeded"
    ASSIGN_RESOURCES = "the device has got resources"
    START = "IRP_MN_START_DEVICE succeeded"
    QUERY_STOP = "IRP_MN_QUERY_STOP_DEVICE succeeded"
    CANCEL_STOP = "IRP_MN_CANCEL_STOP_DEVICE was sent"
    STOP = "IRP_MN_STOP_DEVICE was sent"
    QUERY_REMOVE = "IRP_MN_QUERY_REMOVE_DEVICE succeeded"
    CANCEL_REMOVE = "IRP_MN_CANCEL_REMOVE_DEVICE was sent"
    SURPRISE_REMOVE = "IRP_MN_SURPRISE_REMOVAL was sent"
    REMOVE = "IRP_MN_REMOVE_DEVICE was sent"
    FAIL = "a driver failed, or resources were lacking"


class IllegalNodeEvent(RuntimeError):
    """The manager took a step that the state of the device does not allow. This is a mistake in dirql."""


_WITHOUT_DRIVER = (NodeState.INITIALIZED, NodeState.REMOVED, NodeState.FAILED)
_IN_USE = (NodeState.STARTED, NodeState.QUERY_STOPPED, NodeState.STOPPED, NodeState.QUERY_REMOVED)
_NEXT: Final[dict[NodeEvent, dict[NodeState, NodeState]]] = {
    NodeEvent.IDENTIFY: {NodeState.UNINITIALIZED: NodeState.INITIALIZED},
    NodeEvent.ADD_DRIVER: dict.fromkeys(_WITHOUT_DRIVER, NodeState.DRIVERS_ADDED),
    NodeEvent.ASSIGN_RESOURCES: {NodeState.DRIVERS_ADDED: NodeState.RESOURCES_ASSIGNED},
    NodeEvent.START: dict.fromkeys((NodeState.RESOURCES_ASSIGNED, NodeState.STOPPED), NodeState.STARTED),
    NodeEvent.QUERY_STOP: {NodeState.STARTED: NodeState.QUERY_STOPPED},
    NodeEvent.CANCEL_STOP: {NodeState.QUERY_STOPPED: NodeState.STARTED},
    NodeEvent.STOP: {NodeState.QUERY_STOPPED: NodeState.STOPPED},
    NodeEvent.QUERY_REMOVE: {NodeState.STARTED: NodeState.QUERY_REMOVED},
    NodeEvent.CANCEL_REMOVE: {NodeState.QUERY_REMOVED: NodeState.STARTED},
    NodeEvent.SURPRISE_REMOVE: dict.fromkeys(_IN_USE, NodeState.AWAITING_QUEUED_REMOVAL),
    NodeEvent.REMOVE: dict.fromkeys(
        (
            NodeState.INITIALIZED,
            NodeState.FAILED,
            NodeState.QUERY_REMOVED,
            NodeState.AWAITING_QUEUED_REMOVAL,
        ),
        NodeState.REMOVED,
    ),
    NodeEvent.FAIL: dict.fromkeys(
        (*_WITHOUT_DRIVER, NodeState.DRIVERS_ADDED, NodeState.RESOURCES_ASSIGNED), NodeState.FAILED
    ),
}


def next_state(state: NodeState, event: NodeEvent) -> NodeState:
    """The state after an event; raises `IllegalNodeEvent` for an event that the state does not allow."""
    allowed = _NEXT[event]
    if state not in allowed:
        wanted = " or ".join(each.name for each in allowed)
        raise IllegalNodeEvent(
            f"a device node must be {wanted} for the event {event.name}; it was {state.name}"
        )
    return allowed[state]
