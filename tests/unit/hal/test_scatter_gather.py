# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.scatter_gather import ScatterGatherElement, ScatterGatherList
from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import BugCheck
from dirql.ke.processors.irql import current_irql
from dirql.mm.allocation import allocate_pool2, pool_tag
from dirql.mm.mdl import Mdl
from dirql.nt.addresses import LogicalAddress
from dirql.nt.constants import DISPATCH_LEVEL, MDL_PAGES_LOCKED, PAGE_SIZE, POOL_FLAG_NON_PAGED
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_SUCCESS
from unit.hal.conftest import Machine
from unit.hal.dma import (
    ALL_BITS,
    FEW_BITS,
    a_device,
    adapter_for,
    at_dispatch,
    description,
    device_reads,
    device_writes,
    locked,
    release,
)

LENGTHS = st.one_of(st.integers(1, 200), st.integers(1, 5 * PAGE_SIZE))


def get(adapter: DmaAdapter, mdl: Mdl, skipped: int, length: int, write: bool) -> ScatterGatherList:
    found: list[ScatterGatherList] = []

    def routine(_device: DeviceObject, _irp: object, pieces: ScatterGatherList, _context: object) -> None:
        found.append(pieces)

    status = adapter.get_scatter_gather_list(
        a_device(), mdl, mdl.get_virtual_address() + skipped, length, routine, None, write
    )
    assert status == STATUS_SUCCESS
    return found[0]


def oracle(mdl: Mdl, skipped: int, length: int, longest: int) -> list[ScatterGatherElement]:
    """Look up the address of each byte, and begin an element where a byte does not follow the byte before."""
    elements: list[ScatterGatherElement] = []
    for byte in range(mdl.byte_offset + skipped, mdl.byte_offset + skipped + length):
        physical = mdl.frames[byte // PAGE_SIZE] * PAGE_SIZE + byte % PAGE_SIZE
        last = elements[-1] if elements else None
        if last is not None and last.address + last.length == physical and last.length < longest:
            elements[-1] = ScatterGatherElement(last.address, last.length + 1)
        else:
            elements.append(ScatterGatherElement(LogicalAddress(physical), 1))
    return elements


@pytest.mark.row("DMA-10")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.integers(0, PAGE_SIZE - 1),
    LENGTHS,
    st.integers(0, 5 * PAGE_SIZE),
    st.sampled_from([1000, 6000, 1 << 16]),
)
def test_a_list_agrees_with_the_oracle(
    machine: Machine, offset: int, length: int, skipped: int, longest: int
) -> None:
    buffer, mdl = locked(machine, length, offset)
    skipped = min(skipped, length - 1)
    adapter = adapter_for(description(longest=1 << 16))
    adapter.description.maximum_length = longest
    with at_dispatch():
        pieces = get(adapter, mdl, skipped, length - skipped, True)
        assert pieces.elements == oracle(mdl, skipped, length - skipped, longest)
        assert pieces.number_of_elements == len(pieces.elements)
        adapter.put_scatter_gather_list(pieces, True)
    adapter.put_dma_adapter()
    release(buffer, mdl)


@pytest.mark.row("DMA-08", "DMA-13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.integers(0, PAGE_SIZE - 1), LENGTHS, st.integers(0, 5 * PAGE_SIZE), st.integers(18, 22), st.booleans()
)
def test_data_moves_both_ways_and_stays_in_its_bounds(
    machine: Machine, offset: int, length: int, skipped: int, width: int, write: bool
) -> None:
    """With ever fewer address bits, so that all, some or none of the pages are bounced; guard bytes on both sides."""
    skipped = min(skipped, length - 1)
    moved = length - skipped
    buffer, mdl = locked(machine, length, offset, guard=64)
    before = bytes(index * 3 % 256 for index in range(length))
    buffer.write(before)
    data = bytes(255 - index % 251 for index in range(moved))
    adapter = adapter_for(description(width, longest=6 * PAGE_SIZE))
    with at_dispatch():
        pieces = get(adapter, mdl, skipped, moved, write)
        assert all(address + size <= 1 << width for address, size in pieces.elements)
        assert sum(size for _, size in pieces.elements) == moved
        if write:
            assert device_reads(machine, pieces.elements) == before[skipped:]
        else:
            device_writes(machine, pieces.elements, data)
        adapter.put_scatter_gather_list(pieces, write)
    assert buffer.read() == (before if write else before[:skipped] + data)
    adapter.put_dma_adapter()
    assert not machine.hal.adapters
    release(buffer, mdl)


