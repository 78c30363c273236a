# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Watches: who waits for changes of keys. Each change is told once, to those who have asked before it (row REG-17)."""

from __future__ import annotations

from collections.abc import Callable

from dirql.cm.key import Key
from dirql.nt.status import STATUS_NOTIFY_CLEANUP, STATUS_NOTIFY_ENUM_DIR

__all__ = ["Watch", "Watches"]


class Watch:
    """A wait for one change of a key, through a handle."""

    __slots__ = ("complete", "flags", "holder", "is_deep", "key")

    def __init__(
        self, holder: object, key: Key, flags: int, is_deep: bool, complete: Callable[[int], None]
    ) -> None:
        """`flags` are REG_NOTIFY_CHANGE_ flags. `complete` gets the status with which the wait ends."""
        self.holder = holder
        self.key = key
        self.flags = flags
        self.is_deep = is_deep
        self.complete = complete


class Watches:
    """All watches of one registry, by their keys."""

    __slots__ = ("by_key",)

    def __init__(self) -> None:
        self.by_key: dict[Key, list[Watch]] = {}

    def add(self, watch: Watch) -> None:
        """Begin a wait for changes of a key."""
        self.by_key.setdefault(watch.key, []).append(watch)

    def note(self, key: Key, change: int) -> None:
        """End the waits for a change of `key`; `change` is a REG_NOTIFY_CHANGE_ flag."""
        ended: list[Watch] = []
        above: Key | None = key
        while above is not None:
            ended += [
                watch
                for watch in self.by_key.get(above, ())
                if watch.flags & change and (watch.is_deep or above is key)
            ]
            above = above.parent
        self._end(ended, STATUS_NOTIFY_ENUM_DIR)

    def key_deleted(self, key: Key) -> None:
        """End all waits for changes of a key that is gone."""
        self._end(list(self.by_key.get(key, ())), STATUS_NOTIFY_ENUM_DIR)

    def handle_closed(self, holder: object) -> None:
        """End the waits through a handle that is closed."""
        found = [watch for watches in self.by_key.values() for watch in watches if watch.holder is holder]
        self._end(found, STATUS_NOTIFY_CLEANUP)

    def _end(self, ended: list[Watch], status: int) -> None:
        for watch in ended:
            of_key = self.by_key[watch.key]
            of_key.remove(watch)
            if not of_key:
                del self.by_key[watch.key]
        for watch in ended:
            watch.complete(status)
