# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The running kernel, the current processor, and the dispatcher as the files below it call it.

Routines without an object to reach the machine through, such as `KeGetCurrentIrql()`, find it in `current`.
"""

from __future__ import annotations

from typing import Final, Never, NoReturn, Protocol, cast

from dirql.ke.processors.processor import STOPPED_IRQL, Processor
from dirql.ke.state import KernelState
from dirql.ke.threads.thread import Thread

__all__ = [
    "Current",
    "Dispatcher",
    "current",
    "get_current_processor_number",
    "get_current_thread",
]


class Dispatcher(Protocol):
    """The routines of `ke/threads/dispatcher.py` that the files below it call."""

    def preempt(self) -> None:
        """Be a point of preemption: interrupts, DPCs and other threads may run before this returns."""

    def pass_spent(self) -> None:
        """Let the clocks pass that host code has spent, and `preempt` if that has brought something."""

    def look(self) -> None:
        """Be a point of preemption that asks the hardware even if the clock wants no attention."""

    def poll(self) -> None:
        """Do as `look`, and let ready threads of equal priority run too."""

    def take_apcs(self) -> None:
        """Run the kernel APCs of the current thread, because nothing but its IRQL may hold them off any longer."""

    def give_way(self) -> None:
        """Let the other processors go on, in a loop that waits for one of them."""


class _NoKernel(KernelState):
    """Takes the place of the kernel while none is open, so that no routine has to ask whether one is."""

    __slots__ = ()

    def __init__(self) -> None:
        pass

    def refuse(self) -> NoReturn:
        """Raise the error of each routine that looks at the IRQL first."""
        raise _none_is_open()

    def __getattr__(self, name: str) -> Never:
        raise _none_is_open(name)


class _NoProcessor(Processor):
    """Takes the place of the current processor while no kernel is open; no routine may be called at its IRQL."""

    __slots__ = ()

    def __init__(self) -> None:
        self.irql = STOPPED_IRQL

    def __getattr__(self, name: str) -> Never:
        raise _none_is_open(name)


class _NoDispatcher:
    """Takes the place of the dispatcher while no kernel is open."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        raise _none_is_open(name)


def _none_is_open(name: str | None = None) -> RuntimeError:
    asked = "" if name is None else f" ({name!r} was asked for)"
    return RuntimeError(
        f"kernel routines need an open machine, and none is open{asked}; call open_machine first"
    )


class Current:
    """The parts of the kernel that is open; there is one such object, `current`.

    They are plain attributes and no `Running` objects, because `processor` changes with every switch between processors
    and is read in nearly every routine of the kernel.
    """

    __slots__ = ("_no_kernel", "dispatcher", "kernel", "processor")

    dispatcher: Dispatcher
    kernel: KernelState
    processor: Processor

    def __init__(self) -> None:
        """Begin without an open kernel."""
        self._no_kernel = _NoKernel()
        self.clear()

    def is_running(self) -> bool:
        """Whether a kernel is open."""
        return self.kernel is not self._no_kernel

    def install(self, kernel: KernelState, processor: Processor, dispatcher: Dispatcher) -> None:
        """Make a kernel the running one; raises `RuntimeError` while another is open."""
        if self.is_running():
            raise RuntimeError(
                "one machine can be open at a time in a process, and one is open; close it first"
            )
        self.kernel, self.processor, self.dispatcher = kernel, processor, dispatcher

    def clear(self) -> None:
        """Forget the kernel, because it closes."""
        self.kernel = self._no_kernel
        self.processor = _NoProcessor()
        self.dispatcher = cast("Dispatcher", _NoDispatcher())


current: Final = Current()


def get_current_processor_number() -> int:
    """Return the number of the current processor; follows KeGetCurrentProcessorNumber."""
    return current.processor.number


def get_current_thread() -> Thread:
    """Return the current thread, during a DPC or an ISR the thread that was interrupted; follows KeGetCurrentThread."""
    return current.processor.current_thread
