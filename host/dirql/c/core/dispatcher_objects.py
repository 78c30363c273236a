# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects to wait for, fast mutexes and DPCs in memory: drivers in C read and write their members directly.

The state is in memory alone, so what a driver writes there counts. The list of waiters is the kernel's: its head in
memory is that of an empty list.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.c.core.forms import Converters
from dirql.c.core.interface import STRUCTURES
from dirql.c.core.native_module import Native
from dirql.c.core.views import Member, View, method
from dirql.ke.locks.fast_mutex import FastMutex
from dirql.ke.locks.queued_spin_lock import LockQueueHandle
from dirql.ke.objects.dispatcher_object import DispatcherHeader, DispatcherObject
from dirql.ke.objects.mutex import Mutex
from dirql.ke.objects.semaphore import Semaphore
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.dpc import Dpc
from dirql.nt.constants import (
    EventNotificationObject,
    EventSynchronizationObject,
    MutantObject,
    QueueObject,
    SemaphoreObject,
    TimerNotificationObject,
    TimerSynchronizationObject,
)

__all__ = ["DispatcherObjects"]

_HEAD: Final = struct.Struct("<BxBx")
_LINKS: Final = struct.Struct("<QQ")
_WAIT_LIST: Final = STRUCTURES["DISPATCHER_HEADER"][2]["WaitListHead"][0]
_APC_DISABLE: Final = STRUCTURES["KMUTANT"][2]["ApcDisable"][0]
_LONG: Final = 4
_SIZES: Final = {
    kind: STRUCTURES[structure][0] // _LONG
    for kind, structure in {
        EventNotificationObject: "KEVENT",
        EventSynchronizationObject: "KEVENT",
        MutantObject: "KMUTANT",
        QueueObject: "KQUEUE",
        SemaphoreObject: "KSEMAPHORE",
        TimerNotificationObject: "KTIMER",
        TimerSynchronizationObject: "KTIMER",
    }.items()
}
"""The size in the header of each kind of object, in units of four bytes."""
_MEMBERS: Final[dict[type, tuple[str, tuple[Member, ...]]]] = {
    Semaphore: ("KSEMAPHORE", (Member("Limit", "limit"),)),
    Mutex: ("KMUTANT", (Member("OwnerThread", "owner_thread"),)),
    Timer: ("KTIMER", (Member("Period", "period"), Member("Dpc", "dpc"))),
    FastMutex: (
        "FAST_MUTEX",
        (
            Member("Owner", "owner"),
            Member("Count", "count"),
            Member("Contention", "contention"),
            Member("OldIrql", "old_irql"),
        ),
    ),
    LockQueueHandle: ("KLOCK_QUEUE_HANDLE", (Member("OldIrql", "old_irql"),)),
    Dpc: (
        "KDPC",
        (
            Member("Importance", "importance"),
            Member("Type", "type"),
            Member("Number", "number"),
            Member("DeferredRoutine", "deferred_routine"),
            Member("DeferredContext", "deferred_context"),
            Member("SystemArgument1", "system_argument1"),
            Member("SystemArgument2", "system_argument2"),
            Member("DpcData", "dpc_data"),
        ),
    ),
}
"""The members that are in memory besides the header. An owner comes first: only there a thread has a number for C."""


class DispatcherObjects:
    """Makes views of the objects for which threads wait, as long as their memory is there."""

    def __init__(
        self, native: Native, converters: Converters, is_resident: Callable[[int, int], bool]
    ) -> None:
        """`is_resident` tells whether memory of the system is never paged out."""
        self._native = native
        self._is_resident = is_resident
        state = (Member("SignalState", "signal_state"),)
        extra = {"initialize": method(self._initialize)}
        self._headers = View(native, converters, DispatcherHeader, "DISPATCHER_HEADER", state, extra=extra)
        self._views = {
            kind: View(native, converters, kind, structure, members)
            for kind, (structure, members) in _MEMBERS.items()
        }

    def promote(self, instance: object, address: int) -> None:
        """Let the state of an object be in memory at `address`, if it is an object to wait for."""
        for kind, view in self._views.items():
            if isinstance(instance, kind) and self._is_resident(address, view.size):
                view.promote(instance, address)
        if isinstance(instance, DispatcherObject) and self._is_resident(address, self._headers.size):
            header = instance.header
            self._headers.promote(header, address)
            if header.type >= 0:
                self._tell(header, address)

    def demote(self, instance: object) -> None:
        """Let an object be in memory no more, because that is free."""
        for kind, view in self._views.items():
            if isinstance(instance, kind) and type(instance) in self._native.view_slots:
                view.demote(instance)
        if isinstance(instance, DispatcherObject) and type(instance.header) in self._native.view_slots:
            self._headers.demote(instance.header)

    def _initialize(self, header: DispatcherHeader, type: int, signal_state: int) -> None:
        """`DispatcherHeader.initialize`, in memory too."""
        header.type = type
        header.signal_state = signal_state
        header.wait_list.clear()
        self._tell(header, self._headers.address(header))

    def _tell(self, header: DispatcherHeader, address: int) -> None:
        """Write the members that say what the object is."""
        self._native.write_bytes(address, _HEAD.pack(header.type, _SIZES.get(header.type, 0)))
        if header.type == MutantObject:
            self._native.write_bytes(address + _APC_DISABLE, b"\1")
        head = address + _WAIT_LIST
        self._native.write_bytes(head, _LINKS.pack(head, head))
