# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interlocked operations on numbers and pointers in memory.

C has them as intrinsics of the compiler: one instruction, at any IRQL, which no other processor can divide. A number of
32 or 64 bits is signed, and wraps.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.memory import read, write

__all__ = [
    "add",
    "add_64",
    "bit_and",
    "bit_and_64",
    "bit_or",
    "bit_or_64",
    "bit_test_and_reset",
    "bit_test_and_reset_64",
    "bit_test_and_set",
    "bit_test_and_set_64",
    "bit_xor",
    "bit_xor_64",
    "compare_exchange",
    "compare_exchange_64",
    "compare_exchange_pointer",
    "decrement",
    "decrement_64",
    "exchange",
    "exchange_64",
    "exchange_add",
    "exchange_add_64",
    "exchange_pointer",
    "increment",
    "increment_64",
]

_INCREMENT: Final = contract("InterlockedIncrement")
_DECREMENT: Final = contract("InterlockedDecrement")
_ADD: Final = contract("InterlockedAdd")
_EXCHANGE: Final = contract("InterlockedExchange")
_EXCHANGE_ADD: Final = contract("InterlockedExchangeAdd")
_COMPARE_EXCHANGE: Final = contract("InterlockedCompareExchange")
_BIT_AND: Final = contract("InterlockedAnd")
_BIT_OR: Final = contract("InterlockedOr")
_BIT_XOR: Final = contract("InterlockedXor")
_BIT_TEST_AND_SET: Final = contract("InterlockedBitTestAndSet")
_BIT_TEST_AND_RESET: Final = contract("InterlockedBitTestAndReset")
_INCREMENT_64: Final = contract("InterlockedIncrement64")
_DECREMENT_64: Final = contract("InterlockedDecrement64")
_ADD_64: Final = contract("InterlockedAdd64")
_EXCHANGE_64: Final = contract("InterlockedExchange64")
_EXCHANGE_ADD_64: Final = contract("InterlockedExchangeAdd64")
_COMPARE_EXCHANGE_64: Final = contract("InterlockedCompareExchange64")
_BIT_AND_64: Final = contract("InterlockedAnd64")
_BIT_OR_64: Final = contract("InterlockedOr64")
_BIT_XOR_64: Final = contract("InterlockedXor64")
_BIT_TEST_AND_SET_64: Final = contract("InterlockedBitTestAndSet64")
_BIT_TEST_AND_RESET_64: Final = contract("InterlockedBitTestAndReset64")
_EXCHANGE_POINTER: Final = contract("InterlockedExchangePointer")
_COMPARE_EXCHANGE_POINTER: Final = contract("InterlockedCompareExchangePointer")

_POINTER: Final = 0xFFFF_FFFF_FFFF_FFFF


def increment(addend: int) -> int:
    """Add 1 and return the new value; follows InterlockedIncrement."""
    _INCREMENT.check_arguments(addend)
    return _change(addend, 1, 4)


def decrement(addend: int) -> int:
    """Subtract 1 and return the new value; follows InterlockedDecrement."""
    _DECREMENT.check_arguments(addend)
    return _change(addend, -1, 4)


def add(addend: int, value: int) -> int:
    """Add a number and return the new value; follows InterlockedAdd."""
    _ADD.check_arguments(addend, value)
    return _change(addend, value, 4)


def exchange(target: int, value: int) -> int:
    """Put a number there and return the old value; follows InterlockedExchange."""
    _EXCHANGE.check_arguments(target, value)
    return _replace(target, value, 4)


def exchange_add(addend: int, value: int) -> int:
    """Add a number and return the old value; follows InterlockedExchangeAdd."""
    _EXCHANGE_ADD.check_arguments(addend, value)
    before = _load(addend, 4)
    _store(addend, before + value, 4)
    return before


def compare_exchange(destination: int, exchange: int, comperand: int) -> int:
    """Put `exchange` there if the value is `comperand`; return the old value; follows InterlockedCompareExchange."""
    _COMPARE_EXCHANGE.check_arguments(destination, exchange, comperand)
    return _compare_exchange(destination, exchange, comperand, 4)


def bit_and(destination: int, value: int) -> int:
    """Put the bitwise and of both numbers there and return the old value; follows InterlockedAnd."""
    _BIT_AND.check_arguments(destination, value)
    before = _load(destination, 4)
    _store(destination, before & value, 4)
    return before


def bit_or(destination: int, value: int) -> int:
    """Put the bitwise or of both numbers there and return the old value; follows InterlockedOr."""
    _BIT_OR.check_arguments(destination, value)
    before = _load(destination, 4)
    _store(destination, before | value, 4)
    return before


def bit_xor(destination: int, value: int) -> int:
    """Put the bitwise exclusive or of both numbers there and return the old value; follows InterlockedXor."""
    _BIT_XOR.check_arguments(destination, value)
    before = _load(destination, 4)
    _store(destination, before ^ value, 4)
    return before


def bit_test_and_set(base: int, bit: int) -> bool:
    """Set a bit and return whether it was set; follows InterlockedBitTestAndSet."""
    _BIT_TEST_AND_SET.check_arguments(base, bit)
    return _change_bit(base, bit, 4, to=1)


