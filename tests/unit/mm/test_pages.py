# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pages of MDLs, contiguous and noncached memory, pageable sections, and questions about addresses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.mm.manager import MemoryManager
from dirql.nt.bugcodes import VERIFIER_FORCE_IRQL_CHECKING
from unit.mm.conftest import FRAMES, Machine

PAGE = wdm.PAGE_SIZE
END = FRAMES * PAGE
LOW = wdm.PHYSICAL_ADDRESS(0)
HIGH = wdm.PHYSICAL_ADDRESS((1 << 64) - 1)
TAG = wdm.POOL_TAG("Page")


@pytest.fixture(autouse=True)
def defects(machine: Machine) -> list[str]:
    found: list[str] = []
    machine.kernel.hooks.defect_found = lambda row, sentence: found.append(f"{row}: {sentence}")
    return found


def stop(call: Callable[[], object]) -> tuple[object, ...]:
    with pytest.raises(BugCheck) as caught:
        call()
    return (caught.value.code, *caught.value.parameters)


def pages(total: int, low: int = 0, high: int = (1 << 64) - 1, skip: int = 0) -> wdm.MDL:
    made = wdm.MmAllocatePagesForMdl(
        wdm.PHYSICAL_ADDRESS(low), wdm.PHYSICAL_ADDRESS(high), wdm.PHYSICAL_ADDRESS(skip), total
    )
    assert made is not None
    return made


def free(mdl: wdm.MDL) -> None:
    wdm.MmFreePagesFromMdl(mdl)
    wdm.ExFreePool(mdl)


def test_MDL_19_an_mdl_with_pages(memory_manager: MemoryManager) -> None:
    before = memory_manager.statistics()
    mdl = pages(2 * PAGE + 1, 100 * PAGE, 200 * PAGE - 1)
    assert (mdl.byte_count, mdl.byte_offset, mdl.start_va, len(mdl.frames)) == (3 * PAGE, 0, 0, 3)
    assert all(100 <= frame < 200 for frame in mdl.frames)
    assert mdl.mdl_flags == wdm.MDL_PAGES_LOCKED
    address = wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority)
    assert address is not None
    assert wdm.RtlReadMemory(address, 3 * PAGE) == bytes(3 * PAGE)
    wdm.RtlWriteMemory(address + PAGE, b"data")
    assert wdm.MmGetPhysicalAddress(address + PAGE) == mdl.frames[1] * PAGE
    (leak,) = memory_manager.leaks(before)
    assert "an MDL with 3 pages of MmAllocatePagesForMdl was not given back" in leak
    wdm.MmUnmapLockedPages(address, mdl)
    wdm.MmFreePagesFromMdl(mdl)
    (leak,) = memory_manager.leaks(before)
    assert "MDLs were not freed" in leak
    wdm.ExFreePool(mdl)
    assert memory_manager.statistics() == before


def test_an_mdl_with_pages_is_freed_by_the_routine_with_a_tag_too(memory_manager: MemoryManager) -> None:
    before = memory_manager.statistics()
    mdl = pages(PAGE)
    wdm.MmFreePagesFromMdl(mdl)
    with pytest.raises(TypeError, match="ExFreePoolWithTag: P must be"):
        wdm.ExFreePoolWithTag(mdl, 1)
    wdm.ExFreePoolWithTag(mdl, 0)
    assert memory_manager.statistics() == before


def test_MDL_19_a_driver_may_write_to_such_pages(defects: list[str]) -> None:
    mdl = pages(PAGE)
    address = wdm.MmMapLockedPagesSpecifyCache(mdl, wdm.KernelMode, wdm.MmCached, None, False, 0)
    assert address is not None
    wdm.RtlWriteMemory(address, b"data")
    assert defects == []


def test_MDL_19_fewer_pages_than_that(memory_manager: MemoryManager) -> None:
    mdl = pages(10 * PAGE, 0, 4 * PAGE - 1)
    assert mdl.frames == [1, 2, 3]
    assert wdm.MmAllocatePagesForMdl(LOW, wdm.PHYSICAL_ADDRESS(4 * PAGE - 1), LOW, PAGE) is None
    assert wdm.MmAllocatePagesForMdl(LOW, HIGH, LOW, 0) is None
    full = wdm.MM_ALLOCATE_FULLY_REQUIRED
    high = wdm.PHYSICAL_ADDRESS(6 * PAGE - 1)
    assert wdm.MmAllocatePagesForMdlEx(LOW, high, LOW, 10 * PAGE, wdm.MmCached, full) is None
    again = pages(2 * PAGE, 0, 6 * PAGE - 1)
    assert again.frames == [4, 5]
    free(mdl)


