# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The handle table: small numbers that programs hold in place of objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver, is_verified
from dirql.ke.origin import Mark, describe_mark, mark
from dirql.ke.threads.kernel_call import is_program
from dirql.nt.constants import OBJ_INHERIT, OBJ_KERNEL_HANDLE
from dirql.nt.status import (
    STATUS_ACCESS_DENIED,
    STATUS_INVALID_HANDLE,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.object import Object
from dirql.ob.object_type import object_type

__all__ = ["HandleEntry", "HandleTable", "is_kernel_handle"]

_T = TypeVar("_T")

_Driver: TypeAlias = object
_STEP: Final = 4  # the two low bits of a handle are the application's
_KERNEL: Final = 0xFFFF_FFFF_8000_0000
"""The bits that a handle of OBJ_KERNEL_HANDLE has; a program cannot use it."""
_LAST: Final = 0x7FFF_FFFF
"""The highest handle that a program may have."""
_CLOSES_KEPT: Final = 1000
_KEPT: Final = OBJ_INHERIT | OBJ_KERNEL_HANDLE
"""The OBJ_ flags that a handle keeps."""


def is_kernel_handle(handle: int) -> bool:
    """Whether the number of a handle is that of a kernel handle."""
    return handle & _KERNEL == _KERNEL


@dataclass(frozen=True, slots=True)
class HandleEntry:
    """The object that a handle stands for, the access that the handle grants, and its OBJ_ attributes."""

    object: Object
    granted_access: int
    handle_attributes: int = 0
    driver: _Driver = None
    """The driver that opened it, None for a program; `place` is where it did so."""
    place: Mark | None = None


class HandleTable:
    """The open handles of the one process. The number of a closed handle is not used again."""

    def __init__(self) -> None:
        self._entries: dict[int, HandleEntry] = {}
        self._next = _STEP
        self._closed: dict[int, Mark | None] = {}
        """The handles that drivers have closed last, each with the place."""

    def __len__(self) -> int:
        return len(self._entries)

    def insert(self, opened: Object, granted_access: int, attributes: int = 0) -> int:
        """Make a handle, which holds a reference of its own; `attributes` are OBJ_ flags.

        The rights are those that GENERIC_ rights mean for the object.
        """
        opened.reference()
        opened.handle_count += 1
        driver = current_driver()
        place = None if driver is None else mark()
        attributes &= _KEPT
        handle = self._next | _KERNEL if attributes & OBJ_KERNEL_HANDLE else self._next
        self._next += _STEP
        granted_access = object_type(opened.kind).mapped_access(granted_access)
        self._entries[handle] = HandleEntry(opened, granted_access, attributes, driver, place)
        return handle

    def lookup(self, handle: int, kind: type[_T], access: int = 0) -> tuple[int, _T | None]:
        """The object of a handle if it is of class `kind` and the handle grants all bits of `access`: (status, object).

        The object does not get a reference. A program cannot use a kernel handle.
        """
        if handle in self._entries and handle > _LAST and is_program():
            return STATUS_INVALID_HANDLE, None
        return self.lookup_for_kernel(handle, kind, access)

    def lookup_for_kernel(self, handle: int, kind: type[_T], access: int = 0) -> tuple[int, _T | None]:
        """Do as `lookup` for a caller in kernel mode, whoever it is."""
        entry = self.entry(handle)
        if entry is None:
            return STATUS_INVALID_HANDLE, None
        body = entry.object.body
        if not isinstance(body, kind):
            return STATUS_OBJECT_TYPE_MISMATCH, None
        if access & ~entry.granted_access:
            return STATUS_ACCESS_DENIED, None
        return STATUS_SUCCESS, body

    def entry(self, handle: int) -> HandleEntry | None:
        """The entry of a handle; None when it is not open, which a driver is told that has closed it (row HIO-16)."""
        entry = self._entries.get(handle)
        if entry is None and handle in self._closed and current_driver() is not None and is_verified():
            report_defect(
                "HIO-16",
                f"a handle must not be used after it was closed; {handle:#x} was, in"
                f" {describe_mark(self._closed[handle])}: call ZwClose after the last use, and forget the handle then",
            )
        return entry

    def duplicate(self, handle: int) -> tuple[int, int | None]:
        """Make a second handle for the same object and access: (status, handle). Nothing is sent to drivers."""
        entry = self._entries.get(handle)
        if entry is None:
            return STATUS_INVALID_HANDLE, None
        return STATUS_SUCCESS, self.insert(entry.object, entry.granted_access)

    def close(self, handle: int) -> int:
        """Close a handle; if it was the last handle of the object, the object is told."""
        entry = self._entries.pop(handle, None)
        if entry is None:
            return STATUS_INVALID_HANDLE
        if current_driver() is not None:
            self._note_close(handle)
        closed = entry.object
        closed.handle_count -= 1
        if closed.handle_count == 0:
            closed.last_handle_closed()
        closed.dereference()
        return STATUS_SUCCESS

    def _note_close(self, handle: int) -> None:
        self._closed[handle] = mark()
        if len(self._closed) > _CLOSES_KEPT:
            del self._closed[next(iter(self._closed))]

    def of_driver(self, driver: object) -> list[tuple[int, HandleEntry]]:
        """The handles that a driver opened and that are still open, with their entries."""
        return [(handle, entry) for handle, entry in self._entries.items() if entry.driver is driver]

    def open_handles(self) -> list[tuple[int, HandleEntry]]:
        """All open handles with their entries, oldest first."""
        return list(self._entries.items())
