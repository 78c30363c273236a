# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pool routines that drivers call.

Nonpaged pool may be allocated and freed at DISPATCH_LEVEL or below, paged pool at APC_LEVEL or below. A higher IRQL is
bug check 0xC2, or 0xC4 with the verifier's pool tracking. A tag is an integer that holds four characters in memory
order: `pool_tag("Stor")`.
"""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.guard import verifies
from dirql.ke.origin import Mark, mark, origin
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import current_irql, irql_name
from dirql.mm.blocks import owner_text
from dirql.mm.layout import SYSTEM_RANGE_START
from dirql.mm.manager import MemoryManager, running
from dirql.mm.mdl import Mdl
from dirql.mm.pool import Pool
from dirql.mm.special_pool import ALIGNMENT, refuse_address, refuse_irql
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    DRIVER_VERIFIER_DMA_VIOLATION,
    POOL_CALLER_ALLOCATE_IRQL,
    POOL_CALLER_FREE_IRQL,
    POOL_CALLER_INVALID_ADDRESS,
    POOL_CALLER_USER_ADDRESS,
    POOL_CALLER_ZERO_TAG,
    VERIFIER_POOL_TRACKING,
    VERIFIER_SPECIAL_POOL,
    VF_DMA_NOT_LOCKED,
    VF_POOL_ALLOCATE_NONPAGED_IRQL,
    VF_POOL_ALLOCATE_PAGED_IRQL,
    VF_POOL_FREE_BAD_ADDRESS,
    VF_POOL_FREE_NONPAGED_IRQL,
    VF_POOL_FREE_PAGED_IRQL,
    VF_POOL_ZERO_BYTES,
)
from dirql.nt.constants import (
    PAGE_SHIFT,
    PAGE_SIZE,
    POOL_FLAG_CACHE_ALIGNED,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_NON_PAGED_EXECUTE,
    POOL_FLAG_PAGED,
    POOL_FLAG_RAISE_ON_FAILURE,
    POOL_FLAG_SESSION,
    POOL_FLAG_UNINITIALIZED,
    POOL_FLAG_USE_QUOTA,
    POOL_RAISE_IF_ALLOCATION_FAILURE,
    NonPagedPoolCacheAligned,
    PagedPool,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER

__all__ = [
    "allocate_pool2",
    "allocate_pool_with_tag",
    "check_mdls",
    "free_pool",
    "free_pool_with_tag",
    "pool_tag",
    "query_pool_block_size",
]

_ALLOCATE_POOL2: Final = contract("ExAllocatePool2")
_ALLOCATE_POOL_WITH_TAG: Final = contract("ExAllocatePoolWithTag")
_FREE_POOL_WITH_TAG: Final = contract("ExFreePoolWithTag")
_POOL_TAG: Final = contract("POOL_TAG")
_FREE_POOL: Final = contract("ExFreePool")
_QUERY_POOL_BLOCK_SIZE: Final = contract("ExQueryPoolBlockSize")

_HIGHEST_TAG: Final = 0xFFFF_FFFF
_REQUIRED_FLAGS: Final = 0xFFFF_FFFF
"""The flags of which each one must be known; the flags above them are optional and are ignored."""
_KINDS: Final = POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED
_KNOWN_FLAGS: Final = (
    _KINDS
    | POOL_FLAG_USE_QUOTA
    | POOL_FLAG_UNINITIALIZED
    | POOL_FLAG_SESSION
    | POOL_FLAG_CACHE_ALIGNED
    | POOL_FLAG_RAISE_ON_FAILURE
)


def pool_tag(text: str) -> int:
    """The pool tag of one to four ASCII characters; raises `ValueError` for any other text."""
    _POOL_TAG.check_arguments(text)
    if not 1 <= len(text) <= 4 or not text.isascii():
        raise ValueError(f"POOL_TAG: a pool tag must be one to four ASCII characters; it was {text!r}")
    return int.from_bytes(text.encode("ascii"), "little")


def allocate_pool2(flags: int, size: int, tag: int) -> int | None:
    """The address of `size` cleared bytes, or None; follows ExAllocatePool2.

    The result is None without memory, with tag 0, and with flags that name no pool or are unknown. With
    POOL_FLAG_RAISE_ON_FAILURE the status is raised instead. With POOL_FLAG_UNINITIALIZED the bytes are not cleared.
    """
    _ALLOCATE_POOL2.check_level(flags)
    if (
        type(flags) is not int
        or type(size) is not int
        or type(tag) is not int
        or not 0 <= tag <= _HIGHEST_TAG
    ):
        _ALLOCATE_POOL2.check_arguments(flags, size, tag)
    kind = flags & _KINDS
    pageable = kind == POOL_FLAG_PAGED
    unknown = flags & _REQUIRED_FLAGS & ~_KNOWN_FLAGS
    if tag == 0 or unknown or kind not in (POOL_FLAG_NON_PAGED, POOL_FLAG_NON_PAGED_EXECUTE, POOL_FLAG_PAGED):
        address, status = None, STATUS_INVALID_PARAMETER
    else:
        aligned = bool(flags & POOL_FLAG_CACHE_ALIGNED)
        cleared = not flags & POOL_FLAG_UNINITIALIZED
        address = _allocate(
            flags, size, tag, mark(), pageable=pageable, cache_aligned=aligned, cleared=cleared
        )
        status = STATUS_INSUFFICIENT_RESOURCES
    if address is None:
        if flags & POOL_FLAG_RAISE_ON_FAILURE:
            raise StatusException(status)
        return None
    return address


def allocate_pool_with_tag(pool_type: int, size: int, tag: int) -> int | None:
    """The address of `size` bytes with unknown contents, or None; follows ExAllocatePoolWithTag.

    POOL_RAISE_IF_ALLOCATION_FAILURE raises STATUS_INSUFFICIENT_RESOURCES instead. Tag 0 is bug check 0xC2.
    """
    _ALLOCATE_POOL_WITH_TAG.check_level(pool_type)
    if (
        type(pool_type) is not int
        or type(size) is not int
        or type(tag) is not int
        or not 0 <= tag <= _HIGHEST_TAG
    ):
        _ALLOCATE_POOL_WITH_TAG.check_arguments(pool_type, size, tag)
    if tag == 0:
        bug_check(
            BAD_POOL_CALLER,
            POOL_CALLER_ZERO_TAG,
            pool_type,
            size,
            origin(),
            reason="a pool tag must not be 0; it was 0: give one, such as POOL_TAG('Drvr')",
        )
    pageable = bool(pool_type & PagedPool)
    aligned = bool(pool_type & NonPagedPoolCacheAligned)
    address = _allocate(pool_type, size, tag, mark(), pageable=pageable, cache_aligned=aligned, cleared=False)
    if address is None and pool_type & POOL_RAISE_IF_ALLOCATION_FAILURE:
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
    return address


def free_pool(address: int | Mdl) -> None:
    """Free a block without a check of its tag; follows ExFreePool.

    An MDL of MmAllocatePagesForMdl is freed by it too, after MmFreePagesFromMdl.
    """
    if isinstance(address, Mdl) and address.is_paged_apart:
        address.release(mark())
        return
    if not isinstance(address, int):
        _FREE_POOL.refuse_argument("P", "an address, or an MDL of MmAllocatePagesForMdl", address)
    free_pool_with_tag(address, 0)


def free_pool_with_tag(address: int | Mdl, tag: int) -> None:
    """Free a block that was allocated with `tag`; `tag` 0 frees a block with any tag. Follows ExFreePoolWithTag.

    An MDL of MmAllocatePagesForMdl is freed with the tag 0, after MmFreePagesFromMdl.
    Another tag, a second free and an address that is no block are bug check 0xC2, bytes that were written outside of
    the block 0x19; with the verifier's pool tracking all are 0xC4.
    """
    _FREE_POOL_WITH_TAG.check_level(address)
    if isinstance(address, Mdl) and address.is_paged_apart and tag == 0:
        address.release(mark())
        return
    if type(address) is not int or type(tag) is not int or not 0 <= tag <= _HIGHEST_TAG:
        _FREE_POOL_WITH_TAG.check_arguments(address, tag)
        assert isinstance(address, int)
    manager = running.value
    pool = manager.nonpaged_pool
    block = pool.blocks.get(address)
    if block is None:
        pool = manager.paged_pool
        block = pool.blocks.get(address)
        if block is None:
            _no_block(manager, address)
    if current_irql() > pool.highest_irql:
        subcode = VF_POOL_FREE_PAGED_IRQL if pool.pageable else VF_POOL_FREE_NONPAGED_IRQL
        what, kind = f"block {address:#x}", int(pool.pageable)
        _refuse_irql(pool, what, POOL_CALLER_FREE_IRQL, subcode, kind, address)
    if manager.used_mdls:
        check_mdls(manager, "pool", block.address, block.size, "ExFreePoolWithTag")
    pool.free(block, tag, mark() if pool.checked else None)


def query_pool_block_size(pool_block: int) -> tuple[int, bool]:
    """The bytes that a block has room for, and whether a process is charged for it; follows ExQueryPoolBlockSize.

    A block at the beginning of a page has PAGE_SIZE, as on NT, however long it is.
    """
    _QUERY_POOL_BLOCK_SIZE.check_level(pool_block)
    _QUERY_POOL_BLOCK_SIZE.check_arguments(pool_block)
    manager = running.value
    block = manager.nonpaged_pool.blocks.get(pool_block) or manager.paged_pool.blocks.get(pool_block)
    if block is None:
        _QUERY_POOL_BLOCK_SIZE.refuse_argument(
            "PoolBlock", "the address of a block that is allocated", pool_block
        )
    if pool_block % PAGE_SIZE == 0:
        return PAGE_SIZE, False
    return -(-block.size // ALIGNMENT) * ALIGNMENT, False


def check_mdls(manager: MemoryManager, kind: str, address: int, size: int, routine: str) -> None:
    """Bug check 0xE6/0xE, or a defect, for memory that `routine` frees while an MDL in use describes a part of it."""
    end = address + size
    for mdl in manager.used_mdls:
        start = mdl.start_va + mdl.byte_offset
        if start >= end or start + mdl.byte_count <= address:
            continue
        what = f"{kind} must not be freed while {'a device may use it' if mdl.lists else 'an MDL locks it'}"
        made = f"the MDL was allocated by {owner_text(mdl.driver, mdl.place)}"
        if mdl.lists:
            step = f"call PutScatterGatherList, or FlushAdapterBuffers, before {routine}"
            reason = f"{what}; {mdl!r} describes block {address:#x}: {step}; {made}"
            bug_check(DRIVER_VERIFIER_DMA_VIOLATION, VF_DMA_NOT_LOCKED, mdl, reason=reason)
        step = f"call MmUnlockPages before {routine}"
        report_defect("MDL-15", f"{what}; {mdl!r} locks block {address:#x}: {step}; {made}")
        return


def _allocate(
    kind: int, size: int, tag: int, place: Mark | None, *, pageable: bool, cache_aligned: bool, cleared: bool
) -> int | None:
    manager = running.value
    pool = manager.paged_pool if pageable else manager.nonpaged_pool
    irql = current_irql()
    if irql > pool.highest_irql:
        subcode = VF_POOL_ALLOCATE_PAGED_IRQL if pageable else VF_POOL_ALLOCATE_NONPAGED_IRQL
        _refuse_irql(pool, f"{size} bytes", POOL_CALLER_ALLOCATE_IRQL, subcode, kind, size)
    if size == 0 and verifies(VERIFIER_POOL_TRACKING):
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            VF_POOL_ZERO_BYTES,
            irql,
            kind,
            reason="a pool block must have at least one byte; its size was 0",
        )
    if not 0 <= size <= len(manager.ram):
        return None
    return pool.allocate(size, tag, cache_aligned=cache_aligned, cleared=cleared, place=place)


def _refuse_irql(
    pool: Pool, what: str, subcode: int, verifier_subcode: int, kind: int, parameter: int
) -> NoReturn:
    """Bug check 0xC2 (0xC4 with pool tracking) for an IRQL at which this kind of pool cannot be used."""
    irql = current_irql()
    reason = (
        f"{pool.name} must be allocated and freed at {irql_name(pool.highest_irql)} or below; the IRQL was "
        f"{irql_name(irql)} for {what}"
    )
    if verifies(VERIFIER_POOL_TRACKING):
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, verifier_subcode, irql, kind, parameter, reason=reason)
    if verifies(VERIFIER_SPECIAL_POOL):
        frees = subcode == POOL_CALLER_FREE_IRQL
        refuse_irql(irql, pageable=pool.pageable, frees=frees, parameter=parameter, reason=reason)
    bug_check(BAD_POOL_CALLER, subcode, irql, kind, parameter, reason=reason)


def _no_block(manager: MemoryManager, address: int) -> NoReturn:
    manager.nonpaged_pool.check_double_free(address)
    manager.paged_pool.check_double_free(address)
    for pool in (manager.nonpaged_pool, manager.paged_pool):
        special = pool.special.get(address >> PAGE_SHIFT)
        if special is not None and not verifies(VERIFIER_POOL_TRACKING):
            refuse_address(special, address)
    reason = f"an address to free must be the start of a pool block; {address:#x} was not"
    if verifies(VERIFIER_POOL_TRACKING):
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_POOL_FREE_BAD_ADDRESS, address, reason=reason)
    if address < SYSTEM_RANGE_START:
        bug_check(BAD_POOL_CALLER, POOL_CALLER_USER_ADDRESS, address, SYSTEM_RANGE_START, reason=reason)
    bug_check(BAD_POOL_CALLER, POOL_CALLER_INVALID_ADDRESS, address, reason=reason)
