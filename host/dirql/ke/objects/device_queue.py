# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device queues: the requests that wait for a device that is busy."""

from __future__ import annotations

from typing import Final, NoReturn, cast

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import refuse_list
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.objects.entry_tree import Entry, EntryTree
from dirql.ke.processors.contract import KeptContract, contract
from dirql.nt.constants import IO_TYPE_DEVICE_QUEUE

__all__ = ["DeviceQueue", "DeviceQueueEntry"]

_CORRUPT_LIST: Final = 3
_INSERT: Final = contract("KeInsertDeviceQueue")
_INSERT_BY_KEY: Final = contract("KeInsertByKeyDeviceQueue")
_REMOVE: Final = contract("KeRemoveDeviceQueue")
_REMOVE_BY_KEY: Final = contract("KeRemoveByKeyDeviceQueue")
_REMOVE_BY_KEY_IF_BUSY: Final = contract("KeRemoveByKeyDeviceQueueIfBusy")
_REMOVE_ENTRY: Final = contract("KeRemoveEntryDeviceQueue")
_INITIALIZE_DEVICE_QUEUE: Final = contract("KeInitializeDeviceQueue")


@mypyc_attr(allow_interpreted_subclasses=True)
class DeviceQueueEntry(Entry):
    """A place in a device queue (KDEVICE_QUEUE_ENTRY)."""

    __slots__ = ("inserted",)

    def __init__(self) -> None:
        """Make an entry that is in no queue."""
        # Written out instead of a call, which would take a hundredth of "a read" in bench/io_paths.py.
        self.node = None
        self.sort_key = 0
        self.inserted = False


@mypyc_attr(allow_interpreted_subclasses=True)
class DeviceQueue:
    """A device queue (KDEVICE_QUEUE).

    The first entry for an idle queue is not queued: it makes the queue busy, and its caller starts the request.
    """

    __slots__ = ("_entries", "busy", "type")

    def __init__(self) -> None:
        """Make a queue that has to be initialized before its use."""
        self.type = 0
        self.busy = False
        self._entries = EntryTree()

    def initialize(self) -> None:
        """Make the queue idle and empty; follows KeInitializeDeviceQueue."""
        _INITIALIZE_DEVICE_QUEUE.check_arguments(self)
        self.type = IO_TYPE_DEVICE_QUEUE
        self.busy = False
        self._entries.clear()

    def __repr__(self) -> str:
        state = "busy" if self.busy else "idle" if self.type else "not initialized"
        return f"<device queue {id(self):#x}, {state}>"

    def queued(self) -> tuple[DeviceQueueEntry, ...]:
        """The entries in the queue (DeviceListHead), the head first."""
        return tuple(cast("DeviceQueueEntry", entry) for entry in self._entries)

    def insert(self, entry: DeviceQueueEntry) -> bool:
        """Queue an entry at the tail and return True; follows KeInsertDeviceQueue.

        Returns False if the queue was idle. The queue is busy then, and the caller starts the request. Bug check 0x139
        if the entry is in a queue already.
        """
        _INSERT.check_two(self, entry)
        if not self.type:
            self._refuse(_INSERT)
        if entry.node is not None:
            _refuse_second(entry)
        if not self.busy:
            return self._begin(entry)
        entry.inserted = True
        self._entries.append(entry)
        return True

    def insert_by_key(self, entry: DeviceQueueEntry, sort_key: int) -> bool:
        """Queue an entry behind all whose key is not above `sort_key`; follows KeInsertByKeyDeviceQueue.

        The result is that of `insert`.
        """
        _INSERT_BY_KEY.check_two(self, entry)
        if not self.type:
            self._refuse(_INSERT_BY_KEY)
        if type(sort_key) is not int:
            _INSERT_BY_KEY.check_arguments(self, entry, sort_key)
        if entry.node is not None:
            _refuse_second(entry)
        entry.sort_key = sort_key
        if not self.busy:
            return self._begin(entry)
        entry.inserted = True
        larger = self._entries.first_from(sort_key + 1)
        if larger is None:
            self._entries.append(entry)
        else:
            self._entries.insert_before(larger, entry)
        return True

    def remove(self) -> DeviceQueueEntry | None:
        """Take out and return the head; follows KeRemoveDeviceQueue. An empty queue returns None and becomes idle."""
        _REMOVE.check(self)
        if not self.type:
            self._refuse(_REMOVE)
        return self._take(None)

    def remove_by_key(self, sort_key: int) -> DeviceQueueEntry | None:
        """Take out the first entry whose key is `sort_key` or above, else the head; follows KeRemoveByKeyDeviceQueue.

        An empty queue returns None and becomes idle.
        """
        _REMOVE_BY_KEY.check(self)
        if not self.type:
            self._refuse(_REMOVE_BY_KEY)
        if type(sort_key) is not int:
            _REMOVE_BY_KEY.check_arguments(self, sort_key)
        return self._take(self._entries.first_from(sort_key))

    def remove_by_key_if_busy(self, sort_key: int) -> DeviceQueueEntry | None:
        """Do as `remove_by_key` for a busy queue; follows KeRemoveByKeyDeviceQueueIfBusy. None for an idle one."""
        _REMOVE_BY_KEY_IF_BUSY.check(self)
        if not self.type:
            self._refuse(_REMOVE_BY_KEY_IF_BUSY)
        if type(sort_key) is not int:
            _REMOVE_BY_KEY_IF_BUSY.check_arguments(self, sort_key)
        return self._take(self._entries.first_from(sort_key))

    def remove_entry(self, entry: DeviceQueueEntry) -> bool:
        """Take out this entry and return whether it was queued; follows KeRemoveEntryDeviceQueue.

        The queue stays busy. Raises `ValueError` if the entry is in another queue.
        """
        _REMOVE_ENTRY.check_two(self, entry)
        if not self.type:
            self._refuse(_REMOVE_ENTRY)
        if not entry.inserted:
            return False
        if entry not in self._entries:
            raise ValueError(
                f"KeRemoveEntryDeviceQueue: DeviceQueueEntry must be in this queue or in none; {entry!r} is in another,"
                " or this queue was initialized again while the entry was in it"
            )
        self._entries.remove(entry)
        entry.inserted = False
        return True

    def _refuse(self, used: KeptContract) -> NoReturn:
        refuse_blank(self, used.stated.routine, "KeInitializeDeviceQueue")

    def _begin(self, entry: DeviceQueueEntry) -> bool:
        self.busy = True
        entry.inserted = False
        return False

    def _take(self, found: Entry | None) -> DeviceQueueEntry | None:
        """Take out the entry that was found, else the head."""
        taken = self._entries.first() if found is None else found
        if taken is None:
            self.busy = False
            return None
        self._entries.remove(taken)
        entry = cast("DeviceQueueEntry", taken)
        entry.inserted = False
        return entry


def _refuse_second(entry: DeviceQueueEntry) -> NoReturn:
    """Bug check 0x139/3, with which NT finds a list whose links do not agree."""
    reason = (
        f"KeInsertDeviceQueue, KeInsertByKeyDeviceQueue: DeviceQueueEntry must be in no queue; {entry!r} is in one:"
        " remove it first"
    )
    refuse_list(reason)
