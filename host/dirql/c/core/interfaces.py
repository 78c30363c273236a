# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Interfaces of bus drivers (IRP_MN_QUERY_INTERFACE) and buffers of configuration space, between C and Python.

C gives the memory of the interface, and finds routines in Python there as entry points. Of an interface that is not
BUS_INTERFACE_STANDARD a driver in Python gets the address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Protocol, cast

from dirql.c.core.arena import Arena
from dirql.c.core.callables import Callables
from dirql.c.core.forms import Converters
from dirql.c.core.guids import bytes_of_guid, guid_of_bytes
from dirql.c.core.native_module import Native, Slot
from dirql.nt.guid import Guid
from dirql.nt.plug_and_play import GUID_BUS_INTERFACE_STANDARD, BusInterfaceStandard

__all__ = ["Interfaces", "Memory"]

_TYPE: Final = 0x00
_INTERFACE: Final = 0x10
"""The places of InterfaceType and Interface in the parameters."""
_BUFFER: Final = 0x08
"""The place of Buffer in those of IRP_MN_READ_CONFIG."""
_POINTER: Final = struct.Struct("<Q")
_HEAD: Final = struct.Struct("<HH")
_BUS: Final = struct.Struct("<HH4xQQQQQQQ")
_ROOM: Final = 0x100
"""The bytes for an interface that Python asks for."""
_CONFIGURATION: Final = 0x1000


class Owner(Converters, Protocol):
    """Knows the addresses of all objects."""

    callables: Callables

    def pointer_to(self, instance: object) -> int:
        """The address by which C knows an object."""

    def read(self, address: int, size: int) -> bytes:
        """Memory that a driver names."""

    def write(self, address: int, contents: bytes) -> None:
        """Write to such memory."""


class Memory:
    """Memory of a driver in C, as a buffer that is read and written by slices."""

    def __init__(self, owner: Owner, address: int) -> None:
        self._owner = owner
        self._address = address

    def __getitem__(self, part: slice) -> bytes:
        start, end = part.start or 0, part.stop
        return self._owner.read(self._address + start, max(end - start, 0))

    def __setitem__(self, part: slice, contents: bytes) -> None:
        self._owner.write(self._address + (part.start or 0), bytes(contents))


