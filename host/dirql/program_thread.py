# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads of a program besides the one that opened the machine."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from dirql.io.services import cancel_synchronous_io
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["ProgramThread"]


class _Outcome:
    """Keeps the exception that a block raised, so that a thread of a program can end with one.

    An exception that a driver lets escape is a bug check instead.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> None:
        self.error = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error
        return True


class ProgramThread:
    """A second thread of a program, made by `Machine.create_thread`."""

    def __init__(self, routine: Callable[[], object]) -> None:
        self._routine = routine
        self._value: object = None
        self._outcome = _Outcome()
        self.thread = create_thread(self._run, None)

    def _run(self, context: object) -> None:
        del context
        with self._outcome:
            self._value = self._routine()

    def join(self) -> object:
        """Wait until the thread has ended; returns the result of the routine or raises its exception."""
        wait_for_single_object(self.thread)
        if self._outcome.error is not None:
            raise self._outcome.error
        return self._value

    def cancel_synchronous_io(self) -> bool:
        """Cancel the request for which the thread waits on a synchronous handle, or the open; whether there was one.

        It returns before the request is completed. Follows CancelSynchronousIo.
        """
        return cancel_synchronous_io(self.thread) == STATUS_SUCCESS
