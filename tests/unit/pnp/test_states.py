# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The states of device nodes."""

from __future__ import annotations

import pytest

from dirql.pnp.states import IllegalNodeEvent, NodeEvent, NodeState, next_state


def test_the_life_of_a_device() -> None:
    state = NodeState.UNINITIALIZED
    for event, then in (
        (NodeEvent.IDENTIFY, NodeState.INITIALIZED),
        (NodeEvent.ADD_DRIVER, NodeState.DRIVERS_ADDED),
        (NodeEvent.ASSIGN_RESOURCES, NodeState.RESOURCES_ASSIGNED),
        (NodeEvent.START, NodeState.STARTED),
        (NodeEvent.QUERY_STOP, NodeState.QUERY_STOPPED),
        (NodeEvent.CANCEL_STOP, NodeState.STARTED),
        (NodeEvent.QUERY_STOP, NodeState.QUERY_STOPPED),
        (NodeEvent.STOP, NodeState.STOPPED),
        (NodeEvent.START, NodeState.STARTED),
        (NodeEvent.QUERY_REMOVE, NodeState.QUERY_REMOVED),
        (NodeEvent.CANCEL_REMOVE, NodeState.STARTED),
        (NodeEvent.QUERY_REMOVE, NodeState.QUERY_REMOVED),
        (NodeEvent.REMOVE, NodeState.REMOVED),
        (NodeEvent.ADD_DRIVER, NodeState.DRIVERS_ADDED),
        (NodeEvent.FAIL, NodeState.FAILED),
    ):
        state = next_state(state, event)
        assert state is then


@pytest.mark.parametrize("state", NodeState)
def test_a_device_starts_only_with_resources(state: NodeState) -> None:
    if state in (NodeState.RESOURCES_ASSIGNED, NodeState.STOPPED):
        assert next_state(state, NodeEvent.START) is NodeState.STARTED
        return
    with pytest.raises(
        IllegalNodeEvent, match=f"RESOURCES_ASSIGNED or STOPPED for the event START; it was {state.name}"
    ):
        next_state(state, NodeEvent.START)
