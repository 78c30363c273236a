# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interface of the pulser driver for programs: the device name, the control codes and the data for them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from dirql.wdm import CTL_CODE, FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED

__all__ = [
    "DEVICE_NAME",
    "DOS_DEVICE_NAME",
    "IOCTL_PULSER_CONFIGURE",
    "IOCTL_PULSER_READ",
    "IOCTL_PULSER_START",
    "Configuration",
    "Counts",
    "pack_count",
    "program_name",
    "unpack_count",
]

DEVICE_NAME = "\\Device\\Pulser"
DOS_DEVICE_NAME = "\\DosDevices\\Pulser"
"""The beginnings of the names of a device. The number of the device follows, from 0, in the order of discovery."""

# Input: a Configuration. No output. Pulses that are still to come are stopped.
IOCTL_PULSER_CONFIGURE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
# Input: the number of pulses, 0 to stop. No output.
IOCTL_PULSER_START = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
# No input. Output: Counts.
IOCTL_PULSER_READ = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)

_COUNT = struct.Struct("<H")
_CONFIGURATION = struct.Struct("<HIHII")
_COUNTS = struct.Struct("<IIIII")


def program_name(number: int) -> str:
    """The name by which a program opens the device with this number."""
    return rf"\\.\Pulser{number}"


def pack_count(pulses: int) -> bytes:
    """The bytes for the buffer of a control code; raises `struct.error` for a number that has more than 16 bits."""
    return _COUNT.pack(pulses)


def unpack_count(data: bytes) -> int:
    """Read the bytes of a control code's buffer; raises `struct.error` for a wrong number of bytes."""
    (pulses,) = _COUNT.unpack(data)
    return int(pulses)


class Configuration(NamedTuple):
    """The form of the pulses, as the registers of the same names have it."""

    width: int = 8
    period: int = 1000
    jitter: int = 0
    control: int = 0
    moderation: int = 0

    def pack(self) -> bytes:
        """The bytes for the buffer of the control code."""
        return _CONFIGURATION.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Configuration:
        """Read the bytes of the control code's buffer; raises `struct.error` for a wrong number of bytes."""
        return cls(*_CONFIGURATION.unpack(data))


class Counts(NamedTuple):
    """The counts of a device and of its driver since the last configuration."""

    pulses: int
    """The pulses that the device made."""
    calls: int
    """The calls of the ISR."""
    claimed: int
    """The calls of the ISR that found a cause."""
    dpcs: int
    """The calls of the DPC."""
    left: int
    """The pulses that are still to come."""

    def pack(self) -> bytes:
        """The bytes for the buffer of the control code."""
        return _COUNTS.pack(*(number & 0xFFFF_FFFF for number in self))

    @classmethod
    def unpack(cls, data: bytes) -> Counts:
        """Read the bytes of the control code's buffer; raises `struct.error` for a wrong number of bytes."""
        return cls(*_COUNTS.unpack(data))
