# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""In-stack queued spin locks: spin locks whose waiters come in the order of their arrival.

The lock is an ordinary KSPIN_LOCK, which must be acquired in this way everywhere. The handle of each acquisition
(KLOCK_QUEUE_HANDLE) is the place in the queue, and what the release takes.
"""

from __future__ import annotations

from typing import Final, NoReturn

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter, restore_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.nt.bugcodes import SPIN_LOCK_NOT_OWNED
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = ["LockQueue", "LockQueueHandle", "acquire", "acquire_at_dpc_level", "acquire_for_dpc"]

_ACQUIRE: Final = contract("KeAcquireInStackQueuedSpinLock")
_RELEASE: Final = contract("KeReleaseInStackQueuedSpinLock")
_ACQUIRE_AT_DPC_LEVEL: Final = contract("KeAcquireInStackQueuedSpinLockAtDpcLevel")
_RELEASE_FROM_DPC_LEVEL: Final = contract("KeReleaseInStackQueuedSpinLockFromDpcLevel")
_ACQUIRE_FOR_DPC: Final = contract("KeAcquireInStackQueuedSpinLockForDpc")
_RELEASE_FOR_DPC: Final = contract("KeReleaseInStackQueuedSpinLockForDpc")


class LockQueue:
    """The place of one acquisition in the queue of a lock (KSPIN_LOCK_QUEUE)."""

    __slots__ = ("lock", "next")

    def __init__(self) -> None:
        self.lock: SpinLock | None = None
        """The lock that is acquired with this handle; None while there is none."""
        self.next: LockQueue | None = None
        """The acquisition that comes next."""


@mypyc_attr(allow_interpreted_subclasses=True)
class LockQueueHandle:
    """One acquisition of a queued spin lock (KLOCK_QUEUE_HANDLE)."""

    __slots__ = ("lock_queue", "old_irql")

    def __init__(self) -> None:
        """Make a handle that holds no lock."""
        self.lock_queue = LockQueue()
        self.old_irql = 0

    def release(self) -> None:
        """Release the lock and go back to the IRQL before; follows KeReleaseInStackQueuedSpinLock."""
        _RELEASE.check(self)
        self._drop("KeReleaseInStackQueuedSpinLock")
        restore_irql(self.old_irql)

    def release_from_dpc_level(self) -> None:
        """Release the lock and leave the IRQL; follows KeReleaseInStackQueuedSpinLockFromDpcLevel."""
        _RELEASE_FROM_DPC_LEVEL.check(self)
        self._drop("KeReleaseInStackQueuedSpinLockFromDpcLevel")

    def release_for_dpc(self) -> None:
        """Undo `acquire_for_dpc`; follows KeReleaseInStackQueuedSpinLockForDpc."""
        _RELEASE_FOR_DPC.check(self)
        self._drop("KeReleaseInStackQueuedSpinLockForDpc")
        if self.old_irql < DISPATCH_LEVEL:
            restore_irql(self.old_irql)

    def _drop(self, routine: str) -> None:
        lock = self.lock_queue.lock
        if lock is None:
            self._refuse(routine)
        self.lock_queue.lock = None
        self.lock_queue.next = None
        lock.drop(current.processor)

    def _refuse(self, routine: str) -> NoReturn:
        reason = (
            f"{routine}: the handle must hold a lock, and held none: give the KLOCK_QUEUE_HANDLE of the acquisition,"
            " once"
        )
        bug_check(SPIN_LOCK_NOT_OWNED, self, 0, 0, 0, reason=reason)


def acquire(spin_lock: SpinLock, lock_handle: LockQueueHandle) -> None:
    """Raise to DISPATCH_LEVEL and take the lock in turn; follows KeAcquireInStackQueuedSpinLock."""
    _ACQUIRE.check_two(spin_lock, lock_handle)
    lock_handle.old_irql = enter(current.processor, DISPATCH_LEVEL)
    _take(spin_lock, lock_handle)


def acquire_at_dpc_level(spin_lock: SpinLock, lock_handle: LockQueueHandle) -> None:
    """Take the lock in turn and leave the IRQL; follows KeAcquireInStackQueuedSpinLockAtDpcLevel."""
    _ACQUIRE_AT_DPC_LEVEL.check_two(spin_lock, lock_handle)
    lock_handle.old_irql = current.processor.irql
    _take(spin_lock, lock_handle)


def acquire_for_dpc(spin_lock: SpinLock, lock_handle: LockQueueHandle) -> None:
    """Take the lock in a DPC of either kind; follows KeAcquireInStackQueuedSpinLockForDpc."""
    _ACQUIRE_FOR_DPC.check_two(spin_lock, lock_handle)
    processor = current.processor
    lock_handle.old_irql = processor.irql
    if processor.irql < DISPATCH_LEVEL:
        enter(processor, DISPATCH_LEVEL)
    _take(spin_lock, lock_handle)


def _take(lock: SpinLock, handle: LockQueueHandle) -> None:
    place = handle.lock_queue
    place.lock = lock
    lock.take_in_turn(current.processor, place)
