# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Byte lanes: the place of an access of one to four bytes on a bus of dwords with byte enables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ALL_ONES", "DWORD", "Lane", "lane", "lanes"]

DWORD: Final = 4
"""The width of the bus in bytes."""
ALL_ONES: Final = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFF_FFFF}
"""The result of a read that no device answered, which is the mask of a value too, by the bytes of an access."""
_BITS_OF_A_BYTE: Final = 8
_ENABLES: Final = {1: 0b0001, 2: 0b0011, 3: 0b0111, 4: 0b1111}


@dataclass(frozen=True, slots=True)
class Lane:
    """The place of the bytes of an access on the bus."""

    address: int
    """The bus address of the dword."""
    byte_enables: int
    """One bit for each byte of the dword, high-true, bit 0 for the lowest byte."""
    shift: int
    """The number of bits in the dword below the datum."""


def lane(address: int, size: int) -> Lane:
    """The lane of `size` bytes that lie in one dword."""
    place = address % DWORD
    return Lane(address - place, _ENABLES[size] << place, place * _BITS_OF_A_BYTE)


def lanes(address: int, length: int) -> list[tuple[Lane, int]]:
    """Cut a range of addresses at dword boundaries: the lane and the size of each part."""
    parts = []
    while length > 0:
        size = min(length, DWORD - address % DWORD)
        parts.append((lane(address, size), size))
        address += size
        length -= size
    return parts
