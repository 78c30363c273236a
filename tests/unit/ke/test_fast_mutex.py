# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Fast mutexes and guarded mutexes: their counts, levels and regions, and who comes next."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from unittest.mock import ANY

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.locks.fast_mutex import FastMutex
from dirql.ke.locks.guarded_mutex import GuardedMutex
from dirql.ke.threads.thread import Thread
from dirql.ke.watch.report import report
from unit.ke.making import bug_check, notification, thread

LEVELS = [wdm.PASSIVE_LEVEL, wdm.APC_LEVEL, wdm.DISPATCH_LEVEL, wdm.HIGH_LEVEL]
SELF, WRONG_THREAD, NOT_ACQUIRED, ENDED = 0x1000, 0x1004, 0x1007, 0x100A


def current() -> Thread:
    return wdm.KeGetCurrentThread()


def fast() -> FastMutex:
    mutex = wdm.FAST_MUTEX()
    wdm.ExInitializeFastMutex(mutex)
    return mutex


def guarded() -> GuardedMutex:
    mutex = wdm.KGUARDED_MUTEX()
    wdm.KeInitializeGuardedMutex(mutex)
    return mutex


def state(mutex: FastMutex) -> tuple[int, Thread | None, int, int, bool, int]:
    irql = wdm.KeGetCurrentIrql()
    return mutex.count, mutex.owner, mutex.contention, mutex.old_irql, wdm.KeAreApcsDisabled(), irql


def guarded_state(mutex: GuardedMutex) -> tuple[int, Thread | None, int, int, int, int]:
    me = current()
    counts = (me.kernel_apc_disable, me.special_apc_disable)
    return mutex.count, mutex.owner, mutex.contention, *counts, wdm.KeGetCurrentIrql()


@pytest.fixture
def unverified(kernel: Kernel) -> Kernel:
    """NT itself does not check the levels of these routines."""
    kernel.verifier.verify(None, None)
    return kernel


@pytest.mark.parametrize("irql", LEVELS)
def test_EVT_10_a_fast_mutex_puts_its_owner_at_APC_LEVEL(unverified: Kernel, irql: int) -> None:
    mutex = fast()
    wdm.KeRaiseIrql(irql)
    wdm.ExAcquireFastMutex(mutex)
    owned = (0, current(), 0, irql, False, wdm.APC_LEVEL)
    assert state(mutex) == owned
    assert wdm.ExTryToAcquireFastMutex(mutex) is False
    assert state(mutex) == owned
    wdm.ExReleaseFastMutex(mutex)
    assert state(mutex) == (1, None, 0, irql, False, irql)
    assert wdm.ExTryToAcquireFastMutex(mutex) is True
    assert state(mutex) == owned
    wdm.ExReleaseFastMutex(mutex)
    assert state(mutex) == (1, None, 0, irql, False, irql)


@pytest.mark.parametrize("irql", LEVELS)
def test_EVT_10_the_unsafe_forms_leave_irql_and_apcs(unverified: Kernel, irql: int) -> None:
    mutex = fast()
    mutex.old_irql = 5
    wdm.KeRaiseIrql(irql)
    wdm.ExAcquireFastMutexUnsafe(mutex)
    assert state(mutex) == (0, current(), 0, 5, False, irql)
    wdm.ExReleaseFastMutexUnsafe(mutex)
    assert state(mutex) == (1, None, 0, 5, False, irql)


def test_EVT_10_a_release_that_does_not_match_the_acquisition(unverified: Kernel) -> None:
    mutex = fast()
    wdm.ExAcquireFastMutex(mutex)
    wdm.ExReleaseFastMutexUnsafe(mutex)
    assert state(mutex) == (1, None, 0, wdm.PASSIVE_LEVEL, False, wdm.APC_LEVEL)
    wdm.ExReleaseFastMutexUnsafe(mutex)
    assert mutex.count == 2, "NT counts a release without an acquisition"
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)


