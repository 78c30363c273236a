# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Executive resources: who gets one, how often, and who comes next."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, strategies as st

from dirql import wdm
from dirql.ke.kernel import Kernel
from dirql.ke.locks.resource import Resource
from dirql.ke.threads.thread import Thread
from dirql.ke.watch.report import report
from fakes.clock_and_controller import FakeMachine
from unit.ke.making import bug_check, notification, thread

Acquire = Callable[[Resource, bool], bool]
SHARED: list[Acquire] = [
    wdm.ExAcquireResourceSharedLite,
    wdm.ExAcquireSharedStarveExclusive,
    wdm.ExAcquireSharedWaitForExclusive,
]
ACQUIRE_APC, RELEASE_APC, DELETED = 0x37, 0x38, 0x100B


@pytest.fixture
def resource(kernel: Kernel) -> Resource:
    made = wdm.ERESOURCE()
    assert wdm.ExInitializeResourceLite(made) == wdm.STATUS_SUCCESS
    wdm.KeEnterCriticalRegion()
    return made


def status(resource: Resource) -> tuple[bool, int, int, int, int]:
    """The answers that the current thread gets."""
    return (
        wdm.ExIsResourceAcquiredExclusiveLite(resource),
        wdm.ExIsResourceAcquiredSharedLite(resource),
        wdm.ExGetExclusiveWaiterCount(resource),
        wdm.ExGetSharedWaiterCount(resource),
        resource.active_count,
    )


class Contender:
    """A thread that acquires a resource, says whether it has it, and releases it when it is told to."""

    def __init__(self, resource: Resource, acquire: Acquire, wait: bool = True) -> None:
        self.resource, self.acquire, self.wait = resource, acquire, wait
        self.has_it: bool | None = None
        self.may_go = notification()
        self.thread = thread(self.run, priority=10)

    def run(self) -> None:
        wdm.KeEnterCriticalRegion()
        self.has_it = self.acquire(self.resource, self.wait)
        wdm.KeWaitForSingleObject(self.may_go, wdm.Executive, wdm.KernelMode, False, None)
        if self.has_it:
            wdm.ExReleaseResourceLite(self.resource)
        wdm.KeLeaveCriticalRegion()

    def finish(self) -> None:
        wdm.KeSetEvent(self.may_go, 0, False)
        wdm.KeWaitForSingleObject(self.thread, wdm.Executive, wdm.KernelMode, False, None)


def test_a_thread_may_share_a_resource_again_and_again(resource: Resource) -> None:
    for count, acquire in enumerate(SHARED * 2, start=1):
        assert acquire(resource, count % 2 == 0)
        assert status(resource) == (False, count, 0, 0, 1)
    assert not wdm.ExAcquireResourceExclusiveLite(resource, False)
    for count in range(len(SHARED) * 2 - 1, -1, -1):
        wdm.ExReleaseResourceLite(resource)
        assert status(resource) == (False, count, 0, 0, int(count > 0))


def test_the_exclusive_owner_may_acquire_it_in_each_way(resource: Resource) -> None:
    acquisitions: list[Acquire] = [
        wdm.ExAcquireResourceExclusiveLite,
        wdm.ExAcquireResourceExclusiveLite,
        *SHARED,
    ]
    for count, acquire in enumerate(acquisitions, start=1):
        assert acquire(resource, count % 2 == 0)
        assert status(resource) == (True, count, 0, 0, 1)
    wdm.ExConvertExclusiveToSharedLite(resource)
    assert status(resource) == (False, len(acquisitions), 0, 0, 1)
    for _ in acquisitions:
        wdm.ExReleaseResourceLite(resource)
    assert status(resource) == (False, 0, 0, 0, 0)


def test_several_threads_share_and_each_sees_its_own_count(resource: Resource) -> None:
    sharers = [Contender(resource, acquire) for acquire in SHARED]
    assert [each.has_it for each in sharers] == [True, True, True]
    assert status(resource) == (False, 0, 0, 0, 3)
    for each in sharers:
        each.finish()
    assert status(resource) == (False, 0, 0, 0, 0)


def test_RES_03_who_must_wait_for_a_thread_that_waits_for_exclusive_access(resource: Resource) -> None:
    first = Contender(resource, wdm.ExAcquireResourceSharedLite)
    refused = Contender(resource, wdm.ExAcquireResourceExclusiveLite, wait=False)
    assert refused.has_it is False
    refused.finish()
    writer = Contender(resource, wdm.ExAcquireResourceExclusiveLite)
    assert (writer.has_it, status(resource)) == (None, (False, 0, 1, 0, 1))
    for acquire in (wdm.ExAcquireResourceSharedLite, wdm.ExAcquireSharedWaitForExclusive):
        late = Contender(resource, acquire, wait=False)
        assert late.has_it is False
        late.finish()
    starver = Contender(resource, wdm.ExAcquireSharedStarveExclusive)
    assert (starver.has_it, resource.active_count) == (True, 2)
    starver.finish()
    reader = Contender(resource, wdm.ExAcquireResourceSharedLite)
    assert (reader.has_it, status(resource)) == (None, (False, 0, 1, 1, 1))
    first.finish()
    assert (writer.has_it, reader.has_it, status(resource)) == (True, None, (False, 0, 0, 1, 1))
    assert resource.flag & wdm.ResourceOwnedExclusive
    writer.finish()
    assert (reader.has_it, status(resource)) == (True, (False, 0, 0, 0, 1))
    reader.finish()
    assert resource.contention_count == 2


