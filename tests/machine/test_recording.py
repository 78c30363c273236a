# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of the store driver on the RTL and on twins: replays without a machine, and shadow runs on the RTL."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dirql import cli
from dirql.drivers import pulser, store
from dirql.drivers.pulser.interface import (
    IOCTL_PULSER_CONFIGURE,
    IOCTL_PULSER_START,
    Configuration,
    pack_count,
    program_name,
)
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine
from dirql.io.errors import IoError
from dirql.machine import open_machine
from dirql.pnp.node import DeviceError
from dirql.registers.store import FEATURES
from dirql.shadow import save, shadow
from dirql.target import check_target, inside_simulator, machine_of, open_target
from dirql.target.board.target import BoardTarget
from dirql.target.contract import Grant, LinkLost, MasterAbort, Target
from dirql.target.recording.file import RecordingError, RecordingReader, RecordingWriter
from dirql.target.recording.recorder import RecordingTarget
from dirql.target.recording.replay import ReplayDiffers
from dirql.target.simulation.verilated import VerilatedTarget
from machine.target_bench import PATIENT_OPTION as PATIENT
from sessions import SESSION

pytestmark = pytest.mark.skipif(inside_simulator(), reason="opens targets of its own")

DATA = bytes(range(256)) * 4
TWIN = f"twin:tiny?{PATIENT}"
TINY = load_machine("tiny")


def move_data(
    target: Target | str,
    mode: TransferMode = TransferMode.DMA,
    *,
    record: Path | None = None,
    data: bytes = DATA,
    interrupt: str = "level",
) -> list[bytes]:
    """Write data through the store driver and read them back; returns what was read. It closes the target."""
    read = []
    with open_machine(
        target, machine=None if isinstance(target, Target) else "tiny", record=record
    ) as machine:
        machine.load_driver(store, interrupt=interrupt)
        with machine.open(PROGRAM_NAME) as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, mode.to_bytes(4, "little"))
            for offset in (0, 512):
                handle.write(data, offset)
                read.append(handle.read(len(data), offset))
    return read


def replay_of(path: Path) -> str:
    return f"replay:{path}"


