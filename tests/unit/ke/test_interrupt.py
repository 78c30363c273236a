# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interrupt objects and the dispatch of interrupts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.ke.costs import Costs
from dirql.ke.current import current
from dirql.ke.kernel import Kernel
from dirql.ke.processors.interrupt import STORM_LIMIT, Interrupt
from dirql.ke.processors.irql import current_irql, lower_irql, raise_irql
from dirql.ke.processors.processor import Processor
from dirql.ke.processors.spin_lock import SpinLock
from dirql.ke.threads.schedule import RandomSchedule
from dirql.ke.threads.system_time import stall_execution_processor
from dirql.ke.threads.wait import flush_queued_dpcs, wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL, PASSIVE_LEVEL
from dirql.nt.status import STATUS_INVALID_PARAMETER
from fakes.clock_and_controller import FakeMachine, vector_of
from unit.ke.making import a_timer, at, bug_check, connect, dpc, thread, try_to_connect

preempt = lower_irql
"""A routine that is a point of preemption, because it lowers the IRQL to the current level."""


def test_INT_01_synchronize_execution(kernel: Kernel) -> None:
    lock = SpinLock()
    interrupt = connect(4, lambda: False, lock, synchronize_irql=9)
    seen: list[object] = []

    def routine(context: object) -> bool:
        seen.append((context, current_irql(), lock.value))
        return True

    with at(DISPATCH_LEVEL):
        assert interrupt.synchronize_execution(routine, "context") is True
        assert (current_irql(), lock.value) == (DISPATCH_LEVEL, 0)
    assert seen == [("context", 9, 1)]


def test_INT_01_the_caller_is_not_above_the_synchronize_irql(kernel: Kernel) -> None:
    interrupt = connect(4, lambda: False)
    raise_irql(6)
    with bug_check(0xA, interrupt, 6, match="at or below its SynchronizeIrql, DIRQL 5; the IRQL was DIRQL 6"):
        interrupt.synchronize_execution(lambda _: True, None)


def test_INT_11_a_disconnected_object_is_not_used(kernel: Kernel) -> None:
    interrupt = connect(4, lambda: False)
    interrupt.disconnect()
    with bug_check(0xD5, interrupt, match="must not be used after IoDisconnectInterrupt"):
        interrupt.synchronize_execution(lambda _: True, None)


@pytest.mark.parametrize("claims", [False, True])
def test_INT_05_an_isr_that_queues_a_dpc_claims_the_interrupt(
    machine: FakeMachine, kernel: Kernel, claims: bool
) -> None:
    found: list[tuple[str, str]] = []
    kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    deferred = dpc(lambda: None)

    def service() -> bool:
        machine.clear(4)
        deferred.insert_queue(None, None)
        return claims

    connect(4, service)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert [row for row, _ in found] == ([] if claims else ["INT-05"])


@pytest.mark.parametrize("processors", [2, 4])
def test_INT_05_what_others_queue_during_an_isr_is_not_its_own(
    machine: FakeMachine, open_kernel: Callable[..., Kernel], processors: int
) -> None:
    """KeFlushQueuedDpcs puts a DPC into the queue of each processor, and a timer may expire during an ISR."""
    kernel = open_kernel(processors, RandomSchedule(1))
    found: list[str] = []
    met: list[Processor] = []
    kernel.hooks.defect_found = lambda row, _: found.append(row)
    timer, expired = a_timer(), dpc(lambda: None)

    def service() -> bool:
        machine.clear(4)
        waiting = len(current.processor.dpcs.waiting)
        stall_execution_processor(10)
        if len(current.processor.dpcs.waiting) > waiting:
            met.append(current.processor)
        return False

    def interrupt_often() -> None:
        for _ in range(100):
            timer.set(-20, expired)
            machine.interrupt(4)
            stall_execution_processor(3)

    connect(4, service)
    worker = thread(interrupt_often)
    for _ in range(100):
        flush_queued_dpcs()
    wait_for_single_object(worker)
    assert len(set(met)) > 1
    assert found == []


