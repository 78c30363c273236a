# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The families of routines that dirql lacks, each with the reason, from not_modelled.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from wdk.entry import Entry
from wdk.errors import read

__all__ = ["Family", "families_of", "is_routine", "load_families"]

_ROUTINE = re.compile(
    "(Cc|Clfs|Cm|Dbg|Etw|Ex|Exp|FsRtl|Hal|Io|Iof|Kd|Ke|Mm|Nt|Ob|Obf|Pcw|Po|Ps|Rtl|Rtlx|Se|Wmi|Zw)[A-Z][a-z0-9]"
)


@dataclass(frozen=True, slots=True)
class Family:
    """Routines that dirql lacks for one reason. In a pattern of `names` the sign * stands for any characters."""

    title: str
    why: str
    names: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Whether a name belongs to the family."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)


def load_families(file: Path) -> tuple[Family, ...]:
    """The families in their order, none without the file. Raises `DescriptionError` for an entry that lacks a key."""
    if not file.is_file():
        return ()
    whole = read(file)
    found = []
    for number, family in enumerate(Entry(file, "", whole).tables("family")):
        entry = Entry(file, f"family {number + 1}", family)
        entry.check_keys(needed=("title", "why", "names"))
        found.append(Family(entry.text("title"), entry.text("why"), tuple(entry.texts("names"))))
    return tuple(found)


def is_routine(name: str) -> bool:
    """Whether a name is that of a routine of NT, by its prefix."""
    return _ROUTINE.match(name) is not None


def families_of(
    families: tuple[Family, ...], lacking: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[Family, list[str]]]:
    """Each family with those of the lacking routines that it is the first to have."""
    left = sorted({name for names in lacking.values() for name in names if is_routine(name)})
    for family in families:
        yield family, [name for name in left if family.has(name)]
        left = [name for name in left if not family.has(name)]
