# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The file of a recording: lines of JSON in gzip (RFC 1952), as `zcat` and `jq` read them.

docs/recording.md has the form of the lines.

The lines come in pieces, each a gzip member with a check sum of its own. A file that was cut off anywhere can be read
to its last whole line.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dirql.ke.origin import Mark, describe_mark
from dirql.target.contract import TargetError
from dirql.target.recording.entries import Entry
from dirql.target.recording.lines import (
    VERSION,
    End,
    Header,
    Line,
    LineError,
    NumberedEntry,
    OtherVersion,
    PlaceName,
    read_line,
    write_line,
)

__all__ = ["RecordingError", "RecordingReader", "RecordingWriter"]

_PIECE = 1 << 18
"""The bytes of lines from which on they become a piece of the file."""
_LATEST = 1.0
"""The longest time, in seconds, for which lines wait to be written while the machine is used."""
_LEVEL = 1
"""The level of compression: a higher one takes longer than the machine of a simulation."""
_READ = 1 << 16
_LONGEST = 1 << 28
"""The most bytes of a line, or of a piece; what is longer is no recording."""
_GZIP = 31
"""The argument of zlib for members with the head and the check sum of gzip."""
_MARK = b"\x1f\x8b"
"""The begin of such a member."""


class RecordingError(TargetError):
    """A file is no recording that can be used; the message says why."""


class RecordingWriter:
    """Writes a recording. After an error of the disk nothing more is written, and `failure` says why."""

    def __init__(self, path: Path, header: Header) -> None:
        """Begin the file. Raises `RecordingError` for one that cannot be written."""
        self.failure = ""
        self._file: BinaryIO | None = None
        self._lines: list[bytes] = []
        self._size = 0
        self._entries = 0
        self._places: dict[Mark | str, int] = {}
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RecordingError(
                f"a recording must go to a file that can be written; it was {path}, but {reason}"
            ) from error
        self._written_at = time.monotonic()
        self._put(write_line(header))
        self.flush()

    def add(self, entry: Entry, place: Mark | str | None) -> None:
        """Write an entry; `place` is the place in a driver or a program that made the call, None or "" for neither."""
        number = None
        if place:
            number = self._places.get(place)
            if number is None:
                number = self._places[place] = len(self._places)
                self._put(
                    write_line(PlaceName(number, place if isinstance(place, str) else describe_mark(place)))
                )
        self._entries += 1
        self._put(write_line(entry, number))
        if self._size >= _PIECE or time.monotonic() - self._written_at >= _LATEST:
            self.flush()

    def _put(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)

    def flush(self) -> None:
        """Write all lines into the file."""
        piece = b"".join(self._lines)
        self._lines.clear()
        self._size = 0
        self._written_at = time.monotonic()
        if self._file is None or not piece:
            return
        try:
            left = memoryview(gzip.compress(piece, _LEVEL, mtime=0))
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.failure = (error.strerror or str(error)).lower()
            self._file.close()
            self._file = None

    def close(self) -> None:
        """End the recording; a second call does nothing."""
        if self._file is not None:
            self._put(write_line(End(self._entries)))
            self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None


class RecordingReader:
    """Reads a recording: `header` at once, and the entries one after another."""

    def __init__(self, path: Path) -> None:
        """Read the begin. Raises `RecordingError` for a file that is no recording of this version."""
        self.path = path
        self.cut = ""
        """After the last entry: the sentence that says why there are no more; empty for a recording that was ended."""
        self._places: dict[int, str] = {}
        self._count = 0
        self._lines = self._read_lines()
        first = next(self._lines, None)
        if isinstance(first, OtherVersion):
            raise RecordingError(
                f"a recording must have the version {VERSION}; {path} has the version {first.version}, which dirql"
                f" {first.release} wrote: use that release, or record again"
            )
        if not isinstance(first, Header):
            why = self.cut or ("it is empty" if first is None else "its first line is another one")
            raise RecordingError(f"a recording must begin as --record writes it; {path} does not: {why}")
        self.header = first

    def entries(self) -> Iterator[Entry]:
        """The entries that are left."""
        for line in self._lines:
            if isinstance(line, NumberedEntry):
                self._count += 1
                if line.place is not None:
                    line.entry.place = self._places.get(line.place, "")
                yield line.entry
            elif isinstance(line, PlaceName):
                self._places[line.number] = line.text
            elif isinstance(line, End):
                if line.entries != self._count:
                    self.cut = f"it must have {line.entries:,} calls; {self._count:,} were there, so a part is missing"
                return
            else:
                self.cut = "a second recording follows the first"
                return
        if not self.cut:
            self.cut = "it was cut off, because the program that wrote it was ended or still runs"

    def _read_lines(self) -> Iterator[Line]:
        number = 0
        try:
            for piece in self._read_pieces():
                for text in piece.split(b"\n")[:-1]:
                    number += 1
                    yield read_line(text)
        except LineError as error:
            self.cut = f"line {number:,} is none of a recording: {error}"
        except OSError as error:
            self.cut = (error.strerror or str(error)).lower()

    def _read_pieces(self) -> Iterator[bytes]:
        """The lines of each member, and of one that was cut off the whole lines.

        A damaged member, and all behind it, is left out.
        """
        with self.path.open("rb") as file:
            left = file.read(_READ)
            if not left.startswith(_MARK[: len(left)]):
                self.cut = "it is another kind of file"
                return
            while left:
                try:
                    octets, rest = _read_member(file, left)
                except zlib.error as error:
                    self.cut = f"a part of it is damaged: {error}"
                    return
                if rest is None:
                    self.cut = "it was cut off"
                    yield octets[: octets.rfind(b"\n") + 1]
                    return
                yield octets
                left = rest or file.read(_READ)


def _read_member(file: BinaryIO, left: bytes) -> tuple[bytes, bytes | None]:
    """The contents of a member that begins with `left`, and the bytes behind it; None for one that was cut off.

    Raises `zlib.error` for one that is damaged or too long.
    """
    member = zlib.decompressobj(_GZIP)
    octets = bytearray(member.decompress(left, _LONGEST))
    while not member.eof and len(octets) < _LONGEST and (left := file.read(_READ)):
        octets += member.decompress(left, _LONGEST - len(octets))
    if len(octets) >= _LONGEST:
        raise zlib.error("it is too long")
    return bytes(octets), member.unused_data if member.eof else None
