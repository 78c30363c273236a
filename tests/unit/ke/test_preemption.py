# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Time passes at kernel calls: interrupts and due timers are taken there, at each level that allows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql.ke.costs import Costs
from dirql.ke.current import current
from dirql.ke.kernel import Kernel
from dirql.ke.objects.semaphore import Semaphore
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import enter, lower_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.schedule import DELAYS, RandomSchedule, Replay
from dirql.ke.threads.system_time import stall_execution_processor
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL, PASSIVE_LEVEL
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import a_timer, at, connect, dpc, notification

LINE = 4
Call = Callable[[], object]


def spin_lock() -> Call:
    lock = SpinLock()
    return lambda: lock.release(lock.acquire())


def lock_at_dispatch() -> Call:
    lock = SpinLock()

    def call() -> None:
        lock.acquire_at_dpc_level()
        lock.release_from_dpc_level()

    return call


def event() -> Call:
    made = notification()
    return made.set


def clear() -> Call:
    return notification().clear


def semaphore() -> Call:
    made = Semaphore()
    made.initialize(0, 1 << 30)
    return lambda: made.release(0, 1)


def wait() -> Call:
    made = notification(True)
    return lambda: wait_for_single_object(made)


def levels() -> Call:
    return lambda: lower_irql(raise_irql(DISPATCH_LEVEL))


def timers() -> Call:
    made = a_timer()
    return lambda: (made.set(-10_000_000), made.cancel())


def dpcs() -> Call:
    made = dpc(lambda: None)
    return lambda: (made.insert_queue(None, None), made.remove_queue())


def stall() -> Call:
    return lambda: stall_execution_processor(0)


ANYWHERE = [event, clear, semaphore, timers, dpcs, stall]


@pytest.mark.parametrize("make", [spin_lock, wait, levels, *ANYWHERE])
def test_an_interrupt_is_taken_between_two_calls(
    machine: FakeMachine, kernel: Kernel, make: Callable[[], Call]
) -> None:
    calls, came = 0, list[int]()
    connect(LINE, lambda: (came.append(calls), machine.clear(LINE)))
    call = make()
    due = machine.now() + 50
    machine.interrupt_at(due, LINE)
    while machine.now() < due + 100:
        calls += 1
        call()
    assert len(came) == 1
    assert 0 < came[0] <= 51


@pytest.mark.parametrize("make", [lock_at_dispatch, *ANYWHERE])
def test_at_dispatch_level_too(machine: FakeMachine, kernel: Kernel, make: Callable[[], Call]) -> None:
    came: list[int] = []
    connect(LINE, lambda: (came.append(current.processor.irql), machine.clear(LINE)))
    with at(DISPATCH_LEVEL):
        call = make()
        machine.interrupt_at(machine.now() + 10, LINE)
        for _ in range(20):
            call()
        assert len(came) == 1


def test_not_at_its_own_level(machine: FakeMachine, kernel: Kernel) -> None:
    came: list[int] = []
    interrupt = connect(LINE, lambda: (came.append(1), machine.clear(LINE)))
    made = Dpc()
    made.initialize(lambda *_: None, None)
    old_irql = raise_irql(interrupt.irql)
    machine.interrupt_at(machine.now() + 5, LINE)
    for _ in range(20):
        made.insert_queue(None, None)
    assert not came
    lower_irql(old_irql)
    assert came


def test_a_due_timer_is_taken_between_two_calls(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    timer = a_timer()
    call = clear()
    timer.set(-30, dpc(lambda: seen.append(machine.now())))
    start = machine.now()
    calls = 0
    while not seen and calls < 200:
        call()
        calls += 1
    assert 95 < calls <= 100
    assert seen[0] - start < 110


def test_an_interrupt_is_taken_between_two_dpcs(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[str] = []
    connect(LINE, lambda: (seen.append("ISR"), machine.clear(LINE)))
    first, second = (dpc(partial(seen.append, name)) for name in ("first", "second"))
    with at(DISPATCH_LEVEL):
        first.insert_queue(None, None)
        second.insert_queue(None, None)
        machine.interrupt_at(machine.now() + kernel.costs.dpc_dispatch + 3, LINE)
    assert seen == ["first", "ISR", "second"]


def test_a_dpc_that_an_isr_takes_back_between_two_dpcs_does_not_run(
    machine: FakeMachine, kernel: Kernel
) -> None:
    seen: list[str] = []
    second = dpc(lambda: seen.append("second"))
    connect(LINE, lambda: (second.remove_queue(), machine.clear(LINE)))
    with at(DISPATCH_LEVEL):
        dpc(lambda: seen.append("first")).insert_queue(None, None)
        second.insert_queue(None, None)
        machine.interrupt_at(machine.now() + kernel.costs.dpc_dispatch + 3, LINE)
    assert seen == ["first"]


def test_a_call_without_cost_is_a_point_of_preemption(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    open_kernel(costs=Costs.free())
    came: list[int] = []
    connect(LINE, lambda: (came.append(1), machine.clear(LINE)))
    call = clear()
    machine.interrupt(LINE)
    assert not came
    call()
    assert came


def test_a_machine_in_which_nothing_can_happen_is_not_asked(machine: FakeMachine, kernel: Kernel) -> None:
    connect(LINE, lambda: False)
    call = clear()
    asked = machine.waits
    for _ in range(1000):
        call()
    assert machine.waits == asked


def test_a_kernel_s_own_change_of_the_level_costs_nothing(machine: FakeMachine, kernel: Kernel) -> None:
    now = machine.now()
    enter(current.processor, DISPATCH_LEVEL)
    enter(current.processor, PASSIVE_LEVEL)
    assert machine.now() == now
    lower_irql(raise_irql(DISPATCH_LEVEL))
    assert machine.now() == now + kernel.costs.kernel_call


def clocks_of_calls(machine: FakeMachine) -> list[int]:
    call, clocks = clear(), []
    for _ in range(2000):
        before = machine.now()
        call()
        clocks.append(machine.now() - before)
    return clocks


def test_a_seed_spreads_the_clocks_of_calls(machine: FakeMachine, open_kernel: Callable[..., Kernel]) -> None:
    schedule = RandomSchedule(3)
    kernel = open_kernel(schedule=schedule)
    first = clocks_of_calls(machine)
    kernel.close()
    assert set(first) == {1, *(1 + delay for delay in DELAYS)}
    assert first.count(1) > 1500
    for again, same in ((RandomSchedule(3), True), (Replay(schedule), True), (RandomSchedule(4), False)):
        machine.reset()
        kernel = open_kernel(schedule=again)
        assert (clocks_of_calls(machine) == first) == same
        kernel.close()
