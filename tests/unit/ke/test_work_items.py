# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Work items of the executive, and threaded DPCs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc import Dpc
from unit.ke.making import at, bug_check, dpc, notification, thread


def item(routine: Callable[[], object]) -> wdm.WORK_QUEUE_ITEM:
    made = wdm.WORK_QUEUE_ITEM()
    wdm.ExInitializeWorkItem(made, lambda _: routine(), None)
    return made


def pause(microseconds: int = 10) -> None:
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10 * microseconds)


@pytest.mark.parametrize("irql", [wdm.PASSIVE_LEVEL, wdm.APC_LEVEL, wdm.DISPATCH_LEVEL])
def test_a_work_item_runs_in_a_system_thread_at_PASSIVE_LEVEL(kernel: Kernel, irql: int) -> None:
    seen: list[object] = []
    made = wdm.WORK_QUEUE_ITEM()

    def routine(parameter: object) -> None:
        current = wdm.KeGetCurrentThread()
        seen.append((parameter, wdm.KeGetCurrentIrql(), current.is_system))

    wdm.ExInitializeWorkItem(made, routine, "parameter")
    with at(irql):
        wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)
        if irql == wdm.DISPATCH_LEVEL:
            assert seen == []
    pause()
    assert seen == [("parameter", wdm.PASSIVE_LEVEL, True)]


def test_the_routine_may_queue_its_item_again(kernel: Kernel) -> None:
    seen: list[int] = []

    def routine() -> None:
        seen.append(len(seen))
        if len(seen) < 3:
            wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)

    made = item(routine)
    wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)
    pause()
    assert seen == [0, 1, 2]


def test_an_item_that_waits_does_not_hold_off_the_others(kernel: Kernel) -> None:
    go, order = notification(), list[str]()

    def first() -> None:
        wdm.KeWaitForSingleObject(go, wdm.Executive, wdm.KernelMode, False, None)
        order.append("first")

    for routine in (first, lambda: order.append("second")):
        wdm.ExQueueWorkItem(item(routine), wdm.DelayedWorkQueue)
    pause()
    assert order == ["second"]
    wdm.KeSetEvent(go, 0, False)
    pause()
    assert order == ["second", "first"]


def test_more_items_than_threads_all_run(kernel: Kernel) -> None:
    go, done = notification(), list[int]()

    def routine(number: int) -> None:
        wdm.KeWaitForSingleObject(go, wdm.Executive, wdm.KernelMode, False, None)
        done.append(number)

    for number in range(40):
        wdm.ExQueueWorkItem(item(partial(routine, number)), wdm.CriticalWorkQueue)
    pause()
    assert done == []
    assert len(kernel.threads) <= 1 + 16
    wdm.KeSetEvent(go, 0, False)
    pause()
    assert sorted(done) == list(range(40))
    assert len(kernel.threads) == 1, "the threads have ended"


def test_a_critical_item_comes_before_a_delayed_one(kernel: Kernel) -> None:
    order: list[str] = []
    with at(wdm.DISPATCH_LEVEL):
        wdm.ExQueueWorkItem(item(lambda: order.append("delayed")), wdm.DelayedWorkQueue)
        wdm.ExQueueWorkItem(item(lambda: order.append("critical")), wdm.CriticalWorkQueue)
    pause()
    assert order == ["critical", "delayed"]


def test_an_item_that_is_queued_must_not_be_queued_again(kernel: Kernel) -> None:
    made = item(lambda: None)
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)
    with bug_check(wdm.WORKER_INVALID, 1, made, wdm.DelayedWorkQueue, 0):
        wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)


def test_a_queue_must_exist(kernel: Kernel) -> None:
    made = item(lambda: None)
    with bug_check(wdm.WORKER_INVALID, 6, made, 9, 0):
        wdm.ExQueueWorkItem(made, 9)


def test_an_item_must_be_initialized(kernel: Kernel) -> None:
    made = wdm.WORK_QUEUE_ITEM()
    with bug_check(wdm.WORKER_INVALID, 7, made):
        wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)


def test_a_worker_routine_returns_at_PASSIVE_LEVEL(kernel: Kernel) -> None:
    made = item(lambda: wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL))
    with bug_check(
        wdm.WORKER_THREAD_RETURNED_AT_BAD_IRQL, made.worker_routine, wdm.DISPATCH_LEVEL, None, made
    ):
        wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)
        pause()


def test_a_worker_routine_leaves_its_regions(kernel: Kernel) -> None:
    made = item(wdm.KeEnterCriticalRegion)
    with bug_check(wdm.APC_INDEX_MISMATCH, made.worker_routine, 0, 0xFFFF, 1):
        wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)
        pause()


