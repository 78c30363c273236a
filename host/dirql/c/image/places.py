# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The function, file and line of an address in an image, from its debug information."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from dirql.c.image.elf import ElfFile

__all__ = ["Place", "Places", "WindowsPlaces"]


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
        _, file, line = _ask_debug_information(self._library, offset)
        return Place(name, file, line)


class WindowsPlaces:
    """The places of an image for Windows, from its DWARF debug information; what a PDB file has is not read."""

    def __init__(self, image: Path, preferred_base: int) -> None:
        self._image = image
        self._base = preferred_base
        self._known: dict[int, Place | None] = {}

    def find(self, offset: int) -> Place | None:
        """The place at an offset behind the image's base; None if the image does not tell."""
        if offset not in self._known:
            name, file, line = _ask_debug_information(self._image, self._base + offset)
            self._known[offset] = Place(name, file, line) if name else None
        return self._known[offset]


def _ask_debug_information(image: Path, address: int) -> tuple[str, str, int]:
    """Routine, file and line of an address; "" and 0 for what is not known."""
    program = shutil.which("addr2line")
    if program is None:
        return "", "", 0
    answer = subprocess.run(
        [program, "-f", "-e", str(image), hex(address)], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    name, place = answer if len(answer) == 2 else ("??", "")
    file, _, line = place.split(" (")[0].strip().rpartition(":")
    is_known = line.isdecimal() and line != "0"
    return "" if name == "??" else name, file if is_known else "", int(line) if is_known else 0
