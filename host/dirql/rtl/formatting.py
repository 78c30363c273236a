# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Formatted texts by the rules of Microsoft's C library for x64, as DbgPrint and RtlStringCbPrintf have them.

An `int` and a `long` have 32 bits, `%I64` and `%ll` stand for 64. Floating point is not supported in the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dirql.rtl.code_page import ANSI
from dirql.rtl.memory import read_terminated
from dirql.rtl.strings import AnsiString, UnicodeString, ansi_bytes

__all__ = ["Formatted", "format_text"]

_FIELD: Final = re.compile(
    r"%(?P<flags>[-+ #0]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d*))?"
    r"(?P<size>I64|I32|I|hh|h|ll|l|w|z|t|j)?(?P<kind>.)?",
    re.DOTALL,
)
_BITS: Final = {"hh": 8, "h": 16, "I64": 64, "ll": 64, "I": 64, "z": 64, "t": 64, "j": 64}
"""The bits of a number by its size prefix; 32 for any other."""
_FLOATS: Final = frozenset("aAeEfFgG")
_POINTER_DIGITS: Final = 16


class Formatted(NamedTuple):
    """A text, and what was remarkable about its format."""

    text: str
    wide: str
    """The fields that need the tables of UTF-16 characters, such as "%wZ", with spaces between them."""
    unsupported: str
    """The fields that the kernel does not support, such as "%f"; the text has them as they are."""


class _Field(NamedTuple):
    """One field of a format, with the numbers for its stars."""

    text: str
    flags: str
    width: int
    precision: int | None
    size: str
    kind: str


class _Arguments:
    """The arguments that are left."""

    def __init__(self, arguments: tuple[object, ...]) -> None:
        self._left = iter(arguments)
        self._number = len(arguments)

    def take(self, field: str) -> object:
        for argument in self._left:
            return argument
        raise ValueError(
            f"Format must have a field for each argument and no more; there was no argument for {field!r} behind the"
            f" {self._number} that were given"
        )

    def take_number(self, field: str) -> int:
        argument = self.take(field)
        if argument is None:
            return 0
        if not isinstance(argument, int):
            raise TypeError(f"the argument for {field!r} in Format must be an integer; it was {argument!r}")
        return argument


def format_text(format_: str, arguments: tuple[object, ...], *, is_wide: bool = False) -> Formatted:
    """The text that a format and its arguments make; with `is_wide` by the rules for formats of UTF-16 characters.

    A string's argument is an address, a string or bytes, or None for NULL, that of %Z and %wZ a counted string. Raises
    `ValueError` for a field without an argument, `TypeError` for an argument of another kind.
    """
    left = _Arguments(arguments)
    wide: list[str] = []
    unsupported: list[str] = []
    parts: list[str] = []
    end = 0
    for found in _FIELD.finditer(format_):
        parts.append(format_[end : found.start()])
        end = found.end()
        parts.extend(_format_field(_field(found, left), left, is_wide, wide, unsupported))
    parts.append(format_[end:])
    return Formatted("".join(parts), " ".join(wide), " ".join(unsupported))


def _field(found: re.Match[str], left: _Arguments) -> _Field:
    """One field; a star takes its number from the arguments, and a negative width stands for the flag "-"."""
    text, flags = found[0], found["flags"]
    width = left.take_number(text) if found["width"] == "*" else int(found["width"] or 0)
    if width < 0:
        flags, width = flags + "-", -width
    digits = found["precision"]
    precision = left.take_number(text) if digits == "*" else None if digits is None else int(digits or 0)
    if precision is not None and precision < 0:
        precision = None
    return _Field(text, flags, width, precision, found["size"] or "", found["kind"] or "")


def _format_field(
    field: _Field, left: _Arguments, is_wide: bool, wide: list[str], unsupported: list[str]
) -> Iterator[str]:
    kind = field.kind
    if kind in "diouxXp" and kind:
        yield _pad(field, *_number(field, left.take_number(field.text)))
    elif kind in "cCsSZ" and kind:
        has_wide = _has_wide(field, is_wide)
        if has_wide:
            wide.append(field.text)
        yield _pad(field, "", _characters(field, left.take(field.text), has_wide))
    elif kind in _FLOATS or kind == "n":
        left.take(field.text)
        unsupported.append(field.text)
        yield field.text
    else:  # "%%" is a percent sign, and an unknown letter stands for itself
        yield kind


