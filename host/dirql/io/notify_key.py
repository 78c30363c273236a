# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""ZwNotifyChangeKey: waits for a change of a key of the registry."""

from __future__ import annotations

from typing import Final

from dirql.cm.objects import lookup_key
from dirql.cm.registry import running as registry
from dirql.cm.watches import Watch
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import get_current_thread
from dirql.ke.guard import current_driver
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.threads.apc import Apc, NormalRoutine, completion_apc
from dirql.ke.threads.wait import wait_for_single_object
from dirql.ke.threads.work_queue import WorkItem
from dirql.nt.constants import KEY_NOTIFY, REG_LEGAL_CHANGE_FILTER, NotificationEvent
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_PENDING
from dirql.ob.manager import running as object_manager
from dirql.ob.waitable import event_of_handle

__all__ = ["notify_change_key"]

_NOTIFY: Final = contract("ZwNotifyChangeKey")


class _QueuedItem:
    """A work item of a driver, and the queue into which it goes."""

    __slots__ = ("item", "queue_type")

    def __init__(self, item: WorkItem, queue_type: int) -> None:
        self.item = item
        self.queue_type = queue_type


_Told = Apc | _QueuedItem | None


class _Request:
    """One call: the status block, and those who are told."""

    __slots__ = ("_block", "_event", "_own_event", "_told")

    def __init__(self, block: IoStatusBlock, event: Event | None, own_event: Event, told: _Told) -> None:
        self._block = block
        self._event = event
        self._own_event = own_event
        self._told = told

    def complete(self, status: int) -> None:
        self._block.status = status
        self._block.information = 0
        self._own_event.set_for_system()
        if self._event is not None:
            self._event.set_for_system()
        if isinstance(self._told, Apc):
            self._told.queue(self._block, 0)
        elif self._told is not None:
            self._told.item.queue(self._told.queue_type)


def _check_routine(routine: object, context: object, is_driver: bool) -> None:
    """Raise `TypeError` for what cannot be told of a change."""
    if routine is None:
        return
    if not is_driver:
        if not callable(routine):
            _NOTIFY.refuse_argument("ApcRoutine", "a routine, or None", routine)
    elif not isinstance(routine, WorkItem) and not callable(routine):
        _NOTIFY.refuse_argument("ApcRoutine", "a WORK_QUEUE_ITEM where a driver calls, or None", routine)
    elif isinstance(routine, WorkItem) and not isinstance(context, int):
        _NOTIFY.refuse_argument(
            "ApcContext", "the queue for the work item, such as DelayedWorkQueue", context
        )


def notify_change_key(
    key_handle: int,
    event: Event | int | None,
    apc_routine: NormalRoutine | WorkItem | None,
    apc_context: object,
    io_status_block: IoStatusBlock,
    completion_filter: int,
    watch_tree: int,
    buffer: int | None,
    buffer_size: int,
    asynchronous: int,
) -> int:
    """Wait for the next change of a key, or with `asynchronous` return at once; follows ZwNotifyChangeKey (row REG-17).

    `completion_filter` are REG_NOTIFY_CHANGE_ flags; with `watch_tree` changes of all keys below count too. `event` is
    a handle, or an event itself. A driver's `apc_routine` is a work item (WORK_QUEUE_ITEM), and `apc_context` the queue
    for it; a program's is a user APC.
    """
    _NOTIFY.check_with(key_handle, io_status_block)
    _NOTIFY.check_arguments(
        key_handle,
        event,
        apc_routine,
        apc_context,
        io_status_block,
        completion_filter,
        watch_tree,
        buffer,
        buffer_size,
        asynchronous,
    )
    found, signalled = event_of_handle(_NOTIFY, event)
    if not nt_success(found):
        return found
    driver = current_driver()
    _check_routine(apc_routine, apc_context, driver is not None)
    status, key = lookup_key("ZwNotifyChangeKey", key_handle, KEY_NOTIFY)
    entry = object_manager.value.handles.entry(key_handle)
    if key is None or entry is None:
        return status
    is_legal = completion_filter and not completion_filter & ~REG_LEGAL_CHANGE_FILTER
    if not is_legal or (driver is not None and callable(apc_routine)):
        return STATUS_INVALID_PARAMETER
    told: _Told = None
    if isinstance(apc_routine, WorkItem):
        assert isinstance(apc_context, int)
        told = _QueuedItem(apc_routine, apc_context)
    elif apc_routine is not None:
        told = completion_apc(get_current_thread(), driver, apc_routine, apc_context, True)
    if signalled is not None:
        signalled.clear_for_system()
    own_event = Event()
    own_event.initialize(NotificationEvent, False)
    request = _Request(io_status_block, signalled, own_event, told)
    watch = Watch(entry.object, key, completion_filter, bool(watch_tree), request.complete)
    registry.value.watches.add(watch)
    if asynchronous:
        return STATUS_PENDING
    wait_for_single_object(own_event)
    return io_status_block.status
