# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Event records as the timestamp unit makes them: 16 bytes per record, little-endian."""

from __future__ import annotations

import struct

from dirql.target.contract import EventRecord

__all__ = ["decode_records", "encode_record"]

# The fields of `registers.protocol.EventField`, the lowest first; tests/unit/target/test_channel.py compares the two.
_RECORD = struct.Struct("<QIBBH")


def decode_records(data: bytes | memoryview) -> list[EventRecord]:
    """The records in `data`, in their order."""
    return [
        EventRecord(clock, bits, function, vector, mark)
        for clock, mark, vector, function, bits in _RECORD.iter_unpack(data)
    ]


def encode_record(record: EventRecord) -> bytes:
    """The 16 bytes of a record."""
    return _RECORD.pack(record.clock, record.mark, record.vector, record.function, record.bits)
