# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""In-stack queued spin locks, reader/writer spin locks, push locks and rundown protection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.threads.schedule import RandomSchedule
from dirql.ke.threads.thread import Thread
from unit.ke.making import bug_check, notification, thread


def wait(object: Thread | wdm.KEVENT) -> None:
    wdm.KeWaitForSingleObject(object, wdm.Executive, wdm.KernelMode, False, None)


def spin_lock() -> wdm.KSPIN_LOCK:
    lock = wdm.KSPIN_LOCK()
    wdm.KeInitializeSpinLock(lock)
    return lock


def test_LCK_01_a_queued_lock_raises_and_restores_the_irql(kernel: Kernel) -> None:
    lock, handle = spin_lock(), wdm.KLOCK_QUEUE_HANDLE()
    wdm.KeRaiseIrql(wdm.APC_LEVEL)
    wdm.KeAcquireInStackQueuedSpinLock(lock, handle)
    assert (wdm.KeGetCurrentIrql(), handle.old_irql, lock.value) == (wdm.DISPATCH_LEVEL, wdm.APC_LEVEL, 1)
    assert handle.lock_queue.lock is lock
    wdm.KeReleaseInStackQueuedSpinLock(handle)
    assert (wdm.KeGetCurrentIrql(), lock.value) == (wdm.APC_LEVEL, 0)
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)


def test_LCK_03_the_forms_for_dpcs(kernel: Kernel) -> None:
    lock, handle = spin_lock(), wdm.KLOCK_QUEUE_HANDLE()
    wdm.KeAcquireInStackQueuedSpinLockForDpc(lock, handle)
    assert wdm.KeGetCurrentIrql() == wdm.DISPATCH_LEVEL
    wdm.KeReleaseInStackQueuedSpinLockForDpc(handle)
    assert wdm.KeGetCurrentIrql() == wdm.PASSIVE_LEVEL
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.KeAcquireInStackQueuedSpinLockAtDpcLevel(lock, handle)
    assert lock.value == 1
    wdm.KeReleaseInStackQueuedSpinLockFromDpcLevel(handle)
    assert (lock.value, wdm.KeGetCurrentIrql()) == (0, wdm.DISPATCH_LEVEL)
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)


def test_LCK_04_the_owner_of_a_queued_lock_must_not_acquire_it_again(kernel: Kernel) -> None:
    lock = spin_lock()
    wdm.KeAcquireInStackQueuedSpinLock(lock, wdm.KLOCK_QUEUE_HANDLE())
    with bug_check(wdm.SPIN_LOCK_ALREADY_OWNED, lock):
        wdm.KeAcquireInStackQueuedSpinLock(lock, wdm.KLOCK_QUEUE_HANDLE())


def test_LCK_04_a_handle_releases_once(kernel: Kernel) -> None:
    lock, handle = spin_lock(), wdm.KLOCK_QUEUE_HANDLE()
    wdm.KeAcquireInStackQueuedSpinLock(lock, handle)
    wdm.KeReleaseInStackQueuedSpinLock(handle)
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    with bug_check(wdm.SPIN_LOCK_NOT_OWNED, handle):
        wdm.KeReleaseInStackQueuedSpinLock(handle)


@pytest.mark.parametrize("seed", range(8))
def test_processors_get_a_queued_lock_in_the_order_in_which_they_came(
    open_kernel: Callable[..., Kernel], seed: int
) -> None:
    open_kernel(4, schedule=RandomSchedule(seed))
    lock, got = spin_lock(), list[int]()

    def contend(name: int) -> None:
        handle = wdm.KLOCK_QUEUE_HANDLE()
        wdm.KeAcquireInStackQueuedSpinLock(lock, handle)
        got.append(name)
        wdm.KeReleaseInStackQueuedSpinLock(handle)

    handle = wdm.KLOCK_QUEUE_HANDLE()
    wdm.KeAcquireInStackQueuedSpinLock(lock, handle)
    threads = []
    for name in range(3):
        threads.append(thread(partial(contend, name)))
        for _ in range(100):
            wdm.KeStallExecutionProcessor(1)
    assert got == []
    wdm.KeReleaseInStackQueuedSpinLock(handle)
    for each in threads:
        wait(each)
    assert got == [0, 1, 2]


def test_a_reader_writer_lock_is_shared_or_held_alone(kernel: Kernel) -> None:
    lock = wdm.EX_SPIN_LOCK()
    old_irql = wdm.ExAcquireSpinLockShared(lock)
    assert (old_irql, wdm.KeGetCurrentIrql()) == (wdm.PASSIVE_LEVEL, wdm.DISPATCH_LEVEL)
    assert wdm.ExTryConvertSharedSpinLockExclusive(lock) is True
    wdm.ExReleaseSpinLockExclusive(lock, old_irql)
    assert wdm.KeGetCurrentIrql() == wdm.PASSIVE_LEVEL
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.ExAcquireSpinLockExclusiveAtDpcLevel(lock)
    with bug_check(wdm.SPIN_LOCK_ALREADY_OWNED, lock):
        wdm.ExAcquireSpinLockSharedAtDpcLevel(lock)


