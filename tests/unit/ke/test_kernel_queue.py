# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Kernel queues: the order of entries and of waiting threads, and the limit for active threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.threads.wait import wait_for_single_object
from unit.ke.making import at, bug_check, notification, thread


def a_queue(count: int = 1) -> wdm.KQUEUE:
    queue = wdm.KQUEUE()
    wdm.KeInitializeQueue(queue, count)
    return queue


def entries(count: int) -> list[wdm.LIST_ENTRY]:
    return [wdm.LIST_ENTRY(number) for number in range(count)]


def let_others_run() -> None:
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -1000)


class Takers:
    """Threads that take entries and note them, and do something with each."""

    def __init__(self, queue: wdm.KQUEUE, count: int, work: Callable[[], object] = lambda: None) -> None:
        self.taken: list[tuple[int, object]] = []
        self.queue, self.work = queue, work
        self.threads = [thread(partial(self._run, number)) for number in range(count)]
        let_others_run()

    def _run(self, number: int) -> None:
        while isinstance(entry := wdm.KeRemoveQueue(self.queue, wdm.KernelMode, None), wdm.LIST_ENTRY):
            self.taken.append((number, entry.record))
            self.work()
        self.taken.append((number, entry))


def test_QUE_01_entries_leave_in_order(kernel: Kernel) -> None:
    queue, (a, b, c) = a_queue(), entries(3)
    assert [wdm.KeInsertQueue(queue, a), wdm.KeInsertQueue(queue, b)] == [0, 1]
    assert wdm.KeInsertHeadQueue(queue, c) == 2
    assert (wdm.KeReadStateQueue(queue), queue.queued()) == (3, (c, a, b))
    assert [wdm.KeRemoveQueue(queue, wdm.KernelMode, None) for _ in range(3)] == [c, a, b]
    assert wdm.KeReadStateQueue(queue) == 0
    assert wdm.KeRemoveQueue(queue, wdm.KernelMode, 0) == wdm.STATUS_TIMEOUT


def test_QUE_01_a_wait_ends_at_its_time(kernel: Kernel) -> None:
    queue = a_queue()
    before = wdm.KeQueryInterruptTime()
    assert wdm.KeRemoveQueue(queue, wdm.KernelMode, -1000) == wdm.STATUS_TIMEOUT
    assert wdm.KeQueryInterruptTime() - before >= 1000
    (entry,) = entries(1)
    wdm.KeInsertQueue(queue, entry)
    assert wdm.KeRemoveQueue(queue, wdm.KernelMode, -1000) is entry


def test_QUE_01_at_dispatch_level_nobody_waits(kernel: Kernel) -> None:
    queue, (entry,) = a_queue(), entries(1)
    wdm.KeInsertQueue(queue, entry)
    with at(wdm.DISPATCH_LEVEL):
        assert wdm.KeRemoveQueue(queue, wdm.KernelMode, 0) is entry
        assert wdm.KeRemoveQueue(queue, wdm.KernelMode, 0) == wdm.STATUS_TIMEOUT
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, 0x121, wdm.DISPATCH_LEVEL, queue):
        wdm.KeRemoveQueue(queue, wdm.KernelMode, None)


def test_QUE_01_an_address_may_stand_for_an_entry(kernel: Kernel) -> None:
    queue = a_queue()
    wdm.KeInsertQueue(queue, 0x1000)
    assert wdm.KeRemoveQueue(queue, wdm.KernelMode, None) == 0x1000


def test_QUE_02_one_thread_at_a_time_works(kernel: Kernel) -> None:
    """The first taker runs until it waits for the event; only then the second gets an entry."""
    queue, event = a_queue(1), notification()
    takers = Takers(queue, 2, lambda: wait_for_single_object(event))
    for entry in entries(2):
        wdm.KeInsertQueue(queue, entry)
    assert (queue.current_count, len(queue.queued())) == (1, 1), "one is ready to run, one entry waits"
    let_others_run()
    assert sorted(number for number, _ in takers.taken) == [0, 1], (
        "the first waits, so that the second may work"
    )
    assert (queue.current_count, wdm.KeReadStateQueue(queue)) == (0, 0)
    assert set(queue.workers()) == set(takers.threads)


def test_QUE_02_a_thread_that_polls_stays_active(kernel: Kernel) -> None:
    queue, done = a_queue(1), notification()
    takers = Takers(queue, 2, lambda: [wdm.KeReadStateEvent(done) for _ in range(50)])
    for entry in entries(4):
        wdm.KeInsertQueue(queue, entry)
    let_others_run()
    assert [number for number, _ in takers.taken] == [1, 1, 1, 1], "the other one never had to work"


