# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The dispatcher: it chooses the code that a processor runs next, at points of preemption and when it is idle."""

from __future__ import annotations

from typing import NoReturn

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.objects.dispatcher_object import WaitBlock
from dirql.ke.objects.timer import clock_interrupt
from dirql.ke.platform import Clock
from dirql.ke.processors.dpc import drain
from dirql.ke.processors.interrupt import (
    STORM_LIMIT,
    InterruptTable,
    dispatch,
    interrupt_table,
    refuse_storm,
)
from dirql.ke.processors.irql import irql_name
from dirql.ke.processors.processor import Processor
from dirql.ke.state import KernelState
from dirql.ke.threads.alert import check_alertability
from dirql.ke.threads.apc import deliver
from dirql.ke.threads.readiness import following_thread, highest_ready, ready_equals
from dirql.ke.threads.schedule import Choice
from dirql.ke.threads.switching import hand_over, switch_thread
from dirql.ke.threads.thread import IDLE_PRIORITY, WAITING, Thread
from dirql.ke.watch.deadlock import Deadlock
from dirql.ke.watch.watch import hang
from dirql.nt.bugcodes import (
    ATTEMPTED_SWITCH_FROM_DPC,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    HARDWARE_INTERRUPT_STORM,
    VF_LOWER_IRQL,
)
from dirql.nt.constants import APC_LEVEL, CLOCK_LEVEL, DISPATCH_LEVEL
from dirql.nt.status import STATUS_KERNEL_APC, STATUS_TIMEOUT

__all__ = [
    "Deadlock",
    "block",
    "give_way",
    "idle",
    "keep_affinity",
    "look",
    "pass_spent",
    "poll",
    "preempt",
    "refuse_switch",
    "take_apcs",
    "yield_to_equals",
]


# Points of preemption.


def preempt() -> None:
    """Be a point of preemption.

    The clocks that host code has spent pass, if anything may have happened in them. Due timers and interrupts above the
    current IRQL are taken, on top of the code that runs. If the IRQL is below DISPATCH_LEVEL, DPCs run after that, and
    perhaps a thread of higher priority. At last another processor may go on.
    """
    processor = current.processor
    kernel = current.kernel
    clock = kernel.clock
    # The test in front of `_has_come`, here and below, spares nearly all of its calls: 3 % of "dpc inserted and run" in
    # bench/ke_paths.py.
    if clock.spent >= clock.horizon and (clock.attention or _has_come(clock)):
        _take_interrupts(processor)
    queue = processor.dpcs
    if processor.irql < DISPATCH_LEVEL and not processor.isrs:
        if queue.running is None:
            if queue.requested:
                drain(processor)
                if (
                    clock.spent >= clock.horizon
                    or processor.current_thread.apc_state.kernel_apc_pending
                    or queue.requested
                ):
                    processor = _take_software_interrupts(processor)
            highest, thread = kernel.ready.highest, processor.current_thread
            if highest > thread.base_priority and highest > thread.look_at_priority():
                _preempt_thread(processor)
        elif kernel.verifier.is_verified(processor.driver):
            _refuse_lowering(processor)
    if kernel.is_eager:
        _take_turns(current.processor)
        if kernel.spreads:
            _take_longer(kernel)


def _take_software_interrupts(processor: Processor) -> Processor:
    """Take what has come while DPCs ran, and then the kernel APCs of the thread; return the processor afterwards.

    DPCs and APCs are requested with the same mark of the processor. It stays while the IRQL holds off an APC.
    """
    queue = processor.dpcs
    clock = current.kernel.clock
    if clock.spent >= clock.horizon and _has_come(clock):
        _take_interrupts(processor)
    while queue.requested:
        drain(processor)
        if clock.spent >= clock.horizon and _has_come(clock):
            _take_interrupts(processor)
    if processor.current_thread.apc_state.kernel_apc_pending:
        take_apcs()
    return current.processor


def take_apcs() -> None:
    """Run the kernel APCs of the current thread that may run now, or see to it that they run at a lower IRQL."""
    processor = current.processor
    if processor.irql >= APC_LEVEL or processor.dpcs.running is not None or processor.isrs:
        processor.dpcs.requested = True
    else:
        deliver()


