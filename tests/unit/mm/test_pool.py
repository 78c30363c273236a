# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.ke.bugcheck import BugCheck
from dirql.ke.current import current
from dirql.ke.processors.irql import irql_name, lower_irql, raise_irql
from dirql.mm import memory
from dirql.mm.allocation import (
    allocate_pool2,
    allocate_pool_with_tag,
    free_pool,
    free_pool_with_tag,
    pool_tag,
    query_pool_block_size,
)
from dirql.mm.blocks import tag_text
from dirql.mm.layout import NONPAGED_RANGE, PAGED_RANGE, SYSTEM_RANGE_START
from dirql.mm.manager import MemoryManager, running
from dirql.mm.poison import Poison
from dirql.mm.pool import TagStatistics
from dirql.nt.bugcodes import (
    BAD_POOL_CALLER,
    BAD_POOL_HEADER,
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    VERIFIER_POOL_TRACKING,
    VERIFIER_SPECIAL_POOL,
)
from dirql.nt.constants import (
    APC_LEVEL,
    DISPATCH_LEVEL,
    PAGE_SIZE,
    POOL_FLAG_CACHE_ALIGNED,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_NON_PAGED_EXECUTE,
    POOL_FLAG_PAGED,
    POOL_FLAG_RAISE_ON_FAILURE,
    POOL_FLAG_UNINITIALIZED,
    POOL_FLAG_USE_QUOTA,
    POOL_RAISE_IF_ALLOCATION_FAILURE,
    NonPagedPool,
    NonPagedPoolCacheAligned,
    NonPagedPoolNx,
    PagedPool,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER

pytestmark = pytest.mark.usefixtures("memory_manager")

TAG = pool_tag("Test")
OTHER = pool_tag("Othr")
TOO_MUCH = 1 << 30
FLAGS = [POOL_FLAG_NON_PAGED, POOL_FLAG_PAGED]
SIZES = [1, 8, 16, 100, 4000, 4072, 4073, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 5 * PAGE_SIZE + 7]


def allocate(size: int, flags: int = POOL_FLAG_NON_PAGED, tag: int = TAG) -> int:
    address = allocate_pool2(flags, size, tag)
    assert address is not None
    return address


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("size", SIZES)
def test_POL_01_alignment_and_pages(flags: int, size: int) -> None:
    for address in [allocate(size, flags) for _ in range(5)]:
        assert address in (PAGED_RANGE if flags == POOL_FLAG_PAGED else NONPAGED_RANGE)
        if size >= PAGE_SIZE:
            assert address % PAGE_SIZE == 0
        else:
            assert address % 16 == 0
            assert address // PAGE_SIZE == (address + size - 1) // PAGE_SIZE


@pytest.mark.parametrize("size", SIZES)
def test_cache_aligned_blocks(size: int) -> None:
    assert all(allocate(size, POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED) % 64 == 0 for _ in range(5))
    address = allocate_pool_with_tag(NonPagedPoolCacheAligned, size, TAG)
    assert address is not None
    assert address % 64 == 0


@pytest.mark.parametrize(
    ("pool_type", "flags", "highest", "subcode", "free_subcode"),
    [
        (PagedPool, POOL_FLAG_PAGED, APC_LEVEL, 1, 0x11),
        (NonPagedPoolNx, POOL_FLAG_NON_PAGED, DISPATCH_LEVEL, 2, 0x12),
    ],
)
@pytest.mark.parametrize("verifier", [False, True])
@pytest.mark.parametrize("what", ["allocate_pool2", "allocate_pool_with_tag", "free"])
def test_POL_02_levels(
    memory_manager: MemoryManager,
    pool_type: int,
    flags: int,
    highest: int,
    subcode: int,
    free_subcode: int,
    verifier: bool,
    what: str,
) -> None:
    current.kernel.verifier.default = VERIFIER_POOL_TRACKING if verifier else 0
    raise_irql(highest)
    address = allocate(10, flags)
    free_pool(allocate(10, flags))
    raise_irql(highest + 1)
    call: Callable[[], object] = {
        "allocate_pool2": lambda: allocate_pool2(flags, 10, TAG),
        "allocate_pool_with_tag": lambda: allocate_pool_with_tag(pool_type, 10, TAG),
        "free": lambda: free_pool(address),
    }[what]
    refusal = f"pool must be allocated and freed at .* was {irql_name(highest + 1)}"
    with pytest.raises(BugCheck, match=refusal) as caught:
        call()
    if verifier:
        expected = (DRIVER_VERIFIER_DETECTED_VIOLATION, free_subcode if what == "free" else subcode)
    else:
        expected = (BAD_POOL_CALLER, 9 if what == "free" else 8)
    assert (caught.value.code, caught.value.parameters[0]) == expected
    assert caught.value.parameters[1] == highest + 1


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("size", [10, 3 * PAGE_SIZE])
@pytest.mark.parametrize(("verifier", "code", "p1"), [(False, 0xC2, 7), (True, 0xC4, 0x13)])
def test_POL_03_freed_twice(
    memory_manager: MemoryManager, flags: int, size: int, verifier: bool, code: int, p1: int
) -> None:
    current.kernel.verifier.default = VERIFIER_POOL_TRACKING if verifier else 0
    address = allocate(size, flags)
    free_pool(address)
    words = r"must be freed once.*'Test', allocated by .*test_pool.py:.* and freed by .*test_pool.py:"
    with pytest.raises(BugCheck, match=words) as caught:
        free_pool(address)
    tag = pool_tag("Test")
    assert (caught.value.code, caught.value.parameters) == (
        code,
        (p1, 0, address, tag) if verifier else (p1, 0, tag, address),
    )


@pytest.mark.parametrize(
    ("verifier", "user", "code", "p1"),
    [
        (False, True, 0xC2, 0x40),
        (False, False, 0xC2, 0x46),
        (True, True, 0xC4, 0x10),
        (True, False, 0xC4, 0x10),
    ],
)
def test_POL_03_never_allocated(
    memory_manager: MemoryManager, verifier: bool, user: bool, code: int, p1: int
) -> None:
    current.kernel.verifier.default = VERIFIER_POOL_TRACKING if verifier else 0
    address = 0x1_2345 if user else allocate(64) + 16
    with pytest.raises(BugCheck, match="must be the start of a pool block") as caught:
        free_pool(address)
    assert (caught.value.code, caught.value.parameters[:2]) == (code, (p1, address))
    if p1 == 0x40:
        assert caught.value.parameters[2] == SYSTEM_RANGE_START


@pytest.mark.parametrize(("verifier", "code", "p1"), [(False, 0xC2, 0xA), (True, 0xC4, 0x16)])
def test_a_block_is_freed_with_its_own_tag(verifier: bool, code: int, p1: int) -> None:
    current.kernel.verifier.default = VERIFIER_POOL_TRACKING if verifier else 0
    address = allocate(10)
    words = r"freed with its tag 'Test'; the tag was 'Othr'.*allocated by .*test_pool.py:"
    with pytest.raises(BugCheck, match=words) as caught:
        free_pool_with_tag(address, pool_tag("Othr"))
    tags = (pool_tag("Test"), pool_tag("Othr"))
    assert (caught.value.code, caught.value.parameters) == (
        code,
        (p1, 0, address, 0) if verifier else (p1, address, *tags),
    )


# Freed blocks.


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("size", [1, 100, 2000, PAGE_SIZE, 3 * PAGE_SIZE])
@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("special", [False, True])
def test_POL_09_a_driver_that_touches_a_freed_block(
    memory_manager: MemoryManager, flags: int, size: int, write: bool, special: bool
) -> None:
    current.kernel.verifier.default = VERIFIER_SPECIAL_POOL if special else 0
    address = allocate(size, flags)
    free_pool(address)
    place = address + size - 1
    words = r"after it was freed.*'Test', allocated by .*test_pool.py:.* and freed by .*test_pool.py:"
    with pytest.raises(BugCheck, match=words) as caught:
        memory.write(place, b"!") if write else memory.read(place, 1)
    assert caught.value.code == (0xD5 if special else 0x50)
    assert caught.value.parameters[:2] == (place, int(write))


def test_POL_09_the_neighbours_of_a_freed_block_stay_usable() -> None:
    blocks = [allocate(40) for _ in range(3)]
    free_pool(blocks[1])
    for address in (blocks[0], blocks[2]):
        memory.write(address, b"n" * 40)
        assert memory.read(address, 40) == b"n" * 40


def test_POL_09_a_copy_that_runs_into_a_freed_block() -> None:
    blocks = sorted(allocate(40) for _ in range(3))
    free_pool(blocks[1])
    with pytest.raises(BugCheck, match="must not be touched after it was freed"):
        memory.fill(blocks[0], blocks[1] - blocks[0] + 1, 0)


@pytest.mark.parametrize("found_by", ["close", "allocations"])
def test_POL_09_a_write_through_a_mapping_after_the_block_was_freed(
    memory_manager: MemoryManager, found_by: str
) -> None:
    address = allocate(40)
    memory_manager.share_pool()
    place = memory_manager.system.translate(address)
    assert place is not None
    free_pool(address)
    assert memory_manager.ram[place : place + 40] == b"\xdf" * 40, (
        "a stale mapping must not show the old data"
    )
    memory_manager.ram[place + 7] = 1
    words = r"must not be written after it was freed.*, through the mapping of an MDL.*'Test', allocated by"

    def find() -> None:
        if found_by == "close":
            memory_manager.leaks(memory_manager.statistics())
        for _ in range(300):
            free_pool(allocate(40))

    with pytest.raises(BugCheck, match=words) as caught:
        find()
    assert (caught.value.code, caught.value.parameters[0]) == (0xC5, address + 7)


@pytest.mark.parametrize(("size", "again"), [(40, False), (40, True), (3 * PAGE_SIZE, False)])
@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize("write", [False, True])
def test_POL_09_a_view_is_used_after_its_block_was_freed(
    size: int, again: bool, part: bool, write: bool
) -> None:
    """Whether the memory belongs to another block by then or not, and for parts of the view too."""
    address = allocate(size)
    view = memory.view(address, size)
    if part:
        view = view[4:20][2:]
    free_pool(address)
    if again:
        taken = -1
        for _ in range(1000):
            taken = allocate(size)
            if taken == address:
                break
            free_pool(taken)
        assert taken == address
    words = rf"must not be touched after it was freed; {view.address:#x} was {'written' if write else 'read'}.*freed by"
    use = partial(view.__setitem__, slice(2), b"ab") if write else view.tobytes
    with pytest.raises(BugCheck, match=words) as caught:
        use()
    assert caught.value.code == 0x50
    assert caught.value.parameters[:2] == (view.address, int(write))


def test_POL_09_nothing_is_said_of_a_view_that_is_only_kept(memory_manager: MemoryManager) -> None:
    views = []
    for _ in range(600):
        address = allocate(40)
        views.append(memory.view(address, 40))
        free_pool(address)
    assert memory_manager.leaks(memory_manager.statistics()) == []


def test_POL_05_no_bytes(memory_manager: MemoryManager) -> None:
    address = allocate_pool_with_tag(NonPagedPool, 0, TAG)
    assert address is not None
    free_pool_with_tag(address, TAG)
    current.kernel.verifier.default = VERIFIER_POOL_TRACKING
    with pytest.raises(BugCheck) as caught:
        allocate_pool_with_tag(NonPagedPool, 0, TAG)
    assert (caught.value.code, caught.value.parameters[0]) == (0xC4, 0)


@pytest.mark.parametrize("size", [100, PAGE_SIZE - 1, 2 * PAGE_SIZE + 5])
def test_POL_06_cleared_unless_told_otherwise(size: int) -> None:
    address = allocate(size)
    memory.fill(address, size, 0xEE)
    free_pool(address)
    again = allocate(size, POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED)
    assert is_poison(memory.read(again, size), b"\xee")
    free_pool(again)
    assert memory.read(allocate(size), size) == bytes(size)


@pytest.mark.parametrize("size", [1, 64, 2000, PAGE_SIZE, 70_000])
@pytest.mark.parametrize("pool_type", [NonPagedPool, PagedPool])
def test_POL_06_a_new_block_has_neither_zeros_nor_old_data(size: int, pool_type: int) -> None:
    contents = set()
    for _ in range(3):
        address = allocate_pool_with_tag(pool_type, size, TAG)
        assert address is not None
        found = memory.read(address, size)
        assert is_poison(found, b"\xee")
        contents.add(found)
        memory.fill(address, size, 0xEE)
        free_pool(address)
    assert size == 1 or len(contents) == 3


def test_POL_06_the_seed_makes_the_contents() -> None:
    made = []
    for seed in (1, 1, 2):
        ram = bytearray(PAGE_SIZE)
        Poison(memoryview(ram), seed).fill(8, 24)
        made.append(bytes(ram))
        assert made[-1].strip(b"\0") == made[-1][8:24]
    assert made[0] == made[1] != made[2]


def is_poison(found: bytes, old: bytes) -> bool:
    """Whether some bytes are neither zeros nor old data."""
    return b"\0" not in found and old * min(len(found), 8) not in found


@pytest.mark.parametrize(
    ("flags", "tag"),
    [
        (POOL_FLAG_NON_PAGED, 0),
        (0, TAG),
        (POOL_FLAG_NON_PAGED | POOL_FLAG_PAGED, TAG),
        (POOL_FLAG_NON_PAGED | 0x10, TAG),
        (POOL_FLAG_NON_PAGED | 1 << 31, TAG),
    ],
)
def test_POL_06_bad_tags_and_flags(flags: int, tag: int) -> None:
    assert allocate_pool2(flags, 10, tag) is None
    with pytest.raises(StatusException) as caught:
        allocate_pool2(flags | POOL_FLAG_RAISE_ON_FAILURE, 10, tag)
    assert caught.value.status == STATUS_INVALID_PARAMETER


def test_POL_06_flags_that_are_fine() -> None:
    allocate(10, POOL_FLAG_NON_PAGED | POOL_FLAG_USE_QUOTA)
    allocate(10, POOL_FLAG_NON_PAGED_EXECUTE)
    allocate(10, POOL_FLAG_PAGED | 1 << 40)


def test_POL_06_out_of_memory() -> None:
    assert allocate_pool2(POOL_FLAG_NON_PAGED, TOO_MUCH, TAG) is None
    assert allocate_pool_with_tag(PagedPool, TOO_MUCH, TAG) is None
    attempts: list[Callable[[], object]] = [
        lambda: allocate_pool2(POOL_FLAG_PAGED | POOL_FLAG_RAISE_ON_FAILURE, TOO_MUCH, TAG),
        lambda: allocate_pool_with_tag(NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE, TOO_MUCH, TAG),
    ]
    for attempt in attempts:
        with pytest.raises(StatusException) as caught:
            attempt()
        assert caught.value.status == STATUS_INSUFFICIENT_RESOURCES


def test_small_blocks_use_up_memory_without_harm(memory_manager: MemoryManager) -> None:
    blocks = []
    while (address := allocate_pool_with_tag(NonPagedPool, 2000, TAG)) is not None:
        blocks.append(address)
    assert memory_manager.frames.statistics().free == 0
    for address in blocks:
        free_pool(address)
    # Blocks in quarantine keep their pages: 256 of them, two to a page. The other pages are free.
    assert memory_manager.frames.statistics().free == len(memory_manager.frames) - 2 - 128
    large = allocate((len(memory_manager.frames) - 2) * PAGE_SIZE)  # which ends the quarantine
    assert memory_manager.frames.statistics().free == 0
    free_pool(large)


def test_a_tag_of_zero_with_the_old_routine() -> None:
    with pytest.raises(BugCheck, match="must not be 0") as caught:
        allocate_pool_with_tag(NonPagedPool, 10, 0)
    assert (caught.value.code, caught.value.parameters[0]) == (BAD_POOL_CALLER, 0x9B)
    assert "test_pool.py" in str(caught.value.parameters[3])


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("size", [1, 8, 100, 4073, PAGE_SIZE - 1, PAGE_SIZE + 1])
@pytest.mark.parametrize("verifier", [False, True])
def test_POL_08_a_byte_past_the_end(
    memory_manager: MemoryManager, flags: int, size: int, verifier: bool
) -> None:
    current.kernel.verifier.default = VERIFIER_POOL_TRACKING if verifier else 0
    address = allocate(size, flags)
    memory.write(address + size, b"!")
    with pytest.raises(
        BugCheck, match=f"'Test' must be written within its bounds.*at {address + size:#x}"
    ) as caught:
        free_pool(address)
    assert caught.value.code == (0xC4 if verifier else BAD_POOL_HEADER)
    expected = (0x51, address, address + size, size) if verifier else (0x21, address, size, ord("!"))
    assert caught.value.parameters == expected


def test_POL_08_a_byte_before_the_start() -> None:
    address = allocate(100)
    memory.write(address - 1, b"!")
    with pytest.raises(BugCheck) as caught:
        free_pool(address)
    assert (caught.value.code, caught.value.parameters[0]) == (BAD_POOL_HEADER, 0x20)


def test_what_is_held_is_counted_by_tag(memory_manager: MemoryManager) -> None:
    kept = allocate(100)
    free_pool(allocate(50))
    allocate(5000, tag=OTHER)
    allocate(7, POOL_FLAG_PAGED)
    statistics = running.value.statistics()
    assert statistics.nonpaged_pool.by_tag == {"Test": TagStatistics(1, 100), "Othr": TagStatistics(1, 5000)}
    assert (statistics.nonpaged_pool.blocks, statistics.nonpaged_pool.bytes) == (2, 5100)
    assert statistics.paged_pool.by_tag == {"Test": TagStatistics(1, 7)}
    free_pool(kept)
    assert "Test" not in running.value.statistics().nonpaged_pool.by_tag


def test_tags_are_four_characters() -> None:
    assert TAG == 0x74736554
    assert tag_text(TAG) == "Test"
    assert tag_text(pool_tag("ab")) == "ab.."
    with pytest.raises(ValueError, match="one to four ASCII characters; it was 'abcde'"):
        pool_tag("abcde")


STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from(FLAGS), st.integers(0, 3 * PAGE_SIZE), st.booleans()),
    max_size=80,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_pool_agrees_with_a_naive_model(
    memory_manager: MemoryManager, steps: list[tuple[bool, int, int, bool]]
) -> None:
    """Blocks never overlap, keep what is written to them while others come and go, and all memory comes back."""
    model: dict[int, bytes] = {}
    order: list[int] = []
    for number, (free, flags, size, page_out) in enumerate(steps):
        if free and order:
            address = order.pop(number % len(order))
            contents = model.pop(address)
            assert memory.read(address, len(contents)) == contents
            free_pool_with_tag(address, TAG)
            continue
        address = allocate(size, flags | POOL_FLAG_UNINITIALIZED)
        assert all(address + size <= other or other + len(kept) <= address for other, kept in model.items())
        model[address] = bytes([number % 256]) * size
        memory.write(address, model[address])
        order.append(address)
        if page_out:
            memory_manager.page_out_all()
    assert (
        running.value.statistics().nonpaged_pool.blocks + running.value.statistics().paged_pool.blocks
        == len(model)
    )
    for address, contents in model.items():
        assert memory.read(address, len(contents)) == contents
        free_pool(address)
    assert running.value.statistics().nonpaged_pool.bytes == running.value.statistics().paged_pool.bytes == 0


def test_freeing_is_legal_again_after_the_address_was_reused() -> None:
    address = allocate(10)
    free_pool(address)
    others = 0
    while (again := allocate(10)) != address:
        free_pool(again)
        others += 1
    assert others > 200, "an address comes back late, so that the use of a stale one is found out"
    free_pool(again)
    old_irql = raise_irql(DISPATCH_LEVEL)
    free_pool(allocate(10))
    lower_irql(old_irql)


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    ("size", "room"), [(1, 16), (16, 16), (17, 32), (100, 112), (4000, 4000), (3 * PAGE_SIZE, PAGE_SIZE)]
)
def test_the_size_of_a_block_is_rounded_up_and_that_of_pages_is_one_page(
    flags: int, size: int, room: int
) -> None:
    block = allocate_pool2(flags, size, TAG)
    assert block is not None
    assert query_pool_block_size(block) == (room, False)
    free_pool_with_tag(block, TAG)
    with pytest.raises(TypeError, match="ExQueryPoolBlockSize: PoolBlock must be"):
        query_pool_block_size(block)
