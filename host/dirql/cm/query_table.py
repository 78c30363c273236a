# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of RtlQueryRegistryValues, and the data that its entries mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.nt.constants import REG_EXPAND_SZ, REG_MULTI_SZ, REG_NONE, REG_SZ
from dirql.rtl.memory import read, read_terminated
from dirql.rtl.strings import Characters

__all__ = ["TEXTS", "QueryRoutine", "QueryTable", "split"]

QueryRoutine = Callable[[str | None, int, int | None, int, object, object], int]
"""A query routine is called as `routine(name, type, data, length, context, entry_context)`; `data` is an address."""
TEXTS: Final = (REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ)
_NUL: Final = b"\0\0"


class QueryTable:
    """One entry of the table (RTL_QUERY_REGISTRY_TABLE).

    `default_data` is the address of data, or the bytes or the text itself in the place of a literal of C.
    """

    __slots__ = (
        "default_data",
        "default_length",
        "default_type",
        "entry_context",
        "flags",
        "name",
        "query_routine",
    )

    def __init__(
        self,
        query_routine: QueryRoutine | None = None,
        flags: int = 0,
        name: Characters = None,
        entry_context: object = None,
        default_type: int = REG_NONE,
        default_data: Characters = None,
        default_length: int = 0,
    ) -> None:
        """Make an entry; one without arguments ends a table."""
        self.query_routine = query_routine
        self.flags = flags
        self.name = name
        self.entry_context = entry_context
        self.default_type = default_type
        self.default_data = default_data
        self.default_length = default_length

    def default(self, type: int) -> bytes:
        """The default data, whose type is `type`."""
        data, length = self.default_data, self.default_length
        if isinstance(data, str):
            data = data.encode("utf-16-le", "surrogatepass") + _NUL * (2 if type == REG_MULTI_SZ else 1)
        if isinstance(data, bytes):
            if length:
                return data[:length]
            return _until_end(data, type) if type in TEXTS else data
        if data is None:
            return b""
        if length or type not in TEXTS:
            return read(data, length)
        return _read_text(data, type)


def split(data: bytes) -> list[bytes]:
    """The texts in the data of a REG_MULTI_SZ value, each with a NUL; the last NUL of the data ends the list."""
    texts: list[bytes] = []
    start, end = 0, len(data) - 1
    while start + 1 < end:
        stop = start
        while stop + 2 <= len(data) and data[stop : stop + 2] != _NUL:
            stop += 2
        texts.append(data[start:stop] + _NUL)
        start = stop + 2
    return texts


def _until_end(data: bytes, type: int) -> bytes:
    """A text up to its NUL, or texts up to an empty one, with all NULs."""
    if type == REG_MULTI_SZ:
        kept = b""
        for text in split(data + _NUL + _NUL):
            kept += text
            if text == _NUL:
                break
        return kept
    position = 0
    while position + 2 <= len(data) and data[position : position + 2] != _NUL:
        position += 2
    return data[:position] + _NUL


def _read_text(address: int, type: int) -> bytes:
    parts = b""
    while True:
        text = read_terminated(address + len(parts), 2)
        parts += text + _NUL
        if type != REG_MULTI_SZ or not text:
            return parts
