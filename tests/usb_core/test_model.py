# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The model of the device that twins have at the level of bytes answers each request as the core does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from dirql.link.usb_function import Setup, Stalled, UsbDevice, UsbFunction
from dirql.link.usb_pins import PinDevice
from usb_core.device_bus import DeviceBus
from usb_core.test_control import FIELDS, REFUSED, UNCONFIGURED

CONFIGURE = Setup(0x00, 9, 1, 0, 0)
KNOWN = [
    Setup(0x80, 0, 0, 0, 2),
    Setup(0x81, 0, 0, 0, 2),
    *(Setup(0x82, 0, 0, place, 2) for place in (0, 0x80, 1, 0x81, 0x82)),
    Setup(0x82, 0, 0, 0x81, 1),
    *(Setup(0x02, request, 0, place, 0) for request in (1, 3) for place in (1, 0x81, 0x82, 0, 0x80)),
    *(
        Setup(0x80, 6, value, 0, 255)
        for value in (0x100, 0x101, 0x200, 0x300, 0x301, 0x302, 0x303, 0xF00, 0xF01)
    ),
    Setup(0x80, 8, 0, 0, 1),
    Setup(0x81, 10, 0, 0, 1),
    Setup(0x01, 11, 0, 0, 0),
    Setup(0x00, 9, 0, 0, 0),
    CONFIGURE,
]
REQUESTS = [*KNOWN, *REFUSED.values(), *FIELDS.values(), *UNCONFIGURED.values()]


class NoStream:
    """A stream without bytes."""

    def send(self, _octets: bytes) -> bool:
        """See `Stream`."""
        return True

    def take(self, _most: int) -> bytes:
        """See `Stream`."""
        return b""

    def clear(self) -> None:
        """See `Stream`."""


@pytest.fixture
def core(library: Path) -> Iterator[PinDevice]:
    bus = DeviceBus(library)
    yield PinDevice(bus)
    bus.close()


def answer(device: UsbDevice, setup: Setup) -> bytes | None:
    """The answer to a request; None for one that is refused."""
    try:
        return device.control(setup)
    except Stalled:
        return None


def agree(core: PinDevice, setups: list[Setup]) -> None:
    model = UsbFunction(NoStream())
    for setup in setups:
        assert answer(model, setup) == answer(core, setup), setup
        assert model.configuration == core.configuration


@pytest.mark.parametrize("begin", [[], [CONFIGURE]], ids=["unconfigured", "configured"])
def test_each_request_is_answered_alike(core: PinDevice, begin: list[Setup]) -> None:
    agree(core, begin)
    for setup in REQUESTS:
        core.reset()
        agree(core, [*begin, setup])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(setups=st.lists(st.sampled_from(REQUESTS), max_size=12))
def test_requests_in_any_order_are_answered_alike(library: Path, setups: list[Setup]) -> None:
    bus = DeviceBus(library)
    agree(PinDevice(bus), [CONFIGURE, *setups])
    bus.close()
