# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""I/O control codes: 16 bits of device type, 2 of access, 12 of function and 2 of buffer method."""

from __future__ import annotations

__all__ = ["access_from_ctl_code", "ctl_code", "device_type_from_ctl_code", "method_from_ctl_code"]


def ctl_code(device_type: int, function: int, method: int, access: int) -> int:
    """Join the parts of a control code; follows CTL_CODE.

    Functions of vendors start at 0x800, device types of vendors at 0x8000.
    """
    return (device_type << 16) | (access << 14) | (function << 2) | method


def device_type_from_ctl_code(code: int) -> int:
    """The device type of a control code; follows DEVICE_TYPE_FROM_CTL_CODE."""
    return code >> 16


def method_from_ctl_code(code: int) -> int:
    """The buffer method of a control code, such as METHOD_BUFFERED; follows METHOD_FROM_CTL_CODE."""
    return code & 3


def access_from_ctl_code(code: int) -> int:
    """The access that a handle needs for a control code: FILE_READ_ACCESS, FILE_WRITE_ACCESS, both or neither."""
    return (code >> 14) & 3
