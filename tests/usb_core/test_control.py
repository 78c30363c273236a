# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Endpoint 0 of the USB core: enumeration, requests, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from dirql.link.usb_function import Setup, Stalled
from dirql.link.usb_host import Gone, Pid
from usb_core.device import CONFIGURATION, DEVICE, FRAME_BITS, Device
from usb_core.device_bus import DeviceBus

RESET_OF_A_HUB = 10 * FRAME_BITS


@pytest.mark.slow
def test_a_device_is_enumerated_as_an_operating_system_does_it(plugged: Device) -> None:
    assert plugged.descriptor(1, length=64) == DEVICE
    plugged.reset(RESET_OF_A_HUB)
    plugged.set_address(17)
    assert plugged.descriptor(1, length=18) == DEVICE
    assert plugged.descriptor(2, length=9) == CONFIGURATION[:9]
    assert plugged.descriptor(2, length=len(CONFIGURATION)) == CONFIGURATION
    assert plugged.descriptor(3, 0) == b"\x04\x03\x09\x04"
    assert plugged.control(Setup(0x80, 8, 0, 0, 1)) == b"\x00"
    assert not plugged.bus.is_configured()
    plugged.configure()
    assert plugged.control(Setup(0x80, 8, 0, 0, 1)) == b"\x01"
    assert plugged.bus.is_configured()
    assert plugged.control(Setup(0x81, 10, 0, 0, 1)) == b"\x00"
    assert plugged.control(Setup(0x80, 0, 0, 0, 2)) == b"\x00\x00"


def test_strings_shorter_than_as_long_as_and_longer_than_a_packet_end_as_they_should(plugged: Device) -> None:
    texts = [plugged.descriptor(3, index, language=0x0409) for index in (1, 2, 3)]
    assert [text[0] for text in texts] == [len(text) for text in texts] == [12, 64, 104]
    assert texts[0][2:].decode("utf-16-le") == "dirql"


def test_windows_finds_the_descriptors_of_microsoft(plugged: Device) -> None:
    whole = plugged.descriptor(15)
    assert len(whole) == int.from_bytes(whole[2:4], "little") == 33
    assert bytes.fromhex("df60ddd88945c74c9cd2659d9e648a9f") in whole
    length, code = int.from_bytes(whole[29:31], "little"), whole[31]
    answer = plugged.control(Setup(0xC0, code, 0, 7, length))
    assert len(answer) == length == int.from_bytes(answer[8:10], "little")
    assert answer[14:22] == b"WINUSB\0\0"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(length=st.integers(1, 300), index=st.integers(0, 3))
def test_a_descriptor_is_cut_to_the_length_that_is_asked_for(library: Path, length: int, index: int) -> None:
    bus = DeviceBus(library)
    host = Device(bus)
    host.reset(1000)
    whole = host.descriptor(3, index, length=255)
    assert host.descriptor(3, index, length=length) == whole[:length]
    bus.close()


def test_a_host_may_end_the_data_stage_early(plugged: Device) -> None:
    for _ in range(2):
        plugged.persist(lambda: plugged.out(0, Setup(0x80, 6, 0x0303, 0, 255).pack(), Pid.SETUP))
        plugged.toggles[0] = plugged.toggles[0x80] = 1
        assert len(plugged.read(0, 64)) == 64
        plugged.toggles[0] = 1
        plugged.write(0, b"")
    assert plugged.descriptor(1, length=64) == DEVICE


def test_a_request_without_data_that_could_have_some_has_only_a_status_stage(plugged: Device) -> None:
    plugged.control(Setup(0x80, 6, 0x0100, 0, 0))
    assert plugged.descriptor(1, length=64) == DEVICE


