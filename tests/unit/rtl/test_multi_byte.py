# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Characters in memory that become those of another code page, with every length."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from dirql import wdm
from unit.rtl.conftest import Memory

Routine = Callable[[int, int, int, int], tuple[int, int]]
UNICODE = "Größe é→"
FROM_UNICODE: list[tuple[Routine, bytes, int]] = [
    (wdm.RtlUnicodeToMultiByteN, b"Gr\xf6\xdfe \xe9?", wdm.STATUS_SUCCESS),
    (wdm.RtlUnicodeToOemN, b"Gr\x94\xe1e \x82?", wdm.STATUS_BUFFER_OVERFLOW),
    (wdm.RtlUpcaseUnicodeToMultiByteN, b"GR\xd6\xdfE \xc9?", wdm.STATUS_SUCCESS),
    (wdm.RtlUpcaseUnicodeToOemN, b"GR\x99\xe1E \x90?", wdm.STATUS_BUFFER_OVERFLOW),
]


@pytest.mark.parametrize(
    ("routine", "characters", "cut"), FROM_UNICODE, ids=[each[1].hex() for each in FROM_UNICODE]
)
@pytest.mark.parametrize("room", [0, 1, 7, 8, 20])
def test_units_become_bytes_and_the_rest_stays(
    memory: Memory, routine: Routine, characters: bytes, cut: int, room: int
) -> None:
    source, destination = memory.block(UNICODE.encode("utf-16-le") + b"x"), memory.block(b"", 24)
    written = min(room, len(characters))
    expected = cut if room < len(characters) else wdm.STATUS_SUCCESS
    assert routine(destination, room, source, 2 * len(UNICODE) + 1) == (expected, written)
    assert wdm.RtlReadMemory(destination, 24) == characters[:written].ljust(24, b"\xa5")


@pytest.mark.parametrize(
    ("routine", "text"),
    [(wdm.RtlMultiByteToUnicodeN, "ö\xa0"), (wdm.RtlOemToUnicodeN, "÷á")],
    ids=["ANSI", "OEM"],
)
@pytest.mark.parametrize("room", [0, 1, 2, 3, 4, 9])
def test_bytes_become_units_and_the_rest_stays(
    memory: Memory, routine: Routine, text: str, room: int
) -> None:
    source, destination = memory.block(b"\xf6\xa0"), memory.block(b"", 12)
    written = min(room // 2 * 2, 4)
    assert routine(destination, room, source, 2) == (wdm.STATUS_SUCCESS, written)
    assert wdm.RtlReadMemory(destination, 12) == text.encode("utf-16-le")[:written].ljust(12, b"\xa5")


def test_sizes_count_no_nul(memory: Memory) -> None:
    source = memory.block(b"text")
    assert wdm.RtlMultiByteToUnicodeSize(source, 4) == (wdm.STATUS_SUCCESS, 8)
    assert wdm.RtlUnicodeToMultiByteSize(source, 4) == (wdm.STATUS_SUCCESS, 2)


def test_a_text_in_the_place_of_an_address_is_told(memory: Memory) -> None:
    with pytest.raises(TypeError, match="RtlUnicodeToMultiByteN: UnicodeString must be an address"):
        wdm.RtlUnicodeToMultiByteN(memory.block(b"", 8), 8, cast("int", UNICODE), 8)
