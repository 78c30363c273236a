# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads: their beginning, order and end, and the errors that reach the thread that opened the machine."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import cast

import greenlet
import pytest

from dirql.ke.bugcheck import bug_check as stop
from dirql.ke.costs import Costs
from dirql.ke.current import current, get_current_thread
from dirql.ke.kernel import Kernel
from dirql.ke.objects.event import Event
from dirql.ke.processors.irql import current_irql, raise_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.dispatcher import Deadlock
from dirql.ke.threads.system_thread import (
    query_priority_thread,
    set_priority_thread,
    terminate_system_thread,
    yield_execution,
)
from dirql.ke.threads.thread import Thread, ThreadState
from dirql.ke.threads.wait import delay_execution_thread, wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_PENDING
from fakes.clock_and_controller import FREQUENCY, FakeMachine
from unit.ke.making import a_timer, at, bug_check, connect, dpc, notification, synchronization, thread


def test_the_one_who_opens_the_kernel_is_the_first_thread(kernel: Kernel) -> None:
    assert get_current_thread() is next(iter(kernel.threads))
    assert get_current_thread().state is ThreadState.RUNNING


def test_a_thread_runs_when_the_current_one_waits(kernel: Kernel) -> None:
    order: list[str] = []
    worker = thread(lambda: order.append("worker"))
    order.append("first")
    assert worker.exit_status == STATUS_PENDING
    wait_for_single_object(worker)
    assert order == ["first", "worker"]
    assert (worker.exit_status, worker.state) == (0, ThreadState.TERMINATED)
    assert wait_for_single_object(worker) == 0, "an ended thread stays signalled"


def test_a_thread_of_higher_priority_preempts_at_once(kernel: Kernel) -> None:
    order: list[str] = []
    thread(lambda: order.append("high"), priority=12)
    order.append("first")
    event = notification()
    thread(lambda: (wait_for_single_object(event), order.append("woken")), priority=12)
    with at(DISPATCH_LEVEL):
        event.set()
        order.append("still at DISPATCH")
    order.append("after")
    assert order == ["high", "first", "still at DISPATCH", "woken", "after"]


def test_a_thread_of_lower_priority_waits_for_the_others(kernel: Kernel) -> None:
    order: list[int] = []
    low = thread(lambda: order.append(3), priority=3)
    thread(lambda: order.append(8))
    assert not order
    yield_execution()
    assert order == [8]
    assert not yield_execution()
    wait_for_single_object(low)
    assert order == [8, 3]


@pytest.mark.parametrize(
    "poll", [lambda event: event.read_state(), lambda event: not wait_for_single_object(event, timeout=0)]
)
def test_a_thread_that_polls_lets_its_equals_run(kernel: Kernel, poll: Callable[[Event], bool]) -> None:
    event = notification()
    thread(event.set)
    for _ in range(5):
        if poll(event):
            return
    pytest.fail("the other thread did not run")


def test_changing_a_priority(kernel: Kernel) -> None:
    order: list[int] = []
    worker = thread(lambda: order.append(1), priority=3)
    assert set_priority_thread(worker, 9) == 3
    assert (order, query_priority_thread(worker)) == ([1], 9)
    with pytest.raises(ValueError, match=r"must be 0 … 31; it was 32"):
        set_priority_thread(worker, 32)


def test_a_preempted_thread_goes_on_before_its_equals(kernel: Kernel) -> None:
    order: list[str] = []
    gate = notification()

    def first() -> None:
        thread(lambda: order.append("second"))
        gate.set()
        order.append("first")

    thread(lambda: (wait_for_single_object(gate), order.append("high")), priority=15)
    worker = thread(first)
    wait_for_single_object(worker)
    delay_execution_thread(0, False, -1)
    assert order == ["high", "first", "second"]


