# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from compiled import refusal
from dirql import wdm
from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.base import AdapterStatistics
from dirql.hal.dma.description import DeviceDescription
from dirql.hal.dma.get_adapter import get_dma_adapter
from dirql.hal.dma.map_registers import MapRegisters
from dirql.hal.dma.scatter_gather import ScatterGatherElement
from dirql.io.objects import DeviceObject
from dirql.ke.bugcheck import BugCheck
from dirql.ke.guard import CALLBACK, call_driver, current_driver
from dirql.ke.processors.irql import current_irql, raise_irql
from dirql.mm import memory
from dirql.mm.mdl import Mdl
from dirql.mm.process import UserBuffer
from dirql.nt.bugcodes import VERIFIER_DMA_VERIFICATION
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    PAGE_SIZE,
    DeallocateObject,
    DeallocateObjectKeepRegisters,
    KeepObject,
)
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


def violation(call: Callable[[], object]) -> tuple[int, object]:
    with pytest.raises(BugCheck) as caught:
        call()
    return caught.value.code, caught.value.parameters[0]


def channel(
    adapter: DmaAdapter, count: int, action: int, device: DeviceObject | None = None
) -> list[MapRegisters]:
    """Ask for the channel; returns a list that gets the map registers when they are granted."""
    granted: list[MapRegisters] = []

    def control(_device: DeviceObject, _irp: object, registers: MapRegisters, _context: object) -> int:
        assert current_irql() == DISPATCH_LEVEL
        granted.append(registers)
        return action

    assert adapter.allocate_adapter_channel(device or a_device(), count, control, None) == STATUS_SUCCESS
    return granted


# Getting an adapter.


@pytest.mark.parametrize(
    ("longest", "registers"), [(0, 1), (1, 2), (PAGE_SIZE, 2), (PAGE_SIZE + 1, 3), (1 << 16, 17)]
)
@pytest.mark.parametrize("width", [ALL_BITS, FEW_BITS])
def test_DMA_01_map_registers(machine: Machine, longest: int, registers: int, width: int) -> None:
    adapter, count = get_dma_adapter(None, description(width, longest=longest))
    assert adapter is not None
    assert count == adapter.number_of_map_registers == registers
    assert adapter.version == 1


def test_DMA_01_an_unknown_version(machine: Machine) -> None:
    wanted = description()
    wanted.version = 4
    assert get_dma_adapter(None, wanted) == (None, 0)


def test_DMA_01_there_is_no_system_dma(machine: Machine) -> None:
    assert get_dma_adapter(None, DeviceDescription(maximum_length=10)) == (None, 0)


def test_DMA_01_no_memory_for_bounce_pages(machine: Machine) -> None:
    assert get_dma_adapter(None, description(13)) == (None, 0)
    assert machine.hal.adapters == []


@pytest.mark.parametrize(
    ("wanted", "bits"),
    [
        (DeviceDescription(), 24),
        (DeviceDescription(dma32_bit_addresses=True), 32),
        (DeviceDescription(dma64_bit_addresses=True), 64),
        (DeviceDescription(version=3, dma_address_width=28, dma32_bit_addresses=True), 28),
        (DeviceDescription(version=2, dma_address_width=28, dma32_bit_addresses=True), 32),
        (DeviceDescription(version=3, dma32_bit_addresses=True), 32),
    ],
)
def test_how_far_a_device_reaches(wanted: DeviceDescription, bits: int) -> None:
    assert wanted.address_limit == 1 << bits


def test_the_operations_take_the_adapter_first(machine: Machine) -> None:
    adapter = adapter_for(description())
    operations = adapter.dma_operations
    address, _ = operations.allocate_common_buffer(adapter, 100, True)
    assert address is not None
    assert operations.get_dma_alignment(adapter) == 1
    assert adapter.statistics().common_buffers == 1


