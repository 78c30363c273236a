# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bitmaps (RTL_BITMAP): a number of bits in an array of ULONGs, the lowest bit of each first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import contract
from dirql.rtl.memory import read, write

__all__ = ["Bitmap", "BitmapRun"]

_INITIALIZE: Final = contract("RtlInitializeBitMap")
_CLEAR_ALL: Final = contract("RtlClearAllBits")
_SET_ALL: Final = contract("RtlSetAllBits")
_CLEAR_BIT: Final = contract("RtlClearBit")
_SET_BIT: Final = contract("RtlSetBit")
_TEST_BIT: Final = contract("RtlTestBit")
_CHECK_BIT: Final = contract("RtlCheckBit")
_CLEAR: Final = contract("RtlClearBits")
_SET: Final = contract("RtlSetBits")
_FIND_CLEAR: Final = contract("RtlFindClearBits")
_FIND_SET: Final = contract("RtlFindSetBits")
_FIND_CLEAR_AND_SET: Final = contract("RtlFindClearBitsAndSet")
_FIND_SET_AND_CLEAR: Final = contract("RtlFindSetBitsAndClear")
_FIND_RUNS: Final = contract("RtlFindClearRuns")
_FIND_LONGEST: Final = contract("RtlFindLongestRunClear")
_FIND_FIRST: Final = contract("RtlFindFirstRunClear")
_FIND_NEXT: Final = contract("RtlFindNextForwardRunClear")
_FIND_LAST: Final = contract("RtlFindLastBackwardRunClear")
_NUMBER_CLEAR: Final = contract("RtlNumberOfClearBits")
_NUMBER_SET: Final = contract("RtlNumberOfSetBits")
_NUMBER_CLEAR_IN: Final = contract("RtlNumberOfClearBitsInRange")
_NUMBER_SET_IN: Final = contract("RtlNumberOfSetBitsInRange")
_ARE_CLEAR: Final = contract("RtlAreBitsClear")
_ARE_SET: Final = contract("RtlAreBitsSet")

_NOT_FOUND: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class BitmapRun:
    """Equal bits in a bitmap (RTL_BITMAP_RUN): the place of the first, and their number."""

    starting_index: int
    number_of_bits: int


