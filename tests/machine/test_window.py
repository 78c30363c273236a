# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of a device, reached without its driver."""

from __future__ import annotations

import pytest

from dirql.io.handle import Handle
from dirql.machine import Machine

pytestmark = pytest.mark.driver("dirql.drivers.store")


def test_both_ways_lead_to_the_same_memory(machine: Machine, handle: Handle) -> None:
    window = machine.device_window("store", bar=1)
    data = bytes(range(1, 200))
    handle.write(data, 8)
    assert window.read(8, len(data)) == data
    window.write(101, b"from the host")
    assert handle.read(20, 98) == data[90:93] + b"from the host" + data[106:110]


@pytest.mark.parametrize("offset", range(4, 8))
@pytest.mark.parametrize("length", range(10))
def test_only_the_bytes_that_are_named_are_moved(
    machine: Machine, handle: Handle, offset: int, length: int
) -> None:
    assert handle.is_open
    window = machine.device_window("store", bar=1)
    window.write(0, b"." * 24)
    data = b"abcdefghij"[:length]
    window.write(offset, data)
    assert window.read(0, 24) == b"." * offset + data + b"." * (24 - offset - length)
    assert window.read(offset, length) == data


def test_what_a_window_refuses(machine: Machine) -> None:
    window = machine.device_window("store", bar=1)
    with pytest.raises(ValueError, match="must lie within the"):
        window.read(window.size - 3, 4)
    with pytest.raises(
        ValueError, match=r"the function of a device window must be one of .*store.*; it was 'stroe'"
    ):
        machine.device_window("stroe", bar=1)
    with pytest.raises(ValueError, match="must be below 1"):
        machine.device_window("store", 1, bar=1)
    with pytest.raises(ValueError, match="base address register must be one of"):
        machine.device_window("store", bar=5)
