# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from dirql.hal.hal import Hal, running
from dirql.hal.registers import read_register_ulong
from dirql.ke import platform
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.irql import current_irql
from dirql.nt.constants import LevelSensitive
from fakes.default_machine import vector_of
from unit.hal.conftest import BAR, Machine


def test_the_layer_gives_the_kernel_what_it_needs(machine: Machine) -> None:
    clock: platform.Clock = machine.hal.clock
    controller: platform.InterruptController = machine.hal.interrupts
    assert clock is machine.target
    assert controller.requested_irql() == 0


def test_one_machine_at_a_time(machine: Machine) -> None:
    other = Hal(machine.target, machine.memory_manager)
    with pytest.raises(RuntimeError, match="one machine can be open at a time"):
        other.install()
    other.close()
    assert running.value is machine.hal


def test_an_interrupt_raised_by_a_register_access_is_served_before_the_access_returns(
    machine: Machine,
) -> None:
    """Through the whole stack: attention, preempt, acknowledge, the routine at its level, end of interrupt."""
    vector = vector_of(6)
    served: list[int] = []

    def service(_interrupt: Interrupt, _context: object) -> bool:
        served.append(current_irql())
        machine.target.interrupts.set_line(6, on=False)
        return True

    _, interrupt = Interrupt.connect(service, None, None, vector, 6, 6, LevelSensitive, True, 1)
    assert interrupt is not None
    address = machine.map_bar()
    machine.target.at(machine.target.now() + 4, lambda: machine.target.interrupts.set_line(6, on=True))
    machine.registers.dwords[0] = 0x1234
    assert read_register_ulong(address) == 0x1234
    assert served == [6]
    assert machine.hal.interrupts.requested_irql() == 0
    interrupt.disconnect()


def test_the_address_of_the_bar_is_what_the_machine_says(machine: Machine) -> None:
    machine.registers.dwords[3] = 7
    assert machine.target.read_memory(BAR + 12) == read_register_ulong(machine.map_bar() + 12) == 7
