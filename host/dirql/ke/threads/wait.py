# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Waits: for one object, for several, for a time, and for all DPCs that are queued.

A wait that may block must be called at APC_LEVEL or below. A wait with a time-out of 0 never blocks, and is legal at
DISPATCH_LEVEL too. Time-outs count 100 ns: negative from now, positive in system time. None waits for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import is_verified
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import KeptContract, charge_call, contract
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import irql_name
from dirql.ke.processors.processor import STOPPED_IRQL
from dirql.ke.threads.alert import check_alertability, return_to_user_mode
from dirql.ke.threads.dispatcher import block, give_way, poll, refuse_switch
from dirql.ke.threads.thread import Thread
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    IRQL_NOT_LESS_OR_EQUAL,
    MAXIMUM_WAIT_OBJECTS_EXCEEDED,
    VF_WAIT_ABOVE_DISPATCH,
    VF_WAIT_AT_DISPATCH,
    VF_WAIT_FOREVER_AT_DISPATCH,
)
from dirql.nt.constants import (
    APC_LEVEL,
    DISPATCH_LEVEL,
    MAXIMUM_WAIT_OBJECTS,
    THREAD_WAIT_OBJECTS,
    DelayExecution,
    Executive,
    KernelMode,
    MaximumWaitReason,
    NotificationEvent,
    UserMode,
    WaitAll,
    WaitAny,
)
from dirql.nt.status import STATUS_SUCCESS, STATUS_TIMEOUT, STATUS_USER_APC

__all__ = [
    "check_wait_level",
    "delay_execution_thread",
    "flush_queued_dpcs",
    "wait_for_all",
    "wait_for_any",
    "wait_for_multiple_objects",
    "wait_for_mutex_object",
    "wait_for_single_object",
]

_DELAY_EXECUTION_THREAD: Final = contract("KeDelayExecutionThread")
_FLUSH_QUEUED_DPCS: Final = contract("KeFlushQueuedDpcs")
_WAIT_FOR_SINGLE_OBJECT: Final = contract("KeWaitForSingleObject")
_WAIT_FOR_MUTEX_OBJECT: Final = contract("KeWaitForMutexObject")
_WAIT_FOR_MULTIPLE_OBJECTS: Final = contract("KeWaitForMultipleObjects")

_REASONS: Final = range(MaximumWaitReason)
_MODES: Final = (KernelMode, UserMode)
_TYPES: Final = (WaitAll, WaitAny)
_LOWEST_TIME: Final = -(1 << 63)
_HIGHEST_TIME: Final = (1 << 63) - 1


def wait_for_single_object(
    object: DispatcherObject,
    wait_reason: int = Executive,
    wait_mode: int = KernelMode,
    alertable: bool = False,
    timeout: int | None = None,
) -> int:
    """Wait until the object is signalled; follows KeWaitForSingleObject.

    Returns STATUS_SUCCESS or STATUS_TIMEOUT, or STATUS_ALERTED or STATUS_USER_APC where that has ended an alertable
    wait (row APC-08).
    """
    if current.processor.irql > APC_LEVEL or wait_reason not in _REASONS or wait_mode not in _MODES:
        _WAIT_FOR_SINGLE_OBJECT.check_arguments(object, wait_reason, wait_mode, alertable, timeout)
        check_wait_level(object, timeout)
    kernel = current.kernel
    clock = kernel.clock
    spent = clock.spent = clock.spent + kernel.call_clocks
    if spent >= clock.horizon or kernel.is_eager:
        current.dispatcher.pass_spent()
    thread = current.processor.current_thread
    try:
        is_signalled = object.is_signalled_for(thread)
    except AttributeError:
        _check_object(object, _WAIT_FOR_SINGLE_OBJECT)
        raise
    if is_signalled:
        object.satisfy(thread)
        return STATUS_SUCCESS
    if (alertable or wait_mode) and (status := check_alertability(thread, alertable, wait_mode)):
        return _ended(status)
    header = object.header
    if timeout is not None:
        if type(timeout) is not int or not _LOWEST_TIME <= timeout <= _HIGHEST_TIME:
            _WAIT_FOR_SINGLE_OBJECT.check_arguments(object, wait_reason, wait_mode, alertable, timeout)
        if header.type >= 0 and kernel.timers.has_come(timeout):
            poll()
            return _poll((object,), thread, WaitAny)
    if header.type < 0:
        refuse_blank(object, "KeWaitForSingleObject", object.INITIALIZER)
    thread.wait_block_list = blocks = thread.single_wait
    own = blocks[0]
    own.object = object
    header.wait_list[own] = None
    thread.wait_type = WaitAny
    thread.wait_reason, thread.wait_mode, thread.alertable = wait_reason, wait_mode, alertable
    status = block(thread, timeout)
    return _ended(status) if status else status


