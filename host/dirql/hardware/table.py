# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A table of a description file, read key by key, with an error for each key that is missing, wrong or unknown."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

__all__ = ["DescriptionError", "Table", "nearest", "read_file"]

T = TypeVar("T")


class DescriptionError(ValueError):
    """A machine file or the folder of a function cannot be; the message names the file, the key and the rule."""


def nearest(wanted: str, known: Sequence[str]) -> str:
    """The end of a message: the name that was probably meant, "" if none is close."""
    close = difflib.get_close_matches(wanted, known, 1)
    return f": did you mean {close[0]}?" if close else ""


def read_file(path: Path, shown: str) -> Table:
    """The whole of a TOML file; `shown` is the file's name in messages. Raises `DescriptionError`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DescriptionError(f"{shown} must be a file that can be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DescriptionError(f"{shown} must be a TOML file; it was not: {error}") from error
    return Table(shown, "", values)


class Table:
    """One table. Each key is taken once; `finish` refuses the keys that nobody took."""

    def __init__(self, file: str, path: str, values: Mapping[str, object]) -> None:
        """`path` is the key of this table in the file, "" for the whole file."""
        self.file = file
        self.path = path
        self._values = dict(values)
        self._known: list[str] = []

    def refuse(self, key: str, rule: str) -> NoReturn:
        """Raise `DescriptionError` for a key of this table."""
        where = f"{self.path}.{key}" if self.path and key else self.path or key
        raise DescriptionError(f"{self.file}, {where}: {rule}" if where else f"{self.file}: {rule}")

    def has(self, key: str) -> bool:
        """Whether the table has the key."""
        self._known.append(key)
        return key in self._values

    def names(self) -> list[str]:
        """The keys that have not been taken yet."""
        return list(self._values)

    def peek(self, key: str) -> object:
        """The value of a key, which stays to be taken; None if the table does not have the key."""
        return self._values.get(key)

    def _take(self, key: str, must_be: str) -> object:
        self._known.append(key)
        if key not in self._values:
            meant = difflib.get_close_matches(
                key, [name for name in self._values if name not in self._known], 1
            )
            step = f": is the key {meant[0]!r}, which is none, meant to be {key}?" if meant else ""
            self.refuse(key, f"the key is missing; it must be {must_be}{step}")
        return self._values.pop(key)

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self._take(key, "a text")
        if not isinstance(value, str) or not value:
            self.refuse(key, f"it must be a text that is not empty; it was {value!r}")
        return value

    def integer(
        self, key: str, low: int, high: int, default: int | None = None, *, decimal: bool = False
    ) -> int:
        """An integer of `low` to `high`; `default` if the key is missing and there is one.

        A message shows large numbers with base 16, as addresses and sizes are written; `decimal` is for amounts.
        """
        if default is not None and not self.has(key):
            return default
        form = "_d" if decimal else "#x" if high > 0xFFFF else "d"
        must_be = f"an integer of {low:{form}} to {high:{form}}"
        value = self._take(key, must_be)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(key, f"it must be {must_be}; it was {shown(value)}")
        if not low <= value <= high:
            self.refuse(key, f"it must be {must_be}; it was {f'{value:_d}' if decimal else shown(value)}")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """True or false; `default` if the key is missing."""
        if not self.has(key):
            return default
        value = self._take(key, "true or false")
        if not isinstance(value, bool):
            self.refuse(key, f"it must be true or false; it was {value!r}")
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of the words `allowed`; `default` if the key is missing and there is one."""
        if default is not None and not self.has(key):
            return default
        must_be = f"one of {', '.join(allowed)}"
        value = self._take(key, must_be)
        if not isinstance(value, str) or value not in allowed:
            self.refuse(key, f"it must be {must_be}; it was {value!r}{nearest(str(value), allowed)}")
        return value

    def texts(self, key: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """A list of strings; `default` if the key is missing and there is one."""
        if default is not None and not self.has(key):
            return tuple(default)
        value = self._take(key, "a list of texts")
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.refuse(key, f"it must be a list of texts; it was {value!r}")
        return tuple(value)

    def pair(self, key: str, high: int) -> tuple[int, int]:
        """The start and the end of a range of addresses, the end not included."""
        must_be = f"a list of two integers, the start and the end of a range below {high:#x}"
        value = self._take(key, must_be)
        fits = isinstance(value, list) and len(value) == 2 and all(type(item) is int for item in value)
        if not fits or not isinstance(value, list) or not 0 <= value[0] < value[1] <= high:
            self.refuse(key, f"it must be {must_be}; it was {shown(value)}")
        return value[0], value[1]

    def table(self, key: str) -> Table:
        """A table within this one."""
        value = self._take(key, "a table")
        if not isinstance(value, dict):
            self.refuse(key, f"it must be a table; it was {value!r}")
        return self._inner(key, value)

    def tables(self, key: str, *, at_least: int) -> list[Table]:
        """A list of tables."""
        if at_least == 0 and not self.has(key):
            return []
        must_be = f"a list of tables, [[{key}]], with {at_least} or more members"
        value = self._take(key, must_be)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(key, f"it must be {must_be}; it was {value!r}")
        if len(value) < at_least:
            self.refuse(key, f"it must be {must_be}; it had {len(value)}")
        return [self._inner(f"{key}[{number}]", item) for number, item in enumerate(value)]

    def _inner(self, key: str, values: Mapping[str, object]) -> Table:
        return Table(self.file, f"{self.path}.{key}" if self.path else key, values)

    def parsed(self, key: str, parse: Callable[[str], T]) -> T:
        """A string as `parse` reads it; the message of the `ValueError` that `parse` raises is the rule."""
        text = self.text(key)
        try:
            return parse(text)
        except ValueError as error:
            self.refuse(key, str(error))

    def finish(self) -> None:
        """Refuse the keys that nobody asked for."""
        for key in self._values:
            known = ", ".join(dict.fromkeys(self._known))
            must_be = f"the key must be one of {known}" if known else "the table must have no keys"
            self.refuse(key, f"{must_be}; it was {key!r}{nearest(key, self._known)}")


def shown(value: object) -> str:
    """A value in a message; integers as the file probably has them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:#x}" if abs(value) > 0xFFFF else str(value)
    if isinstance(value, list):
        return f"[{', '.join(shown(item) for item in value)}]"
    return repr(value)
