# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that compare, search and hash counted strings."""

from __future__ import annotations

import struct
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import HASH_STRING_ALGORITHM_DEFAULT, HASH_STRING_ALGORITHM_X65599
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_NOT_FOUND, STATUS_SUCCESS
from dirql.rtl.case import upcase_ansi, upcase_units
from dirql.rtl.strings import AnsiText, UnicodeText, ansi_bytes, unicode_units

__all__ = [
    "compare_string",
    "compare_unicode_string",
    "equal_string",
    "equal_unicode_string",
    "find_char_in_unicode_string",
    "hash_unicode_string",
    "prefix_string",
    "prefix_unicode_string",
]

_COMPARE_UNICODE: Final = contract("RtlCompareUnicodeString")
_EQUAL_UNICODE: Final = contract("RtlEqualUnicodeString")
_PREFIX_UNICODE: Final = contract("RtlPrefixUnicodeString")
_COMPARE: Final = contract("RtlCompareString")
_EQUAL: Final = contract("RtlEqualString")
_PREFIX: Final = contract("RtlPrefixString")
_HASH: Final = contract("RtlHashUnicodeString")
_FIND: Final = contract("RtlFindCharInUnicodeString")

_FROM_END: Final = 1
_COMPLEMENT: Final = 2
_IGNORE_CASE: Final = 4
"""The flags of RtlFindCharInUnicodeString, for which the headers have no names."""
_MULTIPLIER: Final = 65599
_ULONG: Final = 0xFFFF_FFFF


def compare_unicode_string(string1: UnicodeText, string2: UnicodeText, case_in_sensitive: int) -> int:
    """Below, equal to or above 0 as the first string is less, equal or greater; follows RtlCompareUnicodeString.

    The first units that differ decide, by their numbers in upper case if the case does not count; else the lengths.
    """
    _COMPARE_UNICODE.check_level(string1)
    _COMPARE_UNICODE.check_arguments(string1, string2, case_in_sensitive)
    return _compare(_units(string1, case_in_sensitive), _units(string2, case_in_sensitive))


def equal_unicode_string(string1: UnicodeText, string2: UnicodeText, case_in_sensitive: int) -> bool:
    """Whether two strings are equal; follows RtlEqualUnicodeString."""
    _EQUAL_UNICODE.check_level(string1)
    _EQUAL_UNICODE.check_arguments(string1, string2, case_in_sensitive)
    return _units(string1, case_in_sensitive) == _units(string2, case_in_sensitive)


def prefix_unicode_string(string1: UnicodeText, string2: UnicodeText, case_in_sensitive: int) -> bool:
    """Whether the second string begins with the first; follows RtlPrefixUnicodeString."""
    _PREFIX_UNICODE.check_level(string1)
    _PREFIX_UNICODE.check_arguments(string1, string2, case_in_sensitive)
    prefix = _units(string1, case_in_sensitive)
    return _units(string2, case_in_sensitive)[: len(prefix)] == prefix


def compare_string(string1: AnsiText, string2: AnsiText, case_in_sensitive: int) -> int:
    """Below, equal to or above 0 as the first string is less, equal or greater; follows RtlCompareString."""
    _COMPARE.check_level(string1)
    _COMPARE.check_arguments(string1, string2, case_in_sensitive)
    return _compare(tuple(_bytes(string1, case_in_sensitive)), tuple(_bytes(string2, case_in_sensitive)))


def equal_string(string1: AnsiText, string2: AnsiText, case_in_sensitive: int) -> bool:
    """Whether two strings are equal; follows RtlEqualString."""
    _EQUAL.check_level(string1)
    _EQUAL.check_arguments(string1, string2, case_in_sensitive)
    return _bytes(string1, case_in_sensitive) == _bytes(string2, case_in_sensitive)


def prefix_string(string1: AnsiText, string2: AnsiText, case_in_sensitive: int) -> bool:
    """Whether the second string begins with the first; follows RtlPrefixString."""
    _PREFIX.check_level(string1)
    _PREFIX.check_arguments(string1, string2, case_in_sensitive)
    return _bytes(string2, case_in_sensitive).startswith(_bytes(string1, case_in_sensitive))


def hash_unicode_string(
    string: UnicodeText | None, case_in_sensitive: int, hash_algorithm: int
) -> tuple[int, int | None]:
    """The hash of a string: (status, hash); follows RtlHashUnicodeString."""
    _HASH.check_level(string)
    _HASH.check_arguments(string, case_in_sensitive, hash_algorithm)
    known = (HASH_STRING_ALGORITHM_DEFAULT, HASH_STRING_ALGORITHM_X65599)
    if string is None or hash_algorithm not in known:
        return STATUS_INVALID_PARAMETER, None
    value = 0
    for unit in _units(string, case_in_sensitive):
        value = (value * _MULTIPLIER + unit) & _ULONG
    return STATUS_SUCCESS, value


def find_char_in_unicode_string(
    flags: int, main_string: UnicodeText, search_chars: UnicodeText
) -> tuple[int, int]:
    """The place of the first unit that is in a set: (status, position); RtlFindCharInUnicodeString (row RTL-11).

    Flag 1 searches from the end, 2 for a unit that is not in the set, 4 regardless of case. The position is in bytes.
    """
    _FIND.check_level(flags)
    _FIND.check_arguments(flags, main_string, search_chars)
    if flags & ~(_FROM_END | _COMPLEMENT | _IGNORE_CASE):
        return STATUS_INVALID_PARAMETER, 0
    units = _units(main_string, flags & _IGNORE_CASE)
    wanted = set(_units(search_chars, flags & _IGNORE_CASE))
    places = range(len(units))
    for place in reversed(places) if flags & _FROM_END else places:
        if (units[place] in wanted) != bool(flags & _COMPLEMENT):
            return STATUS_SUCCESS, 2 * (place if flags & _FROM_END else place + 1)
    return STATUS_NOT_FOUND, 0


def _units(text: UnicodeText, ignore_case: int) -> tuple[int, ...]:
    """The units of a string as numbers, without half a unit at the end."""
    units = unicode_units(text)
    if ignore_case:
        units = upcase_units(units)
    return struct.unpack_from(f"<{len(units) // 2}H", units)


def _bytes(text: AnsiText, ignore_case: int) -> bytes:
    contents = ansi_bytes(text)
    return upcase_ansi(contents) if ignore_case else contents


def _compare(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    for one, other in zip(first, second, strict=False):
        if one != other:
            return one - other
    return len(first) - len(second)
