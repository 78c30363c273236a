# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The services that take an object itself, or a second handle of it: references, names, handles, and links.

Where C has a pointer to an object type, such as `*PsThreadType`, Python has the class of the object: `KTHREAD`.
"""

from __future__ import annotations

import struct
from typing import Final

from dirql.ke.current import current
from dirql.ke.guard import current_driver
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.contract import KeptContract, contract
from dirql.ke.threads.kernel_call import is_program
from dirql.mm import memory
from dirql.nt.constants import (
    DUPLICATE_CLOSE_SOURCE,
    DUPLICATE_SAME_ACCESS,
    DUPLICATE_SAME_ATTRIBUTES,
    OBJ_KERNEL_HANDLE,
    KernelMode,
)
from dirql.nt.status import (
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_CID,
    STATUS_INVALID_HANDLE,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import handle_flags, running as object_manager
from dirql.ob.namespace import Directory, SymbolicLink
from dirql.ob.object import Object
from dirql.ob.services import ClientId, check_object, check_type, refuse_handle
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "close_object_handle",
    "create_symbolic_link_object",
    "dereference_object_defer_delete",
    "duplicate_object",
    "fast_dereference_object",
    "fast_reference_object",
    "is_kernel_handle",
    "make_object_temporary",
    "open_directory_object",
    "open_object_by_pointer",
    "open_thread",
    "query_name",
    "query_name_string",
    "reference_object_by_pointer",
]

_REFERENCE_BY_POINTER: Final = contract("ObReferenceObjectByPointer")
_FAST_REFERENCE: Final = contract("ObfReferenceObject")
_FAST_DEREFERENCE: Final = contract("ObfDereferenceObject")
_DEFER_DELETE: Final = contract("ObDereferenceObjectDeferDelete")
_OPEN_BY_POINTER: Final = contract("ObOpenObjectByPointer")
_QUERY_NAME: Final = contract("ObQueryNameString")
_CLOSE_HANDLE: Final = contract("ObCloseHandle")
_IS_KERNEL_HANDLE: Final = contract("ObIsKernelHandle")
_MAKE_TEMPORARY: Final = contract("ObMakeTemporaryObject")
_OPEN_DIRECTORY: Final = contract("ZwOpenDirectoryObject")
_CREATE_LINK: Final = contract("ZwCreateSymbolicLinkObject")
_DUPLICATE: Final = contract("ZwDuplicateObject")
_OPEN_THREAD: Final = contract("ZwOpenThread")

_NAME_HEADER: Final = 0x10
_LAST_ADDRESS: Final = (1 << 64) - 1
"""The size of OBJECT_NAME_INFORMATION, behind which the characters stand."""

Body = Object | DispatcherObject


def reference_object_by_pointer(
    body: Body, desired_access: int, object_type: type[object] | None, access_mode: int
) -> int:
    """Keep an object alive if it has the type; follows ObReferenceObjectByPointer.

    STATUS_OBJECT_TYPE_MISMATCH for another type. In kernel mode None stands for any type.
    """
    check_object(_REFERENCE_BY_POINTER, body)
    _REFERENCE_BY_POINTER.check_arguments(body, desired_access, object_type, access_mode)
    if not _has_type(_REFERENCE_BY_POINTER, body, object_type, access_mode):
        return STATUS_OBJECT_TYPE_MISMATCH
    manager = object_manager.value
    manager.take_reference(manager.header_of(body))
    return STATUS_SUCCESS


def _has_type(kept: KeptContract, body: Body, object_type: type[object] | None, access_mode: int) -> bool:
    check_type(kept, object_type)
    if object_type is None:
        return access_mode == KernelMode
    return isinstance(body, object_type)


def fast_reference_object(body: Body) -> int:
    """Keep an object alive; returns the number of references. Follows ObfReferenceObject."""
    check_object(_FAST_REFERENCE, body)
    manager = object_manager.value
    return manager.take_reference(manager.header_of(body))


def fast_dereference_object(body: Body) -> int:
    """Give one reference back; returns the number of those left. Follows ObfDereferenceObject."""
    check_object(_FAST_DEREFERENCE, body)
    manager = object_manager.value
    return manager.give_reference_back(manager.header_of(body))


def dereference_object_defer_delete(body: Body) -> None:
    """Give one reference back; follows ObDereferenceObjectDeferDelete.

    An object that this deletes sends its last requests from a system thread where the level asks for that.
    """
    check_object(_DEFER_DELETE, body)
    manager = object_manager.value
    manager.give_reference_back(manager.header_of(body))


def open_object_by_pointer(
    body: Body,
    handle_attributes: int,
    passed_access_state: None,
    desired_access: int,
    object_type: type[object] | None,
    access_mode: int,
) -> tuple[int, int | None]:
    """Open an object that the caller has: (status, handle); follows ObOpenObjectByPointer."""
    _OPEN_BY_POINTER.check_level(body)
    check_object(_OPEN_BY_POINTER, body)
    arguments = (body, handle_attributes, passed_access_state, desired_access, object_type, access_mode)
    _OPEN_BY_POINTER.check_arguments(*arguments)
    if not _has_type(_OPEN_BY_POINTER, body, object_type, access_mode):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    manager = object_manager.value
    handle = manager.handles.insert(manager.header_of(body), desired_access, handle_attributes)
    return STATUS_SUCCESS, handle


def query_name_string(body: Body, object_name_info: int | None, length: int) -> tuple[int, int]:
    """Write the name of an object, as a UNICODE_STRING with its text; follows ObQueryNameString.

    Returns the status and the bytes that are needed. An open device has the name of the device with the rest of the
    path behind it. STATUS_INFO_LENGTH_MISMATCH if the buffer is too short. An object without a name has an empty one.
    """
    _QUERY_NAME.check_level(body)
    check_object(_QUERY_NAME, body)
    _QUERY_NAME.check_arguments(body, object_name_info, length)
    return query_name(object_manager.value.header_of(body), object_name_info, length)


def query_name(counted: Object, object_name_info: int | None, length: int) -> tuple[int, int]:
    """Do as `query_name_string` for the counts of an object."""
    text = counted.full_name.encode("utf-16-le")
    needed = _NAME_HEADER + (len(text) + 2 if text else 0)
    if length < needed or object_name_info is None:
        return STATUS_INFO_LENGTH_MISMATCH, needed
    buffer = object_name_info + _NAME_HEADER & _LAST_ADDRESS if text else 0
    header = struct.pack("<HHIQ", len(text), len(text) + 2 if text else 0, 0, buffer)
    memory.write(object_name_info, header + (text + b"\0\0" if text else b""))
    return STATUS_SUCCESS, needed


def close_object_handle(handle: int | None, previous_mode: int) -> int:
    """Close a handle; follows ObCloseHandle. NULL, and for UserMode a kernel handle, is STATUS_INVALID_HANDLE."""
    _CLOSE_HANDLE.check_level(handle)
    _CLOSE_HANDLE.check_arguments(handle, previous_mode)
    if handle is None:
        return STATUS_INVALID_HANDLE
    status = object_manager.value.close(handle, for_program=previous_mode != KernelMode)
    if status == STATUS_INVALID_HANDLE and previous_mode == KernelMode and current_driver() is not None:
        refuse_handle("ObCloseHandle", handle)
    return status


def is_kernel_handle(handle: int) -> bool:
    """Whether a handle was opened with OBJ_KERNEL_HANDLE, and is open; follows ObIsKernelHandle."""
    _IS_KERNEL_HANDLE.check_level(handle)
    _IS_KERNEL_HANDLE.check_arguments(handle)
    entry = object_manager.value.handles.entry(handle)
    return entry is not None and bool(entry.handle_attributes & OBJ_KERNEL_HANDLE)


def make_object_temporary(body: Body) -> None:
    """Let the object's name go with its last handle; follows ObMakeTemporaryObject (row NAM-01)."""
    _MAKE_TEMPORARY.check_level(body)
    check_object(_MAKE_TEMPORARY, body)
    manager = object_manager.value
    header = manager.header_of(body)
    header.permanent = False
    if not header.handle_count:
        manager.namespace.release(header)


