# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play for the gpio driver: start with the given resources, and remove."""

from __future__ import annotations

from collections.abc import Callable

from dirql.drivers.gpio.extension import GpioExtension
from dirql.drivers.gpio.interface import DOS_DEVICE_NAME
from dirql.drivers.gpio.interrupt import GpioInterruptService, enable_pins
from dirql.drivers.gpio.registers import restore_registers
from dirql.drivers.gpio.requests import GpioCarryOutHeld
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
    IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    KINTERRUPT,
    NT_SUCCESS,
    POWER_STATE,
    READ_REGISTER_ULONG,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_DEVICE_REMOVED,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_SUCCESS,
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
    IoSetDeviceInterfaceState,
    IoSkipCurrentIrpStackLocation,
    KeAcquireSpinLock,
    KeFlushQueuedDpcs,
    KeReleaseSpinLock,
    KeSynchronizeExecution,
    Latched,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    PoSetPowerState,
    PowerDeviceD0,
    RtlFreeUnicodeString,
)

__all__ = ["GpioDeleteDevice", "GpioPnp"]


def GpioPnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_PNP: a request is handled before or after the drivers below, as its kind wants it.

    Each routine releases the remove lock. A request that has none is passed down as it is.
    """
    extension: GpioExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    minor = IoGetCurrentIrpStackLocation(irp).minor_function
    return _REQUESTS.get(minor, _pass_down)(device, irp)


def _pass_down(device: DEVICE_OBJECT, irp: IRP) -> int:
    extension: GpioExtension = device.device_extension
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def _succeed(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Agree, and ask the drivers below."""
    irp.io_status.status = STATUS_SUCCESS
    return _pass_down(device, irp)


