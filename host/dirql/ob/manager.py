# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The object manager of one machine: its names and its handles, and the rules that join them (row NAM-01)."""

from __future__ import annotations

from typing import Final, NoReturn, Protocol

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import current_driver, is_verified
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.origin import Mark, mark
from dirql.ke.running import Running
from dirql.ke.threads.kernel_call import is_program
from dirql.ke.threads.thread import Thread
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    REFERENCE_BY_POINTER,
    VF_REFERENCE_ZERO_COUNT,
)
from dirql.nt.constants import (
    OBJ_KERNEL_HANDLE,
    OBJ_PERMANENT,
    ProcessObject,
    ThreadObject,
    TimerNotificationObject,
    TimerSynchronizationObject,
)
from dirql.nt.status import STATUS_INVALID_HANDLE, STATUS_OBJECT_PATH_SYNTAX_BAD, STATUS_SUCCESS
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.handles import HandleTable, is_kernel_handle
from dirql.ob.namespace import Directory, Namespace
from dirql.ob.object import Object
from dirql.ob.process import PROGRAM_ID, SYSTEM_ID, KernelProcess
from dirql.rtl.strings import unicode_text

__all__ = [
    "CURRENT_PROCESS",
    "CURRENT_THREAD",
    "KernelHeader",
    "ObjectManager",
    "Registered",
    "handle_flags",
    "has_name",
    "running",
]


_ALL: Final = 0xFFFF_FFFF_FFFF_FFFF
CURRENT_PROCESS: Final = 0xFFFF_FFFF_FFFF_FFFF
CURRENT_THREAD: Final = 0xFFFF_FFFF_FFFF_FFFE
"""The handles of the current process and of the current thread, which are always open."""


class KernelHeader(Object):
    """The counts of a thread, an event or a timer, which are objects of the kernel and have none themselves."""

    __slots__ = ("_headers", "_owner")

    def __init__(self, owner: DispatcherObject, headers: dict[DispatcherObject, KernelHeader]) -> None:
        """The header stands in `headers` while there is a reference."""
        super().__init__()
        self.pointer_count = 0
        self._owner = owner
        self._headers = headers

    @property
    def body(self) -> DispatcherObject:
        """The object to which the header belongs."""
        return self._owner

    @property
    def kind(self) -> str:
        """The name of the type of the object to which the header belongs."""
        return _KINDS.get(self._owner.header.type, "Event")

    def last_reference_dropped(self) -> None:
        """Forget the header, and the name if there is one."""
        self._headers.pop(self._owner, None)


_KINDS: Final = {
    ProcessObject: "Process",
    ThreadObject: "Thread",
    TimerNotificationObject: "Timer",
    TimerSynchronizationObject: "Timer",
}
"""The types of objects, by the type in their dispatcher headers; all others are events."""


class Registered(Protocol):
    """A routine of a driver that is registered with a callback object."""

    driver: object
    """The driver that has registered the routine."""

    @property
    def function(self) -> object:
        """The routine that will be called."""

    @property
    def undo(self) -> str:
        """The routine that ends the registration."""


