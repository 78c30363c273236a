# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mappings of MDLs in system space and in processes, reserved addresses, and MDLs in memory of the driver's own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.mm.layout import USER_RANGE
from dirql.mm.manager import running
from dirql.nt.ntstatus import StatusException
from unit.mm.conftest import Machine

if TYPE_CHECKING:
    from _typeshed import TraceFunction

LENGTH = 2 * wdm.PAGE_SIZE + 100
OFFSET = 0xF00
TAG = wdm.POOL_TAG("Mapp")


@pytest.fixture(autouse=True)
def defects(machine: Machine) -> list[str]:
    found: list[str] = []
    machine.kernel.verifier.default = None
    machine.kernel.hooks.defect_found = lambda row, sentence: found.append(f"{row}: {sentence}")
    return found


@pytest.fixture
def mdl(machine: Machine) -> wdm.MDL:
    """Describes a locked buffer of the program."""
    address = machine.memory_manager.process.allocate(LENGTH, offset=OFFSET).address
    made = wdm.IoAllocateMdl(address, LENGTH, False, False, None)
    assert made is not None
    wdm.MmProbeAndLockPages(made, wdm.UserMode, wdm.IoWriteAccess)
    return made


@pytest.fixture
def pool_mdl(machine: Machine) -> wdm.MDL:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, LENGTH, TAG)
    made = wdm.IoAllocateMdl(address, LENGTH, False, False, None)
    assert made is not None
    wdm.MmBuildMdlForNonPagedPool(made)
    return made


@pytest.fixture
def verified(machine: Machine, defects: list[str]) -> None:
    machine.kernel.verifier.default = 0


def stop(call: Callable[[], object]) -> tuple[object, ...]:
    with pytest.raises(BugCheck) as caught:
        call()
    return (caught.value.code, *caught.value.parameters)


def status_of(call: Callable[[], object]) -> int:
    with pytest.raises(StatusException) as caught:
        call()
    return caught.value.status


def specify(
    mdl: wdm.MDL, mode: int = wdm.KernelMode, requested: int | None = None, priority: int = 0
) -> int | None:
    return wdm.MmMapLockedPagesSpecifyCache(mdl, mode, wdm.MmCached, requested, False, priority)


def test_MDL_18_a_view_of_a_process_shows_the_pages(pool_mdl: wdm.MDL, machine: Machine) -> None:
    view = specify(pool_mdl, wdm.UserMode)
    assert view is not None
    assert view < wdm.MmSystemRangeStart
    assert view & 0xFFF == wdm.MmGetMdlByteOffset(pool_mdl)
    wdm.RtlWriteMemory(wdm.MmGetMdlVirtualAddress(pool_mdl) + 5000, b"seen")
    assert machine.memory_manager.process.read(view + 5000, 4) == b"seen"
    assert not pool_mdl.mdl_flags & wdm.MDL_MAPPED_TO_SYSTEM_VA
    again = wdm.MmMapLockedPages(pool_mdl, wdm.UserMode)
    assert again is not None
    assert again != view
    wdm.MmUnmapLockedPages(view, pool_mdl)
    with pytest.raises(StatusException):
        wdm.RtlReadMemory(view, 1)
    assert wdm.RtlReadMemory(again, 1) == wdm.RtlReadMemory(wdm.MmGetMdlVirtualAddress(pool_mdl), 1)


def test_MDL_18_a_requested_address_is_rounded_down_and_must_be_free(mdl: wdm.MDL) -> None:
    wanted = USER_RANGE.base + (1 << 30)
    assert specify(mdl, wdm.UserMode, wanted + 0x123) == wanted + OFFSET
    assert (
        status_of(lambda: specify(mdl, wdm.UserMode, wanted + wdm.PAGE_SIZE))
        == wdm.STATUS_CONFLICTING_ADDRESSES
    )
    for address in (0x1000, wdm.MmSystemRangeStart, wdm.MmUserProbeAddress - wdm.PAGE_SIZE):
        with pytest.raises(StatusException):
            specify(mdl, wdm.UserMode, address)


