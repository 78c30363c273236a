# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Twins of bitstreams that cannot be: each is refused with one sentence, before anything is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql import cli
from dirql.boards import tools
from dirql.boards.build import bitstream_path, cells_path
from dirql.boards.options import BITSTREAMS
from dirql.boards.reading import load_board
from dirql.target import check_target, machine_of, open_target
from dirql.target.bitstreams import bitstream_plan
from dirql.target.contract import TargetError
from dirql.target.simulation.toolchain import SetupError
from dirql.target.simulation.twin import Level, TwinPlan
from flashing.made_bitstreams import ECP5_HEAD, ICE40_HEAD, made_bitstream

HX8K = load_board("hx8k")
NAME = "twin:hx8k?level=bitstream"


@pytest.fixture
def bitstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the board's bitstream below the current folder, which has none."""
    monkeypatch.chdir(tmp_path)
    path = bitstream_path(HX8K, BITSTREAMS)
    path.parent.mkdir(parents=True)
    return path


def test_the_address_of_a_bitstream_has_the_machine_of_its_board() -> None:
    assert check_target(NAME) == NAME
    assert machine_of(NAME) == "tiny"


@pytest.mark.parametrize("name", ["twin:tiny", "twin:ulx3s", "twin"])
def test_only_boards_whose_bitstreams_can_be_unpacked_have_such_twins(name: str) -> None:
    with pytest.raises(
        ValueError, match=r"must be that of a board whose bitstream can be unpacked, hx8k, icebreaker; it was"
    ):
        open_target(f"{name}?level=bitstream", machine="tiny")


@pytest.mark.usefixtures("bitstream")
def test_a_bitstream_that_was_not_built_is_named() -> None:
    with pytest.raises(
        TargetError, match=r"build/boards/hx8k/hx8k\.bin must be a bitstream; it cannot be read"
    ):
        open_target(NAME)


def test_a_bitstream_that_would_not_be_flashed_is_not_simulated(bitstream: Path) -> None:
    made_bitstream(HX8K, bitstream, ECP5_HEAD)
    with pytest.raises(TargetError, match="must be for the part iCE40HX8K-CT256"):
        open_target(NAME)
    made_bitstream(load_board("ulx3s"), bitstream, ICE40_HEAD)
    with pytest.raises(TargetError, match="must be a bitstream of the board hx8k; it is one of ulx3s"):
        open_target(NAME)


def test_a_bitstream_without_the_list_of_its_cells_is_refused(bitstream: Path) -> None:
    made_bitstream(HX8K, bitstream, ICE40_HEAD)
    with pytest.raises(TargetError, match=r"must have hx8k\.cells beside it"):
        open_target(NAME)


def test_tools_that_are_not_installed_are_named(bitstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_bitstream(HX8K, bitstream, ICE40_HEAD)
    cells_path(bitstream).touch()
    monkeypatch.setattr(tools, "environment", lambda: {"PATH": ""})
    with pytest.raises(
        SetupError, match=r"yowasp-iceunpack .* must be installed: pip install 'dirql\[boards\]'"
    ):
        open_target(NAME)


def test_a_bit_outside_is_as_long_as_clock_and_rate_say_and_inside_as_the_bits_say() -> None:
    pins = TwinPlan(HX8K.machine, Level.PIN, 2_500_000)
    assert pins.line_options == ["--bit", "5", "1"]
    assert TwinPlan(HX8K.machine).line_options == ["--clocks-per-byte", "1"]


def test_a_plan_of_a_bitstream_needs_its_recipe() -> None:
    with pytest.raises(ValueError, match="a twin must have a recipe at the level bitstream and at no other"):
        TwinPlan(HX8K.machine, Level.BITSTREAM)
    with pytest.raises(ValueError, match="whose bitstream can be unpacked"):
        bitstream_plan("nosuch", None, "127.0.0.1", 0)


@pytest.mark.usefixtures("bitstream")
def test_the_level_of_the_command_line_is_that_of_the_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--target", "twin:hx8k?silence=5", "--level", "bitstream"]) == 2
    assert "build/boards/hx8k/hx8k.bin must be a bitstream" in capsys.readouterr().err
    assert cli.main(["twin", "hx8k", "--level", "bitstream"]) == 2
    assert "build/boards/hx8k/hx8k.bin must be a bitstream" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["verilated", "tcp://127.0.0.1:5555", "twin:hx8k?level=pin"])
def test_a_level_for_anything_but_a_twin_without_one_is_refused(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--target", target, "--level", "bitstream"])
    assert (
        f"--level needs a twin whose address has no level, as --target twin:hx8k; the target was {target}"
        in (capsys.readouterr().err)
    )
