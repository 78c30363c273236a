# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads, and the queue of the threads that are ready to run."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.objects.timer_queue import TimerEntry, TimerQueue
from dirql.ke.threads.apc_state import ApcState
from dirql.ke.threads.io_state import ThreadIoState
from dirql.ke.threads.nesting import Nesting
from dirql.ke.threads.quantum import Quantum
from dirql.ke.threads.schedule import Choice
from dirql.nt.constants import (
    HIGH_PRIORITY,
    LOW_REALTIME_PRIORITY,
    PASSIVE_LEVEL,
    KernelMode,
    ThreadObject,
    WaitAll,
    WaitAny,
)
from dirql.nt.ntstatus import NTSTATUS
from dirql.nt.status import STATUS_PENDING, STATUS_SUCCESS, STATUS_TIMEOUT

__all__ = [
    "DEFAULT_PRIORITY",
    "GUARDED_REGION",
    "IDLE_PRIORITY",
    "READY",
    "RUNNING",
    "WAITING",
    "AffinityQueue",
    "AttachedProcess",
    "Context",
    "ReadyOrder",
    "ReadyQueue",
    "Thread",
    "ThreadExit",
    "ThreadState",
    "WorkQueue",
]

DEFAULT_PRIORITY: Final = 8
IDLE_PRIORITY: Final = -1
GUARDED_REGION: Final = 1 << 16


class Context(Protocol):
    """The stack and the place in the code of a thread; only ke/threads/switching.py switches to it."""

    def switch(self) -> object:
        """Switch to this thread, and go on with it."""


class WorkQueue(Protocol):
    """A kernel queue, as a thread sees it that belongs to it."""

    def wake(self) -> bool:
        """Let other threads of the queue go on, because this one begins to wait."""

    def leave(self, thread: Thread) -> None:
        """Let the thread belong to the queue no more."""


class AttachedProcess(Protocol):
    """A process, as a thread sees it that is attached to it."""

    @property
    def is_system(self) -> bool:
        """Whether it is the system process, which has no user addresses."""


class ThreadExit(BaseException):
    """Ends the current thread from within. It is no `Exception`, so that a driver does not catch it by mistake."""

    def __init__(self, status: int) -> None:
        """`status` is the thread's exit status."""
        super().__init__(status)
        self.status = NTSTATUS(status)


