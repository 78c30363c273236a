# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Asynchronous procedure calls: routines that one thread runs, between what it does otherwise.

There are three kinds. A *special* kernel APC has only a kernel routine, which runs at APC_LEVEL. A *normal* kernel APC
has a normal routine besides, which runs at PASSIVE_LEVEL after it, one at a time in each thread. Kernel APCs run as
soon as their thread is below APC_LEVEL and outside of the regions that hold them off; a thread that waits goes on with
its wait afterwards. A *user* APC runs when its thread returns to the program from an alertable wait of user mode
(rows APC-05, APC-08).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import KERNEL_APC, NORMAL_APC, RUNDOWN_APC, call_driver, current_driver, describe
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter
from dirql.ke.threads.apc_state import ApcState
from dirql.ke.threads.thread import RUNNING, WAITING, Thread, ThreadState
from dirql.nt.bugcodes import INVALID_PROCESS_ATTACH_ATTEMPT, KERNEL_APC_PENDING_DURING_EXIT
from dirql.nt.constants import APC_LEVEL, IO_TYPE_APC, KernelMode, OriginalApcEnvironment, UserMode
from dirql.nt.status import STATUS_KERNEL_APC, STATUS_USER_APC

__all__ = [
    "Apc",
    "KernelRoutine",
    "NormalRoutine",
    "RundownRoutine",
    "completion_apc",
    "deliver",
    "deliver_user",
    "run_down",
]

_INITIALIZE_APC: Final = contract("KeInitializeApc")
_INSERT_QUEUE_APC: Final = contract("KeInsertQueueApc")
_REMOVE_QUEUE_APC: Final = contract("KeRemoveQueueApc")

NormalRoutine = Callable[[object, object, object], object]
"""Called as `routine(normal_context, argument1, argument2)`."""
KernelRoutine = Callable[["Apc", "NormalRoutine | None", object, object, object], object]
"""Called as `routine(apc, normal_routine, normal_context, argument1, argument2)`.

C has pointers to the last four; in Python the routine returns a tuple of new ones, or nothing to leave them.
"""
RundownRoutine = Callable[["Apc"], object]

