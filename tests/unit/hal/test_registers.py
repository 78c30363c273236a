# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from compiled import no_machine
from dirql.hal import ports, registers
from dirql.hal.device_memory import MOST_REMEMBERED
from dirql.hal.io_space import map_io_space, unmap_io_space
from dirql.ke.bugcheck import BugCheck
from dirql.ke.processors.irql import raise_irql
from dirql.ke.threads import dispatcher
from dirql.mm.allocation import allocate_pool2, pool_tag
from dirql.mm.layout import NONPAGED_RANGE
from dirql.mm.manager import running
from dirql.nt.addresses import LogicalAddress, PhysicalAddress
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    PAGE_SIZE,
    POOL_FLAG_NON_PAGED,
    MmMaximumCacheType,
    MmNonCached,
    MmWriteCombined,
)
from dirql.target.contract import BusError, BusFault, BusStatus, LinkLost
from unit.hal.conftest import BAR, BAR_BYTES, PORTS, Machine

TAG = pool_tag("Test")
READ: dict[int, Callable[[int], int]] = {
    1: registers.read_register_uchar,
    2: registers.read_register_ushort,
    4: registers.read_register_ulong,
}
WRITE: dict[int, Callable[[int, int], None]] = {
    1: registers.write_register_uchar,
    2: registers.write_register_ushort,
    4: registers.write_register_ulong,
}
READ_BUFFER: dict[int, Callable[[int, int, int], None]] = {
    1: registers.read_register_buffer_uchar,
    2: registers.read_register_buffer_ushort,
    4: registers.read_register_buffer_ulong,
}
WRITE_BUFFER: dict[int, Callable[[int, int, int], None]] = {
    1: registers.write_register_buffer_uchar,
    2: registers.write_register_buffer_ushort,
    4: registers.write_register_buffer_ulong,
}
SIZES = [1, 2, 4]


def contents(machine: Machine) -> bytes:
    return b"".join(dword.to_bytes(4, "little") for dword in machine.registers.dwords)


def test_without_a_machine_the_error_says_so() -> None:
    with no_machine("registers, ports and DMA"):
        registers.read_register_ulong(0x1000)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(SIZES), st.integers(0, 63), st.integers(0, 1 << 32)), max_size=20))
def test_accesses_agree_with_bytes(machine: Machine, accesses: list[tuple[int, int, int]]) -> None:
    """Each width at each aligned place, against a bytearray."""
    address = machine.map_bar()
    naive = bytearray(contents(machine)[:64])
    for size, place, value in accesses:
        place -= place % size
        WRITE[size](address + place, value)
        naive[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
        assert READ[size](address + place) == int.from_bytes(naive[place : place + size], "little")
        assert contents(machine)[:64] == naive
    unmap_io_space(address, BAR_BYTES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SIZES), st.integers(0, 31), st.integers(0, 600), st.integers(0, 3), st.booleans())
def test_buffers_agree_with_bytes(
    machine: Machine, size: int, place: int, count: int, odd: int, scattered: bool
) -> None:
    """There and back through a buffer that may start anywhere and cross pages."""
    address = machine.map_bar()
    length = count * size
    buffer = machine.memory_manager.process.allocate(
        3 * PAGE_SIZE, offset=4000 + odd if scattered else odd, guard=8
    )
    data = bytes(index * 5 % 256 for index in range(length))
    buffer.write(data)
    WRITE_BUFFER[size](address + place * size, buffer.address, count)
    assert contents(machine)[place * size : place * size + length] == data
    buffer.write(b"\xee" * (length + 1))
    READ_BUFFER[size](address + place * size, buffer.address, count)
    assert buffer.read(length + 1) == data + b"\xee"
    buffer.free()
    unmap_io_space(address, BAR_BYTES)


