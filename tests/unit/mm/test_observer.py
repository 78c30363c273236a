# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""An observer of the page tables learns of every change, so that it can keep an exact copy."""

from __future__ import annotations

from dirql.mm.address_space import AddressSpace, Page
from dirql.mm.allocation import allocate_pool2, free_pool, pool_tag
from dirql.mm.layout import DEVICE_RANGE
from dirql.mm.manager import MemoryManager
from dirql.mm.mdl import Mdl
from dirql.nt.constants import (
    PAGE_SHIFT,
    PAGE_SIZE,
    POOL_FLAG_PAGED,
    IoWriteAccess,
    MdlMappingNoWrite,
    UserMode,
)


class Copy:
    """Copies of page tables that are changed only by the calls of an observer, and the names of those calls."""

    def __init__(self) -> None:
        self.tables: dict[AddressSpace, dict[int, Page]] = {}
        self.attached: AddressSpace | None = None
        self.calls: list[str] = []

    def _copy(self, call: str, space: AddressSpace, address: int, pages: int) -> None:
        self.calls.append(call)
        assert address % PAGE_SIZE == 0
        table = self.tables.setdefault(space, {})
        for number in range(address >> PAGE_SHIFT, (address >> PAGE_SHIFT) + pages):
            page = space.page(number << PAGE_SHIFT)
            if page is None:
                del table[number]
            else:
                table[number] = page

    def map(self, space: AddressSpace, address: int, pages: int) -> None:
        self._copy("map", space, address, pages)

    def unmap(self, space: AddressSpace, address: int, pages: int) -> None:
        self._copy("unmap", space, address, pages)

    def protect(self, space: AddressSpace, address: int, pages: int) -> None:
        self._copy("protect", space, address, pages)

    def page_in(self, space: AddressSpace, address: int) -> None:
        self._copy("page_in", space, address, 1)

    def page_out(self, space: AddressSpace, address: int) -> None:
        self._copy("page_out", space, address, 1)

    def attach_process(self, space: AddressSpace) -> None:
        self.calls.append("attach_process")
        self.attached = space

    def close(self) -> None:
        self.calls.append("close")


def test_an_observer_can_keep_a_copy_of_the_page_tables(memory_manager: MemoryManager) -> None:
    copy = Copy()
    memory_manager.observe(copy)
    process = memory_manager.create_process("second")
    memory_manager.attach_process(process)
    buffer = process.allocate(3 * PAGE_SIZE, offset=100)
    pool = allocate_pool2(POOL_FLAG_PAGED, 2 * PAGE_SIZE, pool_tag("Test"))
    assert pool is not None
    assert memory_manager.system.map_device(DEVICE_RANGE, 0x8000_0000, 2) is not None
    memory_manager.page_out_all()
    mdl = Mdl.allocate(buffer.address, buffer.length)
    assert mdl is not None
    mdl.probe_and_lock_pages(UserMode, IoWriteAccess)
    mdl.get_system_address_safe(MdlMappingNoWrite)
    process.address_space.protect(buffer.address + PAGE_SIZE, 1, writable=False)
    free_pool(pool)
    assert copy.tables == {
        memory_manager.system: memory_manager.system.entries,
        process.address_space: process.address_space.entries,
    }
    assert copy.attached is process.address_space
    assert set(copy.calls) == {"map", "unmap", "protect", "page_in", "page_out", "attach_process"}


def test_an_observer_can_be_taken_away(memory_manager: MemoryManager) -> None:
    copy = Copy()
    memory_manager.observe(copy)
    memory_manager.observe(None)
    memory_manager.process.allocate(10)
    memory_manager.attach_process(memory_manager.create_process("second"))
    memory_manager.process.allocate(10)
    assert copy.calls == []
