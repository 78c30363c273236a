# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Executive resources: locks that many threads share or one thread owns alone.

An owner is the number of a thread (ERESOURCE_THREAD), or a pointer that ExSetResourceOwnerPointer has put in its place.
A thread may acquire a resource again that it owns, and releases it as often.

Who waits, and who comes next:

- A request to share waits while another thread owns the resource alone, and, if its thread is no owner yet, while a
  request for exclusive access waits. ExAcquireSharedStarveExclusive ignores those that wait;
  ExAcquireSharedWaitForExclusive waits for them even in a thread that shares the resource already.
- When the exclusive owner is done, all that wait to share come next, else one that waits for exclusive access. When the
  last of those is done that share, one that waits for exclusive access comes next.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NoReturn

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import is_verified
from dirql.ke.locks.ownership import Gate
from dirql.ke.objects.blank import refuse_blank
from dirql.ke.processors.contract import contract
from dirql.ke.threads.regions import enter_critical_region, leave_critical_region
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    RESOURCE_NOT_OWNED,
    VF_ACQUIRE_RESOURCE_APC,
    VF_DEADLOCK_DELETED_WHILE_OWNED,
    VF_RELEASE_RESOURCE_APC,
)
from dirql.nt.constants import APC_LEVEL, KernelMode, ResourceOwnedExclusive, SynchronizationEvent, WrResource
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["Resource", "current_resource_thread", "is_resource_acquired", "release_resource"]

_INITIALIZE: Final = contract("ExInitializeResourceLite")
_REINITIALIZE: Final = contract("ExReinitializeResourceLite")
_DELETE: Final = contract("ExDeleteResourceLite")
_ACQUIRE_EXCLUSIVE: Final = contract("ExAcquireResourceExclusiveLite")
_ACQUIRE_SHARED: Final = contract("ExAcquireResourceSharedLite")
_STARVE_EXCLUSIVE: Final = contract("ExAcquireSharedStarveExclusive")
_WAIT_FOR_EXCLUSIVE: Final = contract("ExAcquireSharedWaitForExclusive")
_RELEASE: Final = contract("ExReleaseResourceLite")
_RELEASE_FOR_THREAD: Final = contract("ExReleaseResourceForThreadLite")
_CONVERT: Final = contract("ExConvertExclusiveToSharedLite")
_SET_OWNER: Final = contract("ExSetResourceOwnerPointer")
_SET_OWNER_EX: Final = contract("ExSetResourceOwnerPointerEx")
_IS_EXCLUSIVE: Final = contract("ExIsResourceAcquiredExclusiveLite")
_IS_SHARED: Final = contract("ExIsResourceAcquiredSharedLite")
_EXCLUSIVE_WAITERS: Final = contract("ExGetExclusiveWaiterCount")
_SHARED_WAITERS: Final = contract("ExGetSharedWaiterCount")
_ENTER_EXCLUSIVE: Final = contract("ExEnterCriticalRegionAndAcquireResourceExclusive")
_ENTER_SHARED: Final = contract("ExEnterCriticalRegionAndAcquireResourceShared")
_ENTER_WAIT_FOR_EXCLUSIVE: Final = contract("ExEnterCriticalRegionAndAcquireSharedWaitForExclusive")
_RELEASE_AND_LEAVE: Final = contract("ExReleaseResourceAndLeaveCriticalRegion")
_RELEASE_RESOURCE: Final = contract("ExReleaseResource")
_IS_ACQUIRED: Final = contract("ExIsResourceAcquiredLite")

_THREAD_SHIFT: Final = 4
"""Numbers of threads leave the lowest bits free, which owner pointers set."""


def _name_of(thread: Thread) -> int:
    """The ERESOURCE_THREAD of a thread."""
    return thread.number << _THREAD_SHIFT


def current_resource_thread() -> int:
    """Return the number by which the current thread owns resources; follows ExGetCurrentResourceThread."""
    return _name_of(current.processor.current_thread)


def release_resource(resource: Resource) -> None:
    """Undo one acquisition of the current thread; follows ExReleaseResource, an older name of ExReleaseResourceLite."""
    _RELEASE_RESOURCE.check_arguments(resource)
    resource.release()


def is_resource_acquired(resource: Resource) -> int:
    """Return the acquisitions of the current thread; follows ExIsResourceAcquiredLite."""
    _IS_ACQUIRED.check_arguments(resource)
    return resource.is_acquired_shared()


class _Waiter:
    """A thread that waits for a resource."""

    __slots__ = ("gate", "name", "thread")

    def __init__(self, resource: Resource, thread: Thread) -> None:
        self.thread = thread
        self.name = _name_of(thread)
        self.gate = Gate(resource)
        self.gate.initialize(SynchronizationEvent, False)


