# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Services: the keys below \Registry\Machine\SYSTEM\CurrentControlSet\Services that say how drivers are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.cm.key import Key, units
from dirql.cm.registry import CONTROL_SET, Registry
from dirql.nt.constants import (
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    SERVICE_DEMAND_START,
    SERVICE_DRIVER,
    SERVICE_ERROR_NORMAL,
    SERVICE_KERNEL_DRIVER,
)

__all__ = [
    "SERVICES",
    "ServiceValues",
    "driver_services",
    "ensure_service",
    "number_of",
    "read_service",
    "service_path",
    "text_of_value",
    "texts_of",
    "write_service",
]

SERVICES: Final = CONTROL_SET + r"\Services"
_NUL: Final = b"\0\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceValues:
    """The values of a service's key."""

    name: str
    type: int = SERVICE_KERNEL_DRIVER
    start: int = SERVICE_DEMAND_START
    error_control: int = SERVICE_ERROR_NORMAL
    display_name: str = ""
    group: str = ""
    tag: int | None = None
    depend_on_service: tuple[str, ...] = ()
    depend_on_group: tuple[str, ...] = ()


def service_path(registry: Registry, name: str) -> str:
    """The path of a service's key without links, which DriverEntry receives."""
    key = registry.find(rf"{SERVICES}\{name}")
    return ensure_service(registry, name).path if key is None else key.path


def ensure_service(registry: Registry, name: str) -> Key:
    """The key of a service. A new one is that of a driver which is loaded on demand."""
    path = rf"{SERVICES}\{name}"
    known = registry.find(path)
    if known is not None:
        return known
    write_service(registry, ServiceValues(name=name))
    return registry.ensure(path)


def read_service(key: Key) -> ServiceValues:
    """The values of a service's key; one that is missing, or of another type, is as if it were not given."""
    return ServiceValues(
        name=key.name,
        type=number_of(key, "Type", 0) or 0,
        start=number_of(key, "Start", SERVICE_DEMAND_START) or 0,
        error_control=number_of(key, "ErrorControl", SERVICE_ERROR_NORMAL) or 0,
        display_name=text_of_value(key, "DisplayName"),
        group=text_of_value(key, "Group"),
        tag=number_of(key, "Tag", None),
        depend_on_service=texts_of(key, "DependOnService"),
        depend_on_group=texts_of(key, "DependOnGroup"),
    )


def write_service(registry: Registry, values: ServiceValues, *, is_volatile: bool = False) -> Key:
    """Write a service's key; what is empty is left out. A new key may be a volatile one, which is not kept."""
    key = registry.find(rf"{SERVICES}\{values.name}")
    if key is None:
        key = registry.create(registry.ensure(SERVICES), values.name, is_volatile=is_volatile)
    for name, number in (
        ("Type", values.type),
        ("Start", values.start),
        ("ErrorControl", values.error_control),
        ("Tag", values.tag),
    ):
        if number is not None:
            registry.set_value(key, name, REG_DWORD, number.to_bytes(4, "little"))
    for name, type, text in (
        ("DisplayName", REG_SZ, values.display_name),
        ("Group", REG_SZ, values.group),
    ):
        if text:
            registry.set_value(key, name, type, units(text) + _NUL)
    for name, texts in (
        ("DependOnService", values.depend_on_service),
        ("DependOnGroup", values.depend_on_group),
    ):
        if texts:
            data = b"".join(units(text) + _NUL for text in texts) + _NUL
            registry.set_value(key, name, REG_MULTI_SZ, data)
    return key


def driver_services(registry: Registry) -> list[ServiceValues]:
    """The services that are drivers, in the order of their names."""
    top = registry.find(SERVICES)
    found = [] if top is None else [read_service(key) for key in top.subkeys()]
    return [values for values in found if values.type & SERVICE_DRIVER]


def number_of(key: Key, name: str, missing: int | None) -> int | None:
    """The number in a REG_DWORD value."""
    value = key.value(name)
    if value is None or value.type != REG_DWORD or len(value.data) != 4:
        return missing
    return int.from_bytes(value.data, "little")


def text_of_value(key: Key, name: str) -> str:
    """The text in a REG_SZ or REG_EXPAND_SZ value; "" without one."""
    value = key.value(name)
    if value is None or value.type not in (REG_SZ, REG_EXPAND_SZ):
        return ""
    return value.data.decode("utf-16-le", "replace").partition("\0")[0]


def texts_of(key: Key, name: str) -> tuple[str, ...]:
    """The texts in a REG_MULTI_SZ value, or the one in a REG_SZ value."""
    value = key.value(name)
    if value is None or value.type not in (REG_MULTI_SZ, REG_SZ):
        return ()
    return tuple(text for text in value.data.decode("utf-16-le", "replace").split("\0") if text)
