# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Freed blocks of pool, which stay unused for a while.

An access of a driver to such a block stops the system at once. A write that comes another way, through an MDL, changes
the pattern; that is found when the block leaves the quarantine, and when the machine is closed. The pattern is left out
until the first MDL of pool, since it takes a fifth of the time of a block ("pool block" of
bench/hal_paths.py).
"""

from __future__ import annotations

from collections import deque
from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import verifies
from dirql.ke.origin import origin
from dirql.ke.processors.irql import current_irql
from dirql.mm.blocks import Block
from dirql.nt.bugcodes import (
    DRIVER_CORRUPTED_EXPOOL,
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    PAGE_FAULT_IN_NONPAGED_AREA,
    VERIFIER_SPECIAL_POOL,
)
from dirql.nt.constants import PAGE_SIZE

__all__ = ["FREED", "Quarantine", "refuse_access"]

_MOST_BLOCKS: Final = 256
FREED: Final = 0xDF
"""The value of the bytes of a freed block."""
PATTERN: Final = bytes([FREED]) * PAGE_SIZE


class Quarantine:
    """The freed blocks of one pool, oldest first."""

    __slots__ = ("_blocks", "_ram", "fills")

    def __init__(self, ram: memoryview) -> None:
        self._ram = ram
        self._blocks: deque[Block] = deque()
        self.fills = False
        """Whether blocks get the pattern from now on."""

    def add(self, block: Block, start: int) -> Block | None:
        """Keep a block, and return the block that leaves, if one does.

        `start` is the physical address of its bytes if it gets the pattern, else -1.
        """
        if start >= 0:
            self._ram[start : start + block.size] = PATTERN[: block.size]
            block.pattern_at = start
        blocks = self._blocks
        blocks.append(block)
        return self.take() if len(blocks) > _MOST_BLOCKS else None

    def take(self) -> Block | None:
        """Let the oldest block leave, after a check of its pattern; None if there is none."""
        if not self._blocks:
            return None
        block = self._blocks.popleft()
        if block.pattern_at >= 0:
            self._check(block)
        return block

    def check(self) -> None:
        """Check the pattern of each block."""
        for block in self._blocks:
            if block.pattern_at >= 0:
                self._check(block)

    def _check(self, block: Block) -> None:
        start = block.pattern_at
        found = self._ram[start : start + block.size].tobytes()
        if found != PATTERN[: block.size]:
            _refuse_write(block, next(at for at, byte in enumerate(found) if byte != FREED))


def refuse_access(freed: Block, address: int, *, write: bool, by_driver: bool) -> NoReturn:
    """Stop the system, because an access touched a freed block."""
    code = PAGE_FAULT_IN_NONPAGED_AREA
    if by_driver and verifies(VERIFIER_SPECIAL_POOL):
        code = DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL
    elif freed.is_special:
        code = DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL if by_driver else PAGE_FAULT_IN_FREED_SPECIAL_POOL
    bug_check(
        code,
        address,
        int(write),
        origin(),
        reason=f"pool must not be touched after it was freed; {address:#x} was {'written' if write else 'read'} in "
        f"{freed.describe()}: free a block after its last use, and forget its address then",
    )


def _refuse_write(freed: Block, offset: int) -> NoReturn:
    address = freed.address + offset
    bug_check(
        DRIVER_CORRUPTED_EXPOOL,
        address,
        current_irql(),
        1,
        reason=f"pool must not be written after it was freed; {address:#x} was, through the mapping of an MDL, in "
        f"{freed.describe()}: end all use of a block before it is freed",
    )
