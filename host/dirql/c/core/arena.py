# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory for the objects of the system that drivers in C see, and for the stacks on which those drivers run."""

from __future__ import annotations

from typing import Final

from dirql.c.core.native_module import Native
from dirql.mm.address_space import NOWHERE
from dirql.mm.layout import NONPAGED_RANGE
from dirql.mm.manager import MemoryManager
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["STACK_SIZE", "Arena"]

STACK_SIZE: Final = 0x6000
"""The size of a kernel stack on x64, in bytes; the page below it is not mapped."""
_ALIGNMENT: Final = 64
_CHUNK_PAGES: Final = 4


class Arena:
    """Gives out zeroed blocks of nonpaged memory; a block that was freed serves the next one of its size.

    Its frames are the last of RAM, so that programs' buffers have the same places as with drivers in Python.
    """

    def __init__(self, native: Native, manager: MemoryManager) -> None:
        self._native = native
        self._manager = manager
        self._free: dict[int, list[int]] = {}
        self._next = self._end = 0

    def allocate(self, size: int) -> int:
        """The address of a block of `size` bytes; raises STATUS_INSUFFICIENT_RESOURCES without a free frame."""
        size = _rounded(size)
        freed = self._free.get(size)
        if freed:
            address = freed.pop()
            self._native.write_bytes(address, bytes(size))
            return address
        if size > PAGE_SIZE:
            return self.pages(-(-size // PAGE_SIZE))
        if self._next + size > self._end:
            self._next = self.pages(_CHUNK_PAGES)
            self._end = self._next + _CHUNK_PAGES * PAGE_SIZE
        address = self._next
        self._next += size
        return address

    def free(self, address: int, size: int) -> None:
        """Give a block back."""
        self._free.setdefault(_rounded(size), []).append(address)

    def stack(self) -> tuple[int, int]:
        """The lowest address of a new stack, and the address behind it."""
        base = self.pages(STACK_SIZE // PAGE_SIZE)
        return base, base + STACK_SIZE

    def pages(self, count: int) -> int:
        """The address of zeroed pages, with a page that is not mapped on each side."""
        frames = self._manager.frames.allocate_last(count, "drivers in C")
        address = None if frames is None else self._manager.system.map(NONPAGED_RANGE, frames)
        if frames is None or address is None:
            raise StatusException(STATUS_INSUFFICIENT_RESOURCES) from MemoryError(
                f"the machine must have {count} free pages for drivers in C; it had fewer: give it more memory"
            )
        return address

    def put_at(self, address: int, contents: bytes, *, writable: bool, pageable: bool = False) -> None:
        """Let frames with `contents`, whole pages, take the place of what is at `address`."""
        count = len(contents) >> PAGE_SHIFT
        frames = self._manager.frames.allocate_last(count, "images of drivers in C")
        if frames is None:
            raise StatusException(STATUS_INSUFFICIENT_RESOURCES) from MemoryError(
                f"the machine must have {count} free pages for the image of a driver in C; it had fewer"
            )
        for place, frame in enumerate(frames):
            physical = frame << PAGE_SHIFT
            self._manager.ram[physical : physical + PAGE_SIZE] = contents[
                place << PAGE_SHIFT : place + 1 << PAGE_SHIFT
            ]
        if not self._manager.system.map_at(address, frames, writable=writable, pageable=pageable):
            raise RuntimeError(f"the image at {address:#x} is mapped already")

    def take_from(self, address: int, pages: int) -> None:
        """Undo `put_at`: nothing is mapped there any more."""
        self._manager.frames.free(self._manager.system.unmap(address, pages))

    def change_paging(self, address: int, pages: int, *, pageable: bool) -> None:
        """Let read-only pages that are mapped from an address on be pageable, or be in memory always."""
        system = self._manager.system
        for place in range(address, address + pages * PAGE_SIZE, PAGE_SIZE):
            if system.entries[place >> PAGE_SHIFT].physical == NOWHERE:
                system.page_in(place)
        frames = system.unmap(address, pages)
        system.map_at(address, frames, writable=False, pageable=pageable)


def _rounded(size: int) -> int:
    return max(-(-size // _ALIGNMENT), 1) * _ALIGNMENT
