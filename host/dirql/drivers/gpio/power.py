# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs: this driver owns the power policy of its device, and holds requests while the device is not in D0.

An IRP about the system goes down first; then the device gets an IRP of its own, at whose end the system's is completed.
The driver masks the pins before the device goes to a low state, and writes its registers again after it is back in D0.
"""

from __future__ import annotations

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interrupt import enable_pins
from dirql.drivers.gpio.registers import restore_registers
from dirql.drivers.gpio.requests import GpioCarryOutHeld
from dirql.registers import gpio as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    NT_SUCCESS,
    POWER_STATE,
    STATUS_CONTINUE_COMPLETION,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    WRITE_REGISTER_ULONG,
    DevicePowerState,
    IoAcquireRemoveLock,
    IoCallDriver,
    IoCompleteRequest,
    IoCopyCurrentIrpStackLocationToNext,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseRemoveLock,
    IoSetCompletionRoutine,
    IoSkipCurrentIrpStackLocation,
    KeAcquireSpinLock,
    KeReleaseSpinLock,
    KeSynchronizeExecution,
    PoRequestPowerIrp,
    PoSetPowerState,
    PoStartNextPowerIrp,
    PowerDeviceD0,
)

__all__ = ["GpioPower"]


def GpioPower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER: the remove lock is held until this driver is done with the IRP."""
    extension: GpioExtension = device.device_extension
    PoStartNextPowerIrp(irp)
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    stack = IoGetCurrentIrpStackLocation(irp)
    power = stack.parameters.power
    is_about_state = stack.minor_function in (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER)
    if is_about_state and power.type != DevicePowerState:
        IoMarkIrpPending(irp)
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, GpioSystemPowerDone, None, True, True, True)
        IoCallDriver(extension.lower_device_object, irp)
        return STATUS_PENDING
    if stack.minor_function == IRP_MN_SET_POWER:
        if power.state.device_state == PowerDeviceD0:
            IoMarkIrpPending(irp)
            IoCopyCurrentIrpStackLocationToNext(irp)
            IoSetCompletionRoutine(irp, GpioPoweredUp, None, True, True, True)
            IoCallDriver(extension.lower_device_object, irp)
            return STATUS_PENDING
        _prepare_low_state(device, power.state)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(extension.lower_device_object, irp)


def GpioSystemPowerDone(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The drivers below have agreed: ask for the state of the device that goes with the state of the system."""
    del context
    assert device is not None
    extension: GpioExtension = device.device_extension
    if not NT_SUCCESS(irp.io_status.status):
        IoReleaseRemoveLock(extension.remove_lock, irp)
        return STATUS_CONTINUE_COMPLETION
    stack = IoGetCurrentIrpStackLocation(irp)
    wanted = extension.device_states[stack.parameters.power.state.system_state]
    status, _ = PoRequestPowerIrp(
        extension.physical_device_object,
        stack.minor_function,
        POWER_STATE(device_state=wanted),
        GpioDevicePowerDone,
        (extension, irp),
    )
    if status != STATUS_PENDING:
        _complete(extension, irp, status)
    return STATUS_MORE_PROCESSING_REQUIRED


def GpioDevicePowerDone(
    physical: DEVICE_OBJECT, minor: int, state: POWER_STATE, context: object, result: IO_STATUS_BLOCK
) -> None:
    """PowerCompletion: the device's IRP has ended, and with it the system's."""
    del physical, minor, state
    assert isinstance(context, tuple)
    extension, irp = context
    _complete(extension, irp, result.status)


def _complete(extension: GpioExtension, irp: IRP, status: int) -> None:
    irp.io_status.status = status
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)


def _prepare_low_state(device: DEVICE_OBJECT, state: POWER_STATE) -> None:
    """Use the device no more, let it not interrupt, and tell its new state."""
    extension: GpioExtension = device.device_extension
    irql = KeAcquireSpinLock(extension.lock)
    was_on, extension.powered = extension.powered, False
    if was_on and extension.interrupt is not None and not extension.gone:
        mask = extension.registers + regs.INTERRUPT_MASK_CLEAR.offset
        WRITE_REGISTER_ULONG(mask, regs.INTERRUPT_MASK_CLEAR.PINS)
    KeReleaseSpinLock(extension.lock, irql)
    PoSetPowerState(device, DevicePowerState, state)


def GpioPoweredUp(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The bus driver has turned the device on: set it up, tell its state, and carry out the requests that were held."""
    del context
    assert device is not None
    extension: GpioExtension = device.device_extension
    if NT_SUCCESS(irp.io_status.status):
        irql = KeAcquireSpinLock(extension.lock)
        was_on, extension.powered = extension.powered, True
        if not was_on and extension.interrupt is not None and not extension.gone:
            restore_registers(extension)
            extension.wanted = 0
            KeSynchronizeExecution(extension.interrupt, enable_pins, extension)
        KeReleaseSpinLock(extension.lock, irql)
        PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
        GpioCarryOutHeld(device)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return STATUS_CONTINUE_COMPLETION
