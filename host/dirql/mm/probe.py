# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the user addresses that a program hands to a driver without the I/O manager in between."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.layout import USER_PROBE_ADDRESS, page_align
from dirql.mm.manager import running
from dirql.nt.constants import PAGE_SIZE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_DATATYPE_MISALIGNMENT

__all__ = ["probe_for_read", "probe_for_write"]

_ALIGNMENTS: Final = (1, 2, 4, 8, 16)
_PROBE_FOR_READ: Final = contract("ProbeForRead")
_PROBE_FOR_WRITE: Final = contract("ProbeForWrite")


def probe_for_read(address: int, length: int, alignment: int) -> None:
    """Check that a range consists of user addresses and is aligned; follows ProbeForRead.

    Nothing is read: an unmapped address shows at the access only. Raises STATUS_ACCESS_VIOLATION or
    STATUS_DATATYPE_MISALIGNMENT; a range of no bytes is always right.
    """
    _PROBE_FOR_READ.check_level(address)
    _PROBE_FOR_READ.check_arguments(address, length, alignment)
    if alignment not in _ALIGNMENTS:
        raise ValueError(
            f"ProbeForRead, ProbeForWrite: Alignment must be 1, 2, 4, 8 or 16; it was {alignment}"
        )
    if length == 0:
        return
    if address % alignment:
        raise StatusException(STATUS_DATATYPE_MISALIGNMENT)
    if address + length > USER_PROBE_ADDRESS:
        raise StatusException(STATUS_ACCESS_VIOLATION)


def probe_for_write(address: int, length: int, alignment: int) -> None:
    """Check as `probe_for_read` does, and that each page can be written, by touching it; follows ProbeForWrite."""
    _PROBE_FOR_WRITE.check_level(address)
    _PROBE_FOR_WRITE.check_arguments(address, length, alignment)
    probe_for_read(address, length, alignment)
    for page in range(page_align(address), address + length, PAGE_SIZE):
        running.value.access(page, write=True)
