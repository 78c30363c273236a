# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device queues: what waits for a device that is busy."""

from __future__ import annotations

from bisect import insort_right
from operator import attrgetter

from dirql.ke.processors.irql import contract
from dirql.nt.constants import DISPATCH_LEVEL, IO_TYPE_DEVICE_QUEUE

__all__ = ["DeviceQueue", "DeviceQueueEntry"]

_sort_key = attrgetter("sort_key")


class DeviceQueueEntry:
    """A place in a device queue (KDEVICE_QUEUE_ENTRY)."""

    __slots__ = ("inserted", "sort_key")

    def __init__(self) -> None:
        """In no queue."""
        self.inserted = False
        self.sort_key = 0


class DeviceQueue:
    """A device queue (KDEVICE_QUEUE). The first entry for an idle queue is not queued: it makes the queue busy."""

    __slots__ = ("busy", "entries", "type")

    def __init__(self) -> None:
        """Not usable before `initialize`."""
        self.type = 0
        self.busy = False
        self.entries: list[DeviceQueueEntry] = []

    def initialize(self) -> None:
        """Make it idle and empty (KeInitializeDeviceQueue)."""
        self.type = IO_TYPE_DEVICE_QUEUE
        self.busy = False
        self.entries = []

    @contract(min_irql=DISPATCH_LEVEL, max_irql=DISPATCH_LEVEL)
    def insert(self, entry: DeviceQueueEntry) -> bool:
        """Queue at the tail (KeInsertDeviceQueue); False if the queue was idle: the caller then starts the entry."""
        if not self.busy:
            return self._begin(entry)
        entry.inserted = True
        self.entries.append(entry)
        return True

    @contract(min_irql=DISPATCH_LEVEL, max_irql=DISPATCH_LEVEL)
    def insert_by_key(self, entry: DeviceQueueEntry, sort_key: int) -> bool:
        """Queue behind all whose key is not above `sort_key` (KeInsertByKeyDeviceQueue); returns as `insert` does."""
        entry.sort_key = sort_key
        if not self.busy:
            return self._begin(entry)
        entry.inserted = True
        insort_right(self.entries, entry, key=_sort_key)
        return True

    @contract(min_irql=DISPATCH_LEVEL, max_irql=DISPATCH_LEVEL)
    def remove(self) -> DeviceQueueEntry | None:
        """Take the head (KeRemoveDeviceQueue); None makes the queue idle."""
        return self._take(0)

    @contract(min_irql=DISPATCH_LEVEL, max_irql=DISPATCH_LEVEL)
    def remove_by_key(self, sort_key: int) -> DeviceQueueEntry | None:
        """Take the first whose key is `sort_key` or above, else the head (KeRemoveByKeyDeviceQueue)."""
        entries = self.entries
        return self._take(next((n for n, entry in enumerate(entries) if entry.sort_key >= sort_key), 0))

    @contract(max_irql=DISPATCH_LEVEL)
    def remove_entry(self, entry: DeviceQueueEntry) -> bool:
        """Take out a certain entry (KeRemoveEntryDeviceQueue); returns whether it was queued. The queue stays busy."""
        if not entry.inserted:
            return False
        # By identity: entries are not values.
        self.entries = [other for other in self.entries if other is not entry]
        entry.inserted = False
        return True

    def _begin(self, entry: DeviceQueueEntry) -> bool:
        self.busy = True
        entry.inserted = False
        return False

    def _take(self, place: int) -> DeviceQueueEntry | None:
        if not self.entries:
            self.busy = False
            return None
        entry = self.entries.pop(place)
        entry.inserted = False
        return entry