REFUSED = {
    "the descriptor of another speed": Setup(0x80, 6, 0x0600, 0, 10),
    "a string that there is not": Setup(0x80, 6, 0x0304, 0x0409, 255),
    "a second configuration": Setup(0x80, 6, 0x0201, 0, 255),
    "a kind of descriptor that is an answer inside": Setup(0x80, 6, 0x0000, 0, 255),
    "a descriptor of an interface": Setup(0x81, 6, 0x0100, 0, 255),
    "SET_DESCRIPTOR": Setup(0x00, 7, 0x0100, 0, 0),
    "SYNCH_FRAME": Setup(0x82, 12, 0, 0x81, 2),
    "remote wake-up": Setup(0x00, 3, 1, 0, 0),
    "configuration 2": Setup(0x00, 9, 2, 0, 0),
    "address 128": Setup(0x00, 5, 128, 0, 0),
    "a request of a class": Setup(0x21, 9, 0, 0, 0),
    "another request of the vendor": Setup(0xC0, 0x21, 0, 7, 10),
    "another set of the vendor": Setup(0xC0, 0x20, 0, 6, 10),
    "an endpoint that there is not": Setup(0x82, 0, 0, 3, 2),
    "an endpoint in the wrong direction": Setup(0x82, 0, 0, 2, 2),
    "the alternate setting 1": Setup(0x01, 11, 1, 0, 0),
    "a second interface": Setup(0x81, 10, 0, 1, 1),
    "a halt of the control endpoint": Setup(0x02, 3, 0, 0, 0),
    "address 257": Setup(0x00, 5, 257, 0, 0),
    "address 32769": Setup(0x00, 5, 0x8001, 0, 0),
    "configuration 257": Setup(0x00, 9, 257, 0, 0),
    "an endpoint with a number of 16 bits": Setup(0x82, 0, 0, 0x181, 2),
    "the control endpoint with a number of 16 bits": Setup(0x82, 0, 0, 0x100, 2),
}
"""Requests that the device does not know, or to what it does not have."""

FIELDS = {
    "status of the device with a value": Setup(0x80, 0, 1, 0, 2),
    "status of the device with an index": Setup(0x80, 0, 0, 1, 2),
    "status of the interface with a value": Setup(0x81, 0, 1, 0, 2),
    "status of a second interface": Setup(0x81, 0, 0, 1, 2),
    "status of an endpoint with a value": Setup(0x82, 0, 1, 0x81, 2),
    "another feature of an endpoint that is cleared": Setup(0x02, 1, 1, 0x81, 0),
    "a feature that is cleared with a length": Setup(0x02, 1, 0, 0x81, 1),
    "another feature of an endpoint that is set": Setup(0x02, 3, 1, 0x81, 0),
    "a feature that is set with a length": Setup(0x02, 3, 0, 0x81, 1),
    "an address with an index": Setup(0x00, 5, 9, 1, 0),
    "an address with a length": Setup(0x00, 5, 9, 0, 1),
    "GET_CONFIGURATION with a value": Setup(0x80, 8, 1, 0, 1),
    "GET_CONFIGURATION with an index": Setup(0x80, 8, 0, 1, 1),
    "SET_CONFIGURATION with an index": Setup(0x00, 9, 1, 1, 0),
    "SET_CONFIGURATION with a length": Setup(0x00, 9, 1, 0, 1),
    "GET_INTERFACE with a value": Setup(0x81, 10, 1, 0, 1),
    "SET_INTERFACE with an index": Setup(0x01, 11, 0, 1, 0),
    "SET_INTERFACE with a length": Setup(0x01, 11, 0, 0, 1),
    "the set of the vendor with a value": Setup(0xC0, 0x20, 1, 7, 10),
}
"""Requests whose fields must be 0 (chapter 9.4), and are not."""


@pytest.mark.parametrize("setup", [*REFUSED.values(), *FIELDS.values()], ids=[*REFUSED, *FIELDS])
def test_a_request_that_is_not_known_is_refused_and_the_next_one_is_served(
    host: Device, setup: Setup
) -> None:
    with pytest.raises(Stalled):
        host.control(setup)
    # The refusal lasts to the next SETUP, in either direction.
    assert host.into(0) is Pid.STALL
    assert host.out(0, b"") is Pid.STALL
    assert host.descriptor(1, length=64) == DEVICE


