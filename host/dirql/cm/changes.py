# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system services that open and change keys of the registry; those that read them are in `queries`.

A buffer of the caller is the address of memory. A value is read from it as it stands there: nothing is done to a text,
or to a number.
"""

from __future__ import annotations

from typing import Final

from dirql.cm.filtering import filtered, open_filtered
from dirql.cm.key import LINK_VALUE, Key
from dirql.cm.notifications import (
    DeleteKeyInformation,
    DeleteValueKeyInformation,
    RenameKeyInformation,
    SetInformationKeyInformation,
    SetValueKeyInformation,
)
from dirql.cm.objects import find_key, lookup_key, mapped_access, object_of
from dirql.cm.registry import is_key_name, running
from dirql.ke.processors.contract import contract
from dirql.ke.refusals import note_refusal
from dirql.nt.constants import (
    DELETE,
    KEY_CREATE_LINK,
    KEY_CREATE_SUB_KEY,
    KEY_SET_VALUE,
    KEY_WRITE,
    REG_CREATED_NEW_KEY,
    REG_LEGAL_OPTION,
    REG_LINK,
    REG_OPEN_LEGAL_OPTION,
    REG_OPENED_EXISTING_KEY,
    REG_OPTION_CREATE_LINK,
    REG_OPTION_OPEN_LINK,
    REG_OPTION_VOLATILE,
    KeyWriteTimeInformation,
    RegNtPreCreateKeyEx,
    RegNtPreDeleteKey,
    RegNtPreDeleteValueKey,
    RegNtPreFlushKey,
    RegNtPreOpenKeyEx,
    RegNtPreRenameKey,
    RegNtPreSetInformationKey,
    RegNtPreSetValueKey,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_ACCESS_DENIED,
    STATUS_CHILD_MUST_BE_VOLATILE,
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_REGISTRY_IO_FAILED,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.rtl.memory import read
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = [
    "create_key",
    "delete_key",
    "delete_value_key",
    "flush_key",
    "open_key",
    "open_key_ex",
    "rename_key",
    "set_information_key",
    "set_value",
    "set_value_key",
    "value_name",
]

_CREATE_KEY: Final = contract("ZwCreateKey")
_OPEN_KEY: Final = contract("ZwOpenKey")
_OPEN_KEY_EX: Final = contract("ZwOpenKeyEx")
_DELETE_KEY: Final = contract("ZwDeleteKey")
_RENAME_KEY: Final = contract("ZwRenameKey")
_FLUSH_KEY: Final = contract("ZwFlushKey")
_SET_VALUE_KEY: Final = contract("ZwSetValueKey")
_DELETE_VALUE_KEY: Final = contract("ZwDeleteValueKey")
_SET_INFORMATION_KEY: Final = contract("ZwSetInformationKey")

_LONGEST_VALUE_NAME: Final = 16_383
_TIME_SIZE: Final = 8


def create_key(
    desired_access: int,
    object_attributes: ObjectAttributes,
    title_index: int,
    class_name: UnicodeText | None,
    create_options: int,
) -> tuple[int, int | None, int]:
    """Open a key, or make it if only the last name of its path is new: (status, handle, disposition).

    Follows ZwCreateKey. The disposition is REG_CREATED_NEW_KEY or REG_OPENED_EXISTING_KEY, and 0 after a failure.
    """
    _CREATE_KEY.check_with(desired_access, object_attributes)
    _CREATE_KEY.check_arguments(desired_access, object_attributes, title_index, class_name, create_options)
    if create_options & ~REG_LEGAL_OPTION:
        return STATUS_INVALID_PARAMETER, None, 0

    def operate() -> tuple[int, Key | None, int]:
        return _find_or_make(desired_access, object_attributes, class_name, create_options)

    return open_filtered(
        RegNtPreCreateKeyEx, desired_access, object_attributes, create_options, operate, class_name
    )


def _find_or_make(
    desired_access: int, attributes: ObjectAttributes, class_name: UnicodeText | None, options: int
) -> tuple[int, Key | None, int]:
    """The key to which a name leads, which may be new: (status, key, disposition)."""
    # A program that makes a link again means the link, and not the key to which it leads.
    is_link = bool(options & REG_OPTION_CREATE_LINK)
    found = find_key("ZwCreateKey", attributes, KEY_CREATE_SUB_KEY, open_link=is_link)
    if found.key is not None:
        if is_link:
            return STATUS_OBJECT_NAME_COLLISION, None, 0
        return STATUS_SUCCESS, found.key, REG_OPENED_EXISTING_KEY
    parent = found.parent
    if found.status != STATUS_OBJECT_NAME_NOT_FOUND or parent is None:
        _note_missing("ZwCreateKey", attributes, found.status)
        return found.status, None, 0
    is_volatile = bool(options & REG_OPTION_VOLATILE)
    status = _refusal(
        parent, found.leaf, is_volatile, is_link and not mapped_access(desired_access) & KEY_CREATE_LINK
    )
    if status != STATUS_SUCCESS:
        return status, None, 0
    name = "" if class_name is None else unicode_text(class_name)
    made = running.value.create(parent, found.leaf, name, is_volatile=is_volatile)
    made.is_link = is_link
    return STATUS_SUCCESS, made, REG_CREATED_NEW_KEY


def _refusal(parent: Key, name: str, is_volatile: bool, lacks_right: bool) -> int:
    """The status that keeps a key from being made, STATUS_SUCCESS if nothing does."""
    if lacks_right or parent.parent is None:  # nothing but MACHINE and USER is below the root
        return STATUS_ACCESS_DENIED
    if not is_key_name(name):
        return STATUS_INVALID_PARAMETER
    return STATUS_CHILD_MUST_BE_VOLATILE if parent.is_volatile and not is_volatile else STATUS_SUCCESS


def open_key(desired_access: int, object_attributes: ObjectAttributes) -> tuple[int, int | None]:
    """Open a key that exists: (status, handle); follows ZwOpenKey."""
    _OPEN_KEY.check_with(desired_access, object_attributes)
    _OPEN_KEY.check_arguments(desired_access, object_attributes)
    return _open("ZwOpenKey", desired_access, object_attributes, 0)


def open_key_ex(
    desired_access: int, object_attributes: ObjectAttributes, open_options: int
) -> tuple[int, int | None]:
    """Open a key that exists, or a link itself with REG_OPTION_OPEN_LINK: (status, handle); follows ZwOpenKeyEx."""
    _OPEN_KEY_EX.check_with(desired_access, object_attributes)
    _OPEN_KEY_EX.check_arguments(desired_access, object_attributes, open_options)
    if open_options & ~REG_OPEN_LEGAL_OPTION:
        return STATUS_INVALID_PARAMETER, None
    return _open("ZwOpenKeyEx", desired_access, object_attributes, open_options)


def _open(
    routine: str, desired_access: int, attributes: ObjectAttributes, options: int
) -> tuple[int, int | None]:
    def operate() -> tuple[int, Key | None, int]:
        found = find_key(routine, attributes, open_link=bool(options & REG_OPTION_OPEN_LINK))
        if found.key is None:
            _note_missing(routine, attributes, found.status)
        return found.status if found.key is None else STATUS_SUCCESS, found.key, REG_OPENED_EXISTING_KEY

    status, handle, _ = open_filtered(RegNtPreOpenKeyEx, desired_access, attributes, options, operate)
    return status, handle


def _note_missing(routine: str, attributes: ObjectAttributes, status: int) -> None:
    """Note which key was not there, for a driver that fails with that status."""
    if status == STATUS_OBJECT_NAME_NOT_FOUND and attributes.object_name is not None:
        what = "a key below one that exists" if routine == "ZwCreateKey" else "a key that exists"
        name = unicode_text(attributes.object_name)
        note_refusal(status, f"{routine} must be called with the name of {what}; {name!r} leads to none")


def delete_key(key_handle: int) -> int:
    """Delete a key that has no subkeys; follows ZwDeleteKey. The handle still has to be closed.

    STATUS_CANNOT_DELETE for a key with subkeys. Every later use of a handle of the key is STATUS_KEY_DELETED.
    """
    _DELETE_KEY.check_level(key_handle)
    _DELETE_KEY.check_arguments(key_handle)
    status, key = lookup_key("ZwDeleteKey", key_handle, DELETE)
    if key is None:
        return status
    body = object_of(key_handle)
    return filtered(RegNtPreDeleteKey, body, DeleteKeyInformation(body), lambda: running.value.delete(key))


def rename_key(key_handle: int, new_name: UnicodeText) -> int:
    """Give a key another name; follows ZwRenameKey. STATUS_CANNOT_DELETE if the parent has a key of that name."""
    _RENAME_KEY.check_level(key_handle)
    _RENAME_KEY.check_arguments(key_handle, new_name)
    status, key = lookup_key("ZwRenameKey", key_handle, KEY_WRITE)
    if key is None:
        return status
    body = object_of(key_handle)
    information = RenameKeyInformation(body, new_name)
    return filtered(RegNtPreRenameKey, body, information, lambda: _rename(key, unicode_text(new_name)))


def _rename(key: Key, name: str) -> int:
    return running.value.rename(key, name) if is_key_name(name) else STATUS_INVALID_PARAMETER


def flush_key(key_handle: int) -> int:
    """Write the registry to its file, if the machine has been told to keep one; follows ZwFlushKey."""
    _FLUSH_KEY.check_level(key_handle)
    _FLUSH_KEY.check_arguments(key_handle)
    status, key = lookup_key("ZwFlushKey", key_handle, 0)
    if key is None:
        return status
    body = object_of(key_handle)
    return filtered(RegNtPreFlushKey, body, DeleteKeyInformation(body), _flush)


def _flush() -> int:
    flushed = running.value.flushed
    return STATUS_REGISTRY_IO_FAILED if flushed is not None and not flushed() else STATUS_SUCCESS


def set_value_key(
    key_handle: int, name: UnicodeText, title_index: int, type: int, data: int | None, data_size: int
) -> int:
    """Make or replace a value; follows ZwSetValueKey. `data` is the address of `data_size` bytes."""
    _SET_VALUE_KEY.check_level(key_handle)
    _SET_VALUE_KEY.check_arguments(key_handle, name, title_index, type, data, data_size)
    status, key = lookup_key("ZwSetValueKey", key_handle, KEY_SET_VALUE)
    if key is None:
        return status
    body = object_of(key_handle)
    information = SetValueKeyInformation(body, name, title_index, type, data, data_size)
    return filtered(
        RegNtPreSetValueKey,
        body,
        information,
        lambda: set_value(key, unicode_text(name), type, data, data_size),
    )


def set_value(key: Key, name: str, type: int, data: int | None, size: int) -> int:
    """Give a value the bytes at an address; returns a status."""
    name = value_name(name)
    if len(name) > _LONGEST_VALUE_NAME:
        return STATUS_INVALID_PARAMETER
    if key.is_link and (name != LINK_VALUE or type != REG_LINK):
        return STATUS_ACCESS_DENIED
    try:
        contents = read(data, size) if size else b""
    except StatusException as error:
        return error.status
    running.value.set_value(key, name, type, contents)
    return STATUS_SUCCESS


def set_information_key(
    key_handle: int, key_set_information_class: int, key_set_information: int | None, length: int
) -> int:
    """Set the time of a key's last change; follows ZwSetInformationKey. `key_set_information` is an address.

    STATUS_INVALID_PARAMETER for a class other than KeyWriteTimeInformation, STATUS_INFO_LENGTH_MISMATCH for a length
    other than 8.
    """
    _SET_INFORMATION_KEY.check_level(key_handle)
    _SET_INFORMATION_KEY.check_arguments(key_handle, key_set_information_class, key_set_information, length)
    status, key = lookup_key("ZwSetInformationKey", key_handle, KEY_SET_VALUE)
    if key is None:
        return status
    body = object_of(key_handle)
    arguments = (key_set_information_class, key_set_information, length)
    information = SetInformationKeyInformation(body, *arguments)
    return filtered(RegNtPreSetInformationKey, body, information, lambda: _set_information(key, *arguments))


def _set_information(
    key: Key, key_set_information_class: int, key_set_information: int | None, length: int
) -> int:
    if key_set_information_class != KeyWriteTimeInformation:
        return STATUS_INVALID_PARAMETER
    if length != _TIME_SIZE:
        return STATUS_INFO_LENGTH_MISMATCH
    try:
        key.last_write_time = int.from_bytes(read(key_set_information, length), "little", signed=True)
    except StatusException as error:
        return error.status
    return STATUS_SUCCESS


def delete_value_key(key_handle: int, name: UnicodeText) -> int:
    """Delete a value; follows ZwDeleteValueKey."""
    _DELETE_VALUE_KEY.check_level(key_handle)
    _DELETE_VALUE_KEY.check_arguments(key_handle, name)
    status, key = lookup_key("ZwDeleteValueKey", key_handle, KEY_SET_VALUE)
    if key is None:
        return status
    body = object_of(key_handle)
    return filtered(
        RegNtPreDeleteValueKey,
        body,
        DeleteValueKeyInformation(body, name),
        lambda: running.value.delete_value(key, value_name(unicode_text(name))),
    )


def value_name(name: str) -> str:
    """The name of a value, without NULs at its end, which NT takes off."""
    return name.rstrip("\0")