def test_MDL_18_a_view_without_write_access(mdl: wdm.MDL) -> None:
    view = specify(mdl, wdm.UserMode, None, wdm.MdlMappingNoWrite)
    assert view is not None
    assert wdm.RtlReadMemory(view, 4)
    assert status_of(lambda: wdm.RtlWriteMemory(view, b"x")) == wdm.STATUS_ACCESS_VIOLATION


def test_MDL_18_a_caching_type_that_there_is_not(mdl: wdm.MDL) -> None:
    def call(mode: int, kind: int) -> int | None:
        return wdm.MmMapLockedPagesSpecifyCache(mdl, mode, kind, None, False, 0)

    assert call(wdm.KernelMode, wdm.MmMaximumCacheType) is None
    assert call(wdm.KernelMode, wdm.MmNotMapped) is None
    assert status_of(lambda: call(wdm.UserMode, wdm.MmMaximumCacheType)) == wdm.STATUS_INVALID_PARAMETER
    for kind in (wdm.MmNonCached, wdm.MmCached, wdm.MmWriteCombined):
        assert call(wdm.UserMode, kind) is not None


@pytest.mark.parametrize("how", ["unlock", "free"])
def test_MDL_18_a_view_that_outlives_its_pages_is_told(
    mdl: wdm.MDL, pool_mdl: wdm.MDL, defects: list[str], how: str
) -> None:
    used = mdl if how == "unlock" else pool_mdl
    view = specify(used, wdm.UserMode)
    assert view is not None
    if how == "unlock":
        wdm.MmUnlockPages(used)
    else:
        wdm.IoFreeMdl(used)
    assert [defect.partition(":")[0] for defect in defects] == ["MDL-18"]
    assert "was called before" in defects[0]
    assert status_of(lambda: wdm.RtlReadMemory(view, 1)) == wdm.STATUS_ACCESS_VIOLATION


def test_MDL_18_a_view_of_a_part_ends_with_the_lock_of_its_source(mdl: wdm.MDL, defects: list[str]) -> None:
    part = wdm.IoAllocateMdl(wdm.MmGetMdlVirtualAddress(mdl), LENGTH, False, False, None)
    assert part is not None
    wdm.IoBuildPartialMdl(mdl, part, wdm.MmGetMdlVirtualAddress(mdl), 0)
    assert specify(part, wdm.UserMode) is not None
    wdm.MmUnlockPages(mdl)
    assert len(defects) == 1
    assert list(running.value.holdings.all()) == []


