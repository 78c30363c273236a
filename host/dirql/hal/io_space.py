# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The routines that map a device's memory for the register routines: MmMapIoSpace, MmUnmapIoSpace."""

from __future__ import annotations

from typing import Final

from dirql.hal.hal import running
from dirql.ke.processors.contract import contract
from dirql.nt.addresses import PhysicalAddress

__all__ = ["map_io_space", "unmap_io_space"]

_MAP_IO_SPACE: Final = contract("MmMapIoSpace")
_UNMAP_IO_SPACE: Final = contract("MmUnmapIoSpace")


def map_io_space(physical_address: PhysicalAddress, number_of_bytes: int, cache_type: int) -> int | None:
    """The virtual address of `number_of_bytes` of device memory, or None without room; follows MmMapIoSpace.

    There is no cache between the host and the bus, so every caching type acts as MmNonCached; None for a type that does
    not exist. A page that is mapped already keeps its type, and another one is a defect. Raises `TypeError` for an
    address of another type than PHYSICAL_ADDRESS, `ValueError` for a range that is not device memory.
    """
    _MAP_IO_SPACE.check_irql(physical_address, number_of_bytes)
    _MAP_IO_SPACE.check_level(physical_address)
    if not isinstance(physical_address, PhysicalAddress):
        raise TypeError(
            f"MmMapIoSpace: PhysicalAddress must be a PHYSICAL_ADDRESS; it was {physical_address!r}: take the start of "
            f"the translated resource, or write PHYSICAL_ADDRESS(number) after a calculation"
        )
    _MAP_IO_SPACE.check_arguments(physical_address, number_of_bytes, cache_type)
    return running.value.device_memory.map(physical_address, number_of_bytes, cache_type)


def unmap_io_space(base_address: int, number_of_bytes: int) -> None:
    """Undo `map_io_space`; takes the address that it returned and the same length. Follows MmUnmapIoSpace."""
    _UNMAP_IO_SPACE.check_irql(base_address, number_of_bytes)
    _UNMAP_IO_SPACE.check_level(base_address)
    _UNMAP_IO_SPACE.check_arguments(base_address, number_of_bytes)
    running.value.device_memory.unmap(base_address, number_of_bytes)