def test_MDL_19_the_search_goes_on_in_the_next_range() -> None:
    mdl = pages(5 * PAGE, 100 * PAGE, 102 * PAGE - 1, 16 * PAGE)
    assert mdl.frames == [100, 101, 116, 117, 132]


def test_MDL_19_contiguous_pages(memory_manager: MemoryManager) -> None:
    memory_manager.frames.allocate_contiguous(1, "test", 4 * PAGE, lowest=3 * PAGE)
    flags = wdm.MM_ALLOCATE_PREFER_CONTIGUOUS
    mdl = wdm.MmAllocatePagesForMdlEx(LOW, HIGH, LOW, 4 * PAGE, wdm.MmCached, flags)
    assert mdl is not None
    assert mdl.frames == [4, 5, 6, 7]
    flags = wdm.MM_ALLOCATE_REQUIRE_CONTIGUOUS_CHUNKS | wdm.MM_ALLOCATE_FULLY_REQUIRED
    skip = wdm.PHYSICAL_ADDRESS(2 * PAGE)
    mdl = wdm.MmAllocatePagesForMdlEx(LOW, HIGH, skip, 4 * PAGE, wdm.MmCached, flags)
    assert mdl is not None
    assert mdl.frames == [1, 2, 8, 9]
    assert wdm.MmAllocatePagesForMdlEx(LOW, HIGH, skip, 3 * PAGE, wdm.MmCached, flags) is None


def test_MDL_19_pages_that_are_not_cleared() -> None:
    mdl = wdm.MmAllocatePagesForMdlEx(LOW, HIGH, LOW, PAGE, wdm.MmCached, wdm.MM_DONT_ZERO_ALLOCATION)
    assert mdl is not None
    address = wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority)
    assert address is not None
    assert wdm.RtlReadMemory(address, 64) != bytes(64)


def test_MDL_19_a_wrong_skip() -> None:
    with pytest.raises(ValueError, match=r"MmAllocatePagesForMdl: SkipBytes must be a multiple of PAGE_SIZE"):
        pages(PAGE, 0, END, 100)


def test_MDL_19_another_mdl_has_no_pages_to_free() -> None:
    mdl = wdm.IoAllocateMdl(0x1000, 1, False, False, None)
    assert mdl is not None
    assert stop(lambda: wdm.MmFreePagesFromMdl(mdl))[:3] == (0x4E, 7, mdl)


def test_MDL_19_pages_are_freed_once() -> None:
    mdl = pages(PAGE)
    wdm.MmFreePagesFromMdl(mdl)
    assert stop(lambda: wdm.MmFreePagesFromMdl(mdl))[:3] == (0x4E, 7, mdl)


def test_MDL_19_pages_are_not_unlocked() -> None:
    mdl = pages(PAGE)
    assert stop(lambda: wdm.MmUnlockPages(mdl))[:3] == (0x4E, 7, mdl.frames[0])


def test_MDL_13_pages_are_freed_before_the_mdl() -> None:
    mdl = pages(PAGE)
    assert stop(lambda: wdm.ExFreePool(mdl))[0] == 0xCB


def test_MDL_19_a_mapping_that_is_left_is_told(defects: list[str]) -> None:
    mdl = pages(PAGE)
    address = wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority)
    assert address is not None
    assert wdm.MmMapLockedPages(mdl, wdm.UserMode) is not None
    wdm.MmFreePagesFromMdl(mdl)
    assert [defect.partition(":")[0] for defect in defects] == ["MDL-18", "MDL-19"]
    assert not wdm.MmIsAddressValid(address)


def test_MDL_19_an_mdl_of_pool_is_not_freed_with_ExFreePool() -> None:
    mdl = wdm.IoAllocateMdl(0x1000, 1, False, False, None)
    assert mdl is not None
    with pytest.raises(
        TypeError, match=r"ExFreePool: P must be an address, or an MDL of MmAllocatePagesForMdl"
    ):
        wdm.ExFreePool(mdl)


# Contiguous memory.


