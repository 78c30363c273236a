# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host bridge's command port: costs in clocks, bursts, ends of transactions, armed faults."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from dirql.registers import store
from dirql.target.contract import (
    BusFault,
    BusStatus,
    MasterAbort,
    ParityError,
    TargetAbort,
    TransactionTimeout,
)
from hdl.machine_bench import BUFFER, CONTROLLER, FUNCTION, PORTS, REGISTERS, Bench

NOBODY = 0xA000_0000


def cost(bench: Bench, access: Callable[[], object]) -> int:
    before = bench.target.now()
    access()
    return bench.target.now() - before


def test_single_accesses_cost_what_the_bus_rules_ask(bench: Bench) -> None:
    target = bench.target
    for read in (
        lambda: target.read_memory(REGISTERS),
        lambda: target.read_io(PORTS + 4),
        lambda: target.read_configuration(FUNCTION),
        target.interrupt_acknowledge,
    ):
        assert cost(bench, read) == 4
    assert cost(bench, lambda: target.read_memory(BUFFER)) == 5
    for write in (
        lambda: target.write_memory(REGISTERS + store.LENGTH.offset, 0),
        lambda: target.write_io(PORTS, 0),
        lambda: target.write_configuration(FUNCTION | 0x3C, 4, 1),
    ):
        assert cost(bench, write) == 6


def test_M16_a_master_abort_takes_its_clocks(bench: Bench) -> None:
    def look() -> None:
        with pytest.raises(MasterAbort):
            bench.target.read_memory(NOBODY)

    assert cost(bench, look) <= 13


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 63, 64, 65, 1000])
def test_bursts_of_any_length_arrive_whole(bench: Bench, length: int) -> None:
    data = random.Random(length).randbytes(4 * length)
    back = bytearray(4 * length)
    writing = cost(bench, lambda: bench.target.write_memory_burst(BUFFER + 4, memoryview(data)))
    reading = cost(bench, lambda: bench.target.read_memory_burst(BUFFER + 4, memoryview(back)))
    assert bytes(back) == data
    assert writing <= length + 8
    assert reading <= length + 6


def test_M23_bursts_into_single_registers_resume_after_each_disconnect(bench: Bench) -> None:
    back = bytearray(16)
    bench.target.write_memory(CONTROLLER, 0x1234)
    bench.target.read_memory_burst(CONTROLLER, memoryview(back))
    assert int.from_bytes(back[0:4], "little") == 0x1234
    bench.target.write_memory_burst(CONTROLLER, memoryview(bytes([5, 0, 0, 0, 6, 0, 0, 0])))
    assert bench.target.read_memory(CONTROLLER) == 5
    assert bench.target.read_memory(CONTROLLER + 4) == 6


def test_a_burst_beyond_the_end_of_a_bar_finds_nobody(bench: Bench) -> None:
    size = 0x1_0000
    bench.fill_buffer(size - 8, b"12345678")
    back = bytearray(16)
    with pytest.raises(MasterAbort):
        bench.target.read_memory_burst(BUFFER + size - 8, memoryview(back))
    with pytest.raises(MasterAbort):
        bench.target.write_memory_burst(BUFFER + size - 8, memoryview(b"abcdefghijklmnop"))
    assert bench.read_buffer(size - 8, 8) == b"abcdefgh"
    assert bench.read(store.ID) == 0x53544F52


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (BusStatus.MASTER_ABORT, MasterAbort),
        (BusStatus.TARGET_ABORT, TargetAbort),
        (BusStatus.PARITY, ParityError),
        (BusStatus.TIMEOUT, TransactionTimeout),
    ],
)
def test_armed_faults_end_as_told_and_reach_nobody(
    bench: Bench, status: BusStatus, error: type[Exception]
) -> None:
    address = REGISTERS + store.LENGTH.offset
    bench.target.write_memory(address, 77)
    bench.target.inject_bus_fault(BusFault(address, status, 2))
    assert bench.read(store.ID) == 0x53544F52
    with pytest.raises(error):
        bench.target.write_memory(address, 78)
    with pytest.raises(error):
        bench.target.read_memory(address)
    assert bench.target.read_memory(address) == 77


def test_faults_hit_bursts_and_other_spaces_too(bench: Bench) -> None:
    for address, access in (
        (BUFFER, lambda: bench.target.write_memory_burst(BUFFER, memoryview(bytes(64)))),
        (BUFFER, lambda: bench.target.read_memory_burst(BUFFER, memoryview(bytearray(64)))),
        (FUNCTION, lambda: bench.target.read_configuration(FUNCTION)),
        (PORTS + 4, lambda: bench.target.read_io(PORTS + 4)),
    ):
        bench.target.inject_bus_fault(BusFault(address, BusStatus.TARGET_ABORT))
        with pytest.raises(TargetAbort):
            access()
        access()


def test_after_any_mix_of_accesses_the_machine_answers(bench: Bench) -> None:
    source = random.Random(9)
    shadow = bytearray(256)
    bench.fill_buffer(0, bytes(shadow))
    for _ in range(300):
        offset, length = 4 * source.randrange(32), 4 * source.randrange(1, 32)
        if source.random() < 0.5:
            data = source.randbytes(length)
            bench.target.write_memory_burst(BUFFER + offset, memoryview(data))
            shadow[offset : offset + length] = data
        else:
            assert bench.read_buffer(offset, length) == shadow[offset : offset + length]
        if source.random() < 0.2:
            with pytest.raises(MasterAbort):
                bench.target.read_memory(NOBODY)
        bench.target.spend(source.randrange(4))
