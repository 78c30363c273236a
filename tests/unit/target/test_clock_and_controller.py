# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The fake clock keeps the promises of the Target contract that the kernel relies on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fakes.clock_and_controller import FakeMachine, vector_of


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda machine: machine.spend(-1), "the clocks to spend must be 0 … .*; it was -1"),
        (lambda machine: machine.wait(-1), "the limit of a wait must be 0 … .*; it was -1"),
        (lambda machine: machine.set_deadline(-1), "a deadline must be 0 … .*; it was -1"),
    ],
)
def test_arguments_that_a_target_refuses_are_refused(
    use: Callable[[FakeMachine], object], message: str
) -> None:
    machine = FakeMachine()
    with pytest.raises(ValueError, match=message):
        use(machine)
    assert machine.now() == 0


def test_a_deadline_in_the_past_asks_at_once() -> None:
    machine = FakeMachine()
    assert machine.wait(50) is None
    machine.set_deadline(10)
    assert machine.attention
    assert machine.wait() is not None
    assert machine.now() == 50
    machine.set_deadline(None)
    assert not machine.attention


def test_spent_clocks_pass_before_a_wait() -> None:
    machine = FakeMachine()
    machine.spend(10)
    assert machine.wait(5) is None
    assert machine.now() == 15


def test_an_input_in_service_holds_back_those_below_it() -> None:
    machine = FakeMachine()
    for line in (3, 4, 5):
        machine.enable(vector_of(line), latched=True)
    machine.interrupt(4)
    assert machine.acknowledge() == vector_of(4)
    machine.interrupt(3)
    assert machine.requested_irql() == 0
    machine.interrupt(5)
    assert machine.requested_irql() == vector_of(5) >> 4
    assert machine.acknowledge() == vector_of(5)
    machine.end(vector_of(5))
    machine.end(vector_of(4))
    assert machine.requested_irql() == vector_of(3) >> 4