def test_the_forms_with_a_critical_region(kernel: Kernel) -> None:
    mutex = fast()
    wdm.ExEnterCriticalRegionAndAcquireFastMutexUnsafe(mutex)
    assert (mutex.owner, wdm.KeAreApcsDisabled()) == (current(), True)
    wdm.ExReleaseFastMutexUnsafeAndLeaveCriticalRegion(mutex)
    assert (mutex.owner, wdm.KeAreApcsDisabled()) == (None, False)


class Contender:
    """A thread that acquires a mutex, says so, and releases it when it is told to."""

    def __init__(self, acquire: Callable[[], object], release: Callable[[], object], irql: int = 0) -> None:
        self.has_it, self.may_go = notification(), notification()
        self.acquire, self.release, self.irql = acquire, release, irql
        self.thread = thread(self.run, priority=10)

    def run(self) -> None:
        old_irql = wdm.KeRaiseIrql(self.irql)
        self.acquire()
        wdm.KeSetEvent(self.has_it, 0, False)
        wdm.KeWaitForSingleObject(self.may_go, wdm.Executive, wdm.KernelMode, False, None)
        self.release()
        wdm.KeLowerIrql(old_irql)

    def finish(self) -> None:
        wdm.KeSetEvent(self.may_go, 0, False)
        wdm.KeWaitForSingleObject(self.thread, wdm.Executive, wdm.KernelMode, False, None)


def test_EVT_10_threads_get_a_fast_mutex_in_the_order_of_their_waits(kernel: Kernel) -> None:
    mutex = fast()
    acquire, release = partial(wdm.ExAcquireFastMutex, mutex), partial(wdm.ExReleaseFastMutex, mutex)
    first = Contender(acquire, release)
    assert (mutex.count, mutex.owner, mutex.contention) == (0, first.thread, 0)
    second = Contender(acquire, release, wdm.APC_LEVEL)
    third = Contender(acquire, release)
    assert (mutex.count, mutex.owner, mutex.contention) == (-2, first.thread, 2)
    first.finish()
    assert (mutex.count, mutex.owner, mutex.old_irql) == (-1, second.thread, wdm.APC_LEVEL)
    second.finish()
    assert (mutex.count, mutex.owner, mutex.old_irql) == (0, third.thread, wdm.PASSIVE_LEVEL)
    third.finish()
    assert (mutex.count, mutex.owner, mutex.contention) == (1, None, 2)


def test_EVT_10_threads_get_a_guarded_mutex_in_the_order_of_their_waits(kernel: Kernel) -> None:
    mutex = guarded()
    acquire, release = partial(wdm.KeAcquireGuardedMutex, mutex), partial(wdm.KeReleaseGuardedMutex, mutex)
    first = Contender(acquire, release)
    second = Contender(acquire, release, wdm.APC_LEVEL)
    assert (mutex.count, mutex.owner, mutex.contention) == (4, first.thread, 1)
    third = Contender(acquire, release)
    assert (mutex.count, mutex.owner, mutex.contention) == (8, first.thread, 2)
    first.finish()
    assert (mutex.count, mutex.owner) == (4, second.thread)
    second.finish()
    assert (mutex.count, mutex.owner) == (0, third.thread)
    third.finish()
    assert (mutex.count, mutex.owner, mutex.contention) == (1, None, 2)


@pytest.mark.parametrize("irql", LEVELS)
@pytest.mark.parametrize(("kernel_apcs", "special"), [(0, 0), (-1, 0), (0, -1), (-3, -2)])
def test_EVT_10_a_guarded_mutex_puts_its_owner_into_a_guarded_region(
    unverified: Kernel, irql: int, kernel_apcs: int, special: int
) -> None:
    mutex = guarded()
    for _ in range(-kernel_apcs):
        wdm.KeEnterCriticalRegion()
    for _ in range(-special):
        wdm.KeEnterGuardedRegion()
    wdm.KeRaiseIrql(irql)
    free = (1, None, 0, kernel_apcs, special, irql)
    owned = (0, current(), 0, kernel_apcs, special - 1, irql)
    assert guarded_state(mutex) == free
    wdm.KeAcquireGuardedMutex(mutex)
    assert guarded_state(mutex) == owned
    assert wdm.KeTryToAcquireGuardedMutex(mutex) is False
    assert guarded_state(mutex) == owned
    wdm.KeReleaseGuardedMutex(mutex)
    assert guarded_state(mutex) == free
    assert wdm.KeTryToAcquireGuardedMutex(mutex) is True
    assert guarded_state(mutex) == owned
    wdm.KeReleaseGuardedMutex(mutex)
    wdm.KeAcquireGuardedMutexUnsafe(mutex)
    assert guarded_state(mutex) == (0, current(), 0, kernel_apcs, special, irql)
    wdm.KeReleaseGuardedMutexUnsafe(mutex)
    assert guarded_state(mutex) == free


