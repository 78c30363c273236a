# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes with levels, locks, lists and memory: the bug checks have all four parameters of their pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql import wdm
from dirql.ke import guard
from dirql.ke.threads.system_thread import create_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.machine import Machine
from dirql.mm.manager import running
from dirql.nt.bugcodes import VERIFIER_POOL_TRACKING
from dirql.nt.constants import SYNCH_LEVEL
from unit.bugcheck_pages import (
    PLACE,
    RULE,
    Mistake,
    Page,
    check_mistake,
    mistakes_of,
    open_for_mistakes,
    within,
)
from unit.edge_calls import World

TAG = wdm.POOL_TAG("Page")


@pytest.fixture
def machine() -> Iterator[Machine]:
    yield from open_for_mistakes()


# Levels and locks.


def raise_to_a_lower_level(w: World) -> Iterator[Page]:
    wdm.KeRaiseIrqlToDpcLevel()
    yield 0xC4, 0x30, wdm.DISPATCH_LEVEL, wdm.APC_LEVEL, 0
    wdm.KeRaiseIrql(wdm.APC_LEVEL)


def raise_to_dpc_level_from_above(w: World) -> Iterator[Page]:
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    yield 0xC4, 0x30, wdm.HIGH_LEVEL, wdm.DISPATCH_LEVEL, 0
    wdm.KeRaiseIrqlToDpcLevel()


def raise_to_synch_level_from_above(w: World) -> Iterator[Page]:
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    yield 0xC4, 0x30, wdm.HIGH_LEVEL, SYNCH_LEVEL, 0
    wdm.KeRaiseIrqlToSynchLevel()


def lower_to_a_higher_level(w: World) -> Iterator[Page]:
    yield 0xC4, 0x31, wdm.PASSIVE_LEVEL, wdm.DISPATCH_LEVEL, 0
    wdm.KeLowerIrql(wdm.DISPATCH_LEVEL)


def acquire_a_resource_with_apcs(w: World) -> Iterator[Page]:
    resource = wdm.ERESOURCE()
    wdm.ExInitializeResourceLite(resource)
    wdm.KeGetCurrentThread().is_system = False
    yield 0xC4, 0x37, wdm.PASSIVE_LEVEL, 0, resource
    wdm.ExAcquireResourceExclusiveLite(resource, True)


def release_a_resource_with_apcs(w: World) -> Iterator[Page]:
    resource = wdm.ERESOURCE()
    wdm.ExInitializeResourceLite(resource)
    wdm.ExEnterCriticalRegionAndAcquireResourceExclusive(resource)
    wdm.KeLeaveCriticalRegion()
    yield 0xC4, 0x38, wdm.PASSIVE_LEVEL, 0, resource
    wdm.ExReleaseResourceLite(resource)


def wait_without_a_timeout_at_dispatch(w: World) -> Iterator[Page]:
    wdm.KeClearEvent(w.event)
    wdm.KeRaiseIrqlToDpcLevel()
    yield 0xC4, 0x121, wdm.DISPATCH_LEVEL, w.event, 0
    wdm.KeWaitForSingleObject(w.event, wdm.Executive, wdm.KernelMode, False, None)


def wait_at_dispatch(w: World) -> Iterator[Page]:
    wdm.KeClearEvent(w.event)
    wdm.KeRaiseIrqlToDpcLevel()
    yield 0xC4, 0x122, wdm.DISPATCH_LEVEL, w.event, -5
    wdm.KeWaitForSingleObject(w.event, wdm.Executive, wdm.KernelMode, False, -5)


def a_fast_mutex(w: World) -> wdm.FAST_MUTEX:
    mutex = wdm.FAST_MUTEX()
    wdm.ExInitializeFastMutex(mutex)
    return mutex


def acquire_twice(w: World) -> Iterator[Page]:
    mutex = a_fast_mutex(w)
    wdm.ExAcquireFastMutex(mutex)
    yield 0xC4, 0x1000, mutex, 0, 0
    wdm.ExAcquireFastMutex(mutex)


def share_a_push_lock_twice(w: World) -> Iterator[Page]:
    lock = wdm.EX_PUSH_LOCK()
    wdm.ExInitializePushLock(lock)
    wdm.KeEnterCriticalRegion()
    wdm.ExAcquirePushLockShared(lock)
    yield 0xC4, 0x1000, lock, 0, 0
    wdm.ExAcquirePushLockShared(lock)


