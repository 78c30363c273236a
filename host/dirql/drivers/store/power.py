# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs: this driver owns the power policy of its device, and holds requests while the device is not in D0.

An IRP about the system goes down first. When the drivers below are done with it, the device gets an IRP of its own
(`StoreSystemPowerDone`), and the system's IRP is completed after that one (`StoreDevicePowerDone`). The driver prepares
its device for a low state before it passes the IRP down, and sets it up after the bus driver has turned it on.
"""

from __future__ import annotations

from dirql.drivers.store.device import mask_causes, reset_device
from dirql.drivers.store.extension import StoreExtension
from dirql.drivers.store.transfer import StoreStartIo
from dirql.registers import store as regs
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    KDPC,
    NT_SUCCESS,
    POWER_STATE,
    READ_REGISTER_ULONG,
    STATUS_CONTINUE_COMPLETION,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
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
    KeLowerIrql,
    KeRaiseIrqlToDpcLevel,
    KeReleaseSpinLock,
    PoRequestPowerIrp,
    PoSetPowerState,
    PoStartNextPowerIrp,
    PowerDeviceD0,
)

__all__ = ["StoreGoDownDpc", "StorePower"]


def StorePower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER: the remove lock is held until this driver is done with the IRP."""
    extension: StoreExtension = device.device_extension
    PoStartNextPowerIrp(irp)
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    stack = IoGetCurrentIrpStackLocation(irp)
    if stack.minor_function not in (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER):
        return _pass_down(device, irp)
    if stack.parameters.power.type != DevicePowerState:
        return _forward(device, irp, StoreSystemPowerDone)
    if stack.minor_function == IRP_MN_QUERY_POWER:
        return _pass_down(device, irp)
    wants_on = stack.parameters.power.state.device_state == PowerDeviceD0
    if wants_on and not extension.powered:
        return _forward(device, irp, StorePoweredUp)
    if not wants_on and extension.powered:
        return _go_down(device, irp)
    return _pass_down(device, irp)


def _pass_down(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Hand the IRP to the driver below as it is."""
    extension: StoreExtension = device.device_extension
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(extension.lower_device_object, irp)


def _forward(device: DEVICE_OBJECT, irp: IRP, routine: object) -> int:
    """Hand the IRP to the driver below, and go on in a completion routine."""
    assert callable(routine)
    IoMarkIrpPending(irp)
    IoCopyCurrentIrpStackLocationToNext(irp)
    IoSetCompletionRoutine(irp, routine, None, True, True, True)
    IoCallDriver(device.device_extension.lower_device_object, irp)
    return STATUS_PENDING


# The system's state.


def StoreSystemPowerDone(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The drivers below have agreed: ask for the state of the device that goes with the state of the system."""
    del context
    assert device is not None
    extension: StoreExtension = device.device_extension
    if not NT_SUCCESS(irp.io_status.status):
        IoReleaseRemoveLock(extension.remove_lock, irp)
        return STATUS_CONTINUE_COMPLETION
    stack = IoGetCurrentIrpStackLocation(irp)
    wanted = extension.device_states[stack.parameters.power.state.system_state]
    status, _ = PoRequestPowerIrp(
        extension.physical_device_object,
        stack.minor_function,
        POWER_STATE(device_state=wanted),
        StoreDevicePowerDone,
        (device, irp),
    )
    if status != STATUS_PENDING:
        _complete(extension, irp, status)
    return STATUS_MORE_PROCESSING_REQUIRED


def StoreDevicePowerDone(
    physical: DEVICE_OBJECT, minor: int, state: POWER_STATE, context: object, result: IO_STATUS_BLOCK
) -> None:
    """PowerCompletion: the device's IRP has ended, and with it the system's."""
    del physical, minor, state
    assert isinstance(context, tuple)
    device, irp = context
    _complete(device.device_extension, irp, result.status)


def _complete(extension: StoreExtension, irp: IRP, status: int) -> None:
    irp.io_status.status = status
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)


# The device's state.


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
    hardware = extension.hardware
    if hardware is not None:
        registers = hardware.registers.address
        extension.kept_clocks = (
            READ_REGISTER_ULONG(registers + regs.DATA_CLOCKS.offset),
            READ_REGISTER_ULONG(registers + regs.BUSY_CLOCKS.offset),
        )
        mask_causes(extension, hardware)
    PoSetPowerState(device, DevicePowerState, IoGetCurrentIrpStackLocation(irp).parameters.power.state)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCopyCurrentIrpStackLocationToNext(irp)
    IoCallDriver(extension.lower_device_object, irp)


def StorePoweredUp(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The bus driver has turned the device on: set it up, tell its state, and start the request that was held."""
    del context
    assert device is not None
    extension: StoreExtension = device.device_extension
    if NT_SUCCESS(irp.io_status.status):
        old_irql = KeRaiseIrqlToDpcLevel()
        hardware = extension.hardware
        if hardware is not None:
            reset_device(extension, hardware.registers, hardware.fifo)
        PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
        _release_held(device)
        KeLowerIrql(old_irql)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return STATUS_CONTINUE_COMPLETION


def _release_held(device: DEVICE_OBJECT) -> None:
    """Let requests use the device again."""
    extension: StoreExtension = device.device_extension
    old_irql = KeAcquireSpinLock(extension.request_lock)
    extension.powered = True
    held = None
    if not extension.stopping:
        held, extension.held_irp = extension.held_irp, None
    KeReleaseSpinLock(extension.request_lock, old_irql)
    if held is not None:
        StoreStartIo(device, held)
