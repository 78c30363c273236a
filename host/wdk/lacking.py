# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Names that the WDK has and the facade lacks: the names in lacking.toml, and types that only the C headers have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from wdk.c_types import CType, Enumeration
from wdk.entry import Entry
from wdk.errors import read
from wdk.layout import TypeTable

__all__ = ["load_lacking"]


def load_lacking(file: Path, types: TypeTable, exported: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The names by header; `exported` are the names that the facade has.

    Raises `DescriptionError` if the file names what another file describes, or names something twice.
    """
    lacking: defaultdict[str, list[str]] = defaultdict(list)
    described = set(exported)
    for each in types.types:
        names = set(_names(each))
        lacking[each.header].extend(names - described)
        described |= names
    whole = read(file) if file.is_file() else {}
    for header in whole:
        entry = Entry(file, header, whole)
        for name in entry.texts(header):
            if name in described:
                raise entry.error(
                    f"a name must stand once, and only while nothing describes it; take out {name!r}"
                )
            described.add(name)
            lacking[header].append(name)
    return {header: tuple(sorted(names)) for header, names in lacking.items()}


def _names(each: CType) -> Iterator[str]:
    yield from each.names
    if isinstance(each, Enumeration):
        yield from (name for name, _ in each.members)
