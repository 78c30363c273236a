# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Regions of a process's addresses: views of sections, and memory that ZwAllocateVirtualMemory has reserved.

Regions begin at multiples of 64 KiB. The system places them in the upper half of the user addresses, away from the
buffers of programs.
"""

from __future__ import annotations

from typing import Final

from dirql.mm.address_space import AddressSpace
from dirql.mm.layout import USER_RANGE
from dirql.nt.constants import (
    PAGE_EXECUTE,
    PAGE_EXECUTE_READ,
    PAGE_EXECUTE_READWRITE,
    PAGE_EXECUTE_WRITECOPY,
    PAGE_NOACCESS,
    PAGE_READONLY,
    PAGE_READWRITE,
    PAGE_SHIFT,
    PAGE_WRITECOPY,
)

__all__ = ["GRANULARITY", "MAXIMUM_ZERO_BITS", "Region", "UserRegions", "is_protection", "is_writable"]

GRANULARITY: Final = 0x1_0000
"""The addresses of regions are multiples of this many bytes."""
MAXIMUM_ZERO_BITS: Final = 53
_MODIFIERS: Final = 0x700
"""The bits of PAGE_GUARD, PAGE_NOCACHE and PAGE_WRITECOMBINE, which modify a protection."""
_WRITABLE: Final = (PAGE_READWRITE, PAGE_EXECUTE_READWRITE)
_PROTECTIONS: Final = (
    PAGE_NOACCESS,
    PAGE_READONLY,
    PAGE_READWRITE,
    PAGE_WRITECOPY,
    PAGE_EXECUTE,
    PAGE_EXECUTE_READ,
    PAGE_EXECUTE_READWRITE,
    PAGE_EXECUTE_WRITECOPY,
)


def is_protection(protect: int) -> bool:
    """Whether a number is one protection of pages, with one modifier or none; PAGE_NOACCESS has none."""
    modifiers = protect & _MODIFIERS
    if modifiers & (modifiers - 1) or (modifiers and protect & PAGE_NOACCESS):
        return False
    return protect & ~_MODIFIERS in _PROTECTIONS


def is_writable(protect: int) -> bool:
    """Whether a protection allows writes to the pages themselves, and not to copies of them."""
    return protect & ~_MODIFIERS in _WRITABLE


class Region:
    """`size` bytes from `base` on that belong together."""

    __slots__ = ("base", "protect", "size")

    def __init__(self, base: int, size: int, protect: int) -> None:
        self.base = base
        self.size = size
        self.protect = protect

    def __repr__(self) -> str:
        return f"<region of {self.size:#x} bytes at {self.base:#x}>"

    def end(self, space: AddressSpace) -> None:
        """Take away what is mapped there, because the process ends."""


class UserRegions:
    """The regions of all processes, in the order of their making."""

    __slots__ = ("_next", "_regions")

    def __init__(self) -> None:
        self._regions: dict[AddressSpace, list[Region]] = {}
        self._next: dict[AddressSpace, int] = {}

    def of(self, space: AddressSpace) -> list[Region]:
        """The regions of a process."""
        return self._regions.setdefault(space, [])

    def at(self, space: AddressSpace, address: int) -> Region | None:
        """The region that holds an address."""
        for region in self.of(space):
            if 0 <= address - region.base < region.size:
                return region
        return None

    def is_free(self, space: AddressSpace, base: int, size: int) -> bool:
        """Whether addresses belong to no region, and nothing is mapped there."""
        if any(region.base < base + size and base < region.base + region.size for region in self.of(space)):
            return False
        first, count = base >> PAGE_SHIFT, size >> PAGE_SHIFT
        if count > len(space.entries):
            return not any(first <= number < first + count for number in space.entries)
        return not any(number in space.entries for number in range(first, first + count))

    def end(self, space: AddressSpace) -> None:
        """Forget the regions of a process that ends, with what is mapped there."""
        for region in self._regions.pop(space, ()):
            region.end(space)

    def place(self, space: AddressSpace, size: int) -> int | None:
        """Free addresses for a region, which come again as late as possible; None when there is no room."""
        half = USER_RANGE.base + USER_RANGE.size // 2 // GRANULARITY * GRANULARITY
        end = USER_RANGE.base + USER_RANGE.size
        for base in (self._next.get(space, half), half):
            here = base
            while here + size <= end:
                if self.is_free(space, here, size):
                    self._next[space] = here + -(-size // GRANULARITY) * GRANULARITY + GRANULARITY
                    return here
                here += GRANULARITY
        return None
