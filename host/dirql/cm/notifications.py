# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures with which a RegistryCallback routine is told of an operation (REG_XXX_KEY_INFORMATION).

A member that is a pointer to a number or an object of the caller in C, such as ResultLength, has the number or the
object itself here, and the routine sets the member.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dirql.cm.registry_callback import RegistryCallback
from dirql.rtl.strings import UnicodeText

__all__ = [
    "ContextCleanupInformation",
    "CreateKeyInformation",
    "DeleteKeyInformation",
    "DeleteValueKeyInformation",
    "EnumerateKeyInformation",
    "EnumerateValueKeyInformation",
    "KeyHandleCloseInformation",
    "PostOperationInformation",
    "QueryKeyInformation",
    "QueryValueKeyInformation",
    "RenameKeyInformation",
    "SetInformationKeyInformation",
    "SetValueKeyInformation",
]

Thing: TypeAlias = object
"""A member that may be anything; `object` is the name of a member."""


class _Told:
    """The information about an operation on a key object."""

    __slots__ = ("object_context",)

    def set_object_context(self, key: Thing, callback: RegistryCallback) -> None:
        """Set the context that a routine keeps of the object."""
        self.object_context = callback.context_of(key)


@dataclass(slots=True, eq=False)
class DeleteKeyInformation(_Told):
    """A key is to be deleted, or flushed (REG_DELETE_KEY_INFORMATION)."""

    object: Thing = None
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class SetValueKeyInformation(_Told):
    """A value is to be made or replaced (REG_SET_VALUE_KEY_INFORMATION)."""

    object: Thing = None
    value_name: UnicodeText | None = None
    title_index: int = 0
    type: int = 0
    data: int | None = None
    data_size: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class DeleteValueKeyInformation(_Told):
    """A value is to be deleted (REG_DELETE_VALUE_KEY_INFORMATION)."""

    object: Thing = None
    value_name: UnicodeText | None = None
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class SetInformationKeyInformation(_Told):
    """Information about a key is to be set (REG_SET_INFORMATION_KEY_INFORMATION)."""

    object: Thing = None
    key_set_information_class: int = 0
    key_set_information: int | None = None
    key_set_information_length: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class EnumerateKeyInformation(_Told):
    """A subkey is asked for by its number (REG_ENUMERATE_KEY_INFORMATION)."""

    object: Thing = None
    index: int = 0
    key_information_class: int = 0
    key_information: int | None = None
    length: int = 0
    result_length: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class EnumerateValueKeyInformation(_Told):
    """A value is asked for by its number (REG_ENUMERATE_VALUE_KEY_INFORMATION)."""

    object: Thing = None
    index: int = 0
    key_value_information_class: int = 0
    key_value_information: int | None = None
    length: int = 0
    result_length: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class QueryKeyInformation(_Told):
    """Information about a key is asked for (REG_QUERY_KEY_INFORMATION)."""

    object: Thing = None
    key_information_class: int = 0
    key_information: int | None = None
    length: int = 0
    result_length: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class QueryValueKeyInformation(_Told):
    """A value is asked for by its name (REG_QUERY_VALUE_KEY_INFORMATION)."""

    object: Thing = None
    value_name: UnicodeText | None = None
    key_value_information_class: int = 0
    key_value_information: int | None = None
    length: int = 0
    result_length: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class RenameKeyInformation(_Told):
    """A key is to get another name (REG_RENAME_KEY_INFORMATION)."""

    object: Thing = None
    new_name: UnicodeText | None = None
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class KeyHandleCloseInformation(_Told):
    """The handle of a key is to be closed (REG_KEY_HANDLE_CLOSE_INFORMATION)."""

    object: Thing = None
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class CreateKeyInformation:
    """A key is to be made or opened (REG_CREATE_KEY_INFORMATION_V1, REG_OPEN_KEY_INFORMATION_V1).

    A routine that makes the operation itself sets `result_object`, with a reference, and `granted_access` and
    `disposition`.
    """

    complete_name: UnicodeText | None = None
    root_object: Thing = None
    object_type: Thing = None
    options: int = 0
    class_: UnicodeText | None = None
    security_descriptor: Thing = None
    security_quality_of_service: Thing = None
    desired_access: int = 0
    granted_access: int = 0
    disposition: int = 0
    result_object: Thing = None
    call_context: Thing = None
    root_object_context: Thing = None
    transaction: Thing = None
    version: int = 1
    remaining_name: UnicodeText | None = None
    wow64_flags: int = 0
    attributes: int = 0
    check_access_mode: int = 0

    def set_object_context(self, key: Thing, callback: RegistryCallback) -> None:
        """Set the context that a routine keeps of the object in which the name begins."""
        self.root_object_context = callback.context_of(self.root_object)


@dataclass(slots=True, eq=False)
class PostOperationInformation:
    """An operation has ended (REG_POST_OPERATION_INFORMATION)."""

    object: Thing = None
    status: int = 0
    pre_information: Thing = None
    return_status: int = 0
    call_context: Thing = None
    object_context: Thing = None
    reserved: Thing = None


@dataclass(slots=True, eq=False)
class ContextCleanupInformation:
    """The context of a key object is needed no more (REG_CALLBACK_CONTEXT_CLEANUP_INFORMATION)."""

    object: Thing = None
    object_context: Thing = None
    reserved: Thing = None
