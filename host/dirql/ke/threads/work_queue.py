# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Work items, and the system threads that call their routines at PASSIVE_LEVEL.

Each queue has threads of one priority. They begin when an item is queued and no thread of the queue is free, so that an
item that waits does not hold off the others, and end when there is no work left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn, cast

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import WORKER, call_driver, current_driver, describe
from dirql.ke.origin import origin_of_routine
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import irql_name
from dirql.ke.running import Running
from dirql.ke.threads.system_thread import start_thread
from dirql.nt.bugcodes import APC_INDEX_MISMATCH, WORKER_INVALID, WORKER_THREAD_RETURNED_AT_BAD_IRQL
from dirql.nt.constants import (
    PASSIVE_LEVEL,
    CriticalWorkQueue,
    DelayedWorkQueue,
    HyperCriticalWorkQueue,
)

__all__ = ["WorkItem", "WorkQueue", "WorkQueues", "WorkerRoutine", "work_queues"]

_INITIALIZE: Final = contract("ExInitializeWorkItem")
_QUEUE: Final = contract("ExQueueWorkItem")

WorkerRoutine = Callable[[object], object]
"""A worker routine is called as `routine(parameter)`."""

MOST_THREADS: Final = 16
"""The threads that a queue has at most, as NT's queues have by default."""
_PRIORITIES: Final = {CriticalWorkQueue: 13, DelayedWorkQueue: 12, HyperCriticalWorkQueue: 15}
_ACTIVE_QUEUED: Final = 1
_INVALID_QUEUE: Final = 6
_INVALID_ROUTINE: Final = 7


@mypyc_attr(allow_interpreted_subclasses=True)
class WorkItem:
    """A work item of the executive (WORK_QUEUE_ITEM)."""

    __slots__ = ("driver", "is_queued", "parameter", "worker_routine")

    def __init__(self) -> None:
        """Make an item that has to be initialized before its use."""
        self.worker_routine = cast("WorkerRoutine", None)
        self.parameter: object = None
        self.is_queued = False
        """Whether the item waits for its call; its routine may queue or free it."""
        self.driver: object = None
        """The driver that initialized the item."""

    def __repr__(self) -> str:
        return f"<work item {describe(self.worker_routine)}{', queued' if self.is_queued else ''}>"

    def initialize(self, worker_routine: WorkerRoutine, parameter: object) -> None:
        """Set the routine and its argument; follows ExInitializeWorkItem."""
        _INITIALIZE.check_arguments(self, worker_routine, parameter)
        self.worker_routine = worker_routine
        self.parameter = parameter
        self.is_queued = False
        self.driver = current_driver()

    def queue(self, queue_type: int) -> None:
        """Have a system thread call the routine; follows ExQueueWorkItem.

        Bug check 0xE4 for an item that is queued already, for one without a routine, and for a queue that is not
        CriticalWorkQueue, DelayedWorkQueue or HyperCriticalWorkQueue.
        """
        _QUEUE.check(self)
        _QUEUE.check_arguments(self, queue_type)
        work_queues.value.queue(self, queue_type)


class WorkQueue:
    """The items and the threads of one priority."""

    __slots__ = ("free", "priority", "threads", "waiting")

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.waiting = deque[WorkItem]()
        """The queued items, the next one first."""
        self.threads = 0
        self.free = 0
        """The threads that have begun, or will begin, and have no item yet."""

    def add(self, item: WorkItem) -> None:
        """Queue an item, and start a thread for it unless one is free."""
        self.waiting.append(item)
        if self.free < len(self.waiting) and self.threads < MOST_THREADS:
            self.threads += 1
            self.free += 1
            start_thread(self._run, None, self.priority, is_system=True)
            current.dispatcher.preempt()

    def _run(self, context: object) -> None:
        """Be a thread of the queue."""
        del context
        while self.waiting:
            self.free -= 1
            item = self.waiting.popleft()
            item.is_queued = False
            _call(item)
            self.free += 1
        self.free -= 1
        self.threads -= 1


class WorkQueues:
    """The work queues of a machine."""

    __slots__ = ("queues",)

    def __init__(self) -> None:
        self.queues = {kind: WorkQueue(priority) for kind, priority in _PRIORITIES.items()}

    def queue(self, item: WorkItem, queue_type: int) -> None:
        """Queue an item; see `WorkItem.queue`."""
        queue = self.queues.get(queue_type)
        if item.is_queued:
            _refuse(
                _ACTIVE_QUEUED,
                item,
                queue_type,
                "an item must not be queued again before its routine is called",
            )
        if queue is None:
            what = "QueueType must be CriticalWorkQueue, DelayedWorkQueue or HyperCriticalWorkQueue"
            _refuse(_INVALID_QUEUE, item, queue_type, f"{what}; it was {queue_type}")
        if item.worker_routine is None:
            _refuse(_INVALID_ROUTINE, item, queue_type, "an item must be initialized before it is queued")
        item.is_queued = True
        queue.add(item)

    def waiting(self) -> list[WorkItem]:
        """The items that are queued."""
        return [item for queue in self.queues.values() for item in queue.waiting]


work_queues: Final = Running[WorkQueues]("work items")


def _refuse(kind: int, item: WorkItem, queue_type: int, what: str) -> NoReturn:
    reason = (
        f"ExQueueWorkItem: {what}; {item!r} was given: wait until its routine is called, or use another item"
    )
    bug_check(WORKER_INVALID, kind, item, queue_type, 0, reason=reason)


def _call(item: WorkItem) -> None:
    """Call the routine of an item, and check the state of the thread afterwards."""
    routine = item.worker_routine
    thread = current.processor.current_thread
    driver = item.driver
    thread.driver = driver
    call_driver(WORKER, driver, routine, item.parameter)
    thread.driver = None
    irql = current.processor.irql
    place = origin_of_routine(routine)
    if irql != PASSIVE_LEVEL:
        reason = (
            f"a worker routine must return at PASSIVE_LEVEL; {describe(routine)} of {driver!r} returned at"
            f" {irql_name(irql)}: lower the IRQL on each way out"
        )
        code = WORKER_THREAD_RETURNED_AT_BAD_IRQL
        bug_check(code, routine, irql, item.parameter, item, reason=reason, place=place)
    disabled = (thread.special_apc_disable & 0xFFFF) << 16 | thread.kernel_apc_disable & 0xFFFF
    if disabled:
        reason = (
            f"a worker routine must leave the regions that it enters, and release its mutexes; {describe(routine)} of"
            f" {driver!r} returned with APCs disabled: call KeLeaveCriticalRegion or KeReleaseMutex on each way out"
        )
        bug_check(APC_INDEX_MISMATCH, routine, 0, disabled, 1, reason=reason, place=place)
    if thread.attached is not None:
        reason = (
            f"a worker routine must leave a process to which it attaches; {describe(routine)} of {driver!r} returned"
            f" attached to {thread.attached!r}: call KeUnstackDetachProcess on each way out"
        )
        bug_check(APC_INDEX_MISMATCH, routine, 1, 0, 1, reason=reason, place=place)
