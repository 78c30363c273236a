# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device queues: the requests that wait for a device that is busy."""

from __future__ import annotations

from bisect import insort_right
from operator import attrgetter

from dirql.ke.processors.contract import contract
from dirql.nt.constants import IO_TYPE_DEVICE_QUEUE

__all__ = ["DeviceQueue", "DeviceQueueEntry"]

_sort_key = attrgetter("sort_key")


class DeviceQueueEntry:
    """A place in a device queue (KDEVICE_QUEUE_ENTRY)."""

    __slots__ = ("inserted", "sort_key")

    def __init__(self) -> None:
        """Make an entry that is in no queue."""
        self.inserted = False
        self.sort_key = 0


class DeviceQueue:
    """A device queue (KDEVICE_QUEUE).

    The first entry for an idle queue is not queued: it makes the queue busy, and its caller starts the request.
    """

    __slots__ = ("_entries", "busy", "type")

    def __init__(self) -> None:
        """Make a queue that has to be initialized before its use."""
        self.type = 0
        self.busy = False
        self._entries: list[DeviceQueueEntry] = []

    def initialize(self) -> None:
        """Make the queue idle and empty; follows KeInitializeDeviceQueue."""
        self.type = IO_TYPE_DEVICE_QUEUE
        self.busy = False
        self._entries.clear()

    def queued(self) -> tuple[DeviceQueueEntry, ...]:
        """The entries in the queue (DeviceListHead), the head first."""
        return tuple(self._entries)

    @contract
    def insert(self, entry: DeviceQueueEntry) -> bool:
        """Queue an entry at the tail and return True; follows KeInsertDeviceQueue.

        Returns False if the queue was idle. The queue is busy then, and the caller starts the request.
        """
        if not self.busy:
            return self._begin(entry)
        entry.inserted = True
        self._entries.append(entry)
        return True

    @contract
    def insert_by_key(self, entry: DeviceQueueEntry, sort_key: int) -> bool:
        """Queue an entry behind all whose key is not above `sort_key`; follows KeInsertByKeyDeviceQueue.

        The result is that of `insert`.
        """
        entry.sort_key = sort_key
        if not self.busy:
            return self._begin(entry)
        entry.inserted = True
        insort_right(self._entries, entry, key=_sort_key)
        return True

    @contract
    def remove(self) -> DeviceQueueEntry | None:
        """Take out and return the head; follows KeRemoveDeviceQueue. An empty queue returns None and becomes idle."""
        return self._take(0)

    @contract
    def remove_by_key(self, sort_key: int) -> DeviceQueueEntry | None:
        """Take out the first entry whose key is `sort_key` or above, else the head; follows KeRemoveByKeyDeviceQueue.

        An empty queue returns None and becomes idle.
        """
        places = (place for place, entry in enumerate(self._entries) if entry.sort_key >= sort_key)
        return self._take(next(places, 0))

    @contract
    def remove_entry(self, entry: DeviceQueueEntry) -> bool:
        """Take out this entry and return whether it was queued; follows KeRemoveEntryDeviceQueue.

        The queue stays busy.
        """
        if not entry.inserted:
            return False
        self._entries.remove(entry)
        entry.inserted = False
        return True

    def _begin(self, entry: DeviceQueueEntry) -> bool:
        self.busy = True
        entry.inserted = False
        return False

    def _take(self, place: int) -> DeviceQueueEntry | None:
        if not self._entries:
            self.busy = False
            return None
        entry = self._entries.pop(place)
        entry.inserted = False
        return entry