def wait_for_mutex_object(
    mutex: DispatcherObject, wait_reason: int, wait_mode: int, alertable: bool, timeout: int | None
) -> int:
    """Wait until the thread owns a mutex; follows KeWaitForMutexObject, a macro for KeWaitForSingleObject."""
    if not isinstance(mutex, DispatcherObject):
        _WAIT_FOR_MUTEX_OBJECT.refuse_argument("Mutex", "a KMUTEX", mutex)
    _WAIT_FOR_MUTEX_OBJECT.check_arguments(mutex, wait_reason, wait_mode, alertable, timeout)
    return wait_for_single_object(mutex, wait_reason, wait_mode, alertable, timeout)


def wait_for_multiple_objects(
    count: int,
    objects: Sequence[DispatcherObject],
    wait_type: int,
    wait_reason: int = Executive,
    wait_mode: int = KernelMode,
    alertable: bool = False,
    timeout: int | None = None,
    wait_block_array: Sequence[WaitBlock] | None = None,
) -> int:
    """Wait until one or all of the first `count` objects are signalled; follows KeWaitForMultipleObjects.

    `WaitAny` returns STATUS_WAIT_0 plus the lowest index of a signalled object, and takes that object alone. `WaitAll`
    takes nothing until all are signalled at once, and returns STATUS_SUCCESS. Both may return STATUS_TIMEOUT.

    A wait for more than THREAD_WAIT_OBJECTS objects needs a `wait_block_array` with a block for each; a wait for 0, or
    for more than MAXIMUM_WAIT_OBJECTS, is never legal. Each of these is bug check 0xC. Raises `ValueError` if `objects`
    or `wait_block_array` has fewer than `count` elements. `wait_for_any` and `wait_for_all` need no blocks.
    """
    if current.processor.irql > APC_LEVEL:
        check_wait_level(objects, timeout)
    _check_arrays(count, objects, wait_block_array)
    is_odd = wait_type not in _TYPES or wait_reason not in _REASONS or wait_mode not in _MODES
    if is_odd or (
        timeout is not None and (type(timeout) is not int or not _LOWEST_TIME <= timeout <= _HIGHEST_TIME)
    ):
        arguments = (count, objects, wait_type, wait_reason, wait_mode, alertable, timeout)
        _WAIT_FOR_MULTIPLE_OBJECTS.check_arguments(*arguments, None)
    limit = THREAD_WAIT_OBJECTS if wait_block_array is None else MAXIMUM_WAIT_OBJECTS
    if not 0 < count <= limit:
        without = "" if wait_block_array is not None else " without a WaitBlockArray"
        reason = f"KeWaitForMultipleObjects{without} must wait for 1 … {limit} objects; Count was {count}"
        bug_check(MAXIMUM_WAIT_OBJECTS_EXCEEDED, reason=reason)
    for name, array in (("Object", objects), ("WaitBlockArray", wait_block_array)):
        if array is not None and len(array) < count:
            raise ValueError(
                f"KeWaitForMultipleObjects: {name} must have Count elements, {count}; it had {len(array)}"
            )
    blocks = [WaitBlock() for _ in range(count)] if wait_block_array is None else wait_block_array[:count]
    charge_call()
    thread = current.processor.current_thread
    thread.wait_reason, thread.wait_mode, thread.alertable = wait_reason, wait_mode, alertable
    return _wait_for_several(thread, objects[:count], wait_type, timeout, blocks)