def test_an_item_that_never_ran_is_a_leak(kernel: Kernel) -> None:
    made = item(lambda: None)
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.ExQueueWorkItem(made, wdm.DelayedWorkQueue)
    assert any(repr(made) in leak for leak in kernel.leaks())


# Threaded DPCs.


def threaded(routine: Callable[[], object]) -> Dpc:
    made = wdm.KDPC()
    wdm.KeInitializeThreadedDpc(made, lambda *_: routine(), None)
    return made


def test_DPC_01_a_threaded_dpc_has_type_24(kernel: Kernel) -> None:
    made = threaded(lambda: None)
    assert (made.type, made.importance, made.number) == (24, wdm.MediumImportance, 0)


@pytest.mark.parametrize(("in_threads", "irql"), [(True, wdm.PASSIVE_LEVEL), (False, wdm.DISPATCH_LEVEL)])
def test_DPC_11_a_threaded_dpc_runs_at_PASSIVE_LEVEL_unless_they_are_turned_off(
    kernel: Kernel, in_threads: bool, irql: int
) -> None:
    kernel.threaded_dpcs = in_threads
    seen: list[object] = []
    made = wdm.KDPC()

    def routine(given: Dpc, context: object, argument1: object, argument2: object) -> None:
        seen.append((given is made, context, argument1, argument2, wdm.KeGetCurrentIrql()))

    wdm.KeInitializeThreadedDpc(made, routine, "context")
    assert wdm.KeInsertQueueDpc(made, 1, 2) is True
    assert seen == [(True, "context", 1, 2, irql)]
    assert len(kernel.threads) == 1


def test_DPC_11_ordinary_dpcs_interrupt_it_and_threads_do_not(kernel: Kernel) -> None:
    order: list[str] = []

    def routine() -> None:
        order.append("begins")
        thread(lambda: order.append("thread"), priority=30)
        wdm.KeInsertQueueDpc(dpc(lambda: order.append("dpc")), None, None)
        old_irql = wdm.KeAcquireSpinLockForDpc(lock)
        assert wdm.KeGetCurrentIrql() == wdm.DISPATCH_LEVEL
        wdm.KeReleaseSpinLockForDpc(lock, old_irql)
        order.append("ends")

    lock = wdm.KSPIN_LOCK()
    wdm.KeInitializeSpinLock(lock)
    wdm.KeInsertQueueDpc(threaded(routine), None, None)
    pause()
    assert order == ["begins", "dpc", "ends", "thread"]


def test_DPC_11_it_comes_after_ordinary_dpcs(kernel: Kernel) -> None:
    order: list[str] = []
    with at(wdm.DISPATCH_LEVEL):
        wdm.KeInsertQueueDpc(threaded(lambda: order.append("threaded")), None, None)
        wdm.KeInsertQueueDpc(dpc(lambda: order.append("ordinary")), None, None)
    assert order == ["ordinary", "threaded"]


def test_DPC_04_DPC_05_a_threaded_dpc_is_queued_once_and_can_be_removed(kernel: Kernel) -> None:
    seen: list[str] = []
    made = threaded(lambda: seen.append("ran"))
    with at(wdm.DISPATCH_LEVEL):
        assert wdm.KeInsertQueueDpc(made, None, None) is True
        assert wdm.KeInsertQueueDpc(made, None, None) is False
        assert wdm.KeRemoveQueueDpc(made) is True
        assert wdm.KeRemoveQueueDpc(made) is False
    pause()
    assert seen == []


@pytest.mark.parametrize("processors", [1, 2, 4])
def test_DPC_12_a_flush_waits_for_threaded_dpcs_on_each_processor(
    open_kernel: Callable[..., Kernel], processors: int
) -> None:
    open_kernel(processors)
    seen: list[int] = []

    def routine(number: int) -> None:
        for _ in range(20):
            wdm.KeStallExecutionProcessor(1)
        seen.append(number)

    for number in range(processors):
        made = threaded(partial(routine, number))
        wdm.KeSetTargetProcessorDpc(made, number)
        wdm.KeInsertQueueDpc(made, None, None)
    wdm.KeFlushQueuedDpcs()
    assert sorted(seen) == list(range(processors))


def test_a_threaded_dpc_that_never_ran_is_a_leak(kernel: Kernel) -> None:
    made = threaded(lambda: None)
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.KeInsertQueueDpc(made, None, None)
    assert any(repr(made) in leak for leak in kernel.leaks())
