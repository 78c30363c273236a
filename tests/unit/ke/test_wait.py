# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Waits for events, semaphores and mutexes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql.ke.current import current, get_current_thread
from dirql.ke.kernel import BOOT_TIME, Kernel
from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.objects.event import Event
from dirql.ke.objects.semaphore import Semaphore
from dirql.ke.processors.irql import current_irql, raise_irql
from dirql.ke.refusals import explain_status
from dirql.ke.threads.thread import Thread, ThreadState
from dirql.ke.threads.wait import (
    delay_execution_thread,
    wait_for_all,
    wait_for_any,
    wait_for_multiple_objects,
    wait_for_single_object,
)
from dirql.nt.constants import APC_LEVEL, DISPATCH_LEVEL, WaitAll, WaitAny
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_MUTANT_LIMIT_EXCEEDED,
    STATUS_MUTANT_NOT_OWNED,
    STATUS_SEMAPHORE_LIMIT_EXCEEDED,
    STATUS_SUCCESS,
    STATUS_TIMEOUT,
)
from fakes.clock_and_controller import FREQUENCY, FakeMachine
from unit.ke.making import a_mutex, at, bug_check, connect, dpc, notification, synchronization, thread

CLOCKS_IN_A_MILLISECOND = FREQUENCY // 1000


def poll(object: DispatcherObject) -> int:
    return wait_for_single_object(object, timeout=0)


def waiters(event: Event, count: int) -> tuple[list[Thread], list[int]]:
    """Threads that wait for the event and then write down their number."""
    order: list[int] = []

    def work(number: int) -> None:
        wait_for_single_object(event)
        order.append(number)

    threads = [thread(partial(work, n)) for n in range(count)]
    delay_execution_thread(0, False, -10)
    assert all(each.state is ThreadState.WAITING for each in threads)
    return threads, order


# The IRQLs and the code that may wait.


def test_IRQL_07_a_poll_is_legal_at_dispatch(kernel: Kernel) -> None:
    event = synchronization(True)
    with at(DISPATCH_LEVEL):
        assert wait_for_single_object(event, timeout=0) == STATUS_SUCCESS
        assert wait_for_single_object(event, timeout=0) == STATUS_TIMEOUT
        assert wait_for_any([event], timeout=0) == STATUS_TIMEOUT


@pytest.mark.parametrize(
    ("irql", "timeout", "subcode"),
    [(2, None, 0x121), (2, -5, 0x122), (2, 5, 0x122), (3, 0, 0x120), (5, None, 0x120)],
)
@pytest.mark.parametrize("several", [False, True])
def test_IRQL_07_other_waits_are_not(
    kernel: Kernel, irql: int, timeout: int | None, subcode: int, several: bool
) -> None:
    event = synchronization(True)
    raise_irql(irql)
    with bug_check(0xC4, subcode, irql, match="must be called at or below"):
        if several:
            wait_for_any([event], timeout=timeout)
        else:
            wait_for_single_object(event, timeout=timeout)


def test_IRQL_07_without_verifier_a_thread_may_wait_at_dispatch(kernel: Kernel) -> None:
    kernel.verifier.default = None
    with at(DISPATCH_LEVEL):
        assert wait_for_single_object(synchronization(True)) == STATUS_SUCCESS
        assert wait_for_single_object(synchronization(), timeout=-10) == STATUS_TIMEOUT
        assert current_irql() == DISPATCH_LEVEL


def test_IRQL_07_nobody_waits_above_dispatch_even_without_verifier(kernel: Kernel) -> None:
    kernel.verifier.default = None
    event = synchronization(True)
    raise_irql(5)
    with bug_check(0xA, event, 5):
        wait_for_single_object(event, timeout=0)


def test_IRQL_07_waits_at_apc_level_come_back_there(kernel: Kernel) -> None:
    event = synchronization()
    thread(event.set)
    with at(APC_LEVEL):
        assert wait_for_single_object(event) == STATUS_SUCCESS
        assert current_irql() == APC_LEVEL


def test_IRQL_08_a_dpc_that_blocks(kernel: Kernel) -> None:
    event = synchronization()
    first = current.processor.current_thread
    idle = current.processor.idle_thread
    made = dpc(lambda: wait_for_single_object(event))
    with bug_check(0xB8, first, idle, match="must be called by a thread"):
        made.insert_queue(None, None)