def test_a_thread_ends_itself_from_within(kernel: Kernel) -> None:
    def routine() -> None:
        try:
            terminate_system_thread(77)
        except Exception as error:
            raise AssertionError("no handler of exceptions may see it") from error

    worker = thread(routine)
    wait_for_single_object(worker)
    assert worker.exit_status == 77
    assert terminate_system_thread(0) == STATUS_INVALID_PARAMETER


def test_a_switch_costs(machine: FakeMachine, open_kernel: Callable[..., Kernel]) -> None:
    kernel = open_kernel(costs=Costs(context_switch=1000, kernel_call=0))
    switched: list[object] = []
    kernel.hooks.thread_switched = lambda processor, to: switched.append((processor.number, to.number))
    worker = thread(lambda: None)
    wait_for_single_object(worker)
    assert switched == [(0, worker.number), (0, 1)]
    assert machine.now() == 2000


def test_an_exception_that_a_thread_lets_escape(kernel: Kernel) -> None:
    def routine() -> None:
        raise ZeroDivisionError("here")

    with bug_check(0x7E, 0xC0000144, match="the thread routine .* must handle its exceptions") as caught:
        wait_for_single_object(thread(routine))
    shown = "".join(traceback.format_exception(caught.value))
    assert "in routine" in shown
    assert "ZeroDivisionError: here" in shown


def test_a_bug_check_in_a_thread_comes_up_with_its_traceback(kernel: Kernel) -> None:
    def culprit() -> None:
        SpinLock().release(0)

    with bug_check(0xC4, 0x32) as caught:
        wait_for_single_object(thread(culprit))
    assert "in culprit" in "".join(traceback.format_exception(caught.value))


def test_a_thread_that_ends_at_a_raised_level(kernel: Kernel) -> None:
    with bug_check(0xC4, 0x2001C, match="must end at PASSIVE_LEVEL.*at DISPATCH_LEVEL") as caught:
        wait_for_single_object(thread(lambda: raise_irql(DISPATCH_LEVEL)))
    assert caught.value.parameters[1:] == (caught.value.reason, 0, 0)


# Deadlock.


def test_a_deadlock_names_every_thread_and_what_it_waits_for(kernel: Kernel) -> None:
    event = synchronization()
    thread(lambda: wait_for_single_object(notification()))
    with pytest.raises(Deadlock) as caught:
        wait_for_single_object(event)
    text = str(caught.value)
    assert "no timer is set and no interrupt is connected" in text
    assert "<thread 1, waiting for <synchronization event" in text
    assert "<thread 2, waiting for <notification event" in text


def test_a_deadlock_for_want_of_an_interrupt(machine: FakeMachine, kernel: Kernel) -> None:
    connect(4, lambda: False)
    with pytest.raises(Deadlock, match=f"no interrupt came for {FREQUENCY} clocks"):
        wait_for_single_object(synchronization())
    assert machine.now() >= FREQUENCY


# Keyboard, closing, stopping.


