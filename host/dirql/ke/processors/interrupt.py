# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interrupt objects: connecting ISRs to vectors, and calling them when a vector is fetched.

Level-sensitive vectors: the ISRs are called in the order in which they were connected until one returns TRUE; a line
that is still asserted after the end of interrupt interrupts again. Latched vectors with several ISRs: whole passes
until one in which all return FALSE, because an edge that comes while another is served may have been swallowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, TypeVar, cast

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import ISR, call_synchronized, call_with_two, current_driver, describe
from dirql.ke.hooks import Hooks
from dirql.ke.origin import origin, origin_of_routine
from dirql.ke.platform import InterruptController
from dirql.ke.processors.connection import (
    SPURIOUS_VECTOR,
    find_wrong_mask,
    find_wrong_neighbour,
    find_wrong_value,
    report_foreign,
)
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter, irql_name, restore_irql
from dirql.ke.processors.processor import STOPPED_IRQL, Processor
from dirql.ke.processors.spin_lock import SpinLock, free_spin_lock
from dirql.ke.refusals import note_refusal
from dirql.ke.running import Running
from dirql.nt.bugcodes import (
    DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL,
    HARDWARE_INTERRUPT_STORM,
    IRQL_NOT_LESS_OR_EQUAL,
)
from dirql.nt.constants import HIGH_LEVEL, Latched
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS

__all__ = [
    "SPURIOUS_VECTOR",
    "STORM_LIMIT",
    "Interrupt",
    "InterruptTable",
    "ServiceRoutine",
    "Vector",
    "dispatch",
    "interrupt_table",
    "refuse_storm",
]

_CONNECT: Final = contract("IoConnectInterrupt")
_DISCONNECT: Final = contract("IoDisconnectInterrupt")
_SYNCHRONIZE_EXECUTION: Final = contract("KeSynchronizeExecution")
_ACQUIRE_INTERRUPT_SPIN_LOCK: Final = contract("KeAcquireInterruptSpinLock")
_RELEASE_INTERRUPT_SPIN_LOCK: Final = contract("KeReleaseInterruptSpinLock")

STORM_LIMIT: Final = 1000
"""The number of interrupts in a row, or of passes over the ISRs of a latched vector, that is an interrupt storm."""

C = TypeVar("C")
T = TypeVar("T")