def test_a_delay_is_refused_above_apc(kernel: Kernel) -> None:
    raise_irql(DISPATCH_LEVEL)
    with bug_check(0xC4, 0x2000F, match="must be called at or below APC_LEVEL"):
        delay_execution_thread(0, False, -1)


# Events.


@pytest.mark.parametrize("make", [notification, synchronization])
def test_EVT_02_a_pulse_releases_and_leaves_it_clear(kernel: Kernel, make: Callable[..., Event]) -> None:
    event = make()
    _threads, order = waiters(event, 3)
    assert event.pulse() == 0
    delay_execution_thread(0, False, -10)
    assert order == ([0, 1, 2] if make is notification else [0])
    assert event.read_state() == 0
    signalled = make(True)
    assert signalled.pulse() == 1
    assert signalled.read_state() == 0


def test_EVT_03_a_notification_event_releases_all_and_stays(kernel: Kernel) -> None:
    event = notification()
    threads, order = waiters(event, 3)
    assert event.set() == 0
    assert event.set() == 1
    wait_for_all(threads)
    assert order == [0, 1, 2]
    assert event.read_state() == 1
    assert (event.reset(), event.reset()) == (1, 0)


def test_EVT_03_a_synchronization_event_releases_the_oldest(kernel: Kernel) -> None:
    event = synchronization()
    _threads, order = waiters(event, 3)
    for expected in ([0], [0, 1], [0, 1, 2]):
        assert event.set() == 0
        assert event.read_state() == 0
        delay_execution_thread(0, False, -10)
        assert order == expected
    assert event.set() == 0
    assert event.read_state() == 1


def test_an_event_is_not_set_above_dispatch(kernel: Kernel) -> None:
    event = notification()
    raise_irql(5)
    with bug_check(0xC4, 0x80, 5, event):
        event.set()


# Several objects.


def test_EVT_04_any_takes_the_lowest_signalled_only(kernel: Kernel) -> None:
    objects = [synchronization(), synchronization(True), synchronization(True)]
    assert wait_for_any(objects) == 1
    assert [object.header.signal_state for object in objects] == [0, 0, 1]
    assert wait_for_any(objects) == 2
    assert wait_for_any(objects, timeout=0) == STATUS_TIMEOUT


def test_EVT_04_any_is_ended_by_the_object_that_comes(kernel: Kernel) -> None:
    objects = [synchronization() for _ in range(3)]
    thread(objects[2].set)
    assert wait_for_any(objects) == 2
    assert not any(object.header.wait_list for object in objects)


def test_a_thread_that_waits_for_one_object_twice_is_released_once(kernel: Kernel) -> None:
    event, semaphore = notification(), Semaphore()
    semaphore.initialize(0, 9)
    statuses: list[int] = []

    def work() -> None:
        statuses.append(wait_for_any([event, semaphore, event, semaphore]))
        statuses.append(wait_for_any([semaphore, semaphore], timeout=-10))

    worker = thread(work)
    delay_execution_thread(0, False, -10)
    event.set()
    wait_for_single_object(worker)
    assert statuses == [0, STATUS_TIMEOUT]
    thread(lambda: statuses.append(wait_for_any([semaphore, semaphore])))
    delay_execution_thread(0, False, -10)
    semaphore.release(0, 3)
    assert semaphore.header.signal_state == 2
    delay_execution_thread(0, False, -10)
    assert statuses[2:] == [0]


def test_a_waiter_for_more_holds_back_no_other(kernel: Kernel) -> None:
    event, other = notification(), notification()
    both = thread(lambda: wait_for_all([event, other]))
    threads, order = waiters(event, 3)
    event.set()
    wait_for_single_object(threads[-1])
    assert (order, both.state) == ([0, 1, 2], ThreadState.WAITING)
    other.set()
    wait_for_single_object(both)


def test_EVT_04_all_takes_nothing_until_all_are_signalled(kernel: Kernel) -> None:
    objects = [synchronization(True), synchronization()]
    first = current.processor.current_thread
    assert wait_for_all(objects, timeout=0) == STATUS_TIMEOUT
    assert objects[0].header.signal_state == 1

    def work() -> None:
        assert poll(objects[0]) == STATUS_SUCCESS, "the wait for all must not hold it back"
        objects[1].set()
        delay_execution_thread(0, False, -10)
        assert first.state is ThreadState.WAITING
        assert objects[1].header.signal_state == 1
        objects[0].set()

    worker = thread(work)
    assert wait_for_all(objects) == STATUS_SUCCESS
    wait_for_single_object(worker)
    assert [object.header.signal_state for object in objects] == [0, 0]


