# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Programmed I/O through the FIFO, by the memory window and by the port."""

from __future__ import annotations

import random

import pytest

from dirql.registers import store, store_io
from dirql.registers.store import Operation
from dirql.target.contract import EventBits
from hdl.machine_bench import PORTS, REGISTERS, VECTOR, Bench

WINDOW = REGISTERS + store.FIFO_WINDOW.offset
DATA = PORTS + store_io.FIFO_DATA.offset
DONE = store.INTERRUPT_CAUSE.DONE
SERVICE = store.INTERRUPT_CAUSE.FIFO
DEPTH = 64


def level(bench: Bench) -> int:
    return store.STATUS.unpack(bench.read(store.STATUS)).fifo_level


def dwords(data: bytes) -> list[int]:
    padded = data + bytes(-len(data) % 4)
    return [int.from_bytes(padded[i : i + 4], "little") for i in range(0, len(padded), 4)]


def read_when_there(bench: Bench) -> int:
    while not level(bench):
        assert bench.read(store.STATUS) & store.STATUS.BUSY
    return bench.target.read_io(DATA)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 63, 64, 255, 256, 257, 1000])
def test_writes_and_reads_of_any_length_and_place(bench: Bench, length: int) -> None:
    data = random.Random(length).randbytes(length)
    for address in (0, 1, 2, 3, 1021):
        guard = bytes([0xA5]) * (length + 16)
        bench.fill_buffer(address - address % 4, guard[: (length + 12) & ~3])
        bench.start(Operation.FIFO_WRITE, address, length)
        for dword in dwords(data):
            bench.target.write_io(DATA, dword)
        assert bench.finish() == (DONE, 0, length)
        held = bench.read_buffer(address - address % 4, (length + 12) & ~3)
        head = address % 4
        assert held == guard[:head] + data + guard[head + length : len(held)]
        bench.start(Operation.FIFO_READ, address, length)
        assert [read_when_there(bench) for _ in dwords(data)] == dwords(data)
        assert bench.finish() == (DONE, 0, length)


def test_bursts_through_the_window(bench: Bench) -> None:
    data = random.Random(1).randbytes(4 * DEPTH)
    bench.start(Operation.FIFO_WRITE, 0, len(data))
    bench.target.write_memory_burst(WINDOW, memoryview(data))
    assert bench.finish() == (DONE, 0, len(data))
    bench.start(Operation.FIFO_READ, 0, len(data))
    bench.target.spend(DEPTH + 10)
    before = bench.target.now()
    back = bytearray(len(data))
    bench.target.read_memory_burst(WINDOW, memoryview(back))
    assert back == data
    assert bench.target.now() - before <= DEPTH + 8
    assert bench.finish() == (DONE, 0, len(data))


def test_data_pushed_before_the_command_count(bench: Bench) -> None:
    for value in range(5):
        bench.target.write_io(DATA, value)
    assert level(bench) == 5
    bench.start(Operation.FIFO_WRITE, 0, 32)
    for value in range(5, 8):
        bench.target.write_io(DATA, value)
    assert bench.finish() == (DONE, 0, 32)
    assert dwords(bench.read_buffer(0, 32)) == list(range(8))


def test_an_empty_fifo_reads_zero_and_is_counted(bench: Bench) -> None:
    assert bench.target.read_io(DATA) == 0
    assert bench.read(store.ERROR) == store.ERROR.FIFO_OVERRUN
    assert bench.read(store.INTERRUPT_CAUSE) == store.INTERRUPT_CAUSE.ERROR
    assert bench.read(store.FIFO_OVERRUNS) == 1
    bench.target.read_memory(WINDOW)
    assert bench.read(store.FIFO_OVERRUNS) == 2
    bench.target.write_io(DATA, 0x1234_5678)
    assert bench.target.read_memory(WINDOW + 0x40) == 0x1234_5678


def test_a_full_fifo_keeps_what_it_has(bench: Bench) -> None:
    for value in range(DEPTH + 3):
        bench.target.write_io(DATA, value)
    assert bench.read(store.FIFO_OVERRUNS) == 3
    assert level(bench) == DEPTH
    assert bench.target.read_io(PORTS + store_io.FIFO_STATUS.offset) & store_io.FIFO_STATUS.FULL
    assert [bench.target.read_io(DATA) for _ in range(DEPTH)] == list(range(DEPTH))


