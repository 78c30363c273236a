# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The dispatcher: the only place that switches greenlets.

Each thread is a greenlet, and each processor has an idle thread besides. One greenlet runs at a time. ISRs and DPCs run
on top of whatever thread they interrupt. There are two kinds of switch:

- `_switch`: the current processor goes on with another thread, at a level below DISPATCH;
- `_hand_over`: another processor goes on, wherever it was, and this one stays as it is until its turn comes.

After either, and so after any call that may preempt, a thread may find itself on another processor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NoReturn, cast

import greenlet

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import THREAD, call_driver
from dirql.ke.objects.timer import clock_interrupt
from dirql.ke.processors.dpc import drain
from dirql.ke.processors.interrupt import STORM_LIMIT, dispatch
from dirql.ke.processors.irql import contract, enter, irql_name
from dirql.ke.threads.thread import DEFAULT_PRIORITY, IDLE_PRIORITY, Context, Thread, ThreadExit, ThreadState
from dirql.nt.bugcodes import (
    ATTEMPTED_SWITCH_FROM_DPC,
    DDI_IRQL_PS_PASSIVE,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    HARDWARE_INTERRUPT_STORM,
)
from dirql.nt.constants import CLOCK_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL
from dirql.nt.status import STATUS_SUCCESS

if TYPE_CHECKING:
    from dirql.ke.kernel import Kernel
    from dirql.ke.processors.processor import Processor

__all__ = [
    "Deadlock",
    "block",
    "create_system_thread",
    "give_way",
    "look",
    "open_threads",
    "poll",
    "preempt",
    "refuse_switch",
    "release_threads",
    "start_system_thread",
    "terminate_system_thread",
    "yield_execution",
]


class Deadlock(BaseException):
    """Nothing can ever run again: each thread waits, and nothing is left that could wake one."""


# Points of preemption.


def preempt() -> None:
    """A point of preemption.

    Takes due timers and interrupts above the current level, on top of what runs; then DPCs, and perhaps a thread of
    higher priority, if the level is below DISPATCH; then perhaps another processor goes on.
    """
    processor = current.processor
    kernel = processor.kernel
    if kernel.clock.attention:
        _take_interrupts(processor)
    if processor.irql < DISPATCH_LEVEL and processor.dpc is None and not processor.interrupts:
        if processor.dpc_requested:
            _drain(processor)
        if kernel.ready.summary >= processor.current_thread.threshold:
            _preempt_thread(processor)
    if kernel.is_eager:
        _take_turns(current.processor)


def look() -> None:
    """A point of preemption at which the hardware is asked, for loops that wait for something to change.

    Host code's clocks need not run at once; here they do, and at least one passes.
    """
    clock = current.kernel.clock
    clock.spent += 1
    clock.wait(0)
    if current.kernel.timers.is_overdue():
        _take_interrupts(current.processor)
    preempt()


def poll() -> None:
    """`look` in a loop of a thread's, which is where a thread could keep its equals from running for ever."""
    look()
    processor = current.processor
    if processor.irql < DISPATCH_LEVEL and processor.dpc is None and not processor.interrupts:
        _yield(processor)


def give_way() -> None:
    """One turn of a loop that waits for another processor: all others go on before this returns, as far as they can."""
    look()
    processor = current.processor
    others = [other for other in processor.kernel.processors if other is not processor and _can_go_on(other)]
    if others and processor is current.processor:
        _hand_over(others[processor.kernel.schedule.choose(len(others))])


def _take_interrupts(processor: Processor) -> None:
    """Due timers and interrupts above the level of the current processor, until none is left."""
    kernel = processor.kernel
    timers = kernel.timers
    requested = 0
    for _ in range(STORM_LIMIT):
        if timers.due is not None and processor.irql < CLOCK_LEVEL and timers.is_overdue():
            clock_interrupt(processor)
        else:
            requested = kernel.controller.requested_irql()
            if requested > processor.irql and kernel.affinity[requested] & processor.mask:
                dispatch(processor, requested)
            elif not _redirect(kernel, requested):
                return
        if not kernel.clock.attention:
            return
    _refuse_storm(kernel, requested)


def _redirect(kernel: Kernel, requested: int) -> bool:
    """Let a processor go on that can take an interrupt which the current one cannot; returns whether there is one."""
    allowed = kernel.affinity[requested]
    for processor in kernel.processors:
        if processor.irql < requested and allowed & processor.mask and processor is not current.processor:
            _hand_over(processor)
            return True
    return False


def _refuse_storm(kernel: Kernel, requested: int) -> None:
    line = next((line for line in kernel.vectors[requested << 4 :] if line), None)
    first = line.interrupts[0] if line else None
    reason = (
        f"an interrupt must come to an end: {STORM_LIMIT} in a row were served and one at DIRQL {requested} is still"
        " presented; its ISR must clear the cause in its device, and claim it"
    )
    bug_check(
        HARDWARE_INTERRUPT_STORM,
        first,
        first and first.service_context,
        STORM_LIMIT,
        requested,
        reason=reason,
    )


