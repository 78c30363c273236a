# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The members of a packet that belong to the driver which owns the request, made when they are named first."""

from __future__ import annotations

from dirql.rtl.links import ListEntry

__all__ = ["DriverMembers"]


class DriverMembers:
    """The places for the driver, in `Tail.Overlay`."""

    __slots__ = ("_driver_context", "_list_entry")

    def __init__(self) -> None:
        self._driver_context: list[object] | None = None
        self._list_entry: ListEntry | None = None

    @property
    def driver_context(self) -> list[object]:
        """Four places for the driver that owns the request, made when they are named for the first time."""
        if self._driver_context is None:
            self._driver_context = [None] * 4
        return self._driver_context

    def make_list_entry(self, packet: object) -> ListEntry:
        """Make the link of the packet in a list of the driver that owns it."""
        self._list_entry = made = ListEntry(packet)
        return made

    def clear_context(self) -> None:
        """Empty the four places."""
        if self._driver_context is not None:
            self._driver_context[:] = [None] * 4
