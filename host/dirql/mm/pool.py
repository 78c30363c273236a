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
from dirql.ke.current import current
from dirql.ke.guard import verifies
from dirql.ke.origin import Mark
from dirql.mm.address_space import NOWHERE, AddressSpace
from dirql.mm.blocks import (
    CACHE_LINE,
    GUARD,
    HEADER_SIZE,
    Block,
    Shape,
    SlotPage,
    owner_text,
    slot_size,
    tag_text,
)
from dirql.mm.bounds import BlockWatch, SlotWatch
from dirql.mm.frames import FrameDatabase
from dirql.mm.layout import PAGE_OFFSET, AddressRange, bytes_to_pages, page_align
from dirql.mm.poison import Poison
from dirql.mm.quarantine import Quarantine
from dirql.mm.special_pool import ALIGNMENT, refuse_freed, refuse_overwritten
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    BAD_POOL_HEADER,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    POOL_CALLER_DOUBLE_FREE,
    POOL_CALLER_WRONG_TAG,
    VERIFIER_POOL_TRACKING,
    VERIFIER_SPECIAL_POOL,
    VF_POOL_DOUBLE_FREE,
    VF_POOL_FREE_BAD_PARAMETER,
    VF_POOL_OVERRUN,
)
from dirql.nt.constants import APC_LEVEL, DISPATCH_LEVEL, PAGE_SHIFT, PAGE_SIZE

__all__ = ["Pool", "PoolStatistics", "TagStatistics"]