def _drain(processor: Processor) -> None:
    """DPCs, and the interrupts that came while the last of them ended."""
    while processor.dpc_requested:
        drain(processor)
        if processor.kernel.clock.attention:
            _take_interrupts(processor)


# Threads on a processor.


def _switch(processor: Processor, thread: Thread) -> None:
    """Let the current processor go on with another thread; returns when the one that called is switched to."""
    before = processor.current_thread
    before.wait_irql = processor.irql
    before.driver = processor.driver
    _make_current(processor, thread).switch()


def _make_current(processor: Processor, thread: Thread) -> Context:
    """All of a switch but the switch itself; returns where to go on."""
    processor.current_thread = thread
    processor.driver = thread.driver
    thread.state = ThreadState.RUNNING
    processor.clock.spent += processor.costs.context_switch
    hook = processor.hooks.thread_switched
    if hook is not None:
        hook(processor, thread)
    if thread.wait_irql != processor.irql:
        enter(processor, thread.wait_irql)
    return thread.context


def _preempt_thread(processor: Processor) -> None:
    """Let a ready thread of higher priority take the place of the current one."""
    kernel = processor.kernel
    thread = kernel.ready.take()
    before = processor.current_thread
    if before is not processor.idle_thread:
        kernel.ready.put_back(before)
    _switch(processor, thread)


def block(thread: Thread) -> int:
    """Let the current thread wait, its wait blocks and time-out being in place; returns the status of the wait."""
    processor = current.processor
    kernel = processor.kernel
    if processor.dpc is not None:
        refuse_switch(processor)
    thread.state = ThreadState.WAITING
    ready = kernel.ready
    _switch(processor, ready.take() if ready.summary else processor.idle_thread)
    return thread.wait_status


def refuse_switch(processor: Processor) -> NoReturn:
    """Bug check, since a DPC wants to wait: it would take along the thread that it interrupted."""
    thread = processor.current_thread
    ready = processor.kernel.ready
    following = ready.take() if ready.summary else processor.idle_thread
    reason = (
        f"a wait that may block must be called by a thread; {processor.dpc!r} called it on top of {thread!r}"
    )
    bug_check(ATTEMPTED_SWITCH_FROM_DPC, thread, following, 0, 0, reason=reason)


@contract(max_irql=DISPATCH_LEVEL - 1)
def yield_execution() -> bool:
    """Let another ready thread of at least this priority run (ZwYieldExecution); returns whether one did."""
    look()
    return _yield(current.processor)


def _yield(processor: Processor) -> bool:
    """Put the current thread behind its equals; returns whether there was one."""
    ready = processor.kernel.ready
    thread = processor.current_thread
    if ready.summary < thread.threshold >> 1:
        return False
    ready.add(thread)
    _switch(processor, ready.take())
    return True


# The idle thread.


def _idle(processor: Processor) -> None:
    """What a processor does that has no thread to run."""
    kernel = processor.kernel
    ready = kernel.ready
    single = len(kernel.processors) == 1
    try:
        while True:
            if kernel.clock.attention:
                _take_interrupts(processor)
            if processor.dpcs:
                processor.dpc_requested = True
                _drain(processor)
            if ready.summary:
                _switch(processor, ready.take())
            elif single or not _other_goes_on(processor):
                _sleep(kernel)
    except BaseException as error:
        kernel.stop(error)
        raise


def _other_goes_on(processor: Processor) -> bool:
    """Let another processor go on if one has something to do; returns whether one had."""
    kernel = processor.kernel
    others = [other for other in kernel.processors if other is not processor and _can_go_on(other)]
    if not others:
        return False
    _hand_over(others[kernel.schedule.choose(len(others))])
    return True


def _sleep(kernel: Kernel) -> None:
    """Let the machine run until something happens; nothing but the hardware can make it."""
    if kernel.timers.due is not None:
        kernel.clock.wait()
    elif not kernel.connected:
        raise Deadlock(
            kernel.describe("no timer is set and no interrupt is connected, so that nothing can wake one")
        )
    elif kernel.clock.wait(kernel.idle_limit) is None:
        raise Deadlock(
            kernel.describe(f"no timer is set, and no interrupt came for {kernel.idle_limit} clocks")
        )


# Several processors.


def _hand_over(processor: Processor) -> None:
    """Let another processor go on where it was."""
    current.processor = processor
    processor.current_thread.context.switch()


def _can_go_on(processor: Processor) -> bool:
    """Whether a processor has something to do: a thread, an ISR or a DPC, or a thread that is ready."""
    return (
        processor.current_thread is not processor.idle_thread
        or processor.irql > PASSIVE_LEVEL
        or bool(processor.dpcs)
        or processor.kernel.ready.summary != 0
    )


