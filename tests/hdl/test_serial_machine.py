# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A board's machine as a whole: reset, serial port, link and machine, bit by bit at the two lines of the port."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine
from dirql.link.frames import Command, Frame, Hello
from dirql.registers import store
from dirql.registers.protocol import BusStatus, LinkToDevice, Op
from dirql.registers.store import Operation
from hdl.link_bench import BUILD, CLOCKS_PER_BIT, Host, Line, faulty, load_serial_bench, open_bench
from hdl.machine_bench import FUNCTION

MACHINE = load_machine("tiny")
RESET = 128
"""Clocks for which the machine is in reset after power-up."""
LONG = 20_000_000
"""Clocks within which a transfer ends on the worst line."""


@pytest.fixture(scope="module")
def make_line() -> Callable[[], Line]:
    return load_serial_bench(MACHINE.name)


@pytest.fixture
def host(make_line: Callable[[], Line]) -> Iterator[Host]:
    line = make_line()
    line.out_pace = 10 * CLOCKS_PER_BIT
    line.in_pace = 10 * CLOCKS_PER_BIT
    yield Host(line)
    line.close()


def test_the_port_is_silent_until_a_host_asks(host: Host) -> None:
    assert host.line.run(20 * RESET) == (b"", b"")


def test_a_hello_tells_machine_and_build_and_a_command_is_answered(host: Host) -> None:
    host.line.run(RESET)
    hello = host.open(0x7E7D_0001)
    assert (hello.machine, hello.build) == (machine_number(MACHINE), BUILD.to_bytes(8, "big"))
    answer = host.call(Command(Op.CFG_READ, FUNCTION, answer=True))
    assert (answer.status, answer.data) == (BusStatus.OK, b"\x34\x12\x01\xd1")


def test_bytes_that_come_in_the_reset_are_not_taken(host: Host) -> None:
    early = Frame(LinkToDevice.HELLO, 0, 0, Hello(1).pack())
    host.emit(early)
    host.pump(RESET // 2)
    assert host.open(5).nonce == 5


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_transfers_move_data_both_ways(host: Host, rate: float) -> None:
    bench = open_bench(host)
    host.to_device, host.to_host = faulty(1, rate), faulty(2, rate)
    data = random.Random(3).randbytes(600)
    host.memory[0x2001 : 0x2001 + len(data)] = data
    bench.enable_interrupts(store.INTERRUPT_CAUSE.DONE)
    for operation, place in ((Operation.DMA_WRITE, 0x2001), (Operation.DMA_READ, 0x3002)):
        bench.place_list([(place, 256), (place + 256, len(data) - 256)])
        bench.start(operation, 0, len(data))
        assert bench.finish(LONG).transferred == len(data)
        bench.fetch()
        bench.end()
    host.settle()
    assert bytes(host.memory[0x3002 : 0x3002 + len(data)]) == data
    assert not any(host.memory[0x3000:0x3002])
    assert not any(host.memory[0x3002 + len(data) : 0x3400])
