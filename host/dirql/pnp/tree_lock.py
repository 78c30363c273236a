# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The lock of the device tree: one thread at a time changes it, as NT's manager does."""

from __future__ import annotations

from types import TracebackType

from dirql.ke.current import get_current_thread
from dirql.ke.objects.event import Event
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object

__all__ = ["TreeLock"]


class TreeLock:
    """A lock for threads at PASSIVE_LEVEL; the thread that has it may take it again."""

    def __init__(self) -> None:
        self._owner: Thread | None = None
        self._depth = 0
        self._waiting = 0
        self._free = Event.make_notification()

    def __enter__(self) -> None:
        thread = get_current_thread()
        while self._owner is not None and self._owner is not thread:
            self._waiting += 1
            self._free.clear_for_system()
            wait_for_single_object(self._free)
            self._waiting -= 1
        self._owner = thread
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._owner = None
        # After a BugCheck or a Deadlock, which are no `Exception`, no thread runs any more.
        if self._waiting and (error is None or isinstance(error, Exception)):
            self._free.set_for_system()
