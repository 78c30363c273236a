# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract (`dirql.target.contract`), shown on every target.

Inside a simulator these tests run on the simulated machine; `test_targets_in_simulator.py` starts them there.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest

from dirql.registers import pci_configuration, store_io
from dirql.registers.protocol import Vector
from dirql.target.contract import (
    BusError,
    BusFault,
    BusStatus,
    Capability,
    EventBits,
    MasterAbort,
    ParityError,
    Target,
    TargetAbort,
    TargetClosed,
    TransactionTimeout,
    Wake,
)
from machine.target_bench import (
    INPUT,
    KINDS_HERE,
    Bench,
    open_kind,
)

SETTLE = 40
"""Clocks after which a requested interrupt is presented and a record has left the machine."""


@pytest.fixture(params=KINDS_HERE)
def open_this(request: pytest.FixtureRequest) -> Callable[[], Bench]:
    """Opens one more machine of the kind that the test runs on."""
    return partial(open_kind, request.param, request.config.getoption("dirql_machine"))


@pytest.fixture
def bench(open_this: Callable[[], Bench]) -> Iterator[Bench]:
    opened = open_this()
    yield opened
    opened.target.close()


@pytest.fixture
def simple(bench: Bench) -> Bench:
    """The bench, if its machine is soon through long transfers: for tests of how the host cuts what it asks for."""
    if bench.bridges_above:
        pytest.skip("64 KiB take seconds through bridges, and that they are many is all that this test needs")
    return bench


@pytest.fixture
def target(bench: Bench) -> Target:
    return bench.target


@pytest.fixture
def faulty(bench: Bench) -> Bench:
    """The bench, if faults can be injected into its machine."""
    if Capability.FAULT_INJECTION not in bench.target.capabilities:
        pytest.skip(f"faults cannot be injected into the machine {bench.machine.name}")
    return bench


def is_exact(target: Target) -> bool:
    """Whether clocks pass only if host code asks for them; on a board they pass all the time."""
    return Capability.DETERMINISTIC in target.capabilities


@pytest.fixture
def exact(bench: Bench) -> Bench:
    """The bench, if its clocks can be told in advance."""
    if not is_exact(bench.target):
        pytest.skip(f"clocks pass by themselves on the target {bench.target.name}")
    return bench


# Transactions.


@pytest.mark.parametrize("byte_enables", range(16))
def test_a_memory_write_changes_the_enabled_bytes_only(bench: Bench, byte_enables: int) -> None:
    target = bench.target
    target.write_memory(bench.ram + 8, 0x11223344)
    target.write_memory(bench.ram + 8, 0xAABBCCDD, byte_enables)
    mask = sum(0xFF << 8 * lane for lane in range(4) if byte_enables >> lane & 1)
    assert target.read_memory(bench.ram + 8) == 0x11223344 & ~mask | 0xAABBCCDD & mask


@pytest.mark.parametrize("byte_enables", [1, 2, 4, 8, 3, 6, 12, 15])
def test_a_memory_read_returns_the_enabled_bytes_in_their_lanes(bench: Bench, byte_enables: int) -> None:
    bench.target.write_memory(bench.ram, 0x8899AABB)
    mask = sum(0xFF << 8 * lane for lane in range(4) if byte_enables >> lane & 1)
    assert bench.target.read_memory(bench.ram, byte_enables) & mask == 0x8899AABB & mask


@pytest.mark.parametrize("dwords", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 65, 257, 1024])
def test_bursts_move_all_of_their_data(bench: Bench, dwords: int) -> None:
    target = bench.target
    data = bytes(i * 7 + dwords & 0xFF for i in range(4 * dwords))
    guarded = bytearray(b"\xee" * (4 * dwords + 8))
    target.write_memory_burst(bench.ram, memoryview(data))
    target.read_memory_burst(bench.ram, memoryview(guarded)[4:-4])
    assert guarded == b"\xee" * 4 + data + b"\xee" * 4
    assert target.read_memory(bench.ram + 4 * dwords - 4) == int.from_bytes(data[-4:], "little")


def test_a_burst_longer_than_one_request_holds_is_cut(simple: Bench) -> None:
    bench = simple
    buffer = bytearray(4 * 16384 + 8)
    if bench.script is not None or bench.buffer_bytes < 4 * 16384:
        pytest.skip("the machine has no such memory")
    bench.target.read_memory_burst(bench.ram, memoryview(buffer)[: 4 * 16384])
    with pytest.raises(MasterAbort) as caught:
        bench.target.read_memory_burst(bench.absent, memoryview(buffer))
    assert caught.value.completed == 0


