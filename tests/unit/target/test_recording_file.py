# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The file of a recording: what is written is read, and a file that was cut off or damaged says so."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from dirql.target.contract import BusStatus, Capability, LinkFloor
from dirql.target.recording.entries import NONE, Call, Change, Entry, Failure, Outcome, Request
from dirql.target.recording.file import RecordingError, RecordingReader, RecordingWriter
from dirql.target.recording.lines import VERSION, Header, LineError, NumberedEntry, read_line, write_line

HEADER = Header(
    target="twin",
    machine="tiny",
    number="0123456789abcdef",
    build="00ff",
    frequency=24_000_000,
    capabilities=frozenset({Capability.CONFINEMENT, Capability.HOST_MEMORY}),
    memory=1 << 20,
    spends=False,
    began=1.5,
    release="0.1.0",
    clock=7,
    attention=False,
    horizon=3,
    floor=LinkFloor(0.25, 0.5),
)

NUMBERS = st.integers(NONE, (1 << 64) - 1)
COUNTS = st.integers(0, (1 << 63) - 1)
DATA = st.binary(max_size=40)
CHANGES = st.lists(st.builds(Change, COUNTS, DATA), max_size=3)
FAILURES = st.one_of(
    st.builds(
        lambda status, address, done: Failure("bus", ("memory read",), (status, address, done)),
        st.integers(BusStatus.MASTER_ABORT, BusStatus.TIMEOUT),
        COUNTS,
        COUNTS,
    ),
    st.builds(
        lambda reason, address: Failure("removed", (reason, "I/O read"), (address,)), st.text(), COUNTS
    ),
    st.builds(
        lambda kind, text: Failure(kind, (text,)),
        st.sampled_from(["lost", "unsupported", "closed", "argument", "target"]),
        st.text(),
    ),
)
OUTCOMES = st.builds(
    Outcome,
    value=st.none() | NUMBERS,
    numbers=st.lists(NUMBERS, max_size=4).map(tuple),
    data=DATA,
    text=st.none() | st.text(),
    failure=st.none() | FAILURES,
    late=st.lists(FAILURES, max_size=2).map(tuple),
    clock=COUNTS,
    attention=st.booleans(),
    horizon=COUNTS,
    removed=st.none() | st.text(),
)
ENTRIES = st.builds(
    Entry,
    request=st.builds(Request, st.sampled_from(Call), st.lists(NUMBERS, max_size=5).map(tuple), DATA),
    outcome=OUTCOMES,
    spent=COUNTS,
    began=COUNTS,
    took=COUNTS,
    place=st.sampled_from(["", "StoreStartIo (store.py:7)", "main (job.py:1)"]),
    changes=CHANGES,
    written=CHANGES,
)


def entry(number: int = 0) -> Entry:
    return Entry(
        Request(Call.READ_MEMORY, (number, 0xF)), Outcome(number, clock=number), place="main (a.py:3)"
    )


def written(path: Path, entries: list[Entry], *, every: int = 0) -> bytes:
    """The bytes of a recording with these entries, flushed after `every` entries."""
    writer = RecordingWriter(path, HEADER)
    for number, each in enumerate(entries, 1):
        writer.add(each, each.place)
        if every and number % every == 0:
            writer.flush()
    writer.close()
    return path.read_bytes()


@pytest.mark.slow
@given(entries=st.lists(ENTRIES, max_size=6), every=st.integers(0, 3))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], every: int
) -> None:
    path = tmp_path_factory.mktemp("recording") / "run.dirql"
    written(path, entries, every=every)
    reader = RecordingReader(path)
    assert reader.header == HEADER
    assert list(reader.entries()) == entries
    assert reader.cut == ""


@pytest.mark.slow
def test_a_file_that_is_cut_off_anywhere_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    entries = [entry(number) for number in range(12)]
    whole = written(path, entries, every=4)
    read = []
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        try:
            reader = RecordingReader(path)
        except RecordingError:
            read.append(-1)
            continue
        found = list(reader.entries())
        assert found == entries[: len(found)]
        assert "cut off" in reader.cut
        read.append(len(found))
    assert read == sorted(read)
    assert read[-1] == 12
    assert {4, 8}.issubset(read)


@pytest.mark.slow
def test_a_byte_that_was_changed_anywhere_is_never_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    entries = [entry(number) for number in range(12)]
    whole = written(path, entries, every=4)
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x21
        path.write_bytes(damaged)
        try:
            reader = RecordingReader(path)
        except RecordingError:
            continue
        found = list(reader.entries())
        assert found == entries[: len(found)]
        assert reader.cut or len(found) == 12


@pytest.mark.parametrize("octets", [b"\x89PNG\r\n\x1a\n" + bytes(99), b"a text\n", b"\n", bytes(99)])
def test_a_file_of_another_kind_is_told(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "run.dirql"
    path.write_bytes(octets)
    with pytest.raises(RecordingError, match=r"run\.dirql does not: it is another kind of file"):
        RecordingReader(path)


@given(st.binary(max_size=200))
def test_garbage_is_no_recording(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "run.dirql"
    for octets in (garbage, gzip.compress(garbage), gzip.compress(garbage + b"\n")):
        path.write_bytes(octets)
        with pytest.raises(RecordingError, match="a recording must begin as --record writes it"):
            RecordingReader(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*json.loads(write_line(entry(), 1)), "error", "late", "host", "device"])


@pytest.mark.slow
@given(ENTRIES, st.dictionaries(NAMES, JSON, max_size=3))
def test_a_line_of_another_kind_is_refused_or_read_and_nothing_else(
    whole: Entry, changed: dict[str, object]
) -> None:
    fields = json.loads(write_line(whole, 2)) | changed
    try:
        line = read_line(json.dumps(fields).encode())
    except LineError:
        return
    assert isinstance(line, NumberedEntry)


def test_garbage_behind_a_recording_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    entries = [entry(1), entry(2)]
    whole = written(path, entries)
    without_end = b"".join(
        [write_line(HEADER), *(write_line(each) for each in entries), b'{"call":"read_memory"}\n']
    )
    path.write_bytes(gzip.compress(without_end))
    reader = RecordingReader(path)
    assert len(list(reader.entries())) == 2
    assert reader.cut.startswith("line 4 is none of a recording: ")
    path.write_bytes(whole + whole)
    reader = RecordingReader(path)
    assert list(reader.entries()) == entries


def test_a_part_that_is_missing_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    lines = [write_line(HEADER), write_line(entry(1)), b'{"end":2}\n']
    path.write_bytes(gzip.compress(b"".join(lines)))
    reader = RecordingReader(path)
    assert len(list(reader.entries())) == 1
    assert reader.cut == "it must have 2 calls; 1 were there, so a part is missing"


def test_another_version_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    path.write_bytes(gzip.compress(b'{"dirql recording":%d,"release":"9.0"}\n' % (VERSION + 1)))
    with pytest.raises(RecordingError, match=r"has the version 2, which dirql 9\.0 wrote: use that release"):
        RecordingReader(path)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="a recording must go to a file that can be written"):
        RecordingWriter(tmp_path / "no" / "run.dirql", HEADER)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_disk_that_gets_full_is_told_and_stops_nothing() -> None:
    writer = RecordingWriter(Path("/dev/full"), HEADER)
    writer.add(entry(), None)
    writer.close()
    assert writer.failure == "no space left on device"
