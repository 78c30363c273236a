# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The page fault: a page is brought in, a status is raised, or the machine stops with a bug check.

The parameters of the bug checks are NT's: the address, the IRQL, 0 for a read and 1 for a write, and the code that
touched the memory. NT gives the address of that code; here it is the place in the driver.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import verifies
from dirql.ke.origin import current_frame, origin
from dirql.ke.processors.irql import current_irql
from dirql.mm.address_space import NOWHERE, AddressSpace, Page
from dirql.mm.layout import SYSTEM_RANGE_START
from dirql.nt.bugcodes import (
    ATTEMPTED_WRITE_TO_READONLY_MEMORY,
    DRIVER_IRQL_NOT_LESS_OR_EQUAL,
    IRQL_NOT_LESS_OR_EQUAL,
    PAGE_FAULT_IN_NONPAGED_AREA,
    VERIFIER_FORCE_IRQL_CHECKING,
)
from dirql.nt.constants import DISPATCH_LEVEL
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_ACCESS_VIOLATION

__all__ = ["DeviceMemoryError", "resolve_fault"]

_ROOMS: Final = Path(__file__).parents[1]
_ON_THE_WAY: Final = tuple(str(_ROOMS / room) for room in ("mm", "rtl", "ex", "kd", "cm"))
"""The folders of the code that runs between an access to memory by a driver's call and the fault."""


_VALID: Final = 1
"""The bit of a page table entry that says that the page is in memory."""


class DeviceMemoryError(ValueError):
    """Device memory was accessed with a routine for RAM."""


def resolve_fault(
    space: AddressSpace, address: int, *, write: bool, by_driver: bool, was: str = "not mapped"
) -> Page:
    """The page of `address`, made usable for a read or a write; `was` says what a page is that is not there.

    Pages it in at PASSIVE_LEVEL and APC_LEVEL. At DISPATCH_LEVEL and above, a page that is not mapped or paged out is
    bug check 0xD1 for a driver's access and 0xA for the kernel's; with VERIFIER_FORCE_IRQL_CHECKING any pageable page
    is. Raises STATUS_ACCESS_VIOLATION for a user address that is not mapped or read-only, STATUS_INSUFFICIENT_RESOURCES
    without a free frame, `DeviceMemoryError` for device memory. A system address that is not mapped is bug check 0x50,
    a write to a read-only one 0xBE.
    """
    page = space.page(address)
    if page is not None and page.device != NOWHERE:
        raise DeviceMemoryError(
            f"an address to {'write' if write else 'read'} must be memory; {address:#x} was device memory at bus "
            f"address {page.device:#010x}: use READ_REGISTER_* and WRITE_REGISTER_*"
        )
    if current_irql() >= DISPATCH_LEVEL and (
        page is None or page.physical == NOWHERE or (page.pageable and verifies(VERIFIER_FORCE_IRQL_CHECKING))
    ):
        _too_high(page, address, write=write, by_driver=by_driver, was=was)
    if page is None or (write and not page.writable):
        _refuse(page, address, write=write, was=was)
    return space.page_in(address) if page.physical == NOWHERE else page


def _too_high(page: Page | None, address: int, *, write: bool, by_driver: bool, was: str) -> NoReturn:
    """Bug check 0xD1 or 0xA: there is no paging at or above DISPATCH_LEVEL (row IRQL-12)."""
    state = was if page is None else "pageable"
    irql = current_irql()
    place = _culprit()
    bug_check(
        DRIVER_IRQL_NOT_LESS_OR_EQUAL if by_driver else IRQL_NOT_LESS_OR_EQUAL,
        address,
        irql,
        int(write),
        origin() or 0,
        reason=f"memory touched at IRQL {irql} must be mapped and nonpaged; {address:#x} was {state} ({place})",
    )


def _refuse(page: Page | None, address: int, *, write: bool, was: str) -> NoReturn:
    """Raise a status for a user address, which a driver may catch; a bug check for one of the system's."""
    if address < SYSTEM_RANGE_START:
        access, found = ("write", "read-only") if page is not None else ("write" if write else "read", was)
        error = StatusException(STATUS_ACCESS_VIOLATION)
        error.__cause__ = ValueError(
            f"a user address to {access} must be mapped{' and writable' if write else ''}; {address:#x} was {found}"
        )
        raise error
    place = _culprit()
    if page is None:
        bug_check(
            PAGE_FAULT_IN_NONPAGED_AREA,
            address,
            int(write),
            origin() or 0,
            reason=f"a system address must be mapped; {address:#x} was {was} ({place})",
        )
    bug_check(
        ATTEMPTED_WRITE_TO_READONLY_MEMORY,
        address,
        0 if page.physical == NOWHERE else page.physical | _VALID,
        reason=f"memory to write must be writable; {address:#x} was read-only ({place})",
    )


def _culprit() -> str:
    """The file and the line of the code that touched the memory."""
    place = origin()
    if place is not None and place.is_foreign:
        return f"{place.file}:{place.line}"
    frame = current_frame()
    while frame is not None and frame.f_code.co_filename.startswith(_ON_THE_WAY):
        frame = frame.f_back
    return "unknown code" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