def test_no_enabled_byte_pops_nothing(bench: Bench) -> None:
    bench.target.write_io(DATA, 7)
    bench.target.read_memory(WINDOW, 0)
    assert level(bench) == 1
    assert bench.target.read_io(DATA) == 7


@pytest.mark.parametrize("pace", [0, 3, 25])
def test_service_is_asked_for_once_a_threshold(bench: Bench, pace: int) -> None:
    """A host that moves a threshold's worth at each request neither starves nor overruns."""
    threshold = 16
    data = random.Random(pace).randbytes(1000)
    bench.write(store.FIFO_THRESHOLD, threshold)
    bench.write(store.FIFO_PACE, pace)
    for operation in (Operation.FIFO_WRITE, Operation.FIFO_READ):
        bench.start(operation, 8, len(data))
        queue, taken = dwords(data), list[int]()
        requests = 0
        while not bench.read(store.INTERRUPT_CAUSE) & DONE:
            assert bench.target.now() < 200_000
            if not bench.read(store.INTERRUPT_CAUSE) & SERVICE:
                continue
            bench.write(store.INTERRUPT_CAUSE, SERVICE)
            requests += 1
            for _ in range(threshold):
                if operation == Operation.FIFO_READ and len(taken) < len(dwords(data)):
                    taken.append(bench.target.read_io(DATA))
                elif operation == Operation.FIFO_WRITE and queue:
                    bench.target.write_io(DATA, queue.pop(0))
        assert bench.finish() == (DONE, 0, len(data))
        assert bench.read(store.FIFO_OVERRUNS) == 0
        assert requests == (250 + threshold - 1) // threshold
        if operation == Operation.FIFO_READ:
            assert taken == dwords(data)
    assert bench.read_buffer(8, 1000) == data


def test_D06_abort_counts_what_arrived(bench: Bench) -> None:
    bench.write(store.FIFO_PACE, 9)
    for moved in (0, 1, 5):
        bench.start(Operation.FIFO_READ, 0, 100)
        bench.target.spend(200)
        for _ in range(moved):
            bench.target.read_io(DATA)
        bench.write(store.CONTROL, store.CONTROL.ABORT)
        assert bench.finish() == (store.INTERRUPT_CAUSE.ABORTED, 0, 4 * moved)
        assert level(bench) == 0
        bench.start(Operation.FIFO_WRITE, 2, 100)
        for value in range(moved):
            bench.target.write_io(DATA, value)
        bench.target.spend(100)
        bench.write(store.CONTROL, store.CONTROL.ABORT)
        outcome = bench.finish()
        assert outcome.cause == store.INTERRUPT_CAUSE.ABORTED
        assert outcome.transferred == max(0, 4 * moved - 2)
        assert level(bench) == 0


def test_the_access_time_passes_first(bench: Bench) -> None:
    bench.write(store.DELAY, 500)
    bench.start(Operation.FIFO_READ, 0, 4)
    begun = bench.target.now()
    while not level(bench):
        pass
    assert 490 < bench.target.now() - begun < 540


def test_a_host_gets_nothing_from_a_fifo_that_a_command_drains(bench: Bench) -> None:
    bench.write(store.FIFO_PACE, 200)
    bench.start(Operation.FIFO_WRITE, 0, 16)
    for value in range(1, 5):
        bench.target.write_io(DATA, value)
    assert bench.target.read_io(DATA) == 0
    assert bench.read(store.FIFO_OVERRUNS) == 1
    assert bench.finish().transferred == 16
    assert dwords(bench.read_buffer(0, 16)) == [1, 2, 3, 4]


def test_a_command_that_ends_while_the_host_reads_leaves_an_empty_fifo(bench: Bench) -> None:
    """The end of a command empties the FIFO, also on the clock between the load of a datum and its transfer."""
    for delay in range(40):
        bench.raise_interrupt(delay)
        bench.target.write_io(DATA, 7)
        assert bench.target.read_io(DATA) in (0, 7)
        bench.target.spend(40)
        assert level(bench) in (0, 1)
        bench.write(store.CONTROL, store.CONTROL.SOFT_RESET)
        assert level(bench) == 0
        bench.target.write_io(DATA, delay)
        assert bench.target.read_io(DATA) == delay


def test_service_ends_with_the_last_datum_whenever_the_first_one_comes(bench: Bench) -> None:
    bench.write(store.FIFO_PACE, 100)
    for delay in range(24):
        bench.write(store.DELAY, delay)
        bench.start(Operation.FIFO_WRITE, 0, 8)
        for value in (1, 2):
            bench.target.write_io(DATA, value)
        bench.target.spend(30)
        assert bench.read(store.STATUS) & store.STATUS.BUSY
        assert not bench.read(store.INTERRUPT_CAUSE) & SERVICE
        assert bench.finish().transferred == 8


