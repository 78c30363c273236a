# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Entry points of the pulser driver: load, add a device, and the control codes."""

from __future__ import annotations

import struct

from dirql.drivers.pulser.extension import PulserExtension
from dirql.drivers.pulser.interface import (
    DEVICE_NAME,
    DOS_DEVICE_NAME,
    IOCTL_PULSER_CONFIGURE,
    IOCTL_PULSER_READ,
    IOCTL_PULSER_START,
    Configuration,
    unpack_count,
)
from dirql.drivers.pulser.interrupt import PulserDpcForIsr
from dirql.drivers.pulser.plugplay import PulserPnp
from dirql.drivers.pulser.power import PulserPower
from dirql.drivers.pulser.registers import configure, counts, start_pulses
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
    STATUS_BUFFER_TOO_SMALL,
    STATUS_DEVICE_NOT_READY,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_SUCCESS,
    Executive,
    IoAcquireRemoveLock,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCreateDevice,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoDeleteSymbolicLink,
    IoGetCurrentIrpStackLocation,
    IoInitializeDpcRequest,
    IoInitializeRemoveLock,
    IoReleaseRemoveLock,
    IoSkipCurrentIrpStackLocation,
    KeAcquireSpinLock,
    KeInitializeEvent,
    KeInitializeSpinLock,
    KeReleaseSpinLock,
    KernelMode,
    KeWaitForSingleObject,
    NotificationEvent,
    RtlReadMemory,
    RtlWriteMemory,
)

__all__ = ["DriverEntry"]


def DriverEntry(driver_object: DRIVER_OBJECT, registry_path: str) -> int:
    """Tell the I/O manager which routine serves which request."""
    del registry_path
    driver_object.driver_extension.add_device = PulserAddDevice
    driver_object.driver_unload = PulserUnload
    table = driver_object.major_function
    for major in (IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE):
        table[major] = PulserSucceed
    table[IRP_MJ_DEVICE_CONTROL] = PulserDeviceControl
    table[IRP_MJ_PNP] = PulserPnp
    table[IRP_MJ_POWER] = PulserPower
    table[IRP_MJ_SYSTEM_CONTROL] = PulserPassDown
    return STATUS_SUCCESS


def PulserUnload(driver_object: DRIVER_OBJECT) -> None:
    """Nothing is left to do: IRP_MN_REMOVE_DEVICE has deleted each device."""
    del driver_object


def PulserAddDevice(driver_object: DRIVER_OBJECT, physical_device_object: DEVICE_OBJECT) -> int:
    """Put a device object on the stack of a device that Plug and Play found."""
    status, device, number = _create_numbered_device(driver_object)
    if device is None:
        return status
    extension: PulserExtension = device.device_extension
    extension.number = number
    IoInitializeRemoveLock(extension.remove_lock, "Puls", 0, 0)
    KeInitializeSpinLock(extension.lock)
    KeInitializeEvent(extension.usable, NotificationEvent, True)
    extension.physical_device_object = physical_device_object
    IoInitializeDpcRequest(device, PulserDpcForIsr)
    status = IoCreateSymbolicLink(f"{DOS_DEVICE_NAME}{number}", f"{DEVICE_NAME}{number}")
    if not NT_SUCCESS(status):
        IoDeleteDevice(device)
        return status
    lower = IoAttachDeviceToDeviceStack(device, physical_device_object)
    if lower is None:
        IoDeleteSymbolicLink(f"{DOS_DEVICE_NAME}{number}")
        IoDeleteDevice(device)
        return STATUS_NO_SUCH_DEVICE
    extension.lower_device_object = lower
    device.flags |= DO_BUFFERED_IO | lower.flags & (DO_POWER_PAGABLE | DO_POWER_INRUSH)
    device.flags &= ~DO_DEVICE_INITIALIZING
    return STATUS_SUCCESS


def _create_numbered_device(driver_object: DRIVER_OBJECT) -> tuple[int, DEVICE_OBJECT | None, int]:
    """Create a device object with the first number that no other device has: (status, device, number)."""
    number = 0
    while True:
        name = f"{DEVICE_NAME}{number}"
        status, device = IoCreateDevice(driver_object, PulserExtension, name, FILE_DEVICE_UNKNOWN, 0, False)
        if status != STATUS_OBJECT_NAME_COLLISION:
            return status, device, number
        number += 1


def PulserPassDown(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Hand a request that this driver does not handle to the driver below, which stays until it has returned."""
    extension: PulserExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return _complete(irp, status)
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def _complete(irp: IRP, status: int, information: int = 0) -> int:
    irp.io_status.status = status
    irp.io_status.information = information
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def PulserSucceed(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Let every program open the device, any number of times."""
    del device
    return _complete(irp, STATUS_SUCCESS)


def PulserDeviceControl(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Carry out a control code of `interface`."""
    extension: PulserExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return _complete(irp, status)
    irql = _acquire_usable(extension)
    status, output = _carry_out(extension, irp)
    KeReleaseSpinLock(extension.lock, irql)
    if output:
        buffer = irp.associated_irp.system_buffer
        assert buffer is not None  # a request with room for output has one
        RtlWriteMemory(buffer, output)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return _complete(irp, status, len(output))


def _acquire_usable(extension: PulserExtension) -> int:
    """Wait until the device is in D0, or is no more; returns with the lock held, as KeAcquireSpinLock does."""
    while True:
        KeWaitForSingleObject(extension.usable, Executive, KernelMode, False, None)
        irql = KeAcquireSpinLock(extension.lock)
        if extension.powered or extension.interrupt is None:
            return irql
        KeReleaseSpinLock(extension.lock, irql)


def _carry_out(extension: PulserExtension, irp: IRP) -> tuple[int, bytes]:
    """The status and the output of a request; the caller holds the lock."""
    request = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    code, length = request.io_control_code, request.input_buffer_length
    if code not in (IOCTL_PULSER_CONFIGURE, IOCTL_PULSER_START, IOCTL_PULSER_READ):
        return STATUS_INVALID_DEVICE_REQUEST, b""
    if extension.interrupt is None:
        return STATUS_DEVICE_NOT_READY, b""
    if code == IOCTL_PULSER_READ:
        found = counts(extension).pack()
        fits = request.output_buffer_length >= len(found)
        return (STATUS_SUCCESS, found) if fits else (STATUS_BUFFER_TOO_SMALL, b"")
    buffer = irp.associated_irp.system_buffer
    data = b"" if buffer is None else bytes(RtlReadMemory(buffer, length))
    try:
        if code == IOCTL_PULSER_START:
            start_pulses(extension, unpack_count(data))
        else:
            configure(extension, Configuration.unpack(data))
    except struct.error:
        return STATUS_INVALID_PARAMETER, b""
    return STATUS_SUCCESS, b""
