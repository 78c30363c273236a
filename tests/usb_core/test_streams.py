# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The streams of the USB core: all sizes, faults, clocks, toggles, notices; reset and suspension of the bus."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from dirql.link.usb_bus import Fault, Level
from dirql.link.usb_function import Setup
from dirql.link.usb_host import Faults, Pid, packet, token
from usb_core.device import BULK, CONFIGURATION, FRAME_BITS, NOTICES, RING, Device
from usb_core.device_bus import DeviceBus


@pytest.mark.slow
def test_transfers_of_all_sizes_arrive_whole_and_end(host: Device) -> None:
    for size in range(201):
        data = random.Random(size).randbytes(size)
        host.write(BULK, data)
        assert host.received() == data
        if size:
            host.feed(data)
            assert host.read(BULK, 4096) == data
        assert host.into(BULK) is Pid.NAK


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(data=st.binary(min_size=1, max_size=200), seed=st.integers(0, 1000))
def test_bytes_that_come_while_packets_are_sent_stay_in_order(library: Path, data: bytes, seed: int) -> None:
    bus, random_ = DeviceBus(library), random.Random(seed)
    host = Device(bus)
    host.reset(1000)
    host.configure()
    bus.idle(50)
    got, rest = b"", data
    while len(got) < len(data):
        count = random_.randrange(70)
        bus.feed(rest[:count])
        rest = rest[count:]
        piece = host.into(BULK)
        got += piece if isinstance(piece, bytes) else b""
    assert got == data
    bus.close()


def test_a_full_device_says_nak_and_loses_nothing(host: Device) -> None:
    host.bus.ready(0)
    sent = b""
    while host.out(BULK, data := random.Random(len(sent)).randbytes(64)) is Pid.ACK:
        sent += data
    assert RING - 2 * 64 < len(sent) < RING
    for _ in range(3):
        assert host.out(BULK, data) is Pid.NAK
    host.bus.ready(3)
    host.write(BULK, data)
    host.bus.ready(100)
    assert host.received() == sent + data


@pytest.mark.slow
def test_a_full_ring_to_the_host_holds_bytes_back(host: Device) -> None:
    data = random.Random(3).randbytes(2000)
    host.feed(data)
    host.bus.idle(2000)
    assert host.bus.waiting >= 2000 - RING
    assert host.read(BULK, 4096) == data


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_lost_and_damaged_packets_neither_lose_nor_repeat_bytes(host: Device, seed: int, rate: float) -> None:
    random_ = random.Random(seed)
    host.faults, host.patience = Faults(seed, rate), 1000
    host.gap = lambda: random_.uniform(2, 7)
    out, into, got = b"", b"", b""
    for _ in range(60):
        data = random_.randbytes(random_.choice((0, 1, 2, 8, 63, 64, 65, 130)))
        match random_.randrange(4):
            case 0 | 1:
                host.write(BULK, data)
                out += data
            case 2:
                host.bus.feed(data)
                into += data
            case _:
                piece = host.into(BULK)
                got += piece if isinstance(piece, bytes) else b""
        if random_.random() < 0.1:
            assert host.descriptor(2) == CONFIGURATION
    host.bus.idle(2 * RING)
    while len(got) < len(into):
        piece = host.persist(lambda: host.into(BULK))
        assert isinstance(piece, bytes)
        got += piece
    assert got == into
    assert host.received() == out
    assert host.retries > 1


@pytest.mark.slow
@pytest.mark.parametrize("jitter", [0.0, 0.45])
@pytest.mark.parametrize("error", [-0.005, -0.0025, 0.0, 0.0025, 0.005])
def test_clocks_may_differ_and_edges_may_shake(library: Path, error: float, jitter: float) -> None:
    """Both sides may be 0.25 % off; a bit has 83.3 ns, and an edge may be 9 ns early or late."""
    bus = DeviceBus(library)
    bus.quality(error, jitter, seed=4)
    host = Device(bus, patience=1)
    host.enumerate()
    bus.idle(50)
    for size in (0, 1, 63, 64) * 5:
        for data in (bytes(size), b"\xff" * size, random.Random(size).randbytes(size)):
            host.write(BULK, data)
            assert host.received() == data
    assert not host.retries
    bus.close()


def test_a_packet_that_is_repeated_is_acknowledged_and_delivered_once(host: Device) -> None:
    for data in (b"one", b"two"):
        host.write(BULK, data)
        host.toggles[BULK] ^= 1
        assert host.out(BULK, data) is Pid.ACK
    assert host.received() == b"onetwo"


