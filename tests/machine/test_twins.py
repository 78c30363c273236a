# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Twins: the store driver on them, clients that come and go, resets, and the end of a twin. See docs/twins.md.

The contract of targets on twins is shown by test_target_contract.py.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from dirql import cli
from dirql.boards.reading import USB_FREQUENCY, DescriptionError, load_board
from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.hardware.reading import load_machine
from dirql.io.errors import IoError
from dirql.link.pipe import NoLink
from dirql.machine import open_machine
from dirql.pnp.node import DeviceError
from dirql.registers import store as regs
from dirql.target import check_target, inside_simulator, machine_of, open_target
from dirql.target.board.target import BoardTarget
from dirql.target.contract import LinkLost, Target
from dirql.target.simulation.twin import Level, TwinPlan, TwinProcess
from dirql.target.twins import TwinPipe, twin_machine
from machine.target_bench import PATIENT_OPTION as PATIENT

pytestmark = pytest.mark.skipif(inside_simulator(), reason="a twin is a process of its own")

DATA = bytes(range(256)) * 4
TINY = load_machine("tiny")
LIMIT = 10.0
"""The longest time, in seconds, in which something must happen that does not depend on the computer's speed."""


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until the condition holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "the condition must hold in bounded time"
        time.sleep(0.005)


def is_gone(process: int) -> bool:
    """Whether a process has ended; one that only waits to be noticed has."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def processor_seconds(process: int) -> float:
    """The time for which a process has used a processor."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def twin() -> Iterator[TwinProcess]:
    """A twin of the smallest machine at a TCP port."""
    with closing(TwinProcess(TwinPlan(TINY))) as started:
        yield started


def open_on(twin: TwinProcess, options: str = PATIENT) -> Target:
    return open_target(f"{twin.address}?{options}", machine=TINY)


def move_data(target: Target, mode: TransferMode = TransferMode.DMA, interrupt: str = "level") -> None:
    """Write data through the store driver and read them back; closes the target."""
    with open_machine(target) as machine:
        machine.load_driver(store, interrupt=interrupt)
        with machine.open(PROGRAM_NAME) as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, mode.to_bytes(4, "little"))
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA


# Drivers.


@pytest.mark.slow
@pytest.mark.parametrize("address", ["twin:tiny", "twin:default"])
@pytest.mark.parametrize("mode", TransferMode)
def test_the_store_driver_moves_data_in_each_mode(address: str, mode: TransferMode) -> None:
    move_data(open_target(f"{address}?{PATIENT}"), mode)


@pytest.mark.slow
@pytest.mark.parametrize("interrupt", ["latched", "message"])
def test_the_store_driver_moves_data_with_each_kind_of_interrupt(interrupt: str) -> None:
    move_data(open_target(f"twin:default?{PATIENT}"), interrupt=interrupt)


@pytest.mark.slow
def test_a_twin_of_a_board_has_the_clock_of_the_board() -> None:
    target = open_target(f"twin:icebreaker?{PATIENT}")
    assert target.frequency == load_board("icebreaker").machine.frequency != TINY.frequency
    move_data(target, TransferMode.INTERRUPT)


