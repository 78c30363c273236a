# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The USB core against a host that drives and reads its two lines bit by bit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usb_core.bus import DeviceBus, Fault, Level
from usb_core.host import Faults, Gone, Host, Pid, Setup, Stalled, packet, token
from usb_core.recipes import device_library

BULK, NOTICES = 1, 2
FRAME_BITS = 12_000
RING = 512
"""Bytes that an endpoint keeps."""

DEVICE = bytes.fromhex("1201100200000040 0912 0100 0001 01020001".replace(" ", ""))
CONFIGURATION = bytes.fromhex(
    "09022700010100 80fa 0904000003ff000003 07050102400000 07058102400000 0705820308000a".replace(" ", "")
)


@pytest.fixture(scope="module")
def library() -> Path:
    return device_library()


@pytest.fixture
def bus(library: Path) -> Iterator[DeviceBus]:
    made = DeviceBus(library)
    yield made
    made.check()
    made.close()


@pytest.fixture
def plugged(bus: DeviceBus) -> Host:
    """A host that has reset the bus, and has done nothing else."""
    host = Host(bus)
    bus.idle(100)
    host.reset()
    return host


@pytest.fixture
def host(bus: DeviceBus) -> Host:
    """A host that has configured the device."""
    host = Host(bus)
    bus.idle(100)
    host.enumerate()
    bus.idle(100)
    return host


def device_of(host: Host) -> DeviceBus:
    assert isinstance(host.bus, DeviceBus)
    return host.bus


def received(host: Host) -> bytes:
    """What has come out of the core; bytes leave it within a clock each."""
    host.bus.idle(RING)
    return device_of(host).take()


def feed(host: Host, data: bytes) -> None:
    device_of(host).feed(data)
    host.bus.idle(RING)


def silent(host: Host) -> bool:
    return host.bus.receive() == b""


# Enumeration and control transfers.


def test_a_device_is_enumerated_as_an_operating_system_does_it(plugged: Host) -> None:
    assert plugged.descriptor(1, length=64) == DEVICE
    plugged.reset()
    plugged.set_address(17)
    assert plugged.descriptor(1, length=18) == DEVICE
    assert plugged.descriptor(2, length=9) == CONFIGURATION[:9]
    assert plugged.descriptor(2, length=len(CONFIGURATION)) == CONFIGURATION
    assert plugged.descriptor(3, 0) == b"\x04\x03\x09\x04"
    assert plugged.control(Setup(0x80, 8, 0, 0, 1)) == b"\x00"
    assert not device_of(plugged).configured
    plugged.configure()
    assert plugged.control(Setup(0x80, 8, 0, 0, 1)) == b"\x01"
    assert device_of(plugged).configured
    assert plugged.control(Setup(0x81, 10, 0, 0, 1)) == b"\x00"
    assert plugged.control(Setup(0x80, 0, 0, 0, 2)) == b"\x00\x00"


def test_strings_shorter_than_as_long_as_and_longer_than_a_packet_end_as_they_should(plugged: Host) -> None:
    texts = [plugged.descriptor(3, index, language=0x0409) for index in (1, 2, 3)]
    assert [text[0] for text in texts] == [len(text) for text in texts] == [12, 64, 104]
    assert texts[0][2:].decode("utf-16-le") == "dirql"


def test_windows_finds_the_descriptors_of_microsoft(plugged: Host) -> None:
    whole = plugged.descriptor(15)
    assert len(whole) == int.from_bytes(whole[2:4], "little") == 33
    assert bytes.fromhex("df60ddd88945c74c9cd2659d9e648a9f") in whole
    length, code = int.from_bytes(whole[29:31], "little"), whole[31]
    answer = plugged.control(Setup(0xC0, code, 0, 7, length))
    assert len(answer) == length == int.from_bytes(answer[8:10], "little")
    assert answer[14:22] == b"WINUSB\0\0"


@settings(max_examples=60, deadline=None)
@given(length=st.integers(1, 300), index=st.integers(0, 3))
def test_a_descriptor_is_cut_to_the_length_that_is_asked_for(library: Path, length: int, index: int) -> None:
    bus = DeviceBus(library)
    host = Host(bus)
    host.reset(1000)
    whole = host.descriptor(3, index, length=255)
    assert host.descriptor(3, index, length=length) == whole[:length]
    bus.close()