@pytest.mark.parametrize("name", ["verilated", pytest.param(TWIN, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", TransferMode)
def test_a_replay_gives_the_driver_the_same_answers_and_the_rtl_too(
    tmp_path: Path, name: str, mode: TransferMode
) -> None:
    path = tmp_path / "run.dirql"
    recorded = move_data(name, mode, record=path)
    assert recorded == [DATA, DATA]
    assert check_target(replay_of(path))
    assert machine_of(replay_of(path)) == "tiny"
    replayed = open_target(replay_of(path))
    assert move_data(replayed, mode) == recorded
    assert replayed.complaints == ()
    report = shadow(path)
    assert report.difference == ""
    assert report.ended == ""
    assert report.compared["reads"] > 10
    assert report.compared["writes"] > 10
    if mode in (TransferMode.INTERRUPT, TransferMode.DMA):
        assert report.compared["vectors"] > 3
    if mode is TransferMode.DMA:
        assert report.compared["bytes of memory that devices can write"] >= 2 * len(DATA)


@pytest.mark.parametrize(
    ("width", "kind"), [(3, "fetches after the end of an interrupt, not compared"), (9, "vectors")]
)
def test_pulses_on_a_line_are_followed_also_those_that_are_over_at_the_fetch(
    tmp_path: Path, width: int, kind: str
) -> None:
    """The vector of a pulse that was too short is that of no interrupt, and the controller counts it."""
    path = tmp_path / "run.dirql"
    with open_machine("verilated", machine="at", record=path) as machine:
        machine.load_driver(pulser, interrupt="level")
        with machine.open(program_name(0)) as handle:
            handle.ioctl(IOCTL_PULSER_CONFIGURE, Configuration(width=width, period=3000).pack())
            handle.ioctl(IOCTL_PULSER_START, pack_count(10))
            machine.sleep(0.003)
        assert machine.hal.interrupts.spurious() == (10 if width == 3 else 0)
    report = shadow(path)
    assert report.difference == ""
    assert report.compared["interrupts"] == report.compared[kind] == 10


@pytest.mark.slow
def test_a_recording_has_the_identities_the_times_and_the_place_of_each_call(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    target = open_target(TWIN)
    assert isinstance(target, BoardTarget)
    move_data(RecordingTarget(target, path))
    reader = RecordingReader(path)
    header, entries = reader.header, list(reader.entries())
    assert header.number == machine_number(TINY).hex()
    assert header.build == target.build.hex() != ""
    assert header.frequency == TINY.frequency
    assert header.floor == target.floor
    begins = [entry.began for entry in entries]
    assert begins == sorted(begins)
    clocks = [entry.outcome.clock for entry in entries]
    assert clocks == sorted(clocks)
    assert any("StoreStartIo" in entry.place and "transfer.py:" in entry.place for entry in entries)
    assert sum(len(change.data) for entry in entries for change in entry.written) >= 2 * len(DATA)


# Drivers that do something else.


@pytest.mark.parametrize("name", ["verilated", pytest.param(TWIN, marks=pytest.mark.slow)])
def test_a_driver_with_another_register_access_is_stopped_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run.dirql"
    move_data(name, record=path)
    with pytest.raises(ReplayDiffers) as differs:
        move_data(replay_of(path), TransferMode.INTERRUPT)
    text = str(differs.value)
    assert "a driver must make the calls of the recording" in text
    assert (
        "the call:  write memory 0x0 to BUFFER_ADDRESS of store at 00:01.0 (0x80000014), by _place (" in text
    )
    assert "transfer.py:" in text
    assert "recorded:  call" in text


@pytest.mark.parametrize("name", ["verilated", pytest.param(TWIN, marks=pytest.mark.slow)])
def test_a_driver_with_other_data_for_the_device_is_stopped_before_the_device_reads_them(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "run.dirql"
    move_data(name, record=path)
    with pytest.raises(ReplayDiffers, match="memory that devices may read had other contents at 0x"):
        move_data(replay_of(path), data=DATA[:-1] + b"!")


# Machines that do something else: the recorded machine is the RTL with a mistake.


class WrongRegister(VerilatedTarget):
    """A reserved bit of a register is on, which the driver does not look at."""

    __slots__ = ()

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        value = super().read_memory(address, byte_enables)
        is_device = address < self.description.controller.address
        return value | 1 << 31 if is_device and address & 0xFFF == FEATURES.offset else value


class WrongData(VerilatedTarget):
    """One bit of each transfer that a bus master writes is wrong."""

    __slots__ = ("place",)

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """See `Target`."""
        self.place = bounds[0] if writes and not reads else None
        return super().grant(bounds, reads=reads, writes=writes)

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        if self.place is not None:
            self.memory[self.place + 7] ^= 1
            self.place = None
        return super().interrupt_acknowledge()


class NoAbort(VerilatedTarget):
    """A place without a device answers to configuration reads."""

    __slots__ = ()

    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        try:
            return super().read_configuration(address, byte_enables)
        except MasterAbort:
            return 0xFFFF_FFFF


MISTAKES = {
    WrongRegister: "read memory FEATURES of store at 00:01.0 (0x80000004): recorded 0x8",
    WrongData: "must be as the recorded devices left it at call",
    NoAbort: "recorded 0xffffffff, the RTL the error: configuration read at",
}
each_mistake = pytest.mark.parametrize("kind", MISTAKES)


def recorded_mistake(path: Path, kind: type[VerilatedTarget]) -> None:
    move_data(RecordingTarget(kind(TINY), path))


@each_mistake
def test_the_first_difference_from_the_rtl_is_shown_with_its_context(
    tmp_path: Path, kind: type[VerilatedTarget], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.dirql"
    recorded_mistake(path, kind)
    assert cli.main(["shadow", str(path), "--save", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert MISTAKES[kind] in shown
    assert f"the RTL differs from the recording {path} at call" in shown
    assert "the calls before it:" in shown
    assert "which fails until that is mended" in shown


@pytest.mark.slow
@each_mistake
def test_a_difference_becomes_a_test_that_fails_and_that_passes_when_it_is_mended(
    tmp_path: Path, kind: type[VerilatedTarget]
) -> None:
    path = tmp_path / "a run.of a board.dirql"
    recorded_mistake(path, kind)
    report = shadow(path)
    test = save(path, report, tmp_path)
    command = [*SESSION, "--rootdir", str(tmp_path), str(test)]
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed" in failed.stdout
    assert MISTAKES[kind] in failed.stdout
    mended = tmp_path / "mended.dirql"
    move_data("verilated", record=mended)
    (copy,) = tmp_path.glob("a_run_until_*.dirql")
    mended.replace(copy)
    passed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in passed.stdout, passed.stdout


def test_a_recording_without_a_difference_says_what_was_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.dirql"
    move_data("verilated", record=path)
    assert cli.main(["shadow", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "no difference in" in shown
    assert "bytes of memory that devices can write" in shown
    path.write_bytes(path.read_bytes()[:-200])
    assert cli.main(["shadow", str(path)]) == 2
    assert "not all was followed: it was cut off" in capsys.readouterr().out


# Files that do not fit.


def test_a_recording_of_another_machine_is_refused_with_the_machine_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.dirql"
    move_data("verilated", record=path)
    assert cli.main(["run", "--target", replay_of(path), "--machine", "default"]) == 2
    assert "give --machine tiny" in capsys.readouterr().err
    with pytest.raises(RecordingError, match="must be of the machine default"):
        shadow(path, "default")


def test_a_machine_that_this_release_does_not_have_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.dirql"
    move_data("verilated", record=path)
    reader = RecordingReader(path)
    other = tmp_path / "other.dirql"
    writer = RecordingWriter(other, replace(reader.header, machine="mine"))
    writer.close()
    with pytest.raises(RecordingError, match="of the machine mine, which this release does not have"):
        shadow(other)


@pytest.mark.parametrize("text", [b"", b"no recording", b"\x1f\x8b\x08\0\0\0\0\0\0\0"])
def test_garbage_is_refused_in_a_sentence(
    tmp_path: Path, text: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.dirql"
    path.write_bytes(text)
    assert cli.main(["shadow", str(path)]) == 2
    assert "a recording must begin as --record writes it" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refused:
        cli.main(["run", "--target", replay_of(path)])
    assert refused.value.code == 2
    assert "a recording must begin as --record writes it" in capsys.readouterr().err
    assert cli.main(["shadow", str(tmp_path / "none.dirql")]) == 2
    assert "no such file" in capsys.readouterr().err


# Boards that go away.


def write_for_ever(target: Target) -> None:
    with open_machine(target, drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
        handle.ioctl(IOCTL_STORE_SET_MODE, TransferMode.DMA.to_bytes(4, "little"))
        while True:
            handle.write(DATA)


@pytest.mark.slow
@pytest.mark.parametrize("end", [3000, 9000, 20_000])
def test_a_cable_that_was_pulled_is_pulled_in_the_replay_too(tmp_path: Path, end: int) -> None:
    path = tmp_path / "run.dirql"

    def drive(target: Target) -> str:
        with pytest.raises((IoError, LinkLost, DeviceError)) as lost:
            write_for_ever(target)
        return f"{type(lost.value).__name__} {lost.value}"

    recorded = drive(open_target(f"{TWIN}&disconnect_at={end}", machine=TINY, record=path))
    reader = RecordingReader(path)
    assert any(entry.outcome.removed for entry in reader.entries())
    assert reader.cut == ""
    assert drive(open_target(replay_of(path))) == recorded
    report = shadow(path)
    assert report.difference == ""
    assert report.ended.startswith("the recorded machine was lost at call")


# The command line and pytest.


@pytest.mark.slow
@pytest.mark.parametrize("name", ["verilated", TWIN])
def test_the_main_job_is_recorded_and_replayed_with_the_same_figures(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.dirql"
    job = ["run", "--machine", "tiny", "--transfers", "2", "--size", "256"]
    assert cli.main([*job, "--target", name, "--record", str(path)]) == 0
    recorded = stages(capsys.readouterr().out)
    assert cli.main([*job, "--target", replay_of(path)]) == 0
    assert stages(capsys.readouterr().out) == recorded
    assert cli.main([*job[:-1], "260", "--target", replay_of(path)]) == 2
    assert "a driver must make the calls of the recording" in capsys.readouterr().err
    assert cli.main(["shadow", str(path)]) == 0


def stages(output: str) -> str:
    """The table of the stages, which are in the clocks of the machine."""
    return output.partition("Stages of the service")[2].partition("Measured")[0]


def test_pytest_records_each_test_and_replays_one(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(handle):\n    assert handle.write(b'abcd') == 4\n    assert handle.read(4) == b'abcd'\n",
        encoding="utf-8",
    )
    words = [*SESSION, "--rootdir", str(tmp_path), str(tmp_path)]
    made = subprocess.run(
        [*words, "--dirql-machine", "tiny", "--dirql-record", str(tmp_path / "made")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in made.stdout, made.stdout
    (recording,) = (tmp_path / "made").iterdir()
    assert recording.name == "test_it.py_test_it.dirql"
    again = subprocess.run(
        [*words, "--dirql-target", replay_of(recording)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in again.stdout, again.stdout
    other = (tmp_path / "test_it.py").read_text(encoding="utf-8").replace("abcd", "abce")
    (tmp_path / "test_it.py").write_text(other, encoding="utf-8")
    failed = subprocess.run(
        [*words, "--dirql-target", replay_of(recording)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ReplayDiffers" in failed.stdout
    assert "memory" in failed.stdout
