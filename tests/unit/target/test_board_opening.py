# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The search for a board at the serial ports, and boards that are opened by an address."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dirql.link.pipe import NoLink, Pipe
from dirql.target import open_target
from dirql.target.board import opening
from dirql.target.board.address import BoardAddress
from dirql.target.board.opening import open_board
from fakes.default_machine import MACHINE
from fakes.fake_device import FakeDevice
from fakes.link_target import DevicePipe
from fakes.scripted_target import ScriptedTarget


def port(device: str, vendor: int | None, product: int | None) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vendor, pid=product, description="", location=None)


FTDI = (0x0403, 0x6010)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeDevice | None]:
    """The ports with an FT2232H, and the device at each; None for one that is silent."""
    boards: dict[str, FakeDevice | None] = {}

    def pipe(url: str, baud: int) -> Pipe:
        assert baud == 3_000_000
        device = boards[url]
        return DevicePipe(device.receive if device else lambda _octets: b"", url)

    monkeypatch.setattr(opening, "SerialPipe", pipe)
    monkeypatch.setattr(
        opening,
        "list_ports",
        lambda: [port("/dev/ttyS0", None, None), *(port(name, *FTDI) for name in sorted(boards))],
    )
    return boards


SERIAL = BoardAddress.parse("serial?silence=0.5")


def test_the_board_that_answers_is_found(plugged: dict[str, FakeDevice | None]) -> None:
    plugged["/dev/ttyUSB0"] = FakeDevice(ScriptedTarget())
    plugged["/dev/ttyUSB1"] = None
    target = open_board(SERIAL, MACHINE)
    assert target.link.pipe.name == "/dev/ttyUSB0"
    assert target.name == "serial"
    target.close()


def test_of_a_converter_with_two_ports_the_second_is_asked_first(
    plugged: dict[str, FakeDevice | None],
) -> None:
    plugged["/dev/ttyUSB0"] = FakeDevice(ScriptedTarget())
    plugged["/dev/ttyUSB1"] = FakeDevice(ScriptedTarget())
    target = open_board(SERIAL, MACHINE)
    assert target.link.pipe.name == "/dev/ttyUSB1"
    target.close()


def test_boards_that_do_not_suit_are_told_one_by_one(plugged: dict[str, FakeDevice | None]) -> None:
    plugged["/dev/ttyUSB0"] = FakeDevice(ScriptedTarget(), number=bytes(8))
    plugged["/dev/ttyUSB1"] = None
    with pytest.raises(
        NoLink,
        match=r"none did: the board at /dev/ttyUSB1 must answer .* the board at /dev/ttyUSB0 must have",
    ):
        open_board(SERIAL, MACHINE)


def test_without_a_known_converter_the_ports_are_listed(plugged: dict[str, FakeDevice | None]) -> None:
    with pytest.raises(
        NoLink, match=r"there is none. The ports of this computer: /dev/ttyS0. Plug the board in"
    ):
        open_board(SERIAL, MACHINE)


def test_options_of_simulations_are_refused_for_a_board() -> None:
    with pytest.raises(ValueError, match="must be asked of a simulated target; the target was usb"):
        open_target("usb", checked=True)