def test_putting_an_adapter_back_frees_its_bounce_pages(machine: Machine) -> None:
    free = machine.memory_manager.frames.statistics().free
    adapter = adapter_for(description(FEW_BITS))
    assert machine.memory_manager.frames.statistics().held["map registers"] == 17
    assert machine.hal.statistics().adapters == (AdapterStatistics(0, 0, 0, 0, False, 0),)
    adapter.put_dma_adapter()
    assert machine.memory_manager.frames.statistics().free == free
    assert machine.hal.statistics().adapters == ()


@pytest.mark.parametrize("what", ["put", "buffer", "channel", "list"])
def test_an_adapter_that_was_put_back_is_not_used(machine: Machine, what: str) -> None:
    adapter = adapter_for(description())
    _, mdl = locked(machine, 10)
    adapter.put_dma_adapter()
    uses: dict[str, Callable[[], object]] = {
        "put": adapter.put_dma_adapter,
        "buffer": lambda: adapter.allocate_common_buffer(1, True),
        "channel": lambda: channel(adapter, 1, DeallocateObject),
        "list": lambda: adapter.get_scatter_gather_list(
            a_device(), mdl, mdl.get_virtual_address(), 10, lambda *_: None, None, True
        ),
    }
    if what in ("channel", "list"):
        raise_irql(DISPATCH_LEVEL)
    assert violation(uses[what]) == (0xE6, 0x18)


@pytest.mark.parametrize(("what", "subcode"), [("buffer", 7), ("channel", 8), ("registers", 10)])
@pytest.mark.parametrize("verifier", [False, True])
def test_what_is_left_behind(machine: Machine, what: str, subcode: int, verifier: bool) -> None:
    machine.kernel.verifier.default = VERIFIER_DMA_VERIFICATION if verifier else 0
    adapter = adapter_for(description(FEW_BITS))
    if what == "buffer":
        adapter.allocate_common_buffer(10, True)
    else:
        with at_dispatch():
            channel(adapter, 2, KeepObject if what == "channel" else DeallocateObjectKeepRegisters)
    if verifier:
        assert violation(adapter.put_dma_adapter) == (0xE6, {7: 7, 8: 8, 10: 9}[subcode])
    else:
        adapter.put_dma_adapter()
        assert len(machine.hal.statistics().adapters) == 1


# The channel.


def test_DMA_02_too_many_registers(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS, longest=PAGE_SIZE))
    called: list[object] = []

    def control(*_: object) -> int:
        called.append(1)
        return DeallocateObject

    with at_dispatch():
        assert adapter.allocate_adapter_channel(a_device(), 3, control, None) == STATUS_INSUFFICIENT_RESOURCES
        assert called == []
        assert adapter.allocate_adapter_channel(a_device(), 2, control, None) == STATUS_SUCCESS
    assert called == [1]


def test_DMA_02_control_is_called_later_when_registers_are_free(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS, longest=2 * PAGE_SIZE))
    with at_dispatch():
        [registers] = channel(adapter, 2, DeallocateObjectKeepRegisters)
        later = channel(adapter, 2, DeallocateObject)
        assert later == []
        adapter.free_map_registers(registers, 2)
        assert len(later) == 1
    assert adapter.statistics() == AdapterStatistics(0, 0, 0, 0, False, 0)


def test_control_runs_as_code_of_the_driver_that_asked_for_the_channel(machine: Machine) -> None:
    """The routine AdapterControl belongs to the driver that asked, also if another driver frees the registers."""
    adapter = adapter_for(description(FEW_BITS, longest=2 * PAGE_SIZE))
    seen: list[object] = []

    def control(_device: DeviceObject, _irp: object, _registers: MapRegisters, _context: None) -> int:
        seen.append(current_driver())
        return DeallocateObject

    with at_dispatch():
        [registers] = channel(adapter, 2, DeallocateObjectKeepRegisters)
        call_driver(CALLBACK, "store", adapter.allocate_adapter_channel, a_device(), 2, control, None)
        call_driver(CALLBACK, "other", adapter.free_map_registers, registers, 2)
    assert (seen, current_driver()) == (["store"], None)


