# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The owner of a lock: the event on which others wait for it, and the rules that Driver Verifier checks."""

from __future__ import annotations

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import is_verified
from dirql.ke.objects.event import Event
from dirql.ke.threads.thread import Thread
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VF_DEADLOCK_NOT_ACQUIRED,
    VF_DEADLOCK_SELF,
    VF_DEADLOCK_WRONG_THREAD,
)

__all__ = ["Gate", "check_acquire", "check_release"]


class Gate(Event):
    """The event on which threads wait for a lock; messages name the lock instead."""

    __slots__ = ("lock",)

    def __init__(self, lock: object) -> None:
        """The event of `lock`, not initialized yet."""
        super().__init__()
        self.lock = lock

    def __repr__(self) -> str:
        return repr(self.lock)


def check_acquire(routine: str, lock: object, owner: Thread | None, thread: Thread) -> None:
    """Bug check 0xC4/0x1000 if a verified driver acquires a lock that its thread owns and would wait for."""
    if owner is thread and is_verified():
        reason = (
            f"{routine}: the thread must not own the lock already, since it would wait for itself; {thread!r} owns"
            f" {lock!r}: release it first, or acquire it in one place only"
        )
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_DEADLOCK_SELF, lock, reason=reason)


def check_release(routine: str, lock: object, owner: Thread | None, thread: Thread) -> None:
    """Bug check 0xC4 if a verified driver releases a lock that its thread does not own."""
    if owner is thread or not is_verified():
        return
    was = "nobody owned it" if owner is None else f"{owner!r} owned it"
    reason = (
        f"{routine} must be called by the thread that owns the lock; {was} when {thread!r} released {lock!r}:"
        " release a lock once, and in the thread that has acquired it"
    )
    if owner is None:
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_DEADLOCK_NOT_ACQUIRED, lock, reason=reason)
    code = DRIVER_VERIFIER_DETECTED_VIOLATION
    bug_check(code, VF_DEADLOCK_WRONG_THREAD, lock, owner, thread, reason=reason)
