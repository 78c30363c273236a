# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""ZwAllocateVirtualMemory and ZwFreeVirtualMemory: private memory of a process."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import KeptContract, contract
from dirql.mm.address_space import AddressSpace
from dirql.mm.layout import HIGHEST_USER_ADDRESS, page_align, round_to_pages
from dirql.mm.manager import running as memory_manager
from dirql.mm.user_regions import GRANULARITY, MAXIMUM_ZERO_BITS, is_protection
from dirql.mm.virtual_memory import PrivateRegion
from dirql.nt.constants import (
    MEM_COMMIT,
    MEM_DECOMMIT,
    MEM_RELEASE,
    MEM_RESERVE,
    MEM_RESET,
    MEM_TOP_DOWN,
    PAGE_EXECUTE_WRITECOPY,
    PAGE_WRITECOPY,
)
from dirql.nt.status import (
    STATUS_COMMITMENT_LIMIT,
    STATUS_CONFLICTING_ADDRESSES,
    STATUS_FREE_VM_NOT_AT_BASE,
    STATUS_INVALID_PAGE_PROTECTION,
    STATUS_INVALID_PARAMETER_2,
    STATUS_INVALID_PARAMETER_3,
    STATUS_INVALID_PARAMETER_4,
    STATUS_INVALID_PARAMETER_5,
    STATUS_MEMORY_NOT_ALLOCATED,
    STATUS_NO_MEMORY,
    STATUS_SUCCESS,
    STATUS_UNABLE_TO_FREE_VM,
)
from dirql.ob.process_information import process_of_handle

__all__ = ["allocate_virtual_memory", "free_virtual_memory"]

_ALLOCATE: Final = contract("ZwAllocateVirtualMemory")
_FREE: Final = contract("ZwFreeVirtualMemory")

_KINDS: Final = MEM_COMMIT | MEM_RESERVE | MEM_RESET
_HOW: Final = (MEM_DECOMMIT, MEM_RELEASE)


def allocate_virtual_memory(
    process_handle: int,
    base_address: int | None,
    zero_bits: int,
    region_size: int,
    allocation_type: int,
    protect: int,
) -> tuple[int, int | None, int]:
    """Reserve addresses of a process, or give them memory: (status, base, size); follows ZwAllocateVirtualMemory.

    The values that come in by pointers in C come in as numbers here, and go out behind the status. Reserved addresses
    begin at a multiple of 64 KiB. MEM_COMMIT alone, without a base, reserves too. The memory is zero.
    """
    _ALLOCATE.check_level(process_handle)
    _ALLOCATE.check_arguments(process_handle, base_address, zero_bits, region_size, allocation_type, protect)
    _check_numbers(_ALLOCATE, base_address, region_size)
    unchanged = (base_address, region_size)
    base = base_address or 0
    status = _refuse(base, zero_bits, region_size, allocation_type, protect)
    if status != STATUS_SUCCESS:
        return status, *unchanged
    status, process = process_of_handle(process_handle)
    if process is None:
        return status, *unchanged
    space = memory_manager.value.space_of_process(is_system=process.is_system)
    status, start, size = _allocate(space, base, region_size, allocation_type, protect)
    return (status, start, size) if status == STATUS_SUCCESS else (status, *unchanged)


def _check_numbers(kept: KeptContract, base: object, size: object) -> None:
    for name, value in (("BaseAddress", base or 0), ("RegionSize", size)):
        if type(value) is not int:
            kept.refuse_argument(name, "a number: the value that C has behind the pointer", value)


