# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The function, file and line of an address in an image, from its debug information."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from dirql.c.image.elf import ElfFile

__all__ = ["Place", "Places"]


class Place(NamedTuple):
    """A place in the source of a driver; `file` is "" and `line` 0 where the image does not tell."""

    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.function} ({self.file}:{self.line})" if self.file else self.function


class Places:
    """The places of one image; each address is looked up once."""

    def __init__(self, library: Path, elf: ElfFile) -> None:
        self._library = library
        self._elf = elf
        self._known: dict[int, Place | None] = {}

    def find(self, offset: int) -> Place | None:
        """The place at an offset behind the image's base; None if no routine of the image lies there."""
        if offset not in self._known:
            self._known[offset] = self._look_up(offset)
        return self._known[offset]

    def _look_up(self, offset: int) -> Place | None:
        name = next(
            (
                name
                for name, (start, size) in self._elf.routines.items()
                if start <= offset < start + max(size, 1)
            ),
            None,
        )
        if name is None:
            return None
        program = shutil.which("addr2line")
        if program is None:
            return Place(name, "", 0)
        answer = subprocess.run(
            [program, "-e", str(self._library), hex(offset)], capture_output=True, text=True, check=False
        ).stdout
        file, _, line = answer.split(" (")[0].strip().rpartition(":")
        is_known = line.isdecimal() and line != "0"
        return Place(name, file, int(line)) if is_known else Place(name, "", 0)
