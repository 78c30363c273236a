# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.hal import ports
from dirql.ke.threads import dispatcher
from dirql.nt.constants import PAGE_SIZE
from dirql.target.contract import BusError, BusFault, BusStatus
from fakes.scripted_target import Space
from unit.hal.conftest import PORTS, Machine

READ: dict[int, Callable[[int], int]] = {
    1: ports.read_port_uchar,
    2: ports.read_port_ushort,
    4: ports.read_port_ulong,
}
WRITE: dict[int, Callable[[int, int], None]] = {
    1: ports.write_port_uchar,
    2: ports.write_port_ushort,
    4: ports.write_port_ulong,
}
READ_BUFFER: dict[int, Callable[[int, int, int], None]] = {
    1: ports.read_port_buffer_uchar,
    2: ports.read_port_buffer_ushort,
    4: ports.read_port_buffer_ulong,
}
WRITE_BUFFER: dict[int, Callable[[int, int, int], None]] = {
    1: ports.write_port_buffer_uchar,
    2: ports.write_port_buffer_ushort,
    4: ports.write_port_buffer_ulong,
}
SIZES = [1, 2, 4]


class Fifo:
    """A register that gives the dwords that were put into it, in order; it may ask for attention every few accesses."""

    def __init__(self, machine: Machine, every: int = 0) -> None:
        self.queue: list[int] = []
        self.enables: list[int] = []
        self.machine = machine
        self.every = every
        self.accesses = 0
        machine.target.map(Space.IO, PORTS, 4, self)

    def read(self, _offset: int, byte_enables: int) -> int:
        self._count(byte_enables)
        return self.queue.pop(0)

    def write(self, _offset: int, value: int, byte_enables: int) -> None:
        self._count(byte_enables)
        self.queue.append(value)

    def _count(self, byte_enables: int) -> None:
        self.enables.append(byte_enables)
        self.accesses += 1
        if self.every and self.accesses % self.every == 0:
            self.machine.target.set_deadline(self.machine.target.now())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(SIZES), st.integers(0, 63), st.integers(0, 1 << 32)), max_size=20))
def test_accesses_agree_with_bytes(machine: Machine, accesses: list[tuple[int, int, int]]) -> None:
    naive = bytearray(b"".join(dword.to_bytes(4, "little") for dword in machine.ports.dwords[:16]))
    for size, place, value in accesses:
        place -= place % size
        WRITE[size](PORTS + place, value)
        naive[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
        assert READ[size](PORTS + place) == int.from_bytes(naive[place : place + size], "little")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("offset", [0, 4090, 4093])
def test_buffers_go_through_one_port(machine: Machine, size: int, offset: int) -> None:
    fifo = Fifo(machine)
    data = bytes(range(1, 1 + 12 * size))
    buffer = machine.memory_manager.process.allocate(2 * PAGE_SIZE, offset=offset, guard=8)
    buffer.write(data)
    WRITE_BUFFER[size](PORTS, buffer.address, 12)
    assert fifo.enables == [(1 << size) - 1] * 12
    assert b"".join(value.to_bytes(4, "little")[:size] for value in fifo.queue) == data
    buffer.write(bytes(len(data) + 1))
    READ_BUFFER[size](PORTS, buffer.address, 12)
    assert buffer.read(len(data) + 1) == data + b"\0"
    buffer.free()


@pytest.mark.parametrize("every", [1, 3, 5])
def test_a_string_goes_on_after_each_preemption(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    fifo = Fifo(machine, every)
    preempted: list[int] = []

    def preempt() -> None:
        preempted.append(fifo.accesses)
        machine.target.set_deadline(None)

    monkeypatch.setattr(dispatcher, "preempt", preempt)
    buffer = machine.memory_manager.process.allocate(64)
    buffer.write(bytes(range(64)))
    ports.write_port_buffer_ulong(PORTS, buffer.address, 16)
    assert b"".join(value.to_bytes(4, "little") for value in fifo.queue) == bytes(range(64))
    buffer.write(bytes(64))
    ports.read_port_buffer_ulong(PORTS, buffer.address, 16)
    assert buffer.read() == bytes(range(64))
    assert preempted == list(range(every, 33, every))


@pytest.mark.parametrize("size", SIZES)
def test_a_bus_error_reads_ones_drops_writes_and_is_reported(machine: Machine, size: int) -> None:
    seen: list[BusError] = []
    machine.hal.bus_error = seen.append
    machine.target.inject_bus_fault(BusFault(PORTS, BusStatus.MASTER_ABORT, 2))
    WRITE[size](PORTS, 0x55)
    assert READ[size](PORTS) == (1 << 8 * size) - 1
    assert len(seen) == 2
    assert machine.ports.dwords[0] == 0


def test_a_bus_error_in_a_string_costs_its_own_dword_only(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that moves two dwords, fails on the third and then goes on."""
    calls: list[int] = []

    def read(_address: int, into: memoryview) -> int:
        calls.append(len(into) // 4)
        if len(calls) == 1:
            into[:8] = b"datadata"
            raise BusFailure
        into[:] = b"d" * len(into)
        return len(into) // 4

    class BusFailure(BusError):
        status = BusStatus.TARGET_ABORT
        meaning = "a target abort"

        def __init__(self) -> None:
            super().__init__("I/O read", PORTS, 2)

    monkeypatch.setattr(machine.target, "read_io_string", read)
    monkeypatch.setattr(machine.target, "write_io_string", read)
    buffer = machine.memory_manager.process.allocate(20)
    ports.read_port_buffer_ulong(PORTS, buffer.address, 5)
    assert buffer.read() == b"datadata\xff\xff\xff\xffdddddddd"
    assert calls == [5, 2]
    calls.clear()
    ports.write_port_buffer_ulong(PORTS, buffer.address, 5)
    assert calls == [5, 2]


@pytest.mark.parametrize(("size", "port"), [(2, PORTS + 1), (4, PORTS + 2), (1, 0x1_0000), (1, -1)])
def test_ports_are_aligned_and_in_range(machine: Machine, size: int, port: int) -> None:
    with pytest.raises(ValueError, match="Port must be"):
        READ[size](port)