def test_a_host_may_end_the_data_stage_early(plugged: Host) -> None:
    for _ in range(2):
        plugged.persist(lambda: plugged.out(0, Setup(0x80, 6, 0x0303, 0, 255).pack(), Pid.SETUP))
        plugged.toggles[0] = plugged.toggles[0x80] = 1
        assert len(plugged.read(0, 64)) == 64
        plugged.toggles[0] = 1
        plugged.write(0, b"")
    assert plugged.descriptor(1, length=64) == DEVICE


def test_a_request_without_data_that_could_have_some_has_only_a_status_stage(plugged: Host) -> None:
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
}


@pytest.mark.parametrize("setup", REFUSED.values(), ids=REFUSED)
def test_a_request_that_is_not_known_is_refused_and_the_next_one_is_served(host: Host, setup: Setup) -> None:
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
def test_requests_to_interface_and_endpoints_need_a_configuration(plugged: Host, setup: Setup) -> None:
    with pytest.raises(Stalled):
        plugged.control(setup)
    assert plugged.control(Setup(0x82, 0, 0, 0, 2)) == b"\x00\x00"
    plugged.configure()
    plugged.control(setup)


def test_an_address_holds_from_the_end_of_the_status_stage_on(plugged: Host) -> None:
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


# Streams.


def test_transfers_of_all_sizes_arrive_whole_and_end(host: Host) -> None:
    for size in range(201):
        data = random.Random(size).randbytes(size)
        host.write(BULK, data)
        assert received(host) == data
        if size:
            feed(host, data)
            assert host.read(BULK, 4096) == data
        assert host.into(BULK) is Pid.NAK


@settings(max_examples=20, deadline=None)
@given(data=st.binary(min_size=1, max_size=200), seed=st.integers(0, 1000))
def test_bytes_that_come_while_packets_are_sent_stay_in_order(library: Path, data: bytes, seed: int) -> None:
    bus, random_ = DeviceBus(library), random.Random(seed)
    host = Host(bus)
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


def test_a_full_device_says_nak_and_loses_nothing(host: Host) -> None:
    device = device_of(host)
    device.ready(0)
    sent = b""
    for number in range(20):
        data = bytes([number]) * 64
        answer = host.out(BULK, data)
        if answer is not Pid.ACK:
            break
        sent += data
    assert answer is Pid.NAK
    assert RING - 2 * 64 < len(sent) < RING
    for _ in range(3):
        assert host.out(BULK, data) is Pid.NAK
    device.ready(3)
    host.write(BULK, data)
    device.ready(100)
    assert received(host) == sent + data


def test_a_full_ring_to_the_host_holds_bytes_back(host: Host) -> None:
    data = random.Random(3).randbytes(2000)
    feed(host, data)
    host.bus.idle(2000)
    assert device_of(host).waiting >= 2000 - RING
    assert host.read(BULK, 4096) == data


