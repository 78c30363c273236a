# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mutexes, which one thread owns at a time (KMUTEX)."""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.dispatcher_object import DispatcherObject, Waiter
from dirql.ke.objects.wait_argument import check_wait
from dirql.ke.processors.contract import contract
from dirql.ke.refusals import note_refusal
from dirql.nt.constants import MutantObject
from dirql.nt.ntstatus import raise_status
from dirql.nt.status import STATUS_MUTANT_LIMIT_EXCEEDED, STATUS_MUTANT_NOT_OWNED

__all__ = ["Mutex"]

_RELEASE: Final = contract("KeReleaseMutex")
_INITIALIZE_MUTEX: Final = contract("KeInitializeMutex")
_READ_STATE_MUTEX: Final = contract("KeReadStateMutex")

_RECURSION_LIMIT: Final = -0x8000_0000
_MUTANT_INCREMENT: Final = 1
"""The boost of the thread that gets a mutex."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Mutex(DispatcherObject):
    """A mutex (KMUTEX).

    The state is 1 while the mutex is free, 0 while a thread has acquired it once, and 1 less for each further time.
    Its owner is in a critical region.
    """

    __slots__ = ("owner_thread",)

    INITIALIZER: ClassVar[str] = "KeInitializeMutex"

    def __init__(self) -> None:
        """Make a mutex that has to be initialized before its use."""
        super().__init__(BLANK, 0)
        self.owner_thread: Waiter | None = None

    def __repr__(self) -> str:
        owner = self.owner_thread
        if self.header.type < 0:
            return f"<mutex {id(self):#x}, not initialized>"
        return f"<mutex {id(self):#x}, {'free' if owner is None else f'owned by thread {owner.number}'}>"

    def initialize(self, level: int = 0) -> None:
        """Make the mutex free; follows KeInitializeMutex. `level` means nothing, as on NT."""
        _INITIALIZE_MUTEX.check_arguments(self, level)
        del level
        self.header.initialize(MutantObject, 1)
        owner, self.owner_thread = self.owner_thread, None
        if owner is not None:
            owner.mutexes.remove(self)
            owner.kernel_apc_disable += 1

    def is_signalled_for(self, thread: Waiter) -> bool:
        """Whether the mutex is free or belongs to this thread already.

        Raises STATUS_MUTANT_LIMIT_EXCEEDED if the thread has acquired it as often as NT can count.
        """
        state = self.header.signal_state
        if self.owner_thread is thread and state == _RECURSION_LIMIT:
            raise_status(STATUS_MUTANT_LIMIT_EXCEEDED)
        return state > 0 or self.owner_thread is thread

    def satisfy(self, thread: Waiter) -> None:
        """Let the thread own the mutex once more."""
        if self.owner_thread is not thread:
            thread.mutexes.append(self)
            thread.kernel_apc_disable -= 1
        self.header.signal_state -= 1
        self.owner_thread = thread

    def release(self, wait: int = 0) -> int:
        """Undo one acquisition and return the previous state; follows KeReleaseMutex.

        Raises STATUS_MUTANT_NOT_OWNED unless the current thread owns the mutex. The next owner is boosted by 1. With
        `wait` the caller goes on to a wait, and no other thread runs before that.
        """
        _RELEASE.check(self)
        if self.header.type < 0:
            refuse_blank(self, "KeReleaseMutex", self.INITIALIZER)
        if wait:
            check_wait("KeReleaseMutex")
        previous = self.header.signal_state
        if self.owner_thread is not current.processor.current_thread:
            note_refusal(
                STATUS_MUTANT_NOT_OWNED,
                f"KeReleaseMutex must be called by the thread that owns the mutex; {self!r} was not its own: call it"
                " once for each wait that has got the mutex, in the same thread",
            )
            raise_status(STATUS_MUTANT_NOT_OWNED)
        self.header.signal_state = previous + 1
        if previous == 0:
            self.owner_thread = None
            thread = current.processor.current_thread
            thread.mutexes.remove(self)
            thread.kernel_apc_disable += 1
            if self.wake(_MUTANT_INCREMENT) and not wait:
                current.dispatcher.preempt()
            if thread.apc_state.kernel_apc_pending and not thread.kernel_apc_disable:
                current.dispatcher.take_apcs()
        return previous

    def read_state(self) -> int:
        """Return the state; follows KeReadStateMutex."""
        _READ_STATE_MUTEX.check_arguments(self)
        if self.header.type < 0:
            refuse_blank(self, "KeReadStateMutex", self.INITIALIZER)
        current.dispatcher.poll()
        return self.header.signal_state
