# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Waiting: for one object, for several, for a time, for all DPCs that are queued.

A wait that may block must be called at APC_LEVEL or below; one with a time-out of 0 never blocks and is legal at
DISPATCH_LEVEL too. Time-outs count 100 ns, negative from now, positive in system time; None waits for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.objects.event import Event
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import contract, irql_name
from dirql.ke.threads.dispatcher import block, give_way, poll, refuse_switch
from dirql.nt.bugcodes import (
    DDI_IRQL_KE_APC_LTE1,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    MAXIMUM_WAIT_OBJECTS_EXCEEDED,
    VF_WAIT_ABOVE_DISPATCH,
    VF_WAIT_AT_DISPATCH,
    VF_WAIT_FOREVER_AT_DISPATCH,
)
from dirql.nt.constants import (
    APC_LEVEL,
    DISPATCH_LEVEL,
    HIGH_LEVEL,
    MAXIMUM_WAIT_OBJECTS,
    PASSIVE_LEVEL,
    DelayExecution,
    Executive,
    KernelMode,
    NotificationEvent,
    WaitAll,
    WaitAny,
)
from dirql.nt.status import STATUS_SUCCESS, STATUS_TIMEOUT

if TYPE_CHECKING:
    from dirql.ke.processors.processor import Processor
    from dirql.ke.threads.thread import Thread

__all__ = [
    "delay_execution_thread",
    "flush_queued_dpcs",
    "wait_for_multiple_objects",
    "wait_for_single_object",
]


def wait_for_single_object(
    object: DispatcherObject,
    reason: int = Executive,
    mode: int = KernelMode,
    alertable: bool = False,
    timeout: int | None = None,
) -> int:
    """Wait until the object is signalled (KeWaitForSingleObject).

    Returns STATUS_SUCCESS or STATUS_TIMEOUT. `mode` and `alertable` are kept and have no effect: there are no APCs.
    """
    processor = current.processor
    if processor.irql > APC_LEVEL and (timeout != 0 or processor.irql > DISPATCH_LEVEL):
        _refuse(processor, object, timeout)
    processor.charge()
    thread = current.processor.current_thread
    if object.signal_state > 0 or object.is_signalled_for(thread):
        object.satisfy(thread)
        return STATUS_SUCCESS
    if timeout == 0:
        poll()
        return _poll((object,), thread, WaitAny)
    blocks = thread.single_wait
    blocks[0].object = object
    object.wait_list.append(blocks[0])
    thread.wait_type = WaitAny
    thread.wait_reason, thread.wait_mode, thread.alertable = reason, mode, alertable
    return _wait(thread, blocks, timeout)


def wait_for_multiple_objects(
    objects: Sequence[DispatcherObject],
    wait_type: int,
    reason: int = Executive,
    mode: int = KernelMode,
    alertable: bool = False,
    timeout: int | None = None,
) -> int:
    """Wait until any or all of the objects are signalled (KeWaitForMultipleObjects).

    `WaitAny` returns STATUS_WAIT_0 plus the lowest index of those signalled, and takes only that one; `WaitAll` takes
    nothing until all are signalled at once. More than MAXIMUM_WAIT_OBJECTS are bug check 0xC.
    """
    processor = current.processor
    if processor.irql > APC_LEVEL and (timeout != 0 or processor.irql > DISPATCH_LEVEL):
        _refuse(processor, objects, timeout)
    if not 0 < len(objects) <= MAXIMUM_WAIT_OBJECTS:
        text = f"a wait must be for 1 ... {MAXIMUM_WAIT_OBJECTS} objects; it was for {len(objects)}"
        bug_check(MAXIMUM_WAIT_OBJECTS_EXCEEDED, len(objects), reason=text)
    processor.charge()
    thread = current.processor.current_thread
    status = _poll(objects, thread, wait_type)
    if status != STATUS_TIMEOUT:
        return status
    if timeout == 0:
        poll()
        return _poll(objects, thread, wait_type)
    blocks = tuple(WaitBlock(thread, object, key) for key, object in enumerate(objects))
    for each in blocks:
        each.object.wait_list.append(each)
    thread.wait_type = wait_type
    thread.wait_reason, thread.wait_mode, thread.alertable = reason, mode, alertable
    return _wait(thread, blocks, timeout)


def delay_execution_thread(mode: int, alertable: bool, interval: int) -> int:
    """Let the time pass (KeDelayExecutionThread); an interval of 0 lets equals run. Returns STATUS_SUCCESS."""
    _delay_contract(interval)
    thread = current.processor.current_thread
    thread.wait_type = WaitAny
    thread.wait_reason, thread.wait_mode, thread.alertable = DelayExecution, mode, alertable
    _wait(thread, (), interval)
    return STATUS_SUCCESS


@contract(max_irql=APC_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_KE_APC_LTE1)
def _delay_contract(interval: int) -> None:
    """Where a delay is allowed."""


@contract(max_irql=PASSIVE_LEVEL)
def flush_queued_dpcs() -> None:
    """Return when all DPCs queued before have finished, on all processors (KeFlushQueuedDpcs)."""
    finished = []
    for processor in current.kernel.processors:
        event = Event()
        event.initialize(NotificationEvent, False)
        marker = Dpc()
        marker.initialize(_reach_marker, event)
        marker.set_target_processor(processor.number)
        marker.queue(None, None)
        processor.dpc_requested = True
        finished.append(event)
    give_way()
    for event in finished:
        wait_for_single_object(event)


def _reach_marker(_dpc: Dpc, context: object, _argument1: object, _argument2: object) -> None:
    """All that was queued before has finished."""
    assert isinstance(context, Event)
    context.set()


def _poll(objects: Sequence[DispatcherObject], thread: Thread, wait_type: int) -> int:
    """A wait that takes no time."""
    if wait_type == WaitAll:
        if not all(object.is_signalled_for(thread) for object in objects):
            return STATUS_TIMEOUT
        for object in objects:
            object.satisfy(thread)
        return STATUS_SUCCESS
    for index, object in enumerate(objects):
        if object.is_signalled_for(thread):
            object.satisfy(thread)
            return index
    return STATUS_TIMEOUT


def _wait(thread: Thread, blocks: tuple[WaitBlock, ...], timeout: int | None) -> int:
    """Block, the blocks being queued at their objects."""
    thread.wait_blocks = blocks
    if timeout is not None:
        timers = thread.kernel.timers
        timers.insert(thread.time_out, timers.due_clock(timeout))
    return block(thread)


def _refuse(processor: Processor, object: object, timeout: int | None) -> NoReturn:
    """A wait at a level that does not allow it."""
    irql = processor.irql
    if irql > HIGH_LEVEL:
        processor.kernel.refuse()
    if irql > DISPATCH_LEVEL:
        violation, limit = VF_WAIT_ABOVE_DISPATCH, "DISPATCH_LEVEL"
    elif processor.dpc is not None:
        refuse_switch(processor)
    else:
        limit = "APC_LEVEL, since its time-out is not 0"
        violation = VF_WAIT_FOREVER_AT_DISPATCH if timeout is None else VF_WAIT_AT_DISPATCH
    text = f"a wait must be called at or below {limit}; it was called at {irql_name(irql)}"
    bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, irql, object, 0, reason=text)
