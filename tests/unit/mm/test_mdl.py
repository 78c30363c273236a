# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from unittest.mock import ANY

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.ke.processors.irql import lower_irql, raise_irql
from dirql.mm import memory
from dirql.mm.allocation import allocate_pool2, free_pool_with_tag, pool_tag
from dirql.mm.layout import MAPPING_RANGE, bytes_to_pages
from dirql.mm.manager import MemoryManager, running
from dirql.mm.mapping import unmap_locked_pages
from dirql.mm.mdl import Mdl
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    PROCESS_HAS_LOCKED_PAGES,
    VERIFIER_IO_CHECKING,
)
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    MDL_MAPPED_TO_SYSTEM_VA,
    MDL_PAGES_LOCKED,
    MDL_PARTIAL,
    MDL_PARTIAL_HAS_BEEN_MAPPED,
    MDL_SOURCE_IS_NONPAGED_POOL,
    MDL_WRITE_OPERATION,
    PAGE_SIZE,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_PAGED,
    IoModifyAccess,
    IoReadAccess,
    IoWriteAccess,
    KernelMode,
    MdlMappingNoWrite,
    NormalPagePriority,
    UserMode,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_ACCESS_VIOLATION

TAG = pool_tag("Test")
LENGTH = 2 * PAGE_SIZE + 100
OFFSET = 0xF00


def mdl_of(address: int, length: int) -> Mdl:
    mdl = Mdl.allocate(address, length)
    assert mdl is not None
    return mdl


def pool(flags: int, length: int = LENGTH) -> int:
    address = allocate_pool2(flags, length, TAG)
    assert address is not None
    return address


def user_mdl(memory_manager: MemoryManager, length: int = LENGTH, offset: int = OFFSET) -> Mdl:
    return mdl_of(memory_manager.process.allocate(length, offset=offset).address, length)


def locked_mdl(memory_manager: MemoryManager, length: int = LENGTH) -> Mdl:
    mdl = user_mdl(memory_manager, length)
    mdl.probe_and_lock_pages(UserMode, IoWriteAccess)
    return mdl


def nonpaged_mdl() -> Mdl:
    mdl = mdl_of(pool(POOL_FLAG_NON_PAGED), LENGTH)
    mdl.build_for_non_paged_pool()
    return mdl


def violation(call: Callable[[], object]) -> tuple[int, object]:
    with pytest.raises(BugCheck) as caught:
        call()
    return caught.value.code, caught.value.parameters[0]


def test_MDL_01_fields(memory_manager: MemoryManager) -> None:
    mdl = mdl_of(0x12_3456, 0x5000)
    assert mdl.next is None
    assert (mdl.start_va, mdl.byte_offset, mdl.byte_count) == (0x12_3000, 0x456, 0x5000)
    assert not mdl.mdl_flags & (MDL_PAGES_LOCKED | MDL_SOURCE_IS_NONPAGED_POOL)
    assert running.value.statistics().mdls == 1
    mdl.free()
    assert running.value.statistics().mdls == 0


def test_MDL_01_too_long(memory_manager: MemoryManager) -> None:
    assert Mdl.allocate(0, (1 << 32) - PAGE_SIZE) is not None
    assert Mdl.allocate(0, (1 << 32) - PAGE_SIZE + 1) is None


def test_MDL_03_nonpaged_pool(memory_manager: MemoryManager) -> None:
    address = pool(POOL_FLAG_NON_PAGED) + 8
    mdl = mdl_of(address, 5000)
    mdl.build_for_non_paged_pool()
    assert mdl.mdl_flags == MDL_SOURCE_IS_NONPAGED_POOL
    assert mdl.get_system_address_safe(NormalPagePriority) == mdl.mapped_system_va == address
    assert [frame * PAGE_SIZE for frame in mdl.frames] == [
        memory_manager.system.translate(address & ~0xFFF),
        memory_manager.system.translate((address & ~0xFFF) + PAGE_SIZE),
    ]
    assert memory_manager.frames.statistics().locked == 0
    mdl.free()


