# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page tables of the machine in this process: drivers in C find memory at its virtual addresses.

The machine's RAM is a file. A page of the system that is always in memory is mapped at its address as soon as the page
table says so. Pageable pages, and those of the attached process, are mapped when a driver touches them, and are taken
away again when a driver goes on at DISPATCH_LEVEL or above, or in another process; so each wrong touch is a page fault.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import Final

from dirql.c.core.native_module import Native
from dirql.ke.current import current
from dirql.mm.address_space import NOWHERE, AddressSpace, Page
from dirql.mm.layout import SYSTEM_RANGE_START
from dirql.mm.manager import MemoryManager
from dirql.nt.constants import DISPATCH_LEVEL, PAGE_SHIFT, PAGE_SIZE
from dirql.target.contract import MemoryFile

__all__ = ["RESERVED", "ProcessPages"]

RESERVED: Final = ((0x1000_0000_0000, 0x0100_0000_0000), (0x2000_0000_0000, 0x0500_0000_0000))
"""Start and size of the ranges in which the machine has its memory."""

_READ: Final = mmap.PROT_READ
_READ_WRITE: Final = mmap.PROT_READ | mmap.PROT_WRITE


class ProcessPages:
    """Keeps the mappings of this process like the page tables; a `PageTableObserver`."""

    def __init__(
        self, native: Native, manager: MemoryManager, file: MemoryFile, closed: Callable[[], None]
    ) -> None:
        """Map everything that is mapped already; `closed` is called when the machine ends."""
        self._closed = closed
        self._native = native
        self._manager = manager
        self._file = file
        self._demand: dict[int, AddressSpace] = {}
        """The pages that are mapped for a while, by their numbers."""
        self.executable: set[int] = set()
        """The pages with code of drivers."""
        self._always: set[int] = set()
        """The pages that are mapped as long as the page table has them."""
        self.forgotten: Callable[[int, int], None] = lambda _address, _pages: None
        """Is told the first address and the number of pages of the system that are mapped no more."""
        for number in list(manager.system.entries):
            self.map(manager.system, number << PAGE_SHIFT, 1)

    def map(self, space: AddressSpace, address: int, pages: int) -> None:
        """See `PageTableObserver`."""
        first = address >> PAGE_SHIFT
        if space is not self._manager.system:
            return
        for start, physical, count, protection in _runs(space, first, pages):
            self._map(start, physical, count, protection)
            self._always.update(range(start, start + count))

    def unmap(self, space: AddressSpace, address: int, pages: int) -> None:
        """See `PageTableObserver`."""
        first = address >> PAGE_SHIFT
        numbers = range(first, first + pages)
        if space is self._manager.system:
            self.forgotten(address, pages)
        if space is self._manager.system and first in self._always:
            self._native.unmap_pages(address, pages * PAGE_SIZE)
            self._always.difference_update(numbers)
        if self._demand:
            self._drop([number for number in numbers if self._demand.get(number) is space])

    def protect(self, space: AddressSpace, address: int, pages: int) -> None:
        """See `PageTableObserver`."""
        first = address >> PAGE_SHIFT
        self._drop([n for n in range(first, first + pages) if self._demand.get(n) is space])
        self.map(space, address, pages)

    def page_in(self, space: AddressSpace, address: int) -> None:
        """See `PageTableObserver`: the page is mapped when a driver touches it."""

    def page_out(self, space: AddressSpace, address: int) -> None:
        """See `PageTableObserver`."""
        number = address >> PAGE_SHIFT
        if self._demand.get(number) is space:
            self._drop([number])

    def attach_process(self, space: AddressSpace) -> None:
        """See `PageTableObserver`."""
        del space
        self._drop([number for number, owner in self._demand.items() if owner is not self._manager.system])

    def close(self) -> None:
        """See `PageTableObserver`: nothing of the machine stays mapped."""
        self._closed()
        self._drop(list(self._demand))
        for number in self._always:
            self._native.unmap_pages(number << PAGE_SHIFT, PAGE_SIZE)
        self._always.clear()

    def discard(self, address: int, pages: int) -> None:
        """Forget pages that are mapped no more because an image was unloaded."""
        first = address >> PAGE_SHIFT
        self._always.difference_update(range(first, first + pages))

    def is_mapped(self, address: int) -> bool:
        """Whether a driver may read there now without a fault."""
        number = address >> PAGE_SHIFT
        return number in self._always or number in self._demand

    def touch(self, address: int, *, write: bool) -> None:
        """A driver in C has touched memory that is not mapped; raises as `resolve_fault` does, or maps the page."""
        page = self._manager.access(address, write=write, by_driver=True)
        number = address >> PAGE_SHIFT
        space = self._manager.space_of(address)
        protection = _READ_WRITE if page.writable else _READ
        self._map(number, page.physical, 1, protection)
        if page.pageable or space is not self._manager.system:
            self._demand[number] = space
            self._native.set_demand(len(self._demand))
        else:
            self._always.add(number)

    def recheck(self) -> None:
        """Take pages away that the driver which goes on may not touch; called before it does."""
        if current.processor.irql >= DISPATCH_LEVEL:
            self._drop(list(self._demand))
            return
        user = self._manager.user_space()
        self._drop(
            [
                n
                for n, space in self._demand.items()
                if n << PAGE_SHIFT < SYSTEM_RANGE_START and space is not user
            ]
        )

    def _map(self, number: int, physical: int, count: int, protection: int) -> None:
        offset = self._file.offset + physical
        if number in self.executable:
            protection |= mmap.PROT_EXEC
        self._native.map_pages(number << PAGE_SHIFT, self._file.fd, offset, count * PAGE_SIZE, protection)

    def _drop(self, numbers: list[int]) -> None:
        for number in numbers:
            self._native.unmap_pages(number << PAGE_SHIFT, PAGE_SIZE)
            del self._demand[number]
        if numbers:
            self._native.set_demand(len(self._demand))


def _runs(space: AddressSpace, first: int, pages: int) -> Iterator[tuple[int, int, int, int]]:
    """First page, physical address, number of pages and protection of each run that one mapping can show."""
    start = physical = protection = count = 0
    for number in range(first, first + pages):
        page = space.entries[number]
        own = _protection(page)
        if count and own == protection and page.physical == physical + count * PAGE_SIZE:
            count += 1
            continue
        if count:
            yield start, physical, count, protection
        start, physical, protection, count = number, page.physical, own, int(bool(own))
    if count:
        yield start, physical, count, protection


def _protection(page: Page) -> int:
    """The protection of a page that is mapped as long as it is there; 0 for any other."""
    if page.pageable or page.physical == NOWHERE:
        return 0
    return _READ_WRITE if page.writable else _READ
