# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lookaside lists: blocks of one size that are kept for the next use when they are freed.

A block that is kept has the address of the next one in its first bytes, as on NT. With the verifier's pool tracking or
special pool nothing is kept, so that each use of a freed block is found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.guard import verifies
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.origin import origin
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.processors.irql import current_irql
from dirql.mm.allocation import allocate_pool_with_tag, free_pool
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    DRIVER_CORRUPTED_EXPOOL,
    POOL_CALLER_DOUBLE_FREE,
    VERIFIER_POOL_TRACKING,
    VERIFIER_SPECIAL_POOL,
)
from dirql.nt.constants import (
    EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE,
    EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL,
    POOL_QUOTA_FAIL_INSTEAD_OF_RAISE,
    POOL_RAISE_IF_ALLOCATION_FAILURE,
    NonPagedPool,
    NonPagedPoolNx,
    PagedPool,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_5,
    STATUS_SUCCESS,
)
from dirql.rtl.memory import read, write

__all__ = ["LookasideListEx", "NPagedLookasideList", "PagedLookasideList"]

Allocate: TypeAlias = Callable[[int, int, int], int | None]
Free: TypeAlias = Callable[[int], object]

_INITIALIZE_NPAGED: Final = contract("ExInitializeNPagedLookasideList")
_ALLOCATE_NPAGED: Final = contract("ExAllocateFromNPagedLookasideList")
_FREE_NPAGED: Final = contract("ExFreeToNPagedLookasideList")
_DELETE_NPAGED: Final = contract("ExDeleteNPagedLookasideList")
_INITIALIZE_PAGED: Final = contract("ExInitializePagedLookasideList")
_ALLOCATE_PAGED: Final = contract("ExAllocateFromPagedLookasideList")
_FREE_PAGED: Final = contract("ExFreeToPagedLookasideList")
_DELETE_PAGED: Final = contract("ExDeletePagedLookasideList")
_INITIALIZE_EX: Final = contract("ExInitializeLookasideListEx")
_ALLOCATE_EX: Final = contract("ExAllocateFromLookasideListEx")
_FREE_EX: Final = contract("ExFreeToLookasideListEx")
_FLUSH_EX: Final = contract("ExFlushLookasideListEx")
_DELETE_EX: Final = contract("ExDeleteLookasideListEx")

_DEPTH: Final = 4
"""The number of blocks that are kept; NT begins with it, and adapts it."""
_LINK: Final = 8
_READ: Final = 0
_LEAST_SIZE: Final = 16
"""The size of an SLIST_ENTRY, for which each block must have room."""
_POOLS: Final = (NonPagedPool, PagedPool, NonPagedPoolNx)


