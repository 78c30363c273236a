# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Breakpoints and assertions, at which a driver stops in the debugger."""

from __future__ import annotations

import linecache
from typing import Final

from dirql.kd.debugger import running
from dirql.kd.printing import show
from dirql.ke.origin import origin
from dirql.ke.processors.contract import contract
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_ASSERTION_FAILURE, STATUS_BREAKPOINT

__all__ = [
    "assert_",
    "assert_message",
    "break_point",
    "break_point_with_status",
    "kd_break_point",
    "nt_assert",
    "nt_assert_message",
    "raise_assertion_failure",
    "refresh_debugger_not_present",
    "rtl_assert",
    "soft_assert",
]

_RTL_ASSERT: Final = contract("RtlAssert")
_BREAK_WITH_STATUS: Final = contract("DbgBreakPointWithStatus")
_ASSERT_MESSAGE: Final = contract("ASSERTMSG")
_NT_ASSERT_MESSAGE: Final = contract("NT_ASSERTMSG")


def break_point() -> None:
    """Stop in the debugger; without one raise STATUS_BREAKPOINT; follows DbgBreakPoint (row DBG-04)."""
    _break(STATUS_BREAKPOINT)


def break_point_with_status(status: int) -> None:
    """Do as `break_point`; the debugger sees the status; follows DbgBreakPointWithStatus."""
    _BREAK_WITH_STATUS.check_arguments(status)
    _break(STATUS_BREAKPOINT)


def raise_assertion_failure() -> None:
    """Stop in the debugger; without one raise STATUS_ASSERTION_FAILURE; follows DbgRaiseAssertionFailure."""
    _break(STATUS_ASSERTION_FAILURE)


def kd_break_point() -> None:
    """Do as DbgBreakPoint in a checked build, and nothing in a free one; follows KdBreakPoint."""
    if running.value.checked_build:
        _break(STATUS_BREAKPOINT)


def rtl_assert(failed_assertion: str, file_name: str, line_number: int, mutable_message: str | None) -> None:
    """Tell of an assertion that does not hold, and stop in the debugger; follows RtlAssert (row DBG-04)."""
    _RTL_ASSERT.check_arguments(failed_assertion, file_name, line_number, mutable_message)
    _tell(failed_assertion, mutable_message, file_name, line_number)
    _break(STATUS_BREAKPOINT)


def assert_(expression: object) -> None:
    """In a checked build, tell if the expression is false and stop in the debugger; follows ASSERT (row DBG-04)."""
    if running.value.checked_build and not expression:
        _tell_here(None)
        _break(STATUS_BREAKPOINT)


def assert_message(message: str, expression: object) -> None:
    """Do as `assert_` with a message; follows ASSERTMSG."""
    _ASSERT_MESSAGE.check_arguments(message, expression)
    if running.value.checked_build and not expression:
        _tell_here(message)
        _break(STATUS_BREAKPOINT)


def soft_assert(expression: object) -> None:
    """In a checked build, tell if the expression is false and go on; follows RTL_SOFT_ASSERT."""
    if running.value.checked_build and not expression:
        _tell_here(None)


def nt_assert(expression: object) -> bool:
    """In a checked build, raise STATUS_ASSERTION_FAILURE if the expression is false; follows NT_ASSERT (row DBG-04).

    Returns whether the expression is true, in a free build always TRUE.
    """
    if running.value.checked_build and not expression:
        _tell_here(None)
        _break(STATUS_ASSERTION_FAILURE)
        return False
    return True


def nt_assert_message(message: str, expression: object) -> bool:
    """Do as `nt_assert` with a message; follows NT_ASSERTMSG."""
    _NT_ASSERT_MESSAGE.check_arguments(message, expression)
    if running.value.checked_build and not expression:
        _tell_here(message)
        _break(STATUS_ASSERTION_FAILURE)
        return False
    return True


def refresh_debugger_not_present() -> bool:
    """Whether no debugger is there; follows KdRefreshDebuggerNotPresent."""
    return running.value.stopped is None


def _break(status: int) -> None:
    """Call the debugger; without one the breakpoint is an exception, and a bug check if nobody handles it."""
    stopped = running.value.stopped
    if stopped is None:
        raise StatusException(status)
    stopped()


def _tell_here(message: str | None) -> None:
    """Tell of the assertion in the line of the driver that runs."""
    place = origin()
    file, line = ("unknown file", 0) if place is None else (place.file, place.line)
    _tell(linecache.getline(file, line).strip() or "an assertion", message, file, line)


def _tell(assertion: str, message: str | None, file: str, line: int) -> None:
    said = "" if message is None else f": {message}"
    show(f"\n*** Assertion failed{said}: {assertion}\n***   Source File: {file}, line {line}\n\n")
