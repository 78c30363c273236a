# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The information classes of keys and values, byte for byte, in buffers of every size."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.machine import Machine
from unit.cm.registry import SOFTWARE, allocate, attributes, create_key, set_value

NONE = 0xFFFF_FFFF
FILL = 0xEE


@pytest.fixture
def key(machine: Machine) -> int:
    """A key with a class, two subkeys and two values."""
    name = attributes(SOFTWARE + r"\Layout")
    status, handle, _ = wdm.ZwCreateKey(wdm.KEY_ALL_ACCESS, name, 0, "Kind", 0)
    assert handle is not None, hex(status)
    wdm.ZwCreateKey(wdm.KEY_ALL_ACCESS, attributes("odd", handle), 0, "Longer class", 0)
    create_key("subkey", handle)
    set_value(handle, "abc", wdm.REG_BINARY, b"12345")
    set_value(handle, "empty", wdm.REG_SZ, b"")
    return handle


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def time_of(key: int) -> bytes:
    buffer = allocate(64)
    wdm.ZwQueryKey(key, wdm.KeyBasicInformation, buffer, 64)
    return wdm.RtlReadMemory(buffer, 8)


def check_sizes(query: Callable[[int, int], tuple[int, int]], fixed: int, expected: bytes) -> None:
    """Ask with every length from 0 to more than enough (row REG-06)."""
    size = len(expected)
    buffer = allocate(size + 8)
    for length in range(size + 8):
        wdm.RtlFillMemory(buffer, size + 8, FILL)
        status, result_length = query(buffer, length)
        assert result_length == size
        written = wdm.RtlReadMemory(buffer, size + 8)
        if length < fixed:
            assert status == wdm.STATUS_BUFFER_TOO_SMALL
            assert written == bytes([FILL]) * (size + 8)
        else:
            assert status == (wdm.STATUS_SUCCESS if length >= size else wdm.STATUS_BUFFER_OVERFLOW)
            assert written == expected[:length].ljust(size + 8, bytes([FILL]))


def test_REG_06_REG_07_the_information_about_a_key(key: int) -> None:
    path = wide(r"\REGISTRY\MACHINE\SOFTWARE\Layout")
    time, name, kind = time_of(key), wide("Layout"), wide("Kind")
    basic = time + struct.pack("<II", 0, 12) + name
    node = time + struct.pack("<IIII", 0, 36, 8, 12) + name + kind
    sizes = (2, 12, 24, 2, 10, 5)
    full = time + struct.pack("<III6I", 0, 44, 8, *sizes) + kind
    cached = time + struct.pack("<I5III", 0, 2, 12, 2, 10, 5, 12, 0)
    for information_class, fixed, expected in (
        (wdm.KeyBasicInformation, 16, basic),
        (wdm.KeyNodeInformation, 24, node),
        (wdm.KeyFullInformation, 44, full),
        (wdm.KeyNameInformation, 4, struct.pack("<I", len(path)) + path),
        (wdm.KeyCachedInformation, 40, cached),
        (wdm.KeyVirtualizationInformation, 4, bytes(4)),
        (wdm.KeyHandleTagsInformation, 4, bytes(4)),
    ):

        def query(buffer: int, length: int, kind: int = information_class) -> tuple[int, int]:
            return wdm.ZwQueryKey(key, kind, buffer, length)

        check_sizes(query, fixed, expected)


def test_REG_07_a_subkey_with_an_odd_name_has_its_class_aligned(key: int) -> None:
    below = attributes("odd", key)
    status, handle = wdm.ZwOpenKey(wdm.KEY_READ, below)
    assert handle is not None, hex(status)
    expected = (
        time_of(handle) + struct.pack("<IIII", 0, 32, 24, 6) + wide("odd") + bytes(2) + wide("Longer class")
    )

    def query(buffer: int, length: int) -> tuple[int, int]:
        return wdm.ZwEnumerateKey(key, 0, wdm.KeyNodeInformation, buffer, length)

    check_sizes(query, 24, expected)


def test_REG_07_a_subkey_without_a_class_has_no_offset_of_it(key: int) -> None:
    buffer = allocate(128)
    assert wdm.ZwEnumerateKey(key, 1, wdm.KeyNodeInformation, buffer, 128) == (wdm.STATUS_SUCCESS, 36)
    node = wdm.KEY_NODE_INFORMATION(buffer)
    assert (node.class_offset, node.class_length, node.name) == (NONE, 0, "subkey")
    assert wdm.ZwEnumerateKey(key, 1, wdm.KeyFullInformation, buffer, 128) == (wdm.STATUS_SUCCESS, 44)
    full = wdm.KEY_FULL_INFORMATION(buffer)
    assert (full.class_offset, full.class_length, full.class_, full.sub_keys, full.values) == (
        NONE,
        0,
        "",
        0,
        0,
    )


VALUE = wide("abc")
VALUES = [
    (wdm.KeyValueBasicInformation, 12, struct.pack("<III", 0, wdm.REG_BINARY, 6) + VALUE),
    (
        wdm.KeyValueFullInformation,
        20,
        struct.pack("<IIIII", 0, wdm.REG_BINARY, 28, 5, 6) + VALUE + bytes(2) + b"12345",
    ),
    (wdm.KeyValuePartialInformation, 12, struct.pack("<III", 0, wdm.REG_BINARY, 5) + b"12345"),
    (
        wdm.KeyValueFullInformationAlign64,
        20,
        struct.pack("<IIIII", 0, wdm.REG_BINARY, 32, 5, 6) + VALUE + bytes(6) + b"12345",
    ),
    (wdm.KeyValuePartialInformationAlign64, 8, struct.pack("<II", wdm.REG_BINARY, 5) + b"12345"),
]


