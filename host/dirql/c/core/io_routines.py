# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines for packets, MDLs, queues, DMA and reports whose arguments in C are places that they read and write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.binding import python_callable
from dirql.c.core.device_queues import inserting
from dirql.c.core.interface import ROUTINES
from dirql.c.core.native_module import Native
from dirql.c.core.objects import Objects
from dirql.hal.dma.adapter import DmaAdapter
from dirql.hal.dma.map_registers import MapRegisters
from dirql.io.objects import DeviceObject, DriverObject, Irp
from dirql.io.reuse import initialize_irp
from dirql.ke.bugcheck_routines import BugCheckCallbackRecord
from dirql.mm.mdl import Mdl
from dirql.nt.ntstatus import StatusException
from dirql.nt.resources import CmResourceList, IoResourceRequirementsList
from dirql.pnp.reports import report_detected_device

__all__ = ["io_routines"]

_POINTER_SIZE: Final = 8
_ULONG_SIZE: Final = 4
_ALLOCATING: Final = ("IoAllocateMdl", "MmAllocatePagesForMdl", "MmAllocatePagesForMdlEx")
_INSERTING: Final = ("KeInsertDeviceQueue", "KeInsertByKeyDeviceQueue")


def io_routines(native: Native, objects: Objects) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""

    def initialize_packet(packet: int, packet_size: int, stack_size: int) -> None:
        known = native.objects.get(packet)
        if isinstance(known, Irp) and not objects.io.is_placed(packet):
            initialize_irp(known, packet_size, stack_size)
        else:
            objects.io.initialize(packet, packet_size, stack_size)

    routines: dict[str, Callable[..., object]] = {
        "dirql_member_MapTransfer": _mapping(objects),
        "IoInitializeIrp": initialize_packet,
        "IoMapTransfer": _mapping(objects),
        "IoReportDetectedDevice": _reporting(native, objects),
        "KeRegisterBugCheckCallback": _registering(objects),
    }
    for name in _ALLOCATING:
        routines[name] = _allocating(python_callable(ROUTINES[name][0]), objects)
    for name in _INSERTING:
        insert = cast(Callable[..., bool], python_callable(ROUTINES[name][0]))
        routines[name] = inserting(native, objects.find_known, insert)
    return routines


def _mapping(objects: Objects) -> Callable[..., int]:
    """MapTransfer, which reads the length behind its pointer and writes that of the mapped part there."""

    def map_transfer(
        adapter: DmaAdapter, mdl: Mdl, registers: MapRegisters, current_va: int, place: int, writing: bool
    ) -> int:
        length = int.from_bytes(objects.read(place, _ULONG_SIZE), "little")
        address, mapped = adapter.map_transfer(mdl, registers, current_va or 0, length, writing)
        objects.write(place, mapped.to_bytes(_ULONG_SIZE, "little"))
        return int(address)

    return map_transfer


def _registering(objects: Objects) -> Callable[..., bool]:
    """KeRegisterBugCheckCallback, whose name of the component is a string of C."""

    def register(
        record: BugCheckCallbackRecord,
        routine: Callable[[object, int], object],
        buffer: int | None,
        length: int,
        component: int | None,
    ) -> bool:
        name = bytearray()
        while component is not None and (letter := objects.read(component + len(name), 1)) != b"\0":
            name += letter
        return record.register(routine, buffer or 0, length, name.decode("cp1252", "replace"))

    return register


def _allocating(allocate: Callable[..., object], objects: Objects) -> Callable[..., object]:
    """A routine that gives NULL where memory is too short for what C sees of the new object."""

    def allocated(*arguments: object) -> object:
        made = allocate(*arguments)
        try:
            objects.pointer_to(made)
        except StatusException:
            return None
        return made

    return allocated


def _reporting(native: Native, objects: Objects) -> Callable[..., int]:
    """IoReportDetectedDevice, which reads a device object behind its last pointer and writes another one there."""

    def report(
        driver: DriverObject,
        bus: int,
        bus_number: int,
        slot: int,
        resources: CmResourceList | None,
        wanted: IoResourceRequirementsList | None,
        assigned: bool,
        place: int,
    ) -> int:
        given = int.from_bytes(objects.read(place, _POINTER_SIZE), "little")
        device = cast(DeviceObject | None, native.objects.get(given, given or None))
        status, made = report_detected_device(
            driver, bus, bus_number, slot, resources, wanted, assigned, device
        )
        if made is not None:
            objects.write(place, objects.pointer_to(made).to_bytes(_POINTER_SIZE, "little"))
        return status

    return report
