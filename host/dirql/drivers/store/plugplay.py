# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play for the store driver: start with the resources given, stop, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.drivers.store import interrupt, transfer
from dirql.drivers.store.interface import DOS_DEVICE_NAME
from dirql.registers import store as regs
from dirql.wdm import (
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_LIST,
    DEVICE_DESCRIPTION,
    DEVICE_DESCRIPTION_VERSION,
    IO_NO_INCREMENT,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    NT_SUCCESS,
    PAGE_SIZE,
    POOL_FLAG_NON_PAGED,
    POOL_TAG,
    READ_REGISTER_ULONG,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
    ExAllocatePool2,
    ExFreePoolWithTag,
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
    IoGetDmaAdapter,
    IoReleaseRemoveLock,
    IoReleaseRemoveLockAndWait,
    IoSkipCurrentIrpStackLocation,
    KeCancelTimer,
    KeFlushQueuedDpcs,
    Latched,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    PCIBus,
)

if TYPE_CHECKING:
    from dirql.drivers.store.extension import StoreExtension
    from dirql.wdm import CM_PARTIAL_RESOURCE_DESCRIPTOR, DEVICE_OBJECT, IRP

__all__ = ["StoreDeleteDevice", "StorePnp"]

STORE_TAG = POOL_TAG("Stor")


def StorePnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_PNP: START is handled on its way up, all others on their way down."""
    extension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    minor = IoGetCurrentIrpStackLocation(irp).minor_function
    if minor == IRP_MN_START_DEVICE:
        return StoreStart(device, irp)
    if minor == IRP_MN_REMOVE_DEVICE:
        return StoreRemove(device, irp)
    if minor == IRP_MN_SURPRISE_REMOVAL:
        transfer.StoreDeviceGone(device)
    if minor == IRP_MN_QUERY_STOP_DEVICE:
        # We cannot hold requests back while resources change, so we are not stopped.
        irp.io_status.status = STATUS_UNSUCCESSFUL
        IoReleaseRemoveLock(extension.remove_lock, irp)
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return STATUS_UNSUCCESSFUL
    if minor in _SUCCEED:
        irp.io_status.status = STATUS_SUCCESS
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(extension.lower_device_object, irp)


_SUCCEED = (
    IRP_MN_SURPRISE_REMOVAL,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_CANCEL_REMOVE_DEVICE,
)


def StoreStart(device: DEVICE_OBJECT, irp: IRP) -> int:
    """The bus driver starts first; then the device is ours to set up."""
    extension = device.device_extension
    IoForwardIrpSynchronously(extension.lower_device_object, irp)
    status = irp.io_status.status
    if NT_SUCCESS(status):
        resources = IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
        if isinstance(resources, CM_RESOURCE_LIST):
            status = StoreAcquireHardware(device, resources)
        else:
            status = STATUS_DEVICE_CONFIGURATION_ERROR
        if not NT_SUCCESS(status):
            StoreReleaseHardware(extension)
    irp.io_status.status = status
    IoReleaseRemoveLock(extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def StoreAcquireHardware(device: DEVICE_OBJECT, resources: CM_RESOURCE_LIST) -> int:
    """Map the registers, find the FIFO's port, connect the interrupt and get a DMA adapter."""
    extension = device.device_extension
    descriptors = resources.list[0].partial_resource_list.partial_descriptors
    memory = [entry.u.memory for entry in descriptors if entry.type == CmResourceTypeMemory]
    ports = [entry.u.port for entry in descriptors if entry.type == CmResourceTypePort]
    interrupts = [entry for entry in descriptors if entry.type == CmResourceTypeInterrupt]
    if not memory or not ports or not interrupts:
        return STATUS_DEVICE_CONFIGURATION_ERROR

    registers = MmMapIoSpace(memory[0].start, memory[0].length, MmNonCached)
    if registers is None:
        return STATUS_INSUFFICIENT_RESOURCES
    extension.registers, extension.registers_length = registers, memory[0].length
    extension.fifo_port = ports[0].start
    if READ_REGISTER_ULONG(registers + regs.ID.offset) != regs.ID.reset:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    features = regs.FEATURES.unpack(READ_REGISTER_ULONG(registers + regs.FEATURES.offset))
    extension.device_bytes = 1 << features.buffer_log2
    extension.fifo_dwords = 1 << features.fifo_log2
    tail = ExAllocatePool2(POOL_FLAG_NON_PAGED, 4, STORE_TAG)
    if tail is None:
        return STATUS_INSUFFICIENT_RESOURCES
    extension.fifo_tail = tail

    status = _get_dma_adapter(extension)
    if NT_SUCCESS(status):
        status = _connect_interrupt(device, interrupts[0])
    extension.started = NT_SUCCESS(status)
    return status


