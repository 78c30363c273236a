# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Timers, and the clock interrupt at which they expire."""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.dispatcher_object import DispatcherObject, Waiter
from dirql.ke.objects.timer_queue import (
    LAST_CLOCK,
    UNITS_PER_MILLISECOND,
    TimerEntry,
)
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import NO_ROUTINE, Dpc
from dirql.ke.processors.irql import enter
from dirql.ke.processors.processor import Processor
from dirql.nt.bugcodes import INVALID_TIMER, TIMER_OR_DPC_INVALID
from dirql.nt.constants import (
    CLOCK_LEVEL,
    NotificationTimer,
    SynchronizationTimer,
    TimerNotificationObject,
    TimerSynchronizationObject,
)

__all__ = ["Timer", "clock_interrupt"]


_SET: Final = contract("KeSetTimer")
_SET_EX: Final = contract("KeSetTimerEx")
_SET_COALESCABLE: Final = contract("KeSetCoalescableTimer")
_CANCEL: Final = contract("KeCancelTimer")

_LOWEST_TIME: Final = -(1 << 63)
_HIGHEST_TIME: Final = (1 << 63) - 1
_LONGEST_PERIOD: Final = (1 << 31) - 1
_INITIALIZE_TIMER: Final = contract("KeInitializeTimer")
_INITIALIZE_TIMER_EX: Final = contract("KeInitializeTimerEx")
_READ_STATE_TIMER: Final = contract("KeReadStateTimer")


def clock_interrupt(processor: Processor) -> None:
    """Take the clock interrupt, which comes when a due time is reached: signal timers and queue their DPCs."""
    old_irql = enter(processor, CLOCK_LEVEL)
    kernel = current.kernel
    timers = kernel.timers
    timers.interrupted_irql = old_irql
    timers.expire(kernel.clock.now())
    enter(processor, old_irql)


