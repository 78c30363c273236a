# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Accesses outside of blocks of pool, special pool, and pool without its checks (rows POL-08, POL-10)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.ke.processors.irql import raise_irql
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool, free_pool_with_tag, pool_tag
from dirql.mm.manager import MemoryManager
from dirql.nt.bugcodes import VERIFIER_POOL_TRACKING, VERIFIER_SPECIAL_POOL
from dirql.nt.constants import (
    HIGH_LEVEL,
    PAGE_SIZE,
    POOL_FLAG_CACHE_ALIGNED,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_PAGED,
    POOL_FLAG_UNINITIALIZED,
)

pytestmark = pytest.mark.usefixtures("memory_manager")

TAG = pool_tag("Test")
KINDS = [POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED, POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED]
SIZES = [1, 15, 16, 100, 1000, PAGE_SIZE - 1, PAGE_SIZE]


def allocate(size: int, flags: int = POOL_FLAG_NON_PAGED) -> int:
    address = allocate_pool2(flags, size, TAG)
    assert address is not None
    return address


@pytest.fixture
def defects(memory_manager: MemoryManager) -> list[tuple[str, str]]:
    del memory_manager
    found: list[tuple[str, str]] = []
    current.kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    return found


@pytest.fixture
def special(memory_manager: MemoryManager) -> None:
    del memory_manager
    current.kernel.verifier.default = VERIFIER_SPECIAL_POOL


# Ordinary pool: a defect.


@pytest.mark.parametrize("flags", KINDS)
@pytest.mark.parametrize("size", [1, 8, 100, 2000, 2 * PAGE_SIZE - 3])
@pytest.mark.parametrize("write", [False, True])
def test_POL_10_an_access_that_leaves_its_block(
    defects: list[tuple[str, str]], flags: int, size: int, write: bool
) -> None:
    address = allocate(size, flags)

    def touch(start: int, length: int) -> None:
        memory.fill(start, length, 1) if write else memory.read(start, length)

    touch(address, size)
    touch(address + size - 1, 1)
    touch(address + size, 0)
    assert defects == []
    for start, length in ((address, size + 1), (address + size - 1, 2), (address + size, 1)):
        touch(start, length)
        [(row, what)] = defects
        assert row == "POL-10"
        done = "written" if write else "read"
        assert f"{done}, up to 1 bytes behind the end of the block of {size} bytes at {address:#x}" in what
        assert "allocated by" in what
        assert "test_pool_bounds.py:" in what
        defects.clear()


def test_POL_10_bytes_in_front_of_a_block(defects: list[tuple[str, str]]) -> None:
    address = allocate(100)
    memory.read(address - 2, 4)
    [(row, what)] = defects
    assert row == "POL-10"
    assert f"2 bytes in front of the block of 100 bytes at {address:#x}" in what


def test_POL_10_pool_where_no_block_is(defects: list[tuple[str, str]]) -> None:
    address = allocate(40)
    memory.read((address | PAGE_SIZE - 1) - 40, 8)
    [(row, what)] = defects
    assert row == "POL-10"
    assert "where no block is" in what


def test_POL_10_the_kernel_may_look_anywhere(
    memory_manager: MemoryManager, defects: list[tuple[str, str]]
) -> None:
    address = allocate(40)
    memory_manager.runs(address, 100, write=False)
    assert defects == []


def test_POL_10_a_copy_is_judged_on_both_sides(defects: list[tuple[str, str]]) -> None:
    small, large = allocate(40), allocate(200)
    memory.copy(large, small, 41)
    memory.copy(small, large, 41)
    assert [("was read" in what or "were read" in what) for _, what in defects] == [True, False]


ACCESSES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 200), st.booleans()), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 260), ACCESSES)
def test_POL_10_agrees_with_a_naive_model(
    memory_manager: MemoryManager, size: int, accesses: list[tuple[float, int, bool]]
) -> None:
    """An access that begins in a block, or up to 8 bytes around it, is reported if it touches a byte outside of it."""
    found: list[str] = []
    current.kernel.hooks.defect_found = lambda row, _what: found.append(row)
    address = allocate(size)
    for place, most, write in accesses:
        before = len(found)
        offset = int(place * (size + 15)) - 8
        start = address + offset
        length = min(most, PAGE_SIZE - start % PAGE_SIZE)
        physical = memory_manager.system.translate(start)
        assert physical is not None
        if write:
            memory.write(start, bytes(memory_manager.ram[physical : physical + length]))
        else:
            memory.read(start, length)
        touched = range(offset, offset + length)
        assert (len(found) > before) == any(not 0 <= at < size for at in touched)


