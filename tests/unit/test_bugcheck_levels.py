# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Calls at a wrong level: the bug checks have all four parameters of their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.contracts import CONTRACTS
from unit.bugcheck_pages import (
    RULE,
    Page,
    open_for_mistakes,
)
from unit.edge_calls import World, find, good_arguments
from wdk.description import load_description


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield from open_for_mistakes()


def disabled() -> int:
    """The APC disable count of the current thread."""
    return wdm.KeGetCurrentThread().kernel_apc_disable


def usual_page(irql: int, given: list[Any]) -> Page:
    return irql, given[0], 0


LEVEL_PAGES: dict[int, Callable[[int, list[Any]], Page]] = {
    0x39: lambda irql, given: (irql, disabled(), given[0]),
    0x3A: lambda irql, given: (irql, disabled(), given[0]),
    0x70: lambda irql, given: (irql, given[0], given[1]),
    0x71: lambda irql, given: (irql, given[0], given[1]),
    0x73: lambda irql, given: (irql, given[0], given[1]),
    0x74: lambda irql, given: (irql, given[0], wdm.KernelMode),
    0x76: lambda irql, given: (irql, given[0], wdm.KernelMode),
    0x78: lambda irql, given: (irql, given[0], 0),
    0x79: lambda irql, given: (irql, given[0], given[1]),
    0x7B: lambda irql, given: (irql, given[0], given[1]),
    0x7E: lambda irql, _: (irql, wdm.DISPATCH_LEVEL, 0),
    0x11A: lambda irql, _: (irql, 0, 0),
    0x11B: lambda irql, _: (irql, 0, 0),
    0x120: lambda irql, given: (irql, given[isinstance(given[0], int)], TIMEOUT),
    0xE: lambda irql, given: (irql, given[0], 0),
    0x10: lambda irql, _: (irql, 0, 0),
}
"""The parameters behind the first by the rule; all others have the IRQL, the object, and 0."""
TIMEOUT = -10
"""That of the right arguments."""
AT_DISPATCH = {"IoAcquireCancelSpinLock", "IoReleaseCancelSpinLock"}
ELSEWHERE = {"KeRaiseIrql", "KeLowerIrql", "KeRaiseIrqlToDpcLevel", "KeRaiseIrqlToSynchLevel"}
"""Any level is legal for these; which level they may ask for depends on the current one."""
VERIFIED = [
    routine
    for routine in load_description().routines
    if (violation := CONTRACTS[routine.python].violation) is not None
    and violation.code in (0xC4, 0xC9)
    and routine.name not in ELSEWHERE
]


@pytest.mark.parametrize("routine", VERIFIED, ids=lambda routine: str(routine.name))
def test_a_call_at_a_wrong_level_has_the_parameters_of_its_page(machine: Machine, routine: Any) -> None:
    stated = CONTRACTS[routine.python]
    violation = stated.violation
    assert violation is not None
    given = good_arguments(routine, World(machine))
    irql = (
        stated.min_irql - 1 if stated.max_irql == wdm.HIGH_LEVEL or stated.min_irql else stated.max_irql + 1
    )
    processor = machine.kernel.processors[0]
    processor.irql = irql
    with pytest.raises(BugCheck) as caught:
        find(routine)(*given)
    processor.irql = wdm.PASSIVE_LEVEL
    if violation.subcode >= 0x2_0000:
        wanted: Page = (RULE, 0, 0)
    elif routine.name in AT_DISPATCH:
        wanted = (irql, machine.io.cancel_lock, 0)
    else:
        wanted = LEVEL_PAGES.get(violation.subcode, usual_page)(irql, given)
    assert (caught.value.code, *caught.value.parameters) == (violation.code, violation.subcode, *wanted)
