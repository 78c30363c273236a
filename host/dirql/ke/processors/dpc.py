# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Deferred procedure calls: queueing them, and draining a processor's queue.

A DPC of medium or higher importance asks its own processor to drain the queue at once, that is, as soon as the IRQL is
below DISPATCH_LEVEL. A DPC of low importance, or of medium importance for another processor, waits until the queue is
drained for another reason: another DPC asks for it, the queue is long, or the processor is idle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, TypeVar, cast

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import call_deferred, current_driver, describe
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc_queue import DpcQueue, QueuedDpc
from dirql.ke.processors.irql import enter
from dirql.ke.processors.processor import Processor
from dirql.nt.bugcodes import (
    DRIVER_IRQL_NOT_LESS_OR_EQUAL,
    INVALID_DPC,
    INVALID_PROCESSOR,
    TIMER_OR_DPC_INVALID,
)
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    IO_TYPE_DPC,
    IO_TYPE_THREADED_DPC,
    MAXIMUM_PROCESSORS,
    HighImportance,
    LowImportance,
    MediumImportance,
)

__all__ = ["MAXIMUM_QUEUE_DEPTH", "NO_ROUTINE", "DeferredRoutine", "Dpc", "drain"]

_INSERT_QUEUE: Final = contract("KeInsertQueueDpc")
_REMOVE_QUEUE: Final = contract("KeRemoveQueueDpc")
_INITIALIZE_DPC: Final = contract("KeInitializeDpc")
_INITIALIZE_THREADED_DPC: Final = contract("KeInitializeThreadedDpc")
_SET_IMPORTANCE_DPC: Final = contract("KeSetImportanceDpc")
_SET_TARGET_PROCESSOR_DPC: Final = contract("KeSetTargetProcessorDpc")

C = TypeVar("C")

MAXIMUM_QUEUE_DEPTH: Final = 4
"""A queue longer than this is drained whatever the importance of its DPCs (MaximumDpcQueueDepth)."""

_EXECUTION: Final = 8
"""Parameter 3 of bug check 0xD1 for an instruction that was to be fetched."""

NO_ROUTINE: Final[tuple[object, ...]] = (None,)
"""The `deferred_routine` of a DPC that cannot be queued."""

_Queued = Callable[[QueuedDpc, object, object, object], object]