@pytest.mark.row("DMA-13")
@pytest.mark.parametrize("write", [False, True])
def test_contiguous_memory_across_the_devices_limit_is_bounced_from_there_on(
    machine: Machine, write: bool
) -> None:
    limit = 1 << FEW_BITS
    frame = limit // PAGE_SIZE - 2
    mdl = Mdl.allocate(0x10_0000, 4 * PAGE_SIZE)
    assert mdl is not None
    mdl.frames = [frame, frame + 1, frame + 2, frame + 3]
    mdl.mdl_flags = MDL_PAGES_LOCKED
    memory = machine.target.memory
    start, end = frame * PAGE_SIZE + 100, (frame + 4) * PAGE_SIZE - 100
    memory[frame * PAGE_SIZE : (frame + 4) * PAGE_SIZE] = b"g" * 4 * PAGE_SIZE
    memory[start:end] = before = bytes(index % 255 for index in range(end - start))
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        pieces = get(adapter, mdl, 100, end - start, write)
        assert pieces.elements[0] == (start, limit - start)
        assert pieces.elements[1].length == end - limit
        assert pieces.number_of_elements == 2
        after = before if write else before[::-1]
        if write:
            assert device_reads(machine, pieces.elements) == before
        else:
            device_writes(machine, pieces.elements, after)
        adapter.put_scatter_gather_list(pieces, write)
    assert memory[start:end] == after
    assert memory[frame * PAGE_SIZE : start] == memory[end : end + 100] == b"g" * 100


def test_DMA_10_the_routine_runs_at_dispatch_with_the_request_in_hand(machine: Machine) -> None:
    seen: list[object] = []

    def routine(device: DeviceObject, irp: object, pieces: ScatterGatherList, context: str) -> None:
        seen.extend([device, irp, context, current_irql()])
        adapter.put_scatter_gather_list(pieces, True)

    adapter = adapter_for(description())
    _, mdl = locked(machine, 100)
    device = a_device()
    with at_dispatch():
        assert (
            adapter.get_scatter_gather_list(
                device, mdl, mdl.get_virtual_address(), 100, routine, "context", True
            )
            == STATUS_SUCCESS
        )
    assert seen == [device, device.current_irp, "context", DISPATCH_LEVEL]


@pytest.mark.parametrize("width", [ALL_BITS, FEW_BITS])
def test_DMA_10_too_many_registers(machine: Machine, width: int) -> None:
    adapter = adapter_for(description(width, longest=2 * PAGE_SIZE))
    assert adapter.number_of_map_registers == 3
    called: list[object] = []
    _, mdl = locked(machine, 4 * PAGE_SIZE)
    with at_dispatch():
        status = adapter.get_scatter_gather_list(
            a_device(), mdl, mdl.get_virtual_address(), 4 * PAGE_SIZE, lambda *_: called.append(1), None, True
        )
        assert status == STATUS_INSUFFICIENT_RESOURCES
        get(adapter, mdl, 0, 3 * PAGE_SIZE, True)
    assert called == []


def test_DMA_10_registers_are_held_until_the_list_is_put_back(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS, longest=3 * PAGE_SIZE))
    _, mdl = locked(machine, 3 * PAGE_SIZE)
    granted: list[tuple[str, ScatterGatherList]] = []

    def ask(name: str, pages: int) -> None:
        def routine(_device: DeviceObject, _irp: object, pieces: ScatterGatherList, context: str) -> None:
            granted.append((context, pieces))

        adapter.get_scatter_gather_list(
            a_device(), mdl, mdl.get_virtual_address(), pages * PAGE_SIZE, routine, name, True
        )

    with at_dispatch():
        ask("first", 3)
        ask("second", 2)
        ask("third", 1)
        assert [name for name, _ in granted] == ["first"], "the third fits, and yet comes after the second"
        assert adapter.statistics().waiting == 2
        assert adapter.statistics().lists == 1
        assert adapter.statistics().registers == 3
        adapter.put_scatter_gather_list(granted[0][1], True)
        assert [name for name, _ in granted] == ["first", "second", "third"]


def test_a_device_that_reaches_everything_never_waits(machine: Machine) -> None:
    adapter = adapter_for(description(longest=PAGE_SIZE))
    _, mdl = locked(machine, PAGE_SIZE)
    with at_dispatch():
        for _ in range(20):
            get(adapter, mdl, 0, PAGE_SIZE, True)
    assert adapter.statistics().lists == 20


