# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bitstreams for tests: the head of one of the right part, anything after it, and a record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dirql.boards.description import Board
from dirql.boards.record import Record
from dirql.hardware.identity import machine_number

__all__ = ["BUILD", "ECP5_HEAD", "ICE40_HEAD", "made_bitstream", "record_of"]

BUILD = "00112233445566778899"[:16]
ICE40_HEAD = bytes.fromhex(
    "ff0000ff7eaa997e 51 00 01 05 92 00 20 62 03 67 72 01 10 82 00 00".replace(" ", "")
)
"""Synchronisation, the speed, a bank of 872 x 272 bits."""
ECP5_HEAD = b"\xff\x00Part: LFE5U-25F-6CABGA381\x00\xff" + bytes.fromhex(
    "ffffbdb3ffffffff3b000000e200000041111043"
)


def record_of(board: Board, octets: bytes) -> Record:
    """The record of a bitstream of this board."""
    return Record(
        board=board.name,
        part=board.part.name,
        machine=board.machine.name,
        machine_number=machine_number(board.machine).hex(),
        build=BUILD,
        frequency=board.machine.frequency,
        megahertz=20.0,
        cells=1,
        cells_of_part=2,
        luts=1,
        luts_of_link=0,
        registers=1,
        rams=1,
        rams_of_part=2,
        seconds=1.0,
        tools=("made",),
        bitstream=hashlib.sha256(octets).hexdigest(),
    )


def made_bitstream(board: Board, file: Path, octets: bytes) -> Path:
    """Write a bitstream and its record."""
    file.write_bytes(octets)
    record_of(board, octets).write(file)
    return file
