# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that copy and append counted strings into buffers that the caller has."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.status import STATUS_BUFFER_TOO_SMALL, STATUS_SUCCESS
from dirql.rtl.memory import write
from dirql.rtl.strings import (
    AnsiString,
    AnsiText,
    Characters,
    CountedString,
    UnicodeString,
    UnicodeText,
    ansi_bytes,
    ansi_characters,
    unicode_characters,
    unicode_units,
)

__all__ = [
    "append_asciiz_to_string",
    "append_string_to_string",
    "append_unicode_string_to_string",
    "append_unicode_to_string",
    "copy_string",
    "copy_unicode_string",
]

_COPY_UNICODE: Final = contract("RtlCopyUnicodeString")
_COPY: Final = contract("RtlCopyString")
_APPEND_UNICODE_STRING: Final = contract("RtlAppendUnicodeStringToString")
_APPEND_UNICODE: Final = contract("RtlAppendUnicodeToString")
_APPEND_STRING: Final = contract("RtlAppendStringToString")
_APPEND_ASCIIZ: Final = contract("RtlAppendAsciizToString")


def copy_unicode_string(destination_string: UnicodeString, source_string: UnicodeText | None) -> None:
    """Copy as much of the source as there is room for; follows RtlCopyUnicodeString (row RTL-03).

    Without a source the destination becomes empty. A NUL is written behind the text if there is room.
    """
    _COPY_UNICODE.check(destination_string)
    _COPY_UNICODE.check_arguments(destination_string, source_string)
    units = b"" if source_string is None else unicode_units(source_string)
    _copy(destination_string, units, b"\0\0" if source_string is not None else b"")


def copy_string(destination_string: AnsiString, source_string: AnsiText | None) -> None:
    """Copy as much of the source as there is room for; follows RtlCopyString. No NUL is written."""
    _COPY.check(destination_string)
    _COPY.check_arguments(destination_string, source_string)
    _copy(destination_string, b"" if source_string is None else ansi_bytes(source_string), b"")


def append_unicode_string_to_string(destination: UnicodeString, source: UnicodeText) -> int:
    """Append the whole source, or change nothing; follows RtlAppendUnicodeStringToString (row RTL-04).

    Returns STATUS_SUCCESS or STATUS_BUFFER_TOO_SMALL.
    """
    _APPEND_UNICODE_STRING.check(destination)
    _APPEND_UNICODE_STRING.check_arguments(destination, source)
    units = unicode_units(source)
    return _append(destination, units, b"\0\0") if units else STATUS_SUCCESS


def append_unicode_to_string(destination: UnicodeString, source: Characters) -> int:
    """Append a text that ends with a NUL, or change nothing; follows RtlAppendUnicodeToString (row RTL-04).

    Returns STATUS_SUCCESS or STATUS_BUFFER_TOO_SMALL.
    """
    _APPEND_UNICODE.check(destination)
    _APPEND_UNICODE.check_arguments(destination, source)
    address, units = unicode_characters(source)
    return STATUS_SUCCESS if address is None else _append(destination, units, b"\0\0")


def append_string_to_string(destination: AnsiString, source: AnsiText) -> int:
    """Append the whole source, or change nothing; follows RtlAppendStringToString. No NUL is written.

    Returns STATUS_SUCCESS or STATUS_BUFFER_TOO_SMALL.
    """
    _APPEND_STRING.check(destination)
    _APPEND_STRING.check_arguments(destination, source)
    return _append(destination, ansi_bytes(source), b"")


def append_asciiz_to_string(destination: AnsiString, source: Characters) -> int:
    """Append a text that ends with a NUL, or change nothing; follows RtlAppendAsciizToString. No NUL is written.

    Returns STATUS_SUCCESS or STATUS_BUFFER_TOO_SMALL.
    """
    _APPEND_ASCIIZ.check(destination)
    _APPEND_ASCIIZ.check_arguments(destination, source)
    return _append(destination, ansi_characters(source)[1], b"")


def _copy(destination: CountedString, contents: bytes, end: bytes) -> None:
    contents = contents[: destination.maximum_length]
    destination.length = len(contents)
    if len(contents) + len(end) <= destination.maximum_length:
        contents += end
    if contents:
        write(destination.buffer, contents)


def _append(destination: CountedString, contents: bytes, end: bytes) -> int:
    length = destination.length + len(contents)
    if length > destination.maximum_length:
        return STATUS_BUFFER_TOO_SMALL
    if length + len(end) <= destination.maximum_length:
        contents += end
    if contents:
        write((destination.buffer or 0) + destination.length, contents)
    destination.length = length
    return STATUS_SUCCESS
