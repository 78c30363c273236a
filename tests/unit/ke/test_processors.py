# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Several processors, and schedules, which choose the processor and the thread that go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from dirql.ke.current import current, get_current_processor_number
from dirql.ke.kernel import Kernel
from dirql.ke.processors.irql import current_irql, lower_irql, raise_irql
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.schedule import DELAYS, Choice, RandomSchedule, Replay, RoundRobin, Schedule
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import delay_execution_thread, wait_for_single_object
from dirql.nt.constants import DISPATCH_LEVEL, HighImportance, MediumImportance
from dirql.nt.status import STATUS_INVALID_PARAMETER
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import at, connect, dpc, synchronization, thread, try_to_connect


def story(open_kernel: Callable[..., Kernel], schedule: Schedule, processors: int) -> list[str]:
    """Three threads and some interrupts on the machine; returns what happened in which order."""
    kernel = open_kernel(processors=processors, schedule=schedule)
    machine = kernel.clock
    assert isinstance(machine, FakeMachine)
    told: list[str] = []
    event = synchronization()
    made = dpc(lambda: (told.append(f"dpc on {get_current_processor_number()}"), event.set()))

    def service() -> bool:
        machine.clear(4)
        made.insert_queue(None, None)
        return True

    def work(name: str) -> None:
        for step in range(6):
            told.append(f"{name}{step} on {get_current_processor_number()}")
            machine.access(20)
            current.dispatcher.preempt()
            event.clear()

    connect(4, service)
    machine.interrupt_at(150, 4)
    machine.interrupt_at(350, 4)
    for worker in [thread(partial(work, n)) for n in "abc"]:
        wait_for_single_object(worker)
    told.append(f"ends at {machine.now()}")
    kernel.close()
    return told


@pytest.mark.parametrize("processors", [1, 2, 3])
@pytest.mark.parametrize("make", [RoundRobin, lambda: RandomSchedule(5)])
def test_the_same_schedule_makes_the_same_run(
    processors: int, make: Callable[[], Schedule], open_kernel: Callable[..., Kernel], machine: FakeMachine
) -> None:
    first_schedule = make()
    first = story(open_kernel, first_schedule, processors)
    machine.reset()
    second_schedule = make()
    assert story(open_kernel, second_schedule, processors) == first
    assert second_schedule.record == first_schedule.record


@pytest.mark.parametrize("processors", [1, 2])
def test_other_seeds_make_other_runs_and_a_replay_the_same(
    processors: int, open_kernel: Callable[..., Kernel], machine: FakeMachine
) -> None:
    runs = []
    for seed in range(4):
        machine.reset()
        schedule = RandomSchedule(seed)
        runs.append(tuple(story(open_kernel, schedule, processors)))
        machine.reset()
        assert tuple(story(open_kernel, Replay(schedule), processors)) == runs[-1]
    assert len(set(runs)) > 1


def test_threads_of_one_priority_run_in_order_unless_shuffled(
    open_kernel: Callable[..., Kernel], machine: FakeMachine
) -> None:
    told = story(open_kernel, RoundRobin(), 1)
    steps = [line[:2] for line in told if line[0] in "abc"]
    assert steps == [f"{name}{step}" for name in "abc" for step in range(6)]


def test_a_replay_of_another_run_says_so() -> None:
    schedule = RoundRobin()
    for _ in range(3):
        schedule.choose(Choice.PROCESSOR, "abc")
    replay = Replay(schedule)
    assert replay.choose(Choice.PROCESSOR, "abc") == 1
    with pytest.raises(
        RuntimeError, match="1 was PROCESSOR number 1, and now it is PROCESSOR with 1 candidates"
    ):
        replay.choose(Choice.PROCESSOR, "a")
    with pytest.raises(RuntimeError, match="now it is OTHER_PROCESSOR with 3 candidates"):
        replay.choose(Choice.OTHER_PROCESSOR, "abc")
    replay.choose(Choice.PROCESSOR, "abc")
    replay.choose(Choice.PROCESSOR, "abc")
    with pytest.raises(RuntimeError, match="after 3 decisions"):
        replay.choose(Choice.PROCESSOR, "abc")


