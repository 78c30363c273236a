# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads wave dumps in the format Value Change Dump, compressed ones too, and in the format FST."""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path
from typing import TextIO

from vcd.reader import Token, TokenKind, VCDParseError, tokenize

from dirql.dump.fst import FstFile, is_fst
from dirql.dump.values import GAP, UNKNOWN, Change, DumpError, Value, Variable

__all__ = ["DumpReader"]

_UNITS = {"s": 10**15, "ms": 10**12, "us": 10**9, "ns": 10**6, "ps": 10**3, "fs": 1}
"""The femtoseconds of each unit of time."""
_STATES = "01xXzZuUwWlLhH-"
_HIGH, _FLOATING, _LOW = "1hH", "zZ", "0lL"
"""The states of a bit, those of VHDL's std_logic included. Any other state is unknown."""
_IN_NAME = re.compile(r"[\[(<](\d+)(?::(\d+))?[\])>]$")
"""The bits that an escaped name tells, as those of netlists do."""
_GZIP = b"\x1f\x8b"


class DumpReader:
    """A file in the format Value Change Dump of IEEE 1800, 21.7: its variables, then its changes in their order.

    The file may be compressed with gzip, and it may be an FST file. Raises `DumpError` for a file that is neither, or
    that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.variables: list[Variable] = []
        self.femtoseconds = _UNITS["ns"]
        """The femtoseconds of a unit of the dump's time."""
        try:
            self._fst = FstFile(path) if is_fst(path) else None
            self._file: TextIO = self._fst.head() if self._fst is not None else _open(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DumpError(
                f"a dump must be a file that can be read; {path} could not be: {reason}"
            ) from error
        try:
            self._read_head()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file of the dump."""
        self._file.close()
        if self._fst is not None:
            self._fst.close()

    def changes(self, codes: Collection[str]) -> Iterator[Change]:
        """The changes, once, those of the variables with these codes at least. A `GAP` is where dumping was off.

        A dump that ends within a change is taken as far as it goes.

        pyvcd reads changes too, a character at a time: a dump of 69 MB took 30 s, and takes 4 s.
        """
        if self._fst is not None:
            self._file.close()
            self._file = self._fst.changes(codes)
        time = 0
        words = self._words()
        for word in words:
            first = word[0]
            if first == "#" and len(word) > 1:
                before, time = time, self._time(word)
                if time < before and next(words, None) is not None:
                    raise DumpError(
                        f"the times of a dump must not go back; {self._path} has #{time} after #{before}: give it one"
                        " run alone"
                    )
            elif first in _STATES:
                yield Change(time, word[1:], _value(first))
            elif first in "bB":
                code = next(words, None)
                if code is not None:
                    yield Change(time, code, _value(word[1:]))
            elif word == "$dumpoff":
                yield Change(time, GAP, UNKNOWN)
            else:
                self._pass(word, words, time)

    def _pass(self, word: str, words: Iterator[str], time: int) -> None:
        """Pass over what is no change of a wire."""
        if word[0] in "rRsS":
            next(words, None)
        elif word == "$comment":
            while next(words, "$end") != "$end":
                pass
        elif word == "#" and next(words, None) is None:
            return  # the dump was cut off here
        elif word[0] != "$":
            raise DumpError(f"{self._path} must be a VCD file; a change in it is {word!r}, at time {time}")

    def _words(self) -> Iterator[str]:
        """The words of the file. A compressed file that was cut off is taken as far as it goes."""
        try:
            for line in self._file:
                yield from line.split()
        except EOFError:
            return

    def _time(self, word: str) -> int:
        try:
            return int(word[1:].partition(".")[0])
        except ValueError:
            raise DumpError(f"{self._path} must be a VCD file; a time in it is {word!r}") from None

    def _read_head(self) -> None:
        """Read the declarations, which end with a line that has $enddefinitions and $end."""
        head = list[str]()
        try:
            if self._has_head(head):
                self._declare("".join(head))
                return
        except EOFError:
            pass
        raise DumpError(
            f"{self._path} must be a VCD file, which has $enddefinitions, or an FST file; it is neither: convert it to"
            " VCD with the tool of its simulator"
        )

    def _has_head(self, head: list[str]) -> bool:
        """Take the lines of the declarations into `head`; whether they end."""
        has_begun = False
        for line in self._file:
            head.append(line)
            has_begun = has_begun or "$enddefinitions" in line
            if has_begun and "$end" in line.rpartition("$enddefinitions")[2]:
                return True
            if "\0" in line:
                break
        return False

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


def _open(path: Path) -> TextIO:
    with path.open("rb") as file:
        is_compressed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path, "rt", encoding="latin-1") if is_compressed else path.open(encoding="latin-1")


def _variable(scope: tuple[str, ...], token: Token) -> Variable:
    declared = token.var
    index, name = declared.bit_index, declared.reference.removeprefix("\\")
    if index is None and (match := _IN_NAME.search(name)) and match.start():
        name, first, last = name[: match.start()], int(match[1]), int(match[2] or match[1])
        index = first if match[2] is None else (first, last)
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
