# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The safe routines for UNICODE_STRING, which check the strings that they get. They write no NUL.

A text that does not fit is cut, and gives STATUS_BUFFER_OVERFLOW; a string that is not well-formed gives
STATUS_INVALID_PARAMETER.
"""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import STRSAFE_IGNORE_NULLS
from dirql.nt.status import STATUS_BUFFER_OVERFLOW, STATUS_INVALID_PARAMETER, STATUS_SUCCESS
from dirql.rtl.memory import write
from dirql.rtl.safe_strings import characters, formatted
from dirql.rtl.strings import Characters, UnicodeString, UnicodeText, unicode_characters, unicode_units

__all__ = [
    "cat",
    "cat_string",
    "copy",
    "copy_string",
    "init",
    "init_ex",
    "printf",
    "validate",
    "vprintf",
]

_INIT: Final = contract("RtlUnicodeStringInit")
_INIT_EX: Final = contract("RtlUnicodeStringInitEx")
_VALIDATE: Final = contract("RtlUnicodeStringValidate")
_COPY: Final = contract("RtlUnicodeStringCopy")
_COPY_STRING: Final = contract("RtlUnicodeStringCopyString")
_CAT: Final = contract("RtlUnicodeStringCat")
_CAT_STRING: Final = contract("RtlUnicodeStringCatString")
_PRINTF: Final = contract("RtlUnicodeStringPrintf")
_VPRINTF: Final = contract("RtlUnicodeStringVPrintf")

_WIDTH: Final = 2
_LONGEST: Final = 0xFFFE
"""The most bytes of a string, NTSTRSAFE_UNICODE_STRING_MAX_CCH units."""


def init(destination_string: UnicodeString, psz_src: Characters) -> int:
    """Describe a text that ends with a NUL, without a copy of it; follows RtlUnicodeStringInit."""
    _INIT.check_arguments(destination_string, psz_src)
    return _init(destination_string, psz_src)


def init_ex(destination_string: UnicodeString, psz_src: Characters, dw_flags: int) -> int:
    """Do as `init`; the only flag is STRSAFE_IGNORE_NULLS; follows RtlUnicodeStringInitEx."""
    _INIT_EX.check_arguments(destination_string, psz_src, dw_flags)
    if dw_flags & ~STRSAFE_IGNORE_NULLS:
        return STATUS_INVALID_PARAMETER
    return _init(destination_string, "" if psz_src is None and dw_flags else psz_src)


def validate(source_string: UnicodeText) -> int:
    """Say whether a string is well-formed, with a status; follows RtlUnicodeStringValidate."""
    _VALIDATE.check_arguments(source_string)
    return STATUS_SUCCESS if _is_valid(source_string) else STATUS_INVALID_PARAMETER


def copy(destination_string: UnicodeString, source_string: UnicodeText) -> int:
    """Put a string into the buffer of another; follows RtlUnicodeStringCopy."""
    _COPY.check_arguments(destination_string, source_string)
    if not _is_valid(source_string):
        return STATUS_INVALID_PARAMETER
    return _put(destination_string, unicode_units(source_string), append=False)


def copy_string(destination_string: UnicodeString, psz_src: Characters) -> int:
    """Put a text that ends with a NUL into the buffer of a string; follows RtlUnicodeStringCopyString."""
    _COPY_STRING.check_arguments(destination_string, psz_src)
    return _put(destination_string, characters(psz_src, _WIDTH) or b"", append=False)


def cat(destination_string: UnicodeString, source_string: UnicodeText) -> int:
    """Put a string behind another; follows RtlUnicodeStringCat."""
    _CAT.check_arguments(destination_string, source_string)
    if not _is_valid(source_string):
        return STATUS_INVALID_PARAMETER
    return _put(destination_string, unicode_units(source_string), append=True)


def cat_string(destination_string: UnicodeString, psz_src: Characters) -> int:
    """Put a text that ends with a NUL behind a string; follows RtlUnicodeStringCatString."""
    _CAT_STRING.check_arguments(destination_string, psz_src)
    return _put(destination_string, characters(psz_src, _WIDTH) or b"", append=True)


def printf(destination_string: UnicodeString, psz_format: Characters, *arguments: object) -> int:
    """Put a formatted text into the buffer of a string; follows RtlUnicodeStringPrintf."""
    _PRINTF.check_arguments(destination_string, psz_format)
    return _put(destination_string, formatted(_PRINTF, psz_format, arguments, _WIDTH), append=False)


def vprintf(destination_string: UnicodeString, psz_format: Characters, arg_list: tuple[object, ...]) -> int:
    """Do as `printf` with the arguments in a tuple; follows RtlUnicodeStringVPrintf."""
    _VPRINTF.check_arguments(destination_string, psz_format, arg_list)
    return _put(destination_string, formatted(_VPRINTF, psz_format, arg_list, _WIDTH), append=False)


def _init(destination: UnicodeString, source: Characters) -> int:
    address, units = unicode_characters(source)
    if len(units) > _LONGEST:
        return STATUS_INVALID_PARAMETER
    room = 0 if address is None else min(len(units) + _WIDTH, _LONGEST)
    destination.set(len(units), room, address)
    return STATUS_SUCCESS


def _is_valid(string: UnicodeText) -> bool:
    if isinstance(string, str):
        return True
    is_even = string.length % _WIDTH == 0 and string.maximum_length % _WIDTH == 0
    is_there = string.buffer is not None or (string.length == 0 and string.maximum_length == 0)
    return is_even and is_there and string.length <= string.maximum_length <= _LONGEST


def _put(destination: UnicodeString, units: bytes, *, append: bool) -> int:
    if not _is_valid(destination):
        return STATUS_INVALID_PARAMETER
    start = destination.length if append else 0
    part = units[: destination.maximum_length - start]
    if part:
        write((destination.buffer or 0) + start, part)
    destination.length = start + len(part)
    return STATUS_SUCCESS if len(part) == len(units) else STATUS_BUFFER_OVERFLOW
