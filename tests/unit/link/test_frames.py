# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames of the link as bytes and values, against a naive reading of docs/link-protocol.md and the test vectors."""

from __future__ import annotations

import binascii
import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

import link_vectors
from dirql.link.frames import (
    LONGEST_CONTENTS,
    Command,
    Data,
    Decoder,
    DeviceHello,
    Fetch,
    Frame,
    Hello,
    Response,
    State,
    ToDevice,
    ToHost,
    Write,
    encode,
    read_to_device,
    read_to_host,
    type_of,
)
from dirql.link.records import RecordReader, RecordWriter
from dirql.registers.protocol import LinkToDevice, LinkToHost, Op
from dirql.target.channel.records import encode_record
from dirql.target.contract import EventRecord

VECTORS = json.loads(link_vectors.VECTORS.read_text(encoding="utf-8"))

CONTENTS = st.binary(min_size=3, max_size=300) | st.lists(
    st.sampled_from([0x7D, 0x7E, 0x5D, 0x5E]), min_size=3, max_size=60
).map(bytes)


def naive_encode(contents: bytes) -> bytes:
    out = bytearray()
    for octet in contents + binascii.crc32(contents).to_bytes(4, "little"):
        out += bytes([0x7D, octet ^ 0x20]) if octet in (0x7D, 0x7E) else bytes([octet])
    return bytes(out) + b"\x7e"


def naive_frames(octets: bytes) -> list[bytes | None]:
    """The frames that a receiver finds which takes one byte at a time."""
    found: list[bytes | None] = []
    frame, escaped, good, anything = bytearray(), False, True, False
    for octet in octets:
        if octet == 0x7E:
            whole = good and not escaped and len(frame) >= 7
            right = whole and binascii.crc32(frame[:-4]) == int.from_bytes(frame[-4:], "little")
            if anything:
                found.append(bytes(frame[:-4]) if right else None)
            frame, escaped, good, anything = bytearray(), False, True, False
            continue
        anything = True
        if escaped:
            good = good and octet in (0x5D, 0x5E)
            frame.append(octet ^ 0x20)
            escaped = False
        elif octet == 0x7D:
            escaped = True
        else:
            frame.append(octet)
    return found


def feed(chunks: Sequence[bytes]) -> list[bytes | None]:
    decoder = Decoder()
    return [found for chunk in chunks for found in decoder.feed(chunk)]


def chunks_of(octets: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in itertools.pairwise(places)]


@given(CONTENTS)
def test_encode_does_as_the_page_says(contents: bytes) -> None:
    assert encode(contents) == naive_encode(contents)


