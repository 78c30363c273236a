# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Recording, replay and shadow run on scripted machines, whose answers a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from dirql.hardware.reading import load_machine
from dirql.registers.protocol import Vector
from dirql.target import check_target, open_target
from dirql.target.contract import (
    BusError,
    BusFault,
    BusStatus,
    LinkLost,
    MachineRemoved,
    MasterAbort,
    Target,
    TargetClosed,
    Wake,
)
from dirql.target.recording.entries import Call, Outcome, Request
from dirql.target.recording.file import RecordingError, RecordingReader
from dirql.target.recording.memory import MemoryWatch
from dirql.target.recording.recorder import RecordingTarget
from dirql.target.recording.replay import ReplayDiffers, ReplayTarget
from dirql.target.recording.shadow import Report, Shadow
from fakes.default_machine import MEMORY
from fakes.link_target import FakeBoard, open_fake_board
from fakes.scripted_target import Ram, ScriptedTarget, Space

INPUT = 4
BUFFER = 0x4000


class Bus:
    """A scripted machine with a RAM behind the bus."""

    def __init__(self) -> None:
        self.target = ScriptedTarget()
        self.ram = Ram(4096)
        self.target.map(Space.MEMORY, MEMORY, 4096, self.ram)


def open_recording(path: Path) -> tuple[RecordingTarget, Bus]:
    bus = Bus()
    return RecordingTarget(bus.target, path), bus


def job(target: Target, datum: int = 7) -> list[object]:
    """A bit of everything; returns what the machine said."""
    said: list[object] = []
    target.write_memory(MEMORY, datum)
    said.append(target.read_memory(MEMORY))
    said.append(target.read_memory(MEMORY, 0b0011))
    data = bytes(range(32))
    target.write_memory_burst(MEMORY + 64, memoryview(data))
    into = bytearray(32)
    target.read_memory_burst(MEMORY + 64, memoryview(into))
    said.append(bytes(into))
    for access in (target.read_io, target.read_configuration):
        with pytest.raises(MasterAbort) as refused:
            access(0x7_0000)
        said.append(str(refused.value))
    target.inject_bus_fault(BusFault(MEMORY + 8, BusStatus.PARITY))
    with pytest.raises(BusError) as faulty:
        target.read_memory(MEMORY + 8)
    said.append(str(faulty.value))
    target.spend(25)
    said += [target.now(), target.wait(100), target.now()]
    target.mark(3)
    said += [target.take_event_records(), target.event_records_dropped(), target.interrupt_request()]
    said.append(target.interrupt_acknowledge())
    with pytest.raises(ValueError, match="dword aligned") as wrong:
        target.read_memory(MEMORY + 1)
    said.append(str(wrong.value))
    target.set_deadline(target.now() + 50)
    said += [target.wait(), target.attention, target.horizon, target.now()]
    target.set_deadline(None)
    target.reset()
    said += [target.now(), target.attention]
    return said


