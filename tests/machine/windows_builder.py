# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Builds drivers in C for Windows, as docs/c-drivers.md says, with clang and lld of the package ziglang."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

from dirql.c.definition_file import definition_file
from dirql.c.image.compiler import HEADERS
from dirql.target.simulation.build import cache_directory

IS_THERE = importlib.util.find_spec("ziglang") is not None

TARGET = ("-target", "x86_64-windows-msvc")
COMPILE = (
    *("-nostdinc", "-ffreestanding", "-fms-extensions", "-fasync-exceptions", "-fno-sanitize=all"),
    *("-fno-stack-protector", "-gdwarf", *(f"-I{HEADERS / each}" for each in ("", "crt", "ddk"))),
    *("-include", "msvc.h", "-include", "string.h", "-DALLOC_PRAGMA=1"),
)
LINK = ("-nostdlib", "-shared", "-g", "-Wl,--subsystem,native", "-Wl,-e,DriverEntry")


def build_for_windows(source: Path, *options: str) -> Path:
    """The image of one source, which is built once for each state of it and of dirql's headers."""
    library = _library()
    key = hashlib.sha256(f"{library.parent.name}\0{source.read_text()}\0{options}".encode())
    place = cache_directory() / f"windows-{source.stem}-{key.hexdigest()[:16]}"
    image = place / f"{source.stem}.sys"
    if not image.is_file():
        place.mkdir(parents=True, exist_ok=True)
        part = place / f"{source.stem}.obj"
        _zig("cc", *TARGET, *COMPILE, *(options or ("-O1",)), "-c", str(source), "-o", str(part))
        _zig("cc", *TARGET, *LINK, str(part), str(library), "-o", str(image))
    return image


@cache
def _library() -> Path:
    """The import library, in a folder whose name stands for it and for the headers."""
    text = definition_file()
    digest = hashlib.sha256(text.encode())
    for header in sorted(HEADERS.rglob("*.h")):
        digest.update(header.read_bytes())
    place = cache_directory() / f"windows-library-{digest.hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    definitions, library = place / "ntoskrnl.def", place / "ntoskrnl.lib"
    if not library.is_file():
        definitions.write_text(text)
        _zig("dlltool", "-m", "i386:x86-64", "-d", str(definitions), "-l", str(library))
    return library


def _zig(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
