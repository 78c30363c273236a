# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Entry points of the gpio driver: load, add a device, open and close it."""

from __future__ import annotations

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import DEVICE_NAME, DOS_DEVICE_NAME, GUID_DEVINTERFACE_GPIO
from dirql.drivers.gpio.interrupt import GpioDpcForIsr
from dirql.drivers.gpio.plugplay import GpioDeleteDevice, GpioPnp
from dirql.drivers.gpio.power import GpioPower
from dirql.drivers.gpio.requests import GpioCarryOut
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DEVICE_INITIALIZING,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_POWER,
    IRP_MJ_SYSTEM_CONTROL,
    NT_SUCCESS,
    STATUS_CANCELLED,
    STATUS_NO_SUCH_DEVICE,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_SUCCESS,
    IoAcquireRemoveLock,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCreateDevice,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoDetachDevice,
    IoGetCurrentIrpStackLocation,
    IoInitializeDpcRequest,
    IoInitializeRemoveLock,
    IoRegisterDeviceInterface,
    IoReleaseRemoveLock,
    IoSkipCurrentIrpStackLocation,
    KeInitializeSpinLock,
)

__all__ = ["DriverEntry"]


def DriverEntry(driver_object: DRIVER_OBJECT, registry_path: str) -> int:
    """Tell the I/O manager which routine serves which request."""
    del registry_path
    driver_object.driver_extension.add_device = GpioAddDevice
    driver_object.driver_unload = GpioUnload
    table = driver_object.major_function
    table[IRP_MJ_CREATE] = GpioCreateClose
    table[IRP_MJ_CLOSE] = GpioCreateClose
    table[IRP_MJ_CLEANUP] = GpioCleanup
    table[IRP_MJ_DEVICE_CONTROL] = GpioDeviceControl
    table[IRP_MJ_PNP] = GpioPnp
    table[IRP_MJ_POWER] = GpioPower
    table[IRP_MJ_SYSTEM_CONTROL] = GpioPassDown
    return STATUS_SUCCESS


def GpioUnload(driver_object: DRIVER_OBJECT) -> None:
    """Nothing is left to do: IRP_MN_REMOVE_DEVICE has deleted each device."""
    del driver_object


def GpioAddDevice(driver_object: DRIVER_OBJECT, physical_device_object: DEVICE_OBJECT) -> int:
    """Put a device object on the stack of a device that Plug and Play found."""
    status, device, number = _create_numbered_device(driver_object)
    if device is None:
        return status
    status = IoCreateSymbolicLink(f"{DOS_DEVICE_NAME}{number}", f"{DEVICE_NAME}{number}")
    if not NT_SUCCESS(status):
        IoDeleteDevice(device)
        return status
    extension: GpioExtension = device.device_extension
    extension.number = number
    IoInitializeRemoveLock(extension.remove_lock, "Gpio", 0, 0)
    KeInitializeSpinLock(extension.lock)
    extension.waits.initialize()
    extension.held.initialize()
    extension.physical_device_object = physical_device_object
    IoInitializeDpcRequest(device, GpioDpcForIsr)

    lower = IoAttachDeviceToDeviceStack(device, physical_device_object)
    if lower is None:
        GpioDeleteDevice(device)
        return STATUS_NO_SUCH_DEVICE
    extension.lower_device_object = lower
    status = IoRegisterDeviceInterface(
        physical_device_object, GUID_DEVINTERFACE_GPIO, None, extension.interface_name
    )
    if not NT_SUCCESS(status):
        IoDetachDevice(lower)
        GpioDeleteDevice(device)
        return status
    device.flags |= DO_BUFFERED_IO | lower.flags & (DO_POWER_PAGABLE | DO_POWER_INRUSH)
    device.flags &= ~DO_DEVICE_INITIALIZING
    return STATUS_SUCCESS


def _create_numbered_device(driver_object: DRIVER_OBJECT) -> tuple[int, DEVICE_OBJECT | None, int]:
    """Create a device object with the first number that no other device has: (status, device, number)."""
    number = 0
    while True:
        name = f"{DEVICE_NAME}{number}"
        status, device = IoCreateDevice(driver_object, GpioExtension, name, FILE_DEVICE_UNKNOWN, 0, False)
        if status != STATUS_OBJECT_NAME_COLLISION:
            return status, device, number
        number += 1


def GpioPassDown(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Hand a request that this driver does not handle to the driver below, which stays until it has returned."""
    extension: GpioExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return complete(irp, status)
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def complete(irp: IRP, status: int, information: int = 0) -> int:
    """Complete a request that was never queued; returns the status for the dispatch routine to return."""
    irp.io_status.status = status
    irp.io_status.information = information
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def GpioCreateClose(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Let every program open the device, any number of times."""
    del device
    return complete(irp, STATUS_SUCCESS)


def GpioCleanup(device: DEVICE_OBJECT, irp: IRP) -> int:
    """The last handle of a file object was closed: cancel the requests of the file object."""
    extension: GpioExtension = device.device_extension
    for queue in (extension.waits, extension.held):
        queue.complete_all(STATUS_CANCELLED, IoGetCurrentIrpStackLocation(irp).file_object)
    return complete(irp, STATUS_SUCCESS)


def GpioDeviceControl(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Carry out a control code of `interface`."""
    extension: GpioExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return complete(irp, status)
    return GpioCarryOut(device, irp)