def test_QUE_02_who_comes_while_enough_are_active_gets_none(kernel: Kernel) -> None:
    queue, never, got = a_queue(1), notification(), list[object]()
    for entry in entries(2):
        wdm.KeInsertQueue(queue, entry)
    wdm.KeRemoveQueue(queue, wdm.KernelMode, None)
    thread(lambda: got.append(wdm.KeRemoveQueue(queue, wdm.KernelMode, 0)))
    while not got:
        wdm.KeReadStateEvent(never)
    assert (got, len(queue.queued())) == ([wdm.STATUS_TIMEOUT], 1)


def test_QUE_02_the_end_of_a_thread_lets_another_work(kernel: Kernel) -> None:
    queue, taken = a_queue(1), list[object]()
    for entry in entries(2):
        wdm.KeInsertQueue(queue, entry)
    for _ in range(2):
        thread(lambda: taken.append(wdm.KeRemoveQueue(queue, wdm.KernelMode, None)))
    let_others_run()
    assert (len(taken), queue.workers()) == (2, ())


def test_QUE_02_a_thread_belongs_to_the_queue_of_its_last_entry(kernel: Kernel) -> None:
    first, second, (a, b) = a_queue(1), a_queue(1), entries(2)
    wdm.KeInsertQueue(first, a)
    wdm.KeInsertQueue(second, b)
    me = wdm.KeGetCurrentThread()
    wdm.KeRemoveQueue(first, wdm.KernelMode, None)
    assert (first.workers(), first.current_count) == ((me,), 1)
    wdm.KeRemoveQueue(second, wdm.KernelMode, None)
    assert (first.workers(), second.workers()) == ((), (me,))


def test_QUE_02_zero_stands_for_the_processors(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=3)
    assert a_queue(0).maximum_count == 3
    assert a_queue(2).maximum_count == 2


def test_QUE_03_the_newest_waiter_is_served_first(kernel: Kernel) -> None:
    queue = a_queue(4)
    takers = Takers(queue, 3)
    for entry in entries(3):
        wdm.KeInsertQueue(queue, entry)
    let_others_run()
    assert takers.taken == [(2, 0), (1, 1), (0, 2)]


def test_QUE_04_a_rundown_returns_the_entries_and_ends_the_waits(kernel: Kernel) -> None:
    queue, (a, b, c) = a_queue(1), entries(3)
    takers = Takers(queue, 2)
    first = wdm.KeRundownQueue(queue)
    assert first is None
    let_others_run()
    assert sorted(takers.taken) == [(0, wdm.STATUS_ABANDONED), (1, wdm.STATUS_ABANDONED)]
    assert wdm.KeRemoveQueue(queue, wdm.KernelMode, None) == wdm.STATUS_ABANDONED
    wdm.KeInitializeQueue(queue, 1)
    for entry in (a, b, c):
        wdm.KeInsertQueue(queue, entry)
    assert wdm.KeRundownQueue(queue) is a
    assert (a.flink, b.flink, c.flink, a.blink) == (b, c, a, c)
    assert wdm.KeReadStateQueue(queue) == 0


def test_a_user_apc_ends_the_wait_of_a_program(kernel: Kernel) -> None:
    queue, ran = a_queue(), list[object]()
    apc = wdm.KAPC()
    me = wdm.KeGetCurrentThread()
    wdm.KeInitializeApc(
        apc,
        me,
        wdm.OriginalApcEnvironment,
        lambda *_: None,
        None,
        lambda *_: ran.append(1),
        wdm.UserMode,
        None,
    )
    wdm.KeInsertQueueApc(apc, None, None, 0)
    wdm.KeTestAlertThread(wdm.UserMode)
    assert wdm.KeRemoveQueue(queue, wdm.UserMode, None) == wdm.STATUS_USER_APC
    assert ran == [1]


def test_a_kernel_apc_breaks_the_wait_off_for_itself_only(kernel: Kernel) -> None:
    queue, ran, apc = a_queue(), list[int](), wdm.KAPC()
    takers = Takers(queue, 1)
    wdm.KeInitializeApc(
        apc,
        takers.threads[0],
        wdm.OriginalApcEnvironment,
        lambda *_: ran.append(1),
        None,
        None,
        wdm.KernelMode,
        None,
    )
    wdm.KeInsertQueueApc(apc, None, None, 0)
    let_others_run()
    assert (ran, takers.taken) == ([1], [])
    wdm.KeInsertQueue(queue, entries(1)[0])
    let_others_run()
    assert takers.taken == [(0, 0)]