@pytest.mark.parametrize("where", ["paged pool", "user", "unmapped"])
def test_MDL_03_only_nonpaged_memory_of_the_system(memory_manager: MemoryManager, where: str) -> None:
    address = {
        "paged pool": lambda: pool(POOL_FLAG_PAGED),
        "user": lambda: memory_manager.process.allocate(LENGTH).address,
        "unmapped": lambda: pool(POOL_FLAG_NON_PAGED) + LENGTH,
    }[where]()
    assert violation(mdl_of(address, LENGTH).build_for_non_paged_pool) == (
        DRIVER_VERIFIER_DETECTED_VIOLATION,
        0x7F,
    )


@pytest.mark.parametrize(
    ("operation", "flags"),
    [(IoReadAccess, 0), (IoWriteAccess, MDL_WRITE_OPERATION), (IoModifyAccess, MDL_WRITE_OPERATION)],
)
def test_MDL_04_probe_and_lock(memory_manager: MemoryManager, operation: int, flags: int) -> None:
    mdl = user_mdl(memory_manager)
    memory_manager.page_out_all()
    mdl.probe_and_lock_pages(UserMode, operation)
    assert mdl.mdl_flags == MDL_PAGES_LOCKED | flags
    assert len(mdl.frames) == 3
    assert all(memory_manager.frames.lock_count(frame) == 1 for frame in mdl.frames)
    assert [frame * PAGE_SIZE for frame in mdl.frames] == [
        memory_manager.process.address_space.translate(mdl.start_va + page * PAGE_SIZE) for page in range(3)
    ]
    assert memory_manager.page_out_all() == 0
    assert running.value.statistics().locked_mdls == 1


def test_MDL_04_locked_pages_stay_where_they_are_when_their_buffer_goes(
    memory_manager: MemoryManager,
) -> None:
    buffer = memory_manager.process.allocate(LENGTH)
    mdl = mdl_of(buffer.address, LENGTH)
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    buffer.free()
    assert memory_manager.frames.statistics().held["orphaned"] == 3
    mdl.unlock_pages()
    assert "orphaned" not in memory_manager.frames.statistics().held


@pytest.mark.parametrize("why", ["unmapped", "partly unmapped", "read-only", "system address", "device"])
def test_MDL_04_access_violation_leaves_it_unlocked(memory_manager: MemoryManager, why: str) -> None:
    buffer = memory_manager.process.allocate(LENGTH)
    space = memory_manager.process.address_space
    address, mode = buffer.address, UserMode
    if why == "unmapped":
        address = 0x7000_0000_0000
    elif why == "partly unmapped":
        space.unmap(buffer.base + 2 * PAGE_SIZE, 1)
    elif why == "read-only":
        space.protect(buffer.address + PAGE_SIZE, 1, writable=False)
    elif why == "system address":
        address = pool(POOL_FLAG_NON_PAGED)
    else:
        mapped = memory_manager.system.map_device(MAPPING_RANGE, 0x8000_0000, 3)
        assert mapped is not None
        address, mode = mapped, KernelMode
    mdl = mdl_of(address, LENGTH)
    with pytest.raises(StatusException) as caught:
        mdl.probe_and_lock_pages(mode, IoWriteAccess)
    assert caught.value.status == STATUS_ACCESS_VIOLATION
    assert mdl.mdl_flags == 0
    assert memory_manager.frames.statistics().locked == 0


def test_MDL_04_reading_read_only_memory_is_fine(memory_manager: MemoryManager) -> None:
    mdl = user_mdl(memory_manager)
    memory_manager.process.address_space.protect(mdl.get_virtual_address(), LENGTH, writable=False)
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)


def test_MDL_04_levels(memory_manager: MemoryManager) -> None:
    paged, nonpaged = user_mdl(memory_manager), mdl_of(pool(POOL_FLAG_NON_PAGED), LENGTH)
    memory_manager.page_out_all()
    raise_irql(DISPATCH_LEVEL)
    nonpaged.probe_and_lock_pages(KernelMode, IoWriteAccess)
    nonpaged.unlock_pages()
    assert violation(lambda: paged.probe_and_lock_pages(UserMode, IoReadAccess))[0] == 0xA


def test_MDL_04_above_dispatch(memory_manager: MemoryManager) -> None:
    mdl = mdl_of(pool(POOL_FLAG_NON_PAGED), LENGTH)
    raise_irql(DISPATCH_LEVEL + 1)
    assert violation(lambda: mdl.probe_and_lock_pages(KernelMode, IoReadAccess)) == (0xC4, 0x70)


