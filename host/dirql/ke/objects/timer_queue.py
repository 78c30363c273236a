# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The queue of everything that is due at some clock.

Due times count 100 ns, negative from now, positive since the origin of the system time; the queue counts bus clocks. A
due time becomes the first clock at which it has passed. That is integer arithmetic, so that nothing drifts.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

from dirql.ke.platform import Clock
from dirql.nt.constants import PASSIVE_LEVEL

__all__ = [
    "LAST_CLOCK",
    "UNITS_PER_MILLISECOND",
    "UNITS_PER_SECOND",
    "TimerEntry",
    "TimerQueue",
]

UNITS_PER_SECOND: Final = 10_000_000
"""NT counts time in units of 100 ns."""
UNITS_PER_MILLISECOND: Final = 10_000
LAST_CLOCK: Final = (1 << 63) - 1
"""The last clock that a machine counts. A later time is due then, which no run reaches."""
_NO_LIMIT_NEEDED: Final = 1 << 48
"""A due time that is no further from now is due before `LAST_CLOCK` on each machine."""


class TimerEntry:
    """Something that can be due at a clock."""

    __slots__ = ("due", "ticket")

    def __init__(self) -> None:
        self.due: int | None = None
        """The clock at which the entry is due; None while it is not queued."""
        self.ticket = 0
        """The number of the entry's current place in the heap; older places have other numbers."""

    def expire(self, now: int) -> None:
        """Act on the due time at the clock `now`. The queue calls this at CLOCK_LEVEL, and has taken the entry out."""
        raise NotImplementedError


class WatchEntry(TimerEntry):
    """The entry of the kernel itself, which is due from time to time, and which wakes nobody."""

    __slots__ = ()

    def rest(self, timers: TimerQueue, now: int) -> None:
        """Be due no sooner than a limit is reached, since nothing happens before the processors wake up."""
        raise NotImplementedError

    def resume(self, timers: TimerQueue, now: int) -> None:
        """Be due from time to time again, since the processors have woken up."""
        raise NotImplementedError


class TimerQueue:
    """Everything that is due. The deadline of the machine's clock is always the clock of the first entry."""

    __slots__ = (
        "_clock",
        "_frequency",
        "_heap",
        "_live",
        "_tickets",
        "due",
        "interrupted_irql",
        "time_at_reset",
        "watch",
        "watch_expired",
    )

    def __init__(self, clock: Clock, time_at_reset: int) -> None:
        """`time_at_reset` is the system time at clock 0, in 100 ns units."""
        self._clock = clock
        self._frequency = clock.frequency
        self._heap: list[tuple[int, int, TimerEntry]] = []
        # An entry that is cancelled stays in the heap, with another ticket than the entry has.
        self._live = 0
        self._tickets = count(1)
        self.due: int | None = None
        """The clock at which the first entry is due; None if the queue is empty."""
        self.time_at_reset = time_at_reset
        self.interrupted_irql = PASSIVE_LEVEL
        """The IRQL that the last clock interrupt has interrupted."""
        self.watch: WatchEntry | None = None
        """The watch, which `entries` does not list."""
        self.watch_expired = False
        """Whether the watch has expired since the processor slept last."""

    def is_empty(self) -> bool:
        """Whether nothing is queued that could wake somebody."""
        watch = self.watch
        return self._live == (0 if watch is None or watch.due is None else 1)

    def is_overdue(self) -> bool:
        """Whether the first entry is due now."""
        due = self.due
        return due is not None and self._clock.now() >= due

    def now(self) -> int:
        """The clock of the machine."""
        return self._clock.now()

    def clocks(self, units: int) -> int:
        """The number of clocks in which `units` of 100 ns have passed."""
        return -(-units * self._frequency // UNITS_PER_SECOND)

    def due_clock(self, due_time: int) -> int:
        """The clock at which a due time has come; 0 for an absolute time before the reset."""
        if -_NO_LIMIT_NEEDED < due_time < 0:
            return self._clock.now() + self.clocks(-due_time)
        since_reset = due_time - self.time_at_reset if due_time >= 0 else -due_time
        start = 0 if due_time >= 0 else self._clock.now()
        return min(start + max(0, self.clocks(since_reset)), LAST_CLOCK)

    def has_come(self, due_time: int) -> bool:
        """Whether a due time is absolute and past, so that nothing has to wait for it; 0 is."""
        return due_time >= 0 and self.due_clock(due_time) <= self._clock.now()

    def system_time(self, clock: int) -> int:
        """The system time at a clock, in 100 ns units."""
        return self.time_at_reset + clock * UNITS_PER_SECOND // self._frequency

    def insert(self, entry: TimerEntry, due: int) -> None:
        """Queue an entry, which must not be queued, for the clock `due`, at most `LAST_CLOCK`."""
        entry.due = due
        entry.ticket = next(self._tickets)
        heappush(self._heap, (due, entry.ticket, entry))
        self._live += 1
        if self.due is None or due < self.due:
            self._set_deadline(due)

    def cancel(self, entry: TimerEntry) -> None:
        """Take out an entry, which must be queued."""
        entry.due = None
        entry.ticket = 0
        self._live -= 1
        heap = self._heap
        if len(heap) > 2 * self._live + 64:
            heap[:] = [item for item in heap if item[2].ticket == item[1]]
            heapify(heap)
        self._settle()

    def expire(self, now: int) -> None:
        """Let everything expire that is due at the clock `now` or before."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, ticket, entry = heappop(heap)
            if entry.ticket == ticket:
                entry.due = None
                self._live -= 1
                entry.expire(now)
        self._settle()

    def entries(self) -> list[TimerEntry]:
        """The queued entries in the order in which they are due."""
        in_order = sorted(self._heap, key=lambda item: item[:2])
        return [entry for _, ticket, entry in in_order if entry.ticket == ticket and entry is not self.watch]

    def _settle(self) -> None:
        """Drop cancelled entries at the front, so that the heap's first entry is live and gives the deadline."""
        heap = self._heap
        first = None
        while heap:
            due, ticket, entry = heap[0]
            if entry.ticket == ticket:
                first = due
                break
            heappop(heap)
        if first != self.due:
            self._set_deadline(first)

    def _set_deadline(self, due: int | None) -> None:
        self.due = due
        self._clock.set_deadline(due)
