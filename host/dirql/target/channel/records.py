# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Event records as the timestamp unit makes them: 16 bytes per record, little-endian."""

from __future__ import annotations

import struct

from dirql.target.contract import EventRecord

__all__ = ["decode_records", "encode_record"]

# The fields of `registers.protocol.EventField`, the lowest first; tests/unit/target/test_channel.py compares the two.
_RECORD = struct.Struct("<QBBHI")
_CLOCK_BITS = 48
_CLOCK = (1 << _CLOCK_BITS) - 1


def decode_records(data: bytes | memoryview) -> list[EventRecord]:
    """The records in `data`, in their order."""
    return [
        EventRecord(low & _CLOCK, low >> _CLOCK_BITS, function, vector, mark, causes)
        for low, function, vector, causes, mark in _RECORD.iter_unpack(data)
    ]


def encode_record(record: EventRecord) -> bytes:
    """The 16 bytes of a record."""
    low = record.clock | record.bits << _CLOCK_BITS
    return _RECORD.pack(low, record.function, record.vector, record.causes, record.mark)
