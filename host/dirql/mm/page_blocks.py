# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""MDLs that come with their pages: MmAllocatePagesForMdl, MmAllocatePagesForMdlEx and MmFreePagesFromMdl.

Such an MDL has no virtual address of its own. The driver maps it, gives the pages back with MmFreePagesFromMdl, and
then the MDL with ExFreePool (row MDL-19).
"""

from __future__ import annotations

from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.mm.blocks import owner_text
from dirql.mm.holdings import Holding
from dirql.mm.layout import bytes_to_pages
from dirql.mm.manager import MemoryManager, running
from dirql.mm.mdl import LONGEST, Mdl
from dirql.nt.addresses import unsigned
from dirql.nt.bugcodes import PFN_LIST_CORRUPT
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_PAGES_LOCKED,
    MM_ALLOCATE_FULLY_REQUIRED,
    MM_ALLOCATE_PREFER_CONTIGUOUS,
    MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS,
    MM_DONT_ZERO_ALLOCATION,
    PAGE_SHIFT,
    PAGE_SIZE,
)

__all__ = ["allocate_pages_for_mdl", "allocate_pages_for_mdl_ex", "free_pages_from_mdl"]

_ALLOCATE_PAGES: Final = contract("MmAllocatePagesForMdl")
_ALLOCATE_PAGES_EX: Final = contract("MmAllocatePagesForMdlEx")
_FREE_PAGES: Final = contract("MmFreePagesFromMdl")

_OWNER: Final = "pages of an MDL"
_FREED_TOO_OFTEN: Final = 7
"""Parameter 1 of PFN_LIST_CORRUPT: a page was unlocked or freed more often than it may be."""


def allocate_pages_for_mdl(
    low_address: int, high_address: int, skip_bytes: int, total_bytes: int
) -> Mdl | None:
    """An MDL with cleared pages between two physical addresses; follows MmAllocatePagesForMdl.

    With fewer pages than that it describes those that there are; None without any. When the range is used up, the
    search goes on `skip_bytes` higher.
    """
    _ALLOCATE_PAGES.check_irql(DISPATCH_LEVEL, 0)
    _ALLOCATE_PAGES.check_level(low_address)
    _ALLOCATE_PAGES.check_arguments(low_address, high_address, skip_bytes, total_bytes)
    return _allocate("MmAllocatePagesForMdl", low_address, high_address, skip_bytes, total_bytes, 0)


def allocate_pages_for_mdl_ex(
    low_address: int, high_address: int, skip_bytes: int, total_bytes: int, cache_type: int, flags: int
) -> Mdl | None:
    """Do as `allocate_pages_for_mdl`; follows MmAllocatePagesForMdlEx.

    The flags: MM_DONT_ZERO_ALLOCATION leaves the contents undefined, MM_ALLOCATE_FULLY_REQUIRED gives all pages or
    None, MM_ALLOCATE_PREFER_CONTIGUOUS and MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS give pieces of `skip_bytes` bytes that
    are contiguous.
    """
    _ALLOCATE_PAGES_EX.check_irql(DISPATCH_LEVEL, 0)
    _ALLOCATE_PAGES_EX.check_level(low_address)
    _ALLOCATE_PAGES_EX.check_arguments(low_address, high_address, skip_bytes, total_bytes, cache_type, flags)
    return _allocate("MmAllocatePagesForMdlEx", low_address, high_address, skip_bytes, total_bytes, flags)


def free_pages_from_mdl(mdl: Mdl) -> None:
    """Free the pages of such an MDL; the MDL itself goes with ExFreePool. Follows MmFreePagesFromMdl.

    Another MDL, or one whose pages were freed before, is bug check 0x4E. A mapping that is still there is reported, and
    goes too.
    """
    _FREE_PAGES.check_irql(DISPATCH_LEVEL, 0)
    _FREE_PAGES.check(mdl)
    if mdl.is_free or mdl.lists:
        mdl.refuse_use("MmFreePagesFromMdl")
    manager = running.value
    holding = manager.holdings.entries.get(("pages", mdl))
    if holding is None:
        reason = (
            f"an MDL for MmFreePagesFromMdl must be one of MmAllocatePagesForMdl, whose pages were not freed yet; it"
            f" was {mdl!r}, allocated by {owner_text(mdl.driver, mdl.place)}"
        )
        bug_check(PFN_LIST_CORRUPT, _FREED_TOO_OFTEN, mdl, reason=reason)
    manager.holdings.end_views(mdl, "MmFreePagesFromMdl")
    if mdl.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA:
        report_defect(
            "MDL-19",
            f"an MDL must be unmapped with MmUnmapLockedPages before MmFreePagesFromMdl; {mdl!r} was mapped at"
            f" {mdl.mapped_system_va:#x}: its pages would belong to somebody else",
        )
        mdl.unmap()
    del manager.holdings.entries["pages", mdl]
    manager.frames.free(mdl.frames)
    mdl.frames = []
    mdl.mdl_flags &= ~MDL_PAGES_LOCKED


def _allocate(routine: str, low: int, high: int, skip: int, total: int, flags: int) -> Mdl | None:
    if skip % PAGE_SIZE:
        raise ValueError(
            f"{routine}: SkipBytes must be a multiple of PAGE_SIZE; it was {skip:#x}: pass 0 for one range of addresses"
        )
    if not 0 < total <= LONGEST:
        return None
    manager = running.value
    pages = bytes_to_pages(total)
    chunk = 1
    if flags & MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS:
        chunk = skip // PAGE_SIZE or pages
        if pages % chunk:
            return None
    frames = _find(manager, unsigned(low), unsigned(high), skip, pages, chunk, flags)
    if not frames or (flags & MM_ALLOCATE_FULLY_REQUIRED and len(frames) < pages):
        manager.frames.free(frames)
        return None
    if flags & MM_DONT_ZERO_ALLOCATION:
        for frame in frames:
            manager.poison.fill(frame << PAGE_SHIFT, (frame + 1) << PAGE_SHIFT)
    mdl = Mdl.make(0, len(frames) * PAGE_SIZE, mark())
    assert mdl is not None  # `total` is not too long
    mdl.frames = frames
    mdl.mdl_flags |= MDL_PAGES_LOCKED
    what = f"an MDL with {len(frames)} pages of {routine}"
    manager.holdings.entries["pages", mdl] = Holding(what, "MmFreePagesFromMdl, and then ExFreePool")
    return mdl


def _find(
    manager: MemoryManager, low: int, high: int, skip: int, pages: int, chunk: int, flags: int
) -> list[int]:
    """Up to `pages` frames in ranges of physical addresses, in contiguous pieces of `chunk`."""
    frames = manager.frames
    found: list[int] = []
    step = 0 if flags & MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS else skip
    end = len(frames) << PAGE_SHIFT
    if chunk == 1 and flags & MM_ALLOCATE_PREFER_CONTIGUOUS:
        first = frames.allocate_contiguous(pages, _OWNER, min(high + 1, end), lowest=low)
        if first is not None:
            return list(range(first, first + pages))
    while len(found) < pages and low < end:
        first = frames.allocate_contiguous(chunk, _OWNER, min(high + 1, end), lowest=low)
        if first is not None:
            found.extend(range(first, first + chunk))
        elif step:
            low, high = low + step, high + step
        else:
            break
    return found
