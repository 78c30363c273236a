# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The device's side of hdl/link/vectors.json: frames, bytes that are none, streams, and event records in short form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypedDict, cast

import cffi
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.link.records import RecordWriter
from dirql.registers.protocol import LinkToDevice
from dirql.target.simulation.build import Recipe, build
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, library_stages
from hdl.link_bench import Host, mark, marks
from link_vectors import VECTORS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (ROOT / "hdl/regs/generated/host_pkg.sv", ROOT / "hdl/link/rtl/link_events.sv")
BENCH = ROOT / "sim/hdl/events_bench.cpp"
DECLARATIONS = """
typedef struct events_bench events_bench;
events_bench* events_open(void);
void events_close(events_bench* bench);
const char* events_complaint(events_bench* bench);
void events_reset(events_bench* bench);
int events_write(events_bench* bench, const uint8_t* record, uint64_t pauses, uint8_t* out);
"""


class Vector(TypedDict):
    """The part of a frame in hdl/link/vectors.json that is used here."""

    name: str
    bytes: str
    contents: str


class Stream(TypedDict):
    """A stream in hdl/link/vectors.json."""

    name: str
    bytes: str
    contents: list[str]


def vectors(kind: str) -> list[Vector]:
    found: list[Vector] = json.loads(VECTORS.read_text(encoding="utf-8"))[kind]
    return found


def streams() -> list[Stream]:
    found: list[Stream] = json.loads(VECTORS.read_text(encoding="utf-8"))["streams"]
    return found


@pytest.mark.parametrize("vector", vectors("to_device"), ids=lambda vector: vector["name"])
def test_each_frame_to_the_device_is_taken_if_it_is_the_next_one(host: Host, vector: Vector) -> None:
    contents = bytes.fromhex(vector["contents"])
    numbered = contents[0] & 0xF > LinkToDevice.HELLO
    host.open(0x0101_0101)
    host._out.append(bytes.fromhex(vector["bytes"]))
    if contents[0] & 0xF == LinkToDevice.HELLO:
        nonce = int.from_bytes(contents[4:8], "little")
        host._begin()
        host._out.append(bytes.fromhex(vector["bytes"]))
        host.pump(3_000)
        assert host.hello is not None
        assert host.hello.nonce == nonce
        return
    host.pump(3_000)
    host.control(ask=True)
    host.pump(3_000)
    taken = numbered and contents[1] == 0
    assert host.frames[-1].next == int(taken)
    assert host.asked_again == int(numbered and 0 < contents[1] < 0x80)


@pytest.mark.parametrize("vector", vectors("bad"), ids=lambda vector: vector["name"])
def test_bytes_without_a_good_frame_change_nothing(host: Host, vector: Vector) -> None:
    host.open()
    host._out.append(bytes.fromhex(vector["bytes"]) + b"\x7e")
    host.pump(2_000)
    host.send(mark(7))
    host.settle()
    assert marks(host) == [7]


@pytest.mark.parametrize("vector", streams(), ids=lambda vector: vector["name"])
def test_the_streams_of_the_vectors_have_their_frames(host: Host, vector: Stream) -> None:
    host.open()
    # The DATA in the streams has the number 3, and acknowledges the first nine frames of the device.
    for value in range(3):
        host.send(mark(value))
    while host._wanted < 9:
        host.settle()
    good = [bytes.fromhex(contents) for contents in vector["contents"]]
    answers = sum(state.answers for state in host.states)
    host._out.append(bytes.fromhex(vector["bytes"]) + b"\x7e")
    host.pump(4_000)
    asks = sum(contents[0] == LinkToDevice.CONTROL | 1 << 6 for contents in good)
    assert sum(state.answers for state in host.states) == answers + asks
    taken = sum(contents[0] & 0xF == LinkToDevice.DATA for contents in good)
    host._next_number = 3 + taken
    host.send(mark(7))
    host.settle()
    assert host.frames[-1].next == 4 + taken
    assert marks(host) == [0, 1, 2, 7]


# Event records.


