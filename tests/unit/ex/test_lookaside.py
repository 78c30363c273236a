# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pool with quotas and priorities, and lookaside lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine, open_machine
from dirql.nt.ntstatus import StatusException
from fakes.scripted_target import ScriptedTarget

TAG = wdm.POOL_TAG("Look")
SIZE = 48


@pytest.fixture
def machine() -> Iterator[Machine]:
    opened = open_machine(ScriptedTarget())
    yield opened
    opened.kernel.stop(RuntimeError("the test is over"))
    opened.close()


def statistics(machine: Machine, *, paged: bool = False) -> tuple[int, int]:
    """The blocks with the tag, and their bytes."""
    memory = machine.memory_manager
    held = (memory.paged_pool if paged else memory.nonpaged_pool).statistics().by_tag.get("Look")
    return (0, 0) if held is None else (held.blocks, held.bytes)


# Pool.

Plain = Callable[[int, int], int | None]
Tagged = Callable[[int, int, int], int | None]
TAGGED: list[Tagged] = [
    wdm.ExAllocatePoolWithQuotaTag,
    wdm.ExAllocatePoolZero,
    wdm.ExAllocatePoolUninitialized,
    wdm.ExAllocatePoolQuotaZero,
    wdm.ExAllocatePoolQuotaUninitialized,
    lambda kind, size, tag: wdm.ExAllocatePoolWithTagPriority(kind, size, tag, wdm.LowPoolPriority),
    lambda kind, size, tag: wdm.ExAllocatePoolPriorityZero(kind, size, tag, wdm.HighPoolPriority),
    lambda kind, size, tag: wdm.ExAllocatePoolPriorityUninitialized(kind, size, tag, wdm.HighPoolPriority),
]


@pytest.mark.parametrize("paged", [False, True])
@pytest.mark.parametrize("number", range(len(TAGGED)))
def test_a_block_has_its_pool_and_its_tag(machine: Machine, number: int, paged: bool) -> None:
    block = TAGGED[number](wdm.PagedPool if paged else wdm.NonPagedPoolNx, 100, TAG)
    assert block is not None
    assert statistics(machine, paged=paged) == (1, 100)
    wdm.ExFreePool2(block, TAG, None, 0)
    assert statistics(machine, paged=paged) == (0, 0)


@pytest.mark.parametrize("routine", [wdm.ExAllocatePool, wdm.ExAllocatePoolWithQuota])
def test_a_block_without_a_tag_has_the_tag_none(machine: Machine, routine: Plain) -> None:
    block = routine(wdm.NonPagedPool, 32)
    assert block is not None
    assert machine.memory_manager.nonpaged_pool.statistics().by_tag["None"].bytes == 32
    wdm.ExFreePool(block)


@pytest.mark.parametrize(
    "routine",
    [
        wdm.ExAllocatePoolZero,
        wdm.ExAllocatePoolQuotaZero,
        lambda kind, size, tag: wdm.ExAllocatePoolPriorityZero(kind, size, tag, 0),
    ],
)
def test_POL_11_a_block_is_cleared(machine: Machine, routine: Tagged) -> None:
    for size in (0, 1, 100, 5000):
        block = routine(wdm.NonPagedPoolNx, size, TAG)
        assert block is not None
        assert wdm.RtlReadMemory(block, size) == bytes(size)


TOO_MUCH = 1 << 40


@pytest.mark.parametrize(
    "routine",
    [
        lambda kind: wdm.ExAllocatePoolWithQuota(kind, TOO_MUCH),
        lambda kind: wdm.ExAllocatePoolWithQuotaTag(kind, TOO_MUCH, TAG),
        lambda kind: wdm.ExAllocatePoolQuotaZero(kind, TOO_MUCH, TAG),
        lambda kind: wdm.ExAllocatePoolQuotaUninitialized(kind, TOO_MUCH, TAG),
    ],
)
def test_POL_11_without_memory_a_quota_raises(machine: Machine, routine: Callable[[int], int | None]) -> None:
    with pytest.raises(StatusException) as raised:
        routine(wdm.PagedPool)
    assert raised.value.status == wdm.STATUS_INSUFFICIENT_RESOURCES
    assert routine(wdm.PagedPool | wdm.POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) is None


def test_without_memory_the_other_routines_return_null(machine: Machine) -> None:
    assert wdm.ExAllocatePool(wdm.NonPagedPool, TOO_MUCH) is None
    assert wdm.ExAllocatePoolZero(wdm.NonPagedPool, TOO_MUCH, TAG) is None


# Lookaside lists.

Lookaside = wdm.NPAGED_LOOKASIDE_LIST | wdm.PAGED_LOOKASIDE_LIST | wdm.LOOKASIDE_LIST_EX
KINDS = ["npaged", "paged", "ex", "ex paged"]
EACH = pytest.mark.parametrize("kind", KINDS)


