# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interrupt objects: connecting ISRs to vectors, and what happens when a vector is fetched.

Level-sensitive vectors: the ISRs are called in the order in which they were connected until one returns TRUE; a line
that is still asserted after the end of interrupt interrupts again. Latched vectors with several ISRs: whole passes
until one in which all return FALSE, since an edge that comes while another is served may have been swallowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from dirql.ke import current
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import ISR, call_driver, current_driver
from dirql.ke.processors.irql import contract, enter, irql_name, leave, lower_irql
from dirql.ke.processors.spin_lock import SpinLock
from dirql.nt.bugcodes import (
    DDI_IRQL_IO_PASSIVE2,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    HARDWARE_INTERRUPT_STORM,
    IRQL_NOT_LESS_OR_EQUAL,
)
from dirql.nt.constants import DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL, SYNCH_LEVEL, Latched
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS

if TYPE_CHECKING:
    from dirql.ke.kernel import Kernel
    from dirql.ke.processors.processor import Processor

__all__ = ["SPURIOUS_VECTOR", "STORM_LIMIT", "Interrupt", "ServiceRoutine", "Vector", "dispatch"]

SPURIOUS_VECTOR = 0xFF
"""What the controller answers when nothing is pending any more."""

STORM_LIMIT = 1000
"""Interrupts, or passes over a latched vector's ISRs, without any progress of what they interrupt."""

C = TypeVar("C")
T = TypeVar("T")


class Vector:
    """What is connected to one vector."""

    __slots__ = ("interrupts", "number")

    def __init__(self, number: int) -> None:
        """Nothing yet."""
        self.number = number
        self.interrupts: tuple[Interrupt, ...] = ()
        """In the order in which they were connected; replaced, never changed, so that a scan goes on undisturbed."""

    @property
    def latched(self) -> bool:
        """Whether the objects are for a latched input; all agree."""
        return self.interrupts[0].mode == Latched


class Interrupt:
    """An interrupt object (KINTERRUPT). Its routine is called as `routine(interrupt, context) -> bool`."""

    __slots__ = (
        "dispatch_count",
        "driver",
        "irql",
        "mode",
        "processor_enable_mask",
        "service_context",
        "service_routine",
        "share_vector",
        "spin_lock",
        "synchronize_irql",
        "vector",
    )

    def __init__(
        self,
        service_routine: ServiceRoutine,
        service_context: object,
        spin_lock: SpinLock | None,
        vector: int,
        irql: int,
        synchronize_irql: int,
        mode: int,
        share_vector: bool,
        processor_enable_mask: int,
    ) -> None:
        """Not connected; use `connect`."""
        self.driver = current_driver()
        """The driver that connected it."""
        self.service_routine = service_routine
        self.service_context = service_context
        self.spin_lock = SpinLock() if spin_lock is None else spin_lock
        """The actual lock: the driver's, or a private one."""
        self.vector = vector
        self.irql = irql
        self.synchronize_irql = synchronize_irql
        self.mode = mode
        self.share_vector = share_vector
        self.processor_enable_mask = processor_enable_mask
        self.dispatch_count = 0
        """How often the routine was called."""

    def __repr__(self) -> str:
        """Its routine and vector."""
        return f"<interrupt {getattr(self.service_routine, '__qualname__', '?')}, vector {self.vector:#x}>"

    @staticmethod
    @contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE2)
    def connect(
        service_routine: Callable[[Interrupt, C], object],
        service_context: C,
        spin_lock: SpinLock | None,
        vector: int,
        irql: int,
        synchronize_irql: int,
        mode: int,
        share_vector: bool,
        processor_enable_mask: int,
        floating_save: bool = False,
    ) -> tuple[int, Interrupt | None]:
        """Connect an ISR to a vector (IoConnectInterrupt); returns a status and the object.

        The vector, its IRQL, the mode and the mask are those of the translated resources. STATUS_INVALID_PARAMETER if
        they do not fit each other, or what is connected to the vector already: sharing needs `share_vector` and the
        same mode in all. Interrupts of one IRQL need a processor that all their masks allow.
        """
        kernel = current.kernel
        interrupt = Interrupt(
            cast("ServiceRoutine", service_routine),
            service_context,
            spin_lock,
            vector,
            irql,
            synchronize_irql,
            mode,
            share_vector,
            processor_enable_mask & ((1 << len(kernel.processors)) - 1),
        )
        if floating_save or not interrupt.is_sound() or not interrupt.gets_along(kernel):
            return STATUS_INVALID_PARAMETER, None
        line = kernel.vectors[vector]
        if line is None:
            line = kernel.vectors[vector] = Vector(vector)
        line.interrupts = (*line.interrupts, interrupt)
        kernel.connected += 1
        kernel.note_affinity(irql)
        if len(line.interrupts) == 1:
            kernel.controller.enable(vector, mode == Latched)
        current.dispatcher.look()
        return STATUS_SUCCESS, interrupt

    @contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_IO_PASSIVE2)
    def disconnect(self) -> None:
        """Disconnect (IoDisconnectInterrupt): the routine does not run any more when this returns."""
        kernel = current.kernel
        line = kernel.vectors[self.vector]
        if line is None or self not in line.interrupts:
            raise ValueError(f"an interrupt object must be connected to be disconnected; {self!r} was not")
        line.interrupts = tuple(other for other in line.interrupts if other is not self)
        kernel.connected -= 1
        if not line.interrupts:
            kernel.vectors[self.vector] = None
            kernel.controller.disable(self.vector)
        kernel.note_affinity(self.irql)
        while any(self in processor.interrupts for processor in kernel.processors):
            current.dispatcher.give_way()

    def is_sound(self) -> bool:
        """Whether what it says of itself fits together."""
        return (
            0 < self.vector < SPURIOUS_VECTOR
            and self.irql == self.vector >> 4
            and DISPATCH_LEVEL < self.irql <= self.synchronize_irql <= SYNCH_LEVEL
            and self.processor_enable_mask != 0
        )

    def gets_along(self, kernel: Kernel) -> bool:
        """Whether it can be connected beside what is connected."""
        line = kernel.vectors[self.vector]
        if line is not None and not all(
            other.share_vector and self.share_vector and other.mode == self.mode for other in line.interrupts
        ):
            return False
        return bool(kernel.affinity[self.irql] & self.processor_enable_mask)

    def synchronize_execution(self, synchronize_routine: Callable[[C], T], context: C) -> T:
        """Call `routine(context)` as if it were the ISR, and return its value (KeSynchronizeExecution).

        It runs at `synchronize_irql` and with the interrupt's lock held.
        """
        old_irql = self.acquire_spin_lock()
        value = synchronize_routine(context)
        self.release_spin_lock(old_irql)
        return value

    def acquire_spin_lock(self) -> int:
        """Raise to `synchronize_irql`, take the lock, return the old level (KeAcquireInterruptSpinLock)."""
        processor = current.processor
        if processor.irql > self.synchronize_irql:
            self._refuse(processor)
        processor.charge()
        processor = current.processor
        old_irql = enter(processor, self.synchronize_irql)
        self.spin_lock.take(processor)
        return old_irql

    def release_spin_lock(self, old_irql: int) -> None:
        """Undo `acquire_spin_lock` (KeReleaseInterruptSpinLock)."""
        processor = current.processor
        processor.charge()
        self.spin_lock.drop(processor)
        lower_irql(old_irql)

    def _refuse(self, processor: Processor) -> None:
        if processor.irql > HIGH_LEVEL:
            processor.kernel.refuse()
        reason = (
            f"the lock of {self!r} must be taken at or below its SynchronizeIrql, {irql_name(self.synchronize_irql)};"
            f" the level was {irql_name(processor.irql)}"
        )
        bug_check(IRQL_NOT_LESS_OR_EQUAL, self, processor.irql, 0, "KeSynchronizeExecution", reason=reason)


