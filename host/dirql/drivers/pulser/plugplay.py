# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play for the pulser driver: start with the given resources, stop, and remove."""

from __future__ import annotations

from dirql.drivers.pulser.extension import PulserExtension
from dirql.drivers.pulser.interface import DOS_DEVICE_NAME
from dirql.drivers.pulser.interrupt import PulserInterruptService
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
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    NT_SUCCESS,
    READ_REGISTER_ULONG,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_SUCCESS,
    WRITE_REGISTER_ULONG,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    Executive,
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
    KeReleaseMutex,
    KernelMode,
    KeWaitForSingleObject,
    Latched,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
)

__all__ = ["PulserPnp", "mask_pulses"]

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
        KeWaitForSingleObject(extension.mutex, Executive, KernelMode, False, None)
        status = _acquire_hardware(device, resources)
        KeReleaseMutex(extension.mutex, False)
        if not NT_SUCCESS(status):
            _release_hardware(extension)
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
    extension.registers, extension.registers_length = registers, memory[0].length
    if READ_REGISTER_ULONG(registers + regs.ID.offset) != regs.ID.reset:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    mask_pulses(extension)
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


def mask_pulses(extension: PulserExtension) -> None:
    """Stop the pulses, and let the device be quiet: no fault, no noise, no cause. The caller holds the mutex."""
    for offset in (regs.COUNT.offset, regs.CONTROL.offset):
        WRITE_REGISTER_ULONG(extension.registers + offset, 0)
    WRITE_REGISTER_ULONG(
        extension.registers + regs.INTERRUPT_MASK_CLEAR.offset, regs.INTERRUPT_MASK_CLEAR.PULSED
    )
    WRITE_REGISTER_ULONG(extension.registers + regs.INTERRUPT_CAUSE.offset, regs.INTERRUPT_CAUSE.PULSED)


def _release_hardware(extension: PulserExtension) -> None:
    """Give back the resources that the extension has."""
    KeWaitForSingleObject(extension.mutex, Executive, KernelMode, False, None)
    interrupt, registers = extension.interrupt, extension.registers
    if registers:
        mask_pulses(extension)
    extension.interrupt = None
    if interrupt is not None:
        IoDisconnectInterrupt(interrupt)
    extension.registers = 0
    KeReleaseMutex(extension.mutex, False)
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