def _get_dma_adapter(extension: StoreExtension) -> int:
    description = DEVICE_DESCRIPTION(
        version=DEVICE_DESCRIPTION_VERSION,
        master=True,
        scatter_gather=True,
        dma32_bit_addresses=True,
        interface_type=PCIBus,
        maximum_length=extension.device_bytes,
    )
    adapter, _map_registers = IoGetDmaAdapter(extension.physical_device_object, description)
    if adapter is None:
        return STATUS_INSUFFICIENT_RESOURCES
    extension.dma_adapter, extension.has_dma_adapter = adapter, True
    descriptors, logical = adapter.dma_operations.allocate_common_buffer(adapter, PAGE_SIZE, True)
    if descriptors is None or logical is None:
        return STATUS_INSUFFICIENT_RESOURCES
    extension.descriptors, extension.descriptors_logical = descriptors, logical
    return STATUS_SUCCESS


def _connect_interrupt(device: DEVICE_OBJECT, resource: CM_PARTIAL_RESOURCE_DESCRIPTOR) -> int:
    """The device's line becomes what the resource says: latched (messages are), or level."""
    extension = device.device_extension
    latched = bool(resource.flags & CM_RESOURCE_INTERRUPT_LATCHED)
    extension.interrupt_control = regs.INTERRUPT_CONTROL.LATCHED if latched else 0
    transfer.reset_device(extension)
    status, connected = IoConnectInterrupt(
        interrupt.StoreInterruptService,
        device,
        None,
        resource.u.interrupt.vector,
        resource.u.interrupt.level,
        resource.u.interrupt.level,
        Latched if latched else LevelSensitive,
        not latched,
        resource.u.interrupt.affinity,
        False,
    )
    if connected is not None:
        extension.interrupt, extension.interrupt_connected = connected, True
    return status


def StoreReleaseHardware(extension: StoreExtension) -> None:
    """Undo what `StoreAcquireHardware` did, as far as it came."""
    extension.started = False
    if extension.interrupt_connected:
        transfer.reset_device(extension)
        IoDisconnectInterrupt(extension.interrupt)
        extension.interrupt_connected = False
    if extension.has_dma_adapter:
        operations = extension.dma_adapter.dma_operations
        if extension.descriptors:
            operations.free_common_buffer(
                extension.dma_adapter, PAGE_SIZE, extension.descriptors_logical, extension.descriptors, True
            )
            extension.descriptors = 0
        operations.put_dma_adapter(extension.dma_adapter)
        extension.has_dma_adapter = False
    if extension.fifo_tail:
        ExFreePoolWithTag(extension.fifo_tail, STORE_TAG)
        extension.fifo_tail = 0
    if extension.registers:
        MmUnmapIoSpace(extension.registers, extension.registers_length)
        extension.registers = 0


def StoreRemove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """The device goes: wait for what is under way, pass the IRP down, then delete our device object."""
    extension = device.device_extension
    IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    KeCancelTimer(extension.watchdog)
    KeCancelTimer(extension.poll_timer)
    KeFlushQueuedDpcs()
    StoreReleaseHardware(extension)
    irp.io_status.status = STATUS_SUCCESS
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoDetachDevice(extension.lower_device_object)
    StoreDeleteDevice(device)
    return status


def StoreDeleteDevice(device: DEVICE_OBJECT) -> None:
    """Take back the names and the device object."""
    IoDeleteSymbolicLink(DOS_DEVICE_NAME)
    IoDeleteDevice(device)
