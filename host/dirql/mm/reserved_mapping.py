# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Ranges of system addresses that a driver reserves, so that a later mapping of an MDL cannot fail (row MDL-20).

A wrong tag or address is bug check 0xDA.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.origin import origin
from dirql.ke.processors.contract import contract
from dirql.mm.holdings import ReservedRange
from dirql.mm.layout import PAGE_OFFSET, RESERVED_RANGE, bytes_to_pages
from dirql.mm.manager import running
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    PTE_FREE_EMPTY,
    PTE_FREE_MAPPED,
    PTE_FREE_NOT_OWNED,
    PTE_MAP_INVALID,
    PTE_MAP_MAPPED,
    PTE_MAP_NOT_OWNED,
    PTE_RESERVE_NOTHING,
    PTE_UNMAP_EMPTY,
    PTE_UNMAP_NOT_MAPPED,
    PTE_UNMAP_NOT_OWNED,
    SYSTEM_PTE_MISUSE,
    VF_MDL_MAP_BAD_FLAGS,
)
from dirql.nt.constants import (
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_SOURCE_IS_NONPAGED_POOL,
    PAGE_SIZE,
    MmMaximumCacheType,
)

__all__ = [
    "allocate_mapping_address",
    "free_mapping_address",
    "map_locked_pages_with_reserved_mapping",
    "unmap_reserved_mapping",
]

_ALLOCATE: Final = contract("MmAllocateMappingAddress")
_FREE: Final = contract("MmFreeMappingAddress")
_MAP: Final = contract("MmMapLockedPagesWithReservedMapping")
_UNMAP: Final = contract("MmUnmapReservedMapping")


def allocate_mapping_address(number_of_bytes: int, pool_tag: int) -> int | None:
    """The first address of a range to which MDLs can be mapped, or None; follows MmAllocateMappingAddress.

    The range has room for an MDL of that many bytes whose offset in a page is 0. A tag of 0 gets None, and 0 bytes are
    bug check 0xDA/0x100.
    """
    _ALLOCATE.check_level(number_of_bytes)
    _ALLOCATE.check_arguments(number_of_bytes, pool_tag)
    pages = bytes_to_pages(number_of_bytes)
    if not pages:
        reason = "MmAllocateMappingAddress must be asked for one or more bytes; it was asked for 0"
        bug_check(SYSTEM_PTE_MISUSE, PTE_RESERVE_NOTHING, 0, pool_tag, origin() or 0, reason=reason)
    if not pool_tag:
        return None
    reserved = running.value.holdings.reserved
    base = RESERVED_RANGE.base
    for address, holding in sorted(reserved.items(), key=itemgetter(0)):
        if base + pages * PAGE_SIZE >= address:
            base = address + (holding.pages + 1) * PAGE_SIZE
    if base + pages * PAGE_SIZE > RESERVED_RANGE.base + RESERVED_RANGE.size:
        return None
    reserved[base] = ReservedRange(pages, pool_tag)
    return base


def free_mapping_address(base_address: int, pool_tag: int) -> None:
    """Give a range back, to which no MDL is mapped; follows MmFreeMappingAddress."""
    _FREE.check_level(base_address)
    _FREE.check_arguments(base_address, pool_tag)
    routine = "MmFreeMappingAddress"
    found = _range(routine, base_address, pool_tag, PTE_FREE_EMPTY, PTE_FREE_NOT_OWNED)
    if found.mdl is not None:
        reason = f"a range for {routine} must be unmapped by MmUnmapReservedMapping; {found.mdl!r} was mapped to it"
        bug_check(SYSTEM_PTE_MISUSE, PTE_FREE_MAPPED, base_address, pool_tag, found.pages, reason=reason)
    del running.value.holdings.reserved[base_address]


def map_locked_pages_with_reserved_mapping(
    mapping_address: int, pool_tag: int, mdl: Mdl, cache_type: int
) -> int | None:
    """Map the pages of an MDL to a reserved range; follows MmMapLockedPagesWithReservedMapping.

    Returns the address of the buffer, or None for more pages than the range has, or an unknown caching type.
    """
    _MAP.check_with(mapping_address, mdl)
    _MAP.check_arguments(mapping_address, pool_tag, mdl, cache_type)
    routine = "MmMapLockedPagesWithReservedMapping"
    found = _range(routine, mapping_address, pool_tag, PTE_MAP_INVALID, PTE_MAP_NOT_OWNED)
    mdl.check_frames(routine)
    if found.mdl is not None:
        last = mapping_address + (found.pages - 1) * PAGE_SIZE
        reason = f"a range for {routine} must be unmapped by MmUnmapReservedMapping; {found.mdl!r} was mapped to it"
        bug_check(SYSTEM_PTE_MISUSE, PTE_MAP_MAPPED, mapping_address, mapping_address, last, reason=reason)
    flags = mdl.mdl_flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)
    if flags:
        reason = (
            f"an MDL for {routine} must have no system address yet; {mdl!r} has {mdl.mapped_system_va:#x}"
        )
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            VF_MDL_MAP_BAD_FLAGS,
            mdl,
            mdl.mdl_flags,
            flags,
            reason=reason,
        )
    if len(mdl.frames) > found.pages or not 0 <= cache_type < MmMaximumCacheType:
        return None
    running.value.system.map_at(mapping_address, mdl.frames)
    found.mdl = mdl
    mdl.note_mapping(mapping_address)
    return mdl.mapped_system_va


def unmap_reserved_mapping(base_address: int, pool_tag: int, mdl: Mdl) -> None:
    """Undo that mapping; the range stays reserved. Follows MmUnmapReservedMapping."""
    _UNMAP.check_with(base_address, mdl)
    _UNMAP.check_arguments(base_address, pool_tag, mdl)
    routine = "MmUnmapReservedMapping"
    found = _range(routine, base_address & ~PAGE_OFFSET, pool_tag, PTE_UNMAP_EMPTY, PTE_UNMAP_NOT_OWNED)
    if mdl.is_free:
        mdl.refuse_use(routine)
    if found.mdl is not mdl:
        reason = f"{routine} must be called with the MDL that is mapped to the range, {found.mdl!r}; it was {mdl!r}"
        pages = len(mdl.frames)
        bug_check(SYSTEM_PTE_MISUSE, PTE_UNMAP_NOT_MAPPED, base_address, pool_tag, pages, reason=reason)
    found.mdl = None
    mdl.unmap()


def _range(routine: str, address: int, tag: int, unknown: int, not_owned: int) -> ReservedRange:
    """The range that begins at an address; bug check 0xDA/`unknown` without one, 0xDA/`not_owned` for another tag."""
    found = running.value.holdings.reserved.get(address)
    if found is None:
        reason = f"{routine} must be given the address of MmAllocateMappingAddress; it was {address:#x}"
        bug_check(SYSTEM_PTE_MISUSE, unknown, address, tag, reason=reason)
    if found.tag != tag:
        reason = (
            f"{routine} must be given the tag of MmAllocateMappingAddress, {found.tag:#x}; it was {tag:#x}"
        )
        bug_check(SYSTEM_PTE_MISUSE, not_owned, address, tag, found.tag, reason=reason)
    return found
