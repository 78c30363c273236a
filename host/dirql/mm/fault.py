# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What happens when an address cannot simply be used: a page comes in, a status is raised, or the machine stops.

Parameters of the bug checks are NT's: address, IRQL or access, 0 for a read and 1 for a write, and the code that did
it, for which the line number stands here (the reason names the file).
"""

from __future__ import annotations

import inspect
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.processors.irql import current_irql
from dirql.mm.address_space import NOWHERE, AddressSpace, Page
from dirql.mm.layout import SYSTEM_BASE
from dirql.nt.bugcodes import (
    ATTEMPTED_WRITE_TO_READONLY_MEMORY,
    DRIVER_IRQL_NOT_LESS_OR_EQUAL,
    IRQL_NOT_LESS_OR_EQUAL,
    PAGE_FAULT_IN_NONPAGED_AREA,
)
from dirql.nt.constants import DISPATCH_LEVEL
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_INSUFFICIENT_RESOURCES, StatusException

if TYPE_CHECKING:
    from dirql.mm.manager import MemoryManager

__all__ = ["DeviceMemoryError", "resolve_fault"]

_ACCESSORS = ("dirql.mm.fault", "dirql.mm.manager", "dirql.mm.memory")
_DRIVERS = "dirql.drivers."
_OURS = "dirql."


class DeviceMemoryError(ValueError):
    """Device memory was touched as if it were memory."""


def resolve_fault(manager: MemoryManager, address: int, *, write: bool) -> Page:
    """The page of `address`, made usable for a read or a write.

    Pages it in at PASSIVE_LEVEL and APC_LEVEL. Raises STATUS_ACCESS_VIOLATION for a user address that is not mapped
    or read-only, `DeviceMemoryError` for device memory; everything else that is wrong is a bug check.
    """
    space = manager.space_of(address)
    page = space.page(address)
    if page is not None and page.device != NOWHERE:
        raise DeviceMemoryError(
            f"{address:#x} must be memory to be {'written' if write else 'read'} here, is device memory at bus "
            f"address {page.device:#010x}: use READ_REGISTER_* and WRITE_REGISTER_*"
        )
    unusable_now = page is None or page.physical == NOWHERE or (page.pageable and manager.force_irql_checking)
    if unusable_now and current_irql() >= DISPATCH_LEVEL:
        _too_high(page, address, write=write)
    if page is None or (write and not page.writable):
        _refuse(page, address, write=write)
    if page.physical == NOWHERE:
        _bring_in(space, page, address)
    return page


def _too_high(page: Page | None, address: int, *, write: bool) -> NoReturn:
    """Bug check 0xD1, or 0xA when the kernel did it: there is no paging at or above DISPATCH_LEVEL (row IRQL-12)."""
    code = IRQL_NOT_LESS_OR_EQUAL if _by_the_kernel() else DRIVER_IRQL_NOT_LESS_OR_EQUAL
    what = "is not mapped" if page is None else "is pageable"
    bug_check(
        code,
        address,
        current_irql(),
        int(write),
        _line(),
        reason=f"memory touched at IRQL {current_irql()} must be mapped and nonpaged, {address:#x} {what} ({_place()})",
    )


def _refuse(page: Page | None, address: int, *, write: bool) -> NoReturn:
    """A status for user addresses, which a driver may catch; a bug check for the system's."""
    if address < SYSTEM_BASE:
        raise StatusException(STATUS_ACCESS_VIOLATION)
    if page is None:
        bug_check(
            PAGE_FAULT_IN_NONPAGED_AREA,
            address,
            int(write),
            _line(),
            reason=f"a system address must be mapped, {address:#x} is not ({_place()})",
        )
    bug_check(
        ATTEMPTED_WRITE_TO_READONLY_MEMORY,
        address,
        page.physical,
        reason=f"memory to write must be writable, {address:#x} is read-only ({_place()})",
    )


def _bring_in(space: AddressSpace, page: Page, address: int) -> None:
    if not space.page_in(page):
        raise StatusException(STATUS_INSUFFICIENT_RESOURCES) from MemoryError(
            f"no frame is free to page {address:#x} in: give the machine more memory or free some"
        )


def _culprit() -> FrameType | None:
    """Whoever touched the memory, with a pointer if this were C."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in _ACCESSORS:
        frame = frame.f_back
    return frame


def _by_the_kernel() -> bool:
    frame = _culprit()
    module = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    return module.startswith(_OURS) and not module.startswith(_DRIVERS)


def _line() -> int:
    frame = _culprit()
    return 0 if frame is None else frame.f_lineno


def _place() -> str:
    frame = _culprit()
    return "unknown code" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
