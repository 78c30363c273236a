# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bitstreams of the iCE40 with a wrong bit."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
from pathlib import Path

from dirql.boards.build import cells_path
from dirql.boards.description import Board
from dirql.boards.netlist import read_cells
from dirql.boards.record import Record
from dirql.boards.tools import call
from dirql.boards.unpacking import unpack

__all__ = ["flip"]

LUT_BITS = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
"""The place of each bit of a LUT among the 20 bits of its logic cell, from the iCE40 documents of Project IceStorm."""
LUT_COLUMN = 36
"""The first of the 10 columns of a logic tile that the cells have, two rows for each."""


def flip(board: Board, original: Path, folder: Path, bit: int) -> Path:
    """Write the bitstream of a board into a folder with one bit changed; returns the file, which has a record.

    It is the bit of that number of the LUT before the flip-flop of the line `tx`.
    """
    assert board.pins is not None
    folder.mkdir()
    netlist = unpack(board, original, read_cells(cells_path(original)), folder).read_text(encoding="utf-8")
    found = re.search(rf"/\* FF +(\d+) +(\d+) +(\d+) \*/ always .* pin_{board.pins.tx} <=", netlist)
    assert found, "the line tx must come from a flip-flop"
    x, y, z = map(int, found.groups())
    lines = (folder / "unpacked.asc").read_text(encoding="ascii").splitlines()
    row = lines.index(f".logic_tile {x} {y}") + 1 + 2 * z + LUT_BITS[bit] // 10
    column = LUT_COLUMN + LUT_BITS[bit] % 10
    lines[row] = lines[row][:column] + "10"[int(lines[row][column])] + lines[row][column + 1 :]
    (folder / "flipped.asc").write_text("\n".join(lines) + "\n", encoding="ascii")
    flipped = folder / original.name
    call(folder, ["yowasp-icepack", "flipped.asc", flipped.name])
    shutil.copy(cells_path(original), cells_path(flipped))
    digest = hashlib.sha256(flipped.read_bytes()).hexdigest()
    dataclasses.replace(Record.read(original), bitstream=digest).write(flipped)
    return flipped
