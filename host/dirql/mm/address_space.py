# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Page tables: which frame, or which device memory, is behind a virtual page, and what may be done there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dirql.mm.frames import FrameDatabase
from dirql.mm.layout import PAGE_OFFSET, AddressRange, span_pages
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = ["NOWHERE", "AddressSpace", "Page"]

NOWHERE = -1
"""The physical address of a page that is in no frame."""


class Backing(NamedTuple):
    """What is kept of a page that is paged out."""

    contents: bytes
    owner: str


class Page:
    """One entry of a page table.

    A page is *valid* when `physical` is the address of its frame, *paged out* when `backing` holds its bytes instead,
    and *device memory* when `device` is the bus address behind it, which only the register routines may touch.
    """

    __slots__ = ("backing", "device", "pageable", "physical", "writable")

    def __init__(self, physical: int, *, writable: bool, pageable: bool, device: int = NOWHERE) -> None:
        self.physical = physical
        self.writable = writable
        self.pageable = pageable
        self.device = device
        self.backing: Backing | None = None

    def __repr__(self) -> str:
        if self.device != NOWHERE:
            return f"<Page of device memory {self.device:#010x}>"
        place = "paged out" if self.physical == NOWHERE else f"at {self.physical:#010x}"
        return f"<Page {place}{', pageable' * self.pageable}{', read-only' * (not self.writable)}>"

    @property
    def frame(self) -> int:
        """The number of the page's frame; only of a valid page."""
        return self.physical >> PAGE_SHIFT


class AddressSpace:
    """One set of page tables: the system's, or one process's.

    `entries` maps virtual page numbers to pages; it is what the accessors look at, and only this class changes it.
    """

    __slots__ = ("_frames", "_memory", "_next", "entries", "name")

    def __init__(self, name: str, memory: memoryview, frames: FrameDatabase) -> None:
        self.name = name
        self.entries: dict[int, Page] = {}
        self._memory = memory
        self._frames = frames
        self._next: dict[AddressRange, int] = {}

    def map(
        self, where: AddressRange, frames: Sequence[int], *, writable: bool = True, pageable: bool = False
    ) -> int | None:
        """Map frames to consecutive pages of a range; their address, or None when the range has no room."""
        first = self._reserve(where, len(frames))
        if first is None:
            return None
        for number, frame in enumerate(frames, first):
            self.entries[number] = Page(frame << PAGE_SHIFT, writable=writable, pageable=pageable)
        return first << PAGE_SHIFT

    def map_device(self, where: AddressRange, bus_address: int, pages: int) -> int | None:
        """Map pages of device memory from a page-aligned bus address on; their address, or None without room."""
        first = self._reserve(where, pages)
        if first is None:
            return None
        for index in range(pages):
            device = bus_address + index * PAGE_SIZE
            self.entries[first + index] = Page(NOWHERE, writable=True, pageable=False, device=device)
        return first << PAGE_SHIFT

    def unmap(self, address: int, pages: int) -> list[int]:
        """Forget mapped pages; the frames that were behind them, which the caller may free."""
        first = address >> PAGE_SHIFT
        gone = [self.entries.pop(number) for number in range(first, first + pages)]
        return [page.frame for page in gone if page.physical != NOWHERE]

    def protect(self, address: int, length: int, *, writable: bool) -> None:
        """Allow or refuse writes to each page that `length` bytes touch."""
        for page in self.pages(address, length):
            page.writable = writable

    def page(self, address: int) -> Page | None:
        """The page that holds an address, or None when nothing is mapped there."""
        return self.entries.get(address >> PAGE_SHIFT)

    def pages(self, address: int, length: int) -> Iterator[Page]:
        """The mapped pages that `length` bytes touch."""
        first = address >> PAGE_SHIFT
        for number in range(first, first + span_pages(address, length)):
            page = self.entries.get(number)
            if page is not None:
                yield page

    def translate(self, address: int) -> int | None:
        """The physical address behind a virtual one; None unless its page is valid. Follows MmGetPhysicalAddress."""
        page = self.page(address)
        if page is None or page.physical == NOWHERE:
            return None
        return page.physical + (address & PAGE_OFFSET)

    def page_out(self, address: int, length: int) -> int:
        """Put away the pageable, unlocked pages that `length` bytes touch; how many went."""
        return sum(self._put_away(page) for page in self.pages(address, length))

    def page_out_all(self) -> int:
        """Put away whatever can be; how many pages went."""
        return sum(self._put_away(page) for page in self.entries.values())

    def page_in(self, page: Page) -> bool:
        """Bring a paged-out page back into a frame; False when there is none."""
        assert page.backing is not None
        found = self._frames.allocate(1, page.backing.owner)
        if found is None:
            return False
        page.physical = found[0] << PAGE_SHIFT
        self._memory[page.physical : page.physical + PAGE_SIZE] = page.backing.contents
        page.backing = None
        return True

    def _put_away(self, page: Page) -> bool:
        if not page.pageable or page.physical == NOWHERE or self._frames.lock_count(page.frame):
            return False
        contents = bytes(self._memory[page.physical : page.physical + PAGE_SIZE])
        page.backing = Backing(contents, self._frames.owner(page.frame))
        self._frames.free([page.frame])
        page.physical = NOWHERE
        return True

    def _reserve(self, where: AddressRange, pages: int) -> int | None:
        """The first of `pages` unused page numbers with an unused one on each side.

        The search goes on where it last ended, so that an address comes back as late as possible and a stale one is
        found out.
        """
        start = where.base >> PAGE_SHIFT
        for begin in (self._next.get(where, start), start):
            number = self._fit(begin, (where.base + where.size) >> PAGE_SHIFT, pages + 2)
            if number is not None:
                self._next[where] = number + pages + 1
                return number + 1
        return None

    def _fit(self, begin: int, end: int, count: int) -> int | None:
        """The first of `count` unused page numbers in a row."""
        run = 0
        for number in range(begin, end):
            run = 0 if number in self.entries else run + 1
            if run == count:
                return number + 1 - count
        return None
