# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The objects of one machine that drivers in C know by addresses.

Objects of the system become views when they meet C. An object of the kernel for which a driver gives the memory, such
as a KEVENT, is found by the address of that memory. An object that C only passes on, such as a thread, gets a number
that is no address in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from sys import getrefcount
from typing import Final, NoReturn, cast

from dirql.c.core.arena import Arena
from dirql.c.core.binding import python_callable
from dirql.c.core.callables import Callables
from dirql.c.core.device_queues import DeviceQueues
from dirql.c.core.dispatcher_objects import DispatcherObjects
from dirql.c.core.dma_structures import DmaStructures
from dirql.c.core.forms import OBJECT, routine_values
from dirql.c.core.guids import bytes_of_guid, guid_of_bytes
from dirql.c.core.interface import CLASSES, STRUCTURES
from dirql.c.core.io_views import IoViews
from dirql.c.core.message_table import message_table
from dirql.c.core.native_module import Native
from dirql.c.core.notices import TOLD, notice_bytes
from dirql.c.core.views import View, derive
from dirql.hal.dma.scatter_gather import ScatterGatherList
from dirql.io.controller import ControllerObject
from dirql.io.fixed_bytes import FixedBytes
from dirql.io.interrupt import InterruptMessageInfo
from dirql.io.manager import ConfigurationInformation
from dirql.io.objects import Irp
from dirql.io.parameters import IoSecurityContext
from dirql.ke.bugcheck import bug_check
from dirql.ke.objects.device_queue import DeviceQueue, DeviceQueueEntry
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.origin import origin
from dirql.ke.processors.contract import forget_types
from dirql.mm.manager import MemoryManager
from dirql.nt.addresses import LogicalAddress, PhysicalAddress
from dirql.nt.bugcodes import PAGE_FAULT_IN_NONPAGED_AREA
from dirql.nt.constants import PAGE_SHIFT
from dirql.nt.guid import Guid
from dirql.nt.ntstatus import StatusException
from dirql.nt.plug_and_play import DeviceCapabilities
from dirql.nt.power import PowerSequence
from dirql.nt.resources import CmResourceList, IoResourceRequirementsList
from dirql.nt.status import STATUS_DATATYPE_MISALIGNMENT
from dirql.ob.services import ObjectHandleInformation
from dirql.pnp.notices import NotificationHeader
from dirql.pnp.resource_bytes import requirements_bytes, resource_list_bytes
from dirql.pnp.resource_reading import read_requirements, read_resource_list

__all__ = ["Objects"]

_FIRST_TOKEN: Final = 0x24F0_0000_0010
"""Numbers for objects that C only passes on: addresses at which nothing is mapped."""
_STRING_NAME: Final = "STRING"
"""The structure of which ANSI_STRING and OEM_STRING are other names."""
_STRING: Final = struct.Struct("<HH4xQ")
_LONG_LONG: Final = struct.Struct("<q")
_POINTER: Final = struct.Struct("<Q")


_PLAIN: Final[dict[type, str]] = {
    DeviceCapabilities: "DEVICE_CAPABILITIES",
    IoSecurityContext: "IO_SECURITY_CONTEXT",
    PowerSequence: "POWER_SEQUENCE",
}
"""Structures that the parameters of requests point to."""


_ALIGNED: Final = {"SLIST_HEADER": 16}
"""The structures whose alignment NT asks for, with the bytes."""


_OWN_REFERENCES: Final = 3
"""The references to an object that nobody else has: one by its address, a variable here, and an argument."""
_LISTS: Final = {
    "CM_RESOURCE_LIST": read_resource_list,
    "IO_RESOURCE_REQUIREMENTS_LIST": read_requirements,
}
"""Lists that drivers make too, of which Python gets the contents."""

_COPIED: Final = frozenset({"DEVICE_DESCRIPTION"})
"""Structures of drivers that the system keeps, though the driver may have them on its stack."""


