# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Remove locks: a count of what is under way on a device, and a wait until it is none (rows RML-01 … RML-03)."""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.event import Event
from dirql.ke.processors.irql import contract
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VF_IO_REMOVE_LOCK_RELEASE,
    VF_IO_REMOVE_LOCK_TAG,
)
from dirql.nt.constants import DISPATCH_LEVEL, PASSIVE_LEVEL, Executive, KernelMode, SynchronizationEvent
from dirql.nt.status import STATUS_DELETE_PENDING, STATUS_SUCCESS

__all__ = ["RemoveLock"]


class RemoveLock:
    """A remove lock (IO_REMOVE_LOCK); it lives in a device extension.

    Each acquire has a tag, any object; a release must name the tag of an acquire that is outstanding, else it is bug
    check 0xC4/0xD5 (0xD6 when nothing at all is outstanding).
    """

    __slots__ = ("_acquired", "_count", "_event", "_removed", "allocation_tag")

    def __init__(self) -> None:
        self.initialize("", 0, 0)

    def __repr__(self) -> str:
        state = "removed" if self._removed else "in use"
        return f"<remove lock {self.allocation_tag!r}, {state}, {self._count} outstanding>"

    def initialize(self, allocation_tag: str, maximum_locked_minutes: int, high_water_mark: int) -> None:
        """Make it ready; follows IoInitializeRemoveLock. The two limits are for checked builds and not used."""
        del maximum_locked_minutes, high_water_mark
        self.allocation_tag = allocation_tag
        self._count = 0
        self._removed = False
        self._acquired: list[object] = []
        self._event = Event()
        self._event.initialize(SynchronizationEvent, False)

    @contract(max_irql=DISPATCH_LEVEL)
    def acquire(self, tag: object) -> int:
        """Count one more user; STATUS_DELETE_PENDING, and no count, once removal began. Follows IoAcquireRemoveLock."""
        if self._removed:
            return STATUS_DELETE_PENDING
        self._count += 1
        self._acquired.append(tag)
        return STATUS_SUCCESS

    @contract(max_irql=DISPATCH_LEVEL)
    def release(self, tag: object) -> None:
        """Give an acquire back; follows IoReleaseRemoveLock."""
        self._give_back(tag)
        if self._removed and self._count == 0:
            self._event.set(0, False)

    @contract(max_irql=PASSIVE_LEVEL)
    def release_and_wait(self, tag: object) -> None:
        """Give the caller's acquire back, refuse all others from now on, and wait until the last is back.

        Follows IoReleaseRemoveLockAndWait.
        """
        self._removed = True
        self._give_back(tag)
        if self._count:
            wait_for_single_object(self._event, Executive, KernelMode, False, None)

    def _give_back(self, tag: object) -> None:
        acquired = self._acquired
        for index, known in enumerate(acquired):
            if known is tag or known == tag:
                del acquired[index]
                self._count -= 1
                return
        code = VF_IO_REMOVE_LOCK_TAG if self._count else VF_IO_REMOVE_LOCK_RELEASE
        reason = (
            f"{self!r} was released with tag {tag!r}, which must be the tag of an acquire that is outstanding"
        )
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, code, reason=reason)
