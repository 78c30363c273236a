# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The places of blocks in the pages of a pool.

A block smaller than a page shares its page with blocks of the same slot size and never crosses a page boundary. It has
a header in front and guard bytes behind. A larger block has pages of its own and begins at a page boundary; guard bytes
fill the rest of its last page.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from typing import Final

from dirql.ke.origin import Mark, describe_mark
from dirql.nt.constants import PAGE_SIZE

__all__ = [
    "CACHE_LINE",
    "GUARD",
    "HEADER_SIZE",
    "Block",
    "Shape",
    "SlotPage",
    "owner_text",
    "slot_size",
    "tag_text",
]

_HEADER: Final = struct.Struct("<II8s")
"""Tag, size and a pattern: the bytes that a debugger shows in front of a block."""
_HEADER_PATTERN: Final = b"\xfd\xb1\x0c\x4b\xfd\xb1\x0c\x4b"

HEADER_SIZE: Final = _HEADER.size
CACHE_LINE: Final = 64
"""The alignment of a cache-aligned block, in bytes."""
GUARD: Final = 0xFD
"""The value of the bytes between the end of a block and the end of its slot or page."""
_GUARD_SIZE: Final = 8
"""The least number of guard bytes behind a block that shares a page."""

_SLOT_SIZES: Final = (*range(32, 257, 16), *range(320, 1025, 64), 1344, 2048, PAGE_SIZE)
_SLOT_SIZES_BY_LEAD: Final = {
    lead: tuple(slot for slot in _SLOT_SIZES if slot % lead == 0) for lead in (HEADER_SIZE, CACHE_LINE)
}


class Shape:
    """The properties that the blocks of one size, tag and alignment in one pool have in common.

    A pool keeps them, so that they are computed once: "pool block" of bench/hal_paths.py takes 0.6 µs less.
    """

    __slots__ = ("guard", "header", "lead", "room", "rooms", "size", "slot")

    def __init__(self, size: int, tag: int, lead: int, slot: int, rooms: list[SlotPage]) -> None:
        self.size = size
        self.lead = lead
        self.slot = slot
        self.room = slot - lead
        self.rooms = rooms
        """The pages with free slots of this size and lead; other shapes share the list."""
        self.header = _HEADER.pack(tag, size, _HEADER_PATTERN)
        self.guard = bytes([GUARD]) * (self.room - size)


class Block:
    """One allocation: `size` bytes at `address`, in a slot of `page`, or with `page` None in pages of its own."""

    __slots__ = (
        "address",
        "driver",
        "freed_at",
        "freed_by",
        "is_freed",
        "is_special",
        "page",
        "pattern_at",
        "place",
        "poison",
        "room",
        "shape",
        "size",
        "tag",
    )

    def __init__(
        self, address: int, size: int, tag: int, room: int, page: SlotPage | None, shape: Shape | None
    ) -> None:
        """Note the properties; `shape` is that of a block in a slot."""
        self.address = address
        self.size = size
        self.tag = tag
        self.room = room
        """The number of bytes from `address` to the end of the slot or last page.

        Those after `size` are guard bytes.
        """
        self.page = page
        self.shape = shape
        self.is_freed = False
        self.is_special = False
        """Whether the block is of special pool, at the end of a page of its own."""
        self.pattern_at = -1
        """The physical address of the pattern that fills the block while it is in quarantine; -1 without one."""
        self.poison = -1
        """The number of the filling at the start of the block, for `Poison.equal`; -1 for a block of zeros."""
        self.driver: object = None
        """The driver whose code allocated the block; None for the kernel."""
        self.place: Mark | None = None
        """The place of the allocation in the driver's code."""
        self.freed_by: object = None
        self.freed_at: Mark | None = None
        """The same for the end of the block, once it was freed."""

    def __repr__(self) -> str:
        state = (
            "freed"
            if self.is_freed
            else f"of {self.driver!r}"
            if self.driver is not None
            else "of the kernel"
        )
        return f"<pool block {self.address:#x}, {self.size} bytes, {state}>"

    def describe(self) -> str:
        """The block in words, with the ends of its life that there were."""
        freed = f" and freed by {owner_text(self.freed_by, self.freed_at)}" if self.is_freed else ""
        return (
            f"the block of {self.size} bytes at {self.address:#x} with tag {tag_text(self.tag)!r}, allocated by "
            f"{owner_text(self.driver, self.place)}{freed}"
        )


class SlotPage:
    """A page cut into slots of one size; each block begins `lead` bytes into its slot."""

    __slots__ = ("address", "blocks", "free", "lead", "slot", "slots")

    def __init__(self, address: int, slot: int, lead: int) -> None:
        self.address = address
        self.lead = lead
        self.slot = slot
        self.slots = PAGE_SIZE // slot
        self.blocks: dict[int, Block] = {}
        """The last block in each slot, in use or freed, by the address of the slot."""
        self.free = [address + slot * index for index in reversed(range(self.slots))]

    @property
    def empty(self) -> bool:
        """Whether no slot is in use."""
        return len(self.free) == self.slots


def slot_size(size: int, lead: int) -> int | None:
    """The size of the slot for a block of `size` bytes; None for a block that needs pages of its own."""
    sizes = _SLOT_SIZES_BY_LEAD[lead]
    index = bisect_left(sizes, lead + size + _GUARD_SIZE)
    return sizes[index] if index < len(sizes) else None


def owner_text(driver: object, place: Mark | None) -> str:
    """A driver and the place in its code; None stands for the kernel."""
    where = describe_mark(place)
    return where if driver is None else f"{driver!r} in {where}"


def tag_text(tag: int) -> str:
    """A pool tag as text: its four characters in memory order."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in tag.to_bytes(4, "little"))