class Vector:
    """The interrupt objects that are connected to one vector."""

    __slots__ = ("interrupts", "number")

    def __init__(self, number: int) -> None:
        """A vector without objects."""
        self.number = number
        self.interrupts: tuple[Interrupt, ...] = ()
        """The objects in the order in which they were connected.

        A change makes a new tuple, so that a scan is not disturbed.
        """

    @property
    def latched(self) -> bool:
        """Whether the input is latched; all objects of a vector have the same mode."""
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
        """Make an object that is not connected; `connect` does both."""
        self.driver = current_driver()
        """The driver that connected the object."""
        self.service_routine = service_routine
        self.service_context = service_context
        self.spin_lock = free_spin_lock() if spin_lock is None else spin_lock
        """The lock that the ISR runs under: the driver's, or a lock of the object's own."""
        self.vector = vector
        self.irql = irql
        self.synchronize_irql = synchronize_irql
        self.mode = mode
        self.share_vector = share_vector
        self.processor_enable_mask = processor_enable_mask
        self.dispatch_count = 0
        """The number of calls of the routine."""

    def __repr__(self) -> str:
        return f"<interrupt {describe(self.service_routine)}, vector {self.vector:#x}>"

    @staticmethod
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
        """Connect an ISR to a vector; return a status and the interrupt object. Follows IoConnectInterrupt.

        The vector, the IRQL, the mode and the mask are those of the translated resources. The status is
        STATUS_INVALID_PARAMETER if they do not agree with each other, or with the objects that are connected already:
        sharing a vector needs `share_vector` and the same mode in all objects, and interrupts of one IRQL need a
        processor that all their masks allow.
        """
        _CONNECT.check_with(service_routine, spin_lock)
        _CONNECT.check_arguments(
            service_routine,
            service_context,
            spin_lock,
            vector,
            irql,
            synchronize_irql,
            mode,
            share_vector,
            processor_enable_mask,
            floating_save,
        )
        if current.kernel.paged_code:
            _check_paging(service_routine)
        if spin_lock is not None and spin_lock.is_blank():
            spin_lock.begin_use()
        table = interrupt_table.value
        interrupt = Interrupt(
            cast("ServiceRoutine", service_routine),
            service_context,
            spin_lock,
            vector,
            irql,
            synchronize_irql,
            mode,
            share_vector,
            processor_enable_mask & table.all_processors,
        )
        wrong = find_wrong_value(
            vector, irql, synchronize_irql, interrupt.processor_enable_mask, floating_save
        ) or table.connect(interrupt)
        if wrong:
            note_refusal(STATUS_INVALID_PARAMETER, f"IoConnectInterrupt: {wrong}")
            return STATUS_INVALID_PARAMETER, None
        if table.assigned is not None:
            report_foreign(vector, mode, table.assigned())
        verifier = current.kernel.verifier
        if share_vector and verifier.spurious_interrupts and verifier.is_verified(interrupt.driver):
            interrupt.call_as_shared()
        current.dispatcher.look()
        return STATUS_SUCCESS, interrupt

    def call_as_shared(self) -> None:
        """Call the ISR as for an interrupt of another device on the same line; see `Verifier.spurious_interrupts`."""
        processor = current.processor
        if processor.irql < self.irql and self.processor_enable_mask & processor.mask:
            old_irql = enter(processor, self.irql)
            _call(processor, Hooks(), self)  # the hooks of the kernel see calls for a fetched vector alone
            enter(processor, old_irql)

    def disconnect(self) -> None:
        """Disconnect the ISR, which does not run any more when this returns; follows IoDisconnectInterrupt.

        Raises `ValueError` if the object is not connected.
        """
        _DISCONNECT.check(self)
        interrupt_table.value.remove(self)
        while any(self in processor.isrs for processor in current.kernel.processors):
            current.dispatcher.give_way()
        self.synchronize_irql = _DISCONNECTED

    def synchronize_execution(self, synchronize_routine: Callable[[C], bool], synchronize_context: C) -> bool:
        """Call `routine(context)` as if it were the ISR, and return the value; follows KeSynchronizeExecution.

        The routine runs at `synchronize_irql` with the lock of the interrupt held, and returns a BOOLEAN.
        """
        if type(self) is not Interrupt or not callable(synchronize_routine):
            _SYNCHRONIZE_EXECUTION.check_arguments(self, synchronize_routine, synchronize_context)
        # `acquire_spin_lock` and `release_spin_lock` are written out: the calls, and their checks of types, would take
        # 0.15 µs, a seventh of "synchronized" in bench/ke_paths.py.
        irql = self.synchronize_irql
        if current.processor.irql > irql:
            self._refuse_level("taken at or below")
        kernel = current.kernel
        clock = kernel.clock
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()
        processor = current.processor
        old_irql = enter(processor, irql)
        self.spin_lock.take(processor)
        value = call_synchronized(processor, synchronize_routine, synchronize_context)
        if processor.irql != irql:
            self._refuse_level("released at")
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()
        self.spin_lock.drop(processor)
        restore_irql(old_irql)
        return value

    def acquire_spin_lock(self) -> int:
        """Raise to `synchronize_irql`, take the lock, return the old IRQL; follows KeAcquireInterruptSpinLock."""
        if type(self) is not Interrupt:
            _ACQUIRE_INTERRUPT_SPIN_LOCK.check_arguments(self)
        if current.processor.irql > self.synchronize_irql:
            self._refuse_level("taken at or below")
        kernel = current.kernel
        clock = kernel.clock
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()
        processor = current.processor
        old_irql = enter(processor, self.synchronize_irql)
        self.spin_lock.take(processor)
        return old_irql

    def release_spin_lock(self, old_irql: int) -> None:
        """Undo `acquire_spin_lock`, which returned `old_irql`; follows KeReleaseInterruptSpinLock."""
        if type(self) is not Interrupt or type(old_irql) is not int:
            _RELEASE_INTERRUPT_SPIN_LOCK.check_arguments(self, old_irql)
        if current.processor.irql != self.synchronize_irql:
            self._refuse_level("released at")
        kernel = current.kernel
        clock = kernel.clock
        spent = clock.spent = clock.spent + kernel.call_clocks
        if spent >= clock.horizon or kernel.is_eager:
            current.dispatcher.pass_spent()
        self.spin_lock.drop(current.processor)
        restore_irql(old_irql)

    def _refuse_level(self, rule: str) -> None:
        irql = current.processor.irql
        if irql == STOPPED_IRQL:
            current.kernel.refuse()
        if self.synchronize_irql == _DISCONNECTED:
            reason = (
                f"an interrupt object must not be used after IoDisconnectInterrupt, which frees it; {self!r} was: stop"
                " the DPCs, timers and requests that use it first"
            )
            bug_check(DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL, self, 0, origin(), 0, reason=reason)
        reason = (
            f"the lock of {self!r} must be {rule} its SynchronizeIrql, {irql_name(self.synchronize_irql)};"
            f" the IRQL was {irql_name(irql)}"
        )
        bug_check(IRQL_NOT_LESS_OR_EQUAL, self, irql, 0, "KeSynchronizeExecution", reason=reason)


