# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host's side of the link and the store driver on the RTL of machine and link, also over a line with faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.link.faults import Faults
from dirql.link.session import Patience
from dirql.machine import open_machine
from dirql.registers import pci_configuration
from dirql.target.board.target import BoardTarget
from dirql.target.contract import EventBits, MasterAbort
from fakes.rtl_board import open_rtl_board
from machine.target_bench import ABSENT, COMMAND_ON, Bench, configure_bench

SLOW = Patience(silence=20.0, resend=0.05)
"""A model on a busy computer may need long for an answer; nothing is lost for that."""
DATA = bytes(range(256)) * 4


@pytest.fixture
def target() -> Iterator[BoardTarget]:
    opened = open_rtl_board(patience=SLOW)
    yield opened
    opened.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "interrupt"),
    [
        (TransferMode.POLLED, "level"),
        (TransferMode.INTERRUPT, "latched"),
        (TransferMode.DMA, "level"),
        (TransferMode.DMA, "message"),
    ],
)
def test_the_store_driver_moves_data(target: BoardTarget, mode: TransferMode, interrupt: str) -> None:
    with open_machine(target) as machine:
        machine.load_driver(store, interrupt=interrupt)
        with machine.open(PROGRAM_NAME) as handle:
            handle.ioctl(IOCTL_STORE_SET_MODE, mode.to_bytes(4, "little"))
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA


@pytest.mark.slow
def test_a_line_with_faults_changes_nothing() -> None:
    target = open_rtl_board(patience=SLOW, faults=Faults(seed=3, flips=5e-4, drops=1e-4, doubles=1e-4))
    with open_machine(target, drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
        handle.ioctl(IOCTL_STORE_SET_MODE, TransferMode.DMA.to_bytes(4, "little"))
        for _ in range(4):
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA
    assert target.link.session.statistics.resent > 0


@pytest.mark.slow
def test_errors_of_posted_writes_bursts_and_strings_are_told() -> None:
    opened = configure_bench(open_rtl_board(patience=SLOW, precise=False))
    target = opened.target
    target.write_memory(ABSENT, 1)
    with pytest.raises(MasterAbort, match="memory write"):
        target.read_memory(opened.ram)
    with pytest.raises(MasterAbort):
        target.write_memory_burst(ABSENT, memoryview(bytes(1024)))
    with pytest.raises(MasterAbort):
        target.read_memory_burst(ABSENT, memoryview(bytearray(1024)))
    data = bytes(range(256)) * 8
    back = bytearray(len(data))
    target.write_memory_burst(opened.ram, memoryview(data))
    target.read_memory_burst(opened.ram, memoryview(back))
    assert back == data
    target.close()


@pytest.mark.slow
def test_marks_and_events_come_in_their_order(target: BoardTarget) -> None:
    opened: Bench = configure_bench(target)
    assert (
        target.read_configuration(opened.function + pci_configuration.COMMAND.offset) & COMMAND_ON
        == COMMAND_ON
    )
    for number in range(100):
        target.mark(number)
    target.wait(1)
    marks = [event for event in target.take_event_records() if event.bits & EventBits.MARK]
    assert [event.mark for event in marks] == list(range(100))
    assert marks == sorted(marks)
    assert target.event_records_dropped() == 0