@mypyc_attr(allow_interpreted_subclasses=True)
class Resource:
    """An executive resource (ERESOURCE)."""

    __slots__ = (
        "_exclusive",
        "_holders",
        "_is_live",
        "_owners",
        "_shared",
        "active_count",
        "contention_count",
        "flag",
    )

    def __init__(self) -> None:
        """Make a resource that has to be initialized before its use."""
        self._owners: dict[int, int] = {}
        self._holders: dict[int, Thread] = {}
        self._exclusive = deque[_Waiter]()
        self._shared = deque[_Waiter]()
        self._is_live = False
        self.active_count = 0
        """The number of owners that share the resource, or 1 for the exclusive owner."""
        self.contention_count = 0
        """The number of times that a thread has waited."""
        self.flag = 0
        """ResourceOwnedExclusive while one owner has the resource alone."""

    def __repr__(self) -> str:
        if not self._is_live:
            return f"<resource {id(self):#x}, not initialized>"
        if not self._owners:
            return f"<resource {id(self):#x}, free>"
        names = ", ".join(
            f"thread {self._holders[name].number}" if name in self._holders else f"{name:#x}"
            for name in self._owners
        )
        kind = "owned by" if self.flag & ResourceOwnedExclusive else "shared by"
        return f"<resource {id(self):#x}, {kind} {names}>"

    @property
    def number_of_shared_waiters(self) -> int:
        """The number of threads that wait to share the resource."""
        return len(self._shared)

    @property
    def number_of_exclusive_waiters(self) -> int:
        """The number of threads that wait for exclusive access."""
        return len(self._exclusive)

    def initialize(self) -> int:
        """Make the resource free; follows ExInitializeResourceLite. Returns STATUS_SUCCESS."""
        _INITIALIZE.check(self)
        self._forget()
        self._is_live = True
        return STATUS_SUCCESS

    def reinitialize(self) -> int:
        """Make a resource free again that nobody uses; follows ExReinitializeResourceLite. Returns STATUS_SUCCESS."""
        _REINITIALIZE.check(self)
        self._check_live("ExReinitializeResourceLite")
        self._forget()
        return STATUS_SUCCESS

    def delete(self) -> int:
        """End the resource, which nobody may own or wait for; follows ExDeleteResourceLite. Returns STATUS_SUCCESS.

        Bug check 0xC4/0x100B if a verified driver deletes a resource that a thread owns.
        """
        _DELETE.check(self)
        self._check_live("ExDeleteResourceLite")
        if (self._owners or self._shared or self._exclusive) and is_verified():
            reason = (
                f"ExDeleteResourceLite: nobody may own the resource or wait for it; it was {self!r} with"
                f" {len(self._shared) + len(self._exclusive)} waiting: release it first"
            )
            code, owner = DRIVER_VERIFIER_DETECTED_VIOLATION, next(iter(self._holders.values()), 0)
            bug_check(code, VF_DEADLOCK_DELETED_WHILE_OWNED, self, owner, 0, reason=reason)
        self._forget()
        self._is_live = False
        return STATUS_SUCCESS

    def acquire_exclusive(self, wait: int) -> bool:
        """Acquire the resource alone; follows ExAcquireResourceExclusiveLite.

        Returns False if another owner has it and `wait` is FALSE.
        """
        _ACQUIRE_EXCLUSIVE.check(self)
        thread = self._begin("ExAcquireResourceExclusiveLite")
        name = _name_of(thread)
        if not self._owners:
            self.flag |= ResourceOwnedExclusive
            self._grant(name, thread)
            return True
        if self.flag & ResourceOwnedExclusive and name in self._owners:
            self._owners[name] += 1
            return True
        return self._wait(self._exclusive, thread) if wait else False

    def acquire_shared(self, wait: int) -> bool:
        """Acquire the resource together with others; follows ExAcquireResourceSharedLite."""
        _ACQUIRE_SHARED.check(self)
        thread = self._begin("ExAcquireResourceSharedLite")
        return self._share(thread, wait, bool(self._exclusive) and _name_of(thread) not in self._owners)

    def acquire_shared_starve_exclusive(self, wait: int) -> bool:
        """Do as `acquire_shared`, before all that wait for it alone; follows ExAcquireSharedStarveExclusive."""
        _STARVE_EXCLUSIVE.check(self)
        return self._share(self._begin("ExAcquireSharedStarveExclusive"), wait, False)

    def acquire_shared_wait_for_exclusive(self, wait: int) -> bool:
        """Do as `acquire_shared`, after all that wait for it alone; follows ExAcquireSharedWaitForExclusive."""
        _WAIT_FOR_EXCLUSIVE.check(self)
        return self._share(self._begin("ExAcquireSharedWaitForExclusive"), wait, bool(self._exclusive))

    def release(self) -> None:
        """Undo one acquisition of the current thread; follows ExReleaseResourceLite (and ExReleaseResource).

        Bug check 0xE3 if the thread does not own the resource.
        """
        _RELEASE.check(self)
        self._check_live("ExReleaseResourceLite")
        thread = current.processor.current_thread
        self._check_apcs(thread, VF_RELEASE_RESOURCE_APC, "ExReleaseResourceLite")
        self._drop(_name_of(thread), thread)

    def release_for_thread(self, resource_thread_id: int) -> None:
        """Undo one acquisition of an owner, by its number or pointer; follows ExReleaseResourceForThreadLite."""
        _RELEASE_FOR_THREAD.check(self)
        _RELEASE_FOR_THREAD.check_arguments(self, resource_thread_id)
        self._check_live("ExReleaseResourceForThreadLite")
        self._drop(resource_thread_id, current.processor.current_thread)

    def convert_exclusive_to_shared(self) -> None:
        """Let the exclusive owner share the resource from now on; follows ExConvertExclusiveToSharedLite."""
        _CONVERT.check(self)
        self._check_live("ExConvertExclusiveToSharedLite")
        name = current_resource_thread()
        if not (self.flag & ResourceOwnedExclusive and name in self._owners):
            report_defect(
                "RES-01",
                "ExConvertExclusiveToSharedLite must be called by the thread that owns the resource alone; it was"
                f" {self!r}: acquire it with ExAcquireResourceExclusiveLite before",
            )
            return
        self.flag &= ~ResourceOwnedExclusive
        self._grant_shared()

    def set_owner_pointer(self, owner_pointer: int) -> None:
        """Put a pointer in the place of the current thread, as the owner; follows ExSetResourceOwnerPointer.

        Then only ExReleaseResourceForThreadLite with that pointer releases the resource.
        """
        _SET_OWNER.check(self)
        _SET_OWNER.check_arguments(self, owner_pointer)
        self._rename("ExSetResourceOwnerPointer", owner_pointer)

    def set_owner_pointer_ex(self, owner_pointer: int, flags: int) -> None:
        """Do as `set_owner_pointer`; follows ExSetResourceOwnerPointerEx. `flags` mean nothing without boosts."""
        _SET_OWNER_EX.check(self)
        _SET_OWNER_EX.check_arguments(self, owner_pointer, flags)
        self._rename("ExSetResourceOwnerPointerEx", owner_pointer)

    def is_acquired_exclusive(self) -> bool:
        """Whether the current thread owns the resource alone; follows ExIsResourceAcquiredExclusiveLite."""
        _IS_EXCLUSIVE.check(self)
        return bool(self.flag & ResourceOwnedExclusive) and current_resource_thread() in self._owners

    def is_acquired_shared(self) -> int:
        """Return the acquisitions of the current thread, of both kinds; follows ExIsResourceAcquiredSharedLite."""
        _IS_SHARED.check(self)
        return self._owners.get(current_resource_thread(), 0)

    def exclusive_waiter_count(self) -> int:
        """Return the number of threads that wait for exclusive access; follows ExGetExclusiveWaiterCount."""
        _EXCLUSIVE_WAITERS.check(self)
        return len(self._exclusive)

    def shared_waiter_count(self) -> int:
        """Return the number of threads that wait to share; follows ExGetSharedWaiterCount."""
        _SHARED_WAITERS.check(self)
        return len(self._shared)

    def disable_boost(self) -> None:
        """Do nothing, because waiters do not boost the owner; follows ExDisableResourceBoostLite."""

    # Acquisitions inside a critical region.

    def enter_region_and_acquire_exclusive(self) -> None:
        """Enter a critical region and acquire; follows ExEnterCriticalRegionAndAcquireResourceExclusive."""
        _ENTER_EXCLUSIVE.check(self)
        enter_critical_region()
        self.acquire_exclusive(True)

    def enter_region_and_acquire_shared(self) -> None:
        """Enter a critical region and share; follows ExEnterCriticalRegionAndAcquireResourceShared."""
        _ENTER_SHARED.check(self)
        enter_critical_region()
        self.acquire_shared(True)

    def enter_region_and_acquire_shared_wait_for_exclusive(self) -> None:
        """Do both in that order; follows ExEnterCriticalRegionAndAcquireSharedWaitForExclusive."""
        _ENTER_WAIT_FOR_EXCLUSIVE.check(self)
        enter_critical_region()
        self.acquire_shared_wait_for_exclusive(True)

    def release_and_leave_region(self) -> None:
        """Release, then leave the critical region; follows ExReleaseResourceAndLeaveCriticalRegion."""
        _RELEASE_AND_LEAVE.check(self)
        self.release()
        leave_critical_region()

    # The parts.

    def _forget(self) -> None:
        for thread in self._holders.values():
            if self in thread.held:
                thread.held.remove(self)
        self._owners.clear()
        self._holders.clear()
        self._exclusive.clear()
        self._shared.clear()
        self.active_count = self.contention_count = self.flag = 0

    def _check_live(self, routine: str) -> None:
        if not self._is_live:
            refuse_blank(self, routine, "ExInitializeResourceLite")

    def _begin(self, routine: str) -> Thread:
        """Check what each acquisition needs; return the current thread."""
        self._check_live(routine)
        thread = current.processor.current_thread
        self._check_apcs(thread, VF_ACQUIRE_RESOURCE_APC, routine)
        return thread

    def _check_apcs(self, thread: Thread, violation: int, routine: str) -> None:
        """Bug check 0xC4 for a verified driver whose thread could be stopped by a normal kernel APC meanwhile."""
        if thread.kernel_apc_disable or thread.special_apc_disable or thread.is_system or not is_verified():
            return
        irql = current.processor.irql
        if irql >= APC_LEVEL:
            return
        reason = (
            f"{routine}: normal kernel APCs must be disabled, or the owner may be stopped while others wait for it;"
            f" they were enabled in {thread!r}: call KeEnterCriticalRegion before, and KeLeaveCriticalRegion after the"
            " release"
        )
        bug_check(
            DRIVER_VERIFIER_DETECTED_VIOLATION,
            violation,
            irql,
            thread.kernel_apc_disable,
            self,
            reason=reason,
        )

    def _share(self, thread: Thread, wait: int, must_wait: bool) -> bool:
        name = _name_of(thread)
        if self.flag & ResourceOwnedExclusive:
            if name in self._owners:
                self._owners[name] += 1
                return True
        elif not self._owners or not must_wait:
            self._grant(name, thread)
            return True
        return self._wait(self._shared, thread) if wait else False

    def _grant(self, name: int, thread: Thread) -> None:
        """Let a thread own the resource once more."""
        if name not in self._owners:
            self.active_count += 1
            self._holders[name] = thread
            thread.held.append(self)
        self._owners[name] = self._owners.get(name, 0) + 1

    def _wait(self, queue: deque[_Waiter], thread: Thread) -> bool:
        self.contention_count += 1
        waiter = _Waiter(self, thread)
        queue.append(waiter)
        wait_for_single_object(waiter.gate, WrResource, KernelMode, False, None)
        return True

    def _rename(self, routine: str, owner_pointer: int) -> None:
        self._check_live(routine)
        name = current_resource_thread()
        if name not in self._owners:
            self._refuse(name, current.processor.current_thread)
        self._owners[owner_pointer] = self._owners.get(owner_pointer, 0) + self._owners.pop(name)
        holder = self._holders.pop(name)
        holder.held.remove(self)

    def _drop(self, name: int, thread: Thread) -> None:
        count = self._owners.get(name, 0)
        if not count:
            self._refuse(name, thread)
        if count > 1:
            self._owners[name] = count - 1
            return
        del self._owners[name]
        self.active_count -= 1
        holder = self._holders.pop(name, None)
        if holder is not None:
            holder.held.remove(self)
        if not self._owners:
            self._pass_on()

    def _pass_on(self) -> None:
        """Let those own the resource that come next."""
        was_exclusive = self.flag & ResourceOwnedExclusive
        self.flag &= ~ResourceOwnedExclusive
        if self._shared and (was_exclusive or not self._exclusive):
            self._grant_shared()
        elif self._exclusive:
            self.flag |= ResourceOwnedExclusive
            self._admit(self._exclusive.popleft())
            current.dispatcher.preempt()

    def _grant_shared(self) -> None:
        waiters, self._shared = self._shared, deque()
        for waiter in waiters:
            self._admit(waiter)
        if waiters:
            current.dispatcher.preempt()

    def _admit(self, waiter: _Waiter) -> None:
        self._grant(waiter.name, waiter.thread)
        waiter.gate.header.signal_state = 1
        waiter.gate.wake()

    def _refuse(self, name: int, thread: Thread) -> NoReturn:
        reason = (
            f"a resource must be released by an owner; {name:#x} was released, in {thread!r}, and it was {self!r}:"
            " release it as often as it was acquired, in the same thread"
        )
        bug_check(RESOURCE_NOT_OWNED, self, thread, 0, 0, reason=reason)