@given(st.lists(CONTENTS, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_frames_come_back_from_any_chunks(frames: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(map(encode, frames))
    assert feed(chunks_of(octets, cuts)) == frames


DAMAGED = st.lists(
    CONTENTS.map(naive_encode)
    | st.binary(max_size=40)
    | st.lists(st.sampled_from([0x7D, 0x7E, 0x5D, 0x5E, 0]), max_size=20).map(bytes),
    max_size=6,
).map(b"".join)


@given(DAMAGED, st.lists(st.integers(0, 10_000), max_size=8))
def test_garbage_is_read_as_by_a_receiver_of_single_bytes(octets: bytes, cuts: list[int]) -> None:
    assert feed(chunks_of(octets, cuts)) == naive_frames(octets)


def test_a_frame_that_never_ends_takes_no_memory_and_is_bad() -> None:
    decoder = Decoder()
    for _ in range(1000):
        assert list(decoder.feed(bytes(1000))) == []
    assert decoder._size <= 2 * (LONGEST_CONTENTS + 4) + 1000
    good = Frame(LinkToDevice.CONTROL, 0, 0).contents()
    assert list(decoder.feed(b"\x7e" + encode(good))) == [None, good]


def test_contents_that_are_too_long_are_bad() -> None:
    assert feed([encode(bytes(LONGEST_CONTENTS)), encode(bytes(LONGEST_CONTENTS + 1))]) == [
        bytes(LONGEST_CONTENTS),
        None,
    ]


DWORDS = st.integers(1, 64).flatmap(lambda count: st.binary(min_size=4 * count, max_size=4 * count))
U8, U16, U32, U48 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 48))
NIBBLE = st.integers(0, 15)
INPUTS = st.none() | NIBBLE
TO_DEVICE: st.SearchStrategy[ToDevice] = (
    st.builds(Hello, U32, U8)
    | st.builds(
        Command,
        NIBBLE,
        U32,
        NIBBLE,
        U16,
        st.binary(max_size=256),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )
    | st.builds(Data, U8, DWORDS)
)
TO_HOST: st.SearchStrategy[ToHost] = (
    st.builds(State, INPUTS, U48, U16, st.booleans())
    | st.builds(
        DeviceHello,
        U32,
        st.just(1),
        U8,
        U8,
        U32,
        st.binary(min_size=8, max_size=8),
        st.binary(min_size=8, max_size=8),
    )
    | st.builds(Response, U8, INPUTS, U48, U8, DWORDS | st.just(b""))
    | st.builds(Fetch, U8, U8, U32)
    | st.builds(Write, U32, DWORDS, NIBBLE, NIBBLE)
)


@given(TO_DEVICE, U8, U8, st.booleans(), st.booleans())
def test_bodies_to_the_device_come_back(
    body: ToDevice, number: int, wanted: int, ask: bool, again: bool
) -> None:
    frame = Frame(type_of(body), number, wanted, body.pack(), ask, again)
    assert Frame.of(frame.contents()) == frame
    assert read_to_device(frame) == body


@given(TO_HOST)
def test_bodies_to_the_host_come_back(body: ToHost) -> None:
    assert read_to_host(Frame(type_of(body), 0, 0, body.pack())) == body


@given(st.binary(min_size=3, max_size=80))
def test_any_contents_can_be_read(contents: bytes) -> None:
    frame = Frame.of(contents)
    assert frame.contents() == contents
    read_to_device(frame)
    read_to_host(frame)


@pytest.mark.parametrize("kind", [0x10, 0x20, 0x31])
def test_a_kind_with_bits_that_must_be_0_is_another_type(kind: int) -> None:
    frame = Frame.of(bytes((kind, 0, 0)))
    assert frame.type not in {*LinkToDevice, *LinkToHost}
    assert frame.contents() == bytes((kind, 0, 0))


def test_the_hello_of_another_version_tells_the_version_whatever_else_it_has() -> None:
    body = b"\x01\x02\x03\x04\x09 and what this version has"
    told = read_to_host(Frame(LinkToHost.HELLO, 0, 0, body))
    assert isinstance(told, DeviceHello)
    assert (told.nonce, told.version) == (0x04030201, 9)


RECORDS = st.lists(
    st.tuples(
        st.integers(0, 300) | st.integers(0, 70_000) | st.integers(0, 1 << 40),
        st.integers(1, 0x3FF),
        U8,
        U8,
        U16,
        U32 | st.just(0),
    ),
    max_size=20,
)


@given(RECORDS, st.integers(0, 20))
def test_event_records_come_back_as_the_timestamp_unit_makes_them(
    drawn: list[tuple[int, int, int, int, int, int]], cut: int
) -> None:
    clock = 0
    records = []
    for since, bits, function, vector, causes, mark in drawn:
        clock = clock + since & (1 << 48) - 1
        records.append((clock, bits, function, vector, causes, mark))
    writer, reader = RecordWriter(), RecordReader()
    read = reader.read(writer.write(records[:cut])) + reader.read(writer.write(records[cut:]))
    wanted = [
        EventRecord(clock, bits, function, vector, mark, causes)
        for clock, bits, function, vector, causes, mark in records
    ]
    assert read == b"".join(map(encode_record, wanted))


@given(st.binary(max_size=60))
def test_any_body_can_be_read_as_records(body: bytes) -> None:
    assert len(RecordReader().read(body)) % 16 == 0


def test_the_vectors_are_current() -> None:
    assert json.loads(json.dumps(link_vectors.document())) == VECTORS, "run python hdl/link/link_vectors.py"


@pytest.mark.parametrize(
    "vector", VECTORS["to_device"] + VECTORS["to_host"], ids=lambda vector: vector["name"]
)
def test_the_frames_of_the_vectors_are_read_and_made(vector: dict[str, object]) -> None:
    octets, contents = bytes.fromhex(str(vector["bytes"])), bytes.fromhex(str(vector["contents"]))
    assert feed([octets]) == [contents] == naive_frames(octets)
    frame = Frame.of(contents)
    assert (frame.type, frame.number, frame.next, frame.ask, frame.again) == tuple(
        vector[name] for name in ("type", "number", "next", "ask", "again")
    )


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_the_bad_bytes_of_the_vectors_are_no_frame(vector: dict[str, str]) -> None:
    octets = bytes.fromhex(vector["bytes"])
    assert feed([octets]) == [None] == naive_frames(octets)


@pytest.mark.parametrize("vector", VECTORS["streams"], ids=lambda vector: vector["name"])
def test_the_streams_of_the_vectors_have_their_frames(vector: dict[str, object]) -> None:
    octets = bytes.fromhex(str(vector["bytes"]))
    good = [found.hex() for found in feed([octets]) if found is not None]
    assert good == vector["contents"]


def test_a_command_has_its_fields_where_the_page_says() -> None:
    body = Command(Op.MEM_WRITE, 0x8000_0004, 0b0110, 1, b"\1\2\3\4", answer=True, chained=True).pack()
    assert body == bytes.fromhex("61 05 0100 04000080 01020304")