def opcodes(call: Callable[[], object]) -> int:
    """The opcodes of Python that the call takes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> TraceFunction:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.interpreted("opcodes")
def test_an_unlock_costs_the_same_whatever_else_drivers_hold(mdl: wdm.MDL, pool_mdl: wdm.MDL) -> None:
    other = wdm.IoAllocateMdl(wdm.MmGetMdlVirtualAddress(mdl), LENGTH, False, False, None)
    assert other is not None
    used: wdm.MDL = other

    def lock_and_unlock() -> None:
        wdm.MmProbeAndLockPages(used, wdm.KernelMode, wdm.IoReadAccess)
        wdm.MmGetSystemAddressForMdlSafe(used, wdm.NormalPagePriority)
        wdm.MmUnlockPages(used)

    costs = []
    for _ in range(3):
        lock_and_unlock()
        costs.append(opcodes(lock_and_unlock))
        for _ in range(16):
            assert specify(mdl, wdm.UserMode) is not None
            assert specify(pool_mdl, wdm.UserMode) is not None
            assert wdm.MmAllocateMappingAddress(1, TAG) is not None
            assert wdm.MmAllocateContiguousMemory(1, 1 << 40) is not None
    # The first of each kind costs a look into a dictionary, any number more costs nothing.
    assert costs[1] == costs[2] < costs[0] + 100


def test_MDL_18_a_view_at_the_end_of_its_process_is_told(
    pool_mdl: wdm.MDL, machine: Machine, defects: list[str]
) -> None:
    manager = machine.memory_manager
    other = manager.create_process("other")
    before = manager.attach_process(other)
    view = specify(pool_mdl, wdm.UserMode)
    assert view is not None
    manager.attach_process(before)
    manager.delete_process(other)
    assert [defect.partition(":")[0] for defect in defects] == ["MDL-18"]
    assert "the process has ended" in defects[0]
    wdm.RtlWriteMemory(wdm.MmGetMdlVirtualAddress(pool_mdl), b"still there")


def test_MDL_18_a_view_is_unmapped_in_its_process(pool_mdl: wdm.MDL, machine: Machine) -> None:
    manager = machine.memory_manager
    view = specify(pool_mdl, wdm.UserMode)
    assert view is not None
    manager.attach_process(manager.create_process("other"))
    assert stop(lambda: wdm.MmUnmapLockedPages(view, pool_mdl))[:3] == (0xDA, 6, pool_mdl)


def test_MDL_18_a_view_that_is_left_is_a_leak(pool_mdl: wdm.MDL, machine: Machine) -> None:
    before = machine.memory_manager.statistics()
    view = specify(pool_mdl, wdm.UserMode)
    leaks = machine.memory_manager.leaks(before)
    assert len(leaks) == 1
    assert "MmUnmapLockedPages in the context" in leaks[0]
    assert view is not None
    wdm.MmUnmapLockedPages(view, pool_mdl)
    assert machine.memory_manager.leaks(before) == []


def test_MDL_15_pool_with_a_view_is_freed_after_it(pool_mdl: wdm.MDL, defects: list[str]) -> None:
    view = specify(pool_mdl, wdm.UserMode)
    assert view is not None
    wdm.ExFreePoolWithTag(wdm.MmGetMdlVirtualAddress(pool_mdl), TAG)
    assert [defect.partition(":")[0] for defect in defects] == ["MDL-15"]


@pytest.mark.parametrize(
    ("call", "subcode"),
    [
        (lambda mdl: wdm.MmMapLockedPages(mdl, wdm.UserMode), 0x75),
        (lambda mdl: specify(mdl, wdm.UserMode), 0x77),
    ],
)
@pytest.mark.usefixtures("verified")
def test_MDL_18_a_view_is_made_at_or_below_apc_level(
    mdl: wdm.MDL, call: Callable[[wdm.MDL], object], subcode: int
) -> None:
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    assert stop(lambda: call(mdl)) == (0xC4, subcode, wdm.DISPATCH_LEVEL, mdl, wdm.UserMode)


@pytest.mark.usefixtures("verified")
def test_MDL_18_a_view_is_unmapped_at_or_below_apc_level(mdl: wdm.MDL) -> None:
    view = specify(mdl, wdm.UserMode)
    assert view is not None
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    assert stop(lambda: wdm.MmUnmapLockedPages(view, mdl)) == (0xC4, 0x7A, wdm.DISPATCH_LEVEL, view, mdl)


@pytest.mark.parametrize(
    ("call", "subcode"),
    [(lambda mdl: wdm.MmMapLockedPages(mdl, wdm.KernelMode), 0x74), (specify, 0x76)],
)
@pytest.mark.usefixtures("verified")
def test_MDL_18_a_mapping_is_made_at_or_below_dispatch_level(
    mdl: wdm.MDL, call: Callable[[wdm.MDL], object], subcode: int
) -> None:
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL + 1)
    assert stop(lambda: call(mdl)) == (0xC4, subcode, wdm.DISPATCH_LEVEL + 1, mdl, wdm.KernelMode)


@pytest.mark.usefixtures("verified")
def test_MDL_21_mappings_that_cannot_fail_are_refused(mdl: wdm.MDL) -> None:
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    assert stop(lambda: wdm.MmMapLockedPages(mdl, wdm.KernelMode)) == (0xC4, 0x81, mdl, mdl.mdl_flags, 0)


@pytest.mark.usefixtures("verified")
def test_MDL_21_bug_check_on_failure_is_refused(mdl: wdm.MDL) -> None:
    def call() -> object:
        return wdm.MmMapLockedPagesSpecifyCache(mdl, wdm.KernelMode, wdm.MmCached, None, True, 0)

    assert stop(call) == (0xC4, 0x82, mdl, mdl.mdl_flags, 0)


@pytest.mark.usefixtures("verified")
def test_MDL_21_an_mdl_that_can_fail_may_be_mapped(mdl: wdm.MDL) -> None:
    mdl.mdl_flags |= wdm.MDL_MAPPING_CAN_FAIL
    address = wdm.MmGetSystemAddressForMdl(mdl)
    assert wdm.MmGetSystemAddressForMdl(mdl) == address
    assert wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority) == address


def test_MDL_21_an_mdl_is_mapped_once(mdl: wdm.MDL) -> None:
    assert specify(mdl) is not None
    flags = mdl.mdl_flags
    assert stop(lambda: specify(mdl)) == (0xC4, 0xB2, mdl, flags, wdm.MDL_MAPPED_TO_SYSTEM_VA)


def test_MDL_21_pool_has_its_address_already(pool_mdl: wdm.MDL) -> None:
    assert stop(lambda: wdm.MmMapLockedPages(pool_mdl, wdm.KernelMode))[:2] == (0xC4, 0xB2)


def test_MDL_06_an_mdl_is_locked_before_it_is_mapped(machine: Machine) -> None:
    raw = wdm.IoAllocateMdl(wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 8, TAG), 8, False, False, None)
    assert raw is not None
    assert stop(lambda: specify(raw, wdm.UserMode))[:3] == (0xC4, 0x85, raw)


@pytest.mark.parametrize("mode", ["mapped", "not mapped"])
def test_MDL_21_unmapping_another_address(mdl: wdm.MDL, mode: str) -> None:
    if mode == "mapped":
        address = wdm.MmMapLockedPages(mdl, wdm.KernelMode)
        assert address is not None
        wrong = address + wdm.PAGE_SIZE
        assert stop(lambda: wdm.MmUnmapLockedPages(wrong, mdl)) == (0xDA, 3, mdl, address, wrong)
    else:
        address = wdm.MmSystemRangeStart
        assert stop(lambda: wdm.MmUnmapLockedPages(address, mdl)) == (0xDA, 6, mdl, address, 3)


@pytest.mark.interpreted("patches")
def test_MDL_18_no_address_is_free(mdl: wdm.MDL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(running.value.system), "map", lambda *_, **__: None)
    assert specify(mdl) is None
    assert status_of(lambda: specify(mdl, wdm.UserMode)) == wdm.STATUS_INSUFFICIENT_RESOURCES
    mdl.mdl_flags |= wdm.MDL_MAPPING_CAN_FAIL
    assert wdm.MmMapLockedPages(mdl, wdm.KernelMode) is None
    mdl.mdl_flags &= ~wdm.MDL_MAPPING_CAN_FAIL
    assert stop(lambda: wdm.MmMapLockedPages(mdl, wdm.KernelMode))[:3] == (0x3F, 0, 3)


def test_the_protection_of_a_mapping(mdl: wdm.MDL) -> None:
    assert wdm.MmProtectMdlSystemAddress(mdl, wdm.PAGE_READONLY) == wdm.STATUS_NOT_MAPPED_VIEW
    address = specify(mdl)
    assert address is not None
    assert wdm.MmProtectMdlSystemAddress(mdl, 3) == wdm.STATUS_INVALID_PAGE_PROTECTION
    assert wdm.MmProtectMdlSystemAddress(mdl, wdm.PAGE_NOACCESS) == wdm.STATUS_SUCCESS
    assert wdm.MmProtectMdlSystemAddress(mdl, wdm.PAGE_READWRITE) == wdm.STATUS_SUCCESS
    wdm.RtlWriteMemory(address, b"data")
    assert wdm.MmProtectMdlSystemAddress(mdl, wdm.PAGE_EXECUTE_READ) == wdm.STATUS_SUCCESS
    assert wdm.RtlReadMemory(address, 4) == b"data"
    assert stop(lambda: wdm.RtlWriteMemory(address + LENGTH - 4, b"more"))[0] == 0xBE


def test_a_mapping_without_access(mdl: wdm.MDL) -> None:
    address = specify(mdl)
    assert address is not None
    assert wdm.MmProtectMdlSystemAddress(mdl, wdm.PAGE_NOACCESS) == wdm.STATUS_SUCCESS
    assert stop(lambda: wdm.RtlReadMemory(address, 4))[:3] == (0x50, address, 0)


def test_an_mdl_in_memory_of_the_driver(machine: Machine) -> None:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, LENGTH, TAG)
    assert address is not None
    assert wdm.MmSizeOfMdl(address + 0xFFF, 2) == wdm.MmSizeOfMdl(address, 4097) == 0x30 + 2 * 8
    assert wdm.MmSizeOfMdl(None, 0) == 0x30
    made = wdm.MDL(0, 0)
    wdm.MmInitializeMdl(made, address + 10, 5000)
    assert (wdm.MmGetMdlBaseVa(made), wdm.MmGetMdlByteOffset(made)) == (
        address & ~0xFFF,
        address + 10 & 0xFFF,
    )
    assert (wdm.MmGetMdlByteCount(made), made.next, made.mdl_flags) == (5000, None, 0)
    wdm.MmBuildMdlForNonPagedPool(made)
    assert wdm.MmGetSystemAddressForMdlSafe(made, wdm.NormalPagePriority) == address + 10
    wdm.MmInitializeMdl(made, address, 8)
    assert made.mdl_flags == 0
    assert wdm.MmCreateMdl(made, address, 16) is made
    created = wdm.MmCreateMdl(None, address, 16)
    assert created is not None
    wdm.IoFreeMdl(created)
    assert wdm.MmCreateMdl(None, address, 1 << 32) is None


def test_an_mdl_in_use_is_not_initialized(mdl: wdm.MDL) -> None:
    with pytest.raises(ValueError, match=r"MmInitializeMdl: MemoryDescriptorList must be in no use"):
        wdm.MmInitializeMdl(mdl, wdm.MmGetMdlVirtualAddress(mdl), 4)
    assert mdl.mdl_flags & wdm.MDL_PAGES_LOCKED


# Reserved addresses.


def test_MDL_20_an_mdl_is_mapped_to_reserved_addresses(mdl: wdm.MDL) -> None:
    base = wdm.MmAllocateMappingAddress(3 * wdm.PAGE_SIZE, TAG)
    other = wdm.MmAllocateMappingAddress(1, TAG)
    assert base is not None
    assert other is not None
    assert not wdm.MmIsAddressValid(base)
    for _ in range(2):
        address = wdm.MmMapLockedPagesWithReservedMapping(base, TAG, mdl, wdm.MmCached)
        assert address == base + OFFSET
        assert wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority) == address
        wdm.RtlWriteMemory(address, b"data")
        wdm.MmUnmapReservedMapping(base, TAG, mdl)
        assert not mdl.mdl_flags & wdm.MDL_MAPPED_TO_SYSTEM_VA
        assert not wdm.MmIsAddressValid(base)
    assert wdm.MmMapLockedPagesWithReservedMapping(other, TAG, mdl, wdm.MmCached) is None
    wdm.MmFreeMappingAddress(base, TAG)
    wdm.MmFreeMappingAddress(other, TAG)
    assert list(running.value.holdings.all()) == []


def reserve() -> int:
    base = wdm.MmAllocateMappingAddress(3 * wdm.PAGE_SIZE, TAG)
    assert base is not None
    return base


def map_reserved(base: int, mdl: wdm.MDL) -> int:
    address = wdm.MmMapLockedPagesWithReservedMapping(base, TAG, mdl, wdm.MmCached)
    assert address is not None
    return address


def test_MDL_20_reserved_addresses_have_a_tag(machine: Machine) -> None:
    """A fact of Windows, which the kernel-mode tests of ReactOS (MmReservedMapping) observe: a tag of 0 gets NULL."""
    assert wdm.MmAllocateMappingAddress(1, 0) is None
    base = wdm.MmAllocateMappingAddress(1, 1)
    assert base is not None
    wdm.MmFreeMappingAddress(base, 1)


def test_MDL_20_reserving_nothing(machine: Machine) -> None:
    assert stop(lambda: wdm.MmAllocateMappingAddress(0, TAG))[:4] == (0xDA, 0x100, 0, TAG)


MISUSES: dict[
    str, tuple[Callable[[int, wdm.MDL], object], bool, Callable[[int, wdm.MDL], tuple[object, ...]]]
] = {
    "free: tag": (lambda base, _: wdm.MmFreeMappingAddress(base, 1), False, lambda b, _: (0x101, b, 1, TAG)),
    "free: address": (
        lambda b, _: wdm.MmFreeMappingAddress(b + 1, TAG),
        False,
        lambda b, _: (0x102, b + 1, TAG, 0),
    ),
    "free: mapped": (
        lambda base, _: wdm.MmFreeMappingAddress(base, TAG),
        True,
        lambda b, _: (0x103, b, TAG, 3),
    ),
    "map: tag": (
        lambda b, mdl: wdm.MmMapLockedPagesWithReservedMapping(b, 1, mdl, wdm.MmCached),
        False,
        lambda b, _: (0x104, b, 1, TAG),
    ),
    "map: address": (
        lambda b, mdl: wdm.MmMapLockedPagesWithReservedMapping(b + 1, TAG, mdl, wdm.MmCached),
        False,
        lambda b, _: (0x105, b + 1, TAG, 0),
    ),
    "map: mapped": (
        lambda b, mdl: wdm.MmMapLockedPagesWithReservedMapping(b, TAG, mdl, wdm.MmCached),
        True,
        lambda b, _: (0x107, b, b, b + 2 * wdm.PAGE_SIZE),
    ),
    "unmap: tag": (
        lambda b, mdl: wdm.MmUnmapReservedMapping(b, 1, mdl),
        True,
        lambda b, _: (0x108, b, 1, TAG),
    ),
    "unmap: address": (
        lambda _, mdl: wdm.MmUnmapReservedMapping(0x5000, TAG, mdl),
        True,
        lambda _b, _: (0x109, 0x5000, TAG, 0),
    ),
    "unmap: not mapped": (
        lambda b, mdl: wdm.MmUnmapReservedMapping(b, TAG, mdl),
        False,
        lambda b, _: (0x10B, b, TAG, 3),
    ),
    "unlock": (lambda _, mdl: wdm.MmUnlockPages(mdl), True, lambda b, mdl: (3, mdl, 0, b + OFFSET)),
}


@pytest.mark.parametrize("name", MISUSES)
def test_MDL_20_misuse(mdl: wdm.MDL, name: str) -> None:
    call, is_mapped, expected = MISUSES[name]
    base = reserve()
    if is_mapped:
        map_reserved(base, mdl)
    assert stop(lambda: call(base, mdl)) == (0xDA, *expected(base, mdl))


def test_MDL_20_reserved_addresses_that_are_left_are_a_leak(machine: Machine) -> None:
    before = machine.memory_manager.statistics()
    base = reserve()
    (leak,) = machine.memory_manager.leaks(before)
    assert "a range of 3 reserved pages of addresses was not given back" in leak
    wdm.MmFreeMappingAddress(base, TAG)
    assert machine.memory_manager.leaks(before) == []
    assert current.kernel.stopped is None
