# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Counted strings: making, copying, appending, comparing, searching."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.nt.ntstatus import StatusException
from unit.rtl.conftest import Memory

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNIT = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


# Making strings.


def test_RTL_01_a_string_describes_its_source(memory: Memory) -> None:
    source = memory.text("sixteen letters!")
    string = wdm.UNICODE_STRING()
    wdm.RtlInitUnicodeString(string, source)
    assert (string.length, string.maximum_length, string.buffer) == (32, 34, source)
    ansi = wdm.ANSI_STRING()
    narrow = memory.block(b"sixteen letters!\0")
    wdm.RtlInitAnsiString(ansi, narrow)
    assert (ansi.length, ansi.maximum_length, ansi.buffer) == (16, 17, narrow)
    wdm.RtlInitString(ansi, None)
    assert (ansi.length, ansi.maximum_length, ansi.buffer) == (0, 0, None)


def test_RTL_01_a_null_source_gives_an_empty_string_without_a_buffer(memory: Memory) -> None:
    string = wdm.UNICODE_STRING(4, 6, 8)
    wdm.RtlInitUnicodeString(string, None)
    assert (string.length, string.maximum_length, string.buffer) == (0, 0, None)
    assert wdm.RtlInitUnicodeStringEx(string, None) == wdm.STATUS_SUCCESS
    ansi = wdm.ANSI_STRING(4, 6, 8)
    wdm.RtlInitAnsiString(ansi, None)
    assert (ansi.length, ansi.maximum_length, ansi.buffer) == (0, 0, None)


def test_RTL_01_a_text_stands_for_a_literal_in_read_only_memory(memory: Memory) -> None:
    one, other = wdm.UNICODE_STRING(), wdm.UNICODE_STRING()
    wdm.RtlInitUnicodeString(one, "same")
    wdm.RtlInitUnicodeString(other, "same")
    assert (one.length, one.maximum_length, str(one)) == (8, 10, "same")
    assert one.buffer == other.buffer
    with pytest.raises(BugCheck) as stopped:
        wdm.RtlWriteMemory(one.buffer or 0, b"x")
    assert stopped.value.code == wdm.ATTEMPTED_WRITE_TO_READONLY_MEMORY


def test_RTL_01_an_empty_text_has_room_for_its_nul(memory: Memory) -> None:
    string, ansi = wdm.UNICODE_STRING(), wdm.ANSI_STRING()
    wdm.RtlInitUnicodeString(string, "")
    wdm.RtlInitAnsiString(ansi, b"")
    assert (string.length, string.maximum_length) == (0, 2)
    assert (ansi.length, ansi.maximum_length) == (0, 1)


@pytest.mark.parametrize("units", [0x7FFD, 0x7FFE, 0x7FFF, 0x8000, 0x9000])
def test_RTL_01_a_text_that_is_too_long_is_cut_or_refused(memory: Memory, units: int) -> None:
    source = memory.text("x" * units)
    string = wdm.UNICODE_STRING(1, 2, 3)
    is_long = 2 * units > 0xFFFC
    assert wdm.RtlInitUnicodeStringEx(string, source) == (
        wdm.STATUS_NAME_TOO_LONG if is_long else wdm.STATUS_SUCCESS
    )
    assert (string.length, string.maximum_length, string.buffer) == (
        (1, 2, 3) if is_long else (2 * units, 2 * units + 2, source)
    )
    wdm.RtlInitUnicodeString(string, source)
    assert (string.length, string.maximum_length) == (min(2 * units, 0xFFFC), min(2 * units, 0xFFFC) + 2)


@pytest.mark.parametrize("length", [0xFFFD, 0xFFFE, 0xFFFF, 0x10000])
def test_RTL_01_the_longest_ansi_string(memory: Memory, length: int) -> None:
    source = memory.block(b"x" * length + b"\0")
    string = wdm.ANSI_STRING(1, 2, 3)
    is_long = length > 0xFFFE
    assert wdm.RtlInitAnsiStringEx(string, source) == (
        wdm.STATUS_NAME_TOO_LONG if is_long else wdm.STATUS_SUCCESS
    )
    wdm.RtlInitAnsiString(string, source)
    assert (string.length, string.maximum_length) == (min(length, 0xFFFE), min(length, 0xFFFE) + 1)