_DISCONNECTED: Final = -1
"""The SynchronizeIrql of an object that was disconnected."""

ServiceRoutine = Callable[[Interrupt, object], bool]
"""A driver's ISR. It returns whether the driver's device had interrupted."""


class InterruptTable:
    """The vectors of the machine and the interrupt objects that are connected to them."""

    __slots__ = (
        "affinity",
        "all_processors",
        "assigned",
        "connected",
        "controller",
        "spurious_interrupts",
        "vectors",
    )

    def __init__(self, controller: InterruptController, processors: int) -> None:
        """Make a table without objects; `processors` is the number of processors of the machine."""
        self.controller = controller
        self.all_processors = (1 << processors) - 1
        """The affinity mask of all processors."""
        self.vectors: list[Vector | None] = [None] * 256
        """The vectors by number; None where no object is connected."""
        self.connected = 0
        """The number of connected interrupt objects."""
        self.spurious_interrupts = 0
        self.assigned: Callable[[], list[tuple[int, bool]]] | None = None
        """The vectors that Plug and Play has assigned to devices, and whether each is latched; None without it."""
        self.affinity = [self.all_processors] * (HIGH_LEVEL + 1)
        """By IRQL, the mask of the processors that all interrupts of that IRQL allow."""

    def connect(self, interrupt: Interrupt) -> str:
        """Connect the object, and return ""; if that cannot be, return the reason."""
        wrong = self._find_conflict(interrupt)
        if not wrong:
            try:
                self.add(interrupt)
            except ValueError as error:  # the controller has no such vector
                wrong = f"Vector: {error}"
        return wrong

    def _find_conflict(self, interrupt: Interrupt) -> str:
        """Say why the object cannot be connected beside those that are connected; "" if it can."""
        line = self.vectors[interrupt.vector]
        others = () if line is None else line.interrupts
        return find_wrong_neighbour(
            interrupt.share_vector,
            interrupt.mode,
            [(other, other.share_vector, other.mode) for other in others],
        ) or find_wrong_mask(interrupt.irql, interrupt.processor_enable_mask, self.affinity[interrupt.irql])

    def add(self, interrupt: Interrupt) -> None:
        """Connect the object, and enable the input of the vector if the object is the first one."""
        line = self.vectors[interrupt.vector]
        if line is None:
            self.controller.enable(interrupt.vector, interrupt.mode == Latched)
            line = self.vectors[interrupt.vector] = Vector(interrupt.vector)
        line.interrupts = (*line.interrupts, interrupt)
        self.connected += 1
        self._note_affinity(interrupt.irql)

    def remove(self, interrupt: Interrupt) -> None:
        """Disconnect the object, and disable the input of the vector if it was the last one."""
        line = self.vectors[interrupt.vector]
        if line is None or interrupt not in line.interrupts:
            raise ValueError(
                f"IoDisconnectInterrupt: an object must be connected to be disconnected; {interrupt!r} was not"
            )
        line.interrupts = tuple(other for other in line.interrupts if other is not interrupt)
        self.connected -= 1
        if not line.interrupts:
            self.vectors[interrupt.vector] = None
            self.controller.disable(interrupt.vector)
        self._note_affinity(interrupt.irql)

    def connected_interrupts(self) -> list[Interrupt]:
        """The connected objects, by vector and then in the order in which they were connected."""
        return [interrupt for line in self.vectors if line is not None for interrupt in line.interrupts]

    def _note_affinity(self, irql: int) -> None:
        """Compute the affinity of an IRQL anew, because the objects of that IRQL have changed."""
        allowed = self.all_processors
        for line in self.vectors[irql << 4 : (irql + 1) << 4]:
            for interrupt in line.interrupts if line is not None else ():
                allowed &= interrupt.processor_enable_mask
        self.affinity[irql] = allowed


interrupt_table: Final = Running[InterruptTable]("interrupt routines")


def dispatch(processor: Processor, requested_irql: int) -> None:
    """Take the interrupt that is presented; its IRQL must be above that of the current processor."""
    kernel = current.kernel
    clock, costs, hooks = kernel.clock, kernel.costs, kernel.hooks
    table = interrupt_table.value
    controller = table.controller
    old_irql = enter(processor, requested_irql)
    vector = controller.acknowledge()
    irql = vector >> 4
    line = table.vectors[vector]
    if line is None or irql <= old_irql:
        _give_back(table, vector)
        enter(processor, old_irql)
        return
    if irql != requested_irql:
        enter(processor, irql)
    clock.spent += costs.interrupt_entry
    if hooks.interrupt_entered is not None:
        hooks.interrupt_entered(processor, vector)
    interrupts = line.interrupts
    if len(interrupts) == 1:
        _call(processor, hooks, interrupts[0])
    elif line.latched:
        _call_until_quiet(processor, hooks, line)
    else:
        any(_call(processor, hooks, interrupt) for interrupt in interrupts)  # until one returns TRUE
    controller.end(vector)
    clock.spent += costs.interrupt_exit
    if hooks.interrupt_exited is not None:
        hooks.interrupt_exited(processor, vector)
    enter(processor, old_irql)


