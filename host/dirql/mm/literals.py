# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The constants of drivers: texts that C keeps in the image of the driver, in read-only memory.

A driver in Python that writes a text where C has a string literal has no image. Its text is put here, once for each
text, and stays as long as the machine is open.
"""

from __future__ import annotations

from typing import Final

from dirql.mm.address_space import AddressSpace
from dirql.mm.frames import FrameDatabase
from dirql.mm.layout import LITERAL_RANGE, bytes_to_pages
from dirql.nt.constants import PAGE_SIZE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["Literals"]

_ALIGNMENT: Final = 16


class Literals:
    """The constants of one machine."""

    __slots__ = ("_end", "_frames", "_known", "_next", "_system")

    def __init__(self, system: AddressSpace, frames: FrameDatabase) -> None:
        self._system = system
        self._frames = frames
        self._known: dict[bytes, int] = {}
        self._next = self._end = 0

    def address_of(self, contents: bytes) -> int:
        """The address of these bytes, the same for each call; raises STATUS_INSUFFICIENT_RESOURCES without memory."""
        address = self._known.get(contents)
        if address is None:
            address = self._known[contents] = self._place(contents)
        return address

    def _place(self, contents: bytes) -> int:
        if self._next + len(contents) > self._end:
            self._map(bytes_to_pages(len(contents)))
        address = self._next
        position = 0
        while position < len(contents):
            physical = self._system.translate(address + position)
            assert physical is not None
            part = contents[position : position + PAGE_SIZE - physical % PAGE_SIZE]
            self._frames.ram[physical : physical + len(part)] = part
            position += len(part)
        self._next = -(-(address + len(contents)) // _ALIGNMENT) * _ALIGNMENT
        return address

    def _map(self, pages: int) -> None:
        frames = self._frames.allocate(pages, LITERAL_RANGE.name)
        if frames is None:
            error = StatusException(STATUS_INSUFFICIENT_RESOURCES)
            error.__cause__ = MemoryError(  # compiled code ignores the `from` of `raise`
                f"{pages} frames must be free for a driver's constants; they were not: give the machine more memory"
            )
            raise error
        address = self._system.map(LITERAL_RANGE, frames, writable=False)
        assert address is not None  # the range is larger than any RAM
        self._next, self._end = address, address + pages * PAGE_SIZE
