# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A host controller of USB 2.0 at full speed: transactions and transfers over a bus. Needs the standard library alone.

It is written from chapters 5, 8 and 9 of the specification, and judges each answer of the device.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial

from dirql.link.usb_bus import Bus, Fault, Level, RuleBroken
from dirql.link.usb_function import Setup, Stalled

__all__ = ["PACKET", "TO_HOST", "Faults", "Gone", "Host", "Pid", "packet", "token"]

PACKET = 64
DEVICE_BYTES = 18
TO_HOST = 0x80
RESET_BITS = 1200
"""A reset of the bus: 100 µs. That of a hub lasts 10 ms, which costs time in a simulation."""
PATIENCE = 3
"""A transaction that fails as often is the end of a transfer (4.4 of EHCI: CErr)."""


class Pid(IntEnum):
    """Packet identifiers (table 8-1)."""

    OUT = 0b0001
    ACK = 0b0010
    DATA0 = 0b0011
    SOF = 0b0101
    IN = 0b1001
    NAK = 0b1010
    DATA1 = 0b1011
    SETUP = 0b1101
    STALL = 0b1110


class Gone(Exception):
    """The device does not answer."""


def packet(pid: Pid, body: bytes = b"") -> bytes:
    """A packet for the bus."""
    return bytes((pid | (~pid & 15) << 4,)) + body


def token(pid: Pid, address: int, endpoint: int) -> bytes:
    """A token for the bus, which adds the CRC."""
    return packet(pid, (address | endpoint << 7).to_bytes(2, "little"))


@dataclass
class Faults:
    """Loses or damages packets at a rate, in both directions."""

    seed: int
    rate: float

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def to_device(self, length: int) -> tuple[bool, Fault, int]:
        """For a packet of that many bytes: whether it is lost, its fault, and the place of the fault."""
        if self._random.random() >= self.rate:
            return False, Fault.NONE, 0
        fault = self._random.choice((None, Fault.FLIP, Fault.CRC, Fault.CUT, Fault.SHORT, Fault.UNSTUFFED))
        # From behind the SYNC on: without a SYNC there is no packet, which is what a loss is.
        return fault is None, fault or Fault.NONE, self._random.randrange(8, 8 + 8 * length)

    def to_host(self) -> bool:
        """Whether a packet of the device does not arrive."""
        return self._random.random() < self.rate


