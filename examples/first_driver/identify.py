# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A whole driver in twenty lines: reading it gives the vendor and device ID of the function in slot 1.

Copy it and go on from here; `dirql.drivers.store` is what a driver for a real device looks like.
"""

from dirql import wdm

SLOT = 1


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    for major in (wdm.IRP_MJ_CREATE, wdm.IRP_MJ_CLEANUP, wdm.IRP_MJ_CLOSE):
        driver.major_function[major] = Succeed
    driver.major_function[wdm.IRP_MJ_READ] = Read
    driver.driver_unload = Unload
    status, device = wdm.IoCreateDevice(driver, None, r"\Device\Identify", wdm.FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    device.flags |= wdm.DO_BUFFERED_IO
    return wdm.IoCreateSymbolicLink(r"\DosDevices\Identify", r"\Device\Identify")


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    wdm.IoDeleteSymbolicLink(r"\DosDevices\Identify")
    if driver.device_object is not None:
        wdm.IoDeleteDevice(driver.device_object)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def Succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def Read(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    buffer = irp.associated_irp.system_buffer
    if buffer is None or wdm.IoGetCurrentIrpStackLocation(irp).parameters.read.length < 4:
        return Complete(irp, wdm.STATUS_BUFFER_TOO_SMALL)
    identity = wdm.HalGetBusDataByOffset(wdm.PCIConfiguration, 0, SLOT, 0, 4)
    wdm.RtlWriteMemory(buffer, identity)
    return Complete(irp, wdm.STATUS_SUCCESS, len(identity))
