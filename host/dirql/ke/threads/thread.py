# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads: what the kernel knows of each, and the queue of those that are ready to run."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from dirql.ke import current
from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.objects.timer import TimerEntry
from dirql.nt.constants import HIGH_PRIORITY, PASSIVE_LEVEL, KernelMode, ThreadObject, WaitAny
from dirql.nt.status import STATUS_PENDING, STATUS_TIMEOUT

if TYPE_CHECKING:
    from dirql.ke.kernel import Kernel

__all__ = [
    "DEFAULT_PRIORITY",
    "IDLE_PRIORITY",
    "Context",
    "ReadyQueue",
    "Thread",
    "ThreadExit",
    "ThreadState",
    "get_current_thread",
]

DEFAULT_PRIORITY = 8
IDLE_PRIORITY = -1


class Context(Protocol):
    """What a thread runs on; only the dispatcher switches it."""

    def switch(self) -> object:
        """Go on there."""


class ThreadExit(BaseException):
    """A thread ends from within."""

    def __init__(self, status: int) -> None:
        """`status` is its exit status."""
        super().__init__(status)
        self.status = status


class ThreadState(enum.Enum):
    """What a thread does."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    TERMINATED = "terminated"


class Thread(DispatcherObject):
    """A thread of control (KTHREAD); waiting for it is waiting for its end.

    Its priority is fixed unless `set_priority` changes it: the boosts that drivers pass (`increment`) are taken and
    have no effect.
    """

    __slots__ = (
        "__weakref__",
        "alertable",
        "context",
        "driver",
        "exit_status",
        "kernel",
        "number",
        "priority",
        "single_wait",
        "state",
        "threshold",
        "time_out",
        "wait_blocks",
        "wait_irql",
        "wait_mode",
        "wait_reason",
        "wait_status",
        "wait_type",
    )

    context: Context
    """Set by the dispatcher."""

    def __init__(self, kernel: Kernel, number: int, priority: int) -> None:
        """A thread with no context yet; the dispatcher gives it one."""
        super().__init__(ThreadObject, 0)
        self.kernel = kernel
        self.number = number
        self.state = ThreadState.READY
        self.driver: object = None
        """The driver whose code the thread goes on with when it runs again."""
        self.wait_irql = PASSIVE_LEVEL
        """Its level while it does not run."""
        self.exit_status = STATUS_PENDING
        self.single_wait = (WaitBlock(self, self, 0),)
        """Used for waits for one object, of which there are many."""
        self.wait_blocks: tuple[WaitBlock, ...] = ()
        self.wait_type = WaitAny
        self.wait_status = 0
        self.wait_reason = 0
        self.wait_mode = KernelMode
        self.alertable = False
        self.time_out = _TimeOut(self)
        self._prioritize(priority)

    def __repr__(self) -> str:
        """Its number and what it does."""
        if self.state is ThreadState.WAITING:
            return f"<thread {self.number}, waiting for {self.waits_for()}>"
        return f"<thread {self.number}, {self.state.value}>"

    def _prioritize(self, priority: int) -> None:
        self.priority = priority
        self.threshold = 2 << priority if priority > IDLE_PRIORITY else 1
        """The summary of the ready queue is at least this if a thread of higher priority is ready."""

    def set_priority(self, priority: int) -> int:
        """Set the priority, 0 ... 31, and return the old one (KeSetPriorityThread)."""
        if not 0 <= priority <= HIGH_PRIORITY:
            raise ValueError(f"a thread's priority must be 0 ... {HIGH_PRIORITY}; it was {priority}")
        old_priority = self.priority
        ready = self.state is ThreadState.READY
        if ready:
            self.kernel.ready.remove(self)
        self._prioritize(priority)
        if ready:
            self.kernel.ready.add(self)
        current.dispatcher.preempt()
        return old_priority

    def query_priority(self) -> int:
        """The priority (KeQueryPriorityThread)."""
        return self.priority

    def waits_for(self) -> str:
        """What it waits for, in words."""
        objects = " and ".join(repr(block.object) for block in self.wait_blocks) or "its time"
        due = self.time_out.due
        return objects if due is None else f"{objects}, until clock {due}"

    def end_wait(self, status: int) -> None:
        """Make a waiting thread ready; its wait returns `status`."""
        for block in self.wait_blocks:
            block.object.wait_list.remove(block)
        self.wait_blocks = ()
        if self.time_out.due is not None:
            self.kernel.timers.cancel(self.time_out)
        self.wait_status = status
        self.kernel.ready.add(self)


class _TimeOut(TimerEntry):
    """The end of a thread's wait by time."""

    __slots__ = ("thread",)

    def __init__(self, thread: Thread) -> None:
        super().__init__()
        self.thread = thread

    def expire(self) -> None:
        self.thread.end_wait(STATUS_TIMEOUT)


class ReadyQueue:
    """The threads that could run, by priority and then by age."""

    __slots__ = ("_queues", "choose", "summary")

    def __init__(self, choose: Callable[[int], int] | None) -> None:
        """`choose` picks one of so many equals; None takes the oldest."""
        self._queues: list[deque[Thread]] = [deque() for _ in range(HIGH_PRIORITY + 1)]
        self.choose = choose
        self.summary = 0
        """Bit n is set if a thread of priority n is ready."""

    def add(self, thread: Thread) -> None:
        """A thread became ready: the last of its priority."""
        thread.state = ThreadState.READY
        self._queues[thread.priority].append(thread)
        self.summary |= 1 << thread.priority

    def put_back(self, thread: Thread) -> None:
        """A thread was preempted: the first of its priority."""
        thread.state = ThreadState.READY
        self._queues[thread.priority].appendleft(thread)
        self.summary |= 1 << thread.priority

    def take(self) -> Thread:
        """The thread to run next, which is no longer queued; one must be."""
        summary = self.summary
        priority = summary.bit_length() - 1
        queue = self._queues[priority]
        if self.choose is not None and len(queue) > 1:
            thread = queue[self.choose(len(queue))]
            queue.remove(thread)
        else:
            thread = queue.popleft()
        if not queue:
            self.summary = summary ^ (1 << priority)
        return thread

    def remove(self, thread: Thread) -> None:
        """Take out a certain thread."""
        queue = self._queues[thread.priority]
        queue.remove(thread)
        if not queue:
            self.summary ^= 1 << thread.priority

    def equals_of(self, thread: Thread) -> int:
        """How many ready threads have this thread's priority."""
        return len(self._queues[thread.priority]) if thread.priority > IDLE_PRIORITY else 0


def get_current_thread() -> Thread:
    """The current thread (KeGetCurrentThread); during a DPC or an ISR it is the one that was interrupted."""
    return current.processor.current_thread
