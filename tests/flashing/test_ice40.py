# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql flash` with the unmodified openFPGALoader, on an FT2232H with a serial flash that umockdev serves."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dirql.boards.reading import load_board
from flashing.made_bitstreams import ICE40_HEAD, made_bitstream
from flashing.needed import SYSTEM_PYTHON, need_loader, need_umockdev
from source_tree import ROOT


@dataclass
class Flashed:
    """The end of a run of `dirql flash`."""

    code: int
    said: str
    memory: bytes = field(repr=False)


@pytest.fixture(scope="module")
def _needed() -> None:
    need_loader()
    need_umockdev()


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    return made_bitstream(
        load_board("hx8k"), tmp_path / "hx8k.bin", ICE40_HEAD + random.Random(8).randbytes(6000)
    )


def flash(file: Path, *faults: str) -> Flashed:
    """Run `dirql flash` with the fake cable plugged in."""
    dump = file.with_suffix(".dump")
    server = [SYSTEM_PYTHON, "-m", "flashing.fake_ft2232h", "--dump", str(dump), *faults, "--"]
    done = subprocess.run(
        [*server, sys.executable, "-m", "dirql", "flash", "hx8k", str(file)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'host'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    return Flashed(done.returncode, done.stdout + done.stderr, dump.read_bytes())


@pytest.mark.slow
@pytest.mark.usefixtures("_needed")
def test_the_flash_has_the_bitstream(bitstream: Path) -> None:
    flashed = flash(bitstream)
    assert flashed.code == 0, flashed.said
    octets = bitstream.read_bytes()
    assert flashed.memory.startswith(octets)
    assert not flashed.memory[len(octets) :].strip(b"\xff")


@pytest.mark.slow
@pytest.mark.usefixtures("_needed")
def test_a_bit_that_cannot_be_written_is_told(bitstream: Path) -> None:
    octets = bitstream.read_bytes()
    address = next(at for at in range(0x800, len(octets)) if not octets[at] & 1)
    flashed = flash(bitstream, "--stuck", hex(address))
    assert flashed.code == 2
    assert "hx8k was not written: what was read back is not what was written" in flashed.said


@pytest.mark.slow
@pytest.mark.usefixtures("_needed")
@pytest.mark.parametrize("after", [0, 40])
def test_a_cable_that_is_pulled_is_told(bitstream: Path, after: int) -> None:
    """Before anything was said to the board, and in the middle of the flash."""
    flashed = flash(bitstream, "--unplug-after", str(after))
    assert flashed.code == 2
    assert "hx8k was not written: the cable " in flashed.said


@pytest.mark.slow
@pytest.mark.usefixtures("_needed")
def test_a_file_that_was_cut_short_is_not_written(bitstream: Path) -> None:
    bitstream.write_bytes(bitstream.read_bytes()[:-100])
    flashed = flash(bitstream)
    assert flashed.code == 2
    assert "it was changed or cut short" in flashed.said
    assert not flashed.memory.strip(b"\xff")
