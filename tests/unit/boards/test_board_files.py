# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The folders of boards: the ones that come with dirql, and errors in others."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from board_page import table
from dirql import cli
from dirql.boards.build import bitstream_path
from dirql.boards.families import FAMILIES
from dirql.boards.reading import BOARDS, DescriptionError, board_names, load_board, read_board
from dirql.boards.sources import board_sources, build_number
from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine
from flashing.made_bitstreams import ICE40_HEAD, made_bitstream
from source_tree import ROOT

GOOD = (ROOT / BOARDS / "hx8k" / "board.toml").read_text(encoding="utf-8")
NAMES = board_names(ROOT)


def refusal(tmp_path: Path, text: str) -> str:
    """The message for a board whose file has this text."""
    (tmp_path / "board.toml").write_text(text, encoding="utf-8")
    (tmp_path / "hx8k.pcf").touch()
    with pytest.raises(DescriptionError) as refused:
        read_board(tmp_path, ROOT)
    return str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_board_has_its_files_and_nothing_else(name: str) -> None:
    board = load_board(name)
    assert {path.name for path in board.folder.iterdir()} == {"board.toml", "top.sv", board.constraints}


@pytest.mark.parametrize("name", NAMES)
def test_the_machine_of_a_board_has_its_number_whatever_the_clock(name: str) -> None:
    board = load_board(name)
    assert machine_number(board.machine) == machine_number(load_machine(board.machine.name))
    assert f"ClockHz(32'd{board.machine.frequency})" in board_sources(board, ROOT)["linked_machine.sv"]


@pytest.mark.parametrize("name", NAMES)
def test_each_port_of_the_top_has_a_pin(name: str) -> None:
    board = load_board(name)
    top = (board.folder / "top.sv").read_text(encoding="utf-8")
    pins = (board.folder / board.constraints).read_text(encoding="utf-8")
    ports = re.findall(
        r"^  (?:input|output|inout) +(?:logic|wire) +(?:\[(\d):0\])? *(\w+),?$", top, re.MULTILINE
    )
    assert ports
    for width, port in ports:
        for each in [f"{port}[{bit}]" for bit in range(int(width) + 1)] if width else [port]:
            assert re.search(rf'[" ]{re.escape(each)}[" ]', pins), each


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('"tiny"', '"tinny"'),
            "machine: a machine must be one of at, bridged, crowd, default, pio, shared, tiny, or a file",
        ),
        (
            ('"tiny"', '"crowd"'),
            "machine: a board's machine must have no pads; crowd has those of gpio at 00:01.1",
        ),
        (
            ('"ice40"', '"ice4"'),
            "part.family: it must be one of ice40, ecp5, gowin; it was 'ice4': did you mean",
        ),
        (
            ("3_000_000", "5_000_000"),
            "link.baud: it must be the clock, 12,000,000 Hz, through a whole number",
        ),
        (("3_000_000", "4_000_000"), "from 4 on, to 2.5%; it was 4,000,000"),
        (
            ('"0403:6010"', '"403:6010"'),
            "link.usb: it must be vendor and product of a USB device, as 0403:6010",
        ),
        (
            ("hx8k.pcf", "hx8k.lpf"),
            "build.constraints: it must be a file beside board.toml; there is no 'hx8k.lpf'",
        ),
        (
            ('"iceprog"', '"iceprg"'),
            "loader.programs: a loader must be one of openFPGALoader, iceprog; it was",
        ),
        (("seed = 1", "sed = 1"), "build.sed: the key must be one of"),
        (('kind = "serial"', 'kind = "tcp"'), "link.kind: it must be one of serial, usb; it was 'tcp'"),
        (('kind = "serial"', 'kind = "usb"'), "link.baud: the key must be one of kind"),
        (
            ('kind = "serial"\nbaud = 3_000_000\nusb = "0403:6010"', 'kind = "usb"'),
            "clock.frequency: it must be 48,000,000 Hz, the clock of the USB core; it was 12,000,000",
        ),
        (
            (
                'frequency = 12_000_000\n\n[link]\nkind = "serial"\nbaud = 3_000_000\nusb = "0403:6010"',
                'frequency = 48_000_000\n\n[link]\nkind = "usb"',
            ),
            "pins: it may stand only in a board with a serial port; link.kind was 'usb'",
        ),
        (('clock = "J3"', 'clk = "J3"'), "pins.clock: the key is missing; it must be a text"),
        (("fill = 90", "fill = 101"), "build.fill: it must be an integer of 1 to 100; it was 101"),
    ],
)
def test_a_board_that_cannot_be_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in GOOD
    assert message in refusal(tmp_path, GOOD.replace(*change))


def test_only_bitstreams_that_can_be_unpacked_have_pins(tmp_path: Path) -> None:
    told = refusal(tmp_path, GOOD.replace('family = "ice40"', 'family = "ecp5"'))
    assert "pins: it may stand only in a board of the family ice40; the family was ecp5" in told


def test_the_number_of_a_build_is_that_of_sources_board_and_tools() -> None:
    board = load_board("hx8k")
    sources = board_sources(board, ROOT)
    number = build_number(board, sources, ("yosys 1",))
    assert number == build_number(board, sources, ("yosys 1",))
    others = {
        build_number(board, sources, ("yosys 2",)),
        build_number(board, {**sources, "top.sv": sources["top.sv"] + " "}, ("yosys 1",)),
        build_number(dataclasses.replace(board, seed=2), sources, ("yosys 1",)),
    }
    assert len({number, *others}) == 4


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_family_name_its_files(name: str) -> None:
    board = load_board(name)
    family = FAMILIES[board.part.family]
    command = " ".join(family.place_command(board.part, board.constraints, 3, 12.5))
    assert board.constraints in command
    assert "--seed 3 --freq 12.5" in command
    assert f"packed{family.suffix}" in family.pack_command(f"packed{family.suffix}")


def test_boards_are_listed_with_part_clock_machine_link_and_loader(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["boards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == NAMES
    assert (
        "hx8k           iCE40HX8K-CT256       12 MHz  tiny     serial 3 MBd      openFPGALoader or iceprog"
        in lines
    )


def test_a_board_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build", "ulx3"]) == 2
    assert "a board must be one of " in capsys.readouterr().err


def test_the_page_has_a_row_and_a_section_for_each_board() -> None:
    page = (ROOT / "docs/boards.md").read_text(encoding="utf-8")
    for name in NAMES:
        board = load_board(name)
        clock = f"{board.machine.frequency / 1e6:g}"
        assert f"| `{name}` | {board.part.name} | `{board.machine.name}` | {clock} |" in page
        assert re.search(rf"^## {name}: ", page, re.MULTILINE)


def test_a_row_of_the_page_shows_what_was_built(tmp_path: Path) -> None:
    board = load_board("hx8k")
    file = bitstream_path(board, tmp_path)
    file.parent.mkdir(parents=True)
    made_bitstream(board, file, ICE40_HEAD)
    made = table("| `ulx3s` | kept |\n", tmp_path)
    assert "| `hx8k` | iCE40HX8K-CT256 | `tiny` | 12 | 20.0 | 1 | 50 % | 1 | 0 | 1 | 1 of 2 | 1 |\n" in made
    assert "| `ulx3s` | kept |\n" in made
    assert "| `orangecrab` | LFE5U-25F-8MG285 | `default` | 48 | – | – | – | – | – | – | – | – |\n" in made
