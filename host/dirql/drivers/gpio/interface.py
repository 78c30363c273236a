# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interface of the gpio driver for programs: the device name, the control codes and the data for them.

In all data bit n stands for pin n, and a set of pins is an unsigned number of 16 bits.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dirql.wdm import CTL_CODE, FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, GUID, METHOD_BUFFERED

__all__ = [
    "DEVICE_NAME",
    "DOS_DEVICE_NAME",
    "GUID_DEVINTERFACE_GPIO",
    "IOCTL_GPIO_CONFIGURE",
    "IOCTL_GPIO_READ",
    "IOCTL_GPIO_WAIT",
    "IOCTL_GPIO_WRITE",
    "Configuration",
    "Levels",
    "pack_pins",
    "program_name",
    "unpack_pins",
]

DEVICE_NAME = "\\Device\\Gpio"
DOS_DEVICE_NAME = "\\DosDevices\\Gpio"
"""The beginnings of the names of a device. The number of the device follows, from 0, in the order of discovery."""

GUID_DEVINTERFACE_GPIO = GUID(0x2E81A6D0, 0x5C37, 0x4F19, bytes.fromhex("B06D94E1783AC25F"))
"""The class of the device interface, which is enabled while the device is in use."""

# Input: a Configuration. No output.
IOCTL_GPIO_CONFIGURE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
# Input: Levels. No output.
IOCTL_GPIO_WRITE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
# No input. Output: the pins that are high.
IOCTL_GPIO_READ = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
# Input: pins. The request is completed when one of them has had an edge, or has a level, for which it is configured; an
# edge since the last wait for the pin counts too. Output: those pins.
IOCTL_GPIO_WAIT = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)

_PINS = struct.Struct("<H")
_CONFIGURATION = struct.Struct("<HHHHH")
_LEVELS = struct.Struct("<HH")


def program_name(number: int) -> str:
    """The name by which a program opens the device with this number."""
    return rf"\\.\Gpio{number}"


def pack_pins(pins: int) -> bytes:
    """The bytes for the buffer of a control code; raises `struct.error` for a number that is no set of 16 pins."""
    return _PINS.pack(pins)


def unpack_pins(data: bytes) -> int:
    """Read the bytes of a control code's buffer; raises `struct.error` for a wrong number of bytes."""
    (pins,) = _PINS.unpack(data)
    return int(pins)


class Configuration(NamedTuple):
    """The use of all pins; each member is a set of pins."""

    outputs: int = 0
    loopback: int = 0
    """Inputs that get the level that an output with their number would drive."""
    rising: int = 0
    falling: int = 0
    level: int = 0
    """Pins for which a level is waited for, high if the pin is in `rising` and low if it is in `falling`."""

    def pack(self) -> bytes:
        """The bytes for the buffer of the control code."""
        return _CONFIGURATION.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Configuration:
        """Read the bytes of the control code's buffer; raises `struct.error` for a wrong number of bytes."""
        return cls(*_CONFIGURATION.unpack(data))


class Levels(NamedTuple):
    """New levels of some outputs."""

    pins: int
    """The outputs to change."""
    high: int
    """The outputs among `pins` that become high; the others become low."""

    def pack(self) -> bytes:
        """The bytes for the buffer of the control code."""
        return _LEVELS.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Levels:
        """Read the bytes of the control code's buffer; raises `struct.error` for a wrong number of bytes."""
        return cls(*_LEVELS.unpack(data))
