# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from compiled import no_machine
from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool, pool_tag
from dirql.mm.fault import DeviceMemoryError
from dirql.mm.layout import (
    DEVICE_RANGE,
    HIGHEST_USER_ADDRESS,
    MAPPING_RANGE,
    NONPAGED_RANGE,
    PAGED_RANGE,
    SYSTEM_RANGE_START,
    USER_PROBE_ADDRESS,
    USER_RANGE,
)
from dirql.mm.manager import MemoryManager, get_physical_address, running
from dirql.mm.mdl import Mdl
from dirql.mm.memory_view import MemoryView
from dirql.nt.addresses import PhysicalAddress
from dirql.nt.bugcodes import (
    ATTEMPTED_WRITE_TO_READONLY_MEMORY,
    DRIVER_IRQL_NOT_LESS_OR_EQUAL,
    IRQL_NOT_LESS_OR_EQUAL,
    PAGE_FAULT_IN_NONPAGED_AREA,
    VERIFIER_FORCE_IRQL_CHECKING,
)
from dirql.nt.constants import (
    APC_LEVEL,
    DISPATCH_LEVEL,
    PAGE_SIZE,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_PAGED,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_INSUFFICIENT_RESOURCES

TAG = pool_tag("Test")
SPAN = 3 * PAGE_SIZE


def allocate(flags: int, size: int) -> int:
    address = allocate_pool2(flags, size, TAG)
    assert address is not None
    return address


@pytest.fixture
def paged(memory_manager: MemoryManager) -> int:
    return allocate(POOL_FLAG_PAGED, 100)


def test_without_a_machine_the_error_says_so() -> None:
    with no_machine("memory routines"):
        memory.read(0x1000, 1)


def test_a_second_machine_is_refused(memory_manager: MemoryManager) -> None:
    other = MemoryManager(memoryview(bytearray(PAGE_SIZE * 4)))
    with pytest.raises(RuntimeError, match="one machine can be open at a time"):
        other.install()
    other.close()
    assert running.value is memory_manager


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.integers(0, SPAN - 1),
    st.integers(0, SPAN - 1),
    st.integers(0, 2 * PAGE_SIZE),
    st.sampled_from(["copy", "move"]),
)
def test_copies_agree_with_bytes(
    memory_manager: MemoryManager, to: int, from_: int, length: int, how: str
) -> None:
    """Between scattered user pages, and for RtlMoveMemory within them, as a bytearray does it."""
    length = min(length, SPAN - to, SPAN - from_)
    source = memory_manager.process.allocate(SPAN)
    destination = source if how == "move" else memory_manager.process.allocate(SPAN)
    contents = bytes(index * 7 % 251 for index in range(SPAN))
    destination.write(b"\xee" * SPAN)
    source.write(contents)
    expected = bytearray(destination.read())
    getattr(memory, how)(destination.address + to, source.address + from_, length)
    expected[to : to + length] = contents[from_ : from_ + length]
    assert destination.read() == expected
    source.free()
    if destination is not source:
        destination.free()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2 * PAGE_SIZE), st.integers(0, PAGE_SIZE), st.integers(0, 255))
def test_fill_and_zero_touch_their_bytes_only(
    memory_manager: MemoryManager, start: int, length: int, value: int
) -> None:
    buffer = memory_manager.process.allocate(SPAN)
    buffer.write(b"\xee" * SPAN)
    memory.fill(buffer.address + start, length, value)
    assert buffer.read() == b"\xee" * start + bytes([value]) * length + b"\xee" * (SPAN - start - length)
    memory.zero(buffer.address, SPAN)
    assert buffer.read() == bytes(SPAN)
    buffer.free()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, SPAN), st.integers(0, SPAN - 1))
def test_compare_counts_equal_bytes(memory_manager: MemoryManager, length: int, difference: int) -> None:
    first, second = memory_manager.process.allocate(SPAN), memory_manager.process.allocate(SPAN)
    first.write(bytes(SPAN))
    second.write(bytes(difference) + b"\1" * (SPAN - difference))
    assert memory.compare(first.address, second.address, length) == min(difference, length)
    first.free()
    second.free()


def test_a_view_is_the_memory_itself(memory_manager: MemoryManager) -> None:
    address = allocate(POOL_FLAG_NON_PAGED, 3 * PAGE_SIZE)
    memory.view(address, 3 * PAGE_SIZE)[4000:4200] = b"v" * 200
    assert memory.read(address + 4000, 200) == b"v" * 200
    assert len(memory.view(address, 0)) == 0


