# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The affinity of threads: where they run, in which order, and how long."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from dirql.ke.current import current, get_current_processor_number as here
from dirql.ke.kernel import Kernel
from dirql.ke.processors.dpc import Dpc
from dirql.ke.processors.irql import current_irql
from dirql.ke.threads.affinity import (
    GroupAffinity,
    revert_to_user_affinity_thread,
    revert_to_user_affinity_thread_ex,
    revert_to_user_group_affinity_thread,
    set_system_affinity_thread,
    set_system_affinity_thread_ex,
    set_system_group_affinity_thread,
)
from dirql.ke.threads.schedule import RandomSchedule, Replay, Schedule
from dirql.ke.threads.system_thread import set_priority_thread
from dirql.ke.threads.wait import delay_execution_thread, wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL, HIGH_LEVEL
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import at, bug_check, dpc, synchronization, thread

pytestmark = pytest.mark.row("AFF-01")

Opener = Callable[..., Kernel]


def places(count: int) -> set[int]:
    """The processors on which the current thread finds itself at some points of preemption."""
    seen = set()
    for _ in range(count):
        current.dispatcher.preempt()
        seen.add(here())
    return seen


def crowd(count: int) -> Callable[[], None]:
    """Start threads that keep processors busy until the result is called."""
    going = [True]

    def work() -> None:
        while going:
            current.dispatcher.poll()

    for _ in range(count):
        thread(work)
    return going.clear


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("others", [0, 6])
def test_AFF_01_a_thread_goes_where_it_is_bound_at_once(
    number: int, others: int, open_kernel: Opener
) -> None:
    open_kernel(processors=4)
    end = crowd(others)
    places(9)
    set_system_affinity_thread(1 << number)
    assert here() == number
    assert places(60) == {number}
    delay_execution_thread(0, False, -50)
    assert here() == number
    end()


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_AFF_01_no_thread_ever_runs_outside_its_affinity(seed: int, open_kernel: Opener) -> None:
    kernel = open_kernel(processors=5, schedule=RandomSchedule(seed))
    kernel.hooks.thread_switched = lambda processor, to: allowed.append(
        bool(to.ready_queue.affinity & processor.mask)
    )
    allowed: list[bool] = []
    chance = random.Random(seed)
    masks = [chance.randrange(1, 32) for _ in range(12)]
    event = synchronization()

    def work(mask: int) -> None:
        set_system_affinity_thread(mask)
        for step in range(12):
            assert 1 << here() & mask
            assert not places(3) - {n for n in range(5) if mask >> n & 1}
            if step % 4 == 1:
                event.set()
                wait_for_single_object(event, timeout=-20)
            if step == 8:
                set_priority_thread(current.processor.current_thread, 7 + mask % 3)

    workers = [thread(partial(work, mask)) for mask in masks]
    for worker in workers:
        wait_for_single_object(worker)
    assert len(allowed) > 50
    assert all(allowed)


def story(open_kernel: Opener, schedule: Schedule) -> list[str]:
    kernel = open_kernel(processors=3, schedule=schedule)
    told: list[str] = []
    masks = {"a": 1, "b": 2, "c": 2, "d": 6, "e": 4, "f": 7}

    def work(name: str, mask: int) -> None:
        set_system_affinity_thread(mask)
        for step in range(5):
            told.append(f"{name}{step} on {here()}")
            current.dispatcher.poll()

    for worker in [thread(partial(work, name, mask)) for name, mask in masks.items()]:
        wait_for_single_object(worker)
    kernel.close()
    return told


def test_AFF_01_seeds_are_repeatable_and_replayed(open_kernel: Opener, machine: FakeMachine) -> None:
    runs = []
    for seed in range(4):
        machine.reset()
        schedule = RandomSchedule(seed)
        runs.append(tuple(story(open_kernel, schedule)))
        for again in (RandomSchedule(seed), Replay(schedule)):
            machine.reset()
            assert tuple(story(open_kernel, again)) == runs[-1]
    assert len(set(runs)) > 1


def test_AFF_01_among_equals_the_oldest_goes_first_whatever_its_affinity(open_kernel: Opener) -> None:
    open_kernel(processors=2)
    set_system_affinity_thread(1)
    order: list[str] = []
    gates = [synchronization() for _ in range(4)]

    def work(name: str, mask: int, number: int) -> None:
        set_system_affinity_thread(mask)
        wait_for_single_object(gates[number])
        order.append(name)

    # All may run on processor 0 alone, or are kept from processor 1 by a thread of high priority there.
    for number, (name, mask) in enumerate([("any", 3), ("bound", 1), ("any too", 3), ("bound too", 1)]):
        thread(partial(work, name, mask, number))
    delay_execution_thread(0, False, -100)
    going = [True]

    def guard() -> None:
        set_system_affinity_thread(2)
        while going:
            current.dispatcher.poll()

    thread(guard, 20)
    places(20)
    for number in (2, 1, 0, 3):
        gates[number].set()
    for _ in range(5):
        current.dispatcher.poll()
    assert order == ["any too", "bound", "any", "bound too"]
    going.clear()


