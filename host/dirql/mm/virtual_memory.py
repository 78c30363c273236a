# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Private memory of a process, which is reserved and then committed page by page, as ZwAllocateVirtualMemory does."""

from __future__ import annotations

from collections.abc import Iterator

from dirql.mm.address_space import AddressSpace
from dirql.mm.frames import FrameDatabase
from dirql.mm.user_regions import Region, is_writable
from dirql.nt.constants import PAGE_NOACCESS, PAGE_SHIFT, PAGE_SIZE

__all__ = ["PrivateRegion"]


class PrivateRegion(Region):
    """Reserved addresses; `committed` has the numbers of the pages that have memory, mapped or PAGE_NOACCESS."""

    __slots__ = ("_frames", "committed")

    def __init__(self, base: int, size: int, protect: int, frames: FrameDatabase) -> None:
        super().__init__(base, size, protect)
        self.committed: set[int] = set()
        self._frames = frames

    def __repr__(self) -> str:
        return f"<memory of {self.size:#x} bytes at {self.base:#x}>"

    def commit(self, space: AddressSpace, base: int, size: int, protect: int) -> bool:
        """Give memory to those pages of a part that have none; False, with nothing changed, if there is none."""
        fresh = [number for number in _numbers(base, size) if number not in self.committed]
        if not protect & PAGE_NOACCESS:
            frames = self._frames.allocate(len(fresh), space.name)
            if frames is None:
                return False
            for number, frame in zip(fresh, frames, strict=True):
                space.map_at(number << PAGE_SHIFT, [frame], writable=is_writable(protect), pageable=True)
            space.protect(base, size, writable=is_writable(protect))
        self.committed.update(fresh)
        return True

    def decommit(self, space: AddressSpace, base: int, size: int) -> None:
        """Take the memory of the pages of a part away."""
        for number in _numbers(base, size):
            if number in space.entries:
                self._frames.free(space.unmap(number << PAGE_SHIFT, 1))
            self.committed.discard(number)

    def end(self, space: AddressSpace) -> None:
        """Take all memory away."""
        self.decommit(space, self.base, self.size)

    def without(self, base: int, size: int) -> list[PrivateRegion]:
        """The regions that are left when a part is given up: none, one, or one on each side."""
        left = []
        end, behind = self.base + self.size, base + size
        for start, stop in ((self.base, base), (behind, end)):
            if stop > start:
                rest = PrivateRegion(start, stop - start, self.protect, self._frames)
                rest.committed = {n for n in self.committed if start >> PAGE_SHIFT <= n < stop >> PAGE_SHIFT}
                left.append(rest)
        return left


def _numbers(base: int, size: int) -> Iterator[int]:
    """The numbers of the pages of a range of whole pages."""
    return iter(range(base >> PAGE_SHIFT, (base + size + PAGE_SIZE - 1) >> PAGE_SHIFT))
