# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Upper and lower case of UTF-16 units, as the system's table has them.

The table maps one unit to one unit. It leaves a unit alone whose partner would not lead back to it, such as the micro
sign and the dotless i; the final sigma and the dotted capital I are mapped nevertheless.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.rtl.code_page import ANSI

__all__ = ["downcase_char", "downcase_units", "upcase_ansi", "upcase_char", "upcase_units", "upper_char"]

_UPCASE_CHAR: Final = contract("RtlUpcaseUnicodeChar")
_DOWNCASE_CHAR: Final = contract("RtlDowncaseUnicodeChar")
_UPPER_CHAR: Final = contract("RtlUpperChar")
_UNITS: Final = 0x1_0000
_SURROGATES: Final = range(0xD800, 0xE000)
_GEORGIAN: Final = range(0x10D0, 0x1100)
"""Letters that Unicode has given capitals after the table was made."""


_ONE_WAY: Final = {"upper": {0x03C2: 0x03A3}, "lower": {0x0130: 0x0069}}
"""The units that are mapped although their partner leads to another one."""


def _partner(unit: int, other: str, back: str) -> int:
    """The unit in the other case, if it has one that leads back."""
    return ord(other) if len(other) == 1 and back == chr(unit) and ord(other) < _UNITS else unit


@cache
def _upper(unit: int) -> int:
    if unit in _SURROGATES or unit in _GEORGIAN:
        return unit
    upper = chr(unit).upper()
    return _ONE_WAY["upper"].get(unit) or _partner(unit, upper, upper.lower())


@cache
def _lower(unit: int) -> int:
    if unit in _SURROGATES or unit in _GEORGIAN:
        return unit
    lower = chr(unit).lower()
    return _ONE_WAY["lower"].get(unit) or _partner(unit, lower, lower.upper())


def upcase_units(units: bytes) -> bytes:
    """UTF-16 units in upper case; half a unit at the end stays as it is."""
    return _map(units, _upper)


def downcase_units(units: bytes) -> bytes:
    """UTF-16 units in lower case; half a unit at the end stays as it is."""
    return _map(units, _lower)


def upcase_ansi(text: bytes) -> bytes:
    """Characters of the ANSI code page in upper case; one whose upper case is not in the code page stays."""
    upper = ANSI.from_unicode(upcase_units(ANSI.to_unicode(text)))
    return bytes([old if new == 0x3F else new for old, new in zip(text, upper, strict=True)])


def _map(units: bytes, cased: Callable[[int], int]) -> bytes:
    count = len(units) // 2
    numbers = struct.unpack_from(f"<{count}H", units)
    return struct.pack(f"<{count}H", *[cased(number) for number in numbers]) + units[2 * count :]


def upcase_char(source_character: int) -> int:
    """The upper case of a UTF-16 unit; follows RtlUpcaseUnicodeChar."""
    _UPCASE_CHAR.check_level(source_character)
    _UPCASE_CHAR.check_arguments(source_character)
    return _upper(source_character)


def downcase_char(source_character: int) -> int:
    """The lower case of a UTF-16 unit; follows RtlDowncaseUnicodeChar."""
    _DOWNCASE_CHAR.check_level(source_character)
    _DOWNCASE_CHAR.check_arguments(source_character)
    return _lower(source_character)


def upper_char(character: int) -> int:
    """The upper case of a character of the ANSI code page; follows RtlUpperChar."""
    _UPPER_CHAR.check_level(character)
    _UPPER_CHAR.check_arguments(character)
    return upcase_ansi(bytes([character & 0xFF]))[0]
