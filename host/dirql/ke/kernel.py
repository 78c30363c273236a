# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel: what there is once, and its beginning and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dirql.ke import current
from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.hooks import Hooks
from dirql.ke.objects.timer import TimerQueue
from dirql.ke.platform import Clock, InterruptController
from dirql.ke.processors.interrupt import Vector
from dirql.ke.processors.irql import freeze
from dirql.ke.processors.processor import Processor
from dirql.ke.threads import dispatcher
from dirql.ke.threads.schedule import RoundRobin, Schedule
from dirql.ke.threads.thread import ReadyQueue, Thread
from dirql.nt.constants import HIGH_LEVEL
from dirql.verifier.policy import Verifier

if TYPE_CHECKING:
    from dirql.ke.threads.thread import Context

__all__ = ["BOOT_TIME", "Kernel"]

BOOT_TIME = 134_116_128_000_000_000
"""The system time at reset unless told otherwise: 2026-01-01 00:00 UTC in 100 ns units since the beginning of 1601."""


class Kernel:
    """A kernel that runs, from its making to `close`.

    The greenlet that makes it becomes its first thread, on processor 0; it must be the one that closes it. One kernel
    runs at a time in a process.
    """

    __slots__ = (
        "_next_thread",
        "_vectors_of",
        "affinity",
        "clock",
        "connected",
        "controller",
        "costs",
        "home",
        "hooks",
        "idle_limit",
        "is_eager",
        "processors",
        "ready",
        "schedule",
        "spurious_interrupts",
        "stopped",
        "threads",
        "timers",
        "transparent",
        "vectors",
        "verifier",
    )

    home: Context

    def __init__(
        self,
        clock: Clock,
        controller: InterruptController,
        *,
        processors: int = 1,
        costs: Costs | None = None,
        schedule: Schedule | None = None,
        hooks: Hooks | None = None,
        verifier: Verifier | None = None,
        boot_time: int = BOOT_TIME,
        idle_limit: int | None = None,
        transparent: tuple[type[Exception], ...] = (),
    ) -> None:
        """Start.

        `idle_limit` is the number of clocks that may pass with nothing ready and no timer set before that counts as a
        deadlock; None for a second. Exceptions of the types in `transparent`, those of the world below the kernel, are
        not a driver's fault: they stop the kernel and go up as they are.
        """
        if not 1 <= processors <= 64:
            raise ValueError(f"a machine must have 1 ... 64 processors; it was asked for {processors}")
        self.clock = clock
        self.controller = controller
        self.costs = Costs() if costs is None else costs
        self.schedule = RoundRobin() if schedule is None else schedule
        self.hooks = Hooks() if hooks is None else hooks
        self.verifier = Verifier() if verifier is None else verifier
        self.idle_limit = clock.frequency if idle_limit is None else idle_limit
        self.transparent = transparent
        self.stopped: BaseException | None = None
        """What it stopped with: a bug check, a deadlock, or an exception that was none of its own."""
        self.is_eager = processors > 1 or self.schedule.shuffles
        """Each kernel call and each access is a point of preemption, whether or not the clock asks for attention."""
        self.timers = TimerQueue(clock, boot_time)
        self.ready = ReadyQueue(self.schedule.choose if self.schedule.shuffles else None)
        self.vectors: list[Vector | None] = [None] * 256
        self.connected = 0
        """How many interrupt objects are."""
        self.spurious_interrupts = 0
        self.threads: list[Thread] = []
        self._next_thread = 1
        self.processors = tuple(Processor(self, number) for number in range(processors))
        self.affinity = [(1 << processors) - 1] * (HIGH_LEVEL + 1)
        """By IRQL, the processors that all interrupts of that level allow."""
        dispatcher.open_threads(self)
        current.install(self, self.processors[0], dispatcher)

    def close(self) -> None:
        """Stop for good and let the greenlets go; a second call does nothing."""
        if current.is_running() and current.kernel is self:
            dispatcher.release_threads(self)
            current.clear()

    # Stopping.

    def stop(self, error: BaseException) -> BaseException:
        """Stop all processors: from now on every kernel routine raises. The first error wins and is returned."""
        if self.stopped is None:
            self.stopped = error
            freeze(self)
            if self.hooks.bug_checked is not None and isinstance(error, BugCheck):
                self.hooks.bug_checked(error)
        return self.stopped

    def refuse(self) -> NoReturn:
        """Raise what the kernel stopped with, for whoever still calls it."""
        assert self.stopped is not None
        raise self.stopped

    # What its parts ask.

    def note_affinity(self, irql: int) -> None:
        """The interrupts of a level have changed."""
        allowed = (1 << len(self.processors)) - 1
        for line in self.vectors[irql << 4 : (irql + 1) << 4]:
            for interrupt in line.interrupts if line is not None else ():
                allowed &= interrupt.processor_enable_mask
        self.affinity[irql] = allowed

    def new_thread(self, priority: int) -> Thread:
        """A thread that has not run yet."""
        thread = Thread(self, self._next_thread, priority)
        self._next_thread += 1
        self.threads.append(thread)
        return thread

    def describe(self, why: str) -> str:
        """Why nothing goes on, and what each thread does."""
        threads = "".join(f"\n  {thread!r}" for thread in self.threads)
        return f"deadlock at clock {self.clock.now()}: {why}. The threads:{threads}"