@pytest.mark.parametrize("release", [wdm.ExReleaseSpinLockShared, wdm.ExReleaseSpinLockExclusive])
def test_a_reader_writer_lock_is_released_as_it_was_acquired(
    kernel: Kernel, release: Callable[[wdm.EX_SPIN_LOCK, int], None]
) -> None:
    lock = wdm.EX_SPIN_LOCK()
    acquire = (
        wdm.ExAcquireSpinLockExclusive
        if release is wdm.ExReleaseSpinLockShared
        else wdm.ExAcquireSpinLockShared
    )
    acquire(lock)
    with bug_check(wdm.SPIN_LOCK_NOT_OWNED, lock):
        release(lock, wdm.PASSIVE_LEVEL)


@pytest.mark.parametrize("processors", [2, 4])
def test_readers_overlap_and_writers_do_not(open_kernel: Callable[..., Kernel], processors: int) -> None:
    open_kernel(processors)
    lock = wdm.EX_SPIN_LOCK()
    inside = {"readers": 0, "writers": 0}
    most = {"readers": 0, "writers": 0}

    def work(kind: str) -> None:
        shared = kind == "readers"
        for _ in range(6):
            old_irql = (wdm.ExAcquireSpinLockShared if shared else wdm.ExAcquireSpinLockExclusive)(lock)
            inside[kind] += 1
            most[kind] = max(most[kind], inside[kind])
            assert inside["writers"] == 0 or (inside["writers"], inside["readers"]) == (1, 0)
            wdm.KeStallExecutionProcessor(2)
            inside[kind] -= 1
            (wdm.ExReleaseSpinLockShared if shared else wdm.ExReleaseSpinLockExclusive)(lock, old_irql)

    for each in [thread(partial(work, kind)) for kind in ("readers", "readers", "writers")]:
        wait(each)
    assert most["readers"] > 1, "the readers were inside at once"
    assert most["writers"] == 1


def test_a_push_lock_is_shared_by_readers_and_waiters_come_in_order(kernel: Kernel) -> None:
    lock = wdm.EX_PUSH_LOCK()
    order: list[str] = []
    gates = {name: notification() for name in ("r1", "w1", "r2", "r3")}

    def use(name: str) -> None:
        shared = name[0] == "r"
        wdm.KeEnterCriticalRegion()
        (wdm.ExAcquirePushLockShared if shared else wdm.ExAcquirePushLockExclusive)(lock)
        order.append(name)
        wait(gates[name])
        (wdm.ExReleasePushLockShared if shared else wdm.ExReleasePushLockExclusive)(lock)
        wdm.KeLeaveCriticalRegion()

    threads = [thread(partial(use, name), priority=10) for name in gates]
    assert order == ["r1"]
    wdm.KeSetEvent(gates["r1"], 0, False)
    assert order == ["r1", "w1"]
    wdm.KeSetEvent(gates["w1"], 0, False)
    assert order == ["r1", "w1", "r2", "r3"]
    for gate in gates.values():
        wdm.KeSetEvent(gate, 0, False)
    for each in threads:
        wait(each)


def test_PSH_01_a_push_lock_is_not_recursive(kernel: Kernel) -> None:
    lock = wdm.EX_PUSH_LOCK()
    wdm.KeEnterCriticalRegion()
    wdm.ExAcquirePushLockShared(lock)
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, 0x1000, lock):
        wdm.ExAcquirePushLockShared(lock)


def test_RUN_01_rundown_protection_is_refused_from_the_rundown_on(kernel: Kernel) -> None:
    protection = wdm.EX_RUNDOWN_REF()
    wdm.ExInitializeRundownProtection(protection)
    assert wdm.ExAcquireRundownProtection(protection) is True
    assert wdm.ExAcquireRundownProtectionEx(protection, 2) is True
    done: list[str] = []

    def run_down() -> None:
        wdm.ExWaitForRundownProtectionRelease(protection)
        done.append("over")

    waiter = thread(run_down, priority=10)
    assert wdm.ExAcquireRundownProtection(protection) is False
    wdm.ExReleaseRundownProtectionEx(protection, 2)
    assert done == []
    wdm.ExReleaseRundownProtection(protection)
    wait(waiter)
    assert done == ["over"]
    assert wdm.ExAcquireRundownProtection(protection) is False
    wdm.ExReInitializeRundownProtection(protection)
    assert wdm.ExAcquireRundownProtection(protection) is True


def test_RUN_01_a_rundown_without_users_is_over_at_once(kernel: Kernel) -> None:
    protection = wdm.EX_RUNDOWN_REF()
    wdm.ExWaitForRundownProtectionRelease(protection)
    wdm.ExRundownCompleted(protection)
    assert wdm.ExAcquireRundownProtection(protection) is False


def test_RUN_01_a_release_without_an_acquisition_is_reported(kernel: Kernel, defects: list[str]) -> None:
    protection = wdm.EX_RUNDOWN_REF()
    wdm.ExReleaseRundownProtection(protection)
    assert (defects, protection.count) == (["RUN-01"], 0)


def test_PSH_01_normal_apcs_must_be_disabled(kernel: Kernel, defects: list[str]) -> None:
    lock = wdm.EX_PUSH_LOCK()
    wdm.ExAcquirePushLockShared(lock)
    assert defects == ["PSH-01"]
    wdm.KeEnterCriticalRegion()
    wdm.ExReleasePushLockShared(lock)
    wdm.ExAcquirePushLockExclusive(lock)
    assert defects == ["PSH-01"]
