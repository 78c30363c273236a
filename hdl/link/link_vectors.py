# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes hdl/link/vectors.json: frames of the link as bytes and as fields, which the tests of both sides read.

    python hdl/link/link_vectors.py

`to_device` and `to_host` have frames: `bytes` is what goes over the line, `contents` what is in it, then the fields of
the head and of the body. `bad` has bytes in which a receiver finds no good frame. `streams` have bytes and the contents
of the good frames in them. `records` have the body of an EVENTS, and the records of 16 bytes that it stands for, both
from the begin of a session. Bytes are hexadecimal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import crc32

from dirql.link.frames import (
    Command,
    Data,
    DeviceHello,
    Events,
    Fetch,
    Frame,
    Hello,
    Response,
    State,
    ToDevice,
    ToHost,
    Write,
    encode,
    type_of,
)
from dirql.link.records import RecordReader, RecordWriter
from dirql.registers.protocol import Link, LinkToDevice, Op

__all__ = ["VECTORS", "document"]

VECTORS = Path(__file__).with_name("vectors.json")

Json = int | str | bool | None | list["Json"] | Mapping[str, "Json"]

_SPECIAL = b"\x7e\x7d\x5e\x5d\x20\x00\xff\x7e\x7e\x7d\x7d\x01"
"""Dwords with all bytes that escaping must not confuse."""
_FULL = bytes(n * 7 & 0xFF for n in range(256))


def _device_bodies() -> Iterator[tuple[str, ToDevice]]:
    yield "hello", Hello(0x1234_5678)
    yield "hello, escaped nonce", Hello(0x7E7D_7E7D)
    yield "hello of another version", Hello(1, 0xFF)
    for operation in (Op.MEM_READ, Op.IO_READ, Op.CFG_READ, Op.INT_ACK):
        yield f"{operation.name}, single", Command(operation, 0xFEC0_0010, 0x3, answer=True)
    for operation in (Op.MEM_WRITE, Op.IO_WRITE, Op.CFG_WRITE, Op.MARK, Op.HOLD_INTERRUPT):
        yield f"{operation.name}, posted", Command(operation, 0x9000_0004, 0xF, 1, b"\x11\x22\x33\x44")
    yield "MEM_WRITE, with answer", Command(Op.MEM_WRITE, 0x9000_7E7D, 0x9, 1, _SPECIAL[:4], answer=True)
    yield "ARM_FAULT", Command(Op.ARM_FAULT, 0x9000_0000, 0xF, 0x7E7D, b"\x02\0\0\0", answer=True)
    yield "burst read of 64", Command(Op.MEM_READ, 0x8010_0000, 0xF, 64, answer=True)
    yield "burst write of 2", Command(Op.MEM_WRITE, 0x8010_0000, 0xF, 2, _SPECIAL[:8])
    yield (
        "burst write of 64, chained",
        Command(Op.MEM_WRITE, 0x8010_0100, 0xF, 64, _FULL, answer=True, chained=True),
    )
    yield "string read of 64", Command(Op.IO_READ, 0x1000, 0xF, 64, answer=True, string=True)
    yield (
        "string write of 3, chained",
        Command(Op.IO_WRITE, 0x1000, 0xF, 3, _SPECIAL, answer=True, string=True, chained=True),
    )
    yield "write without its datum", Command(Op.MEM_WRITE, 0x9000_0000, answer=True)
    yield "burst whose data end in a dword", Command(Op.MEM_WRITE, 0x9000_0000, 0xF, 3, bytes(10))
    yield "operation that is none", Command(15, 0, 0, 0, answer=True)
    yield "data, one dword", Data(0, b"\x7e\x7d\x5d\x5e")
    yield "data, 32 dwords", Data(0x7E, _FULL[:128])


def _host_bodies() -> Iterator[tuple[str, ToHost]]:
    yield "state, nothing presented", State(None, 0)
    yield "state, input 0", State(0, 1)
    yield "state, input 15, answers", State(15, (1 << 48) - 1, 0xFFFF, answers=True)
    yield "state with special bytes", State(7, 0x7E7D_7E7D_7E7D, 0x7D7E)
    machine, build = bytes.fromhex("0123456789abcdef"), bytes.fromhex("7e7d5e5d7e7d5e5d")
    yield "hello", DeviceHello(0x1234_5678, Link.VERSION, 10, 7, 50_000_000, machine, build)
    yield "hello without a session", DeviceHello(0, Link.VERSION, 10, 7, 12_000_000, machine, build)
    yield "response to a write", Response(0, None, 100, 1)
    yield "response to a read", Response(0, 4, 0x7E, 1, b"\xef\xbe\xad\xde")
    yield "response to a burst read of 64", Response(0, None, 1 << 40, 64, _FULL)
    yield "response to a command that failed", Response(1, None, 5, 0)
    yield "response to a command that is malformed", Response(Link.MALFORMED, None, 5, 0)
    yield "response to a string that ended early", Response(0, 6, 5, 3, _SPECIAL)
    yield "fetch of a line", Fetch(0, 32, 0x0010_0000)
    yield "fetch of the rest of a line", Fetch(255, 1, 0x0010_007C)
    yield "write of one byte", Write(0x0020_0000, b"\0\0\x7e\0", 0x4, 0x4)
    yield "write of two dwords in part", Write(0x0020_0004, _SPECIAL[:8], 0xE, 0x1)
    yield "write of 32 dwords", Write(0x0020_0100, _FULL[:128])
    yield "events", Events(RecordWriter().write(_RECORDS))
    yield "no events", Events(b"")


