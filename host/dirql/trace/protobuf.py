# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The protocol buffers wire format, as far as writing needs it: varints, fixed 64-bit numbers and lengths with bytes.

Reference: "Encoding", Protocol Buffers documentation.
"""

from __future__ import annotations

import enum
from functools import cache

__all__ = ["fixed64", "message", "number", "text"]

_WIRE_TYPES = 8
_GROUP = 128
"""A byte of a varint carries 7 bits, the lowest byte first; the top bit says that more bytes follow."""

_ONE_BYTE = [bytes((value,)) for value in range(_GROUP)]


class _Wire(enum.IntEnum):
    VARINT = 0
    FIXED64 = 1
    BYTES = 2


def _varint(value: int) -> bytes:
    """The bytes of a varint; `value` must not be negative."""
    if value < _GROUP:
        return _ONE_BYTE[value]
    groups = bytearray()
    while value >= _GROUP:
        value, low = divmod(value, _GROUP)
        groups.append(low + _GROUP)
    groups.append(value)
    return bytes(groups)


@cache
def _tag(field: int, wire: _Wire) -> bytes:
    return _varint(field * _WIRE_TYPES + wire)


def number(field: int, value: int) -> bytes:
    """A field of an integer, enum or bool type. `value` must not be negative."""
    return _tag(field, _Wire.VARINT) + _varint(value)


def fixed64(field: int, value: int) -> bytes:
    """A field of type fixed64."""
    return _tag(field, _Wire.FIXED64) + value.to_bytes(8, "little")


def message(field: int, content: bytes) -> bytes:
    """A field that holds a message, a string or bytes."""
    return _tag(field, _Wire.BYTES) + _varint(len(content)) + content


@cache
def text(field: int, value: str) -> bytes:
    """A field of type string. The result is cached, because a trace repeats the same names."""
    return message(field, value.encode())
