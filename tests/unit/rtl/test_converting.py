# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Strings in another case or code page, numbers and GUIDs in strings, and the buffers that are allocated for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql import wdm
from unit.rtl.conftest import Memory

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OK = wdm.STATUS_SUCCESS
OVERFLOW = wdm.STATUS_BUFFER_OVERFLOW


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def test_the_upper_case_of_latin_1() -> None:
    """Only letters whose capital leads back to them; the capital of y with diaeresis lies outside Latin-1."""
    with_capital = {*range(0x61, 0x7B), *range(0xE0, 0xF7), *range(0xF8, 0xFF)}
    opened = Memory()
    for unit in range(256):
        expected = unit - 32 if unit in with_capital else 0x178 if unit == 0xFF else unit
        assert wdm.RtlUpcaseUnicodeChar(unit) == expected
        back = unit + 32 if unit + 32 in with_capital else unit
        assert wdm.RtlDowncaseUnicodeChar(unit) == back
    for unit, upper in ((0x3B1, 0x391), (0x3C2, 0x3A3), (0x131, 0x131), (0x17F, 0x17F), (0xD800, 0xD800)):
        assert wdm.RtlUpcaseUnicodeChar(unit) == upper
    opened.close()


def test_the_upper_case_of_an_ansi_character(memory: Memory) -> None:
    assert [wdm.RtlUpperChar(code) for code in b"aZ0?\xe4"] == list(b"AZ0?\xc4")
    string = wdm.ANSI_STRING(0, 4, memory.block(b"", 8))
    wdm.RtlUpperString(string, b"ab\xfc?de")
    assert (bytes(string), memory.bytes_of(string)[4:]) == (b"AB\xdc?", b"\xa5" * 4)


@pytest.mark.parametrize("room", range(8))
def test_the_case_of_a_string_in_a_buffer(memory: Memory, room: int) -> None:
    for routine, text in ((wdm.RtlUpcaseUnicodeString, "AB_"), (wdm.RtlDowncaseUnicodeString, "ab_")):
        string = memory.string("", room)
        before = memory.bytes_of(string)
        status = routine(string, "aB_", False)
        if room < 6:
            assert (status, string.length, memory.bytes_of(string)) == (OVERFLOW, 0, before)
        else:
            assert (status, string.length) == (OK, 6)
            assert memory.bytes_of(string) == wide(text) + before[6:]


def test_a_string_changes_its_case_in_place(memory: Memory) -> None:
    string = memory.string("straße", 12)
    assert wdm.RtlUpcaseUnicodeString(string, string, False) == OK
    assert str(string) == "STRAßE"


def test_a_buffer_is_allocated_and_freed(memory: Memory) -> None:
    string = wdm.UNICODE_STRING()
    assert wdm.RtlUpcaseUnicodeString(string, "abc", True) == OK
    assert (str(string), string.length, string.maximum_length) == ("ABC", 6, 6)
    assert memory.manager.paged_pool.statistics().blocks == 1
    wdm.RtlFreeUnicodeString(string)
    assert (string.length, string.maximum_length, string.buffer) == (0, 0, None)
    assert memory.manager.paged_pool.statistics().blocks == 0
    wdm.RtlFreeUnicodeString(string)  # without a buffer there is nothing to free


def test_without_memory_there_is_no_buffer(memory: Memory) -> None:
    while wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, wdm.PAGE_SIZE, wdm.POOL_TAG("Full")) is not None:
        pass
    string, ansi = wdm.UNICODE_STRING(2, 4, 6), wdm.ANSI_STRING(2, 4, 6)
    long = "x" * wdm.PAGE_SIZE
    assert wdm.RtlUpcaseUnicodeString(string, long, True) == wdm.STATUS_NO_MEMORY
    assert wdm.RtlAnsiStringToUnicodeString(string, long, True) == wdm.STATUS_NO_MEMORY
    assert wdm.RtlUnicodeStringToAnsiString(ansi, long, True) == wdm.STATUS_NO_MEMORY
    assert (string.length, string.maximum_length, string.buffer) == (2, 4, 6)
    assert (ansi.length, ansi.maximum_length, ansi.buffer) == (2, 4, 6)