def test_POL_12_contiguous_memory(memory_manager: MemoryManager) -> None:
    before = memory_manager.statistics()
    address = wdm.MmAllocateContiguousMemory(2 * PAGE + 1, wdm.PHYSICAL_ADDRESS(100 * PAGE - 1))
    assert address is not None
    physical = [wdm.MmGetPhysicalAddress(address + offset) for offset in (0, PAGE, 2 * PAGE)]
    assert physical[1:] == [physical[0] + PAGE, physical[0] + 2 * PAGE]
    assert physical[2] + PAGE <= 100 * PAGE
    assert wdm.RtlReadMemory(address, 3 * PAGE) != bytes(3 * PAGE)
    assert wdm.MmIsNonPagedSystemAddressValid(address)
    (leak,) = memory_manager.leaks(before)
    assert f"{2 * PAGE + 1} bytes of contiguous memory was not given back" in leak
    wdm.MmFreeContiguousMemory(address)
    assert memory_manager.statistics() == before
    assert memory_manager.leaks(before) == []
    assert stop(lambda: wdm.MmFreeContiguousMemory(address)) == (0xC2, 0x60, address, 0, 0)


def test_POL_12_no_contiguous_memory() -> None:
    assert wdm.MmAllocateContiguousMemory(0, HIGH) is None
    assert wdm.MmAllocateContiguousMemory(FRAMES * PAGE, HIGH) is None
    assert wdm.MmAllocateContiguousMemory(2 * PAGE, wdm.PHYSICAL_ADDRESS(2 * PAGE - 1)) is None
    assert wdm.MmAllocateContiguousMemory(PAGE, -1) is not None


def specify(length: int, low: int, high: int, boundary: int, kind: int = wdm.MmNonCached) -> int | None:
    return wdm.MmAllocateContiguousMemorySpecifyCache(length, low, high, boundary, kind)


@pytest.mark.parametrize("boundary", [0, 4 * PAGE, 64 * 1024])
def test_POL_12_memory_crosses_no_boundary(memory_manager: MemoryManager, boundary: int) -> None:
    memory_manager.frames.allocate_contiguous(2, "test", 4 * PAGE, lowest=PAGE)
    address = specify(3 * PAGE, 2 * PAGE, HIGH, boundary)
    assert address is not None
    first = wdm.MmGetPhysicalAddress(address)
    assert first == (4 if boundary == 4 * PAGE else 3) * PAGE
    wdm.MmFreeContiguousMemorySpecifyCache(address, 3 * PAGE, wdm.MmNonCached)


def test_POL_12_no_memory_with_such_a_boundary() -> None:
    assert specify(5 * PAGE, 0, HIGH, 4 * PAGE) is None
    assert specify(PAGE, 0, HIGH, 0, wdm.MmMaximumCacheType) is None
    assert specify(PAGE, 50 * PAGE, 51 * PAGE - 2, 0) is None
    assert specify(PAGE, 50 * PAGE, 51 * PAGE - 1, 0) is not None


@pytest.mark.parametrize("wrong", [(PAGE + 1, wdm.MmNonCached), (PAGE, wdm.MmCached)])
def test_POL_12_memory_is_freed_as_it_was_allocated(wrong: tuple[int, int], defects: list[str]) -> None:
    address = specify(PAGE, 0, HIGH, 0)
    assert address is not None
    wdm.MmFreeContiguousMemorySpecifyCache(address, *wrong)
    assert [defect.partition(":")[0] for defect in defects] == ["POL-12"]


def test_POL_12_noncached_memory(memory_manager: MemoryManager) -> None:
    before = memory_manager.statistics()
    address = wdm.MmAllocateNonCachedMemory(PAGE + 1)
    assert address is not None
    assert address % PAGE == 0
    wdm.RtlWriteMemory(address + 2 * PAGE - 1, b"x")
    assert "noncached memory was not given back" in memory_manager.leaks(before)[0]
    wdm.MmFreeNonCachedMemory(address, PAGE + 1)
    assert memory_manager.statistics() == before
    assert wdm.MmAllocateNonCachedMemory(0) is None
    assert wdm.MmAllocateNonCachedMemory(END) is None


def test_POL_12_noncached_memory_with_another_length() -> None:
    address = wdm.MmAllocateNonCachedMemory(PAGE)
    assert address is not None
    assert stop(lambda: wdm.MmFreeNonCachedMemory(address, PAGE + 1)) == (0xDA, 0x305, address, 2, 1)


def test_POL_12_noncached_memory_is_no_contiguous_memory() -> None:
    address = wdm.MmAllocateContiguousMemory(PAGE, HIGH)
    assert address is not None
    assert stop(lambda: wdm.MmFreeNonCachedMemory(address, PAGE)) == (0xDA, 0x303, address, 1, 0)


