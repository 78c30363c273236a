# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Entry points of the gpio driver: load, add a device, open and close it, control codes."""

from __future__ import annotations

import struct

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import (
    DEVICE_NAME,
    DOS_DEVICE_NAME,
    IOCTL_GPIO_CONFIGURE,
    IOCTL_GPIO_READ,
    IOCTL_GPIO_WAIT,
    IOCTL_GPIO_WRITE,
    Configuration,
    Levels,
    pack_pins,
    unpack_pins,
)
from dirql.drivers.gpio.interrupt import GpioDpcForIsr, enable_pins
from dirql.drivers.gpio.plugplay import GpioDeleteDevice, GpioPnp
from dirql.registers import gpio as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DEVICE_INITIALIZING,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_SYSTEM_CONTROL,
    NT_SUCCESS,
    READ_REGISTER_ULONG,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_CANCELLED,
    STATUS_DEVICE_NOT_READY,
    STATUS_DEVICE_REMOVED,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_PENDING,
    STATUS_SUCCESS,
    WRITE_REGISTER_ULONG,
    IoAcquireRemoveLock,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCreateDevice,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoGetCurrentIrpStackLocation,
    IoInitializeDpcRequest,
    IoInitializeRemoveLock,
    IoReleaseRemoveLock,
    IoSkipCurrentIrpStackLocation,
    KeAcquireSpinLock,
    KeReleaseSpinLock,
    KeSynchronizeExecution,
    RtlReadMemory,
    RtlWriteMemory,
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
    extension.waits.initialize()
    IoInitializeDpcRequest(device, GpioDpcForIsr)

    lower = IoAttachDeviceToDeviceStack(device, physical_device_object)
    if lower is None:
        GpioDeleteDevice(device)
        return STATUS_NO_SUCH_DEVICE
    extension.lower_device_object = lower
    device.flags |= DO_BUFFERED_IO
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
    """Hand a request that this driver does not handle to the driver below, as it is."""
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(device.device_extension.lower_device_object, irp)


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
    """The last handle of a file object was closed: cancel the waits of the file object."""
    extension: GpioExtension = device.device_extension
    extension.waits.complete_all(STATUS_CANCELLED, IoGetCurrentIrpStackLocation(irp).file_object)
    return complete(irp, STATUS_SUCCESS)


def GpioDeviceControl(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Carry out a control code of `interface`: at once, or IOCTL_GPIO_WAIT when a pin interrupts."""
    extension: GpioExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return complete(irp, status)
    try:
        status, information = _control(extension, irp)
    except struct.error:
        status, information = STATUS_INVALID_PARAMETER, 0
    if status == STATUS_PENDING:
        return status
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return complete(irp, status, information)


def _control(extension: GpioExtension, irp: IRP) -> tuple[int, int]:
    """Carry out a control code: (status, bytes of output). A request that is pending may have ended already."""
    parameters = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    code, room = parameters.io_control_code, parameters.output_buffer_length
    buffer = irp.associated_irp.system_buffer
    data = b"" if buffer is None else RtlReadMemory(buffer, parameters.input_buffer_length)
    if extension.gone or extension.interrupt is None:
        return STATUS_DEVICE_NOT_READY, 0
    if code == IOCTL_GPIO_CONFIGURE:
        _configure(extension, Configuration.unpack(data))
    elif code == IOCTL_GPIO_WRITE:
        _write(extension, Levels.unpack(data))
    elif code in (IOCTL_GPIO_READ, IOCTL_GPIO_WAIT):
        if buffer is None or room < len(pack_pins(0)):
            return STATUS_BUFFER_TOO_SMALL, 0
        if code == IOCTL_GPIO_WAIT:
            return _wait(extension, irp, unpack_pins(data)), 0
        levels = pack_pins(READ_REGISTER_ULONG(extension.registers + regs.PIN_INPUT.offset))
        RtlWriteMemory(buffer, levels)
        return STATUS_SUCCESS, len(levels)
    else:
        return STATUS_INVALID_DEVICE_REQUEST, 0
    return STATUS_SUCCESS, 0


def _configure(extension: GpioExtension, configuration: Configuration) -> None:
    """Write the use of all pins. Causes from before are forgotten."""
    for register, pins in (
        (regs.RISING, 0),
        (regs.FALLING, 0),
        (regs.DIRECTION, configuration.outputs),
        (regs.LOOPBACK, configuration.loopback),
        (regs.LEVEL, configuration.level),
        (regs.INTERRUPT_CAUSE, regs.INTERRUPT_CAUSE.PINS),
        (regs.RISING, configuration.rising),
        (regs.FALLING, configuration.falling),
    ):
        WRITE_REGISTER_ULONG(extension.registers + register.offset, pins)


def _write(extension: GpioExtension, levels: Levels) -> None:
    """Change some outputs. The lock keeps another processor from changing others at the same time."""
    irql = KeAcquireSpinLock(extension.lock)
    extension.outputs = (extension.outputs & ~levels.pins) | (levels.high & levels.pins)
    WRITE_REGISTER_ULONG(extension.registers + regs.PIN_OUTPUT.offset, extension.outputs)
    KeReleaseSpinLock(extension.lock, irql)


def _wait(extension: GpioExtension, irp: IRP, pins: int) -> int:
    """Queue a wait, then let its pins interrupt: one that has a cause already does so at once."""
    extension.waits.put(irp)
    if extension.gone:
        extension.waits.complete_all(STATUS_DEVICE_REMOVED)
    irql = KeAcquireSpinLock(extension.lock)
    extension.wanted = pins
    if extension.interrupt is not None:
        KeSynchronizeExecution(extension.interrupt, enable_pins, extension)
    KeReleaseSpinLock(extension.lock, irql)
    return STATUS_PENDING
