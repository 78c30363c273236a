# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Addresses of boards, as --target takes them."""

from __future__ import annotations

import pytest

from dirql.link.faults import Faults
from dirql.target import TARGETS
from dirql.target.board.address import KINDS, BoardAddress, is_board


@pytest.mark.parametrize(
    ("text", "place", "port", "baud"),
    [
        ("serial", "", 0, None),
        ("serial?baud=1000000", "", 0, 1_000_000),
        ("serial:///dev/ttyUSB1?baud=3000000", "/dev/ttyUSB1", 0, 3_000_000),
        ("serial:/dev/ttyUSB1", "/dev/ttyUSB1", 0, None),
        ("serial:COM3", "COM3", 0, None),
        ("serial:socket://127.0.0.1:5000", "socket://127.0.0.1:5000", 0, None),
        ("tcp://lab:5555", "lab", 5555, None),
        ("tcp://[::1]:5555", "::1", 5555, None),
        ("usb", "", 0, None),
        ("usbip://127.0.0.1:3240", "127.0.0.1", 3240, None),
    ],
)
def test_an_address_names_a_place(text: str, place: str, port: int, baud: int | None) -> None:
    address = BoardAddress.parse(text)
    assert (address.place, address.port, address.baud) == (place, port, baud)
    assert address.kind == text[: len(address.kind)]
    assert is_board(text)
    assert not address.precise
    assert address.faults is None


def test_options_are_read() -> None:
    address = BoardAddress.parse("tcp://lab:1?writes=precise&silence=2.5&flips=1e-3&seed=7&disconnect_at=100")
    assert address.precise
    assert address.patience.silence == 2.5
    assert address.faults == Faults(seed=7, flips=1e-3, disconnect_at=100)


@pytest.mark.parametrize("name", ["verilated", "cocotb", "serials", "", "twins:default"])
def test_other_names_are_no_boards(name: str) -> None:
    assert not is_board(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ftdi:1",
            "tcp://127.0.0.1:5555, usb, usbip://127.0.0.1:3240, twin:tiny or the like; it was 'ftdi:1'",
        ),
        ("tcp", "must be given as tcp://host:port; it was 'tcp'"),
        ("tcp://lab", "must be given as tcp://host:port; it was 'tcp://lab'"),
        ("tcp://lab:0", "must be given as tcp://host:port"),
        (
            "tcp://lab:65536",
            "must be given as tcp://host:port; it was 'tcp://lab:65536': a port is a number of 1 to 65535",
        ),
        ("tcp:lab:1", "must be given as tcp://host:port"),
        ("usbip://1", "must be given as usbip://host:port; it was 'usbip://1'"),
        ("usb://1", "must be given as usb, which finds it; it was 'usb://1'"),
        ("serial?baud", "must be written as \\?name=value&name=value"),
        (
            "serial?baud=fast",
            "baud of serial\\?baud=fast must be a number from 300 to 100,000,000; it was 'fast'",
        ),
        ("serial?baud=0", "must be a number from 300 to 100,000,000; it was '0'"),
        ("serial?baud=99999999999", "must be a number from 300 to 100,000,000; it was '99999999999'"),
        ("twin:tiny?level=pin&baud=1", "must be a number from 300 to 100,000,000; it was '1'"),
        ("tcp://lab:1?baud=9600", "must be one of writes, silence, .*; it was 'baud'"),
        ("tcp://lab:1?write=precise", "it was 'write': did you mean writes"),
        ("tcp://lab:1?writes=late", "must be posted or precise; it was 'late'"),
        ("tcp://lab:1?silence=0", "must be a number from 0.5 to 3,600; it was '0'"),
        ("tcp://lab:1?silence=inf", "must be a number from 0.5 to 3,600; it was 'inf'"),
        ("tcp://lab:1?silence=1e9", "must be a number from 0.5 to 3,600; it was '1e9'"),
        ("tcp://lab:1?delay=1e9", "must be a number from 0 to 3,600; it was '1e9'"),
        ("tcp://lab:1?flips=inf", "must be a number from 0 on; it was 'inf'"),
        ("tcp://lab:1?silence=5&silence=9", "must be given once; silence was '5' and '9'"),
        ("tcp://lab:1?flips=2", "the rate of flips must be 0 to 1; it was 2"),
        ("tcp://lab:1?flips=-1", "must be a number from 0 on; it was '-1'"),
        ("tcp://lab:1?flips=nan", "must be a number from 0 on; it was 'nan'"),
    ],
)
def test_an_address_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoardAddress.parse(text)


def test_the_kinds_of_boards_are_targets() -> None:
    assert set(KINDS) <= set(TARGETS)
    assert [name for name in TARGETS if is_board(name)] == list(KINDS)
