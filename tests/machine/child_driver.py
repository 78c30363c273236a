# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A function driver in Python for the device that the bus driver of c_drivers/bus.c reports."""

from __future__ import annotations

from dirql import wdm

HARDWARE_IDS = (r"TEST\Child",)

answers: dict[str, object] = {}
"""The answers of the bus to the driver."""


class Extension:
    """The driver's own data about a device."""

    def __init__(self) -> None:
        self.lower: wdm.DEVICE_OBJECT


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    """Name the routines that the driver has."""
    del registry_path
    answers.clear()
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    driver.major_function[wdm.IRP_MJ_POWER] = Power
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    """The devices are gone."""
    del driver


def AddDevice(driver: wdm.DRIVER_OBJECT, physical_device: wdm.DEVICE_OBJECT) -> int:
    """Stand above the device of the bus."""
    status, device = wdm.IoCreateDevice(driver, Extension, None, wdm.FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    lower = wdm.IoAttachDeviceToDeviceStack(device, physical_device)
    assert lower is not None
    device.device_extension.lower = lower
    device.flags |= wdm.DO_POWER_PAGABLE
    device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    return wdm.STATUS_SUCCESS


def Power(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Leave power to the bus."""
    wdm.PoStartNextPowerIrp(irp)
    wdm.IoSkipCurrentIrpStackLocation(irp)
    return wdm.PoCallDriver(device.device_extension.lower, irp)


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Start above the bus driver, and ask it for its interface."""
    lower: wdm.DEVICE_OBJECT = device.device_extension.lower
    minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == wdm.IRP_MN_START_DEVICE:
        wdm.IoForwardIrpSynchronously(lower, irp)
        _ask(lower)
        irp.io_status.status = wdm.STATUS_SUCCESS
        wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
        return wdm.STATUS_SUCCESS
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(lower, irp)
    if minor == wdm.IRP_MN_REMOVE_DEVICE:
        wdm.IoDetachDevice(lower)
        wdm.IoDeleteDevice(device)
    return status


def _ask(lower: wdm.DEVICE_OBJECT) -> None:
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildSynchronousFsdRequest(wdm.IRP_MJ_PNP, lower, None, 0, None, event, block)
    assert irp is not None
    irp.io_status.status = wdm.STATUS_NOT_SUPPORTED
    location = wdm.IoGetNextIrpStackLocation(irp)
    location.minor_function = wdm.IRP_MN_QUERY_INTERFACE
    wanted = location.parameters.query_interface
    wanted.interface_type, wanted.size, wanted.version = wdm.GUID_BUS_INTERFACE_STANDARD, 0x40, 1
    answers["status"] = wdm.IoCallDriver(lower, irp)
    bus = wanted.interface
    assert isinstance(bus, wdm.BUS_INTERFACE_STANDARD)
    answers["written"] = bus.set_bus_data(bus.context, 0, b"dirql", 4, 5)
    answers["read"] = bus.get_bus_data(bus.context, 0, 0, 12)
    bus.interface_dereference(bus.context)
