# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Each routine of DMA at a wrong level, and the adapters that devices get without resources."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.contracts import CONTRACTS
from unit.bugcheck_pages import open_for_mistakes
from unit.edge_calls import World, find, good_arguments
from unit.hal.dma import a_device, description
from wdk.description import load_description
from wdk.routines import Routine

ROUTINES = [
    routine for routine in load_description().routines if (routine.member_of or "") == "DMA_OPERATIONS"
]


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield from open_for_mistakes()


def page_at(machine: Machine, irql: int, call: Callable[[], object]) -> tuple[object, ...]:
    """The bug check of a call at this level."""
    processor = machine.kernel.processors[0]
    processor.irql = irql
    with pytest.raises(BugCheck) as caught:
        call()
    processor.irql = wdm.PASSIVE_LEVEL
    return (caught.value.code, *caught.value.parameters)


@pytest.mark.row("DMA-17")
@pytest.mark.parametrize("routine", ROUTINES, ids=lambda routine: str(routine.name))
def test_DMA_17_a_routine_of_an_adapter_at_a_wrong_level(machine: Machine, routine: Routine) -> None:
    stated = CONTRACTS[routine.python]
    assert stated.violation is not None
    given = good_arguments(routine, World(machine))
    is_exact = stated.min_irql == stated.max_irql
    for irql in {stated.max_irql + 1, stated.min_irql - 1 if stated.min_irql else stated.max_irql + 1}:
        found = page_at(machine, irql, lambda: find(routine)(*given))
        assert found == (0xE6, stated.violation.subcode, 1 if is_exact else 2, stated.max_irql, irql)
        machine.kernel.stopped = None


@pytest.mark.row("DMA-01")
@pytest.mark.parametrize("irql", [wdm.APC_LEVEL, wdm.DISPATCH_LEVEL])
def test_DMA_01_an_adapter_is_got_at_passive_level(machine: Machine, irql: int) -> None:
    wanted = description()
    assert page_at(machine, irql, lambda: wdm.IoGetDmaAdapter(None, wanted))[:3] == (0xA, None, irql)


@pytest.mark.row("DMA-01")
def test_DMA_01_HalGetAdapter_is_called_at_passive_level(machine: Machine) -> None:
    wanted = description()
    assert page_at(machine, wdm.APC_LEVEL, lambda: wdm.HalGetAdapter(wanted))[0] == 0xA


@pytest.mark.row("DMA-01")
@pytest.mark.parametrize("with_device", [True, False])
def test_DMA_01_a_device_needs_no_resources_for_an_adapter(machine: Machine, with_device: bool) -> None:
    adapter, registers = wdm.IoGetDmaAdapter(a_device() if with_device else None, description())
    assert adapter is not None
    assert registers == 17
    adapter.dma_operations.put_dma_adapter(adapter)
    assert machine.hal.adapters == []
