# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Entry points of the PCI bus driver: load, add a bus, dispatch the requests of the bus and of the functions."""

from __future__ import annotations

from dirql.drivers.pci.bus import BUS_REQUESTS, PciPassDown, complete
from dirql.drivers.pci.extension import BusExtension, FunctionExtension
from dirql.drivers.pci.function_device import FUNCTION_REQUESTS
from dirql.drivers.pci.power import PciBusPower, PciFunctionPower
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DO_POWER_PAGABLE,
    DRIVER_OBJECT,
    FILE_DEVICE_BUS_EXTENDER,
    IRP,
    IRP_MJ_PNP,
    IRP_MJ_POWER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_SUCCESS,
    IoAttachDeviceToDeviceStack,
    IoCreateDevice,
    IoDeleteDevice,
    IoGetCurrentIrpStackLocation,
)

__all__ = ["DriverEntry"]


def DriverEntry(driver_object: DRIVER_OBJECT, registry_path: str) -> int:
    """Tell the I/O manager which routine serves which request."""
    del registry_path
    driver_object.driver_extension.add_device = PciAddDevice
    driver_object.driver_unload = PciUnload
    driver_object.major_function[IRP_MJ_PNP] = PciPnp
    driver_object.major_function[IRP_MJ_POWER] = PciPower
    return STATUS_SUCCESS


def PciUnload(driver_object: DRIVER_OBJECT) -> None:
    """Nothing is left to do: IRP_MN_REMOVE_DEVICE of each bus deletes all device objects."""
    del driver_object


def PciAddDevice(driver_object: DRIVER_OBJECT, physical_device_object: DEVICE_OBJECT) -> int:
    """Put a device object for the bus on the stack of the device that Plug and Play found."""
    status, bus = IoCreateDevice(driver_object, BusExtension, None, FILE_DEVICE_BUS_EXTENDER, 0, False)
    if bus is None:
        return status
    lower = IoAttachDeviceToDeviceStack(bus, physical_device_object)
    if lower is None:
        IoDeleteDevice(bus)
        return STATUS_NO_SUCH_DEVICE
    bus.device_extension.physical_device_object = physical_device_object
    bus.device_extension.lower_device_object = lower
    bus.flags |= DO_POWER_PAGABLE
    bus.flags &= ~DO_DEVICE_INITIALIZING
    return STATUS_SUCCESS


def PciPnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_PNP: the requests of a function end here, those of the bus go on to the driver below (row PNP-03).

    A request that the table of functions lacks is completed with the status that it came with (row PNP-02).
    """
    minor = IoGetCurrentIrpStackLocation(irp).minor_function
    if not isinstance(device.device_extension, FunctionExtension):
        return BUS_REQUESTS.get(minor, PciPassDown)(device, irp)
    request = FUNCTION_REQUESTS.get(minor)
    status = irp.io_status.status if request is None else request(device, irp)
    return complete(irp, status)


def PciPower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER: the requests of a function end here, those of the bus go on to the driver below."""
    if isinstance(device.device_extension, FunctionExtension):
        return PciFunctionPower(device, irp)
    return PciBusPower(device, irp)
