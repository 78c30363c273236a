# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The keys of a machine file for a pair of 8259A chips, and the error for each way in which they can be wrong."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dirql.hardware.description import MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.interrupt_controller import PIC_8259A
from dirql.hardware.reading import load_machine, read_machine
from dirql.hardware.root import machine_root
from dirql.hardware.table import DescriptionError

ROOT = machine_root()
AT = tomllib.loads((ROOT / "hdl/machines/at.toml").read_text(encoding="utf-8"))
Read = Callable[[dict[str, Any]], MachineDescription]


def written(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {written(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a machine from the values of a machine file."""

    def read(values: dict[str, Any]) -> MachineDescription:
        path = tmp_path / "lab.toml"
        path.write_text("".join(f'"{key}" = {written(value)}\n' for key, value in values.items()), "utf-8")
        return read_machine(path, ROOT)

    return read


def changed(*path: str, value: object = None) -> dict[str, Any]:
    """The values of the machine `at` with one of them changed, or taken away if `value` is None."""
    values = copy.deepcopy(AT)
    inner: Any = values
    for step in path[:-1]:
        inner = inner.setdefault(step, {})
    inner[path[-1]] = value
    if value is None:
        del inner[path[-1]]
    return values


def test_the_chips_have_their_vectors_and_inputs_for_devices() -> None:
    controller = load_machine("at").controller
    assert controller.kind == PIC_8259A
    assert controller.vectors == (*range(0x30, 0x38), *range(0x40, 0x48))
    assert controller.device_inputs == (3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15)
    assert controller.input_of_vector(0x43) == 11
    assert controller.lines == {"A": 11, "B": 10, "C": 5, "D": 4}
    with pytest.raises(ValueError, match="a vector must be 0x30 to 0x37 or 0x40 to 0x47; it was 0x38: take"):
        controller.input_of_vector(0x38)


def test_edges_are_gated_unless_the_file_says_sticky(read: Read) -> None:
    assert not read(AT).controller.gated
    assert read(changed("interrupt_controller", "edges")).controller.gated


def test_each_fact_of_the_chips_is_in_the_number_of_the_machine(read: Read) -> None:
    variants = (
        AT,
        changed("interrupt_controller", "edges", value="gated"),
        changed("interrupt_controller", "lines", value={"A": 10, "B": 11, "C": 5, "D": 4}),
        changed("interrupt_controller", "slave_vector_base", value=0x38),
        changed("interrupt_controller", "vector_base", value=0x38),
    )
    assert len({machine_number(read(values)) for values in variants}) == len(variants)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            changed("interrupt_controller", "controller", value="8259"),
            r"interrupt_controller.controller: it must be one of simple, 8259a; it was '8259'",
        ),
        (
            changed("interrupt_controller", "vector_base", value=0x34),
            r"interrupt_controller.vector_base: it must be a multiple of 8, because .* low bits; it was 0x34",
        ),
        (
            changed("interrupt_controller", "slave_vector_base", value=0xD0),
            r"interrupt_controller.slave_vector_base: it must be an integer of 48 to 200; it was 208",
        ),
        (
            changed("interrupt_controller", "slave_vector_base", value=0x30),
            r"slave_vector_base: the slave's vectors must be .*; it was 0x30, and vector_base is 0x30",
        ),
        (
            changed("interrupt_controller", "slave_vector_base"),
            r"interrupt_controller.slave_vector_base: the key is missing",
        ),
        (
            changed("interrupt_controller", "vector_step", value=1),
            r'vector_step: the controller must be "simple" to have this key; it was "8259a": leave out vector_step',
        ),
        (
            changed("interrupt_controller", "edges", value="latched"),
            r"interrupt_controller.edges: it must be one of gated, sticky; it was 'latched'",
        ),
        (
            changed("interrupt_controller", "lines", value={"A": 8, "B": 10, "C": 5, "D": 4}),
            r"interrupt_controller.lines.A: a line must have an input of devices, none of 0, 1, 2, 8, 13; it was 8",
        ),
        (
            changed("interrupt_controller", "lines", value={"A": 11, "B": 10, "C": 11, "D": 4}),
            r"interrupt_controller.lines.C: a line must have an input of its own; 11 is that of line A",
        ),
        (
            changed("interrupt_controller", "lines", value={"A": 11, "B": 10, "C": 5}),
            r"interrupt_controller.lines.D: the key is missing",
        ),
    ],
)
def test_a_pair_that_cannot_be_is_refused(read: Read, values: dict[str, Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        read(values)


def test_the_lines_of_the_chips_need_routes(read: Read) -> None:
    values = changed("savings", "routes", value=False)
    values["functions"] = [each for each in values["functions"] if each["function"] == "gpio"]
    with pytest.raises(DescriptionError, match=r"savings.routes: a machine with a pair of 8259A chips must"):
        read(values)


def test_ports_of_functions_begin_after_those_of_the_chips(read: Read) -> None:
    values = copy.deepcopy(AT)
    values["buses"][0]["ports"] = [0x400, 0x1_0000]
    with pytest.raises(
        DescriptionError,
        match=r"buses\[0\].ports: the ports of functions must begin at 0x4d4 or above.*0x400",
    ):
        read(values)


def test_the_simple_controller_has_no_keys_of_the_chips(read: Read) -> None:
    values = tomllib.loads((ROOT / "hdl/machines/default.toml").read_text(encoding="utf-8"))
    values["interrupt_controller"]["edges"] = "gated"
    with pytest.raises(
        DescriptionError,
        match=r'interrupt_controller.edges: the controller must be "8259a" to have this key; it was "simple"',
    ):
        read(values)
