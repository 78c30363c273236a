# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Page tables: the frame or the device memory behind each virtual page, and the accesses that are allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from dirql.mm.frames import FrameDatabase
from dirql.mm.layout import PAGE_OFFSET, AddressRange, span_pages
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["NOWHERE", "AddressSpace", "Page", "PageTableObserver", "PageWatch"]

NOWHERE: Final = -1
"""The physical address of a page that is in no frame."""


class Backing(NamedTuple):
    """The contents of a page that is paged out, and the owner of the frame that it had."""

    contents: bytes
    owner: str


class PageWatch(Protocol):
    """Is asked about each access to a page in which not all bytes may be touched."""

    def touch(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        """Stop the system if the access is not allowed."""


class Page:
    """One entry of a page table; it is never changed: an `AddressSpace` puts another one in its place.

    A page is *valid* when `physical` is the address of its frame in RAM, *paged out* when `backing` holds its bytes
    instead, and *device memory* when `device` is the bus address behind it, which only the register routines may touch.
    `watch`, unless it is None, is asked about each access by address; it stays with the page, and is no part of what an
    observer sees.
    """

    __slots__ = ("backing", "device", "pageable", "physical", "watch", "writable")

    def __init__(
        self,
        physical: int,
        writable: bool,
        pageable: bool,
        *,
        device: int = NOWHERE,
        backing: Backing | None = None,
        watch: PageWatch | None = None,
    ) -> None:
        self.physical: Final = physical
        self.writable: Final = writable
        self.pageable: Final = pageable
        self.device: Final = device
        self.backing: Final = backing
        self.watch = watch

    def __repr__(self) -> str:
        if self.device != NOWHERE:
            return f"<Page of device memory {self.device:#010x}>"
        place = "paged out" if self.physical == NOWHERE else f"at {self.physical:#010x}"
        return f"<Page {place}{', pageable' * self.pageable}{', read-only' * (not self.writable)}>"

    @property
    def frame(self) -> int:
        """The number of the frame that holds a valid page."""
        return self.physical >> PAGE_SHIFT


class PageTableObserver(Protocol):
    """Is called after each change of a page table, with the address of the first page and the number of pages.

    The entries of `space` show the new state. Device memory is mapped and unmapped like RAM.
    """

    def map(self, space: AddressSpace, address: int, pages: int) -> None:
        """`pages` pages were mapped at `address`."""

    def unmap(self, space: AddressSpace, address: int, pages: int) -> None:
        """Pages are no longer mapped."""

    def protect(self, space: AddressSpace, address: int, pages: int) -> None:
        """Writes to pages were allowed or forbidden."""

    def page_in(self, space: AddressSpace, address: int) -> None:
        """A page that was paged out has a frame again."""

    def page_out(self, space: AddressSpace, address: int) -> None:
        """A page lost its frame."""

    def attach_process(self, space: AddressSpace) -> None:
        """User addresses belong to `space` from now on."""

    def close(self) -> None:
        """The machine ends; its RAM may be gone."""


class AddressSpace:
    """One set of page tables: those of the system, or those of one process.

    `entries` maps virtual page numbers to pages. Others may read it; only this class changes it. `observer`, unless it
    is None, is told of each change.
    """

    __slots__ = ("_frames", "_next", "entries", "name", "observer")

    def __init__(self, name: str, frames: FrameDatabase, observer: PageTableObserver | None = None) -> None:
        self.name = name
        self.entries: dict[int, Page] = {}
        self.observer = observer
        self._frames = frames
        self._next: dict[AddressRange, int] = {}

    def map(
        self, where: AddressRange, frames: Sequence[int], *, writable: bool = True, pageable: bool = False
    ) -> int | None:
        """Map frames to consecutive pages of a range; their address, or None when the range has no room."""
        return self._map(where, [Page(frame << PAGE_SHIFT, writable, pageable) for frame in frames])

    def map_at(
        self, address: int, frames: Sequence[int], *, writable: bool = True, pageable: bool = False
    ) -> bool:
        """Map frames from a page-aligned address on; False, with nothing mapped, if a page there is in use."""
        first = address >> PAGE_SHIFT
        if any(number in self.entries for number in range(first, first + len(frames))):
            return False
        self._enter(first, [Page(frame << PAGE_SHIFT, writable, pageable) for frame in frames])
        return True

    def map_pages(self, address: int, pages: list[Page]) -> None:
        """Enter pages from a page-aligned address on, where nothing is mapped."""
        self._enter(address >> PAGE_SHIFT, pages)

    def place_pages(self, where: AddressRange, pages: list[Page]) -> int | None:
        """Enter pages at consecutive addresses of a range; their address, or None when the range has no room."""
        return self._map(where, pages)

    def map_device(self, where: AddressRange, bus_address: int, pages: int) -> int | None:
        """Map pages of device memory from a page-aligned bus address on; their address, or None without room."""
        end = bus_address + pages * PAGE_SIZE
        return self._map(
            where,
            [Page(NOWHERE, True, False, device=device) for device in range(bus_address, end, PAGE_SIZE)],
        )

    def unmap(self, address: int, pages: int) -> list[int]:
        """Forget mapped pages; returns the frames that were behind them, which the caller may free."""
        first = address >> PAGE_SHIFT
        gone = [self.entries.pop(number) for number in range(first, first + pages)]
        if self.observer is not None:
            self.observer.unmap(self, address, pages)
        return [page.frame for page in gone if page.physical != NOWHERE]

    def protect(self, address: int, length: int, *, writable: bool) -> None:
        """Allow or forbid writes to each mapped page that `length` bytes touch."""
        for number, page in self._touched(address, length):
            self.entries[number] = Page(
                page.physical,
                writable,
                page.pageable,
                device=page.device,
                backing=page.backing,
                watch=page.watch,
            )
            if self.observer is not None:
                self.observer.protect(self, number << PAGE_SHIFT, 1)

    def page(self, address: int) -> Page | None:
        """The page that holds an address, or None when nothing is mapped there."""
        return self.entries.get(address >> PAGE_SHIFT)

    def pages(self, address: int, length: int) -> list[Page]:
        """The mapped pages that `length` bytes touch."""
        first = address >> PAGE_SHIFT
        if (address & PAGE_OFFSET) + length <= PAGE_SIZE and length > 0:
            # Most buffers touch one page; the generator takes 0.4 µs more (bench/io_paths.py, "a read").
            page = self.entries.get(first)
            return [] if page is None else [page]
        return [page for _, page in self._touched(address, length)]

    def translate(self, address: int) -> int | None:
        """The physical address behind a virtual one; None unless the page is valid."""
        page = self.page(address)
        if page is None or page.physical == NOWHERE:
            return None
        return page.physical + (address & PAGE_OFFSET)

    def page_out(self, address: int, length: int) -> int:
        """Page out the pageable, unlocked pages that `length` bytes touch; returns the number of pages that went."""
        return sum(self._page_out(number, page) for number, page in list(self._touched(address, length)))

    def page_out_all(self) -> int:
        """Page out every pageable, unlocked page; returns the number of pages that went."""
        return sum(self._page_out(number, page) for number, page in list(self.entries.items()))

    def page_in(self, address: int) -> Page:
        """Bring the paged-out page of an address into a frame; returns the valid page.

        Raises STATUS_INSUFFICIENT_RESOURCES when no frame is free.
        """
        number = address >> PAGE_SHIFT
        page = self.entries[number]
        assert page.backing is not None
        frames = self._frames.allocate(1, page.backing.owner)
        if frames is None:
            error = StatusException(STATUS_INSUFFICIENT_RESOURCES)
            error.__cause__ = MemoryError(  # compiled code ignores the `from` of `raise`
                f"a frame must be free to page in {address:#x}; none was: give the machine more memory or free some"
            )
            raise error
        physical = frames[0] << PAGE_SHIFT
        self._frames.ram[physical : physical + PAGE_SIZE] = page.backing.contents
        valid = self.entries[number] = Page(physical, page.writable, page.pageable, watch=page.watch)
        if self.observer is not None:
            self.observer.page_in(self, number << PAGE_SHIFT)
        return valid

    def _page_out(self, number: int, page: Page) -> bool:
        if not page.pageable or page.physical == NOWHERE or self._frames.lock_count(page.frame):
            return False
        contents = bytes(self._frames.ram[page.physical : page.physical + PAGE_SIZE])
        backing = Backing(contents, self._frames.owner(page.frame))
        self._frames.free([page.frame])
        self.entries[number] = Page(NOWHERE, page.writable, page.pageable, backing=backing, watch=page.watch)
        if self.observer is not None:
            self.observer.page_out(self, number << PAGE_SHIFT)
        return True

    def _touched(self, address: int, length: int) -> Iterator[tuple[int, Page]]:
        """Number and page of each mapped page that `length` bytes touch."""
        first = address >> PAGE_SHIFT
        for number in range(first, first + span_pages(address, length)):
            page = self.entries.get(number)
            if page is not None:
                yield number, page

    def _map(self, where: AddressRange, pages: list[Page]) -> int | None:
        """Enter pages at consecutive addresses of a range; the address of the first, or None without room."""
        first = self._reserve(where, len(pages))
        if first is None:
            return None
        return self._enter(first, pages)

    def _enter(self, first: int, pages: list[Page]) -> int:
        """Enter pages from a page number on; returns the address of the first."""
        self.entries.update(enumerate(pages, first))
        address = first << PAGE_SHIFT
        if self.observer is not None:
            self.observer.map(self, address, len(pages))
        return address

    def _reserve(self, where: AddressRange, pages: int) -> int | None:
        """The first of `pages` unused page numbers with an unused one on each side.

        The search goes on where it last ended. An address comes back as late as possible, so that the use of a stale
        one is found out.
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