def _take_turns(processor: Processor) -> None:
    """Ask the schedule who goes on: this processor or another, this thread or its equal."""
    kernel = processor.kernel
    processors = kernel.processors
    if len(processors) > 1:
        after = processor.number + 1
        order = (*processors[after:], *processors[: after - 1])
        candidates = [processor, *(other for other in order if _can_go_on(other))]
        if len(candidates) > 1:
            chosen = candidates[kernel.schedule.choose(len(candidates))]
            if chosen is not processor:
                _hand_over(chosen)
    if kernel.schedule.shuffles:
        _shuffle_threads(current.processor)


def _shuffle_threads(processor: Processor) -> None:
    """Perhaps let a ready thread of the same priority take the place of the current one."""
    kernel = processor.kernel
    thread = processor.current_thread
    if processor.irql >= DISPATCH_LEVEL or processor.dpc is not None:
        return
    equals = kernel.ready.equals_of(thread)
    if equals and kernel.schedule.choose(1 + equals):
        other = kernel.ready.take()
        kernel.ready.add(thread)
        _switch(processor, other)


# Beginning and end of threads.


def open_threads(kernel: Kernel) -> Thread:
    """Give each processor its idle thread, and the first one the greenlet that calls, as the first thread."""
    kernel.home = home = greenlet.getcurrent()
    for processor in kernel.processors:
        idle = Thread(kernel, -processor.number, IDLE_PRIORITY)
        idle.state = ThreadState.RUNNING
        idle.context = _context(kernel, partial(_idle, processor))
        processor.idle_thread = processor.current_thread = idle
    first = kernel.new_thread(DEFAULT_PRIORITY)
    first.context = home
    first.state = ThreadState.RUNNING
    kernel.processors[0].current_thread = first
    return first


def _context(kernel: Kernel, run: Callable[[], None]) -> greenlet.greenlet:
    """A greenlet; what escapes from it comes up in the user's thread, where that waits."""
    return greenlet.greenlet(lambda *_: run(), cast("greenlet.greenlet", kernel.home))


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_PS_PASSIVE)
def create_system_thread(
    routine: Callable[[object], object], context: object, priority: int = DEFAULT_PRIORITY
) -> tuple[int, Thread]:
    """Start a thread that calls `routine(context)` (PsCreateSystemThread); returns a status and the thread.

    It ends when the routine returns or calls `terminate_system_thread`; the thread object is signalled then.
    """
    thread = start_system_thread(routine, context, priority)
    preempt()
    return STATUS_SUCCESS, thread


def start_system_thread(routine: Callable[[object], object], context: object, priority: int) -> Thread:
    """Make a thread ready that calls `routine(context)`. It runs as soon as the IRQL allows. IRQL <= DISPATCH_LEVEL."""
    kernel = current.kernel
    thread = kernel.new_thread(priority)
    thread.driver = current.processor.driver
    thread.context = _context(kernel, partial(_run, thread, routine, context))
    kernel.ready.add(thread)
    return thread


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_PS_PASSIVE)
def terminate_system_thread(status: int) -> None:
    """End the current thread, which must be a system thread (PsTerminateSystemThread); does not return."""
    if current.processor.current_thread.context is current.kernel.home:
        raise RuntimeError(
            "a thread must be a system thread to end so; this is the one that opened the machine"
        )
    raise ThreadExit(status)


def _run(thread: Thread, routine: Callable[[object], object], context: object) -> None:
    """All of a system thread's life."""
    status = STATUS_SUCCESS
    try:
        call_driver(THREAD, thread.driver, routine, context)
    except ThreadExit as end:
        status = end.status
    except greenlet.GreenletExit:
        return  # the kernel closes
    _end(thread, status)


def _end(thread: Thread, status: int) -> None:
    """The end of the current thread, whose greenlet then falls through to the next thread's."""
    processor = current.processor
    kernel = processor.kernel
    if processor.irql != PASSIVE_LEVEL:
        reason = f"a thread must end at PASSIVE_LEVEL; {thread!r} ended at {irql_name(processor.irql)}"
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION, DDI_IRQL_PS_PASSIVE, processor.irql, thread, reason=reason
        )
    thread.exit_status = status
    thread.state = ThreadState.TERMINATED
    thread.signal_state = 1
    kernel.threads.remove(thread)
    if thread.wait_list:
        thread.wake()
    following = kernel.ready.take() if kernel.ready.summary else processor.idle_thread
    # A greenlet that ends goes on in its parent.
    greenlet.getcurrent().parent = cast("greenlet.greenlet", _make_current(processor, following))


def release_threads(kernel: Kernel) -> None:
    """Stop the kernel and end all its greenlets but the one that opened it, which must be the one that calls.

    What they still have to unwind finds a kernel that refuses every call.
    """
    home = greenlet.getcurrent()
    if home is not kernel.home:
        raise RuntimeError("a kernel must be closed by the thread that opened it; this is another")
    kernel.stop(RuntimeError("the kernel is closed"))
    contexts = [thread.context for thread in kernel.threads]
    contexts += [processor.idle_thread.context for processor in kernel.processors]
    for context in contexts:
        if isinstance(context, greenlet.greenlet) and context is not home and not context.dead:
            context.parent = home
            try:
                context.throw()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
