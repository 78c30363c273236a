# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Physically contiguous memory, and memory without a cache, both in whole nonpaged pages (row POL-12).

There is no cache between the processors and the bus, so that a caching type changes nothing. The contents of new memory
are undefined.
"""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.processors.contract import contract
from dirql.mm.allocation import check_mdls
from dirql.mm.holdings import Holding
from dirql.mm.layout import NONPAGED_RANGE, bytes_to_pages
from dirql.mm.manager import running
from dirql.nt.addresses import unsigned
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    POOL_CALLER_CONTIGUOUS_ADDRESS,
    PTE_RELEASE_UNRESERVED,
    PTE_RELEASE_WRONG_SIZE,
    SYSTEM_PTE_MISUSE,
)
from dirql.nt.constants import PAGE_SHIFT, MmCached, MmMaximumCacheType

__all__ = [
    "allocate_contiguous_memory",
    "allocate_contiguous_memory_specify_cache",
    "allocate_non_cached_memory",
    "free_contiguous_memory",
    "free_contiguous_memory_specify_cache",
    "free_non_cached_memory",
]

_ALLOCATE: Final = contract("MmAllocateContiguousMemory")
_ALLOCATE_SPECIFY_CACHE: Final = contract("MmAllocateContiguousMemorySpecifyCache")
_FREE: Final = contract("MmFreeContiguousMemory")
_FREE_SPECIFY_CACHE: Final = contract("MmFreeContiguousMemorySpecifyCache")
_ALLOCATE_NON_CACHED: Final = contract("MmAllocateNonCachedMemory")
_FREE_NON_CACHED: Final = contract("MmFreeNonCachedMemory")

_CONTIGUOUS: Final = "contiguous memory"
_NON_CACHED: Final = "noncached memory"


class _Block(Holding):
    """Some pages at `address`."""

    __slots__ = ("cache_type", "length")

    def __init__(self, kind: str, length: int, cache_type: int, remedy: str) -> None:
        super().__init__(f"{length} bytes of {kind}", remedy)
        self.length: Final = length
        self.cache_type: Final = cache_type


def allocate_contiguous_memory(number_of_bytes: int, highest_acceptable_address: int) -> int | None:
    """The address of memory that is contiguous below a physical address, or None; follows MmAllocateContiguousMemory.

    The memory includes the byte at `highest_acceptable_address` at most, and begins at a page.
    """
    _ALLOCATE.check_level(number_of_bytes)
    _ALLOCATE.check_arguments(number_of_bytes, highest_acceptable_address)
    return _allocate_contiguous(number_of_bytes, 0, highest_acceptable_address, 0, MmCached)


def allocate_contiguous_memory_specify_cache(
    number_of_bytes: int,
    lowest_acceptable_address: int,
    highest_acceptable_address: int,
    boundary_address_multiple: int | None,
    cache_type: int,
) -> int | None:
    """Do as `allocate_contiguous_memory`; follows MmAllocateContiguousMemorySpecifyCache.

    The memory lies between two physical addresses, and crosses no multiple of `boundary_address_multiple` unless that
    is 0. None for an unknown caching type.
    """
    _ALLOCATE_SPECIFY_CACHE.check_level(number_of_bytes)
    _ALLOCATE_SPECIFY_CACHE.check_arguments(
        number_of_bytes,
        lowest_acceptable_address,
        highest_acceptable_address,
        boundary_address_multiple,
        cache_type,
    )
    if not 0 <= cache_type < MmMaximumCacheType:
        return None
    return _allocate_contiguous(
        number_of_bytes,
        lowest_acceptable_address,
        highest_acceptable_address,
        boundary_address_multiple or 0,
        cache_type,
    )


def free_contiguous_memory(base_address: int) -> None:
    """Give contiguous memory back; follows MmFreeContiguousMemory. Another address is bug check 0xC2/0x60."""
    _FREE.check_level(base_address)
    _FREE.check_arguments(base_address)
    _free(base_address, _contiguous(base_address, "MmFreeContiguousMemory"))


def free_contiguous_memory_specify_cache(base_address: int, number_of_bytes: int, cache_type: int) -> None:
    """Give contiguous memory back with its length and caching type; follows MmFreeContiguousMemorySpecifyCache.

    NT lets a wrong length or type pass, which are reported here.
    """
    _FREE_SPECIFY_CACHE.check_level(base_address)
    _FREE_SPECIFY_CACHE.check_arguments(base_address, number_of_bytes, cache_type)
    block = _contiguous(base_address, "MmFreeContiguousMemorySpecifyCache")
    if (number_of_bytes, cache_type) != (block.length, block.cache_type):
        report_defect(
            "POL-12",
            "MmFreeContiguousMemorySpecifyCache must be called with the length and the caching type of the allocation,"
            f" {block.length} and {block.cache_type}; they were {number_of_bytes} and {cache_type}",
        )
    _free(base_address, block)


def allocate_non_cached_memory(number_of_bytes: int) -> int | None:
    """The address of memory without a cache in whole pages, or None; follows MmAllocateNonCachedMemory."""
    _ALLOCATE_NON_CACHED.check_level(number_of_bytes)
    _ALLOCATE_NON_CACHED.check_arguments(number_of_bytes)
    pages = bytes_to_pages(number_of_bytes)
    frames = running.value.frames.allocate(pages, _NON_CACHED) if pages else None
    if frames is None:
        return None
    return _map(_NON_CACHED, frames, number_of_bytes, 0, "MmFreeNonCachedMemory")


def free_non_cached_memory(base_address: int, number_of_bytes: int) -> None:
    """Give such memory back with its length; follows MmFreeNonCachedMemory.

    Another address, or another number of pages, is bug check 0xDA.
    """
    _FREE_NON_CACHED.check_level(base_address)
    _FREE_NON_CACHED.check_arguments(base_address, number_of_bytes)
    block = running.value.holdings.entries.get((_NON_CACHED, base_address))
    pages = bytes_to_pages(number_of_bytes)
    if not isinstance(block, _Block):
        reason = (
            f"BaseAddress of MmFreeNonCachedMemory must come from MmAllocateNonCachedMemory, and must not be freed yet;"
            f" it was {base_address:#x}"
        )
        bug_check(SYSTEM_PTE_MISUSE, PTE_RELEASE_UNRESERVED, base_address, pages, reason=reason)
    if pages != bytes_to_pages(block.length):
        reason = (
            f"MmFreeNonCachedMemory must be called with the length of the allocation, {block.length} bytes; it was"
            f" {number_of_bytes}"
        )
        expected = bytes_to_pages(block.length)
        bug_check(SYSTEM_PTE_MISUSE, PTE_RELEASE_WRONG_SIZE, base_address, pages, expected, reason=reason)
    _free(base_address, block)


def _allocate_contiguous(length: int, low: int, high: int, boundary: int, cache_type: int) -> int | None:
    frames = running.value.frames
    pages = bytes_to_pages(length)
    if not 0 < pages <= len(frames):
        return None
    first = frames.allocate_contiguous(
        pages, _CONTIGUOUS, unsigned(high) + 1, lowest=unsigned(low), boundary=unsigned(boundary)
    )
    if first is None:
        return None
    found = list(range(first, first + pages))
    return _map(_CONTIGUOUS, found, length, cache_type, "MmFreeContiguousMemory")


def _map(kind: str, frames: list[int], length: int, cache_type: int, remedy: str) -> int | None:
    """Map frames as nonpaged memory with undefined contents, and note who holds it."""
    manager = running.value
    address = manager.system.map(NONPAGED_RANGE, frames)
    if address is None:
        manager.frames.free(frames)
        return None
    for frame in frames:
        manager.poison.fill(frame << PAGE_SHIFT, (frame + 1) << PAGE_SHIFT)
    manager.holdings.entries[kind, address] = _Block(kind, length, cache_type, remedy)
    return address


def _contiguous(address: int, routine: str) -> _Block:
    block = running.value.holdings.entries.get((_CONTIGUOUS, address))
    if not isinstance(block, _Block):
        _refuse_contiguous(address, routine)
    return block


def _refuse_contiguous(address: int, routine: str) -> NoReturn:
    reason = (
        f"BaseAddress of {routine} must come from MmAllocateContiguousMemory, and must not be freed yet; it was"
        f" {address:#x}"
    )
    bug_check(BAD_POOL_CALLER, POOL_CALLER_CONTIGUOUS_ADDRESS, address, reason=reason)


def _free(address: int, block: _Block) -> None:
    manager = running.value
    kind = _CONTIGUOUS if (_CONTIGUOUS, address) in manager.holdings.entries else _NON_CACHED
    if manager.used_mdls:
        check_mdls(manager, kind, address, block.length, block.remedy)
    del manager.holdings.entries[kind, address]
    manager.frames.free(manager.system.unmap(address, bytes_to_pages(block.length)))
