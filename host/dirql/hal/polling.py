# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Notes on the accesses of drivers, while the watch over hangs suspects that one polls a register for ever."""

from __future__ import annotations

__all__ = ["PollingNotes"]


class PollingNotes:
    """Counts reads of one register or port that all gave the same value; anything else spoils the count."""

    __slots__ = ("address", "count", "kind", "only", "value")

    def __init__(self) -> None:
        self.kind = ""
        """The first access was to a "register" or to a "port"."""
        self.address = 0
        self.value = 0
        self.count = 0
        self.only = True
        """Whether nothing but that register was accessed, and its value was always the same."""

    def note_read(self, kind: str, address: int, value: int) -> None:
        """A driver has read a register or a port."""
        if self.count == 0:
            self.kind, self.address, self.value = kind, address, value
        self.count += 1
        if kind != self.kind or address != self.address or value != self.value:
            self.only = False

    def note_other(self) -> None:
        """A driver has made another access."""
        self.only = False
