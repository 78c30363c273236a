# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bytes that an MDL of system memory describes: they lie in one block, and a mapping is used for them alone.

NT finds neither mistake, since an MDL consists of whole pages (row MDL-23).
"""

from __future__ import annotations

from typing import Protocol

from dirql.ke.defects import report_defect
from dirql.mm.address_space import AddressSpace, PageWatch
from dirql.mm.blocks import Block
from dirql.mm.bounds import BlockWatch, SlotWatch
from dirql.mm.layout import PAGE_OFFSET, SYSTEM_RANGE_START
from dirql.mm.manager import MemoryManager
from dirql.nt.constants import PAGE_SHIFT

__all__ = ["block_at", "check_described", "watch_view"]


class _Described(Protocol):
    """An MDL, as far as this file needs it."""

    start_va: int
    byte_offset: int
    byte_count: int


class _ViewWatch:
    """The watch over the first and the last page of a mapping of an MDL."""

    __slots__ = ("_end", "_mdl", "_start")

    def __init__(self, mdl: _Described, start: int) -> None:
        self._mdl = mdl
        self._start = start
        self._end = start + mdl.byte_count

    def touch(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        """Report an access that leaves the bytes that the MDL described when it was mapped."""
        if by_driver and (address < self._start or address + length > self._end):
            done = "written" if write else "read"
            report_defect(
                "MDL-23",
                f"a mapping must be touched within the bytes of its MDL; the {length} bytes from {address:#x} on were"
                f" {done}, and {self._mdl!r} is mapped from {self._start:#x} to {self._end:#x}: describe as many bytes"
                " as are used, or use fewer",
            )


def watch_view(space: AddressSpace, base: int, count: int, lock: PageWatch | None, mdl: _Described) -> None:
    """Watch over the `count` pages at which an MDL is mapped: all with a `lock`, else those that it does not fill."""
    first = base >> PAGE_SHIFT
    if lock is not None:
        for number in range(first, first + count):
            space.entries[number].watch = lock
    elif mdl.start_va >= SYSTEM_RANGE_START and count:
        watch = _ViewWatch(mdl, base + mdl.byte_offset)
        if mdl.byte_offset:
            space.entries[first].watch = watch
        if mdl.byte_offset + mdl.byte_count & PAGE_OFFSET:
            space.entries[first + count - 1].watch = watch


def check_described(manager: MemoryManager, routine: str, mdl: _Described) -> None:
    """Report an MDL that describes bytes outside of the block of pool in which it begins or ends, or a freed block."""
    address = mdl.start_va + mdl.byte_offset
    end = address + mdl.byte_count
    block = manager.nonpaged_pool.blocks.get(address) or manager.paged_pool.blocks.get(address)
    if block is None:
        block = block_at(manager.system, address) or block_at(manager.system, max(address, end - 1))
        if block is None:
            return
    if not block.is_freed and block.address <= address and end <= block.address + block.size:
        return
    state = "was freed" if block.is_freed else f"has the bytes from {block.address:#x} on"
    report_defect(
        "MDL-23",
        f"{routine}: an MDL of pool must describe bytes of one block that is in use; {mdl!r} describes"
        f" {mdl.byte_count} bytes from {address:#x} on, and {block.describe()} {state}: give IoAllocateMdl the address"
        " and the length of the block, or of a part of it",
    )


def block_at(system: AddressSpace, address: int) -> Block | None:
    """The block of pool to which a byte belongs, or to whose slot, if its page is one that the pool watches over."""
    page = system.entries.get(address >> PAGE_SHIFT)
    watch = None if page is None else page.watch
    return watch.block_at(address) if isinstance(watch, SlotWatch | BlockWatch) else None
