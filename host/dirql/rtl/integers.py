# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on LARGE_INTEGERs and other numbers of fixed width, which C has for compilers without them.

Results wrap as they do in C.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm.memory import read, write
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INTEGER_DIVIDE_BY_ZERO

__all__ = [
    "convert_long_to_large_integer",
    "convert_ulong_to_large_integer",
    "enlarged_integer_multiply",
    "enlarged_unsigned_divide",
    "enlarged_unsigned_multiply",
    "extended_integer_multiply",
    "extended_large_integer_divide",
    "extended_magic_divide",
    "find_least_significant_bit",
    "find_most_significant_bit",
    "large_integer_add",
    "large_integer_and",
    "large_integer_arithmetic_shift",
    "large_integer_divide",
    "large_integer_equal_to",
    "large_integer_equal_to_zero",
    "large_integer_greater_or_equal_to_zero",
    "large_integer_greater_than",
    "large_integer_greater_than_or_equal_to",
    "large_integer_greater_than_zero",
    "large_integer_less_or_equal_to_zero",
    "large_integer_less_than",
    "large_integer_less_than_or_equal_to",
    "large_integer_less_than_zero",
    "large_integer_negate",
    "large_integer_not_equal_to",
    "large_integer_not_equal_to_zero",
    "large_integer_shift_left",
    "large_integer_shift_right",
    "large_integer_subtract",
    "number_of_set_bits_ulong_ptr",
    "random",
    "random_ex",
    "ulong_byte_swap",
    "ulonglong_byte_swap",
    "uniform",
    "ushort_byte_swap",
]

_USHORT_BYTE_SWAP: Final = contract("RtlUshortByteSwap")
_ULONG_BYTE_SWAP: Final = contract("RtlUlongByteSwap")
_ULONGLONG_BYTE_SWAP: Final = contract("RtlUlonglongByteSwap")
_CONVERT_LONG_TO_LARGE_INTEGER: Final = contract("RtlConvertLongToLargeInteger")
_CONVERT_ULONG_TO_LARGE_INTEGER: Final = contract("RtlConvertUlongToLargeInteger")
_LARGE_INTEGER_ADD: Final = contract("RtlLargeIntegerAdd")
_LARGE_INTEGER_SUBTRACT: Final = contract("RtlLargeIntegerSubtract")
_LARGE_INTEGER_NEGATE: Final = contract("RtlLargeIntegerNegate")
_LARGE_INTEGER_AND: Final = contract("RtlLargeIntegerAnd")
_LARGE_INTEGER_SHIFT_LEFT: Final = contract("RtlLargeIntegerShiftLeft")
_LARGE_INTEGER_SHIFT_RIGHT: Final = contract("RtlLargeIntegerShiftRight")
_LARGE_INTEGER_ARITHMETIC_SHIFT: Final = contract("RtlLargeIntegerArithmeticShift")
_LARGE_INTEGER_GREATER_THAN: Final = contract("RtlLargeIntegerGreaterThan")
_LARGE_INTEGER_GREATER_THAN_OR_EQUAL_TO: Final = contract("RtlLargeIntegerGreaterThanOrEqualTo")
_LARGE_INTEGER_EQUAL_TO: Final = contract("RtlLargeIntegerEqualTo")
_LARGE_INTEGER_NOT_EQUAL_TO: Final = contract("RtlLargeIntegerNotEqualTo")
_LARGE_INTEGER_LESS_THAN: Final = contract("RtlLargeIntegerLessThan")
_LARGE_INTEGER_LESS_THAN_OR_EQUAL_TO: Final = contract("RtlLargeIntegerLessThanOrEqualTo")
_LARGE_INTEGER_GREATER_THAN_ZERO: Final = contract("RtlLargeIntegerGreaterThanZero")
_LARGE_INTEGER_GREATER_OR_EQUAL_TO_ZERO: Final = contract("RtlLargeIntegerGreaterOrEqualToZero")
_LARGE_INTEGER_EQUAL_TO_ZERO: Final = contract("RtlLargeIntegerEqualToZero")
_LARGE_INTEGER_NOT_EQUAL_TO_ZERO: Final = contract("RtlLargeIntegerNotEqualToZero")
_LARGE_INTEGER_LESS_THAN_ZERO: Final = contract("RtlLargeIntegerLessThanZero")
_LARGE_INTEGER_LESS_OR_EQUAL_TO_ZERO: Final = contract("RtlLargeIntegerLessOrEqualToZero")
_ENLARGED_INTEGER_MULTIPLY: Final = contract("RtlEnlargedIntegerMultiply")
_ENLARGED_UNSIGNED_MULTIPLY: Final = contract("RtlEnlargedUnsignedMultiply")
_EXTENDED_INTEGER_MULTIPLY: Final = contract("RtlExtendedIntegerMultiply")
_ENLARGED_UNSIGNED_DIVIDE: Final = contract("RtlEnlargedUnsignedDivide")
_EXTENDED_LARGE_INTEGER_DIVIDE: Final = contract("RtlExtendedLargeIntegerDivide")
_LARGE_INTEGER_DIVIDE: Final = contract("RtlLargeIntegerDivide")
_EXTENDED_MAGIC_DIVIDE: Final = contract("RtlExtendedMagicDivide")
_FIND_LEAST_SIGNIFICANT_BIT: Final = contract("RtlFindLeastSignificantBit")
_FIND_MOST_SIGNIFICANT_BIT: Final = contract("RtlFindMostSignificantBit")
_NUMBER_OF_SET_BITS_ULONG_PTR: Final = contract("RtlNumberOfSetBitsUlongPtr")
_UNIFORM: Final = contract("RtlUniform")
_RANDOM: Final = contract("RtlRandom")
_RANDOM_EX: Final = contract("RtlRandomEx")

