# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Control codes: carried out at once, held while the device is not in D0, or pending until a pin interrupts."""

from __future__ import annotations

import struct

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import (
    IOCTL_GPIO_CONFIGURE,
    IOCTL_GPIO_READ,
    IOCTL_GPIO_WAIT,
    IOCTL_GPIO_WRITE,
    Configuration,
    Levels,
    pack_pins,
    unpack_pins,
)
from dirql.drivers.gpio.interrupt import enable_pins, note_pins
from dirql.drivers.gpio.registers import configure, set_levels
from dirql.registers import gpio as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IRP,
    READ_REGISTER_ULONG,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_DEVICE_NOT_READY,
    STATUS_DEVICE_REMOVED,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_PENDING,
    STATUS_SUCCESS,
    IoCompleteRequest,
    IoGetCurrentIrpStackLocation,
    IoReleaseRemoveLock,
    KeAcquireSpinLock,
    KeReleaseSpinLock,
    KeSynchronizeExecution,
    RtlReadMemory,
    RtlWriteMemory,
)

__all__ = ["GpioCarryOut", "GpioCarryOutHeld"]


def GpioCarryOut(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Carry out a request that holds the remove lock; returns its status, STATUS_PENDING for one that is queued."""
    extension: GpioExtension = device.device_extension
    try:
        status, information = _control(extension, irp)
    except struct.error:
        status, information = STATUS_INVALID_PARAMETER, 0
    if status != STATUS_PENDING:
        irp.io_status.status = status
        irp.io_status.information = information
        IoReleaseRemoveLock(extension.remove_lock, irp)
        IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def GpioCarryOutHeld(device: DEVICE_OBJECT) -> None:
    """Carry out the requests that were held, if the device can be used."""
    extension: GpioExtension = device.device_extension
    while extension.powered and not extension.stopping and (held := extension.held.take(None)):
        GpioCarryOut(device, held)


def _control(extension: GpioExtension, irp: IRP) -> tuple[int, int]:
    """Carry out a control code: (status, bytes of output). A request that is pending may have ended already."""
    parameters = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    code, room = parameters.io_control_code, parameters.output_buffer_length
    buffer = irp.associated_irp.system_buffer
    data = b"" if buffer is None else RtlReadMemory(buffer, parameters.input_buffer_length)
    if extension.gone or (extension.interrupt is None and not extension.stopping):
        return STATUS_DEVICE_NOT_READY, 0
    if code == IOCTL_GPIO_CONFIGURE:
        return _use_device(extension, irp, Configuration.unpack(data))
    if code == IOCTL_GPIO_WRITE:
        return _use_device(extension, irp, Levels.unpack(data))
    if code not in (IOCTL_GPIO_READ, IOCTL_GPIO_WAIT):
        return STATUS_INVALID_DEVICE_REQUEST, 0
    if buffer is None or room < len(pack_pins(0)):
        return STATUS_BUFFER_TOO_SMALL, 0
    if code == IOCTL_GPIO_WAIT:
        return _wait(extension, irp, unpack_pins(data)), 0
    return _use_device(extension, irp, None)


def _use_device(extension: GpioExtension, irp: IRP, new: Configuration | Levels | None) -> tuple[int, int]:
    """Write `new` to the device, or read its pins; while the device cannot be used the request is held.

    The lock keeps other processors away from the registers, and the device in its state.
    """
    information = 0
    irql = KeAcquireSpinLock(extension.lock)
    is_on = extension.powered and not extension.stopping and not extension.gone
    if not is_on:
        extension.held.put(irp)
    elif isinstance(new, Configuration):
        configure(extension, new)
    elif isinstance(new, Levels):
        set_levels(extension, new)
    else:
        information = _read(extension, irp)
    KeReleaseSpinLock(extension.lock, irql)
    if not is_on and extension.gone:
        extension.held.complete_all(STATUS_DEVICE_REMOVED)
    return (STATUS_SUCCESS if is_on else STATUS_PENDING), information


def _read(extension: GpioExtension, irp: IRP) -> int:
    levels = pack_pins(READ_REGISTER_ULONG(extension.registers + regs.PIN_INPUT.offset))
    buffer = irp.associated_irp.system_buffer
    assert buffer is not None
    RtlWriteMemory(buffer, levels)
    return len(levels)


def _wait(extension: GpioExtension, irp: IRP, pins: int) -> int:
    """Queue a wait, then let its pins interrupt: one that has a cause already does so at once.

    While the device cannot be used the pins are noted only, and enabled when it can be used again.
    """
    extension.waits.put(irp)
    if extension.gone:
        extension.waits.complete_all(STATUS_DEVICE_REMOVED)
    irql = KeAcquireSpinLock(extension.lock)
    extension.wanted = pins
    if extension.interrupt is None:
        note_pins(extension)  # the device is stopped, and no ISR can run
    else:
        routine = enable_pins if extension.powered and not extension.stopping else note_pins
        KeSynchronizeExecution(extension.interrupt, routine, extension)
    KeReleaseSpinLock(extension.lock, irql)
    return STATUS_PENDING
