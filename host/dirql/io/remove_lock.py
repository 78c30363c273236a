# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Remove locks: a count of the users of a device, and a wait until all have left (rows RML-01 … RML-03)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VF_IO_REMOVE_LOCK_RELEASE,
    VF_IO_REMOVE_LOCK_TAG,
)
from dirql.nt.constants import Executive, KernelMode, SynchronizationEvent
from dirql.nt.status import STATUS_DELETE_PENDING, STATUS_SUCCESS

__all__ = ["RemoveLock", "RemoveLockCommonBlock", "RemoveLockDebugBlock"]

_ACQUIRE: Final = contract("IoAcquireRemoveLock")
_RELEASE: Final = contract("IoReleaseRemoveLock")
_RELEASE_AND_WAIT: Final = contract("IoReleaseRemoveLockAndWait")
_INITIALIZE_REMOVE_LOCK: Final = contract("IoInitializeRemoveLock")


class RemoveLockCommonBlock:
    """The state of a remove lock (IO_REMOVE_LOCK_COMMON_BLOCK)."""

    __slots__ = ("io_count", "remove_event", "removed")

    def __init__(self) -> None:
        self.remove_event = Event()
        self.reset()

    def reset(self) -> None:
        """Not removed, without users."""
        self.removed = False
        self.io_count = 1
        """One more than the number of users, until the removal has begun."""
        self.remove_event.initialize(SynchronizationEvent, False)


class RemoveLockDebugBlock:
    """The tags that tell users apart (IO_REMOVE_LOCK_DBG_BLOCK)."""

    __slots__ = ("allocate_tag", "lock_list")

    def __init__(self) -> None:
        self.allocate_tag = ""
        self.lock_list: list[object] = []
        """The tags of the users, in the order in which they came."""


@mypyc_attr(allow_interpreted_subclasses=True)
class RemoveLock:
    """A remove lock (IO_REMOVE_LOCK); it lives in a device extension.

    Each acquire has a tag, which may be any object. A release must name the tag of an acquire that is outstanding, else
    it is bug check 0xC4/0xD5, or 0xC4/0xD6 when none is outstanding.
    """

    __slots__ = ("common", "dbg")

    def __init__(self) -> None:
        self.common = RemoveLockCommonBlock()
        self.dbg = RemoveLockDebugBlock()

    def __repr__(self) -> str:
        state = "removed" if self.common.removed else "in use"
        return f"<remove lock {self.dbg.allocate_tag!r}, {state}, {len(self.dbg.lock_list)} outstanding>"

    def initialize(self, allocate_tag: str, max_locked_minutes: int, high_watermark: int) -> None:
        """Make the lock ready; follows IoInitializeRemoveLock. The two limits are for checked builds and not used."""
        _INITIALIZE_REMOVE_LOCK.check_arguments(self, allocate_tag, max_locked_minutes, high_watermark)
        del max_locked_minutes, high_watermark
        self.dbg.allocate_tag = allocate_tag
        self.dbg.lock_list = []
        self.common.reset()

    def acquire(self, tag: object) -> int:
        """Count one more user; follows IoAcquireRemoveLock.

        Once the removal has begun it counts nothing and returns STATUS_DELETE_PENDING.
        """
        _ACQUIRE.check(self)
        if self.common.removed:
            return STATUS_DELETE_PENDING
        self.common.io_count += 1
        self.dbg.lock_list.append(tag)
        return STATUS_SUCCESS

    def release(self, tag: object) -> None:
        """Count one user less; follows IoReleaseRemoveLock."""
        _RELEASE.check(self)
        self._give_back(tag)
        if self.common.io_count == 0:
            self.common.remove_event.set(0, False)

    def release_and_wait(self, tag: object) -> None:
        """Begin the removal: count the caller as a user less, refuse new users, and wait until the others have left.

        Follows IoReleaseRemoveLockAndWait.
        """
        _RELEASE_AND_WAIT.check(self)
        self.common.removed = True
        self._give_back(tag)
        self.common.io_count -= 1
        if self.common.io_count:
            wait_for_single_object(self.common.remove_event, Executive, KernelMode, False, None)

    def _give_back(self, tag: object) -> None:
        users = self.dbg.lock_list
        for index, known in enumerate(users):
            if known is tag or known == tag:
                del users[index]
                self.common.io_count -= 1
                return
        code = VF_IO_REMOVE_LOCK_TAG if users else VF_IO_REMOVE_LOCK_RELEASE
        reason = (
            f"{self!r} was released with tag {tag!r}, which must be the tag of an acquire that is outstanding"
        )
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, code, reason=reason)
