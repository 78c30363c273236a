# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Nonpaged and paged pool: blocks with tags, guarded, and checked when they are freed.

The routines that drivers call are in `mm/allocation.py`; this file holds one pool. A write past the end of a block is
found when the block is freed: bug check 0x19, or 0xC4 with the verifier's pool tracking. A freed block stays in
quarantine for a while (`mm/quarantine.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import current_driver, verifies
from dirql.ke.origin import Mark
from dirql.mm.address_space import NOWHERE, AddressSpace
from dirql.mm.blocks import (
    CACHE_LINE,
    GUARD,
    HEADER_SIZE,
    Block,
    SlotPage,
    header_bytes,
    owner_text,
    slot_size,
    tag_text,
)
from dirql.mm.frames import FrameDatabase
from dirql.mm.layout import PAGE_OFFSET, AddressRange, bytes_to_pages
from dirql.mm.poison import Poison
from dirql.mm.quarantine import FreedBlocks, Quarantine
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    BAD_POOL_HEADER,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    POOL_CALLER_DOUBLE_FREE,
    POOL_CALLER_WRONG_TAG,
    VERIFIER_POOL_TRACKING,
    VF_POOL_DOUBLE_FREE,
    VF_POOL_FREE_BAD_PARAMETER,
    VF_POOL_OVERRUN,
)
from dirql.nt.constants import APC_LEVEL, DISPATCH_LEVEL, PAGE_SHIFT, PAGE_SIZE

__all__ = ["Pool", "PoolStatistics", "TagStatistics"]

_MINIMAL_BLOCK: Final = 16
_REMEMBERED_FREES: Final = 4096

_GUARDS: Final = bytes([GUARD]) * PAGE_SIZE
_ZEROS: Final = memoryview(bytes(PAGE_SIZE))
_HEADER_CORRUPT: Final = 0x20
"""Parameter 1 of BAD_POOL_HEADER: the header of a block is damaged."""
_OVERRUN: Final = 0x21
"""Parameter 1 of BAD_POOL_HEADER: the bytes behind a block are damaged."""


@dataclass(frozen=True, slots=True)
class TagStatistics:
    """The blocks that are held under one tag, and the bytes in them."""

    blocks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """The blocks of a pool that are held, the bytes in them, and both by tag."""

    blocks: int
    bytes: int
    by_tag: Mapping[str, TagStatistics]


class Pool:
    """One pool of a machine."""

    __slots__ = (
        "_frames",
        "_freed",
        "_poison",
        "_quarantine",
        "_range",
        "_rooms",
        "_system",
        "_watched",
        "blocks",
        "highest_irql",
        "name",
        "pageable",
    )

    def __init__(
        self,
        system: AddressSpace,
        frames: FrameDatabase,
        poison: Poison,
        where: AddressRange,
        *,
        pageable: bool,
    ) -> None:
        self._system = system
        self._frames = frames
        self._poison = poison
        self._range = where
        self.name = where.name
        self.pageable = pageable
        self.highest_irql = APC_LEVEL if pageable else DISPATCH_LEVEL
        """The highest IRQL at which blocks may be allocated and freed."""
        self.blocks: dict[int, Block] = {}
        self._freed: dict[int, Block] = {}
        self._quarantine = Quarantine(frames.ram)
        self._watched: dict[SlotPage, FreedBlocks] = {}
        self._rooms: dict[tuple[int, int], list[SlotPage]] = {}

    def allocate(
        self,
        size: int,
        tag: int,
        *,
        cache_aligned: bool = False,
        cleared: bool = False,
        place: Mark | None = None,
    ) -> int | None:
        """The address of `size` bytes full of poison, or None when no frame or no address is free.

        With `cleared` they are zero. `place` is where the driver asked for them.
        """
        size = size or _MINIMAL_BLOCK
        lead = CACHE_LINE if cache_aligned else HEADER_SIZE
        slot = slot_size(size, lead)
        block = self._large(size, tag) if slot is None else self._small(size, tag, slot, lead)
        if block is None:
            return None
        block.driver, block.place = current_driver(), place
        self.blocks[block.address] = block
        self._freed.pop(block.address, None)
        if block.page is None:
            self._fill(block, cleared=cleared)
            self._paint(block)
        else:
            self._write_slot(block, cleared=cleared)
        return block.address

    def free(self, block: Block, tag: int, place: Mark | None = None) -> None:
        """Put a block into quarantine after a check of its guard; `tag` must be that of the block, or 0 for any.

        A block with pages of its own is unmapped instead, so that an access to it is a page fault.
        """
        if tag not in (0, block.tag):
            self._refuse_tag(block, tag)
        self._check(block)
        del self.blocks[block.address]
        block.freed_by, block.freed_at = current_driver(), place
        self._remember(block)
        page = block.page
        if page is None:
            pages = bytes_to_pages(block.room)
            self._frames.free(self._system.unmap(block.address, pages))
            return
        watched = self._watched.get(page) or self._watch(page)
        watched.blocks[block.address - page.lead] = block
        quarantine = self._quarantine
        leaving = quarantine.add(block, self._physical(block.address) if quarantine.fills else 0)
        if leaving is not None:
            self._leave(leaving)

    def check_freed(self) -> None:
        """Stop the system if a block in quarantine was written to."""
        self._quarantine.check()

    def fill_freed(self) -> None:
        """Fill blocks that are freed with a pattern from now on, since the pool can be reached in other ways."""
        self._quarantine.fills = True

    def freed_pages(self, address: int) -> Block | None:
        """The block with pages of its own that was freed at an address lately; None if there is none."""
        for block in reversed(self._freed.values()):
            if block.address <= address < block.address + block.room:
                return block
        return None

    def _watch(self, page: SlotPage) -> FreedBlocks:
        """Watch a page with freed blocks from now on."""
        watched = self._watched[page] = FreedBlocks(page)
        self._system.entries[page.address >> PAGE_SHIFT].watch = watched
        return watched

    def _leave(self, block: Block) -> None:
        """Make the slot of a block that has left the quarantine free."""
        page = block.page
        assert page is not None
        blocks = self._watched[page].blocks
        del blocks[block.address - page.lead]
        if not blocks:
            del self._watched[page]
            self._system.entries[page.address >> PAGE_SHIFT].watch = None
        self._return_slot(page, block)

    def _refuse_tag(self, block: Block, tag: int) -> NoReturn:
        reason = (
            f"block {block.address:#x} must be freed with its tag {tag_text(block.tag)!r}; the tag was "
            f"{tag_text(tag)!r}: it was allocated by {owner_text(block.driver, block.place)}"
        )
        if verifies(VERIFIER_POOL_TRACKING):
            violation = VF_POOL_FREE_BAD_PARAMETER
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, 0, block.address, reason=reason)
        bug_check(BAD_POOL_CALLER, POOL_CALLER_WRONG_TAG, block.address, block.tag, tag, reason=reason)

    def check_double_free(self, address: int) -> None:
        """Bug check 0xC2 (0xC4 with pool tracking) when a block at this address was freed lately."""
        freed = self._freed.get(address)
        if freed is None:
            return
        tag = freed.tag
        reason = f"a block must be freed once; it was freed before: {freed.describe()}"
        if verifies(VERIFIER_POOL_TRACKING):
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_POOL_DOUBLE_FREE, 0, address, tag, reason=reason)
        bug_check(BAD_POOL_CALLER, POOL_CALLER_DOUBLE_FREE, 0, tag, address, reason=reason)

    def statistics(self) -> PoolStatistics:
        """The blocks that are held now."""
        by_tag: dict[str, TagStatistics] = {}
        for block in self.blocks.values():
            name = tag_text(block.tag)
            held = by_tag.get(name, TagStatistics(0, 0))
            by_tag[name] = TagStatistics(held.blocks + 1, held.bytes + block.size)
        return PoolStatistics(
            blocks=len(self.blocks),
            bytes=sum(block.size for block in self.blocks.values()),
            by_tag=MappingProxyType(by_tag),
        )

    def _small(self, size: int, tag: int, slot: int, lead: int) -> Block | None:
        room = self._rooms.setdefault((slot, lead), [])
        if not room:
            address = self._map_pages(1) or self._map_pages_of_freed(1)
            if address is None:
                return None
            room.append(SlotPage(address, slot, lead))
        page = room[-1]
        start = page.free.pop()
        if not page.free:
            room.pop()
        return Block(start + lead, size, tag, slot - lead, page)

    def _large(self, size: int, tag: int) -> Block | None:
        pages = bytes_to_pages(size)
        address = self._map_pages(pages) or self._map_pages_of_freed(pages)
        return None if address is None else Block(address, size, tag, pages * PAGE_SIZE, None)

    def _return_slot(self, page: SlotPage, block: Block) -> None:
        """Put a slot back. A page with no slot in use is freed, unless it is the last page with room for the size."""
        slot = block.room + page.lead
        room = self._rooms[slot, page.lead]
        if not page.free:
            room.append(page)
        page.free.append(block.address - page.lead)
        if page.empty and len(room) > 1:
            room.remove(page)
            self._frames.free(self._system.unmap(page.address, 1))

    def _map_pages(self, pages: int) -> int | None:
        """Map pages to frames; in nonpaged pool to contiguous frames if there are any, so that `view` works."""
        owner = self.name
        first = None if self.pageable else self._frames.allocate_contiguous(pages, owner)
        frames = self._frames.allocate(pages, owner) if first is None else list(range(first, first + pages))
        if frames is None:
            return None
        address = self._system.map(self._range, frames, pageable=self.pageable)
        if address is None:
            self._frames.free(frames)
        return address

    def _map_pages_of_freed(self, pages: int) -> int | None:
        """Map pages after all blocks have left the quarantine, because there is no other memory left."""
        while leaving := self._quarantine.take():
            self._leave(leaving)
        return self._map_pages(pages)

    def _remember(self, block: Block) -> None:
        if len(self._freed) >= _REMEMBERED_FREES:
            del self._freed[next(iter(self._freed))]
        self._freed[block.address] = block

    def _fill(self, block: Block, *, cleared: bool) -> None:
        """Give the bytes of a new block their contents."""
        address, left = block.address, block.size
        while left > 0:
            part = min(left, PAGE_SIZE - (address & PAGE_OFFSET))
            start = self._physical(address)
            if cleared:
                self._frames.ram[start : start + part] = _ZEROS[:part]
            else:
                place = self._poison.fill(start, start + part)
                if address == block.address:
                    block.poison = place
            address += part
            left -= part

    def _write_slot(self, block: Block, *, cleared: bool) -> None:
        """Write header, contents and guard of a block that shares its page, all at once."""
        size = block.size
        start = self._physical(block.address)
        if cleared:
            contents = _ZEROS[:size]
        else:
            block.poison = self._poison.fill(start, start + size)
            contents = self._frames.ram[start : start + size]
        written = b"".join((header_bytes(block.tag, size), contents, _GUARDS[size : block.room]))
        self._frames.ram[start - HEADER_SIZE : start + block.room] = written

    def _paint(self, block: Block) -> None:
        """Write the guard of a block with pages of its own."""
        if block.size < block.room:
            start = self._physical(block.address + block.size)
            self._frames.ram[start : start + block.room - block.size] = _GUARDS[block.size - block.room :]

    def _check(self, block: Block) -> None:
        """Bug check when the header or the guard of a block was overwritten."""
        ram = self._frames.ram
        if block.page is not None:
            start = self._physical(block.address)
            if ram[start - HEADER_SIZE : start] != header_bytes(block.tag, block.size):
                self._damaged(block, block.address - HEADER_SIZE)
            guard = ram[start + block.size : start + block.room]
        elif block.size < block.room:
            start = self._physical(block.address + block.size)
            guard = ram[start : start + block.room - block.size]
        else:
            return
        if guard != _GUARDS[block.size - block.room :]:
            intact = len(guard) - len(guard.tobytes().lstrip(_GUARDS[:1]))
            self._damaged(block, block.address + block.size + intact)

    def _physical(self, address: int) -> int:
        """The physical address of bytes of the pool; a page that is out comes in."""
        page = self._system.entries[address >> PAGE_SHIFT]
        if page.physical == NOWHERE:
            page = self._system.page_in(address)
        return page.physical + (address & PAGE_OFFSET)

    def _damaged(self, block: Block, where: int) -> NoReturn:
        reason = (
            f"block {block.address:#x} of {block.size} bytes with tag {tag_text(block.tag)!r} must be written within "
            f"its bounds; it was overwritten at {where:#x}: it was allocated by {owner_text(block.driver, block.place)}"
        )
        if verifies(VERIFIER_POOL_TRACKING):
            bug_check(
                DRIVER_VERIFIER_DETECTED_VIOLATION,
                VF_POOL_OVERRUN,
                block.address,
                where,
                block.size,
                reason=reason,
            )
        if where < block.address:
            following = block.address + block.size
            bug_check(BAD_POOL_HEADER, _HEADER_CORRUPT, where, following, reason=reason)
        physical = self._physical(where)
        found = int.from_bytes(self._frames.ram[physical : physical + 1], "little")
        bug_check(BAD_POOL_HEADER, _OVERRUN, block.address, block.size, found, reason=reason)