@pytest.mark.parametrize("state", ["locked", "built"])
def test_locking_what_has_frames_already(memory_manager: MemoryManager, state: str) -> None:
    mdl = locked_mdl(memory_manager) if state == "locked" else nonpaged_mdl()
    assert violation(lambda: mdl.probe_and_lock_pages(KernelMode, IoReadAccess)) == (0xC4, 0xB0)


def test_MDL_05_unlock_undoes_the_mapping_first(memory_manager: MemoryManager) -> None:
    mdl = locked_mdl(memory_manager)
    address = mdl.get_system_address_safe(NormalPagePriority)
    assert address is not None
    mdl.unlock_pages()
    assert mdl.mdl_flags == 0
    assert memory_manager.system.translate(address) is None
    assert memory_manager.frames.statistics().locked == 0
    assert (running.value.statistics().locked_mdls, running.value.statistics().mapped_mdls) == (0, 0)
    mdl.free()


@pytest.mark.parametrize(
    ("state", "subcode"), [("new", 0x7C), ("unlocked", 0x7C), ("built", 0x7D), ("partial", 0xB4)]
)
@pytest.mark.parametrize("verifier", [False, True])
def test_MDL_05_unlocking_what_is_not_locked(
    memory_manager: MemoryManager, state: str, subcode: int, verifier: bool
) -> None:
    current.kernel.verifier.default = VERIFIER_IO_CHECKING if verifier else None
    mdl = nonpaged_mdl() if state == "built" else user_mdl(memory_manager)
    if state == "unlocked":
        mdl.probe_and_lock_pages(UserMode, IoReadAccess)
        mdl.unlock_pages()
    elif state == "partial":
        source = locked_mdl(memory_manager)
        source.build_partial(mdl, source.get_virtual_address(), 10)
    expected = (0xC4, subcode) if verifier else (PROCESS_HAS_LOCKED_PAGES, 1)
    assert violation(mdl.unlock_pages) == expected


def test_MDL_05_bug_check_0x76_has_the_mdl_and_the_number_of_locked_pages(
    memory_manager: MemoryManager,
) -> None:
    current.kernel.verifier.default = None
    memory_manager.attach_process(memory_manager.create_process("with locks"))
    locked, mdl = locked_mdl(memory_manager), user_mdl(memory_manager)
    with pytest.raises(BugCheck) as caught:
        mdl.unlock_pages()
    assert caught.value.parameters == (1, mdl, len(locked.frames), 0)


def test_MDL_06_the_system_address(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(LENGTH, offset=OFFSET)
    contents = bytes(index % 253 for index in range(LENGTH))
    buffer.write(contents)
    mdl = mdl_of(buffer.address, LENGTH)
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    address = mdl.get_system_address_safe(NormalPagePriority)
    assert address is not None
    assert address in MAPPING_RANGE
    assert address % PAGE_SIZE == OFFSET
    assert mdl.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA
    assert mdl.get_system_address_safe(NormalPagePriority) == address
    other = memory_manager.attach_process(memory_manager.create_process("other"))
    raise_irql(DISPATCH_LEVEL)
    assert memory.read(address, LENGTH) == contents
    lower_irql(0)
    memory_manager.attach_process(other)
    unmap_locked_pages(address, mdl)
    assert not mdl.mdl_flags & MDL_MAPPED_TO_SYSTEM_VA
    assert memory_manager.system.translate(address) is None


def test_MDL_06_mapped_read_only(memory_manager: MemoryManager) -> None:
    mdl = locked_mdl(memory_manager)
    address = mdl.get_system_address_safe(MdlMappingNoWrite)
    assert address is not None
    assert violation(lambda: memory.write(address, b"1"))[0] == 0xBE


@pytest.mark.interpreted("patches")
def test_MDL_06_no_room_gives_none(memory_manager: MemoryManager, monkeypatch: pytest.MonkeyPatch) -> None:
    mdl = locked_mdl(memory_manager)
    monkeypatch.setattr(type(memory_manager.system), "map", lambda *_arguments, **_options: None)
    assert mdl.get_system_address_safe(NormalPagePriority) is None


def test_MDL_06_mapping_what_is_not_locked(memory_manager: MemoryManager) -> None:
    mdl = user_mdl(memory_manager)
    assert violation(lambda: mdl.get_system_address_safe(NormalPagePriority)) == (0xC4, 0x85)


def test_unmapping_another_address_is_refused(memory_manager: MemoryManager) -> None:
    mdl = locked_mdl(memory_manager)
    mdl.get_system_address_safe(NormalPagePriority)
    address = mdl.mapped_system_va + PAGE_SIZE
    assert violation(lambda: unmap_locked_pages(address, mdl)) == (0xDA, 3)


def test_freeing_while_mapped(memory_manager: MemoryManager) -> None:
    mdl = locked_mdl(memory_manager)
    mdl.get_system_address_safe(NormalPagePriority)
    assert violation(mdl.free) == (0xC4, 0xB8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, LENGTH - 1), st.integers(0, LENGTH), st.booleans())
