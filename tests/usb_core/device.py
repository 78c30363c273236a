# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A host with the USB core behind it: both sides of a test."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.link.usb_host import Host
from usb_core.device_bus import DeviceBus

__all__ = ["BULK", "CONFIGURATION", "DEVICE", "FRAME_BITS", "NOTICES", "RING", "Device"]

BULK, NOTICES = 1, 2
"""The numbers of the two endpoints."""
FRAME_BITS = 12_000
RING = 512
"""Bytes that a bulk endpoint keeps."""

DEVICE = bytes.fromhex("1201100200000040 0912 0100 0001 01020001".replace(" ", ""))
"""The descriptors as they must be, typed out."""
CONFIGURATION = bytes.fromhex(
    "09022700010100 80fa 0904000003ff000003 07050102400000 07058102400000 0705820308000a".replace(" ", "")
)


@dataclass
class Device(Host):
    """A host, and the streams of the device behind it."""

    bus: DeviceBus

    def received(self) -> bytes:
        """The bytes that have come out of the core since the last call."""
        self.bus.idle(RING)
        return self.bus.take()

    def feed(self, data: bytes) -> None:
        """Bytes for the host, which the core takes as it has room."""
        self.bus.feed(data)
        self.bus.idle(RING)

    def is_silent(self) -> bool:
        """Whether the device does not answer what was sent last."""
        return self.bus.receive() == b""