def wait_for_any(objects: Sequence[DispatcherObject], timeout: int | None = None) -> int:
    """Wait until one of up to MAXIMUM_WAIT_OBJECTS objects is signalled; return its index, or STATUS_TIMEOUT.

    This is KeWaitForMultipleObjects with `WaitAny` for a kernel-mode wait that is not alertable.
    """
    return _wait_in_python(objects, WaitAny, timeout)


def wait_for_all(objects: Sequence[DispatcherObject], timeout: int | None = None) -> int:
    """Wait until all of up to MAXIMUM_WAIT_OBJECTS objects are signalled at once; STATUS_SUCCESS or STATUS_TIMEOUT.

    This is KeWaitForMultipleObjects with `WaitAll` for a kernel-mode wait that is not alertable.
    """
    return _wait_in_python(objects, WaitAll, timeout)


def _check_arrays(count: object, objects: object, wait_blocks: object) -> None:
    """Raise `TypeError` unless the arguments of KeWaitForMultipleObjects are a number and arrays of the right types."""
    kept = _WAIT_FOR_MULTIPLE_OBJECTS
    if not isinstance(count, int):
        kept.refuse_argument("Count", "an integer (ULONG)", count)
    if not isinstance(objects, list | tuple):
        kept.refuse_argument("Object", "a list or tuple of objects", objects)
    for object in objects[:count]:
        _check_object(object, kept)
    if wait_blocks is None:
        return
    if not isinstance(wait_blocks, list | tuple):
        kept.refuse_argument("WaitBlockArray", "a list or tuple of KWAIT_BLOCK, or None", wait_blocks)
    for wait_block in wait_blocks[:count]:
        if not isinstance(wait_block, WaitBlock):
            kept.refuse_argument("WaitBlockArray", "a list or tuple of KWAIT_BLOCK, or None", wait_blocks)


def _check_object(object: object, kept: KeptContract) -> None:
    """Raise `TypeError` if this is no object for which a thread can wait."""
    if not isinstance(object, DispatcherObject):
        what = "an object that can be waited for, such as a KEVENT"
        kept.refuse_argument("Object", what, object)
    if object.header.type < 0:
        refuse_blank(object, kept.stated.routine, object.INITIALIZER)


def delay_execution_thread(wait_mode: int, alertable: bool, interval: int) -> int:
    """Let a time pass; follows KeDelayExecutionThread.

    Returns STATUS_SUCCESS, or STATUS_ALERTED or STATUS_USER_APC where that has ended an alertable delay.

    An interval of 0, or a time that has passed, lets ready threads of equal priority run and does not wait.
    """
    _DELAY_EXECUTION_THREAD.check_level(wait_mode)
    if wait_mode not in _MODES or type(interval) is not int or not _LOWEST_TIME <= interval <= _HIGHEST_TIME:
        _DELAY_EXECUTION_THREAD.check_arguments(wait_mode, alertable, interval)
    thread = current.processor.current_thread
    status = check_alertability(thread, alertable, wait_mode)
    if status:
        return _ended(status)
    if current.kernel.timers.has_come(interval):
        poll()
        return STATUS_SUCCESS
    thread.wait_type = WaitAny
    thread.wait_reason, thread.wait_mode, thread.alertable = DelayExecution, wait_mode, alertable
    status = block(thread, interval)
    return STATUS_SUCCESS if status == STATUS_TIMEOUT else _ended(status)


