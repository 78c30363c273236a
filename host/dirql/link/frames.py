# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames of the link as bytes and as values; docs/link-protocol.md has their layout.

`encode` makes the bytes of a frame from its contents, and `Decoder` finds frames in any bytes. `pack` of a body makes
the part of the contents behind the three bytes of the head; `read_to_host` and `read_to_device` give the body back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from dirql.registers.protocol import Link, LinkControl, LinkKind, LinkState, LinkToDevice, LinkToHost

__all__ = [
    "LONGEST_CONTENTS",
    "Command",
    "Data",
    "Decoder",
    "DeviceHello",
    "Events",
    "Fetch",
    "Frame",
    "Hello",
    "Response",
    "State",
    "ToDevice",
    "ToHost",
    "Write",
    "encode",
    "read_to_device",
    "read_to_host",
    "type_of",
]

LONGEST_CONTENTS = 4096
"""The most bytes of contents that a decoder takes; the longest frame of a device is that of its ring, which is less."""

_END = bytes([Link.END])
_ESCAPE = bytes([Link.ESCAPE])
_ESCAPED_END = bytes([Link.ESCAPE, Link.END ^ Link.ESCAPED])
_ESCAPED_ESCAPE = bytes([Link.ESCAPE, Link.ESCAPE ^ Link.ESCAPED])
_HEAD = 3
_CRC = 4

# Bodies: the fields of fixed length, in their order.
_HELLO = struct.Struct("<BI")
_COMMAND = struct.Struct("<BBHI")
_STATE = struct.Struct("<BIHH")
_DEVICE_HELLO = struct.Struct("<IBBBBI8s8s")
_RESPONSE = struct.Struct("<BBIHB")
_FETCH = struct.Struct("<BBI")
_WRITE = struct.Struct("<I")

_TYPE = 0x0F
_ASK = 1 << LinkKind.ASK
_AGAIN = 1 << LinkKind.AGAIN


# Bytes.


def encode(contents: bytes) -> bytes:
    """The bytes of a frame with these contents."""
    checked = contents + crc32(contents).to_bytes(_CRC, "little")
    return checked.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END) + _END


