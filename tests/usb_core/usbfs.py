# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A simulated board at its USB port, for the real libusb: umockdev serves it to a program.

    PYTHONPATH=tests /usr/bin/python3 -m usb_core.usbfs LIBRARY [--unplug-after N] -- PROGRAM ARGUMENTS…

LIBRARY is that of `usb_core.recipes.machine_library`. Each URB that the program submits is carried out as transactions,
bit by bit, on the bus of the simulation; after N of those for bulk endpoints the cable is pulled. It must run with the
system's Python, which has the bindings of umockdev. It ends with the exit code of the program.
"""

from __future__ import annotations

import argparse
import struct
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from dirql.link.usb_bus import Bus
from dirql.link.usb_function import Setup, Stalled
from dirql.link.usb_host import PACKET, TO_HOST, Gone, Host, Pid
from flashing.testbed import Client, Data, run_with, testbed_with

__all__ = ["main"]

ENOENT, EAGAIN, ENODEV, EINVAL, ENOTTY, EPIPE, ENODATA, EPROTO, EOVERFLOW = 2, 11, 19, 22, 25, 32, 61, 71, 75
ESHUTDOWN = 108
SUBMIT, DISCARD, REAP, REAP_NOW = 0x8038550A, 0x550B, 0x4008550C, 0x4008550D
CAPABILITIES, GET_DRIVER, CONNECTED = 0x8004551A, 0x41045508, 0xC0105512
SET_CONFIGURATION, SET_INTERFACE, CLEAR_HALT, RESET = 0x80045505, 0x80085504, 0x80045515, 0x5514
HARMLESS = {0x8004550F, 0x80045510}
"""Claim and release an interface: the kernel's own affair."""
CONTROL_URB = 2
SETUP_BYTES = 8
URB = struct.Struct("=BB22xi28x")
IDLE_BITS = 200
"""The time that passes on the bus when no program wants anything of it."""
ADDRESS = 2


@dataclass
class Urb:
    """A request of the program, and its end; the memory is written when the program fetches it."""

    urb: Data
    data: Data | None
    endpoint: int
    octets: bytes
    place: int = 0
    """The bytes that the device has taken."""
    answer: bytes = b""
    offset: int = 0
    """The place of the answer in the memory of the program."""
    status: int = 0

    def finish(self) -> None:
        """Write the end into the memory of the program."""
        if self.answer and self.data is not None:
            self.data.update(self.offset, self.answer)
        self.urb.update(4, struct.pack("=i", self.status))
        self.urb.update(28, struct.pack("=i", self.place or len(self.answer)))


