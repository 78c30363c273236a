# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device queues, by row and against a naive model."""

from __future__ import annotations

import random
from collections.abc import Callable
from unittest.mock import ANY

import pytest
from hypothesis import given, strategies as st

from dirql.ke.kernel import Kernel
from dirql.ke.objects.device_queue import DeviceQueue, DeviceQueueEntry
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.nt.constants import DISPATCH_LEVEL, PASSIVE_LEVEL
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import bug_check


@pytest.fixture
def queue(kernel: Kernel) -> DeviceQueue:
    raise_irql(DISPATCH_LEVEL)
    made = DeviceQueue()
    made.initialize()
    return made


def entries(count: int) -> list[DeviceQueueEntry]:
    return [DeviceQueueEntry() for _ in range(count)]


@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.row("DQ-01", "DQ-04")
def test_DQ_01_the_first_entry_is_not_queued(queue: DeviceQueue, by_key: bool) -> None:
    assert (queue.type, queue.busy, queue.queued()) == (20, False, ())
    entry = DeviceQueueEntry()
    assert not (queue.insert_by_key(entry, 3) if by_key else queue.insert(entry))
    assert (queue.busy, entry.inserted, queue.queued()) == (True, False, ())


def test_DQ_02_a_busy_queue_is_first_in_first_out(queue: DeviceQueue) -> None:
    first, second, third = entries(3)
    second.sort_key = 77
    queue.insert(first)
    assert queue.insert(second)
    assert queue.insert(third)
    assert (second.inserted, second.sort_key) == (True, 77)
    assert [queue.remove(), queue.remove()] == [second, third]


def test_DQ_03_removing_from_the_head_until_idle(queue: DeviceQueue) -> None:
    first, second = entries(2)
    queue.insert(first)
    queue.insert(second)
    assert queue.remove() is second
    assert (second.inserted, queue.busy) == (False, True)
    assert queue.remove() is None
    assert not queue.busy


def test_removing_a_certain_entry_leaves_the_queue_busy(queue: DeviceQueue) -> None:
    first, second, third = entries(3)
    for entry in (first, second, third):
        queue.insert(entry)
    assert queue.remove_entry(second)
    assert not queue.remove_entry(second)
    assert not queue.remove_entry(first)
    assert queue.busy
    assert queue.remove() is third


def test_removing_by_key_starts_over_at_the_head(queue: DeviceQueue) -> None:
    queue.insert(DeviceQueueEntry())
    low, high = entries(2)
    queue.insert_by_key(high, 9)
    queue.insert_by_key(low, 1)
    assert queue.remove_by_key(5) is high
    assert queue.remove_by_key(5) is low
    assert queue.remove_by_key(5) is None
    assert not queue.busy


def test_removing_by_key_from_an_idle_queue_gives_nothing(queue: DeviceQueue) -> None:
    assert queue.remove_by_key_if_busy(1) is None
    queue.insert(DeviceQueueEntry())
    low, high = entries(2)
    queue.insert_by_key(low, 1)
    queue.insert_by_key(high, 5)
    assert queue.remove_by_key_if_busy(2) is high
    assert queue.remove_by_key_if_busy(2) is low
    assert queue.remove_by_key_if_busy(2) is None
    assert not queue.busy


def test_the_level_is_dispatch(queue: DeviceQueue) -> None:
    lower_irql(PASSIVE_LEVEL)
    with bug_check(0xC4, 0x20003, match="must be called at DISPATCH_LEVEL"):
        queue.insert(DeviceQueueEntry())


class NaiveQueue:
    """A device queue as the rows say it: a list that is searched from the front."""

    def __init__(self) -> None:
        self.busy = False
        self.list: list[tuple[int, int]] = []

    def insert(self, name: int, old_key: int, key: int | None) -> bool:
        if not self.busy:
            self.busy = True
            return False
        place = len(self.list)
        if key is not None:
            place = 0
            while place < len(self.list) and self.list[place][1] <= key:
                place += 1
        self.list.insert(place, (name, old_key if key is None else key))
        return True

    def remove(self) -> int | None:
        if not self.list:
            self.busy = False
            return None
        return self.list.pop(0)[0]

    def remove_by_key(self, key: int) -> int | None:
        places = [place for place, (_, of_entry) in enumerate(self.list) if of_entry >= key]
        return self.list.pop(places[0])[0] if places else self.remove()

    def remove_entry(self, name: int) -> bool:
        before = len(self.list)
        self.list = [item for item in self.list if item[0] != name]
        return len(self.list) < before


keys = st.integers(0, 4)
actions = st.one_of(
    st.tuples(st.just("insert"), st.none() | keys),
    st.tuples(st.just("remove"), st.just(0)),
    st.tuples(st.just("remove_by_key"), keys),
    st.tuples(st.just("remove_entry"), st.integers(0, 40)),
)


