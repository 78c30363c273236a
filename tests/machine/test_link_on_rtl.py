# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host's side of the link and the store driver on the RTL of machine and link, also over a line with faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.cli import main
from dirql.drivers import store
from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, PROGRAM_NAME, TransferMode
from dirql.link.faults import Faults
from dirql.machine import open_machine
from dirql.registers import pci_configuration
from dirql.target.board.target import BoardTarget
from dirql.target.contract import EventBits, MasterAbort
from fakes.rtl_board import RtlServer, open_rtl_board
from machine.target_bench import COMMAND_ON, PATIENT, Bench, configure_bench

DATA = bytes(range(256)) * 4


@pytest.fixture
def target() -> Iterator[BoardTarget]:
    opened = open_rtl_board(patience=PATIENT)
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
    target = open_rtl_board(patience=PATIENT, faults=Faults(seed=3, flips=5e-4, drops=1e-4, doubles=1e-4))
    with open_machine(target, drivers=[store]) as machine, machine.open(PROGRAM_NAME) as handle:
        handle.ioctl(IOCTL_STORE_SET_MODE, TransferMode.DMA.to_bytes(4, "little"))
        for _ in range(4):
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA
    assert target.link.session.statistics.resent > 0


@pytest.mark.slow
def test_errors_of_posted_writes_bursts_and_strings_are_told() -> None:
    opened = configure_bench(open_rtl_board(patience=PATIENT, precise=False))
    target = opened.target
    target.write_memory(opened.absent, 1)
    with pytest.raises(MasterAbort, match="memory write"):
        target.read_memory(opened.ram)
    with pytest.raises(MasterAbort):
        target.write_memory_burst(opened.absent, memoryview(bytes(1024)))
    with pytest.raises(MasterAbort):
        target.read_memory_burst(opened.absent, memoryview(bytearray(1024)))
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


@pytest.mark.slow
def test_the_job_runs_on_a_board_behind_tcp_and_the_next_one_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.json"
    words = [
        "--mode",
        "dma",
        "--interrupt",
        "level",
        "--transfers",
        "2",
        "--size",
        "512",
        "--json",
        str(file),
    ]
    with RtlServer() as server:
        for _ in range(2):
            assert main(["run", "--target", f"{server.address}?silence=20", *words]) == 0, capsys.readouterr()
    printed = " ".join(capsys.readouterr().out.split())
    assert "The link's own floor: a round trip took" in printed
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["target"] == "tcp"
    assert document["verdict"] == "pass"
    (mode,) = document["modes"]
    assert mode["host_microseconds"]["samples"] == mode["irps"]
    assert 0 < document["link_floor_seconds"][0] <= document["link_floor_seconds"][1]


@pytest.mark.slow
def test_lspci_and_another_machine_on_a_board_behind_tcp(capsys: pytest.CaptureFixture[str]) -> None:
    with RtlServer() as server:
        address = f"{server.address}?silence=20"
        assert main(["lspci", "--target", address]) == 0
        on_board = capsys.readouterr().out
        assert main(["lspci", "--target", "verilated"]) == 0
        assert capsys.readouterr().out == on_board
        assert main(["lspci", "--target", address, "--machine", "tiny"]) == 2
    assert (
        "must have the machine tiny; it has the machine default: give --machine default"
        in capsys.readouterr().err
    )
