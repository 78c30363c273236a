# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The exception that a program gets for a failed request: an `OSError` with the NTSTATUS and the Win32 code."""

from __future__ import annotations

from typing import Final

from dirql.ke.refusals import explain_status
from dirql.nt.constants import ERROR_GEN_FAILURE, ERROR_SUCCESS
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.win32 import WIN32_ERRORS

__all__ = ["OPEN", "IoError", "dos_error"]

OPEN: Final = "open"
"""The operation of a failed open, which may have failed because of what the driver did before."""


def dos_error(status: int) -> int:
    """The Win32 code of an NTSTATUS; follows RtlNtStatusToDosError.

    A success that has no code of its own is ERROR_SUCCESS. Any other status without one is ERROR_GEN_FAILURE here, and
    ERROR_MR_MID_NOT_FOUND on Windows.
    """
    return WIN32_ERRORS.get(status, ERROR_SUCCESS if nt_success(status) else ERROR_GEN_FAILURE)


class IoError(OSError):
    """A request failed: `status` is its NTSTATUS, `win32` (also `errno`) the Win32 code."""

    def __init__(self, status: int, device: str, operation: str) -> None:
        """`operation` describes the request and `device` names the device, for the message."""
        self.status = status
        self.win32 = dos_error(status)
        self.device = device
        self.operation = operation
        what = f"{operation} on {device} ended with {status_name(status)} (Win32 error {self.win32})"
        super().__init__(self.win32, what + (explain_status(status) if operation == OPEN else ""))
