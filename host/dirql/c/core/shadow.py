# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The address sanitizer of drivers in C: blocks of pool in the shadow, and the report of an access that is none.

image/sanitizing.py compiles drivers for it, runtime/address.c checks each access.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dirql.c.core.building import native
from dirql.c.core.native_module import Native
from dirql.ke.bugcheck import bug_check
from dirql.ke.origin import Mark, origin
from dirql.mm.blocks import Block, owner_text, tag_text
from dirql.mm.bounds import BlockWatch, SlotWatch
from dirql.mm.layout import page_align
from dirql.mm.manager import MemoryManager
from dirql.mm.pool import Pool
from dirql.nt.bugcodes import KASAN_ILLEGAL_ACCESS
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE
from dirql.target.simulation.toolchain import SetupError

__all__ = ["CHECKED", "Shadow"]

CHECKED: Final = "dirql_address_error"
"""The import by which an image shows that it was compiled with the sanitizer."""
_ADDRESS: Final = 0x3000_0000_0000
_BEYOND, _FREED, _SCOPE, _GLOBAL = 0xFA, 0xFD, 0xF8, 0xF9
_WRITTEN: Final = 0x100


class _Variable(NamedTuple):
    offset: int
    size: int
    name: str


class ShadowedPool(Pool):
    """A pool whose blocks are marked in the shadow."""

    __slots__ = ()

    def allocate(
        self,
        size: int,
        tag: int,
        *,
        cache_aligned: bool = False,
        cleared: bool = False,
        place: Mark | None = None,
    ) -> int | None:
        """See `Pool`."""
        address = super().allocate(size, tag, cache_aligned=cache_aligned, cleared=cleared, place=place)
        if address is not None:
            block = self.blocks[address]
            start = page_align(address) if block.page is None else address - block.page.lead
            native().mark_block(start, address, block.size, address + block.room, _BEYOND)
        return address

    def free(self, block: Block, tag: int, place: Mark | None = None) -> None:
        """See `Pool`."""
        super().free(block, tag, place)
        if block.page is not None and block.page.address >> PAGE_SHIFT in self._system.entries:
            end = block.address + block.room
            native().mark_block(block.address, end, 0, end, _FREED)


class Shadow:
    """The shadow of one machine."""

    def __init__(self, core: Native, manager: MemoryManager) -> None:
        self._native = core
        self._manager = manager
        self._is_on = False

    def begin(self) -> None:
        """Mark what may be used from now on, since the image of a driver asks for it; raises `SetupError`."""
        if self._is_on:
            return
        try:
            self._native.begin_shadow(_ADDRESS)
        except OSError as error:
            raise SetupError(
                f"the address sanitizer needs the addresses from {_ADDRESS:#x} on and memory without a limit"
                f" ({error.strerror})",
                "load drivers in C first, and set no limit of virtual memory",
            ) from error
        self._is_on = True
        for pool in (self._manager.nonpaged_pool, self._manager.paged_pool):
            pool.__class__ = ShadowedPool

    def end(self) -> None:
        """Forget all marks; the images are gone."""
        if self._is_on:
            self._native.end_shadow()

    def unmapped(self, address: int, pages: int) -> None:
        """Let pages that are mapped no more have no marks."""
        if self._is_on:
            size = pages * PAGE_SIZE
            self._native.mark_block(address, address, size, address + size, 0)

    def error(self, where: int, access: int, size: int, kind: int, text: int | None, place: int) -> int:
        """Stop the system: a driver has touched bytes that are part of nothing; runtime/address.c calls it."""
        done = "written" if kind & _WRITTEN else "read"
        bytes_were = f"1 byte at {access:#x} was" if size == 1 else f"{size} bytes at {access:#x} were"
        what = self._what(where, kind & 0xFF, text or 0, place)
        reason = (
            f"a driver must keep to its variables and blocks; {bytes_were} {done}, {what}: look at the index, the"
            " length or the pointer"
        )
        bug_check(KASAN_ILLEGAL_ACCESS, access, size, origin() or 0, kind, reason=reason)

    def _what(self, where: int, kind: int, text: int, place: int) -> str:
        if kind in (_BEYOND, _FREED):
            return self._on_block(where, kind)
        if not text:
            return "which belong to no variable"
        words = self._text(text)
        if kind == _GLOBAL:
            return f"behind the variable {words}"
        variables = _variables(words)
        if kind == _SCOPE:
            inside = [each for each in variables if each.offset <= place < each.offset + each.size]
            return (
                f"in the variable {inside[0].name} outside of its block" if inside else "outside of a block"
            )
        before = [each for each in variables if each.offset + each.size <= place]
        if before:
            last = before[-1]
            return f"{place - last.offset - last.size} bytes behind the variable {last.name} of {last.size} bytes"
        return (
            f"in front of the variable {variables[0].name}"
            if variables
            else "between the variables of a frame"
        )

    def _on_block(self, where: int, kind: int) -> str:
        entry = self._manager.system.entries.get(where >> PAGE_SHIFT)
        watch = None if entry is None else entry.watch
        block = watch.block_at(where) if isinstance(watch, SlotWatch | BlockWatch) else None
        if block is None:
            return "which belong to no block of pool"
        of = f"the block of {block.size} bytes (tag {tag_text(block.tag)}) that {owner_text(block.driver, block.place)}"
        if kind == _FREED or block.is_freed:
            return f"in {of} had and freed"
        distance = where - block.address - block.size
        return f"{distance} bytes behind {of} has" if distance >= 0 else f"in front of {of} has"

    def _text(self, address: int) -> str:
        """A text of the image, which ends with a zero."""
        text = b""
        while b"\0" not in text:
            text += self._native.read_bytes(address + len(text), 1)
        return text[:-1].decode("utf-8", "replace")


def _variables(text: str) -> list[_Variable]:
    """The variables of a frame, in order: gcc's text has their number, and offset, size, length and name of each."""
    words = text.split(" ")[1:]
    return [
        _Variable(int(words[each]), int(words[each + 1]), words[each + 3].partition(":")[0])
        for each in range(0, len(words) - 3, 4)
    ]
