# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs: this driver owns the power policy of its device, and holds requests while the device is not in D0.

`drivers/power_policy.py` has what every such driver does with IRPs about the system. The driver masks the pins before
the device goes to a low state, and writes its registers again after it is back in D0.
"""

from __future__ import annotations

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interrupt import enable_pins
from dirql.drivers.gpio.registers import restore_registers
from dirql.drivers.gpio.requests import GpioCarryOutHeld
from dirql.drivers.power_policy import PolicyDispatchPower, PolicyForward, PolicyPassDown
from dirql.registers import gpio as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    NT_SUCCESS,
    POWER_STATE,
    STATUS_CONTINUE_COMPLETION,
    WRITE_REGISTER_ULONG,
    DevicePowerState,
    IoGetCurrentIrpStackLocation,
    IoReleaseRemoveLock,
    KeAcquireSpinLock,
    KeReleaseSpinLock,
    KeSynchronizeExecution,
    PoSetPowerState,
    PowerDeviceD0,
)

__all__ = ["GpioPower"]


def GpioPower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER: the remove lock is held until this driver is done with the IRP."""
    return PolicyDispatchPower(device, irp, _set_device_power)


def _set_device_power(device: DEVICE_OBJECT, irp: IRP) -> int:
    state = IoGetCurrentIrpStackLocation(irp).parameters.power.state
    if state.device_state == PowerDeviceD0:
        return PolicyForward(device, irp, GpioPoweredUp)
    _prepare_low_state(device, state)
    return PolicyPassDown(device, irp)


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
