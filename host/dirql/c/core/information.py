# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures with which drivers answer Plug and Play requests: C has them in pool, at IoStatus.Information.

A structure that a driver in Python gives becomes a block of paged pool when the request meets C, and a block that a
driver in C gives becomes an object when Python asks for it. The block of a request that Python has made is freed at its
end, as the Plug and Play manager of NT frees it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Protocol, cast

from dirql.c.core.guids import bytes_of_guid, guid_of_bytes
from dirql.c.core.native_module import Native, Slot
from dirql.io.objects import DeviceObject, Irp
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import current
from dirql.mm.allocation import allocate_pool_with_tag, free_pool
from dirql.mm.manager import running as memory_manager
from dirql.nt.constants import (
    IRP_MJ_PNP,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_BUS_INFORMATION,
    IRP_MN_QUERY_DEVICE_RELATIONS,
    IRP_MN_QUERY_RESOURCE_REQUIREMENTS,
    IRP_MN_QUERY_RESOURCES,
    PagedPool,
)
from dirql.nt.plug_and_play import PnpBusInformation
from dirql.nt.resources import CmResourceList, IoResourceRequirementsList
from dirql.pnp.relations import DeviceRelations
from dirql.pnp.resource_bytes import requirements_bytes, resource_list_bytes
from dirql.pnp.resource_reading import read_requirements, read_resource_list

__all__ = ["Information"]

_ANSWER: Final[Slot] = IoStatusBlock.__dict__["information_object"]
_TAG: Final = int.from_bytes(b"PpIn", "little")
_COUNT: Final = struct.Struct("<I4x")
_POINTER: Final = struct.Struct("<Q")
_BUS: Final = struct.Struct("<16siI")


class Owner(Protocol):
    """Knows the addresses of all objects."""

    def pointer_to(self, instance: object) -> int:
        """The address by which C knows an object."""

    def read(self, address: int, size: int) -> bytes:
        """Memory that a driver names."""

    def write(self, address: int, contents: bytes) -> None:
        """Write to such memory."""

    def place(self, instance: object, address: int) -> None:
        """Say where an object is that lies in memory of a driver."""

    def forget(self, address: int, size: int) -> None:
        """Forget the objects in a block of memory."""


def _without_charge(routine: Callable[..., object], *arguments: object) -> object:
    """Call a routine of the kernel for the crossing alone: it takes no time, and nothing comes between."""
    kernel, frames = current.kernel, memory_manager.value.frames
    clocks, kernel.call_clocks = kernel.call_clocks, 0
    is_eager, kernel.is_eager = kernel.is_eager, False
    frames.from_end = True
    try:
        return routine(*arguments)
    finally:
        kernel.call_clocks, kernel.is_eager = clocks, is_eager
        frames.from_end = False


class Information:
    """Moves the answers between pool and Python."""

    def __init__(self, native: Native, owner: Owner) -> None:
        self._native = native
        self._owner = owner
        self._minors: dict[int, int] = {}
        """The minor function of each Plug and Play request in memory, by the id of its status."""
        self._contents: dict[int, bytes] = {}
        """The contents of each block when it became an object, or an object a block."""
        self._readers: dict[int, Callable[[int], object]] = {
            IRP_MN_QUERY_DEVICE_RELATIONS: self._read_relations,
            IRP_MN_QUERY_RESOURCES: lambda address: read_resource_list(owner.read, address),
            IRP_MN_QUERY_RESOURCE_REQUIREMENTS: lambda address: read_requirements(owner.read, address),
            IRP_MN_FILTER_RESOURCE_REQUIREMENTS: lambda address: read_requirements(owner.read, address),
            IRP_MN_QUERY_BUS_INFORMATION: self._read_bus,
        }

    def answer(self) -> property:
        """In the place of the slot `information_object` of the status of a Plug and Play request."""

        def get(block: IoStatusBlock) -> object:
            return self._get(block, _ANSWER.__get__(block))

        def put(block: IoStatusBlock, value: object) -> None:
            _ANSWER.__set__(block, value)
            self._put(block, value)

        return property(get, put)

    def begin(self, irp: Irp) -> None:
        """A Plug and Play request has come to memory."""
        minor = next((each.stored_minor for each in irp.locations if each.major_function == IRP_MJ_PNP), None)
        if minor is not None:
            self._minors[id(irp.io_status)] = minor

    def end(self, irp: Irp, *, is_made_in_c: bool) -> None:
        """It leaves memory: Python gets its answer, and the block of a request that Python has made goes."""
        block = irp.io_status
        _ANSWER.__set__(block, self._get(block, _ANSWER.__get__(block)))
        self._minors.pop(id(block), None)
        address = block.stored_information
        if address in self._contents and not is_made_in_c:
            self._release(address)
            block.stored_information = 0

    def forget(self, address: int) -> None:
        """A block of pool was freed."""
        self._contents.pop(address, None)

    def _release(self, address: int) -> None:
        del self._contents[address]
        self._owner.forget(address, 1)
        _without_charge(free_pool, address)

    def _get(self, block: IoStatusBlock, kept: object) -> object:
        address = block.stored_information
        minor = self._minors.get(id(block))
        if not address or minor not in self._readers:
            return kept
        before = self._contents.get(address)
        found = self._native.objects.get(address)
        if before is None or found is None or self._owner.read(address, len(before)) != before:
            found = self._readers[minor](address)
            self._note(address, found)
        return found

    def _put(self, block: IoStatusBlock, value: object) -> None:
        before = block.stored_information
        contents = self._bytes_of(value)
        if before in self._contents:
            if self._native.objects.get(before) is value:
                return
            self._release(before)
            block.stored_information = 0
        if contents is None:
            return
        address = cast(int | None, _without_charge(allocate_pool_with_tag, PagedPool, len(contents), _TAG))
        if address is not None:
            _without_charge(self._owner.write, address, contents)
            self._note(address, value)
            block.stored_information = address

    def _note(self, address: int, instance: object) -> None:
        contents = self._bytes_of(instance)
        assert contents is not None
        self._owner.place(instance, address)
        self._contents[address] = contents

    # The bytes of each structure.

    def _bytes_of(self, instance: object) -> bytes | None:
        if isinstance(instance, DeviceRelations):
            pointers = (_POINTER.pack(self._owner.pointer_to(each)) for each in instance.objects)
            return _COUNT.pack(instance.count) + (b"".join(pointers) or bytes(_POINTER.size))
        if isinstance(instance, CmResourceList):
            return resource_list_bytes(instance)
        if isinstance(instance, IoResourceRequirementsList):
            return requirements_bytes(instance)
        if isinstance(instance, PnpBusInformation):
            guid = bytes_of_guid(instance.bus_type_guid)
            return _BUS.pack(guid, instance.legacy_bus_type, instance.bus_number)
        return None

    def _read_relations(self, address: int) -> DeviceRelations:
        (count,) = _COUNT.unpack(self._owner.read(address, _COUNT.size))
        pointers = self._owner.read(address + _COUNT.size, count * _POINTER.size)
        objects = (self._native.objects.get(each) for (each,) in _POINTER.iter_unpack(pointers))
        return DeviceRelations(tuple(each for each in objects if isinstance(each, DeviceObject)))

    def _read_bus(self, address: int) -> PnpBusInformation:
        guid, kind, number = _BUS.unpack(self._owner.read(address, _BUS.size))
        return PnpBusInformation(guid_of_bytes(guid), kind, number)
