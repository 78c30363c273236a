# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Formatted texts of drivers in C: the sizes and letters of Microsoft's C library, and the same text as in Python."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_longlong, c_uint, c_ushort, c_void_p, cast
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from dirql.rtl.formatting import format_text
from unit.c.compilers import compile_runtime

STUB = "int dirql_debug_print(int c, int l, const char *t, int n) { (void)c; (void)l; (void)t; return n; }\n"


class Counted(Structure):
    """A STRING or a UNICODE_STRING."""

    _fields_ = (("length", c_ushort), ("maximum", c_ushort), ("buffer", c_void_p))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("runtime")
    stub = folder / "stub.c"
    stub.write_text(f"int dirql_debug_print(int c, int l, const char *t, int n);\n{STUB}")
    return ctypes.CDLL(str(compile_runtime(folder, stub)))


def wide(text: str) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(text.encode("utf-16-le", "surrogatepass") + b"\0\0")


def counted(text: bytes) -> tuple[Counted, ctypes.Array[ctypes.c_char]]:
    """A counted string, whose buffer ends without a NUL, and its buffer."""
    buffer = ctypes.create_string_buffer(text + b"??", len(text) + 2)
    return Counted(len(text), len(text) + 2, ctypes.addressof(buffer)), buffer


def formatted(runtime: ctypes.CDLL, text: str, *arguments: object) -> str:
    buffer = ctypes.create_string_buffer(1000)
    length = runtime._snprintf(buffer, ctypes.c_size_t(1000), c_char_p(text.encode("cp1252")), *arguments)
    assert length == len(buffer.value)
    return buffer.value.decode("cp1252")


I32, I64 = c_int, c_longlong
TABLE = [
    # Sizes: `long` has 32 bits, so the upper half of an argument does not count.
    ("%d", (I64(-1),), "-1"),
    ("%ld", (I64(0x1_0000_0005),), "5"),
    ("%lu", (I64(-1),), "4294967295"),
    ("%lx", (I64(0x1234_5678_9ABC_DEF0),), "9abcdef0"),
    ("%I64x", (I64(0x1234_5678_9ABC_DEF0),), "123456789abcdef0"),
    ("%I64d", (I64(-(1 << 63)),), "-9223372036854775808"),
    ("%lld", (I64(-5),), "-5"),
    ("%Id", (I64(1 << 40),), "1099511627776"),
    ("%I32u", (I64(-1),), "4294967295"),
    ("%hd", (I32(0x1FFFF),), "-1"),
    ("%hu", (I32(-1),), "65535"),
    ("%hhx", (I32(0x1FE),), "fe"),
    # Pointers have 16 capital digits, no prefix.
    ("%p", (c_void_p(0xABC),), "0000000000000ABC"),
    ("%20p", (c_void_p(0xABC),), "    0000000000000ABC"),
    # Flags, width, precision.
    ("%5d|%-5d|%05d|%+d|% d", (I32(42),) * 5, "   42|42   |00042|+42| 42"),
    ("%.3d|%8.3d|%-8.3d|", (I32(7),) * 3, "007|     007|007     |"),
    ("%.0d|", (I32(0),), "|"),
    ("%#x %#X %#o %#x", (I32(255), I32(255), I32(8), I32(0)), "0xff 0XFF 010 0"),
    ("%08x", (I32(-2),), "fffffffe"),
    ("%#010x", (I32(0xAB),), "0x000000ab"),
    ("%*d|%-*d|%.*d", (I32(4), I32(1), I32(-4), I32(2), I32(3), I32(3)), "   1|2   |003"),
    ("%o %u %i %X", (I32(8), I32(-1), I32(-3), I32(-1)), "10 4294967295 -3 FFFFFFFF"),
    # Characters and strings.
    ("%s and %10s|%-6s|%.2s", (c_char_p(b"one"),) * 4, "one and        one|one   |on"),
    ("%s", (c_char_p(None),), "(null)"),
    ("%.3s", (c_char_p(None),), "(nu"),
    ("%05s", (c_char_p(b"ab"),), "000ab"),
    ("%c%C%5c|", (I32(0x41), I32(0x42), I32(0x43)), "AB    C|"),
    ("100%% %y%", (), "100% y"),
    ("%f after %d", (ctypes.c_double(1.5), I32(3)), "%f after 3"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "arguments", "expected"), TABLE)
def test_a_field_makes_the_text_of_the_table(
    runtime: ctypes.CDLL, text: str, arguments: tuple[object, ...], expected: str
) -> None:
    assert formatted(runtime, text, *arguments) == expected