def test_DMA_04_first_come_first_served(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS, longest=3 * PAGE_SIZE))
    order: list[str] = []

    def ask(name: str, count: int) -> None:
        def control(_device: DeviceObject, _irp: object, registers: MapRegisters, context: str) -> int:
            order.append(context)
            return DeallocateObject

        adapter.allocate_adapter_channel(a_device(), count, control, name)

    with at_dispatch():
        [first] = channel(adapter, 2, DeallocateObjectKeepRegisters)
        [second] = channel(adapter, 1, DeallocateObjectKeepRegisters)
        ask("large", 4)
        ask("small", 1)
        assert order == []
        adapter.free_map_registers(second, 1)
        assert order == [], "the small one must not overtake"
        adapter.free_map_registers(first, 2)
        assert order == ["large", "small"]


@pytest.mark.parametrize("state", ["waiting", "holding", "inside"])
def test_DMA_04_one_request_a_device(machine: Machine, state: str) -> None:
    adapter = adapter_for(description(FEW_BITS))
    device = a_device()

    def again() -> object:
        return channel(adapter, 1, DeallocateObject, device)

    with at_dispatch():
        if state == "waiting":
            channel(adapter, 1, KeepObject)
            again()
            assert violation(again) == (0xE6, 0x0B)
        elif state == "holding":
            channel(adapter, 1, KeepObject, device)
            assert violation(again) == (0xE6, 0x0B)
        else:

            def control(*_: object) -> int:
                again()
                return DeallocateObject

            assert violation(lambda: adapter.allocate_adapter_channel(device, 1, control, None)) == (
                0xE6,
                0x0B,
            )


@pytest.mark.parametrize(
    ("action", "registers", "has_channel"),
    [(KeepObject, 2, True), (DeallocateObject, 0, False), (DeallocateObjectKeepRegisters, 2, False)],
)
def test_DMA_05_what_control_returns(
    machine: Machine, action: int, registers: int, has_channel: bool
) -> None:
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        granted = channel(adapter, 2, action)
        held = adapter.statistics()
        assert (held.registers, held.channel) == (registers, has_channel)
        assert len(channel(adapter, 1, DeallocateObject)) == (0 if has_channel else 1)
        if has_channel:
            adapter.free_adapter_channel()
        elif registers:
            adapter.free_map_registers(granted[0], 2)
    assert adapter.statistics() == AdapterStatistics(0, 0, 0, 0, False, 0)


