# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for each routine of APCs and of the locks above spin locks, for tests that call all routines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dirql import wdm

__all__ = ["LOCK_CALLS", "LOCK_POINTERS"]

L = TypeVar("L")


def owned(acquire: Callable[[L], object], lock: L) -> L:
    """A lock after its acquisition."""
    acquire(lock)
    return lock


def in_region(lock: L) -> L:
    """A lock that may be acquired, because the thread is in a critical region."""
    wdm.KeEnterCriticalRegion()
    return lock


def owned_resource() -> wdm.ERESOURCE:
    """A resource that the thread owns alone, in a critical region."""
    lock = in_region(resource())
    wdm.ExAcquireResourceExclusiveLite(lock, True)
    return lock


def queued() -> wdm.KLOCK_QUEUE_HANDLE:
    """The handle of an acquired spin lock."""
    handle = wdm.KLOCK_QUEUE_HANDLE()
    lock = wdm.KSPIN_LOCK()
    wdm.KeInitializeSpinLock(lock)
    wdm.KeAcquireInStackQueuedSpinLock(lock, handle)
    return handle


def nothing(*_: object) -> int:
    return 0


def apc() -> wdm.KAPC:
    made = wdm.KAPC()
    wdm.KeInitializeApc(
        made, wdm.KeGetCurrentThread(), wdm.OriginalApcEnvironment, nothing, None, None, wdm.KernelMode, None
    )
    return made


def fast_mutex() -> wdm.FAST_MUTEX:
    made = wdm.FAST_MUTEX()
    wdm.ExInitializeFastMutex(made)
    return made


def guarded_mutex() -> wdm.KGUARDED_MUTEX:
    made = wdm.KGUARDED_MUTEX()
    wdm.KeInitializeGuardedMutex(made)
    return made


def resource() -> wdm.ERESOURCE:
    made = wdm.ERESOURCE()
    wdm.ExInitializeResourceLite(made)
    return made


def work_item() -> wdm.WORK_QUEUE_ITEM:
    made = wdm.WORK_QUEUE_ITEM()
    wdm.ExInitializeWorkItem(made, nothing, None)
    return made


LOCK_POINTERS: dict[str, Callable[[object], object]] = {
    "PWORK_QUEUE_ITEM": lambda _: work_item(),
    "PRKAPC": lambda _: apc(),
    "PRKTHREAD": lambda _: wdm.KeGetCurrentThread(),
    "PFAST_MUTEX": lambda _: fast_mutex(),
    "PKGUARDED_MUTEX": lambda _: guarded_mutex(),
    "PERESOURCE": lambda _: resource(),
    "PEX_RUNDOWN_REF": lambda _: wdm.EX_RUNDOWN_REF(),
    "PEX_SPIN_LOCK": lambda _: wdm.EX_SPIN_LOCK(),
    "PEX_PUSH_LOCK": lambda _: wdm.EX_PUSH_LOCK(),
    "PKLOCK_QUEUE_HANDLE": lambda _: wdm.KLOCK_QUEUE_HANDLE(),
}
"""An object for each type of pointer, as a function of the world of the test."""
LOCK_CALLS: dict[str, Callable[[object], tuple[object, ...]]] = {
    "ExInitializeWorkItem": lambda _: (wdm.WORK_QUEUE_ITEM(), nothing, None),
    "KeInitializeApc": lambda _: (
        wdm.KAPC(),
        wdm.KeGetCurrentThread(),
        wdm.OriginalApcEnvironment,
        nothing,
        None,
        None,
        wdm.KernelMode,
        None,
    ),
    "ExReleaseFastMutex": lambda _: (owned(wdm.ExAcquireFastMutex, fast_mutex()),),
    "ExReleaseFastMutexUnsafe": lambda _: (owned(wdm.ExAcquireFastMutexUnsafe, fast_mutex()),),
    "ExReleaseFastMutexUnsafeAndLeaveCriticalRegion": lambda _: (
        owned(wdm.ExEnterCriticalRegionAndAcquireFastMutexUnsafe, fast_mutex()),
    ),
    "KeReleaseGuardedMutex": lambda _: (owned(wdm.KeAcquireGuardedMutex, guarded_mutex()),),
    "KeReleaseGuardedMutexUnsafe": lambda _: (owned(wdm.KeAcquireGuardedMutexUnsafe, guarded_mutex()),),
    "ExReleaseResourceLite": lambda _: (owned_resource(),),
    "ExReleaseResource": lambda _: (owned_resource(),),
    "ExReleaseResourceAndLeaveCriticalRegion": lambda _: (owned_resource(),),
    "ExConvertExclusiveToSharedLite": lambda _: (owned_resource(),),
    "ExReleaseResourceForThreadLite": lambda _: (owned_resource(), wdm.ExGetCurrentResourceThread()),
    "ExSetResourceOwnerPointer": lambda _: (owned_resource(), 3),
    "ExSetResourceOwnerPointerEx": lambda _: (owned_resource(), 3, 0),
    "ExAcquireResourceExclusiveLite": lambda _: (in_region(resource()), True),
    "ExAcquireResourceSharedLite": lambda _: (in_region(resource()), True),
    "ExAcquireSharedStarveExclusive": lambda _: (in_region(resource()), True),
    "ExAcquireSharedWaitForExclusive": lambda _: (in_region(resource()), True),
    "ExReleaseRundownProtection": lambda _: (owned(wdm.ExAcquireRundownProtection, wdm.EX_RUNDOWN_REF()),),
    "ExReleaseRundownProtectionEx": lambda _: (
        owned(wdm.ExAcquireRundownProtection, wdm.EX_RUNDOWN_REF()),
        1,
    ),
    "ExReleaseSpinLockShared": lambda _: (owned(wdm.ExAcquireSpinLockShared, wdm.EX_SPIN_LOCK()), 0),
    "ExReleaseSpinLockSharedFromDpcLevel": lambda _: (
        owned(wdm.ExAcquireSpinLockShared, wdm.EX_SPIN_LOCK()),
    ),
    "ExReleaseSpinLockExclusive": lambda _: (owned(wdm.ExAcquireSpinLockExclusive, wdm.EX_SPIN_LOCK()), 0),
    "ExReleaseSpinLockExclusiveFromDpcLevel": lambda _: (
        owned(wdm.ExAcquireSpinLockExclusive, wdm.EX_SPIN_LOCK()),
    ),
    "ExTryConvertSharedSpinLockExclusive": lambda _: (
        owned(wdm.ExAcquireSpinLockShared, wdm.EX_SPIN_LOCK()),
    ),
    "ExReleasePushLockExclusive": lambda _: (owned(wdm.ExAcquirePushLockExclusive, wdm.EX_PUSH_LOCK()),),
    "ExReleasePushLockShared": lambda _: (owned(wdm.ExAcquirePushLockShared, wdm.EX_PUSH_LOCK()),),
    "KeReleaseInStackQueuedSpinLock": lambda _: (queued(),),
    "KeReleaseInStackQueuedSpinLockFromDpcLevel": lambda _: (queued(),),
    "KeReleaseInStackQueuedSpinLockForDpc": lambda _: (queued(),),
}
"""The arguments of routines that need a lock in a certain state."""
