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
from dirql.nt.constants import KEY_NOTIFY, REG_LEGAL_CHANGE_FILTER, NotificationEvent
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_PENDING
from dirql.ob.manager import running as object_manager

__all__ = ["notify_change_key"]

_NOTIFY: Final = contract("ZwNotifyChangeKey")


class _Request:
    """One call: the status block, and those who are told."""

    __slots__ = ("_apc", "_block", "_event", "_own_event")

    def __init__(self, block: IoStatusBlock, event: Event | None, own_event: Event, apc: Apc | None) -> None:
        self._block = block
        self._event = event
        self._own_event = own_event
        self._apc = apc

    def complete(self, status: int) -> None:
        self._block.status = status
        self._block.information = 0
        self._own_event.set_for_system()
        if self._event is not None:
            self._event.set_for_system()
        if self._apc is not None:
            self._apc.queue(self._block, 0)


def notify_change_key(
    key_handle: int,
    event: Event | None,
    apc_routine: NormalRoutine | None,
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
    an event where C has a handle. A driver has no use for `apc_routine`; a program's is a user APC.
    """
    _NOTIFY.check_with(key_handle, event, io_status_block)
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
    if apc_routine is not None and not callable(apc_routine):
        _NOTIFY.refuse_argument("ApcRoutine", "a routine, or None", apc_routine)
    status, key = lookup_key("ZwNotifyChangeKey", key_handle, KEY_NOTIFY)
    entry = object_manager.value.handles.entry(key_handle)
    if key is None or entry is None:
        return status
    driver = current_driver()
    is_legal = completion_filter and not completion_filter & ~REG_LEGAL_CHANGE_FILTER
    if not is_legal or (driver is not None and apc_routine is not None):
        return STATUS_INVALID_PARAMETER
    apc: Apc | None = None
    if apc_routine is not None:
        apc = completion_apc(get_current_thread(), driver, apc_routine, apc_context, True)
    if event is not None:
        event.clear_for_system()
    own_event = Event()
    own_event.initialize(NotificationEvent, False)
    request = _Request(io_status_block, event, own_event, apc)
    watch = Watch(entry.object, key, completion_filter, bool(watch_tree), request.complete)
    registry.value.watches.add(watch)
    if asynchronous:
        return STATUS_PENDING
    wait_for_single_object(own_event)
    return io_status_block.status
