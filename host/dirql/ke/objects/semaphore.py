# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Semaphores, which count (KSEMAPHORE)."""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.dispatcher_object import DispatcherObject, Waiter
from dirql.ke.objects.wait_argument import check_wait
from dirql.ke.processors.contract import contract
from dirql.ke.refusals import note_refusal
from dirql.nt.constants import SemaphoreObject
from dirql.nt.ntstatus import raise_status
from dirql.nt.status import STATUS_SEMAPHORE_LIMIT_EXCEEDED

__all__ = ["Semaphore"]

_RELEASE: Final = contract("KeReleaseSemaphore")
_INITIALIZE_SEMAPHORE: Final = contract("KeInitializeSemaphore")
_READ_STATE_SEMAPHORE: Final = contract("KeReadStateSemaphore")


@mypyc_attr(allow_interpreted_subclasses=True)
class Semaphore(DispatcherObject):
    """A semaphore (KSEMAPHORE). Each wait that it satisfies takes 1 from the count, which is the header's state."""

    __slots__ = ("limit",)

    INITIALIZER: ClassVar[str] = "KeInitializeSemaphore"

    def __init__(self) -> None:
        """Make a semaphore that has to be initialized before its use."""
        super().__init__(BLANK, 0)
        self.limit = 0
        """The highest value of the count."""

    def __repr__(self) -> str:
        if self.header.type < 0:
            return f"<semaphore {id(self):#x}, not initialized>"
        return f"<semaphore {id(self):#x}, {self.header.signal_state} of {self.limit}>"

    def initialize(self, count: int, limit: int) -> None:
        """Set the count and the limit; follows KeInitializeSemaphore. Raises `ValueError` if they make no sense."""
        _INITIALIZE_SEMAPHORE.check_arguments(self, count, limit)
        if not 0 <= count <= limit or limit < 1:
            raise ValueError(
                "KeInitializeSemaphore: Limit must be above 0 and Count must be 0 … Limit;"
                f" they were {limit} and {count}"
            )
        self.header.initialize(SemaphoreObject, count)
        self.limit = limit

    def release(self, increment: int, adjustment: int, wait: bool = False) -> int:
        """Add `adjustment` to the count and return the previous count; follows KeReleaseSemaphore.

        Raises STATUS_SEMAPHORE_LIMIT_EXCEEDED, and leaves the count, if it would go above the limit. The threads that
        this frees are boosted by `increment`. With `wait` the caller goes on to a wait, and no other one runs before.
        """
        _RELEASE.check(self)
        if type(adjustment) is not int or type(increment) is not int:
            _RELEASE.check_arguments(self, increment, adjustment, wait)
        if self.header.type < 0:
            refuse_blank(self, "KeReleaseSemaphore", self.INITIALIZER)
        if wait:
            check_wait("KeReleaseSemaphore")
        previous = self.header.signal_state
        if adjustment < 1 or previous + adjustment > self.limit:
            note_refusal(
                STATUS_SEMAPHORE_LIMIT_EXCEEDED,
                f"KeReleaseSemaphore: Adjustment must be 1 or more, and the count must not go above the limit,"
                f" {self.limit}; Adjustment was {adjustment}, and the count {previous}: release it once for each wait"
                " that has got it, or give KeInitializeSemaphore a higher Limit",
            )
            raise_status(STATUS_SEMAPHORE_LIMIT_EXCEEDED)
        self.header.signal_state = previous + adjustment
        if self.wake(increment) and not wait:
            current.dispatcher.preempt()
        return previous

    def read_state(self) -> int:
        """Return the count; follows KeReadStateSemaphore."""
        _READ_STATE_SEMAPHORE.check_arguments(self)
        if self.header.type < 0:
            refuse_blank(self, "KeReadStateSemaphore", self.INITIALIZER)
        current.dispatcher.poll()
        return self.header.signal_state

    def satisfy(self, thread: Waiter) -> None:
        """Take 1 from the count."""
        self.header.signal_state -= 1
