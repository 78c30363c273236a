# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of a process: page tables of its own, and the buffers that programs pass to drivers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.mm.address_space import NOWHERE, AddressSpace, Page, PageTableObserver
from dirql.mm.frames import FrameDatabase
from dirql.mm.layout import PAGE_OFFSET, USER_RANGE, bytes_to_pages
from dirql.mm.poison import Poison
from dirql.nt.bugcodes import LOCKED_PAGES_AT_EXIT, PROCESS_HAS_LOCKED_PAGES
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["GuardDamaged", "Process", "UserBuffer"]

_GUARD: Final = b"\xa5"
_SPARE_PAGES: Final = 256
"""The number of pages of freed buffers that stay mapped for later buffers, as the heap of a C library keeps memory."""


class GuardDamaged(Exception):
    """The bytes around a user buffer were overwritten: a driver or a device did not keep to its bounds."""


class UserBuffer:
    """`length` bytes of a process at `address`, with `guard` painted bytes on each side."""

    __slots__ = ("_process", "address", "base", "guard", "length", "pages")

    def __init__(
        self, process: Process, base: int, pages: int, address: int, length: int, guard: int
    ) -> None:
        self._process = process
        self.base = base
        self.pages = pages
        self.address = address
        self.length = length
        self.guard = guard

    def __repr__(self) -> str:
        return f"<UserBuffer {self.length} bytes at {self.address:#x}>"

    def read(self, length: int | None = None) -> bytes:
        """The first `length` bytes, or all of them."""
        return self._process.read(self.address, self.length if length is None else length)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Put `data` at the start of the buffer; raises `ValueError` for more than `length` bytes."""
        if len(data) > self.length:
            raise ValueError(
                f"data for {self!r} must fit into it; it was {len(data)} bytes: allocate a longer buffer"
            )
        self._process.write(self.address, data)

    def paint(self) -> None:
        """Write the guard bytes."""
        self._process.write(self.address - self.guard, _GUARD * self.guard)
        self._process.write(self.address + self.length, _GUARD * self.guard)

    def check(self) -> None:
        """Raise `GuardDamaged` when a guard byte was overwritten."""
        for side, start in (("before", self.address - self.guard), ("behind", self.address + self.length)):
            found = self._process.read(start, self.guard)
            if found != _GUARD * self.guard:
                place = next(index for index, byte in enumerate(found) if byte != _GUARD[0])
                raise GuardDamaged(
                    f"the {self.guard} guard bytes {side} {self!r} must keep their value; {start + place:#x} was "
                    f"overwritten"
                )

    def free(self) -> None:
        """Check the guard bytes and give the buffer back; raises `GuardDamaged`."""
        self._process.free(self)


class Process:
    """A process: an address space of user buffers. `read` and `write` reach it whether or not it is attached."""

    __slots__ = (
        "_frames",
        "_poison",
        "_spare",
        "_spare_pages",
        "address_space",
        "buffers",
        "guard",
        "is_poisoned",
        "name",
        "poisoned",
    )

    def __init__(
        self, name: str, frames: FrameDatabase, poison: Poison | None, observer: PageTableObserver | None
    ) -> None:
        """With a `poison` of None new buffers have unknown contents, and nobody asks whether they were written."""
        self.name = name
        self.address_space = AddressSpace(name, frames, observer)
        self.buffers = 0
        self.guard = 0
        """The guard bytes on each side of a buffer for which `allocate` is given no other number."""
        self.is_poisoned = poison is not None
        """Whether buffers are full of poison before a driver writes to them."""
        self.poisoned: dict[int, int] = {}
        """The number of the filling at the start of each buffer, by its address, for `Poison.equal`."""
        self._frames = frames
        self._poison = poison
        self._spare: dict[int, list[int]] = {}
        self._spare_pages = 0

    def __repr__(self) -> str:
        return f"<Process {self.name!r}, {self.buffers} buffers>"

    def allocate(
        self, length: int, *, offset: int = 0, guard: int | None = None, poisoned: bool = True
    ) -> UserBuffer:
        """A buffer of `length` bytes that starts `offset` bytes into a page, full of poison.

        With `poisoned` False the contents are unknown, for a caller that writes all of them.

        `guard` bytes on each side are painted now and checked when the buffer is freed. Raises
        STATUS_INSUFFICIENT_RESOURCES when no frame or no address is free.
        """
        if guard is None:
            guard = self.guard
        lead = offset
        if guard > offset:
            lead += -(-(guard - offset) // PAGE_SIZE) * PAGE_SIZE
        # Most buffers touch one page. With that told apart here and in the methods below, "a read" in bench/io_paths.py
        # takes 1 µs of 50 less.
        size = lead + length + guard
        pages = 1 if size <= PAGE_SIZE else bytes_to_pages(size)
        spare = self._spare.get(pages)
        if spare:
            self._spare_pages -= pages
            base = spare.pop()
        else:
            base = self._map(pages)
        buffer = UserBuffer(self, base, pages, base + lead, length, guard)
        if poisoned and length and self._poison is not None:
            self.poisoned[buffer.address] = self._fill(self._poison, buffer.address, length)
        if guard:
            buffer.paint()
        self.buffers += 1
        return buffer

    def free(self, buffer: UserBuffer) -> None:
        """Give a buffer back. Frames that an MDL still locks are kept until the MDL unlocks them."""
        if buffer.guard:
            buffer.check()
        self.buffers -= 1
        self.poisoned.pop(buffer.address, None)
        base, count = buffer.base, buffer.pages
        space = self.address_space
        if count == 1:
            page = space.entries[base >> PAGE_SHIFT]
            is_locked = page.physical != NOWHERE and self._frames.lock_count(page.frame) > 0
        else:
            is_locked = self._locked(space.pages(base, count * PAGE_SIZE)) > 0
        if is_locked or self._spare_pages + count > _SPARE_PAGES:
            self._frames.free(space.unmap(base, count))
            return
        spare = self._spare.get(count)
        if spare is None:
            spare = self._spare[count] = []
        spare.append(base)
        self._spare_pages += count

    def read(self, address: int, length: int) -> bytes:
        """Bytes of the process, as the program itself sees them."""
        offset = address & PAGE_OFFSET
        page = self.address_space.entries.get(address >> PAGE_SHIFT)
        if page is not None and page.physical != NOWHERE and 0 < length <= PAGE_SIZE - offset:
            start = page.physical + offset
            return self._frames.ram[start : start + length].tobytes()
        return b"".join(self._pieces(address, length))

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Change bytes of the process, as the program itself would."""
        source, position = memoryview(data), 0
        if source.format != "B" or source.ndim != 1:
            source = memoryview(source.tobytes())
        for piece in self._pieces(address, len(source)):
            piece[:] = source[position : position + len(piece)]
            position += len(piece)

    def delete(self) -> None:
        """Free all memory of the process; bug check 0x76 when pages of it are locked."""
        locked = self.locked_pages()
        if locked:
            bug_check(
                PROCESS_HAS_LOCKED_PAGES,
                LOCKED_PAGES_AT_EXIT,
                self,
                locked,
                reason=f"a process that ends must have no locked page; {self!r} had {locked}: unlock its MDLs first",
            )
        for number in list(self.address_space.entries):
            self._frames.free(self.address_space.unmap(number * PAGE_SIZE, 1))
        self._spare.clear()
        self.poisoned.clear()
        self._spare_pages = self.buffers = 0

    def locked_pages(self) -> int:
        """The number of the process's pages that are locked."""
        return self._locked(self.address_space.entries.values())

    def _map(self, pages: int) -> int:
        frames = self._frames.allocate(pages, self.name)
        address = None if frames is None else self.address_space.map(USER_RANGE, frames, pageable=True)
        if address is None:
            raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
        return address

    def _locked(self, pages: Iterable[Page]) -> int:
        """The number of locked pages among some."""
        locked = 0
        for page in pages:
            if page.physical != NOWHERE and self._frames.lock_count(page.frame):
                locked += 1
        return locked

    def _fill(self, poison: Poison, address: int, length: int) -> int:
        """Put poison into a buffer; returns the number of the filling at its start."""
        offset = address & PAGE_OFFSET
        page = self.address_space.entries[address >> PAGE_SHIFT]
        if page.physical != NOWHERE and length <= PAGE_SIZE - offset:
            start = page.physical + offset
            return poison.fill(start, start + length)
        first = -1
        while length > 0:
            part = min(length, PAGE_SIZE - (address & PAGE_OFFSET))
            page = self.address_space.entries[address >> PAGE_SHIFT]
            if page.physical == NOWHERE:
                page = self.address_space.page_in(address)
            start = page.physical + (address & PAGE_OFFSET)
            place = poison.fill(start, start + part)
            if first < 0:
                first = place
            address += part
            length -= part
        return first

    def _pieces(self, address: int, length: int) -> list[memoryview]:
        """The bytes in each page that the range touches; pages that are out come in."""
        pieces = []
        while length > 0:
            offset = address & PAGE_OFFSET
            part = min(length, PAGE_SIZE - offset)
            page = self.address_space.page(address)
            if page is None:
                raise ValueError(
                    f"an address of {self!r} must lie in one of its buffers; {address:#x} does not"
                )
            if page.physical == NOWHERE:
                page = self.address_space.page_in(address)
            pieces.append(self._frames.ram[page.physical + offset : page.physical + offset + part])
            address += part
            length -= part
        return pieces