class Own:
    """A driver's routines, which count their calls."""

    def __init__(self) -> None:
        self.allocated: list[tuple[int, ...]] = []
        self.freed: list[int] = []
        self.fails = False

    def allocate(self, kind: int, size: int, tag: int, lookaside: object = None) -> int | None:
        self.allocated.append((kind, size, tag))
        return None if self.fails else wdm.ExAllocatePoolWithTag(kind & 0x201, size, tag)

    def free(self, block: int, lookaside: object = None) -> None:
        self.freed.append(block)
        wdm.ExFreePoolWithTag(block, TAG)


def make(kind: str, own: Own | None = None, flags: int = 0, size: int = SIZE) -> Lookaside:
    allocate, free = (None, None) if own is None else (own.allocate, own.free)
    if kind == "npaged":
        npaged = wdm.NPAGED_LOOKASIDE_LIST()
        wdm.ExInitializeNPagedLookasideList(npaged, allocate, free, flags, size, TAG, 0)
        return npaged
    if kind == "paged":
        paged = wdm.PAGED_LOOKASIDE_LIST()
        wdm.ExInitializePagedLookasideList(paged, allocate, free, flags, size, TAG, 0)
        return paged
    either = wdm.LOOKASIDE_LIST_EX()
    pool = wdm.PagedPool if kind == "ex paged" else wdm.NonPagedPoolNx
    status = wdm.ExInitializeLookasideListEx(either, allocate, free, pool, flags, size, TAG, 0)
    assert status == wdm.STATUS_SUCCESS
    return either


def take(lookaside: Lookaside) -> int | None:
    if isinstance(lookaside, wdm.NPAGED_LOOKASIDE_LIST):
        return wdm.ExAllocateFromNPagedLookasideList(lookaside)
    if isinstance(lookaside, wdm.PAGED_LOOKASIDE_LIST):
        return wdm.ExAllocateFromPagedLookasideList(lookaside)
    return wdm.ExAllocateFromLookasideListEx(lookaside)


def block_of(lookaside: Lookaside) -> int:
    block = take(lookaside)
    assert block is not None
    return block


def give(lookaside: Lookaside, block: int) -> None:
    if isinstance(lookaside, wdm.NPAGED_LOOKASIDE_LIST):
        wdm.ExFreeToNPagedLookasideList(lookaside, block)
    elif isinstance(lookaside, wdm.PAGED_LOOKASIDE_LIST):
        wdm.ExFreeToPagedLookasideList(lookaside, block)
    else:
        wdm.ExFreeToLookasideListEx(lookaside, block)


def delete(lookaside: Lookaside) -> None:
    if isinstance(lookaside, wdm.NPAGED_LOOKASIDE_LIST):
        wdm.ExDeleteNPagedLookasideList(lookaside)
    elif isinstance(lookaside, wdm.PAGED_LOOKASIDE_LIST):
        wdm.ExDeletePagedLookasideList(lookaside)
    else:
        wdm.ExDeleteLookasideListEx(lookaside)


@EACH
def test_LKS_01_a_freed_block_is_the_next_one(machine: Machine, kind: str) -> None:
    lookaside = make(kind)
    first, second = block_of(lookaside), block_of(lookaside)
    wdm.RtlWriteMemory(first, b"x" * SIZE)
    give(lookaside, first)
    give(lookaside, second)
    assert [take(lookaside), take(lookaside)] == [second, first]
    assert wdm.RtlReadMemory(first, SIZE) == bytes(8) + b"x" * (SIZE - 8)
    assert statistics(machine, paged="paged" in kind.split()) == (2, 2 * SIZE)
    give(lookaside, first)
    give(lookaside, second)
    delete(lookaside)
    assert statistics(machine, paged="paged" in kind.split()) == (0, 0)
    assert machine.defects == []


@EACH
def test_LKS_01_a_driver_has_routines_of_its_own(machine: Machine, kind: str) -> None:
    own = Own()
    lookaside = make(kind, own)
    blocks = [block_of(lookaside) for _ in range(6)]
    pool = wdm.PagedPool if "paged" in kind.split() else wdm.NonPagedPoolNx if kind == "ex" else 0
    assert own.allocated == [(pool, SIZE, TAG)] * 6
    for block in blocks:
        give(lookaside, block)
    assert own.freed == blocks[4:]
    assert take(lookaside) == blocks[3]
    assert len(own.allocated) == 6
    give(lookaside, blocks[3])
    delete(lookaside)
    assert sorted(own.freed) == sorted(blocks)


@EACH
def test_LKS_01_without_memory_there_is_no_block(machine: Machine, kind: str) -> None:
    own = Own()
    own.fails = True
    assert take(make(kind, own)) is None
    assert take(make(kind, size=TOO_MUCH)) is None


@pytest.mark.parametrize("kind", ["npaged", "paged"])
def test_LKS_01_an_allocation_raises_on_request(machine: Machine, kind: str) -> None:
    lookaside = make(kind, flags=wdm.POOL_RAISE_IF_ALLOCATION_FAILURE, size=TOO_MUCH)
    with pytest.raises(StatusException):
        take(lookaside)


@pytest.mark.parametrize("own", [None, Own()])
def test_LKS_01_an_allocation_of_the_extended_list_raises_on_request(
    machine: Machine, own: Own | None
) -> None:
    if own is not None:
        own.fails = True
    lookaside = make("ex", own, flags=wdm.EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL, size=TOO_MUCH)
    with pytest.raises(StatusException):
        take(lookaside)