def open_directory_object(desired_access: int, object_attributes: ObjectAttributes) -> tuple[int, int | None]:
    """Open a directory of names: (status, handle); follows ZwOpenDirectoryObject."""
    _OPEN_DIRECTORY.check_with(desired_access, object_attributes)
    _OPEN_DIRECTORY.check_arguments(desired_access, object_attributes)
    manager = object_manager.value
    status, found, rest = manager.lookup(object_attributes)
    if found is None:
        return status, None
    if rest or not isinstance(found, Directory):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    return STATUS_SUCCESS, manager.handles.insert(found, desired_access, handle_flags(object_attributes))


def create_symbolic_link_object(
    desired_access: int, object_attributes: ObjectAttributes, link_target: UnicodeText
) -> tuple[int, int | None]:
    """Make a symbolic link and open it: (status, handle); follows ZwCreateSymbolicLinkObject.

    Without OBJ_PERMANENT it goes with its last handle. The target need not exist.
    """
    _CREATE_LINK.check_with(desired_access, object_attributes)
    _CREATE_LINK.check_arguments(desired_access, object_attributes, link_target)
    size = None if isinstance(link_target, str) else link_target.maximum_length
    link = SymbolicLink(unicode_text(link_target), current_driver(), size)
    return object_manager.value.create(link, object_attributes, desired_access)