def flush_queued_dpcs() -> None:
    """Return when all DPCs that were queued before have run, on all processors; follows KeFlushQueuedDpcs."""
    _FLUSH_QUEUED_DPCS.check_level(0)
    reached = []
    for processor in current.kernel.processors:
        event = Event()
        event.initialize(NotificationEvent, False)
        marker = Dpc()
        marker.initialize(_reach_marker, event)
        marker.set_target_processor(processor.number)
        marker.queue(None, None)
        processor.dpcs.requested = True
        reached.append(event)
        if processor.dpcs.wake_thread is not None:
            in_thread = Event()
            in_thread.initialize(NotificationEvent, False)
            threaded = Dpc()
            threaded.initialize_threaded(_reach_marker, in_thread)
            threaded.set_target_processor(processor.number)
            threaded.queue(None, None)
            reached.append(in_thread)
    give_way()
    for event in reached:
        wait_for_single_object(event)


def _reach_marker(_dpc: Dpc, context: Event, _argument1: object, _argument2: object) -> None:
    """Run behind all DPCs that were queued before it."""
    context.set()


def _wait_in_python(objects: Sequence[DispatcherObject], wait_type: int, timeout: int | None) -> int:
    blocks = [WaitBlock() for _ in objects]
    return wait_for_multiple_objects(
        len(objects), objects, wait_type, timeout=timeout, wait_block_array=blocks
    )


def _wait_for_several(
    thread: Thread,
    objects: Sequence[DispatcherObject],
    wait_type: int,
    timeout: int | None,
    blocks: Sequence[WaitBlock],
) -> int:
    """Wait for several objects, after the checks of the arguments; `blocks` has a block for each object."""
    status = _poll(objects, thread, wait_type)
    if status != STATUS_TIMEOUT:
        return status
    status = check_alertability(thread, thread.alertable, thread.wait_mode)
    if status:
        return _ended(status)
    if timeout is not None and current.kernel.timers.has_come(timeout):
        poll()
        return _poll(objects, thread, wait_type)
    for key, (block_of_object, object) in enumerate(zip(blocks, objects, strict=True)):
        block_of_object.thread, block_of_object.object, block_of_object.wait_key = thread, object, key
        object.header.wait_list[block_of_object] = None
    thread.wait_type = wait_type
    thread.wait_block_list = tuple(blocks)
    status = block(thread, timeout)
    return _ended(status) if status == STATUS_USER_APC else status


def _ended(status: int) -> int:
    """Return the status of a wait that is over, after the user APCs that have ended the wait of a program."""
    if status == STATUS_USER_APC:
        return_to_user_mode()
    return status


def _poll(objects: Sequence[DispatcherObject], thread: Thread, wait_type: int) -> int:
    """Do a wait with a time-out of 0, which never blocks."""
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


def check_wait_level(object: object, timeout: int | None) -> None:
    """Bug check if a wait is not legal at the current IRQL, which is above APC_LEVEL.

    For a driver that is not verified NT's own rules are left: a DPC must not block, and nobody waits above
    DISPATCH_LEVEL.
    """
    processor = current.processor
    irql = processor.irql
    if irql == STOPPED_IRQL:
        current.kernel.refuse()
    if irql > DISPATCH_LEVEL:
        violation, limit = VF_WAIT_ABOVE_DISPATCH, "DISPATCH_LEVEL"
    elif timeout == 0:
        return
    elif processor.dpcs.running is not None:
        refuse_switch(processor)
    else:
        limit = "APC_LEVEL, since its time-out is not 0"
        violation = VF_WAIT_FOREVER_AT_DISPATCH if timeout is None else VF_WAIT_AT_DISPATCH
    reason = f"a wait must be called at or below {limit}; it was called at {irql_name(irql)}"
    if is_verified():
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, irql, object, timeout or 0, reason=reason)
    if irql > DISPATCH_LEVEL:
        bug_check(IRQL_NOT_LESS_OR_EQUAL, object, irql, 0, "KeWaitForSingleObject", reason=reason)
