# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Formatted texts by the rules of Microsoft's C library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from dirql import wdm
from dirql.rtl.formatting import format_text
from unit.rtl.conftest import Memory


@pytest.fixture(scope="module")
def memory() -> Iterator[Memory]:
    opened = Memory()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("template", "arguments", "text"),
    [
        ("plain 100%%", (), "plain 100%"),
        ("%d %i %u", (-1, -2, -1), "-1 -2 4294967295"),
        ("%d", (0xFFFF_FFFF,), "-1"),
        ("%ld %lu", (1 << 32, (1 << 33) + 5), "0 5"),
        ("%hd %hu %hhd", (0x1_8000, 0x1_FFFF, 0x180), "-32768 65535 -128"),
        ("%lld %I64d %I64u", (-1, 1 << 40, -1), "-1 1099511627776 18446744073709551615"),
        ("%Id %zu %td %I32d", (1 << 40, 1 << 40, -(1 << 40), 1 << 40), f"{1 << 40} {1 << 40} {-(1 << 40)} 0"),
        ("%x %X %o", (0xBEEF, 0xBEEF, 8), "beef BEEF 10"),
        ("%lx %I64x", (0x1_2345_6789, 0x1_2345_6789), "23456789 123456789"),
        ("%#x %#X %#o %#x", (0xAB, 0xAB, 8, 0), "0xab 0XAB 010 0"),
        ("[%5d] [%-5d] [%05d] [%-05d]", (42, 42, 42, 42), "[   42] [42   ] [00042] [42   ]"),
        ("[%05d] [%+d] [% d] [%+05d]", (-42, 42, 42, 42), "[-0042] [+42] [ 42] [+0042]"),
        ("[%.3d] [%.0d] [%8.3x] [%08.3x]", (7, 0, 0xA, 0xA), "[007] [] [     00a] [     00a]"),
        ("[%#06x] [%*d] [%-*d] [%.*d]", (0xAB, 5, 1, 4, 1, 3, 1), "[0x00ab] [    1] [1   ] [001]"),
        ("[%*d]", (-4, 1), "[1   ]"),
        ("[%.*d]", (-4, 1), "[1]"),
        ("%p", (0x1000,), "0000000000001000"),
        ("%p %p", (None, -1), "0000000000000000 FFFFFFFFFFFFFFFF"),
        ("[%20p]", (0xABC,), "[    0000000000000ABC]"),
        ("%c%c%C", (65, "b", 0x20AC), "Ab€"),
        ("%c", (0x80,), "€"),
        ("%s %s %s", ("text", b"bytes", None), "text bytes (null)"),
        ("[%6s] [%-6s] [%.2s] [%6.2s]", ("abc", "abc", "abc", "abc"), "[   abc] [abc   ] [ab] [    ab]"),
        ("%wZ %Z", ("unicode", b"ansi"), "unicode ansi"),
        ("%wZ %Z", (None, None), "(null) (null)"),
        ("%y%", (), "y"),
        ("%-+ #05.3I64x|", (0xA,), "0x00a|"),
        ("%08lx %4.4X", (0xC0000001, 0x12), "c0000001 0012"),
    ],
)
def test_a_field(memory: Memory, template: str, arguments: tuple[object, ...], text: str) -> None:
    assert format_text(template, arguments).text == text


def test_strings_in_memory(memory: Memory) -> None:
    narrow = memory.block(b"narrow \x80\0")
    wide = memory.text("wide €")
    assert format_text("%s|%hs|%.3s", (narrow, narrow, narrow)).text == "narrow €|narrow €|nar"
    assert format_text("%S|%ls|%ws|%.2S", (wide,) * 4).text == "wide €|wide €|wide €|wi"
    assert format_text("%s|%ls|%ws|%S|%hs", (wide, wide, wide, narrow, narrow), is_wide=True).text == (
        "wide €|wide €|wide €|narrow €|narrow €"
    )
    string = memory.string("counted", 14)
    ansi = wdm.ANSI_STRING(3, 3, memory.block(b"abcdef"))
    assert (
        format_text("%wZ|%.3wZ|%9wZ|%Z", (string, string, string, ansi)).text == "counted|cou|  counted|abc"
    )
    assert format_text("%wZ|%Z", (string, ansi), is_wide=True).text == "counted|abc"


def test_a_precision_bounds_what_is_read(memory: Memory) -> None:
    """A string without a NUL, at the end of a page, behind which nothing is mapped."""
    block = memory.block(bytes(wdm.PAGE_SIZE))
    wdm.RtlWriteMemory(block + wdm.PAGE_SIZE - 4, b"abcd")
    assert format_text("%.4s|%.2S", (block + wdm.PAGE_SIZE - 4,) * 2).text == "abcd|\u6261\u6463"


def test_an_argument_is_missing_or_of_another_kind(memory: Memory) -> None:
    with pytest.raises(ValueError, match="no argument for '%d'"):
        format_text("%d %d", (1,))
    with pytest.raises(TypeError, match="'%d' in Format must be an integer; it was 'one'"):
        format_text("%d", ("one",))
    with pytest.raises(TypeError, match="'%s' in Format must be an address or a string"):
        format_text("%s", (1.5,))
    with pytest.raises(TypeError, match="'%wZ' in Format must be a UNICODE_STRING"):
        format_text("%wZ", (5,))
    with pytest.raises(TypeError, match="'%Z' in Format must be an ANSI_STRING"):
        format_text("%Z", (5,))
    with pytest.raises(TypeError, match="'%c' in Format must be a character"):
        format_text("%c", ("ab",))


def test_remarkable_fields_are_told(memory: Memory) -> None:
    found = format_text("%S %wZ %lc %C %s %f %Z", ("a", "b", 65, 65, "c", 1.5, b"d"))
    assert (found.wide, found.unsupported) == ("%S %wZ %lc %C", "%f")
    assert found.text == "a b A A c %f d"


INTEGERS = st.integers(-(2**31), 2**31 - 1)


@settings(deadline=None)
@given(
    value=INTEGERS,
    flags=st.sets(st.sampled_from("-+ #0")),
    width=st.integers(0, 14),
    precision=st.none() | st.integers(0, 14),
    kind=st.sampled_from("dxXo"),
)
def test_numbers_are_those_of_python(
    value: int, flags: set[str], width: int, precision: int | None, kind: str
) -> None:
    """Python's % has C's rules for numbers, except for octal prefixes, and for the 0 flag beside a precision."""
    if kind != "d":
        value &= 0xFFFF_FFFF
        flags -= {"+", " "}
    if kind == "o":
        flags -= {"#"}
    if precision is not None:
        flags -= {"0"}
    if value == 0 and (precision == 0 or "#" in flags):
        return
    field = f"%{''.join(sorted(flags))}{width or ''}{'' if precision is None else f'.{precision}'}{kind}"
    assert format_text(field, (value,)).text == field % value