@pytest.mark.slow
def test_a_machine_without_bus_masters_runs_the_job_with_programmed_io(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["run", "--target", f"twin:icebreaker?{PATIENT}", "--transfers", "1", "--size", "64"]
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "There is no row for dma: the stores of pio have programmed I/O alone." in shown
    assert cli.main([*arguments, "--mode", "dma"]) == 2
    assert "--mode must name a mode that the stores of pio have" in capsys.readouterr().err


@pytest.mark.slow
def test_a_store_with_programmed_io_alone_refuses_dma_as_a_mode_and_as_a_command() -> None:
    target = open_target(f"twin:icebreaker?{PATIENT}")
    with open_machine(target) as machine:
        driver = machine.load_driver(store)
        with machine.open(PROGRAM_NAME) as handle:
            with pytest.raises(IoError, match="STATUS_NOT_SUPPORTED"):
                handle.ioctl(IOCTL_STORE_SET_MODE, TransferMode.DMA.to_bytes(4, "little"))
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA
        registers = machine.device_window("store", bar=0)
        registers.write(regs.LENGTH.offset, (4).to_bytes(4, "little"))
        registers.write(regs.COMMAND.offset, regs.Operation.DMA_WRITE.to_bytes(4, "little"))
        error = regs.ERROR.unpack(int.from_bytes(registers.read(regs.ERROR.offset, 4), "little"))
        assert error == regs.ERROR.unpack(regs.ERROR.BUS_MASTER_DISABLED)
        assert not int.from_bytes(registers.read(regs.STATUS.offset, 4), "little") & regs.STATUS.BUSY
        machine.unload_driver(driver)


@pytest.mark.slow
def test_the_store_driver_moves_data_through_pins() -> None:
    move_data(open_target(f"twin:tiny?level=pin&baud=6000000&{PATIENT}"))


@pytest.mark.slow
@pytest.mark.parametrize("line", ["tcp", "pty"])
def test_the_store_driver_moves_data_over_a_line_with_faults(line: str) -> None:
    if line == "pty":
        pytest.importorskip("serial")
    target = open_target(f"twin:tiny?line={line}&seed=5&flips=3e-4&drops=1e-4&doubles=1e-4&{PATIENT}")
    assert isinstance(target, BoardTarget)
    move_data(target)
    assert target.link.session.statistics.resent > 0


# Clients.


def test_a_client_that_leaves_and_comes_again_finds_a_new_machine(twin: TwinProcess) -> None:
    for _ in range(3):
        target = open_on(twin)
        assert target.take_event_records() == []
        target.mark(1)
        target.wait(100)
        assert len(target.take_event_records()) == 1
        target.close()


def test_a_second_client_is_refused_and_harms_nothing(twin: TwinProcess) -> None:
    first = open_on(twin)
    with pytest.raises((NoLink, LinkLost), match="was closed"):
        open_on(twin)
    first.mark(1)
    first.wait(100)
    assert len(first.take_event_records()) == 1
    first.close()
    open_on(twin).close()


def test_garbage_before_a_session_changes_nothing(twin: TwinProcess) -> None:
    host, _, port = twin.address.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(os.urandom(10_000))
    open_on(twin).close()


def test_a_pty_is_a_serial_port() -> None:
    pytest.importorskip("serial")
    with closing(TwinProcess(TwinPlan(TINY, port=None))) as twin:
        assert twin.address.startswith("/dev/")
        for _ in range(2):
            target = open_target(f"serial://{twin.address}?{PATIENT}", machine=TINY)
            with pytest.raises(NoLink, match="another program has it open"):
                open_target(f"serial://{twin.address}", machine=TINY)
            target.close()


def test_another_machine_than_asked_for_is_refused(twin: TwinProcess) -> None:
    with pytest.raises(NoLink, match="tiny"):
        open_target(f"{twin.address}?{PATIENT}", machine="default")
    open_on(twin).close()


# Time.


def test_a_quiet_twin_takes_next_to_no_time_of_the_processor(twin: TwinProcess) -> None:
    target = open_on(twin)
    before, began = processor_seconds(twin.process), time.monotonic()
    wait_until(lambda: time.monotonic() > began + 1.0)
    used = processor_seconds(twin.process) - before
    target.close()
    assert used < 0.25


def test_the_clocks_of_a_quiet_twin_are_those_of_the_wall(twin: TwinProcess) -> None:
    """Each reading of the twin's clock is between two of the wall, however long the computer takes for it."""
    target = open_on(twin)
    before_first = time.monotonic()
    target.read_configuration(0)
    first, after_first = target.now(), time.monotonic()
    wait_until(lambda: time.monotonic() > after_first + 0.2)
    before_second = time.monotonic()
    target.read_configuration(0)
    second, after_second = target.now(), time.monotonic()
    seconds = (second - first) / target.frequency
    target.close()
    assert before_second - after_first - 0.05 < seconds < after_second - before_first + 0.001


# Resets and cables.


def under_load(target: Target, disturb: Callable[[], None], transfers: int) -> None:
    """Move data until an error comes, which `disturb` causes after some transfers; nothing may hang or leak."""
    with ExitStack() as stack:
        machine = stack.enter_context(open_machine(target, drivers=[store]))
        handle = stack.enter_context(machine.open(PROGRAM_NAME))
        handle.ioctl(IOCTL_STORE_SET_MODE, TransferMode.DMA.to_bytes(4, "little"))
        for number in range(1000):
            if number == transfers:
                disturb()
            handle.write(DATA)


ERRORS = (IoError, LinkLost, NoLink, DeviceError)


@pytest.mark.parametrize("transfers", [0, 1, 3])
def test_a_reset_under_load_removes_the_machine_and_the_next_run_works(
    twin: TwinProcess, transfers: int
) -> None:
    target = open_on(twin)
    with pytest.raises(ERRORS):
        under_load(target, twin.reset, transfers)
    assert target.removed is not None
    assert "was reset" in target.removed
    open_on(twin).close()


@pytest.mark.parametrize("end", [*range(40, 2000, 239), 5000, 20_000])
def test_a_cable_that_is_pulled_at_any_byte_ends_the_run_and_the_next_one_works(
    twin: TwinProcess, end: int
) -> None:
    with pytest.raises(ERRORS):
        under_load(open_on(twin, f"disconnect_at={end}&{PATIENT}"), lambda: None, 0)
    open_on(twin).close()


@pytest.mark.parametrize("end", [60, 700, 5000])
def test_a_serial_port_that_goes_away_at_any_byte_ends_the_run_and_the_next_one_works(end: int) -> None:
    pytest.importorskip("serial")
    with closing(TwinProcess(TwinPlan(TINY, port=None))) as twin:
        address = f"serial://{twin.address}"
        with pytest.raises(ERRORS):
            under_load(open_target(f"{address}?disconnect_at={end}&{PATIENT}", machine=TINY), lambda: None, 0)
        open_target(f"{address}?{PATIENT}", machine=TINY).close()


def test_a_twin_that_ends_under_load_is_a_board_that_was_unplugged() -> None:
    target = open_target(f"twin:tiny?{PATIENT}")
    assert isinstance(target, BoardTarget)
    pipe = target.link.pipe
    assert isinstance(pipe, TwinPipe)
    with pytest.raises(ERRORS):
        under_load(target, pipe.twin.close, 2)
    assert target.removed is not None


# The process.


def test_a_twin_ends_with_its_target() -> None:
    target = open_target(f"twin:tiny?{PATIENT}")
    assert isinstance(target, BoardTarget)
    pipe = target.link.pipe
    assert isinstance(pipe, TwinPipe)
    assert pipe.twin.is_running
    target.close()
    assert not pipe.twin.is_running


USER = f"""
import sys, time
from dirql.target import open_target
target = open_target("twin:tiny?{PATIENT}")
print(target.link.pipe.twin.process, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_twin_does_not_outlive_the_process_that_uses_it(way: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", USER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as user:
        assert user.stdout is not None
        process = int(user.stdout.readline())
        assert not is_gone(process)
        user.send_signal(way)
        user.wait(LIMIT)
        wait_until(lambda: is_gone(process))


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_an_address_and_ends_cleanly(way: signal.Signals) -> None:
    command = [sys.executable, "-m", "dirql", "twin", "tiny", "--tcp", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        address = started.stdout.readline().strip()
        open_target(f"{address}?{PATIENT}", machine=TINY).close()
        started.send_signal(way)
        assert started.wait(LIMIT) == 0
        assert started.stdout.read() == ""


def test_the_command_tells_of_a_port_that_is_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execv", lambda _program, _words: 0)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        assert cli.main(["twin", "tiny", "--tcp", str(port)]) == 2
    said = f"the port 127.0.0.1:{port} must be free for a twin; it is not: Address already in use: choose another"
    assert capsys.readouterr().err == f"dirql: {said}\n"


# Addresses.


def test_a_twin_is_named_by_its_machine() -> None:
    assert check_target("twin:tiny?level=pin&baud=3000000&line=pty")
    assert machine_of("twin:tiny?flips=1e-4") == "tiny"
    assert machine_of("twin:hx8k") == "tiny"
    assert machine_of("twin") == machine_of("verilated") == "default"
    with pytest.raises(ValueError, match=r"level of .* must be byte, pin or bitstream; it was 'bit'"):
        check_target("twin:tiny?level=bit")


@pytest.mark.parametrize("ask", [check_target, lambda address: twin_machine(address.removeprefix("twin:"))])
def test_a_twin_of_nothing_is_told_with_boards_and_machines(ask: Callable[[str], object]) -> None:
    known = r"a board, .*hx8k.*, or of a machine, .*tiny.* 'hx8': did you mean hx8k\?"
    with pytest.raises(DescriptionError, match=known):
        ask("twin:hx8")


def test_a_rate_that_the_uart_cannot_have_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"must be 6,000,000 baud at most, 4 clocks for a bit; it was 12,000,000"
    ):
        TwinPlan(TINY, Level.PIN, 12_000_000)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["byte", "pin"])
def test_a_twin_is_a_usb_device_over_usbip(level: str) -> None:
    """At the level of pins the USB core of the board is behind USB/IP, bit by bit."""
    pytest.importorskip("usb.core")
    before = set(threading.enumerate())
    target = open_target(f"twin:tiny?line=usbip&level={level}&{PATIENT}", machine=TINY)
    assert target.frequency == (USB_FREQUENCY if level == "pin" else TINY.frequency)
    move_data(target)
    assert set(threading.enumerate()) <= before


def test_a_twin_at_the_pins_of_usb_has_no_rate() -> None:
    pytest.importorskip("usb.core")
    with pytest.raises(ValueError, match="must have no rate, since USB has its own; it was 9,600 baud"):
        open_target("twin:tiny?line=usbip&level=pin&baud=9600", machine=TINY)


@pytest.mark.slow
@pytest.mark.parametrize(("level", "processes"), [("byte", 1), ("pin", 0)])
def test_the_command_serves_usbip_and_ends_with_its_twin(level: str, processes: int) -> None:
    pytest.importorskip("usb.core")
    command = [sys.executable, "-m", "dirql", "twin", "tiny", "--usbip", "0", "--level", level]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        address = started.stdout.readline().strip()
        assert address.startswith("usbip://127.0.0.1:")
        for _ in range(2):  # a client that leaves makes room for the next
            move_data(open_target(f"{address}?{PATIENT}", machine=TINY))
        children = (
            Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="utf-8").split()
        )
        started.send_signal(signal.SIGTERM)
        assert started.wait(LIMIT) == 0
    assert len(children) == processes
    wait_until(lambda: all(is_gone(int(child)) for child in children))
