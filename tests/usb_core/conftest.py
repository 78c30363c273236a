# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The USB core on a bus, and a host that drives and reads its two lines bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from usb_core.device import Device
from usb_core.device_bus import DeviceBus
from usb_core.recipes import device_library


@pytest.fixture(scope="session")
def library() -> Path:
    return device_library()


@pytest.fixture
def plugged(library: Path) -> Iterator[Device]:
    """A device behind a host that has reset the bus, and has done nothing else."""
    bus = DeviceBus(library)
    device = Device(bus, patience=1)
    bus.idle(100)
    device.reset()
    yield device
    bus.check()
    bus.close()


@pytest.fixture
def host(plugged: Device) -> Device:
    """A device that the host has configured."""
    plugged.enumerate()
    plugged.bus.idle(100)
    return plugged