class Decoder:
    """Finds frames in bytes, which may come in pieces of any size. No bytes make it raise an exception."""

    __slots__ = ("_dropping", "_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._dropping = False

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Take bytes in; yields the contents of each good frame, and None for each bad one."""
        ended = chunk.split(_END)
        rest = ended.pop()
        for piece in ended:
            raw = b"".join((*self._pieces, piece)) if self._pieces else piece
            dropping = self._dropping
            self._pieces.clear()
            self._size = 0
            self._dropping = False
            if raw or dropping:
                yield None if dropping else _contents(raw)
        self._keep(rest)

    def _keep(self, rest: bytes) -> None:
        """Keep the begin of a frame; of one that is too long only that it was."""
        if rest and not self._dropping:
            self._pieces.append(rest)
            self._size += len(rest)
            if self._size > 2 * (LONGEST_CONTENTS + _CRC):
                self._pieces.clear()
                self._size = 0
                self._dropping = True


def _contents(raw: bytes) -> bytes | None:
    """The contents of the frame with these bytes, its end not included; None if it is bad."""
    if _ESCAPE in raw:
        if raw.count(_ESCAPE) != raw.count(_ESCAPED_END) + raw.count(_ESCAPED_ESCAPE):
            return None
        raw = raw.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)
    if not _HEAD + _CRC <= len(raw) <= LONGEST_CONTENTS + _CRC:
        return None
    contents = raw[:-_CRC]
    return contents if crc32(contents) == int.from_bytes(raw[-_CRC:], "little") else None


# Frames.


class Frame(NamedTuple):
    """A frame: the three bytes of its head, and its body."""

    type: int
    """A `LinkToDevice` or a `LinkToHost`; another number in a frame of a later version."""
    number: int
    next: int
    body: bytes = b""
    ask: bool = False
    again: bool = False

    def contents(self) -> bytes:
        """The contents as bytes."""
        kind = self.type | (_ASK if self.ask else 0) | (_AGAIN if self.again else 0)
        return bytes((kind, self.number, self.next)) + self.body

    @classmethod
    def of(cls, contents: bytes) -> Frame:
        """The frame with these contents, which have at least three bytes."""
        kind = contents[0]
        return cls(
            kind & _TYPE if kind & 0x30 == 0 else kind,
            contents[1],
            contents[2],
            contents[_HEAD:],
            kind & _ASK != 0,
            kind & _AGAIN != 0,
        )


_STATE_INPUT = 0xF


def _state_byte(number: int | None, *, answers: bool = False) -> int:
    presented = 0 if number is None else 1 << LinkState.PRESENTED | number << LinkState.INPUT
    return presented | answers << LinkState.ANSWERS


def _input(state: int) -> int | None:
    return state >> LinkState.INPUT & _STATE_INPUT if state >> LinkState.PRESENTED & 1 else None


# Bodies to the device.


class Hello(NamedTuple):
    """Begin of a session."""

    nonce: int
    version: int = Link.VERSION

    def pack(self) -> bytes:
        """The body as bytes."""
        return _HELLO.pack(self.version, self.nonce)

    @classmethod
    def read(cls, body: bytes) -> Hello:
        """The hello with this body; raises `struct.error` for another length."""
        version, nonce = _HELLO.unpack(body)
        return cls(nonce, version)


class Command(NamedTuple):
    """A command for the command port: single, a burst, or with `string` a repeated single one."""

    operation: int
    address: int = 0
    byte_enables: int = 0xF
    length: int = 1
    data: bytes = b""
    answer: bool = False
    """Ask for a RESPONSE whatever the end is; otherwise there is one only after a failure."""
    string: bool = False
    chained: bool = False
    """Do nothing if the command before did not carry out all that it should."""

    def pack(self) -> bytes:
        """The body as bytes."""
        control = (
            self.answer << LinkControl.ANSWER
            | self.string << LinkControl.STRING
            | self.chained << LinkControl.CHAINED
        )
        head = _COMMAND.pack(self.operation | self.byte_enables << 4, control, self.length, self.address)
        return head + self.data

    @classmethod
    def read(cls, body: bytes) -> Command:
        """The command with this body; raises `struct.error` for one that is too short."""
        first, control, count, address = _COMMAND.unpack_from(body)
        return cls(
            first & 0xF,
            address,
            first >> 4,
            count,
            body[_COMMAND.size :],
            control >> LinkControl.ANSWER & 1 != 0,
            control >> LinkControl.STRING & 1 != 0,
            control >> LinkControl.CHAINED & 1 != 0,
        )


class Data(NamedTuple):
    """The answer to a FETCH: one dword at least, and as many as were wanted at most."""

    tag: int
    dwords: bytes

    def pack(self) -> bytes:
        """The body as bytes."""
        return bytes((self.tag,)) + self.dwords

    @classmethod
    def read(cls, body: bytes) -> Data:
        """The answer with this body; raises `ValueError` for another length."""
        if len(body) % 4 != 1:
            raise ValueError(f"DATA must have a tag and dwords; it had {len(body)} bytes")
        return cls(body[0], body[1:])


ToDevice = Hello | Command | Data


# Bodies to the host.


class State(NamedTuple):
    """The input that the interrupt controller presents, and the clock."""

    input: int | None
    """The input that is presented; None without one."""
    clock: int
    records_dropped: int = 0
    answers: bool = False
    """It answers an ASK, and all event records that waited then have been sent."""

    def pack(self) -> bytes:
        """The body as bytes."""
        state = _state_byte(self.input, answers=self.answers)
        return _STATE.pack(state, self.clock & 0xFFFF_FFFF, self.clock >> 32, self.records_dropped)

    @classmethod
    def read(cls, body: bytes) -> State:
        """The state with this body; raises `struct.error` for another length."""
        state, low, high, dropped = _STATE.unpack(body)
        return cls(_input(state), low | high << 32, dropped, state >> LinkState.ANSWERS & 1 != 0)


class DeviceHello(NamedTuple):
    """The device's part in the begin of a session: what it is. With nonce 0: it has no session."""

    nonce: int
    version: int
    receive_log2: int
    """The receive ring has 2 to this power bytes."""
    line_log2: int
    frequency: int
    """Bus clocks per second."""
    machine: bytes
    build: bytes

    def pack(self) -> bytes:
        """The body as bytes."""
        return _DEVICE_HELLO.pack(
            self.nonce,
            self.version,
            self.receive_log2,
            self.line_log2,
            0,
            self.frequency,
            self.machine,
            self.build,
        )

    @classmethod
    def read(cls, body: bytes) -> DeviceHello:
        """The hello with this body; raises `struct.error` for another length.

        The nonce and the version stand first in every version. Of another version nothing else is read.
        """
        if len(body) > 4 and body[4] != Link.VERSION:
            return cls(int.from_bytes(body[:4], "little"), body[4], 0, 0, 0, b"", b"")
        nonce, version, receive, line, _, frequency, machine, build = _DEVICE_HELLO.unpack(body)
        return cls(nonce, version, receive, line, frequency, machine, build)


class Response(NamedTuple):
    """The end of the COMMAND whose number is one below the `next` of the frame."""

    status: int
    input: int | None
    """The input that is presented; None without one."""
    clock: int
    done: int
    """Dwords that a burst moved, or commands that a string carried out."""
    data: bytes = b""

    def pack(self) -> bytes:
        """The body as bytes."""
        low, high = self.clock & 0xFFFF_FFFF, self.clock >> 32
        state = _state_byte(self.input)
        return _RESPONSE.pack(self.status, state, low, high, self.done) + self.data

    @classmethod
    def read(cls, body: bytes) -> Response:
        """The response with this body; raises `struct.error` or `ValueError` for another length."""
        status, state, low, high, done = _RESPONSE.unpack_from(body)
        data = body[_RESPONSE.size :]
        if len(data) % 4:
            raise ValueError(f"a RESPONSE must have whole dwords; it had {len(data)} bytes of data")
        return cls(status, _input(state), low | high << 32, done, data)


class Fetch(NamedTuple):
    """A bus master wants host memory."""

    tag: int
    dwords: int
    address: int

    def pack(self) -> bytes:
        """The body as bytes."""
        return _FETCH.pack(self.tag, self.dwords, self.address)

    @classmethod
    def read(cls, body: bytes) -> Fetch:
        """The fetch with this body; raises `struct.error` for another length."""
        return cls(*_FETCH.unpack(body))


class Write(NamedTuple):
    """A bus master writes host memory: consecutive dwords, of which the first and the last may be parts."""

    address: int
    data: bytes
    first: int = 0xF
    """The byte enables of the first dword."""
    last: int = 0xF
    """The byte enables of the last dword; with one dword the same as `first`."""

    def pack(self) -> bytes:
        """The body as bytes."""
        return _WRITE.pack(self.address) + self.data + bytes((self.first | self.last << 4,))

    @classmethod
    def read(cls, body: bytes) -> Write:
        """The write with this body; raises `struct.error` or `ValueError` for another length."""
        (address,) = _WRITE.unpack_from(body)
        data = body[_WRITE.size : -1]
        if not data or len(data) % 4:
            raise ValueError(
                f"a WRITE must have whole dwords, one at least; it had {len(data)} bytes of data"
            )
        return cls(address, data, body[-1] & 0xF, body[-1] >> 4)


class Events(NamedTuple):
    """Event records in the short form that `dirql.link.records` reads."""

    records: bytes

    def pack(self) -> bytes:
        """The body as bytes."""
        return self.records

    @classmethod
    def read(cls, body: bytes) -> Events:
        """The records in this body."""
        return cls(body)


ToHost = State | DeviceHello | Response | Fetch | Write | Events

_TO_DEVICE: dict[int, type[Hello | Command | Data]] = {
    LinkToDevice.HELLO: Hello,
    LinkToDevice.COMMAND: Command,
    LinkToDevice.DATA: Data,
}
_TO_HOST: dict[int, type[State | DeviceHello | Response | Fetch | Write | Events]] = {
    LinkToHost.STATE: State,
    LinkToHost.HELLO: DeviceHello,
    LinkToHost.RESPONSE: Response,
    LinkToHost.FETCH: Fetch,
    LinkToHost.WRITE: Write,
    LinkToHost.EVENTS: Events,
}
_TYPES: dict[type, int] = {body: number for known in (_TO_DEVICE, _TO_HOST) for number, body in known.items()}


def type_of(body: ToDevice | ToHost) -> int:
    """The type of the frame that has this body."""
    return _TYPES[type(body)]


def read_to_device(frame: Frame) -> ToDevice | None:
    """The body of a frame to the device; None for a CONTROL, another type, and a body of a wrong length."""
    known = _TO_DEVICE.get(frame.type)
    try:
        return None if known is None else known.read(frame.body)
    except (struct.error, ValueError, IndexError):
        return None


def read_to_host(frame: Frame) -> ToHost | None:
    """The body of a frame to the host; None for another type and for a body of a wrong length."""
    known = _TO_HOST.get(frame.type)
    try:
        return None if known is None else known.read(frame.body)
    except (struct.error, ValueError):
        return None