class _Lookaside:
    """The common part of all lookaside lists."""

    __slots__ = ("_kept", "_out", "depth", "size", "tag", "total_allocates", "total_frees", "type")

    def __init__(self) -> None:
        """Make a list that has to be initialized before its use."""
        self.type = self.size = self.tag = self.depth = 0
        self.total_allocates = self.total_frees = 0
        self._kept: list[int] = []
        self._out: set[int] | None = None
        """The blocks that the driver has; None before the list is initialized and after it is deleted."""

    def __repr__(self) -> str:
        if self._out is None:
            return f"<{type(self).__name__} {id(self):#x}, not initialized>"
        out, kept = len(self._out), len(self._kept)
        return f"<{type(self).__name__} {id(self):#x} of {self.size} bytes, {out} in use, {kept} kept>"

    def _begin(self, kept: KeptContract, pool_type: int, size: int, tag: int) -> None:
        self.type, self.size, self.tag, self.depth = pool_type, size, tag, _DEPTH
        self.total_allocates = self.total_frees = 0
        self._kept.clear()
        self._out = set()
        if size < _LEAST_SIZE:
            report_defect(
                "LKS-01",
                f"{kept.stated.routine}: Size must be at least {_LEAST_SIZE}, the size of an SLIST_ENTRY, which a kept"
                f" block holds; it was {size}: give the larger of both",
            )

    def _blocks(self, kept: KeptContract) -> set[int]:
        """The blocks that the driver has; bug check if the list was not initialized."""
        if self._out is None:
            refuse_blank(self, kept.stated.routine, "the routine that initializes the list")
        return self._out

    def _take(self, kept: KeptContract) -> int | None:
        """A block that was kept, or else a new one."""
        blocks = self._blocks(kept)
        self.total_allocates += 1
        block = self._kept[-1] if self._kept else None
        if block is not None:
            self._check_link(block)
            self._kept.pop()
        else:
            block = self._new()
        if block is not None:
            blocks.add(block)
        return block

    def _give(self, kept: KeptContract, block: int) -> None:
        """Keep a block, or free it if enough are kept."""
        blocks = self._blocks(kept)
        self.total_frees += 1
        if block in self._kept:
            reason = f"a block must be freed once; {block:#x} was freed to {self!r} before"
            bug_check(BAD_POOL_CALLER, POOL_CALLER_DOUBLE_FREE, 0, self.tag, block, reason=reason)
        if block not in blocks:
            report_defect(
                "LKS-02",
                f"{kept.stated.routine}: Entry must be a block that came from this list; {block:#x} did not come from"
                f" {self!r}: free it to the list, or with the routine, from which it came",
            )
        blocks.discard(block)
        if len(self._kept) < self.depth and not self._keeps_nothing():
            write(block, self._link().to_bytes(_LINK, "little"))
            self._kept.append(block)
        else:
            self._drop(block)

    def _end(self, kept: KeptContract) -> None:
        """Free the blocks that are kept, and forget the list."""
        blocks = self._blocks(kept)
        if blocks:
            report_defect(
                "LKS-03",
                f"{kept.stated.routine} must be called when all blocks of the list were freed to it; {len(blocks)} were"
                f" not, of {self!r}: free them first",
            )
        self._flush()
        self._out = None

    def _flush(self) -> None:
        while self._kept:
            self._check_link(self._kept[-1])
            self._drop(self._kept.pop())

    def _link(self) -> int:
        """The link of the first block, or of one to come: the address of the block behind it."""
        return self._kept[-1] if self._kept else 0

    def _check_link(self, block: int) -> None:
        """Bug check if the driver has written to the first block since it was freed."""
        expected = self._kept[-2] if len(self._kept) > 1 else 0
        found = int.from_bytes(read(block, _LINK), "little")
        if found != expected:
            reason = (
                f"a block must not be written to after it was freed; {block:#x} of {self!r} had {found:#x} in its first"
                f" bytes, where {expected:#x} leads to the next block"
            )
            bug_check(DRIVER_CORRUPTED_EXPOOL, found, current_irql(), _READ, origin() or 0, reason=reason)

    def _keeps_nothing(self) -> bool:
        """Whether each block goes back to the pool, where Driver Verifier watches it."""
        return verifies(VERIFIER_POOL_TRACKING) or verifies(VERIFIER_SPECIAL_POOL)

    def _new(self) -> int | None:
        raise NotImplementedError

    def _drop(self, block: int) -> None:
        raise NotImplementedError


class _GeneralLookaside(_Lookaside):
    """A list with the allocation routines of the first kind."""

    __slots__ = ("allocate_routine", "free_routine")

    def __init__(self) -> None:
        """Make a list that has to be initialized before its use."""
        super().__init__()
        self.allocate_routine: Allocate | None = None
        self.free_routine: Free | None = None

    def _new(self) -> int | None:
        if self.allocate_routine is not None:
            return self.allocate_routine(self.type, self.size, self.tag)
        return allocate_pool_with_tag(self.type, self.size, self.tag)

    def _drop(self, block: int) -> None:
        if self.free_routine is not None:
            self.free_routine(block)
        else:
            free_pool(block)


@mypyc_attr(allow_interpreted_subclasses=True)
class NPagedLookasideList(_GeneralLookaside):
    """A lookaside list of nonpaged pool (NPAGED_LOOKASIDE_LIST)."""

    __slots__ = ()

    def initialize(
        self, allocate: Allocate | None, free: Free | None, flags: int, size: int, tag: int, depth: int
    ) -> None:
        """Make an empty list; follows ExInitializeNPagedLookasideList (row LKS-01).

        `depth` is reserved. POOL_RAISE_IF_ALLOCATION_FAILURE in `flags` lets an allocation raise a status.
        """
        _INITIALIZE_NPAGED.check(self)
        _INITIALIZE_NPAGED.check_arguments(self, allocate, free, flags, size, tag, depth)
        self.allocate_routine, self.free_routine = allocate, free
        self._begin(_INITIALIZE_NPAGED, NonPagedPool | flags, size, tag)

    def allocate(self) -> int | None:
        """The address of a block, or None; follows ExAllocateFromNPagedLookasideList (row LKS-01)."""
        _ALLOCATE_NPAGED.check_arguments(self)
        return self._take(_ALLOCATE_NPAGED)

    def free(self, entry: int) -> None:
        """Give a block back; follows ExFreeToNPagedLookasideList (rows LKS-01, LKS-02)."""
        _FREE_NPAGED.check_arguments(self, entry)
        self._give(_FREE_NPAGED, entry)

    def delete(self) -> None:
        """Free the blocks that are kept; follows ExDeleteNPagedLookasideList (row LKS-03)."""
        _DELETE_NPAGED.check(self)
        self._end(_DELETE_NPAGED)


