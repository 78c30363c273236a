# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board that goes away: programs get errors in bounded time, and nothing hangs or leaks.

The board is the compiled machine behind a naive model of the link's device side.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.io.errors import IoError
from dirql.ke.threads.wait import delay_execution_thread
from dirql.link.faults import Faults
from dirql.link.pipe import NoLink
from dirql.link.session import Patience
from dirql.machine import Machine, open_machine
from dirql.nt.constants import KernelMode
from dirql.pnp.node import DeviceError
from dirql.pnp.states import NodeState
from dirql.target import open_target
from dirql.target.contract import LinkLost, MachineRemoved, Wake
from dirql.transfers import told_of_loss
from fakes.link_target import FakeBoard, open_board_over

DATA = bytes(range(256)) * 4
QUICK = Patience(silence=0.5)
MILLISECOND = 10_000
"""A relative time of the kernel, in units of 100 ns."""


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    opened = open_board_over(open_target("verilated"), patience=QUICK)
    yield opened
    opened.target.close()
    opened.device.script.close()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def sleep(milliseconds: int) -> None:
    delay_execution_thread(KernelMode, False, -MILLISECOND * milliseconds)


def error_of(use: Callable[[], object]) -> Exception | None:
    """The error with which a request, or what opens a machine, ends; None without one."""
    try:
        use()
    except (IoError, LinkLost, DeviceError) as error:
        return error
    return None


def wait_until_removed(machine: Machine) -> None:
    """Wait, as a program that sleeps, until the drivers know that their devices are gone."""
    for _ in range(3000):
        if machine.devices[-1].state in (NodeState.AWAITING_QUEUED_REMOVAL, NodeState.REMOVED):
            return
        sleep(10)
    pytest.fail("the devices were not removed")


def unplug(board: FakeBoard) -> None:
    board.pipe.unplug()


def fall_silent(board: FakeBoard) -> None:
    board.pipe.is_silent = True


def lose_power(board: FakeBoard) -> None:
    board.device.power_cycle()


WAYS = pytest.mark.parametrize("go", [unplug, fall_silent, lose_power])


def test_the_store_driver_runs_on_a_board(board: FakeBoard) -> None:
    with open_machine(board.target, drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
        handle.write(DATA)
        assert handle.read(len(DATA)) == DATA


@WAYS
def test_a_program_gets_errors_after_its_board_has_gone(
    board: FakeBoard, go: Callable[[FakeBoard], None]
) -> None:
    with open_machine(board.target, drivers=[store]) as machine:
        with machine.open(PROGRAM_NAME) as handle:
            handle.write(DATA)
            go(board)
            with pytest.raises(IoError):
                handle.read(len(DATA))
            wait_until_removed(machine)
            for _ in range(3):
                with pytest.raises(IoError, match="STATUS_DEVICE_DOES_NOT_EXIST"):
                    handle.write(DATA)
        assert machine.hal.removal == machine.target.removed
    assert all(node.state is NodeState.REMOVED for node in machine.devices if node.driver)


@pytest.mark.parametrize(
    "use",
    [
        lambda machine: machine.target.read_configuration(0),
        lambda machine: machine.open(PROGRAM_NAME),
        lambda machine: machine.load_driver(store, "again"),
    ],
    ids=["data are checked", "a program opens", "a driver starts"],
)
def test_a_job_gives_the_loss_of_the_board_as_the_reason_whatever_fails(
    board: FakeBoard, use: Callable[[Machine], object]
) -> None:
    with open_machine(board.target, drivers=[store]) as machine:
        unplug(board)
        wait_until_removed(machine)
        with (
            pytest.raises(LinkLost, match=r"^the job ended in dma, level: fake was unplugged$"),
            told_of_loss(machine, "dma, level"),
        ):
            use(machine)


@WAYS
def test_a_board_that_goes_while_all_sleep_is_noticed(
    board: FakeBoard, go: Callable[[FakeBoard], None]
) -> None:
    with open_machine(board.target, drivers=[store]) as machine:
        go(board)
        wait_until_removed(machine)


@WAYS
@pytest.mark.parametrize("mode", [TransferMode.INTERRUPT, TransferMode.DMA])
def test_a_request_that_is_under_way_ends(
    board: FakeBoard, mode: TransferMode, go: Callable[[FakeBoard], None]
) -> None:
    with open_machine(board.target, drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
        handle.ioctl(IOCTL_STORE_SET_MODE, mode.to_bytes(4, "little"))
        sleeper = machine.create_thread(lambda: (sleep(1), go(board)))
        error = None
        while error is None:
            error = error_of(lambda: handle.write(DATA))
        sleeper.join()


def test_the_reason_is_told_by_the_target(board: FakeBoard) -> None:
    target = board.target
    assert target.removed is None
    assert target.take_removal() is None
    unplug(board)
    assert target.wait(target.frequency) is Wake.REMOVED
    assert target.attention
    assert target.removed == "fake was unplugged"
    assert target.take_removal() == "fake was unplugged"
    assert not target.attention
    address = target.description.buses[0].memory.start
    with pytest.raises(MachineRemoved, match=rf"memory read at {address:#x} .* removed: fake was unplugged"):
        target.read_memory(address)
    with pytest.raises(LinkLost):
        target.read_io_string(target.description.buses[0].ports.start, memoryview(bytearray(8)))
    target.mark(1)
    assert target.wait(1) is None


def test_the_clock_goes_on_without_the_board(board: FakeBoard) -> None:
    target = board.target
    unplug(board)
    target.wait(target.frequency)
    target.take_removal()
    before = target.now()
    target.set_deadline(before + target.frequency // 100)
    assert target.wait() is Wake.DEADLINE
    assert target.now() >= before + target.frequency // 100


def test_the_silence_before_a_loss_is_not_counted_as_work_of_a_driver(board: FakeBoard) -> None:
    target = board.target
    target.read_configuration(0)
    before = target.lag()
    fall_silent(board)
    with pytest.raises(MachineRemoved, match="has not answered for"):
        target.read_configuration(0)
    assert target.lag() - before > 0.8 * QUICK.silence * target.frequency


ENDS = [*range(40, 2000, 97), *range(2000, 12_000, 991)]


@pytest.mark.parametrize("end", ENDS)
def test_a_line_that_ends_at_any_byte_ends_in_a_defined_way(end: int) -> None:
    inner = open_target("verilated")
    try:
        board = open_board_over(inner, patience=QUICK, faults=Faults(disconnect_at=end))
    except (LinkLost, NoLink):
        inner.close()
        return

    def work() -> None:
        with open_machine(board.target, drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
            for _ in range(20):
                handle.write(DATA)
                assert handle.read(len(DATA)) == DATA

    try:
        assert error_of(work) is not None
        assert board.target.removed is not None
    finally:
        board.target.close()
        inner.close()
