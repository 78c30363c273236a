# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Byte lanes: how an access of one, two or four bytes appears on a bus of dwords (PCI-like byte enables)."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["ALL_ONES", "DWORD", "Lane", "lane", "lanes"]

DWORD: Final = 4
"""Bytes of the bus's unit."""
ALL_ONES: Final = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFF_FFFF}
"""What a read gives that no device answered, by its bytes; also the mask of a value of so many bytes."""
_BITS_OF_A_BYTE: Final = 8
_ENABLES: Final = {1: 0b0001, 2: 0b0011, 3: 0b0111, 4: 0b1111}


class Lane(NamedTuple):
    """Where the bytes of an access are."""

    address: int
    """The dword's."""
    byte_enables: int
    """High-true, bit 0 for the lowest byte."""
    shift: int
    """Bits below the datum in the dword."""


def lane(address: int, size: int) -> Lane:
    """The lane of `size` bytes that lie in one dword."""
    place = address % DWORD
    return Lane(address - place, _ENABLES[size] << place, place * _BITS_OF_A_BYTE)


def lanes(address: int, length: int) -> list[tuple[Lane, int]]:
    """Any range cut at dwords: the lane and the size of each part."""
    parts = []
    while length > 0:
        size = min(length, DWORD - address % DWORD)
        parts.append((lane(address, size), size))
        address += size
        length -= size
    return parts
