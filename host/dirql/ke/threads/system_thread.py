# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""System threads: their beginning and end, and the routines that drivers call for the current thread or another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import THREAD, call_driver, current_driver, is_verified
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import irql_name
from dirql.ke.threads.apc import run_down
from dirql.ke.threads.dispatcher import look, preempt, take_apcs, yield_to_equals
from dirql.ke.threads.readiness import following_thread
from dirql.ke.threads.switching import end_current_thread, give_context
from dirql.ke.threads.thread import DEFAULT_PRIORITY, Thread, ThreadExit, ThreadState
from dirql.nt.bugcodes import (
    DDI_IRQL_PS_PASSIVE,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    THREAD_TERMINATE_HELD_MUTEX,
    VF_DEADLOCK_THREAD_ENDED_OWNING,
)
from dirql.nt.constants import HIGH_PRIORITY, PASSIVE_LEVEL
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS

__all__ = [
    "create_thread",
    "query_priority_thread",
    "set_base_priority_thread",
    "set_priority_thread",
    "start_thread",
    "terminate_system_thread",
    "yield_execution",
]

_TERMINATE_SYSTEM_THREAD: Final = contract("PsTerminateSystemThread")
_SET_PRIORITY_THREAD: Final = contract("KeSetPriorityThread")
_SET_BASE_PRIORITY: Final = contract("KeSetBasePriorityThread")
_QUERY_PRIORITY_THREAD: Final = contract("KeQueryPriorityThread")
_YIELD_EXECUTION: Final = contract("ZwYieldExecution")


def create_thread(
    routine: Callable[[object], object],
    context: object,
    priority: int = DEFAULT_PRIORITY,
    *,
    is_system: bool = False,
) -> Thread:
    """Start a thread that calls `routine(context)` for the driver whose code runs now, and return it.

    The thread ends when the routine returns or calls `terminate_system_thread`, and is signalled then.
    PsCreateSystemThread does the same, for the system process, and returns a handle; without `is_system` the thread is
    one of the program.
    """
    thread = _make_thread(routine, context, priority, current_driver(), is_system=is_system)
    _tell(thread, create=True)
    thread.ready_queue.add(thread)
    preempt()
    return thread


def start_thread(
    routine: Callable[[object], object],
    context: object,
    priority: int,
    driver: object = None,
    *,
    is_system: bool = False,
    affinity: int = 0,
) -> Thread:
    """Do as `create_thread`, but run nothing yet: for kernel code at or below DISPATCH_LEVEL.

    The thread belongs to `driver`; None stands for the kernel. `affinity` is the mask of the processors on which it may
    run, 0 for all.
    """
    thread = _make_thread(routine, context, priority, driver, is_system=is_system, affinity=affinity)
    thread.ready_queue.add(thread)
    return thread


def _make_thread(
    routine: Callable[[object], object],
    context: object,
    priority: int,
    driver: object,
    *,
    is_system: bool,
    affinity: int = 0,
) -> Thread:
    """Make a thread that is not ready yet."""
    kernel = current.kernel
    thread = kernel.new_thread(priority)
    if affinity:
        thread.ready_queue = kernel.ready_queue(affinity)
    thread.creator = thread.driver = driver
    thread.is_system = is_system
    give_context(kernel, thread, lambda: _run(thread, routine, context))
    return thread


def _tell(thread: Thread, *, create: bool) -> None:
    """Call the routines that are told of threads."""
    notice = current.kernel.executive.thread_notice
    if notice is not None:
        notice(thread, create)


def terminate_system_thread(status: int) -> int:
    """End the current thread, which must be a system thread; does not return. Follows PsTerminateSystemThread.

    Returns STATUS_INVALID_PARAMETER, as on NT, in the thread that opened the machine.
    """
    _TERMINATE_SYSTEM_THREAD.check_level(status)
    _TERMINATE_SYSTEM_THREAD.check_arguments(status)
    if current.processor.current_thread.context is current.kernel.home:
        return STATUS_INVALID_PARAMETER
    raise ThreadExit(status)


