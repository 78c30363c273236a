# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device memory in the system's address space, and how the register routines find what is behind an address.

The way from a virtual address to the bus is taken once for each address and width and then remembered: the tables are
dictionaries whose missing entries look into the page tables. What is unmapped is forgotten.
"""

from __future__ import annotations

from typing import Final

from dirql.hal import current
from dirql.hal.lanes import DWORD, Lane, lane
from dirql.ke.processors.irql import contract
from dirql.mm.address_space import NOWHERE
from dirql.mm.layout import DEVICE_RANGE, PAGE_OFFSET, page_align, span_pages
from dirql.mm.manager import MemoryManager
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VF_MDL_MAP_IO_SPACE_IRQL,
    VF_MDL_UNMAP_IO_SPACE_IRQL,
)
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = ["DeviceMemory", "Dwords", "Lanes", "map_io_space", "unmap_io_space"]

_MOST_REMEMBERED: Final = 1 << 16
_BUS_END: Final = 1 << 32


class DeviceMemory:
    """The mapped device memory of one machine."""

    __slots__ = ("_manager", "bytes", "dwords", "words")

    def __init__(self, manager: MemoryManager) -> None:
        self._manager = manager
        self.bytes = Lanes(self, 1)
        self.words = Lanes(self, 2)
        self.dwords = Dwords(self)

    def map(self, physical: int, length: int) -> int | None:
        """Make device memory visible; its virtual address, or None without room."""
        end = physical + length
        if length <= 0 or physical < len(self._manager.ram) or end > _BUS_END:
            raise ValueError(
                f"device memory to map must be one or more bytes above the host's RAM, which ends at "
                f"{len(self._manager.ram):#x}, and below 4 GiB, was {length} bytes at {physical:#x}: take the "
                f"translated resource of the start request"
            )
        pages = span_pages(physical, length)
        address = self._manager.system.map_device(DEVICE_RANGE, page_align(physical), pages)
        return None if address is None else address + (physical & PAGE_OFFSET)

    def unmap(self, address: int, length: int) -> None:
        """Undo `map`, with what it returned and the same length."""
        pages = span_pages(address, length)
        mapped = [page for page in self._manager.system.pages(address, length) if page.device != NOWHERE]
        if len(mapped) != pages:
            raise ValueError(
                f"device memory to unmap must be mapped, {pages - len(mapped)} of the {pages} pages at {address:#x} "
                f"are not: pass the address and the length of MmMapIoSpace"
            )
        self._manager.system.unmap(page_align(address), pages)
        for table in (self.bytes, self.words, self.dwords):
            table.clear()

    def translate(self, address: int, size: int, alignment: int) -> int:
        """The bus address behind `size` bytes; they must be device memory, in neighbouring pages, and aligned."""
        if address % alignment:
            raise ValueError(f"a register's address must be a multiple of {alignment} here, was {address:#x}")
        pages = list(self._manager.system.pages(address, size))
        if len(pages) != span_pages(address, size) or any(page.device == NOWHERE for page in pages):
            raise ValueError(
                f"a register's address must be mapped by MmMapIoSpace, {address:#x} is not: memory is read and written "
                f"with RtlCopyMemory and mm.memory"
            )
        return pages[0].device + (address & PAGE_OFFSET)


class Dwords(dict[int, int]):
    """Bus address by virtual address, of registers of four bytes."""

    __slots__ = ("_device_memory",)

    def __init__(self, device_memory: DeviceMemory) -> None:
        super().__init__()
        self._device_memory = device_memory

    def __missing__(self, address: int) -> int:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        self[address] = bus_address = self._device_memory.translate(address, DWORD, DWORD)
        return bus_address


class Lanes(dict[int, Lane]):
    """Byte lane by virtual address, of registers of one or two bytes."""

    __slots__ = ("_device_memory", "_size")

    def __init__(self, device_memory: DeviceMemory, size: int) -> None:
        super().__init__()
        self._device_memory = device_memory
        self._size = size

    def __missing__(self, address: int) -> Lane:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        bus_address = self._device_memory.translate(address, self._size, self._size)
        self[address] = found = lane(bus_address, self._size)
        return found


@contract(max_irql=DISPATCH_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=VF_MDL_MAP_IO_SPACE_IRQL)
def map_io_space(physical_address: int, length: int, _cache_type: int) -> int | None:
    """The virtual address of `length` bytes of device memory, or None without room; follows MmMapIoSpace.

    There is no cache between the host and the bus, so each type is MmNonCached.
    """
    return current.hal.device_memory.map(physical_address, length)


@contract(
    max_irql=DISPATCH_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=VF_MDL_UNMAP_IO_SPACE_IRQL
)
def unmap_io_space(base_address: int, length: int) -> None:
    """Undo `map_io_space`, with its result and the same length; follows MmUnmapIoSpace."""
    current.hal.device_memory.unmap(base_address, length)