def acquire_in_opposite_orders(w: World) -> Iterator[Page]:
    first, second = wdm.KSPIN_LOCK(), wdm.KSPIN_LOCK()
    for lock in (first, second):
        wdm.KeInitializeSpinLock(lock)
    old = wdm.KeAcquireSpinLock(first)
    wdm.KeAcquireSpinLockAtDpcLevel(second)
    wdm.KeReleaseSpinLockFromDpcLevel(second)
    wdm.KeReleaseSpinLock(first, old)
    wdm.KeAcquireSpinLock(second)
    yield 0xC4, 0x1001, first, 0, 0
    wdm.KeAcquireSpinLockAtDpcLevel(first)


def acquire_a_blank_spin_lock(w: World) -> Iterator[Page]:
    lock = guard.call_driver(guard.CALLBACK, w.driver, wdm.KSPIN_LOCK)
    yield 0xC4, 0x1002, lock, 0, 0
    within(w, lambda: wdm.KeAcquireSpinLock(lock))


def release_in_another_thread(w: World) -> Iterator[Page]:
    mutex = a_fast_mutex(w)
    forever = wdm.KEVENT()
    wdm.KeInitializeEvent(forever, wdm.NotificationEvent, False)

    def own(_: object) -> None:
        wdm.ExAcquireFastMutex(mutex)
        wait_for_single_object(forever)

    thread = create_thread(own, None)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10)
    wdm.KeRaiseIrql(wdm.APC_LEVEL)
    yield 0xC4, 0x1004, mutex, thread, wdm.KeGetCurrentThread()
    wdm.ExReleaseFastMutex(mutex)


def release_what_is_free(w: World) -> Iterator[Page]:
    mutex = a_fast_mutex(w)
    wdm.KeRaiseIrql(wdm.APC_LEVEL)
    yield 0xC4, 0x1007, mutex, 0, 0
    wdm.ExReleaseFastMutex(mutex)


def end_with_a_lock(w: World) -> Iterator[Page]:
    mutex = a_fast_mutex(w)

    def own(_: object) -> None:
        wdm.KeEnterCriticalRegion()
        wdm.ExAcquireFastMutexUnsafe(mutex)

    thread = create_thread(own, None)
    yield 0xC4, 0x100A, thread, mutex, 0
    wait_for_single_object(thread)


def end_at_another_level(w: World) -> Iterator[Page]:
    thread = create_thread(lambda _: wdm.KeRaiseIrql(wdm.APC_LEVEL), None)
    yield 0xC4, 0x2001C, RULE, 0, 0
    wait_for_single_object(thread)


def delete_an_owned_resource(w: World) -> Iterator[Page]:
    resource = wdm.ERESOURCE()
    wdm.ExInitializeResourceLite(resource)
    wdm.ExEnterCriticalRegionAndAcquireResourceExclusive(resource)
    yield 0xC4, 0x100B, resource, wdm.KeGetCurrentThread(), 0
    wdm.ExDeleteResourceLite(resource)


# Lists and objects.


def remove_an_entry_twice(w: World) -> Iterator[Page]:
    head, entry = wdm.LIST_ENTRY(), wdm.LIST_ENTRY()
    wdm.InitializeListHead(head)
    wdm.InsertTailList(head, entry)
    wdm.InsertTailList(head, wdm.LIST_ENTRY())
    wdm.RemoveEntryList(entry)
    yield 0x139, 3, PLACE, 0, 0
    wdm.RemoveEntryList(entry)


def set_a_blank_event(w: World) -> Iterator[Page]:
    yield 0x139, 3, PLACE, 0, 0
    wdm.KeSetEvent(wdm.KEVENT(), 0, False)


def reference_a_deleted_object(w: World) -> Iterator[Page]:
    device = w.upper
    wdm.ObDereferenceObject(device)
    w.machine.kernel.verifier.verify(None, None)
    yield 0x18, wdm.DEVICE_OBJECT, device, 0, 0
    wdm.ObReferenceObject(device)


# Memory.


def write_to_a_read_only_page(w: World) -> Iterator[Page]:
    address = wdm.MmGetSystemAddressForMdlSafe(w.locked_mdl, wdm.MdlMappingNoWrite)
    assert address is not None
    page = running.value.system.page(address)
    assert page is not None
    yield 0xBE, address, page.physical | 1, 0, 0
    wdm.RtlWriteMemory(address, b"1")


def read_paged_memory_at_dispatch(w: World) -> Iterator[Page]:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 16, TAG)
    assert address is not None
    wdm.KeRaiseIrqlToDpcLevel()
    yield 0xD1, address, wdm.DISPATCH_LEVEL, 0, PLACE
    within(w, lambda: wdm.RtlReadMemory(address, 4))