@mypyc_attr(allow_interpreted_subclasses=True)
class Timer(DispatcherObject):
    """A timer, which is signalled when it is due, once or periodically (KTIMER)."""

    __slots__ = ("_entry", "dpc", "driver", "due_time", "period", "period_units")

    INITIALIZER: ClassVar[str] = "KeInitializeTimer"

    def __init__(self) -> None:
        """Make a timer that has to be initialized before its use."""
        super().__init__(BLANK, 0)
        self._entry = _Expiry(self)
        self.due_time = 0
        """The due time in 100 ns units: negative from the call that set the timer, else in system time."""
        self.period = 0
        """The period in milliseconds; 0 for a timer that expires once."""
        self.period_units = 0
        """The period in 100 ns units."""
        self.dpc: Dpc | None = None
        """The DPC to queue when the timer expires."""
        self.driver: object = None
        """The driver that initialized the timer."""

    def __repr__(self) -> str:
        if self.header.type < 0:
            return f"<timer {id(self):#x}, not initialized>"
        kind = "notification" if self.header.type == TimerNotificationObject else "synchronization"
        due = self._entry.due
        return f"<{kind} timer, {'not set' if due is None else f'due at clock {due}'}>"

    def initialize(self) -> None:
        """Make it a notification timer that is not set; follows KeInitializeTimer."""
        _INITIALIZE_TIMER.check_arguments(self)
        self.initialize_ex(NotificationTimer)

    def initialize_ex(self, type: int) -> None:
        """Make it a NotificationTimer or a SynchronizationTimer that is not set; follows KeInitializeTimerEx."""
        _INITIALIZE_TIMER_EX.check_arguments(self, type)
        if self._entry.due is not None and current.kernel.verifier.is_verified(current.processor.driver):
            reason = (
                f"a timer that is set must not be initialized again; {self!r} was: call KeCancelTimer first"
            )
            bug_check(TIMER_OR_DPC_INVALID, INVALID_TIMER, self, 0, 0, reason=reason)
        self._take_back()
        kind = TimerSynchronizationObject if type == SynchronizationTimer else TimerNotificationObject
        self.header.initialize(kind, 0)
        self.due_time = 0
        self.period = self.period_units = 0
        self.dpc = None
        self.driver = current.processor.driver

    def set(self, due_time: int, dpc: Dpc | None = None) -> bool:
        """Set the timer to expire once, and return whether it was set already; follows KeSetTimer.

        A due time that is absolute and past, as 0 is, lets the timer expire at once.
        """
        _SET.check_two(self, dpc)
        if type(due_time) is not int or not _LOWEST_TIME <= due_time <= _HIGHEST_TIME:
            _SET.check_arguments(self, due_time, dpc)
        self.period = 0
        return self._set_units(due_time, 0, dpc)

    def start(self, due_time: int, period_units: int, dpc: Dpc | None) -> bool:
        """Do as `set_ex` for a period in 100 ns units, for the kernel itself."""
        return self._set_units(due_time, period_units, dpc)

    def stop(self) -> bool:
        """Do as `cancel` for the kernel itself."""
        self.end_periods()
        return self._take_back()

    def end_periods(self) -> None:
        """Let the timer, if it is set, expire once more only."""
        self.period = self.period_units = 0

    def set_ex(self, due_time: int, period: int, dpc: Dpc | None = None) -> bool:
        """Set the timer, and return whether it was set already; follows KeSetTimerEx.

        It expires at `due_time`, and after that each `period` milliseconds unless that is 0. Raises `ValueError` for a
        period that is no LONG of 0 or more.
        """
        _SET_EX.check_two(self, dpc)
        if (
            type(due_time) is not int
            or type(period) is not int
            or not _LOWEST_TIME <= due_time <= _HIGHEST_TIME
            or not 0 <= period <= _LONGEST_PERIOD
        ):
            _SET_EX.check_arguments(self, due_time, period, dpc)
        return self._set(due_time, period, dpc)

    def set_coalescable(
        self, due_time: int, period: int, tolerable_delay: int, dpc: Dpc | None = None
    ) -> bool:
        """Do as `set_ex`, at the time itself however long a delay is tolerable; follows KeSetCoalescableTimer."""
        _SET_COALESCABLE.check_two(self, dpc)
        _SET_COALESCABLE.check_arguments(self, due_time, period, tolerable_delay, dpc)
        return self._set(due_time, period, dpc)

    def cancel(self) -> bool:
        """Take the timer back, and return whether it was set; follows KeCancelTimer.

        A DPC that the timer has queued already still runs.
        """
        _CANCEL.check(self)
        if self.header.type < 0:
            refuse_blank(self, "KeCancelTimer", self.INITIALIZER)
        return self.stop()

    def read_state(self) -> bool:
        """Whether the timer is signalled; follows KeReadStateTimer."""
        _READ_STATE_TIMER.check_arguments(self)
        if self.header.type < 0:
            refuse_blank(self, "KeReadStateTimer", self.INITIALIZER)
        current.dispatcher.poll()
        return self.header.signal_state > 0

    def is_set(self) -> bool:
        """Whether the timer is in the queue of timers."""
        return self._entry.due is not None

    def satisfy(self, thread: Waiter) -> None:
        """Clear a synchronization timer, because it frees one thread only."""
        if self.header.type == TimerSynchronizationObject:
            self.header.signal_state = 0

    def _take_back(self) -> bool:
        """Take the timer out of the queue; return whether it was in there."""
        if self._entry.due is None:
            return False
        current.kernel.timers.cancel(self._entry)
        return True

    def _set(self, due_time: int, period: int, dpc: Dpc | None) -> bool:
        if period < 0:
            raise ValueError(f"KeSetTimerEx: Period must be 0 or more milliseconds; it was {period}")
        self.period = period
        return self._set_units(due_time, period * UNITS_PER_MILLISECOND, dpc)

    def _set_units(self, due_time: int, period_units: int, dpc: Dpc | None) -> bool:
        if self.header.type < 0:
            refuse_blank(self, "KeSetTimer", self.INITIALIZER)
        if dpc is not None and dpc.deferred_routine in NO_ROUTINE:
            dpc.refuse_blank()
        was_set = self._take_back()
        self.due_time = due_time
        self.period_units = period_units
        self.dpc = dpc
        self.header.signal_state = 0
        timers = current.kernel.timers
        if due_time >= 0 and timers.has_come(due_time):
            # The periods count from now: nobody wants those that have passed since 1601.
            now = current.kernel.clock.now()
            self._entry.begin(now)
            self._entry.expire(now)
            current.dispatcher.preempt()
            return was_set
        due = timers.due_clock(due_time)
        self._entry.begin(due)
        timers.insert(self._entry, due)
        return was_set


class _Expiry(TimerEntry):
    """The place of a timer in the queue.

    Periods count from the first due clock, so that the rounding to whole clocks does not add up. The DPC's arguments
    are the system time of the expiry, its low and its high 32 bits, as on NT.
    """

    __slots__ = ("_first", "_times", "timer")

    def __init__(self, timer: Timer) -> None:
        super().__init__()
        self.timer = timer
        self._first = 0
        self._times = 0

    def __repr__(self) -> str:
        return repr(self.timer)

    def begin(self, due: int) -> None:
        """Count the periods from the clock `due`."""
        self._first = due
        self._times = 0

    def expire(self, now: int) -> None:
        timer = self.timer
        if timer.period_units:
            self._times += 1
            timers = current.kernel.timers
            since_first = timers.clocks(self._times * timer.period_units)
            timers.insert(self, min(self._first + since_first, LAST_CLOCK))
        timer.header.signal_state = 1
        timer.wake()
        if timer.dpc is not None:
            time = current.kernel.timers.system_time(now)
            timer.dpc.queue(time & 0xFFFF_FFFF, time >> 32)
