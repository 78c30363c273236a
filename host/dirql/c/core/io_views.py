# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Packets, devices, drivers, files and MDLs in memory: what drivers in C see of the I/O manager's objects."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Protocol, cast

from dirql.c.core.arena import Arena
from dirql.c.core.associated_views import master_properties
from dirql.c.core.forms import OBJECT, Converters, member
from dirql.c.core.information import Information
from dirql.c.core.interface import STRUCTURES
from dirql.c.core.interfaces import Interfaces, Owner as InterfaceOwner
from dirql.c.core.native_module import Native, Slot
from dirql.c.core.parameter_views import ParameterViews
from dirql.c.core.views import Member, View, find_slot, method
from dirql.io.associated import AssociatedIrp
from dirql.io.manager import running as io_manager
from dirql.io.objects import (
    DeviceObject,
    DispatchRoutine,
    DriverExtension,
    DriverObject,
    FileObject,
    IoStackLocation,
    Irp,
    IrpDeviceQueueEntry,
    Overlay,
    Tail,
)
from dirql.io.reuse import initialize_irp, size_of_irp
from dirql.io.status_block import IoStatusBlock
from dirql.ke.origin import Mark
from dirql.mm.mdl import Mdl
from dirql.nt.constants import IRP_MJ_PNP
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import STATUS_INSUFFICIENT_RESOURCES

__all__ = ["IoViews"]

_IRP_SIZE: Final = STRUCTURES["IRP"][0]
_LOCATION_SIZE: Final = STRUCTURES["IO_STACK_LOCATION"][0]
_IRP: Final = (
    Member("Type", "type"),
    Member("MdlAddress", "stored_mdl"),
    Member("Flags", "stored_flags"),
    Member("RequestorMode", "requestor_mode"),
    Member("PendingReturned", "stored_pending"),
    Member("StackCount", "stack_count"),
    Member("CurrentLocation", "current_location", "location"),
    Member("Cancel", "stored_cancel"),
    Member("CancelIrql", "cancel_irql"),
    Member("AllocationFlags", "allocation_flags"),
    Member("UserIosb", "stored_iosb"),
    Member("UserEvent", "stored_event"),
    Member("CancelRoutine", "cancel_routine"),
    Member("UserBuffer", "stored_user_buffer"),
)
_LOCATION: Final = (
    Member("MajorFunction", "major_function"),
    Member("MinorFunction", "stored_minor"),
    Member("Flags", "stored_flags"),
    Member("Control", "control"),
    Member("DeviceObject", "device_object"),
    Member("FileObject", "stored_file"),
    Member("CompletionRoutine", "completion_routine"),
    Member("Context", "context"),
)
_STATUS: Final = (Member("Status", "nt_status"), Member("Information", "stored_information"))
_OVERLAY: Final = (
    Member("Tail.Overlay.Thread", "thread"),
    Member("Tail.Overlay.OriginalFileObject", "original_file_object"),
)
_DEVICE: Final = (
    Member("Type", "type"),
    Member("ReferenceCount", "reference_count"),
    Member("DriverObject", "driver_object"),
    Member("NextDevice", "next_device"),
    Member("AttachedDevice", "attached_device"),
    Member("CurrentIrp", "current_irp"),
    Member("Flags", "stored_flags"),
    Member("Characteristics", "stored_characteristics"),
    Member("DeviceExtension", "device_extension"),
    Member("DeviceType", "stored_device_type"),
    Member("StackSize", "stored_stack_size"),
    Member("AlignmentRequirement", "stored_alignment_requirement"),
)
_DRIVER: Final = (
    Member("Type", "type"),
    Member("DeviceObject", "device_object"),
    Member("Flags", "flags"),
    Member("DriverInit", "driver_init"),
    Member("DriverStartIo", "driver_start_io"),
    Member("DriverUnload", "driver_unload"),
)
_EXTENSION: Final = (Member("DriverObject", "driver_object"), Member("AddDevice", "add_device"))
_FILE: Final = (
    Member("Type", "type"),
    Member("DeviceObject", "device_object"),
    Member("FsContext", "fs_context"),
    Member("FsContext2", "fs_context2"),
    Member("FinalStatus", "final_status"),
    Member("Flags", "flags"),
    Member("CurrentByteOffset", "current_byte_offset"),
)
_MDL: Final = (
    Member("Size", "size"),
    Member("Next", "next"),
    Member("MdlFlags", "mdl_flags"),
    Member("MappedSystemVa", "mapped_system_va", "address"),
    Member("StartVa", "start_va", "address"),
    Member("ByteCount", "byte_count"),
    Member("ByteOffset", "byte_offset"),
)
_ENDED: Final = b"\xdd"
"""Fills packets that have come to their end."""
_SHORT: Final = struct.Struct("<h")
_POINTER: Final = struct.Struct("<Q")
_LIST: Final = struct.Struct("<QQ")
_START: Final = struct.Struct("<2xH28x")
"""The first members of a packet, up to ThreadListEntry."""