def test_RES_03_all_that_wait_to_share_come_after_the_exclusive_owner_and_before_the_next(
    resource: Resource,
) -> None:
    owner = Contender(resource, wdm.ExAcquireResourceExclusiveLite)
    writer = Contender(resource, wdm.ExAcquireResourceExclusiveLite)
    readers = [Contender(resource, wdm.ExAcquireResourceSharedLite) for _ in range(3)]
    owner.finish()
    assert ([each.has_it for each in readers], writer.has_it) == ([True, True, True], None)
    for each in readers:
        assert writer.has_it is None
        each.finish()
    assert writer.has_it is True
    writer.finish()


def test_a_conversion_lets_in_those_that_wait_to_share(resource: Resource) -> None:
    wdm.ExAcquireResourceExclusiveLite(resource, True)
    reader = Contender(resource, wdm.ExAcquireResourceSharedLite)
    assert reader.has_it is None
    wdm.ExConvertExclusiveToSharedLite(resource)
    assert (reader.has_it, resource.active_count) == (True, 2)
    reader.finish()
    wdm.ExReleaseResourceLite(resource)


def test_RES_01_only_the_exclusive_owner_converts(resource: Resource, defects: list[str]) -> None:
    wdm.ExAcquireResourceSharedLite(resource, False)
    wdm.ExConvertExclusiveToSharedLite(resource)
    assert status(resource) == (False, 1, 0, 0, 1)
    assert defects == ["RES-01"]


@pytest.mark.parametrize("pointer", [3, 0xFFFF_8000_0000_0013])
def test_a_pointer_takes_the_place_of_the_owner(resource: Resource, pointer: int) -> None:
    wdm.ExAcquireResourceExclusiveLite(resource, False)
    wdm.ExSetResourceOwnerPointer(resource, pointer)
    assert status(resource) == (False, 0, 0, 0, 1)
    other = Contender(resource, wdm.ExAcquireResourceExclusiveLite, wait=False)
    assert other.has_it is False
    other.finish()
    wdm.ExReleaseResourceForThreadLite(resource, pointer)
    assert status(resource) == (False, 0, 0, 0, 0)


def test_the_number_of_a_thread_releases_for_it(resource: Resource) -> None:
    wdm.ExAcquireResourceSharedLite(resource, False)
    wdm.ExReleaseResourceForThreadLite(resource, wdm.ExGetCurrentResourceThread())
    assert resource.active_count == 0


def test_reinitializing_ends_what_was(resource: Resource) -> None:
    wdm.ExAcquireResourceSharedLite(resource, False)
    assert wdm.ExReinitializeResourceLite(resource) == wdm.STATUS_SUCCESS
    assert status(resource) == (False, 0, 0, 0, 0)


def test_a_release_by_no_owner_is_bug_check_0xE3(resource: Resource) -> None:
    owner = Contender(resource, wdm.ExAcquireResourceSharedLite)
    assert owner.has_it
    with bug_check(wdm.RESOURCE_NOT_OWNED, resource, wdm.KeGetCurrentThread()):
        wdm.ExReleaseResourceLite(resource)


def test_a_deleted_resource_must_not_be_used(resource: Resource) -> None:
    assert wdm.ExDeleteResourceLite(resource) == wdm.STATUS_SUCCESS
    with bug_check(wdm.KERNEL_SECURITY_CHECK_FAILURE, 3, match=re.escape(repr(resource))):
        wdm.ExDeleteResourceLite(resource)


def test_a_resource_that_is_owned_must_not_be_deleted(resource: Resource) -> None:
    wdm.ExAcquireResourceSharedLite(resource, False)
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, DELETED, resource, wdm.KeGetCurrentThread(), 0):
        wdm.ExDeleteResourceLite(resource)


@pytest.mark.parametrize("acquire", [*SHARED, wdm.ExAcquireResourceExclusiveLite])
def test_RES_02_normal_apcs_must_be_disabled(resource: Resource, acquire: Acquire) -> None:
    wdm.KeLeaveCriticalRegion()
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, ACQUIRE_APC, wdm.PASSIVE_LEVEL, 0, resource):
        acquire(resource, True)


def test_RES_02_normal_apcs_must_stay_disabled_until_the_release(resource: Resource) -> None:
    wdm.ExAcquireResourceExclusiveLite(resource, True)
    wdm.KeLeaveCriticalRegion()
    with bug_check(wdm.DRIVER_VERIFIER_DETECTED_VIOLATION, RELEASE_APC, wdm.PASSIVE_LEVEL, 0, resource):
        wdm.ExReleaseResourceLite(resource)


