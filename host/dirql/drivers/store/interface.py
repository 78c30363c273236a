# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The interface of the store driver for programs: the device name, the control codes and the data for them."""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from dirql.wdm import CTL_CODE, FILE_ANY_ACCESS, FILE_DEVICE_UNKNOWN, GUID, METHOD_BUFFERED

__all__ = [
    "DEVICE_NAME",
    "DOS_DEVICE_NAME",
    "GUID_DEVINTERFACE_STORE",
    "IOCTL_STORE_GET_STATISTICS",
    "IOCTL_STORE_RAISE",
    "IOCTL_STORE_SET_MODE",
    "IOCTL_STORE_SET_TIMING",
    "PROGRAM_NAME",
    "STATISTICS_BYTES",
    "Statistics",
    "Timing",
    "TransferMode",
    "program_name",
]

DEVICE_NAME = "\\Device\\Store"
DOS_DEVICE_NAME = "\\DosDevices\\Store"
"""The beginnings of the names of a device. The number of the device follows, from 0, in the order of discovery."""
GUID_DEVINTERFACE_STORE = GUID(0x6B3C0F52, 0x91D4, 0x4E0B, bytes.fromhex("A4173F6E25C8D901"))
"""The class of the device interface, which is enabled while the device is in use."""
PROGRAM_NAME = r"\\.\Store0"
"""The name by which a program opens the first device."""


def program_name(number: int) -> str:
    """The name by which a program opens the device with this number."""
    return rf"\\.\Store{number}"


class TransferMode(enum.IntEnum):
    """The way in which the driver moves data; a request uses the mode that is set when the request starts."""

    POLLED = 0
    """The DPC reads the status register again and again, with a stall between two reads."""
    TIMER_POLLED = 1
    """The DPC of a timer reads the status register once for each tick."""
    INTERRUPT = 2
    """The DPC moves data with programmed I/O whenever the FIFO of the device interrupts."""
    DMA = 3
    """The device moves data itself, as bus master."""


# Input: a TransferMode as an unsigned 32-bit number. No output. DMA is STATUS_NOT_SUPPORTED for a device without it.
IOCTL_STORE_SET_MODE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
# Input: a Timing. No output.
IOCTL_STORE_SET_TIMING = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
# No input. Output: a Statistics.
IOCTL_STORE_GET_STATISTICS = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
# No input and no output: the device raises one interrupt, and the DPC for it completes the request.
IOCTL_STORE_RAISE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)

_TIMING = struct.Struct("<II")
_STATISTICS = struct.Struct("<QIIIIII")
STATISTICS_BYTES = _STATISTICS.size


class Timing(NamedTuple):
    """The delay of the device, and the time for which the driver waits for the device."""

    access_clocks: int
    """Bus clocks between a command and the first action of the device."""
    timeout_microseconds: int
    """The time after which a request is completed with STATUS_IO_TIMEOUT."""

    def pack(self) -> bytes:
        """The bytes for the buffer of the control code."""
        return _TIMING.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Timing:
        """Read the bytes of the control code's buffer; raises `struct.error` for a wrong number of bytes."""
        return cls(*_TIMING.unpack(data))


class Statistics(NamedTuple):
    """Counts since the device was added; the device counts the bus clocks."""

    device_bytes: int
    """The size of the memory in the device."""
    requests: int
    interrupts: int
    data_clocks: int
    """The data phases that the last command took."""
    busy_clocks: int
    """The bus clocks from the write of the last command to the end of it."""
    timeouts: int
    errors: int

    def pack(self) -> bytes:
        """The bytes for the buffer of the control code."""
        return _STATISTICS.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Statistics:
        """Read the bytes of the control code's buffer; raises `struct.error` for a wrong number of bytes."""
        return cls(*_STATISTICS.unpack(data))
