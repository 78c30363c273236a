# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The watch looks at the machine from time to time, and stops the kernel when nothing goes on.

It is an entry of the timer queue that is always due again some clocks later. So it looks in the clock interrupt, on top
of the code that runs, and the code itself pays nothing for it. Whatever runs at two looks in a row has run from the
first to the second, which is the precision of the limits on one DPC, one ISR, and a raised IRQL. Clocks that pass on a
board while an access waits for its answer are left out, since no driver can avoid them: `Clock.lag`.
"""

from __future__ import annotations

from typing import Final, NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.limits import Limits
from dirql.ke.objects.timer_queue import TimerQueue, WatchEntry
from dirql.ke.processors.interrupt import Interrupt
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.thread import WAITING, Thread
from dirql.ke.watch.deadlock import Deadlock
from dirql.ke.watch.report import place_of_processor, report, waiting_driver
from dirql.nt.bugcodes import DPC_WATCHDOG_VIOLATION, WATCHDOG_CUMULATIVE, WATCHDOG_SINGLE
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = ["TICKS_PER_SECOND", "Watch", "hang"]

TICKS_PER_SECOND: Final = 64
"""NT's clock ticks, in which bug check 0x133 counts."""


def hang(why: str) -> Deadlock:
    """The error for a machine that hangs, with the report. `why` is the reason, a clause without a full stop."""
    clock = current.kernel.clock.now()
    witnesses = current.kernel.witnesses
    accused = "; ".join(clause for clause in (witness.accuse() for witness in witnesses) if clause)
    accused = accused or waiting_driver(witnesses)
    oldest = f": {accused}" if accused else ""
    return Deadlock(f"deadlock at clock {clock}: {why}{oldest}{report(witnesses)}")


class _Span:
    """One thing that runs, with a number that counts its runs, and the clock of the first look that found it."""

    __slots__ = ("number", "since", "what")

    def __init__(self) -> None:
        self.what: object = None
        self.number = 0
        self.since = 0

    def look(self, what: object, number: int, now: int) -> int:
        """The clocks for which this has been the thing that runs; 0 for None and for a new one."""
        if what is None or what is not self.what or number != self.number:
            self.what, self.number, self.since = what, number, now
        return now - self.since


class _Routines:
    """The things that one processor runs."""

    __slots__ = ("dpc", "drains", "isr", "raised")

    def __init__(self) -> None:
        self.dpc = _Span()
        self.isr = _Span()
        self.raised = _Span()
        self.drains = 0
        """The looks before which the processor had been below DISPATCH_LEVEL, and had drained its queue of DPCs."""