def play(queue: DeviceQueue, naive: NaiveQueue, script: list[tuple[str, int | None]]) -> None:
    made: list[DeviceQueueEntry] = []
    for what, argument in script:
        if what == "insert":
            # An entry that is inserted at the tail keeps its key, so that the keys of a queue need not be sorted.
            entry = DeviceQueueEntry()
            entry.sort_key = len(made) * 7 % 5
            made.append(entry)
            name = len(made) - 1
            expected_queued = naive.insert(name, entry.sort_key, argument)
            queued = queue.insert(entry) if argument is None else queue.insert_by_key(entry, argument)
            assert queued == expected_queued
        elif what == "remove":
            taken, expected = queue.remove(), naive.remove()
            assert taken is (None if expected is None else made[expected])
        elif what == "remove_by_key":
            taken, expected = queue.remove_by_key(argument or 0), naive.remove_by_key(argument or 0)
            assert taken is (None if expected is None else made[expected])
        elif made:
            name = (argument or 0) % len(made)
            assert queue.remove_entry(made[name]) == naive.remove_entry(name)
        assert queue.busy == naive.busy
        queued_now = queue.queued()
        assert queued_now == tuple(made[name] for name, _ in naive.list)
        assert {entry for entry in made if entry.inserted} == set(queued_now)


@pytest.mark.row("DQ-01", "DQ-02", "DQ-03", "DQ-04")
@given(st.lists(actions, max_size=60))
def test_DQ_04_it_behaves_as_the_naive_queue(script: list[tuple[str, int | None]]) -> None:
    machine = FakeMachine()
    kernel = Kernel(machine, machine)
    try:
        raise_irql(DISPATCH_LEVEL)
        queue = DeviceQueue()
        queue.initialize()
        play(queue, NaiveQueue(), script)
    finally:
        kernel.close()


def test_equal_keys_stay_in_order(queue: DeviceQueue, open_kernel: Callable[..., Kernel]) -> None:
    queue.insert(DeviceQueueEntry())
    made = entries(4)
    for entry, key in zip(made, [5, 3, 5, 3], strict=True):
        queue.insert_by_key(entry, key)
    assert [queue.remove() for _ in made] == [made[1], made[3], made[0], made[2]]


def test_a_long_queue_behaves_as_the_naive_queue(queue: DeviceQueue) -> None:
    # Long enough that the tree has three levels, and with more removals than insertions at the end.
    draw = random.Random(6)
    script: list[tuple[str, int | None]] = []
    for step in range(2500):
        kinds = ("insert", "insert", "insert", "remove", "remove_by_key", "remove_entry")
        what = draw.choice(kinds if step < 1800 else kinds[2:])
        key = draw.randrange(5) if draw.random() < 0.5 else None
        script.append((what, key if what == "insert" else draw.randrange(1800)))
    play(queue, NaiveQueue(), script)


@pytest.mark.parametrize("from_tail", [False, True])
def test_a_long_queue_is_emptied_from_either_end(queue: DeviceQueue, from_tail: bool) -> None:
    draw = random.Random(9)
    queue.insert(DeviceQueueEntry())
    made = entries(5000)
    for entry in made:
        queue.insert_by_key(entry, draw.randrange(1000))
    in_order = sorted(made, key=lambda entry: entry.sort_key)  # a stable sort: equal keys keep their order
    assert list(queue.queued()) == in_order
    cancelled = draw.sample(made, 2000)
    assert all(queue.remove_entry(entry) for entry in cancelled)
    left = [entry for entry in in_order if entry.inserted]
    if from_tail:
        while left:
            assert queue.remove_entry(left.pop())
            if len(left) % 100 == 0:
                assert list(queue.queued()) == left
    else:
        assert [queue.remove() for _ in left] == left
    assert (queue.remove(), queue.queued(), queue.busy) == (None, (), False)


@pytest.mark.parametrize("by_key", [False, True])
def test_an_entry_is_in_one_queue_once(queue: DeviceQueue, by_key: bool) -> None:
    queue.insert(DeviceQueueEntry())
    entry = DeviceQueueEntry()
    queue.insert(entry)
    message = "DeviceQueueEntry must be in no queue; .* is in one: remove it first"
    with bug_check(0x139, 3, ANY, 0, 0, match=message):
        queue.insert_by_key(entry, 3) if by_key else queue.insert(entry)
    assert entry.sort_key == 0


def test_an_entry_of_another_queue_is_not_removed(queue: DeviceQueue) -> None:
    other = DeviceQueue()
    other.initialize()
    other.insert(DeviceQueueEntry())
    entry = DeviceQueueEntry()
    other.insert(entry)
    with pytest.raises(ValueError, match="DeviceQueueEntry must be in this queue or in none"):
        queue.remove_entry(entry)
    assert other.remove() is entry


def test_a_queue_that_is_initialized_again_is_empty(queue: DeviceQueue) -> None:
    queue.insert(DeviceQueueEntry())
    made = entries(100)
    for entry in made:
        queue.insert(entry)
    queue.initialize()
    assert (queue.busy, queue.queued()) == (False, ())
    queue.insert(DeviceQueueEntry())
    assert queue.insert(made[50])
