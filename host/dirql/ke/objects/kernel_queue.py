# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Kernel queues (KQUEUE): entries for which threads wait, and a limit for the threads that work on them at once.

A thread that takes an entry belongs to the queue from then on, until it takes one from another queue or ends. It counts
as active while it does not wait for anything. No entry is handed out while as many threads are active as the limit
says; if one of them begins to wait, the next entry goes to another. Entries leave in the order of the queue, and among
the waiting threads the newest gets the first (rows QUE-01 … QUE-04).

`ke/threads/queue_wait.py` has the wait, KeRemoveQueue. A completion port of a program has such a queue.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar, Final, NoReturn

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import refuse_list
from dirql.ke.current import current
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.dispatcher_object import DispatcherObject, Waiter
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.threads.thread import WAITING, Thread
from dirql.nt.constants import QueueObject
from dirql.nt.status import STATUS_ABANDONED

__all__ = ["NO_ENTRY", "KernelQueue"]

_INITIALIZE: Final = contract("KeInitializeQueue")
_INSERT: Final = contract("KeInsertQueue")
_INSERT_HEAD: Final = contract("KeInsertHeadQueue")
_READ_STATE: Final = contract("KeReadStateQueue")

NO_ENTRY: Final = object()
"""Stands for the entry of a thread that has got none."""


