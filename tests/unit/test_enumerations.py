# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A number that is no member of the enumeration of a parameter: C compiles it, and nothing good comes of it."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.machine import Machine
from dirql.nt.contract import Value
from dirql.nt.contracts import CONTRACTS
from unit.edge_calls import World, good_arguments
from unit.test_edges import ROUTINES, call, on_a_machine
from wdk.routines import Routine

CASES = [
    (ROUTINES[contract.routine], value)
    for contract in CONTRACTS.values()
    for value in contract.values
    if value.such_as
]
_SERVICES = {
    "ZwCreateEvent": (2, wdm.STATUS_INVALID_PARAMETER),
    "ZwCreateTimer": (2, wdm.STATUS_INVALID_PARAMETER_4),
    "ZwWaitForMultipleObjects": (2, wdm.STATUS_INVALID_PARAMETER_3),
}


def _refusal(routine: Routine, value: Value, number: int, world: World) -> str:
    arguments = good_arguments(routine, world)
    arguments[value.position] = number
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    try:
        call(routine, arguments)
    except ValueError as error:
        return str(error)
    return "none"


def test_a_number_that_is_no_member_of_an_enumeration_is_refused() -> None:
    assert len(CASES) > 30
    wrong = []

    def test(machine: Machine) -> None:
        world = World(machine)
        for routine, value in CASES:
            for number in (value.highest + 1, value.lowest - 1):
                found = _refusal(routine, value, number, world)
                wanted = (
                    f"{value.name} must be a member of {value.type}, such as {value.such_as}; it was {number}"
                )
                if f"{routine.name}: {wanted}" not in found:
                    wrong.append(f"{routine.name}, {value.name} {number}: {found}")

    on_a_machine(test)
    assert wrong == []


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_answers_it_with_a_status(name: str) -> None:
    position, status = _SERVICES[name]

    def test(machine: Machine) -> None:
        arguments = good_arguments(ROUTINES[name], World(machine))
        arguments[position] = 2
        result = getattr(wdm, name)(*arguments)
        assert (result[0] if isinstance(result, tuple) else result) == status

    on_a_machine(test)