UNCONFIGURED = {
    "status of an endpoint": Setup(0x82, 0, 0, 0x81, 2),
    "status of an interface": Setup(0x81, 0, 0, 0, 2),
    "an alternate setting": Setup(0x01, 11, 0, 0, 0),
    "a halt": Setup(0x02, 3, 0, 0x81, 0),
}


@pytest.mark.parametrize("setup", UNCONFIGURED.values(), ids=UNCONFIGURED)
def test_requests_to_interface_and_endpoints_need_a_configuration(plugged: Device, setup: Setup) -> None:
    with pytest.raises(Stalled):
        plugged.control(setup)
    assert plugged.control(Setup(0x82, 0, 0, 0, 2)) == b"\x00\x00"
    plugged.configure()
    plugged.control(setup)


def test_an_address_holds_from_the_end_of_the_status_stage_on(plugged: Device) -> None:
    plugged.persist(lambda: plugged.out(0, Setup(0, 5, 33, 0, 0).pack(), Pid.SETUP))
    plugged.toggles[0x80] = 1
    plugged.address = 33
    with pytest.raises(Gone):
        plugged.persist(lambda: plugged.into(0))
    plugged.address = 0
    assert plugged.persist(lambda: plugged.into(0)) == b""
    with pytest.raises(Gone):
        plugged.descriptor(1)
    plugged.address = 33
    assert plugged.descriptor(1, length=64) == DEVICE


def test_the_control_endpoint_has_a_status_in_either_direction(host: Device) -> None:
    assert host.control(Setup(0x82, 0, 0, 0x00, 2)) == b"\x00\x00"
    assert host.control(Setup(0x82, 0, 0, 0x80, 2)) == b"\x00\x00"


def begin(host: Device, setup: Setup) -> None:
    """The first stage of a request; DATA1 is next in either direction."""
    host.persist(lambda: host.out(0, setup.pack(), Pid.SETUP))
    host.toggles[0] = host.toggles[0x80] = 1


@pytest.mark.parametrize(
    ("index", "length", "packets"), [(3, 64, [64]), (2, 64, [64]), (2, 65, [64, 0]), (3, 104, [64, 40])]
)
def test_the_data_stage_ends_with_the_last_byte_that_is_wanted(
    host: Device, index: int, length: int, packets: list[int]
) -> None:
    """A descriptor that is cut, one that is as long as what is wanted, and one that is shorter (5.5.3)."""
    begin(host, Setup(0x80, 6, 0x0300 | index, 0x0409, length))
    for size in packets:
        piece = host.into(0)
        assert isinstance(piece, bytes)
        assert len(piece) == size
    assert host.into(0) is Pid.NAK
    host.write(0, b"")
    assert_idle(host)


def assert_idle(host: Device) -> None:
    """No stage of a request is under way."""
    assert host.into(0) is Pid.NAK
    assert host.out(0, b"") is Pid.NAK


def test_a_request_that_is_over_is_over(host: Device) -> None:
    """With data, without data, and with data of which the host has not taken all."""
    host.descriptor(1, length=64)
    assert_idle(host)
    host.control(Setup(0x01, 11, 0, 0, 0))
    assert_idle(host)
    begin(host, Setup(0x80, 6, 0x0303, 0x0409, 255))
    host.into(0)
    host.toggles[0] = 1
    host.write(0, b"")
    assert_idle(host)


def test_data_are_refused_where_the_status_is_due(host: Device) -> None:
    begin(host, Setup(0x01, 11, 0, 0, 0))
    assert host.out(0, b"data") is Pid.STALL
    assert host.into(0) == b""


def test_a_device_without_an_address_has_no_configuration(host: Device) -> None:
    host.set_address(0)
    host.bus.idle(20)
    assert not host.bus.is_configured()
    assert host.control(Setup(0x80, 8, 0, 0, 1)) == b"\x00"


def test_another_address_leaves_the_configuration(host: Device) -> None:
    host.set_address(99)
    assert host.bus.is_configured()
    assert host.descriptor(1, length=64) == DEVICE
