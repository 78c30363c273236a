# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dirql.mm import layout
from dirql.mm.address_space import AddressSpace
from dirql.mm.frames import FrameDatabase
from dirql.nt.constants import PAGE_SIZE
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

COUNT = 64
RANGE = layout.AddressRange("few", 0x7_0000, 24 * PAGE_SIZE)


def space() -> tuple[AddressSpace, FrameDatabase, memoryview]:
    memory = memoryview(bytearray(COUNT * PAGE_SIZE))
    frames = FrameDatabase(memory, 0)
    return AddressSpace("test", frames), frames, memory


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=60))
def test_translation_agrees_with_a_naive_table(steps: list[tuple[bool, int]]) -> None:
    """Map and unmap in a small range, so that it wraps around, against a dictionary of bytes' owners."""
    tables, frames, _ = space()
    naive: dict[int, int] = {}
    blocks: list[tuple[int, int]] = []
    for mapping, count in steps:
        if mapping:
            taken = frames.allocate(count, "a")
            assert taken is not None
            address = tables.map(RANGE, taken)
            if address is None:
                frames.free(taken)
                continue
            assert address in RANGE
            assert address + count * PAGE_SIZE - 1 in RANGE
            for index, frame in enumerate(taken):
                assert address + index * PAGE_SIZE not in naive
                naive[address + index * PAGE_SIZE] = frame * PAGE_SIZE
            blocks.append((address, count))
        elif blocks:
            address, pages = blocks.pop(0)
            frames.free(tables.unmap(address, pages))
            for index in range(pages):
                del naive[address + index * PAGE_SIZE]
    for address in range(RANGE.base, RANGE.base + RANGE.size, PAGE_SIZE):
        assert tables.translate(address) == naive.get(address)
        if address in naive:
            assert tables.translate(address + 0xABC) == naive[address] + 0xABC


def test_neighbouring_mappings_have_an_unmapped_page_between_them() -> None:
    tables, frames, _ = space()
    first, second = (tables.map(RANGE, frames.allocate(2, "a") or []) for _ in range(2))
    assert first is not None
    assert second is not None
    assert tables.translate(first + 2 * PAGE_SIZE) is None
    assert tables.translate(second - 1) is None


def test_addresses_come_back_as_late_as_possible() -> None:
    tables, frames, _ = space()
    seen = []
    for _ in range(7):
        taken = frames.allocate(1, "a") or []
        address = tables.map(RANGE, taken)
        assert address is not None
        seen.append(address)
        frames.free(tables.unmap(address, 1))
    assert len(set(seen)) == 7


def test_a_full_range_has_no_room() -> None:
    tables, frames, _ = space()
    assert tables.map(RANGE, frames.allocate(23, "a") or []) is None


def test_a_page_goes_out_and_comes_back_with_its_bytes_and_owner() -> None:
    tables, frames, memory = space()
    taken = frames.allocate(1, "someone") or []
    address = tables.map(RANGE, taken, pageable=True)
    assert address is not None
    memory[taken[0] * PAGE_SIZE : taken[0] * PAGE_SIZE + 4] = b"data"
    free = frames.statistics().free
    assert tables.page_out(address, 1) == 1
    assert tables.translate(address) is None
    assert frames.statistics().free == free + 1
    page = tables.page(address)
    assert page is not None
    assert repr(page) == "<Page paged out, pageable>"
    memory[:] = b"\xff" * len(memory)
    page = tables.page_in(address)
    physical = tables.translate(address)
    assert physical is not None
    assert memory[physical : physical + 4] == b"data"
    assert frames.owner(page.frame) == "someone"


def test_locked_nonpageable_and_device_pages_stay() -> None:
    tables, frames, _ = space()
    fixed, locked = (frames.allocate(1, "a") or [] for _ in range(2))
    tables.map(RANGE, fixed)
    tables.map(RANGE, locked, pageable=True)
    tables.map_device(RANGE, 0x8000_0000, 1)
    frames.lock(locked)
    assert tables.page_out_all() == 0
    frames.unlock(locked)
    assert tables.page_out_all() == 1


def test_there_must_be_a_frame_to_page_in() -> None:
    tables, frames, _ = space()
    address = tables.map(RANGE, frames.allocate(1, "a") or [], pageable=True)
    assert address is not None
    tables.page_out_all()
    frames.allocate(COUNT - 1, "b")
    with pytest.raises(StatusException) as caught:
        tables.page_in(address)
    assert caught.value.status == STATUS_INSUFFICIENT_RESOURCES


@pytest.mark.row("MDL-12")
@given(st.integers(0, 1 << 48), st.integers(0, 1 << 20))
def test_page_arithmetic(address: int, length: int) -> None:
    touched = {byte // PAGE_SIZE for byte in (address, address + max(length, 1) - 1)}
    assert layout.span_pages(address, length) == (
        max(touched) - min(touched) + 1 if length else address % PAGE_SIZE > 0
    )
    assert layout.page_align(address) + layout.byte_offset(address) == address
    assert layout.round_to_pages(length) == layout.bytes_to_pages(length) * PAGE_SIZE
    assert layout.span_pages(0xFFF, 2) == 2
