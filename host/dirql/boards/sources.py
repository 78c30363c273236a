# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The files that a bitstream is made of, and the number of the build, which they give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from dirql.boards.description import Board, UsbLink
from dirql.hardware.linked import LINKED_TOP, link_files, render_linked, usb_files
from dirql.hardware.render import CHASSIS, TOP, generated_files, hdl_files

__all__ = ["BUILD_NUMBER_BYTES", "board_sources", "build_number"]

BUILD_NUMBER_BYTES = 8
SERIAL_MACHINE = "hdl/link/rtl/serial_machine.sv"
USB_MACHINE = "hdl/link/rtl/usb_machine.sv"
BOARD_TOP = "top.sv"


def board_sources(board: Board, root: Path) -> dict[str, str]:
    """The names and texts of the files, in the order in which they are read; `root` is the folder with hdl/.

    The top of the board is the last of them.
    """
    made = generated_files(board.machine)
    files = [*hdl_files(board.machine, root), *link_files(root)]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files if path.suffix == ".sv"}
    texts |= {CHASSIS: made[CHASSIS], TOP: made[TOP], LINKED_TOP: render_linked(board.machine)}
    port = (
        [*usb_files(root), root / USB_MACHINE] if isinstance(board.link, UsbLink) else [root / SERIAL_MACHINE]
    )
    for path in (*port, board.folder / BOARD_TOP):
        texts[path.name] = path.read_text(encoding="utf-8")
    return texts


def build_number(board: Board, sources: Mapping[str, str], tools: Sequence[str]) -> bytes:
    """The begin of the SHA-256 of sources, board and tools."""
    digest = hashlib.sha256()
    pins = (board.folder / board.constraints).read_text(encoding="utf-8")
    facts = repr((board.name, board.part, *board.parameters.values(), board.seed))
    for text in (*sources, *sources.values(), pins, facts, *tools):
        octets = text.encode()
        digest.update(len(octets).to_bytes(8, "little") + octets)
    return digest.digest()[:BUILD_NUMBER_BYTES]