_ALL: Final = 0xFFFF_FFFF_FFFF_FFFF
_ULONG: Final = 0xFFFF_FFFF
_SHIFT: Final = 63
_MODULUS: Final = 0x7FFF_FFFF
_FACTOR: Final = 0x7FFF_FFED
_INCREMENT: Final = 0x7FFF_FFC3


def ushort_byte_swap(source: int) -> int:
    """The two bytes in reverse order; follows RtlUshortByteSwap."""
    _USHORT_BYTE_SWAP.check_arguments(source)
    return int.from_bytes(source.to_bytes(2, "little"), "big")


def ulong_byte_swap(source: int) -> int:
    """The four bytes in reverse order; follows RtlUlongByteSwap."""
    _ULONG_BYTE_SWAP.check_arguments(source)
    return int.from_bytes(source.to_bytes(4, "little"), "big")


def ulonglong_byte_swap(source: int) -> int:
    """The eight bytes in reverse order; follows RtlUlonglongByteSwap."""
    _ULONGLONG_BYTE_SWAP.check_arguments(source)
    return int.from_bytes(source.to_bytes(8, "little"), "big")


def convert_long_to_large_integer(signed_integer: int) -> int:
    """The number with 64 bits; follows RtlConvertLongToLargeInteger."""
    _CONVERT_LONG_TO_LARGE_INTEGER.check_arguments(signed_integer)
    return signed_integer


def convert_ulong_to_large_integer(unsigned_integer: int) -> int:
    """The number with 64 bits; follows RtlConvertUlongToLargeInteger."""
    _CONVERT_ULONG_TO_LARGE_INTEGER.check_arguments(unsigned_integer)
    return unsigned_integer


def large_integer_add(addend1: int, addend2: int) -> int:
    """The sum; follows RtlLargeIntegerAdd."""
    _LARGE_INTEGER_ADD.check_arguments(addend1, addend2)
    return _signed(addend1 + addend2)


def large_integer_subtract(number1: int, number2: int) -> int:
    """The difference; follows RtlLargeIntegerSubtract."""
    _LARGE_INTEGER_SUBTRACT.check_arguments(number1, number2)
    return _signed(number1 - number2)


def large_integer_negate(number: int) -> int:
    """The number with the other sign; follows RtlLargeIntegerNegate."""
    _LARGE_INTEGER_NEGATE.check_arguments(number)
    return _signed(-number)


def large_integer_and(source: int, mask: int) -> int:
    """The bits that both have; follows RtlLargeIntegerAnd."""
    _LARGE_INTEGER_AND.check_arguments(source, mask)
    return _signed(source & mask)


def large_integer_shift_left(large_integer: int, shift_count: int) -> int:
    """The number shifted to the left; follows RtlLargeIntegerShiftLeft."""
    _LARGE_INTEGER_SHIFT_LEFT.check_arguments(large_integer, shift_count)
    return _signed(large_integer << (shift_count & _SHIFT))


def large_integer_shift_right(large_integer: int, shift_count: int) -> int:
    """The number shifted to the right, with zeros behind it; follows RtlLargeIntegerShiftRight."""
    _LARGE_INTEGER_SHIFT_RIGHT.check_arguments(large_integer, shift_count)
    return _signed((large_integer & _ALL) >> (shift_count & _SHIFT))


