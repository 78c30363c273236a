# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checking a user address before it is believed, for METHOD_NEITHER and raw buffers."""

from __future__ import annotations

from dirql.ke.processors.irql import contract
from dirql.mm import current
from dirql.mm.layout import USER_RANGE, page_align
from dirql.nt.constants import APC_LEVEL, PAGE_SIZE
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_DATATYPE_MISALIGNMENT, StatusException

__all__ = ["probe_for_read", "probe_for_write"]


@contract(max_irql=APC_LEVEL)
def probe_for_read(address: int, length: int, alignment: int) -> None:
    """Check that a range is the user's and aligned; follows ProbeForRead.

    Whether it is mapped shows when it is read. Raises STATUS_ACCESS_VIOLATION or STATUS_DATATYPE_MISALIGNMENT.
    """
    if length == 0:
        return
    if address % alignment:
        raise StatusException(STATUS_DATATYPE_MISALIGNMENT)
    if address + length > USER_RANGE.base + USER_RANGE.size:
        raise StatusException(STATUS_ACCESS_VIOLATION)


@contract(max_irql=APC_LEVEL)
def probe_for_write(address: int, length: int, alignment: int) -> None:
    """Check that a range is the user's, aligned and writable, each page by touching it; follows ProbeForWrite."""
    probe_for_read(address, length, alignment)
    for page in range(page_align(address), address + length, PAGE_SIZE):
        current.manager.access(page, write=True)