class Interfaces:
    """Reads and writes interfaces in memory."""

    def __init__(self, native: Native, arena: Arena, owner: Owner) -> None:
        self._native = native
        self._arena = arena
        self._owner = owner
        self._room = 0

    def parameters(self, host: Slot) -> dict[str, object]:
        """The attributes of the parameters of IRP_MN_QUERY_INTERFACE; `host` keeps their address."""

        def put_type(instance: object, value: Guid | None) -> None:
            if value is not None:
                self._ask(self._start(host, instance), value)

        def get(instance: object) -> object:
            start = self._start(host, instance)
            return self.given(self.place(start), self._type(start))

        def put(instance: object, value: object) -> None:
            start = self._start(host, instance)
            if isinstance(value, BusInterfaceStandard) and self._pointer(start + _INTERFACE):
                self._write(self._pointer(start + _INTERFACE), value)
            elif isinstance(value, int):
                self._store(start + _INTERFACE, value)

        kind = property(lambda instance: self._type(self._start(host, instance)), put_type)
        return {"interface_type": kind, "interface": property(get, put)}

    def place(self, start: int) -> int:
        """The address of the interface that parameters name."""
        return self._pointer(start + _INTERFACE)

    @staticmethod
    def _start(host: Slot, instance: object) -> int:
        return cast(int, host.__get__(instance))

    def _pointer(self, place: int) -> int:
        return cast(int, _POINTER.unpack(self._owner.read(place, _POINTER.size))[0])

    def _store(self, place: int, value: int) -> None:
        self._owner.write(place, _POINTER.pack(value))

    def _type(self, start: int) -> Guid | None:
        address = self._pointer(start + _TYPE)
        return guid_of_bytes(self._owner.read(address, 16)) if address else None

    def _ask(self, start: int, kind: Guid) -> None:
        """Put the GUID of an interface into the parameters, and room for the interface where there is none."""
        place = self._arena.allocate(16)
        self._owner.write(place, bytes_of_guid(kind))
        self._store(start + _TYPE, place)
        if not self._pointer(start + _INTERFACE):
            self._store(start + _INTERFACE, self._arena.allocate(_ROOM))

    def buffer(self, host: Slot) -> property:
        """The attribute `buffer` of the parameters of IRP_MN_READ_CONFIG."""

        def get(instance: object) -> object:
            start = cast(int, host.__get__(instance)) + _BUFFER
            (address,) = _POINTER.unpack(self._owner.read(start, _POINTER.size))
            return self._native.objects.get(address) or Memory(self._owner, address)

        def put(instance: object, value: object) -> None:
            start = cast(int, host.__get__(instance)) + _BUFFER
            self._owner.write(start, _POINTER.pack(self._owner.pointer_to(value)))

        return property(get, put)

    def _write(self, address: int, given: BusInterfaceStandard) -> None:
        """Let C have an interface whose routines are Python's."""

        def entry(kind: str, routine: Callable[..., object] | None) -> int:
            if routine is None:
                return 0
            return self._owner.callables.typed(kind, routine, self._owner) or self._owner.pointer_to(routine)

        def get_data(context: object, kind: int, buffer: int, offset: int, length: int) -> int:
            data = given.get_bus_data(context, kind, offset, length)
            self._owner.write(buffer, data)
            return len(data)

        def set_data(context: object, kind: int, buffer: int, offset: int, length: int) -> int:
            return given.set_bus_data(context, kind, self._owner.read(buffer, length), offset, length)

        def translate(context: object, place: int, length: int, space: int, translated: int) -> bool:
            assert given.translate_bus_address is not None
            (before,) = struct.unpack("<I", self._owner.read(space, 4))
            is_right, after, physical = given.translate_bus_address(context, int(place), length, before)
            self._owner.write(space, struct.pack("<I", after))
            self._owner.write(translated, _POINTER.pack(int(physical)))
            return is_right

        def get_adapter(context: object, description: object, registers: int) -> object:
            assert given.get_dma_adapter is not None
            adapter, count = given.get_dma_adapter(context, description)
            self._owner.write(registers, struct.pack("<I", count))
            return adapter

        contents = _BUS.pack(
            given.size,
            given.version,
            self._owner.pointer_to(given.context),
            entry("INTERFACE_REFERENCE", given.interface_reference),
            entry("INTERFACE_DEREFERENCE", given.interface_dereference),
            entry("TRANSLATE_BUS_ADDRESS", translate if given.translate_bus_address else None),
            entry("GET_DMA_ADAPTER", get_adapter if given.get_dma_adapter else None),
            entry("GET_SET_DEVICE_DATA", set_data),
            entry("GET_SET_DEVICE_DATA", get_data),
        )
        self._owner.write(address, contents)

    def given(self, address: int, kind: Guid | None) -> object:
        """The interface that Python gets; None while nobody has filled it in."""
        if not address:
            return None
        size, _ = _HEAD.unpack(self._owner.read(address, _HEAD.size))
        if not size:
            return None
        if kind != GUID_BUS_INTERFACE_STANDARD:
            return address
        size, version, context, refer, release, _, _, put, get = _BUS.unpack(
            self._owner.read(address, _BUS.size)
        )
        owner = self._native.objects.get(context, context)
        read, write = self._routine("GET_SET_DEVICE_DATA", get), self._routine("GET_SET_DEVICE_DATA", put)

        def get_data(given: object, data_type: int, offset: int, length: int) -> bytes:
            room = self._configuration()
            count = cast(int, read(given, data_type, room, offset, min(length, _CONFIGURATION)))
            return self._owner.read(room, count)

        def set_data(given: object, data_type: int, buffer: bytes, offset: int, length: int) -> int:
            room = self._configuration()
            self._owner.write(room, buffer[:length])
            return cast(int, write(given, data_type, room, offset, length))

        return BusInterfaceStandard(
            owner,
            cast(Callable[[object], None], self._routine("INTERFACE_REFERENCE", refer)),
            cast(Callable[[object], None], self._routine("INTERFACE_DEREFERENCE", release)),
            get_data,
            set_data,
            size=size,
            version=version,
        )

    def _routine(self, kind: str, address: int) -> Callable[..., object]:
        found = self._native.objects.get(address) or self._owner.routine(kind)(address)
        return cast(Callable[..., object], found)

    def _configuration(self) -> int:
        """Memory through which configuration space goes."""
        if not self._room:
            self._room = self._arena.allocate(_CONFIGURATION)
        return self._room
