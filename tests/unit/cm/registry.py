# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Short ways to keys, values and buffers, by the WDK's routines alone."""

from __future__ import annotations

from collections.abc import Callable

from dirql import wdm
from dirql.io.loader import load_driver

__all__ = [
    "SOFTWARE",
    "allocate",
    "as_driver",
    "attributes",
    "create_key",
    "open_key",
    "put",
    "set_value",
    "value_names",
    "value_of",
    "wide",
]

SOFTWARE = r"\Registry\Machine\SOFTWARE"


def wide(text: str) -> bytes:
    """The UTF-16 units of a text, with a NUL behind them."""
    return (text + "\0").encode("utf-16-le")


def attributes(name: str | None, root: int | None = None, flags: int = 0) -> wdm.OBJECT_ATTRIBUTES:
    made = wdm.OBJECT_ATTRIBUTES()
    wdm.InitializeObjectAttributes(made, name, wdm.OBJ_CASE_INSENSITIVE | flags, root, None)
    return made


def open_key(name: str, access: int = wdm.KEY_ALL_ACCESS, root: int | None = None) -> int:
    status, handle = wdm.ZwOpenKey(access, attributes(name, root))
    assert handle is not None, hex(status)
    return handle


def create_key(
    name: str,
    root: int | None = None,
    options: int = wdm.REG_OPTION_NON_VOLATILE,
    access: int = wdm.KEY_ALL_ACCESS,
) -> int:
    status, handle, _ = wdm.ZwCreateKey(access, attributes(name, root), 0, None, options)
    assert handle is not None, hex(status)
    return handle


def allocate(size: int) -> int:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, size, wdm.POOL_TAG("Test"))
    assert address is not None
    return address


def put(data: bytes) -> int:
    """The address of these bytes in new pool."""
    address = allocate(max(len(data), 1))
    wdm.RtlWriteMemory(address, data)
    return address


def set_value(key: int, name: str, type: int, data: bytes) -> int:
    return wdm.ZwSetValueKey(key, name, 0, type, put(data), len(data))


def value_of(key: int, name: str) -> tuple[int, bytes]:
    """The type and the data of a value."""
    buffer = allocate(4096)
    status, _ = wdm.ZwQueryValueKey(key, name, wdm.KeyValuePartialInformation, buffer, 4096)
    assert status == wdm.STATUS_SUCCESS, hex(status)
    view = wdm.KEY_VALUE_PARTIAL_INFORMATION(buffer)
    found = view.type, view.data
    wdm.ExFreePoolWithTag(buffer, wdm.POOL_TAG("Test"))
    return found


def value_names(key: int) -> list[str]:
    names: list[str] = []
    buffer = allocate(4096)
    while (
        wdm.ZwEnumerateValueKey(key, len(names), wdm.KeyValueBasicInformation, buffer, 4096)[0]
        == wdm.STATUS_SUCCESS
    ):
        names.append(wdm.KEY_VALUE_BASIC_INFORMATION(buffer).name)
    wdm.ExFreePoolWithTag(buffer, wdm.POOL_TAG("Test"))
    return names


def as_driver(routine: Callable[[], object], name: str = "caller") -> None:
    """Run a routine as the code of a driver, in its DriverEntry."""

    def entry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
        driver.driver_unload = lambda _: None
        routine()
        return wdm.STATUS_SUCCESS

    status, _ = load_driver(entry, name)
    assert status == wdm.STATUS_SUCCESS