def test_MDL_07_partial(memory_manager: MemoryManager, skipped: int, length: int, mapped: bool) -> None:
    length = min(length, LENGTH - skipped)
    source = locked_mdl(memory_manager)
    source_address = source.get_system_address_safe(NormalPagePriority) if mapped else None
    target = mdl_of(source.get_virtual_address(), LENGTH)
    source.build_partial(target, source.get_virtual_address() + skipped, length)
    assert target.mdl_flags & MDL_PARTIAL
    assert target.byte_count == (length or LENGTH - skipped)
    assert target.get_virtual_address() == source.get_virtual_address() + skipped
    first = (source.byte_offset + skipped) // PAGE_SIZE
    pages = bytes_to_pages(target.byte_offset + target.byte_count)
    assert target.frames == source.frames[first : first + pages]
    address = target.get_system_address_safe(NormalPagePriority)
    assert address is not None
    if source_address is not None:
        assert address == source_address + skipped
        assert not target.mdl_flags & MDL_PARTIAL_HAS_BEEN_MAPPED
    else:
        assert target.mdl_flags & MDL_PARTIAL_HAS_BEEN_MAPPED
    assert memory.read(address, target.byte_count) == memory.read(
        target.get_virtual_address(), target.byte_count
    )
    assert running.value.statistics().mapped_mdls == 1
    target.free()
    assert (memory_manager.system.translate(address) is not None) == mapped
    source.unlock_pages()
    source.free()
    assert running.value.statistics().mdls == running.value.statistics().mapped_mdls == 0


def test_MDL_07_of_nonpaged_pool_shares_its_address(memory_manager: MemoryManager) -> None:
    source = nonpaged_mdl()
    target = mdl_of(source.get_virtual_address(), LENGTH)
    source.build_partial(target, source.get_virtual_address() + 5000, 0)
    assert target.get_system_address_safe(NormalPagePriority) == source.get_virtual_address() + 5000
    assert target.byte_count == LENGTH - 5000


@pytest.mark.parametrize(("skipped", "length"), [(-1, 10), (LENGTH, 1), (LENGTH - 10, 11), (LENGTH + 1, 0)])
def test_MDL_07_the_part_lies_inside(memory_manager: MemoryManager, skipped: int, length: int) -> None:
    source = locked_mdl(memory_manager)
    target = mdl_of(source.get_virtual_address(), LENGTH)
    address = source.get_virtual_address() + skipped
    with pytest.raises(BugCheck, match="the part for IoBuildPartialMdl must lie inside") as caught:
        source.build_partial(target, address, length)
    assert (caught.value.code, caught.value.parameters) == (0x12E, (source, target, address, length))


def test_MDL_07_the_target_must_be_large_enough(memory_manager: MemoryManager) -> None:
    source = locked_mdl(memory_manager)
    target = mdl_of(0, PAGE_SIZE)
    with pytest.raises(
        BugCheck, match="the target of IoBuildPartialMdl must have room for the pages"
    ) as caught:
        source.build_partial(target, source.get_virtual_address(), 0)
    assert (caught.value.code, caught.value.parameters) == (0x40, (0, 0, 0, 0))
    assert target.byte_count == PAGE_SIZE