_BLANK: Final = cast("_Queued", None)
"""The `deferred_routine` of a DPC that was not initialized, or only for later; it is None."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Dpc:
    """A deferred procedure call (KDPC).

    The kernel calls its routine at DISPATCH_LEVEL as `routine(dpc, context, argument1, argument2)`.
    """

    __slots__ = (
        "deferred_context",
        "deferred_routine",
        "dpc_data",
        "driver",
        "importance",
        "is_of_device",
        "number",
        "system_argument1",
        "system_argument2",
        "type",
    )

    def __init__(self) -> None:
        """Make a DPC that has to be initialized before its use."""
        self.type = 0
        self.importance = LowImportance
        self.number = 0
        """The number of the target processor plus MAXIMUM_PROCESSORS; 0 if it has no target processor."""
        self.dpc_data: DpcQueue | None = None
        """The queue that the DPC is in; None while it is not queued."""
        self.driver: object = None
        """The driver that initialized the DPC."""
        self.deferred_routine = cast("_Queued", None)
        self.deferred_context: object = None
        self.is_of_device = False
        """Whether it is the DpcForIsr of a device, whose first argument is the request in hand."""
        self.system_argument1: object = None
        self.system_argument2: object = None

    def __repr__(self) -> str:
        return f"<DPC {describe(self.deferred_routine)}>"

    def initialize(
        self, deferred_routine: Callable[[Dpc, C, object, object], object] | None, deferred_context: C
    ) -> None:
        """Set the routine and its context, medium importance and no target processor; follows KeInitializeDpc.

        The routine may be None as long as the DPC is never queued.
        """
        _INITIALIZE_DPC.check_arguments(self, deferred_routine, deferred_context)
        if self.dpc_data is not None and current.kernel.verifier.is_verified(current.processor.driver):
            reason = (
                f"a DPC that is queued must not be initialized again; {self!r} was queued: let it run first"
            )
            bug_check(TIMER_OR_DPC_INVALID, INVALID_DPC, self, 0, 0, reason=reason)
        self.type = IO_TYPE_DPC
        self.importance = MediumImportance
        self.number = 0
        self.dpc_data = None
        self.driver = current_driver()
        self.deferred_routine = cast("_Queued", deferred_routine)
        self.deferred_context = deferred_context

    def initialize_threaded(
        self, deferred_routine: Callable[[Dpc, C, object, object], object], deferred_context: C
    ) -> None:
        """Do as `initialize` for a DPC whose routine runs in a thread; follows KeInitializeThreadedDpc.

        The routine runs at PASSIVE_LEVEL, before all other threads and after all ordinary DPCs, or at DISPATCH_LEVEL as
        an ordinary DPC where threaded DPCs are turned off (`Kernel.threaded_dpcs`); row DPC-11.
        """
        _INITIALIZE_THREADED_DPC.check_arguments(self, deferred_routine, deferred_context)
        self.initialize(deferred_routine, deferred_context)
        self.type = IO_TYPE_THREADED_DPC

    def set_importance(self, importance: int) -> None:
        """Set Low-, Medium-, MediumHigh- or HighImportance; follows KeSetImportanceDpc."""
        _SET_IMPORTANCE_DPC.check_arguments(self, importance)
        self.importance = importance

    def set_target_processor(self, number: int) -> None:
        """Choose the processor into whose queue the DPC goes from now on; follows KeSetTargetProcessorDpc.

        A number without a processor is bug check 0xC7/3.
        """
        _SET_TARGET_PROCESSOR_DPC.check_arguments(self, number)
        processors = current.kernel.processors
        if not 0 <= number < len(processors):
            reason = (
                f"the target processor of KeSetTargetProcessorDpc must be 0 … {len(processors) - 1};"
                f" it was {number}"
            )
            bug_check(TIMER_OR_DPC_INVALID, INVALID_PROCESSOR, self, number, len(processors), reason=reason)
        self.number = MAXIMUM_PROCESSORS + number

    def insert_queue(self, argument1: object, argument2: object) -> bool:
        """Queue the DPC and return True, or return False if it is queued already; follows KeInsertQueueDpc.

        Below DISPATCH_LEVEL, with the current processor as target and an importance above low, the routine has run
        when this returns.
        """
        _INSERT_QUEUE.check(self)
        if not self.queue(argument1, argument2):
            if argument2 != self.system_argument2 or (
                argument1 != self.system_argument1 and not self.is_of_device
            ):
                self._report_lost(argument1, argument2)
            return False
        processor = current.processor
        if processor.irql < DISPATCH_LEVEL:
            current.dispatcher.preempt()
        else:
            processor.has_queued = True
        return True

    def _queue_to_thread(self, processor: Processor) -> None:
        """Queue a threaded DPC, and wake the thread that runs it."""
        queue = self.dpc_data = processor.dpcs
        if self.importance == HighImportance:
            queue.threaded.appendleft(self)
        else:
            queue.threaded.append(self)
        hook = current.kernel.hooks.dpc_queued
        if hook is not None:
            hook(self)
        current.kernel.wake_dpc_thread(processor)

    def refuse_blank(self) -> NoReturn:
        """Stop as NT does when it calls the routine at address 0; the driver that queued the DPC is named."""
        reason = (
            "a KDPC must be initialized with a routine before KeInsertQueueDpc, IoRequestDpc or KeSetTimer; this one"
            " was not: call KeInitializeDpc or IoInitializeDpcRequest first"
        )
        bug_check(DRIVER_IRQL_NOT_LESS_OR_EQUAL, 0, DISPATCH_LEVEL, _EXECUTION, 0, reason=reason)

    def _report_lost(self, argument1: object, argument2: object) -> None:
        """Note a defect: the DPC runs with the arguments of the first insertion, and nobody gets these."""
        was = f"{self.system_argument1!r} and {self.system_argument2!r}"
        report_defect(
            "DPC-04",
            f"IoRequestDpc, KeInsertQueueDpc: the arguments of a DPC that is queued already must be those that it is"
            f" queued with, since others are lost; they were {argument1!r} and {argument2!r} for {self!r}, queued with"
            f" {was}: keep what the DPC must do in the device extension",
        )

    def remove_queue(self) -> bool:
        """Take the DPC out of the queue that it is in; follows KeRemoveQueueDpc. Returns whether it was queued."""
        _REMOVE_QUEUE.check(self)
        queue = self.dpc_data
        if queue is None:
            return False
        (queue.threaded if self in queue.threaded else queue.waiting).remove(self)
        self.dpc_data = None
        hook = current.kernel.hooks.dpc_removed
        if hook is not None:
            hook(self)
        return True

    def queue(self, argument1: object, argument2: object) -> bool:
        """Do as `insert_queue`, but run nothing yet: for kernel code that is about to lower the IRQL itself."""
        if self.dpc_data is not None:
            return False
        if self.deferred_routine is _BLANK:
            self.refuse_blank()
        processor = current.processor
        least = MediumImportance
        if self.number:
            target = current.kernel.processors[self.number - MAXIMUM_PROCESSORS]
            if target is not processor:
                processor, least = target, HighImportance
                current.kernel.busy |= target.mask
        self.system_argument1 = argument1
        self.system_argument2 = argument2
        if self.type == IO_TYPE_THREADED_DPC and current.kernel.threaded_dpcs:
            self._queue_to_thread(processor)
            return True
        importance = self.importance
        queue = self.dpc_data = processor.dpcs
        waiting = queue.waiting
        if importance == HighImportance:
            waiting.appendleft(self)
        else:
            waiting.append(self)
        # NT numbers the importances low, medium, high, medium high.
        if importance >= least or len(waiting) > MAXIMUM_QUEUE_DEPTH:
            queue.requested = True
        hook = current.kernel.hooks.dpc_queued
        if hook is not None:
            hook(self)
        return True


DeferredRoutine = Callable[[Dpc, object, object, object], object]
"""A driver's DPC routine. Nobody uses the value that it returns."""


def drain(processor: Processor) -> None:
    """Run the DPCs of the current processor, whose IRQL is below DISPATCH_LEVEL, until its queue is empty."""
    old_irql = enter(processor, DISPATCH_LEVEL)
    kernel = current.kernel
    hooks = kernel.hooks
    queue = processor.dpcs
    queue.is_undrained = False
    waiting = queue.waiting
    clock = kernel.clock
    thread = processor.current_thread
    thread.nesting, queue.nesting = queue.nesting, thread.nesting
    while waiting:
        spent = clock.spent = clock.spent + kernel.costs.dpc_dispatch
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()
            if not waiting:  # an ISR has taken the DPC out of the queue
                break
        dpc = queue.running = waiting.popleft()
        queue.count += 1
        if hooks.dpc_started is not None:
            hooks.dpc_started(dpc)
        dpc.dpc_data = None
        call_deferred(processor, dpc)
        if hooks.dpc_ended is not None:
            hooks.dpc_ended(dpc)
    thread.nesting, queue.nesting = queue.nesting, thread.nesting
    queue.running = None
    queue.requested = False
    enter(processor, old_irql)
