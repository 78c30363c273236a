# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a description file, and the error that says what is wrong with one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

__all__ = ["HERE", "ROOT", "DescriptionError", "Table", "check_keys", "read"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

Table = Mapping[str, object]
"""A table of a TOML file."""


class DescriptionError(Exception):
    """A description file breaks a rule; the message names the file, the entry and the rule."""

    def __init__(self, file: Path, entry: str, rule: str) -> None:
        """`rule` says what the entry must be and what it was."""
        shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        super().__init__(f"{shown}: {entry}: {rule}")


def read(file: Path) -> Table:
    """The contents of a description file; a file that is not TOML is a `DescriptionError`."""
    try:
        return cast(Table, tomllib.loads(file.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError(file, "the whole file", f"it must be TOML: {error}") from error


def check_keys(
    file: Path, entry: str, table: Table, *, needed: Iterable[str], allowed: Iterable[str] = ()
) -> None:
    """Refuse an entry that lacks a needed key or has an unknown one."""
    needed = tuple(needed)
    known = {*needed, *allowed}
    for key in needed:
        if key not in table:
            raise DescriptionError(
                file, entry, f"it must have {key!r}, and has {', '.join(table) or 'nothing'}"
            )
    for key in table:
        if key not in known:
            raise DescriptionError(
                file, entry, f"a key must be one of {', '.join(sorted(known))}; it was {key!r}"
            )