@mypyc_attr(allow_interpreted_subclasses=True)
class Bitmap:
    """A bitmap (RTL_BITMAP) of `size_of_bit_map` bits at the address `buffer`.

    Bits behind the last one are no part of it, but have memory, since the buffer consists of ULONGs.
    """

    __slots__ = ("buffer", "size_of_bit_map")

    def __init__(self) -> None:
        """Make a bitmap without bits."""
        self.size_of_bit_map = 0
        self.buffer: int | None = None

    def __repr__(self) -> str:
        return f"<RTL_BITMAP of {self.size_of_bit_map} bits at {self.buffer or 0:#x}>"

    def initialize(self, bit_map_buffer: int | None, size_of_bit_map: int) -> None:
        """Describe the bits of a buffer, which stay as they are; follows RtlInitializeBitMap."""
        _INITIALIZE.check(self)
        _INITIALIZE.check_arguments(self, bit_map_buffer, size_of_bit_map)
        self.buffer, self.size_of_bit_map = bit_map_buffer, size_of_bit_map

    def clear_all(self) -> None:
        """Clear all bits; follows RtlClearAllBits."""
        _CLEAR_ALL.check(self)
        write(self.buffer, bytes(self._room()))

    def set_all(self) -> None:
        """Set all bits; follows RtlSetAllBits."""
        _SET_ALL.check(self)
        write(self.buffer, b"\xff" * self._room())

    def clear_bit(self, bit_number: int) -> None:
        """Clear one bit; follows RtlClearBit."""
        _CLEAR_BIT.check(self)
        _CLEAR_BIT.check_arguments(self, bit_number)
        self._change(bit_number, 1, to=0)

    def set_bit(self, bit_number: int) -> None:
        """Set one bit; follows RtlSetBit."""
        _SET_BIT.check(self)
        _SET_BIT.check_arguments(self, bit_number)
        self._change(bit_number, 1, to=1)

    def test_bit(self, bit_number: int) -> bool:
        """Whether a bit is set; follows RtlTestBit."""
        _TEST_BIT.check(self)
        _TEST_BIT.check_arguments(self, bit_number)
        return bool(self._bit(bit_number))

    def check_bit(self, bit_position: int) -> int:
        """A bit as a number, 0 or 1; follows RtlCheckBit."""
        _CHECK_BIT.check_arguments(self, bit_position)
        return self._bit(bit_position)

    def clear_bits(self, starting_index: int, number_to_clear: int) -> None:
        """Clear bits in a row; follows RtlClearBits."""
        _CLEAR.check(self)
        _CLEAR.check_arguments(self, starting_index, number_to_clear)
        self._change(starting_index, number_to_clear, to=0)

    def set_bits(self, starting_index: int, number_to_set: int) -> None:
        """Set bits in a row; follows RtlSetBits."""
        _SET.check(self)
        _SET.check_arguments(self, starting_index, number_to_set)
        self._change(starting_index, number_to_set, to=1)

    def find_clear_bits(self, number_to_find: int, hint_index: int) -> int:
        """The place of a number of clear bits in a row, from the hint on, then from the start; RtlFindClearBits.

        The result is 0xFFFFFFFF if there are none, and for 0 bits the hint, rounded down to a multiple of 8.
        """
        _FIND_CLEAR.check(self)
        _FIND_CLEAR.check_arguments(self, number_to_find, hint_index)
        return self._find(number_to_find, hint_index, wanted=0)

    def find_set_bits(self, number_to_find: int, hint_index: int) -> int:
        """Do as `find_clear_bits` for set bits; follows RtlFindSetBits."""
        _FIND_SET.check(self)
        _FIND_SET.check_arguments(self, number_to_find, hint_index)
        return self._find(number_to_find, hint_index, wanted=1)

    def find_clear_bits_and_set(self, number_to_find: int, hint_index: int) -> int:
        """Do as `find_clear_bits`, and set the bits that are found; follows RtlFindClearBitsAndSet."""
        _FIND_CLEAR_AND_SET.check(self)
        _FIND_CLEAR_AND_SET.check_arguments(self, number_to_find, hint_index)
        found = self._find(number_to_find, hint_index, wanted=0)
        if found != _NOT_FOUND:
            self._change(found, number_to_find, to=1)
        return found

    def find_set_bits_and_clear(self, number_to_find: int, hint_index: int) -> int:
        """Do as `find_set_bits`, and clear the bits that are found; follows RtlFindSetBitsAndClear."""
        _FIND_SET_AND_CLEAR.check(self)
        _FIND_SET_AND_CLEAR.check_arguments(self, number_to_find, hint_index)
        found = self._find(number_to_find, hint_index, wanted=1)
        if found != _NOT_FOUND:
            self._change(found, number_to_find, to=0)
        return found

    def find_clear_runs(
        self, size_of_run_array: int, locate_longest_runs: int
    ) -> tuple[int, list[BitmapRun]]:
        """Runs of clear bits, as many as asked for: (number, runs); follows RtlFindClearRuns.

        They are the first ones, or the longest ones, the longest first.
        """
        _FIND_RUNS.check(self)
        _FIND_RUNS.check_arguments(self, size_of_run_array, locate_longest_runs)
        runs = [BitmapRun(start, length) for start, length in self._clear_runs(self._bits(), 0)]
        if locate_longest_runs:
            runs.sort(key=lambda run: -run.number_of_bits)
        found = runs[:size_of_run_array]
        return len(found), found

    def find_longest_run_clear(self) -> tuple[int, int]:
        """The longest run of clear bits: (length, place); follows RtlFindLongestRunClear."""
        _FIND_LONGEST.check(self)
        runs = list(self._clear_runs(self._bits(), 0))
        start, length = max(runs, key=lambda run: run[1], default=(0, 0))
        return length, start

    def find_first_run_clear(self) -> tuple[int, int]:
        """The first run of clear bits: (length, place), with length 0 if none is; follows RtlFindFirstRunClear."""
        _FIND_FIRST.check(self)
        return self._next_run(0)

    def find_next_forward_run_clear(self, from_index: int) -> tuple[int, int]:
        """The first run of clear bits from a place on: (length, place); follows RtlFindNextForwardRunClear."""
        _FIND_NEXT.check(self)
        _FIND_NEXT.check_arguments(self, from_index)
        return self._next_run(from_index)

    def find_last_backward_run_clear(self, from_index: int) -> tuple[int, int]:
        """The last run of clear bits up to a place: (length, place); follows RtlFindLastBackwardRunClear."""
        _FIND_LAST.check(self)
        _FIND_LAST.check_arguments(self, from_index)
        bits = self._bits()
        end = min(from_index, self.size_of_bit_map - 1)
        while end >= 0 and bits >> end & 1:
            end -= 1
        start = end
        while start >= 0 and not bits >> start & 1:
            start -= 1
        return end - start, start + 1

    def number_of_clear_bits(self) -> int:
        """The number of clear bits; follows RtlNumberOfClearBits."""
        _NUMBER_CLEAR.check(self)
        return self.size_of_bit_map - self._bits().bit_count()

    def number_of_set_bits(self) -> int:
        """The number of set bits; follows RtlNumberOfSetBits."""
        _NUMBER_SET.check(self)
        return self._bits().bit_count()

    def number_of_clear_bits_in_range(self, starting_index: int, length: int) -> int:
        """The number of clear bits among some in a row; 0 if some are outside; follows RtlNumberOfClearBitsInRange."""
        _NUMBER_CLEAR_IN.check(self)
        _NUMBER_CLEAR_IN.check_arguments(self, starting_index, length)
        return self._in_range(starting_index, length, 1)

    def number_of_set_bits_in_range(self, starting_index: int, length: int) -> int:
        """The number of set bits among some in a row; 0 if some are outside; follows RtlNumberOfSetBitsInRange."""
        _NUMBER_SET_IN.check(self)
        _NUMBER_SET_IN.check_arguments(self, starting_index, length)
        return self._in_range(starting_index, length, 0)

    def _in_range(self, first: int, length: int, flip: int) -> int:
        if first + length > self.size_of_bit_map:
            return 0
        bits = self._bits() >> first & (1 << length) - 1
        return length - bits.bit_count() if flip else bits.bit_count()

    def are_bits_clear(self, starting_index: int, length: int) -> bool:
        """Whether bits in a row are clear; FALSE for none, or some outside; follows RtlAreBitsClear."""
        _ARE_CLEAR.check(self)
        _ARE_CLEAR.check_arguments(self, starting_index, length)
        return self._are(starting_index, length, 0)

    def are_bits_set(self, starting_index: int, length: int) -> bool:
        """Whether bits in a row are set; FALSE for none, or some outside; follows RtlAreBitsSet."""
        _ARE_SET.check(self)
        _ARE_SET.check_arguments(self, starting_index, length)
        return self._are(starting_index, length, (1 << length) - 1 if length <= self.size_of_bit_map else 0)

    def _room(self) -> int:
        """The bytes of the buffer, whole ULONGs."""
        return (self.size_of_bit_map + 31) // 32 * 4

    def _bits(self) -> int:
        """All bits of the bitmap as one number."""
        return int.from_bytes(read(self.buffer, self._room()), "little") & (1 << self.size_of_bit_map) - 1

    def _bit(self, index: int) -> int:
        return read((self.buffer or 0) + index // 8, 1)[0] >> index % 8 & 1

    def _change(self, start: int, count: int, *, to: int) -> None:
        """Give bits in a row another value; no other byte is touched."""
        if not count:
            return
        place = (self.buffer or 0) + start // 8
        size = (start % 8 + count + 7) // 8
        bits = int.from_bytes(read(place, size), "little")
        mask = (1 << count) - 1 << start % 8
        write(place, (bits | mask if to else bits & ~mask).to_bytes(size, "little"))

    def _are(self, start: int, length: int, expected: int) -> bool:
        if not 0 < length <= self.size_of_bit_map - start:
            return False
        return self._bits() >> start & (1 << length) - 1 == expected

    def _find(self, count: int, hint: int, *, wanted: int) -> int:
        """The place of `count` bits in a row that are `wanted`."""
        size = self.size_of_bit_map
        if count > size:
            return _NOT_FOUND
        if hint >= size:
            hint = 0
        if count == 0:
            return hint & ~7
        bits = self._bits()
        clear = bits if not wanted else ~bits & (1 << size) - 1
        for start, length in self._clear_runs(clear, hint):
            if length >= count:
                return start
        for start, length in self._clear_runs(clear, 0):
            if start < hint and length >= count:
                return start
        return _NOT_FOUND

    def _next_run(self, start: int) -> tuple[int, int]:
        for place, length in self._clear_runs(self._bits(), start):
            return length, place
        return 0, max(start, self.size_of_bit_map)

    def _clear_runs(self, bits: int, start: int) -> Iterator[tuple[int, int]]:
        """The place and the length of each run of clear bits from `start` on."""
        size = self.size_of_bit_map
        while start < size:
            rest = bits >> start
            ones = (~rest & rest + 1).bit_length() - 1  # the number of set bits at the low end
            start += ones
            if start >= size:
                return
            rest >>= ones
            length = (rest & -rest).bit_length() - 1 if rest else size - start
            yield start, length
            start += length
