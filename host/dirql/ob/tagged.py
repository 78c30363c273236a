# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""References with a tag, which Windows traces for a debugger; here the tag means nothing else."""

from __future__ import annotations

from typing import Final

from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.contract import contract
from dirql.ob.manager import running as object_manager
from dirql.ob.object import Object
from dirql.ob.object_services import reference_object_by_pointer
from dirql.ob.services import ObjectHandleInformation, check_object, check_type, reference_object_by_handle

__all__ = [
    "dereference_object_defer_delete_with_tag",
    "dereference_object_with_tag",
    "reference_object_by_handle_with_tag",
    "reference_object_by_pointer_with_tag",
    "reference_object_with_tag",
]

_REFERENCE: Final = contract("ObReferenceObjectWithTag")
_DEREFERENCE: Final = contract("ObDereferenceObjectWithTag")
_DEFER_DELETE: Final = contract("ObDereferenceObjectDeferDeleteWithTag")
_BY_HANDLE: Final = contract("ObReferenceObjectByHandleWithTag")
_BY_POINTER: Final = contract("ObReferenceObjectByPointerWithTag")

Body = Object | DispatcherObject


def reference_object_with_tag(body: Body, tag: int) -> int:
    """Keep an object alive; returns the number of references. Follows ObReferenceObjectWithTag."""
    check_object(_REFERENCE, body)
    _REFERENCE.check_arguments(body, tag)
    manager = object_manager.value
    return manager.take_reference(manager.header_of(body))


def dereference_object_with_tag(body: Body, tag: int) -> int:
    """Give one reference back; returns the number of those left. Follows ObDereferenceObjectWithTag."""
    check_object(_DEREFERENCE, body)
    _DEREFERENCE.check_arguments(body, tag)
    manager = object_manager.value
    return manager.give_reference_back(manager.header_of(body))


def dereference_object_defer_delete_with_tag(body: Body, tag: int) -> None:
    """Give one reference back; follows ObDereferenceObjectDeferDeleteWithTag."""
    check_object(_DEFER_DELETE, body)
    _DEFER_DELETE.check_arguments(body, tag)
    manager = object_manager.value
    manager.give_reference_back(manager.header_of(body))


def reference_object_by_handle_with_tag(
    handle: int, desired_access: int, object_type: type[object] | None, access_mode: int, tag: int
) -> tuple[int, object, ObjectHandleInformation | None]:
    """Do as `reference_object_by_handle`; follows ObReferenceObjectByHandleWithTag."""
    _BY_HANDLE.check_level(handle)
    _BY_HANDLE.check_arguments(handle, desired_access, object_type, access_mode, tag)
    check_type(_BY_HANDLE, object_type)
    return reference_object_by_handle(handle, desired_access, object_type, access_mode)


def reference_object_by_pointer_with_tag(
    body: Body, desired_access: int, object_type: type[object] | None, access_mode: int, tag: int
) -> int:
    """Do as `reference_object_by_pointer`; follows ObReferenceObjectByPointerWithTag."""
    check_object(_BY_POINTER, body)
    _BY_POINTER.check_arguments(body, desired_access, object_type, access_mode, tag)
    check_type(_BY_POINTER, object_type)
    return reference_object_by_pointer(body, desired_access, object_type, access_mode)