@mypyc_attr(allow_interpreted_subclasses=True)
class KernelQueue(DispatcherObject):
    """A kernel queue (KQUEUE). The state in its header is the number of its entries."""

    __slots__ = ("_entries", "_taken", "_workers", "abandoned", "maximum_count")

    INITIALIZER: ClassVar[str] = "KeInitializeQueue"

    def __init__(self) -> None:
        """Make a queue that has to be initialized before its use."""
        super().__init__(BLANK, 0)
        self.maximum_count = 0
        """The number of threads that may be active at once."""
        self.abandoned = False
        """Whether the queue was run down, so that nobody can wait for it."""
        self._entries: OrderedDict[object, None] = OrderedDict()
        self._workers: dict[Thread, None] = {}
        self._taken: dict[Waiter, list[object]] = {}
        """For each thread inside KeRemoveQueue, what each of its calls has got: an APC may call it inside a wait."""

    def __repr__(self) -> str:
        if self.header.type < 0:
            return f"<kernel queue {id(self):#x}, not initialized>"
        return (
            f"<kernel queue {id(self):#x}, {self.header.signal_state} entries,"
            f" {self.current_count} of {self.maximum_count} threads active>"
        )

    def initialize(self, count: int = 0) -> None:
        """Make the queue empty; follows KeInitializeQueue.

        `count` threads may be active at once; 0 stands for the number of processors.
        """
        _INITIALIZE.check(self)
        _INITIALIZE.check_arguments(self, count)
        self.begin(count)

    def begin(self, count: int) -> None:
        """Do as `initialize` for a queue of the kernel itself."""
        for worker in self._workers:
            worker.queue = None
        self._workers.clear()
        self._taken.clear()
        self._entries.clear()
        self.abandoned = False
        self.header.initialize(QueueObject, 0)
        self.maximum_count = count or len(current.kernel.processors)

    @property
    def current_count(self) -> int:
        """The number of active threads: those that belong to the queue and do not wait."""
        return sum(worker.state is not WAITING for worker in self._workers)

    def queued(self) -> tuple[object, ...]:
        """The entries, the first to be taken first."""
        return tuple(self._entries)

    def workers(self) -> tuple[Thread, ...]:
        """The threads that belong to the queue."""
        return tuple(self._workers)

    def insert(self, entry: object) -> int:
        """Queue an entry at the tail, or hand it to a waiting thread; follows KeInsertQueue.

        Returns the number of entries before. Bug check 0x139 for an entry that is in the queue already.
        """
        _INSERT.check(self)
        _INSERT.check_arguments(self, entry)
        return self._insert(_INSERT, entry, at_head=False)

    def insert_head(self, entry: object) -> int:
        """Queue an entry at the head, or hand it to a waiting thread; follows KeInsertHeadQueue.

        Returns the number of entries before. Bug check 0x139 for an entry that is in the queue already.
        """
        _INSERT_HEAD.check(self)
        _INSERT_HEAD.check_arguments(self, entry)
        return self._insert(_INSERT_HEAD, entry, at_head=True)

    def read_state(self) -> int:
        """Return the number of entries; follows KeReadStateQueue."""
        _READ_STATE.check_arguments(self)
        if self.header.type < 0:
            refuse_blank(self, "KeReadStateQueue", self.INITIALIZER)
        current.dispatcher.poll()
        return self.header.signal_state

    def _insert(self, kept: KeptContract, entry: object, *, at_head: bool) -> int:
        if self.header.type < 0:
            refuse_blank(self, kept.stated.routine, self.INITIALIZER)
        if entry in self._entries:
            refuse_list(
                f"{kept.stated.routine}: the entry must not be in the queue already; {entry!r} was in {self!r}: insert"
                " an entry again when KeRemoveQueue has returned it"
            )
        previous = self.put(entry, at_head=at_head)
        current.dispatcher.preempt()
        return previous

    def put(self, entry: object, *, at_head: bool = False) -> int:
        """Queue an entry and let waiting threads go on with what they may take; return the number of entries before."""
        previous = self.header.signal_state
        self._entries[entry] = None
        if at_head:
            self._entries.move_to_end(entry, last=False)
        self.header.signal_state = previous + 1
        self.wake()
        return previous

    # What a thread does that takes an entry.

    def join(self, thread: Thread) -> None:
        """Let a thread belong to this queue, and to no other any more, while it is about to take an entry."""
        self._own(thread)
        self._taken.setdefault(thread, []).append(NO_ENTRY)

    def _own(self, thread: Thread) -> None:
        before = thread.queue
        if before is not self:
            if before is not None:
                before.leave(thread)
            thread.queue = self
            self._workers[thread] = None

    def take_for(self, thread: Thread) -> object:
        """Return the entry that the thread has got, whose taking is over; `NO_ENTRY` when it has got none."""
        taken = self._taken.get(thread)
        if taken is None:
            return NO_ENTRY
        entry = taken.pop()
        if not taken:
            del self._taken[thread]
        if entry is not NO_ENTRY and not self.abandoned:
            self._own(thread)  # in the wait an APC may have taken from another queue
        return entry

    def leave(self, thread: Thread) -> None:
        """Let a thread belong to the queue no more, because it ends or takes from another queue."""
        thread.queue = None
        self._workers.pop(thread, None)
        self.wake()

    def take_all(self) -> list[object]:
        """Take out all entries, in their order, and end the waits with STATUS_ABANDONED; nobody can wait any more."""
        taken = list(self._entries)
        self._entries.clear()
        self.header.signal_state = 0
        self.abandoned = True
        for block in list(self.header.wait_list):
            block.thread.end_wait(STATUS_ABANDONED)
        for worker in self._workers:
            worker.queue = None
        self._workers.clear()
        return taken

    # What the dispatcher does.

    def is_signalled_for(self, thread: Waiter) -> bool:
        """Whether the thread may take an entry now, or has to learn that there will be none."""
        if thread not in self._taken:
            self._refuse_wait()
        if self.abandoned:
            return True
        if not self._entries:
            return False
        active = sum(worker.state is not WAITING for worker in self._workers if worker is not thread)
        return active < self.maximum_count

    def satisfy(self, thread: Waiter) -> None:
        """Take out the first entry for a thread; a queue that was run down has none."""
        if self.abandoned:
            return
        entry, _ = self._entries.popitem(last=False)
        self._taken[thread][-1] = entry
        self.header.signal_state = len(self._entries)

    def wake(self, increment: int = 0) -> bool:
        """Hand entries to waiting threads, the newest first, as long as more may be active; whether any waited."""
        waiters = self.header.wait_list
        any_waited = bool(waiters)
        while waiters and self._entries and self.current_count < self.maximum_count:
            thread = next(reversed(waiters)).thread
            self.satisfy(thread)
            thread.end_wait(0, increment)
        return any_waited

    def _refuse_wait(self) -> NoReturn:
        raise TypeError(
            f"a thread must take entries from a kernel queue; KeWaitForSingleObject or KeWaitForMultipleObjects was"
            f" called for {self!r}: call KeRemoveQueue"
        )