@pytest.mark.parametrize("wait", [wait_for_any, wait_for_all])
def test_too_many_objects(kernel: Kernel, wait: Callable[[list[Event]], int]) -> None:
    event = notification(True)
    assert wait([event] * 64) == STATUS_SUCCESS
    with bug_check(0xC, 0, 0, 0, 0, match="must wait for 1 … 64 objects; Count was 65"):
        wait([event] * 65)


@pytest.mark.parametrize("count", [0, 4])
def test_a_wait_for_more_objects_than_a_thread_has_blocks_for(kernel: Kernel, count: int) -> None:
    """Without a WaitBlockArray the blocks are those of the thread: THREAD_WAIT_OBJECTS, 3."""
    events = [notification(True) for _ in range(4)]
    assert wait_for_multiple_objects(3, events, WaitAll) == STATUS_SUCCESS
    with bug_check(0xC, 0, 0, 0, 0, match="without a WaitBlockArray must wait for 1 … 3 objects"):
        wait_for_multiple_objects(count, events, WaitAll)


def test_a_wait_uses_the_blocks_of_its_array(kernel: Kernel) -> None:
    first = get_current_thread()
    objects = [synchronization() for _ in range(5)]
    blocks = [WaitBlock() for _ in objects]
    seen: list[tuple[WaitBlock, ...]] = []

    def work() -> None:
        seen.extend(tuple(object.header.wait_list) for object in objects)
        objects[3].set()

    thread(work)
    assert wait_for_multiple_objects(5, objects, WaitAny, wait_block_array=blocks) == 3
    assert seen == [(block,) for block in blocks]
    assert [(block.thread, block.object, block.wait_key) for block in blocks] == [
        (first, object, key) for key, object in enumerate(objects)
    ]


def test_a_wait_looks_at_the_first_objects_only(kernel: Kernel) -> None:
    objects = [synchronization(), synchronization(True)]
    assert wait_for_multiple_objects(1, objects, WaitAny, timeout=0) == STATUS_TIMEOUT
    assert objects[1].header.signal_state == 1


def test_arrays_shorter_than_count(kernel: Kernel) -> None:
    event = notification(True)
    with pytest.raises(ValueError, match="Object must have Count elements, 2; it had 1"):
        wait_for_multiple_objects(2, [event], WaitAny)
    with pytest.raises(ValueError, match="WaitBlockArray must have Count elements, 2; it had 1"):
        wait_for_multiple_objects(2, [event] * 2, WaitAny, wait_block_array=[WaitBlock()])


# Time-outs.


def test_EVT_05_no_timeout_waits_for_the_object(machine: FakeMachine, kernel: Kernel) -> None:
    event = synchronization()
    connect(4, lambda: (machine.clear(4), made.insert_queue(None, None)))
    made = dpc(event.set)
    machine.interrupt_at(5_000_000, 4)
    assert wait_for_single_object(event) == STATUS_SUCCESS
    assert machine.now() > 5_000_000


def test_EVT_05_zero_polls(machine: FakeMachine, kernel: Kernel) -> None:
    before = machine.now()
    assert poll(notification()) == STATUS_TIMEOUT
    assert machine.now() - before < 10
    assert poll(notification(True)) == STATUS_SUCCESS


@pytest.mark.parametrize("several", [False, True])
def test_EVT_05_negative_is_relative(machine: FakeMachine, kernel: Kernel, several: bool) -> None:
    event = synchronization()
    machine.spend(1000)
    before = machine.now()
    status = (
        wait_for_all([event, event], timeout=-10_000)
        if several
        else wait_for_single_object(event, timeout=-10_000)
    )
    assert status == STATUS_TIMEOUT
    assert 0 <= machine.now() - before - CLOCKS_IN_A_MILLISECOND < 100
    assert not event.header.wait_list
    assert kernel.timers.due is None


