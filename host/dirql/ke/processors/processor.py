# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A processor: its IRQL, its DPC queue, its current thread, and the driver whose code it runs."""

from __future__ import annotations

from typing import Final, Protocol

from dirql.ke.processors.dpc_queue import DpcQueue
from dirql.ke.threads.thread import IDLE_PRIORITY, ReadyQueue, Thread
from dirql.nt.constants import HIGH_LEVEL, PASSIVE_LEVEL

__all__ = ["STOPPED_IRQL", "OwnedLock", "Processor"]

STOPPED_IRQL: Final = HIGH_LEVEL + 1
"""The IRQL of a processor of a stopped kernel.

It is above all others: each check of an IRQL fails, and so no routine has to ask whether the kernel still runs.
"""


class OwnedLock(Protocol):
    """A spin lock, as processors see it."""

    below: OwnedLock | None
    """While the lock is held, the one that its owner holds and acquired before it; None for the first one."""

    @property
    def owner(self) -> Processor | None:
        """The processor that holds the lock."""


class Processor:
    """One processor, as the kernel knows it (KPRCB)."""

    __slots__ = (
        "current_thread",
        "dpcs",
        "driver",
        "has_queued",
        "idle_thread",
        "irql",
        "isrs",
        "limited",
        "lock",
        "mask",
        "number",
        "wanted_lock",
    )

    current_thread: Thread
    idle_thread: Thread
    """The thread that runs when no other thread is ready."""

    def __init__(self, number: int) -> None:
        """A processor without threads; the dispatcher gives it its first ones."""
        self.number = number
        self.mask = 1 << number
        """The processor's bit in an affinity mask."""
        self.irql = PASSIVE_LEVEL
        self.driver: object = None
        """The driver whose code runs; None for the code of a program or of the kernel."""
        self.dpcs = DpcQueue()
        self.has_queued = False
        """Whether the routine that runs, an ISR or what it has interrupted, has queued a DPC."""
        self.isrs: list[object] = []
        """The interrupt objects of the ISRs that run, each on top of the one before."""
        self.limited: list[ReadyQueue] = []
        """The queues of the threads that may run on this processor and not on all others."""
        self.lock: OwnedLock | None = None
        """The spin lock that the processor acquired last, of those that it holds."""
        self.wanted_lock: OwnedLock | None = None
        """The spin lock that the processor waits for."""

    def __repr__(self) -> str:
        return f"<processor {self.number}>"

    def has_work(self) -> bool:
        """Whether the processor has a thread, an ISR or a DPC to go on with, or code at a raised IRQL.

        Threads that may run on any processor are work of none.
        """
        return (
            self.current_thread is not self.idle_thread
            or self.irql > PASSIVE_LEVEL
            or bool(self.dpcs.waiting)
            or (bool(self.limited) and any(queue.highest > IDLE_PRIORITY for queue in self.limited))
        )

    def stop(self) -> None:
        """Put the processor above every IRQL: from now on it may call no kernel routine."""
        self.irql = STOPPED_IRQL
