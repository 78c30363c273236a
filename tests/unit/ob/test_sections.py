# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sections and their views, the physical memory, and private memory of a process."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.machine import Machine
from dirql.nt.ntstatus import StatusException

OWN = wdm.ZwCurrentProcess()
GRAIN = 0x1_0000
READ_WRITE = wdm.PAGE_READWRITE


def section(size: int = 0x3000, protect: int = READ_WRITE, name: str | None = None) -> int:
    attributes = None if name is None else wdm.OBJECT_ATTRIBUTES(name)
    status, handle = wdm.ZwCreateSection(
        wdm.SECTION_ALL_ACCESS, attributes, size, protect, wdm.SEC_COMMIT, None
    )
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    return handle


def view(
    handle: int,
    base: int | None = None,
    offset: int | None = None,
    size: int = 0,
    protect: int = READ_WRITE,
    *,
    inherit: int = wdm.ViewUnmap,
    kind: int = 0,
    process: int = OWN,
) -> tuple[int, int, int | None, int]:
    status, address, place, length = wdm.ZwMapViewOfSection(
        handle, process, base, 0, 0, offset, size, inherit, kind, protect
    )
    return status, address or 0, place, length


def free_frames(machine: Machine) -> int:
    return machine.hal.memory_manager.statistics().frames.free


def test_two_views_of_a_section_show_the_same_zeroed_memory(machine: Machine) -> None:
    before = free_frames(machine)
    handle = section(0x2345)
    assert before - free_frames(machine) == 3
    status, first, offset, size = view(handle)
    assert (status, first % GRAIN, offset, size) == (wdm.STATUS_SUCCESS, 0, 0, 0x3000)
    _, second, _, length = view(handle, size=1)
    assert (length, second != first) == (0x1000, True)
    assert wdm.RtlReadMemory(first, 0x3000) == bytes(0x3000)
    wdm.RtlWriteMemory(first + 16, b"shared")
    assert wdm.RtlReadMemory(second + 16, 6) == b"shared"
    wdm.ZwClose(handle)
    assert wdm.RtlReadMemory(second + 16, 6) == b"shared"
    assert wdm.ZwUnmapViewOfSection(OWN, first + 0x2FFF) == wdm.STATUS_SUCCESS
    assert wdm.ZwUnmapViewOfSection(OWN, first) == wdm.STATUS_NOT_MAPPED_VIEW
    with pytest.raises(StatusException):
        wdm.RtlReadMemory(first, 1)
    assert before - free_frames(machine) == 3
    wdm.ZwUnmapViewOfSection(OWN, second)
    assert free_frames(machine) == before


def test_a_named_section_is_opened_by_its_name_until_the_last_handle_goes(machine: Machine) -> None:
    name = r"\BaseNamedObjects\Shared"
    handle = section(name=name)
    status, again = wdm.ZwOpenSection(wdm.SECTION_MAP_READ, wdm.OBJECT_ATTRIBUTES(name))
    assert (status, again is not None) == (wdm.STATUS_SUCCESS, True)
    taken = wdm.ZwCreateSection(0, wdm.OBJECT_ATTRIBUTES(name), 1, READ_WRITE, wdm.SEC_COMMIT, None)
    assert taken == (wdm.STATUS_OBJECT_NAME_COLLISION, None)
    wdm.ZwClose(handle)
    assert again is not None
    wdm.ZwClose(again)
    gone = wdm.ZwOpenSection(wdm.SECTION_MAP_READ, wdm.OBJECT_ATTRIBUTES(name))
    assert gone == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)
    other = wdm.ZwOpenSection(0, wdm.OBJECT_ATTRIBUTES(r"\Device"))
    assert other == (wdm.STATUS_OBJECT_TYPE_MISMATCH, None)


