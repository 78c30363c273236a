# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interlocked changes of bits in a number of 32 bits without a sign, at the address `flags`.

The macros of wdm.h stand for InterlockedAnd, InterlockedOr and InterlockedXor. A macro that discards the return does
the same, and is a shorter instruction in C.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.memory import read, write

__all__ = [
    "and_bits",
    "and_bits_discard_return",
    "clear_bits",
    "clear_bits_discard_return",
    "set_bits",
    "set_bits_discard_return",
    "xor_bits",
]

_AND: Final = contract("RtlInterlockedAndBits")
_AND_DISCARD: Final = contract("RtlInterlockedAndBitsDiscardReturn")
_CLEAR: Final = contract("RtlInterlockedClearBits")
_CLEAR_DISCARD: Final = contract("RtlInterlockedClearBitsDiscardReturn")
_SET: Final = contract("RtlInterlockedSetBits")
_SET_DISCARD: Final = contract("RtlInterlockedSetBitsDiscardReturn")
_XOR: Final = contract("RtlInterlockedXorBits")


def and_bits(flags: int, flag: int) -> int:
    """Keep only the bits of a mask and return the old value; follows RtlInterlockedAndBits."""
    _AND.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before & flag).to_bytes(4, "little"))
    return before


def and_bits_discard_return(flags: int, flag: int) -> None:
    """Keep only the bits of a mask; follows RtlInterlockedAndBitsDiscardReturn."""
    _AND_DISCARD.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before & flag).to_bytes(4, "little"))


def clear_bits(flags: int, flag: int) -> int:
    """Clear the bits of a mask and return the old value; follows RtlInterlockedClearBits."""
    _CLEAR.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before & ~flag).to_bytes(4, "little"))
    return before


def clear_bits_discard_return(flags: int, flag: int) -> None:
    """Clear the bits of a mask; follows RtlInterlockedClearBitsDiscardReturn."""
    _CLEAR_DISCARD.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before & ~flag).to_bytes(4, "little"))


def set_bits(flags: int, flag: int) -> int:
    """Set the bits of a mask and return the old value; follows RtlInterlockedSetBits."""
    _SET.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before | flag).to_bytes(4, "little"))
    return before


def set_bits_discard_return(flags: int, flag: int) -> None:
    """Set the bits of a mask; follows RtlInterlockedSetBitsDiscardReturn."""
    _SET_DISCARD.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before | flag).to_bytes(4, "little"))


def xor_bits(flags: int, flag: int) -> int:
    """Turn the bits of a mask over and return the old value; follows RtlInterlockedXorBits."""
    _XOR.check_arguments(flags, flag)
    before = int.from_bytes(read(flags, 4), "little")
    write(flags, (before ^ flag).to_bytes(4, "little"))
    return before
