# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bitstreams that the tests of bitstreams need, in build/boards of the checkout, where `make bitstream` puts them.

To make one takes minutes. So without DIRQL_BITSTREAMS=required, which `make nightly` sets, these tests are skipped
unless the bitstream is there and is that of the sources as they are now, and its tools are installed.
"""

from __future__ import annotations

import os

import pytest

from dirql.boards.build import build, current
from dirql.boards.options import BITSTREAMS
from dirql.boards.reading import load_board
from dirql.boards.tools import missing_programs
from dirql.boards.unpacking import UnpackerMissing, find_unpacker
from source_tree import ROOT

__all__ = ["need_bitstream", "need_programs", "need_unpacker"]

REQUIRED = os.environ.get("DIRQL_BITSTREAMS") == "required"


def lack(missing: str) -> None:
    """Skip the test, or let it fail, for something that is missing."""
    if REQUIRED:
        pytest.fail(f"this test must run here; it lacks {missing}")
    pytest.skip(f"needs {missing}")


def need_programs(*programs: str) -> None:
    """Skip the test without these programs."""
    if missing := missing_programs(programs):
        lack(f"{', '.join(missing)}: pip install 'dirql[boards]'")


def need_unpacker() -> None:
    """Skip the test without the tools that unpack bitstreams."""
    try:
        find_unpacker()
    except UnpackerMissing as missing:
        lack(": ".join(missing.args))


def need_bitstream(name: str) -> None:
    """Build the bitstream of a board if it must be there; otherwise skip the test without it."""
    board = load_board(name)
    if REQUIRED:
        build(board, ROOT / BITSTREAMS, print)
    elif current(board, ROOT / BITSTREAMS) is None:
        lack(f"the bitstream of {name} as the sources are now: make bitstream BOARD={name}")
