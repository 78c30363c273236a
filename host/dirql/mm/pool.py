# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Nonpaged and paged pool: blocks with tags, guarded, and checked when they are freed.

The routines that drivers call are in `mm.allocation`; here is one pool. What was written past a block's end is found
when it is freed: bug check 0x19, or 0xC4 with the verifier's pool tracking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.mm.blocks import CACHE_LINE, GUARD, HEADER_SIZE, Block, SlotPage, header_bytes, slot_size, tag_text
from dirql.mm.layout import AddressRange, bytes_to_pages
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    BAD_POOL_HEADER,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    POOL_CALLER_DOUBLE_FREE,
    POOL_CALLER_WRONG_TAG,
    VERIFIER_POOL_TRACKING,
    VF_POOL_DOUBLE_FREE,
    VF_POOL_OVERRUN,
)
from dirql.nt.constants import PAGE_SIZE

if TYPE_CHECKING:
    from dirql.mm.manager import MemoryManager

__all__ = ["Pool", "PoolStatistics", "TagStatistics"]

_MINIMAL_BLOCK: Final = 16
_REMEMBERED_FREES: Final = 4096

_GUARDS: Final = bytes([GUARD]) * PAGE_SIZE
_HEADER_CORRUPT: Final = 0x20
"""Parameter 1 of BAD_POOL_HEADER: the header or the guard of a block is damaged."""


@dataclass(frozen=True, slots=True)
class TagStatistics:
    """What is held under one tag."""

    blocks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What is held of a pool, and by which tags."""

    blocks: int
    bytes: int
    by_tag: Mapping[str, TagStatistics]


class Pool:
    """One pool of a machine."""

    __slots__ = ("_freed", "_manager", "_range", "_rooms", "blocks", "pageable")

    def __init__(self, manager: MemoryManager, where: AddressRange, *, pageable: bool) -> None:
        self._manager = manager
        self._range = where
        self.pageable = pageable
        self.blocks: dict[int, Block] = {}
        self._freed: dict[int, int] = {}
        self._rooms: dict[tuple[int, int], list[SlotPage]] = {}

    def allocate(self, size: int, tag: int, *, cache_aligned: bool = False) -> int | None:
        """The address of `size` bytes with unknown contents, or None when memory is short."""
        size = size or _MINIMAL_BLOCK
        lead = CACHE_LINE if cache_aligned else HEADER_SIZE
        slot = slot_size(size, lead)
        block = self._large(size, tag) if slot is None else self._small(size, tag, slot, lead)
        if block is None:
            return None
        self.blocks[block.address] = block
        self._freed.pop(block.address, None)
        self._paint(block)
        return block.address

    def free(self, block: Block, tag: int) -> None:
        """Give a block back, after a look at its guard; `tag` 0 frees whatever its tag is."""
        if tag not in (0, block.tag):
            bug_check(
                BAD_POOL_CALLER,
                POOL_CALLER_WRONG_TAG,
                block.address,
                block.tag,
                tag,
                reason=f"block {block.address:#x} must be freed with its tag {tag_text(block.tag)!r}, "
                f"was freed with {tag_text(tag)!r}",
            )
        self._check(block)
        del self.blocks[block.address]
        self._remember(block)
        if block.page is None:
            pages = bytes_to_pages(block.room)
            self._manager.frames.free(self._manager.system.unmap(block.address, pages))
        else:
            self._return_slot(block.page, block)

    def check_double_free(self, address: int) -> None:
        """Bug check 0xC2 (0xC4 with pool tracking) when the address is that of a block freed lately."""
        tag = self._freed.get(address)
        if tag is None:
            return
        reason = f"block {address:#x} with tag {tag_text(tag)!r} must be freed once, was freed before"
        if self._manager.verifier_flags & VERIFIER_POOL_TRACKING:
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_POOL_DOUBLE_FREE, address, tag, reason=reason)
        bug_check(BAD_POOL_CALLER, POOL_CALLER_DOUBLE_FREE, 0, tag, address, reason=reason)

    def statistics(self) -> PoolStatistics:
        """What is held now."""
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
            address = self._map_pages(1)
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
        address = self._map_pages(pages)
        return None if address is None else Block(address, size, tag, pages * PAGE_SIZE, None)

    def _return_slot(self, page: SlotPage, block: Block) -> None:
        """Put a slot back; a page without any in use goes, unless it is the last of its size with room."""
        slot = block.room + page.lead
        room = self._rooms[slot, page.lead]
        if not page.free:
            room.append(page)
        page.free.append(block.address - page.lead)
        if page.empty and len(room) > 1:
            room.remove(page)
            self._manager.frames.free(self._manager.system.unmap(page.address, 1))

    def _map_pages(self, pages: int) -> int | None:
        """Pages with frames behind them; neighbours in nonpaged pool if possible, so that `view` works there."""
        manager, owner = self._manager, self._range.name
        first = None if self.pageable else manager.frames.allocate_contiguous(pages, owner)
        frames = manager.frames.allocate(pages, owner) if first is None else list(range(first, first + pages))
        if frames is None:
            return None
        address = manager.system.map(self._range, frames, pageable=self.pageable)
        if address is None:
            manager.frames.free(frames)
        return address

    def _remember(self, block: Block) -> None:
        if len(self._freed) >= _REMEMBERED_FREES:
            del self._freed[next(iter(self._freed))]
        self._freed[block.address] = block.tag

    def _paint(self, block: Block) -> None:
        """Write the header and the guard."""
        memory = self._manager.memory
        if block.page is not None:
            start = self._physical(block.address)  # the whole slot is in one page
            memory[start - HEADER_SIZE : start] = header_bytes(block.tag, block.size)
            memory[start + block.size : start + block.room] = _GUARDS[block.size : block.room]
        elif block.size < block.room:
            start = self._physical(block.address + block.size)
            memory[start : start + block.room - block.size] = _GUARDS[: block.room - block.size]

    def _check(self, block: Block) -> None:
        """Bug check when the header or the guard is not as it was painted."""
        memory = self._manager.memory
        if block.page is not None:
            start = self._physical(block.address)
            if memory[start - HEADER_SIZE : start] != header_bytes(block.tag, block.size):
                self._damaged(block, block.address - HEADER_SIZE)
            guard = memory[start + block.size : start + block.room].tobytes()
        elif block.size < block.room:
            start = self._physical(block.address + block.size)
            guard = memory[start : start + block.room - block.size].tobytes()
        else:
            return
        if guard != _GUARDS[: len(guard)]:
            intact = len(guard) - len(guard.lstrip(_GUARDS[:1]))
            self._damaged(block, block.address + block.size + intact)

    def _physical(self, address: int) -> int:
        """Where pool bytes lie; pages them in if need be."""
        return self._manager.access(address, write=True).physical + address % PAGE_SIZE

    def _damaged(self, block: Block, where: int) -> NoReturn:
        reason = (
            f"block {block.address:#x} of {block.size} bytes with tag {tag_text(block.tag)!r} must be written within "
            f"its bounds, was overwritten at {where:#x}"
        )
        if self._manager.verifier_flags & VERIFIER_POOL_TRACKING:
            bug_check(
                DRIVER_VERIFIER_DETECTED_VIOLATION,
                VF_POOL_OVERRUN,
                block.address,
                where,
                block.size,
                reason=reason,
            )
        bug_check(BAD_POOL_HEADER, _HEADER_CORRUPT, block.address, where, block.size, reason=reason)
