# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The object manager of one machine: its names and its handles, and the rules that join them (row NAM-01)."""

from __future__ import annotations

from dirql.nt.status import STATUS_OBJECT_NAME_NOT_FOUND, STATUS_SUCCESS
from dirql.ob.handles import HandleTable
from dirql.ob.namespace import Directory, Namespace, SymbolicLink
from dirql.ob.object import Object

__all__ = ["ObjectManager"]


class ObjectManager:
    """Names and handles of one machine."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        self.handles = HandleTable()

    def create_directory(self, path: str, *, permanent: bool) -> tuple[int, int | None]:
        """Make a directory and open it: (status, handle)."""
        directory = Directory()
        return self._open_new(path, directory, permanent=permanent)

    def create_symbolic_link(self, path: str, target: str, *, permanent: bool) -> tuple[int, int | None]:
        """Make a link and open it: (status, handle)."""
        return self._open_new(path, SymbolicLink(target), permanent=permanent)

    def _open_new(
        self, path: str, made: Directory | SymbolicLink, *, permanent: bool
    ) -> tuple[int, int | None]:
        status = self.namespace.insert(path, made, permanent=permanent)
        if status != STATUS_SUCCESS:
            return status, None
        handle = self.handles.insert(made, 0)
        return STATUS_SUCCESS, handle

    def open_symbolic_link(self, path: str) -> tuple[int, int | None]:
        """Open the link itself, not what it leads to: (status, handle)."""
        link = self.namespace.find_link(path)
        if link is None:
            return STATUS_OBJECT_NAME_NOT_FOUND, None
        return STATUS_SUCCESS, self.handles.insert(link, 0)

    def query_symbolic_link(self, handle: int) -> tuple[int, str | None]:
        """Where a link leads: (status, path)."""
        status, link = self.handles.lookup(handle, SymbolicLink)
        return status, None if link is None else link.target

    def make_temporary(self, handle: int) -> int:
        """Let the object's name go with its last handle."""
        status, named = self.handles.lookup(handle, Object)
        if named is not None:
            named.permanent = False
        return status

    def close(self, handle: int) -> int:
        """Close a handle; with the last one goes the name of a temporary object."""
        status, closed = self.handles.lookup(handle, Object)
        if closed is None:
            return status
        last = closed.handle_count == 1 and not closed.permanent
        if last:
            self.namespace.remove(closed)
        return self.handles.close(handle)
