# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that make a string in another case or another code page.

With `allocate_destination_string` they allocate the buffer of the destination, which RtlFreeUnicodeString or
RtlFreeAnsiString frees.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING,
    RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE,
)
from dirql.nt.status import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PARAMETER_2,
    STATUS_NO_MEMORY,
    STATUS_SUCCESS,
)
from dirql.rtl.allocation import allocate_buffer, free_buffer
from dirql.rtl.case import downcase_units, upcase_ansi, upcase_units
from dirql.rtl.code_page import ANSI, OEM, CodePage
from dirql.rtl.memory import write
from dirql.rtl.strings import (
    AnsiString,
    AnsiText,
    Characters,
    CountedString,
    UnicodeString,
    UnicodeText,
    ansi_bytes,
    is_well_formed,
    unicode_characters,
    unicode_units,
)

__all__ = [
    "ansi_string_to_unicode_size",
    "ansi_string_to_unicode_string",
    "create_unicode_string",
    "downcase_unicode_string",
    "duplicate_unicode_string",
    "free_ansi_string",
    "free_oem_string",
    "free_unicode_string",
    "oem_string_to_unicode_string",
    "unicode_string_to_ansi_size",
    "unicode_string_to_ansi_string",
    "unicode_string_to_oem_string",
    "upcase_unicode_string",
    "upper_string",
    "x_ansi_string_to_unicode_size",
    "x_unicode_string_to_ansi_size",
]

_UPCASE: Final = contract("RtlUpcaseUnicodeString")
_DOWNCASE: Final = contract("RtlDowncaseUnicodeString")
_UPPER: Final = contract("RtlUpperString")
_FROM_ANSI: Final = contract("RtlAnsiStringToUnicodeString")
_TO_ANSI: Final = contract("RtlUnicodeStringToAnsiString")
_FROM_OEM: Final = contract("RtlOemStringToUnicodeString")
_TO_OEM: Final = contract("RtlUnicodeStringToOemString")
_FROM_ANSI_SIZE: Final = contract("RtlAnsiStringToUnicodeSize")
_TO_ANSI_SIZE: Final = contract("RtlUnicodeStringToAnsiSize")
_X_FROM_ANSI_SIZE: Final = contract("RtlxAnsiStringToUnicodeSize")
_X_TO_ANSI_SIZE: Final = contract("RtlxUnicodeStringToAnsiSize")
_CREATE: Final = contract("RtlCreateUnicodeString")
_DUPLICATE: Final = contract("RtlDuplicateUnicodeString")
_FREE_UNICODE: Final = contract("RtlFreeUnicodeString")
_FREE_ANSI: Final = contract("RtlFreeAnsiString")
_FREE_OEM: Final = contract("RtlFreeOemString")

_LARGEST: Final = 0xFFFF
"""The most bytes that a string can have room for."""
_DUPLICATE_FLAGS: Final = (
    0,
    RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE,
    RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE | RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING,
)
_MOST_BYTES: Final = 0xFFFE
_MOST_UNITS: Final = 0xFFFE


def upcase_unicode_string(
    destination_string: UnicodeString, source_string: UnicodeText, allocate_destination_string: int
) -> int:
    """Put the source in upper case into the destination; follows RtlUpcaseUnicodeString. No NUL is written.

    Returns STATUS_SUCCESS, STATUS_NO_MEMORY, or STATUS_BUFFER_OVERFLOW, which changes nothing.
    """
    _UPCASE.check(destination_string)
    _UPCASE.check_arguments(destination_string, source_string, allocate_destination_string)
    units = upcase_units(unicode_units(source_string))
    return _put_units(destination_string, units, allocate_destination_string)


def downcase_unicode_string(
    destination_string: UnicodeString, source_string: UnicodeText, allocate_destination_string: int
) -> int:
    """Put the source in lower case into the destination; follows RtlDowncaseUnicodeString. No NUL is written.

    Returns STATUS_SUCCESS, STATUS_NO_MEMORY, or STATUS_BUFFER_OVERFLOW, which changes nothing.
    """
    _DOWNCASE.check(destination_string)
    _DOWNCASE.check_arguments(destination_string, source_string, allocate_destination_string)
    units = downcase_units(unicode_units(source_string))
    return _put_units(destination_string, units, allocate_destination_string)


