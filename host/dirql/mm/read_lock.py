# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory that an MDL locks for reading only, and that a driver writes to through the MDL (row MDL-17).

NT maps such memory writable and lets the write pass, which changes data that belongs to the program, or fails where the
program's page is read-only.
"""

from __future__ import annotations

from dirql.ke.defects import report_defect

__all__ = ["ReadLock", "report_read_only"]


class ReadLock:
    """Is asked about each access to the mapping of an MDL that is locked for IoReadAccess."""

    __slots__ = ("_mdl", "_told")

    def __init__(self, mdl: object) -> None:
        self._mdl = mdl
        self._told = False

    def touch(self, address: int, length: int, *, write: bool, by_driver: bool) -> None:
        """Report the first write to the mapping as a defect."""
        del by_driver
        if not write or self._told:
            return
        self._told = True
        report_read_only(self._mdl, f"{length} bytes at {address:#x} were written")


def report_read_only(mdl: object, was: str) -> None:
    """Report a write to memory that is locked for reading; `was` says which."""
    report_defect(
        "MDL-17",
        f"memory that an MDL locks for IoReadAccess must only be read; {was}, through {mdl!r}: lock it with"
        " IoWriteAccess, or use memory of the driver's own (the I/O manager locks the buffers of IRP_MJ_WRITE and"
        " METHOD_IN_DIRECT for reading)",
    )
