# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines for all processors at once: a routine that each runs, and barriers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.ke.current import current
from dirql.ke.guard import CALLBACK, call_driver, current_driver
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter, restore_irql
from dirql.nt.constants import IPI_LEVEL

__all__ = ["flush_write_buffer", "ipi_generic_call", "memory_barrier"]

_IPI_GENERIC_CALL: Final = contract("KeIpiGenericCall")
_FLUSH_WRITE_BUFFER: Final = contract("KeFlushWriteBuffer")


def ipi_generic_call(broadcast_function: Callable[[int], int], context: int) -> int:
    """Call `routine(context)` on each processor at IPI_LEVEL, and return what it returns here.

    Follows KeIpiGenericCall. No processor goes on before all calls have returned.
    """
    _IPI_GENERIC_CALL.check_level(broadcast_function)
    _IPI_GENERIC_CALL.check_arguments(broadcast_function, context)
    kernel, here, driver = current.kernel, current.processor, current_driver()
    others = [processor for processor in kernel.processors if processor is not here]
    states = [(processor, enter(processor, IPI_LEVEL), processor.driver) for processor in others]
    old_irql = enter(here, IPI_LEVEL)
    # No processor may take its turn before the end: the others are not where their own threads have left them.
    was_eager, kernel.is_eager = kernel.is_eager, False
    try:
        for processor in others:
            current.processor = processor
            call_driver(CALLBACK, driver, broadcast_function, context)
        current.processor = here
        result = call_driver(CALLBACK, driver, broadcast_function, context)
    finally:
        current.processor = here
        kernel.is_eager = was_eager
        if kernel.stopped is None:
            for processor, its_irql, its_driver in states:
                enter(processor, its_irql)
                processor.driver = its_driver
                kernel.busy |= processor.mask  # the routine may have queued a DPC
            enter(here, old_irql)
    restore_irql(old_irql)
    return result


def memory_barrier() -> None:
    """Do nothing, because all processors see each write at once; follows KeMemoryBarrier."""


def flush_write_buffer() -> None:
    """Do nothing, because no write waits in a buffer of the processor; follows KeFlushWriteBuffer."""
    _FLUSH_WRITE_BUFFER.check_level(0)
