# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The files of this checkout, for tests of the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["PACKAGE", "ROOT", "TOP_LEVEL", "is_generated", "name", "parse", "source_files"]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "host" / "dirql"

FOLDERS = ("host", "hdl", "sim", "tests", "boards", "docs", "examples", "bench", ".ci")
FILES = ("pyproject.toml", "Makefile", "README.md", "LICENSE", "CHANGELOG.md")
TOP_LEVEL = frozenset(FOLDERS + FILES)

LEFT_BY_TOOLS = frozenset({"__pycache__", "obj_dir", "sim_build"})


def source_files(*suffixes: str) -> Iterator[Path]:
    """The checkout's own files whose names end in one of `suffixes` (all files without any)."""
    for entry in sorted(TOP_LEVEL):
        path = ROOT / entry
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if (
                file.is_file()
                and not LEFT_BY_TOOLS & set(file.parts)
                and file.name.endswith(suffixes or ("",))
            ):
                yield file


def is_generated(file: Path) -> bool:
    """Whether the head of the file says that a command wrote it."""
    return "do not edit" in file.read_text(encoding="utf-8")[:600].lower()


def name(file: Path) -> str:
    """The file's path within the checkout, as a test's message shows it."""
    return file.relative_to(ROOT).as_posix()


@cache
def parse(file: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=name(file))
