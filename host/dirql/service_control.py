# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""Services: drivers that the registry names, and the start of the system, which loads them (rows REG-12 … REG-15).

The value ImagePath of a service's key names the driver as `Machine.load_driver` takes it: a file that ends in `.py`,
from the folder of the registry file, or a module. docs/registry.md explains the other values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from dirql.cm.key import fold, units
from dirql.cm.load_order import load_order
from dirql.cm.registry import Registry
from dirql.cm.service_keys import (
    SERVICES,
    ServiceValues,
    driver_services,
    ensure_service,
    read_service,
    text_of_value,
    write_service,
)
from dirql.driver_files import DriverModule, LoadError, entry_and_ids, find_driver, service_name
from dirql.io.objects import DriverEntry, DriverObject
from dirql.ke.bugcheck import bug_check
from dirql.ke.refusals import note_refusal
from dirql.nt.bugcodes import CRITICAL_SERVICE_FAILED
from dirql.nt.constants import (
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    SERVICE_AUTO_START,
    SERVICE_BOOT_START,
    SERVICE_DEMAND_START,
    SERVICE_ERROR_CRITICAL,
    SERVICE_ERROR_IGNORE,
    SERVICE_ERROR_NORMAL,
    SERVICE_KERNEL_DRIVER,
    SERVICE_SYSTEM_START,
)
from dirql.nt.status import STATUS_OBJECT_NAME_NOT_FOUND, STATUS_UNSUCCESSFUL
from dirql.pnp.device_keys import hardware_value
from dirql.pnp.node import DeviceError, DeviceNode
from dirql.pnp.range_arbiter import ResourceConflict

__all__ = [
    "Drivers",
    "Images",
    "Service",
    "ServiceFailure",
    "StartAgain",
    "add_parameters",
    "create_service",
    "each_driver",
    "start_device_services",
    "start_services",
]

_NUL = b"\0\0"
_PHASES = (SERVICE_BOOT_START, SERVICE_SYSTEM_START, SERVICE_AUTO_START)
Parameter = int | str | bytes | Sequence[str]
"""A REG_DWORD, REG_SZ, REG_BINARY or REG_MULTI_SZ value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A driver with the values of its service's key, for `open_machine` and `Machine.create_service`.

    `start` and `error_control` are SERVICE_… constants. `parameters` become the values of the key's subkey Parameters.
    """

    driver: DriverModule | str | Path
    name: str | None = None
    start: int = SERVICE_DEMAND_START
    type: int = SERVICE_KERNEL_DRIVER
    error_control: int = SERVICE_ERROR_NORMAL
    display_name: str = ""
    group: str = ""
    tag: int | None = None
    depend_on_service: Sequence[str] = ()
    depend_on_group: Sequence[str] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def values(self) -> ServiceValues:
        """The values of the key, all but ImagePath."""
        return ServiceValues(
            name=self.name or _name_of(self.driver),
            type=self.type,
            start=self.start,
            error_control=self.error_control,
            display_name=self.display_name,
            group=self.group,
            tag=self.tag,
            depend_on_service=tuple(self.depend_on_service),
            depend_on_group=tuple(self.depend_on_group),
        )


Driver = DriverModule | str | Path
"""A driver as `Machine.load_driver` takes it."""
Drivers = Iterable[Driver | Service] | Driver | Service
"""Drivers and services for `open_machine`, or a single one."""


def each_driver(drivers: Drivers) -> Iterable[Driver | Service]:
    """The drivers of a list, or the one that stands alone."""
    return drivers if isinstance(drivers, Iterable) and not isinstance(drivers, str) else (drivers,)


class ServiceFailure(NamedTuple):
    """A service that did not start with the system: its name, its ErrorControl and the reason."""

    name: str
    error_control: int
    error: Exception


class StartAgain(Exception):
    """A service has failed so severely that the system starts again with the last known good control set."""


