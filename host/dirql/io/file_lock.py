# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lock of a synchronous file, on which one thread at a time has a request (row HIO-13)."""

from __future__ import annotations

from dirql.ke.objects.event import Event
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import SynchronizationEvent

__all__ = ["FileLock"]


class FileLock:
    """The lock of one file; threads wait for it in their order."""

    __slots__ = ("_busy", "_released", "_waiting")

    def __init__(self) -> None:
        self._busy = False
        self._waiting = 0
        self._released = Event()
        self._released.initialize(SynchronizationEvent, False)

    def acquire(self) -> None:
        """Wait until no other thread has a request on the file."""
        if self._busy:
            self._waiting += 1
            wait_for_single_object(self._released)  # `release` hands the lock on
        self._busy = True

    def release(self) -> None:
        """Let the next thread have the file."""
        if self._waiting:
            self._waiting -= 1
            self._released.set_for_system()
        else:
            self._busy = False