@pytest.mark.parametrize("offset", range(wdm.PAGE_SIZE - 9, wdm.PAGE_SIZE))
def test_a_text_may_end_at_the_end_of_a_page_or_lie_across_two(memory: Memory, offset: int) -> None:
    block = memory.block(bytes(2 * wdm.PAGE_SIZE))
    wdm.RtlWriteMemory(block + offset, wide("abc"))
    string = wdm.UNICODE_STRING()
    wdm.RtlInitUnicodeString(string, block + offset)
    assert str(string) == "abc"


def test_nothing_behind_the_nul_is_touched(memory: Memory) -> None:
    block = memory.block(bytes(wdm.PAGE_SIZE))
    wdm.RtlWriteMemory(block + wdm.PAGE_SIZE - 8, wide("abc\0"))
    string, ansi = wdm.UNICODE_STRING(), wdm.ANSI_STRING()
    wdm.RtlInitUnicodeString(string, block + wdm.PAGE_SIZE - 8)
    wdm.RtlWriteMemory(block + wdm.PAGE_SIZE - 4, b"abc\0")
    wdm.RtlInitAnsiString(ansi, block + wdm.PAGE_SIZE - 4)
    assert (string.length, bytes(ansi)) == (6, b"abc")


def test_an_empty_string_in_a_buffer(memory: Memory) -> None:
    string, ansi = wdm.UNICODE_STRING(), wdm.ANSI_STRING()
    wdm.RtlInitEmptyUnicodeString(string, 0x5000, 12)
    wdm.RtlInitEmptyAnsiString(ansi, None, 0)
    assert (string.length, string.maximum_length, string.buffer) == (0, 12, 0x5000)
    assert (ansi.length, ansi.maximum_length, ansi.buffer) == (0, 0, None)


def test_a_null_buffer_is_an_access_violation_and_at_dispatch_level_a_bug_check(memory: Memory) -> None:
    string = wdm.UNICODE_STRING(2, 2, None)
    with pytest.raises(StatusException) as raised:
        wdm.RtlCompareUnicodeString(string, "a", False)
    assert raised.value.status == wdm.STATUS_ACCESS_VIOLATION
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    with pytest.raises(BugCheck) as stopped:
        wdm.RtlCopyUnicodeString(memory.string("", 8), string)
    assert stopped.value.code == wdm.IRQL_NOT_LESS_OR_EQUAL


def test_routines_in_paged_code_are_not_called_at_dispatch_level(memory: Memory) -> None:
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    with pytest.raises(BugCheck) as stopped:
        wdm.RtlEqualUnicodeString("a", "A", True)
    assert stopped.value.code == wdm.IRQL_NOT_LESS_OR_EQUAL


@pytest.mark.parametrize(
    ("length", "room", "buffer", "status"),
    [
        (0, 0, None, wdm.STATUS_SUCCESS),
        (0, 2, 0x5000, wdm.STATUS_SUCCESS),
        (2, 2, 0x5000, wdm.STATUS_SUCCESS),
        (4, 2, 0x5000, wdm.STATUS_INVALID_PARAMETER),
        (1, 2, 0x5000, wdm.STATUS_INVALID_PARAMETER),
        (0, 3, 0x5000, wdm.STATUS_INVALID_PARAMETER),
        (0, 2, None, wdm.STATUS_INVALID_PARAMETER),
    ],
)
def test_a_string_is_validated(
    memory: Memory, length: int, room: int, buffer: int | None, status: int
) -> None:
    string = wdm.UNICODE_STRING(length, room, buffer)
    assert wdm.RtlValidateUnicodeString(0, string) == status
    assert wdm.RtlValidateUnicodeString(1, string) == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlValidateUnicodeString(0, None) == wdm.STATUS_SUCCESS


# Copying and appending.


@pytest.mark.parametrize(
    ("room", "length", "written"),
    [
        (0, 0, ""),
        (2, 2, "a"),
        (4, 4, "ab"),
        (6, 6, "abc"),
        (8, 6, "abc\0"),
        (7, 6, "abc"),
        (20, 6, "abc\0"),
    ],
)
def test_RTL_03_a_copy_is_cut_without_a_word(memory: Memory, room: int, length: int, written: str) -> None:
    string = memory.string("", room)
    before = memory.bytes_of(string)
    buffer = string.buffer
    wdm.RtlCopyUnicodeString(string, "abc")
    assert (string.length, string.maximum_length, string.buffer) == (length, room, buffer)
    assert memory.bytes_of(string) == wide(written) + before[len(wide(written)) :]


