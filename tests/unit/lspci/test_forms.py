# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The forms of `dirql lspci`: dumps, the tree, selected places and sizes."""

from __future__ import annotations

import pytest

from dirql.lspci.command import Options
from dirql.lspci.selection import Selection
from dirql.lspci.size import size_text
from fakes.pci_function import FakeFunction
from unit.lspci.making import (
    MULTI_FUNCTION,
    bridge,
    lines,
    machine,
    put,
)


def test_dumps() -> None:
    function = FakeFunction()
    put(function, 0xF0, 0xDDCC_BBAA)
    short, full = (lines(machine(function), Options(dump=dump)) for dump in (1, 3))
    assert len(short) == 6
    assert short[3] == "20: 00 00 00 00 00 00 00 00 00 00 00 00 78 56 ef be"
    assert len(full) == 18
    assert full[16:] == ["f0: aa bb cc dd 00 00 00 00 00 00 00 00 00 00 00 00", ""]
    assert lines(machine(function), Options(dump=2)) == short
    assert lines(machine(function), Options(dump=9)) == full


TREE = (bridge(subordinate=2), FakeFunction(device=0, id=0x00AB), FakeFunction(device=31))
BELOW = (FakeFunction(device=4, header_type=MULTI_FUNCTION), FakeFunction(device=4, function=1))


def test_the_tree() -> None:
    assert lines(machine(*TREE, below=BELOW), Options(tree=True)) == [
        "-[0000:00]-+-00.0",
        "           +-03.0-[01-02]--+-04.0",
        "           |               \\-04.1",
        "           \\-1f.0",
    ]
    assert lines(machine(*TREE), Options(tree=True, verbose=1)) == [
        "-[0000:00]-+-00.0  Device 1234:00ab",
        "           +-03.0-[01-02]--",
        "           \\-1f.0  store",
    ]
    assert lines(machine(bridge(), below=BELOW[1:1]), Options(tree=True)) == ["-[0000:00]---03.0-[01]--"]
    assert lines(machine(bridge(), below=(FakeFunction(device=7),)), Options(tree=True)) == [
        "-[0000:00]---03.0-[01]----07.0"
    ]


def test_the_tree_of_selected_functions_has_the_bridges_that_lead_to_them() -> None:
    options = Options(tree=True, selection=Selection.parse("4.1"))
    assert lines(machine(*TREE, below=BELOW), options) == ["-[0000:00]---03.0-[01-02]----04.1"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("00:03.0", ["00:03.0"]),
        ("0:3", ["00:03.0"]),
        ("0000:00:1f.0", ["00:1f.0"]),
        ("01:", ["01:04.0", "01:04.1"]),
        ("4", ["01:04.0", "01:04.1"]),
        (".1", ["01:04.1"]),
        ("*:*.0", ["00:00.0", "00:03.0", "00:1f.0", "01:04.0"]),
        ("1F", ["00:1f.0"]),
        ("02:", []),
    ],
)
def test_places_are_selected_as_lspci_does(text: str, places: list[str]) -> None:
    shown = lines(machine(*TREE, below=BELOW), Options(selection=Selection.parse(text)))
    assert [line.split()[0] for line in shown] == places


@pytest.mark.parametrize("text", ["20", "00:01.8", "1:00:01.0", "x", "00:01.0 "])
def test_selections_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a selection must be \[\[domain:\]bus:\]\[device\].*it was '"):
        Selection.parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, ""), (16, " [size=16]"), (4096, " [size=4K]"), (1536, " [size=1536]"), (1 << 32, " [size=4G]")],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text
