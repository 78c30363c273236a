# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The running kernel, the current processor, and the dispatcher as the files below it call it.

Routines without an object to reach the machine through, such as `KeGetCurrentIrql()`, find it here. The three names
are plain variables of the module and not `Running` objects, because `current.processor` changes with every switch
between processors and is read in nearly every routine of the kernel.
"""

from __future__ import annotations

from typing import Protocol

from dirql.ke.processors.processor import Processor
from dirql.ke.running import Running
from dirql.ke.state import KernelState
from dirql.ke.threads.thread import Thread

__all__ = [
    "Dispatcher",
    "clear",
    "dispatcher",
    "get_current_processor_number",
    "get_current_thread",
    "install",
    "is_running",
    "kernel",
    "processor",
]


class Dispatcher(Protocol):
    """The routines of `ke/threads/dispatcher.py` that the files below it call."""

    def preempt(self) -> None:
        """Be a point of preemption: interrupts, DPCs and other threads may run before this returns."""

    def look(self) -> None:
        """Be a point of preemption that asks the hardware even if the clock wants no attention."""

    def poll(self) -> None:
        """Do as `look`, and let ready threads of equal priority run too."""

    def give_way(self) -> None:
        """Let the other processors go on, in a loop that waits for one of them."""


_kernel = Running[KernelState]("kernel routines")
_processor = Running[Processor]("kernel routines")
_dispatcher = Running[Dispatcher]("kernel routines")

kernel = _kernel.value
processor = _processor.value
dispatcher = _dispatcher.value


def is_running() -> bool:
    """Whether a kernel is open."""
    return _kernel.is_installed


def install(new_kernel: KernelState, new_processor: Processor, new_dispatcher: Dispatcher) -> None:
    """Make a kernel the running one; raises `RuntimeError` while another is open."""
    global kernel, processor, dispatcher
    _kernel.install(new_kernel)
    kernel, processor, dispatcher = new_kernel, new_processor, new_dispatcher


def clear() -> None:
    """Forget the kernel, because it closes."""
    global kernel, processor, dispatcher
    _kernel.clear()
    kernel, processor, dispatcher = _kernel.value, _processor.value, _dispatcher.value


def get_current_processor_number() -> int:
    """Return the number of the current processor; follows KeGetCurrentProcessorNumber."""
    return processor.number


def get_current_thread() -> Thread:
    """Return the current thread, during a DPC or an ISR the thread that was interrupted; follows KeGetCurrentThread."""
    return processor.current_thread
