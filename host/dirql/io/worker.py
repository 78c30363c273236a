# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A system thread for work that must run at PASSIVE_LEVEL and arises at a raised IRQL."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from dirql.ke.threads.system_thread import start_thread
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object

__all__ = ["SystemWorker"]

_PRIORITY: Final = 12  # the priority of NT's worker threads for delayed work


class SystemWorker:
    """Runs routines at PASSIVE_LEVEL, one after the other. The thread exists only while there is work."""

    def __init__(self) -> None:
        self._work: deque[Callable[[], None]] = deque()
        self._worker_thread: Thread | None = None

    def queue(self, routine: Callable[[], None]) -> None:
        """Have `routine` called by the worker thread, which runs when the IRQL allows. IRQL <= DISPATCH_LEVEL."""
        self._work.append(routine)
        if self._worker_thread is None:
            self._worker_thread = start_thread(self._run, None, _PRIORITY, is_system=True)

    def flush(self) -> None:
        """Wait until all queued routines have run. PASSIVE_LEVEL."""
        while self._worker_thread is not None:
            wait_for_single_object(self._worker_thread)

    def _run(self, context: object) -> None:
        del context
        while self._work:
            self._work.popleft()()
        self._worker_thread = None
