# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads a description file; the error of a wrong one names the file, the entry and the rule."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

__all__ = ["HERE", "ROOT", "DescriptionError", "Table", "read"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

Table = Mapping[str, object]
"""A table of a TOML file."""


class DescriptionError(Exception):
    """A description file breaks a rule; the message names the file, the entry and the rule."""

    def __init__(self, file: Path, entry: str, rule: str) -> None:
        """`rule` is a sentence: the form that the entry must have, and the one that it had."""
        shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        super().__init__(f"{shown}: {entry}: {rule}")


def read(file: Path) -> Table:
    """The contents of a description file; a file that is not TOML is a `DescriptionError`."""
    try:
        return cast(Table, tomllib.loads(file.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError(file, "the whole file", f"it must be TOML: {error}") from error