@pytest.mark.parametrize(
    ("skipped", "length", "count"), [(3990, 10, 2), (3996, 10, 1), (0, 3996, 1), (0, 3997, 2)]
)
def test_a_transfer_takes_a_register_for_each_page_that_it_touches(
    machine: Machine, skipped: int, length: int, count: int
) -> None:
    adapter = adapter_for(description())
    _, mdl = locked(machine, 2 * PAGE_SIZE, offset=100)
    with at_dispatch():
        get(adapter, mdl, skipped, length, True)
    assert adapter.statistics().registers == count


def test_nonpaged_pool_is_one_piece(machine: Machine) -> None:
    address = allocate_pool2(POOL_FLAG_NON_PAGED, 5 * PAGE_SIZE, pool_tag("Test"))
    assert address is not None
    mdl = Mdl.allocate(address, 5 * PAGE_SIZE)
    assert mdl is not None
    mdl.build_for_non_paged_pool()
    adapter = adapter_for(description())
    with at_dispatch():
        pieces = get(adapter, mdl, 0, 5 * PAGE_SIZE, True)
    assert pieces.elements == [(machine.memory_manager.system.translate(address), 5 * PAGE_SIZE)]


def test_a_chain_of_mdls_is_one_transfer(machine: Machine) -> None:
    first, second = locked(machine, 5000, 100), locked(machine, 300, 4000)
    first[0].write(b"1" * 5000)
    second[0].write(b"2" * 300)
    first[1].next = second[1]
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        pieces = get(adapter, first[1], 10, 5200, True)
        assert device_reads(machine, pieces.elements) == b"1" * 4990 + b"2" * 210
        assert adapter.statistics().registers == 4


def test_DMA_10_a_list_is_put_back_once(machine: Machine) -> None:
    adapter = adapter_for(description())
    _, mdl = locked(machine, 100)
    with at_dispatch():
        pieces = get(adapter, mdl, 0, 100, True)
        adapter.put_scatter_gather_list(pieces, True)
        with pytest.raises(
            BugCheck, match="must be one that this adapter gave and that was not put back"
        ) as caught:
            adapter.put_scatter_gather_list(pieces, True)
    assert (caught.value.code, caught.value.parameters[0]) == (0xE6, 0x06)


@pytest.mark.parametrize(
    ("skipped", "length", "subcode"),
    [(0, 0, 0x21), (0, 101, 0x1B), (100, 1, 0x1B), (-1, 2, 0x1B), (1, 100, 0x1B)],
)
def test_a_transfer_lies_inside_its_mdl(machine: Machine, skipped: int, length: int, subcode: int) -> None:
    adapter = adapter_for(description())
    _, mdl = locked(machine, 100)
    with at_dispatch(), pytest.raises(BugCheck) as caught:
        get(adapter, mdl, skipped, length, True)
    assert (caught.value.code, caught.value.parameters[0]) == (0xE6, subcode)


@pytest.mark.parametrize("chained", [False, True])
def test_memory_for_a_transfer_is_locked(machine: Machine, chained: bool) -> None:
    adapter = adapter_for(description())
    _, mdl = locked(machine, 100)
    unlocked = Mdl.allocate(mdl.get_virtual_address(), 100)
    assert unlocked is not None
    mdl.next = unlocked
    with at_dispatch(), pytest.raises(BugCheck, match="must be locked") as caught:
        get(adapter, mdl if chained else unlocked, 0, 101 if chained else 10, True)
    assert (caught.value.code, caught.value.parameters[0]) == (0xE6, 0x0E)


@pytest.mark.row("DMA-10")
def test_lists_are_got_at_dispatch_only(machine: Machine) -> None:
    adapter = adapter_for(description())
    _, mdl = locked(machine, 100)
    with pytest.raises(BugCheck) as caught:
        get(adapter, mdl, 0, 100, True)
    assert (caught.value.code, caught.value.parameters[0]) == (0xE6, 0x14)


@pytest.mark.parametrize("length", [100, 5 * PAGE_SIZE + 17])
@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("width", [ALL_BITS, FEW_BITS])
def test_DMA_10_a_device_without_scatter_gather_gets_one_element(
    machine: Machine, length: int, write: bool, width: int
) -> None:
    adapter = adapter_for(description(width, scatter_gather=False))
    buffer, mdl = locked(machine, length, offset=9)
    data = bytes(place * 7 & 0xFF for place in range(length))
    if write:
        buffer.write(data)
    with at_dispatch():
        found = get(adapter, mdl, 0, length, write)
        assert [element.length for element in found.elements] == [length]
        if write:
            assert device_reads(machine, found.elements) == data
        else:
            device_writes(machine, found.elements, data)
        adapter.put_scatter_gather_list(found, write)
    assert buffer.read() == data
    machine.hal.preempt()  # no access was stray
