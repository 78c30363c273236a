# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""List and counter operations under a spin lock, which the routine itself takes, at any IRQL."""

from __future__ import annotations

from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.processors.spin_lock import SpinLock
from dirql.rtl.links import Link, SingleLink, check_kinds, get_backward, get_forward, get_next, set_next
from dirql.rtl.lists import insert_head, insert_tail, remove
from dirql.rtl.memory import read, write

__all__ = [
    "add_large_integer",
    "add_large_statistic",
    "add_ulong",
    "insert_head_list",
    "insert_tail_list",
    "pop_entry_list",
    "push_entry_list",
    "remove_head_list",
]

_INSERT_HEAD: Final = contract("ExInterlockedInsertHeadList")
_INSERT_TAIL: Final = contract("ExInterlockedInsertTailList")
_REMOVE_HEAD: Final = contract("ExInterlockedRemoveHeadList")
_PUSH: Final = contract("ExInterlockedPushEntryList")
_POP: Final = contract("ExInterlockedPopEntryList")
_ADD_ULONG: Final = contract("ExInterlockedAddUlong")
_ADD_LARGE: Final = contract("ExInterlockedAddLargeInteger")
_ADD_STATISTIC: Final = contract("ExInterlockedAddLargeStatistic")


def insert_head_list(list_head: Link, list_entry: Link, lock: SpinLock) -> Link | None:
    """Put an entry at the head; returns the entry that was the first, None for an empty list.

    Follows ExInterlockedInsertHeadList.
    """
    _INSERT_HEAD.check_with(list_head, lock)
    _INSERT_HEAD.check_arguments(list_head, list_entry, lock)
    check_kinds(_INSERT_HEAD, list_head, "ListEntry", list_entry)
    with _Held(lock):
        first = get_forward(list_head)
        insert_head(list_head, list_entry)
    return None if first == list_head else first


def insert_tail_list(list_head: Link, list_entry: Link, lock: SpinLock) -> Link | None:
    """Put an entry at the tail; returns the entry that was the last, None for an empty list.

    Follows ExInterlockedInsertTailList.
    """
    _INSERT_TAIL.check_with(list_head, lock)
    _INSERT_TAIL.check_arguments(list_head, list_entry, lock)
    check_kinds(_INSERT_TAIL, list_head, "ListEntry", list_entry)
    with _Held(lock):
        last = get_backward(list_head)
        insert_tail(list_head, list_entry)
    return None if last == list_head else last


def remove_head_list(list_head: Link, lock: SpinLock) -> Link | None:
    """Take out and return the first entry, None from an empty list; follows ExInterlockedRemoveHeadList."""
    _REMOVE_HEAD.check_with(list_head, lock)
    _REMOVE_HEAD.check_arguments(list_head, lock)
    with _Held(lock):
        first = get_forward(list_head)
        if first is None or first == list_head:
            return None
        remove(first)
    return first


def push_entry_list(list_head: SingleLink, list_entry: SingleLink, lock: SpinLock) -> SingleLink | None:
    """Put an entry at the head; returns the entry that was the first, None for an empty list.

    Follows ExInterlockedPushEntryList.
    """
    _PUSH.check_with(list_head, lock)
    _PUSH.check_arguments(list_head, list_entry, lock)
    check_kinds(_PUSH, list_head, "ListEntry", list_entry)
    with _Held(lock):
        first = get_next(list_head)
        set_next(list_entry, first)
        set_next(list_head, list_entry)
    return first


def pop_entry_list(list_head: SingleLink, lock: SpinLock) -> SingleLink | None:
    """Take out and return the first entry, None from an empty list; follows ExInterlockedPopEntryList."""
    _POP.check_with(list_head, lock)
    _POP.check_arguments(list_head, lock)
    with _Held(lock):
        first = get_next(list_head)
        if first is not None:
            set_next(list_head, get_next(first))
    return first


def add_ulong(addend: int, increment: int, lock: SpinLock) -> int:
    """Add to the ULONG at an address; returns its value before; follows ExInterlockedAddUlong."""
    _ADD_ULONG.check_with(addend, lock)
    _ADD_ULONG.check_arguments(addend, increment, lock)
    with _Held(lock):
        return _add(addend, increment, 4, signed=False)


def add_large_integer(addend: int, increment: int, lock: SpinLock) -> int:
    """Add to the LARGE_INTEGER at an address; returns its value before; follows ExInterlockedAddLargeInteger."""
    _ADD_LARGE.check_with(addend, lock)
    _ADD_LARGE.check_arguments(addend, increment, lock)
    with _Held(lock):
        return _add(addend, increment, 8, signed=True)


def add_large_statistic(addend: int, increment: int) -> None:
    """Add to the LARGE_INTEGER at an address, without a lock; follows ExInterlockedAddLargeStatistic."""
    _ADD_STATISTIC.check_level(addend)
    _ADD_STATISTIC.check_arguments(addend, increment)
    _add(addend, increment, 8, signed=True)


def _add(address: int, increment: int, size: int, *, signed: bool) -> int:
    """Add to the number of `size` bytes at an address, modulo its range; returns the value before."""
    before = int.from_bytes(read(address, size), "little")
    after = (before + increment) % (1 << 8 * size)
    write(address, after.to_bytes(size, "little"))
    return int.from_bytes(before.to_bytes(size, "little"), "little", signed=signed)


class _Held:
    """Holds a spin lock; nothing comes in between on this processor, so that the IRQL need not be raised."""

    __slots__ = ("_lock",)

    def __init__(self, lock: SpinLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.take(current.processor)

    def __exit__(self, *_: object) -> None:
        if self._lock.owner is current.processor:
            self._lock.drop(current.processor)
