# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The event stream and the bus counters."""

from __future__ import annotations

import itertools

from dirql.registers import store, timestamp
from dirql.target.contract import EventBits
from dirql.trace.reconstruct import Linker
from fakes.default_machine import MACHINE, STORE, TIMESTAMP
from hdl.machine_bench import CONTROLLER, INPUT, REGISTERS, VECTOR, Bench

RAISED = store.INTERRUPT_CAUSE.RAISED


def read(bench: Bench, offset: int) -> int:
    return bench.target.read_memory(TIMESTAMP + offset)


def test_one_interrupt_leaves_its_whole_trail(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.events()
    bench.raise_interrupt(40)
    bench.target.wait(200)
    bench.fetch()
    bench.read(store.INTERRUPT_CAUSE)
    bench.read(store.STATUS)
    bench.write(store.INTERRUPT_CAUSE, RAISED)
    bench.end()
    bench.target.mark(0xCAFE_F00D)
    events = bench.events()
    order = [EventBits(event.bits) for event in events]
    assert order == [
        EventBits.CAUSE,
        EventBits.ASSERT,
        EventBits.VECTOR_FETCH,
        EventBits.FIRST_REGISTER_READ,
        EventBits.CLEAR,
        EventBits.DEASSERT,
        EventBits.EOI,
        EventBits.MARK,
    ]
    clocks = [event.clock for event in events]
    assert clocks == sorted(clocks)
    assert clocks[1] - clocks[0] == 1
    assert clocks[5] - clocks[4] == 1
    by_bit = dict(zip(order, events, strict=True))
    assert by_bit[EventBits.VECTOR_FETCH].vector == VECTOR
    assert by_bit[EventBits.EOI].vector == INPUT
    assert by_bit[EventBits.MARK].mark == 0xCAFE_F00D
    assert by_bit[EventBits.CAUSE].function == STORE.index
    assert by_bit[EventBits.FIRST_REGISTER_READ].function == STORE.index


def test_causes_that_a_reset_of_the_function_takes_away_are_cleared(bench: Bench) -> None:
    """A cause from before a reset is not served by a clear from after it, and is not pending for ever."""
    bench.enable_interrupts(RAISED | store.INTERRUPT_CAUSE.ERROR)
    bench.events()
    bench.raise_interrupt(delay=10)
    bench.write(store.COMMAND, store.Operation.NONE)  # while the command before is busy: an error
    bench.target.spend(20)
    bench.write(store.CONTROL, store.CONTROL.SOFT_RESET)
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.spend(20)
    bench.write(store.INTERRUPT_CAUSE, RAISED)
    events = bench.events()
    cleared = [(event.bits, event.causes) for event in events if event.bits & EventBits.CLEAR]
    assert cleared == [
        (EventBits.CLEAR | EventBits.DEASSERT, RAISED | store.INTERRUPT_CAUSE.ERROR),
        (EventBits.CLEAR, RAISED),
    ]
    linker = Linker(MACHINE, [])
    linker.feed(events)
    before, other, after = linker.records.causes
    assert before.clear == before.deassert == other.clear
    assert before.clear is not None
    assert after.clear is not None
    assert after.clear > after.clock > before.clear


def test_a_read_of_no_byte_is_no_register_read(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.raise_interrupt()
    bench.target.wait(200)
    bench.fetch()
    bench.events()
    bench.target.read_memory(REGISTERS, 0)
    assert bench.events() == []
    bench.read(store.ID)
    assert [event.bits for event in bench.events()] == [EventBits.FIRST_REGISTER_READ]


def test_a_fetch_is_stamped_with_the_clock_on_which_it_moved(bench: Bench) -> None:
    bench.events()
    begun = bench.target.now()
    bench.fetch()
    ended = bench.target.now()
    (event,) = bench.events()
    assert event.bits == EventBits.VECTOR_FETCH | EventBits.SPURIOUS_FETCH
    assert begun < event.clock < ended


def test_marks_carry_the_clock_of_their_command(bench: Bench) -> None:
    bench.events()
    clocks = []
    for payload in (1, 2, 0xFFFF_FFFF):
        bench.target.spend(17)
        bench.target.mark(payload)
        clocks.append(bench.target.now())
    events = bench.events()
    assert [event.mark for event in events] == [1, 2, 0xFFFF_FFFF]
    assert [b.clock - a.clock for a, b in itertools.pairwise(events)] == [18, 18]
    assert [clock - event.clock for clock, event in zip(clocks, events, strict=True)] == [1, 1, 1]


def test_the_counter_is_the_machines_clock_and_reads_as_a_whole(bench: Bench) -> None:
    before = bench.target.now()
    low = read(bench, timestamp.COUNTER_LO.offset)
    high = read(bench, timestamp.COUNTER_HI.offset)
    assert before < low < bench.target.now()
    assert high == 0
    assert read(bench, timestamp.CLOCK_KHZ.offset) == MACHINE.khz


def test_dma_drained_ends_each_burst_of_writes(bench: Bench) -> None:
    bench.place_list([(0x20_0000, 1024)])
    bench.events()
    bench.start(store.Operation.DMA_READ, 0, 1024)
    bench.finish()
    drained = [event for event in bench.events() if event.bits & EventBits.DMA_DRAINED]
    assert len(drained) == 4


def test_bus_counters_account_for_every_clock(bench: Bench) -> None:
    bench.target.write_memory(TIMESTAMP + timestamp.CONTROL.offset, 1)
    begun = bench.target.now()
    for _ in range(10):
        bench.target.read_memory(REGISTERS)
    bench.target.spend(100)
    idle = read(bench, timestamp.IDLE_CLOCKS.offset)
    first = bench.target.now()
    assert 100 <= idle <= first - begun
    counts = {
        register: read(bench, register.offset)
        for register in (
            timestamp.ADDRESS_CLOCKS,
            timestamp.DATA_CLOCKS,
            timestamp.WAIT_CLOCKS,
            timestamp.RETRY_CLOCKS,
            timestamp.TRANSACTIONS,
        )
    }
    assert counts[timestamp.RETRY_CLOCKS] == 0
    assert counts[timestamp.TRANSACTIONS] == 10 + 5 + 1
    assert counts[timestamp.ADDRESS_CLOCKS] == 10 + 2
    assert counts[timestamp.DATA_CLOCKS] == 10 + 2
    assert read(bench, timestamp.EVENT_DROPS.offset) == 0


def test_a_fetch_that_finds_nothing_and_a_read_of_the_buffer_make_no_register_read(bench: Bench) -> None:
    bench.enable_interrupts(RAISED)
    bench.fetch()
    bench.read(store.ID)
    assert not any(event.bits & EventBits.FIRST_REGISTER_READ for event in bench.events())
    bench.raise_interrupt()
    bench.target.wait(100)
    bench.fetch()
    bench.read_buffer(0, 8)
    assert not any(event.bits & EventBits.FIRST_REGISTER_READ for event in bench.events())
    bench.read(store.ID)
    assert [event.bits for event in bench.events()] == [EventBits.FIRST_REGISTER_READ]


def test_a_disconnect_counts_its_datum_and_one_clock_of_retry(bench: Bench) -> None:
    """A burst over registers that take one datum a transaction: the clock after each of them but the last has STOP."""
    bench.target.write_memory(TIMESTAMP + timestamp.CONTROL.offset, 1)
    bench.target.read_memory_burst(CONTROLLER, memoryview(bytearray(4 * 4)))
    assert read(bench, timestamp.RETRY_CLOCKS.offset) == 3
    assert read(bench, timestamp.DATA_CLOCKS.offset) == 4 + 1