@pytest.mark.parametrize("rate", [0.02, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_lost_and_damaged_packets_neither_lose_nor_repeat_bytes(host: Host, seed: int, rate: float) -> None:
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
                device_of(host).feed(data)
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
    assert received(host) == out
    assert host.retries > 5


@pytest.mark.parametrize("jitter", [0.0, 0.45])
@pytest.mark.parametrize("error", [-0.005, -0.0025, 0.0, 0.0025, 0.005])
def test_clocks_may_differ_and_edges_may_shake(library: Path, error: float, jitter: float) -> None:
    """Both sides may be 0.25 % off; a bit has 83.3 ns, and an edge may be 9 ns early or late."""
    bus = DeviceBus(library)
    bus.quality(error, jitter, seed=4)
    host = Host(bus, patience=1)
    host.enumerate()
    bus.idle(50)
    for size in (0, 1, 63, 64) * 5:
        for data in (bytes(size), b"\xff" * size, random.Random(size).randbytes(size)):
            host.write(BULK, data)
            assert received(host) == data
    assert not host.retries
    bus.close()


# Toggles.


def test_a_packet_that_is_repeated_is_acknowledged_and_delivered_once(host: Host) -> None:
    for data in (b"one", b"two"):
        host.write(BULK, data)
        host.toggles[BULK] ^= 1
        assert host.out(BULK, data) is Pid.ACK
    assert received(host) == b"onetwo"


def test_a_packet_whose_ack_was_lost_is_sent_again_as_it_was(host: Host) -> None:
    feed(host, b"first")
    for more in (b"", b"second"):
        host.bus.idle(3)
        host.bus.send(token(Pid.IN, host.address, BULK))
        assert host.bus.receive() == packet(Pid.DATA0, b"first")
        host.bus.idle(100)
        feed(host, more)
    assert host.into(BULK) == b"first"
    assert host.into(BULK) == b"second"


def test_an_ack_that_comes_too_late_is_none(host: Host) -> None:
    feed(host, b"late")
    host.bus.send(token(Pid.IN, host.address, BULK))
    assert host.bus.receive() == packet(Pid.DATA0, b"late")
    host.bus.idle(30)
    host.bus.send(packet(Pid.ACK))
    assert host.into(BULK) == b"late"


def test_data_that_come_too_late_after_their_token_are_none(host: Host) -> None:
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(30)
    host.bus.send(packet(Pid.DATA0, b"late"))
    assert silent(host)
    host.write(BULK, b"in time")
    assert received(host) == b"in time"


CLEARED = {
    "CLEAR_FEATURE": [Setup(0x02, 1, 0, 0x01, 0), Setup(0x02, 1, 0, 0x81, 0), Setup(0x02, 1, 0, 0x82, 0)],
    "SET_INTERFACE": [Setup(0x01, 11, 0, 0, 0)],
    "SET_CONFIGURATION": [Setup(0x00, 9, 1, 0, 0)],
}


@pytest.mark.parametrize("setups", CLEARED.values(), ids=CLEARED)
def test_toggles_begin_anew(host: Host, setups: list[Setup]) -> None:
    host.write(BULK, b"x")
    feed(host, b"y")
    assert host.read(BULK, 64) == b"y"
    device_of(host).notice(b"notice 1")
    assert host.persist(lambda: host.into(NOTICES)) == b"notice 1"
    assert received(host) == b"x"
    assert host.toggles[BULK] == host.toggles[BULK | 0x80] == host.toggles[NOTICES | 0x80] == 1
    for setup in setups:
        host.control(setup)
    for key in (BULK, BULK | 0x80, NOTICES | 0x80):
        host.toggles[key] = 0
    host.write(BULK, b"X")
    feed(host, b"Y")
    assert host.persist(lambda: host.into(BULK)) == b"Y"
    device_of(host).notice(b"notice 2")
    assert host.persist(lambda: host.into(NOTICES)) == b"notice 2"
    assert received(host) == b"X"


def test_a_halt_refuses_until_it_is_cleared(host: Host) -> None:
    for address in (0x01, 0x81, 0x82):
        assert host.control(Setup(0x82, 0, 0, address, 2)) == b"\x00\x00"
        host.control(Setup(0x02, 3, 0, address, 0))
        assert host.control(Setup(0x82, 0, 0, address, 2)) == b"\x01\x00"
    feed(host, b"kept")
    assert host.out(BULK, b"refused") is Pid.STALL
    assert host.into(BULK) is Pid.STALL
    assert host.into(NOTICES) is Pid.STALL
    host.control(Setup(0x02, 1, 0, 0x81, 0))
    assert host.into(BULK) == b"kept"
    assert host.out(BULK, b"refused") is Pid.STALL
    host.control(Setup(0x02, 1, 0, 0x01, 0))
    host.write(BULK, b"taken")
    assert received(host) == b"taken"
    assert host.into(NOTICES) is Pid.STALL
    host.control(Setup(0x02, 1, 0, 0x82, 0))
    assert host.into(NOTICES) is Pid.NAK


# Packets that must be ignored.


@pytest.mark.parametrize("place", [8, 12, 16, 20, 40])
@pytest.mark.parametrize("fault", [Fault.FLIP, Fault.CRC, Fault.CUT, Fault.SHORT])
def test_broken_data_are_not_answered(host: Host, fault: Fault, place: int) -> None:
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(3)
    host.bus.send(packet(Pid.DATA0, b"broken"), fault, place)
    assert silent(host)
    host.bus.idle(20)
    host.write(BULK, b"whole")
    assert received(host) == b"whole"


@pytest.mark.parametrize("place", [8, 12, 16, 20, 28])
@pytest.mark.parametrize("fault", [Fault.FLIP, Fault.CRC, Fault.CUT, Fault.SHORT])
def test_broken_tokens_are_not_answered(host: Host, fault: Fault, place: int) -> None:
    feed(host, b"kept")
    host.bus.send(token(Pid.IN, host.address, BULK), fault, place)
    assert silent(host)
    host.bus.idle(20)
    assert host.read(BULK, 64) == b"kept"


@pytest.mark.parametrize("pid", [Pid.OUT, Pid.SETUP])
def test_every_damaged_bit_of_a_packet_is_noticed(host: Host, pid: Pid) -> None:
    """SETUP in place of OUT: a request that is damaged is not carried out."""
    data = Setup(0x80, 6, 0x0100, 0, 64).pack()
    endpoint = BULK if pid is Pid.OUT else 0
    for place in range(8, 8 + 8 + 64 + 16):
        host.bus.idle(20)
        host.bus.send(token(pid, host.address, endpoint))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, data), Fault.FLIP, place)
        assert silent(host), place
    assert received(host) == b""