def test_RTL_03_an_odd_room_takes_half_a_unit(memory: Memory) -> None:
    string = memory.string("", 3)
    wdm.RtlCopyUnicodeString(string, "abc")
    assert string.length == 3
    assert memory.bytes_of(string)[:4] == b"a\0b\xa5"


def test_RTL_03_a_null_source_only_sets_the_length(memory: Memory) -> None:
    string = memory.string("old", 8)
    before = memory.bytes_of(string)
    wdm.RtlCopyUnicodeString(string, None)
    assert (string.length, string.maximum_length) == (0, 8)
    assert memory.bytes_of(string) == before


def test_RTL_03_bytes_are_copied_without_a_nul(memory: Memory) -> None:
    string = wdm.ANSI_STRING(0, 5, memory.block(b"", 9))
    wdm.RtlCopyString(string, b"abc")
    assert (string.length, memory.bytes_of(string)[:4]) == (3, b"abc\xa5")
    wdm.RtlCopyString(string, b"abcdefgh")
    assert (bytes(string), memory.bytes_of(string)[5:]) == (b"abcde", b"\xa5" * 4)


@pytest.mark.parametrize("room", range(4, 14))
@pytest.mark.parametrize("routine", ["string", "text"])
def test_RTL_04_all_is_appended_or_nothing(memory: Memory, room: int, routine: str) -> None:
    string = memory.string("ab", room)
    before = memory.bytes_of(string)
    if routine == "string":
        status = wdm.RtlAppendUnicodeStringToString(string, "cde")
    else:
        status = wdm.RtlAppendUnicodeToString(string, memory.text("cde"))
    if room < 10:
        assert (status, string.length, memory.bytes_of(string)) == (wdm.STATUS_BUFFER_TOO_SMALL, 4, before)
        return
    written = wide("abcde") + (b"\0\0" if room >= 12 else b"")
    assert (status, string.length) == (wdm.STATUS_SUCCESS, 10)
    assert memory.bytes_of(string) == written + before[len(written) :]


def test_RTL_04_nothing_is_appended_without_a_source(memory: Memory) -> None:
    string = memory.string("ab", 8)
    before = memory.bytes_of(string)
    assert wdm.RtlAppendUnicodeToString(string, None) == wdm.STATUS_SUCCESS
    assert wdm.RtlAppendUnicodeStringToString(string, wdm.UNICODE_STRING()) == wdm.STATUS_SUCCESS
    assert (string.length, memory.bytes_of(string)) == (4, before)


def test_RTL_04_bytes_are_appended(memory: Memory) -> None:
    string = wdm.ANSI_STRING(2, 6, memory.block(b"ab", 10))
    assert wdm.RtlAppendStringToString(string, b"cd") == wdm.STATUS_SUCCESS
    assert wdm.RtlAppendAsciizToString(string, memory.block(b"ef\0")) == wdm.STATUS_SUCCESS
    assert (bytes(string), memory.bytes_of(string)[6:]) == (b"abcdef", b"\xa5" * 4)
    assert wdm.RtlAppendStringToString(string, b"g") == wdm.STATUS_BUFFER_TOO_SMALL
    assert wdm.RtlAppendAsciizToString(string, b"g") == wdm.STATUS_BUFFER_TOO_SMALL
    assert bytes(string) == b"abcdef"


# Comparing and searching.


@pytest.mark.parametrize(
    ("first", "second", "ignore_case", "sign"),
    [
        ("", "", False, 0),
        ("", "a", False, -1),
        ("a", "", True, 1),
        ("abc", "abd", False, -1),
        ("ABC", "abc", False, -1),
        ("ABC", "abc", True, 0),
        ("abcd", "abc", False, 1),
        ("z", "ä", True, -1),
        ("Ä", "ä", True, 0),
        ("_", "a", False, -1),
        ("_", "a", True, 1),  # in upper case an underscore is behind the letters
    ],
)
def test_strings_are_compared(first: str, second: str, ignore_case: bool, sign: int, memory: Memory) -> None:
    result = wdm.RtlCompareUnicodeString(memory.string(first, 20), second, ignore_case)
    assert (result > 0) - (result < 0) == sign
    assert wdm.RtlEqualUnicodeString(first, memory.string(second, 20), ignore_case) == (sign == 0)
    ansi = wdm.RtlCompareString(first, second, ignore_case)
    assert (ansi > 0) - (ansi < 0) == sign
    assert wdm.RtlEqualString(first, second, ignore_case) == (sign == 0)


