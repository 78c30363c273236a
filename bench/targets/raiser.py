# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A driver that does nothing but be interrupted: each request makes the device raise one interrupt and ends in its DPC.

It is the counterpart of the peer's empty handler in the NT model: dispatch, ISR, DPC, completion.
"""

from __future__ import annotations

from dirql.registers import store as regs
from dirql.registers.functions import Store
from dirql.wdm import (
    CM_RESOURCE_LIST,
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    KDPC,
    KINTERRUPT,
    READ_REGISTER_ULONG,
    STATUS_NO_SUCH_DEVICE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    WRITE_REGISTER_ULONG,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoConnectInterrupt,
    IoCreateDevice,
    IoDeleteDevice,
    IoDetachDevice,
    IoDisconnectInterrupt,
    IoForwardIrpSynchronously,
    IoGetCurrentIrpStackLocation,
    IoInitializeDpcRequest,
    IoMarkIrpPending,
    IoRequestDpc,
    IoSkipCurrentIrpStackLocation,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
)

HARDWARE_IDS = (Store.HARDWARE_ID,)

PAGE = 4096
RAISED = regs.INTERRUPT_CAUSE.RAISED


class Extension:
    """The driver's state for one device."""

    lower: DEVICE_OBJECT
    interrupt: KINTERRUPT
    registers = 0
    cause = 0
    command = 0
    irp: IRP


def DriverEntry(driver: DRIVER_OBJECT, registry_path: str) -> int:
    driver.driver_extension.add_device = AddDevice
    driver.driver_unload = Unload
    driver.major_function[IRP_MJ_DEVICE_CONTROL] = Raise
    driver.major_function[IRP_MJ_PNP] = Pnp
    return STATUS_SUCCESS


def Unload(driver: DRIVER_OBJECT) -> None:
    pass


def AddDevice(driver: DRIVER_OBJECT, physical: DEVICE_OBJECT) -> int:
    status, device = IoCreateDevice(driver, Extension, None, FILE_DEVICE_UNKNOWN, 0, False)
    if device is None:
        return status
    lower = IoAttachDeviceToDeviceStack(device, physical)
    if lower is None:
        IoDeleteDevice(device)
        return STATUS_NO_SUCH_DEVICE
    device.device_extension.lower = lower
    IoInitializeDpcRequest(device, DpcForIsr)
    device.flags &= ~DO_DEVICE_INITIALIZING
    return STATUS_SUCCESS


def Raise(device: DEVICE_OBJECT, irp: IRP) -> int:
    extension = device.device_extension
    IoMarkIrpPending(irp)
    extension.irp = irp
    WRITE_REGISTER_ULONG(extension.command, regs.Operation.RAISE)
    return STATUS_PENDING


def InterruptService(interrupt: KINTERRUPT, device: DEVICE_OBJECT) -> bool:
    extension = device.device_extension
    cause = READ_REGISTER_ULONG(extension.cause)
    if cause != RAISED:
        return False
    WRITE_REGISTER_ULONG(extension.cause, cause)
    IoRequestDpc(device, None, None)
    return True


def DpcForIsr(dpc: KDPC, device: DEVICE_OBJECT, irp: IRP | None, context: object) -> None:
    irp = device.device_extension.irp
    irp.io_status.status = STATUS_SUCCESS
    irp.io_status.information = 0
    IoCompleteRequest(irp, IO_NO_INCREMENT)


def Start(device: DEVICE_OBJECT, resources: CM_RESOURCE_LIST) -> int:
    extension = device.device_extension
    descriptors = resources.list[0].partial_resource_list.partial_descriptors
    memory = next(entry.u.memory for entry in descriptors if entry.type == CmResourceTypeMemory)
    line = next(entry.u.interrupt for entry in descriptors if entry.type == CmResourceTypeInterrupt)
    registers = MmMapIoSpace(memory.start, PAGE, MmNonCached)
    assert registers is not None
    extension.registers = registers
    extension.cause = registers + regs.INTERRUPT_CAUSE.offset
    extension.command = registers + regs.COMMAND.offset
    WRITE_REGISTER_ULONG(registers + regs.INTERRUPT_MASK_SET.offset, RAISED)
    status, interrupt = IoConnectInterrupt(
        InterruptService,
        device,
        None,
        line.vector,
        line.level,
        line.level,
        LevelSensitive,
        True,
        line.affinity,
        False,
    )
    assert interrupt is not None
    extension.interrupt = interrupt
    return status


def Pnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    extension = device.device_extension
    stack = IoGetCurrentIrpStackLocation(irp)
    if stack.minor_function == IRP_MN_START_DEVICE:
        IoForwardIrpSynchronously(extension.lower, irp)
        resources = stack.parameters.start_device.allocated_resources_translated
        assert isinstance(resources, CM_RESOURCE_LIST)
        irp.io_status.status = Start(device, resources)
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return STATUS_SUCCESS
    removed = stack.minor_function == IRP_MN_REMOVE_DEVICE
    if removed:
        IoDisconnectInterrupt(extension.interrupt)
        MmUnmapIoSpace(extension.registers, PAGE)
    irp.io_status.status = STATUS_SUCCESS
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower, irp)
    if removed:
        IoDetachDevice(extension.lower)
        IoDeleteDevice(device)
    return status
