# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play for the pulser driver: start with the given resources, stop, and remove."""

from __future__ import annotations

from dirql.drivers.pulser.extension import PulserExtension
from dirql.drivers.pulser.interface import DOS_DEVICE_NAME
from dirql.drivers.pulser.interrupt import PulserInterruptService
from dirql.drivers.pulser.registers import mask_pulses
from dirql.registers import pulser as regs
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
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    NT_SUCCESS,
    POWER_STATE,
    READ_REGISTER_ULONG,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_SUCCESS,
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
    KeAcquireSpinLock,
    KeFlushQueuedDpcs,
    KeReleaseSpinLock,
    KeSetEvent,
    Latched,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    PoSetPowerState,
    PowerDeviceD0,
)

__all__ = ["PulserPnp"]

_AGREED = (
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_CANCEL_REMOVE_DEVICE,
)
"""The requests to which the driver agrees: control codes end at once, so that none has to be held."""


def PulserPnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_PNP: a request is handled before or after the drivers below, as its kind wants it."""
    extension: PulserExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    minor = IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == IRP_MN_START_DEVICE:
        return _start(device, irp)
    if minor == IRP_MN_REMOVE_DEVICE:
        return _remove(device, irp)
    if minor == IRP_MN_QUERY_CAPABILITIES:
        return _query_capabilities(device, irp)
    if minor in (IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL):
        _release_hardware(extension)
    if minor in (IRP_MN_STOP_DEVICE, IRP_MN_SURPRISE_REMOVAL, *_AGREED):
        irp.io_status.status = STATUS_SUCCESS
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def _start(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_START_DEVICE: let the bus driver start the device, then get the resources and connect the interrupt."""
    extension: PulserExtension = device.device_extension
    IoForwardIrpSynchronously(extension.lower_device_object, irp)
    status = irp.io_status.status
    if NT_SUCCESS(status):
        resources = IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
        status = _acquire_hardware(device, resources)
        if not NT_SUCCESS(status):
            _release_hardware(extension)
    return _complete(extension, irp, status)


def _query_capabilities(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_CAPABILITIES: learn which states of the device go with those of the system."""
    extension: PulserExtension = device.device_extension
    IoForwardIrpSynchronously(extension.lower_device_object, irp)
    status = irp.io_status.status
    capabilities = IoGetCurrentIrpStackLocation(irp).parameters.device_capabilities.capabilities
    if NT_SUCCESS(status) and capabilities is not None:
        extension.device_states = list(capabilities.device_state)
    return _complete(extension, irp, status)


def _complete(extension: PulserExtension, irp: IRP, status: int) -> int:
    irp.io_status.status = status
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def _acquire_hardware(device: DEVICE_OBJECT, resources: CM_RESOURCE_LIST | None) -> int:
    """Get all resources of the device. After a failure the caller gives back those that the extension has."""
    extension: PulserExtension = device.device_extension
    descriptors = resources.list[0].partial_resource_list.partial_descriptors if resources is not None else ()
    memory = [entry.u.memory for entry in descriptors if entry.type == CmResourceTypeMemory]
    interrupts = [entry for entry in descriptors if entry.type == CmResourceTypeInterrupt]
    if not memory or not interrupts:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    registers = MmMapIoSpace(memory[0].start, memory[0].length, MmNonCached)
    if registers is None:
        return STATUS_INSUFFICIENT_RESOURCES
    irql = KeAcquireSpinLock(extension.lock)
    extension.registers, extension.registers_length = registers, memory[0].length
    extension.powered = True
    is_pulser = READ_REGISTER_ULONG(registers + regs.ID.offset) == regs.ID.reset
    if is_pulser:
        mask_pulses(extension)
    KeReleaseSpinLock(extension.lock, irql)
    if not is_pulser:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
    return _connect_interrupt(device, interrupts[0])


def _connect_interrupt(device: DEVICE_OBJECT, resource: CM_PARTIAL_RESOURCE_DESCRIPTOR) -> int:
    """Connect the ISR as the resource says. The pulses stay masked until a program configures the device."""
    extension: PulserExtension = device.device_extension
    where, latched = resource.u.interrupt, bool(resource.flags & CM_RESOURCE_INTERRUPT_LATCHED)
    status, extension.interrupt = IoConnectInterrupt(
        PulserInterruptService,
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


def _release_hardware(extension: PulserExtension) -> None:
    """Give back the resources that the extension has. Control codes that wait for the device find it gone."""
    irql = KeAcquireSpinLock(extension.lock)
    interrupt, registers = extension.interrupt, extension.registers
    if registers and extension.powered:
        mask_pulses(extension)
    extension.interrupt, extension.registers, extension.configuration = None, 0, None
    KeReleaseSpinLock(extension.lock, irql)
    KeSetEvent(extension.usable, IO_NO_INCREMENT, False)
    if interrupt is not None:
        IoDisconnectInterrupt(interrupt)
    KeFlushQueuedDpcs()
    if registers:
        MmUnmapIoSpace(registers, extension.registers_length)


def _remove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_REMOVE_DEVICE: give the hardware back, pass down, delete the device."""
    extension: PulserExtension = device.device_extension
    IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    _release_hardware(extension)
    irp.io_status.status = STATUS_SUCCESS
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoDetachDevice(extension.lower_device_object)
    IoDeleteSymbolicLink(f"{DOS_DEVICE_NAME}{extension.number}")
    IoDeleteDevice(device)
    return status
