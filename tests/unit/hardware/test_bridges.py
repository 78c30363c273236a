# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bridges in machine files: the tree that they make, the wiring of interrupt pins, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dirql.hardware.bridges import pin_above
from dirql.hardware.description import MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.place import Place
from dirql.hardware.reading import load_machine, read_machine
from dirql.hardware.root import machine_root
from dirql.hardware.table import DescriptionError
from dirql.hardware.top import render_top

BRIDGED = machine_root() / "hdl/machines/bridged.toml"


def read(tmp_path: Path, *changes: tuple[str, str]) -> MachineDescription:
    """The machine `bridged` with some text changed."""
    text = BRIDGED.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "lab.toml"
    path.write_text(text, encoding="utf-8")
    return read_machine(path, machine_root())


def test_the_bridges_of_a_machine_make_a_tree() -> None:
    machine = load_machine("bridged")
    assert [(str(bridge.place), bridge.secondary) for bridge in machine.bridges] == [
        ("00:02.0", 1),
        ("01:04.0", 2),
    ]
    assert machine.functions_on(0) == ()
    assert [str(function.place) for function in machine.functions_on(2)] == [
        "02:01.0",
        "02:02.0",
        "02:03.0",
        "02:06.0",
    ]
    assert machine.master_places == ((0, 0, 0), (0, 2, 0))
    # Drivers find what is behind a bridge where the bridge is.
    assert machine.way_to(Place(2, 1, 0)) == ((2, 0), (4, 0), (1, 0))
    assert machine.way_to(Place(1, 1, 0)) < machine.way_to(Place(2, 6, 0)) < machine.way_to(Place(1, 5, 0))
    assert machine_number(machine) != machine_number(load_machine("default"))


@pytest.mark.parametrize("device", range(32))
@pytest.mark.parametrize("pin", range(4))
def test_B13_a_pin_is_turned_by_its_device_number(pin: int, device: int) -> None:
    assert pin_above(pin, device) == (pin + device) % 4


def test_B13_the_lines_follow_from_the_places_in_the_file_and_in_the_RTL(tmp_path: Path) -> None:
    assert [function.line for function in load_machine("bridged").functions] == list("BCDBBCDC")
    moved = read(
        tmp_path, ('place = "01:04.0"', 'place = "01:07.0"'), ('place = "01:02.0"', 'place = "01:00.0"')
    )
    assert [function.line for function in moved.functions] == list("BADBABCB")
    top = render_top(moved)
    assert "assign intx_2 = {pulser_6_intx, gpio_5_intx | store_7_intx, store_4_intx, 1'b0};" in top
    assert (
        "assign intx_1 = {pulser_2_intx | intx_2[0], intx_2[3], store_0_intx | store_3_intx | intx_2[2],"
        " gpio_1_intx | intx_2[1]};"
    ) in top


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [('place = "00:02.0"', 'place = "00:00.0"')],
            "bridges[0].place: device 0 of bus 0 must be left to the host bridge",
        ),
        (
            [('place = "00:02.0"', 'place = "00:02.1"')],
            "bridges[0].place: a bridge must be function 0 of its device",
        ),
        (
            [('place = "00:02.0"', 'place = "03:02.0"')],
            "bridges[0].place: a bridge must be on bus 0, or on a bus that",
        ),
        (
            [('place = "01:04.0"', 'place = "00:02.0"')],
            "bridges[1].place: a bridge must have a device of its own",
        ),
        (
            [('place = "01:04.0"', 'place = "00:01.0"')],
            "bridges[1].secondary: buses must have the numbers that",
        ),
        (
            [("secondary = 2", "secondary = 3")],
            "bridges[1].secondary: buses must have the numbers that enumeration",
        ),
        ([("secondary = 1", "secondary = 0")], "bridges[0].secondary: it must be an integer of 1 to 255"),
        ([("secondary = 1", 'secondary = 1\ncolour = "red"')], "bridges[0].colour"),
        (
            [('place = "01:05.0"', 'place = "01:04.1"')],
            "functions[3].place: a function must not be in a bridge's",
        ),
        (
            [('place = "02:01.0"', 'place = "03:01.0"')],
            "functions[4].place: the bus must be one that the machine has",
        ),
        (
            [('place = "02:01.0"\n', 'place = "02:01.0"\nline = "A"\n')],
            "functions[4].line: pin A of 02:01.0 arrives behind the bridges at line B, so the line must be B",
        ),
        (
            [("memory = [0x8000_0000, 0xC000_0000]", "memory = [0x8000_0000, 0x8020_0000]")],
            "buses[0].memory: the window must hold the base address registers of all functions",
        ),
    ],
)
def test_a_tree_that_cannot_be_is_refused_with_the_name_of_the_key(
    tmp_path: Path, changes: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(DescriptionError, match=re.escape(message)):
        read(tmp_path, *changes)
