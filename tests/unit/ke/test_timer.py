# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Timers, by row and against a simple model, and the routines for drivers that return times."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import pytest
from hypothesis import given, strategies as st

from compiled import no_integer
from dirql.ke.costs import Costs
from dirql.ke.current import current
from dirql.ke.kernel import BOOT_TIME, Kernel
from dirql.ke.limits import Limits
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import current_irql, lower_irql, raise_irql
from dirql.ke.threads.system_time import (
    query_interrupt_time,
    query_performance_counter,
    query_system_time,
    query_tick_count,
    stall_execution_processor,
)
from dirql.ke.threads.wait import delay_execution_thread, wait_for_any, wait_for_single_object
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    HIGH_LEVEL,
    PASSIVE_LEVEL,
    NotificationTimer,
    SynchronizationTimer,
)
from dirql.nt.status import STATUS_SUCCESS, STATUS_TIMEOUT
from fakes.clock_and_controller import FREQUENCY, FakeMachine
from unit.ke.making import a_timer, at, bug_check, connect, dpc, notification, thread

MILLISECOND = 10_000
CLOCKS_IN_A_MILLISECOND = FREQUENCY // 1000


def synchronization_timer() -> Timer:
    timer = a_timer()
    timer.initialize_ex(SynchronizationTimer)
    return timer


def test_TMR_01_an_initialised_timer(kernel: Kernel) -> None:
    timer = a_timer()
    timer.initialize()
    assert (timer.header.type, timer.header.signal_state) == (8, 0)
    timer.initialize_ex(NotificationTimer)
    assert (timer.header.type, timer.header.signal_state) == (8, 0)
    timer.initialize_ex(SynchronizationTimer)
    assert (timer.header.type, timer.header.signal_state) == (9, 0)


def test_TMR_02_set_tells_whether_it_was_queued_and_starts_over(machine: FakeMachine, kernel: Kernel) -> None:
    timer = a_timer()
    assert not timer.set(-5 * MILLISECOND)
    before = machine.now()
    assert timer.set(-2 * MILLISECOND)
    wait_for_single_object(timer)
    assert 0 <= machine.now() - before - 2 * CLOCKS_IN_A_MILLISECOND < 100
    assert timer.read_state()
    assert not timer.set(-MILLISECOND)
    assert not timer.read_state(), "set makes it not signalled"


