# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device queues in memory: drivers in C can walk through the list of one, as they do when a file is closed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.c.core.forms import Converters
from dirql.c.core.interface import STRUCTURES
from dirql.c.core.native_module import Native
from dirql.c.core.views import Member, View, find_slot
from dirql.ke.objects.device_queue import DeviceQueue
from dirql.ke.objects.entry_tree import Entry, EntryTree

__all__ = ["DeviceQueues", "inserting"]

_LINKS: Final = struct.Struct("<QQ")
_POINTER: Final = struct.Struct("<Q")
_HEAD: Final = STRUCTURES["KDEVICE_QUEUE"][2]["DeviceListHead"][0]
_SHORT: Final = struct.Struct("<h")
_SIZE: Final = STRUCTURES["KDEVICE_QUEUE"][2]["Size"][0]
_LOCK: Final = STRUCTURES["KDEVICE_QUEUE"][2]["Lock"][0]
_INSERTED: Final = STRUCTURES["KDEVICE_QUEUE_ENTRY"][2]["Inserted"][0]
_MEMBERS: Final = (Member("Type", "type"), Member("Busy", "busy"))


class DeviceQueues:
    """Makes views of device queues."""

    def __init__(self, native: Native, converters: Converters, find: Callable[[object], int | None]) -> None:
        """`find` tells the address of an entry that is in memory."""
        self._native = native
        self._find = find
        self._view = View(native, converters, DeviceQueue, "KDEVICE_QUEUE", _MEMBERS)
        self._entries = find_slot(DeviceQueue, "_entries")

    def promote(self, queue: DeviceQueue, address: int) -> None:
        """Let a queue be in memory at `address`, with the entries that it has."""
        listed = ListedEntries(self._native, address + _HEAD, self._find)
        entries = list(queue.queued())
        for entry in entries:
            entry.node = None
            listed.append(entry)
        self._view.promote(queue, address)
        self._native.write_bytes(address + _SIZE, _SHORT.pack(self._view.size))
        self._native.write_bytes(address + _LOCK, bytes(_POINTER.size))
        self._entries.__set__(queue, listed)


def inserting(
    native: Native, find: Callable[[object], int | None], insert: Callable[..., bool]
) -> Callable[..., bool]:
    """A routine that puts an entry into a queue, or leaves it out and says so in the entry."""

    def inserted(queue: object, entry: object, *key: int) -> bool:
        done = insert(queue, entry, *key)
        if not done:
            address = find(entry)
            if address is not None:
                native.write_bytes(address + _INSERTED, b"\0")
        return done

    return inserted


class ListedEntries(EntryTree):
    """The entries of a queue, which are linked in memory too. An entry that is in no memory is not linked."""

    __slots__ = ("_find", "_head", "_linked", "_native")

    def __init__(self, native: Native, head: int, find: Callable[[object], int | None]) -> None:
        """Make an empty list with its head in memory."""
        super().__init__()
        self._native = native
        self._head = head
        self._find = find
        self._linked: dict[int, int] = {}
        """The address of each entry, by its id."""
        native.write_bytes(head, _LINKS.pack(head, head))

    def append(self, entry: Entry) -> None:
        """See `EntryTree`."""
        super().append(entry)
        self._link(entry, self._head)

    def insert_before(self, following: Entry, entry: Entry) -> None:
        """See `EntryTree`."""
        super().insert_before(following, entry)
        self._link(entry, self._linked.get(id(following), self._head))

    def remove(self, entry: Entry) -> None:
        """See `EntryTree`."""
        super().remove(entry)
        address = self._linked.pop(id(entry), None)
        if address is not None:
            following, previous = _LINKS.unpack(self._native.read_bytes(address, _LINKS.size))
            self._native.write_bytes(previous, _POINTER.pack(following))
            self._native.write_bytes(following + _POINTER.size, _POINTER.pack(previous))
            self._native.write_bytes(address + _INSERTED, b"\0")

    def clear(self) -> None:
        """See `EntryTree`."""
        super().clear()
        self._linked.clear()
        self._native.write_bytes(self._head, _LINKS.pack(self._head, self._head))

    def _link(self, entry: Entry, following: int) -> None:
        address = self._find(entry)
        if address is None:
            return
        self._linked[id(entry)] = address
        (previous,) = _POINTER.unpack(self._native.read_bytes(following + _POINTER.size, _POINTER.size))
        self._native.write_bytes(address, _LINKS.pack(following, previous))
        self._native.write_bytes(address + _INSERTED, b"\1")
        self._native.write_bytes(previous, _POINTER.pack(address))
        self._native.write_bytes(following + _POINTER.size, _POINTER.pack(address))