_RECORDS = (
    (5, 1 << 0 | 1 << 1, 0, 0, 0x0003, 0),
    (5, 1 << 4, 3, 0, 0x8000, 0),
    (260, 1 << 7, 0, 0, 0, 0x7E7D_0001),
    (261 + 0xFFFF, 1 << 2 | 1 << 9, 0, 0xFF, 0, 0),
    (0x1_0000_0000, 1 << 6, 0, 15, 0, 0),
    (0x7E7D_7E7D_7E7D, 1 << 7 | 1 << 3, 2, 0, 0, 0xFFFF_FFFF),
    (0x7E7D_7E7D_7E7D, 1 << 8, 0, 0, 0, 0),
)


def _bad() -> Iterator[tuple[str, bytes]]:
    good = encode(Frame(LinkToDevice.CONTROL, 0, 5, ask=True).contents())
    yield "one bit is wrong", bytes((good[0] ^ 1,)) + good[1:]
    yield "the CRC is wrong", good[:-2] + bytes((good[-2] ^ 0x80,)) + good[-1:]
    yield "a byte is missing", good[1:]
    yield "a byte is there twice", good[:1] + good
    yield "an escape that is none", b"\x7d\x00" + good
    yield "an escape at the end", good[:-1] + b"\x7d\x7e"
    short = b"\x00\x00"
    yield "too short", short + crc32(short).to_bytes(4, "little") + b"\x7e"
    yield "only a CRC", b"\0\0\0\0\x7e"
    yield "one byte", b"\x00\x7e"


def _streams() -> Iterator[tuple[str, bytes, list[bytes]]]:
    first = Frame(LinkToDevice.CONTROL, 0, 0, ask=True).contents()
    second = Frame(LinkToDevice.DATA, 3, 9, Data(1, _SPECIAL).pack()).contents()
    yield (
        "ends alone are no frames",
        b"\x7e\x7e\x7e" + encode(first) + b"\x7e" + encode(second),
        [first, second],
    )
    yield "garbage before the first end", b"\x12\x34\x7d" + b"\x7e" + encode(first), [first]
    yield "two frames of which the first is cut", encode(second)[:9] + b"\x7e" + encode(first), [first]
    yield "a frame that has lost its end takes the next with it", encode(second)[:-1] + encode(first), []


def _frame(name: str, body: ToDevice | ToHost | None, frame: Frame) -> dict[str, Json]:
    fields: dict[str, Json] = {}
    for field, value in {} if body is None else body._asdict().items():
        fields[field] = value.hex() if isinstance(value, bytes) else value
    contents = frame.contents()
    return {
        "name": name,
        "bytes": encode(contents).hex(),
        "contents": contents.hex(),
        "type": int(frame.type),
        "ask": frame.ask,
        "again": frame.again,
        "number": frame.number,
        "next": frame.next,
        "body": fields,
    }


def document() -> dict[str, Json]:
    """The vectors as the file has them."""
    to_device: list[Json] = [
        _frame(name, None, frame)
        for name, frame in (
            ("control", Frame(LinkToDevice.CONTROL, 0, 0)),
            ("control, ask", Frame(LinkToDevice.CONTROL, 0, 0x7E, ask=True)),
            ("control, again", Frame(LinkToDevice.CONTROL, 0, 0x7D, again=True)),
            ("control, ask and again", Frame(LinkToDevice.CONTROL, 0, 255, ask=True, again=True)),
            ("a numbered frame of another type", Frame(9, 1, 0, b"later")),
        )
    ]
    for place, (name, body) in enumerate(_device_bodies()):
        number = 0 if isinstance(body, Hello) else 0x70 + place
        to_device.append(_frame(name, body, Frame(type_of(body), number, 0xF0 + place & 0xFF, body.pack())))
    to_host: list[Json] = [
        _frame(
            name,
            told,
            Frame(type_of(told), place + 0x74, 0xF9 + place & 0xFF, told.pack(), again=place % 3 == 1),
        )
        for place, (name, told) in enumerate(_host_bodies())
    ]
    events = RecordWriter().write(_RECORDS)
    return {
        "version": Link.VERSION,
        "to_device": to_device,
        "to_host": to_host,
        "bad": [{"name": name, "bytes": octets.hex()} for name, octets in _bad()],
        "streams": [
            {"name": name, "bytes": octets.hex(), "contents": [good.hex() for good in found]}
            for name, octets, found in _streams()
        ],
        "records": [{"body": events.hex(), "records": RecordReader().read(events).hex()}],
    }


def main() -> None:
    VECTORS.write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {VECTORS}")


if __name__ == "__main__":
    main()