@dataclass
class Host:
    """A host with one device, its address, and the toggles of its endpoints, those to the host with bit 7."""

    bus: Bus
    faults: Faults = field(default_factory=lambda: Faults(0, 0.0))
    patience: int = PATIENCE
    gap: Callable[[], float] = lambda: 3.0
    """The bits between a packet of the host and the next packet of the host, at least 2."""
    address: int = 0
    toggles: dict[int, int] = field(default_factory=dict)
    naks: int = 0
    retries: int = 0

    def reset(self, bits: int = RESET_BITS) -> None:
        """Reset the bus; the device has the address 0."""
        self.bus.drive(Level.SE0, bits)
        self.bus.idle(100)
        self.address = 0
        self.toggles.clear()

    def send(self, octets: bytes) -> None:
        """Put a packet on the bus, if it does not get lost."""
        self.bus.idle(self.gap())
        lost, fault, place = self.faults.to_device(len(octets))
        if not lost:
            if fault is Fault.UNSTUFFED and Pid(octets[0] & 15) not in (Pid.DATA0, Pid.DATA1):
                fault = Fault.FLIP
            self.bus.send(octets, fault, place)

    def receive(self) -> bytes:
        """The answer of the device, if it arrives; b"" otherwise."""
        answer = self.bus.receive()
        return b"" if answer and self.faults.to_host() else answer

    def out(self, endpoint: int, data: bytes, pid: Pid = Pid.OUT) -> Pid | None:
        """One transaction OUT or SETUP; the handshake, or None."""
        toggle = 0 if pid is Pid.SETUP else self.toggles.get(endpoint, 0)
        self.send(token(pid, self.address, endpoint))
        self.send(packet(Pid.DATA1 if toggle else Pid.DATA0, data))
        answer = self.receive()
        if not answer:
            return None
        handshake = Pid(answer[0] & 15)
        allowed = (Pid.ACK,) if pid is Pid.SETUP else (Pid.ACK, Pid.NAK, Pid.STALL)
        if handshake not in allowed:
            raise RuleBroken(f"{pid.name} must not be answered with {handshake.name}")
        if handshake is Pid.ACK:
            self.toggles[endpoint] = toggle ^ 1
        return handshake

    def into(self, endpoint: int) -> bytes | Pid | None:
        """One transaction IN: data, NAK or STALL, or None for nothing and for a packet that was there before."""
        key = endpoint | TO_HOST
        self.send(token(Pid.IN, self.address, endpoint))
        answer = self.receive()
        if not answer:
            return None
        pid = Pid(answer[0] & 15)
        if pid in (Pid.NAK, Pid.STALL):
            return pid
        if pid not in (Pid.DATA0, Pid.DATA1):
            raise RuleBroken(f"IN must not be answered with {pid.name}")
        self.send(packet(Pid.ACK))
        if (pid is Pid.DATA1) != self.toggles.get(key, 0):
            return None
        self.toggles[key] = self.toggles.get(key, 0) ^ 1
        return answer[1:]

    def write(self, endpoint: int, data: bytes) -> None:
        """A transfer OUT: full packets and, unless the last one is full, a short one."""
        for place in range(0, max(len(data), 1), PACKET):
            self.persist(partial(self.out, endpoint, data[place : place + PACKET]))

    def read(self, endpoint: int, size: int) -> bytes:
        """A transfer IN: ends with a short packet, or when there are `size` bytes, a multiple of the packet."""
        data = b""
        while len(data) < size:
            piece = self.persist(lambda: self.into(endpoint))
            if not isinstance(piece, bytes) or len(piece) > PACKET:
                raise RuleBroken(f"a packet of data must have {PACKET} bytes at most")
            data += piece
            if len(piece) < PACKET:
                break
        if len(data) > size:
            raise RuleBroken(f"the device must not send more than the {size} bytes that were asked for")
        return data

    def persist(self, attempt: Callable[[], bytes | Pid | None]) -> bytes | Pid:
        """Try a transaction until it succeeds; raises `Stalled`, or `Gone` after too many failures in a row."""
        failures = 0
        while failures < self.patience:
            answer = attempt()
            if answer is Pid.STALL:
                raise Stalled
            if answer is Pid.NAK:
                self.naks += 1
                failures = 0
            elif answer is None:
                self.retries += 1
                failures += 1
            else:
                return answer
        raise Gone

    def control(self, setup: Setup, data: bytes = b"") -> bytes:
        """A control transfer (8.5.3); raises `Stalled`."""
        self.persist(lambda: self.out(0, setup.pack(), Pid.SETUP))
        self.toggles[0] = self.toggles[TO_HOST] = 1
        if setup.kind & TO_HOST and setup.length:
            answer = self.read(0, setup.length)
            self.toggles[0] = 1
            self.write(0, b"")
            return answer
        if data:
            self.write(0, data)
        self.toggles[TO_HOST] = 1
        status = self.persist(lambda: self.into(0))
        if status != b"":
            raise RuleBroken("the status stage must be an empty packet")
        return b""

    def descriptor(self, kind: int, index: int = 0, length: int = 255, language: int = 0) -> bytes:
        """GET_DESCRIPTOR, of `length` bytes at most."""
        return self.control(Setup(0x80, 6, kind << 8 | index, language, length))

    def set_address(self, address: int) -> None:
        """SET_ADDRESS, and use the address from then on."""
        self.control(Setup(0, 5, address, 0, 0))
        self.address = address
        self.bus.idle(100)

    def configure(self, value: int = 1) -> None:
        """SET_CONFIGURATION; all toggles begin anew."""
        self.control(Setup(0, 9, value, 0, 0))
        self.toggles = {key: value for key, value in self.toggles.items() if key in (0, TO_HOST)}

    def enumerate(self, address: int = 5) -> None:
        """Reset the bus, give the device an address, and configure it."""
        self.reset()
        if len(self.descriptor(1, length=64)) != DEVICE_BYTES:
            raise RuleBroken(f"the descriptor of the device must have {DEVICE_BYTES} bytes")
        self.set_address(address)
        self.configure()
