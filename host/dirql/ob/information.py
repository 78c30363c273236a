# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The facts about an object behind a handle, and its security, of which no object here has any."""

from __future__ import annotations

import struct
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.mm import memory
from dirql.nt.constants import OBJ_KERNEL_HANDLE, ObjectBasicInformation, ObjectNameInformation
from dirql.nt.status import (
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_HANDLE,
    STATUS_INVALID_INFO_CLASS,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.ob.object_services import query_name
from dirql.ob.services import check_object

__all__ = ["get_object_security", "query_object", "release_object_security"]

_QUERY_OBJECT: Final = contract("ZwQueryObject")
_GET_SECURITY: Final = contract("ObGetObjectSecurity")
_RELEASE_SECURITY: Final = contract("ObReleaseObjectSecurity")

_BASIC: Final = struct.Struct("<4I40x")


def query_object(
    handle: int | None,
    object_information_class: int,
    object_information: int | None,
    object_information_length: int,
) -> tuple[int, int]:
    """Write facts about the object of a handle to an address; follows ZwQueryObject.

    Returns the status and the bytes that are needed. STATUS_INFO_LENGTH_MISMATCH if the buffer has another size for
    ObjectBasicInformation, or is too short for ObjectNameInformation.
    """
    _QUERY_OBJECT.check_level(handle)
    _QUERY_OBJECT.check_arguments(
        handle, object_information_class, object_information, object_information_length
    )
    entry = None if handle is None else object_manager.value.handles.entry(handle)
    if object_information_class not in (ObjectBasicInformation, ObjectNameInformation):
        return STATUS_INVALID_INFO_CLASS, 0
    if entry is None:
        return STATUS_INVALID_HANDLE, 0
    if object_information_class == ObjectNameInformation:
        return query_name(entry.object, object_information, object_information_length)
    if object_information_length != _BASIC.size or object_information is None:
        return STATUS_INFO_LENGTH_MISMATCH, _BASIC.size
    found = entry.object
    attributes = entry.handle_attributes & ~OBJ_KERNEL_HANDLE
    facts = _BASIC.pack(attributes, entry.granted_access, found.handle_count, max(found.pointer_count, 0))
    memory.write(object_information, facts)
    return STATUS_SUCCESS, _BASIC.size


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
