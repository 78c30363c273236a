# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Values that RtlQueryRegistryValues stores where the caller says (RTL_QUERY_REGISTRY_DIRECT)."""

from __future__ import annotations

import struct
from typing import Final

from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_BUFFER_TOO_SMALL, STATUS_NO_MEMORY, STATUS_SUCCESS
from dirql.rtl.allocation import allocate_buffer
from dirql.rtl.memory import read, write
from dirql.rtl.strings import UnicodeString

__all__ = ["store_number", "store_text"]

_NUL: Final = b"\0\0"
_STRING: Final = struct.Struct("<HHxxxxQ")
"""A UNICODE_STRING in memory."""
_LONGEST: Final = 0xFFFE

Place = int | UnicodeString
"""The caller's memory: its address, or a UNICODE_STRING, which is memory of 16 bytes in C."""


def store_text(place: Place, data: bytes) -> int:
    """Give a text to the UNICODE_STRING at a place, which gets a buffer of paged pool if it has none."""
    if not data.endswith(_NUL) or len(data) % 2:
        data += _NUL
    data = data[:_LONGEST]
    try:
        _, room, buffer = _STRING.unpack(_contents(place, _STRING.size))
        if not buffer:
            buffer, room = allocate_buffer(len(data)) or 0, len(data)
        if not buffer:
            return STATUS_NO_MEMORY
        if room < len(data):
            return STATUS_BUFFER_TOO_SMALL
        write(buffer, data)
        _put(place, _STRING.pack(len(data) - 2, room, buffer))
    except StatusException as error:
        return error.status
    return STATUS_SUCCESS


def store_number(place: Place, type: int, data: bytes) -> int:
    """Store data that is no text.

    Up to four bytes are stored as they are. For more, the place begins with a LONG: the size of the place, negative if
    only the data is wanted, else the length and the type go before the data.
    """
    try:
        if len(data) <= 4:
            _put(place, data)
            return STATUS_SUCCESS
        room = int.from_bytes(_contents(place, 4), "little", signed=True)
        if room >= 0:
            data = struct.pack("<II", len(data), type) + data
        if abs(room) < len(data):
            return STATUS_BUFFER_TOO_SMALL
        _put(place, data)
    except StatusException as error:
        return error.status
    return STATUS_SUCCESS


def _contents(place: Place, size: int) -> bytes:
    if isinstance(place, int):
        return read(place, size)
    return _STRING.pack(place.length, place.maximum_length, place.buffer or 0)[:size]


def _put(place: Place, data: bytes) -> None:
    """Write over a place; a UNICODE_STRING is spoiled by data of another kind, as it is in C."""
    if isinstance(place, int):
        write(place, data)
        return
    length, room, buffer = _STRING.unpack(data[:16] + _contents(place, 16)[len(data) :])
    place.set(length, room, buffer or None)