def test_EVT_05_positive_is_system_time(machine: FakeMachine, kernel: Kernel) -> None:
    machine.spend(CLOCKS_IN_A_MILLISECOND)
    assert wait_for_single_object(synchronization(), timeout=BOOT_TIME + 30_000) == STATUS_TIMEOUT
    assert 0 <= machine.now() - 3 * CLOCKS_IN_A_MILLISECOND < 100
    before = machine.now()
    assert wait_for_single_object(synchronization(), timeout=BOOT_TIME) == STATUS_TIMEOUT
    assert machine.now() - before < 100, "that time had come already"


def test_a_wait_that_ends_in_time_takes_its_timeout_back(machine: FakeMachine, kernel: Kernel) -> None:
    event = synchronization()
    thread(event.set)
    assert wait_for_single_object(event, timeout=-10_000) == STATUS_SUCCESS
    assert kernel.timers.due is None


def test_a_poll_sees_what_the_hardware_does_meanwhile(machine: FakeMachine, kernel: Kernel) -> None:
    event = synchronization()
    made = dpc(event.set)
    connect(4, lambda: (machine.clear(4), made.insert_queue(None, None)))
    machine.interrupt_at(machine.now() + 200, 4)
    polls = 0
    while poll(event) == STATUS_TIMEOUT:
        polls += 1
        assert polls < 1000
    assert polls > 20


# Semaphores and mutexes.


def semaphore(count: int, limit: int) -> Semaphore:
    made = Semaphore()
    made.initialize(count, limit)
    return made


def test_EVT_07_each_wait_takes_one(kernel: Kernel) -> None:
    made = semaphore(2, 3)
    assert [poll(made) for _ in range(3)] == [STATUS_SUCCESS, STATUS_SUCCESS, STATUS_TIMEOUT]
    assert made.release(0, 2) == 0
    assert made.release(0, 1) == 2
    assert made.read_state() == 3


def test_EVT_07_the_limit(kernel: Kernel) -> None:
    made = semaphore(2, 3)
    with pytest.raises(StatusException) as caught:
        made.release(0, 2)
    assert caught.value.status == STATUS_SEMAPHORE_LIMIT_EXCEEDED
    assert made.read_state() == 2
    assert "Adjustment was 2, and the count 2" in explain_status(STATUS_SEMAPHORE_LIMIT_EXCEEDED)


def test_EVT_07_a_release_wakes_as_many_as_it_adds(kernel: Kernel) -> None:
    made = semaphore(0, 5)
    threads = [thread(lambda: wait_for_single_object(made)) for _ in range(3)]
    delay_execution_thread(0, False, -10)
    made.release(0, 2)
    delay_execution_thread(0, False, -10)
    assert [each.state for each in threads] == [ThreadState.TERMINATED] * 2 + [ThreadState.WAITING]


def test_EVT_08_recursion_and_release(kernel: Kernel) -> None:
    made = a_mutex()
    made.initialize()
    assert (made.header.signal_state, made.owner_thread) == (1, None)
    for state in (0, -1, -2):
        assert wait_for_single_object(made) == STATUS_SUCCESS
        assert made.read_state() == state
    assert made.owner_thread is current.processor.current_thread
    assert [made.release() for _ in range(3)] == [-2, -1, 0]
    assert (made.header.signal_state, made.owner_thread) == (1, None)


def test_EVT_08_another_thread_waits_and_may_not_release(kernel: Kernel) -> None:
    made = a_mutex()
    wait_for_single_object(made)
    statuses: list[int] = []

    def work() -> None:
        try:
            made.release()
        except StatusException as error:
            statuses.append(error.status)
        statuses.append(poll(made))
        statuses.append(wait_for_single_object(made))
        owners.append(made.owner_thread)
        made.release()

    owners: list[object] = []
    worker = thread(work)
    delay_execution_thread(0, False, -10)
    made.release()
    wait_for_single_object(worker)
    assert statuses == [STATUS_MUTANT_NOT_OWNED, STATUS_TIMEOUT, STATUS_SUCCESS]
    assert (owners, made.owner_thread) == ([worker], None)


def test_EVT_08_the_recursion_limit(kernel: Kernel) -> None:
    made = a_mutex()
    wait_for_single_object(made)
    made.header.signal_state = -0x8000_0000
    with pytest.raises(StatusException) as caught:
        wait_for_single_object(made)
    assert caught.value.status == STATUS_MUTANT_LIMIT_EXCEEDED
    assert made.header.signal_state == -0x8000_0000
