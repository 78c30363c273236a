# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Fast mutexes, whose owner runs at APC_LEVEL (row EVT-10)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.ke.locks.ownership import Gate, check_acquire, check_release
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter
from dirql.ke.threads.regions import enter_critical_region, leave_critical_region
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import APC_LEVEL, EVENT_INCREMENT, KernelMode, SynchronizationEvent, WrFastMutex

__all__ = ["FastMutex"]

_INITIALIZE: Final = contract("ExInitializeFastMutex")
_ACQUIRE: Final = contract("ExAcquireFastMutex")
_RELEASE: Final = contract("ExReleaseFastMutex")
_TRY_TO_ACQUIRE: Final = contract("ExTryToAcquireFastMutex")
_ACQUIRE_UNSAFE: Final = contract("ExAcquireFastMutexUnsafe")
_RELEASE_UNSAFE: Final = contract("ExReleaseFastMutexUnsafe")
_ENTER_AND_ACQUIRE: Final = contract("ExEnterCriticalRegionAndAcquireFastMutexUnsafe")
_RELEASE_AND_LEAVE: Final = contract("ExReleaseFastMutexUnsafeAndLeaveCriticalRegion")


@mypyc_attr(allow_interpreted_subclasses=True)
class FastMutex:
    """A fast mutex (FAST_MUTEX).

    `count` is 1 while the mutex is free, 0 while it is owned, and 1 less for each thread that waits.
    """

    __slots__ = ("contention", "count", "event", "old_irql", "owner")

    def __init__(self) -> None:
        """Make a fast mutex that has to be initialized before its use."""
        self.count = 0
        self.owner: Thread | None = None
        self.contention = 0
        """The number of times that a thread has waited."""
        self.event: Event = Gate(self)
        self.old_irql = 0
        """The IRQL that the owner goes back to."""

    def __repr__(self) -> str:
        if self.event.header.type == BLANK:
            return f"<fast mutex {id(self):#x}, not initialized>"
        owner = self.owner
        return f"<fast mutex {id(self):#x}, {'free' if owner is None else f'owned by thread {owner.number}'}>"

    def initialize(self) -> None:
        """Make the mutex free; follows ExInitializeFastMutex. `old_irql` stays as it was, as on NT."""
        _INITIALIZE.check_arguments(self)
        if self.owner is not None and self in self.owner.held:
            self.owner.held.remove(self)
        self.count = 1
        self.owner = None
        self.contention = 0
        self.event.initialize(SynchronizationEvent, False)

    def acquire(self) -> None:
        """Go to APC_LEVEL, and wait until the mutex is free; follows ExAcquireFastMutex.

        The owner must not acquire it again: that wait would never end.
        """
        _ACQUIRE.check(self)
        processor = current.processor
        old_irql = enter(processor, APC_LEVEL)
        self._take("ExAcquireFastMutex", processor.current_thread)
        self.old_irql = old_irql

    def release(self) -> None:
        """Free the mutex and go back to the IRQL before `acquire`; follows ExReleaseFastMutex."""
        _RELEASE.check(self)
        old_irql = self.old_irql
        self._drop("ExReleaseFastMutex")
        enter(current.processor, old_irql)
        current.dispatcher.preempt()

    def try_to_acquire(self) -> bool:
        """Do as `acquire` if the mutex is free; return whether it was. Follows ExTryToAcquireFastMutex."""
        _TRY_TO_ACQUIRE.check(self)
        if self.event.header.type == BLANK:
            self._refuse("ExTryToAcquireFastMutex")
        if self.count != 1:
            return False
        processor = current.processor
        self.old_irql = enter(processor, APC_LEVEL)
        self.count = 0
        self._own(processor.current_thread)
        return True

    def acquire_unsafe(self) -> None:
        """Wait until the mutex is free, for a thread whose APCs are held off; follows ExAcquireFastMutexUnsafe."""
        _ACQUIRE_UNSAFE.check(self)
        self._take("ExAcquireFastMutexUnsafe", current.processor.current_thread)

    def release_unsafe(self) -> None:
        """Free the mutex and leave the IRQL; follows ExReleaseFastMutexUnsafe."""
        _RELEASE_UNSAFE.check(self)
        self._drop("ExReleaseFastMutexUnsafe")
        current.dispatcher.preempt()

    def enter_region_and_acquire_unsafe(self) -> None:
        """Enter a critical region, then acquire; follows ExEnterCriticalRegionAndAcquireFastMutexUnsafe."""
        _ENTER_AND_ACQUIRE.check(self)
        enter_critical_region()
        self.acquire_unsafe()

    def release_unsafe_and_leave_region(self) -> None:
        """Release, then leave the region; follows ExReleaseFastMutexUnsafeAndLeaveCriticalRegion."""
        _RELEASE_AND_LEAVE.check(self)
        self.release_unsafe()
        leave_critical_region()

    def _take(self, routine: str, thread: Thread) -> None:
        if self.event.header.type == BLANK:
            self._refuse(routine)
        check_acquire(routine, self, self.owner, thread)
        self.count -= 1
        if self.count < 0:
            self.contention += 1
            wait_for_single_object(self.event, WrFastMutex, KernelMode, False, None)
        self._own(thread)

    def _own(self, thread: Thread) -> None:
        self.owner = thread
        thread.held.append(self)

    def _drop(self, routine: str) -> None:
        if self.event.header.type == BLANK:
            self._refuse(routine)
        owner = self.owner
        check_release(routine, self, owner, current.processor.current_thread)
        if owner is not None:
            owner.held.remove(self)
        self.owner = None
        self.count += 1
        if self.count <= 0:
            self.event.header.signal_state = 1
            self.event.wake(EVENT_INCREMENT)

    def _refuse(self, routine: str) -> None:
        refuse_blank(self, routine, "ExInitializeFastMutex")
