# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Counted strings: UNICODE_STRING and ANSI_STRING, and the routines that make one of a text.

A string is three numbers: the length and the room of its buffer in bytes, and the address of the buffer. Where a
routine takes a string only to read it, a driver may give the text itself.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from mypy_extensions import mypyc_attr

from dirql.ke.processors.contract import contract
from dirql.mm.manager import running
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_NAME_TOO_LONG, STATUS_SUCCESS
from dirql.rtl.code_page import ANSI
from dirql.rtl.memory import read, read_terminated

__all__ = [
    "AnsiString",
    "AnsiText",
    "Characters",
    "CountedString",
    "UnicodeString",
    "UnicodeText",
    "ansi_bytes",
    "ansi_characters",
    "is_well_formed",
    "unicode_characters",
    "unicode_text",
    "unicode_units",
    "validate_unicode_string",
]

_INIT_UNICODE: Final = contract("RtlInitUnicodeString")
_INIT_UNICODE_EX: Final = contract("RtlInitUnicodeStringEx")
_INIT_ANSI: Final = contract("RtlInitAnsiString")
_INIT_STRING: Final = contract("RtlInitString")
_INIT_ANSI_EX: Final = contract("RtlInitAnsiStringEx")
_INIT_EMPTY_UNICODE: Final = contract("RtlInitEmptyUnicodeString")
_INIT_EMPTY_ANSI: Final = contract("RtlInitEmptyAnsiString")
_VALIDATE: Final = contract("RtlValidateUnicodeString")

_LONGEST_UNICODE: Final = 0xFFFC
"""The most bytes of a UNICODE_STRING that a terminating NUL follows."""
_LONGEST_ANSI: Final = 0xFFFE


@mypyc_attr(allow_interpreted_subclasses=True)
class CountedString:
    """A counted string. `length` and `maximum_length` are bytes, `buffer` is an address, or None for NULL."""

    __slots__ = ("buffer", "length", "maximum_length")

    def __init__(self, length: int = 0, maximum_length: int = 0, buffer: int | None = None) -> None:
        """Make a string with these members."""
        self.length = length
        self.maximum_length = maximum_length
        self.buffer = buffer

    def contents(self) -> bytes:
        """The bytes of the string."""
        return read(self.buffer, self.length) if self.length else b""

    def set(self, length: int, maximum_length: int, buffer: int | None) -> None:
        """Give each member another value."""
        self.length = length
        self.maximum_length = maximum_length
        self.buffer = buffer


@mypyc_attr(allow_interpreted_subclasses=True)
class UnicodeString(CountedString):
    """A counted string of UTF-16 units (UNICODE_STRING); `str` gives its text."""

    __slots__ = ()

    def __str__(self) -> str:
        """The text; half a unit at the end is left out."""
        contents = self.contents()
        return contents[: len(contents) & ~1].decode("utf-16-le", "surrogatepass")

    def __repr__(self) -> str:
        return f"<UNICODE_STRING of {self.length} of {self.maximum_length} bytes at {self.buffer or 0:#x}>"

    def init(self, source_string: Characters) -> None:
        """Describe a text that ends with a NUL, without a copy of it; follows RtlInitUnicodeString (row RTL-01)."""
        _INIT_UNICODE.check(self)
        _INIT_UNICODE.check_arguments(self, source_string)
        address, contents = unicode_characters(source_string)
        length = min(len(contents), _LONGEST_UNICODE)
        self.set(length, length + 2 if address is not None else 0, address)

    def init_ex(self, source_string: Characters) -> int:
        """Do as `init`, but return STATUS_NAME_TOO_LONG for a text that is too long; follows RtlInitUnicodeStringEx."""
        _INIT_UNICODE_EX.check(self)
        _INIT_UNICODE_EX.check_arguments(self, source_string)
        address, contents = unicode_characters(source_string)
        if len(contents) > _LONGEST_UNICODE:
            return STATUS_NAME_TOO_LONG
        self.set(len(contents), len(contents) + 2 if address is not None else 0, address)
        return STATUS_SUCCESS

    def init_empty(self, buffer: int | None, buffer_size: int) -> None:
        """Describe an empty string in a buffer of `buffer_size` bytes; follows RtlInitEmptyUnicodeString."""
        _INIT_EMPTY_UNICODE.check_arguments(self, buffer, buffer_size)
        self.set(0, buffer_size, buffer)