def large_integer_arithmetic_shift(large_integer: int, shift_count: int) -> int:
    """The number shifted to the right, with its sign behind it; follows RtlLargeIntegerArithmeticShift."""
    _LARGE_INTEGER_ARITHMETIC_SHIFT.check_arguments(large_integer, shift_count)
    return large_integer >> (shift_count & _SHIFT)


def large_integer_greater_than(operand1: int, operand2: int) -> bool:
    """Whether the first number is greater than the second; follows RtlLargeIntegerGreaterThan."""
    _LARGE_INTEGER_GREATER_THAN.check_arguments(operand1, operand2)
    return operand1 > operand2


def large_integer_greater_than_or_equal_to(operand1: int, operand2: int) -> bool:
    """Whether the first number is greater than or equal to the second; follows RtlLargeIntegerGreaterThanOrEqualTo."""
    _LARGE_INTEGER_GREATER_THAN_OR_EQUAL_TO.check_arguments(operand1, operand2)
    return operand1 >= operand2


def large_integer_equal_to(operand1: int, operand2: int) -> bool:
    """Whether the first number is equal to the second; follows RtlLargeIntegerEqualTo."""
    _LARGE_INTEGER_EQUAL_TO.check_arguments(operand1, operand2)
    return operand1 == operand2


def large_integer_not_equal_to(operand1: int, operand2: int) -> bool:
    """Whether the first number differs from the second; follows RtlLargeIntegerNotEqualTo."""
    _LARGE_INTEGER_NOT_EQUAL_TO.check_arguments(operand1, operand2)
    return operand1 != operand2


def large_integer_less_than(operand1: int, operand2: int) -> bool:
    """Whether the first number is less than the second; follows RtlLargeIntegerLessThan."""
    _LARGE_INTEGER_LESS_THAN.check_arguments(operand1, operand2)
    return operand1 < operand2


def large_integer_less_than_or_equal_to(operand1: int, operand2: int) -> bool:
    """Whether the first number is less than or equal to the second; follows RtlLargeIntegerLessThanOrEqualTo."""
    _LARGE_INTEGER_LESS_THAN_OR_EQUAL_TO.check_arguments(operand1, operand2)
    return operand1 <= operand2


def large_integer_greater_than_zero(operand: int) -> bool:
    """Whether the number is greater than zero; follows RtlLargeIntegerGreaterThanZero."""
    _LARGE_INTEGER_GREATER_THAN_ZERO.check_arguments(operand)
    return operand > 0


def large_integer_greater_or_equal_to_zero(operand: int) -> bool:
    """Whether the number is greater than or equal to zero; follows RtlLargeIntegerGreaterOrEqualToZero."""
    _LARGE_INTEGER_GREATER_OR_EQUAL_TO_ZERO.check_arguments(operand)
    return operand >= 0


def large_integer_equal_to_zero(operand: int) -> bool:
    """Whether the number is zero; follows RtlLargeIntegerEqualToZero."""
    _LARGE_INTEGER_EQUAL_TO_ZERO.check_arguments(operand)
    return operand == 0


def large_integer_not_equal_to_zero(operand: int) -> bool:
    """Whether the number is not zero; follows RtlLargeIntegerNotEqualToZero."""
    _LARGE_INTEGER_NOT_EQUAL_TO_ZERO.check_arguments(operand)
    return operand != 0


def large_integer_less_than_zero(operand: int) -> bool:
    """Whether the number is less than zero; follows RtlLargeIntegerLessThanZero."""
    _LARGE_INTEGER_LESS_THAN_ZERO.check_arguments(operand)
    return operand < 0


def large_integer_less_or_equal_to_zero(operand: int) -> bool:
    """Whether the number is less than or equal to zero; follows RtlLargeIntegerLessOrEqualToZero."""
    _LARGE_INTEGER_LESS_OR_EQUAL_TO_ZERO.check_arguments(operand)
    return operand <= 0


def enlarged_integer_multiply(multiplicand: int, multiplier: int) -> int:
    """The product with 64 bits; follows RtlEnlargedIntegerMultiply."""
    _ENLARGED_INTEGER_MULTIPLY.check_arguments(multiplicand, multiplier)
    return multiplicand * multiplier


def enlarged_unsigned_multiply(multiplicand: int, multiplier: int) -> int:
    """The product with 64 bits; follows RtlEnlargedUnsignedMultiply."""
    _ENLARGED_UNSIGNED_MULTIPLY.check_arguments(multiplicand, multiplier)
    return _signed(multiplicand * multiplier)


