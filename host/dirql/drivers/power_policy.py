# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The part of a power policy owner that is the same for every device: IRPs about the system, and the ways down.

An IRP about the system goes down first. When the drivers below are done with it, the device gets an IRP of its own
(`PolicySystemPowerDone`), and the system's IRP is completed after that one (`PolicyDevicePowerDone`). The driver's
routine `set_device_power` handles that IRP of the device.

Each power IRP holds the remove lock of the device until the driver is done with it, so that the device below stays
while the IRP is sent there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IO_REMOVE_LOCK,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    NT_SUCCESS,
    POWER_STATE,
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
    PoRequestPowerIrp,
    PoStartNextPowerIrp,
)

__all__ = ["PolicyDispatchPower", "PolicyForward", "PolicyOwner", "PolicyPassDown"]


class PolicyOwner(Protocol):
    """The members of a device extension that are used here."""

    physical_device_object: DEVICE_OBJECT
    lower_device_object: DEVICE_OBJECT
    remove_lock: IO_REMOVE_LOCK
    device_states: list[int]
    """By SYSTEM_POWER_STATE, the DEVICE_POWER_STATE that goes with it, from the capabilities of the device."""


def PolicyDispatchPower(
    device: DEVICE_OBJECT, irp: IRP, set_device_power: Callable[[DEVICE_OBJECT, IRP], int]
) -> int:
    """IRP_MJ_POWER: `set_device_power` gets each IRP_MN_SET_POWER of the device, and releases the remove lock."""
    extension: PolicyOwner = device.device_extension
    PoStartNextPowerIrp(irp)
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    stack = IoGetCurrentIrpStackLocation(irp)
    if stack.minor_function not in (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER):
        return PolicyPassDown(device, irp)
    if stack.parameters.power.type != DevicePowerState:
        return PolicyForward(device, irp, PolicySystemPowerDone)
    if stack.minor_function == IRP_MN_QUERY_POWER:
        return PolicyPassDown(device, irp)
    return set_device_power(device, irp)


def PolicyPassDown(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Hand the IRP to the driver below as it is; the device below stays until that has returned."""
    extension: PolicyOwner = device.device_extension
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def PolicyForward(
    device: DEVICE_OBJECT, irp: IRP, routine: Callable[[DEVICE_OBJECT | None, IRP, object], int]
) -> int:
    """Hand the IRP to the driver below, and go on in a completion routine, which releases the remove lock."""
    extension: PolicyOwner = device.device_extension
    IoMarkIrpPending(irp)
    IoCopyCurrentIrpStackLocationToNext(irp)
    IoSetCompletionRoutine(irp, routine, None, True, True, True)
    IoCallDriver(extension.lower_device_object, irp)
    return STATUS_PENDING


def PolicySystemPowerDone(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The drivers below have agreed: ask for the state of the device that goes with the state of the system."""
    del context
    assert device is not None
    extension: PolicyOwner = device.device_extension
    if not NT_SUCCESS(irp.io_status.status):
        IoReleaseRemoveLock(extension.remove_lock, irp)
        return STATUS_CONTINUE_COMPLETION
    stack = IoGetCurrentIrpStackLocation(irp)
    wanted = extension.device_states[stack.parameters.power.state.system_state]
    status, _ = PoRequestPowerIrp(
        extension.physical_device_object,
        stack.minor_function,
        POWER_STATE(device_state=wanted),
        PolicyDevicePowerDone,
        (device, irp),
    )
    if status != STATUS_PENDING:
        _complete(device, irp, status)
    return STATUS_MORE_PROCESSING_REQUIRED


def PolicyDevicePowerDone(
    physical: DEVICE_OBJECT, minor: int, state: POWER_STATE, context: object, result: IO_STATUS_BLOCK
) -> None:
    """PowerCompletion: the device's IRP has ended, and with it the system's."""
    del physical, minor, state
    assert isinstance(context, tuple)
    device, irp = context
    _complete(device, irp, result.status)


def _complete(device: DEVICE_OBJECT, irp: IRP, status: int) -> None:
    extension: PolicyOwner = device.device_extension
    irp.io_status.status = status
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    IoReleaseRemoveLock(extension.remove_lock, irp)
