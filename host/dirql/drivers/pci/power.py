# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs for a PCI bus and for the functions on it.

The functions of dirql's machines have no power management registers, so that D1 to D3 are states of this driver alone.
In all but D0 a function is off the bus, as one in D3 is on a PC: it answers no access, and is no bus master. Its
registers keep their contents.
"""

from __future__ import annotations

from dirql.drivers.pci.bus import PciPassDown, complete
from dirql.drivers.pci.extension import BusExtension, FunctionExtension
from dirql.drivers.pci.function_device import switch_on
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MN_POWER_SEQUENCE,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    NT_SUCCESS,
    POWER_STATE,
    STATUS_INVALID_PARAMETER,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    DevicePowerState,
    IoCallDriver,
    IoCopyCurrentIrpStackLocationToNext,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoSetCompletionRoutine,
    PoRequestPowerIrp,
    PoSetPowerState,
    PoStartNextPowerIrp,
    PowerDeviceD0,
    PowerDeviceD1,
    PowerDeviceD2,
    PowerDeviceD3,
    PowerSystemWorking,
    SystemPowerState,
)

__all__ = ["PciBusPower", "PciFunctionPower"]


def PciFunctionPower(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER for a function: it can have every state. No function can wake the system."""
    PoStartNextPowerIrp(irp)
    stack = IoGetCurrentIrpStackLocation(irp)
    if stack.minor_function == IRP_MN_POWER_SEQUENCE:
        return _tell_sequence(device, irp)
    if stack.minor_function not in (IRP_MN_SET_POWER, IRP_MN_QUERY_POWER):
        return complete(irp, irp.io_status.status)
    power = stack.parameters.power
    if stack.minor_function == IRP_MN_SET_POWER and power.type == DevicePowerState:
        _set_state(device, power.state.device_state)
    return complete(irp, STATUS_SUCCESS)


def _tell_sequence(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_POWER_SEQUENCE: how often the function has been in each low state."""
    answer = IoGetCurrentIrpStackLocation(irp).parameters.power_sequence.power_sequence
    if answer is None:
        return complete(irp, STATUS_INVALID_PARAMETER)
    extension: FunctionExtension = device.device_extension
    counted = extension.sequence
    answer.sequence_d1, answer.sequence_d2 = counted.sequence_d1, counted.sequence_d2
    answer.sequence_d3 = counted.sequence_d3
    return complete(irp, STATUS_SUCCESS)


def _count(extension: FunctionExtension, state: int) -> None:
    """Count a low state that the function goes to."""
    counted = extension.sequence
    counted.sequence_d1 += state == PowerDeviceD1
    counted.sequence_d2 += state == PowerDeviceD2
    counted.sequence_d3 += state == PowerDeviceD3


def _set_state(device: DEVICE_OBJECT, state: int) -> None:
    """Take the function off the bus or put it on again, if it is started."""
    extension: FunctionExtension = device.device_extension
    if state != extension.power_state:
        _count(extension, state)
    was_on, is_on = extension.power_state == PowerDeviceD0, state == PowerDeviceD0
    extension.power_state = state
    if extension.resources is not None and was_on != is_on:
        if is_on:
            switch_on(extension.function, extension.resources)
        else:
            extension.function.disable()
    PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=state))


def PciBusPower(bus: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_POWER for the bus, whose power policy this driver owns: its state follows that of the system."""
    PoStartNextPowerIrp(irp)
    stack = IoGetCurrentIrpStackLocation(irp)
    power = stack.parameters.power
    if stack.minor_function != IRP_MN_SET_POWER or power.type == DevicePowerState:
        if stack.minor_function == IRP_MN_SET_POWER:
            PoSetPowerState(bus, DevicePowerState, power.state)
        return PciPassDown(bus, irp)
    IoMarkIrpPending(irp)
    IoCopyCurrentIrpStackLocationToNext(irp)
    IoSetCompletionRoutine(irp, PciSystemPowerDone, None, True, True, True)
    IoCallDriver(bus.device_extension.lower_device_object, irp)
    return STATUS_PENDING


def PciSystemPowerDone(bus: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    """The drivers below know of the system's new state: bring the bus into the state that goes with it."""
    del context
    assert bus is not None
    extension: BusExtension = bus.device_extension
    if not NT_SUCCESS(irp.io_status.status):
        return STATUS_SUCCESS
    power = IoGetCurrentIrpStackLocation(irp).parameters.power
    works = power.type == SystemPowerState and power.state.system_state == PowerSystemWorking
    state = POWER_STATE(device_state=PowerDeviceD0 if works else PowerDeviceD3)
    status, _ = PoRequestPowerIrp(
        extension.physical_device_object, IRP_MN_SET_POWER, state, PciDevicePowerDone, irp
    )
    if status != STATUS_PENDING:
        complete(irp, status)
    return STATUS_MORE_PROCESSING_REQUIRED


def PciDevicePowerDone(
    device: DEVICE_OBJECT, minor: int, state: POWER_STATE, context: object, result: IO_STATUS_BLOCK
) -> None:
    """The bus has its new state: complete the IRP about the system."""
    del device, minor, state
    assert isinstance(context, IRP)
    complete(context, result.status)
