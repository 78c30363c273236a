# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Twins of bitstreams: the file that is flashed to a board, unpacked, compiled and served as other twins are.

Beside it, the board's RTL with the same pins, by which both are compared clock by clock.
"""

from __future__ import annotations

from pathlib import Path

from dirql.boards.build import bitstream_path, cells_path
from dirql.boards.description import Board, Pins, SerialLink
from dirql.boards.flash import FlashError, check_bitstream
from dirql.boards.netlist import NetlistError, read_cells
from dirql.boards.options import BITSTREAMS
from dirql.boards.pads import PADS, chip_pads, top_pads
from dirql.boards.reading import board_names, load_board
from dirql.boards.record import Record
from dirql.boards.sources import board_sources
from dirql.boards.tools import ToolError
from dirql.boards.unpacking import UnpackerMissing, find_unpacker, unpack
from dirql.hardware.root import machine_root
from dirql.target.contract import TargetError
from dirql.target.simulation.build import BuildError, Recipe
from dirql.target.simulation.toolchain import SetupError
from dirql.target.simulation.twin import Level, TwinPlan
from dirql.target.simulation.twin_recipe import Design, design_recipe

__all__ = ["bitstream_plan", "bitstream_recipe", "rtl_recipe"]


def bitstream_plan(name: str, baud: int | None, host: str, port: int | None) -> TwinPlan:
    """The plan of a twin of the bitstream that `dirql build` has made for a board.

    Raises `ValueError` for a board that cannot have one, `TargetError` for a bitstream that is not there or not of this
    board and machine, and `SetupError` for tools that are not installed.
    """
    board = load_board(name) if name in board_names() else None
    if board is None or board.pins is None or not isinstance(board.link, SerialLink):
        able = ", ".join(each for each in board_names() if load_board(each).pins is not None)
        raise ValueError(
            f"a twin at the level bitstream must be that of a board whose bitstream can be unpacked, {able}; it was"
            f" {repr(name) if name else 'given without a name'}"
        )
    recipe = bitstream_recipe(board, bitstream_path(board, BITSTREAMS))
    return TwinPlan(board.machine, Level.BITSTREAM, baud or board.link.baud, host, port, recipe)


def _pins(board: Board) -> Pins:
    assert board.pins is not None, "the callers have looked"
    return board.pins


def _checked(board: Board, bitstream: Path) -> Record:
    """The record of a bitstream that may be flashed to the board, and whose cells are known."""
    try:
        record = check_bitstream(board, bitstream)
    except FlashError as error:
        raise TargetError(str(error)) from error
    if not cells_path(bitstream).is_file():
        raise TargetError(
            f"{bitstream} must have {cells_path(bitstream).name} beside it, the list of its cells; there is none: build"
            f" it with: dirql build {board.name}"
        )
    return record


def bitstream_recipe(board: Board, bitstream: Path) -> Recipe:
    """The recipe of a twin with the bitstream of a board that has pins.

    Raises `TargetError` for a bitstream that is not there or may not be flashed, `SetupError` without the tools.
    """
    record = _checked(board, bitstream)
    try:
        unpacker = find_unpacker()
    except UnpackerMissing as missing:
        raise SetupError(*missing.args) from missing
    pads = chip_pads(_pins(board))

    def write(folder: Path) -> list[Path]:
        try:
            netlist = unpack(board, bitstream, read_cells(cells_path(bitstream)), folder)
        except (ToolError, NetlistError, OSError) as error:
            raise BuildError(f"{bitstream} cannot be unpacked: {error}") from error
        (folder / f"{PADS}.sv").write_text(pads, encoding="utf-8")
        return [folder / f"{PADS}.sv", netlist, unpacker.models]

    design = Design(
        name=f"{board.name}-bitstream",
        machine=board.machine,
        top=PADS,
        has_pins=True,
        can_skip=False,
        options=["-DNO_ICE40_DEFAULT_ASSIGNMENTS"],
        inputs=[bitstream, cells_path(bitstream), *unpacker.files],
        facts=[pads, *record.tools],
        write=write,
        duration="this usually takes about a minute",
    )
    return design_recipe(design, machine_root())


def rtl_recipe(board: Board, record: Record) -> Recipe:
    """The recipe of a twin with the RTL of a board that has pins: the top with the parameters of a build.

    It skips no clocks, so that it can be compared with the bitstream at each of them.
    """
    sources = board_sources(board, machine_root())
    sources |= {f"{PADS}.sv": top_pads(board, _pins(board), record.build)}

    def write(folder: Path) -> list[Path]:
        for name, text in sources.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in sources]

    design = Design(
        name=f"{board.name}-rtl",
        machine=board.machine,
        top=PADS,
        has_pins=True,
        can_skip=False,
        options=[],
        inputs=[],
        facts=[*sources, *sources.values()],
        write=write,
    )
    return design_recipe(design, machine_root())