def test_TMR_02_set_replaces_the_dpc_and_the_period(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[str] = []
    timer = a_timer()
    timer.set_ex(-MILLISECOND, 1, dpc(lambda: seen.append("old")))
    timer.set(-MILLISECOND, dpc(lambda: seen.append("new")))
    delay_execution_thread(0, False, -5 * MILLISECOND)
    assert seen == ["new"]


@pytest.mark.parametrize(
    ("due_time", "clock"),
    [(-1, 4), (-10, 33), (-3, 10), (-10_000_000, FREQUENCY), (BOOT_TIME + 100, 330), (BOOT_TIME + 1, 4)],
)
def test_TMR_03_due_times_are_100_ns_rounded_up(
    machine: FakeMachine, open_kernel: Callable[..., Kernel], due_time: int, clock: int
) -> None:
    kernel = open_kernel(costs=Costs.free())
    timer = a_timer()
    timer.set(due_time)
    assert kernel.timers.due == machine.deadline == clock


def test_TMR_03_an_absolute_time_that_has_passed(machine: FakeMachine, kernel: Kernel) -> None:
    timer = a_timer()
    timer.set(0)
    assert timer.header.signal_state == 1


def test_TMR_03_periods_are_milliseconds_and_do_not_drift(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    timer = a_timer()
    machine.spend(7)
    start = machine.now() + 1  # the call costs a clock
    timer.set_ex(-1, 3, dpc(lambda: seen.append(machine.now())))
    delay_execution_thread(0, False, -300 * MILLISECOND)
    assert len(seen) == 100
    for number, clock in enumerate(seen):
        assert 0 <= clock - (start + 4 + 3 * number * CLOCKS_IN_A_MILLISECOND) < 50


def test_TMR_03_a_late_expiry_does_not_shift_the_next(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    timer = a_timer()
    timer.set_ex(-MILLISECOND, 1, dpc(lambda: seen.append(machine.now())))
    with at(HIGH_LEVEL):
        stall_execution_processor(1600)
    delay_execution_thread(0, False, -MILLISECOND)
    assert 0 <= seen[1] - 2 * CLOCKS_IN_A_MILLISECOND < 100


def test_TMR_04_expiry_signals_and_queues_the_dpc(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    timer = a_timer()
    timer.set(-MILLISECOND, dpc(lambda: seen.append(current_irql())))
    wait_for_single_object(timer)
    assert seen == [DISPATCH_LEVEL]
    assert timer.read_state(), "a notification timer stays signalled"
    assert wait_for_single_object(timer) == STATUS_SUCCESS


def test_TMR_04_a_dpc_that_is_still_queued_is_merged(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    timer = a_timer()
    with at(DISPATCH_LEVEL):
        timer.set_ex(-MILLISECOND, 1, dpc(lambda: seen.append(machine.now())))
        stall_execution_processor(3500)
        assert seen == []
    assert len(seen) == 1


def test_TMR_04_a_synchronization_timer_releases_one(machine: FakeMachine, kernel: Kernel) -> None:
    timer = synchronization_timer()
    workers = [thread(lambda: wait_for_single_object(timer)) for _ in range(2)]
    delay_execution_thread(0, False, -MILLISECOND)
    timer.set(-MILLISECOND)
    assert wait_for_any(workers) == 0
    assert not timer.read_state()
    timer.set(-MILLISECOND)
    assert wait_for_single_object(workers[1]) == STATUS_SUCCESS


def test_TMR_05_cancelling(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    timer = a_timer()
    assert not timer.cancel()
    timer.set(-MILLISECOND, dpc(lambda: seen.append(1)))
    assert timer.cancel()
    assert not timer.cancel()
    assert machine.deadline is None
    delay_execution_thread(0, False, -5 * MILLISECOND)
    assert seen == []


def test_TMR_05_an_expired_timer_is_not_queued_and_a_periodic_one_always_is(
    machine: FakeMachine, kernel: Kernel
) -> None:
    once, again = a_timer(), a_timer()
    once.set(-MILLISECOND)
    again.set_ex(-MILLISECOND, 2)
    delay_execution_thread(0, False, -20 * MILLISECOND)
    assert (once.cancel(), again.cancel()) == (False, True)


def test_timers_expire_at_the_clock_level(machine: FakeMachine, kernel: Kernel) -> None:
    levels: list[int] = []
    kernel.hooks.irql_changed = lambda _, irql: levels.append(irql)
    timer = a_timer()
    timer.set(-MILLISECOND, dpc(lambda: None))
    wait_for_single_object(timer)
    assert levels == [13, 0, 2, 0]


def test_timers_wait_for_the_clock_level(machine: FakeMachine, kernel: Kernel) -> None:
    timer = a_timer()
    timer.set(-MILLISECOND)
    raise_irql(HIGH_LEVEL)
    stall_execution_processor(2000)
    assert timer.header.signal_state == 0
    lower_irql(12)
    assert timer.header.signal_state == 1


# Against a naive model.


class NaiveTimers:
    """Timers as a list of due clocks, all of which are looked at in every step."""

    def __init__(self, count: int) -> None:
        self.due: list[int | None] = [None] * count
        self.first = [0] * count
        self.period = [0] * count
        self.times = [0] * count
        self.fired: list[tuple[int, int]] = []

    def set(self, number: int, now: int, units: int, period: int) -> bool:
        was = self.due[number] is not None
        self.first[number] = now + -(-units * 33 // 10)
        self.due[number], self.period[number], self.times[number] = self.first[number], period, 0
        return was

    def cancel(self, number: int) -> bool:
        was, self.due[number] = self.due[number] is not None, None
        return was

    def run(self, end: int) -> None:
        while dues := [
            (due, number) for number, due in enumerate(self.due) if due is not None and due <= end
        ]:
            due, number = min(dues)
            self.fired.append((due, number))
            self.times[number] += 1
            period = self.period[number]
            self.due[number] = self.first[number] + self.times[number] * period * 33_000 if period else None


steps = st.lists(
    st.tuples(
        st.sampled_from(["set", "cancel", "run"]),
        st.integers(0, 3),
        st.sampled_from([1, 7, 333, 10_001, 25_000]),
        st.sampled_from([0, 0, 1, 2]),
    ),
    max_size=40,
)


@pytest.mark.row("TMR-02", "TMR-03", "TMR-04", "TMR-05")
@given(steps)
def test_TMR_04_timers_behave_as_the_naive_ones(script: list[tuple[str, int, int, int]]) -> None:
    machine = FakeMachine()
    kernel = Kernel(machine, machine, costs=Costs.free(), limits=Limits.off())
    fired: list[tuple[int, int]] = []

    def fire(number: int) -> None:
        fired.append((machine.now(), number))

    timers = [a_timer() for _ in range(4)]
    dpcs = [dpc(partial(fire, n)) for n in range(4)]
    naive = NaiveTimers(4)
    try:
        for what, number, units, period in script:
            if what == "set":
                expected = naive.set(number, machine.now(), units, period)
                assert timers[number].set_ex(-units, period, dpcs[number]) == expected
            elif what == "cancel":
                assert timers[number].cancel() == naive.cancel(number)
            else:
                end = machine.now() + -(-units * 33 // 10)
                delay_execution_thread(0, False, -units)
                assert machine.now() == end
                naive.run(end)
            kept = [due for due in naive.due if due is not None]
            assert kernel.timers.due == machine.deadline == min(kept, default=None)
        # Those due at one clock fire in the order in which they were queued, which the model does not know.
        assert sorted(fired) == sorted(naive.fired)
        assert [clock for clock, _ in fired] == [clock for clock, _ in naive.fired]
    finally:
        kernel.close()


# Time.


def test_queries_of_time(machine: FakeMachine, kernel: Kernel) -> None:
    machine.spend(FREQUENCY)
    assert 10_000_000 <= query_interrupt_time() < 10_000_100
    assert 10_000_000 <= query_system_time() - BOOT_TIME < 10_000_100
    assert query_tick_count() == 64
    ticks, frequency = query_performance_counter()
    assert (ticks, frequency) == (machine.now(), FREQUENCY)


def test_a_loop_on_the_time_ends_even_if_host_code_is_free(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    open_kernel(costs=Costs.free())
    connect(4, lambda: False)
    raise_irql(DISPATCH_LEVEL)
    with at(10):
        machine.interrupt(4)
        start = query_interrupt_time()
        while query_interrupt_time() < start + 10:
            pass
        machine.clear(4)


@pytest.mark.parametrize("irql", [PASSIVE_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL])
def test_a_stall_spends_its_clocks(machine: FakeMachine, kernel: Kernel, irql: int) -> None:
    raise_irql(irql)
    machine.interrupt(4)
    before = machine.now()
    stall_execution_processor(50)
    assert 50 * 33 <= machine.now() - before < 50 * 33 + 10


def test_interrupts_break_into_a_stall_but_not_into_a_higher_level(
    machine: FakeMachine, kernel: Kernel
) -> None:
    seen: list[int] = []
    connect(4, lambda: (machine.clear(4), seen.append(machine.now()), True)[-1])
    start = machine.now()
    for clock in (200, 600):
        machine.interrupt_at(start + clock, 4)
    stall_execution_processor(50)
    assert [200 <= clock - start < 300 for clock in seen[:1]] == [True]
    assert len(seen) == 2
    raise_irql(5)
    machine.interrupt_at(machine.now() + 10, 4)
    before = machine.now()
    stall_execution_processor(50)
    assert len(seen) == 2
    assert machine.now() - before >= 50 * 33
    lower_irql(PASSIVE_LEVEL)
    assert len(seen) == 3


def test_a_delay_lets_the_time_pass(machine: FakeMachine, kernel: Kernel) -> None:
    before = machine.now()
    assert delay_execution_thread(0, False, -7 * MILLISECOND) == STATUS_SUCCESS
    assert 0 <= machine.now() - before - 7 * CLOCKS_IN_A_MILLISECOND < 100


def test_many_timeouts_taken_back_leave_no_heap_behind(machine: FakeMachine, kernel: Kernel) -> None:
    timer = a_timer()
    timer.set(-MILLISECOND)
    for _ in range(1000):
        other = a_timer()
        other.set(-10 * MILLISECOND)
        other.cancel()
    assert len(kernel.timers.entries()) == 1
    assert len(kernel.timers._heap) < 200
    assert wait_for_single_object(timer, timeout=-2 * MILLISECOND) != STATUS_TIMEOUT
    assert current.kernel.timers.due is None


# Times at their edges.

PAST = [0, 1, BOOT_TIME - 1, BOOT_TIME]
LARGEST, LEAST = 2**63 - 1, -(2**63)


def works(machine: FakeMachine) -> bool:
    """Whether a timer expires when it is due: whether the queue is sound."""
    before = machine.now()
    delay_execution_thread(0, False, -MILLISECOND)
    return 0 <= machine.now() - before - CLOCKS_IN_A_MILLISECOND < 100


@pytest.mark.parametrize("due_time", PAST)
def test_TMR_03_a_past_time_expires_at_once(machine: FakeMachine, kernel: Kernel, due_time: int) -> None:
    seen: list[int] = []
    timer = a_timer()
    assert not timer.set(due_time, dpc(lambda: seen.append(machine.now())))
    assert len(seen) == 1
    assert timer.header.signal_state == 1
    assert not timer.cancel(), "it is not set any more"
    assert kernel.timers.due is machine.deadline is None
    assert works(machine)


@pytest.mark.parametrize("due_time", PAST)
def test_TMR_03_at_dispatch_level_the_dpc_of_a_past_time_waits(
    machine: FakeMachine, kernel: Kernel, due_time: int
) -> None:
    seen: list[int] = []
    timer = a_timer()
    with at(DISPATCH_LEVEL):
        timer.set(due_time, dpc(lambda: seen.append(1)))
        assert (timer.header.signal_state, seen) == (1, [])
    assert seen == [1]


@pytest.mark.parametrize("due_time", PAST)
def test_TMR_03_the_periods_after_a_past_time(machine: FakeMachine, kernel: Kernel, due_time: int) -> None:
    seen: list[int] = []
    timer = a_timer()
    start = machine.now()
    timer.set_ex(due_time, 2, dpc(lambda: seen.append(machine.now())))
    delay_execution_thread(0, False, -5 * MILLISECOND)
    assert len(seen) == 3
    for number, clock in enumerate(seen):
        assert 0 <= clock - start - 2 * number * CLOCKS_IN_A_MILLISECOND < 100
    assert timer.cancel()


@pytest.mark.parametrize("interval", PAST)
def test_a_delay_that_is_over_does_not_wait(machine: FakeMachine, kernel: Kernel, interval: int) -> None:
    before = machine.now()
    other: list[int] = []
    thread(lambda: other.append(1))
    assert delay_execution_thread(0, False, interval) == STATUS_SUCCESS
    assert other == [1], "a thread of equal priority runs"
    assert machine.now() - before < 100
    assert works(machine)


@pytest.mark.parametrize("timeout", PAST)
def test_a_time_out_that_is_over_does_not_wait(machine: FakeMachine, kernel: Kernel, timeout: int) -> None:
    before = machine.now()
    events = [notification(), notification()]
    assert wait_for_single_object(events[0], timeout=timeout) == STATUS_TIMEOUT
    assert wait_for_any(events, timeout) == STATUS_TIMEOUT
    assert machine.now() - before < 100
    events[1].set()
    assert wait_for_single_object(events[1], timeout=timeout) == STATUS_SUCCESS
    assert wait_for_any(events, timeout) == 1
    assert works(machine)


@pytest.mark.parametrize("due_time", [LEAST, LEAST + 1, LARGEST, -LARGEST])
def test_a_time_that_never_comes(machine: FakeMachine, kernel: Kernel, due_time: int) -> None:
    timer = a_timer()
    timer.set(due_time)
    assert works(machine)
    assert timer.header.signal_state == 0
    assert timer.cancel()


def test_the_longest_period(machine: FakeMachine, kernel: Kernel) -> None:
    timer = a_timer()
    timer.set_ex(-1, 2**31 - 1)
    wait_for_single_object(timer)
    assert works(machine)
    assert timer.cancel()


WRONG = [None, 1.5, "1", 2**63, LEAST - 1]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_time_is_refused_before_anything_changes(
    machine: FakeMachine, kernel: Kernel, wrong: object
) -> None:
    time = cast("int", wrong)
    timer = a_timer()
    timer.set(-MILLISECOND)
    due = kernel.timers.due
    calls: list[Callable[[], object]] = [
        lambda: timer.set(time),
        lambda: timer.set_ex(time, 0),
        lambda: delay_execution_thread(0, False, time),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=no_integer(r"Ke(SetTimer|DelayExecutionThread)")):
            call()
    if wrong is not None:
        waits: list[Callable[[], object]] = [
            lambda: wait_for_single_object(notification(), timeout=time),
            lambda: wait_for_any([notification()], time),
        ]
        for wait in waits:
            with pytest.raises((TypeError, ValueError), match=no_integer("KeWaitFor")):
                wait()
    assert kernel.timers.due == due
    assert wait_for_single_object(timer) == STATUS_SUCCESS


@pytest.mark.parametrize("wrong", [-1, 2**31, None, 0.5])
def test_what_is_no_period_is_refused_before_anything_changes(
    machine: FakeMachine, kernel: Kernel, wrong: object
) -> None:
    timer = a_timer()
    timer.set(-MILLISECOND)
    with pytest.raises((TypeError, ValueError), match=no_integer("KeSetTimerEx: Period")):
        timer.set_ex(-2 * MILLISECOND, cast("int", wrong))
    assert wait_for_single_object(timer) == STATUS_SUCCESS


@pytest.mark.parametrize("due_time", [-3 * MILLISECOND, 0, BOOT_TIME + 2 * MILLISECOND])
def test_TMR_04_the_arguments_of_the_dpc_are_the_time_of_expiry(
    machine: FakeMachine, kernel: Kernel, due_time: int
) -> None:
    seen: list[tuple[object, object]] = []
    made = Dpc()
    made.initialize(lambda _dpc, _context, low, high: seen.append((low, high)), None)
    timer = a_timer()
    timer.set(due_time, made)
    delay_execution_thread(0, False, -4 * MILLISECOND)
    ((low, high),) = seen
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert 0 <= low < 2**32
    expected = BOOT_TIME + max(0, due_time - BOOT_TIME if due_time > 0 else -due_time)
    assert 0 <= (high << 32 | low) - expected < 100


def test_a_timer_that_is_set_is_not_initialized_again(kernel: Kernel) -> None:
    timer = a_timer()
    timer.initialize()
    timer.set(-10_000)
    with bug_check(0xC7, 0, match=r"due at clock .* was: call KeCancelTimer first"):
        timer.initialize()


def test_a_dpc_that_is_queued_is_not_initialized_again(kernel: Kernel) -> None:
    deferred = dpc(lambda: None)
    raise_irql(DISPATCH_LEVEL)
    deferred.insert_queue(None, None)
    with bug_check(0xC7, 1, match="let it run first"):
        deferred.initialize(lambda *_: None, None)


def test_a_coalescable_timer_is_as_exact_as_any(machine: FakeMachine, kernel: Kernel) -> None:
    del kernel
    timer = a_timer()
    seen: list[int] = []
    routine = dpc(lambda: seen.append(machine.now()))
    assert not timer.set_coalescable(-MILLISECOND, 2, 1000, routine)
    assert timer.set_coalescable(-MILLISECOND, 2, 1000, routine)
    delay_execution_thread(0, False, -4 * MILLISECOND)
    timer.cancel()
    assert len(seen) == 2
    with pytest.raises(ValueError, match="KeSetCoalescableTimer: TolerableDelay must be"):
        timer.set_coalescable(-1, 0, -1)
