# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The USB device of a board, packet by packet, for twins: what a host sees of the core in `hdl/link/usb`.

The bulk endpoints carry a stream of bytes. Requests, stalls, short packets and the ends of transfers are those of the
core; chapter 9 of USB 2.0 has their meaning.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

from dirql.registers import usb_device

__all__ = ["NOTICE_BYTES", "Setup", "Stalled", "Stream", "UsbDevice", "UsbFunction"]

NOTICE_BYTES = 8
"""The bytes that the interrupt endpoint gives: the identity of the bitstream."""

_SETUP = struct.Struct("<BBHHH")
_TO_HOST = 0x80
_DEVICE, _ENDPOINT = 0, 2
_ADDRESSES = 128
_CONTROL_ENDS = (0x00, 0x80)
_RECIPIENT = 0x1F
_ENDPOINT_HALT = 0
_MICROSOFT_SET = 7
_ENDS = frozenset(
    (
        usb_device.BULK_ENDPOINT,
        usb_device.BULK_ENDPOINT | _TO_HOST,
        usb_device.INTERRUPT_ENDPOINT | _TO_HOST,
    )
)


class Stalled(Exception):
    """The device refuses a request, or an endpoint is halted."""


class Setup(NamedTuple):
    """The first packet of a control transfer (USB 2.0, table 9-2)."""

    kind: int
    request: int
    value: int
    place: int
    """The field wIndex: the interface, the endpoint, or the language."""
    length: int

    @classmethod
    def of(cls, octets: bytes) -> Setup:
        """Read the eight bytes."""
        return cls(*_SETUP.unpack(octets))

    def pack(self) -> bytes:
        """The eight bytes for the bus."""
        return _SETUP.pack(*self)


class Stream(Protocol):
    """The bytes behind the bulk endpoints."""

    def send(self, octets: bytes) -> bool:
        """Take a packet of the host whole, or return False if there is no room now."""

    def take(self, most: int) -> bytes:
        """The next bytes for the host, `most` at most; none if none have come."""

    def clear(self) -> None:
        """Forget the bytes that wait for the host."""


class UsbDevice(Protocol):
    """A device at the end of a cable, transaction by transaction; nothing here waits for the device."""

    configuration: int
    """That which the host has chosen, 0 for none."""

    def reset(self) -> None:
        """Be as after a reset of the bus: without an address and a configuration."""

    def control(self, setup: Setup) -> bytes:
        """Carry out a request; returns the answer. Raises `Stalled`."""

    def out(self, endpoint: int, packet: bytes) -> bool:
        """Take a packet of the host; False if there is no room now. Raises `Stalled`."""

    def into(self, endpoint: int) -> bytes | None:
        """The next packet to the host, which may be empty; None if there is none now. Raises `Stalled`."""


class UsbFunction:
    """The device behind a cable. It answers one packet after another, and never waits."""

    def __init__(self, stream: Stream, notice: bytes = bytes(NOTICE_BYTES)) -> None:
        """`notice` is what the interrupt endpoint says on each read."""
        self._stream = stream
        self._notice = notice
        self.reset()

    def reset(self) -> None:
        """Be as after a reset of the bus: without an address and a configuration."""
        self.configuration = 0
        self._halted: set[int] = set()
        self._is_full = False  # the last packet to the host, after which a shorter one ends the transfer
        self._stream.clear()

    # Endpoint 0.

    def control(self, setup: Setup) -> bytes:
        """Carry out a request; returns the answer, cut to the length that was asked for. Raises `Stalled`.

        No request that the device knows has data from the host.
        """
        answer = self._answer(setup)
        if answer is None:
            raise Stalled
        return answer[: setup.length] if setup.kind & _TO_HOST else b""

    def _answer(self, setup: Setup) -> bytes | None:
        """The answer of the device; as in the core, each field that a request does not use must be 0."""
        kind, request, value, place, length = setup
        is_plain = value == 0 and place == 0
        match kind, request:
            case 0x80, 6:
                return usb_device.DESCRIPTORS.get((value >> 8, value & 0xFF))
            case 0x80, 8 if is_plain:
                return bytes((self.configuration,))
            case 0x81, 10 if is_plain and self.configuration:
                return b"\0"
            case ((0x80 | 0x81 | 0x82), 0) if value == 0:
                return self._status(kind & _RECIPIENT, place)
            case 0xC0, usb_device.VENDOR_CODE if value == 0 and place == _MICROSOFT_SET:
                return usb_device.VENDOR_SET
            case 0x02, (1 | 3) if value == _ENDPOINT_HALT and length == 0:
                return self._set_halt(place, halted=request == 3)
        return self._change(kind, request, value) if place == 0 and length == 0 else None

    def _change(self, kind: int, request: int, value: int) -> bytes | None:
        """Carry out a request that has a value at most."""
        match kind, request:
            case 0x00, 5 if value < _ADDRESSES:
                return b""  # the hub of the host gives the address
            case 0x00, 9 if value <= 1:
                self.configuration = value
                self._halted.clear()
                self._is_full = False
                self._stream.clear()
                return b""
            case 0x01, 11 if value == 0 and self.configuration:
                self._halted.clear()
                return b""
        return None

    def _status(self, recipient: int, index: int) -> bytes | None:
        if recipient == _ENDPOINT:
            is_known = index in _CONTROL_ENDS or (index in _ENDS and self.configuration)
            return bytes((index in self._halted, 0)) if is_known else None
        is_there = recipient == _DEVICE or self.configuration
        return bytes(2) if index == 0 and is_there else None

    def _set_halt(self, endpoint: int, *, halted: bool) -> bytes | None:
        if endpoint not in _ENDS or not self.configuration:
            return None
        if halted:
            self._halted.add(endpoint)
        else:
            self._halted.discard(endpoint)
        return b""

    # The other endpoints.

    def out(self, endpoint: int, packet: bytes) -> bool:
        """Take a packet of the host; False if there is no room now. Raises `Stalled`."""
        self._check(endpoint)
        return self._stream.send(packet)

    def into(self, endpoint: int) -> bytes | None:
        """The next packet to the host, which may be empty; None if there is none now. Raises `Stalled`."""
        self._check(endpoint | _TO_HOST)
        if endpoint == usb_device.INTERRUPT_ENDPOINT:
            return self._notice
        packet = self._stream.take(usb_device.BULK_PACKET)
        if not packet and not self._is_full:
            return None
        self._is_full = len(packet) == usb_device.BULK_PACKET
        return packet

    def _check(self, endpoint: int) -> None:
        if endpoint not in _ENDS or not self.configuration or endpoint in self._halted:
            raise Stalled