@pytest.mark.parametrize("target", [0, 1])
def test_INT_05_a_dpc_for_another_processor_is_the_isrs_too(
    machine: FakeMachine, open_kernel: Callable[..., Kernel], target: int
) -> None:
    kernel = open_kernel(2)
    found: list[str] = []
    kernel.hooks.defect_found = lambda row, _: found.append(row)
    deferred = dpc(lambda: None)
    deferred.set_target_processor(target)

    def service() -> bool:
        machine.clear(4)
        deferred.insert_queue(None, None)
        return False

    connect(4, service)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert found == ["INT-05"]


def test_INT_02_an_isr_runs_at_the_synchronize_irql_with_the_lock(
    machine: FakeMachine, kernel: Kernel
) -> None:
    lock = SpinLock()
    seen: list[tuple[int, int]] = []

    def service() -> bool:
        machine.clear(4)
        seen.append((current_irql(), lock.value))
        return True

    connect(4, service, lock, synchronize_irql=8)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert seen == [(8, 1)]
    assert (current_irql(), lock.value) == (PASSIVE_LEVEL, 0)


@pytest.mark.parametrize(
    ("other", "synchronize_irql", "order"),
    [
        (10, 5, ["4 begins", "10", "4 ends"]),
        (2, 5, ["4 begins", "4 ends", "2"]),
        (6, 8, ["4 begins", "4 ends", "6"]),
    ],
)
def test_INT_02_only_a_higher_level_breaks_in(
    machine: FakeMachine, kernel: Kernel, other: int, synchronize_irql: int, order: list[str]
) -> None:
    seen: list[str] = []

    def service() -> bool:
        seen.append("4 begins")
        machine.clear(4)
        machine.interrupt(other)
        current.dispatcher.preempt()
        seen.append("4 ends")
        return True

    connect(4, service, synchronize_irql=synchronize_irql)
    connect(other, lambda: (machine.clear(other), seen.append(str(other)), True)[-1])
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert seen == order


def test_INT_03_the_system_supplies_a_lock_or_takes_the_drivers(kernel: Kernel) -> None:
    lock = SpinLock()
    mine, private, other = connect(4, bool, lock), connect(4, bool), connect(4, bool)
    assert mine.spin_lock is lock
    assert private.spin_lock is not other.spin_lock


def chain(machine: FakeMachine, claims: list[int], latched: bool = False) -> list[int]:
    """Connect ISRs, each of which claims the interrupt a given number of times.

    Returns a list of the calls in order.
    """
    called: list[int] = []

    def service(number: int) -> bool:
        called.append(number)
        claims[number] -= 1
        if not any(claim > 0 for claim in claims):
            machine.clear(4)
        return claims[number] >= 0

    for number in range(len(claims)):
        connect(4, partial(service, number), latched=latched)
    return called


def test_INT_05_a_level_scan_stops_at_the_first_that_claims(machine: FakeMachine, kernel: Kernel) -> None:
    called = chain(machine, [0, 1, 1])
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    # Both devices hold the line: after the EOI it is dispatched again, from the start.
    assert called == [0, 1, 0, 1, 2]
    assert machine.ended == [4, 4]


def test_INT_05_all_false_ends_after_one_pass(machine: FakeMachine, kernel: Kernel) -> None:
    called: list[int] = []

    def service(number: int) -> bool:
        called.append(number)
        machine.clear(4)
        return False

    for number in range(3):
        connect(4, partial(service, number))
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert called == [0, 1, 2]
    assert machine.ended == [4]


@pytest.mark.parametrize("claimed", [False, True])
def test_INT_05_a_line_that_nobody_clears_is_a_storm(
    machine: FakeMachine, kernel: Kernel, claimed: bool
) -> None:
    interrupt = connect(4, lambda: claimed)
    machine.interrupt(4)
    with bug_check(
        0xF2, interrupt.service_routine, None, interrupt, 1, match="clear the cause in the device"
    ):
        preempt(PASSIVE_LEVEL)
    assert interrupt.dispatch_count == STORM_LIMIT


