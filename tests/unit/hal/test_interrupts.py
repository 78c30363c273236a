# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from dirql.hal.interrupts import InterruptController, irql_of_vector
from dirql.registers import interrupt_controller as registers
from dirql.registers.protocol import Vector
from dirql.target.contract import BusFault, BusStatus
from fakes.default_machine import CONTROLLER, input_of, vector_of
from fakes.scripted_target import Ram, Space
from unit.hal.conftest import Machine


@pytest.fixture
def controller(machine: Machine) -> InterruptController:
    return machine.hal.interrupts


@pytest.fixture
def plain(machine: Machine) -> Ram:
    """A machine with plain RAM in the place of the controller's registers."""
    ram = Ram(4096)
    machine.target.map(Space.MEMORY, CONTROLLER, 4096, ram)
    return ram


def test_vectors_and_levels_are_those_of_the_architecture() -> None:
    assert [vector_of(number) for number in (0, 1, 15)] == [0x30, 0x38, 0xA8]
    assert [irql_of_vector(vector_of(number)) for number in (0, 1, 2, 15)] == [3, 3, 4, 10]
    assert [input_of(vector_of(number)) for number in range(16)] == list(range(16))
    with pytest.raises(ValueError, match="must be 0 to 15; it was 16"):
        vector_of(16)
    for wrong in (0x31, 0x28, 0xB0, 0xFF):
        with pytest.raises(
            ValueError, match=f"a vector must be 0x30 to 0xa8 in steps of 8; it was {wrong:#x}"
        ):
            input_of(wrong)


def test_a_latched_interrupt_from_request_to_end(machine: Machine, controller: InterruptController) -> None:
    vector = vector_of(6)
    controller.enable(vector, True)
    assert controller.requested_irql() == 0
    machine.target.interrupts.raise_edge(6)
    assert controller.requested_irql() == irql_of_vector(vector) == 6
    assert controller.acknowledge() == vector
    assert controller.requested_irql() == 0
    machine.target.interrupts.raise_edge(6)
    assert controller.requested_irql() == 0
    controller.end(vector)
    assert controller.requested_irql() == 6
    controller.disable(vector)
    assert controller.requested_irql() == 0


def test_a_level_interrupt_stays_for_as_long_as_its_line(
    machine: Machine, controller: InterruptController
) -> None:
    vector = vector_of(15)
    controller.enable(vector, False)
    machine.target.interrupts.set_line(15, on=True)
    assert controller.requested_irql() == 10
    controller.acknowledge()
    controller.end(vector)
    assert controller.requested_irql() == 10
    machine.target.interrupts.set_line(15, on=False)
    assert controller.requested_irql() == 0


def test_a_fetch_of_nothing_is_spurious(controller: InterruptController) -> None:
    assert controller.acknowledge() == Vector.SPURIOUS


def test_a_fetch_that_fails_is_spurious_and_reported(
    machine: Machine, controller: InterruptController, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        return machine.target.read_memory(0xDEAD_0000)

    monkeypatch.setattr(machine.target, "interrupt_acknowledge", fail)
    assert controller.acknowledge() == Vector.SPURIOUS
    assert machine.hal.statistics().bus_errors == 1


def test_enabling_one_input_leaves_the_others(controller: InterruptController, plain: Ram) -> None:
    def enabled() -> tuple[int, int]:
        return plain.dwords[registers.ENABLE.offset // 4], plain.dwords[registers.MODE.offset // 4]

    controller.enable(vector_of(4), True)
    controller.enable(vector_of(9), False)
    assert enabled() == (1 << 4 | 1 << 9, 1 << 4)
    controller.enable(vector_of(4), False)
    assert enabled() == (1 << 4 | 1 << 9, 0)
    controller.disable(vector_of(9))
    assert enabled() == (1 << 4, 0)


def test_end_of_interrupt_names_the_input(controller: InterruptController, plain: Ram) -> None:
    controller.end(vector_of(11))
    assert plain.dwords[registers.EOI.offset // 4] == 11


def test_routes_of_the_lines(controller: InterruptController, plain: Ram) -> None:
    plain.dwords[registers.ROUTE.offset // 4] = registers.ROUTE.reset
    assert [controller.line_input(pin) for pin in (1, 2, 3, 4)] == [4, 6, 8, 10]
    controller.route_line(2, 15)
    assert [controller.line_input(pin) for pin in (1, 2, 3, 4)] == [4, 15, 8, 10]
    for pin in (0, 5):
        with pytest.raises(ValueError, match=f"an interrupt pin must be 1 .* was {pin}"):
            controller.line_input(pin)
    with pytest.raises(ValueError, match="must be 0 to 15; it was 16"):
        controller.route_line(1, 16)


def test_a_message_requests_its_input(machine: Machine, controller: InterruptController) -> None:
    vector = vector_of(12)
    controller.enable(vector, True)
    address, data = controller.message(12)
    machine.target.write_memory(address, data)
    assert controller.requested_irql() == irql_of_vector(vector)


def test_counters(controller: InterruptController, plain: Ram) -> None:
    plain.dwords[registers.SPURIOUS.offset // 4] = 3
    plain.dwords[registers.LOST.offset // 4 + 7] = 5
    assert controller.spurious() == 3
    assert controller.lost(7) == 5


def test_a_bus_error_on_a_register_of_the_controller_does_not_stop_the_host(
    machine: Machine, controller: InterruptController
) -> None:
    for offset in (registers.ROUTE.offset, registers.EOI.offset):
        address = CONTROLLER + offset
        machine.target.inject_bus_fault(BusFault(address, BusStatus.TARGET_ABORT))
        if offset == registers.ROUTE.offset:
            assert controller.line_input(1) == 15
        else:
            controller.end(vector_of(1))
    assert machine.hal.statistics().bus_errors == 2