def _forward(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Let the drivers below handle a request first; returns its status then. `_complete` ends it."""
    IoForwardIrpSynchronously(device.device_extension.lower_device_object, irp)
    return irp.io_status.status


def _complete(device: DEVICE_OBJECT, irp: IRP, status: int) -> int:
    irp.io_status.status = status
    IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def GpioStart(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_START_DEVICE: let the bus driver start the device, then get the resources and connect the interrupt."""
    extension: GpioExtension = device.device_extension
    status = _forward(device, irp)
    if NT_SUCCESS(status):
        resources = IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
        status = GpioAcquireHardware(device, resources)
        if NT_SUCCESS(status):
            IoSetDeviceInterfaceState(extension.interface_name, True)
            if extension.stopping:
                _go_on(device)
        else:
            GpioReleaseHardware(extension)
    return _complete(device, irp, status)


def GpioUsage(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_DEVICE_USAGE_NOTIFICATION: no file can be on this device."""
    return _complete(device, irp, STATUS_INVALID_DEVICE_REQUEST)


# Stop, for other resources.


def GpioQueryStop(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_STOP_DEVICE: hold requests from now on; the waits for pins stay queued."""
    extension: GpioExtension = device.device_extension
    irql = KeAcquireSpinLock(extension.lock)
    extension.stopping = True
    KeReleaseSpinLock(extension.lock, irql)
    return _succeed(device, irp)


def GpioCancelStop(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_CANCEL_STOP_DEVICE: go on when the drivers below do."""
    irp.io_status.status = STATUS_SUCCESS
    status = _forward(device, irp)
    _go_on(device)
    return _complete(device, irp, status)


def GpioStop(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_STOP_DEVICE: let the device not interrupt, and give the hardware back."""
    extension: GpioExtension = device.device_extension
    irql = KeAcquireSpinLock(extension.lock)
    _mask_pins(extension)
    KeReleaseSpinLock(extension.lock, irql)
    KeFlushQueuedDpcs()
    GpioReleaseHardware(extension)
    return _succeed(device, irp)


def _go_on(device: DEVICE_OBJECT) -> None:
    """Set the device up again, enable the pins that are waited for, and carry out the requests that were held."""
    extension: GpioExtension = device.device_extension
    irql = KeAcquireSpinLock(extension.lock)
    extension.stopping = False
    if extension.powered and extension.interrupt is not None and not extension.gone:
        restore_registers(extension)
        extension.wanted = 0
        KeSynchronizeExecution(extension.interrupt, enable_pins, extension)
    KeReleaseSpinLock(extension.lock, irql)
    GpioCarryOutHeld(device)


# Removal.


def GpioSurpriseRemoval(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_SURPRISE_REMOVAL: end all requests; no program finds the device by its interface any more.

    The interrupt is given back now, since other devices of a shared line would have the ISR called for a device that is
    gone. The rest stays until the removal.
    """
    extension: GpioExtension = device.device_extension
    _end_requests(extension)
    IoSetDeviceInterfaceState(extension.interface_name, False)
    interrupt = _take_interrupt(extension)
    if interrupt is not None:
        KeFlushQueuedDpcs()
        IoDisconnectInterrupt(interrupt)
    return _succeed(device, irp)


def GpioQueryCapabilities(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_CAPABILITIES: learn which states of the device go with those of the system."""
    extension: GpioExtension = device.device_extension
    status = _forward(device, irp)
    capabilities = IoGetCurrentIrpStackLocation(irp).parameters.device_capabilities.capabilities
    if NT_SUCCESS(status) and capabilities is not None:
        extension.device_states = list(capabilities.device_state)
    return _complete(device, irp, status)


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
    """Give back the resources that the extension has."""
    interrupt = _take_interrupt(extension)
    if interrupt is not None:
        IoDisconnectInterrupt(interrupt)
    if extension.registers:
        MmUnmapIoSpace(extension.registers, extension.registers_length)
        extension.registers = 0


def _take_interrupt(extension: GpioExtension) -> KINTERRUPT | None:
    """Mask the pins, and take the interrupt from all who use it under the lock, so that it can be disconnected."""
    irql = KeAcquireSpinLock(extension.lock)
    _mask_pins(extension)
    interrupt, extension.interrupt = extension.interrupt, None
    KeReleaseSpinLock(extension.lock, irql)
    return interrupt


def _mask_pins(extension: GpioExtension) -> None:
    """Let no pin interrupt, if the device can be used. The caller holds the lock."""
    if extension.interrupt is not None and extension.powered:
        mask = extension.registers + regs.INTERRUPT_MASK_CLEAR.offset
        WRITE_REGISTER_ULONG(mask, regs.INTERRUPT_MASK_CLEAR.PINS)


def GpioRemove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_REMOVE_DEVICE: end all requests, give the hardware back, pass down, delete the device."""
    extension: GpioExtension = device.device_extension
    IoSetDeviceInterfaceState(extension.interface_name, False)
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
    """Delete the names and the device object."""
    extension: GpioExtension = device.device_extension
    RtlFreeUnicodeString(extension.interface_name)
    IoDeleteSymbolicLink(f"{DOS_DEVICE_NAME}{extension.number}")
    IoDeleteDevice(device)


_REQUESTS: dict[int, Callable[[DEVICE_OBJECT, IRP], int]] = {
    IRP_MN_START_DEVICE: GpioStart,
    IRP_MN_QUERY_STOP_DEVICE: GpioQueryStop,
    IRP_MN_CANCEL_STOP_DEVICE: GpioCancelStop,
    IRP_MN_STOP_DEVICE: GpioStop,
    IRP_MN_QUERY_REMOVE_DEVICE: _succeed,
    IRP_MN_CANCEL_REMOVE_DEVICE: _succeed,
    IRP_MN_SURPRISE_REMOVAL: GpioSurpriseRemoval,
    IRP_MN_REMOVE_DEVICE: GpioRemove,
    IRP_MN_QUERY_CAPABILITIES: GpioQueryCapabilities,
    IRP_MN_DEVICE_USAGE_NOTIFICATION: GpioUsage,
}
"""The routines for the requests, by minor function."""