def test_DMA_09_registers_are_freed_as_they_were_taken(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        [registers] = channel(adapter, 3, DeallocateObjectKeepRegisters)
        assert violation(lambda: adapter.free_map_registers(registers, 2)) == (0xE6, 0x05)


def test_DMA_09_registers_are_freed_once(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        [registers] = channel(adapter, 3, DeallocateObjectKeepRegisters)
        adapter.free_map_registers(registers, 3)
        assert violation(lambda: adapter.free_map_registers(registers, 3)) == (0xE6, 0x05)


def test_DMA_09_the_channel_is_freed_only_after_it_was_kept(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        channel(adapter, 1, DeallocateObject)
        assert violation(adapter.free_adapter_channel) == (0xE6, 0x04)


def test_DMA_09_at_dispatch_only(machine: Machine) -> None:
    adapter = adapter_for(description(FEW_BITS))
    assert violation(adapter.free_adapter_channel) == (0xE6, 0x14)


# Mapping.


def transfer(
    adapter: DmaAdapter, mdl: Mdl, skipped: int, length: int, write: bool
) -> tuple[list[ScatterGatherElement], MapRegisters]:
    """Map a whole transfer, one piece after another."""
    with at_dispatch():
        [registers] = channel(adapter, adapter.number_of_map_registers, DeallocateObjectKeepRegisters)
    pieces = []
    address = mdl.get_virtual_address() + skipped
    while length:
        logical, mapped = adapter.map_transfer(mdl, registers, address, length, write)
        assert 0 < mapped <= length
        pieces.append(ScatterGatherElement(logical, mapped))
        address += mapped
        length -= mapped
    return pieces, registers


@pytest.mark.row("DMA-06", "DMA-08", "DMA-13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.integers(0, PAGE_SIZE - 1),
    st.integers(1, 4 * PAGE_SIZE),
    st.integers(0, 4 * PAGE_SIZE),
    st.sampled_from([18, 20, 21, 32]),
    st.booleans(),
    st.booleans(),
)
def test_mapped_transfers_move_data_both_ways(
    machine: Machine, offset: int, length: int, skipped: int, width: int, scatter_gather: bool, write: bool
) -> None:
    skipped = min(skipped, length - 1)
    moved = length - skipped
    buffer, mdl = locked(machine, length, offset, guard=64)
    before = bytes(index * 3 % 256 for index in range(length))
    buffer.write(before)
    data = bytes(255 - index % 251 for index in range(moved))
    adapter = adapter_for(description(width, scatter_gather=scatter_gather, longest=5 * PAGE_SIZE))
    pieces, registers = transfer(adapter, mdl, skipped, moved, write)
    assert len(pieces) == 1 or scatter_gather
    assert all(address + size <= 1 << width for address, size in pieces)
    if write:
        assert device_reads(machine, pieces) == before[skipped:]
    else:
        device_writes(machine, pieces, data)
    adapter.flush_adapter_buffers(mdl, registers, mdl.get_virtual_address() + skipped, moved, write)
    assert buffer.read() == (before if write else before[:skipped] + data)
    with at_dispatch():
        adapter.free_map_registers(registers, adapter.number_of_map_registers)
    adapter.put_dma_adapter()
    release(buffer, mdl)


def beyond_reach(machine: Machine, length: int, offset: int = 0) -> tuple[UserBuffer, Mdl]:
    """A locked buffer in frames that an adapter with few address bits cannot reach.

    Low memory is used up first: by one block, and by buffers of which each takes at least a frame.
    """
    frames = machine.memory_manager.frames
    low = frames.allocate_contiguous(256, "low memory", 1 << FEW_BITS)
    for _ in range((1 << FEW_BITS) // PAGE_SIZE):
        buffer, mdl = locked(machine, length, offset, guard=64)
        if min(mdl.frames) * PAGE_SIZE >= 1 << FEW_BITS:
            if low is not None:
                frames.free(range(low, low + 256))
            return buffer, mdl
    raise AssertionError("a buffer beyond the reach of the device must be found; all buffers were below")


@pytest.mark.row("DMA-08")
@pytest.mark.parametrize("scatter_gather", [False, True])
@pytest.mark.parametrize(
    ("offset", "length", "skipped"),
    [
        (0, 1, 0),
        (0, 100, 0),
        (4095, 2, 0),
        (4095, 2, 1),
        (100, 3 * PAGE_SIZE, 50),
        (0, 2 * PAGE_SIZE, PAGE_SIZE),
    ],
)
def test_DMA_08_bounced_data_is_in_the_buffer_only_after_the_flush(
    machine: Machine, offset: int, length: int, skipped: int, scatter_gather: bool
) -> None:
    buffer, mdl = beyond_reach(machine, length, offset)
    buffer.write(b"o" * length)
    moved = length - skipped
    data = bytes(index % 251 for index in range(moved))
    adapter = adapter_for(description(FEW_BITS, scatter_gather=scatter_gather))
    pieces, registers = transfer(adapter, mdl, skipped, moved, False)
    assert all(address + size <= 1 << FEW_BITS for address, size in pieces)
    device_writes(machine, pieces, data)
    machine.hal.preempt()
    assert buffer.read() == b"o" * length
    assert registers.unflushed
    adapter.flush_adapter_buffers(mdl, registers, mdl.get_virtual_address() + skipped, moved, False)
    assert buffer.read() == b"o" * skipped + data
    assert not registers.unflushed
    with at_dispatch():
        adapter.free_map_registers(registers, adapter.number_of_map_registers)
    release(buffer, mdl)


def test_DMA_08_bounced_data_of_the_host_is_there_before_the_flush(machine: Machine) -> None:
    buffer, mdl = beyond_reach(machine, 100)
    buffer.write(b"h" * 100)
    adapter = adapter_for(description(FEW_BITS))
    pieces, registers = transfer(adapter, mdl, 0, 100, True)
    buffer.write(b"l" * 100)
    assert device_reads(machine, pieces) == b"h" * 100, "later data of the host is not in the transfer"
    adapter.flush_adapter_buffers(mdl, registers, mdl.get_virtual_address(), 100, True)
    assert buffer.read() == b"l" * 100


def test_DMA_08_a_flush_before_the_device_has_ended_its_transfer(machine: Machine) -> None:
    buffer, mdl = beyond_reach(machine, 100)
    buffer.write(b"o" * 100)
    adapter = adapter_for(description(FEW_BITS))
    pieces, registers = transfer(adapter, mdl, 0, 100, False)
    address, _ = pieces[0]
    machine.target.write_as_master(address, b"n" * 50)
    adapter.flush_adapter_buffers(mdl, registers, mdl.get_virtual_address(), 100, False)
    machine.target.write_as_master(address + 50, b"n" * 50)
    assert violation(machine.hal.preempt) == (0xE6, 0x26)
    assert buffer.read()[:50] == b"n" * 50
    assert buffer.read()[50:] != b"n" * 50, "the flush has copied what was there by then"


def test_DMA_08_memory_of_a_request_is_not_given_back_before_the_flush(machine: Machine) -> None:
    """The completion of a request unlocks and frees its MDL."""
    buffer, mdl = beyond_reach(machine, 100)
    adapter = adapter_for(description(FEW_BITS))
    transfer(adapter, mdl, 0, 100, False)
    with pytest.raises(BugCheck, match="call PutScatterGatherList, or FlushAdapterBuffers, before") as caught:
        mdl.unlock_pages()
    assert (caught.value.code, caught.value.parameters) == (0xE6, (0xE, mdl, 0, 0))
    assert buffer


@pytest.mark.parametrize("verifier", [False, True])
def test_DMA_08_registers_freed_without_a_flush(machine: Machine, verifier: bool) -> None:
    machine.kernel.verifier.default = VERIFIER_DMA_VERIFICATION if verifier else 0
    found: list[tuple[str, str]] = []
    machine.kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    buffer, mdl = beyond_reach(machine, 100)
    buffer.write(b"o" * 100)
    adapter = adapter_for(description(FEW_BITS))
    pieces, registers = transfer(adapter, mdl, 0, 100, False)
    device_writes(machine, pieces, b"n" * 100)
    count = adapter.number_of_map_registers
    with at_dispatch():
        if verifier:
            assert violation(lambda: adapter.free_map_registers(registers, count)) == (0xE6, 0x0D)
            return
        adapter.free_map_registers(registers, count)
    assert [row for row, _ in found] == ["DMA-08"]
    assert buffer.read() == b"o" * 100


def test_DMA_06_more_than_the_registers_hold(machine: Machine) -> None:
    _, mdl = beyond_reach(machine, 3 * PAGE_SIZE)
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        [registers] = channel(adapter, 1, DeallocateObjectKeepRegisters)
    address = mdl.get_virtual_address()
    adapter.map_transfer(mdl, registers, address, 10, True)
    assert violation(lambda: adapter.map_transfer(mdl, registers, address, 10, True)) == (0xE6, 0x0C)


def test_registers_can_be_mapped_again_after_a_flush(machine: Machine) -> None:
    buffer, mdl = beyond_reach(machine, 3 * PAGE_SIZE)
    buffer.write(b"abc".ljust(3 * PAGE_SIZE, b"."))
    adapter = adapter_for(description(FEW_BITS))
    with at_dispatch():
        [registers] = channel(adapter, 1, DeallocateObjectKeepRegisters)
    seen = []
    for place in range(3):
        logical, _ = adapter.map_transfer(mdl, registers, mdl.get_virtual_address() + place, 1, True)
        seen.append(bytes(machine.target.memory[logical : logical + 1]))
        adapter.flush_adapter_buffers(mdl, registers, mdl.get_virtual_address() + place, 1, True)
    assert seen == [b"a", b"b", b"c"]


# Common buffers.


@pytest.mark.parametrize("length", [1, 100, PAGE_SIZE, 3 * PAGE_SIZE + 1])
@pytest.mark.parametrize("width", [ALL_BITS, FEW_BITS])
def test_DMA_12_a_common_buffer_is_shared(machine: Machine, length: int, width: int) -> None:
    adapter = adapter_for(description(width))
    address, logical = adapter.allocate_common_buffer(length, True)
    assert address is not None
    assert logical + length <= 1 << width
    assert b"\0" not in memory.read(address, length)  # its contents are undefined, and zeros would look right
    memory.write(address, b"h" * length)
    assert machine.target.memory[logical : logical + length] == b"h" * length
    machine.target.memory[logical : logical + length] = b"d" * length
    assert memory.view(address, length) == b"d" * length
    assert adapter.statistics().common_buffer_bytes == length
    adapter.free_common_buffer(length, logical, address, True)
    assert "common buffer" not in machine.memory_manager.frames.statistics().held


def test_DMA_12_a_buffer_leaves_its_neighbours_alone(machine: Machine) -> None:
    adapter = adapter_for(description())
    first, logical = adapter.allocate_common_buffer(PAGE_SIZE - 1, True)
    second, neighbour = adapter.allocate_common_buffer(100, True)
    assert first is not None
    assert second is not None
    assert neighbour == logical + PAGE_SIZE
    memory.write(second, b"n" * 100)
    adapter.free_common_buffer(PAGE_SIZE - 1, logical, first, True)
    assert adapter.allocate_common_buffer(PAGE_SIZE - 1, True)[1] == logical
    assert memory.read(second, 100) == b"n" * 100


@pytest.mark.parametrize("length", [0, 8 << 20])
def test_DMA_12_none_on_failure(machine: Machine, length: int) -> None:
    assert adapter_for(description()).allocate_common_buffer(length, True) == (None, 0)


@pytest.mark.parametrize("what", ["twice", "length", "logical"])
def test_DMA_12_freed_once_as_it_was_allocated(machine: Machine, what: str) -> None:
    adapter = adapter_for(description())
    address, logical = adapter.allocate_common_buffer(100, True)
    assert address is not None
    if what == "twice":
        adapter.free_common_buffer(100, logical, address, True)
    length = 101 if what == "length" else 100
    other = logical + PAGE_SIZE if what == "logical" else logical
    assert violation(lambda: adapter.free_common_buffer(length, other, address, True)) == (0xE6, 0x03)


def test_DMA_12_only_the_asked_length_may_be_used(machine: Machine) -> None:
    adapter = adapter_for(description())
    address, logical = adapter.allocate_common_buffer(100, True)
    assert address is not None
    machine.target.memory[logical + 105] = 0
    with pytest.raises(BugCheck, match=r"within its 100 bytes; one of .* was written at byte 105") as caught:
        adapter.free_common_buffer(100, logical, address, True)
    assert (caught.value.code, caught.value.parameters[0]) == (0xE6, 0x0F)


def test_DMA_12_at_passive_only(machine: Machine) -> None:
    adapter = adapter_for(description())
    with at_dispatch():
        assert violation(lambda: adapter.allocate_common_buffer(1, True)) == (0xE6, 0x13)


def test_buffers_are_flushed_before_a_transfer_at_most_at_dispatch_level(machine: Machine) -> None:
    buffer, mdl = locked(machine, 64)
    wdm.KeFlushIoBuffers(mdl, True, True)
    with at_dispatch():
        wdm.KeFlushIoBuffers(mdl, False, True)
    release(buffer, mdl)
    with refusal("KeFlushIoBuffers: Mdl must have the type MDL; it was 3: .*", "int"):
        wdm.KeFlushIoBuffers(cast("wdm.MDL", 3), True, True)