def test_a_packet_without_stuffed_bits_is_broken(host: Host) -> None:
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(3)
    host.bus.send(packet(Pid.DATA0, b"\x00\xff\xff\x00"), Fault.UNSTUFFED)
    assert silent(host)
    host.write(BULK, b"\xff" * 64)
    assert received(host) == b"\xff" * 64


@pytest.mark.parametrize("fault", [Fault.DRIBBLE, Fault.EATEN])
def test_hubs_may_stretch_the_last_bit_and_eat_the_first_ones(host: Host, fault: Fault) -> None:
    for data in (b"", b"x", bytes(64), random.Random(6).randbytes(64)):
        host.bus.idle(3)
        host.bus.send(token(Pid.OUT, host.address, BULK), fault, 4)
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA1 if host.toggles.get(BULK) else Pid.DATA0, data), fault, 4)
        assert host.bus.receive() == packet(Pid.ACK)
        host.toggles[BULK] = host.toggles.get(BULK, 0) ^ 1
        assert received(host) == data


@pytest.mark.parametrize("count", [65, 66, 67, 70, 128, 1000])
def test_a_packet_that_is_too_long_is_not_taken(host: Host, count: int) -> None:
    host.write(BULK, b"before")
    host.bus.idle(3)
    host.bus.send(token(Pid.OUT, host.address, BULK))
    host.bus.idle(3)
    host.bus.send(packet(Pid.DATA1, bytes(range(256))[: count % 256] + bytes(count - count % 256)))
    assert silent(host)
    host.write(BULK, b"after")
    assert received(host) == b"beforeafter"


def test_a_line_that_babbles_is_forgotten(host: Host) -> None:
    random_ = random.Random(9)
    for _ in range(20):
        for _ in range(random_.randrange(400)):
            host.bus.drive(random_.choice((Level.J, Level.K)), 1)
        host.bus.drive(Level.J, 1)
        host.bus.idle(30)
        host.write(BULK, b"heard")
    assert received(host) == b"heard" * 20