def _allocate(space: AddressSpace, base: int, size: int, kind: int, protect: int) -> tuple[int, int, int]:
    """Do what `kind` says with a range: (status, base, size), in whole pages."""
    manager = memory_manager.value
    reserves = kind != MEM_RESET and (bool(kind & MEM_RESERVE) or not base)
    start = base - base % GRANULARITY if reserves else page_align(base)
    size = round_to_pages(base - start + size)
    if reserves:
        found = start or manager.user_regions.place(space, size)
        if found is None:
            return STATUS_NO_MEMORY, start, size
        if not manager.user_regions.is_free(space, found, size):
            return STATUS_CONFLICTING_ADDRESSES, start, size
        start, region = found, PrivateRegion(found, size, protect, manager.frames)
    else:
        inside = _region(space, start, size)
        if inside is None:
            return STATUS_CONFLICTING_ADDRESSES, start, size
        region = inside
    if kind & MEM_COMMIT and not region.commit(space, start, size, protect):
        return STATUS_COMMITMENT_LIMIT, start, size
    if reserves:
        manager.user_regions.of(space).append(region)
    return STATUS_SUCCESS, start, size


def _refuse(base: int, zero_bits: int, size: int, kind: int, protect: int) -> int:
    """The status for arguments that no memory can have."""
    if zero_bits > MAXIMUM_ZERO_BITS:
        return STATUS_INVALID_PARAMETER_3
    if kind & ~(_KINDS | MEM_TOP_DOWN) or not kind & _KINDS or (kind & MEM_RESET and kind != MEM_RESET):
        return STATUS_INVALID_PARAMETER_5
    if not is_protection(protect) or protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY):
        return STATUS_INVALID_PAGE_PROTECTION
    if not 0 <= base <= HIGHEST_USER_ADDRESS:
        return STATUS_INVALID_PARAMETER_2
    if not 0 < size <= HIGHEST_USER_ADDRESS - base:
        return STATUS_INVALID_PARAMETER_4
    return STATUS_SUCCESS


def _region(space: AddressSpace, base: int, size: int) -> PrivateRegion | None:
    """The reserved region that has all of a range."""
    region = memory_manager.value.user_regions.at(space, base)
    if not isinstance(region, PrivateRegion) or base + size > region.base + region.size:
        return None
    return region


def free_virtual_memory(
    process_handle: int, base_address: int | None, region_size: int, free_type: int
) -> tuple[int, int | None, int]:
    """Take the memory of pages away, or give their addresses up: (status, base, size); follows ZwFreeVirtualMemory.

    The values are as for `allocate_virtual_memory`. A size of 0 means the whole region, whose base must be given.
    """
    _FREE.check_level(process_handle)
    _FREE.check_arguments(process_handle, base_address, region_size, free_type)
    _check_numbers(_FREE, base_address, region_size)
    base = base_address or 0
    unchanged = (base_address, region_size)
    if free_type not in _HOW:
        return STATUS_INVALID_PARAMETER_4, *unchanged
    if not 0 <= base <= HIGHEST_USER_ADDRESS:
        return STATUS_INVALID_PARAMETER_2, *unchanged
    if not 0 <= region_size <= HIGHEST_USER_ADDRESS - base:
        return STATUS_INVALID_PARAMETER_3, *unchanged
    status, process = process_of_handle(process_handle)
    if process is None:
        return status, *unchanged
    space = memory_manager.value.space_of_process(is_system=process.is_system)
    status, start, size = _free(space, base, region_size, free_type)
    return (status, start, size) if status == STATUS_SUCCESS else (status, *unchanged)


def _free(space: AddressSpace, base: int, size: int, free_type: int) -> tuple[int, int, int]:
    """Take memory or addresses away: (status, base, size), in whole pages."""
    regions = memory_manager.value.user_regions
    start = page_align(base)
    region = regions.at(space, start)
    if not isinstance(region, PrivateRegion):
        return STATUS_MEMORY_NOT_ALLOCATED, start, size
    if not size and start != region.base:
        return STATUS_FREE_VM_NOT_AT_BASE, start, size
    size = round_to_pages(base - start + size) if size else region.size
    if start + size > region.base + region.size:
        return STATUS_UNABLE_TO_FREE_VM, start, size
    region.decommit(space, start, size)
    if free_type == MEM_RELEASE:
        regions.of(space).remove(region)
        regions.of(space).extend(region.without(start, size))
    return STATUS_SUCCESS, start, size
