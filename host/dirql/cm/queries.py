# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system services that read keys of the registry and their values."""

from __future__ import annotations

from typing import Final

from dirql.cm.changes import value_name
from dirql.cm.filtering import query_filtered
from dirql.cm.information import ENUMERATED, KEY_CLASSES, VALUE_CLASSES, Layout
from dirql.cm.key import Key
from dirql.cm.notifications import (
    EnumerateKeyInformation,
    EnumerateValueKeyInformation,
    QueryKeyInformation,
    QueryValueKeyInformation,
)
from dirql.cm.objects import lookup_key, object_of
from dirql.ke.processors.contract import contract
from dirql.ke.refusals import note_refusal
from dirql.nt.constants import (
    KEY_ENUMERATE_SUB_KEYS,
    KEY_QUERY_VALUE,
    KeyNameInformation,
    RegNtPreEnumerateKey,
    RegNtPreEnumerateValueKey,
    RegNtPreQueryKey,
    RegNtPreQueryValueKey,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_MORE_ENTRIES,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.rtl.memory import write
from dirql.rtl.strings import UnicodeText, unicode_text

__all__ = ["enumerate_key", "enumerate_value_key", "query_key", "query_value_key"]

_QUERY_KEY: Final = contract("ZwQueryKey")
_ENUMERATE_KEY: Final = contract("ZwEnumerateKey")
_QUERY_VALUE_KEY: Final = contract("ZwQueryValueKey")
_ENUMERATE_VALUE_KEY: Final = contract("ZwEnumerateValueKey")


def query_key(
    key_handle: int, key_information_class: int, key_information: int | None, length: int
) -> tuple[int, int]:
    """Write information about a key to a buffer: (status, the bytes that all of it takes); follows ZwQueryKey."""
    _QUERY_KEY.check_level(key_handle)
    _QUERY_KEY.check_arguments(key_handle, key_information_class, key_information, length)
    describe = KEY_CLASSES.get(key_information_class)
    if describe is None:
        return STATUS_INVALID_PARAMETER, 0
    access = 0 if key_information_class == KeyNameInformation else KEY_QUERY_VALUE
    status, key = lookup_key("ZwQueryKey", key_handle, access)
    if key is None:
        return status, 0
    body = object_of(key_handle)
    information = QueryKeyInformation(body, key_information_class, key_information, length)
    return query_filtered(
        RegNtPreQueryKey, body, information, lambda: _deliver(describe(key), key_information, length)
    )


def enumerate_key(
    key_handle: int, index: int, key_information_class: int, key_information: int | None, length: int
) -> tuple[int, int]:
    """Write information about the subkey with a number to a buffer: (status, the bytes that all of it takes).

    Follows ZwEnumerateKey. STATUS_NO_MORE_ENTRIES behind the last subkey.
    """
    _ENUMERATE_KEY.check_level(key_handle)
    _ENUMERATE_KEY.check_arguments(key_handle, index, key_information_class, key_information, length)
    if key_information_class not in ENUMERATED:
        return STATUS_INVALID_PARAMETER, 0
    status, key = lookup_key("ZwEnumerateKey", key_handle, KEY_ENUMERATE_SUB_KEYS)
    if key is None:
        return status, 0

    def operate() -> tuple[int, int]:
        below = key.subkey_at(index)
        if below is None:
            return STATUS_NO_MORE_ENTRIES, 0
        return _deliver(KEY_CLASSES[key_information_class](below), key_information, length)

    body = object_of(key_handle)
    information = EnumerateKeyInformation(body, index, key_information_class, key_information, length)
    return query_filtered(RegNtPreEnumerateKey, body, information, operate)


def query_value_key(
    key_handle: int,
    name: UnicodeText,
    key_value_information_class: int,
    key_value_information: int | None,
    length: int,
) -> tuple[int, int]:
    """Write information about a value to a buffer: (status, the bytes that all of it takes); follows ZwQueryValueKey.

    An empty name means the unnamed value of the key.
    """
    _QUERY_VALUE_KEY.check_level(key_handle)
    _QUERY_VALUE_KEY.check_arguments(
        key_handle, name, key_value_information_class, key_value_information, length
    )
    if key_value_information_class not in VALUE_CLASSES:
        return STATUS_INVALID_PARAMETER, 0
    status, key = lookup_key("ZwQueryValueKey", key_handle, KEY_QUERY_VALUE)
    if key is None:
        return status, 0
    arguments = (key_value_information_class, key_value_information, length)
    body = object_of(key_handle)
    information = QueryValueKeyInformation(body, name, *arguments)

    def operate() -> tuple[int, int]:
        return _query_value(key, value_name(unicode_text(name)), *arguments)

    return query_filtered(RegNtPreQueryValueKey, body, information, operate)


def _query_value(
    key: Key, wanted: str, information_class: int, address: int | None, length: int
) -> tuple[int, int]:
    value = key.value(wanted)
    if value is None:
        sentence = (
            f"ZwQueryValueKey must be called with the name of a value that {key!r} has; it was {wanted!r}"
        )
        note_refusal(STATUS_OBJECT_NAME_NOT_FOUND, sentence)
        return STATUS_OBJECT_NAME_NOT_FOUND, 0
    return _deliver(VALUE_CLASSES[information_class](value), address, length)


def enumerate_value_key(
    key_handle: int,
    index: int,
    key_value_information_class: int,
    key_value_information: int | None,
    length: int,
) -> tuple[int, int]:
    """Write information about the value with a number to a buffer: (status, the bytes that all of it takes).

    Follows ZwEnumerateValueKey. STATUS_NO_MORE_ENTRIES behind the last value.
    """
    _ENUMERATE_VALUE_KEY.check_level(key_handle)
    _ENUMERATE_VALUE_KEY.check_arguments(
        key_handle, index, key_value_information_class, key_value_information, length
    )
    describe = VALUE_CLASSES.get(key_value_information_class)
    if describe is None:
        return STATUS_INVALID_PARAMETER, 0
    status, key = lookup_key("ZwEnumerateValueKey", key_handle, KEY_QUERY_VALUE)
    if key is None:
        return status, 0

    def operate() -> tuple[int, int]:
        value = key.value_at(index)
        if value is None:
            return STATUS_NO_MORE_ENTRIES, 0
        return _deliver(describe(value), key_value_information, length)

    body = object_of(key_handle)
    arguments = (key_value_information_class, key_value_information, length)
    information = EnumerateValueKeyInformation(body, index, *arguments)
    return query_filtered(RegNtPreEnumerateValueKey, body, information, operate)


def _deliver(layout: Layout, buffer: int | None, length: int) -> tuple[int, int]:
    """Write what fits of the information: (status, the bytes that all of it takes)."""
    size = len(layout.contents)
    if length < layout.fixed:
        return STATUS_BUFFER_TOO_SMALL, size
    try:
        write(buffer, layout.contents[:length])
    except StatusException as error:
        return error.status, 0
    return (STATUS_BUFFER_OVERFLOW if length < size else STATUS_SUCCESS), size
