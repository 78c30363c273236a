# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The libraries with a USB bus and a compiled device on it, sim/twin/usb_bus.h. Needs the standard library alone."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from pathlib import Path

__all__ = ["SIGNATURES", "Bus", "Fault", "Level", "RuleBroken", "Signatures"]

LONGEST = 80
"""More bytes than a packet may have."""


class RuleBroken(Exception):
    """A device has broken a rule of USB; the message says which."""


class Level(IntEnum):
    """The levels of the two lines: `usb::Level`."""

    SE0 = 0
    J = 1
    K = 2


class Fault(IntEnum):
    """Faults of a packet on its way to the device: `usb::Fault`."""

    NONE = 0
    FLIP = 1
    UNSTUFFED = 2
    CUT = 3
    CRC = 4
    TAIL = 5
    SHORT = 6
    EATEN = 7
    OVERLONG = 8


_Kind = type[
    ctypes.c_void_p | ctypes.c_char_p | ctypes.c_int | ctypes.c_uint | ctypes.c_double | ctypes.c_uint64
]
Signatures = dict[str, tuple[_Kind | None, tuple[_Kind, ...]]]

POINTER = ctypes.c_void_p
SIGNATURES: Signatures = {
    "usb_open": (POINTER, ()),
    "usb_close": (None, (POINTER,)),
    "usb_complaint": (ctypes.c_char_p, (POINTER,)),
    "usb_clock": (ctypes.c_uint64, (POINTER,)),
    "usb_quality": (None, (POINTER, ctypes.c_double, ctypes.c_double, ctypes.c_uint)),
    "usb_idle": (None, (POINTER, ctypes.c_double)),
    "usb_drive": (None, (POINTER, ctypes.c_int, ctypes.c_double)),
    "usb_send": (None, (POINTER, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_int, ctypes.c_int)),
    "usb_receive": (ctypes.c_int, (POINTER, ctypes.c_char_p)),
}


class Bus:
    """A bus with a device. Packets are bytes: the identifier with its check, and what follows without the CRC."""

    signatures = SIGNATURES

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        for name, (result, arguments) in self.signatures.items():
            function = self._library[name]
            function.restype = result
            function.argtypes = arguments
            setattr(self._library, name, function)
        self._bus = self._library.usb_open()
        self._packet = ctypes.create_string_buffer(LONGEST)

    def close(self) -> None:
        """End the simulation of the bus."""
        self._library.usb_close(self._bus)

    def check(self) -> None:
        """Raise `RuleBroken` if the device has broken a rule of the bus."""
        complaint: bytes = self._library.usb_complaint(self._bus)
        if complaint:
            raise RuleBroken(complaint.decode())

    @property
    def clock(self) -> int:
        """The clocks of the device that have passed."""
        return int(self._library.usb_clock(self._bus))

    def quality(self, error: float = 0.0, jitter: float = 0.0, seed: int = 1) -> None:
        """Let the host's bits be longer by this part, and its edges early or late by up to this part of a clock."""
        self._library.usb_quality(self._bus, error, jitter, seed)

    def idle(self, bits: float) -> None:
        """Let time pass in which nobody drives."""
        self._library.usb_idle(self._bus, bits)
        self.check()

    def drive(self, level: Level, bits: float) -> None:
        """Drive a level for this number of bits."""
        self._library.usb_drive(self._bus, level, bits)
        self.check()

    def send(self, packet: bytes, fault: Fault = Fault.NONE, place: int = 0) -> None:
        """Send a packet, with a fault at a place."""
        self._library.usb_send(self._bus, packet, len(packet), fault, place)
        self.check()

    def receive(self) -> bytes:
        """The device's answer; b"" if there is none in time."""
        length: int = self._library.usb_receive(self._bus, self._packet)
        self.check()
        return self._packet.raw[:length]