@pytest.mark.parametrize("room", range(12))
def test_ansi_becomes_unicode_with_a_nul_or_not_at_all(memory: Memory, room: int) -> None:
    string = memory.string("", room)
    before = memory.bytes_of(string)
    status = wdm.RtlAnsiStringToUnicodeString(string, b"a\x80\xe4", False)
    assert string.length == 6
    if room < 8:
        assert (status, memory.bytes_of(string)) == (OVERFLOW, before)
    else:
        assert (status, memory.bytes_of(string)) == (OK, wide("a€ä\0") + before[8:])


@pytest.mark.parametrize(
    ("room", "status", "length", "written"),
    [
        (0, OVERFLOW, 3, b""),
        (1, OVERFLOW, 0, b"\0"),
        (3, OVERFLOW, 2, b"a\x80\0"),
        (4, OK, 3, b"a\x80?\0"),
        (9, OK, 3, b"a\x80?\0"),
    ],
)
def test_unicode_becomes_ansi_as_far_as_there_is_room(
    memory: Memory, room: int, status: int, length: int, written: bytes
) -> None:
    string = wdm.ANSI_STRING(0, room, memory.block(b"", room + 4))
    before = memory.bytes_of(string)
    assert wdm.RtlUnicodeStringToAnsiString(string, "a€\u3042", False) == status
    assert string.length == length
    assert memory.bytes_of(string) == written + before[len(written) :]


def test_every_byte_of_the_code_pages_comes_back(memory: Memory) -> None:
    whole = bytes(range(256))
    for widen, narrow in (
        (wdm.RtlAnsiStringToUnicodeString, wdm.RtlUnicodeStringToAnsiString),
        (wdm.RtlOemStringToUnicodeString, wdm.RtlUnicodeStringToOemString),
    ):
        string, back = wdm.UNICODE_STRING(), wdm.ANSI_STRING()
        assert widen(string, whole, True) == OK
        assert narrow(back, string, True) == OK
        assert bytes(back) == whole
        assert (back.length, back.maximum_length) == (256, 257)
        wdm.RtlFreeUnicodeString(string)
        wdm.RtlFreeAnsiString(back)
    assert memory.manager.paged_pool.statistics().blocks == 0


@pytest.mark.parametrize("length", [0x7FFD, 0x7FFE, 0x7FFF])
def test_a_string_that_is_too_long_as_unicode_is_refused(memory: Memory, length: int) -> None:
    string = wdm.UNICODE_STRING()
    fits = 2 * (length + 1) <= 0xFFFF
    expected = OK if fits else wdm.STATUS_INVALID_PARAMETER_2
    assert wdm.RtlAnsiStringToUnicodeString(string, b"x" * length, True) == expected
    assert string.length == (2 * length if fits else 0)


def test_the_sizes_count_the_nul(memory: Memory) -> None:
    assert wdm.RtlAnsiStringToUnicodeSize(b"abc") == wdm.RtlxAnsiStringToUnicodeSize(b"abc") == 8
    assert wdm.RtlUnicodeStringToAnsiSize("abc") == wdm.RtlxUnicodeStringToAnsiSize("abc") == 4
    assert wdm.RtlUnicodeStringToAnsiSize("") == 1


def test_a_text_is_copied_into_a_string_of_its_own(memory: Memory) -> None:
    string = wdm.UNICODE_STRING()
    assert wdm.RtlCreateUnicodeString(string, memory.text("name"))
    assert (str(string), string.length, string.maximum_length) == ("name", 8, 10)
    assert wdm.RtlReadMemory(string.buffer or 0, 10) == wide("name\0")
    assert not wdm.RtlCreateUnicodeString(string, memory.text("x" * 0x7FFF))


# Numbers and GUIDs.


