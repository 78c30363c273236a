# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Device queues, by row and against a naive model."""

from __future__ import annotations

from collections.abc import Callable

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


def test_the_level_is_dispatch(queue: DeviceQueue) -> None:
    lower_irql(PASSIVE_LEVEL)
    with bug_check(0x9, queue, 0, match="must be called at DISPATCH_LEVEL"):
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

    def remove_entry(self, name: int) -> bool:
        before = len(self.list)
        self.list = [item for item in self.list if item[0] != name]
        return len(self.list) < before


keys = st.integers(0, 4)
actions = st.one_of(
    st.tuples(st.just("insert"), st.none() | keys),
    st.tuples(st.just("remove"), st.just(0)),
    st.tuples(st.just("remove_entry"), st.integers(0, 40)),
)


def play(queue: DeviceQueue, naive: NaiveQueue, script: list[tuple[str, int | None]]) -> None:
    # A queue that was filled by key stays sorted: FIFO insertions carry the key of the largest.
    made: list[DeviceQueueEntry] = []
    for what, argument in script:
        if what == "insert":
            entry = DeviceQueueEntry()
            entry.sort_key = 4
            made.append(entry)
            name = len(made) - 1
            queued = queue.insert(entry) if argument is None else queue.insert_by_key(entry, argument)
            assert queued == naive.insert(name, 4, argument)
        elif what == "remove":
            taken, expected = queue.remove(), naive.remove()
            assert taken is (None if expected is None else made[expected])
        elif made:
            name = (argument or 0) % len(made)
            assert queue.remove_entry(made[name]) == naive.remove_entry(name)
        assert queue.busy == naive.busy
        assert [made.index(entry) for entry in queue.queued()] == [name for name, _ in naive.list]
        assert [entry.inserted for entry in made] == [entry in queue.queued() for entry in made]


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