ServiceRoutine = Callable[[Interrupt, object], object]
"""A driver's ISR; its value is taken as a BOOLEAN: whether the interrupt was its device's."""


def dispatch(processor: Processor, requested_irql: int) -> None:
    """Take the interrupt that is presented, which is above the level of the current processor."""
    old_irql = enter(processor, requested_irql)
    kernel = processor.kernel
    controller = kernel.controller
    vector = controller.acknowledge()
    line = kernel.vectors[vector]
    if line is None:
        kernel.spurious_interrupts += 1
        if vector != SPURIOUS_VECTOR:
            controller.end(vector)
        leave(processor, old_irql)
        return
    irql = vector >> 4
    if irql <= old_irql:
        # What was presented went away before the fetch, and what came instead must wait for the level to fall.
        controller.put_back(vector)
        leave(processor, old_irql)
        return
    hooks = processor.hooks
    costs = processor.costs
    if irql != requested_irql:
        enter(processor, irql)
    processor.clock.spent += costs.interrupt_entry
    if hooks.interrupt_entered is not None:
        hooks.interrupt_entered(processor, vector)
    interrupts = line.interrupts
    if len(interrupts) == 1:
        _call(processor, interrupts[0])
    else:
        _call_sharers(processor, line)
    controller.end(vector)
    processor.clock.spent += costs.interrupt_exit
    if hooks.interrupt_exited is not None:
        hooks.interrupt_exited(processor, vector)
    leave(processor, old_irql)


def _call_sharers(processor: Processor, line: Vector) -> None:
    """Call the ISRs that share a vector."""
    if line.latched:
        _call_until_quiet(processor, line)
        return
    for interrupt in line.interrupts:
        if _call(processor, interrupt):
            return


def _call_until_quiet(processor: Processor, line: Vector) -> None:
    """Whole passes over a latched vector's ISRs until one in which all return FALSE."""
    for _ in range(STORM_LIMIT):
        claimed = [_call(processor, interrupt) for interrupt in line.interrupts]
        if not any(claimed):
            return
    first = line.interrupts[0]
    reason = (
        f"the ISRs of a latched vector must at last all return FALSE; at vector {line.number:#x} one returned TRUE in"
        f" each of {STORM_LIMIT} passes"
    )
    bug_check(HARDWARE_INTERRUPT_STORM, first, first.service_context, STORM_LIMIT, line.number, reason=reason)


def _call(processor: Processor, interrupt: Interrupt) -> bool:
    """Call one ISR, at its SynchronizeIrql and with its lock held."""
    irql = interrupt.synchronize_irql
    old_irql = processor.irql
    if irql != old_irql:
        enter(processor, irql)
    lock = interrupt.spin_lock
    lock.take(processor)
    processor.interrupts.append(interrupt)
    interrupt.dispatch_count += 1
    hooks = processor.hooks
    if hooks.isr_entered is not None:
        hooks.isr_entered(interrupt)
    claimed = bool(
        call_driver(ISR, interrupt.driver, interrupt.service_routine, interrupt, interrupt.service_context)
    )
    if hooks.isr_exited is not None:
        hooks.isr_exited(interrupt, claimed)
    processor.interrupts.pop()
    lock.drop(processor)
    if processor.irql != old_irql:
        leave(processor, old_irql)
    return claimed