@pytest.mark.parametrize(("stormy", "other"), [(4, 5), (5, 4), (4, 6), (6, 4)])
def test_a_storm_names_the_isr_of_its_own_vector(
    machine: FakeMachine, kernel: Kernel, stormy: int, other: int
) -> None:
    """Two vectors have one IRQL here, and a vector of another IRQL has an ISR too."""
    quiet = connect(other, lambda: True)
    interrupt = connect(stormy, lambda: True)
    machine.interrupt(stormy)
    with bug_check(0xF2, interrupt.service_routine, None, interrupt, 1, match="is still presented"):
        preempt(PASSIVE_LEVEL)
    assert (quiet.dispatch_count, interrupt.dispatch_count) == (0, STORM_LIMIT)


def test_PCI_5_3_latched_vectors_are_scanned_until_a_pass_is_quiet(
    machine: FakeMachine, kernel: Kernel
) -> None:
    called = chain(machine, [1, 0, 2], latched=True)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert called == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert machine.ended == [4]


def test_PCI_5_3_a_single_latched_isr_is_called_once(machine: FakeMachine, kernel: Kernel) -> None:
    called = chain(machine, [5], latched=True)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert called == [0]


def test_latched_isrs_that_never_fall_silent_are_a_storm(machine: FakeMachine, kernel: Kernel) -> None:
    first = connect(4, lambda: False, latched=True)
    connect(4, lambda: True, latched=True)
    machine.interrupt(4)
    with bug_check(0xF2, first.service_routine, None, first, 2, match="must at last all return FALSE"):
        preempt(PASSIVE_LEVEL)


@pytest.mark.parametrize(
    ("share", "latched"),
    [((True, False), (False, False)), ((False, True), (False, False)), ((True, True), (False, True))],
)
def test_INT_07_sharing_needs_consent_and_one_mode(
    machine: FakeMachine, kernel: Kernel, share: tuple[bool, bool], latched: tuple[bool, bool]
) -> None:
    called: list[int] = []
    connect(4, lambda: (called.append(1), machine.clear(4), True)[-1], share=share[0], latched=latched[0])
    status, interrupt = try_to_connect(4, lambda: called.append(2), share=share[1], latched=latched[1])
    assert (status, interrupt) == (STATUS_INVALID_PARAMETER, None)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert called == [1], "the earlier object keeps working"


def test_connecting_what_does_not_fit_together(kernel: Kernel) -> None:
    def service(_interrupt: Interrupt, _context: object) -> bool:
        return False

    def status(
        vector: int = 0x60, irql: int = 6, synchronize_irql: int = 6, mask: int = 1, save: bool = False
    ) -> int:
        return Interrupt.connect(service, None, None, vector, irql, synchronize_irql, 0, True, mask, save)[0]

    assert status() == 0
    assert status(synchronize_irql=12) == 0
    assert status(vector=0xFF, irql=15, synchronize_irql=15) == STATUS_INVALID_PARAMETER
    assert status(irql=5) == STATUS_INVALID_PARAMETER
    assert status(synchronize_irql=5) == STATUS_INVALID_PARAMETER
    assert status(synchronize_irql=13) == STATUS_INVALID_PARAMETER
    assert status(mask=0) == STATUS_INVALID_PARAMETER
    assert status(mask=2) == STATUS_INVALID_PARAMETER, "there is no processor 1"
    assert status(save=True) == STATUS_INVALID_PARAMETER


