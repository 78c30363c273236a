# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The scripted target beyond the contract: what a test can script."""

from __future__ import annotations

from typing import Protocol

import pytest

from dirql.registers import interrupt_controller
from dirql.registers.protocol import Vector
from dirql.target.contract import LinkLost, MasterAbort, Wake
from fakes.default_machine import CONTROLLER, DOORBELL, MEMORY, input_of, vector_of
from fakes.scripted_target import ACCESS_CLOCKS, Ram, ScriptedTarget, Space

BASE = MEMORY


class Register(Protocol):
    @property
    def offset(self) -> int: ...


@pytest.fixture
def target() -> ScriptedTarget:
    return ScriptedTarget()


def write(target: ScriptedTarget, register: Register, value: int) -> None:
    target.write_memory(CONTROLLER + register.offset, value)


def read(target: ScriptedTarget, register: Register) -> int:
    return target.read_memory(CONTROLLER + register.offset)


def test_the_latest_mapping_of_an_address_counts(target: ScriptedTarget) -> None:
    first, second = Ram(16), Ram(16)
    target.map(Space.MEMORY, BASE, 16, first)
    target.map(Space.MEMORY, BASE, 4, second)
    target.write_memory(BASE, 1)
    target.write_memory(BASE + 4, 2)
    assert (first.dwords[0], first.dwords[1], second.dwords[0]) == (0, 2, 1)
    with pytest.raises(MasterAbort):
        target.read_memory(BASE + 16)
    with pytest.raises(MasterAbort):
        target.read_io(BASE)


def test_actions_happen_on_their_clocks_in_order(target: ScriptedTarget) -> None:
    seen: list[tuple[str, int]] = []
    target.at(20, lambda: seen.append(("b", target.now())))
    target.at(10, lambda: seen.append(("a", target.now())))
    target.at(20, lambda: seen.append(("c", target.now())))
    target.wait(15)
    assert seen == [("a", 10)]
    target.wait(15)
    assert seen == [("a", 10), ("b", 20), ("c", 20)]


def test_an_access_costs_its_clocks(target: ScriptedTarget) -> None:
    target.map(Space.MEMORY, BASE, 4096, Ram(4096))
    target.read_memory(BASE)
    assert target.now() == ACCESS_CLOCKS
    target.read_memory_burst(BASE, memoryview(bytearray(40)))
    assert target.now() == 2 * ACCESS_CLOCKS + 9


def test_a_wait_that_nothing_can_end_is_an_error_not_a_hang(target: ScriptedTarget) -> None:
    with pytest.raises(LinkLost, match="none is scripted"):
        target.wait()


def test_latched_edges_are_kept_and_counted_when_lost(target: ScriptedTarget) -> None:
    write(target, interrupt_controller.ENABLE, 1 << 4)
    write(target, interrupt_controller.MODE, 1 << 4)
    for _ in range(3):
        target.interrupts.raise_edge(4)
    assert target.wait(1) is Wake.INTERRUPT
    assert target.interrupt_acknowledge() == vector_of(4)
    assert target.wait(1) is None
    assert read(target, interrupt_controller.LOST) == 0
    lost = CONTROLLER + interrupt_controller.LOST.offset + 4 * interrupt_controller.LOST.stride
    assert target.read_memory(lost) == 2
    target.write_memory(lost, 0)
    assert target.read_memory(lost) == 0


def test_a_level_input_asks_until_it_goes_off(target: ScriptedTarget) -> None:
    write(target, interrupt_controller.ENABLE, 1 << 4)
    target.interrupts.set_line(4, on=True)
    vector = target.interrupt_acknowledge()
    assert target.wait(5) is None
    write(target, interrupt_controller.EOI, input_of(vector))
    assert target.wait(5) is Wake.INTERRUPT
    target.interrupts.set_line(4, on=False)
    assert target.wait(5) is None


def test_higher_inputs_come_first_and_the_threshold_holds_back(target: ScriptedTarget) -> None:
    write(target, interrupt_controller.ENABLE, 0xFFFF)
    write(target, interrupt_controller.SOFTWARE_SET, 1 << 3 | 1 << 9)
    assert target.interrupt_request() == 9
    write(
        target, interrupt_controller.THRESHOLD, interrupt_controller.THRESHOLD.pack(input_number=9, enable=1)
    )
    assert target.interrupt_request() is None
    write(target, interrupt_controller.THRESHOLD, 0)
    assert target.interrupt_acknowledge() == vector_of(9)
    assert target.interrupt_request() is None, "a lower one waits for the end of the higher"
    write(target, interrupt_controller.EOI, 9)
    assert target.interrupt_request() == 3


def test_a_message_requests_the_input_that_it_names(target: ScriptedTarget) -> None:
    write(target, interrupt_controller.ENABLE, 0xFFFF)
    target.write_memory(DOORBELL, 16)
    assert target.interrupt_request() is None
    target.write_memory(DOORBELL, 7)
    assert target.interrupt_request() == 7


def test_a_spurious_fetch_is_counted(target: ScriptedTarget) -> None:
    assert read(target, interrupt_controller.CLAIM) == Vector.SPURIOUS
    assert read(target, interrupt_controller.SPURIOUS) == 1