def test_strings_of_the_other_width_and_counted_strings(runtime: ctypes.CDLL) -> None:
    text, narrow = wide("wörld"), c_char_p("näh".encode("cp1252"))
    assert formatted(runtime, "%ws %S %ls %hs", text, text, text, narrow) == "wörld wörld wörld näh"
    of_wide, kept_wide = counted("Device".encode("utf-16-le"))
    of_bytes, kept_bytes = counted(b"bytes")
    assert formatted(runtime, "%wZ|%9wZ|%.3wZ|%Z", *[byref(of_wide)] * 3, byref(of_bytes)) == (
        "Device|   Device|Dev|bytes"
    )
    assert formatted(runtime, "%wZ %Z", None, byref(Counted())) == "(null) (null)"
    assert kept_wide
    assert kept_bytes


def test_a_format_of_wide_characters_swaps_the_widths(runtime: ctypes.CDLL) -> None:
    buffer = (c_ushort * 40)()
    length = runtime._snwprintf(
        buffer, ctypes.c_size_t(40), wide("%s/%S/%hs/%c €"), wide("w"), b"n", b"h", c_int(0x20AC)
    )
    assert bytes(buffer)[: 2 * length].decode("utf-16-le") == "w/n/h/€ €"


def test_a_text_that_does_not_fit_is_cut_as_by_snprintf_of_microsoft(runtime: ctypes.CDLL) -> None:
    for room, length, content in (
        (4, 3, b"123\0@@"),
        (3, 3, b"123@@@"),
        (2, -1, b"12@@@@"),
        (0, -1, b"@@@@@@"),
    ):
        buffer = ctypes.create_string_buffer(b"@@@@@@", 6)
        assert runtime._snprintf(buffer, ctypes.c_size_t(room), b"%d", c_int(123)) == length
        assert buffer.raw == content


FIELDS = st.builds(
    lambda flags, width, precision, size, kind: f"%{flags}{width}{precision}{size}{kind}",
    st.text("-+ #0", max_size=3),
    st.sampled_from(["", "1", "7", "23"]),
    st.sampled_from(["", ".", ".0", ".4", ".20"]),
    st.sampled_from(["", "h", "l", "ll", "I64", "I32", "I"]),
    st.sampled_from("diouxX"),
)


@pytest.mark.slow
@given(FIELDS, st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 3))
def test_a_number_is_written_as_for_drivers_in_python(runtime: ctypes.CDLL, field: str, value: int) -> None:
    assert formatted(runtime, f"<{field}>", c_longlong(value)) == format_text(f"<{field}>", (value,)).text


@given(
    st.text("-0", max_size=2),
    st.sampled_from(["", "3", "9"]),
    st.sampled_from(["", ".0", ".2", ".9"]),
    st.text(
        st.characters(min_codepoint=1, max_codepoint=0xFF, exclude_characters="\x81\x8d\x8f\x90\x9d"),
        max_size=6,
    ),
)
def test_a_string_is_written_as_for_drivers_in_python(
    runtime: ctypes.CDLL, flags: str, width: str, precision: str, text: str
) -> None:
    field = f"%{flags}{width}{precision}"
    value = "".join(each for each in text if not "\x80" <= each < "\xa0")
    narrow = c_char_p(value.encode("cp1252"))
    expected = format_text(f"{field}s", (value,)).text
    assert formatted(runtime, f"{field}s", narrow) == expected
    assert formatted(runtime, f"{field}S", wide(value)) == expected


def test_a_message_is_utf_8_and_has_at_most_512_bytes(tmp_path: Path) -> None:
    source = tmp_path / "catch.c"
    source.write_text(
        "unsigned int dirql_debug_print(unsigned int c, unsigned int l, const char *t, unsigned int n);\n"
        "char caught[600]; unsigned int caught_length, component, level;\n"
        "unsigned int dirql_debug_print(unsigned int c, unsigned int l, const char *t, unsigned int n)\n"
        "{ component = c; level = l; caught_length = n;\n"
        "for (unsigned int i = 0; i < n; i++) caught[i] = t[i];\nreturn 0; }\n"
    )
    runtime = ctypes.CDLL(str(compile_runtime(tmp_path, source)))
    caught = (ctypes.c_char * 600).in_dll(runtime, "caught")
    length = c_uint.in_dll(runtime, "caught_length")
    runtime.DbgPrintEx(c_uint(77), c_uint(0), b"%ws %d\n", wide("€uro"), c_int(-7))
    assert caught.raw[: length.value].decode() == "€uro -7\n"
    assert (c_uint.in_dll(runtime, "component").value, c_uint.in_dll(runtime, "level").value) == (77, 0)
    runtime.DbgPrint(b"%600d", c_int(1))
    assert length.value == 512
    assert cast(caught, POINTER(ctypes.c_char))[511] == b" "