def test_an_empty_burst_moves_nothing_and_costs_nothing(bench: Bench) -> None:
    before = bench.target.now()
    bench.target.read_memory_burst(bench.ram, memoryview(bytearray()))
    bench.target.write_memory_burst(bench.ram, memoryview(b""))
    assert bench.target.read_io_string(bench.fifo, memoryview(bytearray())) == 0
    assert bench.target.write_io_string(bench.fifo, memoryview(b"")) == 0
    assert bench.script is not None or not is_exact(bench.target) or bench.target.now() == before


def test_io_ports_keep_order(bench: Bench) -> None:
    target = bench.target
    bench.fill(2)
    target.write_io(bench.fifo, 0x01020304)
    target.write_io(bench.fifo, 0x05060708)
    bench.drain(2)
    assert [target.read_io(bench.fifo) for _ in range(2)] == [0x01020304, 0x05060708]


@pytest.mark.parametrize("byte_enables", [0b0001, 0b0010, 0b0100, 0b1000, 0b0011, 0b1100])
def test_io_reads_name_their_lowest_byte(bench: Bench, byte_enables: int) -> None:
    lowest = (byte_enables & -byte_enables).bit_length() - 1
    status = bench.ports + store_io.FIFO_STATUS.offset
    mask = sum(0xFF << 8 * lane for lane in range(4) if byte_enables >> lane & 1)
    assert bench.target.read_io(status + lowest, byte_enables) & mask == bench.target.read_io(status) & mask


@pytest.mark.parametrize("dwords", [1, 2, 3, 16, 61])
def test_io_strings_move_each_dword_through_one_port(bench: Bench, dwords: int) -> None:
    data = bytes(i * 5 & 0xFF for i in range(4 * dwords))
    back = bytearray(4 * dwords)
    bench.fill(dwords)
    assert bench.target.write_io_string(bench.fifo, memoryview(data)) == dwords
    bench.drain(dwords)
    assert bench.target.read_io_string(bench.fifo, memoryview(back)) == dwords
    assert back == data


def test_an_io_string_stops_when_attention_rises_and_only_then(exact: Bench) -> None:
    bench, target = exact, exact.target
    words = memoryview(bytearray(4 * 100))
    status = bench.ports + store_io.FIFO_STATUS.offset
    bench.enable(0xFFFF)
    number = bench.request_after(200)
    moved = target.read_io_string(status, words)
    assert 0 < moved < 100
    assert target.attention
    assert target.interrupt_request() == number
    assert target.read_io_string(status, words) == 100


def test_an_io_string_stops_at_the_deadline(bench: Bench) -> None:
    target = bench.target
    target.set_deadline(target.now() + 100)
    moved = target.write_io_string(bench.ports + store_io.FIFO_STATUS.offset, memoryview(bytes(400)))
    assert 0 < moved < 100 or not is_exact(target)
    assert target.attention


def test_configuration_space(bench: Bench) -> None:
    target = bench.target
    assert target.read_configuration(bench.function) == bench.identity
    line = bench.function + pci_configuration.INTERRUPT_LINE.offset
    target.write_configuration(line, 0x1111_1142, 0b0001)
    assert target.read_configuration(line) & 0xFF == 0x42
    target.write_configuration(line, 0x77, 0b1110)
    assert target.read_configuration(line, 0b0001) & 0xFF == 0x42


# Errors.


@pytest.mark.parametrize(
    "access",
    [
        lambda bench: bench.target.read_memory(bench.absent),
        lambda bench: bench.target.write_memory(bench.absent, 1),
        lambda bench: bench.target.read_io(bench.absent_port),
        lambda bench: bench.target.write_io(bench.absent_port, 1),
        lambda bench: bench.target.read_configuration(bench.absent_function),
        lambda bench: bench.target.write_configuration(bench.absent_function, 1),
        lambda bench: bench.target.read_memory_burst(bench.absent, memoryview(bytearray(64))),
        lambda bench: bench.target.write_memory_burst(bench.absent, memoryview(bytes(64))),
        lambda bench: bench.target.read_io_string(bench.absent_port, memoryview(bytearray(64))),
        lambda bench: bench.target.write_io_string(bench.absent_port, memoryview(bytes(64))),
    ],
)
def test_an_address_that_nobody_claims_is_a_master_abort(
    bench: Bench, access: Callable[[Bench], object]
) -> None:
    with pytest.raises(MasterAbort, match="no device claimed the address"):
        bench.settle(lambda _target: access(bench))
    bench.target.write_memory(bench.ram, 0x5A5A)
    assert bench.target.read_memory(bench.ram) == 0x5A5A, "the machine works on after an error"


