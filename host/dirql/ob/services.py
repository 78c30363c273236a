# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The services for handles, references, directories, symbolic links and system threads.

Where C has a pointer to an object type, such as `*PsThreadType`, Python has the class of the object: `KTHREAD`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar, overload

from dirql.ke.bugcheck import bug_check
from dirql.ke.guard import current_driver, is_verified
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.threads import system_thread
from dirql.ke.threads.kernel_call import KernelCall, is_program
from dirql.ke.threads.thread import Thread
from dirql.mm import memory
from dirql.nt.bugcodes import (
    DRIVER_VERIFIER_DETECTED_VIOLATION,
    INVALID_KERNEL_HANDLE,
    VF_BAD_HANDLE,
    VF_NULL_HANDLE,
)
from dirql.nt.constants import OBJ_KERNEL_HANDLE, KernelMode, UserMode
from dirql.nt.status import (
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_HANDLE,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import handle_flags, running as object_manager
from dirql.ob.namespace import Directory, SymbolicLink
from dirql.ob.object import Object
from dirql.ob.process import SYSTEM_ID, KernelProcess
from dirql.rtl.strings import UnicodeString

__all__ = [
    "ClientId",
    "ObjectHandleInformation",
    "check_object",
    "check_type",
    "close",
    "create_directory_object",
    "create_thread",
    "dereference_object",
    "make_temporary_object",
    "open_symbolic_link_object",
    "query_symbolic_link_object",
    "reference_object",
    "reference_object_by_handle",
    "refuse_handle",
]

_CLOSE: Final = contract("ZwClose")
_REFERENCE_OBJECT_BY_HANDLE: Final = contract("ObReferenceObjectByHandle")
_CREATE_DIRECTORY_OBJECT: Final = contract("ZwCreateDirectoryObject")
_OPEN_SYMBOLIC_LINK_OBJECT: Final = contract("ZwOpenSymbolicLinkObject")
_QUERY_SYMBOLIC_LINK_OBJECT: Final = contract("ZwQuerySymbolicLinkObject")
_MAKE_TEMPORARY_OBJECT: Final = contract("ZwMakeTemporaryObject")
_CREATE_THREAD: Final = contract("PsCreateSystemThread")
_REFERENCE_OBJECT: Final = contract("ObReferenceObject")
_DEREFERENCE_OBJECT: Final = contract("ObDereferenceObject")

_T = TypeVar("_T")

_ALL: Final = 0xFFFF_FFFF_FFFF_FFFF
_HARMLESS: Final = (0, 0xFFFF_FFFF_8000_0000, _ALL)
"""NULL, NULL as a kernel handle, and INVALID_HANDLE_VALUE."""
_ALL_ACCESS: Final = 0x1F_FFFF
"""The access that the handles of the current process and thread grant."""
_INVALID: Final = 1
"""Parameter 2 of INVALID_KERNEL_HANDLE: the handle is not open."""


@dataclass(frozen=True, slots=True)
class ClientId:
    """The numbers of a thread and of its process (CLIENT_ID)."""

    unique_process: int
    unique_thread: int


@dataclass(frozen=True, slots=True)
class ObjectHandleInformation:
    """The attributes of a handle and the access that it grants (OBJECT_HANDLE_INFORMATION)."""

    handle_attributes: int
    granted_access: int


def close(handle: int) -> int:
    """Close a handle of any kind; follows ZwClose."""
    _CLOSE.check_level(handle)
    _CLOSE.check_arguments(handle)
    if is_program():
        status = object_manager.value.close(handle, for_program=True)
    else:
        with KernelCall():
            status = object_manager.value.close(handle)
    if status == STATUS_INVALID_HANDLE and current_driver() is not None:
        refuse_handle("ZwClose", handle)
    return status


def refuse_handle(routine: str, handle: int) -> None:
    """Bug check 0x93 if a verified driver closes a handle that is not open, except NULL and INVALID_HANDLE_VALUE."""
    if (handle or 0) & _ALL not in _HARMLESS and is_verified():
        rule = "must be called once, with a handle that is open"
        reason = f"{routine} {rule}; {handle:#x} was not: forget a closed handle"
        bug_check(INVALID_KERNEL_HANDLE, handle, _INVALID, reason=reason)


def reference_object(body: Object | DispatcherObject) -> int:
    """Keep an object alive; returns the number of references. Follows ObReferenceObject."""
    check_object(_REFERENCE_OBJECT, body)
    manager = object_manager.value
    return manager.take_reference(manager.header_of(body))


def dereference_object(body: Object | DispatcherObject) -> int:
    """Give one reference back; returns the number of those left. Follows ObDereferenceObject.

    Bug check 0x18 REFERENCE_BY_POINTER when there is none to give back.
    """
    check_object(_DEREFERENCE_OBJECT, body)
    manager = object_manager.value
    return manager.give_reference_back(manager.header_of(body))


def check_object(kept: KeptContract, body: object) -> None:
    """Raise `TypeError` for what has no reference count."""
    if not isinstance(body, Object | Thread | KernelProcess) and not object_manager.value.has_header(body):
        kept.refuse_argument(
            "Object",
            "an object with a reference count, such as a device, a file, a thread or a process",
            body,
        )


@overload
def reference_object_by_handle(
    handle: int, desired_access: int, object_type: type[_T], access_mode: int
) -> tuple[int, _T | None, ObjectHandleInformation | None]: ...
@overload
def reference_object_by_handle(
    handle: int, desired_access: int, object_type: None, access_mode: int
) -> tuple[int, object, ObjectHandleInformation | None]: ...
def reference_object_by_handle(
    handle: int, desired_access: int, object_type: type[object] | None, access_mode: int
) -> tuple[int, object, ObjectHandleInformation | None]:
    """The object of a handle, referenced: (status, object, handle information); follows ObReferenceObjectByHandle.

    `object_type` is the class that the object must have, or None for any. Only for UserMode, the handle must grant
    `desired_access`.
    """
    _REFERENCE_OBJECT_BY_HANDLE.check_level(handle)
    _REFERENCE_OBJECT_BY_HANDLE.check_arguments(handle, desired_access, object_type, access_mode)
    check_type(_REFERENCE_OBJECT_BY_HANDLE, object_type)
    manager = object_manager.value
    own = manager.current_of(handle)
    if own is not None:
        if object_type is not None and not isinstance(own, object_type):
            return STATUS_OBJECT_TYPE_MISMATCH, None, None
        manager.take_reference(manager.header_of(own))
        return STATUS_SUCCESS, own, ObjectHandleInformation(0, _ALL_ACCESS)
    handles = manager.handles
    if access_mode == UserMode:
        status, body = handles.lookup(handle, object_type or object, desired_access)
    else:
        status, body = handles.lookup_for_kernel(handle, object_type or object)
    entry = handles.entry(handle)
    if body is None or entry is None:
        if entry is None and access_mode == KernelMode and current_driver() is not None and is_verified():
            reason = (
                f"ObReferenceObjectByHandle must be called with a handle that is open; it was {handle:#x}"
            )
            violation = VF_BAD_HANDLE if handle else VF_NULL_HANDLE
            bug_check(DRIVER_VERIFIER_DETECTED_VIOLATION, violation, handle, object_type or 0, reason=reason)
        return status, None, None
    manager.take_reference(entry.object)
    attributes = entry.handle_attributes & ~OBJ_KERNEL_HANDLE
    return STATUS_SUCCESS, body, ObjectHandleInformation(attributes, entry.granted_access)


def check_type(kept: KeptContract, object_type: object) -> None:
    """Refuse what is no type of an object, nor None; raises `TypeError`."""
    if not isinstance(object_type, type | None):
        what = "the class of the object, such as FILE_OBJECT, or None"
        kept.refuse_argument("ObjectType", what, object_type)


def create_directory_object(
    desired_access: int, object_attributes: ObjectAttributes
) -> tuple[int, int | None]:
    """Make a directory and open it: (status, handle); follows ZwCreateDirectoryObject.

    With OBJ_PERMANENT it keeps its name when its last handle is closed.
    """
    _CREATE_DIRECTORY_OBJECT.check_with(desired_access, object_attributes)
    _CREATE_DIRECTORY_OBJECT.check_arguments(desired_access, object_attributes)
    return object_manager.value.create(Directory(), object_attributes, desired_access)


def open_symbolic_link_object(
    desired_access: int, object_attributes: ObjectAttributes
) -> tuple[int, int | None]:
    """Open a symbolic link itself: (status, handle); follows ZwOpenSymbolicLinkObject."""
    _OPEN_SYMBOLIC_LINK_OBJECT.check_with(desired_access, object_attributes)
    _OPEN_SYMBOLIC_LINK_OBJECT.check_arguments(desired_access, object_attributes)
    manager = object_manager.value
    status, path = manager.path_of(object_attributes)
    link = manager.namespace.find_link(path) if path else None
    if link is None:
        return status if status != STATUS_SUCCESS else STATUS_OBJECT_NAME_NOT_FOUND, None
    return STATUS_SUCCESS, manager.handles.insert(link, desired_access, handle_flags(object_attributes))


def query_symbolic_link_object(link_handle: int, link_target: UnicodeString) -> tuple[int, int]:
    """Write the path to which a link leads into a string; follows ZwQuerySymbolicLinkObject.

    Returns the status and the bytes of the path, with its NUL if it was made with one. STATUS_BUFFER_TOO_SMALL if the
    string has no room for them.
    """
    _QUERY_SYMBOLIC_LINK_OBJECT.check_with(link_handle, link_target)
    _QUERY_SYMBOLIC_LINK_OBJECT.check_arguments(link_handle, link_target)
    status, link = object_manager.value.handles.lookup(link_handle, SymbolicLink)
    if link is None:
        return status, 0
    text = link.target.encode("utf-16-le", "surrogatepass")
    if link_target.maximum_length < link.size or link_target.buffer is None:
        return STATUS_BUFFER_TOO_SMALL, link.size
    memory.write(link_target.buffer, (text + b"\0\0")[: max(link.size, len(text))])
    link_target.length = len(text)
    return status, link.size


def make_temporary_object(handle: int) -> int:
    """Let the object's name go with its last handle; follows ZwMakeTemporaryObject (row NAM-01)."""
    _MAKE_TEMPORARY_OBJECT.check_level(handle)
    _MAKE_TEMPORARY_OBJECT.check_arguments(handle)
    status, named = object_manager.value.handles.lookup(handle, Object)
    if named is not None:
        named.permanent = False
    return status


def create_thread(
    desired_access: int,
    object_attributes: ObjectAttributes | None,
    process_handle: int | None,
    start_routine: Callable[[object], object],
    start_context: object,
) -> tuple[int, int | None, ClientId | None]:
    """Start a system thread: (status, thread handle, client ID); follows PsCreateSystemThread. PASSIVE_LEVEL.

    There is one process and threads have no names, so that the attributes and the process handle are not used. The
    thread calls `start_routine(start_context)` and ends when that returns or calls PsTerminateSystemThread. Close the
    handle; to wait for the end, get the thread with ObReferenceObjectByHandle first.
    `ke.threads.system_thread.create_thread` is the readable way: it returns the thread itself.
    """
    _CREATE_THREAD.check_with(desired_access, object_attributes)
    _CREATE_THREAD.check_arguments(
        desired_access, object_attributes, process_handle, start_routine, start_context
    )
    del process_handle
    flags = handle_flags(object_attributes)
    thread = system_thread.create_thread(start_routine, start_context, is_system=True)
    manager = object_manager.value
    handle = manager.handles.insert(manager.header_of(thread), desired_access, flags)
    return STATUS_SUCCESS, handle, ClientId(SYSTEM_ID, thread.number)
