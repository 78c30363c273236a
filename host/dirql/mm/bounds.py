# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The watch over pages of pool: an access must stay within one block that is in use.

An access to a freed block stops the system. One that leaves its block, or touches bytes of pool that belong to none, is
a defect, since NT lets it pass until a later check of the pool finds the damage (row POL-10).
"""

from __future__ import annotations

from dirql.ke.defects import report_defect
from dirql.mm.blocks import Block, SlotPage
from dirql.mm.quarantine import refuse_access

__all__ = ["BlockWatch", "SlotWatch"]


class SlotWatch:
    """The watch over a page of slots; the page's entry in the page table refers to it."""

    __slots__ = ("_page",)

    def __init__(self, page: SlotPage) -> None:
        self._page = page

    def touch(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        """Stop the system if an access touches a freed block; report one that leaves its block."""
        page = self._page
        offset = address - page.address
        block = page.blocks.get(address - offset % page.slot)
        if (
            block is None
            or block.is_freed
            or address < block.address
            or address + length > block.address + block.size
        ):
            self._judge(address, length, write=write, by_driver=by_driver)

    def block_at(self, address: int) -> Block | None:
        """The block in the slot of a byte, in use or freed; None if the slot was never used."""
        page = self._page
        return page.blocks.get(address - (address - page.address) % page.slot)

    def _judge(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        page = self._page
        first = page.address + (address - page.address) // page.slot * page.slot
        for start in range(first, address + length, page.slot):
            block = page.blocks.get(start)
            if block is not None and block.is_freed:
                refuse_access(block, address, write=write, by_driver=by_driver)
        if by_driver:
            _report(page.blocks.get(first), address, length, write=write)


class BlockWatch:
    """The watch over the page in which a block with pages of its own begins or ends, if it does not fill the page."""

    __slots__ = ("_block",)

    def __init__(self, block: Block) -> None:
        self._block = block

    def block_at(self, address: int) -> Block | None:
        """The block in the page."""
        del address
        return self._block

    def touch(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        """Report an access that leaves the block."""
        block = self._block
        if by_driver and (address < block.address or address + length > block.address + block.size):
            _report(block, address, length, write=write)


def _report(block: Block | None, address: int, length: int, *, write: bool) -> None:
    """Report a driver that touches bytes outside of the block that it means."""
    done = "written" if write else "read"
    what = (
        f"the {length} bytes from {address:#x} on were {done}" if length > 1 else f"{address:#x} was {done}"
    )
    if block is None:
        where, step = "where no block is", "use the address of a block that is allocated"
    else:
        before, behind = block.address - address, address + length - block.address - block.size
        side = f"{before} bytes in front" if before > 0 else f"up to {behind} bytes behind the end"
        where = f"{side} of {block.describe()}"
        step = "allocate as many bytes as are used, or use fewer"
    report_defect("POL-10", f"pool must be touched within a block; {what}, {where}: {step}")