@pytest.mark.parametrize("irql", [wdm.APC_LEVEL])
def test_RES_02_APC_LEVEL_disables_them_too(resource: Resource, irql: int) -> None:
    wdm.KeLeaveCriticalRegion()
    wdm.KeRaiseIrql(irql)
    assert wdm.ExAcquireResourceExclusiveLite(resource, True)
    wdm.ExReleaseResourceLite(resource)
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)


def test_a_deadlock_report_names_the_resource_and_its_owners(resource: Resource) -> None:
    owner = Contender(resource, wdm.ExAcquireResourceExclusiveLite)
    waiter = Contender(resource, wdm.ExAcquireResourceExclusiveLite)
    told = report(())
    assert f"thread {waiter.thread.number}, waiting for {resource!r}" in told
    assert f"owned by thread {owner.thread.number}" in repr(resource)
    owner.finish()
    waiter.finish()


class Model:
    """The rules of a resource, told without queues of threads: who owns it, and who waits for what."""

    def __init__(self) -> None:
        self.owners: dict[int, int] = {}
        self.is_exclusive = False
        self.waiting: list[tuple[int, bool]] = []

    def acquire(self, who: int, kind: str) -> bool:
        wants_all = kind == "exclusive"
        if who in self.owners and (self.is_exclusive or not wants_all):
            writers_wait = any(exclusive for _, exclusive in self.waiting)
            if self.is_exclusive or kind != "wait" or not writers_wait:
                self.owners[who] += 1
                return True
        elif not self.owners:
            self.owners[who], self.is_exclusive = 1, wants_all
            return True
        elif not wants_all and not self.is_exclusive:
            writers_wait = any(exclusive for _, exclusive in self.waiting)
            if kind == "starve" or not writers_wait:
                self.owners[who] = 1
                return True
        return False

    def release(self, who: int) -> list[int]:
        """Release once; return those that get the resource now."""
        self.owners[who] -= 1
        if self.owners[who]:
            return []
        del self.owners[who]
        if self.owners or not self.waiting:
            return []
        sharers = [each for each, exclusive in self.waiting if not exclusive]
        writers = [each for each, exclusive in self.waiting if exclusive]
        next_ones = sharers if sharers and (self.is_exclusive or not writers) else writers[:1]
        self.is_exclusive = next_ones == writers[:1] and next_ones != sharers
        self.owners = dict.fromkeys(next_ones, 1)
        self.waiting = [each for each in self.waiting if each[0] not in next_ones]
        return next_ones


KINDS: dict[str, Acquire] = {
    "shared": wdm.ExAcquireResourceSharedLite,
    "starve": wdm.ExAcquireSharedStarveExclusive,
    "wait": wdm.ExAcquireSharedWaitForExclusive,
    "exclusive": wdm.ExAcquireResourceExclusiveLite,
}


class Worker:
    """A thread that does one step after the other, as it is told."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.go = wdm.KEVENT()
        wdm.KeInitializeEvent(self.go, wdm.SynchronizationEvent, False)
        self.step: Callable[[], object] | None = None
        self.result: object = None
        self.is_busy = False
        self.thread: Thread = thread(self.run, priority=10)

    def run(self) -> None:
        wdm.KeEnterCriticalRegion()
        while True:
            wdm.KeWaitForSingleObject(self.go, wdm.Executive, wdm.KernelMode, False, None)
            step = self.step
            if step is None:
                break
            self.result = step()
            self.is_busy = False
        wdm.KeLeaveCriticalRegion()

    def do(self, step: Callable[[], object] | None) -> object:
        self.step, self.result, self.is_busy = step, None, step is not None
        wdm.KeSetEvent(self.go, 0, False)
        return self.result


STEPS = st.tuples(st.integers(0, 3), st.sampled_from([*KINDS, "release", "release"]), st.booleans())


@given(st.lists(STEPS, max_size=30))
def test_RES_03_any_order_of_steps_gives_what_the_rules_say(steps: list[tuple[int, str, bool]]) -> None:
    machine = FakeMachine()
    kernel = Kernel(machine, machine)
    try:
        resource = wdm.ERESOURCE()
        wdm.ExInitializeResourceLite(resource)
        workers = [Worker(resource) for _ in range(4)]
        model = Model()
        for who, what, wait in steps:
            worker = workers[who]
            if worker.is_busy:
                continue
            if what == "release":
                if who in model.owners:
                    worker.do(lambda: wdm.ExReleaseResourceLite(resource))
                    model.release(who)
            else:
                granted = model.acquire(who, what)
                wait = wait and (granted or who not in model.owners)  # else the thread would wait for itself
                result = worker.do(partial(KINDS[what], resource, wait))
                assert result is (True if granted else None if wait else False)
                if wait and not granted:
                    model.waiting.append((who, what == "exclusive"))
            waits = {each for each, _ in model.waiting}
            assert {number for number, each in enumerate(workers) if each.is_busy} == waits
            assert resource.active_count == len(model.owners)
            assert bool(resource.flag & wdm.ResourceOwnedExclusive) == (
                model.is_exclusive and bool(model.owners)
            )
    finally:
        kernel.close()
