# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The threads that run threaded DPCs, one for each processor, from the first such DPC on (row DPC-11).

Such a thread has the highest priority there is, so that other threads do not preempt it, while ordinary DPCs do.
"""

from __future__ import annotations

from functools import partial

from dirql.ke.current import current
from dirql.ke.guard import DPC, call_driver
from dirql.ke.objects.event import Event
from dirql.ke.processors.dpc_queue import DpcQueue
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.system_thread import start_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import HIGH_PRIORITY, SynchronizationEvent

__all__ = ["wake_dpc_thread"]


def wake_dpc_thread(processor: Processor) -> None:
    """Let the thread of a processor run the threaded DPCs that are queued to it."""
    queue = processor.dpcs
    if queue.wake_thread is None:
        event = Event()
        event.initialize(SynchronizationEvent, False)
        queue.wake_thread = partial(_signal, event)
        thread = start_thread(
            partial(_run, queue, event), None, HIGH_PRIORITY, is_system=True, affinity=processor.mask
        )
        kernel = current.kernel
        del kernel.threads[thread]  # it is a part of the processor, and no driver's leak
        kernel.service_threads.append(thread)
    queue.wake_thread()


def _signal(event: Event) -> None:
    event.header.signal_state = 1
    event.wake()


def _run(queue: DpcQueue, event: Event, context: object) -> None:
    """Be the thread of a processor."""
    del context
    hooks = current.kernel.hooks
    while True:
        wait_for_single_object(event)
        while queue.threaded:
            dpc = queue.threaded.popleft()
            dpc.dpc_data = None
            queue.count += 1
            if hooks.dpc_started is not None:
                hooks.dpc_started(dpc)
            arguments = (dpc.deferred_context, dpc.system_argument1, dpc.system_argument2)
            call_driver(DPC, dpc.driver, dpc.deferred_routine, dpc, *arguments)
            if hooks.dpc_ended is not None:
                hooks.dpc_ended(dpc)
