# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A processor: its level, its queue of DPCs and its current thread."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from dirql.ke import current
from dirql.nt.constants import PASSIVE_LEVEL

if TYPE_CHECKING:
    from dirql.ke.costs import Costs
    from dirql.ke.hooks import Hooks
    from dirql.ke.kernel import Kernel
    from dirql.ke.platform import Clock
    from dirql.ke.processors.dpc import Dpc
    from dirql.ke.processors.interrupt import Interrupt
    from dirql.ke.processors.spin_lock import SpinLock
    from dirql.ke.threads.thread import Thread

__all__ = ["Processor", "get_current_processor_number"]


class Processor:
    """One processor (KPRCB)."""

    __slots__ = (
        "call_cost",
        "clock",
        "costs",
        "current_thread",
        "dpc",
        "dpc_requested",
        "dpcs",
        "driver",
        "hooks",
        "idle_thread",
        "interrupts",
        "irql",
        "is_eager",
        "kernel",
        "mask",
        "number",
        "wanted_lock",
    )

    current_thread: Thread
    idle_thread: Thread

    def __init__(self, kernel: Kernel, number: int) -> None:
        """The dispatcher gives the processor its threads."""
        self.kernel = kernel
        self.number = number
        self.mask = 1 << number
        """Its bit in an affinity."""
        # What the kernel has too, at hand for what runs most often.
        self.costs: Costs = kernel.costs
        self.hooks: Hooks = kernel.hooks
        self.clock: Clock = kernel.clock
        self.call_cost = kernel.costs.kernel_call
        self.is_eager = kernel.is_eager
        self.irql = PASSIVE_LEVEL
        self.driver: object = None
        """The driver whose code runs; None for the code of a program or of the kernel."""
        self.dpcs: deque[Dpc] = deque()
        self.dpc_requested = False
        """The queue is to be drained as soon as the level allows."""
        self.dpc: Dpc | None = None
        """The DPC that runs."""
        self.interrupts: list[Interrupt] = []
        """Those whose ISRs run, the innermost last."""
        self.wanted_lock: SpinLock | None = None
        """The lock that it spins for."""

    def charge(self) -> None:
        """What each kernel call does besides its work; the checks of contracts have it written out."""
        self.clock.spent += self.call_cost
        if self.is_eager:
            current.dispatcher.preempt()

    def __repr__(self) -> str:
        """Its number."""
        return f"<processor {self.number}>"


def get_current_processor_number() -> int:
    """The number of the current processor (KeGetCurrentProcessorNumber)."""
    return current.processor.number
