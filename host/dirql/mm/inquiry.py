# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Questions about addresses and about the memory of the system, which change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.address_space import NOWHERE, AddressSpace
from dirql.mm.layout import PAGE_OFFSET, SYSTEM_RANGE_START
from dirql.mm.manager import running
from dirql.nt.constants import PAGE_SHIFT, MmLargeSystem, MmMediumSystem, MmSmallSystem

__all__ = [
    "get_virtual_for_physical",
    "is_address_valid",
    "is_non_paged_system_address_valid",
    "is_this_an_nt_as_system",
    "query_system_size",
]

_GET_VIRTUAL_FOR_PHYSICAL: Final = contract("MmGetVirtualForPhysical")
_IS_ADDRESS_VALID: Final = contract("MmIsAddressValid")
_IS_NON_PAGED_SYSTEM_ADDRESS_VALID: Final = contract("MmIsNonPagedSystemAddressValid")

_SMALL: Final = 13 << 20
"""The most bytes of memory of a small system, and of a medium one."""
_MEDIUM: Final = 19 << 20


def get_virtual_for_physical(physical_address: int) -> int | None:
    """An address of the system, or of the current process, of a byte of RAM; None without one.

    Follows MmGetVirtualForPhysical.
    """
    _GET_VIRTUAL_FOR_PHYSICAL.check_level(physical_address)
    _GET_VIRTUAL_FOR_PHYSICAL.check_arguments(physical_address)
    frame = physical_address >> PAGE_SHIFT
    manager = running.value
    for space in (manager.system, manager.user_space()):
        for number in _pages_of(space, frame):
            return (number << PAGE_SHIFT) + (physical_address & PAGE_OFFSET)
    return None


def is_address_valid(virtual_address: int) -> bool:
    """Whether an access to an address would cause no page fault at the moment; follows MmIsAddressValid.

    The answer may be wrong a moment later, so that drivers must not rely on it.
    """
    _IS_ADDRESS_VALID.check_level(virtual_address)
    _IS_ADDRESS_VALID.check_arguments(virtual_address)
    page = running.value.space_of(virtual_address).page(virtual_address)
    return page is not None and (page.physical != NOWHERE or page.device != NOWHERE)


def is_non_paged_system_address_valid(virtual_address: int) -> bool:
    """Whether an address is one of the system that is never paged out; follows MmIsNonPagedSystemAddressValid."""
    _IS_NON_PAGED_SYSTEM_ADDRESS_VALID.check_level(virtual_address)
    _IS_NON_PAGED_SYSTEM_ADDRESS_VALID.check_arguments(virtual_address)
    page = running.value.system.page(virtual_address)
    return virtual_address >= SYSTEM_RANGE_START and page is not None and not page.pageable


def query_system_size() -> int:
    """Whether the system has little memory, some, or plenty: MmSmallSystem …; follows MmQuerySystemSize."""
    size = len(running.value.ram)
    if size <= _SMALL:
        return MmSmallSystem
    return MmMediumSystem if size <= _MEDIUM else MmLargeSystem


def is_this_an_nt_as_system() -> bool:
    """Whether the system is a server, which it is not; follows MmIsThisAnNtAsSystem."""
    return False


def _pages_of(space: AddressSpace, frame: int) -> Iterator[int]:
    """The numbers of the pages behind which a frame is."""
    for number, page in space.entries.items():
        if page.physical != NOWHERE and page.frame == frame:
            yield number