@mypyc_attr(allow_interpreted_subclasses=True)
class AnsiString(CountedString):
    """A counted string of bytes (ANSI_STRING, OEM_STRING, STRING); `bytes` gives its contents."""

    __slots__ = ()

    def __bytes__(self) -> bytes:
        """The bytes of the string."""
        return self.contents()

    def __str__(self) -> str:
        """The text in the ANSI code page."""
        return ANSI.to_unicode(self.contents()).decode("utf-16-le")

    def __repr__(self) -> str:
        return f"<ANSI_STRING of {self.length} of {self.maximum_length} bytes at {self.buffer or 0:#x}>"

    def init(self, source_string: Characters) -> None:
        """Describe a text that ends with a NUL, without a copy of it; follows RtlInitAnsiString (row RTL-01)."""
        _INIT_ANSI.check(self)
        _INIT_ANSI.check_arguments(self, source_string)
        address, contents = ansi_characters(source_string)
        length = min(len(contents), _LONGEST_ANSI)
        self.set(length, length + 1 if address is not None else 0, address)

    def init_string(self, source_string: Characters) -> None:
        """Do as `init`; follows RtlInitString."""
        _INIT_STRING.check(self)
        _INIT_STRING.check_arguments(self, source_string)
        address, contents = ansi_characters(source_string)
        length = min(len(contents), _LONGEST_ANSI)
        self.set(length, length + 1 if address is not None else 0, address)

    def init_ex(self, source_string: Characters) -> int:
        """Do as `init`, but return STATUS_NAME_TOO_LONG for a text that is too long; follows RtlInitAnsiStringEx."""
        _INIT_ANSI_EX.check(self)
        _INIT_ANSI_EX.check_arguments(self, source_string)
        address, contents = ansi_characters(source_string)
        if len(contents) > _LONGEST_ANSI:
            return STATUS_NAME_TOO_LONG
        self.set(len(contents), len(contents) + 1 if address is not None else 0, address)
        return STATUS_SUCCESS

    def init_empty(self, buffer: int | None, buffer_size: int) -> None:
        """Describe an empty string in a buffer of `buffer_size` bytes; follows RtlInitEmptyAnsiString."""
        _INIT_EMPTY_ANSI.check_arguments(self, buffer, buffer_size)
        self.set(0, buffer_size, buffer)


UnicodeText: TypeAlias = UnicodeString | str
"""A UNICODE_STRING that is only read."""
AnsiText: TypeAlias = AnsiString | bytes | str
"""An ANSI_STRING that is only read."""
Characters: TypeAlias = int | str | bytes | None
"""A text that ends with a NUL: its address, or the text, which stands for a string literal of C."""


def unicode_units(text: UnicodeText) -> bytes:
    """The UTF-16 units of a string, two bytes for each."""
    return text.encode("utf-16-le", "surrogatepass") if isinstance(text, str) else text.contents()


def unicode_text(text: UnicodeText) -> str:
    """The text of a string, for the services that keep names as Python's strings."""
    return str(text)


def ansi_bytes(text: AnsiText) -> bytes:
    """The bytes of a string."""
    if isinstance(text, str):
        return ANSI.from_unicode(text.encode("utf-16-le", "surrogatepass"))
    return text if isinstance(text, bytes) else text.contents()


def unicode_characters(source: Characters) -> tuple[int | None, bytes]:
    """The address and the UTF-16 units of a text up to its NUL."""
    if isinstance(source, str | bytes):
        text = source if isinstance(source, bytes) else source.encode("utf-16-le", "surrogatepass")
        source = running.value.literals.address_of(text + b"\0\0")
    return (None, b"") if source is None else (source, read_terminated(source, 2))


def ansi_characters(source: Characters) -> tuple[int | None, bytes]:
    """The address and the bytes of a text up to its NUL."""
    if isinstance(source, str | bytes):
        source = running.value.literals.address_of(ansi_bytes(source) + b"\0")
    return (None, b"") if source is None else (source, read_terminated(source, 1))


def validate_unicode_string(flags: int, string: UnicodeText | None) -> int:
    """Say whether a string is well-formed, with a status; follows RtlValidateUnicodeString."""
    _VALIDATE.check_level(flags)
    _VALIDATE.check_arguments(flags, string)
    if flags or (string is not None and not is_well_formed(string)):
        return STATUS_INVALID_PARAMETER
    return STATUS_SUCCESS


def is_well_formed(string: UnicodeText) -> bool:
    """Whether the lengths of a string are even, in their order, and those of a buffer that is there."""
    if isinstance(string, str):
        return True
    lengths = (string.length, string.maximum_length)
    is_even = not any(length % 2 for length in lengths)
    is_there = string.buffer is not None or lengths == (0, 0)
    return is_even and is_there and string.length <= string.maximum_length
