# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Follows the pages of docs that have code: types the files, gives the commands and compares the outputs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dirql.target import inside_simulator
from walkthrough import EXAMPLE, Block, Source, blocks

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts sessions of its own")


def as_run_here(command: str) -> list[str]:
    """A command of the page, with this Python in place of the checkout's, and with the command behind `make`."""
    for start, words in (
        (".venv/bin/pytest ", "-m pytest -p no:cacheprovider "),
        (".venv/bin/python ", ""),
        ("make test ARGS=", "-m pytest -p no:cacheprovider "),
        ("make run ARGS=", "-m dirql run "),
    ):
        if command.startswith(start):
            rest = command.removeprefix(start)
            options = shlex.split(rest)[0] if "ARGS=" in start else rest
            return [sys.executable, *shlex.split(words + options)]
    return ["sh", "-c", command]


class Reader:
    """A reader of the page: has a checkout, a folder beside it, and the output of the last command."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "dirql"
        self.own = folder / "my_driver"
        self.checkout.mkdir(parents=True)
        shutil.copytree(ROOT / "examples" / "first_driver", self.checkout / "examples" / "first_driver")
        self.sources: dict[str, Source] = {}
        self.printed = ""

    def follow(self, block: Block) -> None:
        """Do what the page asks the reader to do with a block."""
        if block.language == "sh":
            self.give(block.text.splitlines(), fails=block.mark == "fails")
        elif block.language == "text":
            self.compare(block.text.splitlines())
        else:
            self.type_in(block)

    def type_in(self, block: Block) -> None:
        """Put code into a file; code that is marked "for now" is not kept."""
        source = self.sources.setdefault(block.file, self._known(block.file))
        shown = source
        if block.mark.endswith("for now"):
            shown = Source(source.head, source.imports, source.constants, dict(source.routines))
        shown.add(block.text)
        (self.own / block.file).write_text(shown.text(), encoding="utf-8")

    def _known(self, file: str) -> Source:
        """The source of a file as the reader has it already."""
        source, path = Source(), self.own / file
        if path.exists():
            source.add(path.read_text(encoding="utf-8"))
        return source

    def give(self, commands: list[str], *, fails: bool) -> None:
        """Give commands; each must succeed or fail as the page says."""
        self.printed = ""
        for command in commands:
            run = subprocess.run(
                as_run_here(command),
                cwd=self.checkout,
                capture_output=True,
                text=True,
                check=False,
                timeout=250,
            )
            self.printed += run.stdout + run.stderr
            assert (run.returncode != 0) is fails, f"{command} ended with {run.returncode}:\n{self.printed}"

    def compare(self, lines: list[str]) -> None:
        """Compare a block with the output: each line of the block must be in it."""
        for line in lines:
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(pattern, self.printed), f"{line!r} is not in:\n{self.printed}"


@pytest.mark.slow
def test_the_first_hour_works_as_it_stands(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in blocks():
        reader.follow(block)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["testing.md", "tour.md", "measuring.md"])
def test_a_page_that_uses_the_own_driver_works_as_it_stands(tmp_path: Path, page: str) -> None:
    reader = Reader(tmp_path)
    shutil.copytree(EXAMPLE, reader.own)
    for block in blocks(ROOT / "docs" / page):
        reader.follow(block)


def test_a_command_runs_with_this_python() -> None:
    assert as_run_here('make run ARGS="--mode dma -x"')[1:] == ["-m", "dirql", "run", "--mode", "dma", "-x"]
    assert as_run_here(".venv/bin/pytest ../a -k b")[-3:] == ["../a", "-k", "b"]
    assert as_run_here("mkdir ../my_driver") == ["sh", "-c", "mkdir ../my_driver"]
