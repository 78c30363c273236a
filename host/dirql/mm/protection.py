# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pages that must not be accessed at all, because a driver has set PAGE_NOACCESS."""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.ke.origin import origin
from dirql.nt.bugcodes import PAGE_FAULT_IN_NONPAGED_AREA

__all__ = ["NoAccess"]


class NoAccess:
    """Is asked about each access to such a page, and stops the system."""

    __slots__ = ()

    def touch(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        """Bug check 0x50, as for an address that is not mapped."""
        del length, by_driver
        bug_check(
            PAGE_FAULT_IN_NONPAGED_AREA,
            address,
            int(write),
            origin() or 0,
            reason=f"memory that is touched must be accessible; {address:#x} was PAGE_NOACCESS: allow the access with"
            " MmProtectMdlSystemAddress before",
        )