class Library(Protocol):
    """The functions of sim/hdl/events_bench.cpp."""

    def events_open(self) -> cffi.FFI.CData: ...
    def events_close(self, bench: cffi.FFI.CData, /) -> None: ...
    def events_complaint(self, bench: cffi.FFI.CData, /) -> cffi.FFI.CData: ...
    def events_reset(self, bench: cffi.FFI.CData, /) -> None: ...
    def events_write(
        self, bench: cffi.FFI.CData, record: bytes, pauses: int, out: cffi.FFI.CData, /
    ) -> int: ...


def recipe() -> Recipe:
    """The recipe of the block that writes records in their short form, with its assertions."""
    options = ["--cc", "--no-timing", "--assert", "-Wno-fatal", "--prefix", "Vlink_events"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        names = ["--top-module", "link_events", "--Mdir", str(folder)]
        yield [[*toolchain.command, *options, *names, *map(str, SOURCES)]]
        yield from library_stages(folder, toolchain, BENCH, "events_bench.so", ["-O0"])

    return Recipe(
        name="link-events",
        product="events_bench.so",
        duration="this takes a few seconds",
        inputs=[*SOURCES, BENCH, BENCH.with_name("stopping.h"), Path(__file__)],
        facts=[*options, *MODEL_OPTIONS],
        steps=steps,
    )


class Shortener:
    """The block of the link that writes event records in their short form."""

    def __init__(self) -> None:
        self._ffi = cffi.FFI()
        self._ffi.cdef(DECLARATIONS)
        self._library = cast("Library", self._ffi.dlopen(str(build(recipe(), find_toolchain()))))
        self._bench = self._library.events_open()
        self._out = self._ffi.new("uint8_t[]", 64)

    def close(self) -> None:
        self._library.events_close(self._bench)

    def write(self, records: bytes, pauses: int = 0) -> bytes:
        """The records of 16 bytes from the begin of a session; a bit of `pauses` holds the output for a clock."""
        self._library.events_reset(self._bench)
        found = bytearray()
        for place in range(0, len(records), 16):
            length = self._library.events_write(self._bench, records[place : place + 16], pauses, self._out)
            complaint = self._ffi.string(self._library.events_complaint(self._bench))
            assert not complaint, complaint
            found += bytes(self._ffi.buffer(self._out, length))
        return bytes(found)


@pytest.fixture(scope="module")
def shortener() -> Iterator[Shortener]:
    made = Shortener()
    yield made
    made.close()


class Records(TypedDict):
    """Event records in hdl/link/vectors.json."""

    body: str
    records: str


def test_the_records_of_the_vectors_have_their_short_form(shortener: Shortener) -> None:
    found: list[Records] = json.loads(VECTORS.read_text(encoding="utf-8"))["records"]
    assert found
    for vector in found:
        for pauses in (0, 0x5A5A_1234_0F0F_7777):
            assert shortener.write(bytes.fromhex(vector["records"]), pauses).hex() == vector["body"]


STEPS = st.one_of(
    st.integers(0, 300), st.integers(0, 70_000), st.integers(0, 1 << 33), st.integers(0, 1 << 44)
)
FIELDS = st.tuples(
    STEPS,
    st.integers(0, 0xFFFF),
    st.sampled_from([0, 1, 255]),
    st.sampled_from([0, 0x7E]),
    st.sampled_from([0, 1, 0x8000]),
    st.sampled_from([0, 0x100, 0x7D00_0000]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FIELDS, min_size=1, max_size=6), st.integers(0, (1 << 63) - 1))
def test_records_are_written_as_the_host_writes_them(
    shortener: Shortener, fields: Sequence[tuple[int, int, int, int, int, int]], pauses: int
) -> None:
    clock, records, long = 0, [], b""
    for step, bits, function, vector, causes, payload in fields:
        clock = (clock + step) & (1 << 48) - 1
        records.append((clock, bits, function, vector, causes, payload))
        long += clock.to_bytes(6, "little") + bits.to_bytes(2, "little") + bytes((function, vector))
        long += causes.to_bytes(2, "little") + payload.to_bytes(4, "little")
    assert shortener.write(long, pauses) == RecordWriter().write(records)