class Controller:
    """A host controller and its driver: URBs in, transactions out."""

    def __init__(self, bus: Bus, unplug_after: int | None = None) -> None:
        self.host = Host(bus)
        self._left = unplug_after
        self._queues: dict[int, deque[Urb]] = {}
        self._done: deque[Urb] = deque()
        self._lock = threading.Lock()
        self._enumerate()

    def _enumerate(self) -> None:
        """Do as the kernel does with a device that is plugged in."""
        self.host.enumerate(ADDRESS)
        self.device = self.host.descriptor(1, length=18)
        size = int.from_bytes(self.host.descriptor(2, length=9)[2:4], "little")
        self.configuration = self.host.descriptor(2, length=size)

    def attributes(self) -> dict[str, str]:
        """The files of sysfs, as the kernel makes them of the descriptors."""
        version, vendor, product, release = struct.unpack("<2xH4x3H4x", self.device)
        texts = {
            name: self.host.descriptor(3, self.device[at], language=0x0409)[2:].decode("utf-16-le")
            for name, at in (("manufacturer", 14), ("product", 15))
        }
        return {
            "idVendor": f"{vendor:04x}",
            "idProduct": f"{product:04x}",
            "bcdDevice": f"{release:04x}",
            "version": f" {version >> 8}.{version & 0xFF:02x}",
            "bConfigurationValue": "1",
            "bDeviceClass": f"{self.device[4]:02x}",
            "bNumConfigurations": str(self.device[17]),
            "speed": "12",
            **texts,
        }

    def spend(self) -> None:
        """Let time pass on the bus: a transaction for each endpoint with a request."""
        with self._lock:
            self._spend()

    def _spend(self) -> None:
        if not any(self._queues.values()):
            self.host.bus.idle(IDLE_BITS)
        for endpoint, queue in self._queues.items():
            if queue and self._step(endpoint, queue[0]):
                self._done.append(queue.popleft())

    def _step(self, endpoint: int, urb: Urb) -> bool:
        """One transaction of a request; whether this was its last one."""
        try:
            return self._into(endpoint, urb) if endpoint & TO_HOST else self._out(endpoint, urb)
        except Stalled:
            urb.status = -EPIPE
        except Gone:
            urb.status = -EPROTO
        return True

    def _out(self, endpoint: int, urb: Urb) -> bool:
        piece = urb.octets[urb.place : urb.place + PACKET]
        answer = self.host.out(endpoint, piece)
        if answer is Pid.STALL:
            raise Stalled
        if answer is None:
            raise Gone
        urb.place += len(piece) if answer is Pid.ACK else 0
        return answer is Pid.ACK and urb.place == len(urb.octets)

    def _into(self, endpoint: int, urb: Urb) -> bool:
        answer = self.host.into(endpoint & 0xF)
        if answer is Pid.STALL:
            raise Stalled
        if answer is None:
            raise Gone
        if not isinstance(answer, bytes):
            return False
        room = len(urb.octets) - len(urb.answer)
        urb.answer += answer[:room]
        if len(answer) > room:
            urb.status = -EOVERFLOW
        size = self._packet_of(endpoint)
        return len(answer) < size or len(urb.answer) == len(urb.octets)

    def _packet_of(self, endpoint: int) -> int:
        """The largest packet of an endpoint, by the descriptors."""
        place = 0
        while place < len(self.configuration):
            if self.configuration[place + 1] == 5 and self.configuration[place + 2] == endpoint:
                return int.from_bytes(self.configuration[place + 4 : place + 6], "little")
            place += self.configuration[place]
        raise AssertionError(f"the program must name an endpoint of the device; it named {endpoint:#04x}")

    def handle(self, _base: object, client: Client) -> bool:
        """An ioctl; see `UMockdev.IoctlBase`, which calls this in a thread of its own."""
        with self._lock:
            self._answer(client)
        return True

    def _answer(self, client: Client) -> None:
        request = client.get_request() & 0xFFFF_FFFF
        if self._is_gone and request not in (REAP, REAP_NOW):
            client.complete(-1, ENODEV)
            return
        answer = {
            SUBMIT: self._submit,
            REAP: self._reap,
            REAP_NOW: self._reap,
            SET_CONFIGURATION: self._configure,
            SET_INTERFACE: self._set_interface,
            CLEAR_HALT: self._clear_halt,
            DISCARD: self._discard,
            CAPABILITIES: self._tell_capabilities,
        }.get(request)
        if answer is not None:
            client.complete(*answer(client.get_arg()))
        elif request == RESET:
            self._enumerate()
            client.complete(0, 0)
        elif request in (GET_DRIVER, CONNECTED):
            client.complete(-1, ENODATA)
        else:
            client.complete(*((0, 0) if request in HARMLESS else (-1, ENOTTY)))

    @property
    def _is_gone(self) -> bool:
        """Whether the cable was pulled."""
        return self._left is not None and self._left <= 0

    def _count(self) -> None:
        """Count a request; the last one and all that are under way end when the cable is pulled."""
        if self._left is not None:
            self._left -= 1
        if self._is_gone:
            for queue in self._queues.values():
                for urb in queue:
                    urb.status = -ESHUTDOWN
                self._done.extend(queue)
                queue.clear()

    def _tell_capabilities(self, arg: Data) -> tuple[int, int]:
        arg.resolve(0, 4).update(0, bytes(4))
        return 0, 0

    def _submit(self, arg: Data) -> tuple[int, int]:
        memory = arg.resolve(0, URB.size)
        kind, endpoint, size = URB.unpack(bytes(memory.retrieve()))
        data = memory.resolve(16, size) if size else None
        octets = bytes(data.retrieve()) if data is not None else b""
        urb = Urb(memory, data, endpoint, octets)
        if kind != CONTROL_URB:
            self._packet_of(endpoint)
            self._queues.setdefault(endpoint, deque()).append(urb)
            self._count()
            return 0, 0
        setup, urb.offset = Setup.of(octets[:SETUP_BYTES]), SETUP_BYTES
        try:
            if setup.kind & TO_HOST:
                urb.answer = self.host.control(setup)
            else:
                self.host.control(setup, octets[SETUP_BYTES:])
                urb.place = setup.length
        except Stalled:
            urb.status = -EPIPE
        self._done.append(urb)
        return 0, 0

    def _reap(self, arg: Data) -> tuple[int, int]:
        if not self._done:
            return -1, ENODEV if self._is_gone else EAGAIN
        urb = self._done.popleft()
        urb.finish()
        arg.resolve(0, 8).set_ptr(0, urb.urb)
        return 0, 0

    def _discard(self, arg: Data) -> tuple[int, int]:
        (address,) = struct.unpack("=Q", bytes(arg.retrieve()))
        for queue in self._queues.values():
            for urb in queue:
                if urb.urb.client_addr == address:
                    queue.remove(urb)
                    urb.status = -ENOENT
                    self._done.append(urb)
                    return 0, 0
        return -1, EINVAL

    def _configure(self, arg: Data) -> tuple[int, int]:
        value = struct.unpack("=I", bytes(arg.resolve(0, 4).retrieve()))[0]
        self.host.configure(value)
        return 0, 0

    def _set_interface(self, arg: Data) -> tuple[int, int]:
        interface, setting = struct.unpack("=II", bytes(arg.resolve(0, 8).retrieve()))
        self.host.control(Setup(0x01, 11, setting, interface, 0))
        self.host.toggles = {key: value for key, value in self.host.toggles.items() if key in (0, TO_HOST)}
        return 0, 0

    def _clear_halt(self, arg: Data) -> tuple[int, int]:
        endpoint = struct.unpack("=I", bytes(arg.resolve(0, 4).retrieve()))[0]
        self.host.control(Setup(0x02, 1, 0, endpoint, 0))
        self.host.toggles[endpoint] = 0
        return 0, 0


def main() -> int:
    """Serve the device to the program; its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=Path)
    parser.add_argument("--unplug-after", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    bus = Bus(options.library)
    controller = Controller(bus, options.unplug_after)
    descriptors = controller.device + controller.configuration
    bed = testbed_with(controller.handle, descriptors, controller.attributes())
    return run_with(bed, options.command, controller.spend)


if __name__ == "__main__":
    sys.exit(main())
