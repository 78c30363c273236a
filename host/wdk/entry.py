# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""One entry of a description file, read key by key: a value of the wrong type is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wdk.errors import DescriptionError, Table, read

__all__ = ["Entry", "read_entries"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A table of a description file, and the file and the name that errors show."""

    file: Path
    name: str
    table: Table

    def error(self, rule: str) -> DescriptionError:
        """The error to raise when this entry breaks `rule`."""
        return DescriptionError(self.file, self.name, rule)

    def check_keys(self, *, needed: Iterable[str] = (), allowed: Iterable[str] = ()) -> None:
        """Refuse an entry that lacks a needed key or has an unknown one."""
        needed = tuple(needed)
        known = {*needed, *allowed}
        for key in needed:
            if key not in self.table:
                raise self.error(f"it must have {key!r}; it had {', '.join(self.table) or 'nothing'}")
        for key in self.table:
            if key not in known:
                raise self.error(f"a key must be one of {', '.join(sorted(known))}; it was {key!r}")

    def text(self, key: str, default: str | None = None) -> str:
        """The string of a key; `default` where the key is missing, or an error without one."""
        value = self.table.get(key, default)
        if not isinstance(value, str):
            raise self.error(f"{key} must be a string; it was {value!r}")
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The strings of a key; `default` where the key is missing."""
        value = self.table.get(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise self.error(f"{key} must be an array of strings; it was {value!r}")
        return tuple(value)

    def number(self, key: str, default: int | None = None) -> int:
        """The integer of a key; `default` where the key is missing, or an error without one."""
        value = self.table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"{key} must be an integer; it was {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """Whether a key is true; false where the key is missing."""
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false; it was {value!r}")
        return value

    def inner(self, key: str) -> Entry:
        """The table of a key, as an entry of its own."""
        value = self.table.get(key)
        if not isinstance(value, dict):
            raise self.error(f"{key} must be a table; it was {value!r}")
        return Entry(self.file, f"{self.name}.{key}", value)

    def entries(self) -> tuple[Entry, ...]:
        """The tables of all keys, as entries with the names of the keys."""
        entries = []
        for key, value in self.table.items():
            if not isinstance(value, dict):
                raise self.error(f"{key} must be a table; it was {value!r}")
            entries.append(Entry(self.file, key, value))
        return tuple(entries)

    def tables(self, key: str) -> tuple[Table, ...]:
        """The tables of a key that holds an array of them."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.error(f"{key} must be an array of tables; it was {value!r}")
        return tuple(value)


def read_entries(file: Path, head: tuple[str, ...] = ()) -> tuple[Entry, tuple[Entry, ...]]:
    """Read a description file: its head, which has exactly the keys `head`, and the entries below it."""
    whole = read(file)
    name = "the head of the file"
    first = Entry(file, name, {key: value for key, value in whole.items() if key in head})
    first.check_keys(needed=head)
    rest = Entry(file, name, {key: value for key, value in whole.items() if key not in head})
    return first, rest.entries()
