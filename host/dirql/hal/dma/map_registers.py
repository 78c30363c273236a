# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Map registers: bounce pages for data in memory that a device cannot reach.

On NT a map register is an entry of a translation table or, as here, a page that the device can reach, from which or to
which data is copied. A device with scatter/gather that reaches all memory needs no such pages; its `MapRegisters` only
count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from dirql.hal.dma.grants import DmaGrant
from dirql.hal.dma.transfers import Run
from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.mm.layout import span_pages
from dirql.mm.manager import MemoryManager
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import DRIVER_VERIFIER_DMA_VIOLATION, VF_DMA_TOO_MANY_REGISTERS
from dirql.nt.constants import PAGE_SHIFT, PAGE_SIZE

__all__ = ["MapRegisters", "RegisterFile", "report_direction"]

OWNER: Final = "map registers"
_FREE: Final = b"\x01"
_TAKEN: Final = b"\x00"


@dataclass(slots=True)
class _Bounce:
    """A part of a transfer that lies in bounce pages from physical address `start` on."""

    found: list[Run]
    """The memory of the part itself."""
    start: int
    write_to_device: bool


class RegisterFile:
    """All map registers of an adapter: contiguous frames below the first address that the device cannot reach."""

    __slots__ = ("_first", "_free", "manager")

    def __init__(self, manager: MemoryManager, first: int, count: int) -> None:
        self.manager = manager
        self._first = first
        self._free = bytearray(_FREE * count)

    @classmethod
    def create(cls, manager: MemoryManager, count: int, limit: int, boundary: int = 0) -> RegisterFile | None:
        """A file of `count` registers below physical address `limit`; None when there is no such memory.

        The registers cross no multiple of `boundary` bytes, unless that is 0.
        """
        first = manager.frames.allocate_contiguous(count, OWNER, limit, boundary=boundary)
        return None if first is None else cls(manager, first, count)

    def take(self, count: int) -> MapRegisters | None:
        """Take `count` contiguous registers; return None while fewer contiguous registers are free."""
        index = self._free.find(_FREE * count)
        if index < 0:
            return None
        self._free[index : index + count] = _TAKEN * count
        return MapRegisters(count, self, (self._first + index) << PAGE_SHIFT)

    def give_back(self, registers: MapRegisters) -> None:
        """Free registers that `take` gave."""
        index = (registers.start >> PAGE_SHIFT) - self._first
        self._free[index : index + registers.count] = _FREE * registers.count

    def close(self) -> None:
        """Give the frames back to the memory manager."""
        self.manager.frames.free(range(self._first, self._first + len(self._free)))


class MapRegisters:
    """Registers of one transfer; the MapRegisterBase of the WDK."""

    __slots__ = ("_bounces", "_file", "_used", "count", "grants", "mdls", "start", "to_device")

    def __init__(self, count: int, file: RegisterFile | None = None, start: int = 0) -> None:
        self.count = count
        self.start = start
        self._file = file
        self._used = 0
        self._bounces: list[_Bounce] = []
        self.grants: list[DmaGrant] = []
        """The permissions of devices to access the memory of the transfer."""
        self.mdls: list[Mdl] = []
        """The MDLs that describe it; their pages must stay locked meanwhile."""
        self.to_device = False
        """Whether the device reads the memory of the transfer."""

    def __repr__(self) -> str:
        return f"<MapRegisters {self.count}, {self._used} in use>"

    @property
    def unflushed(self) -> int:
        """The bytes of data from the device that were not flushed to their buffer."""
        return sum(
            end - first
            for bounce in self._bounces
            if not bounce.write_to_device
            for first, end in bounce.found
        )

    def bounce(self, found: list[Run], offset: int, *, write_to_device: bool) -> Run:
        """Move these runs of a transfer through these registers; returns where in RAM the device finds them.

        They begin `offset` bytes into the first free page. Data for the device is copied there now; data from the
        device is copied to its buffer by `flush`, with poison in the place of bytes that the device did not write. Bug
        check 0xE6/0xC when fewer registers were taken than are needed.
        """
        length = sum(end - first for first, end in found)
        pages = span_pages(offset, length)
        if self._file is None or self._used + pages > self.count:
            self._too_many(pages)
        start = self.start + self._used * PAGE_SIZE + offset
        self._used += pages
        if write_to_device:
            self._copy(found, start, to_device=True)
        else:
            self._file.manager.poison.fill(start, start + length)
        self._bounces.append(_Bounce(found, start, write_to_device))
        return start, start + length

    @property
    def is_bounced(self) -> bool:
        """Whether data of the transfer goes through these registers."""
        return bool(self._bounces)

    def flush(self, missing: int = 0) -> None:
        """Copy the data from the device to its buffers; the registers may then be mapped again.

        The last `missing` bytes of the transfer are not copied, since the device has not moved them.
        """
        for bounce in self._bounces:
            if not bounce.write_to_device:
                found = _without_end(bounce.found, missing) if missing else bounce.found
                self._copy(found, bounce.start, to_device=False)
        self._bounces.clear()
        self._used = 0

    def free(self) -> None:
        """Give the registers back; data that was not flushed is lost."""
        self._bounces.clear()
        if self._file is not None:
            self._file.give_back(self)

    def _copy(self, found: list[Run], start: int, *, to_device: bool) -> None:
        assert self._file is not None
        ram = self._file.manager.ram
        for first, end in found:
            size = end - first
            if to_device:
                ram[start : start + size] = ram[first:end]
            else:
                ram[first:end] = ram[start : start + size]
            start += size

    def _too_many(self, pages: int) -> NoReturn:
        bug_check(
            DRIVER_VERIFIER_DMA_VIOLATION,
            VF_DMA_TOO_MANY_REGISTERS,
            self._used + pages,
            self.count,
            reason=f"a transfer must map at most the {self.count} registers that it took; it mapped "
            f"{self._used + pages}",
        )


def _without_end(found: list[Run], missing: int) -> list[Run]:
    """Runs without their last bytes."""
    left = sum(end - first for first, end in found) - missing
    kept: list[Run] = []
    for first, end in found:
        size = min(end - first, left)
        if size <= 0:
            break
        kept.append((first, first + size))
        left -= size
    return kept


def report_direction(routine: str, registers: MapRegisters, was: int) -> None:
    """Report a transfer that ends with another direction than it began with (row DMA-18)."""
    report_defect(
        "DMA-18",
        f"{routine}: WriteToDevice must be {registers.to_device}, as at the beginning of the transfer; it was"
        f" {bool(was)}: give all its calls the same value, since NT copies data that the device has written only"
        " with FALSE",
    )
