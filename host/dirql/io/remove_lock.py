# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Remove locks: a count of the users of a device, and a wait until all have left (rows RML-01 … RML-03)."""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.defects import report_defect
from dirql.ke.guard import is_verified
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VF_IO_REMOVE_LOCK_DELETED,
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
    it is bug check 0xC4/0xD5, or 0xC4/0xD6 for IoReleaseRemoveLockAndWait, for a driver that is verified; without
    Driver Verifier NT counts the users alone, and a wrong tag is a defect.
    """

    __slots__ = ("common", "dbg", "is_initialized")

    def __init__(self) -> None:
        self.common = RemoveLockCommonBlock()
        self.dbg = RemoveLockDebugBlock()
        self.is_initialized = False

    def __repr__(self) -> str:
        state = "removed" if self.common.removed else "in use" if self.is_initialized else "not initialized"
        tag: object = self.dbg.allocate_tag  # any object of a driver, such as the lock itself
        shown = repr(tag) if isinstance(tag, str | int) else "with an object for a tag"
        return f"<remove lock {shown}, {state}, {len(self.dbg.lock_list)} outstanding>"

    def initialize(self, allocate_tag: str, max_locked_minutes: int, high_watermark: int) -> None:
        """Make the lock ready; follows IoInitializeRemoveLock. The two limits are for checked builds and not used."""
        _INITIALIZE_REMOVE_LOCK.check_arguments(self, allocate_tag, max_locked_minutes, high_watermark)
        del max_locked_minutes, high_watermark
        if self.is_initialized and is_verified():
            reason = f"IoInitializeRemoveLock: Lock must be initialized once in its life; it was {self!r}"
            bug_check(
                DRIVER_VERIFIER_DETECTED_VIOLATION, VF_IO_REMOVE_LOCK_DELETED, self, self, 0, reason=reason
            )
        self.is_initialized = True
        self.dbg.allocate_tag = allocate_tag
        self.dbg.lock_list = []
        self.common.reset()

    def acquire(self, tag: object) -> int:
        """Count one more user; follows IoAcquireRemoveLock.

        Once the removal has begun it counts nothing and returns STATUS_DELETE_PENDING.
        """
        _ACQUIRE.check(self)
        if not self.is_initialized:
            refuse_blank(self, "IoAcquireRemoveLock", "IoInitializeRemoveLock")
        if self.common.removed:
            return STATUS_DELETE_PENDING
        self.common.io_count += 1
        self.dbg.lock_list.append(tag)
        return STATUS_SUCCESS

    def release(self, tag: object) -> None:
        """Count one user less; follows IoReleaseRemoveLock."""
        _RELEASE.check(self)
        if not self.is_initialized:
            refuse_blank(self, "IoReleaseRemoveLock", "IoInitializeRemoveLock")
        self._give_back(tag, VF_IO_REMOVE_LOCK_TAG)
        if self.common.io_count == 0:
            self.common.remove_event.set(0, False)

    def release_and_wait(self, tag: object) -> None:
        """Begin the removal: count the caller as a user less, refuse new users, and wait until the others have left.

        Follows IoReleaseRemoveLockAndWait.
        """
        _RELEASE_AND_WAIT.check(self)
        if not self.is_initialized:
            refuse_blank(self, "IoReleaseRemoveLockAndWait", "IoInitializeRemoveLock")
        self.common.removed = True
        self._give_back(tag, VF_IO_REMOVE_LOCK_RELEASE)
        self.common.io_count -= 1
        if self.common.io_count:
            wait_for_single_object(self.common.remove_event, Executive, KernelMode, False, None)

    def _give_back(self, tag: object, violation: int) -> None:
        users = self.dbg.lock_list
        for index, known in enumerate(users):
            if known is tag or known == tag:
                del users[index]
                self.common.io_count -= 1
                return
        routine = (
            "IoReleaseRemoveLock" if violation == VF_IO_REMOVE_LOCK_TAG else "IoReleaseRemoveLockAndWait"
        )
        reason = (
            f"{routine}: Tag must be the tag of an IoAcquireRemoveLock that is outstanding; it was {tag!r}, and the"
            f" outstanding ones were {users!r}, for {self!r}: call it once for each IoAcquireRemoveLock, with"
            " the same tag"
        )
        if is_verified():
            newest = users[-1] if users and violation == VF_IO_REMOVE_LOCK_RELEASE else 0
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, self, tag, newest, reason=reason)
        report_defect("RML-01", reason)
        if users:
            del users[0]  # without Driver Verifier NT counts the users alone
        self.common.io_count -= 1