def test_a_view_of_scattered_memory(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(8 * PAGE_SIZE)
    view = memory.view(buffer.address, buffer.length)
    view[PAGE_SIZE - 2 : PAGE_SIZE + 2] = b"abcd"
    assert buffer.read()[PAGE_SIZE - 2 : PAGE_SIZE + 2] == b"abcd"
    assert bytes(view) == buffer.read()


def test_a_view_is_used_like_a_buffer(memory_manager: MemoryManager) -> None:
    address = allocate(POOL_FLAG_NON_PAGED, 8)
    view = memory.view(address, 8)
    view[:] = b"01234567"
    view[0], view[-1] = 65, 66
    part = view[2:6]
    part[1:3] = view[6:]
    assert part == b"26B5"
    assert part == memory.view(address + 2, 4)
    assert part != 4
    assert part.tobytes() == bytes(part) == bytes(list(part)) == memory.read(address + 2, 4)
    assert (view[0], part[-1], len(part), len(view[5:2])) == (65, ord("5"), 4, 0)
    assert int.from_bytes(view[:2], "big") == 0x4131
    memory.write(address + 6, part[:2])
    assert view[6:] == part[:2]
    assert repr(part) == f"<view of 4 bytes at {address + 2:#x}>"


@pytest.mark.parametrize(
    ("use", "kind", "words"),
    [
        (lambda view: view[8], IndexError, "an index into <view .*> must be below 8; it was 8"),
        (lambda view: view[::2], ValueError, "must have no step; it was 2: take each byte by its index"),
        (hash, TypeError, r"use bytes\(view\)"),
        (lambda view: view.__setitem__(0, b"a"), TypeError, "must be set to a number; it was b'a'"),
        (lambda view: view.__setitem__(slice(2), 1), TypeError, "must be set to bytes; it was 1"),
        (lambda view: view.__setitem__(slice(2), b"abc"), ValueError, "as it has, 2; they were 3"),
    ],
)
def test_a_view_refuses_what_a_buffer_refuses(
    memory_manager: MemoryManager,
    use: Callable[[MemoryView], object],
    kind: type[Exception],
    words: str,
) -> None:
    view = memory.view(allocate(POOL_FLAG_NON_PAGED, 8), 8)
    with pytest.raises(kind, match=words):
        use(view)


def test_IRQL_12_paged_memory_comes_in_below_dispatch(memory_manager: MemoryManager, paged: int) -> None:
    memory.write(paged, b"kept")
    memory_manager.page_out(paged, 100)
    old_irql = raise_irql(APC_LEVEL)
    assert memory.read(paged, 4) == b"kept"
    lower_irql(old_irql)


ACCESSES: list[tuple[Callable[[int], object], int]] = [
    (lambda address: memory.read(address, 4), 0),
    (lambda address: memory.write(address, b"data"), 1),
    (lambda address: memory.zero(address, 4), 1),
    (lambda address: memory.copy(address, address, 4), 1),
]


@pytest.mark.parametrize(("access", "write"), ACCESSES)
def test_IRQL_12_paged_out_memory_at_dispatch_stops_a_driver(
    memory_manager: MemoryManager, paged: int, access: Callable[[int], object], write: int
) -> None:
    memory_manager.page_out_all()
    raise_irql(DISPATCH_LEVEL)
    with pytest.raises(BugCheck, match=r"must be mapped and nonpaged.*test_memory\.py") as caught:
        access(paged)
    assert caught.value.code == DRIVER_IRQL_NOT_LESS_OR_EQUAL
    assert caught.value.parameters[:3] == (paged, DISPATCH_LEVEL, write)


def test_IRQL_12_the_code_is_0xA_when_the_kernel_did_it(memory_manager: MemoryManager, paged: int) -> None:
    memory_manager.page_out_all()
    raise_irql(DISPATCH_LEVEL)
    with pytest.raises(BugCheck, match=r"test_memory\.py") as caught:
        memory_manager.access(paged, write=False)
    assert caught.value.code == IRQL_NOT_LESS_OR_EQUAL


def test_IRQL_12_memory_that_is_in_goes_unnoticed_unless_checking_is_forced(
    memory_manager: MemoryManager, paged: int
) -> None:
    raise_irql(DISPATCH_LEVEL)
    assert memory.read(paged, 4) == bytes(4)
    current.kernel.verifier.default = VERIFIER_FORCE_IRQL_CHECKING
    with pytest.raises(BugCheck) as caught:
        memory.read(paged, 4)
    assert caught.value.code == DRIVER_IRQL_NOT_LESS_OR_EQUAL


def test_IRQL_12_forced_checking_does_not_mind_lower_levels(
    memory_manager: MemoryManager, paged: int
) -> None:
    current.kernel.verifier.default = VERIFIER_FORCE_IRQL_CHECKING
    assert memory.read(paged, 4) == bytes(4)


def test_nonpaged_memory_is_there_at_any_irql(memory_manager: MemoryManager) -> None:
    current.kernel.verifier.default = VERIFIER_FORCE_IRQL_CHECKING
    address = allocate(POOL_FLAG_NON_PAGED, 8)
    old_irql = raise_irql(15)
    memory.write(address, b"12345678")
    assert memory.read(address, 8) == b"12345678"
    lower_irql(old_irql)


def test_an_unmapped_user_address_is_an_access_violation(memory_manager: MemoryManager) -> None:
    with pytest.raises(StatusException) as caught:
        memory.read(0, 4)
    assert caught.value.status == STATUS_ACCESS_VIOLATION
    assert str(caught.value.__cause__).startswith(
        "a user address to read must be mapped; 0x0 was not mapped, since"
    )


def test_an_unmapped_system_address_is_bug_check_0x50(memory_manager: MemoryManager) -> None:
    address = allocate(POOL_FLAG_NON_PAGED, PAGE_SIZE)
    with pytest.raises(BugCheck, match="a system address must be mapped") as caught:
        memory.write(address + PAGE_SIZE - 2, b"over")
    assert caught.value.code == PAGE_FAULT_IN_NONPAGED_AREA
    assert caught.value.parameters[:2] == (address + PAGE_SIZE, 1)


def test_an_unmapped_address_at_dispatch_is_bug_check_0xD1(memory_manager: MemoryManager) -> None:
    raise_irql(DISPATCH_LEVEL)
    with pytest.raises(BugCheck, match="0x0 was not mapped") as caught:
        memory.read(0, 4)
    assert caught.value.code == DRIVER_IRQL_NOT_LESS_OR_EQUAL


def test_read_only_memory(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(10)
    memory_manager.process.address_space.protect(buffer.address, 10, writable=False)
    assert len(memory.read(buffer.address, 10)) == 10
    with pytest.raises(StatusException) as raised:
        memory.write(buffer.address, b"1")
    assert raised.value.status == STATUS_ACCESS_VIOLATION
    address = allocate(POOL_FLAG_NON_PAGED, PAGE_SIZE)
    memory_manager.system.protect(address, PAGE_SIZE, writable=False)
    with pytest.raises(BugCheck) as caught:
        memory.write(address, b"1")
    assert caught.value.code == ATTEMPTED_WRITE_TO_READONLY_MEMORY


def test_device_memory_is_for_the_register_routines(memory_manager: MemoryManager) -> None:
    address = memory_manager.system.map_device(DEVICE_RANGE, 0x8000_0000, 1)
    assert address is not None
    with pytest.raises(DeviceMemoryError, match="0x80000000: use READ_REGISTER"):
        memory.read(address, 4)


def test_paging_in_without_memory_raises(memory_manager: MemoryManager, paged: int) -> None:
    memory_manager.page_out_all()
    memory_manager.frames.allocate(memory_manager.frames.statistics().free, "all")
    with pytest.raises(StatusException) as caught:
        memory.read(paged, 1)
    assert caught.value.status == STATUS_INSUFFICIENT_RESOURCES


def test_the_physical_address_behind_a_virtual_one(memory_manager: MemoryManager, paged: int) -> None:
    memory.write(paged, b"found")
    physical = get_physical_address(paged + 1)
    assert isinstance(physical, PhysicalAddress)
    assert bytes(memory_manager.ram[physical : physical + 4]) == b"ound"
    memory_manager.page_out(paged, 1)
    assert get_physical_address(paged) == PhysicalAddress(0)


def test_an_address_tells_its_use_and_no_range_reaches_into_another() -> None:
    ranges = [USER_RANGE, MAPPING_RANGE, DEVICE_RANGE, PAGED_RANGE, NONPAGED_RANGE]
    assert ranges == sorted(ranges, key=lambda each: each.base)
    assert all(low.base + low.size <= high.base for low, high in pairwise(ranges))
    assert HIGHEST_USER_ADDRESS in USER_RANGE
    assert USER_PROBE_ADDRESS not in USER_RANGE
    assert (USER_RANGE.base, SYSTEM_RANGE_START) == (0x1000_0000_0000, 0x2000_0000_0000)
    assert all(each.base >= SYSTEM_RANGE_START for each in ranges[1:])


def test_a_leak_is_a_sentence(memory_manager: MemoryManager) -> None:
    allocate(POOL_FLAG_PAGED, 10)
    before = memory_manager.statistics()
    assert memory_manager.leaks(before) == []
    allocate(POOL_FLAG_PAGED, 10)
    address = allocate(POOL_FLAG_NON_PAGED, 10)
    mdl = Mdl.allocate(address, 10)
    assert mdl is not None
    leaks = memory_manager.leaks(before)
    ends = (
        "1 blocks of nonpaged pool with tag 'Test' were not freed, each of 10 bytes, allocated by allocate (",
        "1 blocks of paged pool with tag 'Test' were not freed, each of 10 bytes, allocated by allocate (",
        "1 MDLs were not freed, each for 10 bytes, allocated by test_a_leak_is_a_sentence (",
    )
    assert [leak[: len(end)] for leak, end in zip(leaks, ends, strict=True)] == list(ends)
    assert all("test_memory.py:" in leak for leak in leaks[:3])
    mdl.free()
    free_pool(address)
    assert len(memory_manager.leaks(before)) == 1