class Taking:
    """A thread that takes an entry, or takes one first when its kernel APC is there."""

    def __init__(self, queue: wdm.KQUEUE, inner: wdm.KQUEUE, timeout: int | None) -> None:
        self.inner: list[object] = []
        self.outer: list[object] = []
        self.belongs = False
        self.outer_queue = queue
        self.thread = thread(self.run)
        self.apc = wdm.KAPC()
        where, mode = wdm.OriginalApcEnvironment, wdm.KernelMode
        routine = self.take
        wdm.KeInitializeApc(self.apc, self.thread, where, lambda *_: None, None, routine, mode, None)
        self.queue, self.timeout = inner, timeout
        let_others_run()

    def run(self) -> None:
        self.outer.append(wdm.KeRemoveQueue(self.outer_queue, wdm.KernelMode, None))
        self.belongs = self.outer_queue.workers() == (self.thread,)

    def take(self, *_: object) -> None:
        self.inner.append(wdm.KeRemoveQueue(self.queue, wdm.KernelMode, self.timeout))

    def tell(self) -> None:
        wdm.KeInsertQueueApc(self.apc, None, None, 0)


@pytest.mark.parametrize("timeout", [0, -500, None])
def test_QUE_01_a_kernel_apc_may_take_from_the_queue_for_which_its_thread_waits(
    kernel: Kernel, timeout: int | None
) -> None:
    queue, (a, b) = a_queue(), entries(2)
    taking = Taking(queue, queue, timeout)
    taking.tell()
    let_others_run()
    if timeout is None:
        assert (taking.inner, taking.outer) == ([], [])
        wdm.KeInsertQueue(queue, a)
        let_others_run()
    assert (taking.inner, taking.outer) == ([a if timeout is None else wdm.STATUS_TIMEOUT], [])
    wdm.KeInsertQueue(queue, b)
    let_others_run()
    assert taking.outer == [b]


def test_QUE_01_an_entry_that_is_handed_over_stays_when_a_kernel_apc_takes_another(kernel: Kernel) -> None:
    queue, (a, b) = a_queue(), entries(2)
    taking = Taking(queue, queue, 0)
    with at(wdm.DISPATCH_LEVEL):
        wdm.KeInsertQueue(queue, a)
        wdm.KeInsertQueue(queue, b)
        taking.tell()
    let_others_run()
    assert (taking.inner, taking.outer) == ([b], [a])


def test_QUE_02_a_thread_whose_kernel_apc_used_another_queue_comes_back(kernel: Kernel) -> None:
    queue, other, (a, b) = a_queue(), a_queue(), entries(2)
    taking = Taking(queue, other, 0)
    wdm.KeInsertQueue(other, a)
    taking.tell()
    let_others_run()
    assert (taking.inner, other.workers()) == ([a], (taking.thread,))
    with at(wdm.DISPATCH_LEVEL):
        wdm.KeInsertQueue(queue, b)
    let_others_run()
    assert (taking.outer, taking.belongs) == ([b], True)


def test_QUE_04_a_rundown_while_a_kernel_apc_runs_ends_the_wait(kernel: Kernel) -> None:
    queue = a_queue()
    taking = Taking(queue, queue, -500)
    taking.tell()
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10)
    assert wdm.KeRundownQueue(queue) is None
    let_others_run()
    assert (taking.inner, taking.outer) == ([wdm.STATUS_ABANDONED], [wdm.STATUS_ABANDONED])


def test_an_entry_must_not_be_queued_twice(kernel: Kernel) -> None:
    queue, (entry,) = a_queue(), entries(1)
    wdm.KeInsertQueue(queue, entry)
    with bug_check(wdm.KERNEL_SECURITY_CHECK_FAILURE, 3):
        wdm.KeInsertHeadQueue(queue, entry)


@pytest.mark.parametrize(
    "routine",
    [
        lambda queue: wdm.KeInsertQueue(queue, wdm.LIST_ENTRY()),
        lambda queue: wdm.KeRemoveQueue(queue, wdm.KernelMode, None),
        wdm.KeRundownQueue,
        wdm.KeReadStateQueue,
    ],
)
def test_a_queue_must_be_initialized(kernel: Kernel, routine: Callable[[wdm.KQUEUE], object]) -> None:
    with bug_check(wdm.KERNEL_SECURITY_CHECK_FAILURE, 3):
        routine(wdm.KQUEUE())


def test_a_queue_is_no_object_for_an_ordinary_wait(kernel: Kernel) -> None:
    with pytest.raises(TypeError, match="call KeRemoveQueue"):
        wait_for_single_object(a_queue())


def test_a_queue_tells_its_state(kernel: Kernel) -> None:
    assert "not initialized" in repr(wdm.KQUEUE())
    queue = a_queue(2)
    wdm.KeInsertQueue(queue, wdm.LIST_ENTRY())
    assert "1 entries, 0 of 2 threads active" in repr(queue)
