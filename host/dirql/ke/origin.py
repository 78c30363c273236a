# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The place in the code of a driver or a program where something happened: a routine, a file and a line.

The kernel's own frames are left out, so an origin is the line that a driver's author can change.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Final

__all__ = [
    "Mark",
    "Origin",
    "current_frame",
    "describe_mark",
    "find_foreign",
    "foreign",
    "is_kernel_file",
    "is_kernel_frame",
    "mark",
    "note_foreign",
    "origin",
    "origin_from",
    "origin_of",
    "origin_of_routine",
    "place_of",
]

_KERNEL_ROOMS: Final = (
    "c",
    "cm",
    "ex",
    "hal",
    "hardware",
    "io",
    "kd",
    "ke",
    "mm",
    "nt",
    "ob",
    "pnp",
    "po",
    "rtl",
    "se",
    "target",
    "trace",
    "verifier",
    "wdm",
)
_PACKAGE: Final = Path(__file__).parents[1]
_KERNEL: Final = (
    "<frozen",
    str(_PACKAGE / "machine.py"),
    str(_PACKAGE / "machine_parts.py"),
    str(_PACKAGE / "program_thread.py"),
    str(_PACKAGE / "service_control.py"),
    str(_PACKAGE / "host_watch.py"),
    *(f"{_PACKAGE / room}{os.sep}" for room in _KERNEL_ROOMS),
    *(f"host/dirql/{room}/" for room in _KERNEL_ROOMS),  # mypyc's names of them in tracebacks
)
"""The beginnings of the names of files that are neither a driver's nor a program's."""


class Origin:
    """A place in the code of a driver or a program."""

    __slots__ = ("file", "is_foreign", "line", "routine")

    def __init__(self, routine: str, file: str, line: int, *, is_foreign: bool = False) -> None:
        """`routine` is the qualified name of the function, `file` its path; `is_foreign` is for code not in Python."""
        self.is_foreign = is_foreign
        self.routine = routine
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return f"{self.routine} ({self.file}:{self.line})"

    def __repr__(self) -> str:
        return f"<origin {self}>"


def origin() -> Origin | None:
    """The place in a driver or a program that called the kernel; None if no such code is running."""
    return origin_from(current_frame())


def current_frame() -> FrameType | None:
    """The frame of the caller or of what called that; None for a stack of compiled code alone, which has no frames."""
    try:
        return sys._getframe(1 if _OWN_FRAMES else 0)
    except ValueError:
        return None


def origin_from(frame: FrameType | None) -> Origin | None:
    """The place in a driver or a program that leads to this frame; None if there is none."""
    while frame is not None and is_kernel_frame(frame):
        found = foreign[0][0](frame) if foreign else None
        if found is not None:
            code, _ = foreign[0][1](found)
            return Origin(code.co_qualname, code.co_filename, code.co_firstlineno, is_foreign=True)
        frame = frame.f_back
    return None if frame is None else _place(frame, frame.f_lineno)


def origin_of(error: BaseException) -> Origin | None:
    """The innermost place in a driver or a program that an error went through; None if there was none."""
    noted: Origin | None = getattr(error, _NOTED, None)
    if noted is not None:
        return noted
    found = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if not is_kernel_frame(step.tb_frame):
            found = _place(step.tb_frame, step.tb_lineno)
        step = step.tb_next
    return found


def origin_of_routine(routine: object) -> Origin | None:
    """The beginning of a routine in its file; None for the kernel's own, and for what has no code."""
    described: Origin | None = getattr(routine, "origin", None)
    if isinstance(described, Origin):
        return described
    code = getattr(getattr(routine, "__func__", routine), "__code__", None)
    if not isinstance(code, CodeType) or code.co_filename.startswith(_KERNEL):
        return None
    return Origin(code.co_qualname, code.co_filename, code.co_firstlineno)


Mark = tuple[CodeType, int]
"""A place as it can be noted at each call: the code, and the instruction in it."""

foreign: Final[list[tuple[Callable[[FrameType], object], Callable[[object], Mark]]]] = []
"""The routines that find and describe code in another language, if a driver has some."""
_NOTED: Final = "place_in_driver"
"""The attribute of an error with the place of code in another language."""
_OWN_FRAMES: Final = 2 if isinstance(origin, FunctionType) else 0
"""The frames of `mark` and of its caller; compiled functions have none."""
_kernel_files: Final[dict[str, bool]] = {}
"""Whether code of a file is the kernel's, for the files that were asked for before."""


def mark() -> Mark | None:
    """The place in a driver or a program that called the kernel, in a form that is quick to make.

    It is called by a kernel routine, and takes 0.2 µs where `origin` takes 3 µs ("pool block" of bench/hal_paths.py has
    two of them).
    """
    try:
        frame: FrameType | None = sys._getframe(_OWN_FRAMES)
    except ValueError:
        return None  # see `current_frame`
    while frame is not None:
        code = frame.f_code
        is_kernel = _kernel_files.get(code.co_filename)
        if is_kernel is None:
            is_kernel = _kernel_files[code.co_filename] = is_kernel_frame(frame)
        if not is_kernel:
            return code, frame.f_lasti
        if foreign:
            find, describe = foreign[0]
            found = find(frame)
            if found is not None:
                return describe(found)
        frame = frame.f_back
    return None


def place_of(frame: FrameType) -> Mark:
    """The place in a frame, or that of code in another language which this frame has called and that has called back.

    Callers ask `foreign` first: most machines have no such code.
    """
    find, describe = foreign[0]
    found = find(frame)
    return (frame.f_code, frame.f_lasti) if found is None else describe(found)


def describe_mark(place: Mark | None) -> str:
    """The routine, file and line of a mark; None stands for the kernel itself."""
    if place is None:
        return "the kernel"
    code, instruction = place
    line = next(
        (line for start, end, line in code.co_lines() if start <= instruction < end and line is not None),
        code.co_firstlineno,
    )
    return str(Origin(code.co_qualname, code.co_filename, line))


def find_foreign(
    find: Callable[[FrameType], object] | None, describe: Callable[[object], Mark] | None = None
) -> None:
    """Ask `find` for code in another language; None ends that.

    It gets a frame of the kernel, and returns None, or where the code is that this frame has called and that has
    called back. Of that `describe` makes a mark. Its code is made for the place: it begins in that line, and the
    instruction is -1.
    """
    foreign[:] = () if find is None or describe is None else ((find, describe),)


def note_foreign(error: BaseException) -> None:
    """Note the place of code in another language through which an error goes, if that is the innermost one."""
    if origin_of(error) is None:
        place = origin()
        if place is not None:
            setattr(error, _NOTED, place)


def is_kernel_frame(frame: FrameType) -> bool:
    """Whether a frame is neither a driver's nor a program's."""
    return is_kernel_file(frame.f_code.co_filename)


def is_kernel_file(name: str) -> bool:
    """Whether a file is neither a driver's nor a program's."""
    return name.startswith(_KERNEL)


def _place(frame: FrameType, line: int) -> Origin:
    return Origin(frame.f_code.co_qualname, frame.f_code.co_filename, line)
