# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The run-time library's short ways to one key or one value."""

from __future__ import annotations

from typing import Final

from dirql.cm.changes import set_value
from dirql.cm.filtering import filtered
from dirql.cm.notifications import DeleteValueKeyInformation, SetValueKeyInformation
from dirql.cm.objects import KeyObject
from dirql.cm.registry import running
from dirql.cm.relative import create_relative, find_relative, text_of
from dirql.ke.processors.contract import contract
from dirql.nt.constants import KEY_CREATE_SUB_KEY, KEY_SET_VALUE, RegNtPreDeleteValueKey, RegNtPreSetValueKey
from dirql.rtl.strings import Characters

__all__ = ["check_registry_key", "create_registry_key", "delete_registry_value", "write_registry_value"]

_CHECK: Final = contract("RtlCheckRegistryKey")
_CREATE: Final = contract("RtlCreateRegistryKey")
_DELETE: Final = contract("RtlDeleteRegistryValue")
_WRITE: Final = contract("RtlWriteRegistryValue")


def check_registry_key(relative_to: int, path: Characters) -> int:
    """STATUS_SUCCESS if there is such a key; follows RtlCheckRegistryKey."""
    _CHECK.check_level(relative_to)
    _CHECK.check_arguments(relative_to, path)
    return find_relative("RtlCheckRegistryKey", relative_to, path, 0)[0]


def create_registry_key(relative_to: int, path: Characters) -> int:
    """Make a key, all but the last name of whose path is there; follows RtlCreateRegistryKey."""
    _CREATE.check_level(relative_to)
    _CREATE.check_arguments(relative_to, path)
    return create_relative("RtlCreateRegistryKey", relative_to, path, KEY_CREATE_SUB_KEY)[0]


def delete_registry_value(relative_to: int, path: Characters, value_name: Characters) -> int:
    """Delete a value; follows RtlDeleteRegistryValue."""
    _DELETE.check_level(relative_to)
    _DELETE.check_arguments(relative_to, path, value_name)
    status, key = find_relative("RtlDeleteRegistryValue", relative_to, path, KEY_SET_VALUE)
    if key is None:
        return status
    name = text_of(value_name)
    body = KeyObject(key)
    information = DeleteValueKeyInformation(body, name)
    status = filtered(
        RegNtPreDeleteValueKey, body, information, lambda: running.value.delete_value(key, name)
    )
    body.dereference()
    return status


def write_registry_value(
    relative_to: int,
    path: Characters,
    value_name: Characters,
    value_type: int,
    value_data: int | None,
    value_length: int,
) -> int:
    """Make or replace a value, and the key of it if that is new; follows RtlWriteRegistryValue.

    `value_data` is the address of `value_length` bytes.
    """
    _WRITE.check_level(relative_to)
    _WRITE.check_arguments(relative_to, path, value_name, value_type, value_data, value_length)
    status, key = create_relative("RtlWriteRegistryValue", relative_to, path, KEY_SET_VALUE)
    if key is None:
        return status
    name = text_of(value_name)
    body = KeyObject(key)
    information = SetValueKeyInformation(body, name, 0, value_type, value_data, value_length)
    status = filtered(
        RegNtPreSetValueKey,
        body,
        information,
        lambda: set_value(key, name, value_type, value_data, value_length),
    )
    body.dereference()
    return status