@pytest.mark.parametrize(("information_class", "fixed", "expected"), VALUES)
def test_REG_06_REG_07_the_information_about_a_value(
    key: int, information_class: int, fixed: int, expected: bytes
) -> None:
    def query(buffer: int, length: int) -> tuple[int, int]:
        return wdm.ZwQueryValueKey(key, "ABC", information_class, buffer, length)

    def enumerate_it(buffer: int, length: int) -> tuple[int, int]:
        return wdm.ZwEnumerateValueKey(key, 0, information_class, buffer, length)

    check_sizes(query, fixed, expected)
    check_sizes(enumerate_it, fixed, expected)


def test_REG_07_a_value_without_data_has_no_offset(key: int) -> None:
    buffer = allocate(64)
    assert wdm.ZwQueryValueKey(key, "empty", wdm.KeyValueFullInformation, buffer, 64) == (
        wdm.STATUS_SUCCESS,
        30,
    )
    full = wdm.KEY_VALUE_FULL_INFORMATION(buffer)
    assert (full.type, full.data_offset, full.data_length, full.name_length, full.name) == (
        wdm.REG_SZ,
        NONE,
        0,
        10,
        "empty",
    )
    assert wdm.ZwQueryValueKey(key, "empty", wdm.KeyValuePartialInformation, buffer, 64) == (
        wdm.STATUS_SUCCESS,
        12,
    )


def test_the_structures_show_what_is_in_the_buffer(key: int) -> None:
    buffer = allocate(128)
    wdm.ZwQueryKey(key, wdm.KeyBasicInformation, buffer, 128)
    basic = wdm.KEY_BASIC_INFORMATION(buffer)
    assert (basic.title_index, basic.name_length, basic.name) == (0, 12, "Layout")
    wdm.ZwQueryKey(key, wdm.KeyFullInformation, buffer, 128)
    full = wdm.KEY_FULL_INFORMATION(buffer)
    assert (full.class_, full.class_offset, full.max_class_len, full.max_name_len) == ("Kind", 44, 24, 12)
    assert (full.max_value_name_len, full.max_value_data_len) == (10, 5)
    wdm.ZwQueryKey(key, wdm.KeyCachedInformation, buffer, 128)
    cached = wdm.KEY_CACHED_INFORMATION(buffer)
    assert (cached.sub_keys, cached.max_name_len, cached.values, cached.name_length) == (2, 12, 2, 12)
    assert (cached.max_value_name_len, cached.max_value_data_len) == (10, 5)
    wdm.ZwQueryValueKey(key, "abc", wdm.KeyValueFullInformation, buffer, 128)
    value = wdm.KEY_VALUE_FULL_INFORMATION(buffer)
    data = wdm.RtlReadMemory(buffer + value.data_offset, value.data_length)
    assert (value.title_index, value.type, value.name, data) == (0, wdm.REG_BINARY, "abc", b"12345")
    wdm.ZwQueryValueKey(key, "abc", wdm.KeyValueBasicInformation, buffer, 128)
    short = wdm.KEY_VALUE_BASIC_INFORMATION(buffer)
    assert (short.title_index, short.type, short.name_length, short.name) == (0, wdm.REG_BINARY, 6, "abc")
    wdm.ZwQueryValueKey(key, "abc", wdm.KeyValuePartialInformation, buffer, 128)
    assert wdm.KEY_VALUE_PARTIAL_INFORMATION(buffer).title_index == 0
    wdm.ZwQueryValueKey(key, "abc", wdm.KeyValuePartialInformationAlign64, buffer, 128)
    aligned = wdm.KEY_VALUE_PARTIAL_INFORMATION_ALIGN64(buffer)
    assert (aligned.type, aligned.data_length, aligned.data) == (wdm.REG_BINARY, 5, b"12345")


@pytest.mark.parametrize(
    "information_class", [-1, wdm.KeyFlagsInformation, wdm.KeyTrustInformation, wdm.MaxKeyInfoClass]
)
def test_a_class_that_there_is_not_is_refused(key: int, information_class: int) -> None:
    buffer = allocate(64)
    refused = (wdm.STATUS_INVALID_PARAMETER, 0)
    assert wdm.ZwQueryKey(key, information_class, buffer, 64) == refused
    assert wdm.ZwEnumerateKey(key, 0, information_class, buffer, 64) == refused
    assert wdm.ZwEnumerateKey(key, 0, wdm.KeyNameInformation, buffer, 64) == refused
    assert wdm.ZwQueryValueKey(key, "abc", information_class, buffer, 64) == refused
    assert wdm.ZwEnumerateValueKey(key, 0, information_class, buffer, 64) == refused


def test_what_is_not_there_is_a_status(key: int) -> None:
    buffer = allocate(64)
    gone = (wdm.STATUS_OBJECT_NAME_NOT_FOUND, 0)
    end = (wdm.STATUS_NO_MORE_ENTRIES, 0)
    assert wdm.ZwQueryValueKey(key, "other", wdm.KeyValueBasicInformation, buffer, 64) == gone
    assert wdm.ZwEnumerateValueKey(key, 2, wdm.KeyValueBasicInformation, buffer, 64) == end
    assert wdm.ZwEnumerateKey(key, 2, wdm.KeyBasicInformation, buffer, 64) == end