class Owner(InterfaceOwner, Protocol):
    """Knows the addresses of all objects."""

    def place(self, instance: object, address: int) -> None:
        """Say where an object is that lies in memory of a driver."""

    def embed(self, instance: object, address: int) -> None:
        """Say where an object is that lies in a larger one."""

    def forget(self, address: int, size: int) -> None:
        """Forget the objects in a block of memory."""

    def take_transients(self) -> list[tuple[object, int]]:
        """The structures that have come to memory since the last call, as parameters of a request."""

    def end_transient(self, instance: object, address: int) -> None:
        """Let a structure leave memory, because its request has ended."""

    is_forgiving: bool
    """Whether pointers that lead nowhere count as NULL, for a while."""

    def text(self, address: int, text: str) -> None:
        """Make a UNICODE_STRING at `address` of a text."""

    def write(self, address: int, contents: bytes) -> None:
        """Write to memory that a driver names."""


def _offset(structure: str, path: str) -> int:
    return STRUCTURES[structure][2][path][0]


_IO_STATUS: Final = _offset("IRP", "IoStatus")
_THREAD_LIST: Final = _offset("IRP", "ThreadListEntry")
_SYSTEM_BUFFER: Final = _offset("IRP", "AssociatedIrp.SystemBuffer")
_THREAD: Final = _offset("IRP", "Tail.Overlay.Thread")
_QUEUE_ENTRY: Final = _offset("IRP", "Tail.Overlay.DeviceQueueEntry")


def _head(address: int, size: int) -> bytes:
    """The beginning of a new packet: its size, and a list entry that is in no list."""
    entry = address + _THREAD_LIST
    return _START.pack(size) + _LIST.pack(entry, entry)


