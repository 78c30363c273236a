# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A system service that a driver has called, or the part of a program's service in which no user APC may run.

Inside of it the previous mode is KernelMode.
"""

from __future__ import annotations

from types import TracebackType

from dirql.ke.current import current

__all__ = ["KernelCall", "is_program"]


def is_program() -> bool:
    """Whether the code of a program calls, which belongs to no driver and runs in no system thread.

    The previous mode, of which ExGetPreviousMode tells, is UserMode then.
    """
    processor = current.processor
    return processor.driver is None and not processor.current_thread.is_system


class KernelCall:
    """The body of a `with` statement around what such a service does in the thread of its caller."""

    __slots__ = ("_caller",)

    def __init__(self) -> None:
        self._caller = current.processor.current_thread

    def __enter__(self) -> None:
        self._caller.kernel_calls += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._caller.kernel_calls -= 1