def _has_wide(field: _Field, is_wide: bool) -> bool:
    """Whether the argument consists of UTF-16 units."""
    if field.size in ("w", "l", "ll"):
        return True
    if field.size in ("h", "hh") or field.kind == "Z":
        return False
    return is_wide is field.kind.islower()


def _number(field: _Field, value: int) -> tuple[str, str]:
    """The sign or prefix of a number, and its digits."""
    kind = field.kind
    if kind == "p":
        digits = f"{value & 0xFFFF_FFFF_FFFF_FFFF:0{_POINTER_DIGITS}X}"
        return ("0X" if "#" in field.flags else ""), digits
    bits = _BITS.get(field.size, 32)
    value &= (1 << bits) - 1
    sign = ""
    if kind in "di":
        value -= (value >> bits - 1) << bits
        sign = "-" if value < 0 else "+" if "+" in field.flags else " " if " " in field.flags else ""
    elif "#" in field.flags and kind in "xX" and value:
        sign = f"0{kind}"
    digits = format(abs(value), {"i": "d", "u": "d"}.get(kind, kind))
    if field.precision is not None:
        digits = "" if value == 0 and field.precision == 0 else digits.rjust(field.precision, "0")
    elif "0" in field.flags and "-" not in field.flags:
        digits = digits.rjust(field.width - len(sign), "0")
    if "#" in field.flags and kind == "o" and not digits.startswith("0"):
        digits = f"0{digits}"
    return sign, digits


def _pad(field: _Field, sign: str, text: str) -> str:
    whole = sign + text
    if "-" in field.flags:
        return whole.ljust(field.width)
    return whole.rjust(field.width, "0" if "0" in field.flags and field.kind in "cCsSZ" else " ")


def _characters(field: _Field, argument: object, has_wide: bool) -> str:
    if field.kind in "cC":
        return _character(field, argument, has_wide)
    if field.kind == "Z":
        argument = _counted(field, argument)
    if argument is None:
        text = "(null)"
    elif isinstance(argument, str):
        text = argument
    elif isinstance(argument, bytes):
        text = _decode(argument, has_wide=has_wide)
    elif isinstance(argument, int):
        width = 2 if has_wide else 1
        limit = None if field.precision is None else field.precision * width
        text = _decode(read_terminated(argument, width, limit), has_wide=has_wide)
    else:
        raise TypeError(
            f"the argument for {field.text!r} in Format must be an address or a string; it was {argument!r}"
        )
    return text if field.precision is None else text[: field.precision]


def _character(field: _Field, argument: object, has_wide: bool) -> str:
    if isinstance(argument, str | bytes) and len(argument) == 1:
        return argument if isinstance(argument, str) else _decode(argument, has_wide=False)
    if not isinstance(argument, int):
        raise TypeError(f"the argument for {field.text!r} in Format must be a character; it was {argument!r}")
    if has_wide:
        return _decode((argument & 0xFFFF).to_bytes(2, "little"), has_wide=True)
    return _decode(bytes([argument & 0xFF]), has_wide=False)


def _counted(field: _Field, argument: object) -> str | None:
    """The text of a counted string; None for NULL, or for a string with a NULL buffer."""
    if argument is None or isinstance(argument, str):
        return argument
    if isinstance(argument, UnicodeString | AnsiString):
        return None if argument.buffer is None else str(argument)
    if isinstance(argument, bytes):
        return _decode(ansi_bytes(argument), has_wide=False)
    what = "a UNICODE_STRING" if field.size in ("w", "l") else "an ANSI_STRING"
    raise TypeError(f"the argument for {field.text!r} in Format must be {what}; it was {argument!r}")


def _decode(contents: bytes, *, has_wide: bool) -> str:
    units = contents if has_wide else ANSI.to_unicode(contents)
    return units[: len(units) & ~1].decode("utf-16-le", "surrogatepass")
