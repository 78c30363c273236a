# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Timers, and the queue of all that is due at some clock.

Due times count 100 ns, negative from now, positive since the system time's origin; the queue counts bus clocks. A due
time becomes the first clock at which it has passed, by integer arithmetic, so nothing drifts.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from dirql.ke import current
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.irql import contract, enter, leave
from dirql.nt.constants import (
    CLOCK_LEVEL,
    DISPATCH_LEVEL,
    NotificationTimer,
    SynchronizationTimer,
    TimerNotificationObject,
    TimerSynchronizationObject,
)

if TYPE_CHECKING:
    from dirql.ke.platform import Clock
    from dirql.ke.processors.dpc import Dpc
    from dirql.ke.processors.processor import Processor
    from dirql.ke.threads.thread import Thread

__all__ = [
    "UNITS_PER_MILLISECOND",
    "UNITS_PER_SECOND",
    "Timer",
    "TimerEntry",
    "TimerQueue",
    "clock_interrupt",
]

UNITS_PER_SECOND = 10_000_000
"""Of NT's time: 100 ns."""
UNITS_PER_MILLISECOND = 10_000


class TimerEntry:
    """Something that is due at a clock, or not at all."""

    __slots__ = ("due", "ticket")

    def __init__(self) -> None:
        """Due never."""
        self.due: int | None = None
        self.ticket = 0

    def expire(self) -> None:
        """The clock has come; called at CLOCK_LEVEL, no longer queued."""
        raise NotImplementedError


