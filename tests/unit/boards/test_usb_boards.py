# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Boards whose link is a USB core in the FPGA: their sources, and how they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql.boards import command
from dirql.boards.asking import Identity
from dirql.boards.description import UsbId, UsbLink
from dirql.boards.flash import FlashError
from dirql.boards.reading import load_board
from dirql.boards.sources import board_sources
from dirql.boards.usb import UsbDevice
from dirql.link.pipe import NoLink
from source_tree import ROOT

BOARD = "orangecrab"
NUMBER = UsbId(0x1209, 0x0001)
NODE = "/dev/bus/usb/001/002"


@pytest.fixture
def _plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The board is plugged in, and nothing else."""

    def find(wanted: UsbId) -> list[UsbDevice]:
        return [UsbDevice(wanted, NODE, "made")] if wanted == NUMBER else []

    monkeypatch.setattr(command, "find_devices", find)
    monkeypatch.setattr(command, "ports_of", lambda _converter: [])


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Identity | NoLink | None) -> None:
    def ask(device: UsbId) -> Identity | None:
        assert device == NUMBER
        if isinstance(answer, NoLink):
            raise answer
        return answer

    monkeypatch.setattr(command, "ask_usb", ask)


def test_the_top_is_made_of_the_usb_core_and_has_no_rate() -> None:
    board = load_board(BOARD)
    assert board.link == UsbLink(NUMBER)
    assert board.parameters == {}
    names = list(board_sources(board, ROOT))
    assert names[-2:] == ["usb_machine.sv", "top.sv"]
    assert names.index("usb_pkg.sv") < names.index("usb_device.sv")
    assert "serial_machine.sv" not in names
    assert "usb_device.sv" not in board_sources(load_board("ulx3s"), ROOT)


@pytest.mark.usefixtures("_plugged")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Identity("11" * 8, "22" * 8, 48_000_000), f"machine {'11' * 8}, build {'22' * 8}, 48 MHz"),
        (None, "no answer"),
        (NoLink("usb 001:002 must be free"), "usb 001:002 must be free"),
    ],
)
def test_board_info_asks_a_board_that_is_plugged_in(
    monkeypatch: pytest.MonkeyPatch, answer: Identity | NoLink | None, told: str
) -> None:
    answer_with(monkeypatch, answer)
    assert list(command.info_lines()) == [f"  {NODE}: {told}"]


@pytest.mark.usefixtures("_plugged")
def test_a_serial_port_is_refused_for_a_board_without_one(tmp_path: Path) -> None:
    file = tmp_path / "made.bit"
    with pytest.raises(FlashError, match=r"--port must be left out for orangecrab, .* it was /dev/ttyUSB0"):
        command.flash_board(BOARD, file, tmp_path, "/dev/ttyUSB0", print, keep=True, xvc=None)


def test_boards_are_listed_with_their_usb_number() -> None:
    assert any(line.startswith(BOARD) and " usb 1209:0001 " in line for line in command.board_lines())
