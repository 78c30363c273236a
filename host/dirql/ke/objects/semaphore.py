# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Semaphores."""

from __future__ import annotations

from dirql.ke import current
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.irql import contract
from dirql.ke.threads.thread import Thread
from dirql.nt.constants import DISPATCH_LEVEL, SemaphoreObject
from dirql.nt.status import STATUS_SEMAPHORE_LIMIT_EXCEEDED, raise_status

__all__ = ["Semaphore"]


class Semaphore(DispatcherObject):
    """A semaphore (KSEMAPHORE): each wait that it satisfies takes 1 from its count."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        """Not usable before `initialize`."""
        super().__init__(SemaphoreObject, 0)
        self.limit = 0

    def __repr__(self) -> str:
        """Its count."""
        return f"<semaphore {id(self):#x}, {self.signal_state} of {self.limit}>"

    def initialize(self, count: int, limit: int) -> None:
        """Set the count and the most it can be (KeInitializeSemaphore)."""
        if not 0 <= count <= limit or limit < 1:
            raise ValueError(
                f"a semaphore's count must be 0 ... its limit, which must be above 0; {count} of {limit}"
            )
        self.signal_state = count
        self.limit = limit
        self.wait_list = []

    @contract(max_irql=DISPATCH_LEVEL)
    def release(self, increment: int, adjustment: int, wait: bool = False) -> int:
        """Add `adjustment` and return the previous count (KeReleaseSemaphore).

        Raises STATUS_SEMAPHORE_LIMIT_EXCEEDED, and leaves the count, if that went beyond the limit. `increment` and
        `wait` are those of `Event.set`.
        """
        previous = self.signal_state
        if adjustment < 1 or previous + adjustment > self.limit:
            raise_status(STATUS_SEMAPHORE_LIMIT_EXCEEDED)
        self.signal_state = previous + adjustment
        if self.wait_list:
            self.wake()
            if not wait:
                current.dispatcher.preempt()
        return previous

    def read_state(self) -> int:
        """The count (KeReadStateSemaphore)."""
        current.dispatcher.poll()
        return self.signal_state

    def satisfy(self, thread: Thread) -> None:
        """A wait takes 1."""
        self.signal_state -= 1
