# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""ObReferenceObjectByName: an object by its name, such as the driver object `\Driver\Store`."""

from __future__ import annotations

from typing import Final

from dirql.ke.processors.contract import contract
from dirql.nt.constants import KernelMode
from dirql.nt.status import (
    STATUS_OBJECT_NAME_INVALID,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.ob.services import check_type
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = ["reference_object_by_name"]

_REFERENCE_BY_NAME: Final = contract("ObReferenceObjectByName")


def reference_object_by_name(
    object_name: UnicodeText,
    attributes: int,
    passed_access_state: None,
    desired_access: int,
    object_type: type[object] | None,
    access_mode: int,
    parse_context: object,
) -> tuple[int, object]:
    r"""The object with a name, referenced: (status, object); follows ObReferenceObjectByName.

    `object_type` is the class that the object must have; NT takes None only for KernelMode. A symbolic link in the path
    is followed. Give the reference back with ObDereferenceObject.
    """
    _REFERENCE_BY_NAME.check_level(object_name)
    _REFERENCE_BY_NAME.check_arguments(
        object_name, attributes, passed_access_state, desired_access, object_type, access_mode, parse_context
    )
    check_type(_REFERENCE_BY_NAME, object_type)
    path = unicode_text(object_name)
    if not path:
        return STATUS_OBJECT_NAME_INVALID, None
    manager = object_manager.value
    status, found, rest = manager.namespace.lookup(path)
    if found is None:
        return status, None
    if rest:
        return STATUS_OBJECT_NAME_NOT_FOUND, None
    body = found.body
    if object_type is None and access_mode != KernelMode:
        return STATUS_OBJECT_TYPE_MISMATCH, None
    if object_type is not None and not isinstance(body, object_type):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    manager.take_reference(found)
    return STATUS_SUCCESS, body