def _refuse_lowering(processor: Processor) -> NoReturn:
    """Stop a verified driver whose DPC has lowered the IRQL."""
    reason = (
        f"the IRQL in a DPC routine must stay at DISPATCH_LEVEL or above; it was lowered to {irql_name(processor.irql)}"
        f" in {processor.dpcs.running!r}: release a spin lock with the IRQL that KeAcquireSpinLock gave, and let a work"
        " item or a thread do what needs a lower one"
    )
    code = DRIVER_VERIFIER_DETECTED_VIOLATION
    bug_check(code, VF_LOWER_IRQL, DISPATCH_LEVEL, processor.irql, 1, reason=reason)


def _take_longer(kernel: KernelState) -> None:
    """Let the clocks pass by which the schedule makes this point of preemption longer."""
    delay = kernel.schedule.delay()
    if delay:
        kernel.clock.spent += delay
        # The schedule must not be asked more often where the machine cannot say how long nothing happens in it.
        if _has_come(kernel.clock):
            preempt()


def pass_spent() -> None:
    """Let the clocks pass that host code has spent, and preempt if something has come or others may go on.

    Kernel calls come here: nothing else than interrupts and timers can have come since the last point of preemption.
    """
    kernel = current.kernel
    clock = kernel.clock
    if clock.spent and not clock.attention:
        clock.wait(0)
    if clock.attention or kernel.is_eager:
        preempt()


def look() -> None:
    """Be a point of preemption at which the hardware is asked, in a loop that waits for something to change.

    Clocks that host code has spent need not run at once. Here they run, and at least one clock passes.
    """
    kernel = current.kernel
    kernel.looks += 1
    kernel.clock.spent += 1
    kernel.clock.wait(0)
    if kernel.timers.is_overdue():
        _take_interrupts(current.processor)
    preempt()


def poll() -> None:
    """Do as `look`, and let ready threads of equal priority run too: a thread that polls must not keep them out."""
    look()
    processor = current.processor
    if processor.irql < DISPATCH_LEVEL and processor.dpcs.running is None and not processor.isrs:
        yield_to_equals()


def give_way() -> None:
    """Let all other processors go on, as far as they can, in a loop that waits for one of them."""
    look()
    processor = current.processor
    kernel = current.kernel
    others = _others_that_can_go_on(processor)
    if others and processor is current.processor:
        hand_over(others[kernel.schedule.choose(Choice.OTHER_PROCESSOR, others)])


# Interrupts.


def _take_interrupts(processor: Processor) -> None:
    """Take the due timers and the interrupts above the current IRQL until none is left."""
    kernel = current.kernel
    clock = kernel.clock
    timers = kernel.timers
    table = interrupt_table.value
    requested = 0
    for _ in range(STORM_LIMIT):
        due = timers.due
        if due is not None and processor.irql < CLOCK_LEVEL and due <= clock.now():
            clock_interrupt(processor)
        else:
            requested = table.controller.requested_irql()
            if requested > processor.irql and table.affinity[requested] & processor.mask:
                dispatch(processor, requested)
            elif clock.spent:
                clock.wait(0)  # what the IRQL allows may come in these clocks
            elif not _redirect(table, requested):
                return
        if not clock.attention:
            return  # what comes in the clocks of the exit is taken at the next point of preemption
    _refuse_storm(table, requested)


def _has_come(clock: Clock) -> bool:
    """Whether the machine wants attention, after the spent clocks if something may have happened in them."""
    if clock.spent >= clock.horizon and not clock.attention:
        clock.wait(0)
    return clock.attention


def _redirect(table: InterruptTable, requested: int) -> bool:
    """Let a processor go on that can take an interrupt which the current one cannot; return whether there is one."""
    allowed = table.affinity[requested]
    for processor in current.kernel.processors:
        if processor.irql < requested and allowed & processor.mask and processor is not current.processor:
            hand_over(processor)
            return True
    return False


def _refuse_storm(table: InterruptTable, requested: int) -> NoReturn:
    """Bug check for the vector that is presented: several of one IRQL may have ISRs, so it is fetched to know it."""
    vector = table.controller.acknowledge()
    line = table.vectors[vector]
    reason = (
        f"an interrupt must come to an end; {STORM_LIMIT} in a row were served and one at {irql_name(requested)} is"
        " still presented: clear the cause in the device, and return TRUE,"
    )
    if line is None:
        bug_check(
            HARDWARE_INTERRUPT_STORM, 0, 0, 0, 0, reason=f"{reason} at vector {vector:#x}, which has no ISR"
        )
    table.controller.put_back(vector)
    refuse_storm(line, reason)


# Threads on a processor.


def _preempt_thread(processor: Processor) -> None:
    """Let a ready thread of higher priority take the place of the current one."""
    thread = following_thread(processor)
    before = processor.current_thread
    if before is not processor.idle_thread:
        before.ready_queue.put_back(before)
    switch_thread(processor, thread)