def test_a_packet_whose_ack_was_lost_is_sent_again_as_it_was(host: Device) -> None:
    host.feed(b"first")
    for more in (b"", b"second"):
        host.bus.idle(3)
        host.bus.send(token(Pid.IN, host.address, BULK))
        assert host.bus.receive() == packet(Pid.DATA0, b"first")
        host.bus.idle(100)
        host.feed(more)
    assert host.into(BULK) == b"first"
    assert host.into(BULK) == b"second"


BEFORE_BITS = 1.0
"""The J at the end of a packet, which counts as time between packets."""


@pytest.mark.parametrize(("bits", "counts"), [(16, True), (18.5, False), (30, False)])
def test_an_ack_counts_to_17_bits_after_the_data(host: Device, bits: float, counts: bool) -> None:
    host.feed(b"first")
    host.bus.send(token(Pid.IN, host.address, BULK))
    assert host.bus.receive() == packet(Pid.DATA0, b"first")
    host.bus.idle(bits - BEFORE_BITS)
    host.bus.send(packet(Pid.ACK))
    host.bus.idle(20)
    host.bus.send(token(Pid.IN, host.address, BULK))
    assert host.bus.receive() == (packet(Pid.NAK) if counts else packet(Pid.DATA0, b"first"))


@pytest.mark.parametrize(("bits", "counts"), [(16, True), (18.5, False), (30, False)])
def test_data_count_to_17_bits_after_their_token(host: Device, bits: float, counts: bool) -> None:
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(bits - BEFORE_BITS)
    host.bus.send(packet(Pid.DATA0, b"first"))
    assert host.bus.receive() == (packet(Pid.ACK) if counts else b"")
    host.toggles[BULK] = int(counts)
    host.write(BULK, b"second")
    assert host.received() == (b"first" if counts else b"") + b"second"


CLEARED = {
    "CLEAR_FEATURE": [Setup(0x02, 1, 0, 0x01, 0), Setup(0x02, 1, 0, 0x81, 0), Setup(0x02, 1, 0, 0x82, 0)],
    "SET_INTERFACE": [Setup(0x01, 11, 0, 0, 0)],
    "SET_CONFIGURATION": [Setup(0x00, 9, 1, 0, 0)],
}


@pytest.mark.parametrize("setups", CLEARED.values(), ids=CLEARED)
def test_toggles_begin_anew(host: Device, setups: list[Setup]) -> None:
    host.write(BULK, b"x")
    host.feed(b"y")
    assert host.read(BULK, 64) == b"y"
    host.bus.notice(b"notice 1")
    assert host.persist(lambda: host.into(NOTICES)) == b"notice 1"
    assert host.received() == b"x"
    assert host.toggles[BULK] == host.toggles[BULK | 0x80] == host.toggles[NOTICES | 0x80] == 1
    for setup in setups:
        host.control(setup)
    for key in (BULK, BULK | 0x80, NOTICES | 0x80):
        host.toggles[key] = 0
    host.write(BULK, b"X")
    host.feed(b"Y")
    assert host.persist(lambda: host.into(BULK)) == b"Y"
    host.bus.notice(b"notice 2")
    assert host.persist(lambda: host.into(NOTICES)) == b"notice 2"
    assert host.received() == b"X"


def test_a_halt_refuses_until_it_is_cleared(host: Device) -> None:
    for address in (0x01, 0x81, 0x82):
        assert host.control(Setup(0x82, 0, 0, address, 2)) == b"\x00\x00"
        host.control(Setup(0x02, 3, 0, address, 0))
        assert host.control(Setup(0x82, 0, 0, address, 2)) == b"\x01\x00"
    host.feed(b"kept")
    assert host.out(BULK, b"refused") is Pid.STALL
    assert host.into(BULK) is Pid.STALL
    assert host.into(NOTICES) is Pid.STALL
    host.control(Setup(0x02, 1, 0, 0x81, 0))
    assert host.into(BULK) == b"kept"
    assert host.out(BULK, b"refused") is Pid.STALL
    host.control(Setup(0x02, 1, 0, 0x01, 0))
    host.write(BULK, b"taken")
    assert host.received() == b"taken"
    assert host.into(NOTICES) is Pid.STALL
    host.control(Setup(0x02, 1, 0, 0x82, 0))
    assert host.into(NOTICES) is Pid.NAK


