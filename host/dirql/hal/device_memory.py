# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device memory in the system's address space, and the way from a register's virtual address to the bus."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias, TypeVar

from dirql.hal.lanes import DWORD, lane
from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver
from dirql.ke.origin import Mark, mark
from dirql.mm.address_space import NOWHERE
from dirql.mm.blocks import owner_text
from dirql.mm.layout import DEVICE_RANGE, PAGE_OFFSET, page_align, span_pages
from dirql.mm.manager import MemoryManager
from dirql.nt.constants import PAGE_SIZE, MmMaximumCacheType

__all__ = ["MOST_REMEMBERED", "DeviceMemory"]

MOST_REMEMBERED: Final = 1 << 16
"""The most registers of each width whose addresses are remembered at a time."""
_BUS_END: Final = 1 << 32
_ENDED: Final = 64
"""The number of mappings that are remembered after their end."""

_CACHE_TYPES: Final = (
    "MmNonCached",
    "MmCached",
    "MmWriteCombined",
    "MmHardwareCoherentCached",
    "MmNonCachedUnordered",
    "MmUSWCCached",
)

T = TypeVar("T")


class _Remembered(dict[int, T]):
    """The result of `find` for each address. A subscript that is missing calls `find`, and its result is remembered."""

    def __init__(self, find: Callable[[int], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, address: int) -> T:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        found = self[address] = self._find(address)
        return found


_Driver: TypeAlias = object
"""A driver; mypyc does not find the name `object` in the fields of a class such as the next one."""


class _Mapping(NamedTuple):
    """A range of device memory that a driver has mapped."""

    physical: int
    length: int
    cache_type: int
    driver: _Driver
    place: Mark | None


class DeviceMemory:
    """The mapped device memory of one machine.

    `dwords[address]` is the bus address of a register of four bytes. `words[address]` and `octets[address]` are the
    byte lanes of registers of two bytes and of one byte. A subscript raises as `translate` does. The three tables
    remember the addresses until memory is unmapped: `translate` at each access would make `read ulong` of
    bench/hal_paths.py take 1.5 instead of 0.2 µs. A lane for the register of four bytes, which fills the bus, would
    make that 0.25 µs.
    """

    __slots__ = ("_ended", "_manager", "_mappings", "dwords", "octets", "words")

    def __init__(self, manager: MemoryManager) -> None:
        self._manager = manager
        self._mappings: dict[int, _Mapping] = {}
        """By the virtual address of the first page."""
        self._ended: deque[tuple[int, _Mapping, str]] = deque(maxlen=_ENDED)
        """The mappings that ended last: virtual address, and who unmapped it where."""
        self.dwords = _Remembered(lambda address: self.translate(address, DWORD, DWORD))
        self.words = _Remembered(lambda address: lane(self.translate(address, 2, 2), 2))
        self.octets = _Remembered(lambda address: lane(self.translate(address, 1, 1), 1))

    def map(self, physical: int, length: int, cache_type: int) -> int | None:
        """Map device memory; returns its virtual address, or None when the range of device memory is full.

        None also for a caching type that there is not. A page has one type: a second mapping with another one gets the
        first one's, and is a defect.
        """
        ram_end = len(self._manager.ram)
        if length <= 0 or physical < ram_end or physical + length > _BUS_END:
            raise ValueError(
                f"MmMapIoSpace: NumberOfBytes must be 1 or more, and PhysicalAddress above the RAM, which ends at"
                f" {ram_end:#x}, "
                f"and below 4 GiB; it was {length} bytes at {physical:#x}: take the translated resource of the start "
                f"request"
            )
        if not 0 <= cache_type < MmMaximumCacheType:
            return None
        cache_type = self._check_type(physical, length, cache_type)
        pages = span_pages(physical, length)
        address = self._manager.system.map_device(DEVICE_RANGE, page_align(physical), pages)
        if address is None:
            return None
        self._mappings[address] = _Mapping(physical, length, cache_type, current_driver(), mark())
        return address + (physical & PAGE_OFFSET)

    def _check_type(self, physical: int, length: int, cache_type: int) -> int:
        """The caching type of a new mapping: that of one that has a page of it already."""
        first, end = page_align(physical), physical + length
        for known in self._mappings.values():
            other_end = page_align(known.physical + known.length + PAGE_OFFSET)
            if known.cache_type != cache_type and page_align(known.physical) < end and first < other_end:
                name, before = _CACHE_TYPES[cache_type], _CACHE_TYPES[known.cache_type]
                report_defect(
                    "MEM-01",
                    f"MmMapIoSpace: CacheType must be the type with which the pages are mapped already, {before}; it"
                    f" was {name} for {length} bytes at {physical:#x}, of which"
                    f" {owner_text(known.driver, known.place)} has mapped some: pass the same type each time",
                )
                return known.cache_type
        return cache_type

    def held(self, driver: object | None = None) -> Iterator[str]:
        """A sentence for each range that the driver, or without one any driver, has not unmapped."""
        for mapping in self._mappings.values():
            if driver is None or mapping.driver is driver:
                yield (
                    f"{mapping.length} bytes of device memory at {mapping.physical:#010x} are still mapped, by"
                    f" {owner_text(mapping.driver, mapping.place)}: call MmUnmapIoSpace"
                )

    def unmap(self, address: int, length: int) -> None:
        """Undo `map`; takes the address that it returned and the same length."""
        if not 0 < length <= _BUS_END:
            raise ValueError(
                f"MmUnmapIoSpace: NumberOfBytes must be the length of MmMapIoSpace; it was {length:#x}"
            )
        pages = span_pages(address, length)
        made = self._mappings.get(page_align(address))
        if made is not None and (made.length, made.physical & PAGE_OFFSET) != (length, address & PAGE_OFFSET):
            report_defect(
                "DRV-12",
                f"MmUnmapIoSpace must be called with the address and the length of MmMapIoSpace; they were {address:#x}"
                f" and {length:#x} for a mapping of {made.length:#x} bytes by {owner_text(made.driver, made.place)}:"
                " keep both from the call of MmMapIoSpace",
            )
        mapped = [page for page in self._manager.system.pages(address, length) if page.device != NOWHERE]
        if len(mapped) != pages:
            raise ValueError(
                f"MmUnmapIoSpace: BaseAddress must be mapped; {pages - len(mapped)} of {pages} pages at {address:#x} "
                f"were not: pass the address and the length of MmMapIoSpace"
            )
        self._manager.system.unmap(page_align(address), pages)
        end = page_align(address) + pages * PAGE_SIZE
        for first in [first for first in self._mappings if page_align(address) <= first < end]:
            ended_by = owner_text(current_driver(), mark())
            self._ended.append((first, self._mappings.pop(first), ended_by))
        for table in (self.dwords, self.words, self.octets):
            table.clear()

    def translate(self, address: int, length: int, alignment: int) -> int:
        """The bus address behind `length` bytes of device memory.

        Raises `ValueError` for an address that is not a multiple of `alignment`, and unless all bytes are mapped.
        """
        if address % alignment:
            raise ValueError(f"Register must be a multiple of {alignment}; it was {address:#x}")
        if not 0 < length <= _BUS_END:
            raise ValueError(
                f"Count must be the number of registers from Register on; they had {length} bytes"
            )
        pages = self._manager.system.pages(address, length)
        if len(pages) != span_pages(address, length) or any(page.device == NOWHERE for page in pages):
            raise ValueError(
                f"Register must be an address that MmMapIoSpace mapped; {address:#x} {self._what_is(address)}"
            )
        return pages[0].device + (address & PAGE_OFFSET)

    def _what_is(self, address: int) -> str:
        """Words for an address that is not mapped: the mapping that was there or is near, and the next step."""
        for first, mapping, ended_by in reversed(self._ended):
            if 0 <= address - first < span_pages(mapping.physical, mapping.length) * PAGE_SIZE:
                return (
                    f"was in a mapping of {mapping.length} bytes by {owner_text(mapping.driver, mapping.place)}, which"
                    f" MmUnmapIoSpace ended in {ended_by}: end all use of the registers before, also by DPCs and timers"
                )
        if address < PAGE_SIZE:
            return (
                "is so small that it is NULL with an offset: look for a mapping that was not made yet, or for a use"
                " after the registers were given back"
            )
        below = [first for first in self._mappings if first <= address]
        if below and address in DEVICE_RANGE:
            first = max(below)
            mapping = self._mappings[first]
            start = first + (mapping.physical & PAGE_OFFSET)
            return (
                f"is {address - start:#x} bytes behind the start of a mapping of {mapping.length:#x} bytes by"
                f" {owner_text(mapping.driver, mapping.place)}: use offsets below its length"
            )
        return "was not: read and write memory with RtlCopyMemory"
