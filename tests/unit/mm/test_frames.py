# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from dirql.ke.bugcheck import BugCheck
from dirql.mm.frames import FrameDatabase
from dirql.nt.bugcodes import PFN_LIST_CORRUPT
from dirql.nt.constants import PAGE_SIZE

COUNT = 64


def database(seed: int = 0) -> FrameDatabase:
    return FrameDatabase(memoryview(bytearray(b"\xee" * COUNT * PAGE_SIZE)), seed)


def test_frames_are_zeroed_and_owned() -> None:
    contents = memoryview(bytearray(b"\xee" * COUNT * PAGE_SIZE))
    frames = FrameDatabase(contents, 0)
    for frame in frames.allocate(3, "someone") or []:
        assert contents[frame * PAGE_SIZE : (frame + 1) * PAGE_SIZE] == bytes(PAGE_SIZE)
        assert frames.owner(frame) == "someone"
    assert frames.statistics().held == {"someone": 3, "reserved": 1}
    assert frames.statistics().free == COUNT - 4


def test_the_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    assert database(1).allocate(20, "a") == database(1).allocate(20, "a")
    assert database(1).allocate(20, "a") != database(2).allocate(20, "a")


def test_scattered_frames_come_in_runs() -> None:
    frames = database().allocate(32, "a")
    assert frames is not None
    neighbours = sum(second == first + 1 for first, second in pairwise(frames))
    assert 0 < neighbours < 31


def test_all_frames_can_be_had_but_the_one_at_address_zero() -> None:
    frames = database()
    assert sorted(frames.allocate(COUNT - 1, "a") or []) == list(range(1, COUNT))
    assert frames.allocate(1, "a") is None
    assert frames.allocate_contiguous(1, "a") is None


def test_the_last_frames_leave_the_order_of_the_others_alone() -> None:
    frames = database()
    held = frames.allocate(1, "a")
    assert frames.allocate_last(3, "b") == [COUNT - 3, COUNT - 2, COUNT - 1]
    assert frames.allocate_last(1, "b") == [COUNT - 4]
    frames.free([COUNT - 2])
    assert frames.allocate_last(2, "b") == [COUNT - 5, COUNT - 2]
    assert frames.owner(COUNT - 5) == "b"
    assert frames.allocate_last(COUNT, "b") is None
    alone = database()
    assert (held, alone.allocate(1, "a")) == (held, held)
    assert frames.allocate(4, "a") == alone.allocate(4, "a")


def test_contiguous_frames_end_below_the_limit() -> None:
    frames = database()
    assert frames.allocate_contiguous(4, "a", limit=5 * PAGE_SIZE) == 1
    assert frames.allocate_contiguous(1, "a", limit=5 * PAGE_SIZE) is None
    assert frames.allocate_contiguous(1, "a", limit=6 * PAGE_SIZE) == 5


def test_a_locked_frame_that_is_freed_comes_back_with_its_last_lock() -> None:
    frames = database()
    taken = frames.allocate(1, "a")
    assert taken is not None
    frames.lock(taken)
    frames.lock(taken)
    frames.free(taken)
    assert frames.statistics().held == {"orphaned": 1, "reserved": 1}
    frames.unlock(taken)
    assert frames.statistics().free == COUNT - 2
    frames.unlock(taken)
    assert frames.statistics().free == COUNT - 1


@pytest.mark.parametrize("what", ["free", "unlock"])
def test_once_too_often_is_a_bug_check(what: str) -> None:
    frames = database()
    with pytest.raises(BugCheck, match=r"frame 0x7 must be (allocated|locked)") as caught:
        getattr(frames, what)([7])
    assert caught.value.code == PFN_LIST_CORRUPT


@pytest.mark.parametrize("size", [0, PAGE_SIZE - 1])
def test_memory_must_be_whole_frames(size: int) -> None:
    with pytest.raises(ValueError, match=f"one or more frames of 4096 bytes; it was {size} bytes"):
        FrameDatabase(memoryview(bytearray(size)), 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=40), st.integers(0, 3))
def test_no_frame_is_handed_out_twice(steps: list[tuple[bool, int]], seed: int) -> None:
    frames = database(seed)
    held: list[list[int]] = []
    for contiguous, count in steps:
        if contiguous:
            first = frames.allocate_contiguous(count, "a")
            got = None if first is None else list(range(first, first + count))
        else:
            got = frames.allocate(count, "a")
        if got is None:
            if held:
                frames.free(held.pop(0))
        else:
            held.append(got)
        everything = [frame for block in held for frame in block]
        assert len(everything) == len(set(everything))
        assert 0 not in everything
        assert frames.statistics().free == COUNT - 1 - len(everything)
