# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Driver objects: the table of routines through which the I/O manager reaches a driver (DRIVER_OBJECT)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dirql.nt.constants import DRVO_LEGACY_DRIVER, IO_NO_INCREMENT, IO_TYPE_DRIVER, IRP_MJ_MAXIMUM_FUNCTION
from dirql.nt.status import STATUS_INVALID_DEVICE_REQUEST
from dirql.ob.object import Object

if TYPE_CHECKING:
    from dirql.io.device import DeviceObject
    from dirql.io.irp import Irp

__all__ = [
    "AddDeviceRoutine",
    "DispatchRoutine",
    "DriverEntry",
    "DriverExtension",
    "DriverObject",
    "StartIoRoutine",
    "UnloadRoutine",
    "invalid_device_request",
]

DispatchRoutine = Callable[["DeviceObject", "Irp"], int]
StartIoRoutine = Callable[["DeviceObject", "Irp"], None]
AddDeviceRoutine = Callable[["DriverObject", "DeviceObject"], int]
UnloadRoutine = Callable[["DriverObject"], None]
DriverEntry = Callable[["DriverObject", str], int]


def invalid_device_request(device: DeviceObject, irp: Irp) -> int:
    """What every slot of a new table holds: complete with STATUS_INVALID_DEVICE_REQUEST (row IRP-16)."""
    del device
    irp.io_status.status = STATUS_INVALID_DEVICE_REQUEST
    irp.io_status.information = 0
    irp.complete_request(IO_NO_INCREMENT)
    return STATUS_INVALID_DEVICE_REQUEST


class DriverExtension:
    """The part of a driver object that Plug and Play uses (DRIVER_EXTENSION)."""

    __slots__ = ("add_device", "driver_object", "service_key_name")

    def __init__(self, driver_object: DriverObject, service_key_name: str) -> None:
        self.driver_object = driver_object
        self.add_device: AddDeviceRoutine | None = None
        self.service_key_name = service_key_name


class DriverObject(Object):
    """A loaded driver, as DriverEntry receives it (row DRV-01)."""

    __slots__ = (
        "device_object",
        "driver_extension",
        "driver_init",
        "driver_name",
        "driver_start_io",
        "driver_unload",
        "flags",
        "hardware_database",
        "major_function",
        "type",
    )

    def __init__(self, service: str, driver_init: DriverEntry) -> None:
        super().__init__()
        self.type = IO_TYPE_DRIVER
        self.device_object: DeviceObject | None = None
        self.flags = DRVO_LEGACY_DRIVER
        self.driver_name = rf"\Driver\{service}"
        self.hardware_database = r"\REGISTRY\MACHINE\HARDWARE\DESCRIPTION\SYSTEM"
        self.driver_extension = DriverExtension(self, service)
        self.driver_init = driver_init
        self.driver_start_io: StartIoRoutine | None = None
        self.driver_unload: UnloadRoutine | None = None
        self.major_function: list[DispatchRoutine] = [invalid_device_request] * (IRP_MJ_MAXIMUM_FUNCTION + 1)

    def __repr__(self) -> str:
        return f"<driver {self.driver_extension.service_key_name}>"

    def devices(self) -> list[DeviceObject]:
        """The driver's device objects, newest first."""
        found: list[DeviceObject] = []
        device = self.device_object
        while device is not None:
            found.append(device)
            device = device.next_device
        return found
