# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.ke.bugcheck import BugCheck
from dirql.mm import memory as accessors, probe as probes
from dirql.mm.allocation import allocate_pool2, pool_tag
from dirql.mm.layout import USER_RANGE
from dirql.mm.manager import MemoryManager, running
from dirql.mm.mdl import Mdl
from dirql.mm.process import GuardDamaged
from dirql.nt.bugcodes import PROCESS_HAS_LOCKED_PAGES
from dirql.nt.constants import PAGE_SIZE, POOL_FLAG_NON_PAGED, IoReadAccess, UserMode
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_DATATYPE_MISALIGNMENT,
    STATUS_INSUFFICIENT_RESOURCES,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3 * PAGE_SIZE), st.integers(0, PAGE_SIZE - 1), st.integers(0, 2 * PAGE_SIZE))
def test_a_buffer_starts_where_it_was_asked_to(
    memory_manager: MemoryManager, length: int, offset: int, guard: int
) -> None:
    buffer = memory_manager.process.allocate(length, offset=offset, guard=guard)
    assert buffer.address % PAGE_SIZE == offset
    assert buffer.address in USER_RANGE
    contents = bytes(index % 250 for index in range(length))
    buffer.write(contents)
    assert buffer.read() == accessors.read(buffer.address, length) == contents
    assert buffer.read(length // 2) == contents[: length // 2]
    buffer.free()


@pytest.mark.parametrize(
    ("place", "side"), [(-1, "before"), (-16, "before"), (100, "behind"), (115, "behind")]
)
def test_guard_bytes_are_checked(memory_manager: MemoryManager, place: int, side: str) -> None:
    buffer = memory_manager.process.allocate(100, offset=8, guard=16)
    accessors.write(buffer.address + place, b"!")
    with pytest.raises(
        GuardDamaged, match=f"16 guard bytes {side} .* {buffer.address + place:#x} was overwritten"
    ):
        buffer.free()


def test_processes_do_not_see_each_other(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(10)
    buffer.write(b"0123456789")
    other = memory_manager.create_process("other")
    before = memory_manager.attach_process(other)
    with pytest.raises(StatusException):
        accessors.read(buffer.address, 10)
    assert buffer.read() == b"0123456789"
    memory_manager.attach_process(before)
    assert accessors.read(buffer.address, 10) == b"0123456789"


def test_buffers_are_counted_and_reused(memory_manager: MemoryManager) -> None:
    first = memory_manager.process.allocate(10)
    assert running.value.statistics().user_buffers == {"user": 1}
    first.free()
    assert running.value.statistics().user_buffers == {"user": 0}
    assert memory_manager.process.allocate(20).base == first.base


def test_a_buffer_can_be_read_when_it_is_paged_out(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(10)
    buffer.write(b"0123456789")
    assert memory_manager.page_out_all() == 1
    assert buffer.read() == b"0123456789"


def test_data_must_fit(memory_manager: MemoryManager) -> None:
    with pytest.raises(ValueError, match=r"<UserBuffer 4 bytes.* must fit into it; it was 5 bytes"):
        memory_manager.process.allocate(4).write(b"12345")


def test_without_memory(memory_manager: MemoryManager) -> None:
    with pytest.raises(StatusException) as caught:
        memory_manager.process.allocate(1 << 30)
    assert caught.value.status == STATUS_INSUFFICIENT_RESOURCES


def test_an_address_outside_is_refused(memory_manager: MemoryManager) -> None:
    with pytest.raises(ValueError, match="must lie in one of its buffers; 0x5000 does not"):
        memory_manager.process.read(0x5000, 1)


def test_so_much_is_kept_for_reuse_and_no_more(memory_manager: MemoryManager) -> None:
    for _ in range(2):
        for buffer in [memory_manager.process.allocate(100 * PAGE_SIZE) for _ in range(4)]:
            buffer.free()
        assert memory_manager.frames.statistics().held["user"] == 200  # of 256 pages that are kept at most


def test_deleting_frees_all(memory_manager: MemoryManager) -> None:
    free = memory_manager.frames.statistics().free
    process = memory_manager.create_process("short")
    process.allocate(5 * PAGE_SIZE)
    process.allocate(10).free()
    memory_manager.delete_process(process)
    assert memory_manager.frames.statistics().free == free
    assert running.value.statistics().user_buffers == {"user": 0}


def test_deleting_with_locked_pages_is_bug_check_0x76(memory_manager: MemoryManager) -> None:
    process = memory_manager.create_process("short")
    memory_manager.attach_process(process)
    buffer = process.allocate(10)
    mdl = Mdl.allocate(buffer.address, 10)
    assert mdl is not None
    mdl.probe_and_lock_pages(UserMode, IoReadAccess)
    with pytest.raises(BugCheck, match="had 1: unlock its MDLs first") as caught:
        memory_manager.delete_process(process)
    assert (caught.value.code, caught.value.parameters) == (PROCESS_HAS_LOCKED_PAGES, (0, process, 1, 0))


def probe_status(probe: str, address: int, length: int, alignment: int) -> int:
    try:
        getattr(probes, probe)(address, length, alignment)
    except StatusException as error:
        return error.status
    return 0


def test_probing(memory_manager: MemoryManager) -> None:
    buffer = memory_manager.process.allocate(2 * PAGE_SIZE)
    address = buffer.address
    system = allocate_pool2(POOL_FLAG_NON_PAGED, 10, pool_tag("Test"))
    assert system is not None
    for probe in ("probe_for_read", "probe_for_write"):
        assert probe_status(probe, address, 2 * PAGE_SIZE, 4) == 0
        assert probe_status(probe, address + 1, 4, 4) == STATUS_DATATYPE_MISALIGNMENT
        assert probe_status(probe, system, 4, 1) == STATUS_ACCESS_VIOLATION
        assert probe_status(probe, system, 0, 1) == 0
    assert probe_status("probe_for_read", 0x1FFF_0000_0000, 4, 1) == 0
    assert probe_status("probe_for_write", 0x1FFF_0000_0000, 4, 1) == STATUS_ACCESS_VIOLATION
    memory_manager.process.address_space.protect(address + PAGE_SIZE, 1, writable=False)
    assert probe_status("probe_for_read", address, 2 * PAGE_SIZE, 1) == 0
    assert probe_status("probe_for_write", address, 2 * PAGE_SIZE, 1) == STATUS_ACCESS_VIOLATION
