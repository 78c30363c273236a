# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bitmaps, against a list of bits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from dirql import wdm
from unit.rtl.conftest import Memory

ROOM = 16
"""The bytes of the buffer; four more lie behind it."""
NONE: int = 0xFFFF_FFFF


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    opened = Memory()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def buffer(memory: Memory) -> int:
    return memory.block(bytes(ROOM + 4))


def bitmap_of(buffer: int, bits: list[int]) -> wdm.RTL_BITMAP:
    """A bitmap of these bits; all bits behind them are set, and the bytes behind the buffer too."""
    number = sum(bit << place for place, bit in enumerate(bits)) | -1 << len(bits)
    wdm.RtlWriteMemory(buffer, (number % (1 << 8 * (ROOM + 4))).to_bytes(ROOM + 4, "little"))
    bitmap = wdm.RTL_BITMAP()
    wdm.RtlInitializeBitMap(bitmap, buffer, len(bits))
    return bitmap


def bits_in(buffer: int) -> list[int]:
    number = int.from_bytes(wdm.RtlReadMemory(buffer, ROOM + 4), "little")
    return [number >> place & 1 for place in range(8 * (ROOM + 4))]


def runs_in(bits: list[int], wanted: int = 0) -> list[tuple[int, int]]:
    """The place and the length of each run of bits with a value."""
    runs: list[tuple[int, int]] = []
    for place, bit in enumerate(bits):
        if bit != wanted:
            continue
        if runs and sum(runs[-1]) == place:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((place, 1))
    return runs


def from_number(size: int, *numbers: int) -> list[int]:
    """Bits that are set where each number has one; the more numbers, the fewer."""
    return [int(all(number >> place & 1 for number in numbers)) for place in range(size)]


SIZES = st.integers(1, 8 * ROOM)
NUMBERS = st.integers(0, (1 << 8 * ROOM) - 1)
BITS = st.builds(from_number, SIZES, NUMBERS)
SPARSE = st.builds(from_number, SIZES, NUMBERS, NUMBERS, NUMBERS)
FULL = SPARSE.map(lambda bits: [1 - bit for bit in bits])


@settings(deadline=None)
@given(bits=BITS, data=st.data())
def test_bits_are_changed_and_no_others(buffer: int, bits: list[int], data: st.DataObject) -> None:
    bitmap = bitmap_of(buffer, bits)
    start = data.draw(st.integers(0, len(bits) - 1))
    count = data.draw(st.integers(0, len(bits) - start))
    step = data.draw(st.sampled_from(["set", "clear", "set one", "clear one"]))
    expected = bits_in(buffer)
    if step == "set":
        wdm.RtlSetBits(bitmap, start, count)
        expected[start : start + count] = [1] * count
    elif step == "clear":
        wdm.RtlClearBits(bitmap, start, count)
        expected[start : start + count] = [0] * count
    elif step == "set one":
        wdm.RtlSetBit(bitmap, start)
        expected[start] = 1
    else:
        wdm.RtlClearBit(bitmap, start)
        expected[start] = 0
    assert bits_in(buffer) == expected


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64])
def test_all_bits_are_those_of_whole_ulongs(buffer: int, size: int) -> None:
    whole = (size + 31) // 32 * 32
    bitmap = bitmap_of(buffer, [0] * size)
    wdm.RtlClearAllBits(bitmap)
    assert bits_in(buffer) == [0] * whole + [1] * (8 * (ROOM + 4) - whole)
    wdm.RtlWriteMemory(buffer, bytes(ROOM + 4))
    wdm.RtlSetAllBits(bitmap)
    assert bits_in(buffer) == [1] * whole + [0] * (8 * (ROOM + 4) - whole)


@settings(deadline=None)
@given(bits=BITS, data=st.data())
def test_bits_are_asked_for(buffer: int, bits: list[int], data: st.DataObject) -> None:
    bitmap = bitmap_of(buffer, bits)
    start = data.draw(st.integers(0, len(bits) + 3))
    count = data.draw(st.integers(0, len(bits) + 3))
    part = bits[start : start + count] if start + count <= len(bits) else []
    assert wdm.RtlAreBitsSet(bitmap, start, count) is (bool(part) and all(part))
    assert wdm.RtlAreBitsClear(bitmap, start, count) is (bool(part) and not any(part))
    assert wdm.RtlNumberOfSetBits(bitmap) == sum(bits)
    assert wdm.RtlNumberOfClearBits(bitmap) == len(bits) - sum(bits)
    for place, bit in enumerate(bits):
        assert wdm.RtlTestBit(bitmap, place) is bool(bit)
        assert wdm.RtlCheckBit(bitmap, place) == bit