def upper_string(destination_string: AnsiString, source_string: AnsiText) -> None:
    """Put as much of the source as there is room for into the destination, in upper case; follows RtlUpperString."""
    _UPPER.check(destination_string)
    _UPPER.check_arguments(destination_string, source_string)
    text = upcase_ansi(ansi_bytes(source_string))[: destination_string.maximum_length]
    if text:
        write(destination_string.buffer, text)
    destination_string.length = len(text)


def ansi_string_to_unicode_string(
    destination_string: UnicodeString, source_string: AnsiText, allocate_destination_string: int
) -> int:
    """Put the characters of the source as UTF-16 into the destination; follows RtlAnsiStringToUnicodeString.

    A NUL is written behind them. Returns STATUS_SUCCESS, STATUS_NO_MEMORY, STATUS_INVALID_PARAMETER_2 for a source that
    is too long, or STATUS_BUFFER_OVERFLOW, which writes nothing.
    """
    _FROM_ANSI.check(destination_string)
    _FROM_ANSI.check_arguments(destination_string, source_string, allocate_destination_string)
    return _widen(destination_string, ansi_bytes(source_string), ANSI, allocate_destination_string)


def unicode_string_to_ansi_string(
    destination_string: AnsiString, source_string: UnicodeText, allocate_destination_string: int
) -> int:
    """Put the source in the ANSI code page into the destination; follows RtlUnicodeStringToAnsiString.

    A NUL is written behind it. Returns STATUS_SUCCESS, STATUS_NO_MEMORY, STATUS_INVALID_PARAMETER_2 for a source that
    is too long, or STATUS_BUFFER_OVERFLOW with as many characters as there is room for.
    """
    _TO_ANSI.check(destination_string)
    _TO_ANSI.check_arguments(destination_string, source_string, allocate_destination_string)
    return _narrow(destination_string, unicode_units(source_string), ANSI, allocate_destination_string)


def oem_string_to_unicode_string(
    destination_string: UnicodeString, source_string: AnsiText, allocate_destination_string: int
) -> int:
    """Do as `ansi_string_to_unicode_string` for the OEM code page; follows RtlOemStringToUnicodeString."""
    _FROM_OEM.check(destination_string)
    _FROM_OEM.check_arguments(destination_string, source_string, allocate_destination_string)
    return _widen(destination_string, ansi_bytes(source_string), OEM, allocate_destination_string)


def unicode_string_to_oem_string(
    destination_string: AnsiString, source_string: UnicodeText, allocate_destination_string: int
) -> int:
    """Do as `unicode_string_to_ansi_string` for the OEM code page; follows RtlUnicodeStringToOemString."""
    _TO_OEM.check(destination_string)
    _TO_OEM.check_arguments(destination_string, source_string, allocate_destination_string)
    return _narrow(destination_string, unicode_units(source_string), OEM, allocate_destination_string)


def ansi_string_to_unicode_size(ansi_string: AnsiText) -> int:
    """The bytes that a string needs as UTF-16 with a NUL; follows RtlAnsiStringToUnicodeSize."""
    _FROM_ANSI_SIZE.check_level(ansi_string)
    _FROM_ANSI_SIZE.check_arguments(ansi_string)
    return 2 * (len(ansi_bytes(ansi_string)) + 1)


def unicode_string_to_ansi_size(unicode_string: UnicodeText) -> int:
    """The bytes that a string needs in the ANSI code page with a NUL; follows RtlUnicodeStringToAnsiSize."""
    _TO_ANSI_SIZE.check_level(unicode_string)
    _TO_ANSI_SIZE.check_arguments(unicode_string)
    return len(unicode_units(unicode_string)) // 2 + 1


def x_ansi_string_to_unicode_size(ansi_string: AnsiText) -> int:
    """Do as `ansi_string_to_unicode_size`; follows RtlxAnsiStringToUnicodeSize."""
    _X_FROM_ANSI_SIZE.check_level(ansi_string)
    _X_FROM_ANSI_SIZE.check_arguments(ansi_string)
    return 2 * (len(ansi_bytes(ansi_string)) + 1)


def x_unicode_string_to_ansi_size(unicode_string: UnicodeText) -> int:
    """Do as `unicode_string_to_ansi_size`; follows RtlxUnicodeStringToAnsiSize."""
    _X_TO_ANSI_SIZE.check_level(unicode_string)
    _X_TO_ANSI_SIZE.check_arguments(unicode_string)
    return len(unicode_units(unicode_string)) // 2 + 1


