# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Where things are in a virtual address space, and the arithmetic of pages.

The system ranges lie where x64 Windows had them while they were fixed, so that an address tells what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = [
    "DEVICE_RANGE",
    "MAPPING_RANGE",
    "NONPAGED_RANGE",
    "PAGED_RANGE",
    "PAGE_OFFSET",
    "SYSTEM_BASE",
    "USER_RANGE",
    "AddressRange",
    "byte_offset",
    "bytes_to_pages",
    "page_align",
    "round_to_pages",
    "span_pages",
]

PAGE_OFFSET: Final = PAGE_SIZE - 1
"""The bits of an address that are its place in its page."""

_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class AddressRange:
    """A range of virtual addresses with one use; `size` in bytes."""

    name: str
    base: int
    size: int

    def __contains__(self, address: int) -> bool:
        return 0 <= address - self.base < self.size


SYSTEM_BASE: Final = 0xFFFF_8000_0000_0000
"""The first address that belongs to the system; MmSystemRangeStart."""
USER_RANGE: Final = AddressRange("user", 0x1_0000, 0x7FFF_FFFE_0000)
"""What a process may use: no null pages, nothing from MmUserProbeAddress (0x7FFFFFFF0000) on."""
MAPPING_RANGE: Final = AddressRange("mapped MDLs", 0xFFFF_F880_0000_0000, 64 * _GIB)
DEVICE_RANGE: Final = AddressRange("device memory", 0xFFFF_F890_0000_0000, 64 * _GIB)
PAGED_RANGE: Final = AddressRange("paged pool", 0xFFFF_F8A0_0000_0000, 128 * _GIB)
NONPAGED_RANGE: Final = AddressRange("nonpaged pool", 0xFFFF_FA80_0000_0000, 512 * _GIB)


def byte_offset(address: int) -> int:
    """The address's place in its page; follows BYTE_OFFSET."""
    return address & PAGE_OFFSET


def page_align(address: int) -> int:
    """The start of the address's page; follows PAGE_ALIGN."""
    return address & ~PAGE_OFFSET


def bytes_to_pages(length: int) -> int:
    """How many pages hold `length` bytes; follows BYTES_TO_PAGES."""
    return (length + PAGE_OFFSET) >> PAGE_SHIFT


def round_to_pages(length: int) -> int:
    """`length` rounded up to whole pages, in bytes; follows ROUND_TO_PAGES."""
    return (length + PAGE_OFFSET) & ~PAGE_OFFSET


def span_pages(address: int, length: int) -> int:
    """How many pages the bytes from `address` on touch; follows ADDRESS_AND_SIZE_TO_SPAN_PAGES."""
    return bytes_to_pages((address & PAGE_OFFSET) + length)