@pytest.mark.parametrize(
    ("text", "base", "value"),
    [
        ("0x12345", 0, 0x12345),
        ("-1", 0, 0xFFFFFFFF),
        ("--214", 0, 0),
        ("f81", 0, 0),
        ("056", 0, 56),
        ("0b101", 0, 5),
        ("0B101", 0, 0),
        ("0o17", 0, 15),
        ("0X1F", 0, 0),
        ("0x1F", 16, 0),
        ("1F", 16, 0x1F),
        (" \t\x01-42zz", 10, 0xFFFFFFD6),
        ("+7", 0, 7),
        ("- 7", 0, 0),
        ("4294967296", 0, 0),
        ("4294967297", 10, 1),
        ("102", 2, 2),
        ("8", 8, 0),
        ("", 0, 0),
        ("0x", 0, 0),
        ("-0x10", 0, 0xFFFFFFF0),
    ],
)
def test_RTL_08_a_number_is_read(memory: Memory, text: str, base: int, value: int) -> None:
    assert wdm.RtlUnicodeStringToInteger(memory.string(text, 40), base) == (OK, value)
    assert wdm.RtlCharToInteger(text, base) == (OK, value)


@pytest.mark.parametrize("base", [1, 3, 7, 9, 11, 12, 15, 17, 36, 0xFFFF_FFFF])
def test_RTL_08_other_bases_are_refused(memory: Memory, base: int) -> None:
    assert wdm.RtlUnicodeStringToInteger("1", base)[0] == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlCharToInteger("1", base)[0] == wdm.STATUS_INVALID_PARAMETER


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [
        (0, 0, "0"),
        (0x7FFF_FFFF, 10, "2147483647"),
        (-1, 10, "4294967295"),
        (0xBEEF, 16, "BEEF"),
        (5, 2, "101"),
        (-1, 2, "1" * 32),
        (64, 8, "100"),
    ],
)
@pytest.mark.parametrize("spare", [-2, -1, 0, 1, 2, 6])
def test_RTL_10_a_number_is_written(memory: Memory, value: int, base: int, text: str, spare: int) -> None:
    string = memory.string("", 2 * len(text) + spare)
    before = memory.bytes_of(string)
    status = wdm.RtlIntegerToUnicodeString(value, base, string)
    assert string.length == 2 * len(text)
    written = wide(text) + (b"\0\0" if spare >= 2 else b"") if spare >= 0 else b""
    assert status == (OK if spare >= 0 else OVERFLOW)
    assert memory.bytes_of(string) == written + before[len(written) :]


@pytest.mark.parametrize("base", [1, 3, 7, 9, 15, 17, 32])
def test_RTL_10_other_bases_are_refused(memory: Memory, base: int) -> None:
    string = memory.string("old", 40)
    assert wdm.RtlIntegerToUnicodeString(1, base, string) == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlInt64ToUnicodeString(1, base, string) == wdm.STATUS_INVALID_PARAMETER
    assert str(string) == "old"


def test_RTL_10_numbers_of_64_bits(memory: Memory) -> None:
    string = memory.string("", 150)
    assert wdm.RtlInt64ToUnicodeString(-1, 16, string) == OK
    assert str(string) == "F" * 16
    assert wdm.RtlIntPtrToUnicodeString(1 << 63, 2, string) == OK
    assert str(string) == "1" + "0" * 63


@PROPERTY
@given(value=st.integers(0, 2**32 - 1), base=st.sampled_from([2, 8, 10, 16]))
def test_RTL_08_RTL_10_a_number_comes_back(memory: Memory, value: int, base: int) -> None:
    string = wdm.UNICODE_STRING(0, 70, memory.block(bytes(70)))
    assert wdm.RtlIntegerToUnicodeString(value, base, string) == OK
    assert wdm.RtlUnicodeStringToInteger(string, base) == (OK, value)
    assert int(str(string), base) == value


TEXT = "{12345678-9ABC-DEF0-0123-456789ABCDEF}"
IDENTIFIER = wdm.GUID(0x12345678, 0x9ABC, 0xDEF0, bytes.fromhex("0123456789abcdef"))


