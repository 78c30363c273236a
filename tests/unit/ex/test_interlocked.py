# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interlocked operations on memory, against numbers of a fixed width."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings, strategies as st

from dirql import wdm
from unit.rtl.conftest import Memory


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    opened = Memory()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def cell(memory: Memory) -> int:
    return memory.block(bytes(16))


def put(address: int, value: int, bits: int) -> None:
    wdm.RtlWriteMemory(address, (value % (1 << bits)).to_bytes(bits // 8, "little") + b"\xa5" * 4)


def get(address: int, bits: int) -> int:
    data = wdm.RtlReadMemory(address, bits // 8 + 4)
    assert data[bits // 8 :] == b"\xa5" * 4
    return int.from_bytes(data[: bits // 8], "little", signed=True)


def wrapped(value: int, bits: int) -> int:
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


Routine = Callable[[int, int], int]
# Routine of 32 bits, routine of 64 bits, new value, and whether the new value is returned.
CASES: list[tuple[Routine, Routine, Callable[[int, int], int], bool]] = [
    (wdm.InterlockedAdd, wdm.InterlockedAdd64, lambda old, value: old + value, True),
    (wdm.InterlockedExchange, wdm.InterlockedExchange64, lambda _, value: value, False),
    (wdm.InterlockedExchangeAdd, wdm.InterlockedExchangeAdd64, lambda old, value: old + value, False),
    (wdm.InterlockedAnd, wdm.InterlockedAnd64, lambda old, value: old & value, False),
    (wdm.InterlockedOr, wdm.InterlockedOr64, lambda old, value: old | value, False),
    (wdm.InterlockedXor, wdm.InterlockedXor64, lambda old, value: old ^ value, False),
]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("case", CASES, ids=[case[0].__name__ for case in CASES])
@settings(deadline=None)
@given(data=st.data())
def test_two_numbers(
    cell: int,
    bits: int,
    case: tuple[Routine, Routine, Callable[[int, int], int], bool],
    data: st.DataObject,
) -> None:
    numbers = st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    old, value = data.draw(numbers), data.draw(numbers)
    narrow, wide, operation, gives_new = case
    put(cell, old, bits)
    result = (narrow if bits == 32 else wide)(cell, value)
    new = wrapped(operation(old, value), bits)
    assert (result, get(cell, bits)) == (new if gives_new else old, new)


@pytest.mark.parametrize(
    ("routine", "bits", "step"),
    [
        (wdm.InterlockedIncrement, 32, 1),
        (wdm.InterlockedDecrement, 32, -1),
        (wdm.InterlockedIncrement64, 64, 1),
        (wdm.InterlockedDecrement64, 64, -1),
    ],
)
def test_steps_wrap(cell: int, routine: Callable[[int], int], bits: int, step: int) -> None:
    for old in (0, 1, -1, (1 << bits - 1) - 1, -(1 << bits - 1)):
        put(cell, old, bits)
        assert routine(cell) == get(cell, bits) == wrapped(old + step, bits)


@pytest.mark.parametrize(
    ("routine", "bits"), [(wdm.InterlockedCompareExchange, 32), (wdm.InterlockedCompareExchange64, 64)]
)
def test_the_exchange_needs_the_value(cell: int, routine: Callable[[int, int, int], int], bits: int) -> None:
    put(cell, -1, bits)
    assert (routine(cell, 7, -2), get(cell, bits)) == (-1, -1)
    assert (routine(cell, 7, -1), get(cell, bits)) == (-1, 7)


def test_pointers_are_exchanged(cell: int) -> None:
    put(cell, 0xFFFF_8000_0000_0000, 64)
    assert wdm.InterlockedExchangePointer(cell, None) == 0xFFFF_8000_0000_0000
    assert wdm.InterlockedExchangePointer(cell, 0x5000) is None
    assert wdm.InterlockedCompareExchangePointer(cell, 0x6000, 0x4000) == 0x5000
    assert wdm.InterlockedCompareExchangePointer(cell, 0xFFFF_8000_0000_0000, 0x5000) == 0x5000
    assert wdm.InterlockedCompareExchangePointer(cell, None, 0xFFFF_8000_0000_0000) == 0xFFFF_8000_0000_0000
    assert get(cell, 64) == 0


def test_bits_are_tested_and_changed(cell: int) -> None:
    put(cell, 0, 64)
    assert not wdm.InterlockedBitTestAndSet(cell, 31)
    assert wdm.InterlockedBitTestAndSet(cell, 31)
    assert not wdm.InterlockedBitTestAndSet(cell, 32)  # a bit of the next LONG
    assert get(cell, 64) == 3 << 31
    assert wdm.InterlockedBitTestAndReset64(cell, 32)
    assert not wdm.InterlockedBitTestAndReset(cell, 0)
    assert not wdm.InterlockedBitTestAndSet64(cell, 63)
    assert get(cell, 64) == wrapped(1 << 63 | 1 << 31, 64)


def test_counters_with_a_lock(cell: int) -> None:
    lock = wdm.KSPIN_LOCK()
    put(cell, 0xFFFF_FFFF, 32)
    assert (wdm.ExInterlockedAddUlong(cell, 3, lock), get(cell, 32)) == (0xFFFF_FFFF, 2)
    put(cell, -5, 64)
    assert (wdm.ExInterlockedAddLargeInteger(cell, 1 << 40, lock), get(cell, 64)) == (-5, (1 << 40) - 5)
    wdm.ExInterlockedAddLargeStatistic(cell, 0xFFFF_FFFF)
    assert get(cell, 64) == (1 << 40) - 5 + 0xFFFF_FFFF
    assert wdm.KeTestSpinLock(lock)


FLAGS = st.integers(0, 0xFFFF_FFFF)


@pytest.mark.parametrize(
    ("routine", "discards", "after"),
    [
        (wdm.RtlInterlockedSetBits, False, lambda before, mask: before | mask),
        (wdm.RtlInterlockedSetBitsDiscardReturn, True, lambda before, mask: before | mask),
        (wdm.RtlInterlockedClearBits, False, lambda before, mask: before & ~mask),
        (wdm.RtlInterlockedClearBitsDiscardReturn, True, lambda before, mask: before & ~mask),
        (wdm.RtlInterlockedAndBits, False, lambda before, mask: before & mask),
        (wdm.RtlInterlockedAndBitsDiscardReturn, True, lambda before, mask: before & mask),
        (wdm.RtlInterlockedXorBits, False, lambda before, mask: before ^ mask),
    ],
)
@settings(max_examples=20, deadline=None)
@given(before=FLAGS, mask=FLAGS)
def test_bits_change_in_one_step(
    cell: int,
    routine: Callable[[int, int], int | None],
    discards: bool,
    after: Callable[[int, int], int],
    before: int,
    mask: int,
) -> None:
    put(cell, before, 32)
    assert routine(cell, mask) == (None if discards else before)
    assert get(cell, 32) % (1 << 32) == after(before, mask)
