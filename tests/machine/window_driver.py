# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver for the saboteur whose reads and writes move data through the window."""

from __future__ import annotations

from dirql import wdm
from dirql.registers.functions import Saboteur

__all__ = ["NAME", "WindowDriver"]

NAME = r"\\.\Window"


class Extension:
    """The device extension of the driver."""

    def __init__(self) -> None:
        self.lower: wdm.DEVICE_OBJECT | None = None
        self.window = self.length = 0


class WindowDriver:
    """The driver. A read that finds nothing but ones ends with STATUS_IO_DEVICE_ERROR."""

    HARDWARE_IDS = (Saboteur.HARDWARE_ID,)

    def DriverEntry(self, driver: wdm.DRIVER_OBJECT, path: str) -> int:
        del path
        driver.driver_extension.add_device = self.add_device
        driver.driver_unload = lambda _: None
        for function in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLOSE, wdm.IRP_MJ_CLEANUP):
            driver.major_function[function] = self.succeed
        driver.major_function[wdm.IRP_MJ_READ] = self.read
        driver.major_function[wdm.IRP_MJ_WRITE] = self.write
        driver.major_function[wdm.IRP_MJ_PNP] = self.plug_and_play
        return wdm.STATUS_SUCCESS

    def succeed(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        return complete(irp, wdm.STATUS_SUCCESS, 0)

    def add_device(self, driver: wdm.DRIVER_OBJECT, pdo: wdm.DEVICE_OBJECT) -> int:
        status, device = wdm.IoCreateDevice(
            driver, Extension, r"\Device\Window", wdm.FILE_DEVICE_UNKNOWN, 0, False
        )
        if device is None:
            return status
        wdm.IoCreateSymbolicLink(r"\DosDevices\Window", r"\Device\Window")
        extension_of(device).lower = wdm.IoAttachDeviceToDeviceStack(device, pdo)
        device.flags |= wdm.DO_BUFFERED_IO
        device.flags &= ~wdm.DO_DEVICE_INITIALIZING
        return wdm.STATUS_SUCCESS

    def plug_and_play(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        extension = extension_of(device)
        lower = extension.lower
        assert lower is not None
        minor = wdm.IoGetCurrentIrpStackLocation(irp).minor_function
        if minor == wdm.IRP_MN_START_DEVICE:
            wdm.IoForwardIrpSynchronously(lower, irp)
            start(extension, irp)
            return complete(irp, wdm.STATUS_SUCCESS, 0)
        if minor == wdm.IRP_MN_REMOVE_DEVICE and extension.window:
            wdm.MmUnmapIoSpace(extension.window, extension.length)
        irp.io_status.status = wdm.STATUS_SUCCESS
        wdm.IoSkipCurrentIrpStackLocation(irp)
        status = wdm.IoCallDriver(lower, irp)
        if minor == wdm.IRP_MN_REMOVE_DEVICE:
            wdm.IoDetachDevice(lower)
            wdm.IoDeleteSymbolicLink(r"\DosDevices\Window")
            wdm.IoDeleteDevice(device)
        return status

    def read(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        parameters = wdm.IoGetCurrentIrpStackLocation(irp).parameters.read
        buffer = irp.associated_irp.system_buffer
        assert buffer is not None
        place = extension_of(device).window + parameters.byte_offset
        wdm.READ_REGISTER_BUFFER_ULONG(place, buffer, parameters.length // 4)
        if wdm.RtlCompareMemoryUlong(buffer, parameters.length, 0xFFFF_FFFF) == parameters.length:
            return complete(irp, wdm.STATUS_IO_DEVICE_ERROR, 0)
        return complete(irp, wdm.STATUS_SUCCESS, parameters.length)

    def write(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        parameters = wdm.IoGetCurrentIrpStackLocation(irp).parameters.write
        buffer = irp.associated_irp.system_buffer
        assert buffer is not None
        place = extension_of(device).window + parameters.byte_offset
        wdm.WRITE_REGISTER_BUFFER_ULONG(place, buffer, parameters.length // 4)
        return complete(irp, wdm.STATUS_SUCCESS, parameters.length)


def start(extension: Extension, irp: wdm.IRP) -> None:
    """Map the window, the second range of memory."""
    resources = wdm.IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
    assert resources is not None
    ranges = [
        entry.u.memory
        for entry in resources.list[0].partial_resource_list.partial_descriptors
        if entry.type == wdm.CmResourceTypeMemory
    ]
    extension.length = ranges[1].length
    mapped = wdm.MmMapIoSpace(ranges[1].start, extension.length, wdm.MmNonCached)
    assert mapped is not None
    extension.window = mapped


def extension_of(device: wdm.DEVICE_OBJECT) -> Extension:
    """The device extension of the driver."""
    found = device.device_extension
    assert isinstance(found, Extension)
    return found


def complete(irp: wdm.IRP, status: int, information: int) -> int:
    """Complete a request, with its status and Information."""
    irp.io_status.status = status
    irp.io_status.information = information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status
