# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Push locks: small locks that many threads share or one has alone, for threads whose normal kernel APCs are held off.

They are not recursive, and the waiters come in the order of their arrival; those that share come together.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import is_verified
from dirql.ke.locks.ownership import Gate, check_acquire, check_release
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import DRIVER_VERIFIER_DETECTED_VIOLATION, VF_DEADLOCK_SELF
from dirql.nt.constants import APC_LEVEL, KernelMode, SynchronizationEvent, WrPushLock

__all__ = ["PushLock"]

_INITIALIZE: Final = contract("ExInitializePushLock")
_ACQUIRE_EXCLUSIVE: Final = contract("ExAcquirePushLockExclusive")
_ACQUIRE_SHARED: Final = contract("ExAcquirePushLockShared")
_RELEASE_EXCLUSIVE: Final = contract("ExReleasePushLockExclusive")
_RELEASE_SHARED: Final = contract("ExReleasePushLockShared")


class _Waiter:
    """A thread that waits for a push lock."""

    __slots__ = ("gate", "is_exclusive", "thread")

    def __init__(self, lock: PushLock, thread: Thread, is_exclusive: bool) -> None:
        self.thread = thread
        self.is_exclusive = is_exclusive
        self.gate = Gate(lock)
        self.gate.initialize(SynchronizationEvent, False)


@mypyc_attr(allow_interpreted_subclasses=True)
class PushLock:
    """A push lock (EX_PUSH_LOCK)."""

    __slots__ = ("_exclusive", "_shared", "_waiters")

    def __init__(self) -> None:
        """Make a lock that is free; zeros are legal for that in C too."""
        self._exclusive: Thread | None = None
        self._shared: list[Thread] = []
        self._waiters = deque[_Waiter]()

    def __repr__(self) -> str:
        if self._exclusive is not None:
            state = f"owned by thread {self._exclusive.number}"
        elif self._shared:
            state = "shared by " + ", ".join(f"thread {thread.number}" for thread in self._shared)
        else:
            state = "free"
        return f"<push lock {id(self):#x}, {state}>"

    def initialize(self) -> None:
        """Make the lock free; follows ExInitializePushLock."""
        _INITIALIZE.check_arguments(self)
        for thread in self._shared if self._exclusive is None else [self._exclusive]:
            thread.held.remove(self)
        self._exclusive = None
        self._shared.clear()
        self._waiters.clear()

    def acquire_exclusive(self) -> None:
        """Wait until the thread can have the lock alone; follows ExAcquirePushLockExclusive."""
        _ACQUIRE_EXCLUSIVE.check(self)
        thread = self._begin("ExAcquirePushLockExclusive")
        if self._exclusive is not None or self._shared or self._waiters:
            self._wait(thread, True)
        else:
            self._admit(thread, True)

    def acquire_shared(self) -> None:
        """Wait until the thread can share the lock; follows ExAcquirePushLockShared."""
        _ACQUIRE_SHARED.check(self)
        thread = self._begin("ExAcquirePushLockShared")
        if self._exclusive is not None or self._waiters:
            self._wait(thread, False)
        else:
            self._admit(thread, False)

    def release_exclusive(self) -> None:
        """Undo `acquire_exclusive`; follows ExReleasePushLockExclusive."""
        _RELEASE_EXCLUSIVE.check(self)
        thread = current.processor.current_thread
        check_release("ExReleasePushLockExclusive", self, self._exclusive, thread)
        if self._exclusive is not None:
            self._exclusive.held.remove(self)
            self._exclusive = None
            self._pass_on()

    def release_shared(self) -> None:
        """Undo `acquire_shared`; follows ExReleasePushLockShared."""
        _RELEASE_SHARED.check(self)
        thread = current.processor.current_thread
        owner = thread if thread in self._shared else None
        check_release("ExReleasePushLockShared", self, owner, thread)
        if self._shared:
            leaver = self._shared[0] if owner is None else owner
            self._shared.remove(leaver)
            leaver.held.remove(self)
            if not self._shared:
                self._pass_on()

    def _begin(self, routine: str) -> Thread:
        thread = current.processor.current_thread
        check_acquire(routine, self, self._exclusive, thread)
        if thread in self._shared and is_verified():
            reason = f"{routine}: a push lock is not recursive; {thread!r} shares {self!r} already: release it first"
            code = DRIVER_VERIFIER_DETECTED_VIOLATION
            bug_check(code, VF_DEADLOCK_SELF, self, reason=reason)
        if current.processor.irql < APC_LEVEL and not (
            thread.kernel_apc_disable or thread.special_apc_disable
        ):
            report_defect(
                "PSH-01",
                f"{routine}: normal kernel APCs must be disabled, or the owner may be stopped while others wait for it;"
                f" they were enabled in {thread!r}: call KeEnterCriticalRegion before",
            )
        return thread

    def _wait(self, thread: Thread, is_exclusive: bool) -> None:
        waiter = _Waiter(self, thread, is_exclusive)
        self._waiters.append(waiter)
        wait_for_single_object(waiter.gate, WrPushLock, KernelMode, False, None)

    def _admit(self, thread: Thread, is_exclusive: bool) -> None:
        if is_exclusive:
            self._exclusive = thread
        else:
            self._shared.append(thread)
        thread.held.append(self)

    def _pass_on(self) -> None:
        """Let the thread have the lock that has waited longest, or all at the head of the queue that share."""
        was_any = bool(self._waiters)
        while self._waiters and self._exclusive is None:
            waiter = self._waiters[0]
            if waiter.is_exclusive and self._shared:
                break
            self._waiters.popleft()
            self._admit(waiter.thread, waiter.is_exclusive)
            waiter.gate.header.signal_state = 1
            waiter.gate.wake()
        if was_any:
            current.dispatcher.preempt()
