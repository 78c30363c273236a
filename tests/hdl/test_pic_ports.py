# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pair of 8259A chips on the bus of the machine `at`: ports, vectors, events, and the HAL that drives it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.hal.pic import PicPair
from dirql.hardware.interrupt_controller import PIC_PORTS
from dirql.hardware.reading import load_machine
from dirql.registers import interrupt_controller as registers, pic, store
from dirql.registers.protocol import Vector
from dirql.target.contract import BusError, EventBits, TargetAbort
from dirql.target.simulation.verilated import VerilatedTarget
from hdl.machine_bench import Bench

MACHINE = load_machine("at")
CONTROLLER = MACHINE.controller
FUNCTION = MACHINE.functions_named("store")[0]
INPUT = CONTROLLER.lines[FUNCTION.line]
VECTOR = CONTROLLER.vector(INPUT)
RAISED = store.INTERRUPT_CAUSE.RAISED
MASTER, SLAVE, ELCR = PIC_PORTS["master"], PIC_PORTS["slave"], PIC_PORTS["ELCR"]


class AtBench(Bench):
    """The first store of the machine, with the HAL's interrupt controller and no kernel."""

    def __init__(self, target: VerilatedTarget) -> None:
        super().__init__(target, FUNCTION.place.configuration_address)
        self.errors: list[BusError] = []
        self.hal = PicPair(target, self.errors.append)
        self.enumerate()

    def read_port(self, port: int) -> int:
        return self.target.read_io(port, 1 << port % 4) >> 8 * (port % 4) & 0xFF

    def write_port(self, port: int, value: int) -> None:
        self.target.write_io(port, value << 8 * (port % 4), 1 << port % 4)

    def request(self, *inputs: int) -> None:
        """Request inputs by software."""
        self.write_controller(registers.SOFTWARE_SET, sum(1 << number for number in inputs))

    def enable_all(self) -> None:
        for number in CONTROLLER.device_inputs:
            self.hal.enable(CONTROLLER.vector(number), latched=True)

    def in_service(self) -> int:
        return self.read_controller(registers.IN_SERVICE)


@pytest.fixture
def bench() -> Iterator[AtBench]:
    target = VerilatedTarget(MACHINE, checked=True)
    made = AtBench(target)
    yield made
    target.close()
    assert made.errors == []


def test_the_hal_masks_all_inputs_but_the_cascade_and_routes_the_lines(bench: AtBench) -> None:
    assert (bench.read_port(MASTER + 1), bench.read_port(SLAVE + 1)) == (0xFB, 0xFF)
    routes = registers.ROUTE.unpack(bench.read_controller(registers.ROUTE))
    assert routes == tuple(CONTROLLER.lines[line] for line in "ABCD")
    assert [bench.hal.line_input(pin) for pin in (1, 2, 3, 4)] == list(routes)


@pytest.mark.parametrize("latched", [False, True])
@pytest.mark.parametrize("number", CONTROLLER.device_inputs)
def test_an_input_is_unmasked_and_has_its_kind(bench: AtBench, number: int, latched: bool) -> None:
    vector = CONTROLLER.vector(number)
    bench.hal.enable(vector, latched)
    masks = bench.read_port(MASTER + 1) | bench.read_port(SLAVE + 1) << 8
    assert masks == 0xFFFF & ~(1 << number | 1 << 2)
    assert bench.target.read_io(ELCR, 3) == (0 if latched else 1 << number)
    assert bench.hal.state().enabled == 1 << number
    bench.hal.disable(vector)
    assert (bench.read_port(MASTER + 1), bench.read_port(SLAVE + 1)) == (0xFB, 0xFF)


@pytest.mark.parametrize("number", [0, 1, 2, 8, 13])
def test_the_inputs_of_the_system_are_refused(bench: AtBench, number: int) -> None:
    with pytest.raises(ValueError, match=f"one of 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15; it was {number}"):
        bench.hal.enable(CONTROLLER.vector(number), latched=True)
    with pytest.raises(
        ValueError, match=f"a line must have one of the inputs for devices, 3, .*; it was {number}"
    ):
        bench.hal.route_line(1, number)


def test_I11_each_input_has_its_vector_and_its_place_in_the_order(bench: AtBench) -> None:
    bench.enable_all()
    bench.request(*CONTROLLER.device_inputs)
    for number in (9, 10, 11, 12, 14, 15, 3, 4, 5, 6, 7):
        bench.target.spend(20)  # the slave's request comes a few clocks after the master's
        bench.target.wait(0)
        assert bench.target.interrupt_request() == number
        assert bench.hal.requested_irql() == CONTROLLER.vector(number) >> 4
        assert bench.hal.acknowledge() == CONTROLLER.vector(number)
        assert bench.in_service() == (1 << number | 1 << 2 if number >= 8 else 1 << number)
        bench.hal.end(CONTROLLER.vector(number))
        assert bench.in_service() == 0
    assert bench.hal.spurious() == 0


