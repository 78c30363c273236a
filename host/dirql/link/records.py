# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Event records in the short form of the link, and in the 16 bytes in which the timestamp unit makes them."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from dirql.registers.protocol import EventField, LinkRecord

__all__ = ["RecordReader", "RecordWriter"]

_CLOCK_BITS = EventField.BITS
_CLOCK = (1 << _CLOCK_BITS) - 1
_CLOCK_BYTES = (1, 2, 4, 6)
"""The length of the clock by its form."""
_ABSOLUTE = 3

# The fields of `EventField`, the lowest first: the clock with the bits above it, function, vector, causes, mark.
_RECORD = struct.Struct("<QBBHI")
_FIELDS = (
    (LinkRecord.FUNCTION, 1),
    (LinkRecord.VECTOR, 1),
    (LinkRecord.CAUSES, 2),
    (LinkRecord.MARK, 4),
)
"""The place in the first byte that says whether a field is present, and the bytes of the field."""


class RecordReader:
    """Reads the records of one session; their clocks count from one record to the next."""

    __slots__ = ("_clock",)

    def __init__(self) -> None:
        self._clock = 0

    def read(self, body: bytes) -> bytes:
        """The records of an EVENTS, 16 bytes each. A record that is not whole ends them."""
        records = bytearray()
        at = 0
        while at < len(body):
            first = body[at]
            form = first >> LinkRecord.CLOCK_FORM & 3
            end = at + 1 + _CLOCK_BYTES[form]
            clock = int.from_bytes(body[at + 1 : end], "little")
            bits = int.from_bytes(body[end : end + 2], "little")
            at = end + 2
            values = []
            for place, size in _FIELDS:
                present = size if first >> place & 1 else 0
                values.append(int.from_bytes(body[at : at + present], "little"))
                at += present
            if at > len(body):
                break
            self._clock = (clock if form == _ABSOLUTE else self._clock + clock) & _CLOCK
            function, vector, causes, mark = values
            records += _RECORD.pack(self._clock | bits << _CLOCK_BITS, function, vector, causes, mark)
        return bytes(records)


class RecordWriter:
    """Makes the short form, as a device does."""

    __slots__ = ("_clock",)

    def __init__(self) -> None:
        self._clock = 0

    def write(self, records: Iterable[tuple[int, int, int, int, int, int]]) -> bytes:
        """The body of an EVENTS; each record is clock, bits, function, vector, causes and mark."""
        body = bytearray()
        for clock, bits, *fields in records:
            since = clock - self._clock
            self._clock = clock
            form = _ABSOLUTE
            if since >= 0:
                form = next((n for n in range(_ABSOLUTE) if since < 1 << 8 * _CLOCK_BYTES[n]), _ABSOLUTE)
            first = form << LinkRecord.CLOCK_FORM
            tail = bits.to_bytes(2, "little")
            for (place, size), value in zip(_FIELDS, fields, strict=True):
                if value:
                    first |= 1 << place
                    tail += value.to_bytes(size, "little")
            told = clock if form == _ABSOLUTE else since
            body.append(first)
            body += told.to_bytes(_CLOCK_BYTES[form], "little") + tail
        return bytes(body)
