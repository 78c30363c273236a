# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Deferred procedure calls (KDPC)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql.ke.costs import Costs
from dirql.ke.current import current
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc import MAXIMUM_QUEUE_DEPTH, Dpc
from dirql.ke.processors.irql import current_irql, lower_irql, raise_irql
from dirql.ke.threads.wait import delay_execution_thread, flush_queued_dpcs
from dirql.nt.constants import (
    APC_LEVEL,
    DISPATCH_LEVEL,
    HIGH_LEVEL,
    PASSIVE_LEVEL,
    HighImportance,
    LowImportance,
    MediumHighImportance,
    MediumImportance,
)
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import at, bug_check, connect, dpc


def test_DPC_01_an_initialised_dpc(kernel: Kernel) -> None:
    made = Dpc()
    made.system_argument1 = "kept"
    made.initialize(None, "context")
    assert (made.type, made.importance, made.number, made.dpc_data) == (19, MediumImportance, 0, None)
    assert (made.deferred_routine, made.deferred_context) == (None, "context")
    assert made.system_argument1 == "kept"


@pytest.mark.parametrize("irql", [PASSIVE_LEVEL, APC_LEVEL])
def test_DPC_02_queued_below_dispatch_it_has_run_on_return(kernel: Kernel, irql: int) -> None:
    seen: list[object] = []
    made = Dpc()
    made.initialize(lambda *arguments: seen.append((current_irql(), *arguments)), "context")
    with at(irql):
        assert made.insert_queue(1, 2)
        assert seen == [(DISPATCH_LEVEL, made, "context", 1, 2)]
        assert current_irql() == irql


@pytest.mark.parametrize("irql", [DISPATCH_LEVEL, 5, HIGH_LEVEL])
def test_DPC_03_queued_at_dispatch_or_above_it_runs_on_the_way_down(kernel: Kernel, irql: int) -> None:
    seen: list[int] = []
    made = dpc(lambda: seen.append(current_irql()))
    raise_irql(irql)
    assert made.insert_queue(None, None)
    assert seen == []
    lower_irql(DISPATCH_LEVEL)
    assert seen == []
    lower_irql(APC_LEVEL)
    assert seen == [DISPATCH_LEVEL]
    assert current_irql() == APC_LEVEL


def test_DPC_04_queued_twice_it_runs_once_with_the_first_arguments(kernel: Kernel) -> None:
    seen: list[object] = []
    made = Dpc()
    made.initialize(lambda _dpc, _context, first, second: seen.append((first, second)), None)
    with at(DISPATCH_LEVEL):
        assert made.insert_queue(1, 2)
        assert not made.insert_queue(3, 4)
    assert seen == [(1, 2)]


def test_DPC_05_taken_off_the_queue_it_never_runs(kernel: Kernel) -> None:
    seen: list[int] = []
    made = dpc(lambda: seen.append(1))
    assert not made.remove_queue()
    with at(DISPATCH_LEVEL):
        made.insert_queue(None, None)
        assert made.remove_queue()
        assert not made.remove_queue()
    assert seen == []
    made.insert_queue(None, None)
    assert seen == [1]


def test_a_dpc_may_queue_itself_while_it_runs(kernel: Kernel) -> None:
    seen: list[int] = []
    made = dpc(lambda: (seen.append(1), len(seen) < 3 and made.insert_queue(None, None)))
    made.insert_queue(None, None)
    assert seen == [1, 1, 1]


@pytest.mark.parametrize("importance", [MediumImportance, MediumHighImportance, HighImportance])
def test_DPC_08_all_but_low_importance_drain_at_once(kernel: Kernel, importance: int) -> None:
    seen: list[str] = []
    low, made = dpc(lambda: seen.append("low")), dpc(lambda: seen.append("made"))
    low.set_importance(LowImportance)
    made.set_importance(importance)
    low.insert_queue(None, None)
    assert seen == []
    made.insert_queue(None, None)
    assert seen == (["made", "low"] if importance == HighImportance else ["low", "made"])


def test_DPC_08_low_importance_runs_when_the_queue_is_long(kernel: Kernel) -> None:
    seen: list[int] = []
    for n in range(MAXIMUM_QUEUE_DEPTH + 1):
        assert seen == []
        made = dpc(partial(seen.append, n))
        made.set_importance(LowImportance)
        made.insert_queue(None, None)
    assert seen == list(range(MAXIMUM_QUEUE_DEPTH + 1))


def test_DPC_08_low_importance_runs_when_the_processor_idles(kernel: Kernel) -> None:
    seen: list[int] = []
    made = dpc(lambda: seen.append(1))
    made.set_importance(LowImportance)
    made.insert_queue(None, None)
    delay_execution_thread(0, False, -10)
    assert seen == [1]


def test_DPC_12_flushing_waits_for_all_that_were_queued(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=3)
    seen: list[int] = []

    def routine() -> None:
        for _ in range(30 * current.processor.number):
            current.dispatcher.preempt()
        seen.append(current.processor.number)

    for number in range(3):
        made = dpc(routine)
        made.set_importance(LowImportance)
        made.set_target_processor(number)
        made.insert_queue(None, None)
    flush_queued_dpcs()
    assert sorted(seen) == [0, 1, 2]


@pytest.mark.row("INT-15", "DPC-03")
def test_INT_15_a_dpc_queued_by_an_isr_starts_after_it(machine: FakeMachine, kernel: Kernel) -> None:
    order: list[str] = []
    made = dpc(lambda: order.append(f"dpc at {current_irql()}"))
    made.set_importance(HighImportance)

    def service() -> bool:
        machine.clear(4)
        made.insert_queue(None, None)
        order.append("isr ends")
        return True

    connect(4, service)
    machine.interrupt(4)
    lower_irql(PASSIVE_LEVEL)
    assert order == ["isr ends", "dpc at 2"]


def test_an_interrupt_breaks_into_a_dpc_and_its_dpc_follows(machine: FakeMachine, kernel: Kernel) -> None:
    order: list[str] = []
    second = dpc(lambda: order.append("second"))

    def service() -> bool:
        machine.clear(4)
        second.insert_queue(None, None)
        order.append("isr")
        return True

    def first_routine() -> None:
        machine.interrupt(4)
        current.dispatcher.preempt()
        order.append("first ends")

    connect(4, service)
    dpc(first_routine).insert_queue(None, None)
    assert order == ["isr", "first ends", "second"]


def test_a_dpc_costs_its_dispatch(machine: FakeMachine, open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(costs=Costs(kernel_call=0, dpc_dispatch=11))
    before = machine.now()
    dpc(lambda: None).insert_queue(None, None)
    assert machine.now() == before + 11


def test_an_exception_that_a_dpc_lets_escape(kernel: Kernel) -> None:
    def routine() -> None:
        raise ValueError("oh")

    with bug_check(
        0x1E, 0xC0000144, match="must handle its exceptions, and let ValueError escape: oh"
    ) as caught:
        dpc(routine).insert_queue(None, None)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_dpc_that_returns_at_another_level(kernel: Kernel) -> None:
    made = dpc(lambda: raise_irql(5))
    with bug_check(0xC8, 0x50202, 0, 0, 0, match="it returned at DIRQL 5"):
        made.insert_queue(None, None)


def test_a_target_that_there_is_not(kernel: Kernel) -> None:
    made = dpc(lambda: None)
    with bug_check(0xC7, 3, made, 1, match="must be 0 … 0; it was 1"):
        made.set_target_processor(1)
