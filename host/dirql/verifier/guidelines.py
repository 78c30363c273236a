# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The WDK's guideline limits for ISRs, DPCs, spin locks and stalls. A longer time is reported; the machine goes on."""

from __future__ import annotations

from collections.abc import Callable

from dirql.ke.current import current
from dirql.ke.hooks import ConnectedInterrupt, chain
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc_queue import QueuedDpc
from dirql.ke.processors.processor import Processor

__all__ = ["Guidelines"]

ROW = "WDG-03"

# In microseconds.
DPC_LIMIT = 100
ISR_LIMIT = 25
SPIN_LOCK_LIMIT = 25
STALL_LIMIT = 50
STALL_LIMIT_IN_DPC = 100
"""The limit for all stalls of one DPC together."""


class Guidelines:
    """Watches a kernel through its hooks and calls `report(row, sentence)` for each limit that is exceeded.

    The time of a routine does not include the interrupts and DPCs that interrupted the routine.
    """

    def __init__(self, kernel: Kernel, report: Callable[[str, str], object]) -> None:
        """Watch `kernel` from now on."""
        self._kernel = kernel
        self._report = report
        self._running: list[list[_Span]] = [[] for _ in kernel.processors]
        self._held: dict[object, int] = {}
        hooks = kernel.hooks
        hooks.isr_entered = chain(hooks.isr_entered, self._begin)
        hooks.isr_exited = chain(hooks.isr_exited, self._end_isr)
        hooks.dpc_started = chain(hooks.dpc_started, self._begin)
        hooks.dpc_ended = chain(hooks.dpc_ended, self._end_dpc)
        hooks.lock_taken = chain(hooks.lock_taken, self._take)
        hooks.lock_dropped = chain(hooks.lock_dropped, self._drop)
        hooks.stalled = chain(hooks.stalled, self._stall)

    def _begin(self, _what: object) -> None:
        self._here().append(_Span(self._kernel.clock.now()))

    def _end_isr(self, interrupt: ConnectedInterrupt, _claimed: bool) -> None:
        self._check("an ISR", ISR_LIMIT, self._end(), repr(interrupt))

    def _end_dpc(self, dpc: QueuedDpc) -> None:
        self._check("a DPC", DPC_LIMIT, self._end(), repr(dpc))

    def _take(self, lock: object) -> None:
        self._held[lock] = self._kernel.clock.now()

    def _drop(self, lock: object) -> None:
        start = self._held.pop(lock, None)
        if start is not None:
            clocks = self._kernel.clock.now() - start
            self._check("the holding of a spin lock", SPIN_LOCK_LIMIT, clocks, repr(lock))

    def _stall(self, processor: Processor, microseconds: int) -> None:
        if microseconds > STALL_LIMIT:
            self._exceeded("a stall", STALL_LIMIT, f"{microseconds} µs")
        if processor.dpcs.running is not None and (running := self._here()):
            running[0].stalled += microseconds
            if running[0].stalled > STALL_LIMIT_IN_DPC:
                what = f"{running[0].stalled} µs in {processor.dpcs.running!r}"
                self._exceeded("all stalls of a DPC together", STALL_LIMIT_IN_DPC, what)

    def _here(self) -> list[_Span]:
        """The routines that run on the current processor, the innermost last."""
        return self._running[current.processor.number]

    def _end(self) -> int:
        """End the innermost routine; return the clocks that it took for itself."""
        running = self._here()
        if not running:
            return 0  # the routine began before this object watched the kernel
        span = running.pop()
        clocks = self._kernel.clock.now() - span.start
        if running:
            running[-1].interrupted += clocks
        return clocks - span.interrupted

    def _check(self, what: str, limit: int, clocks: int, which: str) -> None:
        frequency = self._kernel.clock.frequency
        if clocks * 1_000_000 > limit * frequency:
            self._exceeded(what, limit, f"{clocks * 1_000_000 / frequency:.1f} µs ({clocks} clocks), {which}")

    def _exceeded(self, what: str, limit: int, was: str) -> None:
        self._report(ROW, f"{what} should take at most {limit} µs; it took {was}")


class _Span:
    """A routine that runs, from the clock at which it was called."""

    __slots__ = ("interrupted", "stalled", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.interrupted = 0
        """The clocks of the routines that interrupted this one."""
        self.stalled = 0
        """The microseconds of all stalls of the routine together."""
