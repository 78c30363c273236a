# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines of the C library that drivers built for Windows import from its kernel.

They are those of dirql's runtime, compiled with Microsoft's calling convention to a library of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dirql.c.image.compiler import HEADERS, OPTIONS, RUNTIME, RUNTIME_OPTIONS, Compiler, find_compiler
from dirql.c.image.elf import ElfFile
from dirql.c.image.pe import PeFile, PePart
from dirql.target.simulation.build import cache_directory

__all__ = ["ForWindows", "runtime_for_windows"]

_OTHERS: Final = ("address.c", "coverage.c", "seh.c")
"""The parts of the runtime that images for Windows do without."""
_OPTIONS: Final = ("-mabi=ms", "-fvisibility=default")
_LINKED: Final = ("-shared", "-nostdlib", "-Wl,-z,now", "-Wl,-Bsymbolic", "-lgcc")


@dataclass(frozen=True, slots=True)
class ForWindows:
    """An image for Windows, and the library with the runtime's routines for it."""

    file: PeFile
    runtime: Path
    runtime_names: frozenset[str]

    @property
    def size(self) -> int:
        """The size of the image in memory, in bytes."""
        return self.file.size

    @property
    def entry(self) -> int:
        """The place of the entry point behind the base."""
        return self.file.entry

    @property
    def functions(self) -> tuple[int, int]:
        """The place of the table of functions behind the base, and the number of its entries."""
        return self.file.functions

    @property
    def parts(self) -> list[PePart]:
        """The headers and the sections."""
        return self.file.parts

    def at(self, base: int, cookie: int, addresses: Mapping[str, int]) -> bytes:
        """The bytes of the image at an address, with its security cookie and the addresses of what it imports."""
        return self.file.at(base, cookie, addresses)


@cache
def runtime_for_windows() -> tuple[Path, frozenset[str]]:
    """The library with the runtime for images for Windows, and the names of its routines; raises `SetupError`."""
    compiler = find_compiler({**os.environ, "CC": "gcc"})  # clang has not the option -mabi=ms
    digest = hashlib.sha256(f"{compiler.version}\0{compiler.command}".encode())
    for file in (Path(__file__), *sorted(RUNTIME.iterdir()), *sorted(HEADERS.rglob("*.h"))):
        digest.update(file.read_bytes())
    place = cache_directory() / f"c-windows-runtime-{digest.hexdigest()[:16]}"
    library = place / "runtime.so"
    if not library.is_file():
        _make(compiler, place, library.name)
    return library, frozenset(ElfFile(library).exports)


def _make(compiler: Compiler, place: Path, name: str) -> None:
    work = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
    work.mkdir(parents=True)
    options = [*OPTIONS, *RUNTIME_OPTIONS, *_OPTIONS, "-fno-tree-loop-distribute-patterns"]
    search = ["-nostdinc", *(f"-I{HEADERS / each}" for each in ("", "crt", "ddk"))]
    parts = [part for part in sorted(RUNTIME.glob("*.c")) if part.name not in _OTHERS]
    try:
        compiler.run([*options, *search, *map(str, parts), "-o", name, *_LINKED], work)
        with contextlib.suppress(OSError):  # another process was as fast
            work.rename(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
