# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Deferred procedure calls: each processor's queue of them, and draining it.

A DPC of medium or higher importance asks its own processor to drain the queue at once, that is, as soon as the level
is below DISPATCH. One of low importance, or of medium importance for another processor, waits for the queue to be
drained for another reason: another DPC, its length, or an idle processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import DPC, call_driver, current_driver
from dirql.ke.processors.irql import contract, enter, leave
from dirql.nt.bugcodes import (
    INVALID_PROCESSOR,
    TIMER_OR_DPC_INVALID,
)
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    HIGH_LEVEL,
    IO_TYPE_DPC,
    MAXIMUM_PROCESSORS,
    HighImportance,
    LowImportance,
    MediumHighImportance,
    MediumImportance,
)

if TYPE_CHECKING:
    from dirql.ke.processors.processor import Processor

__all__ = ["MAXIMUM_QUEUE_DEPTH", "DeferredRoutine", "Dpc", "drain"]

C = TypeVar("C")

MAXIMUM_QUEUE_DEPTH = 4
"""A queue longer than this is drained whatever the importance (MaximumDpcQueueDepth)."""


# The importances that ask for the queue to be drained: for another processor and for the current one.
_AT_ONCE = (
    frozenset({HighImportance, MediumHighImportance}),
    frozenset({HighImportance, MediumHighImportance, MediumImportance}),
)


class Dpc:
    """A deferred procedure call (KDPC).

    Its routine is called at DISPATCH_LEVEL as `routine(dpc, context, argument1, argument2)`.
    """

    __slots__ = (
        "deferred_context",
        "deferred_routine",
        "dpc_data",
        "driver",
        "importance",
        "number",
        "system_argument1",
        "system_argument2",
        "type",
    )

    def __init__(self) -> None:
        """Not usable before `initialize`."""
        self.type = 0
        self.importance = LowImportance
        self.number = 0
        """The target processor's number plus MAXIMUM_PROCESSORS; less if it has none."""
        self.dpc_data: Processor | None = None
        """The processor whose queue it is in."""
        self.driver: object = None
        """The driver that initialized it."""
        self.deferred_routine = cast("DeferredRoutine", None)
        self.deferred_context: object = None
        self.system_argument1: object = None
        self.system_argument2: object = None

    def __repr__(self) -> str:
        """Its routine."""
        return f"<DPC {getattr(self.deferred_routine, '__qualname__', None)}>"

    def initialize(
        self, deferred_routine: Callable[[Dpc, C, object, object], object] | None, deferred_context: C
    ) -> None:
        """Set the routine and its context (KeInitializeDpc); medium importance, no target processor."""
        self.type = IO_TYPE_DPC
        self.importance = MediumImportance
        self.number = 0
        self.dpc_data = None
        self.driver = current_driver()
        self.deferred_routine = cast(
            "DeferredRoutine", deferred_routine
        )  # None is legal as long as it never runs
        self.deferred_context = deferred_context

    def set_importance(self, importance: int) -> None:
        """Low, Medium, MediumHigh or HighImportance (KeSetImportanceDpc)."""
        self.importance = importance

    def set_target_processor(self, number: int) -> None:
        """The processor in whose queue it goes from the next insertion on (KeSetTargetProcessorDpc)."""
        if not 0 <= number < len(current.kernel.processors):
            reason = (
                f"the target processor of a DPC must be one of the {len(current.kernel.processors)} there are;"
                f" it was {number}"
            )
            bug_check(TIMER_OR_DPC_INVALID, INVALID_PROCESSOR, self, number, 0, reason=reason)
        self.number = MAXIMUM_PROCESSORS + number

    @contract(max_irql=HIGH_LEVEL)
    def insert_queue(self, argument1: object, argument2: object) -> bool:
        """Queue the DPC (KeInsertQueueDpc); returns False, and changes nothing, if it is queued already.

        Below DISPATCH_LEVEL, with the current processor as target and an importance above low, the routine has run
        when this returns.
        """
        if not self.queue(argument1, argument2):
            return False
        if current.processor.irql < DISPATCH_LEVEL:
            current.dispatcher.preempt()
        return True

    @contract(max_irql=HIGH_LEVEL)
    def remove_queue(self) -> bool:
        """Take the DPC out of its queue (KeRemoveQueueDpc); returns whether it was in one."""
        processor = self.dpc_data
        if processor is None:
            return False
        processor.dpcs.remove(self)
        self.dpc_data = None
        return True

    def queue(self, argument1: object, argument2: object) -> bool:
        """`insert_queue` without running anything; for those that are about to lower the level themselves."""
        if self.dpc_data is not None:
            return False
        here = current.processor
        processor = (
            here
            if self.number < MAXIMUM_PROCESSORS
            else here.kernel.processors[self.number - MAXIMUM_PROCESSORS]
        )
        self.dpc_data = processor
        self.system_argument1 = argument1
        self.system_argument2 = argument2
        dpcs = processor.dpcs
        importance = self.importance
        if importance == HighImportance:
            dpcs.appendleft(self)
        else:
            dpcs.append(self)
        if importance in _AT_ONCE[processor is here] or len(dpcs) > MAXIMUM_QUEUE_DEPTH:
            processor.dpc_requested = True
        hook = processor.hooks.dpc_queued
        if hook is not None:
            hook(self)
        return True


DeferredRoutine = Callable[[Dpc, object, object, object], object]
"""A driver's DPC routine; what it returns is of no interest."""


def drain(processor: Processor) -> None:
    """Run the DPCs of the current processor, whose level is below DISPATCH, until none is left."""
    old_irql = enter(processor, DISPATCH_LEVEL)
    hooks = processor.hooks
    dpcs = processor.dpcs
    while dpcs:
        dpc = processor.dpc = dpcs.popleft()
        dpc.dpc_data = None
        processor.clock.spent += processor.costs.dpc_dispatch
        if hooks.dpc_started is not None:
            hooks.dpc_started(dpc)
        call_driver(
            DPC,
            dpc.driver,
            dpc.deferred_routine,
            dpc,
            dpc.deferred_context,
            dpc.system_argument1,
            dpc.system_argument2,
        )
        if hooks.dpc_ended is not None:
            hooks.dpc_ended(dpc)
        processor.dpc = None
    processor.dpc_requested = False
    leave(processor, old_irql)
