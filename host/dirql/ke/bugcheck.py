# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bug check: what happens when a rule of the model is broken (KeBugCheckEx)."""

from __future__ import annotations

from typing import NoReturn

from dirql.ke import current
from dirql.nt.bugcodes import NAMES
from dirql.nt.status import STATUS_UNHANDLED_EXCEPTION, StatusException

__all__ = ["BugCheck", "bug_check", "unhandled"]


class BugCheck(BaseException):
    """The system has stopped. No driver may catch this, hence not an `Exception`.

    `parameters` are the four of NT's bug check; where NT has a pointer they hold the object.
    """

    def __init__(self, code: int, parameters: tuple[object, object, object, object], reason: str) -> None:
        """`reason` says what it is, what it must be and what it was."""
        self.code = code
        self.name = NAMES.get(code, f"{code:#04x}")
        self.parameters = parameters
        self.reason = reason
        shown = ", ".join(f"{p:#x}" if isinstance(p, int) else repr(p) for p in parameters)
        super().__init__(f"{self.name} (0x{code:X}: {shown}): {reason}")


def bug_check(
    code: int, p1: object = 0, p2: object = 0, p3: object = 0, p4: object = 0, *, reason: str
) -> NoReturn:
    """Stop the kernel and raise `BugCheck`; the first one wins, a later one raises the first again."""
    error = BugCheck(code, (p1, p2, p3, p4), reason)
    raise current.kernel.stop(error) if current.is_running() else error


def unhandled(code: int, error: BaseException, where: str) -> BugCheck | None:
    """Stop because of an exception that nobody handled; returns the bug check to be raised from it.

    None stands for the exception itself: an interrupt from the keyboard, a bug check on its way up, or one of the kinds
    that the kernel was told are no fault of a driver's (`Kernel.transparent`).
    """
    if not isinstance(error, Exception) or isinstance(error, current.kernel.transparent):
        current.kernel.stop(error)
        return None
    status = error.status if isinstance(error, StatusException) else STATUS_UNHANDLED_EXCEPTION
    reason = f"{where} must handle its exceptions, and let {type(error).__name__} escape: {error}"
    failure = BugCheck(code, (status, error, 0, 0), reason)
    failure.__cause__ = error
    current.kernel.stop(failure)
    return failure