def _run(thread: Thread, routine: Callable[[object], object], context: object) -> None:
    """Be a system thread from its beginning to its end."""
    status = STATUS_SUCCESS
    if thread.apc_state.kernel_apc_pending:
        take_apcs()
    try:
        call_driver(THREAD, thread.driver, routine, context)
    except ThreadExit as end:
        status = end.status
    irql = current.processor.irql
    if irql != PASSIVE_LEVEL and is_verified():
        reason = f"a system thread must end at PASSIVE_LEVEL; {thread!r} ended at {irql_name(irql)}"
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, DDI_IRQL_PS_PASSIVE, reason, reason=reason)
    if thread.mutexes:
        mutex = thread.mutexes[0]
        reason = (
            f"a thread must not end while it owns a mutex, which nobody could acquire again; {thread!r} owns"
            f" {mutex!r}: call KeReleaseMutex before"
        )
        bug_check(THREAD_TERMINATE_HELD_MUTEX, thread, mutex, 0, 0, reason=reason)
    if thread.held:
        _check_held(thread)
    _tell(thread, create=False)
    run_down(thread)
    if thread.queue is not None:
        thread.queue.leave(thread)
    thread.exit_status = status
    thread.state = ThreadState.TERMINATED
    thread.header.signal_state = 1
    del current.kernel.threads[thread]
    thread.wake()
    end_current_thread(following_thread(current.processor))


def _check_held(thread: Thread) -> None:
    """Bug check 0xC4/0x100A if a thread of a verified driver ends while it owns a lock."""
    lock = thread.held[-1]
    if is_verified():
        reason = (
            f"a thread must not end while it owns a lock, which nobody could acquire again; {thread!r} owns {lock!r}:"
            " release it on each way out"
        )
        code = DRIVER_VERIFIER_DETECTED_VIOLATION
        bug_check(code, VF_DEADLOCK_THREAD_ENDED_OWNING, thread, lock, 0, reason=reason)


def set_priority_thread(thread: Thread, priority: int) -> int:
    """Set the priority of a thread and return the old one; follows KeSetPriorityThread.

    Raises `ValueError` unless the priority is 0 … HIGH_PRIORITY.
    """
    _SET_PRIORITY_THREAD.check(thread)
    _SET_PRIORITY_THREAD.check_arguments(thread, priority)
    if not 0 <= priority <= HIGH_PRIORITY:
        raise ValueError(
            f"the priority of KeSetPriorityThread must be 0 … {HIGH_PRIORITY}; it was {priority}"
        )
    old_priority = thread.priority
    thread.set_priority(priority)
    preempt()
    return old_priority


def set_base_priority_thread(thread: Thread, increment: int) -> int:
    """Set the priority to the process's, which is 8, plus `increment`; follows KeSetBasePriorityThread.

    Returns the increment before. The sum is kept within 1 … HIGH_PRIORITY.
    """
    _SET_BASE_PRIORITY.check(thread)
    _SET_BASE_PRIORITY.check_arguments(thread, increment)
    before = thread.base_priority - DEFAULT_PRIORITY
    thread.set_priority(min(max(1, DEFAULT_PRIORITY + increment), HIGH_PRIORITY))
    preempt()
    return before


def query_priority_thread(thread: Thread) -> int:
    """Return the priority of a thread, its boost included; follows KeQueryPriorityThread."""
    _QUERY_PRIORITY_THREAD.check(thread)
    return thread.look_at_priority() if thread.state is ThreadState.RUNNING else thread.priority


def yield_execution() -> bool:
    """Let another ready thread of at least this priority run; follows ZwYieldExecution. Returns whether one did."""
    _YIELD_EXECUTION.check_level(0)
    look()
    return yield_to_equals()