def test_tokens_for_others_are_not_answered(host: Host) -> None:
    feed(host, b"mine")
    others = [(host.address ^ 1, 1), (host.address ^ 64, 1), (0, 0)]
    for address, endpoint in (*others, *((host.address, n) for n in range(3, 16))):
        host.bus.idle(3)
        host.bus.send(token(Pid.IN, address, endpoint))
        assert silent(host), (address, endpoint)
        host.bus.idle(3)
        host.bus.send(token(Pid.OUT, address, endpoint))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, b"theirs"))
        assert silent(host), (address, endpoint)
    for pid, endpoint in ((Pid.SETUP, 1), (Pid.OUT, 2), (Pid.SETUP, 2)):
        host.bus.idle(3)
        host.bus.send(token(pid, host.address, endpoint))
        host.bus.idle(3)
        host.bus.send(packet(Pid.DATA0, bytes(8)))
        assert silent(host), (pid, endpoint)
    assert host.read(BULK, 64) == b"mine"
    assert received(host) == b""


def test_frames_and_what_another_device_says_do_not_matter(host: Host) -> None:
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
    assert received(host) == bytes(range(40))


def test_a_setup_must_have_eight_bytes_and_data0(host: Host) -> None:
    request = Setup(0x00, 9, 0, 0, 0).pack()
    for pid, data in ((Pid.DATA0, request[:7]), (Pid.DATA0, request + b"\0"), (Pid.DATA0, b""), (Pid.DATA1, request)):
        host.bus.idle(3)
        host.bus.send(token(Pid.SETUP, host.address, 0))
        host.bus.idle(3)
        host.bus.send(packet(pid, data))
        assert silent(host), data
    host.bus.idle(100)
    assert device_of(host).configured


def test_endpoints_are_silent_without_a_configuration(plugged: Host) -> None:
    plugged.bus.send(token(Pid.IN, 0, BULK))
    assert silent(plugged)
    plugged.bus.idle(3)
    plugged.bus.send(token(Pid.OUT, 0, BULK))
    plugged.bus.idle(3)
    plugged.bus.send(packet(Pid.DATA0, b"lost"))
    assert silent(plugged)
    plugged.configure()
    assert received(plugged) == b""
    plugged.configure(0)
    plugged.bus.idle(3)
    plugged.bus.send(token(Pid.IN, 0, BULK))
    assert silent(plugged)


# Reset, suspension, notices.


@pytest.mark.parametrize("seed", range(12))
def test_a_reset_in_the_middle_of_anything_begins_anew(host: Host, seed: int) -> None:
    random_ = random.Random(seed)
    feed(host, random_.randbytes(100))
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
    assert not device_of(host).configured
    device_of(host).take()
    host.enumerate(address=77)
    host.bus.idle(100)
    assert host.into(BULK) is Pid.NAK
    host.write(BULK, b"anew")
    feed(host, b"ANEW")
    assert host.read(BULK, 64) == b"ANEW"
    assert received(host) == b"anew"


def test_an_end_of_packet_is_no_reset_and_10_microseconds_of_se0_are_one(host: Host) -> None:
    host.bus.drive(Level.SE0, 20)
    host.bus.idle(20)
    assert device_of(host).configured
    host.bus.drive(Level.SE0, 130)
    host.bus.idle(20)
    assert not device_of(host).configured


def test_three_idle_milliseconds_suspend_and_any_level_resumes(host: Host) -> None:
    host.bus.idle(2.9 * FRAME_BITS)
    assert not device_of(host).suspended
    host.bus.idle(0.2 * FRAME_BITS)
    assert device_of(host).suspended
    host.bus.drive(Level.K, 20 * FRAME_BITS)
    assert not device_of(host).suspended
    host.bus.drive(Level.SE0, 2)
    host.bus.idle(100)
    host.write(BULK, b"awake")
    assert received(host) == b"awake"
    # A bus with frames is not suspended.
    for number in range(5):
        host.bus.send(packet(Pid.SOF, number.to_bytes(2, "little")))
        host.bus.idle(FRAME_BITS)
        assert not device_of(host).suspended


def test_notices_arrive_once_each_in_order(host: Host) -> None:
    assert host.into(NOTICES) is Pid.NAK
    notices = [random.Random(number).randbytes(8) for number in range(5)]
    for notice in notices:
        device_of(host).notice(notice)
    host.faults, host.patience = Faults(5, 0.3), 1000
    assert [host.persist(lambda: host.into(NOTICES)) for _ in notices] == notices
    host.faults = Faults(0, 0.0)
    assert host.into(NOTICES) is Pid.NAK