class TimerQueue:
    """All that is due, and the machine's deadline, which is always that of the first."""

    __slots__ = ("_clock", "_heap", "_live", "_tickets", "due", "time_at_reset")

    def __init__(self, clock: Clock, time_at_reset: int) -> None:
        """`time_at_reset` is the system time at clock 0."""
        self._clock = clock
        self._heap: list[tuple[int, int, TimerEntry]] = []
        self._live = 0
        self._tickets = count(1)
        self.due: int | None = None
        """The clock at which the first is due."""
        self.time_at_reset = time_at_reset

    def is_overdue(self) -> bool:
        """Whether the first is due now."""
        due = self.due
        return due is not None and self._clock.now() >= due

    def clocks(self, units: int) -> int:
        """The clocks in which `units` of 100 ns have passed."""
        return -(-units * self._clock.frequency // UNITS_PER_SECOND)

    def due_clock(self, due_time: int) -> int:
        """The clock at which a due time has come; 0 for an absolute time before the reset."""
        if due_time < 0:
            return self._clock.now() + self.clocks(-due_time)
        return max(0, self.clocks(due_time - self.time_at_reset))

    def insert(self, entry: TimerEntry, due: int) -> None:
        """Queue an entry that is not queued."""
        entry.due = due
        entry.ticket = next(self._tickets)
        heappush(self._heap, (due, entry.ticket, entry))
        self._live += 1
        if self.due is None or due < self.due:
            self._set_deadline(due)

    def cancel(self, entry: TimerEntry) -> None:
        """Take out an entry that is queued."""
        entry.due = None
        entry.ticket = 0
        self._live -= 1
        heap = self._heap
        if heap[0][2] is entry or len(heap) > 2 * self._live + 64:
            if len(heap) > 2 * self._live + 64:
                # Entries are left behind where they are; now and then they are swept.
                heap[:] = [item for item in heap if item[2].ticket == item[1]]
                heapify(heap)
            self._settle()

    def expire(self, now: int) -> None:
        """Let all expire that is due."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, ticket, entry = heappop(heap)
            if entry.ticket == ticket:
                entry.due = None
                self._live -= 1
                entry.expire()
        self._settle()

    def entries(self) -> list[TimerEntry]:
        """What is queued, the first due first."""
        return [
            entry
            for _, ticket, entry in sorted(self._heap, key=lambda item: item[:2])
            if entry.ticket == ticket
        ]

    def _settle(self) -> None:
        """The first of the heap is queued, and the deadline is its."""
        heap = self._heap
        while heap and heap[0][2].ticket != heap[0][1]:
            heappop(heap)
        due = heap[0][0] if heap else None
        if due != self.due:
            self._set_deadline(due)

    def _set_deadline(self, due: int | None) -> None:
        self.due = due
        self._clock.set_deadline(due)


def clock_interrupt(processor: Processor) -> None:
    """What the clock's interrupt does when a due time is reached: signal, and queue the timers' DPCs."""
    old_irql = enter(processor, CLOCK_LEVEL)
    kernel = processor.kernel
    kernel.timers.expire(kernel.clock.now())
    leave(processor, old_irql)


class Timer(DispatcherObject):
    """A timer (KTIMER)."""

    __slots__ = ("_entry", "dpc", "due_time", "period")

    def __init__(self) -> None:
        """Not usable before `initialize`."""
        super().__init__(TimerNotificationObject, 0)
        self._entry = _Expiry(self)
        self.initialize()

    def __repr__(self) -> str:
        """Its kind and when it is due."""
        kind = "notification" if self.type == TimerNotificationObject else "synchronization"
        due = self._entry.due
        return f"<{kind} timer, {'not set' if due is None else f'due at clock {due}'}>"

    def initialize(self) -> None:
        """Make a notification timer that is not set (KeInitializeTimer)."""
        self.initialize_ex(NotificationTimer)

    def initialize_ex(self, type: int) -> None:
        """Make a notification or a synchronization timer that is not set (KeInitializeTimerEx)."""
        if self._entry.due is not None:
            current.kernel.timers.cancel(self._entry)
        self.type = TimerSynchronizationObject if type == SynchronizationTimer else TimerNotificationObject
        self.signal_state = 0
        self.wait_list = []
        self.due_time = 0
        self.period = 0
        self.dpc: Dpc | None = None

    @contract(max_irql=DISPATCH_LEVEL)
    def set(self, due_time: int, dpc: Dpc | None = None) -> bool:
        """Set the timer once (KeSetTimer); returns whether it was set already."""
        return self._set(due_time, 0, dpc)

    @contract(max_irql=DISPATCH_LEVEL)
    def set_ex(self, due_time: int, period: int, dpc: Dpc | None = None) -> bool:
        """Set the timer (KeSetTimerEx): first at `due_time`, then each `period` milliseconds unless that is 0."""
        return self._set(due_time, period, dpc)

    @contract(max_irql=DISPATCH_LEVEL)
    def cancel(self) -> bool:
        """Take the timer back (KeCancelTimer); returns whether it was set. A DPC queued already still runs."""
        queued = self._entry.due is not None
        if queued:
            current.kernel.timers.cancel(self._entry)
        self.period = 0
        return queued

    def read_state(self) -> bool:
        """Whether it is signalled (KeReadStateTimer)."""
        current.dispatcher.poll()
        return self.signal_state > 0

    def satisfy(self, thread: Thread) -> None:
        """A synchronization timer releases one thread."""
        if self.type == TimerSynchronizationObject:
            self.signal_state = 0

    def _set(self, due_time: int, period: int, dpc: Dpc | None) -> bool:
        if period < 0:
            raise ValueError(f"a timer's period must be 0 or more milliseconds; it was {period}")
        timers = current.kernel.timers
        queued = self._entry.due is not None
        if queued:
            timers.cancel(self._entry)
        self.due_time, self.period, self.dpc, self.signal_state = due_time, period, dpc, 0
        due = timers.due_clock(due_time)
        self._entry.begin(due)
        timers.insert(self._entry, due)
        if due <= current.kernel.clock.now():
            current.dispatcher.look()
        return queued


class _Expiry(TimerEntry):
    """A timer's place in the queue. Periods are counted from the first due clock, so that rounding does not add up."""

    __slots__ = ("first", "timer", "times")

    def __init__(self, timer: Timer) -> None:
        super().__init__()
        self.timer = timer
        self.first = 0
        self.times = 0

    def begin(self, due: int) -> None:
        self.first = due
        self.times = 0

    def expire(self) -> None:
        timer = self.timer
        if timer.period:
            self.times += 1
            timers = current.kernel.timers
            timers.insert(self, self.first + timers.clocks(self.times * timer.period * UNITS_PER_MILLISECOND))
        timer.signal_state = 1
        if timer.wait_list:
            timer.wake()
        if timer.dpc is not None:
            timer.dpc.queue(timer.due_time & 0xFFFF_FFFF, (timer.due_time >> 32) & 0xFFFF_FFFF)