def model_find(bits: list[int], count: int, hint: int, wanted: int) -> int:
    """The first run that is long enough from the hint on, which may begin inside a run; else from the start."""
    size = len(bits)
    if count > size:
        return NONE
    hint = 0 if hint >= size else hint
    if not count:
        return hint // 8 * 8
    start: int
    for start in (*range(hint, size), *range(hint)):
        if start + count <= size and bits[start : start + count] == [wanted] * count:
            return start
    return NONE


@settings(deadline=None)
@given(bits=st.one_of(BITS, SPARSE, FULL), count=st.integers(0, 12), data=st.data())
def test_bits_in_a_row_are_found(buffer: int, bits: list[int], count: int, data: st.DataObject) -> None:
    hint = data.draw(st.integers(0, len(bits) + 2))
    bitmap = bitmap_of(buffer, bits)
    before = bits_in(buffer)
    clear, found_set = model_find(bits, count, hint, 0), model_find(bits, count, hint, 1)
    assert wdm.RtlFindClearBits(bitmap, count, hint) == clear
    assert wdm.RtlFindSetBits(bitmap, count, hint) == found_set
    assert bits_in(buffer) == before
    assert wdm.RtlFindClearBitsAndSet(bitmap, count, hint) == clear
    if clear != NONE:
        before[clear : clear + count] = [1] * count
    assert bits_in(buffer) == before
    found_set = model_find(before[: len(bits)], count, hint, 1)
    assert wdm.RtlFindSetBitsAndClear(bitmap, count, hint) == found_set
    if found_set != NONE:
        before[found_set : found_set + count] = [0] * count
    assert bits_in(buffer) == before


@settings(deadline=None)
@given(bits=st.one_of(BITS, SPARSE, FULL), number=st.integers(0, 9), data=st.data())
def test_runs_of_clear_bits_are_found(buffer: int, bits: list[int], number: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(bits) + 2))
    bitmap = bitmap_of(buffer, bits)
    runs = runs_in(bits)
    first = runs[0] if runs else (len(bits), 0)
    assert wdm.RtlFindFirstRunClear(bitmap) == (first[1], first[0])
    longest = max(runs, key=lambda run: run[1], default=(0, 0))
    assert wdm.RtlFindLongestRunClear(bitmap) == (longest[1], longest[0])
    rest = runs_in([1] * place + bits[place:])
    following = rest[0] if rest else (max(place, len(bits)), 0)
    assert wdm.RtlFindNextForwardRunClear(bitmap, place) == (following[1], following[0])
    before = runs_in(bits[: place + 1])
    length, start = wdm.RtlFindLastBackwardRunClear(bitmap, place)
    assert (start, length) == before[-1] if before else length == 0
    count, found = wdm.RtlFindClearRuns(bitmap, number, False)
    assert [(run.starting_index, run.number_of_bits) for run in found] == runs[:number]
    count, found = wdm.RtlFindClearRuns(bitmap, number, True)
    assert count == len(found) == min(number, len(runs))
    lengths = [run.number_of_bits for run in found]
    assert lengths == sorted((length for _, length in runs), reverse=True)[:number]
    assert {(run.starting_index, run.number_of_bits) for run in found} <= set(runs)


def test_a_bitmap_without_bits(buffer: int) -> None:
    bitmap = bitmap_of(buffer, [])
    assert (wdm.RtlNumberOfSetBits(bitmap), wdm.RtlNumberOfClearBits(bitmap)) == (0, 0)
    assert wdm.RtlFindClearBits(bitmap, 1, 0) == NONE
    assert wdm.RtlFindFirstRunClear(bitmap) == (0, 0)
    assert wdm.RtlFindLastBackwardRunClear(bitmap, 0)[0] == 0


def test_bits_are_counted_in_a_range(memory: Memory) -> None:
    """WDK: RtlNumberOfSetBitsInRange and RtlNumberOfClearBitsInRange, which count nothing outside of the bitmap."""
    bitmap = wdm.RTL_BITMAP()
    wdm.RtlInitializeBitMap(bitmap, memory.block(b"\xf0\x0f\xff\x01"), 25)
    for first, length, found in (
        (0, 25, 17),
        (0, 4, 0),
        (4, 8, 8),
        (3, 10, 8),
        (12, 4, 0),
        (16, 9, 9),
        (7, 0, 0),
    ):
        assert wdm.RtlNumberOfSetBitsInRange(bitmap, first, length) == found
        assert wdm.RtlNumberOfClearBitsInRange(bitmap, first, length) == length - found
    assert wdm.RtlNumberOfSetBitsInRange(bitmap, 17, 9) == 0
    assert wdm.RtlNumberOfClearBitsInRange(bitmap, 12, 14) == 0
