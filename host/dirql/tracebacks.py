# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Tracebacks for the authors of drivers: the frames of the test or program and of the driver, without dirql's own.

A bug check that stands for an exception of a driver is shown with the frames of both: the way to the call of the
kernel, then the driver's routines down to the line that raised.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from traceback import format_tb
from types import ModuleType, TracebackType

from dirql import wdm
from dirql.io.errors import IoError
from dirql.ke.bugcheck import BugCheck
from dirql.ke.mistakes import explain_error
from dirql.ke.origin import is_kernel_file
from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import LeakReport, LoadError
from dirql.nt.ntstatus import StatusException
from dirql.pnp.node import DeviceError
from dirql.pnp.range_arbiter import ResourceConflict

__all__ = [
    "describe_stop",
    "explain_to_program",
    "passed_through",
    "raised_in",
    "reason_of",
    "shown_traceback",
    "shows_driver",
]

_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_DRIVERS = f"{_PACKAGE}drivers{os.sep}"
_STOPS = (BugCheck, Deadlock)
_REPORTS = (LeakReport, LoadError, DeviceError, ResourceConflict, IoError, StatusException)
_ARGUMENTS = (TypeError, ValueError, AttributeError)


def explain_to_program(error: BaseException) -> None:
    """Add a note to an error that Python has found in a program, if it is about names or calls of dirql or the WDK.

    A driver gets the same sentence in the message of the bug check.
    """
    about_dirql = isinstance(error, TypeError) or (
        isinstance(error, NameError) and error.name is not None and hasattr(wdm, error.name)
    )
    if isinstance(error, AttributeError):
        module = error.obj.__name__ if isinstance(error.obj, ModuleType) else type(error.obj).__module__
        about_dirql = is_kernel_file(str(getattr(sys.modules.get(module), "__file__", "")))
    sentence = explain_error(error) if about_dirql else None
    if sentence is not None and sentence not in str(error):
        error.add_note(sentence)


def passed_through(error: BaseException, file: Path) -> bool:
    """Whether code in a file was running when the error came up."""
    return any(
        Path(step.tb_frame.f_code.co_filename) == file.resolve() for step in _steps(error.__traceback__)
    )


def raised_in(error: BaseException, file: Path) -> bool:
    """Whether an error is that of a file and not of dirql: its code has raised it, or is none of Python."""
    if isinstance(error, SyntaxError):
        return error.filename == str(file.resolve())
    is_of_file = False
    for step in _steps(error.__traceback__):
        name = step.tb_frame.f_code.co_filename
        if Path(name) == file.resolve():
            is_of_file = True
        elif name.startswith(_PACKAGE):
            is_of_file = False
    return is_of_file


def shows_driver(error: BaseException) -> bool:
    """Whether the error is about a driver or a program, so that dirql's own frames explain nothing.

    A wrong argument counts if a routine of dirql has refused it. Any other error in dirql may be a defect of dirql.
    """
    if isinstance(error, (*_STOPS, *_REPORTS)):
        return True
    return isinstance(error, _ARGUMENTS) and any(_is_own(step) for step in _steps(error.__traceback__))


def shown_traceback(error: BaseException) -> TracebackType | None:
    """The traceback of an error without dirql's frames; of a bug check with those of the exception that led to it."""
    steps = [step for step in _steps(error.__traceback__) if not _is_own(step)]
    if isinstance(error, BugCheck) and error.__cause__ is not None:
        frames = {step.tb_frame for step in steps}
        inner = [step for step in _steps(error.__cause__.__traceback__) if not _is_own(step)]
        steps += [step for step in inner if step.tb_frame not in frames]
    shown = None
    for step in reversed(steps):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def reason_of(error: BaseException) -> str | None:
    """The reason with the place in one line, for a summary; None for an error whose own text does."""
    if isinstance(error, BugCheck):
        place = error.origin
        where = "" if place is None else f"; in {place.routine} ({Path(place.file).name}:{place.line})"
        return f"{error.reason}{where}"
    if isinstance(error, Deadlock):
        head, _, accused = str(error).partition("\n")[0].partition(" clocks: ")
        return f"{accused}; {head}" if accused else head
    if isinstance(error, LeakReport):
        return f"the drivers left behind: {'; '.join(error.leaks)}"
    if isinstance(error, DeviceError | LoadError) and error.why:
        return f"{error.why.removeprefix(': ')} ({error})"
    if isinstance(error, _REPORTS):
        return str(error)
    return None


def describe_stop(error: BaseException) -> str:
    """The message of an error, and the lines of the driver and of the program below it."""
    shown = "".join(format_tb(shown_traceback(error)))
    text = str(error)
    if not isinstance(error, (*_STOPS, *_REPORTS, *_ARGUMENTS)):
        text = f"{type(error).__name__}: {text}"
    return f"{text}\n{shown}".rstrip()


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_own(step: TracebackType) -> bool:
    """Whether a frame is dirql's own, or one of a context manager that dirql has made."""
    file = step.tb_frame.f_code.co_filename
    if file == contextlib.__file__ or file.startswith("<frozen importlib."):
        return True
    return file.startswith(_PACKAGE) and not file.startswith(_DRIVERS)
