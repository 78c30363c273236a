# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql flash` with the unmodified openFPGALoader, on a virtual cable with an ECP5 behind it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dirql import cli
from dirql.boards.reading import load_board
from flashing.ecp5_tap import LFE5U_45, Ecp5, cable
from flashing.made_bitstreams import ECP5_HEAD, made_bitstream
from flashing.needed import need_loader

OCTETS = ECP5_HEAD + random.Random(8).randbytes(2000) + b"\xff" * 16
SYNC = b"\xff\xff\xbd\xb3"


@pytest.fixture(scope="module")
def _needed() -> None:
    need_loader()


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    return made_bitstream(load_board("ulx3s"), tmp_path / "ulx3s.bit", OCTETS)


def flash(file: Path, part: Ecp5, ends_after: int | None = None) -> int:
    """Run `dirql flash`; its exit code."""
    with cable(part, ends_after=ends_after) as address:
        return cli.main(["flash", "ulx3s", str(file), "--ram", "--xvc", address])


@pytest.mark.slow
@pytest.mark.usefixtures("_needed")
def test_the_part_gets_the_bitstream(bitstream: Path) -> None:
    part = Ecp5()
    assert flash(bitstream, part) == 0
    assert SYNC in part.loaded
    assert OCTETS.endswith(part.loaded.rstrip(b"\0"))


@pytest.mark.slow
@pytest.mark.usefixtures("_needed")
@pytest.mark.parametrize(
    ("part", "ends_after", "reason"),
    [
        (Ecp5(LFE5U_45), None, "the part on the board is another one"),
        (Ecp5(0x0362_D093), None, "the part on the board is another one"),
        (Ecp5(can_be_enabled=False), None, "the part did not take the bitstream"),
        (Ecp5(takes=100), None, "the part did not take the bitstream"),
        (Ecp5(), 12, "the cable was lost in the middle"),
        (Ecp5(), 0, "the cable could not be opened"),
    ],
    ids=["larger part", "other family", "locked", "bad bitstream", "pulled", "pulled at once"],
)
def test_a_part_that_does_not_take_the_bitstream_is_told(
    bitstream: Path, part: Ecp5, ends_after: int | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash(bitstream, part, ends_after) == 2
    assert f"ulx3s was not written: {reason}. openFPGALoader said: " in capsys.readouterr().err