@pytest.mark.parametrize("make", [fast, guarded])
def test_an_apc_waits_until_the_mutex_is_released(
    kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
) -> None:
    order: list[str] = []
    mutex = make()
    acquire, release = routines(mutex)
    apc = wdm.KAPC()
    environment = wdm.OriginalApcEnvironment
    wdm.KeInitializeApc(
        apc, current(), environment, lambda *_: order.append("apc"), None, None, wdm.KernelMode, None
    )
    acquire()
    wdm.KeInsertQueueApc(apc, None, None, 0)
    order.append("owned")
    release()
    assert order == ["owned", "apc"]


def routines(mutex: FastMutex | GuardedMutex) -> tuple[Callable[[], object], Callable[[], object]]:
    if isinstance(mutex, FastMutex):
        return partial(wdm.ExAcquireFastMutex, mutex), partial(wdm.ExReleaseFastMutex, mutex)
    return partial(wdm.KeAcquireGuardedMutex, mutex), partial(wdm.KeReleaseGuardedMutex, mutex)


@pytest.mark.parametrize("make", [fast, guarded])
class TestRulesForOwners:
    def test_the_owner_must_not_acquire_again(
        self, kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
    ) -> None:
        mutex = make()
        acquire, _ = routines(mutex)
        acquire()
        with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, SELF, mutex, 0, 0):
            acquire()

    def test_nobody_releases_a_free_mutex(
        self, kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
    ) -> None:
        mutex = make()
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, NOT_ACQUIRED, mutex, 0, 0):
            routines(mutex)[1]()

    def test_no_other_thread_releases_it(
        self, kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
    ) -> None:
        mutex = make()
        acquire, release = routines(mutex)
        Contender(acquire, release)
        wdm.KeRaiseIrql(wdm.APC_LEVEL)
        with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, WRONG_THREAD, mutex):
            release()

    def test_a_thread_must_not_end_with_it(
        self, kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
    ) -> None:
        mutex = make()

        def end() -> None:
            if isinstance(mutex, FastMutex):
                wdm.ExAcquireFastMutexUnsafe(mutex)
            else:
                wdm.KeAcquireGuardedMutexUnsafe(mutex)

        with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, ENDED, ANY, mutex, 0):
            thread(end, priority=10)

    def test_it_must_be_initialized(
        self, kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
    ) -> None:
        blank = type(make())()
        with bug_check(wdm.KERNEL_SECURITY_CHECK_FAILURE, 3, match="must be initialized by"):
            routines(blank)[0]()

    def test_hang_reports_name_the_mutex_and_its_owner(
        self, kernel: Kernel, make: Callable[[], FastMutex | GuardedMutex]
    ) -> None:
        mutex = make()
        acquire, release = routines(mutex)
        first = Contender(acquire, release)
        second = Contender(acquire, release)
        told = report(())
        assert f"thread {second.thread.number}, waiting for {mutex!r}" in told
        assert f"owns {mutex!r}" in told
        first.finish()
        second.finish()


def test_a_release_without_an_acquisition_gets_the_step_to_apc_level(kernel: Kernel) -> None:
    mutex = FastMutex()
    mutex.initialize()
    step = "ExReleaseFastMutex must be called at APC_LEVEL; .*: raise the IRQL to APC_LEVEL before"
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, 0x34, match=step):
        wdm.ExReleaseFastMutex(mutex)
