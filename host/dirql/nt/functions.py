# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The names of the major and minor functions of requests, for messages."""

from __future__ import annotations

from typing import Final

from dirql.nt import constants

__all__ = ["function_name", "major_name", "minor_name"]

_ALIASES: Final = ("IRP_MJ_MAXIMUM_FUNCTION", "IRP_MJ_SCSI", "IRP_MJ_PNP_POWER")
_MAJOR: Final = {
    value: name
    for name, value in vars(constants).items()
    if name.startswith("IRP_MJ_") and name not in _ALIASES and isinstance(value, int)
}
_PLUG_AND_PLAY: Final = {
    getattr(constants, f"IRP_MN_{name}"): f"IRP_MN_{name}"
    for name in (
        "START_DEVICE",
        "QUERY_REMOVE_DEVICE",
        "REMOVE_DEVICE",
        "CANCEL_REMOVE_DEVICE",
        "STOP_DEVICE",
        "QUERY_STOP_DEVICE",
        "CANCEL_STOP_DEVICE",
        "QUERY_DEVICE_RELATIONS",
        "QUERY_INTERFACE",
        "QUERY_CAPABILITIES",
        "QUERY_RESOURCES",
        "QUERY_RESOURCE_REQUIREMENTS",
        "QUERY_DEVICE_TEXT",
        "FILTER_RESOURCE_REQUIREMENTS",
        "READ_CONFIG",
        "WRITE_CONFIG",
        "EJECT",
        "SET_LOCK",
        "QUERY_ID",
        "QUERY_PNP_DEVICE_STATE",
        "QUERY_BUS_INFORMATION",
        "DEVICE_USAGE_NOTIFICATION",
        "SURPRISE_REMOVAL",
        "DEVICE_ENUMERATED",
    )
}
_POWER: Final = {
    getattr(constants, f"IRP_MN_{name}"): f"IRP_MN_{name}"
    for name in ("WAIT_WAKE", "POWER_SEQUENCE", "SET_POWER", "QUERY_POWER")
}
_MINOR: Final = {constants.IRP_MJ_PNP: _PLUG_AND_PLAY, constants.IRP_MJ_POWER: _POWER}


def major_name(major: int) -> str:
    """The name of a major function."""
    return _MAJOR.get(major, f"major function {major:#04x}")


def function_name(major: int, minor: int) -> str:
    """The name of a major function, and behind it that of the minor function if the major function has such names."""
    name = major_name(major)
    names = _MINOR.get(major)
    if names is None:
        return name if minor == 0 else f"{name}, minor function {minor:#04x}"
    return f"{name}, {names.get(minor, f'minor function {minor:#04x}')}"


def minor_name(major: int, minor: int) -> str:
    """The name of a minor function."""
    return _MINOR.get(major, {}).get(minor, f"minor function {minor:#04x}")