def test_INT_10_an_edge_during_its_isr_is_remembered_once(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []

    def service() -> bool:
        seen.append(len(seen))
        if len(seen) == 1:
            machine.interrupt(4)
            machine.interrupt(4)
            current.dispatcher.preempt()
            assert len(seen) == 1
        return True

    connect(4, service, latched=True)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert seen == [0, 1]


def test_INT_10_a_level_line_that_drops_before_dispatch(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[int] = []
    connect(4, lambda: seen.append(1))
    raise_irql(12)
    machine.interrupt(4)
    machine.clear(4)
    lower_irql(PASSIVE_LEVEL)
    assert (seen, kernel.interrupts.spurious_interrupts) == ([], 0)


def test_a_spurious_vector_is_counted_and_not_ended(
    machine: FakeMachine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    connect(4, lambda: seen.append(1))
    machine.interrupt(4)
    real = machine.acknowledge

    def drop() -> int:
        machine.clear(4)
        return real()

    monkeypatch.setattr(machine, "acknowledge", drop)
    preempt(PASSIVE_LEVEL)
    assert (seen, kernel.interrupts.spurious_interrupts, machine.ended) == ([], 1, [])
    assert current_irql() == PASSIVE_LEVEL


def test_a_higher_interrupt_may_come_before_the_vector_is_fetched(
    machine: FakeMachine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[int, int]] = []
    for line in (4, 10):
        connect(line, partial(machine.clear, line))
    kernel.hooks.interrupt_entered = lambda processor, vector: order.append((vector, processor.irql))
    real = machine.acknowledge

    def overtake() -> int:
        monkeypatch.undo()
        machine.interrupt(10)
        return real()

    monkeypatch.setattr(machine, "acknowledge", overtake)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert order == [(0x80, 8), (0x50, 5)]


def test_a_vector_without_an_object_is_counted_and_ended(machine: FakeMachine, kernel: Kernel) -> None:
    machine.enable(vector_of(4), True)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert (kernel.interrupts.spurious_interrupts, machine.ended) == (1, [4])


def test_INT_11_the_others_of_a_chain_stay_connected(machine: FakeMachine, kernel: Kernel) -> None:
    called: list[int] = []

    def service(number: int) -> bool:
        called.append(number)
        machine.clear(4)
        return True

    first, second = connect(4, partial(service, 0)), connect(4, partial(service, 1))
    first.disconnect()
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert called == [1]
    second.disconnect()
    assert machine.enabled == 0
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert called == [1]
    with pytest.raises(ValueError, match="must be connected to be disconnected"):
        second.disconnect()


def test_INT_11_disconnecting_waits_for_an_isr_on_another_processor(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    open_kernel(processors=2)
    ended: list[int] = []

    def service() -> bool:
        machine.clear(4)
        for _ in range(20):
            current.dispatcher.preempt()
        ended.append(current.processor.number)
        return True

    interrupt = connect(4, service, mask=0b10)
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    assert ended == []
    interrupt.disconnect()
    assert ended == [1]


@pytest.mark.parametrize("latched", [False, True])
def test_INT_13_the_mode_reaches_the_controller(machine: FakeMachine, kernel: Kernel, latched: bool) -> None:
    connect(4, bool, latched=latched)
    assert (machine.enabled, machine.latched) == (1 << 4, 1 << 4 if latched else 0)


def test_INT_14_the_interrupt_spin_lock(machine: FakeMachine, kernel: Kernel) -> None:
    called: list[int] = []
    interrupt = connect(4, lambda: (called.append(1), machine.clear(4)), synchronize_irql=7)
    with at(DISPATCH_LEVEL):
        old_irql = interrupt.acquire_spin_lock()
        assert (old_irql, current_irql(), interrupt.spin_lock.value) == (DISPATCH_LEVEL, 7, 1)
        machine.interrupt(4)
        current.dispatcher.preempt()
        assert called == [], "the lock keeps the ISR out"
        interrupt.release_spin_lock(old_irql)
        assert (current_irql(), interrupt.spin_lock.value) == (DISPATCH_LEVEL, 0)
        assert called == [1]


@pytest.mark.parametrize("irql", [DISPATCH_LEVEL, 9])
def test_INT_14_the_interrupt_spin_lock_is_released_at_its_level(kernel: Kernel, irql: int) -> None:
    interrupt = connect(4, lambda: False, synchronize_irql=7)
    old_irql = interrupt.acquire_spin_lock()
    change = lower_irql if irql < current_irql() else raise_irql
    change(irql)
    with bug_check(0xA, interrupt, irql, match="must be released at its SynchronizeIrql, DIRQL 7"):
        interrupt.release_spin_lock(old_irql)


@pytest.mark.row("IRQL-06")
def test_IRQL_06_an_isr_returns_at_its_level(machine: FakeMachine, kernel: Kernel) -> None:
    interrupt = connect(4, lambda: raise_irql(8))
    machine.interrupt(4)
    with bug_check(
        0xC4,
        0x111,
        interrupt.service_routine,
        5,
        8,
        match="must return at DIRQL 5, .*; it returned at DIRQL 8",
    ):
        preempt(PASSIVE_LEVEL)


def test_an_exception_that_an_isr_lets_escape(machine: FakeMachine, kernel: Kernel) -> None:
    def service() -> bool:
        raise KeyError("x")

    connect(4, service)
    machine.interrupt(4)
    with bug_check(0x1E, match="the ISR .* must handle its exceptions, and let KeyError escape"):
        preempt(PASSIVE_LEVEL)


def test_connecting_above_passive(kernel: Kernel) -> None:
    interrupt = connect(4, bool)
    raise_irql(DISPATCH_LEVEL)
    with bug_check(0xC4, 0x2000B, match="must be called at PASSIVE_LEVEL"):
        connect(6, bool)
    with pytest.raises(BugCheck):
        interrupt.disconnect()


def test_an_interrupt_costs_its_entry_and_exit(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    open_kernel(costs=Costs(interrupt_entry=100, interrupt_exit=50, kernel_call=0))
    at_isr: list[int] = []
    connect(4, lambda: (at_isr.append(machine.now()), machine.clear(4)))
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    acknowledged = machine.acknowledged[0][0]
    assert at_isr == [acknowledged + 100]
    assert machine.now() == acknowledged + 100 + 8 + 50


def test_interrupts_of_the_hooks(machine: FakeMachine, kernel: Kernel) -> None:
    seen: list[object] = []
    hooks = kernel.hooks
    hooks.interrupt_entered = lambda processor, vector: seen.append(("in", processor.number, vector))
    hooks.interrupt_exited = lambda processor, vector: seen.append(("out", processor.number, vector))
    hooks.isr_entered = lambda _: seen.append("isr")
    hooks.isr_exited = lambda _, claimed: seen.append(claimed)
    hooks.dpc_queued = lambda _: seen.append("queued")
    hooks.dpc_started = lambda _: seen.append("started")
    hooks.dpc_ended = lambda _: seen.append("ended")
    hooks.irql_changed = lambda _, irql: seen.append(irql)
    made = dpc(lambda: seen.append("dpc"))
    connect(4, lambda: (machine.clear(4), made.insert_queue(None, None))[-1])
    machine.interrupt(4)
    preempt(PASSIVE_LEVEL)
    isr = ["isr", "queued", True]
    assert seen == [0, 5, ("in", 0, 0x50), *isr, ("out", 0, 0x50), 0, 2, "started", "dpc", "ended", 0]


@pytest.mark.row("INT-02")
@pytest.mark.parametrize("latched", [False, True])
def test_a_lower_vector_that_is_fetched_in_place_of_a_higher_waits(
    machine: FakeMachine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, latched: bool
) -> None:
    """Input 6 goes away between its request and the fetch, which then gives input 2 while the level is above it."""
    levels: list[int] = []

    def service() -> bool:
        machine.clear(2)
        levels.append(current_irql())
        return True

    connect(2, service, latched=latched)
    connect(6, lambda: False)
    fetch = machine.acknowledge

    def acknowledge() -> int:
        machine.clear(6)
        return fetch()

    monkeypatch.setattr(machine, "acknowledge", acknowledge)
    old_irql = raise_irql(vector_of(2) >> 4)
    machine.interrupt(2)
    machine.interrupt(6)
    preempt(current_irql())
    assert levels == []
    lower_irql(old_irql)
    assert levels == [vector_of(2) >> 4]


@pytest.mark.parametrize("latched", [False, True])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("verified", [False, True])
def test_an_isr_on_a_shared_line_is_called_once_as_soon_as_it_is_connected(
    kernel: Kernel, verified: bool, share: bool, latched: bool
) -> None:
    kernel.verifier.spurious_interrupts = True
    kernel.verifier.default = 0 if verified else None
    seen: list[int] = []
    interrupt = connect(4, lambda: seen.append(current_irql()), share=share, latched=latched)
    assert seen == ([interrupt.irql] if verified and share else [])
    assert current_irql() == PASSIVE_LEVEL
    assert interrupt.spin_lock.owner is None


def test_other_machines_make_no_spurious_calls(kernel: Kernel) -> None:
    seen: list[int] = []
    connect(4, lambda: seen.append(1))
    assert seen == []