@pytest.mark.slow
def test_a_replay_says_what_the_machine_said(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, _ = open_recording(path)
    recorded = job(target)
    target.close()
    replay = ReplayTarget(path)
    assert job(replay) == recorded
    assert Vector.SPURIOUS in recorded
    assert Wake.DEADLINE in recorded
    replay.close()
    assert replay.complaints == ()
    with pytest.raises(TargetClosed):
        replay.read_memory(MEMORY)


def test_the_first_call_that_is_another_one_is_shown_with_its_context(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, _ = open_recording(path)
    job(target)
    target.close()
    replay = ReplayTarget(path)
    with pytest.raises(ReplayDiffers) as differs:
        job(replay, datum=8)
    text = str(differs.value)
    assert "call 1 was another one, so there is no answer to it" in text
    assert "recorded:  call 1 at clock 8: write memory 0x80000000 0x7 0xf" in text
    assert "the call:  write memory 0x80000000 0x8 0xf, by job (" in text
    assert f"{Path(__file__).name}:" in text
    with pytest.raises(ReplayDiffers):
        replay.read_memory(MEMORY)  # there is no way behind a difference
    replay.close()
    assert replay.complaints == ()  # the difference has said it


@pytest.mark.slow
def test_a_driver_that_does_more_or_less_than_the_recorded_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, _ = open_recording(path)
    for _ in range(3):
        target.read_memory(MEMORY)
    target.close()
    less = ReplayTarget(path)
    less.read_memory(MEMORY)
    less.close()
    (complaint,) = less.complaints
    assert "has 2 more calls than the driver made; the first of them is call 2 at clock" in complaint
    more = ReplayTarget(path)
    for _ in range(3):
        more.read_memory(MEMORY)
    with pytest.raises(ReplayDiffers, match="recorded:  nothing more, the run ended here"):
        more.read_memory(MEMORY)
    more.close()


def write_numbers(target: Target) -> None:
    target.confine()
    for number in range(1000):
        target.write_memory(MEMORY, number * 77_777 % 65_537)


def test_a_replay_of_a_file_that_was_cut_off_ends_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, _ = open_recording(path)
    write_numbers(target)
    target.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    replay = ReplayTarget(path)
    with pytest.raises(ReplayDiffers, match="recorded:  nothing more, since it was cut off"):
        write_numbers(replay)
    replay.close()


def test_a_recording_of_another_machine_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    open_recording(path)[0].close()
    with pytest.raises(RecordingError, match=r"must be of the machine tiny, .* it is of the machine default"):
        ReplayTarget(path, load_machine("tiny"))
    ReplayTarget(path, "default").close()


# Memory.


def confined(target: Target) -> None:
    target.confine()
    target.grant([BUFFER, BUFFER + 256], reads=True, writes=True)


def test_what_a_bus_master_wrote_comes_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, bus = open_recording(path)
    confined(target)
    target.read_memory(MEMORY)
    bus.target.at(bus.target.now() + 20, lambda: bus.target.write_as_master(BUFFER + 8, b"from the device!"))
    target.wait(100)
    target.close()
    replay = ReplayTarget(path)
    confined(replay)
    replay.read_memory(MEMORY)
    assert bytes(replay.memory[BUFFER : BUFFER + 256]) == bytes(256)
    replay.wait(100)
    assert bytes(replay.memory[BUFFER + 8 : BUFFER + 24]) == b"from the device!"
    replay.close()


@pytest.mark.parametrize("is_confined", [True, False])
def test_memory_that_a_device_may_read_must_be_as_recorded(tmp_path: Path, is_confined: bool) -> None:
    path = tmp_path / "run.dirql"

    def drive(target: Target, datum: bytes) -> None:
        if is_confined:
            confined(target)
        target.memory[BUFFER + 100 : BUFFER + 104] = datum
        target.write_memory(MEMORY, 1)

    target, _ = open_recording(path)
    drive(target, b"good")
    target.close()
    same = ReplayTarget(path)
    drive(same, b"good")
    same.close()
    other = ReplayTarget(path)
    with pytest.raises(ReplayDiffers) as differs:
        drive(other, b"evil")
    other.close()
    assert f"memory that devices may read had other contents at {BUFFER + 100:#010x}" in str(differs.value)
    assert b"good".hex() in str(differs.value)
    assert b"evil".hex() in str(differs.value)


def test_memory_that_no_device_may_read_is_the_drivers_own(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, _ = open_recording(path)
    confined(target)
    target.read_memory(MEMORY)
    target.close()
    replay = ReplayTarget(path)
    confined(replay)
    replay.memory[0x9000] = 5
    replay.read_memory(MEMORY)
    replay.close()


SIZE = 1 << 18
PARTS = st.lists(st.tuples(st.integers(0, SIZE // 4 - 1), st.integers(1, 300)), max_size=6)


@given(before=PARTS, after=PARTS, limits=PARTS)
def test_the_changes_of_memory_are_those_of_a_copy(
    before: list[tuple[int, int]], after: list[tuple[int, int]], limits: list[tuple[int, int]]
) -> None:
    """The oracle is a second memory into which the changes are put."""
    octets = bytearray(SIZE)
    watch = MemoryWatch(memoryview(octets))
    watch.follow(Request(Call.CONFINE), Outcome())
    bounds = [bound for low, size in limits for bound in (4 * low, min(SIZE, 4 * (low + size)))]
    watch.follow(Request(Call.GRANT, (0, 1, *bounds)), Outcome(numbers=(1, 2, 3)))
    copy = bytearray(SIZE)
    for round_number, parts in enumerate((before, after, []), 1):
        for low, size in parts:
            end = min(SIZE, 4 * (low + size))
            octets[4 * low : end] = bytes([round_number]) * (end - 4 * low)
        for address, data in watch.device_changes():
            assert copy[address : address + 4] != data[:4]
            assert copy[address + len(data) - 4 : address + len(data)] != data[-4:]
            copy[address : address + len(data)] = data
        granted = {at for low, high in zip(bounds[::2], bounds[1::2], strict=True) for at in range(low, high)}
        assert all(copy[at] == octets[at] for at in granted)
        assert all(copy[at] == 0 for at in range(0, SIZE, 97) if at not in granted)


# Boards.


def open_board(path: Path, *, precise: bool = True) -> tuple[RecordingTarget, FakeBoard]:
    bus = Bus()
    board = open_fake_board(bus.target, precise=precise)
    return RecordingTarget(board.target, path), board


def test_what_a_board_does_comes_into_sight_in_calls_only(tmp_path: Path) -> None:
    target, board = open_board(tmp_path / "run.dirql")
    confined(target)
    board.device.master_write(BUFFER, b"data")
    board.tell()
    with board.target.link.changed:
        assert board.target.link.changed.wait_for(lambda: board.target.link.memory._held, 10)
    assert bytes(target.memory[BUFFER : BUFFER + 4]) == bytes(4)
    got: list[bytes] = []
    board.device.master_read(BUFFER, 4, got.append)
    board.tell()
    target.read_memory(MEMORY)
    assert got == [b"data"]  # the device sees what it wrote
    assert bytes(target.memory[BUFFER : BUFFER + 4]) == b"data"
    target.close()


def test_the_error_of_a_posted_write_comes_at_its_place_in_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"

    def drive(target: Target) -> list[str]:
        errors: list[str] = []
        target.write_error = lambda error: errors.append(str(error))
        target.write_memory(MEMORY + 0x10_0000, 1)
        target.read_memory(MEMORY)
        errors.append("then")
        target.write_error = None
        target.write_memory(MEMORY + 0x10_0000, 1)
        with pytest.raises(MasterAbort):
            target.read_memory(MEMORY)
        return errors

    target, _ = open_board(path, precise=False)
    recorded = drive(target)
    target.close()
    assert recorded[-1] == "then"
    assert "master abort" in recorded[0]
    replay = ReplayTarget(path)
    assert drive(replay) == recorded
    replay.close()


def read_for_ever(target: Target) -> None:
    while True:
        target.read_memory(MEMORY)


def test_a_board_that_is_lost_is_lost_at_the_same_place_in_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"

    def drive(target: Target, lose: Callable[[], None]) -> list[object]:
        said: list[object] = [target.read_memory(MEMORY), target.removed]
        lose()
        with pytest.raises(MachineRemoved) as lost:
            read_for_ever(target)
        said += [str(lost.value), target.removed, target.attention, target.take_removal(), target.attention]
        with pytest.raises(LinkLost):
            target.reset()
        return said

    target, board = open_board(path)
    recorded = drive(target, board.pipe.unplug)
    target.close()
    assert "fake was unplugged" in str(recorded[2])
    replay = ReplayTarget(path)
    assert drive(replay, lambda: None) == recorded
    replay.close()


# Shadow runs. The other machine is a scripted one with another answer somewhere.


def shadow(path: Path, target: Target) -> Report:
    report = Shadow(RecordingReader(path), target).run()
    target.close()
    return report


@pytest.mark.slow
def test_the_same_machine_shows_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target, _ = open_recording(path)
    job(target)
    target.close()
    report = shadow(path, Bus().target)
    assert report.difference == ""
    assert report.ended == ""
    assert report.compared["reads"] == 5
    assert report.compared["writes"] == 2


@pytest.mark.parametrize("broken", ["read", "burst", "abort", "memory", "interrupt", "vector"])
def test_each_kind_of_answer_is_compared(tmp_path: Path, broken: str) -> None:
    """The recorded machine and the other one differ in one thing, which the report names."""
    path = tmp_path / "run.dirql"

    def set_up(bus: Bus, fault: str) -> None:
        target = bus.target
        datum = b"wrong123" if fault == "memory" else b"right123"
        target.at(500, lambda: target.write_as_master(BUFFER, datum))
        if fault != "interrupt":
            target.at(600, lambda: target.interrupts.request(INPUT + (fault == "vector")))
        bus.ram.dwords[0] = 9 if fault == "read" else 8
        bus.ram.dwords[5] = 9 if fault == "burst" else 8
        if fault != "abort":
            target.map(Space.IO, 0x9000, 4, Ram(4))

    def drive(target: Target) -> None:
        confined(target)
        target.read_memory(MEMORY)
        target.read_memory_burst(MEMORY + 16, memoryview(bytearray(16)))
        target.write_io(0x9000, 1)
        target.write_memory(target.description.controller.address, 0xFFFF)
        assert target.wait(10_000) is Wake.INTERRUPT
        target.interrupt_acknowledge()

    bus = Bus()
    set_up(bus, "")
    target = RecordingTarget(bus.target, path)
    drive(target)
    target.close()
    same, other = Bus(), Bus()
    set_up(same, "")
    assert shadow(path, same.target).difference == ""
    set_up(other, broken)
    report = shadow(path, other.target)
    assert {
        "read": "recorded 0x8, the RTL 0x9",
        "burst": "recorded 00000000 08000000 00000000 00000000, the RTL",
        "abort": "recorded nothing, the RTL the error: I/O write at 0x00009000 ended with a master abort",
        "memory": "with 72696768 74313233; the RTL left 77726f6e 67313233",
        "interrupt": "the recorded machine presented an interrupt; the RTL presents none",
        "vector": f"presented input {INPUT} of the controller; the RTL presents input {INPUT + 1}",
    }[broken] in report.difference


def test_a_recording_is_not_overwritten_by_its_own_replay(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    open_recording(path)[0].close()
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(path)
    for other in (path, tmp_path / "link"):
        with pytest.raises(ValueError, match="must be another one than that which is replayed; it was "):
            open_target(f"replay:{path}", record=other)
    assert path.read_bytes() == before
    with pytest.raises(
        ValueError, match="must have the file of a recording, as replay:FILE; it was 'replay'"
    ):
        check_target("replay")
