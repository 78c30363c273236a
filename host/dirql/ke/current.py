# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The running kernel and the current processor, for routines that have no object to hang on.

`dispatcher` stands for `ke/threads/dispatcher.py` here, so that what it is built on can reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Never, Protocol, cast

if TYPE_CHECKING:
    from dirql.ke.kernel import Kernel
    from dirql.ke.processors.processor import Processor

__all__ = ["Dispatcher", "clear", "dispatcher", "install", "is_running", "kernel", "processor"]


class Dispatcher(Protocol):
    """What the files below the dispatcher ask of it."""

    def preempt(self) -> None:
        """A point of preemption, taken if the clock asks for attention or the processor has something to do."""

    def look(self) -> None:
        """A point of preemption at which the hardware is asked, whatever the clock says."""

    def poll(self) -> None:
        """`look` in a loop of a thread's: its equals get their turn too."""

    def give_way(self) -> None:
        """One turn of a loop that waits for another processor."""


class _NoKernel:
    """Stands where the kernel would be, so that no routine needs to ask whether there is one."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        raise RuntimeError(
            f"kernel routines need a running kernel and none is open (asked for its {name}); open a machine first"
        )


_NONE = _NoKernel()

kernel: Kernel = cast("Kernel", _NONE)
processor: Processor = cast("Processor", _NONE)
dispatcher: Dispatcher = cast("Dispatcher", _NONE)


def is_running() -> bool:
    """Whether a kernel is open."""
    return cast("object", kernel) is not _NONE


def install(new_kernel: Kernel, new_processor: Processor, new_dispatcher: Dispatcher) -> None:
    """Make a kernel the running one; one runs at a time in a process."""
    global kernel, processor, dispatcher
    if is_running():
        raise RuntimeError("one machine runs at a time in a process, and one is open; close it first")
    kernel, processor, dispatcher = new_kernel, new_processor, new_dispatcher


def clear() -> None:
    """No kernel runs any more."""
    global kernel, processor, dispatcher
    kernel, processor, dispatcher = cast("Kernel", _NONE), cast("Processor", _NONE), cast("Dispatcher", _NONE)
