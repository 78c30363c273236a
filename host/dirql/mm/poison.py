# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Poison: the bytes in memory whose contents NT leaves undefined.

Such memory holds neither zeros nor the data of an earlier use, so that a driver which moves nothing, or forgets to
initialize, is not right by accident. The bytes come from the seed of the machine and are never zero. Two fillings in a
row differ. The numbers of ones in two neighbouring bytes are an odd and an even one, by which most other data is told
from poison at once.
"""

from __future__ import annotations

import random
from operator import ne
from typing import Final

__all__ = ["Poison"]

_LENGTH: Final = 1 << 16
_STEP: Final = 61
"""The distance in the pattern between the beginnings of two fillings."""
_INSTEAD_OF_ZERO: Final = 0xB7
_ODD: Final = bytes(byte if byte.bit_count() % 2 else byte ^ 1 for byte in range(256))
_EVEN: Final = bytes((byte ^ byte.bit_count() % 2) or _INSTEAD_OF_ZERO for byte in range(256))
"""For each byte one with an odd, and one with an even number of ones."""
_PARITY: Final = bytes(byte.bit_count() % 2 for byte in range(256))
_ALTERNATING: Final = (b"\0\1" * 4, b"\1\0" * 4)
_ENDS: Final = (b"\0\1\0\1", b"\1\0\1\0")


class Poison:
    """Fills parts of the RAM of one machine."""

    __slots__ = ("_bytes", "_pattern", "_place", "_ram")

    def __init__(self, ram: memoryview, seed: int) -> None:
        self._ram = ram
        made = bytearray(random.Random(f"poison {seed}").randbytes(_LENGTH))
        made[::2] = made[::2].translate(_ODD)
        made[1::2] = made[1::2].translate(_EVEN)
        self._bytes = bytes(made)
        self._pattern = memoryview(self._bytes)
        self._place = 0

    def fill(self, start: int, end: int) -> int:
        """Fill the RAM from physical address `start` up to `end`; returns the number of this filling for `equal`."""
        place = self._place
        size = end - start
        if place + size > _LENGTH:
            place = 0
        self._place = place + _STEP
        if size <= _LENGTH:
            self._ram[start:end] = self._pattern[place : place + size]
            return place
        for first in range(start, end, _LENGTH):
            last = min(first + _LENGTH, end)
            self._ram[first:last] = self._pattern[: last - first]
        return 0

    @staticmethod
    def may_be(data: bytes) -> bool:
        """Whether the last four of 8 bytes may be poison, which is quick; fewer bytes always may."""
        return len(data) < len(_ALTERNATING[0]) or data.translate(_PARITY).endswith(_ENDS)

    def is_poison(self, data: bytes) -> bool:
        """Whether these 8 bytes are poison, whichever filling they come from."""
        return data.translate(_PARITY) in _ALTERNATING and data in self._bytes

    def equal(self, place: int, offset: int, data: bytes) -> int:
        """The number of bytes at the end of `data` that are those of a filling, `offset` bytes behind its start."""
        expected = self._bytes[place + offset : place + offset + len(data)]
        if len(expected) < len(data):
            return 0
        count = 0
        while count < len(data) and data[-1 - count] == expected[-1 - count]:
            count += 1
        return count

    def differs(self, place: int, offset: int, data: bytes) -> bool:
        """Whether each of some bytes is another than that of a filling, `offset` bytes behind its start.

        False where it is not known what the filling was.
        """
        expected = self._bytes[place + offset : place + offset + len(data)]
        return len(expected) == len(data) and all(map(ne, data, expected))