def keep_affinity(processor: Processor) -> None:
    """Let the current thread go on elsewhere if it may not run here any more.

    Otherwise a thread of higher priority that is bound to this processor takes its place. At DISPATCH_LEVEL and above,
    this is done when the IRQL falls.
    """
    thread = processor.current_thread
    if processor.irql >= DISPATCH_LEVEL or processor.dpcs.running is not None or processor.isrs:
        return
    if not thread.ready_queue.affinity & processor.mask:
        following = following_thread(processor)
        thread.ready_queue.add(thread)
        switch_thread(processor, following)
    elif highest_ready(processor) > thread.look_at_priority():
        _preempt_thread(processor)


def block(thread: Thread, timeout: int | None, due: int | None = None) -> int:
    """Let the current thread wait, its wait blocks being queued, until they or the time-out end that.

    Returns the status of the wait. `timeout` counts 100 ns as in a wait of the WDK; None waits until the clock
    `due`, or never if that is None.
    """
    if timeout is not None:
        due = current.kernel.timers.due_clock(timeout)
    if due is not None:
        current.kernel.timers.insert(thread.time_out, due)
    processor = current.processor
    if processor.dpcs.running is not None:
        refuse_switch(processor)
    thread.state = WAITING
    kernel = current.kernel
    thread.wait_time = kernel.clock.now()
    if thread.queue is not None:
        thread.queue.wake()  # another thread of the queue may be active now
    ready = kernel.ready
    blocks = thread.wait_block_list
    # To call `following_thread` for the usual cases too would make "event and switch" in bench/ke_paths.py 4 % slower.
    if processor.limited:
        switch_thread(processor, following_thread(processor))
    else:
        switch_thread(processor, ready.take() if ready.highest > IDLE_PRIORITY else processor.idle_thread)
    status = thread.wait_status
    if thread.apc_state.kernel_apc_pending or (status and status == STATUS_KERNEL_APC):
        return _break_wait(thread, blocks, due)
    return status


def _break_wait(thread: Thread, blocks: tuple[WaitBlock, ...], due: int | None) -> int:
    """Run the kernel APCs of a thread whose wait is over or broken off, and go on with the wait in the second case."""
    status = thread.wait_status
    kind = (thread.wait_type, thread.wait_reason, thread.wait_mode, thread.alertable)
    objects = [each.object for each in blocks]
    take_apcs()
    if status != STATUS_KERNEL_APC:
        return status
    thread.wait_type, thread.wait_reason, thread.wait_mode, thread.alertable = kind
    satisfied = thread.satisfy_wait(objects, thread.wait_type)
    if satisfied is not None:
        return satisfied
    status = check_alertability(thread, thread.alertable, thread.wait_mode)
    if status:
        return status
    if due is not None and due <= current.kernel.clock.now():
        return STATUS_TIMEOUT
    for each, found in zip(blocks, objects, strict=True):
        each.object = found
        found.header.wait_list[each] = None
    thread.wait_block_list = blocks
    return block(thread, None, due)


def refuse_switch(processor: Processor) -> NoReturn:
    """Bug check because a DPC wants to wait; the thread that it interrupted would have to wait with it."""
    thread = processor.current_thread
    following = following_thread(processor)
    dpc = processor.dpcs.running
    reason = f"a wait that may block must be called by a thread; {dpc!r} called it on top of {thread!r}"
    bug_check(ATTEMPTED_SWITCH_FROM_DPC, thread, following, 0, 0, reason=reason)


def yield_to_equals() -> bool:
    """Let a ready thread of at least the priority of the current one run; return whether there was one."""
    processor = current.processor
    thread = processor.current_thread
    if highest_ready(processor) < thread.look_at_priority(1) or thread is processor.idle_thread:
        return False
    thread.ready_queue.add(thread)
    switch_thread(processor, following_thread(processor))
    return True


# The idle thread.


def idle(processor: Processor) -> NoReturn:
    """Be the idle thread of a processor: wait for something to do, and do it."""
    kernel = current.kernel
    clock = kernel.clock
    ready = kernel.ready
    queue = processor.dpcs
    single = len(kernel.processors) == 1
    try:
        while True:
            if clock.attention:  # the spent clocks pass in `_sleep` at the latest
                _take_interrupts(processor)
            if queue.waiting:
                queue.requested = True
                while queue.requested:
                    drain(processor)
                    if clock.spent >= clock.horizon and _has_come(clock):
                        _take_interrupts(processor)
            if ready.highest > IDLE_PRIORITY and not processor.limited:
                switch_thread(processor, ready.take())
            elif processor.limited and highest_ready(processor) > IDLE_PRIORITY:
                switch_thread(processor, following_thread(processor))
            elif single or not _other_goes_on(processor):
                _sleep(processor)
    except BaseException as error:
        kernel.stop(error)
        raise


