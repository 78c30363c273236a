# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Safe strings: each routine for characters of one and of two bytes, with sizes in bytes and in characters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dirql import wdm
from unit.rtl.conftest import Memory

OK, OVERFLOW, INVALID = wdm.STATUS_SUCCESS, wdm.STATUS_BUFFER_OVERFLOW, wdm.STATUS_INVALID_PARAMETER
ROOM = 12
"""The characters of the buffer; it is full of the letter z, and a NUL lies behind it."""
FAMILIES = [(unit, suffix) for unit in ("Cb", "Cch") for suffix in ("A", "W")]
EACH = pytest.mark.parametrize(("unit", "suffix"), FAMILIES)


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    opened = Memory()
    yield opened
    opened.close()


class Buffer:
    """A buffer, and the routines of one family."""

    def __init__(self, memory: Memory, unit: str, suffix: str, text: str | None = None) -> None:
        self.unit, self.suffix = unit, suffix
        self.width = 2 if suffix == "W" else 1
        self.scale = self.width if unit == "Cb" else 1
        self.address = memory.block(self.encode("z" * ROOM + "\0"))
        if text is not None:
            wdm.RtlWriteMemory(self.address, self.encode(text + "\0"))

    def encode(self, text: str) -> bytes:
        return text.encode("utf-16-le" if self.suffix == "W" else "latin-1")

    def routine(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(wdm, f"RtlString{self.unit}{name}{self.suffix}")
        return found

    @property
    def whole(self) -> str:
        """All that is in the buffer."""
        data = wdm.RtlReadMemory(self.address, ROOM * self.width)
        return data.decode("utf-16-le" if self.suffix == "W" else "latin-1")

    def size(self, characters: int) -> int:
        return characters * self.scale


@EACH
@pytest.mark.parametrize("capacity", range(7))
def test_a_text_is_copied_as_far_as_there_is_room(
    memory: Memory, unit: str, suffix: str, capacity: int
) -> None:
    buffer = Buffer(memory, unit, suffix)
    status = buffer.routine("Copy")(buffer.address, buffer.size(capacity), "text")
    kept = "text"[: max(capacity - 1, 0)]
    assert status == (INVALID if capacity == 0 else OK if capacity > 4 else OVERFLOW)
    written = "" if capacity == 0 else kept + "\0"
    assert buffer.whole == written + "z" * (ROOM - len(written))


@EACH
@pytest.mark.parametrize("capacity", range(9))
def test_a_text_is_appended_as_far_as_there_is_room(
    memory: Memory, unit: str, suffix: str, capacity: int
) -> None:
    buffer = Buffer(memory, unit, suffix, "old")
    before = buffer.whole
    status = buffer.routine("Cat")(buffer.address, buffer.size(capacity), "text")
    if capacity < 4:  # no NUL is within that size
        assert (status, buffer.whole) == (INVALID, before)
        return
    written = ("old" + "text"[: capacity - 4]) + "\0"
    assert status == (OK if capacity == 8 else OVERFLOW)
    assert buffer.whole == written + "z" * (ROOM - len(written))


@EACH
@pytest.mark.parametrize("count", range(6))
def test_a_part_of_a_text(memory: Memory, unit: str, suffix: str, count: int) -> None:
    """The source need not have a NUL behind the part."""
    source = memory.block(Buffer(memory, unit, suffix).encode("text") + bytes(2))
    buffer = Buffer(memory, unit, suffix)
    assert buffer.routine("CopyN")(buffer.address, buffer.size(ROOM), source, buffer.size(count)) == OK
    written = "text"[:count] + "\0"
    assert buffer.whole == written + "z" * (ROOM - len(written))
    buffer = Buffer(memory, unit, suffix, "old")
    assert buffer.routine("CatN")(buffer.address, buffer.size(ROOM), source, buffer.size(count)) == OK
    assert buffer.whole.split("\0")[0] == "old" + "text"[:count]
    too_many = buffer.size(wdm.NTSTRSAFE_MAX_CCH + 1)
    assert buffer.routine("CopyN")(buffer.address, buffer.size(ROOM), source, too_many) == INVALID


@EACH
def test_the_length_of_a_text(memory: Memory, unit: str, suffix: str) -> None:
    buffer = Buffer(memory, unit, suffix, "four")
    length = buffer.routine("Length")
    assert length(buffer.address, buffer.size(5)) == (OK, buffer.size(4))
    assert length(buffer.address, buffer.size(4)) == (INVALID, None)
    assert length(buffer.address, 0) == (INVALID, None)
    assert length(None, buffer.size(5)) == (INVALID, None)
    assert length(buffer.address, buffer.size(wdm.NTSTRSAFE_MAX_CCH + 1)) == (INVALID, None)


@EACH
def test_a_formatted_text(memory: Memory, unit: str, suffix: str) -> None:
    buffer = Buffer(memory, unit, suffix)
    assert buffer.routine("Printf")(buffer.address, buffer.size(ROOM), "%d-%s", 42, "text") == OK
    assert buffer.whole == "42-text\0zzzz"
    assert buffer.routine("VPrintf")(buffer.address, buffer.size(4), "%s", ("long text",)) == OVERFLOW
    assert buffer.whole == "lon\0ext\0zzzz"
    assert buffer.routine("Printf")(buffer.address, 0, "text") == INVALID
    found = buffer.routine("PrintfEx")(buffer.address, buffer.size(ROOM), 0, "%04x", 0xAB)
    assert found == (OK, buffer.address + 4 * buffer.width, buffer.size(ROOM - 4))
    with pytest.raises(ValueError, match=f"RtlString{unit}Printf{suffix}: Format must have"):
        buffer.routine("Printf")(buffer.address, buffer.size(ROOM), "%d")


def test_wide_formats_have_wide_strings(memory: Memory) -> None:
    address = memory.block(bytes(64))
    wide, narrow = memory.text("wide"), memory.block(b"narrow\0")
    assert wdm.RtlStringCchPrintfW(address, 32, memory.text("%s|%S|%wZ"), wide, narrow, "unicode") == OK
    assert wdm.RtlReadMemory(address, 42).decode("utf-16-le") == "wide|narrow|unicode\0\0"
    assert wdm.RtlStringCchPrintfA(address, 32, b"%s|%S|%ws", narrow, wide, wide) == OK
    assert wdm.RtlReadMemory(address, 17) == b"narrow|wide|wide\0"


FLAG_CASES = [
    (0, "tex\0zzzzzzzz", 3, 1),
    (wdm.STRSAFE_NO_TRUNCATION, "\0ex\0zzzzzzzz", 0, 4),
    (wdm.STRSAFE_NULL_ON_FAILURE, "\0ex\0zzzzzzzz", 0, 4),
    (wdm.STRSAFE_FILL_ON_FAILURE | 0x2B, "+++\0zzzzzzzz", 3, 1),
    (wdm.STRSAFE_FILL_ON_FAILURE, "\0\0\0\0zzzzzzzz", 0, 4),
    (wdm.STRSAFE_FILL_ON_FAILURE | wdm.STRSAFE_NULL_ON_FAILURE | 0x2B, "\0++\0zzzzzzzz", 0, 4),
    (wdm.STRSAFE_FILL_BEHIND_NULL | 0x2B, "tex\0zzzzzzzz", 3, 1),
]


@EACH
@pytest.mark.parametrize(("flags", "whole", "end", "left"), FLAG_CASES)
def test_the_flags_for_a_text_that_does_not_fit(
    memory: Memory, unit: str, suffix: str, flags: int, whole: str, end: int, left: int
) -> None:
    buffer = Buffer(memory, unit, suffix)
    found = buffer.routine("CopyEx")(buffer.address, buffer.size(4), "text", flags)
    if suffix == "W":  # a byte fills, which makes other characters
        whole = whole.replace("+", "\u2b2b")
    assert found == (OVERFLOW, buffer.address + end * buffer.width, buffer.size(left))
    assert buffer.whole == whole


@EACH
def test_the_flags_for_a_text_that_is_appended(memory: Memory, unit: str, suffix: str) -> None:
    buffer = Buffer(memory, unit, suffix, "old")
    found = buffer.routine("CatEx")(buffer.address, buffer.size(6), "text", wdm.STRSAFE_NO_TRUNCATION)
    assert found == (OVERFLOW, buffer.address + 3 * buffer.width, buffer.size(3))
    assert buffer.whole.split("\0")[0] == "old"
    found = buffer.routine("CatEx")(buffer.address, buffer.size(6), "text", 0)
    assert found == (OVERFLOW, buffer.address + 5 * buffer.width, buffer.size(1))
    assert buffer.whole == "oldte\0zzzzzz"[:6] + buffer.whole[6:]
    buffer = Buffer(memory, unit, suffix, "old")
    flags = wdm.STRSAFE_FILL_BEHIND_NULL
    found = buffer.routine("CatNEx")(buffer.address, buffer.size(8), "text", buffer.size(1), flags)
    assert found == (OK, buffer.address + 4 * buffer.width, buffer.size(4))
    assert buffer.whole == "oldt" + "\0" * 4 + "zzzz"


@EACH
def test_nulls_are_ignored_on_request(memory: Memory, unit: str, suffix: str) -> None:
    buffer = Buffer(memory, unit, suffix)
    ignore = wdm.STRSAFE_IGNORE_NULLS
    copy = buffer.routine("CopyEx")
    assert copy(buffer.address, buffer.size(4), None, ignore) == (OK, buffer.address, buffer.size(4))
    assert copy(None, 0, "", ignore)[0] == OK
    assert copy(None, 0, None, ignore)[0] == OK
    assert copy(None, 0, "text", ignore)[0] == INVALID
    assert copy(buffer.address, 0, "text", ignore)[0] == OVERFLOW
    assert copy(None, buffer.size(4), "text", ignore)[0] == INVALID
    assert copy(buffer.address, buffer.size(4), "text", 0x2000)[0] == INVALID
    assert copy(buffer.address, 0, "text", 0)[0] == INVALID


@settings(deadline=None)
@given(old=st.text("ab", max_size=6), new=st.text("cd", max_size=9), capacity=st.integers(0, ROOM))
def test_a_copy_and_an_append_are_those_of_python(memory: Memory, old: str, new: str, capacity: int) -> None:
    for unit, suffix in FAMILIES:
        buffer = Buffer(memory, unit, suffix)
        buffer.routine("Copy")(buffer.address, buffer.size(ROOM), old)
        status = buffer.routine("Cat")(buffer.address, buffer.size(capacity), new)
        text = buffer.whole.partition("\0")[0]
        if capacity <= len(old):
            assert (status, text) == (INVALID, old)
        else:
            assert text == (old + new)[: capacity - 1]
            assert status == (OK if len(old + new) < capacity else OVERFLOW)


# UNICODE_STRING.


def test_strings_are_initialized(memory: Memory) -> None:
    string = wdm.UNICODE_STRING(1, 2, 3)
    source = memory.text("text")
    assert wdm.RtlUnicodeStringInit(string, source) == OK
    assert (string.length, string.maximum_length, string.buffer) == (8, 10, source)
    assert wdm.RtlUnicodeStringInit(string, None) == OK
    assert (string.length, string.maximum_length, string.buffer) == (0, 0, None)
    assert wdm.RtlUnicodeStringInitEx(string, None, wdm.STRSAFE_IGNORE_NULLS) == OK
    assert (string.length, string.maximum_length) == (0, 2)
    assert wdm.RtlUnicodeStringInitEx(string, None, wdm.STRSAFE_NO_TRUNCATION) == INVALID
    assert wdm.RtlUnicodeStringInit(string, memory.text("x" * 0x7FFF)) == OK
    assert (string.length, string.maximum_length) == (0xFFFE, 0xFFFE)
    assert wdm.RtlUnicodeStringInit(string, memory.text("x" * 0x8000)) == INVALID


Put = Callable[[wdm.UNICODE_STRING, str], int]
COPIES: list[Put] = [
    wdm.RtlUnicodeStringCopy,
    wdm.RtlUnicodeStringCopyString,
    lambda string, text: wdm.RtlUnicodeStringPrintf(string, "%s", text),
    lambda string, text: wdm.RtlUnicodeStringVPrintf(string, "%s", (text,)),
]


@pytest.mark.parametrize("number", range(len(COPIES)))
@pytest.mark.parametrize("room", [0, 2, 6, 8, 10])
def test_a_string_is_filled_without_a_nul(memory: Memory, number: int, room: int) -> None:
    string = memory.string("", room)
    before = memory.bytes_of(string)
    status = COPIES[number](string, "text")
    assert status == (OK if room >= 8 else OVERFLOW)
    assert str(string) == "text"[: room // 2]
    assert memory.bytes_of(string)[string.length :] == before[string.length :]


@pytest.mark.parametrize("routine", [wdm.RtlUnicodeStringCat, wdm.RtlUnicodeStringCatString])
def test_a_string_is_appended(memory: Memory, routine: Put) -> None:
    string = memory.string("old", 12)
    assert (routine(string, "new"), str(string)) == (OK, "oldnew")
    assert (routine(string, ""), routine(string, "x"), str(string)) == (OK, OVERFLOW, "oldnew")


@pytest.mark.parametrize(
    "bad", [(1, 4, 0x5000), (0, 3, 0x5000), (4, 2, 0x5000), (0, 2, None), (0, 0xFFFF, 0x5000)]
)
def test_a_string_that_is_not_well_formed_is_refused(
    memory: Memory, bad: tuple[int, int, int | None]
) -> None:
    string = wdm.UNICODE_STRING(*bad)
    assert wdm.RtlUnicodeStringValidate(string) == INVALID
    assert wdm.RtlUnicodeStringCopy(string, "text") == wdm.RtlUnicodeStringCat(string, "text") == INVALID
    good = memory.string("", 8)
    assert wdm.RtlUnicodeStringCopy(good, string) == wdm.RtlUnicodeStringCat(good, string) == INVALID
    assert (good.length, wdm.RtlUnicodeStringValidate(good)) == (0, OK)
