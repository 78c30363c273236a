# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs: this driver owns the power policy of its device. No pulse comes, and control codes wait, outside of D0.

`drivers/power_policy.py` has what every such driver does with IRPs about the system.
"""

from __future__ import annotations

from dirql.drivers.power_policy import PolicyDispatchPower, PolicyForward, PolicyPassDown
from dirql.drivers.pulser.extension import PulserExtension
from dirql.drivers.pulser.registers import keep_pulses, restore_pulses
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IRP,
    NT_SUCCESS,
    POWER_STATE,
    STATUS_CONTINUE_COMPLETION,
    DevicePowerState,
    IoGetCurrentIrpStackLocation,
    IoReleaseRemoveLock,
    KeAcquireSpinLock,
    KeClearEvent,
    KeReleaseSpinLock,
    KeSetEvent,
    PoSetPowerState,
    PowerDeviceD0,
)

__all__ = ["PulserPower"]


def PulserPower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER: the remove lock is held until this driver is done with the IRP."""
    return PolicyDispatchPower(device, irp, _set_device_power)


def _set_device_power(device: DEVICE_OBJECT, irp: IRP) -> int:
    state = IoGetCurrentIrpStackLocation(irp).parameters.power.state
    if state.device_state == PowerDeviceD0:
        return PolicyForward(device, irp, PulserPoweredUp)
    _prepare_low_state(device, state)
    return PolicyPassDown(device, irp)


def _prepare_low_state(device: DEVICE_OBJECT, state: POWER_STATE) -> None:
    """Use the device no more, let it not interrupt, and tell its new state."""
    extension: PulserExtension = device.device_extension
    irql = KeAcquireSpinLock(extension.lock)
    was_on, extension.powered = extension.powered, False
    if extension.interrupt is not None:
        if was_on:
            keep_pulses(extension)
        KeClearEvent(extension.usable)
    KeReleaseSpinLock(extension.lock, irql)
    PoSetPowerState(device, DevicePowerState, state)


def PulserPoweredUp(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The bus driver has turned the device on: set it up, tell its state, and let control codes go on."""
    del context
    assert device is not None
    extension: PulserExtension = device.device_extension
    if NT_SUCCESS(irp.io_status.status):
        irql = KeAcquireSpinLock(extension.lock)
        was_on, extension.powered = extension.powered, True
        if not was_on and extension.interrupt is not None:
            restore_pulses(extension)
        KeReleaseSpinLock(extension.lock, irql)
        PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
        KeSetEvent(extension.usable, IO_NO_INCREMENT, False)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return STATUS_CONTINUE_COMPLETION
