# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The facts about an object behind a handle, and its security, of which no object here has any."""

from __future__ import annotations

import struct
from typing import Final

from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.contract import contract
from dirql.mm import memory
from dirql.nt.constants import (
    OBJ_KERNEL_HANDLE,
    ObjectBasicInformation,
    ObjectNameInformation,
    ObjectTypeInformation,
)
from dirql.nt.status import (
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_HANDLE,
    STATUS_INVALID_INFO_CLASS,
    STATUS_SUCCESS,
)
from dirql.ob.handles import HandleEntry
from dirql.ob.manager import running as object_manager
from dirql.ob.object import Object
from dirql.ob.object_services import query_name
from dirql.ob.object_type import object_type
from dirql.ob.services import check_object

__all__ = ["get_object_security", "object_pointer_count", "query_object", "release_object_security"]

_QUERY_OBJECT: Final = contract("ZwQueryObject")
_POINTER_COUNT: Final = contract("ObGetObjectPointerCount")
_GET_SECURITY: Final = contract("ObGetObjectSecurity")
_RELEASE_SECURITY: Final = contract("ObReleaseObjectSecurity")

_BASIC: Final = struct.Struct("<4I20x2I12x")
_TYPE: Final = struct.Struct("<HH4xQ2I40x6I??2xI8x")
"""OBJECT_BASIC_INFORMATION, with the sizes of the two others, and OBJECT_TYPE_INFORMATION, behind which its text is."""
_NAME_SIZE: Final = 0x10
_CLASSES: Final = (ObjectBasicInformation, ObjectNameInformation, ObjectTypeInformation)
_LAST_ADDRESS: Final = (1 << 64) - 1


def query_object(
    handle: int | None,
    object_information_class: int,
    object_information: int | None,
    object_information_length: int,
) -> tuple[int, int]:
    """Write facts about the object of a handle to an address; follows ZwQueryObject.

    Returns the status and the bytes that are needed. STATUS_INFO_LENGTH_MISMATCH if the buffer has another size for
    ObjectBasicInformation, or is too short for ObjectNameInformation and ObjectTypeInformation. The references
    include the one that the call has, and the name.
    """
    _QUERY_OBJECT.check_level(handle)
    _QUERY_OBJECT.check_arguments(
        handle, object_information_class, object_information, object_information_length
    )
    if object_information_class not in _CLASSES:
        return STATUS_INVALID_INFO_CLASS, 0
    entry = None if handle is None else object_manager.value.handles.entry(handle)
    if entry is None:
        return STATUS_INVALID_HANDLE, 0
    if object_information_class == ObjectNameInformation:
        return query_name(entry.object, object_information, object_information_length)
    if object_information_class == ObjectTypeInformation:
        return _query_type(entry.object.kind, object_information, object_information_length)
    if object_information_length != _BASIC.size or object_information is None:
        return STATUS_INFO_LENGTH_MISMATCH, _BASIC.size
    memory.write(object_information, _basic(entry))
    return STATUS_SUCCESS, _BASIC.size


def _basic(entry: HandleEntry) -> bytes:
    found = entry.object
    name = found.full_name
    return _BASIC.pack(
        entry.handle_attributes & ~OBJ_KERNEL_HANDLE,
        entry.granted_access,
        found.handle_count,
        max(found.references, 0) + 1,
        _NAME_SIZE + 2 * len(name) + 2 if name else 0,
        _TYPE.size + 2 * len(found.kind) + 2,
    )


def _query_type(name: str, address: int | None, length: int) -> tuple[int, int]:
    """Write the facts about a type, and its name behind them."""
    text = name.encode("utf-16-le")
    needed = _TYPE.size + len(text) + 2
    if length < needed or address is None:
        return STATUS_INFO_LENGTH_MISMATCH, needed
    kind = object_type(name)
    handles = [entry.object for _, entry in object_manager.value.handles.open_handles()]
    opened = [found for found in handles if found.kind == name]
    rights = (kind.generic_read, kind.generic_write, kind.generic_execute, kind.generic_all)
    facts = _TYPE.pack(
        len(text),
        len(text) + 2,
        address + _TYPE.size & _LAST_ADDRESS,
        len(set(opened)),
        len(opened),
        kind.invalid_attributes,
        *rights,
        kind.valid_access_mask,
        kind.security_required,
        kind.maintain_handle_count,
        kind.pool_type,
    )
    memory.write(address, facts + text + b"\0\0")
    return STATUS_SUCCESS, needed


def object_pointer_count(body: object) -> int:
    """The number of references of an object, of which its name is one; follows ObGetObjectPointerCount."""
    _POINTER_COUNT.check_level(body)
    check_object(_POINTER_COUNT, body)
    assert isinstance(body, Object | DispatcherObject)
    return object_manager.value.header_of(body).references


def get_object_security(body: object) -> tuple[int, int | None, bool]:
    """The security descriptor of an object: (status, its address, whether it was allocated for the caller).

    Follows ObGetObjectSecurity. No object here has one, so that the address is None.
    """
    _GET_SECURITY.check_level(body)
    check_object(_GET_SECURITY, body)
    return STATUS_SUCCESS, None, False


def release_object_security(security_descriptor: int | None, memory_allocated: int) -> None:
    """Give back what `get_object_security` returned; follows ObReleaseObjectSecurity."""
    _RELEASE_SECURITY.check_level(security_descriptor)
    _RELEASE_SECURITY.check_arguments(security_descriptor, memory_allocated)
