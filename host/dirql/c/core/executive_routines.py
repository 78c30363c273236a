# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Work items, kernel routines of APCs, entries of the error log and waits for handles, as drivers in C have them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.arena import Arena
from dirql.c.core.native_module import Native
from dirql.c.core.objects import Objects
from dirql.io.error_log import ErrorLogPacket, allocate_error_log_entry
from dirql.io.objects import DeviceObject, DriverObject
from dirql.io.work_item import IoWorkItem, initialize_work_item, size_of_work_item
from dirql.ke.threads.apc import Apc
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.work_queue import WorkerRoutine, WorkItem
from dirql.ob.waitable import wait_for_objects
from dirql.po.policy import CountedReasonContext, create_power_request as power_request
from dirql.rtl.strings import UnicodeString

__all__ = ["executive_routines"]

_ITEM: Final = struct.Struct("<16xQQ")
"""WORK_QUEUE_ITEM, whose members the macro ExInitializeWorkItem has filled in."""
_CELLS: Final = struct.Struct("<4Q")
_POINTER_SIZE: Final = 8
_ENTRY: Final = struct.Struct("<BBHHHH2xIIIIIq")
_REASON: Final = struct.Struct("<IIHH4xQ")
_SIMPLE_STRING: Final = 1
"""The flag of a reason that is one string (DIAGNOSTIC_REASON_SIMPLE_STRING)."""
_WORD: Final = struct.Struct("<I")


def executive_routines(native: Native, objects: Objects, arena: Arena) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""

    def queue_item(address: int, queue_type: int) -> None:
        routine, parameter = _ITEM.unpack(objects.read(address, _ITEM.size))
        item = native.objects.get(address)
        if not isinstance(item, WorkItem):
            item = WorkItem()
            objects.place(item, address)
        if routine and not item.is_queued:
            item.initialize(
                cast(WorkerRoutine, _routine(native, objects, "WORKER_THREAD_ROUTINE", routine)),
                native.objects.get(parameter, parameter or None),
            )
        item.queue(queue_type)

    def initialize_io_item(io_object: object, address: int) -> None:
        item = IoWorkItem()
        objects.write(address, bytes(size_of_work_item()))
        objects.place(item, address)
        initialize_work_item(io_object, item)

    def initialize_apc(
        apc: Apc,
        thread: Thread,
        environment: int,
        kernel: Callable[..., object],
        rundown: Callable[..., object] | None,
        normal: Callable[..., object] | None,
        mode: int,
        context: object,
    ) -> None:
        called = _KernelRoutine(native, objects, arena, kernel)
        apc.initialize(thread, environment, called, rundown, normal, mode, context)

    def wait(count: int, array: int, wait_type: int, alertable: bool, timeout: int | None) -> int:
        size = _POINTER_SIZE * min(count, 64)
        handles = struct.unpack(f"<{size // _POINTER_SIZE}Q", objects.read(array, size)) if size else ()
        return wait_for_objects(count, handles, wait_type, alertable, timeout)

    def create_power_request(place: int, device: DeviceObject | None, reason: int | None) -> int:
        context = None if reason is None else _reason(objects, reason)
        status, made = power_request(device, context)
        if made is not None:
            objects.write(place, objects.pointer_to(made).to_bytes(_POINTER_SIZE, "little"))
        return status

    log = _ErrorLog(objects, arena)
    return {
        "ExQueueWorkItem": queue_item,
        "IoAllocateErrorLogEntry": log.allocate,
        "IoInitializeWorkItem": initialize_io_item,
        "IoFreeErrorLogEntry": log.free,
        "IoWriteErrorLogEntry": log.write,
        "KeInitializeApc": initialize_apc,
        "PoCreatePowerRequest": create_power_request,
        "ZwWaitForMultipleObjects": wait,
    }


def _reason(objects: Objects, address: int) -> CountedReasonContext:
    """The COUNTED_REASON_CONTEXT of a driver."""
    version, flags, length, maximum, buffer = _REASON.unpack(objects.read(address, _REASON.size))
    context = CountedReasonContext(version, flags)
    if flags & _SIMPLE_STRING:
        context.simple_string = UnicodeString()
        context.simple_string.set(length, maximum, buffer)
    return context


def _routine(native: Native, objects: Objects, kind: str, address: int) -> object:
    return None if address == 0 else native.objects.get(address) or objects.routine(kind)(address)


class _KernelRoutine:
    """A kernel routine of a driver, which gets pointers to the values that it may change."""

    def __init__(
        self, native: Native, objects: Objects, arena: Arena, routine: Callable[..., object]
    ) -> None:
        self._native = native
        self._objects = objects
        self._arena = arena
        self._routine = routine
        self.origin = getattr(routine, "origin", None)
        """The place of the routine in its source."""

    def __repr__(self) -> str:
        return repr(self._routine)

    def __call__(
        self, apc: Apc, normal: object, context: object, argument1: object, argument2: object
    ) -> tuple[object, ...]:
        """Call the routine; the values as it has left them."""
        place = self._arena.allocate(_CELLS.size)
        cells = map(self._raw, (normal, context, argument1, argument2))
        self._native.write_bytes(place, _CELLS.pack(*cells))
        self._routine(apc, *range(place, place + _CELLS.size, _POINTER_SIZE))
        left = _CELLS.unpack(self._native.read_bytes(place, _CELLS.size))
        self._arena.free(place, _CELLS.size)
        routine = _routine(self._native, self._objects, "KNORMAL_ROUTINE", left[0])
        return routine, *(self._native.objects.get(each, each or None) for each in left[1:])

    def _raw(self, value: object) -> int:
        if value is None:
            return 0
        return value if isinstance(value, int) else self._objects.pointer_to(value)


class _ErrorLog:
    """Entries of the error log in memory, until they are written or given up."""

    def __init__(self, objects: Objects, arena: Arena) -> None:
        self._objects = objects
        self._arena = arena

    def allocate(self, io_object: DeviceObject | DriverObject, entry_size: int) -> ErrorLogPacket | None:
        """Make an entry in memory; follows IoAllocateErrorLogEntry."""
        entry = allocate_error_log_entry(io_object, entry_size)
        if entry is not None:
            self._objects.place(entry, self._arena.allocate(max(entry_size, _ENTRY.size)))
        return entry

    def write(self, entry: ErrorLogPacket) -> None:
        """Write an entry with the driver's contents; follows IoWriteErrorLogEntry."""
        if entry.is_live:
            self._read(entry)
        entry.write()

    def free(self, entry: ErrorLogPacket) -> None:
        """Give an entry up; follows IoFreeErrorLogEntry."""
        entry.free()

    def _read(self, entry: ErrorLogPacket) -> None:
        """Take over what the driver has written into the entry."""
        contents = self._objects.read(self._objects.address_of(entry), max(entry.entry_size, _ENTRY.size))
        (
            entry.major_function_code,
            entry.retry_count,
            entry.dump_data_size,
            entry.number_of_strings,
            entry.string_offset,
            entry.event_category,
            entry.error_code,
            entry.unique_error_value,
            entry.final_status,
            entry.sequence_number,
            entry.io_control_code,
            entry.device_offset,
        ) = _ENTRY.unpack_from(contents)
        words = contents[_ENTRY.size : _ENTRY.size + entry.dump_data_size]
        entry.dump_data = [word for (word,) in _WORD.iter_unpack(words[: len(words) // 4 * 4])]
        texts = contents[entry.string_offset :].decode("utf-16-le", "replace").split("\0")
        entry.strings = texts[: entry.number_of_strings]
