# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The arguments with which a transfer begins and ends: its MDL, and its direction."""

from __future__ import annotations

import pytest

from dirql.hal.dma.scatter_gather import ScatterGatherList
from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import BugCheck
from dirql.nt.constants import PAGE_SIZE, DeallocateObjectKeepRegisters
from unit.hal.conftest import Machine
from unit.hal.dma import ALL_BITS, a_device, adapter_for, at_dispatch, description, locked
from unit.hal.test_adapter import channel, transfer


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("routine", ["get", "build", "map"])
def test_DMA_06_a_byte_count_that_was_changed_ends_at_the_pages_of_its_mdl(
    machine: Machine, routine: str, chained: bool
) -> None:
    """The pages behind those of the MDL belong to somebody else."""
    mdl = tampered = locked(machine, PAGE_SIZE, 0)[1]
    if chained:
        mdl.next = tampered = locked(machine, PAGE_SIZE, 0)[1]
    tampered.byte_count = 3 * PAGE_SIZE
    adapter = adapter_for(description(ALL_BITS, longest=8 * PAGE_SIZE))
    device, address, length = a_device(), mdl.get_virtual_address(), 3 * PAGE_SIZE
    space = machine.memory_manager.process.allocate(PAGE_SIZE).address

    def begin() -> None:
        if routine == "map":
            with at_dispatch():
                [registers] = channel(adapter, 4, DeallocateObjectKeepRegisters, device)
            adapter.map_transfer(mdl, registers, address, length, True)
            return
        list_arguments = (device, mdl, address, length, lambda *_: None, None, True)
        with at_dispatch():
            if routine == "get":
                adapter.get_scatter_gather_list(*list_arguments)
            else:
                adapter.build_scatter_gather_list(*list_arguments, space, PAGE_SIZE)

    with pytest.raises(BugCheck, match="a transfer must lie inside its MDL") as caught:
        begin()
    assert (caught.value.code, caught.value.parameters[:3]) == (0xE6, (0x1B, address, mdl))


@pytest.mark.parametrize("began", [False, True])
@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("routine", ["list", "transfer"])
def test_DMA_18_a_transfer_ends_with_the_direction_with_which_it_began(
    machine: Machine, routine: str, began: bool, ended: bool
) -> None:
    found: list[str] = []
    machine.kernel.hooks.defect_found = lambda row, _: found.append(row)
    adapter = adapter_for(description(ALL_BITS))
    _, mdl = locked(machine, 64, 0)
    address = mdl.get_virtual_address()

    def control(_device: DeviceObject, _irp: object, pieces: ScatterGatherList, _context: object) -> None:
        adapter.put_scatter_gather_list(pieces, ended)

    if routine == "list":
        with at_dispatch():
            adapter.get_scatter_gather_list(a_device(), mdl, address, 64, control, None, began)
    else:
        _, registers = transfer(adapter, mdl, 0, 64, began)
        adapter.flush_adapter_buffers(mdl, registers, address, 64, ended)
    assert found == ([] if began == ended else ["DMA-18"])