def test_a_guid_becomes_a_string_and_back(memory: Memory) -> None:
    string = wdm.UNICODE_STRING()
    assert wdm.RtlStringFromGUID(IDENTIFIER, string) == OK
    assert (str(string), string.length, string.maximum_length) == (TEXT, 76, 78)
    assert wdm.RtlGUIDFromString(string) == (OK, IDENTIFIER)
    assert wdm.RtlGUIDFromString(TEXT.lower()) == (OK, IDENTIFIER)


@pytest.mark.parametrize(
    "text", ["", TEXT[1:], TEXT[:-1], TEXT.replace("-", ""), TEXT.replace("9ABC", "9ABG"), f" {TEXT}"]
)
def test_a_string_that_is_no_guid_is_refused(memory: Memory, text: str) -> None:
    assert wdm.RtlGUIDFromString(text) == (wdm.STATUS_INVALID_PARAMETER, None)


def test_a_guid_has_numbers_of_the_right_size() -> None:
    with pytest.raises(ValueError, match="eight bytes"):
        wdm.GUID(1, 2, 3, b"short")
    with pytest.raises(ValueError, match="32, 16 and 16 bits"):
        wdm.GUID(1 << 32, 2, 3, bytes(8))


# Copies.

END = wdm.RTL_DUPLICATE_UNICODE_STRING_NULL_TERMINATE
EMPTY = wdm.RTL_DUPLICATE_UNICODE_STRING_ALLOCATE_NULL_STRING


@pytest.mark.parametrize(
    ("flags", "text", "room"),
    [
        (0, "abc", 6),
        (END, "abc", 8),
        (END | EMPTY, "abc", 8),
        (0, "", 0),
        (END, "", 0),
        (END | EMPTY, "", 2),
    ],
)
def test_a_string_is_duplicated(memory: Memory, flags: int, text: str, room: int) -> None:
    copy = wdm.UNICODE_STRING(1, 2, 3)
    assert wdm.RtlDuplicateUnicodeString(flags, memory.string(text, 10), copy) == OK
    assert (copy.length, copy.maximum_length, str(copy)) == (2 * len(text), room, text)
    assert (copy.buffer is None) == (room == 0)
    if copy.buffer is not None:
        assert wdm.RtlReadMemory(copy.buffer, room) == wide(text) + bytes(room - 2 * len(text))
        wdm.RtlFreeUnicodeString(copy)


def test_what_cannot_be_duplicated(memory: Memory) -> None:
    copy = wdm.UNICODE_STRING()
    good = memory.string("abc", 6)
    address = good.buffer
    wrong = wdm.STATUS_INVALID_PARAMETER
    for flags in (EMPTY, 4, 0xFF):
        assert wdm.RtlDuplicateUnicodeString(flags, good, copy) == wrong
    assert wdm.RtlDuplicateUnicodeString(0, None, copy) == wrong
    assert wdm.RtlDuplicateUnicodeString(0, good, None) == wrong
    for lengths in ((8, 6, address), (3, 6, address), (2, 3, address), (2, 4, None)):
        assert wdm.RtlDuplicateUnicodeString(0, wdm.UNICODE_STRING(*lengths), copy) == wrong
    long = wdm.UNICODE_STRING(0xFFFE, 0xFFFE, memory.block(bytes(0xFFFE)))
    assert wdm.RtlDuplicateUnicodeString(END, long, copy) == wrong
    assert wdm.RtlDuplicateUnicodeString(0, long, copy) == OK
    assert copy.length == 0xFFFE
    wdm.RtlFreeUnicodeString(copy)


@pytest.mark.parametrize(
    "routine", [wdm.RtlNtStatusToDosError, wdm.RtlNtStatusToDosErrorNoTeb], ids=["plain", "no TEB"]
)
def test_the_win32_codes_of_statuses(memory: Memory, routine: Callable[[int], int]) -> None:
    del memory
    assert routine(wdm.STATUS_SUCCESS) == 0
    assert routine(wdm.STATUS_PENDING) == 997
    assert routine(wdm.STATUS_INVALID_DEVICE_REQUEST) == 1
    assert routine(0xC0000022 - (1 << 32)) == 5
    assert routine(0xEFFF_FFFF) == 31