class Watch(WatchEntry):
    """The watch of one kernel."""

    __slots__ = (
        "_busy",
        "_dpcs_before",
        "_looks_before",
        "_mark",
        "_mark_since",
        "_oldest",
        "_routines",
        "_waits",
        "limits",
    )

    def __init__(self, limits: Limits, processors: int) -> None:
        """A watch that does not look before `begin`."""
        super().__init__()
        self.limits = limits
        self._routines = [_Routines() for _ in range(processors)]
        self._mark: tuple[tuple[int, ...], ...] = ()
        self._mark_since = 0
        self._looks_before = 0
        self._dpcs_before = 0
        self._oldest = _Span()
        self._busy = _Span()
        self._waits: dict[Thread, int] = {}
        """The time-outs of the program's waits at the look at which the oldest request became that."""

    def __repr__(self) -> str:
        return "<the watch over hangs>"

    def begin(self, timers: TimerQueue, now: int) -> None:
        """Look from now on, if there is a limit."""
        period = self.limits.period
        if period is not None:
            timers.watch = self
            last = self.limits.clocks
            timers.insert(self, now + period if last is None or last <= now else min(now + period, last))

    def rest(self, timers: TimerQueue, now: int) -> None:
        """See `WatchEntry`.

        The limits that nothing but time can exceed now are those on requests and on the whole run.
        """
        lag = current.kernel.clock.lag()
        starts = [self._mark_since] if self._oldest.what is None else [self._mark_since, self._oldest.since]
        request = self.limits.request
        limits = [] if request is None else [start + request + 1 + lag for start in starts]
        if self.limits.clocks is not None:
            limits.append(self.limits.clocks)
        left = [limit for limit in limits if limit > now]
        if self.due is not None:
            timers.cancel(self)
        if left:
            timers.insert(self, min(left))

    def resume(self, timers: TimerQueue, now: int) -> None:
        """See `WatchEntry`."""
        if self.due is not None:
            timers.cancel(self)
        self.begin(timers, now)

    def expire(self, now: int) -> None:
        """Look, and be due again; raises when a limit is exceeded."""
        kernel = current.kernel
        now = kernel.clock.now()
        kernel.timers.watch_expired = True
        self.begin(kernel.timers, now)
        if self.limits.clocks is not None and now >= self.limits.clocks:
            raise hang(f"the machine has run for {self.limits.clocks:,} clocks, the limit `clocks`")
        worked = now - kernel.clock.lag()
        for processor in kernel.processors:
            self._look_at_routines(processor, self._routines[processor.number], worked)
        self._look_at_progress(worked)

    # DPCs, ISRs and levels.

    def _look_at_routines(self, processor: Processor, routines: _Routines, now: int) -> None:
        kernel = current.kernel
        limits = self.limits
        limit = limits.routine
        running = processor.dpcs.running
        isr = processor.isrs[-1] if processor.isrs else None
        count = isr.dispatch_count if isinstance(isr, Interrupt) else 0
        took = routines.isr.look(isr, count, now)
        if isr is not None and limit is not None and took > limit:
            self._stop(processor, WATCHDOG_SINGLE, f"an ISR must return; {isr!r}", took, limit)
        took = routines.dpc.look(running, processor.dpcs.count, now)
        if running is not None and limit is not None and took > limit:
            self._stop(processor, WATCHDOG_SINGLE, f"a DPC must return; {running!r}", took, limit)
        irql = kernel.timers.interrupted_irql if processor is current.processor else processor.irql
        is_raised = irql >= DISPATCH_LEVEL
        if not processor.dpcs.is_undrained:
            routines.drains += 1
            processor.dpcs.is_undrained = True
        took = routines.raised.look(processor if is_raised else None, routines.drains, now)
        # A loop that takes a lock and releases it is found at the raised IRQL by each look, although it comes below.
        # There it drains the queue now, as after a clock interrupt of NT, and the next look sees that it did.
        processor.dpcs.requested |= is_raised
        limit = limits.raised
        if limit is not None and took > limit:
            what = f"a processor must come below DISPATCH_LEVEL again; {processor!r}"
            self._stop(processor, WATCHDOG_CUMULATIVE, what, took, limit)

    def _stop(self, processor: Processor, kind: int, what: str, took: int, limit: int) -> NoReturn:
        ticks = current.kernel.clock.frequency // TICKS_PER_SECOND
        count, allotted = -(-took // ticks), limit // ticks
        name = "routine" if kind == WATCHDOG_SINGLE else "raised"
        done = "has run" if kind == WATCHDOG_SINGLE else "has stayed at or above it"
        reason = (
            f"{what} {done} for {took} clocks, and the limit is {limit}: end the loop, or do the work in parts"
            f" (Limits.{name})"
        )
        parameters: tuple[object, object] = (count, allotted) if kind == WATCHDOG_SINGLE else (allotted, 0)
        place = place_of_processor(processor)
        bug_check(
            DPC_WATCHDOG_VIOLATION,
            kind,
            parameters[0],
            parameters[1],
            0,
            reason=reason,
            place=place,
            details=report(current.kernel.witnesses),
        )

    # Requests, waits and loops.

    def _look_at_progress(self, now: int) -> None:
        kernel = current.kernel
        mark = tuple(witness.progress() for witness in kernel.witnesses)
        dpcs = sum(processor.dpcs.count for processor in kernel.processors)
        if mark != self._mark:
            self._mark, self._mark_since, self._looks_before, self._dpcs_before = (
                mark,
                now,
                kernel.looks,
                dpcs,
            )
        still = now - self._mark_since
        self._look_at_looks(current.processor, kernel.looks - self._looks_before)
        limit = self.limits.request
        self._look_at_loops(current.processor, now, still)
        self._look_at_dpcs(current.processor, dpcs - self._dpcs_before)
        if limit is None:
            return
        if still > limit and self._nobody_can_go_on(current.processor):
            why = (
                f"no request was made or ended for {still} clocks, and the limit is {limit} (Limits.request)"
            )
            raise self._hang(why)
        self._look_at_oldest(now, limit)

    def _look_at_looks(self, processor: Processor, looks: int) -> None:
        """Find a loop that looks whether something has changed, and does nothing else."""
        limit = self.limits.looks
        if limit is not None and looks > limit:
            place = place_of_processor(processor)
            where = "" if place is None else f" in {place}"
            why = (
                f"code{where} looked {looks} times whether something had changed, while no request was made or ended; a"
                f" loop must end after some time, or wait (Limits.looks is {limit})"
            )
            raise self._hang(why)

    def _look_at_dpcs(self, processor: Processor, ran: int) -> None:
        """Find a timer, or an interrupt, whose DPC runs again and again, and that brings no request to its end."""
        limit = self.limits.dpcs
        if limit is not None and ran > limit and self._nobody_can_go_on(processor):
            why = (
                f"{ran} DPCs ran while no request was made or ended; a timer that ends no request must be cancelled, or"
                f" come less often (Limits.dpcs is {limit})"
            )
            raise self._hang(why)

    def _look_at_loops(self, processor: Processor, now: int, still: int) -> None:
        """Find a driver that runs for long while no request is made or ends, sooner if it only reads one register."""
        thread = processor.current_thread
        is_busy = processor.driver is not None and still > 0
        took = self._busy.look(thread if is_busy else None, thread.number, now)
        if is_busy:
            place = place_of_processor(processor)
            where = f"{processor.driver!r} has run" + ("" if place is None else f" in {place}")
            self._look_at_loop(took, f"{where} for {took} clocks")
        # To note accesses makes each three times as slow, so that it is done in the last quarter alone.
        suspected = (self.limits.poll or 0) * 3 // 4
        for witness in current.kernel.witnesses:
            if not is_busy:
                witness.end_polling()
            elif took >= suspected:
                witness.begin_polling()

    def _look_at_loop(self, took: int, what: str) -> None:
        """Raise if a driver has run for too long; `what` says which one, where and how long."""
        limits = self.limits
        poll, loop = limits.poll, limits.loop
        if poll is not None and took > poll:
            witnesses = current.kernel.witnesses
            polled = "; ".join(clause for clause in (witness.polled() for witness in witnesses) if clause)
            if polled:
                advice = f"a loop that waits for a device must end after some time (Limits.poll is {poll})"
                raise self._hang(f"{what} and only read {polled}; {advice}")
        if loop is not None and took > loop:
            advice = f"a routine must return, or wait (Limits.loop is {loop})"
            raise self._hang(f"{what}, while no request was made or ended; {advice}")

    def _nobody_can_go_on(self, processor: Processor) -> bool:
        """Whether no code of a program can run: each of its threads waits without a time-out, or runs a driver."""
        for thread in current.kernel.threads:
            runs = processor.driver if thread is processor.current_thread else thread.driver
            if runs is None and not (thread.state is WAITING and thread.time_out.due is None):
                return False
        return True

    def _look_at_oldest(self, now: int, limit: int) -> None:
        """Find a request that stays the oldest one while others come and go."""
        oldest = None
        for witness in current.kernel.witnesses:
            oldest = oldest or witness.oldest()
        took = self._oldest.look(oldest, 0, now)
        if oldest is None:
            return
        if took == 0:
            self._waits = {
                thread: thread.time_out.ticket for thread in current.kernel.threads if thread.time_out.ticket
            }
        if took <= limit:
            return
        for thread, ticket in self._waits.items():
            if thread.driver is None and thread.time_out.ticket == ticket:
                return  # the program itself waits for so long, and has chosen the time
        why = f"a request has not ended for {took} clocks, and the limit is {limit} (Limits.request)"
        raise self._hang(why)

    def _hang(self, why: str) -> BaseException:
        return current.kernel.stop(hang(why))
