# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The contract imports nothing of ours, so it repeats two tables of hdl/protocol.toml: they must be equal."""

from __future__ import annotations

import pytest

from dirql.registers import protocol
from dirql.target.contract import BusFault, BusStatus, EventBits


def test_the_bus_statuses_are_those_of_the_machine() -> None:
    assert {s.name: s.value for s in BusStatus} == {s.name: s.value for s in protocol.BusStatus}


def test_the_event_bits_are_those_of_the_machine() -> None:
    assert {bit.name: bit.value for bit in EventBits} == {bit.name: 1 << bit for bit in protocol.EventBit}


@pytest.mark.parametrize(("status", "count"), [(0, 1), (1, 0), (1, 0x1_0000)])
def test_a_fault_that_the_machine_cannot_be_armed_with_is_refused(status: int, count: int) -> None:
    with pytest.raises(ValueError, match="a status other than OK and a count of 1 to 65535"):
        BusFault(0, BusStatus(status), count)
