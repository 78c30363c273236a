# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Boosts of priority: who gets one, how far it goes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compiled import no_integer
from dirql import wdm
from dirql.ke.kernel import Kernel
from unit.ke.making import a_mutex, at, notification, synchronization, thread

TICK = 15_625  # µs


def priority() -> int:
    return wdm.KeQueryPriorityThread(wdm.KeGetCurrentThread())


def woken_by(wake: Callable[[wdm.KEVENT], object], base: int = 8) -> list[int]:
    """The priority with which a thread goes on that `wake` sets free, and the one after it has waited again."""
    event, seen = synchronization(), list[int]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        seen.append(priority())

    waiter = thread(wait, base)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wake(event)
    wdm.KeWaitForSingleObject(waiter, wdm.Executive, wdm.KernelMode, False, None)
    return seen


@pytest.mark.parametrize(
    ("base", "increment", "boosted"),
    [
        (8, 0, 8),
        (8, wdm.IO_DISK_INCREMENT, 9),
        (8, wdm.IO_SOUND_INCREMENT, 15),
        (1, wdm.IO_SOUND_INCREMENT, 9),
        (15, 1, 15),
        (14, 100, 15),
        (16, 6, 16),
        (8, -3, 8),
    ],
)
def test_PRI_01_an_event_boosts_what_it_frees(
    kernel: Kernel, base: int, increment: int, boosted: int
) -> None:
    assert woken_by(lambda event: wdm.KeSetEvent(event, increment, False), base) == [boosted]
    assert woken_by(lambda event: wdm.KePulseEvent(event, increment, False), base) == [boosted]


def test_PRI_01_all_that_a_notification_event_frees_are_boosted(kernel: Kernel) -> None:
    event, seen = notification(), list[int]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        seen.append(priority())

    for base in (8, 5):
        thread(wait, base)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeSetEvent(event, 4, False)
    assert seen == [12, 9]


def test_PRI_01_a_semaphore_boosts_and_a_mutex_by_1(kernel: Kernel) -> None:
    semaphore, mutex, seen = wdm.KSEMAPHORE(), a_mutex(), list[int]()
    wdm.KeInitializeSemaphore(semaphore, 0, 9)

    def wait() -> None:
        wdm.KeWaitForSingleObject(semaphore, wdm.Executive, wdm.KernelMode, False, None)
        seen.append(priority())
        wdm.KeWaitForSingleObject(mutex, wdm.Executive, wdm.KernelMode, False, None)
        seen.append(priority())
        wdm.KeReleaseMutex(mutex, False)

    wdm.KeWaitForSingleObject(mutex, wdm.Executive, wdm.KernelMode, False, None)
    waiter = thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeReleaseSemaphore(semaphore, 5, 1, False)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeSetPriorityThread(waiter, 8)
    wdm.KeReleaseMutex(mutex, False)
    assert seen == [13, 9]


def test_PRI_01_a_boosted_thread_goes_before_its_equals_and_before_who_freed_it(kernel: Kernel) -> None:
    event, order = synchronization(), list[str]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        order.append("woken")

    thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    thread(lambda: order.append("equal"))
    with at(wdm.DISPATCH_LEVEL):
        wdm.KeSetEvent(event, 1, False)
        order.append("at DISPATCH_LEVEL")
    order.append("after")
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    assert order == ["at DISPATCH_LEVEL", "woken", "after", "equal"]


def test_PRI_01_a_boost_falls_with_each_quantum(kernel: Kernel) -> None:
    seen = list[int]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        for ticks in (0, 1, 1, 2, 4, 40):
            wdm.KeStallExecutionProcessor(ticks * TICK)
            seen.append(priority())

    event = synchronization()
    thread(wait, 6)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeSetPriorityThread(wdm.KeGetCurrentThread(), 1)
    wdm.KeSetEvent(event, 6, False)
    assert seen == [12, 12, 11, 10, 8, 6]


def test_PRI_01_a_thread_that_could_not_run_does_when_the_boost_has_fallen(kernel: Kernel) -> None:
    event, order = synchronization(), list[object]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        thread(lambda: order.append("other"), 10)
        for _ in range(6):
            wdm.KeStallExecutionProcessor(TICK)
            order.append(priority())

    waiter = thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeSetEvent(event, 3, False)
    wdm.KeWaitForSingleObject(waiter, wdm.Executive, wdm.KernelMode, False, None)
    assert order == [11, 10, 10, "other", 9, 9, 8]


def test_PRI_01_time_in_waits_is_free_and_each_wait_takes_a_sixth(kernel: Kernel) -> None:
    event, seen = synchronization(), list[int]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        for _ in range(13):
            seen.append(priority())
            wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000_000)

    waiter = thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeSetEvent(event, 2, False)
    wdm.KeWaitForSingleObject(waiter, wdm.Executive, wdm.KernelMode, False, None)
    assert seen == [10] * 6 + [9] * 6 + [8]


def test_PRI_01_a_second_boost_counts_from_the_base(kernel: Kernel) -> None:
    event, seen = synchronization(), list[int]()

    def wait() -> None:
        for _ in range(3):
            wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
            seen.append(priority())

    thread(wait)
    for increment in (4, 2, 5):
        wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
        wdm.KeSetEvent(event, increment, False)
    assert seen == [12, 12, 13]


def test_PRI_01_a_priority_that_is_set_is_the_base_of_boosts(kernel: Kernel) -> None:
    event, seen = synchronization(), list[int]()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        me = wdm.KeGetCurrentThread()
        seen.append(wdm.KeSetPriorityThread(me, 9))
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        seen.append(wdm.KeSetBasePriorityThread(me, 2))
        seen.append(priority())

    thread(wait)
    for increment in (4, 3):
        wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
        wdm.KeSetEvent(event, increment, False)
    assert seen == [12, 1, 10]


def test_PRI_01_an_alert_boosts_by_2_and_an_apc_by_its_increment(kernel: Kernel) -> None:
    seen = list[int]()

    def wait() -> None:
        wdm.KeDelayExecutionThread(wdm.KernelMode, True, -10_000_000)
        seen.append(priority())
        wdm.KeSetPriorityThread(wdm.KeGetCurrentThread(), 8)
        wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000_000)

    waiter = thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeAlertThread(waiter, wdm.KernelMode)
    apc = wdm.KAPC()
    environment = wdm.OriginalApcEnvironment

    def note(*_: object) -> None:
        seen.append(priority())

    wdm.KeInitializeApc(apc, waiter, environment, note, None, None, wdm.KernelMode, None)
    wdm.KeInsertQueueApc(apc, None, None, 5)
    assert seen == [10, 13]


def test_a_poller_does_not_keep_its_equals_out_for_ever(kernel: Kernel) -> None:
    """A boosted thread that looks at an event without waiting lets the thread run that will set it."""
    event, done = synchronization(), notification()

    def wait() -> None:
        wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        thread(lambda: wdm.KeSetEvent(done, 0, False))
        while not wdm.KeReadStateEvent(done):
            pass

    waiter = thread(wait)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000)
    wdm.KeSetEvent(event, 7, False)
    wdm.KeWaitForSingleObject(waiter, wdm.Executive, wdm.KernelMode, False, None)


@pytest.mark.parametrize("routine", [wdm.KeSetEvent, wdm.KePulseEvent])
def test_an_increment_is_a_number(kernel: Kernel, routine: Callable[..., int]) -> None:
    with pytest.raises(TypeError, match=no_integer("Increment")):
        routine(notification(), "1", False)