def create_unicode_string(destination_string: UnicodeString, source_string: Characters) -> bool:
    """Copy a text into a buffer that is allocated for it, and return whether that worked; RtlCreateUnicodeString."""
    _CREATE.check(destination_string)
    _CREATE.check_arguments(destination_string, source_string)
    _, units = unicode_characters(source_string)
    if len(units) >= _MOST_UNITS:
        return False
    buffer = allocate_buffer(len(units) + 2)
    if buffer is None:
        return False
    write(buffer, units + b"\0\0")
    destination_string.set(len(units), len(units) + 2, buffer)
    return True


def duplicate_unicode_string(
    flags: int, string_in: UnicodeText | None, string_out: UnicodeString | None
) -> int:
    """Copy a string into a buffer that is allocated for it; follows RtlDuplicateUnicodeString.

    RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE adds a NUL, which the length does not count. An empty string gets no
    buffer unless RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING is set too. STATUS_INVALID_PARAMETER for other
    flags, for NULL, and for a string that is not well-formed.
    """
    _DUPLICATE.check_with(flags, string_out)
    _DUPLICATE.check_arguments(flags, string_in, string_out)
    if flags not in _DUPLICATE_FLAGS or string_in is None or string_out is None:
        return STATUS_INVALID_PARAMETER
    if not is_well_formed(string_in):
        return STATUS_INVALID_PARAMETER
    units = unicode_units(string_in)
    end = b"\0\0" if flags else b""
    if not units and flags != _DUPLICATE_FLAGS[-1]:
        string_out.set(0, 0, None)
        return STATUS_SUCCESS
    if len(units) + len(end) > _MOST_BYTES:
        return STATUS_INVALID_PARAMETER
    buffer = allocate_buffer(len(units) + len(end))
    if buffer is None:
        return STATUS_NO_MEMORY
    write(buffer, units + end)
    string_out.set(len(units), len(units) + len(end), buffer)
    return STATUS_SUCCESS


def free_unicode_string(unicode_string: UnicodeString) -> None:
    """Free the buffer that a routine has allocated for a string; follows RtlFreeUnicodeString."""
    _FREE_UNICODE.check(unicode_string)
    free_buffer(unicode_string)


def free_ansi_string(ansi_string: AnsiString) -> None:
    """Free the buffer that a routine has allocated for a string; follows RtlFreeAnsiString."""
    _FREE_ANSI.check(ansi_string)
    free_buffer(ansi_string)


def free_oem_string(oem_string: AnsiString) -> None:
    """Free the buffer that a routine has allocated for a string; follows RtlFreeOemString."""
    _FREE_OEM.check(oem_string)
    free_buffer(oem_string)


def _put_units(destination: UnicodeString, units: bytes, allocate: int) -> int:
    """Put units without a NUL into the destination, or into a buffer that is allocated for it."""
    if allocate:
        buffer = allocate_buffer(len(units))
        if buffer is None:
            return STATUS_NO_MEMORY
        destination.maximum_length, destination.buffer = len(units), buffer
    elif len(units) > destination.maximum_length:
        return STATUS_BUFFER_OVERFLOW
    if units:
        write(destination.buffer, units)
    destination.length = len(units)
    return STATUS_SUCCESS


def _widen(destination: UnicodeString, text: bytes, page: CodePage, allocate: int) -> int:
    units = page.to_unicode(text)
    size = len(units) + 2
    if size > _LARGEST:
        return STATUS_INVALID_PARAMETER_2
    if allocate and not _allocate(destination, size):
        return STATUS_NO_MEMORY
    destination.length = len(units)
    if size > destination.maximum_length:
        return STATUS_BUFFER_OVERFLOW
    write(destination.buffer, units + b"\0\0")
    return STATUS_SUCCESS


def _narrow(destination: AnsiString, units: bytes, page: CodePage, allocate: int) -> int:
    text = page.from_unicode(units)
    size = len(text) + 1
    if size > _LARGEST:
        return STATUS_INVALID_PARAMETER_2
    if allocate and not _allocate(destination, size):
        return STATUS_NO_MEMORY
    destination.length = len(text)
    if size <= destination.maximum_length:
        write(destination.buffer, text + b"\0")
        return STATUS_SUCCESS
    if destination.maximum_length:
        destination.length = destination.maximum_length - 1
        write(destination.buffer, text[: destination.length] + b"\0")
    return STATUS_BUFFER_OVERFLOW


def _allocate(destination: CountedString, size: int) -> bool:
    """Give the destination a buffer of that size; a failure leaves the string as it is."""
    buffer = allocate_buffer(size)
    if buffer is None:
        return False
    destination.maximum_length, destination.buffer = size, buffer
    return True
