# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The place in the code of a driver or a program where something happened: a routine, a file and a line.

The kernel's own frames are left out, so an origin is the line that a driver's author can change.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final

__all__ = ["Origin", "is_kernel_frame", "origin", "origin_from", "origin_of"]

_KERNEL_ROOMS: Final = (
    "hal",
    "hardware",
    "io",
    "ke",
    "mm",
    "nt",
    "ob",
    "pnp",
    "target",
    "trace",
    "verifier",
    "wdm",
)
_PACKAGE: Final = Path(__file__).parents[1]
_KERNEL: Final = (
    "<frozen",
    str(_PACKAGE / "machine.py"),
    str(_PACKAGE / "host_watch.py"),
    *(f"{_PACKAGE / room}{os.sep}" for room in _KERNEL_ROOMS),
)
"""The beginnings of the names of files that are neither a driver's nor a program's."""


class Origin:
    """A place in the code of a driver or a program."""

    __slots__ = ("file", "line", "routine")

    def __init__(self, routine: str, file: str, line: int) -> None:
        """`routine` is the qualified name of the function, `file` its path."""
        self.routine = routine
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return f"{self.routine} ({self.file}:{self.line})"

    def __repr__(self) -> str:
        return f"<origin {self}>"


def origin() -> Origin | None:
    """The place in a driver or a program that called the kernel; None if no such code is running."""
    return origin_from(inspect.currentframe())


def origin_from(frame: FrameType | None) -> Origin | None:
    """The place in a driver or a program that leads to this frame; None if there is none."""
    while frame is not None and is_kernel_frame(frame):
        frame = frame.f_back
    return None if frame is None else _place(frame, frame.f_lineno)


def origin_of(error: BaseException) -> Origin | None:
    """The innermost place in a driver or a program that an error went through; None if there was none."""
    found = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if not is_kernel_frame(step.tb_frame):
            found = _place(step.tb_frame, step.tb_lineno)
        step = step.tb_next
    return found


def is_kernel_frame(frame: FrameType) -> bool:
    """Whether a frame is neither a driver's nor a program's."""
    return frame.f_code.co_filename.startswith(_KERNEL)


def _place(frame: FrameType, line: int) -> Origin:
    return Origin(frame.f_code.co_qualname, frame.f_code.co_filename, line)
