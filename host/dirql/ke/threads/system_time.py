# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Time as drivers ask for it, and stalling."""

from __future__ import annotations

from dirql.ke import current
from dirql.ke.objects.timer import UNITS_PER_SECOND

__all__ = [
    "TIME_INCREMENT",
    "query_interrupt_time",
    "query_performance_counter",
    "query_system_time",
    "query_tick_count",
    "query_time_increment",
    "stall_execution_processor",
]

TIME_INCREMENT = 156_250
"""100 ns units in a tick of the tick count: 15.625 ms. Nothing else ticks."""


def query_interrupt_time() -> int:
    """100 ns units since reset (KeQueryInterruptTime)."""
    current.dispatcher.poll()
    clock = current.kernel.clock
    return clock.now() * UNITS_PER_SECOND // clock.frequency


def query_system_time() -> int:
    """100 ns units since the beginning of 1601 (KeQuerySystemTime)."""
    return query_interrupt_time() + current.kernel.timers.time_at_reset


def query_tick_count() -> int:
    """Ticks since reset (KeQueryTickCount)."""
    return query_interrupt_time() // TIME_INCREMENT


def query_time_increment() -> int:
    """100 ns units in a tick (KeQueryTimeIncrement)."""
    return TIME_INCREMENT


def query_performance_counter() -> tuple[int, int]:
    """Bus clocks since reset, and how many there are in a second (KeQueryPerformanceCounter)."""
    current.dispatcher.poll()
    clock = current.kernel.clock
    return clock.now(), clock.frequency


def stall_execution_processor(microseconds: int) -> None:
    """Keep the processor busy for a time (KeStallExecutionProcessor); interrupts above its level still come.

    At any level. The time that they take counts as stalled.
    """
    if microseconds < 0:
        raise ValueError(f"a stall must be for 0 or more microseconds; it was for {microseconds}")
    processor = current.processor
    processor.charge()
    hook = processor.hooks.stalled
    if hook is not None:
        hook(processor, microseconds)
    kernel = processor.kernel
    clock = kernel.clock
    step = -(-clock.frequency // 1_000_000)
    end = clock.now() - (-microseconds * clock.frequency // 1_000_000)
    while (left := end - clock.now()) > 0:
        before = clock.now()
        clock.wait(left)
        if clock.now() == before:
            # Something is presented that the level keeps out: time must pass all the same.
            clock.spent += min(step, left)
        current.dispatcher.preempt()
