# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Times that drivers ask for, and stalling."""

from __future__ import annotations

from typing import Final

from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.objects.timer_queue import UNITS_PER_SECOND
from dirql.ke.processors.contract import charge_call, contract
from dirql.ke.processors.irql import irql_name
from dirql.nt.constants import DISPATCH_LEVEL

__all__ = [
    "TIME_INCREMENT",
    "query_interrupt_time",
    "query_interrupt_time_precise",
    "query_performance_counter",
    "query_system_time",
    "query_tick_count",
    "query_time_increment",
    "stall_execution_processor",
]

_STALL_EXECUTION_PROCESSOR: Final = contract("KeStallExecutionProcessor")

_LONGEST_STALL: Final = (1 << 32) - 1
TIME_INCREMENT: Final = 156_250
"""The length of a tick of the tick count in 100 ns units: 15.625 ms. Nothing else counts ticks."""


def query_interrupt_time() -> int:
    """Return the 100 ns units since the reset; follows KeQueryInterruptTime."""
    current.dispatcher.poll()
    clock = current.kernel.clock
    return clock.now() * UNITS_PER_SECOND // clock.frequency


def query_interrupt_time_precise() -> tuple[int, int]:
    """Return the 100 ns units since the reset and the performance counter of then; follows KeQueryInterruptTimePrecise.

    The interrupt time has no ticks here and is always precise.
    """
    return query_interrupt_time(), current.kernel.clock.now()


def query_system_time() -> int:
    """Return the 100 ns units since the beginning of 1601; follows KeQuerySystemTime."""
    return query_interrupt_time() + current.kernel.timers.time_at_reset


def query_tick_count() -> int:
    """Return the ticks since the reset; follows KeQueryTickCount."""
    return query_interrupt_time() // TIME_INCREMENT


def query_time_increment() -> int:
    """Return the 100 ns units in a tick; follows KeQueryTimeIncrement."""
    return TIME_INCREMENT


def query_performance_counter() -> tuple[int, int]:
    """Return the bus clocks since the reset, and their number in a second; follows KeQueryPerformanceCounter."""
    current.dispatcher.poll()
    clock = current.kernel.clock
    return clock.now(), clock.frequency


def stall_execution_processor(microseconds: int) -> None:
    """Keep the processor busy for a time, at any IRQL; follows KeStallExecutionProcessor.

    Interrupts above the IRQL still come, and the time that they take counts as stalled. Raises `ValueError` for a
    negative time.
    """
    if type(microseconds) is not int or not 0 <= microseconds <= _LONGEST_STALL:
        _STALL_EXECUTION_PROCESSOR.check_arguments(microseconds)
    charge_call()
    kernel = current.kernel
    hook = kernel.hooks.stalled
    if hook is not None:
        hook(current.processor, microseconds)
    limit = kernel.limits.stall
    if limit is not None and microseconds > limit and current.processor.irql >= DISPATCH_LEVEL:
        _report_stall(microseconds, limit)
    clock = kernel.clock
    step = -(-clock.frequency // 1_000_000)
    end = clock.now() - (-microseconds * clock.frequency // 1_000_000)
    while (left := end - clock.now()) > 0:
        before = clock.now()
        clock.wait(left)
        if clock.now() == before:
            # An interrupt is presented that the IRQL holds off: time must pass all the same.
            clock.spent += min(step, left)
        current.dispatcher.preempt()


def _report_stall(microseconds: int, limit: int) -> None:
    irql = irql_name(current.processor.irql)
    report_defect(
        "WDG-03",
        f"KeStallExecutionProcessor must stall for at most {limit} µs at DISPATCH_LEVEL or above; it was called for"
        f" {microseconds} µs at {irql}: wait with a timer and its DPC, or in a thread (Limits.stall)",
    )
