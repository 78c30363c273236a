# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Right arguments for the routines of Plug and Play."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql import wdm
from dirql.machine import Machine
from dirql.pnp.notification import NotificationEntry

__all__ = ["PNP_CALLS"]

CLASS = wdm.GUID(1, 2, 3, bytes(8))
OTHER_CLASS = wdm.GUID(4, 5, 6, bytes(8))


class World(Protocol):
    """The parts of the world of a test that these routines need."""

    machine: Machine

    @property
    def device(self) -> wdm.DEVICE_OBJECT: ...

    @property
    def driver(self) -> wdm.DRIVER_OBJECT: ...

    @property
    def block(self) -> int: ...


def accept(*_: object) -> int:
    return wdm.STATUS_SUCCESS


def bus(world: World) -> wdm.DEVICE_OBJECT:
    """The physical device object of the PCI bus."""
    return world.machine.pnp.root.children[0].physical_device_object


def interface(world: World) -> wdm.UNICODE_STRING:
    name = wdm.UNICODE_STRING()
    wdm.IoRegisterDeviceInterface(bus(world), CLASS, None, name)
    wdm.IoRegisterDeviceInterface(bus(world), OTHER_CLASS, None, wdm.UNICODE_STRING())
    return name


def entry(world: World) -> NotificationEntry:
    category = wdm.EventCategoryHardwareProfileChange
    made = wdm.IoRegisterPlugPlayNotification(category, 0, None, world.driver, accept, None)[1]
    assert made is not None
    return made


def notice() -> wdm.TARGET_DEVICE_CUSTOM_NOTIFICATION:
    return wdm.TARGET_DEVICE_CUSTOM_NOTIFICATION(event=CLASS)


PNP_CALLS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "IoGetDeviceProperty": lambda w: (bus(w), wdm.DevicePropertyHardwareID, 64, w.block),
    "IoOpenDeviceRegistryKey": lambda w: (bus(w), wdm.PLUGPLAY_REGKEY_DEVICE, wdm.KEY_READ),
    "IoOpenDeviceInterfaceRegistryKey": lambda w: (interface(w), wdm.KEY_READ),
    "IoRegisterDeviceInterface": lambda w: (bus(w), CLASS, "reference", wdm.UNICODE_STRING()),
    "IoSetDeviceInterfaceState": lambda w: (interface(w), True),
    "IoGetDeviceInterfaces": lambda w: (interface(w) and CLASS, bus(w), 0),
    "IoGetDeviceInterfaceAlias": lambda w: (interface(w), OTHER_CLASS, wdm.UNICODE_STRING()),
    "IoRegisterPlugPlayNotification": lambda w: (
        wdm.EventCategoryDeviceInterfaceChange,
        0,
        CLASS,
        w.driver,
        accept,
        None,
    ),
    "IoUnregisterPlugPlayNotification": lambda w: (entry(w),),
    "IoUnregisterPlugPlayNotificationEx": lambda w: (entry(w),),
    "IoInvalidateDeviceRelations": lambda w: (bus(w), wdm.BusRelations),
    "IoInvalidateDeviceState": lambda w: (bus(w),),
    "IoRequestDeviceEject": lambda w: (bus(w),),
    "IoReportTargetDeviceChange": lambda w: (bus(w), notice()),
    "IoReportTargetDeviceChangeAsynchronous": lambda w: (bus(w), notice(), accept, None),
    "IoReportDetectedDevice": lambda w: (w.driver, wdm.Internal, 0, 0, None, None, False, None),
    "IoReportResourceForDetection": lambda w: (w.driver, wdm.CM_RESOURCE_LIST(()), 4, None, None, 0),
    "IoReportResourceUsage": lambda w: (None, w.driver, wdm.CM_RESOURCE_LIST(()), 4, None, None, 0, False),
    "IoAssignResources": lambda w: ("path", None, w.driver, None, None),
    "HalAssignSlotResources": lambda w: ("path", None, w.driver, None, wdm.PCIBus, 0, 0),
}
"""The arguments of each routine."""
