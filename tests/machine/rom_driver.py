# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A function driver for gpio functions that asks for the expansion ROM at the start."""

from __future__ import annotations

from dirql import wdm
from dirql.registers.functions import Gpio

HARDWARE_IDS = (Gpio.HARDWARE_ID,)
MOST = 0x1_0000

images: dict[int, bytes] = {}
"""The images in each function's ROM, by the start of the function's registers."""
parts: list[bytes] = []
"""The answers of the last function to reads across the images and their ends, and to a write."""


class Extension:
    """The driver's own data about a device."""

    def __init__(self) -> None:
        self.lower: wdm.DEVICE_OBJECT


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    """Name the routines that the driver has."""
    del registry_path
    images.clear()
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    driver.major_function[wdm.IRP_MJ_POWER] = Power
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    return wdm.STATUS_SUCCESS


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    """The devices are gone."""
    del driver


def AddDevice(driver: wdm.DRIVER_OBJECT, physical_device: wdm.DEVICE_OBJECT) -> int:
    """Stand above the function."""
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
    """Start above the bus driver, and ask it for the ROM."""
    lower: wdm.DEVICE_OBJECT = device.device_extension.lower
    location = wdm.IoGetCurrentIrpStackLocation(irp)
    if location.minor_function == wdm.IRP_MN_START_DEVICE:
        wdm.IoForwardIrpSynchronously(lower, irp)
        status = irp.io_status.status
        if wdm.NT_SUCCESS(status):
            resources = location.parameters.start_device.allocated_resources_translated
            assert resources is not None
            _ask(lower, resources)
        wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
        return status
    minor = location.minor_function
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(lower, irp)
    if minor == wdm.IRP_MN_REMOVE_DEVICE:
        wdm.IoDetachDevice(lower)
        wdm.IoDeleteDevice(device)
    return status


def _ask(lower: wdm.DEVICE_OBJECT, resources: wdm.CM_RESOURCE_LIST) -> None:
    event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
    wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
    irp = wdm.IoBuildSynchronousFsdRequest(wdm.IRP_MJ_PNP, lower, None, 0, None, event, block)
    assert irp is not None
    irp.io_status.status = wdm.STATUS_NOT_SUPPORTED
    location = wdm.IoGetNextIrpStackLocation(irp)
    location.minor_function = wdm.IRP_MN_QUERY_INTERFACE
    wanted = location.parameters.query_interface
    wanted.interface_type, wanted.size, wanted.version = wdm.GUID_BUS_INTERFACE_STANDARD, 0x40, 1
    wdm.IoCallDriver(lower, irp)
    bus = wanted.interface
    assert isinstance(bus, wdm.BUS_INTERFACE_STANDARD)
    rom = wdm.PCI_WHICHSPACE_ROM
    (memory,) = (
        each.u.memory
        for each in resources.list[0].partial_resource_list.partial_descriptors
        if each.type == wdm.CmResourceTypeMemory
    )
    images[memory.start] = bus.get_bus_data(bus.context, rom, 0, MOST)
    parts[:] = [
        bus.get_bus_data(bus.context, rom, 0x1FE, 4),
        bus.get_bus_data(bus.context, rom, 0x3FE, 4),
        bus.get_bus_data(bus.context, rom, 0x400, 4),
        bus.get_bus_data(bus.context, rom, -2, 4),
        bytes(bus.set_bus_data(bus.context, rom, b"dirql", 0, 5)),
    ]
    bus.interface_dereference(bus.context)