@pytest.mark.parametrize(
    ("size", "protect", "kind", "expected"),
    [
        (None, READ_WRITE, wdm.SEC_COMMIT, "STATUS_INVALID_PARAMETER_4"),
        (0, READ_WRITE, wdm.SEC_COMMIT, "STATUS_INVALID_PARAMETER_4"),
        (-1, READ_WRITE, wdm.SEC_COMMIT, "STATUS_SECTION_TOO_BIG"),
        (1 << 40, READ_WRITE, wdm.SEC_COMMIT, "STATUS_COMMITMENT_LIMIT"),
        (1, READ_WRITE, 0, "STATUS_INVALID_PARAMETER_6"),
        (1, READ_WRITE, wdm.SEC_COMMIT | wdm.SEC_RESERVE, "STATUS_INVALID_PARAMETER_6"),
        (1, READ_WRITE, wdm.SEC_IMAGE | wdm.SEC_COMMIT, "STATUS_INVALID_PARAMETER_6"),
        (1, READ_WRITE, wdm.SEC_COMMIT | 1, "STATUS_INVALID_PARAMETER_6"),
        (1, READ_WRITE, wdm.SEC_IMAGE, "STATUS_INVALID_FILE_FOR_SECTION"),
        (1, 0, wdm.SEC_COMMIT, "STATUS_INVALID_PAGE_PROTECTION"),
        (1, wdm.PAGE_NOACCESS, wdm.SEC_COMMIT, "STATUS_INVALID_PAGE_PROTECTION"),
        (1, READ_WRITE | wdm.PAGE_READONLY, wdm.SEC_COMMIT, "STATUS_INVALID_PAGE_PROTECTION"),
    ],
)
def test_a_section_that_cannot_be_made(
    machine: Machine, size: int | None, protect: int, kind: int, expected: str
) -> None:
    assert wdm.ZwCreateSection(0, None, size, protect, kind, None) == (getattr(wdm, expected), None)


def test_a_view_that_cannot_be_mapped(machine: Machine) -> None:
    handle, read_only = section(0x3_0000), section(0x1000, wdm.PAGE_READONLY)
    taken = view(handle)[1]
    found = {
        "inherit": view(handle, inherit=3)[0],
        "kind": view(handle, kind=wdm.MEM_COMMIT)[0],
        "protect": view(handle, protect=0)[0],
        "system address": view(handle, base=0xFFFF_8000_0000_0000)[0],
        "offset": view(handle, offset=0x1000)[0],
        "base": view(handle, base=taken + 0x20_1000)[0],
        "in use": view(handle, base=taken)[0],
        "behind the end": view(handle, offset=0x3_0000)[0],
        "too long": view(handle, offset=0x2_0000, size=0x1_1000)[0],
        "write": view(read_only)[0],
        "handle": view(0x7770)[0],
        "process": view(handle, process=0x7770)[0],
    }
    assert found == {
        "inherit": wdm.STATUS_INVALID_PARAMETER_8,
        "kind": wdm.STATUS_INVALID_PARAMETER_9,
        "protect": wdm.STATUS_INVALID_PAGE_PROTECTION,
        "system address": wdm.STATUS_INVALID_PARAMETER_3,
        "offset": wdm.STATUS_MAPPED_ALIGNMENT,
        "base": wdm.STATUS_MAPPED_ALIGNMENT,
        "in use": wdm.STATUS_CONFLICTING_ADDRESSES,
        "behind the end": wdm.STATUS_INVALID_VIEW_SIZE,
        "too long": wdm.STATUS_INVALID_VIEW_SIZE,
        "write": wdm.STATUS_SECTION_PROTECTION,
        "handle": wdm.STATUS_INVALID_HANDLE,
        "process": wdm.STATUS_INVALID_HANDLE,
    }


def test_a_view_is_where_and_as_it_was_asked_for(machine: Machine) -> None:
    handle = section(0x3_0000)
    far = view(handle)[1] + 0x100_0000
    assert view(handle, far, 0x1_0000, 0x1_0001) == (wdm.STATUS_SUCCESS, far, 0x1_0000, 0x1_1000)
    _, read_only, _, _ = view(handle, protect=wdm.PAGE_READONLY)
    with pytest.raises(StatusException):
        wdm.RtlWriteMemory(read_only, b"x")


