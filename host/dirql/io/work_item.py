# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Work items of devices and drivers, which keep their object while they are queued (IoQueueWorkItem)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, cast

from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, DriverObject
from dirql.io.unload import finish_unload
from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import current_driver, describe
from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.ke.threads.work_queue import WorkItem, work_queues
from dirql.nt.bugcodes import BAD_POOL_CALLER, POOL_CALLER_DOUBLE_FREE, WORKER_INVALID

__all__ = [
    "IoWorkItem",
    "WorkItemRoutine",
    "WorkItemRoutineEx",
    "allocate_work_item",
    "initialize_work_item",
    "size_of_work_item",
]

_ALLOCATE: Final = contract("IoAllocateWorkItem")
_FREE: Final = contract("IoFreeWorkItem")
_INITIALIZE: Final = contract("IoInitializeWorkItem")
_UNINITIALIZE: Final = contract("IoUninitializeWorkItem")
_QUEUE: Final = contract("IoQueueWorkItem")
_TRY_QUEUE: Final = contract("IoTryQueueWorkItem")
_QUEUE_EX: Final = contract("IoQueueWorkItemEx")

WorkItemRoutine = Callable[[DeviceObject, object], object]
WorkItemRoutineEx = Callable[[object, object, "IoWorkItem"], object]

_QUEUED_FREED: Final = 2
_INVALID_OBJECT: Final = 3
_SIZE: Final = 0x58
"""The bytes of an IO_WORKITEM on x64."""


class IoWorkItem:
    """A work item of a device object or a driver object (IO_WORKITEM)."""

    __slots__ = ("driver", "io_object", "is_allocated", "item", "place")

    def __init__(self) -> None:
        """Make an item that IoInitializeWorkItem has to initialize; IoAllocateWorkItem gives one that is ready."""
        self.item = WorkItem()
        self.io_object: DeviceObject | DriverObject | None = None
        self.is_allocated = False
        self.place = mark()
        """The place of the driver that made the item."""
        self.driver: object = None

    def __repr__(self) -> str:
        state = ", queued" if self.item.is_queued else ""
        return f"<work item of {self.io_object!r}{state}>"

    def prepare(self, io_object: object) -> None:
        """Let the item belong to a device or a driver."""
        if not isinstance(io_object, DeviceObject | DriverObject):
            self._refuse_owner(io_object)
        self.io_object = io_object
        self.driver = current_driver()

    def uninitialize(self) -> None:
        """End the use of an item that `initialize` made ready; follows IoUninitializeWorkItem."""
        _UNINITIALIZE.check(self)
        self._check_free("IoUninitializeWorkItem")

    def free(self) -> None:
        """Free an item of IoAllocateWorkItem; follows IoFreeWorkItem. The item's own routine may do that.

        Bug check 0xE4/2 for an item that is queued, 0xC2/7 for one that was freed before or was not allocated.
        """
        _FREE.check(self)
        self._check_free("IoFreeWorkItem")
        if not self.is_allocated:
            reason = (
                "a work item for IoFreeWorkItem must come from IoAllocateWorkItem, and must be freed once;"
                f" {self!r} was freed before, or came from IoInitializeWorkItem: end the use of such an item with"
                " IoUninitializeWorkItem"
            )
            bug_check(BAD_POOL_CALLER, POOL_CALLER_DOUBLE_FREE, 0, 0, self, reason=reason)
        del io_manager.value.work_items[self]
        self.is_allocated = False
        self.io_object = None

    def queue(self, worker_routine: WorkItemRoutine, queue_type: int, context: object) -> None:
        """Have a system thread call `worker_routine(device, context)`; follows IoQueueWorkItem."""
        _QUEUE.check(self)
        _QUEUE.check_arguments(self, worker_routine, queue_type, context)
        self._queue(
            worker_routine, lambda: worker_routine(cast("DeviceObject", self.io_object), context), queue_type
        )

    def queue_ex(self, worker_routine: WorkItemRoutineEx, queue_type: int, context: object) -> None:
        """Have a system thread call `worker_routine(object, context, item)`; follows IoQueueWorkItemEx."""
        _QUEUE_EX.check(self)
        _QUEUE_EX.check_arguments(self, worker_routine, queue_type, context)
        self._queue(worker_routine, lambda: worker_routine(self.io_object, context, self), queue_type)

    def try_queue(self, worker_routine: WorkItemRoutineEx, queue_type: int, context: object) -> bool:
        """Do as `queue_ex`, and return FALSE for an item that is queued already; follows IoTryQueueWorkItem."""
        _TRY_QUEUE.check(self)
        _TRY_QUEUE.check_arguments(self, worker_routine, queue_type, context)
        if self.item.is_queued:
            return False
        self._queue(worker_routine, lambda: worker_routine(self.io_object, context, self), queue_type)
        return True

    def _queue(self, routine: object, call: Callable[[], object], queue_type: int) -> None:
        work = self.item
        if not work.is_queued:
            io_object = self.io_object
            if io_object is None:
                self._refuse_owner(None)
            owner = io_object.driver_object if isinstance(io_object, DeviceObject) else io_object
            io_object.reference()
            queued = io_manager.value.queued_work
            queued[owner] = queued.get(owner, 0) + 1

            def run(parameter: object) -> None:
                del parameter
                call()
                queued[owner] -= 1
                io_object.dereference()
                finish_unload(owner)

            run.__qualname__ = getattr(routine, "__qualname__", repr(routine))
            run.__module__ = getattr(routine, "__module__", None) or run.__module__
            work.worker_routine = run
            work.parameter = self
            work.driver = self.driver
        work_queues.value.queue(work, queue_type)

    def _refuse_owner(self, io_object: object) -> NoReturn:
        reason = (
            "a work item must belong to a device object or a driver object; it was to belong to"
            f" {io_object!r}: initialize it with the device whose work it does, and do not use it after it was freed"
        )
        bug_check(WORKER_INVALID, _INVALID_OBJECT, self, io_object, 0, reason=reason)

    def _check_free(self, routine: str) -> None:
        if self.item.is_queued:
            self._refuse(routine)

    def _refuse(self, routine: str) -> NoReturn:
        reason = (
            f"{routine}: a work item must not be freed while it is queued; {self!r} was, with"
            f" {describe(self.item.worker_routine)}: free it in its routine, or wait until that has been called"
        )
        bug_check(WORKER_INVALID, _QUEUED_FREED, self, self.item.worker_routine, 0, reason=reason)


def initialize_work_item(io_object: object, io_work_item: IoWorkItem) -> None:
    """Make an item ready that is in memory of the driver; follows IoInitializeWorkItem.

    Bug check 0xE4/3 for an object that is neither a device nor a driver.
    """
    _INITIALIZE.check_with(io_object, io_work_item)
    io_work_item.prepare(io_object)


def allocate_work_item(device_object: DeviceObject) -> IoWorkItem:
    """Make a work item for a device; follows IoAllocateWorkItem. There is always memory for it."""
    _ALLOCATE.check(device_object)
    item = IoWorkItem()
    item.prepare(device_object)
    item.is_allocated = True
    io_manager.value.work_items[item] = None
    return item


def size_of_work_item() -> int:
    """Return the size of a work item in bytes; follows IoSizeofWorkItem."""
    return _SIZE
