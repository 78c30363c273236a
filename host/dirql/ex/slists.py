# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sequenced singly linked lists (SLISTs), which need no lock.

The address of an entry in memory must be a multiple of 16.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.processors.spin_lock import SpinLock
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_DATATYPE_MISALIGNMENT
from dirql.rtl.links import SingleLink, SingleListEntry, check_kinds, get_next, set_next

__all__ = ["SListEntry", "SListHeader"]

_INITIALIZE: Final = contract("ExInitializeSListHead")
_INITIALIZE_MACRO: Final = contract("InitializeSListHead")
_PUSH: Final = contract("ExInterlockedPushEntrySList")
_POP: Final = contract("ExInterlockedPopEntrySList")
_FLUSH: Final = contract("ExInterlockedFlushSList")
_DEPTH: Final = contract("ExQueryDepthSList")
_INTERLOCKED_PUSH: Final = contract("InterlockedPushEntrySList")
_INTERLOCKED_POP: Final = contract("InterlockedPopEntrySList")
_INTERLOCKED_FLUSH: Final = contract("InterlockedFlushSList")
_QUERY_DEPTH: Final = contract("QueryDepthSList")

_ALIGNMENT: Final = 16
_COUNT: Final = 0xFFFF


@mypyc_attr(allow_interpreted_subclasses=True)
class SListEntry(SingleListEntry):
    """One link in a sequenced list (SLIST_ENTRY)."""

    __slots__ = ()


@mypyc_attr(allow_interpreted_subclasses=True)
class SListHeader:
    """The head of a sequenced list (SLIST_HEADER): the first entry, and counts of entries and of changes.

    Both counts have 16 bits; the second one only tells two states apart that have the same first entry.
    """

    __slots__ = ("depth", "next", "sequence")

    def __init__(self) -> None:
        """Make an empty list."""
        self.next: SingleLink | None = None
        self.depth = self.sequence = 0

    def __repr__(self) -> str:
        return f"<SLIST_HEADER {id(self):#x} of {self.depth} entries>"

    def initialize(self) -> None:
        """Make the list empty; follows ExInitializeSListHead."""
        _INITIALIZE.check(self)
        self._clear()

    def initialize_head(self) -> None:
        """Make the list empty; follows InitializeSListHead."""
        _INITIALIZE_MACRO.check(self)
        self._clear()

    def push(self, list_entry: SingleLink, lock: SpinLock | None = None) -> SingleLink | None:
        """Put an entry at the head; returns the one that was the first, None for an empty list.

        Follows ExInterlockedPushEntrySList. Raises STATUS_DATATYPE_MISALIGNMENT for an address that is not a multiple
        of 16.
        """
        _PUSH.check_two(self, lock)
        _PUSH.check_arguments(self, list_entry, lock)
        self._check_kind(_PUSH, list_entry)
        return self._push(list_entry)

    def pop(self, lock: SpinLock | None = None) -> SingleLink | None:
        """Take out and return the first entry, None from an empty list; follows ExInterlockedPopEntrySList."""
        _POP.check_two(self, lock)
        return self._pop()

    def flush(self) -> SingleLink | None:
        """Take out all entries and return the first, which leads to the others; follows ExInterlockedFlushSList."""
        _FLUSH.check(self)
        return self._flush()

    def query_depth(self) -> int:
        """The number of entries, modulo 65536; follows ExQueryDepthSList."""
        _DEPTH.check(self)
        return self.depth

    def interlocked_push(self, list_entry: SingleLink) -> SingleLink | None:
        """Do as `push`; follows InterlockedPushEntrySList."""
        _INTERLOCKED_PUSH.check(self)
        _INTERLOCKED_PUSH.check_arguments(self, list_entry)
        self._check_kind(_INTERLOCKED_PUSH, list_entry)
        return self._push(list_entry)

    def interlocked_pop(self) -> SingleLink | None:
        """Do as `pop`; follows InterlockedPopEntrySList."""
        _INTERLOCKED_POP.check(self)
        return self._pop()

    def interlocked_flush(self) -> SingleLink | None:
        """Do as `flush`; follows InterlockedFlushSList."""
        _INTERLOCKED_FLUSH.check(self)
        return self._flush()

    def get_depth(self) -> int:
        """Do as `query_depth`; follows QueryDepthSList."""
        _QUERY_DEPTH.check(self)
        return self.depth

    def _clear(self) -> None:
        self.next = None
        self.depth = self.sequence = 0

    def _check_kind(self, routine: KeptContract, entry: SingleLink) -> None:
        """The entries of a list are objects, or are in memory, as the first is."""
        if self.next is not None:
            check_kinds(routine, self.next, "ListEntry", entry)

    def _push(self, entry: SingleLink) -> SingleLink | None:
        if isinstance(entry, int) and entry % _ALIGNMENT:
            raise StatusException(STATUS_DATATYPE_MISALIGNMENT) from ValueError(
                f"the address of an SLIST_ENTRY must be a multiple of {_ALIGNMENT}; it was {entry:#x}: allocate it"
                " from pool, or align the member of the structure"
            )
        first = self.next
        set_next(entry, first)
        self.next = entry
        self.depth = (self.depth + 1) & _COUNT
        self.sequence = (self.sequence + 1) & _COUNT
        return first

    def _pop(self) -> SingleLink | None:
        first = self.next
        if first is not None:
            self.next = get_next(first)
            self.depth = (self.depth - 1) & _COUNT
            self.sequence = (self.sequence + 1) & _COUNT
        return first

    def _flush(self) -> SingleLink | None:
        first = self.next
        self.next = None
        self.depth = 0
        return first
