# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Packets that the USB core must not answer: broken ones, those for others, babble."""

from __future__ import annotations

import random

import pytest

from dirql.link.usb_bus import Fault, Level
from dirql.link.usb_function import Setup
from dirql.link.usb_host import Pid, packet, token
from usb_core.device import BULK, Device


@pytest.mark.parametrize("place", [8, 12, 16, 20, 40])
@pytest.mark.parametrize("fault", [Fault.FLIP, Fault.CRC, Fault.CUT, Fault.SHORT])
def test_broken_data_are_not_answered(host: Device, fault: Fault, place: int) -> None:
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(3)
    host.bus.send(packet(Pid.DATA0, b"broken"), fault, place)
    assert host.is_silent()
    host.bus.idle(20)
    host.write(BULK, b"whole")
    assert host.received() == b"whole"


@pytest.mark.parametrize("place", [8, 12, 16, 20, 28])
@pytest.mark.parametrize("fault", [Fault.FLIP, Fault.CRC, Fault.CUT, Fault.SHORT])
def test_broken_tokens_are_not_answered(host: Device, fault: Fault, place: int) -> None:
    host.feed(b"kept")
    host.bus.send(token(Pid.IN, host.address, BULK), fault, place)
    assert host.is_silent()
    host.bus.idle(20)
    assert host.read(BULK, 64) == b"kept"


@pytest.mark.parametrize("pid", [Pid.OUT, Pid.SETUP])
def test_every_damaged_bit_of_a_packet_is_noticed(host: Device, pid: Pid) -> None:
    """SETUP in place of OUT: a request that is damaged is not carried out."""
    data = Setup(0x80, 6, 0x0100, 0, 64).pack()
    endpoint = BULK if pid is Pid.OUT else 0
    for place in range(8, 8 + 8 + 64 + 16):
        host.bus.idle(20)
        host.bus.send(token(pid, host.address, endpoint))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, data), Fault.FLIP, place)
        assert host.is_silent(), place
    assert host.received() == b""


@pytest.mark.parametrize(
    ("fault", "bits"), [(Fault.OVERLONG, 0), *((Fault.TAIL, bits) for bits in range(2, 8))]
)
def test_a_packet_with_all_its_bytes_and_a_wrong_bit_is_broken(host: Device, fault: Fault, bits: int) -> None:
    """The CRC of the packet is right."""
    for data in (b"\x00\xff\xff\x00", b"\x00\x3f\x15"):
        host.bus.idle(20)
        host.bus.send(token(Pid.OUT, host.address, BULK))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, data), fault, bits)
        assert host.is_silent()
    host.write(BULK, b"whole")
    assert host.received() == b"whole"


def test_a_packet_without_stuffed_bits_is_broken(host: Device) -> None:
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(3)
    host.bus.send(packet(Pid.DATA0, b"\x00\xff\xff\x00"), Fault.UNSTUFFED)
    assert host.is_silent()
    host.write(BULK, b"\xff" * 64)
    assert host.received() == b"\xff" * 64


@pytest.mark.parametrize(("fault", "bits"), [(Fault.TAIL, 1), (Fault.EATEN, 4)])
def test_hubs_may_repeat_the_last_bit_and_eat_the_first_ones(host: Device, fault: Fault, bits: int) -> None:
    for data in (b"", b"x", bytes(64), random.Random(6).randbytes(64)):
        host.bus.idle(3)
        host.bus.send(token(Pid.OUT, host.address, BULK), fault, bits)
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA1 if host.toggles.get(BULK) else Pid.DATA0, data), fault, bits)
        assert host.bus.receive() == packet(Pid.ACK)
        host.toggles[BULK] = host.toggles.get(BULK, 0) ^ 1
        assert host.received() == data


@pytest.mark.parametrize("count", [65, 66, 67, 70, 128, 1000])
def test_a_packet_that_is_too_long_is_not_taken(host: Device, count: int) -> None:
    host.write(BULK, b"before")
    host.bus.idle(3)
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(3)
    host.bus.send(packet(Pid.DATA1, bytes(range(256))[: count % 256] + bytes(count - count % 256)))
    assert host.is_silent()
    host.write(BULK, b"after")
    assert host.received() == b"beforeafter"


def test_a_line_that_babbles_is_forgotten(host: Device) -> None:
    random_ = random.Random(9)
    for _ in range(20):
        for _ in range(random_.randrange(400)):
            host.bus.drive(random_.choice((Level.J, Level.K)), 1)
        host.bus.drive(Level.J, 1)
        host.bus.idle(30)
        host.write(BULK, b"heard")
    assert host.received() == b"heard" * 20


def test_tokens_for_others_are_not_answered(host: Device) -> None:
    host.feed(b"mine")
    others = [(host.address ^ 1, 1), (host.address ^ 64, 1), (0, 0)]
    for address, endpoint in (*others, *((host.address, n) for n in range(3, 16))):
        host.bus.idle(3)
        host.bus.send(token(Pid.IN, address, endpoint))
        assert host.is_silent(), (address, endpoint)
        host.bus.idle(3)
        host.bus.send(token(Pid.OUT, address, endpoint))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, b"theirs"))
        assert host.is_silent(), (address, endpoint)
    for pid, endpoint in ((Pid.SETUP, 1), (Pid.OUT, 2), (Pid.SETUP, 2)):
        host.bus.idle(3)
        host.bus.send(token(pid, host.address, endpoint))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, bytes(8)))
        assert host.is_silent(), (pid, endpoint)
    assert host.read(BULK, 64) == b"mine"
    assert host.received() == b""


def test_frames_and_what_another_device_says_do_not_matter(host: Device) -> None:
    for number in range(40):
        host.bus.idle(3)
        host.bus.send(packet(Pid.SOF, (number * 49).to_bytes(2, "little")))
        # The host asks another device, which answers, and the host acknowledges; all devices see the host's side.
        host.bus.idle(3)
        host.bus.send(token(Pid.IN, host.address ^ 5, 1))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, b"theirs"))
        host.bus.idle(3)
        host.bus.send(packet(Pid.ACK))
        host.write(BULK, bytes([number]))
    assert host.received() == bytes(range(40))


def test_a_setup_must_have_eight_bytes_and_data0(host: Device) -> None:
    request = Setup(0x00, 9, 0, 0, 0).pack()
    for pid, data in (
        (Pid.DATA0, request[:7]),
        (Pid.DATA0, request + b"\0"),
        (Pid.DATA0, b""),
        (Pid.DATA1, request),
    ):
        host.bus.idle(3)
        host.bus.send(token(Pid.SETUP, host.address, 0))
        host.bus.idle(3)
        host.bus.send(packet(pid, data))
        assert host.is_silent(), data
    host.bus.idle(100)
    assert host.bus.is_configured()


def test_endpoints_are_silent_without_a_configuration(plugged: Device) -> None:
    plugged.bus.send(token(Pid.IN, 0, BULK))
    assert plugged.is_silent()
    plugged.bus.idle(3)
    plugged.bus.send(token(Pid.OUT, 0, BULK))
    plugged.bus.idle(3)
    plugged.bus.send(packet(Pid.DATA0, b"lost"))
    assert plugged.is_silent()
    plugged.configure()
    assert plugged.received() == b""
    plugged.configure(0)
    plugged.bus.idle(3)
    plugged.bus.send(token(Pid.IN, 0, BULK))
    assert plugged.is_silent()