@pytest.mark.parametrize(
    ("prefix", "whole", "ignore_case", "is_prefix"),
    [
        ("", "", False, True),
        ("", "abc", False, True),
        ("ab", "abc", False, True),
        ("abc", "abc", False, True),
        ("abcd", "abc", False, False),
        ("AB", "abc", False, False),
        ("AB", "abc", True, True),
    ],
)
def test_prefixes(memory: Memory, prefix: str, whole: str, ignore_case: bool, is_prefix: bool) -> None:
    assert wdm.RtlPrefixUnicodeString(prefix, whole, ignore_case) is is_prefix
    assert wdm.RtlPrefixString(prefix, whole, ignore_case) is is_prefix


ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("flags", "main", "search", "status", "position"),
    [
        (0, ALPHABET, "a", wdm.STATUS_SUCCESS, 2),
        (0, ALPHABET, "xcb", wdm.STATUS_SUCCESS, 4),
        (0, ALPHABET, "z", wdm.STATUS_SUCCESS, 52),
        (0, ALPHABET, "A", wdm.STATUS_NOT_FOUND, 0),
        (0, ALPHABET, "", wdm.STATUS_NOT_FOUND, 0),
        (0, "", "a", wdm.STATUS_NOT_FOUND, 0),
        (1, ALPHABET, "z", wdm.STATUS_SUCCESS, 50),
        (1, ALPHABET, "a", wdm.STATUS_SUCCESS, 0),
        (1, ALPHABET, "bca", wdm.STATUS_SUCCESS, 4),
        (2, ALPHABET, "abc", wdm.STATUS_SUCCESS, 8),
        (2, ALPHABET, ALPHABET, wdm.STATUS_NOT_FOUND, 0),
        (3, ALPHABET, "zyx", wdm.STATUS_SUCCESS, 44),
        (4, ALPHABET, "C", wdm.STATUS_SUCCESS, 6),
        (5, ALPHABET, "C", wdm.STATUS_SUCCESS, 4),
        (6, "AbCd", "aBc", wdm.STATUS_SUCCESS, 8),
        (7, "abcD", "d", wdm.STATUS_SUCCESS, 4),
        (8, ALPHABET, "a", wdm.STATUS_INVALID_PARAMETER, 0),
        (0x8000_0000, ALPHABET, "a", wdm.STATUS_INVALID_PARAMETER, 0),
    ],
)
def test_RTL_11_a_character_is_found(
    memory: Memory, flags: int, main: str, search: str, status: int, position: int
) -> None:
    assert wdm.RtlFindCharInUnicodeString(flags, main, memory.string(search, 60)) == (status, position)


def test_strings_are_hashed(memory: Memory) -> None:
    x65599 = wdm.HASH_STRING_ALGORITHM_X65599
    assert wdm.RtlHashUnicodeString("", False, x65599) == (wdm.STATUS_SUCCESS, 0)
    assert wdm.RtlHashUnicodeString("ab", False, x65599) == (wdm.STATUS_SUCCESS, 97 * 65599 + 98)
    assert wdm.RtlHashUnicodeString("ab", True, wdm.HASH_STRING_ALGORITHM_DEFAULT) == (
        wdm.STATUS_SUCCESS,
        65 * 65599 + 66,
    )
    assert wdm.RtlHashUnicodeString("ab", True, 2)[0] == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlHashUnicodeString(None, True, x65599)[0] == wdm.STATUS_INVALID_PARAMETER
    assert wdm.RtlHashUnicodeString("long enough to wrap", False, x65599)[1] == _hash("long enough to wrap")


def _hash(text: str) -> int:
    value = 0
    for character in text:
        value = (value * 65599 + ord(character)) % 2**32
    return value


@PROPERTY
@given(first=st.text(UNIT, max_size=8), second=st.text(UNIT, max_size=8))
def test_the_comparison_orders_by_units(memory: Memory, first: str, second: str) -> None:
    result = wdm.RtlCompareUnicodeString(first, second, False)
    assert (result > 0) - (result < 0) == (first > second) - (first < second)
    assert wdm.RtlPrefixUnicodeString(first, second, False) == second.startswith(first)