class Witness(Schedule):
    """Decides as round robin does, and keeps what it was asked."""

    def __init__(self, shuffles: bool) -> None:
        super().__init__()
        self.seen: list[tuple[Choice, tuple[object, ...]]] = []
        self._shuffles = shuffles

    @property
    def shuffles(self) -> bool:
        return self._shuffles

    def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
        self.seen.append((choice, tuple(candidates)))
        return 1 % len(candidates) if choice is Choice.PROCESSOR else 0


def test_a_schedule_sees_the_processors_it_chooses_among(open_kernel: Callable[..., Kernel]) -> None:
    schedule = Witness(shuffles=False)
    kernel = open_kernel(processors=4, schedule=schedule)
    for worker in [thread(lambda: [current.dispatcher.preempt() for _ in range(9)]) for _ in range(4)]:
        wait_for_single_object(worker)
    kinds = {choice for choice, _ in schedule.seen}
    assert kinds == {Choice.PROCESSOR, Choice.OTHER_PROCESSOR}
    for choice, candidates in schedule.seen:
        numbers = [candidate.number for candidate in candidates if isinstance(candidate, Processor)]
        assert len(numbers) == len(candidates) == len(set(numbers))
        first = numbers[0] if choice is Choice.PROCESSOR else numbers[0] - 1
        assert numbers == sorted(numbers, key=lambda number: (number - first) % 4), (
            "in the order of their turns"
        )
    assert {number for _, some in schedule.seen for number in some} == set(kernel.processors)


def test_a_schedule_sees_the_threads_it_chooses_among(open_kernel: Callable[..., Kernel]) -> None:
    schedule = Witness(shuffles=True)
    open_kernel(schedule=schedule)
    workers = [thread(lambda: [current.dispatcher.preempt() for _ in range(9)]) for _ in range(3)]
    for worker in workers:
        wait_for_single_object(worker)
    chosen = [
        (choice, some) for choice, some in schedule.seen if choice in {Choice.THREAD, Choice.NEXT_THREAD}
    ]
    assert {choice for choice, _ in chosen} == {Choice.THREAD, Choice.NEXT_THREAD}
    for choice, candidates in chosen:
        assert len(candidates) > 1
        assert len(set(candidates)) == len(candidates)
        assert all(isinstance(candidate, Thread) for candidate in candidates), choice
    assert any(set(workers) <= set(some) for _, some in chosen)
    delays = [some for choice, some in schedule.seen if choice is Choice.DELAY]
    assert delays
    assert set(delays) == {DELAYS}


def test_the_chosen_thread_goes_on(open_kernel: Callable[..., Kernel]) -> None:
    told: list[tuple[str, object]] = []

    class Youngest(Schedule):
        @property
        def shuffles(self) -> bool:
            return True

        def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
            if choice is not Choice.THREAD:
                return 0
            told.append(("chosen", candidates[-1]))
            return len(candidates) - 1

    kernel = open_kernel(schedule=Youngest())
    kernel.hooks.thread_switched = lambda _, to: told.append(("switched", to))
    for worker in [thread(lambda: [current.dispatcher.preempt() for _ in range(9)]) for _ in range(3)]:
        wait_for_single_object(worker)
    following = [
        (told[place][1], told[place + 1]) for place, (what, _) in enumerate(told) if what == "chosen"
    ]
    assert len(following) > 10
    assert all(after == ("switched", chosen) for chosen, after in following)