def bit_test_and_reset(base: int, bit: int) -> bool:
    """Clear a bit and return whether it was set; follows InterlockedBitTestAndReset."""
    _BIT_TEST_AND_RESET.check_arguments(base, bit)
    return _change_bit(base, bit, 4, to=0)


def increment_64(addend: int) -> int:
    """Add 1 and return the new value; follows InterlockedIncrement64."""
    _INCREMENT_64.check_arguments(addend)
    return _change(addend, 1, 8)


def decrement_64(addend: int) -> int:
    """Subtract 1 and return the new value; follows InterlockedDecrement64."""
    _DECREMENT_64.check_arguments(addend)
    return _change(addend, -1, 8)


def add_64(addend: int, value: int) -> int:
    """Add a number and return the new value; follows InterlockedAdd64."""
    _ADD_64.check_arguments(addend, value)
    return _change(addend, value, 8)


def exchange_64(target: int, value: int) -> int:
    """Put a number there and return the old value; follows InterlockedExchange64."""
    _EXCHANGE_64.check_arguments(target, value)
    return _replace(target, value, 8)


def exchange_add_64(addend: int, value: int) -> int:
    """Add a number and return the old value; follows InterlockedExchangeAdd64."""
    _EXCHANGE_ADD_64.check_arguments(addend, value)
    before = _load(addend, 8)
    _store(addend, before + value, 8)
    return before


def compare_exchange_64(destination: int, exchange: int, comperand: int) -> int:
    """Put `exchange` there if the value is `comperand`; return the old value; follows InterlockedCompareExchange64."""
    _COMPARE_EXCHANGE_64.check_arguments(destination, exchange, comperand)
    return _compare_exchange(destination, exchange, comperand, 8)


def bit_and_64(destination: int, value: int) -> int:
    """Put the bitwise and of both numbers there and return the old value; follows InterlockedAnd64."""
    _BIT_AND_64.check_arguments(destination, value)
    before = _load(destination, 8)
    _store(destination, before & value, 8)
    return before


def bit_or_64(destination: int, value: int) -> int:
    """Put the bitwise or of both numbers there and return the old value; follows InterlockedOr64."""
    _BIT_OR_64.check_arguments(destination, value)
    before = _load(destination, 8)
    _store(destination, before | value, 8)
    return before


def bit_xor_64(destination: int, value: int) -> int:
    """Put the bitwise exclusive or of both numbers there and return the old value; follows InterlockedXor64."""
    _BIT_XOR_64.check_arguments(destination, value)
    before = _load(destination, 8)
    _store(destination, before ^ value, 8)
    return before


def bit_test_and_set_64(base: int, bit: int) -> bool:
    """Set a bit and return whether it was set; follows InterlockedBitTestAndSet64."""
    _BIT_TEST_AND_SET_64.check_arguments(base, bit)
    return _change_bit(base, bit, 8, to=1)


def bit_test_and_reset_64(base: int, bit: int) -> bool:
    """Clear a bit and return whether it was set; follows InterlockedBitTestAndReset64."""
    _BIT_TEST_AND_RESET_64.check_arguments(base, bit)
    return _change_bit(base, bit, 8, to=0)


def exchange_pointer(target: int, value: int | None) -> int | None:
    """Put a pointer there and return the old one; follows InterlockedExchangePointer."""
    _EXCHANGE_POINTER.check_arguments(target, value)
    return _replace(target, value or 0, 8) & _POINTER or None


def compare_exchange_pointer(destination: int, exchange: int | None, comperand: int | None) -> int | None:
    """Put `exchange` there if `comperand` is there; return the old one; follows InterlockedCompareExchangePointer."""
    _COMPARE_EXCHANGE_POINTER.check_arguments(destination, exchange, comperand)
    return _compare_exchange(destination, exchange or 0, comperand or 0, 8) & _POINTER or None


def _load(address: int, size: int) -> int:
    return int.from_bytes(read(address, size), "little", signed=True)


def _store(address: int, value: int, size: int) -> None:
    write(address, (value & ((1 << 8 * size) - 1)).to_bytes(size, "little"))


def _change(address: int, value: int, size: int) -> int:
    """Add `value` and return the new value."""
    _store(address, _load(address, size) + value, size)
    return _load(address, size)


def _replace(address: int, value: int, size: int) -> int:
    """Store `value` and return the old one."""
    before = _load(address, size)
    _store(address, value, size)
    return before


def _compare_exchange(address: int, value: int, wanted: int, size: int) -> int:
    """Store `value` if `wanted` is there, and return the old value; both are compared as the memory holds them."""
    before = _load(address, size)
    if not (before ^ wanted) & ((1 << 8 * size) - 1):
        _store(address, value, size)
    return before


def _change_bit(address: int, bit: int, size: int, *, to: int) -> bool:
    """Give a bit another value; the bit's number may be that of any bit behind or before the address."""
    width = 8 * size
    place = address + bit // width * size
    mask = 1 << bit % width
    before = _load(place, size)
    _store(place, before | mask if to else before & ~mask, size)
    return bool(before & mask)
