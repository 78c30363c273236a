# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The state that the processors of a kernel share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from dirql.ke.costs import Costs
from dirql.ke.executive_state import ExecutiveState
from dirql.ke.hooks import Hooks
from dirql.ke.limits import Limits
from dirql.ke.objects.timer_queue import TimerQueue
from dirql.ke.platform import Clock
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.schedule import Schedule
from dirql.ke.threads.thread import AffinityQueue, Context, ReadyOrder, ReadyQueue, Thread
from dirql.ke.watch.witness import Witness
from dirql.verifier.policy import Verifier

__all__ = ["BugCheckCallback", "KernelState"]


class BugCheckCallback(Protocol):
    """A routine that a driver has registered for a bug check."""

    def run(self) -> None:
        """Call the routine of the driver."""


class KernelState:
    """Everything that a kernel has once, however many processors it has. `Kernel` opens and closes it."""

    __slots__ = (
        "_next_thread",
        "_ready_order",
        "affinities",
        "bug_check_callbacks",
        "busy",
        "call_clocks",
        "clock",
        "costs",
        "executive",
        "home",
        "hooks",
        "idle_limit",
        "is_eager",
        "is_stopping",
        "limits",
        "locked_code",
        "looks",
        "paged_code",
        "processors",
        "ready",
        "refused",
        "schedule",
        "service_threads",
        "spreads",
        "starter",
        "stopped",
        "threaded_dpcs",
        "threads",
        "timers",
        "transparent",
        "verifier",
        "wake_dpc_thread",
        "witnesses",
    )

    home: Context
    """The context that opened the kernel and that must close it."""
    wake_dpc_thread: Callable[[Processor], None]
    """Lets the thread of a processor run the threaded DPCs that are queued to it."""
    starter: Context
    """The context in which all others begin."""

    def __init__(
        self,
        clock: Clock,
        processors: int,
        costs: Costs,
        schedule: Schedule,
        hooks: Hooks,
        verifier: Verifier,
        boot_time: int,
        idle_limit: int,
        limits: Limits,
        transparent: tuple[type[Exception], ...],
    ) -> None:
        """Make the state; `Kernel` explains the arguments."""
        self.clock = clock
        self.bug_check_callbacks: list[BugCheckCallback] = []
        self.is_stopping = False
        """The callbacks run, in which nothing that a driver does changes the bug check."""
        self.costs = costs
        self.call_clocks = costs.kernel_call
        """`Costs.kernel_call`, in a place that each kernel call reaches sooner."""
        self.schedule = schedule
        self.hooks = hooks
        self.verifier = verifier
        self.idle_limit = idle_limit
        self.limits = limits
        self.transparent = transparent
        self.stopped: BaseException | None = None
        """The error with which the kernel stopped: a bug check, a deadlock, or an error of the layers below."""
        self.is_eager = processors > 1 or schedule.shuffles
        """Each kernel call and each access is a point of preemption, whether or not the clock asks for attention."""
        self.refused: dict[int, str] = {}
        """By status, why a routine of the kernel has failed with it the last time."""
        self.locked_code: set[str] = set()
        """The files of drivers whose pageable code is locked in memory."""
        self.paged_code: set[str] = set()
        """The files of drivers all of whose code is pageable now."""
        self.looks = 0
        """The number of calls so far that only looked whether something had changed."""
        self.witnesses: list[Witness] = []
        """The rooms above the kernel that see parts of the machine, for the watch and for hang reports."""
        self.threaded_dpcs = True
        """Threaded DPCs run in threads at PASSIVE_LEVEL, and not as ordinary DPCs."""
        self.spreads = schedule.shuffles
        """The schedule makes points of preemption take longer here and there."""
        self.executive = ExecutiveState()
        self.timers = TimerQueue(clock, boot_time)
        self._ready_order = ReadyOrder()
        self.ready: ReadyQueue = self._new_queue((1 << processors) - 1, processors)
        """The ready threads that may run on any processor."""
        self.affinities: dict[int, ReadyQueue] = {}
        """The ready threads that may not, by the mask of the processors on which they may run."""
        self.threads: dict[Thread, None] = {}
        """The threads that have not ended, without the idle threads, oldest first."""
        self.service_threads: list[Thread] = []
        """Threads that belong to the kernel itself and never end."""
        self._next_thread = 1
        self.processors = tuple(Processor(number) for number in range(processors))
        self.busy = 0
        """The mask of the processors that had something to do when they let another one go on, or got a DPC since.

        The bit of the current processor means nothing. `hand_over`, `Dpc.queue` and a ready thread that is bound to it
        alone give another processor work; what else would do so must set its bit.
        """

    def new_thread(self, priority: int) -> Thread:
        """Make a thread that has no context yet."""
        thread = Thread(self._next_thread, priority, self.ready, self.timers)
        self._next_thread += 1
        self.threads[thread] = None
        return thread

    def ready_queue(self, affinity: int) -> ReadyQueue:
        """The queue of the ready threads that may run on the processors of a mask, of which there must be some."""
        if affinity == self.ready.affinity:
            return self.ready
        queue = self.affinities.get(affinity)
        if queue is None:
            queue = self.affinities[affinity] = self._new_queue(affinity, len(self.processors))
            for processor in self.processors:
                if processor.mask & affinity:
                    processor.limited.append(queue)
        return queue

    def _new_queue(self, affinity: int, processors: int) -> ReadyQueue:
        choose = self.schedule.choose if self.schedule.shuffles else None
        if processors == 1:
            return ReadyQueue(affinity, choose)
        return AffinityQueue(affinity, choose, self._ready_order, self._wake)

    def _wake(self, affinity: int) -> None:
        """Mark the processors of a mask as busy, because a thread of theirs is ready."""
        if affinity != self.ready.affinity:
            self.busy |= affinity

    def stop(self, error: BaseException) -> BaseException:
        """Stop all processors: from now on every kernel routine raises. The first error wins and is returned."""
        if self.stopped is None:
            self.stopped = error
            for processor in self.processors:
                processor.stop()
        return self.stopped

    def refuse(self) -> NoReturn:
        """Raise the error with which the kernel stopped, because a routine was called after that."""
        assert self.stopped is not None
        raise self.stopped