@pytest.mark.parametrize("setup", [Setup(0x01, 11, 0, 0, 0), Setup(0x00, 9, 1, 0, 0)], ids=["11", "9"])
def test_interface_and_configuration_end_all_halts(host: Device, setup: Setup) -> None:
    for address in (0x01, 0x81, 0x82):
        host.control(Setup(0x02, 3, 0, address, 0))
    host.control(setup)
    host.toggles = {key: value for key, value in host.toggles.items() if key in (0, 0x80)}
    for address in (0x01, 0x81, 0x82):
        assert host.control(Setup(0x82, 0, 0, address, 2)) == b"\x00\x00"
    host.write(BULK, b"taken")
    assert host.received() == b"taken"
    assert host.into(BULK) is Pid.NAK
    assert host.into(NOTICES) is Pid.NAK


def test_a_configuration_voids_what_waits(host: Device) -> None:
    host.bus.ready(0)
    host.write(BULK, b"void")
    host.feed(b"void")
    host.configure()
    host.bus.ready(100)
    assert host.into(BULK) is Pid.NAK
    assert host.received() == b""
    host.feed(b"new")
    assert host.read(BULK, 64) == b"new"


def test_an_interface_leaves_what_waits(host: Device) -> None:
    host.feed(b"kept")
    host.control(Setup(0x01, 11, 0, 0, 0))
    assert host.into(BULK) == b"kept"


def test_without_a_configuration_no_byte_is_taken(plugged: Device) -> None:
    plugged.feed(b"early")
    assert plugged.bus.waiting == 5
    plugged.configure()
    plugged.bus.idle(RING)
    assert plugged.into(BULK) == b"early"


@pytest.mark.parametrize("seed", range(12))
def test_a_reset_in_the_middle_of_anything_begins_anew(host: Device, seed: int) -> None:
    random_ = random.Random(seed)
    host.feed(random_.randbytes(100))
    host.write(BULK, b"x")
    match seed % 4:
        case 0:
            host.bus.send(token(Pid.IN, host.address, BULK))
            host.bus.idle(random_.uniform(2, 500))  # while the device sends
        case 1:
            host.bus.send(token(Pid.OUT, host.address, BULK))
            host.bus.idle(3)
            host.bus.send(packet(Pid.DATA1, bytes(64)), Fault.CUT, random_.randrange(8, 500))
        case 2:
            host.out(0, Setup(0x80, 6, 0x0303, 0, 255).pack(), Pid.SETUP)
            host.toggles[0x80] = 1
            host.into(0)
        case _:
            host.control(Setup(0x02, 3, 0, 0x81, 0))
    if seed % 4 == 0:
        host.bus.idle(600)
    host.reset()
    assert not host.bus.is_configured()
    host.bus.take()
    host.enumerate(address=77)
    host.bus.idle(100)
    assert host.into(BULK) is Pid.NAK
    host.write(BULK, b"anew")
    host.feed(b"ANEW")
    assert host.read(BULK, 64) == b"ANEW"
    assert host.received() == b"anew"


def test_an_end_of_packet_is_no_reset_and_10_microseconds_of_se0_are_one(host: Device) -> None:
    host.bus.drive(Level.SE0, 20)
    host.bus.idle(20)
    assert host.bus.is_configured()
    host.bus.drive(Level.SE0, 130)
    host.bus.idle(20)
    assert not host.bus.is_configured()


@pytest.mark.slow
def test_three_idle_milliseconds_suspend_and_any_level_resumes(host: Device) -> None:
    host.bus.idle(2.9 * FRAME_BITS)
    assert not host.bus.is_suspended()
    host.bus.idle(0.2 * FRAME_BITS)
    assert host.bus.is_suspended()
    host.bus.drive(Level.K, 20 * FRAME_BITS)
    assert not host.bus.is_suspended()
    host.bus.drive(Level.SE0, 2)
    host.bus.idle(100)
    host.write(BULK, b"awake")
    assert host.received() == b"awake"
    # A bus with frames is not suspended.
    for number in range(5):
        host.bus.send(packet(Pid.SOF, number.to_bytes(2, "little")))
        host.bus.idle(FRAME_BITS)
        assert not host.bus.is_suspended()


def test_notices_arrive_once_each_in_order(host: Device) -> None:
    assert host.into(NOTICES) is Pid.NAK
    notices = [random.Random(number).randbytes(8) for number in range(5)]
    for notice in notices:
        host.bus.notice(notice)
    host.faults, host.patience = Faults(5, 0.3), 1000
    assert [host.persist(lambda: host.into(NOTICES)) for _ in notices] == notices
    host.faults = Faults(0, 0.0)
    assert host.into(NOTICES) is Pid.NAK
