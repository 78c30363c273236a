# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mutexes."""

from __future__ import annotations

from dirql.ke import current
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.irql import contract
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import DISPATCH_LEVEL, MutantObject
from dirql.nt.status import STATUS_MUTANT_LIMIT_EXCEEDED, STATUS_MUTANT_NOT_OWNED, raise_status

__all__ = ["Mutex"]

_RECURSION_LIMIT = -0x8000_0000


class Mutex(DispatcherObject):
    """A mutex (KMUTEX). Its state is 1 when free, 0 when owned once, and 1 less for each further acquisition."""

    __slots__ = ("level", "owner")

    def __init__(self) -> None:
        """Not usable before `initialize`."""
        super().__init__(MutantObject, 1)
        self.owner: Thread | None = None
        self.level = 0

    def __repr__(self) -> str:
        """Its owner."""
        return f"<mutex {id(self):#x}, {'free' if self.owner is None else f'owned by thread {self.owner.number}'}>"

    def initialize(self, level: int = 0) -> None:
        """Make it free (KeInitializeMutex); `level` is kept and means nothing, as on NT."""
        self.signal_state = 1
        self.owner = None
        self.level = level
        self.wait_list = []

    def is_signalled_for(self, thread: Thread) -> bool:
        """Free, or owned by this thread already; at the limit that raises STATUS_MUTANT_LIMIT_EXCEEDED."""
        if self.owner is thread and self.signal_state == _RECURSION_LIMIT:
            raise_status(STATUS_MUTANT_LIMIT_EXCEEDED)
        return self.signal_state > 0 or self.owner is thread

    def satisfy(self, thread: Thread) -> None:
        """The thread owns it once more."""
        self.signal_state -= 1
        self.owner = thread

    @contract(max_irql=DISPATCH_LEVEL)
    def release(self, wait: bool = False) -> int:
        """Give it back once and return the previous state (KeReleaseMutex).

        Raises STATUS_MUTANT_NOT_OWNED if another thread owns it or none. `wait` is that of `Event.set`.
        """
        previous = self.signal_state
        if self.owner is not current.processor.current_thread:
            raise_status(STATUS_MUTANT_NOT_OWNED)
        self.signal_state = previous + 1
        if self.signal_state == 1:
            self.owner = None
            if self.wait_list:
                self.wake()
                if not wait:
                    current.dispatcher.preempt()
        return previous

    def read_state(self) -> int:
        """Its state (KeReadStateMutex)."""
        current.dispatcher.poll()
        return self.signal_state
