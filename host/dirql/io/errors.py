# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The exception that a program gets for a failed request: an `OSError` with the NTSTATUS and the Win32 code."""

from __future__ import annotations

from dirql.nt import constants as c, status as s
from dirql.nt.ntstatus import nt_success, status_name

__all__ = ["IoError", "dos_error"]

# The statuses that programs tell apart. Any other error is ERROR_MR_MID_NOT_FOUND on Windows, ERROR_GEN_FAILURE here.
_DOS_ERRORS = {
    s.STATUS_SUCCESS: c.ERROR_SUCCESS,
    s.STATUS_PENDING: c.ERROR_IO_PENDING,
    s.STATUS_TIMEOUT: c.ERROR_SEM_TIMEOUT,
    s.STATUS_BUFFER_OVERFLOW: c.ERROR_MORE_DATA,
    s.STATUS_DEVICE_BUSY: c.ERROR_BUSY,
    s.STATUS_NO_MORE_ENTRIES: c.ERROR_NO_MORE_ITEMS,
    s.STATUS_UNSUCCESSFUL: c.ERROR_GEN_FAILURE,
    s.STATUS_NOT_IMPLEMENTED: c.ERROR_INVALID_FUNCTION,
    s.STATUS_ACCESS_VIOLATION: c.ERROR_NOACCESS,
    s.STATUS_INVALID_HANDLE: c.ERROR_INVALID_HANDLE,
    s.STATUS_INVALID_PARAMETER: c.ERROR_INVALID_PARAMETER,
    s.STATUS_NO_SUCH_DEVICE: c.ERROR_FILE_NOT_FOUND,
    s.STATUS_INVALID_DEVICE_REQUEST: c.ERROR_INVALID_FUNCTION,
    s.STATUS_END_OF_FILE: c.ERROR_HANDLE_EOF,
    s.STATUS_NO_MEMORY: c.ERROR_NOT_ENOUGH_MEMORY,
    s.STATUS_ACCESS_DENIED: c.ERROR_ACCESS_DENIED,
    s.STATUS_BUFFER_TOO_SMALL: c.ERROR_INSUFFICIENT_BUFFER,
    s.STATUS_OBJECT_TYPE_MISMATCH: c.ERROR_INVALID_HANDLE,
    s.STATUS_OBJECT_NAME_INVALID: c.ERROR_INVALID_NAME,
    s.STATUS_OBJECT_PATH_SYNTAX_BAD: c.ERROR_INVALID_NAME,
    s.STATUS_OBJECT_NAME_NOT_FOUND: c.ERROR_FILE_NOT_FOUND,
    s.STATUS_OBJECT_PATH_NOT_FOUND: c.ERROR_PATH_NOT_FOUND,
    s.STATUS_OBJECT_NAME_COLLISION: c.ERROR_ALREADY_EXISTS,
    s.STATUS_CRC_ERROR: c.ERROR_CRC,
    s.STATUS_DEVICE_DATA_ERROR: c.ERROR_CRC,
    s.STATUS_SHARING_VIOLATION: c.ERROR_SHARING_VIOLATION,
    s.STATUS_DELETE_PENDING: c.ERROR_ACCESS_DENIED,
    s.STATUS_INSUFFICIENT_RESOURCES: c.ERROR_NO_SYSTEM_RESOURCES,
    s.STATUS_DEVICE_NOT_CONNECTED: c.ERROR_DEVICE_NOT_CONNECTED,
    s.STATUS_DEVICE_NOT_READY: c.ERROR_NOT_READY,
    s.STATUS_IO_TIMEOUT: c.ERROR_SEM_TIMEOUT,
    s.STATUS_NOT_SUPPORTED: c.ERROR_NOT_SUPPORTED,
    s.STATUS_ADAPTER_HARDWARE_ERROR: c.ERROR_IO_DEVICE,
    s.STATUS_INVALID_USER_BUFFER: c.ERROR_INVALID_USER_BUFFER,
    s.STATUS_CANCELLED: c.ERROR_OPERATION_ABORTED,
    s.STATUS_DEVICE_PROTOCOL_ERROR: c.ERROR_IO_DEVICE,
    s.STATUS_IO_DEVICE_ERROR: c.ERROR_IO_DEVICE,
    s.STATUS_NOT_FOUND: c.ERROR_NOT_FOUND,
    s.STATUS_REQUEST_ABORTED: c.ERROR_OPERATION_ABORTED,
    s.STATUS_DEVICE_REMOVED: c.ERROR_DEVICE_REMOVED,
}


def dos_error(status: int) -> int:
    """The Win32 code of an NTSTATUS; follows RtlNtStatusToDosError. ERROR_GEN_FAILURE for errors without a row."""
    if nt_success(status) and status not in _DOS_ERRORS:
        return c.ERROR_SUCCESS
    return _DOS_ERRORS.get(status, c.ERROR_GEN_FAILURE)


class IoError(OSError):
    """A request failed: `status` is its NTSTATUS, `win32` (also `errno`) the Win32 code."""

    def __init__(self, status: int, device: str, operation: str) -> None:
        """`operation` describes the request and `device` names the device, for the message."""
        self.status = status
        self.win32 = dos_error(status)
        self.device = device
        self.operation = operation
        what = f"{operation} on {device} ended with {status_name(status)} (Win32 error {self.win32})"
        super().__init__(self.win32, what)