@pytest.mark.parametrize("threshold", [DEPTH + 1, 100, 2 * DEPTH, 0xFFFF])
def test_a_threshold_beyond_the_fifo_counts_as_the_whole_fifo(bench: Bench, threshold: int) -> None:
    bench.write(store.FIFO_THRESHOLD, threshold)
    bench.write(store.FIFO_PACE, 0xFFFF)
    bench.start(Operation.FIFO_WRITE, 0, 8 * DEPTH)
    assert bench.read(store.INTERRUPT_CAUSE) & SERVICE
    for value in (1, 2):
        bench.target.write_io(DATA, value)
    # One datum has left the FIFO, which holds the other one.
    assert not bench.read(store.INTERRUPT_CAUSE) & SERVICE
    bench.write(store.CONTROL, store.CONTROL.ABORT)
    bench.finish()


def test_a_write_of_no_byte_pushes_nothing(bench: Bench) -> None:
    bench.target.write_memory(WINDOW, 7, 0)
    assert level(bench) == 0
    assert bench.read(store.FIFO_OVERRUNS) == 0


def test_the_count_of_overruns_stays_at_its_end(bench: Bench) -> None:
    into = memoryview(bytearray(4 * DEPTH))
    for _ in range(0x1_0000 // DEPTH):
        bench.target.read_memory_burst(WINDOW, into)
    assert bench.read(store.FIFO_OVERRUNS) == 0xFFFF


def test_D06_an_abort_of_a_fifo_write_at_any_clock_tells_what_is_in_the_buffer(bench: Bench) -> None:
    """An abort that comes after the last byte has no effect; a state is shown only while the function is busy."""
    ends = set()
    for delay in range(30):
        bench.fill_buffer(0, bytes(24))
        for value in range(5):
            bench.target.write_io(DATA, 0x0101_0101 * (value + 1))
        bench.write(store.DELAY, 20)
        bench.start(Operation.FIFO_WRITE, 1, 18)
        bench.target.spend(delay)
        bench.write(store.CONTROL, store.CONTROL.ABORT)
        status = store.STATUS.unpack(bench.read(store.STATUS))
        assert status.busy or status.state == store.State.IDLE
        outcome = bench.finish()
        ends.add(outcome.cause & (DONE | store.INTERRUPT_CAUSE.ABORTED))
        assert (outcome.transferred == 18) == bool(outcome.cause & DONE)
        held = bench.read_buffer(0, 24)
        data = bytes(value for value in range(1, 6) for _ in range(4))
        assert held == b"\0" + data[: outcome.transferred] + bytes(23 - outcome.transferred)
    assert ends == {DONE, store.INTERRUPT_CAUSE.ABORTED}


def test_a_host_that_writes_the_buffer_meanwhile_loses_nothing(bench: Bench) -> None:
    data, other = random.Random(1).randbytes(4 * DEPTH), random.Random(2).randbytes(4 * DEPTH)
    for dword in dwords(data):
        bench.target.write_io(DATA, dword)
    bench.start(Operation.FIFO_WRITE, 0, len(data))
    bench.fill_buffer(0x1000, other)
    assert bench.finish().transferred == len(data)
    assert bench.read_buffer(0, len(data)) == data
    assert bench.read_buffer(0x1000, len(other)) == other


def test_service_that_is_not_wanted_any_more_counts_as_cleared_and_one_that_is_comes_again(
    bench: Bench,
) -> None:
    """The cause follows its condition: to clear it while the condition holds signals it once more."""
    bench.enable_interrupts(SERVICE, latched=True)
    bench.write(store.FIFO_THRESHOLD, 2)
    bench.start(Operation.FIFO_READ, 0, 64)
    bench.target.wait(200)
    assert bench.fetch() == VECTOR
    bench.end()
    bench.events()
    bench.write(store.INTERRUPT_CAUSE, SERVICE)
    bench.target.spend(20)
    assert bench.fetch() == VECTOR
    bench.end()
    bench.events()
    for _ in range(16):
        bench.target.read_io(DATA)
    cleared = [event.causes for event in bench.events() if event.bits & EventBits.CLEAR]
    assert cleared == [SERVICE]
    assert bench.finish().transferred == 64
