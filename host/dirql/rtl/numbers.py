# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Numbers and GUIDs in strings."""

from __future__ import annotations

import re
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.guid import Guid
from dirql.nt.status import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
    STATUS_SUCCESS,
)
from dirql.rtl.allocation import allocate_buffer
from dirql.rtl.memory import write
from dirql.rtl.strings import (
    Characters,
    UnicodeString,
    UnicodeText,
    ansi_characters,
    unicode_text,
)

__all__ = [
    "char_to_integer",
    "guid_from_string",
    "int64_to_unicode_string",
    "int_ptr_to_unicode_string",
    "integer_to_unicode_string",
    "string_from_guid",
    "unicode_string_to_integer",
]

_TO_INTEGER: Final = contract("RtlUnicodeStringToInteger")
_CHAR_TO_INTEGER: Final = contract("RtlCharToInteger")
_FROM_INTEGER: Final = contract("RtlIntegerToUnicodeString")
_FROM_INT64: Final = contract("RtlInt64ToUnicodeString")
_FROM_INT_PTR: Final = contract("RtlIntPtrToUnicodeString")
_FROM_GUID: Final = contract("RtlStringFromGUID")
_TO_GUID: Final = contract("RtlGUIDFromString")

_BASES: Final = (2, 8, 10, 16)
_PREFIXES: Final = {"0b": 2, "0o": 8, "0x": 16}
_DIGITS: Final = "0123456789ABCDEF"
_GUID: Final = re.compile(
    r"\{([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}", re.IGNORECASE | re.ASCII
)


def unicode_string_to_integer(string: UnicodeText, base: int) -> tuple[int, int | None]:
    """The number at the beginning of a string: (status, value); follows RtlUnicodeStringToInteger (row RTL-08).

    With base 0 the prefixes 0x, 0o and 0b choose the base, which is 10 without one.
    """
    _TO_INTEGER.check_level(string)
    _TO_INTEGER.check_arguments(string, base)
    return _to_integer(unicode_text(string), base)


def char_to_integer(string: Characters, base: int) -> tuple[int, int | None]:
    """The number at the beginning of a text: (status, value); follows RtlCharToInteger."""
    _CHAR_TO_INTEGER.check_level(string)
    _CHAR_TO_INTEGER.check_arguments(string, base)
    return _to_integer(ansi_characters(string)[1].decode("latin-1"), base)


def integer_to_unicode_string(value: int, base: int, string: UnicodeString) -> int:
    """Write a number of 32 bits; follows RtlIntegerToUnicodeString (row RTL-10).

    Base 0 stands for 10. Returns STATUS_SUCCESS, STATUS_INVALID_PARAMETER for a base that is not 2, 8, 10 or 16, or
    STATUS_BUFFER_OVERFLOW with the length that is needed.
    """
    _FROM_INTEGER.check_with(value, string)
    _FROM_INTEGER.check_arguments(value, base, string)
    return _write_number(value & 0xFFFF_FFFF, base, string)


def int64_to_unicode_string(value: int, base: int, string: UnicodeString) -> int:
    """Write a number of 64 bits as `integer_to_unicode_string` does; follows RtlInt64ToUnicodeString."""
    _FROM_INT64.check_with(value, string)
    _FROM_INT64.check_arguments(value, base, string)
    return _write_number(value & 0xFFFF_FFFF_FFFF_FFFF, base, string)


def int_ptr_to_unicode_string(value: int, base: int, string: UnicodeString) -> int:
    """Write a number of a pointer's size, 64 bits; follows RtlIntPtrToUnicodeString."""
    _FROM_INT_PTR.check_with(value, string)
    _FROM_INT_PTR.check_arguments(value, base, string)
    return _write_number(value & 0xFFFF_FFFF_FFFF_FFFF, base, string)


def string_from_guid(guid: Guid, guid_string: UnicodeString) -> int:
    """Write a GUID into a buffer that is allocated for it, with braces and a NUL; follows RtlStringFromGUID."""
    _FROM_GUID.check_two(guid, guid_string)
    units = str(guid).encode("utf-16-le")
    buffer = allocate_buffer(len(units) + 2)
    if buffer is None:
        return STATUS_NO_MEMORY
    write(buffer, units + b"\0\0")
    guid_string.set(len(units), len(units) + 2, buffer)
    return STATUS_SUCCESS


def guid_from_string(guid_string: UnicodeText) -> tuple[int, Guid | None]:
    """The GUID that a string in braces stands for: (status, GUID); follows RtlGUIDFromString."""
    _TO_GUID.check_level(guid_string)
    _TO_GUID.check_arguments(guid_string)
    found = _GUID.match(unicode_text(guid_string))
    if found is None:
        return STATUS_INVALID_PARAMETER, None
    first, second, third, fourth, node = found.groups()
    return STATUS_SUCCESS, Guid(int(first, 16), int(second, 16), int(third, 16), bytes.fromhex(fourth + node))


def _to_integer(text: str, base: int) -> tuple[int, int | None]:
    place = 0
    while place < len(text) and text[place] <= " ":
        place += 1
    is_negative = text[place : place + 1] == "-"
    if text[place : place + 1] in ("-", "+"):
        place += 1
    if base == 0:
        base = _PREFIXES.get(text[place : place + 2], 10)
        place += 2 if base != 10 else 0
    elif base not in _BASES:
        return STATUS_INVALID_PARAMETER, None
    value = 0
    for character in text[place:]:
        digit = _DIGITS.find(character.upper()) if character.isascii() else -1
        if not 0 <= digit < base:
            break
        value = value * base + digit
    return STATUS_SUCCESS, (-value if is_negative else value) & 0xFFFF_FFFF


def _write_number(value: int, base: int, string: UnicodeString) -> int:
    base = base or 10
    if base not in _BASES:
        return STATUS_INVALID_PARAMETER
    digits = {2: f"{value:b}", 8: f"{value:o}", 10: str(value), 16: f"{value:X}"}[base]
    units = digits.encode("utf-16-le")
    string.length = len(units)
    if len(units) > string.maximum_length:
        return STATUS_BUFFER_OVERFLOW
    write(string.buffer, units + b"\0\0" if len(units) + 2 <= string.maximum_length else units)
    return STATUS_SUCCESS
