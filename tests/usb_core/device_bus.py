# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A bus with the USB core alone on it, sim/hdl/usb_device_bench.cpp."""

from __future__ import annotations

import ctypes

from dirql.link.usb_bus import POINTER, SIGNATURES, Bus, Signatures

__all__ = ["DeviceBus"]

_OF_A_DEVICE: Signatures = {
    "usb_feed": (None, (POINTER, ctypes.c_char_p, ctypes.c_uint64)),
    "usb_take": (ctypes.c_uint64, (POINTER, ctypes.c_char_p, ctypes.c_uint64)),
    "usb_waiting": (ctypes.c_uint64, (POINTER,)),
    "usb_ready": (None, (POINTER, ctypes.c_uint)),
    "usb_notice": (None, (POINTER, ctypes.c_uint64)),
    "usb_state": (ctypes.c_int, (POINTER,)),
}


class DeviceBus(Bus):
    """A bus with the USB core alone, whose streams end here."""

    signatures = SIGNATURES | _OF_A_DEVICE

    def feed(self, octets: bytes) -> None:
        """Bytes for the host, which the core takes when it can."""
        self._library.usb_feed(self._bus, octets, len(octets))

    def take(self) -> bytes:
        """The bytes that have come from the host."""
        room = ctypes.create_string_buffer(1 << 16)
        count: int = self._library.usb_take(self._bus, room, len(room))
        return room.raw[:count]

    @property
    def waiting(self) -> int:
        """The bytes that the core has not taken yet."""
        return int(self._library.usb_waiting(self._bus))

    def ready(self, per_cent: int) -> None:
        """The clocks in which a byte from the host would be taken."""
        self._library.usb_ready(self._bus, per_cent)

    def notice(self, octets: bytes) -> None:
        """A notice of eight bytes for the host."""
        self._library.usb_notice(self._bus, int.from_bytes(octets, "big"))

    def is_configured(self) -> bool:
        """The core says that a host has chosen a configuration."""
        return bool(self._library.usb_state(self._bus) & 1)

    def is_suspended(self) -> bool:
        """The core says that the bus is suspended."""
        return bool(self._library.usb_state(self._bus) & 2)
