# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of the WDK that only the C headers have, from numbers.toml."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from wdk.entry import Entry
from wdk.errors import read

__all__ = ["Numbers", "load_numbers"]

Numbers = Mapping[str, Mapping[str, int]]
"""The names with their values, by header."""
_BITS = 64


def load_numbers(file: Path, exported: Collection[str]) -> Numbers:
    """The numbers, none without the file; `exported` are the names that drivers in Python have.

    Raises `DescriptionError` for a value that is no number of 64 bits, and for a name that another file describes.
    """
    whole = read(file) if file.is_file() else {}
    found: dict[str, dict[str, int]] = {}
    for header in whole:
        entry = Entry(file, "", whole).inner(header)
        numbers = found[header] = {}
        for name, value in entry.table.items():
            if not isinstance(value, int) or not -(1 << _BITS - 1) <= value < 1 << _BITS:
                raise entry.error(f"{name} must be an integer of {_BITS} bits; it was {value!r}")
            if name in exported:
                raise entry.error(f"a name must be described once; take out {name!r}, which another file has")
            numbers[name] = value
    return found
