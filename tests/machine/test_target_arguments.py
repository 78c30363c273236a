# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Arguments that a target cannot carry are refused on every target, and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql.target.contract import BusFault, BusStatus
from machine.target_bench import KINDS_HERE, Bench, open_kind


@pytest.fixture(params=KINDS_HERE)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    opened = open_kind(request.param, request.config.getoption("dirql_machine"))
    yield opened
    opened.target.close()


@pytest.mark.parametrize(
    ("access", "message"),
    [
        (lambda b: b.target.read_memory(b.ram + 1), "must be dword aligned; it was 0x80100001"),
        (lambda b: b.target.write_memory(b.ram + 2, 0), "must be dword aligned"),
        (lambda b: b.target.read_configuration(b.function + 3), "must be dword aligned"),
        (lambda b: b.target.read_memory(1 << 32), "the address must be an unsigned 32-bit integer"),
        (lambda b: b.target.read_memory(-4), "the address must be an unsigned 32-bit integer; it was -0x4"),
        (lambda b: b.target.read_memory(b.ram, 16), "byte enables must be 0 to 0xF"),
        (lambda b: b.target.read_memory(b.ram, -1), "byte enables must be 0 to 0xF"),
        (
            lambda b: b.target.write_memory(b.ram, 1 << 32),
            "the value must be an unsigned 32-bit integer; it was 0x1",
        ),
        (lambda b: b.target.write_memory(b.ram, -1), "the value must be an unsigned 32-bit integer"),
        (lambda b: b.target.write_io(b.ports, 0, 0b0010), "must be the number of the lowest enabled byte"),
        (lambda b: b.target.read_io(b.ports + 1), "must be the number of the lowest enabled byte"),
        (
            lambda b: b.target.read_memory_burst(b.ram, memoryview(bytearray(6))),
            "must be a multiple of 4 bytes; it was 6",
        ),
        (lambda b: b.target.write_memory_burst(b.ram + 1, memoryview(bytes(8))), "must be dword aligned"),
        (
            lambda b: b.target.read_memory_burst(0xFFFF_FFF8, memoryview(bytearray(16))),
            "must end at or below address 0xffffffff; it had 16 bytes from 0xfffffff8",
        ),
        (lambda b: b.target.write_io_string(b.fifo, memoryview(bytes(3))), "must be a multiple of 4 bytes"),
        (lambda b: b.target.spend(-1), "the clocks to spend must be 0 …"),
        (lambda b: b.target.wait(-1), "the limit of a wait must be 0 …"),
        (lambda b: b.target.set_deadline(-1), "a deadline must be 0 …"),
        (lambda b: b.target.mark(1 << 32), "the payload of a mark must be an unsigned 32-bit integer"),
        (lambda b: b.target.hold_interrupt(-1), "the clocks to hold interrupts must be"),
        (lambda b: b.target.inject_bus_fault(BusFault(0, BusStatus.OK)), "status other than OK"),
        (lambda b: b.target.inject_bus_fault(BusFault(0, BusStatus.PARITY, 0)), "count of 1 to 65535"),
    ],
)
def test_arguments_that_cannot_be_are_refused(
    bench: Bench, access: Callable[[Bench], None], message: str
) -> None:
    before = bench.target.now()
    with pytest.raises(ValueError, match=message):
        access(bench)
    assert bench.target.now() == before
