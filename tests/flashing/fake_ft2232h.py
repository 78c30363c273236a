# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A USB device that the real libusb opens: an FT2232H with a serial flash, served by umockdev to a program.

    PYTHONPATH=tests /usr/bin/python3 -m flashing.fake_ft2232h [FAULTS] [--dump FILE] -- PROGRAM ARGUMENTS…

Faults are --stuck ADDRESS, a bit of the flash that cannot be cleared, and --unplug-after N, the writes after which the
cable is pulled. It must run with the system's Python, which has the bindings of umockdev. It ends with the exit
code of the program.
"""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path

from flashing.mpsse import Mpsse
from flashing.spi_flash import SpiFlash
from flashing.testbed import Client, Data, run_with, testbed_with

__all__ = ["main"]

DEVICE = bytes.fromhex("1201000200000040030410600007010203 01".replace(" ", ""))
CONFIGURATION = bytes.fromhex(
    "0902370002010080fa"
    "0904000002ffffff020705810200020007050202000200"
    "0904010002ffffff020705830200020007050402000200"
)
STRINGS = ("", "FTDI", "Dual RS232-HS", "DQ000001")
ATTRIBUTES = {
    "idVendor": "0403",
    "idProduct": "6010",
    "bConfigurationValue": "1",
    "bDeviceClass": "00",
    "bNumConfigurations": "1",
    "speed": "480",
    "manufacturer": STRINGS[1],
    "product": STRINGS[2],
    "serial": STRINGS[3],
    "bcdDevice": "0700",
    "version": " 2.00",
}
PACKET = 512
STATUS = b"\x32\x60"
"""The two bytes of line status that begin each packet to the host."""

IN = 0x80
GET_DESCRIPTOR, STRING = 6, 3

ENODATA, ENODEV, EAGAIN, ENOTTY, EPIPE, ESHUTDOWN = 61, 19, 11, 25, 32, 108
SUBMIT, DISCARD, REAP, REAP_NOW = 0x8038550A, 0x550B, 0x4008550C, 0x4008550D
CAPABILITIES, GET_DRIVER, CONNECTED = 0x8004551A, 0x41045508, 0xC0105512
HARMLESS = {0x8004550F, 0x80045510, 0x80045505, 0x5514, 0x80085504, 0x80045515}
"""Claim, release, set configuration, reset, set interface, clear halt."""
URB = struct.Struct("=BB22xi28x")


class Device:
    """The device: control transfers, and the two endpoints of the first interface."""

    def __init__(self, flash: SpiFlash, unplug_after: int | None) -> None:
        self._engine = Mpsse(flash)
        self._left = unplug_after

    @property
    def is_gone(self) -> bool:
        """Whether the cable was pulled."""
        return self._left is not None and self._left <= 0

    def control(self, setup: bytes) -> bytes | None:
        """The answer to a control transfer; None refuses it."""
        kind, request, value, _, length = struct.unpack("<BBHHH", setup)
        if kind == IN and request == GET_DESCRIPTOR:
            return self._descriptor(value >> 8, value & 0xFF)[:length]
        return bytes(length) if kind & IN else b""

    def _descriptor(self, kind: int, index: int) -> bytes:
        if kind != STRING:
            return DEVICE if kind == 1 else CONFIGURATION
        text = STRINGS[index].encode("utf-16-le") if index else b"\x09\x04"
        return bytes((len(text) + 2, STRING)) + text

    def write(self, octets: bytes) -> None:
        """Bytes to the serial engine."""
        if self._left is not None:
            self._left -= 1
        self._engine.feed(octets)

    def read(self, room: int) -> bytes:
        """Packets to the host, each with its status; with nothing to say only the status."""
        answers, packets = self._engine.answers, b""
        while room - len(packets) >= len(STATUS):
            count = min(PACKET, room - len(packets)) - len(STATUS)
            packets += STATUS + answers[:count]
            del answers[:count]
            if len(packets) % PACKET:
                break
        return packets


class Server:
    """Answers the ioctls of usbfs."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._done: list[Data] = []

    def handle(self, _base: object, client: Client) -> bool:
        """An ioctl; see `UMockdev.IoctlBase`."""
        request = client.get_request() & 0xFFFF_FFFF
        answer = {SUBMIT: self._submit, REAP: self._reap, REAP_NOW: self._reap, DISCARD: self._discard}.get(
            request
        )
        if answer is not None:
            client.complete(*answer(client.get_arg()))
        elif self._device.is_gone:
            client.complete(-1, ENODEV)
        elif request == CAPABILITIES:
            client.get_arg().resolve(0, 4).update(0, struct.pack("=I", 0))
            client.complete(0, 0)
        elif request in (GET_DRIVER, CONNECTED):
            client.complete(-1, ENODATA)
        else:
            client.complete(*((0, 0) if request in HARMLESS else (-1, ENOTTY)))
        return True

    def _submit(self, arg: Data) -> tuple[int, int]:
        if self._device.is_gone:
            return -1, ENODEV
        urb = arg.resolve(0, URB.size)
        kind, endpoint, size = URB.unpack(bytes(urb.retrieve()))
        data = urb.resolve(16, size) if size else None
        octets = bytes(data.retrieve()) if data is not None else b""
        status, actual = self._transfer(kind, endpoint, octets, data)
        urb.update(4, struct.pack("=i", status))
        urb.update(28, struct.pack("=i", actual))
        self._done.append(urb)
        return 0, 0

    def _transfer(self, kind: int, endpoint: int, octets: bytes, data: Data | None) -> tuple[int, int]:
        """Carry out a transfer; its status and the number of bytes."""
        if kind == 2:
            answer = self._device.control(octets[:8])
            if answer is None:
                return -EPIPE, 0
            if answer and data is not None:
                data.update(8, answer)
            return 0, len(answer) if octets[0] & IN else len(octets) - 8
        if endpoint & IN and data is not None:
            answer = self._device.read(len(octets))
            data.update(0, answer)
            return 0, len(answer)
        self._device.write(octets)
        return (-ESHUTDOWN, 0) if self._device.is_gone else (0, len(octets))

    def _reap(self, arg: Data) -> tuple[int, int]:
        if not self._done:
            return -1, ENODEV if self._device.is_gone else EAGAIN
        arg.resolve(0, 8).set_ptr(0, self._done.pop(0))
        return 0, 0

    def _discard(self, _arg: Data) -> tuple[int, int]:
        return -1, ENODEV if self._device.is_gone else 22


def main() -> int:
    """Serve the device to the program; its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stuck", type=lambda text: int(text, 0))
    parser.add_argument("--unplug-after", type=int)
    parser.add_argument("--dump", type=Path)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    flash = SpiFlash(options.stuck)
    server = Server(Device(flash, options.unplug_after))
    code = run_with(testbed_with(server.handle, DEVICE + CONFIGURATION, ATTRIBUTES), options.command)
    if options.dump:
        options.dump.write_bytes(flash.memory)
    return code


if __name__ == "__main__":
    sys.exit(main())
