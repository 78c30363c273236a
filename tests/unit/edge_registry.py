# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm

__all__ = ["REGISTRY_CALLS"]

PATH = r"\Registry\Machine\SOFTWARE\Edge"


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    @property
    def block(self) -> int: ...


def attributes() -> wdm.OBJECT_ATTRIBUTES:
    made = wdm.OBJECT_ATTRIBUTES()
    wdm.InitializeObjectAttributes(made, PATH, wdm.OBJ_CASE_INSENSITIVE, None, None)
    return made


def key() -> int:
    """A key with a value and a subkey."""
    handle = wdm.ZwCreateKey(wdm.KEY_ALL_ACCESS, attributes(), 0, None, 0)[1]
    assert handle is not None
    wdm.ZwSetValueKey(handle, "Value", 0, wdm.REG_NONE, None, 0)
    return handle


def changing_key() -> int:
    """A key that another thread changes soon."""
    handle = key()

    def change(_: object) -> None:
        wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10)
        wdm.ZwDeleteValueKey(handle, "Value")

    wdm.PsCreateSystemThread(0, None, None, change, None)
    return handle


def table() -> list[wdm.RTL_QUERY_REGISTRY_TABLE]:
    """A table with one entry, whose routine does nothing."""
    return [wdm.RTL_QUERY_REGISTRY_TABLE(lambda *_: wdm.STATUS_SUCCESS, 0, "Value")]


def cookie() -> int:
    """The cookie of a routine that is registered, and of one key object."""
    return wdm.CmRegisterCallback(lambda *_: wdm.STATUS_SUCCESS, None)[1]


def key_object() -> object:
    return wdm.ObReferenceObjectByHandle(key(), 0, None, wdm.KernelMode)[1]


Call = Callable[[World], tuple[object, ...]]
REGISTRY_CALLS: dict[str, Call] = {
    "CmRegisterCallback": lambda _: (lambda *_: wdm.STATUS_SUCCESS, None),
    "CmRegisterCallbackEx": lambda _: (lambda *_: wdm.STATUS_SUCCESS, "320000", None, None, None),
    "CmUnRegisterCallback": lambda _: (cookie(),),
    "CmSetCallbackObjectContext": lambda _: (key_object(), cookie(), None),
    "CmCallbackGetKeyObjectID": lambda _: (cookie(), key_object()),
    "ZwCreateKey": lambda _: (wdm.KEY_READ, attributes(), 0, None, 0),
    "ZwOpenKey": lambda _: (wdm.KEY_READ, key() and attributes()),
    "ZwOpenKeyEx": lambda _: (wdm.KEY_READ, key() and attributes(), 0),
    "ZwDeleteKey": lambda _: (key(),),
    "ZwRenameKey": lambda _: (key(), "Renamed"),
    "ZwFlushKey": lambda _: (key(),),
    "ZwSetValueKey": lambda w: (key(), "Value", 0, wdm.REG_BINARY, w.block, 16),
    "ZwDeleteValueKey": lambda _: (key(), "Value"),
    "ZwQueryKey": lambda w: (key(), wdm.KeyBasicInformation, w.block, 64),
    "ZwEnumerateKey": lambda w: (key(), 0, wdm.KeyBasicInformation, w.block, 64),
    "ZwQueryValueKey": lambda w: (key(), "Value", wdm.KeyValueBasicInformation, w.block, 64),
    "ZwEnumerateValueKey": lambda w: (key(), 0, wdm.KeyValueBasicInformation, w.block, 64),
    "ZwSetInformationKey": lambda w: (key(), wdm.KeyWriteTimeInformation, w.block, 8),
    "ZwNotifyChangeKey": lambda _: (
        changing_key(),
        None,
        None,
        None,
        wdm.IO_STATUS_BLOCK(),
        wdm.REG_LEGAL_CHANGE_FILTER,
        False,
        None,
        0,
        True,
    ),
    "RtlQueryRegistryValues": lambda _: (wdm.RTL_REGISTRY_ABSOLUTE, key() and PATH, table(), None, None),
    "RtlWriteRegistryValue": lambda w: (
        wdm.RTL_REGISTRY_ABSOLUTE,
        key() and PATH,
        "Value",
        wdm.REG_BINARY,
        w.block,
        4,
    ),
    "RtlDeleteRegistryValue": lambda _: (wdm.RTL_REGISTRY_ABSOLUTE, key() and PATH, "Value"),
    "RtlCreateRegistryKey": lambda _: (wdm.RTL_REGISTRY_ABSOLUTE, key() and PATH + r"\New"),
    "RtlCheckRegistryKey": lambda _: (wdm.RTL_REGISTRY_ABSOLUTE, key() and PATH),
}
"""The arguments of each routine."""
