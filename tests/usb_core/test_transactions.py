# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Transactions of the USB core whose packets come in another order than they should, or are others (USB 2.0, 8.5)."""

from __future__ import annotations

import pytest

from dirql.link.usb_host import Pid, packet, token
from usb_core.device import BULK, Device

FIRST = packet(Pid.DATA0, b"first")


def say(host: Device, octets: bytes) -> None:
    """Send a packet soon after the one before."""
    host.bus.idle(3)
    host.bus.send(octets)


def ask(host: Device) -> bytes:
    """The answer to an IN."""
    say(host, token(Pid.IN, host.address, BULK))
    return host.bus.receive()


def crc5(bits: list[int]) -> int:
    """The CRC of a token as 8.3.5 has it, the bit that is sent first on top."""
    value = 0b11111
    for bit in bits:
        feeds = value >> 4 != bit
        value = value << 1 & 0b11111
        value ^= 0b00101 if feeds else 0
    return ~value & 0b11111


def too_long_token(address: int, endpoint: int) -> bytes:
    """An IN with a byte more than it should have, ahead of address and endpoint, whose CRC is right."""
    body = [0] * 8 + [(address | endpoint << 7) >> place & 1 for place in range(11)]
    check = crc5(body)
    body += [check >> place & 1 for place in range(4, -1, -1)]
    return packet(Pid.IN, sum(bit << place for place, bit in enumerate(body)).to_bytes(3, "little"))


@pytest.mark.parametrize(
    "answer", [packet(Pid.NAK), packet(Pid.STALL), packet(Pid.ACK, b"x")], ids=["NAK", "STALL", "long"]
)
def test_only_an_ack_takes_a_packet_of_the_device(host: Device, answer: bytes) -> None:
    """An ACK behind another answer comes too late, and one with a byte is none."""
    host.feed(b"first")
    for more in ([answer], [answer, packet(Pid.ACK)]):
        assert ask(host) == FIRST
        for each in more:
            say(host, each)
        host.bus.idle(30)
    assert ask(host) == FIRST


def test_an_ack_without_data_before_it_takes_nothing(host: Device) -> None:
    host.feed(b"first")
    say(host, packet(Pid.ACK))
    assert ask(host) == FIRST
    say(host, packet(Pid.ACK))
    say(host, packet(Pid.ACK))
    host.feed(b"second")
    assert ask(host) == packet(Pid.DATA1, b"second")


def test_a_token_in_place_of_the_ack_is_served(host: Device) -> None:
    host.feed(b"first")
    for _ in range(3):
        assert ask(host) == FIRST


def test_a_token_in_place_of_the_data_is_served(host: Device) -> None:
    host.feed(b"first")
    say(host, token(Pid.OUT, host.address, BULK))
    assert ask(host) == FIRST
    say(host, packet(Pid.ACK))
    host.write(BULK, b"data")
    assert host.received() == b"data"


@pytest.mark.parametrize("between", [packet(Pid.ACK), packet(Pid.SOF, b"\x12\x00")], ids=["ACK", "SOF"])
def test_data_behind_another_packet_belong_to_no_token(host: Device, between: bytes) -> None:
    say(host, token(Pid.OUT, host.address, BULK))
    say(host, between)
    say(host, packet(Pid.DATA0, b"stray"))
    assert host.is_silent()
    assert host.received() == b""


def test_the_number_of_a_frame_is_no_address(host: Device) -> None:
    """Even if its bits are those of this device and its endpoint."""
    for endpoint in (0, BULK):
        say(host, packet(Pid.SOF, (host.address | endpoint << 7).to_bytes(2, "little")))
        say(host, packet(Pid.DATA0, b"stray"))
        assert host.is_silent()
    assert host.received() == b""


def test_a_token_with_a_byte_more_is_none(host: Device) -> None:
    host.feed(b"first")
    assert crc5([int(bit) for bit in "10101000111"]) == 0b10111, "the example of the USB-IF: SETUP, 0x15, 0xE"
    say(host, too_long_token(host.address, BULK))
    assert host.is_silent()
    assert ask(host) == FIRST
