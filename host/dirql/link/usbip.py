# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The messages of USB/IP, version 1.1.1, as Documentation/usb/usbip_protocol.rst of Linux has them.

A connection begins with operations, whose numbers have their highest byte first. After an import it carries URBs.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

__all__ = [
    "BUS_ID",
    "BUS_ID_BYTES",
    "DEFAULT_PORT",
    "HEADER_BYTES",
    "NOT_FOUND",
    "OPERATION",
    "OPERATION_BYTES",
    "RECORD_BYTES",
    "TAKEN",
    "TO_HOST",
    "Command",
    "DeviceRecord",
    "Errno",
    "Operation",
    "Return",
    "Submit",
    "Unlink",
    "read_command",
    "read_return",
]

DEFAULT_PORT = 3240
BUS_ID = "1-1"
"""The name of the one device that a twin exports."""
TO_HOST = 1
TAKEN, NOT_FOUND = 2, 4
"""Statuses of operations: a device that another client has imported, and one that there is not."""

_VERSION = 0x0111
OPERATION = struct.Struct(">HHI")
OPERATION_BYTES = OPERATION.size
HEADER_BYTES = 48
_BASE = struct.Struct(">5I")
_SUBMIT = struct.Struct(">5IIiiiI8s")
_UNLINK = struct.Struct(">5II24x")
_RETURN = struct.Struct(">5Iiiiii8x")
_RECORD = struct.Struct(">256s32s3I3H6B")
RECORD_BYTES = _RECORD.size
BUS_ID_BYTES = 32
_FULL_SPEED = 2


class Operation(enum.IntEnum):
    """The codes of operations; an answer has the code without the highest bit."""

    LIST = 0x8005
    IMPORT = 0x8003

    def request(self, octets: bytes = b"") -> bytes:
        """The message that asks for it."""
        return OPERATION.pack(_VERSION, self, 0) + octets

    def is_answer(self, octets: bytes) -> bool:
        """Whether a message begins as one that answers it, of any version and with any status."""
        return int(OPERATION.unpack(octets)[1]) == self & 0x7FFF

    def answer(self, octets: bytes = b"", status: int = 0) -> bytes:
        """The message that answers it."""
        return OPERATION.pack(_VERSION, self & 0x7FFF, status) + octets


class Command(enum.IntEnum):
    """The first number of the header of an URB."""

    SUBMIT = 1
    UNLINK = 2
    RETURNED = 3
    UNLINKED = 4


class Errno(enum.IntEnum):
    """The statuses of URBs, which are Linux's numbers of errors, made negative."""

    OK = 0
    STALL = -32
    OVERFLOW = -75
    UNLINKED = -104
    SHUTDOWN = -108


class DeviceRecord(NamedTuple):
    """A device, as a list and an import show it."""

    bus: int
    device: int
    descriptor: bytes
    """The device descriptor, 18 bytes."""
    configuration: int
    interfaces: int

    @property
    def number(self) -> int:
        """The number by which URBs name the device."""
        return self.bus << 16 | self.device

    def pack(self) -> bytes:
        """The 312 bytes of the record."""
        vendor, product, release = struct.unpack_from("<3H", self.descriptor, 8)
        path = f"/sys/devices/platform/dirql/usb{self.bus}/{BUS_ID}".encode()
        kind = self.descriptor[4:7]
        count = self.descriptor[17]
        return _RECORD.pack(
            path,
            BUS_ID.encode(),
            self.bus,
            self.device,
            _FULL_SPEED,
            vendor,
            product,
            release,
            *kind,
            self.configuration,
            count,
            self.interfaces,
        )


class Submit(NamedTuple):
    """A request of the host: an URB of an endpoint, whose number has no bit for the direction."""

    number: int
    device: int
    direction: int
    endpoint: int
    length: int
    """The bytes that follow, or those for which the host has room."""
    setup: bytes

    def pack(self) -> bytes:
        """The header; the data follow it."""
        head = (Command.SUBMIT, self.number, self.device, self.direction, self.endpoint)
        return _SUBMIT.pack(*head, 0, self.length, 0, 0, 0, self.setup)


class Unlink(NamedTuple):
    """The host wants no answer to an URB any more."""

    number: int
    device: int
    unlinked: int
    """The number of that URB."""

    def pack(self) -> bytes:
        """The message, which is a header alone."""
        return _UNLINK.pack(Command.UNLINK, self.number, self.device, 0, 0, self.unlinked)


class Return(NamedTuple):
    """The end of an URB, or the answer to an `Unlink`."""

    command: int
    number: int
    status: int
    length: int = 0

    def pack(self, octets: bytes = b"") -> bytes:
        """The header with the data behind it."""
        return _RETURN.pack(self.command, self.number, 0, 0, 0, self.status, self.length, 0, 0, 0) + octets


def read_command(header: bytes) -> Submit | Unlink:
    """Read a header of the host. Raises `ValueError` for one that no host sends."""
    command, number, device, direction, endpoint = _BASE.unpack_from(header)
    if command == Command.SUBMIT:
        *_, length, _, packets, _, setup = _SUBMIT.unpack(header)
        if not 0 <= length <= _LONGEST or endpoint > _LAST_ENDPOINT or packets not in (0, -1):
            raise ValueError(
                f"an URB must have an endpoint of 0 to {_LAST_ENDPOINT}, at most {_LONGEST} bytes and no packets of its"
                f" own; it had endpoint {endpoint}, {length} bytes and {packets} packets"
            )
        return Submit(number, device, direction & TO_HOST, endpoint, length, setup)
    if command == Command.UNLINK:
        return Unlink(number, device, _UNLINK.unpack(header)[-1])
    raise ValueError(f"the command of a host must be 1 or 2, for SUBMIT and UNLINK; it was {command}")


def read_return(header: bytes) -> Return:
    """Read a header of the device's side. Raises `ValueError` for another one."""
    command, number, _, _, _, status, length, _, _, _ = _RETURN.unpack(header)
    if command not in (Command.RETURNED, Command.UNLINKED):
        raise ValueError(f"the answer of a USB/IP server must be 3 or 4; it was {command}")
    return Return(command, number, status, length)


_LONGEST = 1 << 24
_LAST_ENDPOINT = 15