def test_processors_that_wait_for_another_let_each_in_turn(open_kernel: Callable[..., Kernel]) -> None:
    """Round robin gives each processor its turns, although one of them only waits for a lock."""
    open_kernel(processors=3)
    turns: list[int] = []
    done: list[int] = []

    def work() -> None:
        for _ in range(50):
            current.dispatcher.preempt()
            turns.append(get_current_processor_number())
        done.append(1)

    workers = [thread(work) for _ in range(2)]
    while len(done) < 2:
        current.dispatcher.give_way()
    for worker in workers:
        wait_for_single_object(worker)
    half = turns[: len(turns) // 2]
    counts = [half.count(number) for number in set(half)]
    assert len(counts) == 2
    assert max(counts) <= 2 * min(counts)


def test_threads_run_on_all_processors(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=3)
    seen: set[int] = set()

    def work() -> None:
        for _ in range(10):
            current.dispatcher.preempt()
            seen.add(get_current_processor_number())

    for worker in [thread(work) for _ in range(3)]:
        wait_for_single_object(worker)
    assert seen == {0, 1, 2}


def test_each_processor_has_its_own_level(open_kernel: Callable[..., Kernel]) -> None:
    kernel = open_kernel(processors=2)
    levels: list[tuple[int, ...]] = []

    def work() -> None:
        for _ in range(20):
            current.dispatcher.preempt()
            levels.append(tuple(processor.irql for processor in kernel.processors))

    worker = thread(work)
    with at(DISPATCH_LEVEL):
        for _ in range(10):
            current.dispatcher.preempt()
    wait_for_single_object(worker)
    assert (DISPATCH_LEVEL, 0) in levels


@pytest.mark.parametrize("importance", [MediumImportance, HighImportance])
def test_a_dpc_runs_on_its_target_processor(open_kernel: Callable[..., Kernel], importance: int) -> None:
    open_kernel(processors=2)
    seen: list[tuple[int, int]] = []
    made = dpc(lambda: seen.append((get_current_processor_number(), current_irql())))
    made.set_target_processor(1)
    made.set_importance(importance)
    assert made.insert_queue(None, None)
    delay_execution_thread(0, False, -100)
    assert seen == [(1, DISPATCH_LEVEL)]


@pytest.mark.parametrize("mask", [0b01, 0b10])
def test_an_interrupt_goes_where_its_mask_allows(
    machine: FakeMachine, open_kernel: Callable[..., Kernel], mask: int
) -> None:
    open_kernel(processors=2)
    seen: list[int] = []
    connect(4, lambda: (machine.clear(4), seen.append(get_current_processor_number())), mask=mask)
    for _ in range(3):
        machine.interrupt(4)
        for _ in range(5):
            current.dispatcher.preempt()
    assert seen == [mask >> 1] * 3


def test_an_interrupt_goes_to_a_processor_whose_level_is_lower(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    open_kernel(processors=2)
    seen: list[int] = []
    connect(4, lambda: (machine.clear(4), seen.append(get_current_processor_number())))
    here = get_current_processor_number()
    old_irql = raise_irql(12)
    machine.interrupt(4)
    current.dispatcher.preempt()
    for _ in range(5):
        current.dispatcher.preempt()
    assert seen == [1 - here]
    lower_irql(old_irql)


def test_an_interrupt_waits_while_all_levels_are_too_high(
    machine: FakeMachine, open_kernel: Callable[..., Kernel]
) -> None:
    open_kernel(processors=2)
    seen: list[int] = []
    raised: list[int] = []
    connect(4, lambda: (machine.clear(4), seen.append(get_current_processor_number())))

    def work() -> None:
        raise_irql(12)
        raised.append(get_current_processor_number())
        while raised:
            current.dispatcher.preempt()
        lower_irql(0)

    worker = thread(work)
    while not raised:
        current.dispatcher.preempt()
    with at(12):
        machine.interrupt(4)
        for _ in range(5):
            current.dispatcher.preempt()
        assert seen == []
        other = raised.pop()
        while not seen:
            current.dispatcher.preempt()
    assert seen == [other]
    wait_for_single_object(worker)


def test_interrupts_of_a_level_need_a_processor_in_common(open_kernel: Callable[..., Kernel]) -> None:
    open_kernel(processors=2)
    connect(4, bool, mask=0b01)
    assert try_to_connect(5, bool, mask=0b10)[0] == STATUS_INVALID_PARAMETER
    assert try_to_connect(6, bool, mask=0b10)[0] == 0


def test_how_many_processors_there_can_be(machine: FakeMachine) -> None:
    with pytest.raises(ValueError, match=r"must have 1 … 64 processors; it was asked for 65"):
        Kernel(machine, machine, processors=65)
