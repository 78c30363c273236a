# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Guarded mutexes, whose owner is in a guarded region (row EVT-10)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.ke.locks.ownership import Gate, check_acquire, check_release
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import KernelMode, SynchronizationEvent, WrGuardedMutex

__all__ = ["GuardedMutex"]

_INITIALIZE: Final = contract("KeInitializeGuardedMutex")
_ACQUIRE: Final = contract("KeAcquireGuardedMutex")
_RELEASE: Final = contract("KeReleaseGuardedMutex")
_TRY_TO_ACQUIRE: Final = contract("KeTryToAcquireGuardedMutex")
_ACQUIRE_UNSAFE: Final = contract("KeAcquireGuardedMutexUnsafe")
_RELEASE_UNSAFE: Final = contract("KeReleaseGuardedMutexUnsafe")

_FREE: Final = 1
_WAITER: Final = 4


@mypyc_attr(allow_interpreted_subclasses=True)
class GuardedMutex:
    """A guarded mutex (KGUARDED_MUTEX).

    Bit 0 of `count` is set while the mutex is free; the bits from 2 on count the threads that wait.
    """

    __slots__ = ("contention", "count", "gate", "kernel_apc_disable", "owner", "special_apc_disable")

    def __init__(self) -> None:
        """Make a guarded mutex that has to be initialized before its use."""
        self.count = 0
        self.owner: Thread | None = None
        self.contention = 0
        """The number of times that a thread has waited."""
        self.gate: Event = Gate(self)
        self.kernel_apc_disable = 0
        self.special_apc_disable = 0

    def __repr__(self) -> str:
        if self.gate.header.type == BLANK:
            return f"<guarded mutex {id(self):#x}, not initialized>"
        owner = self.owner
        return (
            f"<guarded mutex {id(self):#x}, {'free' if owner is None else f'owned by thread {owner.number}'}>"
        )

    def initialize(self) -> None:
        """Make the mutex free; follows KeInitializeGuardedMutex."""
        _INITIALIZE.check_arguments(self)
        if self.owner is not None and self in self.owner.held:
            self.owner.held.remove(self)
        self.count = _FREE
        self.owner = None
        self.contention = 0
        self.gate.initialize(SynchronizationEvent, False)

    def acquire(self) -> None:
        """Enter a guarded region, and wait until the mutex is free; follows KeAcquireGuardedMutex.

        The owner must not acquire it again: that wait would never end.
        """
        _ACQUIRE.check(self)
        thread = current.processor.current_thread
        thread.special_apc_disable -= 1
        self._take("KeAcquireGuardedMutex", thread)

    def release(self) -> None:
        """Free the mutex and leave the guarded region; follows KeReleaseGuardedMutex."""
        _RELEASE.check(self)
        thread = current.processor.current_thread
        self._drop("KeReleaseGuardedMutex", thread)
        thread.special_apc_disable += 1
        current.dispatcher.preempt()
        if not thread.special_apc_disable and thread.apc_state.kernel_apc_pending:
            current.dispatcher.take_apcs()

    def try_to_acquire(self) -> bool:
        """Do as `acquire` if the mutex is free, else return False; follows KeTryToAcquireGuardedMutex."""
        _TRY_TO_ACQUIRE.check(self)
        if self.gate.header.type == BLANK:
            self._refuse("KeTryToAcquireGuardedMutex")
        if not self.count & _FREE:
            return False
        thread = current.processor.current_thread
        thread.special_apc_disable -= 1
        self.count ^= _FREE
        self._own(thread)
        return True

    def acquire_unsafe(self) -> None:
        """Wait until the mutex is free, for a thread whose APCs are held off; follows KeAcquireGuardedMutexUnsafe."""
        _ACQUIRE_UNSAFE.check(self)
        self._take("KeAcquireGuardedMutexUnsafe", current.processor.current_thread)

    def release_unsafe(self) -> None:
        """Free the mutex and leave the thread's APCs as they are; follows KeReleaseGuardedMutexUnsafe."""
        _RELEASE_UNSAFE.check(self)
        self._drop("KeReleaseGuardedMutexUnsafe", current.processor.current_thread)
        current.dispatcher.preempt()

    def _take(self, routine: str, thread: Thread) -> None:
        if self.gate.header.type == BLANK:
            self._refuse(routine)
        check_acquire(routine, self, self.owner, thread)
        if self.count & _FREE:
            self.count ^= _FREE
        else:
            self.count += _WAITER
            self.contention += 1
            wait_for_single_object(self.gate, WrGuardedMutex, KernelMode, False, None)
        self._own(thread)

    def _own(self, thread: Thread) -> None:
        self.owner = thread
        thread.held.append(self)

    def _drop(self, routine: str, thread: Thread) -> None:
        if self.gate.header.type == BLANK:
            self._refuse(routine)
        owner = self.owner
        check_release(routine, self, owner, thread)
        if owner is not None:
            owner.held.remove(self)
        self.owner = None
        if self.count >= _WAITER:
            self.count -= _WAITER  # the mutex is handed to the thread that has waited longest
            self.gate.header.signal_state = 1
            self.gate.wake()
        else:
            self.count ^= _FREE

    def _refuse(self, routine: str) -> None:
        refuse_blank(self, routine, "KeInitializeGuardedMutex")