@mypyc_attr(allow_interpreted_subclasses=True)
class PagedLookasideList(_GeneralLookaside):
    """A lookaside list of paged pool (PAGED_LOOKASIDE_LIST)."""

    __slots__ = ()

    def initialize(
        self, allocate: Allocate | None, free: Free | None, flags: int, size: int, tag: int, depth: int
    ) -> None:
        """Make an empty list; follows ExInitializePagedLookasideList (row LKS-01)."""
        _INITIALIZE_PAGED.check(self)
        _INITIALIZE_PAGED.check_arguments(self, allocate, free, flags, size, tag, depth)
        self.allocate_routine, self.free_routine = allocate, free
        self._begin(_INITIALIZE_PAGED, PagedPool | flags, size, tag)

    def allocate(self) -> int | None:
        """The address of a block, or None; follows ExAllocateFromPagedLookasideList (row LKS-01)."""
        _ALLOCATE_PAGED.check_arguments(self)
        return self._take(_ALLOCATE_PAGED)

    def free(self, entry: int) -> None:
        """Give a block back; follows ExFreeToPagedLookasideList (rows LKS-01, LKS-02)."""
        _FREE_PAGED.check_arguments(self, entry)
        self._give(_FREE_PAGED, entry)

    def delete(self) -> None:
        """Free the blocks that are kept; follows ExDeletePagedLookasideList (row LKS-03)."""
        _DELETE_PAGED.check(self)
        self._end(_DELETE_PAGED)


@mypyc_attr(allow_interpreted_subclasses=True)
class LookasideListEx(_Lookaside):
    """A lookaside list of either pool, whose own routines get the list too (LOOKASIDE_LIST_EX)."""

    __slots__ = ("allocate_routine", "free_routine", "raises")

    def __init__(self) -> None:
        """Make a list that has to be initialized before its use."""
        super().__init__()
        self.allocate_routine: Callable[[int, int, int, LookasideListEx], int | None] | None = None
        self.free_routine: Callable[[int, LookasideListEx], object] | None = None
        self.raises = False

    def initialize(
        self,
        allocate: Callable[[int, int, int, LookasideListEx], int | None] | None,
        free: Callable[[int, LookasideListEx], object] | None,
        pool_type: int,
        flags: int,
        size: int,
        tag: int,
        depth: int,
    ) -> int:
        """Make an empty list; follows ExInitializeLookasideListEx (row LKS-01).

        Returns STATUS_INVALID_PARAMETER_4 for a pool type that is none, STATUS_INVALID_PARAMETER_5 for unknown flags or
        for both flags at once.
        """
        _INITIALIZE_EX.check(self)
        _INITIALIZE_EX.check_arguments(self, allocate, free, pool_type, flags, size, tag, depth)
        known = EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE
        if pool_type not in _POOLS:
            return STATUS_INVALID_PARAMETER_4
        if flags & ~known or flags == known:
            return STATUS_INVALID_PARAMETER_5
        self.raises = bool(flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL)
        if flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL:
            pool_type |= POOL_RAISE_IF_ALLOCATION_FAILURE
        elif flags:
            pool_type |= POOL_QUOTA_FAIL_INSTEAD_OF_RAISE
        self.allocate_routine, self.free_routine = allocate, free
        self._begin(_INITIALIZE_EX, pool_type, size, tag)
        return STATUS_SUCCESS

    def allocate(self) -> int | None:
        """The address of a block, or None; follows ExAllocateFromLookasideListEx (row LKS-01)."""
        _ALLOCATE_EX.check_arguments(self)
        return self._take(_ALLOCATE_EX)

    def free(self, entry: int) -> None:
        """Give a block back; follows ExFreeToLookasideListEx (rows LKS-01, LKS-02)."""
        _FREE_EX.check_arguments(self, entry)
        self._give(_FREE_EX, entry)

    def flush(self) -> None:
        """Free the blocks that are kept; follows ExFlushLookasideListEx."""
        _FLUSH_EX.check(self)
        self._blocks(_FLUSH_EX)
        self._flush()

    def delete(self) -> None:
        """Free the blocks that are kept, and forget the list; follows ExDeleteLookasideListEx (row LKS-03)."""
        _DELETE_EX.check(self)
        self._end(_DELETE_EX)

    def _new(self) -> int | None:
        if self.allocate_routine is None:
            return allocate_pool_with_tag(self.type & ~POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, self.size, self.tag)
        block = self.allocate_routine(self.type, self.size, self.tag, self)
        if block is None and self.raises:
            raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
        return block

    def _drop(self, block: int) -> None:
        if self.free_routine is not None:
            self.free_routine(block, self)
        else:
            free_pool(block)