def _give_back(table: InterruptTable, vector: int) -> None:
    """End the interrupt of a vector that was fetched and cannot be served now."""
    if table.vectors[vector] is not None:
        # The presented interrupt went away before the fetch; another was fetched, which has to wait for a lower IRQL.
        table.controller.put_back(vector)
        return
    table.spurious_interrupts += 1
    if vector != SPURIOUS_VECTOR:
        table.controller.end(vector)


def _call_until_quiet(processor: Processor, hooks: Hooks, line: Vector) -> None:
    """Make whole passes over the ISRs of a latched vector until one in which all return FALSE."""
    for _ in range(STORM_LIMIT):
        claimed = [_call(processor, hooks, interrupt) for interrupt in line.interrupts]
        if not any(claimed):
            return
    reason = (
        f"the ISRs of a latched vector must at last all return FALSE; at vector {line.number:#x} one returned TRUE in"
        f" each of {STORM_LIMIT} passes: return TRUE only while a cause of the device is set,"
    )
    refuse_storm(line, reason)


def refuse_storm(line: Vector, reason: str) -> NoReturn:
    """Bug check 0xF2 with the first ISR of the vector, its context and object, and 2 if there are more, else 1."""
    first = line.interrupts[0]
    names = " and ".join(
        f"in {origin_of_routine(each.service_routine) or describe(each.service_routine)} of {each.driver!r}"
        for each in line.interrupts
    )
    is_chained = 1 + (len(line.interrupts) > 1)
    bug_check(
        HARDWARE_INTERRUPT_STORM,
        first.service_routine,
        first.service_context,
        first,
        is_chained,
        reason=f"{reason} {names}",
    )


def _report_unclaimed(interrupt: Interrupt) -> None:
    """Report an ISR that has queued a DPC, and says that its device has not interrupted (row INT-05)."""
    what = (
        f"an ISR must return TRUE if its device has interrupted; {describe(interrupt.service_routine)} queued a DPC"
        " and returned FALSE: on a shared line the other ISRs are then called in vain"
    )
    report_defect("INT-05", what)


def _check_paging(service_routine: object) -> None:
    """Report an ISR of a driver that MmPageEntireDriver has made pageable (row IRQL-13)."""
    place = origin_of_routine(service_routine)
    if place is not None and place.file in current.kernel.paged_code:
        report_defect(
            "IRQL-13",
            f"a driver must not be pageable as a whole when it connects an interrupt; {place} was, by"
            " MmPageEntireDriver: call MmResetDriverPaging before",
        )


def _call(processor: Processor, hooks: Hooks, interrupt: Interrupt) -> bool:
    """Call one ISR at its SynchronizeIrql with its lock held; return the value as a bool."""
    irql = interrupt.synchronize_irql
    old_irql = processor.irql
    if irql != old_irql:
        enter(processor, irql)
    lock = interrupt.spin_lock
    # `SpinLock.take` and `drop` are written out for the usual case: the calls would take 0.08 µs, 5 % of "interrupts
    # dispatched" in bench/ke_paths.py.
    if lock.owner is None and hooks.lock_taken is None:
        lock.owner = processor
        lock.below = processor.lock
        processor.lock = lock
    else:
        lock.take(processor)
    processor.isrs.append(interrupt)
    interrupt.dispatch_count += 1
    queued_before = processor.has_queued
    processor.has_queued = False
    if hooks.isr_entered is not None:
        hooks.isr_entered(interrupt)
    claimed = call_with_two(
        ISR, interrupt.driver, interrupt.service_routine, interrupt, interrupt.service_context
    )
    if not claimed and processor.has_queued:
        _report_unclaimed(interrupt)
    processor.has_queued = queued_before
    if hooks.isr_exited is not None:
        hooks.isr_exited(interrupt, claimed)
    processor.isrs.pop()
    if processor.lock is lock and hooks.lock_dropped is None:
        lock.owner = None
        processor.lock = lock.below
    else:
        lock.drop(processor)
    if processor.irql != old_irql:
        enter(processor, old_irql)
    return claimed
