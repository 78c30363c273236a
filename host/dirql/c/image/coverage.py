# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Counts of gcov: how often each line of a driver has run, added up over all machines that have run it.

The compiler writes notes (`.gcno`) about each source; a machine that closes gives its counts (`.gcda`). Both go to the
folder that the user names, from where gcov and the programs that use it read them.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dirql.c.image.compiler import Compiler
from dirql.target.simulation.toolchain import SetupError, install

__all__ = ["COUNTED", "NOTES", "RUNTIME_PART", "Coverage", "check_that_it_counts", "coverage_folder"]

COUNTED: Final = ("--coverage", "-fprofile-info-section=dirql_counts")
"""The options that make gcc count, and list the counts in a section that the runtime reads."""
NOTES: Final = ".gcno"
RUNTIME_PART: Final = "coverage.c"
"""The part of the runtime that hands the counts over."""
_COUNTS: Final = ".gcda"
_FIRST: Final = 12
"""The first gcc whose library gives counts to programs without a C library."""


def coverage_folder(named: str | Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder for counts: the one that is named, or that of the variable DIRQL_COVERAGE, or None."""
    wanted = named or environment.get("DIRQL_COVERAGE")
    return Path(wanted).absolute() if wanted else None


def check_that_it_counts(compiler: Compiler) -> None:
    """Raise `SetupError` if a compiler cannot make images that count."""
    first = compiler.version.splitlines()[0]
    version = re.search(r"(\d+)\.\d+\.\d+$", first)
    if compiler.is_clang or (version is not None and int(version[1]) < _FIRST):
        raise SetupError(
            f"the coverage of drivers in C needs gcc {_FIRST} or later; the compiler is {first}",
            f"set CC to such a gcc, or leave the coverage out ({install('gcc')})",
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """The folder for the counts of an image, and the folder with the notes that were made with the image."""

    folder: Path
    notes: Path
    compiler: Compiler

    def add(self, files: Mapping[str, bytes]) -> None:
        """Add the counts of one machine to those in the folder; counts of another state of a source are dropped.

        Raises `SetupError` if the compiler's gcov-tool is not there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other processes may run the driver too
            for name, counts in files.items():
                self._add(Path(name).stem, counts)

    def _add(self, unit: str, counts: bytes) -> None:
        notes, kept = self.notes / f"{unit}{NOTES}", self.folder / f"{unit}{NOTES}"
        total = self.folder / f"{unit}{_COUNTS}"
        if kept.is_file() and total.is_file() and kept.read_bytes() == notes.read_bytes():
            counts = self._sum(unit, total.read_bytes(), counts)
        shutil.copyfile(notes, kept)
        total.write_bytes(counts)

    def _sum(self, unit: str, *parts: bytes) -> bytes:
        """The sum of two files of counts of the same unit."""
        with tempfile.TemporaryDirectory() as place:
            folders = [Path(place, str(number)) for number in range(len(parts))]
            for folder, part in zip(folders, parts, strict=True):
                folder.mkdir()
                (folder / f"{unit}{_COUNTS}").write_bytes(part)
            result = Path(place, "sum")
            command = [_tool(self.compiler), "merge", *map(str, folders), "-o", str(result)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SetupError(
                    f"the counts of gcov in {self.folder} could not be added up: {done.stderr.strip()}",
                    "remove the folder, and run again",
                )
            return (result / f"{unit}{_COUNTS}").read_bytes()


def _tool(compiler: Compiler) -> str:
    """The path of the gcov-tool that belongs to a gcc."""
    gcc = Path(compiler.command[0])
    found = shutil.which(str(gcc.with_name(gcc.name.replace("gcc", "gcov-tool"))))
    if found is None:
        raise SetupError(f"gcov-tool, which adds up the counts of {gcc}, is not beside it", install("gcc"))
    return found