_MINIMAL_BLOCK: Final = 16
_REMEMBERED_FREES: Final = 4096
_MOST_SHAPES: Final = 4096
"""So many shapes are kept; a driver with more sizes and tags than that lets them be computed again."""

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
        "_shapes",
        "_system",
        "blocks",
        "checked",
        "highest_irql",
        "name",
        "pageable",
        "special",
    )

    def __init__(
        self,
        system: AddressSpace,
        frames: FrameDatabase,
        poison: Poison,
        where: AddressRange,
        *,
        pageable: bool,
        checked: bool = True,
    ) -> None:
        """`checked` False leaves out poison, guards, quarantine and the place where a block was freed."""
        self.checked = checked
        self._system = system
        self._frames = frames
        self._poison = poison
        self._range = where
        self.name = where.name
        self.pageable = pageable
        self.highest_irql = APC_LEVEL if pageable else DISPATCH_LEVEL
        """The highest IRQL at which blocks may be allocated and freed."""
        self.blocks: dict[int, Block] = {}
        self.special: dict[int, Block] = {}
        """The blocks of special pool, by the numbers of their pages."""
        self._freed: dict[int, Block] = {}
        self._quarantine = Quarantine(frames.ram)
        self._shapes: dict[tuple[int, int, int], Shape | None] = {}
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
        key = (size, tag, lead)
        shapes = self._shapes
        shape = shapes[key] if key in shapes else self._add_shape(key)
        driver, block = current.processor.driver, None
        if size <= PAGE_SIZE and current.kernel.verifier.is_on(VERIFIER_SPECIAL_POOL, driver):
            block = self._special(size, tag)
        if block is not None:
            shape = None
        elif shape is None:
            block = self._large(size, tag)
        else:
            block = self._small(shape, tag)
        if block is None:
            return None
        block.driver, block.place = driver, place
        address = block.address
        self.blocks[address] = block
        self._freed.pop(address, None)
        if shape is None:
            self._fill(block, cleared=cleared)
            self._paint(block)
        else:
            self._write_slot(block, shape, cleared=cleared)
        return address

    def free(self, block: Block, tag: int, place: Mark | None = None) -> None:
        """Put a block into quarantine after a check of its guard; `tag` must be that of the block, or 0 for any.

        A block with pages of its own is unmapped instead, so that an access to it is a page fault.
        """
        if tag and tag != block.tag:
            self._refuse_tag(block, tag)
        if self.checked or block.is_special:
            self._check(block)
        del self.blocks[block.address]
        block.is_freed = True
        block.freed_by, block.freed_at = current.processor.driver, place
        freed = self._freed
        if len(freed) >= _REMEMBERED_FREES:
            del freed[next(iter(freed))]
        freed[block.address] = block
        if block.page is None:
            if block.is_special:
                del self.special[block.address >> PAGE_SHIFT]
            pages = bytes_to_pages(block.room)
            self._frames.free(self._system.unmap(page_align(block.address), pages))
            return
        leaving: Block | None = block
        if self.checked:
            leaving = self._quarantine.add(
                block, self._physical(block.address) if self._quarantine.fills else -1
            )
        if leaving is not None:
            self._return_slot(leaving)

    def check_freed(self) -> None:
        """Stop the system if a block in quarantine was written to."""
        self._quarantine.check()

    def fill_freed(self) -> None:
        """Fill blocks that are freed with a pattern from now on, since the pool can be reached in other ways."""
        self._quarantine.fills = True

    def freed_pages(self, address: int) -> Block | None:
        """The block with pages of its own that was freed at an address lately; None if there is none."""
        for block in reversed(self._freed.values()):
            start = page_align(block.address) if block.is_special else block.address
            if start <= address < block.address + block.room:
                return block
        return None

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
        if freed.is_special and not verifies(VERIFIER_POOL_TRACKING):
            refuse_freed(freed)
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

    def _add_shape(self, key: tuple[int, int, int]) -> Shape | None:
        """The shape of small blocks with this size, tag and lead; None for large ones."""
        size, tag, lead = key
        slot = slot_size(size, lead)
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        shape = None
        if slot is not None:
            shape = Shape(size, tag, lead, slot, self._rooms.setdefault((slot, lead), []))
        self._shapes[key] = shape
        return shape

    def _small(self, shape: Shape, tag: int) -> Block | None:
        rooms = shape.rooms
        if rooms:
            page = rooms[-1]
        else:
            address = self._map_pages(1) or self._map_pages_of_freed(1)
            if address is None:
                return None
            page = SlotPage(address, shape.slot, shape.lead)
            if self.checked:
                self._system.entries[address >> PAGE_SHIFT].watch = SlotWatch(page)
            rooms.append(page)
        start = page.free.pop()
        if not page.free:
            rooms.pop()
        block = page.blocks[start] = Block(start + shape.lead, shape.size, tag, shape.room, page, shape)
        return block

    def _large(self, size: int, tag: int) -> Block | None:
        pages = bytes_to_pages(size)
        address = self._map_pages(pages) or self._map_pages_of_freed(pages)
        return None if address is None else Block(address, size, tag, pages * PAGE_SIZE, None, None)

    def _special(self, size: int, tag: int) -> Block | None:
        """A block at the end of a page; none is mapped behind it, since each mapping has an unused page behind."""
        page = self._map_pages(1)
        if page is None:
            return None  # NT then takes ordinary pool
        room = -(-size // ALIGNMENT) * ALIGNMENT
        block = Block(page + PAGE_SIZE - room, size, tag, room, None, None)
        block.is_special = True
        self.special[page >> PAGE_SHIFT] = block
        start = self._physical(page)
        self._frames.ram[start : start + PAGE_SIZE] = _GUARDS
        return block

    def _return_slot(self, block: Block) -> None:
        """Put a slot back. A page with no slot in use is freed, unless it is the last page with room for the size."""
        page, shape = block.page, block.shape
        assert page is not None
        assert shape is not None
        free = page.free
        if not free:
            shape.rooms.append(page)
        free.append(block.address - page.lead)
        if len(free) == page.slots and len(shape.rooms) > 1:
            shape.rooms.remove(page)
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
            self._return_slot(leaving)
        return self._map_pages(pages)

    def _fill(self, block: Block, *, cleared: bool) -> None:
        """Give the bytes of a new block their contents."""
        if not (cleared or self.checked):
            return
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

    def _write_slot(self, block: Block, shape: Shape, *, cleared: bool) -> None:
        """Write header, contents and guard of a block that shares its page, all at once."""
        size = shape.size
        start = self._physical(block.address)
        ram = self._frames.ram
        if not self.checked:
            if cleared:
                ram[start : start + size] = _ZEROS[:size]
            return
        if cleared:
            contents = _ZEROS[:size]
        else:
            block.poison = self._poison.fill(start, start + size)
            contents = ram[start : start + size]
        ram[start - HEADER_SIZE : start + shape.room] = b"".join((shape.header, contents, shape.guard))

    def _paint(self, block: Block) -> None:
        """Write the guard of a block with pages of its own, and watch the page that it does not fill."""
        if not self.checked:
            return
        if block.size < block.room or block.is_special:
            last = block.address + block.size - 1
            self._system.entries[last >> PAGE_SHIFT].watch = BlockWatch(block)
        if block.size < block.room:
            start = self._physical(block.address + block.size)
            self._frames.ram[start : start + block.room - block.size] = _GUARDS[block.size - block.room :]

    def _check(self, block: Block) -> None:
        """Bug check when the header or the guard of a block was overwritten."""
        size, ram = block.size, self._frames.ram
        if block.is_special:
            self._check_special(block)
            return
        shape = block.shape
        if shape is not None:
            start = self._physical(block.address)
            found = ram[start - HEADER_SIZE : start + shape.room].tobytes()
            if not found.startswith(shape.header):
                self._damaged(block, block.address - HEADER_SIZE)
            if found.endswith(shape.guard):
                return
            guard = found[HEADER_SIZE + size :]
        elif size < block.room:
            start = self._physical(block.address + size)
            guard = ram[start : start + block.room - size].tobytes()
            if guard == _GUARDS[size - block.room :]:
                return
        else:
            return
        intact = len(guard) - len(guard.lstrip(_GUARDS[:1]))
        self._damaged(block, block.address + size + intact)

    def _check_special(self, block: Block) -> None:
        """Bug check when bytes in the page of a block of special pool were overwritten outside of the block."""
        page = page_align(block.address)
        start = self._physical(page)
        found = self._frames.ram[start : start + PAGE_SIZE].tobytes()
        lead, end = block.address - page, block.address - page + block.size
        for first, last in ((0, lead), (end, PAGE_SIZE)):
            part = found[first:last]
            if part.strip(_GUARDS[:1]):
                intact = len(part) - len(part.lstrip(_GUARDS[:1]))
                refuse_overwritten(block, page + first + intact)

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