class Images:
    """The drivers of services: those that the program has given, and those that ImagePath names."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        """A path in ImagePath begins in `folder`."""
        self._registry = registry
        self._folder = folder
        self._given: dict[str, DriverModule | str | Path] = {}

    def note(self, name: str, driver: DriverModule | str | Path) -> None:
        """Remember a driver, and write its ImagePath unless there is one."""
        self._given[fold(name)] = driver
        key = ensure_service(self._registry, name)
        if key.value("ImagePath") is None:
            path = self._image_path(driver)
            self._registry.set_value(key, "ImagePath", REG_EXPAND_SZ, units(path) + _NUL)

    def find(self, name: str) -> DriverModule:
        """The driver of a service; raises `ValueError` if there is none."""
        given = self._given.get(fold(name))
        if given is not None:
            return _module(given)
        key = self._registry.find(rf"{SERVICES}\{name}")
        path = "" if key is None else text_of_value(key, "ImagePath")
        if not path:
            raise ValueError(
                f"ImagePath of the service {name} must name a file that ends in .py or .c, or a module; it was empty"
            )
        return find_driver(path, self._folder)

    def _image_path(self, driver: DriverModule | str | Path) -> str:
        """The name of a module that can be imported again, or a file, else the name of an object's class."""
        if isinstance(driver, str | Path):
            return str(driver) if _is_module_name(driver) else self._file_text(Path(driver))
        name = getattr(driver, "__name__", None)
        file = getattr(driver, "__file__", None)
        if name is None or file is None or "." in str(name):
            return type(driver).__qualname__ if name is None else str(name)
        return self._file_text(Path(str(file)))

    def _file_text(self, file: Path) -> str:
        """A file as ImagePath names it: from the folder of the registry file, if it is in there."""
        place, folder = file.resolve(), self._folder.resolve()
        return place.relative_to(folder).as_posix() if place.is_relative_to(folder) else str(place)

    def entry(self, name: str) -> DriverEntry | None:
        """The DriverEntry of a service, for ZwLoadDriver."""
        try:
            return entry_and_ids(self.find(name))[0]
        except ValueError as error:
            note_refusal(STATUS_OBJECT_NAME_NOT_FOUND, str(error))
            return None


class ServiceHost(Protocol):
    """The parts of a machine that the start of services needs."""

    registry: Registry
    images: Images
    service_failures: list[ServiceFailure]

    @property
    def loaded_services(self) -> Iterable[str]:
        """The names of the services whose drivers are loaded."""

    def load_driver(self, driver: DriverModule | str | Path, name: str | None = None) -> DriverObject:
        """Load a driver and start its devices."""


def create_service(host: ServiceHost, service: Service, *, is_volatile: bool = False) -> None:
    """Write the key of a service, whose driver is not loaded yet; a volatile one is not kept."""
    values = service.values()
    key = write_service(host.registry, values, is_volatile=is_volatile)
    host.images.note(values.name, service.driver)
    if service.parameters:
        parameters = host.registry.ensure(rf"{key.path}\Parameters")
        for name, value in service.parameters.items():
            host.registry.set_value(parameters, name, *_encoded(name, value))


def add_parameters(registry: Registry, name: str, parameters: Mapping[str, Parameter]) -> None:
    """Write the values that a driver brings along, its PARAMETERS, into its service's key; what is there stays."""
    if parameters:
        key = registry.ensure(rf"{ensure_service(registry, name).path}\Parameters")
        for value_name, value in parameters.items():
            if key.value(value_name) is None:
                registry.set_value(key, value_name, *_encoded(value_name, value))


def start_services(host: ServiceHost, *, is_last_chance: bool) -> None:
    """Load the drivers of the services that start with the system, phase by phase.

    Raises `StartAgain` for a failure that is severe or critical, unless the control set `is_last_chance`: a critical
    one is bug check 0x5A then.
    """
    for phase in _PHASES:
        services = [each for each in driver_services(host.registry) if each.start == phase]
        for values in load_order(host.registry, services):
            if not _is_loaded(host, values.name):
                _start(host, values, is_last_chance=is_last_chance)