class ThreadState(enum.Enum):
    """The state of a thread in its life."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    TERMINATED = "terminated"


# A look-up of a member in an enumeration takes 0.1 µs. A switch needs three; with these names "event and switch" in
# bench/ke_paths.py is 11 % faster.
READY: Final = ThreadState.READY
RUNNING: Final = ThreadState.RUNNING
WAITING: Final = ThreadState.WAITING


class Thread(DispatcherObject):
    """A thread of control (KTHREAD). It is signalled when it has ended.

    Its priority is its base priority, and more for a while after a wait that ended with a boost. A boost counts from
    the base priority, does not lift a thread above 15, and does nothing for real-time priorities. The priority falls
    by one, down to the base, for each quantum that the boosted thread uses up. A wait and a look at a state take a
    sixth of a quantum.
    """

    __slots__ = (
        "__weakref__",
        "_timers",
        "alertable",
        "alerted",
        "apc_state",
        "attached",
        "base_priority",
        "context",
        "creator",
        "driver",
        "exit_status",
        "held",
        "io",
        "is_system",
        "kernel_apc_disable",
        "kernel_calls",
        "mutexes",
        "nesting",
        "number",
        "priority",
        "quantum",
        "queue",
        "ready_order",
        "ready_queue",
        "regions",
        "single_wait",
        "special_apc_disable",
        "state",
        "system_affinity",
        "time_out",
        "wait_block_list",
        "wait_irql",
        "wait_mode",
        "wait_reason",
        "wait_status",
        "wait_time",
        "wait_type",
    )

    context: Context

    def __init__(self, number: int, priority: int, ready: ReadyQueue, timers: TimerQueue) -> None:
        """The thread can run once it has a context; `ready` and `timers` are the queues that it goes into."""
        super().__init__(ThreadObject, 0)
        self.ready_queue = ready
        """The queue that the thread goes into when it is ready; it says on which processors the thread may run."""
        self.ready_order = 0
        """The place of a ready thread among those of other queues: lower is older."""
        self.system_affinity = 0
        """The mask of the processors to which a driver has bound the thread; 0 if none has."""
        self._timers, self.number = timers, number
        self.priority = self.base_priority = priority
        self.state = READY
        self.creator: object = None
        """The driver that created the thread; None for a thread of a program or of the kernel."""
        self.driver: object = None
        """The driver to which the code belongs that the thread runs when it goes on."""
        self.is_system = False
        """Whether it is a thread of the system process, which has no user addresses."""
        self.attached: AttachedProcess | None = None
        """The process whose user addresses the thread uses by KeStackAttachProcess, instead of those of its own."""
        self.mutexes: list[DispatcherObject] = []
        """The mutexes that the thread owns."""
        self.held: list[object] = []
        """The fast mutexes, guarded mutexes and executive resources that the thread owns."""
        self.kernel_apc_disable = 0
        """Below 0 in critical regions and while the thread owns a mutex (KernelApcDisable)."""
        self.special_apc_disable = 0
        """Below 0 in guarded regions (SpecialApcDisable)."""
        self.regions = 0
        """The critical regions that the thread is in, plus GUARDED_REGION for each guarded one."""
        self.alerted = [False, False]
        """Whether the thread is alerted, for KernelMode and for UserMode."""
        self.queue: WorkQueue | None = None
        """The kernel queue to which the thread belongs."""
        self.kernel_calls = 0
        """The system services that drivers have called in this thread and that have not returned."""
        self.apc_state, self.io = ApcState(), ThreadIoState()
        self.nesting, self.quantum = Nesting(), Quantum(timers)
        self.wait_irql = PASSIVE_LEVEL
        """The IRQL with which the thread goes on when it runs again."""
        self.exit_status = STATUS_PENDING
        block = WaitBlock()
        block.thread, block.wait_key = self, 0
        self.single_wait = (block,)
        """The wait block for a wait for one object, as NT has it in the thread."""
        self.wait_block_list: tuple[WaitBlock, ...] = ()
        self.wait_type = WaitAny
        self.wait_time = 0
        """The clock at which the last wait began (WaitTime)."""
        self.wait_status, self.wait_reason, self.wait_mode = 0, 0, KernelMode
        self.alertable, self.time_out = False, _TimeOut(self)

    def __repr__(self) -> str:
        if self.state is WAITING:
            return f"<thread {self.number}, waiting for {self._waits_for()}, since clock {self.wait_time}>"
        return f"<thread {self.number}, {self.state.value}>"

    def _waits_for(self) -> str:
        """The objects and the time-out of the wait, in words."""
        objects = " and ".join(repr(block.object) for block in self.wait_block_list) or "its time"
        due = self.time_out.due
        return objects if due is None else f"{objects}, until clock {due}"

    def end_wait(self, status: int, increment: int = 0) -> None:
        """Make the waiting thread ready, boosted by `increment`; its wait returns `status`."""
        for block in self.wait_block_list:
            del block.object.header.wait_list[block]
        self.wait_block_list = ()
        if self.time_out.due is not None:
            self._timers.cancel(self.time_out)
        self.wait_status = status
        if increment or self.priority != self.base_priority:
            self._end_boosted_wait(increment)
        self.ready_queue.add(self)

    def boost(self, increment: int) -> None:
        """Lift the priority of a thread that is not ready to its base plus `increment`, for a while."""
        if self.base_priority < LOW_REALTIME_PRIORITY:
            boosted = min(self.base_priority + increment, LOW_REALTIME_PRIORITY - 1)
            if boosted > self.priority:
                self.priority = boosted
                self.quantum.begin()

    def _end_boosted_wait(self, increment: int) -> None:
        """Take what the thread has used of its quantum before the wait, and boost it by `increment`."""
        if self.priority != self.base_priority:
            self._fall(self.quantum.spend(1, self.wait_time))
        self.boost(increment)

    def _fall(self, quanta: int) -> None:
        self.priority = max(self.base_priority, self.priority - quanta)

    def look_at_priority(self, looks: int = 0) -> int:
        """The priority of the running thread after the quanta that have ended by now; each look takes a part of one."""
        if self.priority != self.base_priority:
            self._fall(self.quantum.spend(looks))
        return self.priority

    def satisfy_wait(self, objects: Sequence[DispatcherObject], wait_type: int) -> int | None:
        """Satisfy a wait that was broken off, if the objects allow that by now; return its status, else None."""
        if wait_type == WaitAll:
            if objects and all(each.is_signalled_for(self) for each in objects):
                for each in objects:
                    each.satisfy(self)
                return STATUS_SUCCESS
        else:
            for key, each in enumerate(objects):
                if each.is_signalled_for(self):
                    each.satisfy(self)
                    return key
        return None

    def set_priority(self, priority: int) -> None:
        """Set the priority for good, and put a ready thread into its new place in the ready queue.

        Nothing is preempted.
        """
        ready = self.state is READY
        if ready:
            self.ready_queue.remove(self)
        self.priority = self.base_priority = priority
        if ready:
            self.ready_queue.add(self)


class _TimeOut(TimerEntry):
    """Ends the wait of a thread when its time-out has passed."""

    __slots__ = ("thread",)

    def __init__(self, thread: Thread) -> None:
        super().__init__()
        self.thread = thread

    def __repr__(self) -> str:
        return f"<time-out of thread {self.thread.number}, due at clock {self.due}>"

    def expire(self, now: int) -> None:
        del now
        self.thread.end_wait(STATUS_TIMEOUT)


class ReadyQueue:
    """Threads that are ready to run, by priority and, among equals, by age: those of one affinity."""

    __slots__ = ("_choose", "_occupied", "_queues", "affinity", "highest")

    def __init__(self, affinity: int, choose: Callable[[Choice, Sequence[object]], int] | None) -> None:
        """`affinity` is the mask of the processors on which the threads may run.

        `choose` is `Schedule.choose`, and picks one of several threads of equal priority; None takes the oldest.
        """
        self.affinity = affinity
        self._queues: list[deque[Thread]] = [deque() for _ in range(HIGH_PRIORITY + 1)]
        self._choose = choose
        self._occupied = 0  # bit n is set if a thread of priority n is ready
        self.highest = IDLE_PRIORITY
        """The highest priority of a ready thread; IDLE_PRIORITY if none is ready."""

    def equals_of(self, priority: int) -> Sequence[Thread]:
        """The ready threads of a priority, the oldest first."""
        return self._queues[priority] if priority > IDLE_PRIORITY else ()

    def add(self, thread: Thread) -> None:
        """Queue a thread that has become ready, behind the others of its priority."""
        thread.state = READY
        self._queues[thread.priority].append(thread)
        self._occupied = occupied = self._occupied | 1 << thread.priority
        self.highest = occupied.bit_length() - 1

    def put_back(self, thread: Thread) -> None:
        """Queue a thread that was preempted, before the others of its priority."""
        thread.state = READY
        self._queues[thread.priority].appendleft(thread)
        self._occupied = occupied = self._occupied | 1 << thread.priority
        self.highest = occupied.bit_length() - 1

    def take(self) -> Thread:
        """Take out the thread to run next; a thread must be ready."""
        queue = self._queues[self.highest]
        if self._choose is not None and len(queue) > 1:
            thread = queue[self._choose(Choice.NEXT_THREAD, queue)]
            queue.remove(thread)
        else:
            thread = queue.popleft()
        if not queue:
            self._occupied ^= 1 << thread.priority
            self.highest = self._occupied.bit_length() - 1
        return thread

    def remove(self, thread: Thread) -> None:
        """Take out this thread, which must be ready."""
        queue = self._queues[thread.priority]
        queue.remove(thread)
        if not queue:
            self._occupied ^= 1 << thread.priority
            self.highest = self._occupied.bit_length() - 1


class ReadyOrder:
    """Gives ready threads their order by age across the queues of a kernel with several processors."""

    __slots__ = ("_newest", "_oldest")

    def __init__(self) -> None:
        """Begin with no thread."""
        self._newest = 0
        self._oldest = 0

    def behind_all(self) -> int:
        """The place behind all others."""
        self._newest += 1
        return self._newest

    def before_all(self) -> int:
        """The place before all others."""
        self._oldest -= 1
        return self._oldest


class AffinityQueue(ReadyQueue):
    """The ready threads of one affinity in a kernel with several processors."""

    __slots__ = ("_order", "_wake")

    def __init__(
        self,
        affinity: int,
        choose: Callable[[Choice, Sequence[object]], int] | None,
        order: ReadyOrder,
        wake: Callable[[int], None],
    ) -> None:
        """`wake` is called with the mask of the processors that a thread which became ready gives work."""
        super().__init__(affinity, choose)
        self._order = order
        self._wake = wake

    def add(self, thread: Thread) -> None:
        """See `ReadyQueue`."""
        thread.ready_order = self._order.behind_all()
        super().add(thread)
        self._wake(self.affinity)

    def put_back(self, thread: Thread) -> None:
        """See `ReadyQueue`."""
        thread.ready_order = self._order.before_all()
        super().put_back(thread)
        self._wake(self.affinity)
