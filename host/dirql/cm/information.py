# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The information classes of keys and values, byte for byte as on x64.

A layout has fixed members and then the parts that vary, such as a name. A buffer without room for the fixed members is
STATUS_BUFFER_TOO_SMALL, and nothing is written. One without room for all that varies is STATUS_BUFFER_OVERFLOW, and
gets as much as fits (row REG-06).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.cm.key import Key, Value, units
from dirql.nt.constants import (
    KeyBasicInformation,
    KeyCachedInformation,
    KeyFullInformation,
    KeyHandleTagsInformation,
    KeyNameInformation,
    KeyNodeInformation,
    KeyValueBasicInformation,
    KeyValueFullInformation,
    KeyValueFullInformationAlign64,
    KeyValuePartialInformation,
    KeyValuePartialInformationAlign64,
    KeyVirtualizationInformation,
)

__all__ = ["ENUMERATED", "KEY_CLASSES", "VALUE_CLASSES", "Layout"]

_NOT_THERE: Final = 0xFFFF_FFFF
"""The offset of a part that is empty."""


class Layout:
    """Information as bytes: the fixed members come first, and `contents` begins with them."""

    __slots__ = ("contents", "fixed")

    def __init__(self, fixed: bytes, *parts: tuple[int, bytes]) -> None:
        """Each part is its offset and its bytes."""
        self.fixed = len(fixed)
        contents = fixed
        for offset, part in parts:
            if part:
                contents += bytes(offset - len(contents)) + part
        self.contents = contents


def _up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment


def _basic(key: Key) -> Layout:
    name = units(key.name)
    return Layout(struct.pack("<qII", key.last_write_time, 0, len(name)), (16, name))


def _node(key: Key) -> Layout:
    name, class_name = units(key.name), units(key.class_name)
    offset = _up(24 + len(name), 4)
    where = offset if class_name else _NOT_THERE
    fixed = struct.pack("<qIIII", key.last_write_time, 0, where, len(class_name), len(name))
    return Layout(fixed, (24, name), (offset, class_name))


def _longest(parts: list[bytes]) -> int:
    return max((len(part) for part in parts), default=0)


def _full(key: Key) -> Layout:
    class_name, subkeys, values = units(key.class_name), list(key.subkeys()), list(key.values())
    fixed = struct.pack(
        "<qIIIIIIIII",
        key.last_write_time,
        0,
        44 if class_name else _NOT_THERE,
        len(class_name),
        len(subkeys),
        _longest([units(below.name) for below in subkeys]),
        _longest([units(below.class_name) for below in subkeys]),
        len(values),
        _longest([units(value.name) for value in values]),
        _longest([value.data for value in values]),
    )
    return Layout(fixed, (44, class_name))


def _name(key: Key) -> Layout:
    path = units(key.path)
    return Layout(struct.pack("<I", len(path)), (4, path))


def _cached(key: Key) -> Layout:
    subkeys, values = list(key.subkeys()), list(key.values())
    return Layout(
        struct.pack(
            "<qIIIIIIII",
            key.last_write_time,
            0,
            len(subkeys),
            _longest([units(below.name) for below in subkeys]),
            len(values),
            _longest([units(value.name) for value in values]),
            _longest([value.data for value in values]),
            len(units(key.name)),
            0,
        )
    )


def _flags(key: Key) -> Layout:
    """Nothing is virtualized, and no handle has tags."""
    del key
    return Layout(bytes(4))


KEY_CLASSES: Final[dict[int, Callable[[Key], Layout]]] = {
    KeyBasicInformation: _basic,
    KeyNodeInformation: _node,
    KeyFullInformation: _full,
    KeyNameInformation: _name,
    KeyCachedInformation: _cached,
    KeyVirtualizationInformation: _flags,
    KeyHandleTagsInformation: _flags,
}
"""The information about a key by its class."""
ENUMERATED: Final = (KeyBasicInformation, KeyNodeInformation, KeyFullInformation)
"""The classes that ZwEnumerateKey knows."""


def _value_basic(value: Value) -> Layout:
    name = units(value.name)
    return Layout(struct.pack("<III", 0, value.type, len(name)), (12, name))


def _value_full(value: Value, alignment: int = 4) -> Layout:
    name = units(value.name)
    offset = _up(20 + len(name), alignment)
    where = offset if value.data else _NOT_THERE
    fixed = struct.pack("<IIIII", 0, value.type, where, len(value.data), len(name))
    return Layout(fixed, (20, name), (offset, value.data))


def _value_full_align64(value: Value) -> Layout:
    return _value_full(value, 8)


def _value_partial(value: Value) -> Layout:
    return Layout(struct.pack("<III", 0, value.type, len(value.data)), (12, value.data))


def _value_partial_align64(value: Value) -> Layout:
    return Layout(struct.pack("<II", value.type, len(value.data)), (8, value.data))


VALUE_CLASSES: Final[dict[int, Callable[[Value], Layout]]] = {
    KeyValueBasicInformation: _value_basic,
    KeyValueFullInformation: _value_full,
    KeyValuePartialInformation: _value_partial,
    KeyValueFullInformationAlign64: _value_full_align64,
    KeyValuePartialInformationAlign64: _value_partial_align64,
}
"""The information about a value by its class."""