def test_AFF_01_a_bound_thread_of_higher_priority_preempts_on_its_processor_alone(
    open_kernel: Opener,
) -> None:
    open_kernel(processors=2)
    gate, told = synchronization(), []

    def urgent() -> None:
        set_system_affinity_thread(2)
        wait_for_single_object(gate)
        told.append(here())

    def busy() -> None:
        while going:
            current.dispatcher.preempt()

    going = [True]
    thread(urgent, 12)
    set_system_affinity_thread(1)
    thread(busy)
    places(30)
    gate.set()
    places(6)
    assert told == [1]
    going.clear()


def test_AFF_01_at_dispatch_level_the_change_comes_when_the_irql_falls(open_kernel: Opener) -> None:
    open_kernel(processors=2)
    set_system_affinity_thread(1)
    with at(DISPATCH_LEVEL):
        set_system_affinity_thread(2)
        assert places(5) == {0}
    assert here() == 1
    assert current_irql() == 0
    made = dpc(lambda: set_system_affinity_thread(1))
    made.insert_queue(None, None)
    assert here() == 0


def test_AFF_01_the_values_that_are_returned_lead_back(open_kernel: Opener) -> None:
    open_kernel(processors=3)
    first = set_system_affinity_thread_ex(1)
    second = set_system_affinity_thread_ex(4)
    assert (first, second, here()) == (0, 1, 2)
    revert_to_user_affinity_thread_ex(second)
    assert places(20) == {0}
    revert_to_user_affinity_thread_ex(first)
    assert set_system_affinity_thread_ex(2) == 0
    revert_to_user_affinity_thread()
    end = crowd(3)
    seen = set()
    for _ in range(50):
        current.dispatcher.poll()
        seen.add(here())
    assert len(seen) > 1
    end()


def test_AFF_01_groups(open_kernel: Opener) -> None:
    open_kernel(processors=2)
    before = set_system_group_affinity_thread(GroupAffinity(mask=2))
    assert (before.mask, before.group, here()) == (0, 0, 1)
    again = set_system_group_affinity_thread(GroupAffinity(mask=1))
    assert (again.mask, here()) == (2, 0)
    assert set_system_group_affinity_thread(GroupAffinity(mask=2, group=1)).mask == 0
    revert_to_user_group_affinity_thread(GroupAffinity(mask=2, group=1))
    assert here() == 0
    revert_to_user_group_affinity_thread(again)
    assert here() == 1
    revert_to_user_group_affinity_thread(before)
    assert set_system_affinity_thread_ex(1) == 0


@pytest.mark.parametrize("mask", [0, 4, 5, 1 << 63])
def test_AFF_01_a_mask_without_sense_changes_nothing(mask: int, open_kernel: Opener) -> None:
    open_kernel(processors=2)
    set_system_affinity_thread(2)
    set_system_affinity_thread(mask)
    assert set_system_affinity_thread_ex(mask) == 0
    assert places(10) == {1}
    if mask:
        revert_to_user_affinity_thread_ex(mask)
        assert set_system_affinity_thread_ex(2) == 2


def test_AFF_01_a_revert_needs_a_binding_before(open_kernel: Opener) -> None:
    open_kernel(processors=2)
    revert_to_user_affinity_thread()
    revert_to_user_affinity_thread_ex(2)
    assert set_system_affinity_thread_ex(1) == 0


def test_AFF_01_one_processor_is_enough(kernel: Kernel) -> None:
    before = kernel.clock.spent
    set_system_affinity_thread(1)
    assert set_system_affinity_thread_ex(1) == 1
    revert_to_user_affinity_thread()
    assert here() == 0
    assert kernel.clock.spent - before == 3 * kernel.costs.kernel_call


def test_AFF_01_above_dispatch_level_a_bug_check(kernel: Kernel) -> None:
    del kernel
    with bug_check(0xA), at(HIGH_LEVEL):
        set_system_affinity_thread(1)


@pytest.mark.row("DPC-11")
def test_DPC_11_a_threaded_dpc_runs_on_its_processor(open_kernel: Opener) -> None:
    open_kernel(processors=3)
    seen = []
    made = []
    end = crowd(4)
    for number in (2, 0, 1):
        each = Dpc()
        each.initialize_threaded(lambda *_: seen.append(here()), None)
        each.set_target_processor(number)
        made.append(each)
    for each in made:
        each.insert_queue(None, None)
    delay_execution_thread(0, False, -100)
    assert sorted(seen) == [0, 1, 2]
    for each, number in zip(made, (2, 0, 1), strict=True):
        seen.clear()
        each.insert_queue(None, None)
        delay_execution_thread(0, False, -100)
        assert seen == [number]
    end()