def test_a_mapping_keeps_the_place_in_the_page(machine: Machine) -> None:
    address = machine.map_bar(offset=0x124, length=PAGE_SIZE)
    assert address % PAGE_SIZE == 0x124
    machine.registers.dwords[0x124 // 4] = 0x1234_5678
    machine.registers.dwords[(0x124 + PAGE_SIZE) // 4 - 1] = 0x9ABC_DEF0
    assert registers.read_register_ulong(address) == 0x1234_5678
    assert registers.read_register_ulong(address + PAGE_SIZE - 4) == 0x9ABC_DEF0


def test_a_stale_address_is_found_out(machine: Machine) -> None:
    address = machine.map_bar()
    registers.read_register_ulong(address)
    registers.read_register_uchar(address)
    unmap_io_space(address, BAR_BYTES)
    assert running.value.statistics().device_pages == 0
    for read in READ.values():
        with pytest.raises(ValueError, match="Register must be an address that MmMapIoSpace mapped"):
            read(address)
    assert machine.map_bar() != address


@pytest.mark.parametrize("size", [2, 4])
def test_addresses_are_aligned(machine: Machine, size: int) -> None:
    with pytest.raises(ValueError, match=f"Register must be a multiple of {size}; it was"):
        READ[size](machine.map_bar() + size - 1)


def test_memory_is_no_register(machine: Machine) -> None:
    address = allocate_pool2(POOL_FLAG_NON_PAGED, 64, TAG)
    assert address is not None
    with pytest.raises(ValueError, match="was not: read and write memory with RtlCopyMemory"):
        registers.read_register_ulong(address)


def test_a_buffer_routine_stays_in_its_mapping(machine: Machine) -> None:
    address = machine.map_bar(length=PAGE_SIZE)
    buffer = machine.memory_manager.process.allocate(16)
    with pytest.raises(ValueError, match="Register must be an address that MmMapIoSpace mapped"):
        registers.read_register_buffer_ulong(address + PAGE_SIZE - 4, buffer.address, 2)


@pytest.mark.parametrize(
    ("physical", "length"),
    [(0x1000, 4), (BAR, 0), (0xFFFF_F000, PAGE_SIZE + 1)],
    ids=["RAM", "none", "beyond"],
)
def test_what_can_be_mapped(machine: Machine, physical: int, length: int) -> None:
    with pytest.raises(
        ValueError, match="MmMapIoSpace: NumberOfBytes must be 1 or more, and PhysicalAddress above the RAM"
    ):
        map_io_space(PhysicalAddress(physical), length, MmNonCached)


def test_MEM_01_a_page_has_one_caching_type(machine: Machine) -> None:
    found: list[str] = []
    machine.kernel.hooks.defect_found = lambda row, sentence: found.append(f"{row}: {sentence}")
    first = map_io_space(PhysicalAddress(BAR), 0x100, MmNonCached)
    same_page = map_io_space(PhysicalAddress(BAR + 0x800), 0x100, MmNonCached)
    other_page = map_io_space(PhysicalAddress(BAR + PAGE_SIZE), 4, MmWriteCombined)
    assert found == []
    again = map_io_space(PhysicalAddress(BAR + 0xFFC), 4, MmWriteCombined)
    (told,) = found
    assert told.startswith(
        "MEM-01: MmMapIoSpace: CacheType must be the type with which the pages are mapped already"
    )
    assert "MmNonCached; it was MmWriteCombined for 4 bytes" in told
    assert again is not None
    for address, length in ((first, 0x100), (same_page, 0x100), (again, 4)):
        assert address is not None
        unmap_io_space(address, length)
    assert other_page is not None
    unmap_io_space(other_page, 4)
    assert map_io_space(PhysicalAddress(BAR), 4, MmWriteCombined) is not None
    assert len(found) == 1


def test_MEM_01_a_caching_type_that_there_is_not(machine: Machine) -> None:
    del machine
    assert map_io_space(PhysicalAddress(BAR), 4, MmMaximumCacheType) is None


@pytest.mark.parametrize("address", [BAR, LogicalAddress(BAR)], ids=["number", "logical"])
def test_only_a_physical_address_can_be_mapped(machine: Machine, address: PhysicalAddress) -> None:
    with pytest.raises(TypeError, match="MmMapIoSpace: PhysicalAddress must be a PHYSICAL_ADDRESS; it was"):
        map_io_space(address, 4, MmNonCached)


def test_what_can_be_unmapped(machine: Machine) -> None:
    address = machine.map_bar(length=PAGE_SIZE)
    with pytest.raises(
        ValueError, match=r"MmUnmapIoSpace: BaseAddress must be mapped; 1 of 2 pages at .* were not"
    ):
        unmap_io_space(address, PAGE_SIZE + 1)


def test_DRV_12_memory_is_unmapped_with_its_own_length(machine: Machine) -> None:
    found: list[tuple[str, str]] = []
    machine.kernel.hooks.defect_found = lambda row, sentence: found.append((row, sentence))
    unmap_io_space(machine.map_bar(length=PAGE_SIZE), PAGE_SIZE)
    assert found == []
    unmap_io_space(machine.map_bar(length=PAGE_SIZE), 64)
    [(row, sentence)] = found
    assert row == "DRV-12"
    assert "and 0x40 for a mapping of 0x1000 bytes by" in sentence


def test_a_register_that_is_not_mapped_any_more_is_told_from_one_that_never_was(machine: Machine) -> None:
    address = machine.map_bar(length=PAGE_SIZE)
    with pytest.raises(ValueError, match="is 0x1004 bytes behind the start of a mapping of 0x1000 bytes"):
        registers.read_register_ulong(address + PAGE_SIZE + 4)
    with pytest.raises(ValueError, match="was not: read and write memory with RtlCopyMemory"):
        registers.read_register_ulong(NONPAGED_RANGE.base)
    unmap_io_space(address, PAGE_SIZE)
    for offset in (0, PAGE_SIZE - 4):
        with pytest.raises(
            ValueError, match=r"was in a mapping of 4096 bytes by .*, which MmUnmapIoSpace ended"
        ):
            registers.read_register_ulong(address + offset)
    with pytest.raises(ValueError, match="so small that it is NULL with an offset"):
        registers.read_register_ulong(0x10)
    with pytest.raises(ValueError, match="was not: read and write memory with RtlCopyMemory"):
        registers.read_register_ulong(address - PAGE_SIZE)


def test_mapping_above_dispatch_is_bug_check_0xC4(machine: Machine) -> None:
    raise_irql(DISPATCH_LEVEL + 1)
    with pytest.raises(BugCheck) as caught:
        map_io_space(PhysicalAddress(BAR), 4, MmNonCached)
    assert (caught.value.code, caught.value.parameters[0]) == (0xC4, 0x73)


@pytest.mark.parametrize("status", [status for status in BusStatus if status is not BusStatus.OK])
@pytest.mark.parametrize("size", SIZES)
def test_a_bus_error_reads_ones_drops_writes_and_is_reported(
    machine: Machine, status: BusStatus, size: int
) -> None:
    address = machine.map_bar()
    seen: list[BusError] = []
    machine.hal.bus_error = seen.append
    machine.target.inject_bus_fault(BusFault(BAR, status, 2))
    WRITE[size](address, 0x55)
    assert READ[size](address) == (1 << 8 * size) - 1
    assert [error.status for error in seen] == [status, status]
    assert READ[size](address) == 0
    assert machine.hal.statistics().bus_errors == 2


def test_a_bus_error_in_a_burst_leaves_ones_in_what_had_not_come(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = machine.map_bar()
    buffer = machine.memory_manager.process.allocate(32)
    buffer.write(bytes(32))

    def fail(_address: int, into: memoryview) -> NoReturn:
        into[:8] = b"datadata"
        raise LookupErrorOfBus(2)

    class LookupErrorOfBus(BusError):
        status = BusStatus.TARGET_ABORT
        meaning = "a target abort"

        def __init__(self, completed: int) -> None:
            super().__init__("memory read", BAR, completed)

    monkeypatch.setattr(machine.target, "read_memory_burst", fail)
    registers.read_register_buffer_ulong(address, buffer.address, 6)
    assert buffer.read() == b"datadata" + b"\xff" * 16 + bytes(8)


def test_a_lost_link_goes_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    address = machine.map_bar()

    def lost(_address: int, _byte_enables: int = 0xF) -> NoReturn:
        raise LinkLost("nothing answers")

    monkeypatch.setattr(machine.target, "read_memory", lost)
    with pytest.raises(LinkLost):
        registers.read_register_ulong(address)


def every_access(machine: Machine) -> Iterator[Callable[[], object]]:
    """Each routine of registers and ports, to be called once."""
    address = machine.map_bar()
    buffer = machine.memory_manager.process.allocate(8).address
    for module, place in ((registers, address), (ports, PORTS)):
        for name in module.__all__:
            routine = getattr(module, name)
            if "buffer" in name:
                yield partial(routine, place, buffer, 1)
            else:
                yield partial(routine, place, *([1] if name.startswith("write") else []))


def test_each_access_is_a_point_of_preemption_when_the_machine_wants_attention(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    preempted: list[int] = []
    monkeypatch.setattr(dispatcher, "preempt", lambda: preempted.append(1))
    accesses = list(every_access(machine))
    assert len(accesses) == 24
    for access in accesses:
        machine.target.set_deadline(None)
        access()
        assert preempted == [], access
        machine.target.set_deadline(machine.target.now() + 1)
        access()
        assert preempted == [1], access
        preempted.clear()


def test_with_turns_to_take_each_access_is_a_point_of_preemption(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    preempted: list[int] = []
    accesses = list(every_access(machine))
    monkeypatch.setattr(dispatcher, "preempt", lambda: preempted.append(1))
    machine.hal.close()
    machine.kernel.is_eager = True
    machine.hal.install()
    for access in accesses:
        access()
        assert preempted == [1], access
        preempted.clear()
    machine.kernel.is_eager = False


def test_many_registers_are_forgotten_again(machine: Machine) -> None:
    address = machine.map_bar()
    memory = machine.hal.device_memory
    lane = memory.octets[address]
    memory.dwords.update((place, 0) for place in range(MOST_REMEMBERED - 1))
    memory.octets.update((place, lane) for place in range(MOST_REMEMBERED - 2))
    for place in (0, 4):
        assert len(memory.dwords) == len(memory.octets) == MOST_REMEMBERED - 1 + place // 4
        registers.read_register_ulong(address + place)
        registers.read_register_uchar(address + 1 + place)
    assert len(memory.dwords) == len(memory.octets) == 1