# Special pool.


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("flags", KINDS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", [False, True])
def test_POL_10_special_pool_ends_with_its_page(
    defects: list[tuple[str, str]], flags: int, size: int, write: bool
) -> None:
    address = allocate(size, flags | POOL_FLAG_UNINITIALIZED)
    assert address % 16 == 0
    end = (address | PAGE_SIZE - 1) + 1
    assert end - 16 < address + size <= end
    memory.fill(address, size, 7)
    assert memory.read(address, size) == bytes([7]) * size
    assert defects == []
    with pytest.raises(
        BugCheck, match=f"behind the end of the block of {size} bytes at {address:#x}"
    ) as caught:
        memory.fill(address, end - address + 1, 7) if write else memory.read(end, 4)
    # No driver runs in this test, so that the code is that of the system.
    assert caught.value.code == 0xCD
    assert caught.value.parameters[:2] == (end, int(write))
    assert "test_pool_bounds.py" in str(caught.value.parameters[2])
    assert caught.value.parameters[3] == 0


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("by_driver", [False, True])
def test_POL_10_a_driver_and_the_system(memory_manager: MemoryManager, by_driver: bool) -> None:
    end = allocate(PAGE_SIZE) + PAGE_SIZE
    current.processor.driver = object() if by_driver else None
    with pytest.raises(BugCheck) as caught:
        memory.read(end, 1)
    assert caught.value.code == (0xD6 if by_driver else 0xCD)


@pytest.mark.usefixtures("special")
def test_POL_10_larger_blocks_are_ordinary_pool(memory_manager: MemoryManager) -> None:
    address = allocate(PAGE_SIZE + 1)
    assert address % PAGE_SIZE == 0
    assert memory_manager.nonpaged_pool.special == {}


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize(("offset", "kind"), [(-1, 0x23), (-100, 0x23), (5, 0x24), (15, 0x24)])
def test_POL_10_bytes_around_special_pool_are_checked_when_it_is_freed(offset: int, kind: int) -> None:
    address = allocate(5)
    memory.write(address + offset, b"!")
    with pytest.raises(BugCheck, match="must be written within its bounds") as caught:
        free_pool(address)
    assert (caught.value.code, *caught.value.parameters) == (0xC1, address, address + offset, 0, kind)


@pytest.mark.usefixtures("special")
def test_POL_10_special_pool_that_is_freed_twice_or_elsewhere() -> None:
    address = allocate(40)
    with pytest.raises(BugCheck, match="start of a block") as caught:
        free_pool(address + 8)
    assert (caught.value.code, *caught.value.parameters) == (0xC1, address + 8, 40, 40, 0x21)


@pytest.mark.usefixtures("special")
def test_POL_10_special_pool_that_is_freed_twice() -> None:
    address = allocate(40)
    free_pool(address)
    with pytest.raises(BugCheck, match="freed once") as caught:
        free_pool(address)
    assert (caught.value.code, *caught.value.parameters) == (0xC1, address, 0, 0, 0x20)


@pytest.mark.usefixtures("special")
def test_POL_10_tracking_takes_precedence() -> None:
    current.kernel.verifier.default = VERIFIER_SPECIAL_POOL | VERIFIER_POOL_TRACKING
    address = allocate(40)
    free_pool(address)
    with pytest.raises(BugCheck) as caught:
        free_pool(address)
    assert (caught.value.code, caught.value.parameters[0]) == (0xC4, 0x13)


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("frees", [False, True])
def test_POL_10_the_level_of_special_pool(frees: bool) -> None:
    address = allocate(40)
    raise_irql(HIGH_LEVEL)
    with pytest.raises(BugCheck) as caught:
        free_pool(address) if frees else allocate(40)
    last = (address, 0x31) if frees else (40, 0x30)
    assert (caught.value.code, *caught.value.parameters) == (0xC1, HIGH_LEVEL, 0, *last)


@pytest.mark.usefixtures("special")
def test_special_pool_gives_all_of_its_memory_back(memory_manager: MemoryManager) -> None:
    before = memory_manager.frames.statistics().free
    blocks = [allocate(size) for size in SIZES * 20]
    assert len(memory_manager.nonpaged_pool.special) == len(blocks)
    for address in blocks:
        free_pool_with_tag(address, TAG)
    assert memory_manager.nonpaged_pool.special == {}
    assert memory_manager.frames.statistics().free == before


# Pool without its checks.


@pytest.fixture
def unchecked(memory_manager: MemoryManager) -> Iterator[MemoryManager]:
    memory_manager.close()
    manager = MemoryManager(memoryview(bytearray(256 * PAGE_SIZE)), pool_checks=False)
    manager.install()
    yield manager
    manager.close()
    memory_manager.install()


@pytest.mark.parametrize("size", [100, PAGE_SIZE + 1])
def test_without_checks_pool_is_as_without_a_verifier(
    unchecked: MemoryManager, defects: list[tuple[str, str]], size: int
) -> None:
    address = allocate(size, POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED)
    assert memory.read(address, size) == bytes(size), "no poison"
    memory.write(address + size, b"!")
    memory.read(address - 1 if size < PAGE_SIZE else address, 8)
    free_pool(address)
    if size < PAGE_SIZE:
        memory.write(address, b"stale")
        assert allocate(size, POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED) == address, "no quarantine"
        assert memory.read(address, 5) == b"stale"
        free_pool(address)
        assert memory.read(allocate(size), 5) == bytes(5), "cleared unless told otherwise"
    assert defects == []
    assert unchecked.leaks(unchecked.statistics()) == []


def test_without_checks_a_second_free_and_leaks_are_still_told(unchecked: MemoryManager) -> None:
    before = unchecked.statistics()
    address = allocate(40)
    [leak] = unchecked.leaks(before)
    assert "test_pool_bounds.py:" in leak
    free_pool(address)
    with pytest.raises(BugCheck, match="freed once") as caught:
        free_pool(address)
    assert (caught.value.code, caught.value.parameters[0]) == (0xC2, 7)