def test_a_program_maps_only_what_its_handle_grants(machine: Machine) -> None:
    status, handle = wdm.ZwCreateSection(wdm.SECTION_MAP_READ, None, 64, READ_WRITE, wdm.SEC_COMMIT, None)
    assert handle is not None
    assert view(handle)[0] == wdm.STATUS_ACCESS_DENIED
    assert view(handle, protect=wdm.PAGE_READONLY)[0] == status == wdm.STATUS_SUCCESS


def test_a_section_in_the_system_is_the_memory_of_its_views(machine: Machine) -> None:
    handle = section()
    found = wdm.ObReferenceObjectByHandle(handle, 0, None, wdm.KernelMode)[1]
    assert found is not None
    status, system, size = wdm.MmMapViewInSystemSpace(found, 0)
    assert (status, size) == (wdm.STATUS_SUCCESS, 0x3000)
    assert system is not None
    user = view(handle)[1]
    wdm.RtlWriteMemory(user, b"both")
    assert wdm.RtlReadMemory(system, 4) == b"both"
    assert wdm.MmUnmapViewInSystemSpace(system) == wdm.STATUS_SUCCESS
    assert wdm.MmUnmapViewInSystemSpace(system) == wdm.STATUS_NOT_MAPPED_VIEW


def test_the_physical_memory_is_mapped_by_its_addresses(machine: Machine) -> None:
    block = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 64, wdm.POOL_TAG("Test"))
    assert block is not None
    wdm.RtlWriteMemory(block, b"by its frame")
    physical = wdm.MmGetPhysicalAddress(block)
    status, handle = wdm.ZwOpenSection(
        wdm.SECTION_ALL_ACCESS, wdm.OBJECT_ATTRIBUTES(r"\Device\PhysicalMemory")
    )
    assert (status, handle is not None) == (wdm.STATUS_SUCCESS, True)
    assert handle is not None
    status, base, offset, size = view(handle, offset=physical, size=64)
    assert (status, offset) == (wdm.STATUS_SUCCESS, physical - physical % GRAIN)
    assert wdm.RtlReadMemory(base + physical % GRAIN, 12) == b"by its frame"
    assert size % wdm.PAGE_SIZE == 0
    assert wdm.ZwUnmapViewOfSection(OWN, base) == wdm.STATUS_SUCCESS


def test_memory_is_reserved_then_committed_then_freed(machine: Machine) -> None:
    before = free_frames(machine)
    allocate, free = wdm.ZwAllocateVirtualMemory, wdm.ZwFreeVirtualMemory
    status, base, size = allocate(OWN, None, 0, 0x1_0001, wdm.MEM_RESERVE, READ_WRITE)
    assert (status, size, free_frames(machine)) == (wdm.STATUS_SUCCESS, 0x1_1000, before)
    assert base is not None
    assert base % GRAIN == 0
    with pytest.raises(StatusException):
        wdm.RtlReadMemory(base, 1)
    committed = allocate(OWN, base + 0x1800, 0, 0x1000, wdm.MEM_COMMIT, READ_WRITE)
    assert committed == (wdm.STATUS_SUCCESS, base + 0x1000, 0x2000)
    assert before - free_frames(machine) == 2
    wdm.RtlWriteMemory(base + 0x1FFE, b"kept")
    assert allocate(OWN, base + 0x2000, 0, 1, wdm.MEM_COMMIT, READ_WRITE)[0] == wdm.STATUS_SUCCESS
    assert wdm.RtlReadMemory(base + 0x1FFE, 4) == b"kept"
    assert free(OWN, base + 0x2000, 1, wdm.MEM_DECOMMIT) == (wdm.STATUS_SUCCESS, base + 0x2000, 0x1000)
    with pytest.raises(StatusException):
        wdm.RtlReadMemory(base + 0x2000, 1)
    middle = free(OWN, base + 0x4000, 0x1000, wdm.MEM_RELEASE)
    assert middle == (wdm.STATUS_SUCCESS, base + 0x4000, 0x1000)
    assert (
        allocate(OWN, base + 0x4000, 0, 1, wdm.MEM_COMMIT, READ_WRITE)[0] == wdm.STATUS_CONFLICTING_ADDRESSES
    )
    assert free(OWN, base, 0, wdm.MEM_RELEASE) == (wdm.STATUS_SUCCESS, base, 0x4000)
    assert free(OWN, base + 0x5000, 0, wdm.MEM_RELEASE) == (wdm.STATUS_SUCCESS, base + 0x5000, 0xC000)
    assert free_frames(machine) == before


