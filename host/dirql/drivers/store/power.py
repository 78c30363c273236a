# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs: this driver owns the power policy of its device, and holds requests while the device is not in D0.

`drivers/power_policy.py` has what every such driver does with IRPs about the system. This driver prepares its device
for a low state before it passes the device's IRP down, and sets it up after the bus driver has turned it on. Both
happen under the request lock, under which a removal takes the device away.
"""

from __future__ import annotations

from dirql.drivers.power_policy import PolicyDispatchPower, PolicyForward, PolicyPassDown
from dirql.drivers.store.device import mask_causes, reset_device
from dirql.drivers.store.extension import StoreExtension
from dirql.drivers.store.transfer import StoreStartIo
from dirql.registers import store as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    KDPC,
    NT_SUCCESS,
    POWER_STATE,
    READ_REGISTER_ULONG,
    STATUS_CONTINUE_COMPLETION,
    STATUS_PENDING,
    DevicePowerState,
    IoCallDriver,
    IoCopyCurrentIrpStackLocationToNext,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseRemoveLock,
    KeAcquireSpinLock,
    KeAcquireSpinLockAtDpcLevel,
    KeLowerIrql,
    KeRaiseIrqlToDpcLevel,
    KeReleaseSpinLock,
    KeReleaseSpinLockFromDpcLevel,
    PoSetPowerState,
    PowerDeviceD0,
)

__all__ = ["StoreGoDownDpc", "StorePower"]


def StorePower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER: the remove lock is held until this driver is done with the IRP."""
    return PolicyDispatchPower(device, irp, _set_device_power)


def _set_device_power(device: DEVICE_OBJECT, irp: IRP) -> int:
    extension: StoreExtension = device.device_extension
    wants_on = IoGetCurrentIrpStackLocation(irp).parameters.power.state.device_state == PowerDeviceD0
    if wants_on == extension.powered:
        return PolicyPassDown(device, irp)
    return PolicyForward(device, irp, StorePoweredUp) if wants_on else _go_down(device, irp)


def _go_down(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Start no request any more; the device goes down now, or when the request that has it ends."""
    extension: StoreExtension = device.device_extension
    IoMarkIrpPending(irp)
    old_irql = KeAcquireSpinLock(extension.request_lock)
    extension.powered = False
    is_idle = extension.transfer is None
    extension.power_irp = None if is_idle else irp
    KeReleaseSpinLock(extension.request_lock, old_irql)
    if is_idle:
        _pass_down_low(device, irp)
    return STATUS_PENDING


def StoreGoDownDpc(dpc: KDPC, device: DEVICE_OBJECT, irp: object, argument2: object) -> None:
    """The request that had the device has ended."""
    del dpc, argument2
    assert isinstance(irp, IRP)
    _pass_down_low(device, irp)


def _pass_down_low(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Keep what the device would lose, let it not interrupt, tell its new state, and let the bus driver turn it off."""
    extension: StoreExtension = device.device_extension
    old_irql = KeAcquireSpinLock(extension.request_lock)
    hardware = extension.hardware
    if hardware is not None:
        registers = hardware.registers.address
        extension.kept_clocks = (
            READ_REGISTER_ULONG(registers + regs.DATA_CLOCKS.offset),
            READ_REGISTER_ULONG(registers + regs.BUSY_CLOCKS.offset),
        )
        mask_causes(extension, hardware)
    KeReleaseSpinLock(extension.request_lock, old_irql)
    PoSetPowerState(device, DevicePowerState, IoGetCurrentIrpStackLocation(irp).parameters.power.state)
    IoCopyCurrentIrpStackLocationToNext(irp)  # not skipped, since it is marked pending
    IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)


def StorePoweredUp(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The bus driver has turned the device on: set it up, tell its state, and start the request that was held."""
    del context
    assert device is not None
    extension: StoreExtension = device.device_extension
    if NT_SUCCESS(irp.io_status.status):
        old_irql = KeRaiseIrqlToDpcLevel()
        held = _set_up(extension)
        PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
        if held is not None:
            StoreStartIo(device, held)
        KeLowerIrql(old_irql)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return STATUS_CONTINUE_COMPLETION


def _set_up(extension: StoreExtension) -> IRP | None:
    """Set the device up, unless it was taken away, and let requests use it again; returns the one that was held."""
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    hardware = extension.hardware
    if hardware is not None:
        reset_device(extension, hardware.registers, hardware.fifo)
    extension.powered = True
    held = None
    if not extension.stopping:
        held, extension.held_irp = extension.held_irp, None
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    return held
