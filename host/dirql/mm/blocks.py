# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""How blocks of a pool lie in its pages.

A block smaller than a page shares its page with blocks of the same slot size and never crosses a page; it has a header
in front and a guard behind. A larger one has pages of its own, starts a page, and has a guard in what is left of the
last one.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from dirql.nt.constants import PAGE_SIZE

__all__ = ["CACHE_LINE", "GUARD", "HEADER_SIZE", "Block", "SlotPage", "header_bytes", "slot_size", "tag_text"]

_HEADER: Final = struct.Struct("<4sI8s")
"""Tag, size asked for, and a pattern; what a debugger sees in front of a block."""
_HEADER_PATTERN: Final = b"\xfd\xb1\x0c\x4b\xfd\xb1\x0c\x4b"

HEADER_SIZE: Final = _HEADER.size
CACHE_LINE: Final = 64
"""What a cache-aligned block is aligned to."""
GUARD: Final = 0xFD
"""The byte behind each block, up to the end of its slot or page."""
_GUARD_SIZE: Final = 8
"""At least so many guard bytes follow a block that shares a page."""

_SLOT_SIZES: Final = (*range(32, 257, 16), *range(320, 1025, 64), 1344, 2048, PAGE_SIZE)
_SLOT_SIZES_BY_LEAD: Final = {
    lead: tuple(slot for slot in _SLOT_SIZES if slot % lead == 0) for lead in (HEADER_SIZE, CACHE_LINE)
}


@dataclass(slots=True)
class Block:
    """One allocation: `size` bytes at `address`, in a slot of `page` or in pages of its own."""

    address: int
    size: int
    tag: int
    room: int
    """Bytes from `address` to where its slot or its last page ends; those after `size` are guard."""
    page: SlotPage | None


class SlotPage:
    """A page cut into slots of one size; the block begins `lead` bytes into its slot."""

    __slots__ = ("address", "free", "lead", "slots")

    def __init__(self, address: int, slot: int, lead: int) -> None:
        self.address = address
        self.lead = lead
        self.slots = PAGE_SIZE // slot
        self.free = [address + slot * index for index in reversed(range(self.slots))]

    @property
    def empty(self) -> bool:
        """Whether no slot is in use."""
        return len(self.free) == self.slots


def slot_size(size: int, lead: int) -> int | None:
    """The slot that a block of `size` bytes goes into; None when it needs pages of its own."""
    sizes = _SLOT_SIZES_BY_LEAD[lead]
    index = bisect_left(sizes, lead + size + _GUARD_SIZE)
    return sizes[index] if index < len(sizes) else None


def header_bytes(tag: int, size: int) -> bytes:
    """The header in front of a block that shares a page."""
    return _HEADER.pack(tag.to_bytes(4, "little"), size, _HEADER_PATTERN)


def tag_text(tag: int) -> str:
    """A pool tag as people write it: its four characters in memory order."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in tag.to_bytes(4, "little"))
