# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""MDLs that describe more bytes than their block of pool has, and mappings that are used beyond them (row MDL-23)."""

from __future__ import annotations

from array import array
from typing import Any

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool, pool_tag
from dirql.mm.manager import MemoryManager
from dirql.mm.mapping import map_locked_pages_specify_cache
from dirql.mm.mdl import Mdl
from dirql.nt.constants import (
    PAGE_SIZE,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_PAGED,
    IoReadAccess,
    IoWriteAccess,
    KernelMode,
    MmCached,
    NormalPagePriority,
    UserMode,
)

pytestmark = pytest.mark.usefixtures("memory_manager")

TAG = pool_tag("Desc")
Defects = list[tuple[str, str]]


@pytest.fixture
def defects(memory_manager: MemoryManager) -> Defects:
    del memory_manager
    found: Defects = []
    current.kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    return found


def allocate(size: int, flags: int = POOL_FLAG_NON_PAGED) -> int:
    address = allocate_pool2(flags, size, TAG)
    assert address is not None
    return address


def mdl_of(address: int, length: int) -> Mdl:
    mdl = Mdl.allocate(address, length)
    assert mdl is not None
    return mdl


def describe(address: int, length: int, way: str) -> Mdl:
    """Build or lock an MDL."""
    mdl = mdl_of(address, length)
    if way == "build":
        mdl.build_for_non_paged_pool()
    else:
        mdl.probe_and_lock_pages(KernelMode, IoReadAccess if way == "lock" else IoWriteAccess)
    return mdl


def told(defects: Defects) -> str:
    [(row, what)] = defects
    assert row == "MDL-23"
    defects.clear()
    return what


WAYS = [("build", POOL_FLAG_NON_PAGED), ("lock", POOL_FLAG_NON_PAGED), ("lock", POOL_FLAG_PAGED)]


@pytest.mark.parametrize(("way", "flags"), WAYS)
@pytest.mark.parametrize("size", [1, 100, PAGE_SIZE, PAGE_SIZE + 100])
def test_MDL_23_an_mdl_describes_bytes_of_its_block(
    defects: Defects, way: str, flags: int, size: int
) -> None:
    address = allocate(size, flags)
    describe(address, size, way)
    describe(address + size - 1, 1, way)
    describe(address, 0, way) if way == "build" else None
    assert defects == []


@pytest.mark.parametrize(("way", "flags"), WAYS)
@pytest.mark.parametrize(("first", "length"), [(0, 101), (50, 51), (-1, 50), (-8, 200), (100, 1)])
def test_MDL_23_an_mdl_that_leaves_its_block_is_told(
    defects: Defects, way: str, flags: int, first: int, length: int
) -> None:
    address = allocate(100, flags)
    describe(address + first, length, way)
    what = told(defects)
    routine = "MmBuildMdlForNonPagedPool" if way == "build" else "MmProbeAndLockPages"
    assert what.startswith(f"{routine}: an MDL of pool must describe bytes of one block that is in use")
    assert f"describes {length} bytes from {address + first:#x} on" in what
    assert f"the block of 100 bytes at {address:#x}" in what


def test_MDL_23_a_block_that_was_freed(defects: Defects) -> None:
    address = allocate(100)
    free_pool(address)
    describe(address, 100, "build")
    assert "was freed" in told(defects)


def test_MDL_23_the_last_page_of_a_large_block(defects: Defects) -> None:
    address = allocate(PAGE_SIZE + 100)
    describe(address + 50, PAGE_SIZE + 51, "build")
    assert "block of 4196 bytes" in told(defects)


@pytest.mark.parametrize("flags", [POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED])
@pytest.mark.parametrize("write", [False, True])
def test_MDL_23_a_mapping_is_used_for_the_bytes_of_its_mdl(defects: Defects, flags: int, write: bool) -> None:
    address = allocate(100, flags)
    mdl = describe(address, 100, "lock to write")
    view = mdl.get_system_address_safe(NormalPagePriority)
    assert view is not None

    def touch(start: int, length: int) -> None:
        memory.fill(start, length, 1) if write else memory.read(start, length)

    touch(view, 100)
    assert defects == []
    for start, length in ((view, 101), (view - 1, 2), (view + 100, 1)):
        touch(start, length)
        what = told(defects)
        assert f"the {length} bytes from {start:#x} on were {'written' if write else 'read'}" in what
        assert f"is mapped from {view:#x} to {view + 100:#x}" in what


def test_MDL_23_a_mapping_for_a_program(defects: Defects) -> None:
    mdl = describe(allocate(100), 100, "build")
    view = map_locked_pages_specify_cache(mdl, UserMode, MmCached, None, False, NormalPagePriority)
    assert view is not None
    memory.write(view, bytes(100))
    assert defects == []
    memory.write(view + 90, bytes(20))
    assert "bytes from" in told(defects)


def test_MDL_23_a_partial_mdl_of_pool_has_a_mapping_of_its_part(defects: Defects) -> None:
    address = allocate(100, POOL_FLAG_PAGED)
    source, target = describe(address, 100, "lock to write"), mdl_of(address, 100)
    source.build_partial(target, address + 10, 20)
    view = target.get_system_address_safe(NormalPagePriority)
    assert view is not None
    memory.write(view, bytes(20))
    assert defects == []
    memory.write(view, bytes(21))
    told(defects)


def test_MDL_23_the_buffers_of_programs_are_not_pool(memory_manager: MemoryManager, defects: Defects) -> None:
    mdl = mdl_of(memory_manager.process.allocate(100).address, 100)
    mdl.probe_and_lock_pages(UserMode, IoWriteAccess)
    view = mdl.get_system_address_safe(NormalPagePriority)
    assert view is not None
    memory.write(view, bytes(100))
    assert defects == []


# A ByteCount that a driver has changed.


def test_MDL_07_a_part_beyond_the_pages_of_its_source() -> None:
    address = allocate(100)
    source, target = describe(address, 100, "build"), mdl_of(address, 4 * PAGE_SIZE)
    source.byte_count = 3 * PAGE_SIZE
    with pytest.raises(BugCheck, match="the part for IoBuildPartialMdl must lie inside") as caught:
        source.build_partial(target, address + PAGE_SIZE, 16)
    assert (caught.value.code, caught.value.parameters) == (0x12E, (source, target, address + PAGE_SIZE, 16))


# What RtlWriteMemory takes for bytes.


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (memoryview(array("I", [1, 2])), b"\1\0\0\0\2\0\0\0"),
        (memoryview(bytes(range(6))).cast("B", (2, 3)), bytes(range(6))),
        (memoryview(bytes(range(6)))[::2], b"\0\2\4"),
        (bytearray(b"abc"), b"abc"),
    ],
    ids=["items of four bytes", "two dimensions", "with steps", "bytearray"],
)
def test_any_bytes_are_written_whole(memory_manager: MemoryManager, data: Any, wanted: bytes) -> None:
    address, buffer = allocate(16), memory_manager.process.allocate(16)
    memory.write(address, data)
    buffer.write(data)
    assert memory.read(address, len(wanted)) == buffer.read()[: len(wanted)] == wanted


@pytest.mark.parametrize("routine", [memory.read, memory.view])
def test_a_length_below_zero_is_refused(routine: Any) -> None:
    address = allocate(16)
    with pytest.raises(ValueError, match=r"must be .* from 0x0 to"):
        routine(address, -1)
