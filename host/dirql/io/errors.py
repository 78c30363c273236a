# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The exception that a program gets for a failed request: an `OSError` with the NTSTATUS and the Win32 code."""

from __future__ import annotations

from typing import Final

from dirql.ke.refusals import explain_status
from dirql.nt.ntstatus import status_name
from dirql.rtl.statuses import dos_error

__all__ = ["OPEN", "IoError"]

OPEN: Final = "open"
"""The operation of a failed open, which may have failed because of what the driver did before."""


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
