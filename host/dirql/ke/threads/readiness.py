# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The ready threads that a processor may run: those that may run anywhere, and those of affinities that have it.

A kernel has one queue for the first, and one for each affinity that a driver has ever asked for. A processor looks only
at those that have its bit, so what it costs does not grow with the processors. Among the threads of the highest
priority the oldest one runs, whatever its queue is.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.schedule import Choice
from dirql.ke.threads.thread import IDLE_PRIORITY, Thread

__all__ = ["following_thread", "highest_ready", "ready_equals"]

_AGE: Final = attrgetter("ready_order")


def highest_ready(processor: Processor) -> int:
    """The highest priority of a ready thread that the processor may run; IDLE_PRIORITY if there is none."""
    highest = current.kernel.ready.highest
    for queue in processor.limited:
        highest = max(highest, queue.highest)
    return highest


def following_thread(processor: Processor) -> Thread:
    """Take the thread that the processor runs next: a ready thread, else the idle thread."""
    kernel = current.kernel
    ready = kernel.ready
    if not processor.limited:
        return ready.take() if ready.highest > IDLE_PRIORITY else processor.idle_thread
    highest = highest_ready(processor)
    if highest == IDLE_PRIORITY:
        return processor.idle_thread
    queues = [queue for queue in (ready, *processor.limited) if queue.highest == highest]
    if len(queues) == 1:
        return queues[0].take()
    if not kernel.schedule.shuffles:
        return min((queue.equals_of(highest)[0] for queue in queues), key=_AGE).ready_queue.take()
    candidates = ready_equals(processor, highest)
    thread = candidates[kernel.schedule.choose(Choice.NEXT_THREAD, candidates)]
    thread.ready_queue.remove(thread)
    return thread


def ready_equals(processor: Processor, priority: int) -> Sequence[Thread]:
    """The ready threads of a priority that the processor may run, the oldest first."""
    ready = current.kernel.ready
    if not processor.limited:
        return ready.equals_of(priority)
    queues = (ready, *processor.limited)
    return sorted((thread for queue in queues for thread in queue.equals_of(priority)), key=_AGE)
