# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lists of objects and lists in memory, with and without a lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.nt.ntstatus import StatusException
from unit.rtl.conftest import Memory

PROPERTY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Link = wdm.LIST_ENTRY | int
Make = Callable[[Memory], Link]


def in_object(memory: Memory) -> Link:
    del memory
    return wdm.LIST_ENTRY()


def in_memory(memory: Memory) -> Link:
    return memory.block(bytes(16))


BOTH = pytest.mark.parametrize("make", [in_object, in_memory])


def forwards(head: Link) -> list[Link]:
    """The entries by their Flinks, after a check of the Blinks."""
    found: list[Link] = []
    link, before = next_of(head), head
    while link != head:
        assert back_of(link) == before
        found.append(link)
        before, link = link, next_of(link)
    assert back_of(head) == before
    return found


def next_of(link: Link) -> Link:
    value = link.flink if isinstance(link, wdm.LIST_ENTRY) else pointer(link)
    assert value is not None
    return value


def back_of(link: Link) -> Link:
    value = link.blink if isinstance(link, wdm.LIST_ENTRY) else pointer(link + 8)
    assert value is not None
    return value


def pointer(address: int) -> int:
    return int.from_bytes(wdm.RtlReadMemory(address, 8), "little")


def empty_list(memory: Memory, make: Make) -> Link:
    head = make(memory)
    wdm.InitializeListHead(head)
    return head


@BOTH
def test_an_empty_list_leads_to_itself(memory: Memory, make: Make) -> None:
    head = empty_list(memory, make)
    assert next_of(head) == back_of(head) == head
    assert wdm.IsListEmpty(head)
    assert wdm.RemoveHeadList(head) == wdm.RemoveTailList(head) == head
    assert wdm.RemoveEntryList(head)