def _other_goes_on(processor: Processor) -> bool:
    """Let another processor go on if one has something to do; return whether one had."""
    others = _others_that_can_go_on(processor)
    if not others:
        return False
    hand_over(others[current.kernel.schedule.choose(Choice.OTHER_PROCESSOR, others)])
    return True


def _sleep(processor: Processor) -> None:
    """Let the machine run until an interrupt or a due time; raise `Deadlock` if neither can come."""
    kernel = current.kernel
    timers = kernel.timers
    if timers.watch_expired:
        _sleep_on(processor)
        return
    if not interrupt_table.value.connected and timers.is_empty():
        raise hang("no timer is set and no interrupt is connected, so that nothing can wake a thread")
    if kernel.clock.wait(kernel.idle_limit) is None and timers.is_empty():
        raise _no_interrupt(kernel)


def _sleep_on(processor: Processor) -> None:
    """Do as `_sleep` after a look of the watch, which is no reason to wake up, and rests meanwhile.

    With one routine for both, "interrupts to thread" in bench/ke_paths.py would take 6.6 instead of 5.7 µs.
    """
    kernel = current.kernel
    clock = kernel.clock
    timers = kernel.timers
    watch = timers.watch
    end = clock.now() + kernel.idle_limit
    while watch is not None:
        watch.rest(timers, clock.now())
        is_empty = timers.is_empty()
        if is_empty and not interrupt_table.value.connected:
            raise hang("no timer is set and no interrupt is connected, so that nothing can wake a thread")
        if clock.wait(max(0, end - clock.now()) if is_empty else None) is None:
            raise _no_interrupt(kernel)
        if timers.is_overdue() and is_empty:
            clock_interrupt(processor)
        if clock.attention or not is_empty:
            watch.resume(timers, clock.now())
            break
    timers.watch_expired = False


def _no_interrupt(kernel: KernelState) -> Deadlock:
    return hang(f"no timer is set, and no interrupt came for {kernel.idle_limit} clocks")


# Several processors.


def _others_that_can_go_on(processor: Processor) -> list[Processor]:
    """The other processors that have something to do, or could take a ready thread, the one after `processor` first."""
    kernel = current.kernel
    processors = kernel.processors
    number = processor.number
    if kernel.ready.highest > IDLE_PRIORITY:
        return [*processors[number + 1 :], *processors[:number]]
    # To look at those alone that may have something to do keeps the costs the same with 32 processors as with 2
    # ("DPC: inserted and run" and "thread bound to the last processor" in bench/growth.py).
    busy = kernel.busy & ~processor.mask
    if not busy:
        return []
    others = []
    following = busy >> number << number
    for bits in (following, busy ^ following):
        while bits:
            bit = bits & -bits
            bits ^= bit
            other = processors[bit.bit_length() - 1]
            if other.has_work():
                others.append(other)
            else:
                kernel.busy ^= bit  # another processor has taken the thread that this one could have run
    return others


def _take_turns(processor: Processor) -> None:
    """Ask the schedule whether this processor or another goes on, and this thread or one of equal priority."""
    kernel = current.kernel
    if len(kernel.processors) > 1:
        if kernel.affinities:
            keep_affinity(processor)
            processor = current.processor
        others = _others_that_can_go_on(processor)
        if others:
            candidates = [processor, *others]
            chosen = candidates[kernel.schedule.choose(Choice.PROCESSOR, candidates)]
            if chosen is not processor:
                hand_over(chosen)
    if kernel.schedule.shuffles:
        _shuffle_threads(current.processor)


def _shuffle_threads(processor: Processor) -> None:
    """Let a ready thread of equal priority take the place of the current one, if the schedule says so."""
    kernel = current.kernel
    thread = processor.current_thread
    if processor.irql >= DISPATCH_LEVEL or processor.dpcs.running is not None:
        return
    equals = ready_equals(processor, thread.priority)
    if not equals:
        return
    candidates = [thread, *equals]
    other = candidates[kernel.schedule.choose(Choice.THREAD, candidates)]
    if other is not thread:
        other.ready_queue.remove(other)
        thread.ready_queue.add(thread)
        switch_thread(processor, other)