def test_memory_that_cannot_be_allocated_or_freed(machine: Machine) -> None:
    allocate, free = wdm.ZwAllocateVirtualMemory, wdm.ZwFreeVirtualMemory
    commit, huge = wdm.MEM_COMMIT, 1 << 50
    _, base, _ = allocate(OWN, None, 0, 0x2000, commit, READ_WRITE)
    assert base is not None
    refused = [
        allocate(OWN, None, 54, 1, commit, READ_WRITE)[0],
        allocate(OWN, None, 0, 0, commit, READ_WRITE)[0],
        allocate(OWN, None, 0, huge, commit, READ_WRITE)[0],
        allocate(OWN, None, 0, 1, 0, READ_WRITE)[0],
        allocate(OWN, None, 0, 1, commit | wdm.MEM_RESET, READ_WRITE)[0],
        allocate(OWN, None, 0, 1, commit, 0)[0],
        allocate(OWN, 0xFFFF_8000_0000_0000, 0, 1, commit, READ_WRITE)[0],
        allocate(OWN, base, 0, 1, wdm.MEM_RESERVE, READ_WRITE)[0],
        allocate(0x7770, None, 0, 1, commit, READ_WRITE)[0],
        free(OWN, base, 0, wdm.MEM_RELEASE | wdm.MEM_DECOMMIT)[0],
        free(OWN, base + 0x1000, 0, wdm.MEM_RELEASE)[0],
        free(OWN, base, 0x3000, wdm.MEM_RELEASE)[0],
        free(OWN, base + 0x100_0000, 0, wdm.MEM_RELEASE)[0],
        free(OWN, base, huge, wdm.MEM_RELEASE)[0],
    ]
    assert refused == [
        wdm.STATUS_INVALID_PARAMETER_3,
        wdm.STATUS_INVALID_PARAMETER_4,
        wdm.STATUS_INVALID_PARAMETER_4,
        wdm.STATUS_INVALID_PARAMETER_5,
        wdm.STATUS_INVALID_PARAMETER_5,
        wdm.STATUS_INVALID_PAGE_PROTECTION,
        wdm.STATUS_INVALID_PARAMETER_2,
        wdm.STATUS_CONFLICTING_ADDRESSES,
        wdm.STATUS_INVALID_HANDLE,
        wdm.STATUS_INVALID_PARAMETER_4,
        wdm.STATUS_FREE_VM_NOT_AT_BASE,
        wdm.STATUS_UNABLE_TO_FREE_VM,
        wdm.STATUS_MEMORY_NOT_ALLOCATED,
        wdm.STATUS_INVALID_PARAMETER_3,
    ]


@pytest.mark.parametrize(
    ("protect", "status"),
    [
        (wdm.PAGE_WRITECOPY, wdm.STATUS_INVALID_PAGE_PROTECTION),
        (wdm.PAGE_EXECUTE_WRITECOPY, wdm.STATUS_INVALID_PAGE_PROTECTION),
        (wdm.PAGE_NOACCESS | wdm.PAGE_GUARD, wdm.STATUS_INVALID_PAGE_PROTECTION),
        (wdm.PAGE_NOACCESS | wdm.PAGE_WRITECOMBINE, wdm.STATUS_INVALID_PAGE_PROTECTION),
        (wdm.PAGE_READWRITE | wdm.PAGE_GUARD | wdm.PAGE_NOCACHE, wdm.STATUS_INVALID_PAGE_PROTECTION),
        (wdm.PAGE_READONLY | wdm.PAGE_WRITECOMBINE, wdm.STATUS_SUCCESS),
        (wdm.PAGE_NOACCESS, wdm.STATUS_SUCCESS),
    ],
)
def test_private_memory_has_one_modifier_at_most_and_no_copies(
    machine: Machine, protect: int, status: int
) -> None:
    assert machine
    assert wdm.ZwAllocateVirtualMemory(OWN, None, 0, 1, wdm.MEM_RESERVE, protect)[0] == status