class IoViews:
    """Makes views of the I/O manager's objects; `promote` has a routine for each class."""

    def __init__(self, native: Native, converters: Converters, arena: Arena, owner: Owner) -> None:
        self._native = native
        self._arena = arena
        self._owner = owner
        self._converters = converters
        self._transients: dict[int, list[tuple[object, int]]] = {}
        """The structures to which the parameters of each packet point, by its address."""
        self._free: dict[int, list[int]] = {}
        """The addresses of memory for packets that is free, by the number of locations."""
        self._blank: dict[int, bytes] = {}
        """The contents of a new packet, by the number of locations."""
        self._queued: set[int] = set()
        """The addresses of the packets that have been in a device queue."""
        self._placed: dict[int, Irp] = {}
        """The packets in memory of drivers, by their addresses."""
        self._ended: dict[int, int] = {}
        """The addresses of packets that have come to their end, by their numbers, until the memory is used again."""
        self._parameters = ParameterViews(native, converters, Interfaces(native, arena, owner))
        self.information = Information(native, owner)
        self._made_in_c: set[int] = set()
        """The addresses of Plug and Play requests that drivers in C have made."""

        def view(
            base: type, name: str, members: tuple[Member, ...], offset: int = 0, **extra: object
        ) -> View:
            return View(native, converters, base, name, members, offset, extra)

        self.irp = view(Irp, "IRP", _IRP, retire=method(self._retire))
        self.location = view(IoStackLocation, "IO_STACK_LOCATION", _LOCATION)
        self.status = view(IoStatusBlock, "IO_STATUS_BLOCK", _STATUS)
        self._pnp_status = view(
            IoStatusBlock, "IO_STATUS_BLOCK", _STATUS, information_object=self.information.answer()
        )
        system_buffer = "AssociatedIrp.SystemBuffer"
        buffer = (Member(system_buffer, "stored_buffer"),)
        masters = master_properties(native, find_slot(AssociatedIrp, "stored_buffer"), owner.pointer_to)
        self.associated = view(AssociatedIrp, "IRP", buffer, _offset("IRP", system_buffer), **masters)
        at_thread = _offset("IRP", "Tail.Overlay.Thread")
        context = property(self._driver_context)
        self.overlay = view(Overlay, "IRP", _OVERLAY, at_thread, driver_context=context)
        self.device = view(DeviceObject, "DEVICE_OBJECT", _DEVICE)
        self.driver = view(DriverObject, "DRIVER_OBJECT", _DRIVER)
        self.extension = view(DriverExtension, "DRIVER_EXTENSION", _EXTENSION)
        self.file = view(FileObject, "FILE_OBJECT", _FILE)
        frames = self._frames_property(find_slot(Mdl, "frames"))
        self.mdl = view(Mdl, "MDL", _MDL, frames=frames, release=method(self._release))
        self.promote: dict[type, Callable[..., int | None]] = {
            Irp: self._promote_irp,
            DeviceObject: self._promote_device,
            DriverObject: self._promote_driver,
            FileObject: self._promote_file,
            IrpDeviceQueueEntry: self.entry_address,
            Mdl: self._promote_mdl,
        }

    # Packets.

    def _promote_irp(self, irp: Irp) -> int | None:
        """Put a packet into memory; one that has ended is only a pointer that leads nowhere, as in a late DPC."""
        if not irp.type:
            return self._ended.get(irp.number)
        address = self._packet_memory(len(irp.locations))
        self._promote_at(irp, address)
        return address

    def _promote_at(self, irp: Irp, address: int) -> None:
        self._owner.take_transients()
        self.irp.promote(irp, address)
        self._promote_status(irp, address)
        if irp._associated_irp is None:
            irp._associated_irp = AssociatedIrp()
        self.associated.promote(irp._associated_irp, address + _SYSTEM_BUFFER)
        if irp._tail is None:
            irp._tail = Tail(irp)
        overlay = irp._tail.overlay
        self.overlay.promote(overlay, address + _THREAD)
        if overlay.queue_entry is not None and overlay.queue_entry.inserted:
            self.entry_address(overlay.queue_entry)
        place = address + _IRP_SIZE
        for location in irp.locations:
            self.location.promote(location, place)
            self._parameters.promote(location.stored_parameters, place)
            place += _LOCATION_SIZE
        transients = self._owner.take_transients()
        if transients:
            self._transients[address] = transients

    def initialize(self, address: int, packet_size: int, stack_size: int) -> None:
        """IoInitializeIrp for memory of a driver, which becomes a packet until the driver frees the memory."""
        size_of = size_of_irp(stack_size)
        if packet_size < size_of:
            initialize_irp(Irp(stack_size, 0, None), packet_size, stack_size)  # which refuses it
        self.forget_packets(address, 1)
        manager = io_manager.value
        irp = manager.take_irp(stack_size)
        if irp is None:
            raise StatusException(STATUS_INSUFFICIENT_RESOURCES)
        del manager.live_irps[irp]  # the memory is the driver's, and counts as such
        head = _head(address, packet_size)
        self._owner.write(address, head + bytes(size_of - len(head)))
        self._promote_at(irp, address)
        self._placed[address] = irp

    def is_placed(self, address: int) -> bool:
        """Whether there is a packet in memory of a driver at an address."""
        return address in self._placed

    def forget_packets(self, address: int, size: int) -> None:
        """Let go of the packets in a block of memory of a driver, whose contents may be anything by now."""
        for place in [place for place in self._placed if address <= place < address + size]:
            end = place + _IRP_SIZE + len(self._placed.pop(place).locations) * _LOCATION_SIZE
            for each in [each for each in self._native.objects if place <= each < end]:
                del self._native.objects[each]
            self._owner.forget(place, end - place)

    def _promote_status(self, irp: Irp, address: int) -> None:
        place = address + _IO_STATUS
        if all(each.major_function != IRP_MJ_PNP for each in irp.locations):
            self.status.promote(irp.io_status, place)
            return
        if irp.current_location > irp.stack_count:
            self._made_in_c.add(address)
        self.information.begin(irp)
        self._pnp_status.promote(irp.io_status, place)

    def _packet_memory(self, count: int) -> int:
        """The address of memory for a packet with `count` locations, with zeros and its size."""
        size = _IRP_SIZE + count * _LOCATION_SIZE
        freed = self._free.get(count)
        if not freed:
            self._free.setdefault(count, [])
            self._blank[count] = bytes(size - _THREAD_LIST - _LIST.size)
            address = self._arena.allocate(size)
        else:
            address = freed.pop()
            before = self._native.objects.get(address)
            if isinstance(before, Irp):
                self._ended.pop(before.number, None)
        self._native.write_bytes(address, _head(address, size) + self._blank[count])
        return address

    def entry_address(self, entry: IrpDeviceQueueEntry) -> int | None:
        """The address of the entry with which a packet is in a device queue; None if the packet is in no memory."""
        irp = entry.irp
        if type(irp) not in self._native.view_slots:
            return None
        packet = self.irp.address(irp)
        self._queued.add(packet)
        self._owner.embed(entry, packet + _QUEUE_ENTRY)
        return packet + _QUEUE_ENTRY

    def entry_at(self, address: int) -> IrpDeviceQueueEntry | None:
        """The entry of the packet whose member for it is at `address`; None if there is no packet."""
        irp = self._native.objects.get(address - _QUEUE_ENTRY)
        if not isinstance(irp, Irp) or irp._tail is None:
            return None
        entry = irp._tail.overlay.device_queue_entry
        return entry if self.entry_address(entry) == address else None

    def _retire(self, irp: Irp) -> None:
        """In the place of `Irp.retire`: the packet leaves memory at its end."""
        address = self.irp.address(irp)
        count = len(irp.locations)
        if isinstance(irp.io_status, self._pnp_status.type):
            self.information.end(irp, is_made_in_c=address in self._made_in_c)
            self._made_in_c.discard(address)
        self._owner.is_forgiving = True
        try:
            self._demote_irp(irp)
        finally:
            self._owner.is_forgiving = False
        if self._transients:
            for instance, place in self._transients.pop(address, ()):
                self._owner.end_transient(instance, place)
        if address in self._queued:
            self._queued.discard(address)
            self._owner.forget(address, _IRP_SIZE)
        self._native.write_bytes(address, _ENDED * (_IRP_SIZE + count * _LOCATION_SIZE))
        self._free[count].append(address)
        # So that a later use is found out, until the memory is used again.
        self._native.objects[address] = irp
        self._ended[irp.number] = address
        irp.retire()

    def _demote_irp(self, irp: Irp) -> None:
        self.irp.demote(irp)
        for location in irp.locations:
            self._parameters.demote(location.stored_parameters)
            self.location.demote(location)
        is_pnp = isinstance(irp.io_status, self._pnp_status.type)
        (self._pnp_status if is_pnp else self.status).demote(irp.io_status)
        if irp._associated_irp is not None:
            self.associated.demote(irp._associated_irp)
        if irp._tail is not None:
            self.overlay.demote(irp._tail.overlay)

    def _driver_context(self, overlay: Overlay) -> object:
        """In the place of `DriverMembers.driver_context`."""
        offset = _offset("IRP", "Tail.Overlay.DriverContext") - _offset("IRP", "Tail.Overlay.Thread")
        return self._native.Array(self.overlay.address(overlay) + offset, 4, 8, (OBJECT, None))

    # Devices, drivers and files.

    def _promote_device(self, device: DeviceObject) -> int:
        address = self._arena.allocate(self.device.size)
        self._size(address, self.device.size)
        extension = device.device_extension
        if isinstance(extension, bytearray):
            block = self._arena.allocate(len(extension))
            self._native.write_bytes(block, bytes(extension))
            device.device_extension = block
        self._owner.embed(device.device_queue, address + _offset("DEVICE_OBJECT", "DeviceQueue"))
        self._owner.embed(device.dpc, address + _offset("DEVICE_OBJECT", "Dpc"))
        self.device.promote(device, address)
        return address

    def _promote_driver(self, driver: DriverObject) -> int:
        address = self._arena.allocate(self.driver.size)
        self._size(address, self.driver.size)
        routines = driver.major_function
        table = address + _offset("DRIVER_OBJECT", "MajorFunction")
        self.driver.promote(driver, address)
        value = member("&DRIVER_DISPATCH", self._converters)
        driver.dispatch_table = cast(
            list[DispatchRoutine], self._native.Array(table, len(routines), 8, value)
        )
        driver.major_function[:] = routines
        extension = self._arena.allocate(self.extension.size)
        self.extension.promote(driver.driver_extension, extension)
        place = address + _offset("DRIVER_OBJECT", "DriverExtension")
        self._native.write_bytes(place, _POINTER.pack(extension))
        self._owner.text(address + _offset("DRIVER_OBJECT", "DriverName"), driver.driver_name)
        name = extension + _offset("DRIVER_EXTENSION", "ServiceKeyName")
        self._owner.text(name, driver.driver_extension.service_key_name)
        database = self._arena.allocate(16)
        self._owner.text(database, driver.hardware_database)
        place = address + _offset("DRIVER_OBJECT", "HardwareDatabase")
        self._native.write_bytes(place, _POINTER.pack(database))
        return address

    def _promote_file(self, file: FileObject) -> int:
        address = self._arena.allocate(self.file.size)
        self._size(address, self.file.size)
        self._owner.embed(file.event, address + _offset("FILE_OBJECT", "Event"))
        self._owner.text(address + _offset("FILE_OBJECT", "FileName"), file.file_name)
        self.file.promote(file, address)
        return address

    # MDLs, whose frame numbers lie behind them.

    def _promote_mdl(self, mdl: Mdl) -> int:
        size = mdl.size
        address = self._arena.allocate(size)
        frames = mdl.frames
        self.mdl.promote(mdl, address)
        mdl.frames = frames
        return address

    def _frames_property(self, slot: Slot) -> property:
        """In the place of the slot `frames`: the numbers are in memory besides."""

        def put(mdl: Mdl, frames: list[int]) -> None:
            slot.__set__(mdl, frames)
            room = (mdl.size - self.mdl.size) // _POINTER.size
            numbers = b"".join(map(_POINTER.pack, frames[:room]))
            self._native.write_bytes(self.mdl.address(mdl) + self.mdl.size, numbers)

        return property(slot.__get__, put)

    def _release(self, mdl: Mdl, place: Mark | None = None) -> None:
        """In the place of `Mdl.release`: the MDL leaves memory at its end."""
        Mdl.release(mdl, place)
        address, size = self.mdl.address(mdl), mdl.size
        frames = mdl.frames
        self._owner.is_forgiving = True
        try:
            self.mdl.demote(mdl)
        finally:
            self._owner.is_forgiving = False
        mdl.frames = frames
        self._arena.free(address, size)

    def _size(self, address: int, size: int) -> None:
        """Fill in the member Size, which follows Type."""
        self._native.write_bytes(address + 2, _SHORT.pack(size))