def extended_integer_multiply(multiplicand: int, multiplier: int) -> int:
    """The product with 64 bits; follows RtlExtendedIntegerMultiply."""
    _EXTENDED_INTEGER_MULTIPLY.check_arguments(multiplicand, multiplier)
    return _signed(multiplicand * multiplier)


def enlarged_unsigned_divide(dividend: int, divisor: int) -> tuple[int, int]:
    """Quotient and remainder, each of 32 bits; follows RtlEnlargedUnsignedDivide."""
    _ENLARGED_UNSIGNED_DIVIDE.check_arguments(dividend, divisor)
    _check_divisor(divisor)
    quotient, remainder = divmod(dividend, divisor)
    return quotient & _ULONG, remainder


def extended_large_integer_divide(dividend: int, divisor: int) -> tuple[int, int]:
    """Quotient and remainder, of numbers without a sign; follows RtlExtendedLargeIntegerDivide."""
    _EXTENDED_LARGE_INTEGER_DIVIDE.check_arguments(dividend, divisor)
    _check_divisor(divisor)
    quotient, remainder = divmod(dividend & _ALL, divisor)
    return _signed(quotient), remainder


def large_integer_divide(dividend: int, divisor: int) -> tuple[int, int]:
    """Quotient and remainder, of numbers without a sign; follows RtlLargeIntegerDivide."""
    _LARGE_INTEGER_DIVIDE.check_arguments(dividend, divisor)
    _check_divisor(divisor)
    quotient, remainder = divmod(dividend & _ALL, divisor & _ALL)
    return _signed(quotient), _signed(remainder)


def extended_magic_divide(dividend: int, magic_divisor: int, shift_count: int) -> int:
    """The quotient, by a product with the reciprocal of the divisor; follows RtlExtendedMagicDivide."""
    _EXTENDED_MAGIC_DIVIDE.check_arguments(dividend, magic_divisor, shift_count)
    product = abs(dividend) * (magic_divisor & _ALL) >> 64 + shift_count
    return _signed(-product if dividend < 0 else product)


def find_least_significant_bit(source_set: int) -> int:
    """The place of the lowest bit that is set, -1 without one; follows RtlFindLeastSignificantBit."""
    _FIND_LEAST_SIGNIFICANT_BIT.check_arguments(source_set)
    return (source_set & -source_set).bit_length() - 1


def find_most_significant_bit(source_set: int) -> int:
    """The place of the highest bit that is set, -1 without one; follows RtlFindMostSignificantBit."""
    _FIND_MOST_SIGNIFICANT_BIT.check_arguments(source_set)
    return source_set.bit_length() - 1


def number_of_set_bits_ulong_ptr(target: int) -> int:
    """The number of bits that are set; follows RtlNumberOfSetBitsUlongPtr."""
    _NUMBER_OF_SET_BITS_ULONG_PTR.check_arguments(target)
    return target.bit_count()


def uniform(seed: int) -> int:
    """A number from 0 to 0x7FFFFFFE; the seed at the address becomes the next one; follows RtlUniform."""
    _UNIFORM.check_arguments(seed)
    return _next(seed, 1)


def random(seed: int) -> int:
    """A number from 0 to 0x7FFFFFFE; the seed at the address becomes the next one; follows RtlRandom."""
    _RANDOM.check_arguments(seed)
    return _next(seed, 2)


def random_ex(seed: int) -> int:
    """A number from 0 to 0x7FFFFFFE; the seed at the address becomes the next one; follows RtlRandomEx."""
    _RANDOM_EX.check_arguments(seed)
    return _next(seed, 2)


def _signed(value: int) -> int:
    """The low 64 bits as a number with a sign."""
    return ((value + (1 << 63)) & _ALL) - (1 << 63)


def _check_divisor(divisor: int) -> None:
    """Raise STATUS_INTEGER_DIVIDE_BY_ZERO, as the processor does."""
    if divisor == 0:
        raise StatusException(STATUS_INTEGER_DIVIDE_BY_ZERO)


def _next(seed: int, steps: int) -> int:
    """Draw numbers from the generator of RtlUniform, and put the last one at the address of the seed."""
    value = int.from_bytes(read(seed, 4), "little")
    for _ in range(steps):
        value = (_FACTOR * value + _INCREMENT) % _MODULUS
    write(seed, value.to_bytes(4, "little"))
    return value