class ObjectManager:
    """Names and handles of one machine."""

    def __init__(self) -> None:
        self.namespace = Namespace()
        self.handles = HandleTable()
        self.system_process = KernelProcess(SYSTEM_ID, "System")
        self.program_process = KernelProcess(PROGRAM_ID, "program")
        self.callbacks: dict[Registered, None] = {}
        """The routines that are registered with callback objects."""
        self._owner_headers: dict[DispatcherObject, KernelHeader] = {}
        self._references: dict[Object, list[tuple[object, Mark | None]]] = {}
        """The references of each object that drivers took: the driver, and the place."""

    def header_of(self, body: Object | DispatcherObject) -> Object:
        """The object that holds the counts of `body`."""
        if isinstance(body, Object):
            return body
        header = self._owner_headers.get(body)
        if header is None:
            header = self._owner_headers[body] = KernelHeader(body, self._owner_headers)
        return header

    def has_header(self, body: object) -> bool:
        """Whether `body` is an object of the kernel that has a handle or a reference."""
        return isinstance(body, DispatcherObject) and body in self._owner_headers

    def forget(self, body: DispatcherObject) -> None:
        """Drop the counts of an object that got neither a handle nor a name."""
        self._owner_headers.pop(body, None)

    def take_reference(self, opened: Object) -> int:
        """Reference an object for the code that runs; returns the number of references.

        An object without a reference is being deleted, or is gone: bug check 0x18, 0xC4/0x3F for a verified driver. The
        count of a thread begins with the first one.
        """
        if opened.pointer_count <= 0 and not isinstance(opened, KernelHeader):
            _refuse_reference(opened.body)
        driver = current_driver()
        if driver is not None:
            self._references.setdefault(opened, []).append((driver, mark()))
        opened.reference()
        return opened.references

    def give_reference_back(self, opened: Object) -> int:
        """Give a reference back for the code that runs; returns the number of those left.

        A driver may give back what another driver has taken.
        """
        taken = self._references.get(opened)
        if taken:
            driver = current_driver()
            own = [index for index, (owner, _) in enumerate(taken) if owner is driver]
            del taken[own[-1] if own else 0]
            if not taken:
                del self._references[opened]
        opened.dereference()
        return opened.references

    def kept_by(self, driver: object) -> list[tuple[object, Mark | None]]:
        """The objects of which a driver still has references, each with the place where it took one."""
        return [
            (opened.body, place)
            for opened, taken in self._references.items()
            if opened.pointer_count > 0
            for owner, place in taken
            if owner is driver
        ]

    def kept(self) -> list[tuple[object, object, Mark | None]]:
        """The references that drivers still have: the driver, the object, and the place where it took the reference."""
        return [
            (owner, opened.body, place)
            for opened, taken in self._references.items()
            if opened.pointer_count > 0
            for owner, place in taken
        ]

    def process_of(self, thread: Thread) -> KernelProcess:
        """The process of a thread."""
        return self.system_process if thread.is_system else self.program_process

    def current_process(self) -> KernelProcess:
        """The process of the current thread, or the one to which it is attached."""
        thread = current.processor.current_thread
        attached = thread.attached
        return attached if isinstance(attached, KernelProcess) else self.process_of(thread)

    def current_of(self, handle: int | None) -> KernelProcess | Thread | None:
        """The current process for ZwCurrentProcess, the current thread for ZwCurrentThread, None for another handle."""
        if handle is None or handle & _ALL < CURRENT_THREAD:
            return None
        if handle & _ALL == CURRENT_PROCESS:
            return self.current_process()
        return current.processor.current_thread

    def path_of(self, attributes: ObjectAttributes) -> tuple[int, str]:
        """The full path that a name and its root directory mean: (status, path)."""
        name = "" if attributes.object_name is None else unicode_text(attributes.object_name)
        if attributes.root_directory is None:
            return (STATUS_SUCCESS, name) if name else (STATUS_OBJECT_PATH_SYNTAX_BAD, "")
        status, root = self.handles.lookup(attributes.root_directory, Directory)
        return status, "" if root is None else f"{root.name}\\{name}"

    def lookup(self, attributes: ObjectAttributes) -> tuple[int, Object | None, str]:
        """The object that a name leads to: (status, object, the rest of the path, which the object must understand)."""
        status, path = self.path_of(attributes)
        return self.namespace.lookup(path) if path else (status, None, "")

    def create(
        self, made: Object, attributes: ObjectAttributes, desired_access: int
    ) -> tuple[int, int | None]:
        """Give a new object its name, if it has one, and open it: (status, handle)."""
        if has_name(attributes):
            status, path = self.path_of(attributes)
            if path:
                permanent = bool(attributes.attributes & OBJ_PERMANENT)
                status = self.namespace.insert(path, made, permanent=permanent)
            if status != STATUS_SUCCESS:
                return status, None
        handle = self.handles.insert(made, desired_access, handle_flags(attributes))
        if made.begins_with_name and not made.name:
            made.dereference()
        return STATUS_SUCCESS, handle

    def close(self, handle: int, *, for_program: bool = False) -> int:
        """Close a handle, as a program does `for_program`. The name of a temporary object goes with its last handle."""
        entry = self.handles.entry(handle)
        if entry is None or (for_program and is_kernel_handle(handle)):
            return STATUS_INVALID_HANDLE
        if entry.object.handle_count == 1 and not entry.object.permanent:
            self.namespace.release(entry.object)
        return self.handles.close(handle)


def handle_flags(attributes: ObjectAttributes | None) -> int:
    """The OBJ_ flags for the handle that a service makes; a program cannot ask for a kernel handle."""
    flags = 0 if attributes is None else attributes.attributes
    return flags & ~OBJ_KERNEL_HANDLE if is_program() else flags


def has_name(attributes: ObjectAttributes | None) -> bool:
    """Whether attributes give an object a name."""
    return (
        attributes is not None
        and attributes.object_name is not None
        and bool(unicode_text(attributes.object_name))
    )


def _refuse_reference(body: object) -> NoReturn:
    reason = f"ObReferenceObject must be called while the object has a reference; {body!r} had none: take one earlier"
    if is_verified():
        bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, VF_REFERENCE_ZERO_COUNT, body, 1, 0, reason=reason)
    bug_check(REFERENCE_BY_POINTER, type(body), body, reason=reason)


running: Final = Running[ObjectManager]("object routines")