def test_MDL_07_a_target_can_be_used_again(memory_manager: MemoryManager) -> None:
    source = locked_mdl(memory_manager)
    target = mdl_of(source.get_virtual_address(), LENGTH)
    for skipped in (0, PAGE_SIZE):
        source.build_partial(target, source.get_virtual_address() + skipped, 10)
        target.get_system_address_safe(NormalPagePriority)
    assert running.value.statistics().mapped_mdls == 1


def test_MDL_12_addresses_counts_and_frames(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(2, offset=0xFFF)
    mdl = mdl_of(buffer.address, 2)
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    assert mdl.get_virtual_address() == buffer.address == mdl.start_va + mdl.byte_offset
    assert (mdl.byte_count, mdl.byte_offset) == (2, 0xFFF)
    assert len(mdl.frames) == 2


def test_the_size_of_an_mdl_is_that_of_x64(memory_manager: MemoryManager) -> None:
    assert mdl_of(0x1000_0000_0FFF, 2).size == 0x30 + 2 * 8


def test_a_locked_user_buffer_has_its_process(memory_manager: MemoryManager) -> None:
    mdl = user_mdl(memory_manager)
    assert mdl.process is None
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    assert mdl.process is memory_manager.process
    mdl.unlock_pages()
    assert mdl.process is None
    system = mdl_of(pool(POOL_FLAG_NON_PAGED), LENGTH)
    system.probe_and_lock_pages(KernelMode, IoReadAccess)
    assert system.process is None


# Misuse of an MDL after its end, or before its memory is free.


USES: list[tuple[str, Callable[[Mdl], object]]] = [
    ("IoFreeMdl", Mdl.free),
    ("MmProbeAndLockPages", lambda mdl: mdl.probe_and_lock_pages(KernelMode, IoReadAccess)),
    ("MmUnlockPages", Mdl.unlock_pages),
    ("MmBuildMdlForNonPagedPool", Mdl.build_for_non_paged_pool),
    ("MmGetSystemAddressForMdlSafe", lambda mdl: mdl.get_system_address_safe(NormalPagePriority)),
    ("IoBuildPartialMdl", lambda mdl: mdl.build_partial(mdl, mdl.get_virtual_address(), 1)),
]


FREED: dict[str, tuple[int, tuple[object, ...]]] = {
    "IoFreeMdl": (0xC2, (7, 0, 0, "MDL")),
    "MmUnlockPages": (0x4E, (7, "MDL", 0, 0)),
}
"""The bug checks that are none of an access to freed memory."""


@pytest.mark.parametrize(("routine", "use"), USES)
def test_MDL_13_a_freed_mdl_is_not_used(
    memory_manager: MemoryManager, routine: str, use: Callable[[Mdl], object]
) -> None:
    mdl = Mdl.allocate(0x1000, 10)
    assert mdl is not None
    mdl.free()
    words = rf"{routine} must not be freed yet.*allocated by .*test_mdl.py:.* and freed by .*test_mdl.py:"
    with pytest.raises(BugCheck, match=words) as caught:
        use(mdl)
    code, parameters = FREED.get(routine, (0x50, (mdl, 0, ANY, 0)))
    assert (caught.value.code, caught.value.parameters) == (
        code,
        tuple(mdl if isinstance(p, str) else p for p in parameters),
    )
    assert memory_manager.statistics().mdls == 0


def test_MDL_13_an_mdl_is_not_freed_while_it_is_locked(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(10)
    mdl = Mdl.allocate(buffer.address, 10)
    assert mdl is not None
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    with pytest.raises(
        BugCheck, match=r"unlocked by MmUnlockPages, or .* before it is freed.*test_mdl.py:"
    ) as caught:
        mdl.free()
    assert (caught.value.code, caught.value.parameters[2:]) == (0xCB, (mdl, 1))


# Memory that is used against its lock.


@pytest.fixture
def defects(memory_manager: MemoryManager) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    current.kernel.hooks.defect_found = lambda row, what: found.append((row, what))
    return found


@pytest.mark.parametrize("skipped", [0, 100])
@pytest.mark.parametrize("flags", [POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED])
def test_MDL_15_pool_is_freed_after_its_mdl_was_unlocked(
    memory_manager: MemoryManager, defects: list[tuple[str, str]], flags: int, skipped: int
) -> None:
    address, other = pool(flags, 200), pool(flags, 200)
    mdl = mdl_of(address + skipped, 50)
    mdl.probe_and_lock_pages(KernelMode, IoWriteAccess)
    free_pool_with_tag(other, TAG)
    assert defects == []
    free_pool_with_tag(address, TAG)
    [(row, what)] = defects
    assert row == "MDL-15"
    assert f"locks block {address:#x}" in what
    mdl.unlock_pages()
    free_pool_with_tag(pool(flags, 200), TAG)
    assert len(defects) == 1


def test_MDL_15_pool_is_freed_after_its_list_was_put_back(memory_manager: MemoryManager) -> None:
    mdl = nonpaged_mdl()
    mdl.begin_list(written=True)
    with pytest.raises(BugCheck, match=r"PutScatterGatherList.*test_mdl.py") as caught:
        free_pool_with_tag(mdl.get_virtual_address(), TAG)
    assert (caught.value.code, caught.value.parameters[:2]) == (0xE6, (0xE, mdl))


def test_MDL_15_pool_is_freed_when_no_list_is_left(memory_manager: MemoryManager) -> None:
    mdl = nonpaged_mdl()
    for _ in range(2):
        mdl.begin_list(written=True)
    for _ in range(2):
        mdl.end_list()
    free_pool_with_tag(mdl.get_virtual_address(), TAG)


def part_of(source: Mdl) -> Mdl:
    address = source.get_virtual_address()
    target = mdl_of(address, 10)
    source.build_partial(target, address, 10)
    return target


def test_MDL_16_a_part_is_not_mapped_after_its_source_was_unlocked(memory_manager: MemoryManager) -> None:
    source = locked_mdl(memory_manager)
    target, nested = part_of(source), part_of(part_of(source))
    source.unlock_pages()
    source.probe_and_lock_pages(UserMode, IoWriteAccess)
    for stale in (target, nested):
        with pytest.raises(BugCheck, match="of which it describes a part, was unlocked") as caught:
            stale.get_system_address_safe(NormalPagePriority)
        assert (caught.value.code, caught.value.parameters[0]) == (0xC4, 0x85)


def test_MDL_16_the_mapping_of_a_part_ends_with_the_lock_of_its_source(memory_manager: MemoryManager) -> None:
    source = locked_mdl(memory_manager)
    target = part_of(source)
    address = target.get_system_address_safe(NormalPagePriority)
    assert address is not None
    memory.write(address, b"1")
    source.unlock_pages()
    target.free()
    assert memory_manager.statistics().mapped_mdls == 0
    assert violation(lambda: memory.write(address, b"1"))[0] == 0x50


@pytest.mark.parametrize("partial", [False, True])
def test_MDL_17_memory_that_is_locked_for_reading_is_not_written(
    memory_manager: MemoryManager, defects: list[tuple[str, str]], partial: bool
) -> None:
    mdl = user_mdl(memory_manager)
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    used = part_of(mdl) if partial else mdl
    address = used.get_system_address_safe(NormalPagePriority)
    assert address is not None
    memory.read(address, 4)
    view = memory.view(address, 4)
    assert defects == []
    view[0] = ord("1")
    memory.write(address, b"2")
    [(row, what)] = defects
    assert row == "MDL-17"
    assert f"1 bytes at {address:#x} were written" in what
    assert memory.read(address, 1) == b"2"


def test_MDL_17_a_device_does_not_write_what_is_locked_for_reading(
    memory_manager: MemoryManager, defects: list[tuple[str, str]]
) -> None:
    mdl = user_mdl(memory_manager)
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    mdl.begin_list(written=False)
    assert defects == []
    mdl.begin_list(written=True)
    [(row, what)] = defects
    assert row == "MDL-17"
    assert "the device was to write to it" in what


def test_MDL_17_memory_that_is_locked_for_writing_is_written(
    memory_manager: MemoryManager, defects: list[tuple[str, str]]
) -> None:
    mdl = locked_mdl(memory_manager)
    mdl.begin_list(written=True)
    address = mdl.get_system_address_safe(NormalPagePriority)
    assert address is not None
    memory.write(address, b"1")
    assert defects == []
