# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The handle table: small numbers that programs hold instead of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from dirql.nt.status import (
    STATUS_ACCESS_DENIED,
    STATUS_INVALID_HANDLE,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.object import Object

__all__ = ["HandleEntry", "HandleTable"]

_T = TypeVar("_T", bound=Object)

_STEP = 4  # the two low bits of a handle are the application's


@dataclass(frozen=True, slots=True)
class HandleEntry:
    """What a handle gives its holder: an object, and what may be done with it."""

    object: Object
    granted_access: int


class HandleTable:
    """The open handles of the one process; a closed number is not used again."""

    def __init__(self) -> None:
        self._entries: dict[int, HandleEntry] = {}
        self._next = _STEP

    def __len__(self) -> int:
        return len(self._entries)

    def insert(self, opened: Object, granted_access: int) -> int:
        """Make a handle; it takes a reference of its own."""
        handle = self._next
        self._next += _STEP
        opened.reference()
        opened.handle_count += 1
        self._entries[handle] = HandleEntry(opened, granted_access)
        return handle

    def lookup(self, handle: int, kind: type[_T], access: int = 0) -> tuple[int, _T | None]:
        """The object of a handle, when it is of that kind and all bits of `access` were granted; not referenced."""
        entry = self._entries.get(handle)
        if entry is None:
            return STATUS_INVALID_HANDLE, None
        if not isinstance(entry.object, kind):
            return STATUS_OBJECT_TYPE_MISMATCH, None
        if access & ~entry.granted_access:
            return STATUS_ACCESS_DENIED, None
        return STATUS_SUCCESS, entry.object

    def duplicate(self, handle: int) -> tuple[int, int | None]:
        """A second handle for the same object with the same access; the object itself hears nothing of it."""
        entry = self._entries.get(handle)
        if entry is None:
            return STATUS_INVALID_HANDLE, None
        return STATUS_SUCCESS, self.insert(entry.object, entry.granted_access)

    def close(self, handle: int) -> int:
        """Close a handle; the last one of an object tells the object."""
        entry = self._entries.pop(handle, None)
        if entry is None:
            return STATUS_INVALID_HANDLE
        closed = entry.object
        closed.handle_count -= 1
        if closed.handle_count == 0:
            closed.last_handle_closed()
        closed.dereference()
        return STATUS_SUCCESS

    def open_handles(self) -> list[tuple[int, Object]]:
        """Every handle that is open, with its object, oldest first."""
        return [(handle, entry.object) for handle, entry in self._entries.items()]
