# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The number of a machine, by which a board says what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine, machine_names


def test_each_machine_that_comes_with_dirql_has_a_number_of_its_own() -> None:
    numbers = {name: machine_number(load_machine(name)) for name in machine_names()}
    assert {len(number) for number in numbers.values()} == {8}
    assert len(set(numbers.values())) == len(numbers)


def test_the_number_tells_what_host_code_can_see_and_nothing_else() -> None:
    machine = load_machine("default")
    number = machine_number(machine)
    same = replace(
        machine,
        name="x",
        file="x.toml",
        path=Path("x"),
        description="another text",
        frequency=1,
        checker="never",
    )
    assert machine_number(same) == number
    store = machine.functions[0]
    assert machine_number(replace(machine, functions=(*machine.functions, store))) != number
    assert (
        machine_number(replace(machine, functions=(replace(store, line="D"), *machine.functions[1:])))
        != number
    )
    assert machine_number(replace(machine, savings=replace(machine.savings, faults=False))) != number
