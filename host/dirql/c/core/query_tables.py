# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of RtlQueryRegistryValues of drivers in C, as the list that the kernel has."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.arena import Arena
from dirql.c.core.native_module import Native
from dirql.c.core.objects import Objects
from dirql.cm.query_table import QueryRoutine, QueryTable
from dirql.cm.query_values import query_registry_values

__all__ = ["query_by_table"]

_ENTRY: Final = struct.Struct("<QI4xQQI4xQI4x")
_KIND: Final = "RTL_QUERY_REGISTRY_ROUTINE"


def query_by_table(native: Native, objects: Objects, arena: Arena) -> Callable[..., object]:
    """RtlQueryRegistryValues, for a table at an address."""

    def routine_at(address: int) -> QueryRoutine | None:
        if not address:
            return None
        found = native.objects.get(address) or objects.routine(_KIND)(address)
        routine = cast(Callable[..., int], found)

        def call(
            name: str | None, type: int, data: int | None, length: int, context: object, entry_context: object
        ) -> int:
            text = b"" if name is None else name.encode("utf-16-le", "surrogatepass") + b"\0\0"
            place = arena.allocate(len(text)) if text else 0
            if text:
                native.write_bytes(place, text)
            try:
                return routine(place, type, data, length, context, entry_context)
            finally:
                if text:
                    arena.free(place, len(text))

        return call

    def query(
        relative_to: int, path: int | None, table: int, context: object, environment: int | None
    ) -> int:
        entries = []
        while True:
            routine, flags, name, entry_context, kind, data, length = _ENTRY.unpack(
                objects.read(table, _ENTRY.size)
            )
            if not routine and not name and not flags:
                break
            entries.append(
                QueryTable(
                    routine_at(routine), flags, name or None, entry_context, kind, data or None, length
                )
            )
            table += _ENTRY.size
        return query_registry_values(relative_to, path, entries, context, environment)

    return query
