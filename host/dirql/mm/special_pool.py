# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Special pool of Driver Verifier: a block at the end of a page, with a page behind it that is not mapped.

Each block of up to a page that a driver with VERIFIER_SPECIAL_POOL allocates is one. An access behind its end is bug
check 0xD6 at once, 0xCD if it was none of a driver. Bytes in the page that do not belong to the block hold a pattern;
it is checked when the block is freed: bug check 0xC1.
"""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import current_driver
from dirql.ke.origin import origin
from dirql.mm.blocks import Block
from dirql.mm.layout import PAGE_OFFSET
from dirql.nt.bugcodes import (
    DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
    PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
    SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION,
)
from dirql.nt.constants import PAGE_SIZE

__all__ = [
    "ALIGNMENT",
    "refuse_address",
    "refuse_beyond",
    "refuse_freed",
    "refuse_irql",
    "refuse_overwritten",
]

ALIGNMENT: Final = 16
"""The alignment of a block in bytes. Fewer bytes than that are between the end of the block and that of the page."""

# Parameter 4 of SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION.
_NOT_ALLOCATED: Final = 0x20
_BAD_ADDRESS: Final = 0x21
_NEARBY_BYTES: Final = 0x23
_BYTES_BEHIND: Final = 0x24
_ALLOCATE_IRQL: Final = 0x30
_FREE_IRQL: Final = 0x31


def refuse_beyond(block: Block, address: int, *, write: bool, by_driver: bool) -> NoReturn:
    """Stop the system, because the page behind a block was touched."""
    is_driver = by_driver and current_driver() is not None
    end = block.address + block.size
    bug_check(
        DRIVER_PAGE_FAULT_BEYOND_END_OF_ALLOCATION if is_driver else PAGE_FAULT_BEYOND_END_OF_ALLOCATION,
        address,
        int(write),
        origin(),
        reason=f"pool must be touched within a block; {address:#x} was {'written' if write else 'read'},"
        f" {address - end} bytes behind the end of {block.describe()}: allocate as many bytes as are used",
    )


def refuse_overwritten(block: Block, where: int) -> NoReturn:
    """Stop the system, because a block is freed while bytes around it in its page were overwritten."""
    side = _NEARBY_BYTES if where < block.address else _BYTES_BEHIND
    bug_check(
        SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION,
        block.address,
        where,
        0,
        side,
        reason=f"a block of pool must be written within its bounds; {where:#x} was overwritten, outside of"
        f" {block.describe()}: allocate as many bytes as are used, or use fewer",
    )


def refuse_freed(block: Block) -> NoReturn:
    """Stop the system, because a block is freed that was freed before."""
    bug_check(
        SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION,
        block.address,
        0,
        0,
        _NOT_ALLOCATED,
        reason=f"a block must be freed once; it was freed before: {block.describe()}: forget its address then",
    )


def refuse_address(block: Block, address: int) -> NoReturn:
    """Stop the system, because another address in the page of a block is freed than that of the block."""
    bug_check(
        SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION,
        address,
        block.size,
        PAGE_SIZE - (address & PAGE_OFFSET),
        _BAD_ADDRESS,
        reason=f"an address to free must be the start of a block; {address:#x} was in the page of {block.describe()}:"
        " keep the address that the allocation gave",
    )


def refuse_irql(irql: int, *, pageable: bool, frees: bool, parameter: int, reason: str) -> NoReturn:
    """Stop the system for an IRQL; `parameter` is the number of bytes, or the address that is freed."""
    subcode = _FREE_IRQL if frees else _ALLOCATE_IRQL
    bug_check(SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, irql, int(pageable), parameter, subcode, reason=reason)