@pytest.mark.row("MDL-15")
@pytest.mark.parametrize("how", ["locked", "view"])
def test_MDL_15_contiguous_memory_is_freed_after_its_mdls(defects: list[str], how: str) -> None:
    address = wdm.MmAllocateContiguousMemory(2 * PAGE, HIGH)
    assert address is not None
    mdl = wdm.IoAllocateMdl(address + PAGE, 10, False, False, None)
    assert mdl is not None
    if how == "locked":
        wdm.MmProbeAndLockPages(mdl, wdm.KernelMode, wdm.IoWriteAccess)
    else:
        wdm.MmBuildMdlForNonPagedPool(mdl)
        assert wdm.MmMapLockedPages(mdl, wdm.UserMode) is not None
    wdm.MmFreeContiguousMemory(address)
    (defect,) = defects
    assert defect.startswith("MDL-15: contiguous memory must not be freed while an MDL locks it")
    assert "before MmFreeContiguousMemory" in defect


# Pageable sections.


def pageable() -> None:
    wdm.PAGED_CODE()


def test_IRQL_13_a_locked_section_may_run_at_a_raised_irql(machine: Machine, defects: list[str]) -> None:
    machine.kernel.verifier.default = VERIFIER_FORCE_IRQL_CHECKING
    handle = wdm.MmLockPagableCodeSection(pageable)
    assert wdm.MmLockPagableDataSection(pageable) == handle
    wdm.MmLockPagableSectionByHandle(handle)
    for _ in range(2):
        wdm.MmUnlockPagableImageSection(handle)
    old = wdm.KeRaiseIrqlToDpcLevel()
    pageable()
    assert len(defects) == 1
    wdm.KeLowerIrql(old)
    wdm.MmUnlockPagableImageSection(handle)
    wdm.KeRaiseIrqlToDpcLevel()
    assert stop(pageable)[0] == 0xD1


def test_IRQL_13_a_section_is_unlocked_as_often_as_it_was_locked() -> None:
    handle = wdm.MmLockPagableCodeSection(pageable)
    wdm.MmUnlockPagableImageSection(handle)
    assert stop(lambda: wdm.MmUnlockPagableImageSection(handle))[:3] == (0x1A, 0x1010, handle)


def test_IRQL_13_a_lock_that_is_left_is_a_leak(memory_manager: MemoryManager) -> None:
    before = memory_manager.statistics()
    handle = wdm.MmLockPagableCodeSection(pageable)
    (leak,) = memory_manager.leaks(before)
    assert "MmUnlockPagableImageSection" in leak
    wdm.MmUnlockPagableImageSection(handle)
    assert memory_manager.leaks(before) == []


def service(*_: object) -> bool:
    return False


@pytest.mark.parametrize("reset", [True, False])
def test_IRQL_13_a_pageable_driver_connects_no_interrupt(defects: list[str], reset: bool) -> None:
    assert wdm.MmPageEntireDriver(service) == wdm.MmLockPagableCodeSection(pageable)
    if reset:
        wdm.MmResetDriverPaging(service)
    wdm.IoConnectInterrupt(service, None, None, 0x40, 5, 5, wdm.LevelSensitive, True, 1, False)
    assert [defect.partition(":")[0] for defect in defects] == ([] if reset else ["IRQL-13"])


# Questions.


def test_addresses_are_valid_while_they_are_mapped(machine: Machine) -> None:
    manager = machine.memory_manager
    paged = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, PAGE, TAG)
    nonpaged = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, PAGE, TAG)
    user = manager.process.allocate(8).address
    assert paged is not None
    assert nonpaged is not None
    assert [wdm.MmIsAddressValid(each) for each in (paged, nonpaged, user, 0, 1 << 63)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert [wdm.MmIsNonPagedSystemAddressValid(each) for each in (paged, nonpaged, user)] == [
        False,
        True,
        False,
    ]
    manager.page_out(paged, PAGE)
    assert not wdm.MmIsAddressValid(paged)


def test_the_address_of_a_physical_one(machine: Machine) -> None:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, PAGE, TAG)
    assert address is not None
    physical = wdm.MmGetPhysicalAddress(address + 5)
    assert wdm.MmGetVirtualForPhysical(physical) == address + 5
    user = machine.memory_manager.process.allocate(8).address
    assert wdm.MmGetVirtualForPhysical(wdm.MmGetPhysicalAddress(user)) == user
    assert wdm.MmGetVirtualForPhysical(wdm.PHYSICAL_ADDRESS(END)) is None


def test_the_size_of_the_system(machine: Machine) -> None:
    assert wdm.MmQuerySystemSize() == wdm.MmSmallSystem
    assert wdm.MmIsThisAnNtAsSystem() is False