def test_a_level_interrupt_from_cause_to_end(bench: AtBench) -> None:
    bench.hal.enable(VECTOR, latched=False)
    bench.write(store.INTERRUPT_MASK_SET, RAISED)
    bench.events()
    bench.raise_interrupt()
    bench.target.wait(100)
    assert bench.hal.acknowledge() == VECTOR
    assert bench.target.interrupt_request() is None
    bench.hal.end(VECTOR)
    bench.target.spend(20)
    bench.target.now()
    bench.target.wait(20)
    assert bench.target.interrupt_request() == INPUT  # the line is still on
    assert bench.hal.acknowledge() == VECTOR
    bench.write(store.INTERRUPT_CAUSE, RAISED)
    bench.hal.end(VECTOR)
    assert bench.target.wait(50) is None
    seen = [(event.bits, event.vector) for event in bench.events()]
    fetches = [vector for bits, vector in seen if bits & EventBits.VECTOR_FETCH]
    assert fetches == [VECTOR, VECTOR]
    assert [number for bits, number in seen if bits & EventBits.EOI] == [INPUT, INPUT]


def test_I12_spurious_vectors_are_found_counted_and_told(bench: AtBench) -> None:
    """The line goes off at each clock before the fetch. The slave's spurious vector needs an end at the master."""
    bench.hal.enable(VECTOR, latched=False)
    bench.write(store.INTERRUPT_MASK_SET, RAISED)
    raw: set[int] = set()
    for clocks in range(12):
        before = bench.hal.spurious()
        bench.raise_interrupt()
        bench.target.wait(100)
        bench.events()
        bench.write(store.INTERRUPT_CAUSE, RAISED)
        bench.target.spend(clocks)
        returned = bench.hal.acknowledge()
        (event,) = [each for each in bench.events() if each.bits & EventBits.VECTOR_FETCH]
        raw.add(event.vector)
        assert (returned == Vector.SPURIOUS) == bool(event.bits & EventBits.SPURIOUS_FETCH)
        assert bench.hal.spurious() - before == (returned == Vector.SPURIOUS)
        if returned != Vector.SPURIOUS:
            bench.hal.end(returned)
        assert bench.in_service() == 0
    assert CONTROLLER.vector(15) in raw


def test_I12_vector_7_is_spurious_when_nothing_is_requested(bench: AtBench) -> None:
    assert bench.target.interrupt_acknowledge() == CONTROLLER.vector(7)
    assert bench.hal.acknowledge() == Vector.SPURIOUS
    assert bench.hal.spurious() == 2
    bench.enable_all()
    bench.request(7, 15)
    for number in (15, 7):  # which are real now
        bench.target.wait(20)
        assert bench.hal.acknowledge() == CONTROLLER.vector(number)
        bench.hal.end(CONTROLLER.vector(number))


def test_a_fetch_that_is_put_back_comes_again(bench: AtBench) -> None:
    bench.enable_all()
    for number in (4, 12):
        bench.request(number)
        bench.target.wait(20)
        assert bench.hal.acknowledge() == CONTROLLER.vector(number)
        bench.hal.put_back(CONTROLLER.vector(number))
        bench.target.wait(20)
        assert bench.hal.acknowledge() == CONTROLLER.vector(number)
        bench.hal.end(CONTROLLER.vector(number))
        assert bench.target.wait(20) is None


def test_I18_a_poll_over_the_bus_acknowledges_when_its_datum_moves(bench: AtBench) -> None:
    bench.enable_all()
    bench.request(5)
    bench.write_port(MASTER, pic.OCW3.pack(poll=1))
    assert bench.target.read_io(MASTER, 0) >> 16 == 0  # no byte is read
    assert bench.in_service() == 0
    assert pic.POLL.unpack(bench.read_port(MASTER)) == (5, 1)
    assert bench.in_service() == 1 << 5
    assert bench.read_port(MASTER) == 1 << 5  # the inputs in service again


@pytest.mark.parametrize(
    ("port", "enables"), [(MASTER, 0b0011), (SLAVE, 0b0111), (SLAVE + 2, 0b0100), (ELCR, 0b1111)]
)
def test_an_access_of_more_than_the_ports_is_aborted(bench: AtBench, port: int, enables: int) -> None:
    with pytest.raises(TargetAbort):
        bench.target.read_io(port, enables)
    with pytest.raises(TargetAbort):
        bench.target.write_io(port, 0x11111111, enables)
    assert (bench.read_port(MASTER + 1), bench.read_port(SLAVE + 1)) == (0xFB, 0xFF)


def test_the_registers_of_the_simple_controller_are_not_there(bench: AtBench) -> None:
    for register in (registers.ENABLE, registers.MODE, registers.THRESHOLD, registers.CLAIM):
        bench.write_controller(register, 0xFFFF)
        assert bench.read_controller(register) == 0
    bench.enable_all()
    bench.request(4)
    bench.target.wait(20)
    assert bench.hal.acknowledge() == CONTROLLER.vector(4)
    bench.write_controller(registers.EOI, 4)
    assert bench.in_service() == 1 << 4
