# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bug checks, which stop the kernel when a driver breaks a rule of the model (KeBugCheckEx)."""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.current import current
from dirql.ke.origin import Origin, origin
from dirql.nt.bugcodes import KERNEL_SECURITY_CHECK_FAILURE, NAMES

__all__ = ["BugCheck", "bug_check", "refuse_list", "stop"]

_CORRUPT_LIST: Final = 3


class BugCheck(BaseException):
    """The system has stopped. It is no `Exception`, because no driver may catch it.

    `parameters` are the four parameters of NT's bug check; where NT has a pointer they hold the object. `driver` is the
    driver whose code ran, None for a program's, and `origin` the place in that code.
    """

    def __init__(
        self,
        code: int,
        parameters: tuple[object, object, object, object],
        reason: str,
        place: Origin | None = None,
        details: str = "",
    ) -> None:
        """`reason` is the message: A must be B; it was C: do D. `place` is the origin, by default the caller's.

        `details` are further lines, each with a line break before it.
        """
        self.code = code
        self.name = NAMES.get(code, f"{code:#04x}")
        self.parameters = parameters
        self.reason = reason
        shown = ", ".join(_shown(parameter, reason) for parameter in parameters)
        self.driver: object = current.processor.driver if current.is_running() else None
        self.origin = origin() if place is None else place
        owner = "" if self.driver is None else f" of {self.driver!r}"
        self.shown_place = "" if self.origin is None else f"\n  in {self.origin}{owner}"
        """The line of the message that names the place and the driver, with a line break before it."""
        super().__init__(f"{self.name} (0x{code:X}: {shown}): {reason}{self.shown_place}{details}")


def _shown(parameter: object, reason: str) -> str:
    """A parameter in the message, which has to be short, so that the reason is in the message's first words."""
    if isinstance(parameter, int):
        return f"{parameter:#x}"
    if isinstance(parameter, BaseException):
        return type(parameter).__name__
    if isinstance(parameter, str) and parameter == reason:
        return "the rule"
    name = getattr(parameter, "__qualname__", None)
    return name if isinstance(name, str) else repr(parameter)


def bug_check(
    code: int,
    p1: object = 0,
    p2: object = 0,
    p3: object = 0,
    p4: object = 0,
    *,
    reason: str,
    place: Origin | None = None,
    details: str = "",
) -> NoReturn:
    """Stop the kernel and raise `BugCheck`, or raise the error again with which the kernel stopped before."""
    error = BugCheck(code, (p1, p2, p3, p4), reason, place, details)
    raise stop(error) if current.is_running() else error


def refuse_list(reason: str) -> NoReturn:
    """Stop the kernel with bug check 0x139/3, with which NT finds a list whose links do not agree.

    NT's second parameter is the trap frame, from which a debugger reads where that was; here it is that place.
    """
    bug_check(KERNEL_SECURITY_CHECK_FAILURE, _CORRUPT_LIST, origin() or 0, reason=reason)


def stop(error: BugCheck) -> BaseException:
    """Stop the kernel with a bug check and tell the subscribers; return the first error that stopped it.

    The routines that drivers have registered run before, the last one first. An error in one of them is only returned.
    """
    kernel = current.kernel
    if kernel.is_stopping:
        return error
    is_first = kernel.stopped is None
    if is_first and kernel.bug_check_callbacks:
        kernel.is_stopping = True
        for callback in reversed(kernel.bug_check_callbacks):
            callback.run()
        kernel.is_stopping = False
    stopped = kernel.stop(error)
    hook = kernel.hooks.bug_checked
    if is_first and hook is not None:
        hook(error)
    return stopped
