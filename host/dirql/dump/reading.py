# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads wave dumps in the format Value Change Dump."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from vcd.reader import Token, TokenKind, VCDParseError, tokenize

from dirql.dump.values import Change, DumpError, Value, Variable

__all__ = ["DumpReader"]

_UNITS = {"s": 10**15, "ms": 10**12, "us": 10**9, "ns": 10**6, "ps": 10**3, "fs": 1}
"""The femtoseconds of each unit of time."""
_STATES = "01xXzZuUwWlLhH-"
_HIGH, _FLOATING, _LOW = "1hH", "zZ", "0lL"
"""The states of a bit, those of VHDL's std_logic included. Any other state is unknown."""


class DumpReader:
    """A file in the format Value Change Dump of IEEE 1800, 21.7: its variables, then its changes in their order.

    Raises `DumpError` for a file that is none, OSError for one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix == ".fst":
            words = f"convert it with: fst2vcd {path} -o {path.with_suffix('.vcd')}"
            raise DumpError(f"a wave dump must be a VCD file; {path} is an FST file: {words}")
        self._path = path
        self.variables: list[Variable] = []
        self.femtoseconds = _UNITS["ns"]
        """The femtoseconds of a unit of the dump's time."""
        self._file = path.open(encoding="latin-1")
        try:
            self._read_head()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file of the dump."""
        self._file.close()

    def changes(self) -> Iterator[Change]:
        """The changes, once. A dump that ends within a change is taken as far as it goes.

        pyvcd reads changes too, a character at a time: a dump of 69 MB took 30 s, and takes 4 s.
        """
        time = 0
        words = (word for line in self._file for word in line.split())
        for word in words:
            first = word[0]
            if first == "#":
                time = self._time(word)
            elif first in _STATES:
                yield Change(time, word[1:], _value(first))
            elif first in "bB":
                code = next(words, None)
                if code is not None:
                    yield Change(time, code, _value(word[1:]))
            elif first in "rRsS":
                next(words, None)
            elif word == "$comment":
                while next(words, "$end") != "$end":
                    pass
            elif first != "$":
                raise DumpError(
                    f"{self._path} must be a VCD file; a change in it is {word!r}, at time {time}"
                )

    def _time(self, word: str) -> int:
        try:
            return int(word[1:].partition(".")[0])
        except ValueError:
            raise DumpError(f"{self._path} must be a VCD file; a time in it is {word!r}") from None

    def _read_head(self) -> None:
        """Read the declarations, which end with a line that has $enddefinitions and $end."""
        head, has_begun = list[str](), False
        for line in self._file:
            head.append(line)
            has_begun = has_begun or "$enddefinitions" in line
            if has_begun and "$end" in line.rpartition("$enddefinitions")[2]:
                self._declare("".join(head))
                return
            if "\0" in line:
                break
        raise DumpError(f"{self._path} must be a VCD file, which has $enddefinitions; it has none")

    def _declare(self, head: str) -> None:
        scope: list[str] = []
        try:
            for token in tokenize(BytesIO(head.encode("latin-1"))):
                match token.kind:
                    case TokenKind.TIMESCALE:
                        scale = token.timescale
                        self.femtoseconds = int(scale.magnitude) * _UNITS[scale.unit.value]
                    case TokenKind.SCOPE:
                        scope.append(token.scope.ident)
                    case TokenKind.UPSCOPE:
                        scope[-1:] = []
                    case TokenKind.VAR:
                        self.variables.append(_variable(tuple(scope), token))
                    case _:
                        pass
        except (VCDParseError, ValueError) as error:
            raise DumpError(
                f"{self._path} must be a VCD file; its declarations are none, at {error}"
            ) from error


def _variable(scope: tuple[str, ...], token: Token) -> Variable:
    declared = token.var
    index, name = declared.bit_index, declared.reference.removeprefix("\\")
    if isinstance(index, tuple):
        first, last = index
        bits = tuple(range(first, last - 1, -1) if first >= last else range(first, last + 1))
    else:
        bits = (index or 0,) if declared.size == 1 else tuple(range(declared.size - 1, -1, -1))
    return Variable(scope, name, bits, declared.id_code, isinstance(index, int))


def _value(text: str) -> Value:
    """The value of a change; the last state of the text is that of the lowest bit.

    A text may be shorter than the variable. Its first state then stands for the bits that are left out, if it is
    neither 0 nor 1; so the numbers can be negative, with all high bits set.
    """
    if text.strip("01") == "":
        return Value(int(text, 2), 0, 0)
    unknown, floating = -int(_is_unknown(text[0])), -int(text[0] in _FLOATING)
    ones = 0
    for state in text:
        ones = ones << 1 | (state in _HIGH)
        unknown = unknown << 1 | _is_unknown(state)
        floating = floating << 1 | (state in _FLOATING)
    return Value(ones, unknown, floating)


def _is_unknown(state: str) -> bool:
    return state not in _HIGH and state not in _FLOATING and state not in _LOW