class _OfKind:
    """A converter of addresses to objects of one class: native/values.c takes no other that it knows at an address."""

    def __init__(self, convert: Callable[[int], object], kind: type) -> None:
        self._convert = convert
        self.kind = kind

    def __call__(self, address: int) -> object:
        return self._convert(address)


class Objects:
    """Finds objects by addresses and addresses by objects; the `Converters` of the machine."""

    def __init__(
        self, native: Native, manager: MemoryManager, arena: Arena, touch: Callable[..., None]
    ) -> None:
        """`touch` makes memory usable, or raises as the page fault does."""
        self._native = native
        self._manager = manager
        self._arena = arena
        self._touch = touch
        self._known = native.objects
        self._known.clear()
        self._addresses: dict[int, tuple[object, int]] = {}
        """The address of each object that is no view, by its id."""
        self._equal: dict[object, int] = {}
        """The numbers of routines in Python, so that equal ones have the same."""
        self._embedded: set[int] = set()
        """The addresses of objects inside of those of the system, which an initialization does not replace."""
        self._pages: dict[int, set[int]] = {}
        """The addresses of drivers' objects in each page."""
        self._next_token = _FIRST_TOKEN
        self.is_forgiving = False
        """Whether pointers that lead nowhere count as NULL, for a while."""
        self._cell = 0
        """Memory of one pointer, by which `pointer_to` asks the native core."""
        self._transients: list[tuple[object, int]] = []
        self._told: list[int] = []
        """The addresses of structures with which registry callbacks are told of an operation."""
        self._views: dict[type, View] = {}
        self._texts: dict[str, int] = {}
        self.image_of: Callable[[int], object] = lambda _: None
        """The image that holds an address."""
        self.callables = Callables(native)
        self.io = IoViews(native, self, arena, self)
        self._dma = DmaStructures(native, arena)
        self._queues = DeviceQueues(native, self, self.find_known)
        self._waited = DispatcherObjects(native, self, self._is_resident)
        self._promote: dict[type, Callable[..., int | None]] = {
            **self.io.promote,
            **self._dma.promote,
            str: self._promote_text,
            Guid: self._promote_guid,
            bytes: self._promote_bytes,
            FixedBytes: lambda each: self._promote_bytes(bytes(each)),
            ControllerObject: lambda each: self._promote_lasting(each, "CONTROLLER_OBJECT"),
            ConfigurationInformation: lambda each: self._promote_lasting(each, "CONFIGURATION_INFORMATION"),
            **dict.fromkeys(_PLAIN, self._promote_plain),
            **dict.fromkeys(TOLD, self._promote_told),
            NotificationHeader: lambda each: self._promote_bytes(notice_bytes(each, self.pointer_to)),
            InterruptMessageInfo: lambda each: self._promote_bytes(message_table(each, self.pointer_to)),
            CmResourceList: lambda each: self._promote_bytes(resource_list_bytes(each)),
            IoResourceRequirementsList: lambda each: self._promote_bytes(requirements_bytes(each)),
        }

    def close(self) -> None:
        """Forget everything, since the memory goes with the machine."""
        self._known.clear()
        forget_types(list(self._native.view_slots))
        self._native.view_slots.clear()

    # From Python to C.

    def address_of(self, instance: object) -> int:
        """The address by which C knows an object, which gets one now if it has none."""
        found = self.find_known(instance)
        if found is not None:
            return found
        if callable(instance):
            number = self._equal.get(instance)
            if number is None:
                number = self._equal[instance] = self._entry_point(instance)
            return number
        return self._token(instance)

    def find_known(self, instance: object) -> int | None:
        """The same, but None for an object that C can only pass on."""
        found = self._addresses.get(id(instance))
        if found is not None:
            return found[1]
        for kind in type(instance).__mro__:
            promote = self._promote.get(kind)
            if promote is not None:
                address = promote(instance)
                if address is None:
                    return None
                if type(instance) not in self._native.view_slots and not isinstance(instance, str | Irp):
                    self._note(instance, address)
                return address
        return None

    def _entry_point(self, routine: Callable[..., object]) -> int:
        """An address at which C can call a routine in Python; a number if there is none."""
        address = None if isinstance(routine, type) else self.callables.address_of(routine)
        if address is None:
            return self._token(routine)
        self._note(routine, address)
        return address

    def _token(self, instance: object) -> int:
        number = self._next_token
        self._next_token += 16
        self._note(instance, number)
        return number

    def _note(self, instance: object, address: int) -> None:
        self._addresses[id(instance)] = instance, address
        self._known[address] = instance

    def _promote_plain(self, instance: object) -> int:
        view = self.view(_PLAIN[type(instance)])
        address = self._arena.allocate(view.size)
        view.promote(instance, address)
        self._transients.append((instance, address))
        return address

    def _promote_lasting(self, instance: object, name: str) -> int:
        view = self.view(name)
        address = self._arena.allocate(view.size)
        view.promote(instance, address)
        return address

    def _promote_told(self, instance: object) -> int:
        self._end_told()
        address = self._promote_lasting(instance, TOLD[type(instance)])
        self._told.append(address)
        return address

    def _end_told(self) -> None:
        """Let the structures of a registry callback leave memory whose operation is over, so that nobody has them.

        Else each access to the registry would keep some 100 bytes of the machine's memory.
        """
        kept = []
        self.is_forgiving = True
        for address in self._told:
            instance = self._known[address]
            if getrefcount(instance) > _OWN_REFERENCES:
                kept.append(address)
                continue
            view = self.view(TOLD[type(instance).__mro__[1]])
            view.demote(instance)
            self._arena.free(address, view.size)
        self.is_forgiving = False
        self._told = kept

    def take_transients(self) -> list[tuple[object, int]]:
        """The structures that have come to memory since the last call, as parameters of a request."""
        taken, self._transients = self._transients, []
        return taken

    def end_transient(self, instance: object, address: int) -> None:
        """Let a structure leave memory, because its request has ended."""
        view = self.view(_PLAIN[type(instance).__mro__[1]])
        view.demote(instance)
        self._arena.free(address, view.size)

    def _promote_bytes(self, contents: bytes) -> int:
        address = self._arena.allocate(len(contents))
        self._native.write_bytes(address, contents)
        return address

    def _promote_guid(self, guid: Guid) -> int:
        return self._promote_bytes(bytes_of_guid(guid))

    def _promote_text(self, text: str) -> int:
        address = self._texts.get(text)
        if address is None:
            address = self._texts[text] = self._arena.allocate(_STRING.size)
            self.text(address, text)
        return address

    def text(self, address: int, text: str) -> None:
        """Make a UNICODE_STRING at `address` of a text."""
        contents = text.encode("utf-16-le", "surrogatepass")
        buffer = self._arena.allocate(len(contents) + 2)
        self._native.write_bytes(buffer, contents)
        self._native.write_bytes(address, _STRING.pack(len(contents), len(contents) + 2, buffer))

    def pointer_to(self, instance: object) -> int:
        """The address by which C knows any object, one that is a view already too."""
        if not self._cell:
            self._cell = self._arena.allocate(_POINTER.size)
        cell = self._native.Array(self._cell, 1, _POINTER.size, (OBJECT, None))
        cast(list[object], cell)[0] = instance
        return cast(int, _POINTER.unpack(self._native.read_bytes(self._cell, _POINTER.size))[0])

    def read(self, address: int, size: int) -> bytes:
        """Memory that a driver names, which is brought in first; raises as a page fault there does."""
        self._touch(address, max(size, 1), write=False)
        return self._native.read_bytes(address, size)

    def write(self, address: int, contents: bytes) -> None:
        """Write to such memory."""
        self._touch(address, max(len(contents), 1), write=True)
        self._native.write_bytes(address, contents)

    def end_list(self, scatter_gather: ScatterGatherList) -> None:
        """Forget a scatter/gather list that its driver has put back."""
        known = self._addresses.pop(id(scatter_gather), None)
        if known is not None:
            self._known.pop(known[1], None)
            self._dma.free(scatter_gather, known[1])

    # Objects in memory of drivers.

    def embed(self, instance: object, address: int) -> None:
        """Say where an object is that lies in a larger one of the system."""
        self._put(instance, address)
        if isinstance(instance, DispatcherObject):
            self._show(instance, address)
        self._embedded.add(address)
        if isinstance(instance, DeviceQueue):
            self._queues.promote(instance, address)

    def place(self, instance: object, address: int) -> None:
        """Say where an object is that lies in memory of a driver."""
        self._put(instance, address)
        self._show(instance, address)

    def _put(self, instance: object, address: int) -> None:
        self.forget(address, 1)
        self._note(instance, address)
        self._pages.setdefault(address >> PAGE_SHIFT, set()).add(address)

    def _show(self, instance: object, address: int) -> None:
        """Let the members of an object be in memory, where that is possible."""
        self._waited.promote(instance, address)
        self._known[address] = instance  # and not its header, which has the same address

    def forget(self, address: int, size: int) -> None:
        """Forget the objects in a block of memory."""
        for page in range(address >> PAGE_SHIFT, (address + size - 1 >> PAGE_SHIFT) + 1):
            places = self._pages.get(page, set())
            for each in [each for each in places if address <= each < address + size]:
                places.discard(each)
                self._embedded.discard(each)
                gone = self._known.pop(each, None)
                self._addresses.pop(id(gone), None)
                self._waited.demote(gone)

    def _is_resident(self, address: int, size: int) -> bool:
        """Whether memory is the system's and never paged out."""
        pages = range(address >> PAGE_SHIFT, (address + size - 1 >> PAGE_SHIFT) + 1)
        entries = (self._manager.system.entries.get(page) for page in pages)
        return all(entry is not None and not entry.pageable for entry in entries)

    # From C to Python: see `Converters`.

    def system_object(self, name: str) -> Callable[[int], object]:
        """See `Converters`."""
        read = _LISTS.get(name)
        if read is not None:
            return lambda address: read(self.read, address)

        def refuse(address: int) -> None:
            if not self.is_forgiving:
                self._refuse(address, f"must be the address of a structure {name} that the system has given")

        return refuse

    def drivers_object(self, name: str) -> Callable[[int], object]:
        """See `Converters`."""
        made = python_callable(CLASSES[name])
        kind = cast(type, made)
        size = STRUCTURES[name][0] if name in STRUCTURES else _LONG_LONG.size
        alignment = _ALIGNED.get(name, 1)

        def make(address: int) -> object:
            if address == 0:
                return None
            if address % alignment:
                raise StatusException(STATUS_DATATYPE_MISALIGNMENT) from ValueError(
                    f"the address of {name} must be a multiple of {alignment}; it was {address:#x}: use DECLSPEC_ALIGN"
                )
            found = self._known.get(address)
            if found is not None and address in self._embedded and isinstance(found, kind):
                return found
            if kind is DeviceQueueEntry and (entry := self.io.entry_at(address)) is not None:
                return entry
            self._touch(address, size, write=True)
            instance = made()
            self.place(instance, address)
            if isinstance(instance, DeviceQueue):
                self._queues.promote(instance, address)
            return instance

        return _OfKind(make, kind) if isinstance(made, type) else make

    def waited_for(self, address: int) -> object:
        """See `Converters`."""
        self._refuse(address, "must be the address of an object that was initialized")

    def string(self, name: str) -> Callable[[int], object]:
        """See `Converters`."""
        return _OfKind(self._viewer(name if name in STRUCTURES else _STRING_NAME), str)

    def viewed(self, name: str) -> Callable[[int], object]:
        """See `Converters`."""
        find = self._viewer(name)
        if name in _COPIED:
            kind = cast(type, python_callable(CLASSES[name]))
            return _OfKind(lambda address: self._copied(name, find(address)), kind)

        def keep(address: int) -> object:
            instance = find(address)
            if instance is not None and name == "IO_STATUS_BLOCK":
                self._pages.setdefault(address >> PAGE_SHIFT, set()).add(address)
                self._known[address] = instance
            return instance

        return _OfKind(keep, cast(type, python_callable(CLASSES[name])))

    def _copied(self, name: str, seen: object) -> object:
        """An object with the members of a structure, which the driver may use for something else then."""
        if seen is None:
            return None
        instance = python_callable(CLASSES[name])()
        for each in self.view(name).attributes:
            setattr(instance, each, getattr(seen, each))
        return instance

    def _viewer(self, name: str) -> Callable[[int], object]:
        view: View | None = None
        size = STRUCTURES[name][0]

        def make(address: int) -> object:
            nonlocal view
            if address == 0:
                return None
            self._touch(address, size, write=False)
            if view is None:
                view = self.view(name)
            return view.at(address)

        return make

    def view(self, name: str) -> View:
        """The class of views of a structure whose members have slots of the same names."""
        base = cast(type, python_callable(CLASSES[name]))
        found = self._views.get(base)
        if found is None:
            made = self.io.status if name == "IO_STATUS_BLOCK" else derive(self._native, self, base, name)
            found = self._views[base] = made
        return found

    def read_value(self, name: str) -> Callable[[int], object]:
        """See `Converters`."""

        def read(address: int) -> object:
            if address == 0:
                return None
            self._touch(address, 8, write=False)
            if name == "GUID":
                return guid_of_bytes(self._native.read_bytes(address, 16))
            contents = self._native.read_bytes(address, STRUCTURES[name][0])
            if name == "TIME_FIELDS":
                fields = struct.unpack("<8h", contents)
                return python_callable(CLASSES[name])(*fields)
            if name == "GENERIC_MAPPING":
                return python_callable(CLASSES[name])(*struct.unpack("<4I", contents))
            return int.from_bytes(contents, "little", signed=name == "LARGE_INTEGER")

        return read

    def write_value(self, name: str) -> Callable[[int, object], None]:
        """See `Converters`."""

        def write(address: int, value: object) -> None:
            if value is None:
                return
            if isinstance(value, int):
                contents = _LONG_LONG.pack(value)
            elif isinstance(value, Guid):
                contents = bytes_of_guid(value)
            elif isinstance(value, ObjectHandleInformation):
                contents = struct.pack("<II", value.handle_attributes, value.granted_access)
            elif name == "TIME_FIELDS":
                contents = struct.pack(
                    "<8h", *(getattr(value, each[3]) for each in STRUCTURES[name][2].values())
                )
            else:
                self._copy_members(name, address, value)
                return
            self._touch(address, len(contents), write=True)
            self._native.write_bytes(address, contents)

        return write

    def _copy_members(self, name: str, address: int, value: object) -> None:
        view = self.view(name)
        self._touch(address, view.size, write=True)
        there = view.at(address)
        for each in view.attributes:
            setattr(there, each, getattr(value, each))

    def routine(self, kind: str) -> Callable[[int], object]:
        """See `Converters`."""
        back, values, outs = routine_values(kind, self)

        def make(address: int) -> object:
            image = self.image_of(address)
            if image is None and self.is_forgiving:
                return None
            if image is None:
                self._refuse(address, f"must be the address of a routine ({kind}) in the image of a driver")
            made: object = self._native.CRoutine(address, back, values, outs, image, kind)
            self._known[address] = made
            return made

        return make

    def physical(self, address: int) -> object:
        """See `Converters`."""
        return PhysicalAddress(address)

    def logical(self, address: int) -> object:
        """See `Converters`."""
        return LogicalAddress(address)

    def _refuse(self, address: int, what: str) -> NoReturn:
        """Stop: on NT the use of such a pointer reads memory that is something else."""
        self._touch(address, 1, write=False)
        reason = f"a pointer {what}; {address:#x} was not: look where the driver has it from"
        bug_check(PAGE_FAULT_IN_NONPAGED_AREA, address, 0, origin() or 0, reason=reason)
