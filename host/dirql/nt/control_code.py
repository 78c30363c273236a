# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""I/O control codes: 16 bits of device type, 2 of access, 12 of function and 2 of buffer method."""

from __future__ import annotations

__all__ = [
    "access_from_ctl_code",
    "ctl_code",
    "device_type_from_ctl_code",
    "function_from_ctl_code",
    "method_from_ctl_code",
]


def ctl_code(device_type: int, function: int, method: int, access: int) -> int:
    """Join the parts of a control code; follows CTL_CODE.

    Functions of vendors start at 0x800, device types of vendors at 0x8000.
    """
    try:
        return (device_type << 16) | (access << 14) | (function << 2) | method
    except TypeError:
        given = f"{device_type!r}, {function!r}, {method!r} and {access!r}"
        raise TypeError(
            f"CTL_CODE: DeviceType, Function, Method and Access must be integers; they were {given}"
        ) from None


def device_type_from_ctl_code(code: int) -> int:
    """The device type of a control code; follows DEVICE_TYPE_FROM_CTL_CODE."""
    try:
        return code >> 16
    except TypeError:
        raise _no_code("DEVICE_TYPE_FROM_CTL_CODE", code) from None


def method_from_ctl_code(code: int) -> int:
    """The buffer method of a control code, such as METHOD_BUFFERED; follows METHOD_FROM_CTL_CODE."""
    try:
        return code & 3
    except TypeError:
        raise _no_code("METHOD_FROM_CTL_CODE", code) from None


def function_from_ctl_code(control_code: int) -> int:
    """The function code of a control code; follows IoGetFunctionCodeFromCtlCode."""
    try:
        return control_code >> 2 & 0xFFF
    except TypeError:
        raise TypeError(
            f"IoGetFunctionCodeFromCtlCode: ControlCode must be an integer, as of CTL_CODE; it was {control_code!r}"
        ) from None


def access_from_ctl_code(code: int) -> int:
    """The access that a handle needs for a control code: FILE_READ_ACCESS, FILE_WRITE_ACCESS, both or neither."""
    return (code >> 14) & 3


def _no_code(routine: str, code: object) -> TypeError:
    return TypeError(f"{routine}: CtrlCode must be an integer, as of CTL_CODE; it was {code!r}")
