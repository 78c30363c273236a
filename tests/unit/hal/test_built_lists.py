# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Scatter/gather lists in memory of the driver, and MDLs for the memory behind a list."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.hal.dma.scatter_gather import ScatterGatherList
from unit.hal.conftest import Machine
from unit.hal.dma import (
    ALL_BITS,
    FEW_BITS,
    a_device,
    adapter_for,
    at_dispatch,
    description,
    device_writes,
    locked,
    release,
)

PAGE = wdm.PAGE_SIZE
LENGTH = 3 * PAGE
TAG = wdm.POOL_TAG("List")


def build(
    adapter: wdm.DMA_ADAPTER, mdl: wdm.MDL, size: int, *, write: bool = False
) -> ScatterGatherList | int:
    """The list, or the status of a failure."""
    got: list[ScatterGatherList] = []
    memory = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 512, TAG)
    assert memory is not None
    address = wdm.MmGetMdlVirtualAddress(mdl)
    with at_dispatch():
        status = adapter.dma_operations.build_scatter_gather_list(
            adapter,
            a_device(),
            mdl,
            address,
            LENGTH,
            lambda _device, _irp, found, _context: got.append(found),
            None,
            write,
            memory,
            size,
        )
    if status != wdm.STATUS_SUCCESS:
        assert got == []
        return status
    (found,) = got
    words = [int.from_bytes(wdm.RtlReadMemory(memory + place, 8), "little") for place in range(0, 512, 8)]
    assert words[0] == found.number_of_elements
    pairs = [(words[2 + 3 * index], words[3 + 3 * index]) for index in range(found.number_of_elements)]
    assert pairs == [tuple(element) for element in found.elements]
    return found


@pytest.mark.parametrize("offset", [0, 0x800])
@pytest.mark.parametrize("bits", [ALL_BITS, FEW_BITS])
def test_DMA_16_a_list_in_memory_of_the_driver(machine: Machine, bits: int, offset: int) -> None:
    buffer, mdl = locked(machine, LENGTH, offset)
    adapter = adapter_for(description(bits))
    operations = adapter.dma_operations
    address = wdm.MmGetMdlVirtualAddress(mdl)
    status, size, registers = operations.calculate_scatter_gather_list(adapter, mdl, address, LENGTH)
    pages = wdm.ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, LENGTH)
    assert (status, registers) == (wdm.STATUS_SUCCESS, pages)
    assert size >= 0x10 + pages * 0x18
    assert operations.calculate_scatter_gather_list(adapter, None, address, LENGTH) == (
        status,
        size,
        registers,
    )
    assert build(adapter, mdl, size - 1) == wdm.STATUS_BUFFER_TOO_SMALL
    found = build(adapter, mdl, size)
    assert isinstance(found, ScatterGatherList)
    device_writes(machine, found.elements, bytes(range(256)) * 48)
    with at_dispatch():
        operations.put_scatter_gather_list(adapter, found, False)
    assert buffer.read() == bytes(range(256)) * 48
    release(buffer, mdl)
    operations.put_dma_adapter(adapter)


def test_DMA_16_ranges_that_cannot_be_listed(machine: Machine) -> None:
    _, mdl = locked(machine, LENGTH)
    adapter = adapter_for(description(longest=PAGE))
    calculate = adapter.dma_operations.calculate_scatter_gather_list
    address = wdm.MmGetMdlVirtualAddress(mdl)
    wrong = (wdm.STATUS_INVALID_PARAMETER, 0, 0)
    assert calculate(adapter, mdl, address, 0) == wrong
    assert calculate(adapter, mdl, address - 1, 8) == wrong
    assert calculate(adapter, mdl, address + PAGE, LENGTH) == wrong
    assert calculate(adapter, mdl, address, LENGTH) == (wdm.STATUS_INSUFFICIENT_RESOURCES, 0, 0)
    assert build(adapter, mdl, 512) == wdm.STATUS_INSUFFICIENT_RESOURCES


def test_DMA_16_a_description_without_a_maximum_length(machine: Machine) -> None:
    _, mdl = locked(machine, 100)
    adapter = adapter_for(description(longest=0))
    address = wdm.MmGetMdlVirtualAddress(mdl)
    got: list[ScatterGatherList] = []
    with at_dispatch():
        adapter.dma_operations.get_scatter_gather_list(
            adapter, a_device(), mdl, address, 100, lambda _d, _i, found, _c: got.append(found), None, True
        )
    assert [length for _, length in got[0].elements] == [100]


def test_DMA_16_the_MDL_of_a_list_is_the_original_one(machine: Machine) -> None:
    _, mdl = locked(machine, LENGTH)
    adapter = adapter_for(description())
    found = build(adapter, mdl, 512)
    assert isinstance(found, ScatterGatherList)
    make = adapter.dma_operations.build_mdl_from_scatter_gather_list
    assert make(adapter, found, mdl) == (wdm.STATUS_SUCCESS, mdl)
    _, other = locked(machine, LENGTH)
    assert make(adapter, found, other) == (wdm.STATUS_INVALID_PARAMETER, None)
    with at_dispatch():
        adapter.dma_operations.put_scatter_gather_list(adapter, found, False)
    assert make(adapter, found, mdl) == (wdm.STATUS_INVALID_PARAMETER, None)


def test_DMA_16_the_MDL_of_a_list_describes_bounce_pages(machine: Machine) -> None:
    buffer, mdl = locked(machine, LENGTH, 0x800)
    buffer.write(bytes(range(256)) * 48)
    adapter = adapter_for(description(ALL_BITS, scatter_gather=False))
    found = build(adapter, mdl, 512, write=True)
    assert isinstance(found, ScatterGatherList)
    make = adapter.dma_operations.build_mdl_from_scatter_gather_list
    status, made = make(adapter, found, mdl)
    assert (status, make(adapter, found, mdl)) == (wdm.STATUS_SUCCESS, (wdm.STATUS_SUCCESS, made))
    assert made is not None
    assert wdm.MmGetMdlByteCount(made) == LENGTH
    address = wdm.MmGetSystemAddressForMdlSafe(made, wdm.NormalPagePriority)
    assert address is not None
    assert wdm.MmGetPhysicalAddress(address) == found.elements[0].address
    assert wdm.RtlReadMemory(address, LENGTH) == bytes(range(256)) * 48
    before = machine.memory_manager.statistics()
    with at_dispatch():
        adapter.dma_operations.put_scatter_gather_list(adapter, found, True)
    after = machine.memory_manager.statistics()
    assert (before.mdls - after.mdls, before.mapped_mdls - after.mapped_mdls) == (1, 1)
    assert not wdm.MmIsAddressValid(address)


def test_DMA_01_the_operations_have_a_size(machine: Machine) -> None:
    adapter = adapter_for(description())
    assert adapter.dma_operations.size == 0x80
    assert adapter.dma_operations.read_dma_counter(adapter) == 0