@BOTH
@PROPERTY
@given(steps=st.lists(st.integers(0, 4), max_size=30))
def test_a_list_behaves_as_a_deque(memory: Memory, make: Make, steps: list[int]) -> None:
    head = empty_list(memory, make)
    model: deque[Link] = deque()
    for step in steps:
        if step == 0:
            model.appendleft(make(memory))
            wdm.InsertHeadList(head, model[0])
        elif step == 1:
            model.append(make(memory))
            wdm.InsertTailList(head, model[-1])
        elif step == 2 and model:
            assert wdm.RemoveHeadList(head) == model.popleft()
        elif step == 3 and model:
            assert wdm.RemoveTailList(head) == model.pop()
        elif model:
            entry = model[len(model) // 2]
            model.remove(entry)
            assert wdm.RemoveEntryList(entry) is (not model)
        assert forwards(head) == list(model)
        assert wdm.IsListEmpty(head) is (not model)


@BOTH
def test_a_list_is_appended(memory: Memory, make: Make) -> None:
    head = empty_list(memory, make)
    entries = [make(memory) for _ in range(4)]
    wdm.InsertTailList(head, entries[0])
    wdm.InitializeListHead(entries[1])
    wdm.InsertTailList(entries[1], entries[2])
    wdm.InsertTailList(entries[1], entries[3])
    wdm.AppendTailList(head, entries[1])
    assert forwards(head) == entries


@BOTH
@pytest.mark.parametrize(
    "damage",
    ["removed twice", "inserted twice, head", "inserted twice, tail", "not initialized", "overwritten"],
)
def test_LST_01_links_that_do_not_agree_are_a_bug_check(memory: Memory, make: Make, damage: str) -> None:
    head = empty_list(memory, make)
    first, second = make(memory), make(memory)
    wdm.InsertTailList(head, first)
    wdm.InsertTailList(head, second)
    with pytest.raises(BugCheck) as stopped:
        _damage(memory, make, damage, [head, first, second])
    assert stopped.value.code == wdm.KERNEL_SECURITY_CHECK_FAILURE
    assert stopped.value.parameters[0] == 3


def _damage(memory: Memory, make: Make, damage: str, links: list[Link]) -> None:
    head, first, second = links
    if damage == "removed twice":
        wdm.RemoveEntryList(first)
        wdm.RemoveEntryList(first)
    elif damage == "inserted twice, head":
        wdm.InsertHeadList(head, second)
        wdm.RemoveEntryList(first)
    elif damage == "inserted twice, tail":
        wdm.InsertTailList(head, first)
        wdm.RemoveEntryList(second)
    elif damage == "not initialized":
        wdm.InsertHeadList(make(memory), make(memory))
    else:
        _overwrite(second)
        wdm.InsertTailList(head, make(memory))


def _overwrite(link: Link) -> None:
    if isinstance(link, wdm.LIST_ENTRY):
        link.flink = wdm.LIST_ENTRY()
    else:
        wdm.RtlZeroMemory(link, 16)


def test_an_object_cannot_be_in_a_list_in_memory(memory: Memory) -> None:
    head = empty_list(memory, in_memory)
    with pytest.raises(
        TypeError, match="InsertHeadList: Entry must be in memory, as the head of the list is"
    ):
        wdm.InsertHeadList(head, wdm.LIST_ENTRY())


# Records.


class Request:
    """A structure of a driver with two links."""

    def __init__(self) -> None:
        self.list_entry = wdm.LIST_ENTRY(self)
        self.single = wdm.SLIST_ENTRY(self)


def test_the_record_of_an_entry_is_found(memory: Memory) -> None:
    request = Request()
    assert wdm.CONTAINING_RECORD(request.list_entry, Request, "list_entry") is request
    assert wdm.CONTAINING_RECORD(request.single, Request, "single") is request
    irp = wdm.IRP(1, 0, None)
    assert irp.tail.overlay.list_entry is irp.tail.overlay.list_entry
    assert wdm.CONTAINING_RECORD(irp.tail.overlay.list_entry, wdm.IRP, "tail.overlay.list_entry") is irp
    assert wdm.CONTAINING_RECORD(0x5018, None, 0x18) == 0x5000


def test_an_entry_of_no_record_or_of_another_class_is_refused(memory: Memory) -> None:
    with pytest.raises(TypeError, match="Address must be an entry that is the Field list_entry"):
        wdm.CONTAINING_RECORD(wdm.LIST_ENTRY(), Request, "list_entry")
    with pytest.raises(TypeError, match="Address must be an entry"):
        wdm.CONTAINING_RECORD(Request().list_entry, wdm.IRP, "list_entry")


# Singly linked lists.


@pytest.mark.parametrize("in_pool", [False, True])
def test_a_singly_linked_list_is_a_stack(memory: Memory, in_pool: bool) -> None:
    lock = wdm.KSPIN_LOCK()
    made = [memory.block(bytes(8)) if in_pool else wdm.SINGLE_LIST_ENTRY() for _ in range(4)]
    head, first, second, third = made
    assert wdm.PopEntryList(head) is None
    wdm.PushEntryList(head, first)
    assert wdm.ExInterlockedPushEntryList(head, second, lock) == first
    wdm.PushEntryList(head, third)
    assert [wdm.PopEntryList(head), wdm.ExInterlockedPopEntryList(head, lock)] == [third, second]
    assert [wdm.PopEntryList(head), wdm.PopEntryList(head)] == [first, None]
    assert wdm.ExInterlockedPopEntryList(head, lock) is None
    assert wdm.ExInterlockedPushEntryList(head, first, lock) is None


@pytest.mark.parametrize("in_pool", [False, True])
def test_a_sequenced_list_is_a_stack_with_a_depth(memory: Memory, in_pool: bool) -> None:
    head = wdm.SLIST_HEADER()
    wdm.ExInitializeSListHead(head)
    entries = [memory.block(bytes(16)) if in_pool else wdm.SLIST_ENTRY() for _ in range(3)]
    assert wdm.ExInterlockedPopEntrySList(head, None) is None
    assert wdm.ExInterlockedPushEntrySList(head, entries[0], None) is None
    assert wdm.InterlockedPushEntrySList(head, entries[1]) == entries[0]
    assert wdm.ExInterlockedPushEntrySList(head, entries[2], wdm.KSPIN_LOCK()) == entries[1]
    assert wdm.ExQueryDepthSList(head) == wdm.QueryDepthSList(head) == 3
    assert wdm.InterlockedPopEntrySList(head) == entries[2]
    assert wdm.ExQueryDepthSList(head) == 2
    assert wdm.ExInterlockedFlushSList(head) == entries[1]
    assert (wdm.ExQueryDepthSList(head), wdm.ExInterlockedPopEntrySList(head, None)) == (0, None)
    wdm.InterlockedPushEntrySList(head, entries[2])
    assert wdm.InterlockedFlushSList(head) == entries[2]
    assert wdm.InterlockedFlushSList(head) is None


def test_the_address_of_a_sequenced_entry_is_a_multiple_of_16(memory: Memory) -> None:
    head = wdm.SLIST_HEADER()
    wdm.InitializeSListHead(head)
    with pytest.raises(StatusException) as raised:
        wdm.InterlockedPushEntrySList(head, memory.block(bytes(32)) + 8)
    assert raised.value.status == wdm.STATUS_DATATYPE_MISALIGNMENT
    assert wdm.ExQueryDepthSList(head) == 0


# Lists with a lock.


@BOTH
@pytest.mark.parametrize("irql", [wdm.PASSIVE_LEVEL, wdm.DISPATCH_LEVEL, wdm.HIGH_LEVEL])
def test_interlocked_lists_give_the_neighbour(memory: Memory, make: Make, irql: int) -> None:
    lock, head = wdm.KSPIN_LOCK(), empty_list(memory, make)
    entries = [make(memory) for _ in range(3)]
    wdm.KeRaiseIrql(irql)
    assert wdm.ExInterlockedRemoveHeadList(head, lock) is None
    assert wdm.ExInterlockedInsertTailList(head, entries[1], lock) is None
    assert wdm.ExInterlockedRemoveHeadList(head, lock) == entries[1]
    assert wdm.ExInterlockedInsertHeadList(head, entries[1], lock) is None
    assert wdm.ExInterlockedInsertHeadList(head, entries[0], lock) == entries[1]
    assert wdm.ExInterlockedInsertTailList(head, entries[2], lock) == entries[1]
    assert forwards(head) == entries
    assert wdm.ExInterlockedRemoveHeadList(head, lock) == entries[0]
    assert (wdm.KeTestSpinLock(lock), wdm.KeGetCurrentIrql()) == (True, irql)


def test_a_lock_that_the_caller_holds_already_is_a_bug_check(memory: Memory) -> None:
    lock, head = wdm.KSPIN_LOCK(), empty_list(memory, in_object)
    wdm.KeAcquireSpinLock(lock)
    with pytest.raises(BugCheck) as stopped:
        wdm.ExInterlockedInsertHeadList(head, wdm.LIST_ENTRY(), lock)
    assert stopped.value.code == wdm.SPIN_LOCK_ALREADY_OWNED


def test_links_in_paged_out_memory_at_dispatch_level_are_a_bug_check(memory: Memory) -> None:
    head = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 16, wdm.POOL_TAG("Page"))
    assert head is not None
    wdm.InitializeListHead(head)
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    with pytest.raises(BugCheck) as stopped:
        wdm.IsListEmpty(head)
    assert stopped.value.code == wdm.DRIVER_IRQL_NOT_LESS_OR_EQUAL