@pytest.mark.parametrize(
    ("pool", "flags", "status"),
    [
        (wdm.NonPagedPool, 0, wdm.STATUS_SUCCESS),
        (wdm.PagedPool, wdm.EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE, wdm.STATUS_SUCCESS),
        (2, 0, wdm.STATUS_INVALID_PARAMETER_4),
        (wdm.PagedPool | wdm.POOL_RAISE_IF_ALLOCATION_FAILURE, 0, wdm.STATUS_INVALID_PARAMETER_4),
        (wdm.PagedPool, 3, wdm.STATUS_INVALID_PARAMETER_5),
        (wdm.PagedPool, 4, wdm.STATUS_INVALID_PARAMETER_5),
    ],
)
def test_the_parameters_of_an_extended_list(machine: Machine, pool: int, flags: int, status: int) -> None:
    lookaside = wdm.LOOKASIDE_LIST_EX()
    assert wdm.ExInitializeLookasideListEx(lookaside, None, None, pool, flags, SIZE, TAG, 0) == status


def test_an_extended_list_is_flushed(machine: Machine) -> None:
    lookaside = make("ex")
    assert isinstance(lookaside, wdm.LOOKASIDE_LIST_EX)
    first, second = block_of(lookaside), block_of(lookaside)
    give(lookaside, first)
    wdm.ExFlushLookasideListEx(lookaside)
    assert statistics(machine) == (1, SIZE)
    give(lookaside, second)
    assert take(lookaside) == second


@EACH
def test_LKS_01_nothing_is_kept_under_the_verifier(machine: Machine, kind: str) -> None:
    machine.kernel.verifier.default = wdm.VERIFIER_POOL_TRACKING
    lookaside = make(kind)
    block = block_of(lookaside)
    give(lookaside, block)
    assert statistics(machine, paged="paged" in kind.split()) == (0, 0)
    with pytest.raises(BugCheck):
        wdm.RtlReadMemory(block, 1)


def test_LKS_01_a_block_has_room_for_a_link(machine: Machine) -> None:
    make("npaged", size=16)
    assert machine.defects == []
    make("npaged", size=8)
    assert [row for row, _ in machine.defects] == ["LKS-01"]


@EACH
def test_LKS_02_a_block_of_another_list_is_told(machine: Machine, kind: str) -> None:
    lookaside, other = make(kind), make(kind)
    give(other, block_of(lookaside))
    assert [row for row, _ in machine.defects] == ["LKS-02"]


@EACH
def test_LKS_02_a_block_that_is_freed_twice_stops_the_system(machine: Machine, kind: str) -> None:
    lookaside = make(kind)
    first, second = block_of(lookaside), block_of(lookaside)
    give(lookaside, first)
    give(lookaside, second)
    with pytest.raises(BugCheck) as stopped:
        give(lookaside, first)
    assert (stopped.value.code, stopped.value.parameters[0]) == (wdm.BAD_POOL_CALLER, 7)


@pytest.mark.parametrize("number", [0, 1])
def test_LKS_02_a_block_that_is_written_after_it_was_freed_stops_the_system(
    machine: Machine, number: int
) -> None:
    lookaside = make("npaged")
    blocks = [block_of(lookaside), block_of(lookaside)]
    for block in blocks:
        give(lookaside, block)
    wdm.RtlWriteMemory(blocks[number], b"anywhere")
    wdm.KeRaiseIrqlToDpcLevel()
    with pytest.raises(BugCheck) as stopped:
        delete(lookaside)
    where, irql, is_write, place = stopped.value.parameters
    assert stopped.value.code == wdm.DRIVER_CORRUPTED_EXPOOL
    assert (where, irql, is_write) == (int.from_bytes(b"anywhere", "little"), wdm.DISPATCH_LEVEL, 0)
    assert "test_lookaside.py" in str(place)


@EACH
def test_LKS_03_a_list_is_deleted_when_all_blocks_are_back(machine: Machine, kind: str) -> None:
    lookaside = make(kind)
    block_of(lookaside)
    delete(lookaside)
    [(row, sentence)] = machine.defects
    assert (row, "1 were not" in sentence) == ("LKS-03", True)


@EACH
@pytest.mark.parametrize("use", [take, delete, lambda lookaside: give(lookaside, 0x5000)])
def test_LKS_03_a_deleted_list_is_not_used(
    machine: Machine, kind: str, use: Callable[[Lookaside], object]
) -> None:
    lookaside = make(kind)
    delete(lookaside)
    with pytest.raises(BugCheck) as stopped:
        use(lookaside)
    assert stopped.value.code == wdm.KERNEL_SECURITY_CHECK_FAILURE


def test_paged_blocks_are_not_taken_at_dispatch_level(machine: Machine) -> None:
    lookaside = make("paged")
    give(lookaside, block_of(lookaside))
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    with pytest.raises(BugCheck) as stopped:
        take(lookaside)
    assert stopped.value.code == wdm.IRQL_NOT_LESS_OR_EQUAL
