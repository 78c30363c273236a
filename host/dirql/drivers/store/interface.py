# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What programs that use the store driver need to know: its name, its control codes and their data."""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from dirql.wdm import CTL_CODE, FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, METHOD_BUFFERED

__all__ = [
    "DEVICE_NAME",
    "DOS_DEVICE_NAME",
    "IOCTL_STORE_GET_STATISTICS",
    "IOCTL_STORE_RAISE",
    "IOCTL_STORE_SET_MODE",
    "IOCTL_STORE_SET_TIMING",
    "PROGRAM_NAME",
    "STATISTICS_BYTES",
    "Statistics",
    "Timing",
    "TransferMode",
]

DEVICE_NAME = "\\Device\\Store0"
DOS_DEVICE_NAME = "\\DosDevices\\Store0"
PROGRAM_NAME = r"\\.\Store0"
"""What a program opens."""


class TransferMode(enum.IntEnum):
    """How the driver moves data; a request uses the mode that is set when it starts."""

    POLLED = 0
    """The processor stalls and looks at the status register."""
    TIMER_POLLED = 1
    """A timer's DPC looks at the status register."""
    INTERRUPT = 2
    """Programmed I/O in the DPC, whenever the device's FIFO asks for service."""
    DMA = 3
    """The device masters the bus."""


# One unsigned 32-bit TransferMode in, nothing out.
IOCTL_STORE_SET_MODE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
# A Timing in, nothing out.
IOCTL_STORE_SET_TIMING = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
# Nothing in, a Statistics out.
IOCTL_STORE_GET_STATISTICS = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
# Nothing in or out: the device raises one interrupt, and the request ends when its DPC has run.
IOCTL_STORE_RAISE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)

_TIMING = struct.Struct("<II")
_STATISTICS = struct.Struct("<QIIIIII")
STATISTICS_BYTES = _STATISTICS.size


class Timing(NamedTuple):
    """How slow the device is, and how long the driver waits for it."""

    access_clocks: int
    """Bus clocks between a command and its first action."""
    timeout_microseconds: int
    """After this long a request ends with STATUS_IO_TIMEOUT."""

    def pack(self) -> bytes:
        """The bytes that the control code carries."""
        return _TIMING.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Timing:
        """Raises `struct.error` if `data` has not the right length."""
        return cls(*_TIMING.unpack(data))


class Statistics(NamedTuple):
    """Counts since the device was started; clocks are bus clocks, counted by the device."""

    device_bytes: int
    """Size of the device's memory."""
    requests: int
    interrupts: int
    data_clocks: int
    """Data phases of the last command."""
    busy_clocks: int
    """Clocks from the last command's doorbell to its end."""
    timeouts: int
    errors: int

    def pack(self) -> bytes:
        """The bytes that the control code carries."""
        return _STATISTICS.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Statistics:
        """Raises `struct.error` if `data` has not the right length."""
        return cls(*_STATISTICS.unpack(data))