def start_device_services(host: ServiceHost, nodes: Iterable[DeviceNode]) -> None:
    """Load the drivers of devices without a driver, whose hardware keys name a service in the value Service."""
    for node in nodes:
        key = host.registry.find(rf"{SERVICES}\{hardware_value(node, 'Service')}")
        if node.driver is not None or key is None or key.name == "Services":
            continue
        values = read_service(key)
        if values.start == SERVICE_DEMAND_START and not _is_loaded(host, values.name):
            _start(host, values, is_last_chance=True)


def _start(host: ServiceHost, values: ServiceValues, *, is_last_chance: bool) -> None:
    try:
        _check_dependencies(host, values)
        host.load_driver(host.images.find(values.name), values.name)
        return
    except (LoadError, DeviceError, ResourceConflict, ValueError) as error:
        failure = error
    host.service_failures.append(ServiceFailure(values.name, values.error_control, failure))
    if values.error_control == SERVICE_ERROR_IGNORE:
        return
    sys.stderr.write(f"dirql: the service {values.name} did not start: {failure}\n")
    if values.error_control <= SERVICE_ERROR_NORMAL:
        return
    if not is_last_chance:
        raise StartAgain from failure
    if values.error_control == SERVICE_ERROR_CRITICAL:
        status = getattr(failure, "status", STATUS_UNSUCCESSFUL)
        reason = (
            f"the service {values.name} must start, because its ErrorControl is critical; it did not with the last"
            f" known good control set: {failure}"
        )
        bug_check(CRITICAL_SERVICE_FAILED, values.name, status, 0, 0, reason=reason)


def _check_dependencies(host: ServiceHost, values: ServiceValues) -> None:
    """Raise `LoadError` if a service or a group is not there that the service depends on."""
    for other in values.depend_on_service:
        if not _is_loaded(host, other):
            raise LoadError(
                values.name, f"the service {other}, on which it depends,", STATUS_OBJECT_NAME_NOT_FOUND
            )
    groups = {_group_of(host, name) for name in host.loaded_services}
    for group in values.depend_on_group:
        if fold(group) not in groups:
            raise LoadError(
                values.name, f"the group {group}, on which it depends,", STATUS_OBJECT_NAME_NOT_FOUND
            )


def _is_loaded(host: ServiceHost, name: str) -> bool:
    return fold(name) in {fold(loaded) for loaded in host.loaded_services}


def _group_of(host: ServiceHost, name: str) -> str:
    key = host.registry.find(rf"{SERVICES}\{name}")
    return "" if key is None else fold(read_service(key).group)


def _module(driver: DriverModule | str | Path) -> DriverModule:
    return find_driver(driver) if isinstance(driver, str | Path) else driver


def _is_module_name(driver: str | Path) -> bool:
    return isinstance(driver, str) and not driver.endswith(".py") and "/" not in driver


def _name_of(driver: DriverModule | str | Path) -> str:
    """The name of the service of a driver."""
    if not isinstance(driver, str | Path):
        return service_name(driver)
    return str(driver).rpartition(".")[2] if _is_module_name(driver) else Path(driver).stem


def _encoded(name: str, value: Parameter) -> tuple[int, bytes]:
    """The type and the data of a parameter."""
    if isinstance(value, int):
        if not 0 <= value < 1 << 32:
            raise ValueError(
                f"a number of parameters must have 32 bits; {name!r} was {value:#x}: use bytes for a longer one"
            )
        return REG_DWORD, value.to_bytes(4, "little")
    if isinstance(value, str):
        return REG_SZ, units(value) + _NUL
    if isinstance(value, bytes):
        return REG_BINARY, value
    return REG_MULTI_SZ, b"".join(units(text) + _NUL for text in value) + _NUL
