# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The ranges of virtual addresses, and the arithmetic of pages.

All ranges lie in the lower half of the 64-bit address space, where a process on x86-64 Linux can map memory at the very
same addresses. Each range begins at a round number, so that the leading digits of an address tell its use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = [
    "DEVICE_RANGE",
    "HIGHEST_USER_ADDRESS",
    "LITERAL_RANGE",
    "MAPPING_RANGE",
    "NONPAGED_RANGE",
    "PAGED_RANGE",
    "PAGE_OFFSET",
    "RESERVED_RANGE",
    "SYSTEM_RANGE_START",
    "USER_PROBE_ADDRESS",
    "USER_RANGE",
    "AddressRange",
    "byte_offset",
    "bytes_to_pages",
    "page_align",
    "round_to_pages",
    "span_pages",
]

PAGE_OFFSET: Final = PAGE_SIZE - 1
"""The bits of an address that are the offset in the page."""

_GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class AddressRange:
    """A range of virtual addresses with one use; `size` in bytes."""

    name: str
    base: int
    size: int

    def __contains__(self, address: int) -> bool:
        return 0 <= address - self.base < self.size


SYSTEM_RANGE_START: Final = 0x2000_0000_0000
"""The first address that belongs to the system; follows MmSystemRangeStart."""
USER_PROBE_ADDRESS: Final = SYSTEM_RANGE_START - 64 * 1024
"""The end of the user addresses, 64 KiB below the system's; follows MmUserProbeAddress."""
HIGHEST_USER_ADDRESS: Final = USER_PROBE_ADDRESS - 1
"""The last user address; follows MmHighestUserAddress."""

_USER_BASE: Final = 0x1000_0000_0000
USER_RANGE: Final = AddressRange("user", _USER_BASE, USER_PROBE_ADDRESS - _USER_BASE)
"""The addresses that a process's memory may have; a null pointer with a small offset is not among them."""
LITERAL_RANGE: Final = AddressRange("constants of drivers", 0x2080_0000_0000, 64 * _GIB)
MAPPING_RANGE: Final = AddressRange("mapped MDLs", 0x2100_0000_0000, 64 * _GIB)
RESERVED_RANGE: Final = AddressRange("reserved mappings", 0x2180_0000_0000, 64 * _GIB)
DEVICE_RANGE: Final = AddressRange("device memory", 0x2200_0000_0000, 64 * _GIB)
PAGED_RANGE: Final = AddressRange("paged pool", 0x2300_0000_0000, 128 * _GIB)
NONPAGED_RANGE: Final = AddressRange("nonpaged pool", 0x2400_0000_0000, 512 * _GIB)


def byte_offset(address: int) -> int:
    """The offset of an address in its page, in bytes; follows BYTE_OFFSET."""
    try:
        return address & PAGE_OFFSET
    except TypeError:
        raise _no_number("BYTE_OFFSET", "Va", address) from None


def page_align(address: int) -> int:
    """The address of the page that holds an address; follows PAGE_ALIGN."""
    try:
        return address & ~PAGE_OFFSET
    except TypeError:
        raise _no_number("PAGE_ALIGN", "Va", address) from None


def bytes_to_pages(length: int) -> int:
    """The number of pages that hold `length` bytes; follows BYTES_TO_PAGES."""
    try:
        return (length + PAGE_OFFSET) >> PAGE_SHIFT
    except TypeError:
        raise _no_number("BYTES_TO_PAGES", "Size", length) from None


def round_to_pages(length: int) -> int:
    """`length` rounded up to whole pages, in bytes; follows ROUND_TO_PAGES."""
    try:
        return (length + PAGE_OFFSET) & ~PAGE_OFFSET
    except TypeError:
        raise _no_number("ROUND_TO_PAGES", "Size", length) from None


def span_pages(address: int, length: int) -> int:
    """The number of pages that the bytes from `address` on touch; follows ADDRESS_AND_SIZE_TO_SPAN_PAGES."""
    try:
        return bytes_to_pages((address & PAGE_OFFSET) + length)
    except TypeError:
        name, argument = ("Va", address) if type(address) is not int else ("Size", length)
        raise _no_number("ADDRESS_AND_SIZE_TO_SPAN_PAGES", name, argument) from None


def _no_number(routine: str, name: str, argument: object) -> TypeError:
    return TypeError(f"{routine}: {name} must be an integer; it was {argument!r}")
