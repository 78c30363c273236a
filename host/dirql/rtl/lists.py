# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Doubly and singly linked lists, which C has as inline functions.

A list whose links do not agree is bug check 0x139 with parameter 1 = 3, as soon as a routine finds it (row LST-01).
"""

from __future__ import annotations

from typing import Final

from dirql.ke.bugcheck import refuse_list
from dirql.ke.processors.contract import contract
from dirql.rtl.links import (
    Link,
    SingleLink,
    check_kinds,
    get_backward,
    get_forward,
    get_next,
    set_backward,
    set_forward,
    set_next,
)

__all__ = [
    "append_tail_list",
    "initialize_list_head",
    "insert_head",
    "insert_head_list",
    "insert_tail",
    "insert_tail_list",
    "is_list_empty",
    "pop_entry_list",
    "push_entry_list",
    "remove",
    "remove_entry_list",
    "remove_head_list",
    "remove_tail_list",
]

_INITIALIZE: Final = contract("InitializeListHead")
_IS_EMPTY: Final = contract("IsListEmpty")
_INSERT_HEAD: Final = contract("InsertHeadList")
_INSERT_TAIL: Final = contract("InsertTailList")
_REMOVE_HEAD: Final = contract("RemoveHeadList")
_REMOVE_TAIL: Final = contract("RemoveTailList")
_REMOVE_ENTRY: Final = contract("RemoveEntryList")
_APPEND_TAIL: Final = contract("AppendTailList")
_PUSH: Final = contract("PushEntryList")
_POP: Final = contract("PopEntryList")


def initialize_list_head(list_head: Link) -> None:
    """Make the list empty: its head points at itself; follows InitializeListHead."""
    _INITIALIZE.check_arguments(list_head)
    set_forward(list_head, list_head)
    set_backward(list_head, list_head)


def is_list_empty(list_head: Link) -> bool:
    """Whether the list has no entry; follows IsListEmpty."""
    _IS_EMPTY.check_arguments(list_head)
    return get_forward(list_head) == list_head


def insert_head_list(list_head: Link, entry: Link) -> None:
    """Put an entry at the head of a list; follows InsertHeadList."""
    _INSERT_HEAD.check_arguments(list_head, entry)
    check_kinds(_INSERT_HEAD, list_head, "Entry", entry)
    insert_head(list_head, entry)


def insert_tail_list(list_head: Link, entry: Link) -> None:
    """Put an entry at the tail of a list; follows InsertTailList."""
    _INSERT_TAIL.check_arguments(list_head, entry)
    check_kinds(_INSERT_TAIL, list_head, "Entry", entry)
    insert_tail(list_head, entry)


def remove_head_list(list_head: Link) -> Link:
    """Take out and return the first entry, of an empty list the head itself; follows RemoveHeadList."""
    _REMOVE_HEAD.check_arguments(list_head)
    entry = _present(get_forward(list_head), list_head)
    remove(entry)
    return entry


def remove_tail_list(list_head: Link) -> Link:
    """Take out and return the last entry, of an empty list the head itself; follows RemoveTailList."""
    _REMOVE_TAIL.check_arguments(list_head)
    entry = _present(get_backward(list_head), list_head)
    remove(entry)
    return entry


def remove_entry_list(entry: Link) -> bool:
    """Take out an entry and return whether its list is empty then; follows RemoveEntryList."""
    _REMOVE_ENTRY.check_arguments(entry)
    return remove(entry)


def append_tail_list(list_head: Link, list_to_append: Link) -> None:
    """Put a list that has no head of its own at the tail of another list; follows AppendTailList."""
    _APPEND_TAIL.check_arguments(list_head, list_to_append)
    check_kinds(_APPEND_TAIL, list_head, "ListToAppend", list_to_append)
    _check(list_head)
    _check(list_to_append)
    end = _present(get_backward(list_head), list_head)
    last = _present(get_backward(list_to_append), list_to_append)
    set_forward(end, list_to_append)
    set_backward(list_head, last)
    set_forward(last, list_head)
    set_backward(list_to_append, end)


def push_entry_list(list_head: SingleLink, entry: SingleLink) -> None:
    """Put an entry at the head of a singly linked list; follows PushEntryList."""
    _PUSH.check_arguments(list_head, entry)
    check_kinds(_PUSH, list_head, "Entry", entry)
    set_next(entry, get_next(list_head))
    set_next(list_head, entry)


def pop_entry_list(list_head: SingleLink) -> SingleLink | None:
    """Take out and return the first entry of a singly linked list, None if it is empty; follows PopEntryList."""
    _POP.check_arguments(list_head)
    first = get_next(list_head)
    if first is not None:
        set_next(list_head, get_next(first))
    return first


# Parts of the routines, which the interlocked ones call too.


def insert_head(head: Link, entry: Link) -> None:
    """Put an entry behind the head."""
    _check(head)
    first = _present(get_forward(head), head)
    set_forward(entry, first)
    set_backward(entry, head)
    set_backward(first, entry)
    set_forward(head, entry)


def insert_tail(head: Link, entry: Link) -> None:
    """Put an entry before the head, which is behind the last."""
    _check(head)
    last = _present(get_backward(head), head)
    set_forward(entry, head)
    set_backward(entry, last)
    set_forward(last, entry)
    set_backward(head, entry)


def remove(entry: Link) -> bool:
    """Let the neighbours of an entry point at each other, and return whether they are one."""
    _check(entry)
    after = _present(get_forward(entry), entry)
    before = _present(get_backward(entry), entry)
    set_forward(before, after)
    set_backward(after, before)
    return after == before


def _check(link: Link) -> None:
    """Bug check unless both neighbours of a link point at it."""
    after = _present(get_forward(link), link)
    before = _present(get_backward(link), link)
    if get_backward(after) != link or get_forward(before) != link:
        refuse_list(
            "the links of a list must agree: the next entry's Blink and the previous entry's Flink must lead to"
            f" {_shown(link)}; they led to {_shown(get_backward(after))} and {_shown(get_forward(before))}: look for an"
            " entry that was removed or inserted twice, or whose memory was used for something else",
        )


def _present(neighbour: Link | None, link: Link) -> Link:
    """The neighbour of a link; bug check for NULL."""
    if neighbour is None:
        refuse_list(
            f"a list must be initialized, and an entry be in a list; {_shown(link)} had NULL for a neighbour: call"
            " InitializeListHead for the head first",
        )
    return neighbour


def _shown(link: Link | None) -> str:
    return "NULL" if link is None else f"{link:#x}" if isinstance(link, int) else repr(link)