STATUSES = {
    BusStatus.MASTER_ABORT: MasterAbort,
    BusStatus.TARGET_ABORT: TargetAbort,
    BusStatus.PARITY: ParityError,
    BusStatus.TIMEOUT: TransactionTimeout,
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("count", [1, 3])
def test_a_fault_hits_as_many_accesses_to_its_address_as_it_says(
    faulty: Bench, status: BusStatus, count: int
) -> None:
    bench, target = faulty, faulty.target
    target.write_memory(bench.ram + 4, 0xCAFE)
    target.inject_bus_fault(BusFault(bench.ram + 4, status, count))
    target.write_memory(bench.ram, 0xBEEF)
    for _ in range(count):
        with pytest.raises(STATUSES[status]) as caught:
            bench.settle(lambda target: target.write_memory(bench.ram + 4, 0xDEAD))
        assert caught.value.address == bench.ram + 4
        assert caught.value.status is status
    assert target.read_memory(bench.ram + 4) == 0xCAFE, "what was hit did not reach the device"


def test_a_second_fault_replaces_the_first(faulty: Bench) -> None:
    bench, target = faulty, faulty.target
    target.inject_bus_fault(BusFault(bench.ram, BusStatus.TARGET_ABORT))
    target.inject_bus_fault(BusFault(bench.ram + 4, BusStatus.PARITY))
    target.read_memory(bench.ram)
    with pytest.raises(ParityError):
        target.read_memory(bench.ram + 4)


# Interrupts.


def test_an_interrupt_from_request_to_end(bench: Bench) -> None:
    target = bench.target
    bench.enable(1 << INPUT)
    assert not target.attention
    assert target.interrupt_request() is None
    bench.request()
    assert target.wait(SETTLE) is Wake.INTERRUPT
    assert target.attention
    assert target.interrupt_request() == INPUT
    assert target.interrupt_acknowledge() == bench.machine.controller.vector(INPUT)
    assert target.wait(SETTLE) is None
    assert not target.attention
    assert target.interrupt_request() is None
    bench.request()
    assert target.wait(SETTLE) is None, "an input in service holds back its like"
    bench.end()
    assert target.wait(SETTLE) is Wake.INTERRUPT


def test_a_fetch_with_nothing_presented_is_spurious(target: Target) -> None:
    assert target.interrupt_acknowledge() == Vector.SPURIOUS


def test_attention_is_seen_after_any_access(bench: Bench) -> None:
    target = bench.target
    bench.enable(1 << INPUT)
    bench.request()
    for _ in range(5):
        target.read_memory(bench.ram)
    assert target.attention
    target.write_memory(bench.ram, 0)
    assert target.attention
    target.read_configuration(bench.function)
    assert target.attention


def test_held_interrupts_come_later(faulty: Bench) -> None:
    bench, target = faulty, faulty.target
    bench.enable(1 << INPUT)
    target.hold_interrupt(500)
    start = target.now()
    bench.request()
    if is_exact(target):
        assert target.wait(300) is None
        assert target.interrupt_request() is None
    assert target.wait(target.frequency) is Wake.INTERRUPT
    assert 490 <= target.now() - start <= 510 or not is_exact(target)


def test_a_wait_ends_on_the_clock_of_the_interrupt(bench: Bench) -> None:
    target = bench.target
    bench.enable(0xFFFF)
    number = bench.request_after(1000)
    start = target.now()
    assert target.wait() is Wake.INTERRUPT
    # The command that starts the store's clock is a posted write to each bridge that it passes.
    latest = 1010 + 10 * bench.bridges_above
    assert 990 <= target.now() - start <= latest or not is_exact(target)
    assert target.interrupt_request() == number


# Time.


def test_no_clock_passes_unless_asked_for(exact: Bench) -> None:
    target, bench = exact.target, exact
    target.read_memory(bench.ram)
    assert [target.now() for _ in range(3)] == [target.now()] * 3
    assert target.wait(0) is None
    before = target.now()
    target.take_event_records()
    target.set_deadline(None)
    target.interrupt_request()
    assert target.now() == before


def test_spent_clocks_pass_before_the_next_operation(exact: Bench) -> None:
    target, bench = exact.target, exact
    target.read_memory(bench.ram)
    start = target.now()
    target.read_memory(bench.ram)
    cost = target.now() - start
    target.spend(123)
    target.spend(0)
    target.spend(77)
    assert target.now() == start + cost + 200
    target.read_memory(bench.ram)
    assert target.now() == start + 2 * cost + 200


def test_equal_accesses_take_equal_clocks(exact: Bench) -> None:
    target, bench = exact.target, exact
    costs = set()
    for _ in range(10):
        start = target.now()
        target.read_memory(bench.ram)
        costs.add(target.now() - start)
    assert len(costs) == 1


def test_a_wait_ends_at_its_limit(target: Target) -> None:
    start = target.now()
    assert target.wait(1234) is None
    assert target.now() == start + 1234 or not is_exact(target)
    assert target.now() >= start + 1234
    target.spend(10)
    assert target.wait(5) is None
    assert target.now() == start + 1249 or not is_exact(target)


def test_the_clock_never_goes_back(bench: Bench) -> None:
    target = bench.target
    clocks = []
    for _ in range(20):
        target.spend(1000)
        clocks.append(target.now())
        target.read_memory(bench.ram)
        clocks.append(target.now())
        target.wait(0)
        clocks.append(target.now())
    assert clocks == sorted(clocks)


def test_a_wait_longer_than_python_may_be_kept_from_its_signals(target: Target) -> None:
    start = target.now()
    assert target.wait(600_000) is None
    assert target.now() == start + 600_000 or not is_exact(target)
    assert target.now() >= start + 600_000


def test_a_wait_ends_at_the_deadline(target: Target) -> None:
    deadline = target.now() + 300
    target.set_deadline(deadline)
    assert not target.attention
    assert target.wait() is Wake.DEADLINE
    assert target.now() >= deadline
    assert target.attention
    assert target.wait(100) is Wake.DEADLINE
    assert target.now() == deadline or not is_exact(target)
    target.set_deadline(None)
    assert not target.attention
    assert target.wait(10) is None


def test_a_deadline_asks_for_attention_after_an_access(bench: Bench) -> None:
    target = bench.target
    target.set_deadline(target.now() + 20)
    for _ in range(5):
        target.read_memory(bench.ram)
    assert target.attention
    assert target.interrupt_request() is None


def test_a_deadline_in_the_past_asks_at_once(target: Target) -> None:
    target.wait(50)
    target.set_deadline(10)
    assert target.attention
    assert target.wait() is Wake.DEADLINE


def test_an_interrupt_comes_before_a_deadline(bench: Bench) -> None:
    target = bench.target
    bench.enable(1 << INPUT)
    bench.request()
    target.wait(SETTLE)
    target.set_deadline(0)
    assert target.wait() is Wake.INTERRUPT


# Timestamps.


def test_marks_are_recorded_in_order_on_their_clocks(bench: Bench) -> None:
    target = bench.target
    target.take_event_records()
    start = target.now()
    target.mark(0xFFFF_FFFF)
    assert target.now() == start + 1 or not is_exact(target)
    target.spend(9)
    target.mark(2)
    assert target.now() == start + 11 or not is_exact(target)
    target.read_memory(bench.ram)
    target.mark(3)
    target.wait(SETTLE)
    marks = [event for event in target.take_event_records() if event.bits & EventBits.MARK]
    assert [event.mark for event in marks] == [0xFFFF_FFFF, 2, 3]
    assert marks[1].clock - marks[0].clock == 10 or not is_exact(target)
    assert marks == sorted(marks)
    assert target.take_event_records() == []


def test_more_marks_than_can_wait(target: Target) -> None:
    target.take_event_records()
    for payload in range(200):
        target.mark(payload)
        target.spend(3)
    target.wait(SETTLE)
    marks = [event for event in target.take_event_records() if event.bits & EventBits.MARK]
    assert [event.mark for event in marks] == list(range(200))
    assert {b.clock - a.clock for a, b in pairwise(marks)} == {4} or not is_exact(target)


def test_an_interrupt_leaves_its_records(bench: Bench) -> None:
    target = bench.target
    target.take_event_records()
    bench.enable(1 << INPUT)
    bench.request()
    target.wait(SETTLE)
    vector = target.interrupt_acknowledge()
    bench.end()
    target.interrupt_acknowledge()
    target.wait(SETTLE)
    events = target.take_event_records()
    assert [event.clock for event in events] == sorted(event.clock for event in events)
    fetches = [event for event in events if event.bits & EventBits.VECTOR_FETCH]
    ends = [event for event in events if event.bits & EventBits.EOI]
    assert [event.vector for event in fetches] == [vector, Vector.SPURIOUS]
    assert [bool(event.bits & EventBits.SPURIOUS_FETCH) for event in fetches] == [False, True]
    assert [event.vector for event in ends] == [INPUT]
    assert target.event_records_dropped() == 0


# Memory.


def test_memory_is_the_hosts_and_is_zero_at_first(target: Target) -> None:
    assert target.memory.nbytes == target.description.host_memory.size
    assert not target.memory.readonly
    assert target.memory[:4096] == bytes(4096)
    assert target.memory[-4096:] == bytes(4096)


def test_the_file_of_the_memory_is_the_memory_that_devices_reach(bench: Bench) -> None:
    target = bench.target
    if target.memory_file is None:
        pytest.skip("this target's memory is in no file")
    fd, offset = target.memory_file
    size = target.memory.nbytes
    assert offset % mmap.PAGESIZE == 0
    with mmap.mmap(fd, size, offset=offset) as mapping:
        mapping[0x1000:0x1100] = bytes(range(256))
        bench.copy_by_device(0x1000, 0x5000, 256)
        assert mapping[0x5000:0x5100] == target.memory[0x5000:0x5100] == bytes(range(256))
        target.memory[size - 4 :] = b"last"
        assert mapping[size - 4 :] == b"last"


# Life.


def test_reset_is_a_new_power_on(bench: Bench) -> None:
    target = bench.target
    bench.enable(1 << INPUT)
    bench.request()
    if Capability.FAULT_INJECTION in target.capabilities:
        target.inject_bus_fault(BusFault(bench.ram, BusStatus.PARITY, 100))
    target.memory[100:104] = b"kept"
    target.wait(SETTLE)
    target.set_deadline(0)
    target.mark(1)
    target.spend(5)
    target.reset()
    assert target.now() == 0
    assert not target.attention
    assert target.interrupt_request() is None
    assert target.take_event_records() == []
    assert target.memory[100:104] == b"kept"
    assert target.wait(SETTLE) is None
    assert not [event for event in target.take_event_records() if event.bits & EventBits.MARK]
    if bench.script is None:
        with pytest.raises(MasterAbort):
            target.read_memory(bench.ram)


CLOSED: list[Callable[[Bench], object]] = [
    lambda b: b.target.read_memory(b.ram),
    lambda b: b.target.write_memory(b.ram, 0),
    lambda b: b.target.read_io(b.ports),
    lambda b: b.target.write_io(b.ports, 0),
    lambda b: b.target.read_memory_burst(b.ram, memoryview(bytearray(8))),
    lambda b: b.target.write_memory_burst(b.ram, memoryview(bytes(8))),
    lambda b: b.target.read_io_string(b.fifo, memoryview(bytearray(8))),
    lambda b: b.target.write_io_string(b.fifo, memoryview(bytes(8))),
    lambda b: b.target.read_configuration(b.function),
    lambda b: b.target.write_configuration(b.function, 0),
    lambda b: b.target.interrupt_request(),
    lambda b: b.target.interrupt_acknowledge(),
    lambda b: b.target.now(),
    lambda b: b.target.spend(1),
    lambda b: b.target.set_deadline(None),
    lambda b: b.target.wait(1),
    lambda b: b.target.mark(1),
    lambda b: b.target.take_event_records(),
    lambda b: b.target.event_records_dropped(),
    lambda b: b.target.inject_bus_fault(BusFault(0, BusStatus.PARITY)),
    lambda b: b.target.hold_interrupt(1),
    lambda b: b.target.reset(),
]


def test_after_close_nothing_can_be_done(bench: Bench) -> None:
    memory = bench.target.memory
    bench.target.close()
    bench.target.close()
    for use in CLOSED:
        with pytest.raises(TargetClosed, match="this one had been closed"):
            use(bench)
    assert not bench.target.attention
    assert memory[0] == 0, "a view of the memory may outlive the machine"


def test_one_machine_after_another_is_as_new(bench: Bench, open_this: Callable[[], Bench]) -> None:
    costs = set()
    for _ in range(5):
        bench.target.write_memory(bench.ram, 1)
        bench.target.memory[0:4] = b"dirt"
        costs.add(bench.target.now())
        bench.target.close()
        bench = open_this()
        assert bench.target.memory[0:4] == bytes(4)
        assert not bench.target.attention
    bench.target.close()
    assert len(costs) == 1 or not is_exact(bench.target)


def test_capabilities_are_told(bench: Bench) -> None:
    assert Capability.CYCLE_EXACT not in bench.target.capabilities or is_exact(bench.target)
    assert (Capability.FAULT_INJECTION in bench.target.capabilities) == bench.machine.savings.faults
    assert bench.target.frequency > 0
    assert issubclass(MasterAbort, BusError)