def insert_a_blank_dpc(w: World) -> Iterator[Page]:
    yield 0xD1, 0, wdm.DISPATCH_LEVEL, 8, 0
    wdm.KeInsertQueueDpc(wdm.KDPC(), None, None)


def track(w: World) -> None:
    w.machine.kernel.verifier.verify(None, VERIFIER_POOL_TRACKING)


def allocate_no_byte(w: World) -> Iterator[Page]:
    track(w)
    yield 0xC4, 0, wdm.PASSIVE_LEVEL, wdm.NonPagedPool, 0
    wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 0, TAG)


def allocate_paged_pool_at_dispatch(w: World) -> Iterator[Page]:
    track(w)
    wdm.KeRaiseIrqlToDpcLevel()
    yield 0xC4, 1, wdm.DISPATCH_LEVEL, wdm.PagedPool, 16
    wdm.ExAllocatePoolWithTag(wdm.PagedPool, 16, TAG)


def allocate_pool_at_high_level(w: World) -> Iterator[Page]:
    track(w)
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    yield 0xC4, 2, wdm.HIGH_LEVEL, wdm.NonPagedPool, 16
    wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 16, TAG)


def free_what_is_no_block(w: World) -> Iterator[Page]:
    track(w)
    yield 0xC4, 0x10, w.block + 16, 0, 0
    wdm.ExFreePool(w.block + 16)


def free_paged_pool_at_dispatch(w: World) -> Iterator[Page]:
    track(w)
    address = wdm.ExAllocatePoolWithTag(wdm.PagedPool, 16, TAG)
    assert address is not None
    wdm.KeRaiseIrqlToDpcLevel()
    yield 0xC4, 0x11, wdm.DISPATCH_LEVEL, wdm.PagedPool, address
    wdm.ExFreePool(address)


def free_pool_at_high_level(w: World) -> Iterator[Page]:
    track(w)
    address = w.block
    wdm.KeRaiseIrql(wdm.HIGH_LEVEL)
    yield 0xC4, 0x12, wdm.HIGH_LEVEL, wdm.NonPagedPool, address
    wdm.ExFreePool(address)


def free_pool_twice(w: World) -> Iterator[Page]:
    track(w)
    address = wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 16, TAG)
    assert address is not None
    wdm.ExFreePool(address)
    yield 0xC4, 0x13, 0, address, TAG
    wdm.ExFreePool(address)


def free_with_another_tag(w: World) -> Iterator[Page]:
    track(w)
    address = wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 16, TAG)
    assert address is not None
    yield 0xC4, 0x16, 0, address, 0
    wdm.ExFreePoolWithTag(address, wdm.POOL_TAG("Else"))


def free_an_overrun_block(w: World) -> Iterator[Page]:
    track(w)
    address = wdm.ExAllocatePoolWithTag(wdm.NonPagedPool, 16, TAG)
    assert address is not None
    wdm.RtlWriteMemory(address + 8, bytes(12))
    yield 0xC4, 0x51, address, address + 16, 16
    wdm.ExFreePool(address)


def build_for_paged_memory(w: World) -> Iterator[Page]:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 16, TAG)
    assert address is not None
    mdl = wdm.IoAllocateMdl(address, 16, False, False, None)
    assert mdl is not None
    yield 0xC4, 0x7F, wdm.PASSIVE_LEVEL, mdl, mdl.mdl_flags
    wdm.MmBuildMdlForNonPagedPool(mdl)


def unlock_what_was_not_locked(w: World) -> Iterator[Page]:
    yield 0xC4, 0x7C, w.raw_mdl, w.raw_mdl.mdl_flags, 0
    wdm.MmUnlockPages(w.raw_mdl)


def unlock_nonpaged_pool(w: World) -> Iterator[Page]:
    yield 0xC4, 0x7D, w.mdl, w.mdl.mdl_flags, 0
    wdm.MmUnlockPages(w.mdl)


def map_what_is_not_locked(w: World) -> Iterator[Page]:
    mdl = wdm.IoAllocateMdl(w.user + 0xFFF, 2, False, False, None)
    assert mdl is not None
    yield 0xC4, 0x85, mdl, 2, 0
    wdm.MmGetSystemAddressForMdlSafe(mdl, wdm.NormalPagePriority)


def free_a_mapped_mdl(w: World) -> Iterator[Page]:
    assert w.mapped_address
    yield 0xC4, 0xB8, w.locked_mdl, w.locked_mdl.mdl_flags, 0
    wdm.IoFreeMdl(w.locked_mdl)


MISTAKES = mistakes_of(globals())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: str(mistake.__name__))
def test_the_bug_check_has_the_parameters_of_its_page(machine: Machine, mistake: Mistake) -> None:
    check_mistake(machine, mistake)
