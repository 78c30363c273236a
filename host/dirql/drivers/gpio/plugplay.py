# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play for the gpio driver: start with the given resources, and remove."""

from __future__ import annotations

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import DOS_DEVICE_NAME
from dirql.drivers.gpio.interrupt import GpioInterruptService
from dirql.registers import gpio as regs
from dirql.wdm import (
    CM_PARTIAL_RESOURCE_DESCRIPTOR,
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_LIST,
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IRP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    NT_SUCCESS,
    POWER_STATE,
    READ_REGISTER_ULONG,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_DEVICE_REMOVED,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    WRITE_REGISTER_ULONG,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    DevicePowerState,
    IoAcquireRemoveLock,
    IoCallDriver,
    IoCompleteRequest,
    IoConnectInterrupt,
    IoDeleteDevice,
    IoDeleteSymbolicLink,
    IoDetachDevice,
    IoDisconnectInterrupt,
    IoForwardIrpSynchronously,
    IoGetCurrentIrpStackLocation,
    IoReleaseRemoveLock,
    IoReleaseRemoveLockAndWait,
    IoSkipCurrentIrpStackLocation,
    KeFlushQueuedDpcs,
    Latched,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    PoSetPowerState,
    PowerDeviceD0,
)

__all__ = ["GpioDeleteDevice", "GpioPnp"]

_SUCCEED = (
    IRP_MN_SURPRISE_REMOVAL,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_CANCEL_REMOVE_DEVICE,
)


def GpioPnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_PNP: this driver handles IRP_MN_START_DEVICE after the drivers below, every other request before them."""
    extension: GpioExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    minor = IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == IRP_MN_START_DEVICE:
        return GpioStart(device, irp)
    if minor == IRP_MN_REMOVE_DEVICE:
        return GpioRemove(device, irp)
    if minor == IRP_MN_QUERY_CAPABILITIES:
        return GpioQueryCapabilities(device, irp)
    if minor == IRP_MN_SURPRISE_REMOVAL:
        extension.taken_away = True
        _end_requests(extension)
    if minor == IRP_MN_QUERY_STOP_DEVICE:
        # The driver cannot hold requests back while resources change, so it refuses to be stopped.
        irp.io_status.status = STATUS_UNSUCCESSFUL
        IoReleaseRemoveLock(extension.remove_lock, irp)
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return STATUS_UNSUCCESSFUL
    if minor in _SUCCEED:
        irp.io_status.status = STATUS_SUCCESS
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(extension.lower_device_object, irp)


def GpioStart(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_START_DEVICE: let the bus driver start the device, then get the resources and connect the interrupt."""
    extension: GpioExtension = device.device_extension
    IoForwardIrpSynchronously(extension.lower_device_object, irp)
    status = irp.io_status.status
    if NT_SUCCESS(status):
        resources = IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
        status = GpioAcquireHardware(device, resources)
        if not NT_SUCCESS(status):
            GpioReleaseHardware(extension)
    irp.io_status.status = status
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def GpioQueryCapabilities(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_CAPABILITIES: learn which states of the device go with those of the system."""
    extension: GpioExtension = device.device_extension
    IoForwardIrpSynchronously(extension.lower_device_object, irp)
    status = irp.io_status.status
    capabilities = IoGetCurrentIrpStackLocation(irp).parameters.device_capabilities.capabilities
    if NT_SUCCESS(status) and capabilities is not None:
        extension.device_states = list(capabilities.device_state)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def _end_requests(extension: GpioExtension) -> None:
    """Complete all requests, because the device goes away, and let no new one be queued."""
    extension.gone = True
    extension.waits.complete_all(STATUS_DEVICE_REMOVED)
    extension.held.complete_all(STATUS_DEVICE_REMOVED)


def GpioAcquireHardware(device: DEVICE_OBJECT, resources: CM_RESOURCE_LIST | None) -> int:
    """Get all resources of the device. After a failure the caller gives back those that the extension has."""
    extension: GpioExtension = device.device_extension
    descriptors = resources.list[0].partial_resource_list.partial_descriptors if resources is not None else ()
    memory = [entry.u.memory for entry in descriptors if entry.type == CmResourceTypeMemory]
    interrupts = [entry for entry in descriptors if entry.type == CmResourceTypeInterrupt]
    if not memory or not interrupts:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    registers = MmMapIoSpace(memory[0].start, memory[0].length, MmNonCached)
    if registers is None:
        return STATUS_INSUFFICIENT_RESOURCES
    extension.registers, extension.registers_length = registers, memory[0].length
    if READ_REGISTER_ULONG(registers + regs.ID.offset) != regs.ID.reset:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    extension.powered = True
    PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
    return _connect_interrupt(device, interrupts[0])


def _connect_interrupt(device: DEVICE_OBJECT, resource: CM_PARTIAL_RESOURCE_DESCRIPTOR) -> int:
    """Mask all pins, choose the form of the interrupt as the resource says, and connect the ISR."""
    extension: GpioExtension = device.device_extension
    extension.latched = latched = bool(resource.flags & CM_RESOURCE_INTERRUPT_LATCHED)
    WRITE_REGISTER_ULONG(
        extension.registers + regs.INTERRUPT_MASK_CLEAR.offset, regs.INTERRUPT_MASK_CLEAR.PINS
    )
    WRITE_REGISTER_ULONG(
        extension.registers + regs.INTERRUPT_CONTROL.offset, regs.INTERRUPT_CONTROL.LATCHED if latched else 0
    )
    where = resource.u.interrupt
    status, extension.interrupt = IoConnectInterrupt(
        GpioInterruptService,
        device,
        None,
        where.vector,
        where.level,
        where.level,
        Latched if latched else LevelSensitive,
        resource.share_disposition == CmResourceShareShared,
        where.affinity,
        False,
    )
    return status


def GpioReleaseHardware(extension: GpioExtension) -> None:
    """Give back the resources that the extension has. A device that was taken away is not touched."""
    if extension.interrupt is not None:
        if extension.powered and not extension.taken_away:
            mask = extension.registers + regs.INTERRUPT_MASK_CLEAR.offset
            WRITE_REGISTER_ULONG(mask, regs.INTERRUPT_MASK_CLEAR.PINS)
        IoDisconnectInterrupt(extension.interrupt)
        extension.interrupt = None
    if extension.registers:
        MmUnmapIoSpace(extension.registers, extension.registers_length)
        extension.registers = 0


def GpioRemove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_REMOVE_DEVICE: end all requests, give the hardware back, pass down, delete the device."""
    extension: GpioExtension = device.device_extension
    _end_requests(extension)
    IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    KeFlushQueuedDpcs()
    GpioReleaseHardware(extension)
    irp.io_status.status = STATUS_SUCCESS
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoDetachDevice(extension.lower_device_object)
    GpioDeleteDevice(device)
    return status


def GpioDeleteDevice(device: DEVICE_OBJECT) -> None:
    """Delete the symbolic link and the device object."""
    extension: GpioExtension = device.device_extension
    IoDeleteSymbolicLink(f"{DOS_DEVICE_NAME}{extension.number}")
    IoDeleteDevice(device)