def duplicate_object(
    source_process_handle: int | None,
    source_handle: int,
    target_process_handle: int | None,
    desired_access: int,
    handle_attributes: int,
    options: int,
) -> tuple[int, int | None]:
    """Make a second handle of an object: (status, handle); follows ZwDuplicateObject.

    DUPLICATE_SAME_ACCESS gives the access of the first one and DUPLICATE_SAME_ATTRIBUTES its attributes;
    DUPLICATE_CLOSE_SOURCE closes that one.
    """
    _DUPLICATE.check_level(source_process_handle)
    arguments = (desired_access, handle_attributes, options)
    _DUPLICATE.check_arguments(source_process_handle, source_handle, target_process_handle, *arguments)
    manager = object_manager.value
    entry = manager.handles.entry(source_handle)
    if entry is None:
        return STATUS_INVALID_HANDLE, None
    access = entry.granted_access if options & DUPLICATE_SAME_ACCESS else desired_access
    if options & DUPLICATE_SAME_ATTRIBUTES:
        handle_attributes = entry.handle_attributes & ~OBJ_KERNEL_HANDLE
    elif is_program():
        handle_attributes &= ~OBJ_KERNEL_HANDLE
    handle = manager.handles.insert(entry.object, access, handle_attributes)
    if options & DUPLICATE_CLOSE_SOURCE:
        manager.close(source_handle)
    return STATUS_SUCCESS, handle


def open_thread(
    desired_access: int, object_attributes: ObjectAttributes, client_id: ClientId
) -> tuple[int, int | None]:
    """Open a thread by its number: (status, handle); follows ZwOpenThread.

    STATUS_INVALID_CID if there is no such thread, in the process that `client_id` names if it names one.
    """
    _OPEN_THREAD.check_with(desired_access, object_attributes, client_id)
    _OPEN_THREAD.check_arguments(desired_access, object_attributes, client_id)
    manager = object_manager.value
    for thread in current.kernel.threads:
        process = client_id.unique_process
        if thread.number == client_id.unique_thread and process in (0, manager.process_of(thread).number):
            header = manager.header_of(thread)
            flags = handle_flags(object_attributes)
            return STATUS_SUCCESS, manager.handles.insert(header, desired_access, flags)
    return STATUS_INVALID_CID, None
