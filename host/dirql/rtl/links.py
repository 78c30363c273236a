# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The links of lists: LIST_ENTRY and SINGLE_LIST_ENTRY, as objects or in memory.

A link is an object, or a structure in memory that the driver names by its address. All links of one list must be of the
same kind. An object that is a member of a larger one is made with it, `LIST_ENTRY(self)`, so that CONTAINING_RECORD
finds it.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import KeptContract
from dirql.mm import memory

__all__ = [
    "Link",
    "ListEntry",
    "SingleLink",
    "SingleListEntry",
    "check_kinds",
    "get_backward",
    "get_forward",
    "get_next",
    "read_pointer",
    "set_backward",
    "set_forward",
    "set_next",
    "write_pointer",
]

_POINTER_SIZE: Final = 8


@mypyc_attr(allow_interpreted_subclasses=True)
class ListEntry:
    """The head of a doubly linked list, or one link in it (LIST_ENTRY).

    `flink` and `blink` are the next and the previous link, None before the first use. `record` is the object that has
    the link as a member.
    """

    __slots__ = ("blink", "flink", "record")

    def __init__(self, record: object = None) -> None:
        """Make a link that is in no list."""
        self.flink: Link | None = None
        self.blink: Link | None = None
        self.record = record

    def __repr__(self) -> str:
        owner = "" if self.record is None else f" of {self.record!r}"
        return f"<LIST_ENTRY {id(self):#x}{owner}>"


@mypyc_attr(allow_interpreted_subclasses=True)
class SingleListEntry:
    """The head of a singly linked list, or one link in it (SINGLE_LIST_ENTRY, SLIST_ENTRY).

    `next` is the next link, None at the end. `record` is the object that has the link as a member.
    """

    __slots__ = ("next", "record")

    def __init__(self, record: object = None) -> None:
        """Make a link that is in no list, which is also the head of an empty one."""
        self.next: SingleLink | None = None
        self.record = record

    def __repr__(self) -> str:
        owner = "" if self.record is None else f" of {self.record!r}"
        return f"<SINGLE_LIST_ENTRY {id(self):#x}{owner}>"


Link: TypeAlias = ListEntry | int
"""A link of a doubly linked list, or its address."""
SingleLink: TypeAlias = SingleListEntry | int
"""A link of a singly linked list, or its address."""


def get_forward(link: Link) -> Link | None:
    """The next link; None for NULL."""
    return link.flink if isinstance(link, ListEntry) else read_pointer(link)


def get_backward(link: Link) -> Link | None:
    """The previous link; None for NULL."""
    return link.blink if isinstance(link, ListEntry) else read_pointer(link + _POINTER_SIZE)


def set_forward(link: Link, other: Link) -> None:
    """Let `other` be the next link."""
    if isinstance(link, ListEntry):
        link.flink = other
    else:
        write_pointer(link, _address(other))


def set_backward(link: Link, other: Link) -> None:
    """Let `other` be the previous link."""
    if isinstance(link, ListEntry):
        link.blink = other
    else:
        write_pointer(link + _POINTER_SIZE, _address(other))


def get_next(link: SingleLink) -> SingleLink | None:
    """The next link of a singly linked list; None at its end."""
    return link.next if isinstance(link, SingleListEntry) else read_pointer(link)


def set_next(link: SingleLink, other: SingleLink | None) -> None:
    """Let `other` be the next link of a singly linked list, or None its end."""
    if isinstance(link, SingleListEntry):
        link.next = other
    else:
        write_pointer(link, _address(other))


def read_pointer(address: int) -> int | None:
    """The pointer at an address; None for NULL."""
    return int.from_bytes(memory.read(address, _POINTER_SIZE), "little") or None


def write_pointer(address: int, value: int) -> None:
    """Put a pointer at an address."""
    memory.write(address, value.to_bytes(_POINTER_SIZE, "little"))


def check_kinds(routine: KeptContract, head: object, name: str, entry: object) -> None:
    """Raise `TypeError` if the head of a list is an object and the entry for the parameter `name` an address."""
    if isinstance(head, int) is not isinstance(entry, int):
        what = (
            "in memory, as the head of the list is" if isinstance(head, int) else "an object, as the head is"
        )
        routine.refuse_argument(name, what, entry)


def _address(link: object) -> int:
    """The address of a link in memory, 0 for NULL."""
    assert link is None or isinstance(link, int)
    return link or 0
