# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Poison: the bytes in memory whose contents NT leaves undefined.

Such memory holds neither zeros nor the data of an earlier use, so that a driver which moves nothing, or forgets to
initialize, is not right by accident. The bytes come from the seed of the machine and are never zero. Two fillings in a
row differ.
"""

from __future__ import annotations

import random
from typing import Final

__all__ = ["Poison"]

_LENGTH: Final = 1 << 16
_STEP: Final = 61
"""The distance in the pattern between the beginnings of two fillings."""
_INSTEAD_OF_ZERO: Final = 0xB5


class Poison:
    """Fills parts of the RAM of one machine."""

    __slots__ = ("_pattern", "_place", "_ram")

    def __init__(self, ram: memoryview, seed: int) -> None:
        self._ram = ram
        made = random.Random(f"poison {seed}").randbytes(_LENGTH)
        self._pattern = memoryview(made.replace(b"\0", bytes([_INSTEAD_OF_ZERO])))
        self._place = 0

    def fill(self, start: int, end: int) -> None:
        """Fill the RAM from physical address `start` up to `end`."""
        place = self._place
        size = end - start
        if place + size > _LENGTH:
            place = 0
        self._place = place + _STEP
        if size <= _LENGTH:
            self._ram[start:end] = self._pattern[place : place + size]
            return
        for first in range(start, end, _LENGTH):
            last = min(first + _LENGTH, end)
            self._ram[first:last] = self._pattern[: last - first]
