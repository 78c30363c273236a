# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that take other arguments from drivers in C than from drivers in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dirql.c.core.arena import Arena
from dirql.c.core.binding import python_callable
from dirql.c.core.connections import connection_routines
from dirql.c.core.executive_routines import executive_routines
from dirql.c.core.faults import Faults
from dirql.c.core.interface import MEMBERS, ROUTINES
from dirql.c.core.io_routines import io_routines
from dirql.c.core.native_module import Native
from dirql.c.core.notifications import notification_routines
from dirql.c.core.objects import Objects
from dirql.c.core.query_tables import query_by_table
from dirql.c.core.values_in_place import routines_with_values_in_place
from dirql.hal.configuration import get_bus_data_by_offset, set_bus_data_by_offset
from dirql.hal.dma.scatter_gather import ScatterGatherList
from dirql.kd.printing import dbg_print_ex
from dirql.ke.objects.dispatcher_object import DispatcherObject, WaitBlock
from dirql.ke.threads.wait import wait_for_multiple_objects
from dirql.mm.allocation import free_pool
from dirql.mm.manager import running as memory_manager
from dirql.mm.mdl import Mdl

__all__ = ["own_routines"]

_FREE_POOL: Final = ("ExFreePool", "ExFreePoolWithTag")


def own_routines(
    native: Native, objects: Objects, faults: Faults, arena: Arena
) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""

    def wait_for_multiple(
        count: int,
        array: int | None,
        wait_type: int,
        reason: int,
        mode: int,
        alertable: bool,
        timeout: int | None,
        blocks: int | None,
    ) -> int:
        found = [_waited(each) for each in _pointers(count, array)]
        places = None if blocks is None else [WaitBlock() for _ in found]
        return wait_for_multiple_objects(count, found, wait_type, reason, mode, alertable, timeout, places)

    def _pointers(count: int, array: int | None) -> list[int]:
        if array is None:
            return []
        size = 8 * count
        faults.make_usable(array, size, write=False)
        contents = native.read_bytes(array, size)
        return [int.from_bytes(contents[place : place + 8], "little") for place in range(0, size, 8)]

    def _waited(address: int) -> DispatcherObject:
        found = native.objects.get(address) or objects.waited_for(address)
        assert isinstance(found, DispatcherObject)
        return found

    def debug_print(component: int, level: int, text: int, length: int) -> int:
        contents = native.read_bytes(text, length).decode("cp1252", "replace")
        return dbg_print_ex(component, level, contents.replace("%", "%%"))

    routines: dict[str, Callable[..., object]] = {
        **connection_routines(native, objects),
        **notification_routines(native, objects),
        **io_routines(native, objects),
        **executive_routines(native, objects, arena),
        "dirql_member_PutScatterGatherList": _list_putter(objects),
        **_bus_data(native, faults),
        **routines_with_values_in_place(native, faults),
        "KeWaitForMultipleObjects": wait_for_multiple,
        "RtlQueryRegistryValues": query_by_table(native, objects, arena),
        "dirql_debug_print": debug_print,
    }
    for name in _FREE_POOL:
        routines[name] = _freeing(native, objects, python_callable(ROUTINES[name][0]))
    return routines


def _freeing(native: Native, objects: Objects, routine: Callable[..., object]) -> Callable[..., object]:
    """A routine that frees a block of pool, or an MDL of MmAllocatePagesForMdl."""

    def free(address: int | None, *rest: object) -> object:
        known = None if address is None else native.objects.get(address)
        if isinstance(known, Mdl) and known.is_paged_apart:
            free_pool(known)
            return None
        block = None if address is None else _block(address)
        result = routine(address, *rest)
        if block is not None and address is not None:
            objects.forget(address, block)
            objects.io.forget_packets(address, block)
            objects.io.information.forget(address)
        return result

    return free


def _bus_data(native: Native, faults: Faults) -> dict[str, Callable[..., object]]:
    """Configuration space, of which Python has bytes where C has a buffer."""

    def get(kind: int, bus: int, slot: int, buffer: int, offset: int, length: int) -> int:
        data = get_bus_data_by_offset(kind, bus, slot, offset, length)
        faults.make_usable(buffer, len(data), write=True)
        native.write_bytes(buffer, data)
        return len(data)

    def put(kind: int, bus: int, slot: int, buffer: int, offset: int, length: int) -> int:
        faults.make_usable(buffer, length, write=False)
        return set_bus_data_by_offset(kind, bus, slot, native.read_bytes(buffer, length), offset, length)

    return {"HalGetBusDataByOffset": get, "HalSetBusDataByOffset": put}


def _list_putter(objects: Objects) -> Callable[..., None]:
    """PutScatterGatherList, after which the list is in memory no more."""
    put_list = python_callable(MEMBERS["PutScatterGatherList"][0])

    def put(adapter: object, scatter_gather: object, writing: bool) -> None:
        put_list(adapter, scatter_gather, writing)
        if isinstance(scatter_gather, ScatterGatherList):
            objects.end_list(scatter_gather)

    return put


def _block(address: int) -> int | None:
    """The size of the block of pool at an address."""
    manager = memory_manager.value
    for pool in (manager.nonpaged_pool, manager.paged_pool):
        block = pool.blocks.get(address)
        if block is not None:
            return block.size
    return None