_INOUT: Final = 4
"""The number of values that a kernel routine may change."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Apc:
    """An asynchronous procedure call (KAPC)."""

    __slots__ = (
        "apc_mode",
        "apc_state_index",
        "driver",
        "inserted",
        "kernel_routine",
        "normal_context",
        "normal_routine",
        "rundown_routine",
        "system_argument1",
        "system_argument2",
        "thread",
        "type",
    )

    def __init__(self) -> None:
        """Make an APC that has to be initialized before its use."""
        self.type = 0
        self.thread: Thread | None = None
        self.apc_state_index = OriginalApcEnvironment
        self.apc_mode = KernelMode
        self.inserted = False
        self.kernel_routine = cast("KernelRoutine", None)
        self.rundown_routine: RundownRoutine | None = None
        self.normal_routine: NormalRoutine | None = None
        self.normal_context: object = None
        self.system_argument1: object = None
        self.system_argument2: object = None
        self.driver: object = None
        """The driver that initialized the APC."""

    def __repr__(self) -> str:
        routine = self.kernel_routine if self.normal_routine is None else self.normal_routine
        return f"<APC {describe(routine)}>"

    def initialize(
        self,
        thread: Thread,
        environment: int,
        kernel_routine: KernelRoutine,
        rundown_routine: RundownRoutine | None,
        normal_routine: NormalRoutine | None,
        apc_mode: int,
        normal_context: object,
    ) -> None:
        """Set the thread and the routines; follows KeInitializeApc.

        Without a normal routine the APC is a special kernel APC, whatever `apc_mode` is. There is one address space, so
        `environment` is kept and means nothing.
        """
        _INITIALIZE_APC.check_arguments(
            self,
            thread,
            environment,
            kernel_routine,
            rundown_routine,
            normal_routine,
            apc_mode,
            normal_context,
        )
        self.type = IO_TYPE_APC
        self.thread = thread
        self.apc_state_index = environment
        self.kernel_routine = kernel_routine
        self.rundown_routine = rundown_routine
        self.normal_routine = normal_routine
        self.apc_mode = KernelMode if normal_routine is None else apc_mode
        self.normal_context = None if normal_routine is None else normal_context
        self.inserted = False
        self.driver = current_driver()

    def insert_queue(self, argument1: object, argument2: object, increment: int = 0) -> bool:
        """Queue the APC to its thread; follows KeInsertQueueApc.

        Returns False, and does nothing, if it is queued already or if the thread has ended. A thread whose wait this
        ends is boosted by `increment`.
        """
        _INSERT_QUEUE_APC.check(self)
        _INSERT_QUEUE_APC.check_arguments(self, argument1, argument2, increment)
        return self.queue(argument1, argument2, increment)

    def queue(self, argument1: object, argument2: object, increment: int = 0) -> bool:
        """Do as `insert_queue`, for kernel code at or below DISPATCH_LEVEL."""
        thread = self.thread
        if thread is None:
            refuse_blank(self, "KeInsertQueueApc", "KeInitializeApc")
        if self.inserted or thread.state is ThreadState.TERMINATED:
            return False
        self.system_argument1, self.system_argument2 = argument1, argument2
        self.inserted = True
        state = thread.apc_state
        if self.apc_mode == UserMode:
            state.user.append(self)
            _wake_for_user_apc(thread, increment)
            return True
        (state.special if self.normal_routine is None else state.normal).append(self)
        state.kernel_apc_pending = True
        _wake_for_kernel_apc(thread, increment)
        return True

    def remove_queue(self) -> bool:
        """Take the APC out of the queue of its thread; follows KeRemoveQueueApc. Returns whether it was queued."""
        _REMOVE_QUEUE_APC.check(self)
        return self.remove()

    def remove(self) -> bool:
        """Do as `remove_queue` for the kernel itself."""
        thread = self.thread
        if thread is None or not self.inserted:
            return False
        state = thread.apc_state
        queue = state.user
        if self.apc_mode != UserMode:
            queue = state.special if self.normal_routine is None else state.normal
        queue.remove(self)
        self.inserted = False
        _note_pending(state)
        return True


def completion_apc(
    thread: Thread, driver: object, routine: NormalRoutine, context: object, is_user: bool
) -> Apc:
    """An APC that calls `routine(context, status block, 0)` of a driver or a program when its request is done."""
    apc = Apc()
    apc.type = IO_TYPE_APC
    apc.thread = thread
    apc.driver = driver
    apc.kernel_routine = _no_routine
    apc.normal_routine = routine
    apc.normal_context = context
    apc.apc_mode = UserMode if is_user else KernelMode
    return apc


def _no_routine(*_: object) -> None:
    """Be the kernel routine of an APC of the kernel itself, which has nothing to do first."""


def _note_pending(state: ApcState) -> None:
    state.kernel_apc_pending = bool(state.special) or bool(state.normal)
    if not state.user:
        state.user_apc_pending = False


def _wake_for_kernel_apc(thread: Thread, increment: int) -> None:
    """Let the thread run its kernel APCs as soon as it may."""
    if thread.state is WAITING:
        if thread.wait_irql < APC_LEVEL and thread.apc_state.is_deliverable(
            thread.kernel_apc_disable, thread.special_apc_disable
        ):
            thread.end_wait(STATUS_KERNEL_APC, increment)
            current.dispatcher.preempt()
    elif thread.state is RUNNING:
        for processor in current.kernel.processors:
            if processor.current_thread is thread:
                processor.dpcs.requested = True  # the interrupt at APC_LEVEL is requested with that for DPCs
        current.dispatcher.preempt()


def _wake_for_user_apc(thread: Thread, increment: int) -> None:
    """End an alertable wait of the thread (row APC-08)."""
    if thread.state is WAITING and thread.alertable:
        if thread.wait_mode == UserMode:
            thread.apc_state.user_apc_pending = True
        thread.end_wait(STATUS_USER_APC, increment)
        current.dispatcher.preempt()


# Delivery.


class _Normal:
    """A normal routine that is to be called."""

    __slots__ = ("arguments", "routine")

    def __init__(self, routine: NormalRoutine, arguments: tuple[object, object, object]) -> None:
        self.routine = routine
        self.arguments = arguments


def deliver() -> None:
    """Run the kernel APCs of the current thread, which is below APC_LEVEL, as far as its regions allow."""
    thread = current.processor.current_thread
    state = thread.apc_state
    while state.is_deliverable(thread.kernel_apc_disable, thread.special_apc_disable):
        apc = cast("Apc", (state.special or state.normal).popleft())
        _note_pending(state)
        normal = _call_kernel_routine(apc)
        if normal is not None:
            state.kernel_apc_in_progress = True
            call_driver(NORMAL_APC, apc.driver, normal.routine, *normal.arguments)
            state.kernel_apc_in_progress = False


def deliver_user() -> None:
    """Run the user APCs of the current thread, which returns to its program."""
    state = current.processor.current_thread.apc_state
    while state.user:
        apc = cast("Apc", state.user.popleft())
        normal = _call_kernel_routine(apc)
        if normal is not None:
            call_driver(NORMAL_APC, apc.driver, normal.routine, *normal.arguments)
    state.user_apc_pending = False


def _call_kernel_routine(apc: Apc) -> _Normal | None:
    """Call the kernel routine at APC_LEVEL; return the normal routine to call with its arguments, or None."""
    apc.inserted = False
    routine = apc.normal_routine
    arguments = (apc.normal_context, apc.system_argument1, apc.system_argument2)
    old_irql = enter(current.processor, APC_LEVEL)
    changed = call_driver(KERNEL_APC, apc.driver, apc.kernel_routine, apc, routine, *arguments)
    enter(current.processor, old_irql)
    if isinstance(changed, tuple):
        if len(changed) != _INOUT:
            raise TypeError(
                "a KernelRoutine must return nothing, or the tuple (NormalRoutine, NormalContext, SystemArgument1,"
                f" SystemArgument2); it returned {changed!r}"
            )
        routine, *rest = changed
        arguments = (rest[0], rest[1], rest[2])
    return None if routine is None else _Normal(routine, arguments)


def run_down(thread: Thread) -> None:
    """End the APCs of a thread that ends: the rundown routines of user APCs run, and kernel APCs are delivered.

    Bug check 0x20 if the thread has its APCs still disabled, and 5 if it is attached to another process.
    """
    attached = thread.attached
    if attached is not None:
        reason = (
            f"a thread must leave a process to which it is attached before it ends; {thread!r} was attached to"
            f" {attached!r}: call KeUnstackDetachProcess on each way out"
        )
        bug_check(INVALID_PROCESS_ATTACH_ATTEMPT, attached, attached, 1, 0, reason=reason)
    disabled = (thread.special_apc_disable & 0xFFFF) << 16 | thread.kernel_apc_disable & 0xFFFF
    state = thread.apc_state
    if disabled:
        pending = next(iter((*state.special, *state.normal)), 0)
        reason = (
            f"a thread must end outside of critical and guarded regions; {thread!r} ended with KernelApcDisable"
            f" {thread.kernel_apc_disable} and SpecialApcDisable {thread.special_apc_disable}: call"
            " KeLeaveCriticalRegion or KeLeaveGuardedRegion on each way out"
        )
        bug_check(KERNEL_APC_PENDING_DURING_EXIT, pending, disabled, current.processor.irql, 1, reason=reason)
    deliver()
    while state.user:
        apc = cast("Apc", state.user.popleft())
        apc.inserted = False
        if apc.rundown_routine is not None:
            call_driver(RUNDOWN_APC, apc.driver, apc.rundown_routine, apc)