@pytest.mark.parametrize("where", ["thread", "dpc", "isr", "idle"])
def test_an_interrupt_from_the_keyboard_comes_up_as_it_is(
    machine: FakeMachine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def press(*_: object) -> bool:
        raise KeyboardInterrupt

    if where == "thread":
        thread(press)
    elif where == "dpc":
        timer = a_timer()
        timer.set(-100, dpc(press))
    elif where == "isr":
        connect(4, press)
        machine.interrupt_at(1000, 4)
    else:
        connect(4, press)
        monkeypatch.setattr(machine, "wait", press)
    with pytest.raises(KeyboardInterrupt):
        wait_for_single_object(synchronization())
    assert isinstance(kernel.stopped, KeyboardInterrupt)
    kernel.close()
    assert not current.is_running()


class LinkLost(Exception):
    pass


def test_an_exception_of_the_world_below_comes_up_as_it_is(machine: FakeMachine) -> None:
    kernel = Kernel(machine, machine, transparent=(LinkLost,))

    def routine() -> None:
        raise LinkLost

    with pytest.raises(LinkLost):
        dpc(routine).insert_queue(None, None)
    assert isinstance(kernel.stopped, LinkLost)
    kernel.close()


def test_closing_ends_all_threads_without_running_kernel_code(machine: FakeMachine, kernel: Kernel) -> None:
    event = synchronization()
    unwound: list[str] = []

    def routine() -> None:
        try:
            wait_for_single_object(event)
            unwound.append("went on")
        finally:
            unwound.append("unwound")
            event.set()
            unwound.append("called the kernel")

    thread(routine)
    thread(lambda: unwound.append("never began"), priority=1)
    delay_execution_thread(0, False, -10)
    unwound.clear()
    thread(lambda: unwound.append("never began"))
    kernel.close()
    assert unwound == ["unwound"]
    kernel.close()
    with pytest.raises(RuntimeError, match="call open_machine first"):
        current_irql()


def test_only_the_first_thread_closes(kernel: Kernel) -> None:
    with bug_check(0x7E, match="must be closed by the thread that opened it"):
        wait_for_single_object(thread(kernel.close))


def test_VER_07_nothing_runs_after_a_bug_check(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    kernel = open_kernel(processors=2)
    reported: list[BaseException] = []
    ran: list[str] = []
    kernel.hooks.bug_checked = reported.append
    connect(4, lambda: ran.append("isr"))
    timer = a_timer()
    timer.set(-10, dpc(lambda: ran.append("dpc")))
    lock = SpinLock()
    thread(lambda: ran.append("thread"))
    ran.clear()

    def culprit() -> None:
        try:
            lock.release_from_dpc_level()
        finally:
            ran.append("unwinding")
            machine.interrupt(4)
            lock.acquire()
            ran.append("went on")

    queued = dpc(lambda: ran.append("queued"))
    with bug_check(0x10, lock) as caught, at(DISPATCH_LEVEL):
        queued.insert_queue(None, None)
        culprit()
    assert ran == ["unwinding"]
    for call in (lock.acquire, lambda: raise_irql(5), lambda: wait_for_single_object(timer), timer.cancel):
        with pytest.raises(type(caught.value)) as again:
            call()
        assert again.value is caught.value
    with pytest.raises(type(caught.value)) as again:
        stop(0xE2, reason="a second one")
    assert again.value is kernel.stopped is caught.value
    machine.access()
    current.dispatcher.preempt()
    assert ran == ["unwinding"]
    assert reported == [caught.value]


@pytest.mark.slow
def test_ten_thousand_threads_wait_at_once(kernel: Kernel) -> None:
    gate = notification()
    woken: list[int] = []

    def work(number: int) -> None:
        wait_for_single_object(gate)
        woken.append(number)

    threads = [thread(partial(work, number)) for number in range(10_000)]
    delay_execution_thread(0, False, -10)
    assert {each.state for each in threads} == {ThreadState.WAITING}
    gate.set()
    wait_for_single_object(threads[-1])
    assert woken == list(range(10_000))
    assert list(kernel.threads) == [get_current_thread()]


def test_a_thread_begins_as_deep_as_any_other(kernel: Kernel) -> None:
    # Each thread starts the next from some calls within its own routine, and waits for its end there. If depths added
    # up, the count of Python's calls would reach its limit of 1,000.
    started: list[Thread] = []

    def deeper(calls: int) -> None:
        if calls:
            deeper(calls - 1)
        elif len(started) < 100:
            started.append(thread(lambda: deeper(20)))
            wait_for_single_object(started[-1])

    deeper(20)
    assert (len(started), len(kernel.threads)) == (100, 1)


def test_threads_that_have_not_run_end_with_the_kernel(open_kernel: Callable[..., Kernel]) -> None:
    kernel = open_kernel()
    ran: list[str] = []
    made = [thread(lambda: ran.append("thread")) for _ in range(3)]
    kernel.close()
    assert not ran
    assert all(cast("greenlet.greenlet", each.context).dead for each in made)
