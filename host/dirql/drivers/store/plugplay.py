# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play for the store driver: start with the given resources, and remove."""

from __future__ import annotations

from collections.abc import Callable

from dirql.drivers.store.cancel import StoreDeviceGone
from dirql.drivers.store.device import StoreReadClocks, reset_device
from dirql.drivers.store.extension import Dma, Fifo, Hardware, Registers, StoreExtension
from dirql.drivers.store.interface import DOS_DEVICE_NAME, TransferMode
from dirql.drivers.store.interrupt import StoreInterruptService
from dirql.drivers.store.stopping import StoreGoOn, StoreHoldRequests
from dirql.registers import store as regs
from dirql.wdm import (
    CM_PARTIAL_RESOURCE_DESCRIPTOR,
    CM_RESOURCE_INTERRUPT_LATCHED,
    CM_RESOURCE_LIST,
    DEVICE_DESCRIPTION,
    DEVICE_DESCRIPTION_VERSION,
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IRP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_CANCEL_STOP_DEVICE,
    IRP_MN_DEVICE_USAGE_NOTIFICATION,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_PNP_DEVICE_STATE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_QUERY_STOP_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_START_DEVICE,
    IRP_MN_STOP_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    KINTERRUPT,
    NT_SUCCESS,
    PAGE_SIZE,
    PNP_DEVICE_NOT_DISABLEABLE,
    POOL_FLAG_NON_PAGED,
    POOL_TAG,
    POWER_STATE,
    READ_REGISTER_ULONG,
    STATUS_DEVICE_CONFIGURATION_ERROR,
    STATUS_INSUFFICIENT_RESOURCES,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    CmResourceShareShared,
    CmResourceTypeInterrupt,
    CmResourceTypeMemory,
    CmResourceTypePort,
    DevicePowerState,
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
    IoInvalidateDeviceState,
    IoReleaseRemoveLock,
    IoReleaseRemoveLockAndWait,
    IoSetDeviceInterfaceState,
    IoSkipCurrentIrpStackLocation,
    KeAcquireSpinLock,
    KeCancelTimer,
    KeFlushQueuedDpcs,
    KeReleaseSpinLock,
    Latched,
    LevelSensitive,
    MmMapIoSpace,
    MmNonCached,
    MmUnmapIoSpace,
    PCIBus,
    PoSetPowerState,
    PowerDeviceD0,
    RtlFreeUnicodeString,
)

__all__ = ["StoreDeleteDevice", "StorePnp"]

STORE_TAG = POOL_TAG("Stor")


def StorePnp(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MJ_PNP: a request is handled before or after the drivers below, as its kind wants it.

    Each routine releases the remove lock. A request that has none is passed down as it is.
    """
    extension: StoreExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        irp.io_status.status = status
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return status
    minor = IoGetCurrentIrpStackLocation(irp).minor_function
    return _REQUESTS.get(minor, _pass_down)(device, irp)


def _pass_down(device: DEVICE_OBJECT, irp: IRP) -> int:
    extension: StoreExtension = device.device_extension
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


# Stop, for other resources.


def StoreQueryStop(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_STOP_DEVICE: hold requests, unless a paging file or the like is on the device."""
    if device.device_extension.special_files:
        return _complete(device, irp, STATUS_UNSUCCESSFUL)
    StoreHoldRequests(device)
    return _succeed(device, irp)


def StoreCancelStop(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_CANCEL_STOP_DEVICE: go on when the drivers below do. It also comes when the query has not come here."""
    irp.io_status.status = STATUS_SUCCESS
    status = _forward(device, irp)
    StoreGoOn(device)
    return _complete(device, irp, status)


def StoreStop(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_STOP_DEVICE: give the hardware back; requests are held still."""
    extension: StoreExtension = device.device_extension
    extension.kept_clocks = StoreReadClocks(extension)
    KeFlushQueuedDpcs()
    StoreReleaseHardware(extension)
    return _succeed(device, irp)


def StoreUsage(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_DEVICE_USAGE_NOTIFICATION: count the special files, and have the manager ask for the state again."""
    extension: StoreExtension = device.device_extension
    status = _forward(device, irp)
    if NT_SUCCESS(status):
        comes = IoGetCurrentIrpStackLocation(irp).parameters.usage_notification.in_path
        extension.special_files += 1 if comes else -1
        IoInvalidateDeviceState(extension.physical_device_object)
    return _complete(device, irp, status)


def StoreQueryState(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_PNP_DEVICE_STATE: a device with a special file must not be disabled."""
    if not device.device_extension.special_files:
        return _pass_down(device, irp)
    irp.io_status.information |= PNP_DEVICE_NOT_DISABLEABLE
    return _succeed(device, irp)


def StoreQueryRemove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_REMOVE_DEVICE: agree, unless a special file is on the device."""
    if device.device_extension.special_files:
        return _complete(device, irp, STATUS_UNSUCCESSFUL)
    return _succeed(device, irp)


def StoreSurpriseRemoval(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_SURPRISE_REMOVAL: end all requests; no program finds the device by its interface any more.

    The interrupt is given back now, since other devices of a shared line would have the ISR called for a device that is
    gone. The rest stays until the removal.
    """
    extension: StoreExtension = device.device_extension
    StoreDeviceGone(device)
    IoSetDeviceInterfaceState(extension.interface_name, False)
    interrupt = extension.interrupt
    if interrupt is not None:
        KeFlushQueuedDpcs()
        IoDisconnectInterrupt(interrupt)
        extension.interrupt = None
    return _succeed(device, irp)


def StoreStart(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_START_DEVICE: let the bus driver start the device, then get the resources and connect the interrupt.

    After a stop the requests that were held go on.
    """
    extension: StoreExtension = device.device_extension
    status = _forward(device, irp)
    if NT_SUCCESS(status):
        resources = IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources_translated
        status = StoreAcquireHardware(device, resources)
        if NT_SUCCESS(status):
            IoSetDeviceInterfaceState(extension.interface_name, True)
            if extension.stopping:
                StoreGoOn(device)
        else:
            StoreReleaseHardware(extension)
    return _complete(device, irp, status)


def StoreQueryCapabilities(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_QUERY_CAPABILITIES: learn which states of the device go with those of the system."""
    extension: StoreExtension = device.device_extension
    status = _forward(device, irp)
    capabilities = IoGetCurrentIrpStackLocation(irp).parameters.device_capabilities.capabilities
    if NT_SUCCESS(status) and capabilities is not None:
        extension.device_states = list(capabilities.device_state)
    return _complete(device, irp, status)


def StoreAcquireHardware(device: DEVICE_OBJECT, resources: CM_RESOURCE_LIST | None) -> int:
    """Get all resources of the device. After a failure the caller gives back those that the extension has."""
    extension: StoreExtension = device.device_extension
    descriptors = resources.list[0].partial_resource_list.partial_descriptors if resources is not None else ()
    memory = [entry for entry in descriptors if entry.type == CmResourceTypeMemory]
    ports = [entry for entry in descriptors if entry.type == CmResourceTypePort]
    interrupts = [entry for entry in descriptors if entry.type == CmResourceTypeInterrupt]
    if not memory or not ports or not interrupts:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    extension.registers = registers = _map_registers(memory[0])
    if registers is None:
        return STATUS_INSUFFICIENT_RESOURCES
    if READ_REGISTER_ULONG(registers.address + regs.ID.offset) != regs.ID.reset:
        return STATUS_DEVICE_CONFIGURATION_ERROR
    features = regs.FEATURES.unpack(READ_REGISTER_ULONG(registers.address + regs.FEATURES.offset))
    extension.device_bytes = 1 << features.buffer_log2
    extension.fifo = fifo = _get_fifo(ports[0], 1 << features.fifo_log2)
    if fifo is None:
        return STATUS_INSUFFICIENT_RESOURCES
    if features.pio_only:
        if extension.mode is TransferMode.DMA:
            extension.mode = TransferMode.POLLED
    else:
        extension.dma = _get_dma(extension)
        if extension.dma is None:
            return STATUS_INSUFFICIENT_RESOURCES
    latched = bool(interrupts[0].flags & CM_RESOURCE_INTERRUPT_LATCHED)
    extension.interrupt_control = regs.INTERRUPT_CONTROL.LATCHED if latched else 0
    reset_device(extension, registers, fifo)
    status, interrupt = _connect_interrupt(device, interrupts[0], latched)
    if interrupt is not None:
        extension.interrupt = interrupt
        extension.hardware = Hardware(registers, fifo, extension.dma, interrupt)
        extension.powered = True
        PoSetPowerState(device, DevicePowerState, POWER_STATE(device_state=PowerDeviceD0))
    return status


def _map_registers(resource: CM_PARTIAL_RESOURCE_DESCRIPTOR) -> Registers | None:
    memory = resource.u.memory
    address = MmMapIoSpace(memory.start, memory.length, MmNonCached)
    return None if address is None else Registers(address, memory.length)


def _get_fifo(resource: CM_PARTIAL_RESOURCE_DESCRIPTOR, dwords: int) -> Fifo | None:
    tail = ExAllocatePool2(POOL_FLAG_NON_PAGED, 4, STORE_TAG)
    return None if tail is None else Fifo(resource.u.port.start, dwords, tail)


def _get_dma(extension: StoreExtension) -> Dma | None:
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
        return None
    descriptors, logical = adapter.dma_operations.allocate_common_buffer(adapter, PAGE_SIZE, True)
    if descriptors is None or logical is None:
        adapter.dma_operations.put_dma_adapter(adapter)
        return None
    return Dma(adapter, descriptors, logical)


def _connect_interrupt(
    device: DEVICE_OBJECT, resource: CM_PARTIAL_RESOURCE_DESCRIPTOR, latched: bool
) -> tuple[int, KINTERRUPT | None]:
    """Connect the ISR as the resource says: lines may be shared, a message is the device's own."""
    where = resource.u.interrupt
    return IoConnectInterrupt(
        StoreInterruptService,
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


def StoreReleaseHardware(extension: StoreExtension) -> None:
    """Give back the resources that the extension has. A device that is gone is not touched."""
    old_irql = KeAcquireSpinLock(extension.request_lock)
    extension.hardware = None  # under the lock, so that no power IRP uses the device any more
    interrupt = extension.interrupt
    is_usable = interrupt is not None and extension.powered and not extension.gone
    if is_usable and extension.registers is not None and extension.fifo is not None:
        reset_device(extension, extension.registers, extension.fifo)
    extension.interrupt = None
    KeReleaseSpinLock(extension.request_lock, old_irql)
    if interrupt is not None:
        IoDisconnectInterrupt(interrupt)
    if extension.dma is not None:
        dma = extension.dma
        operations = dma.adapter.dma_operations
        operations.free_common_buffer(dma.adapter, PAGE_SIZE, dma.descriptors_logical, dma.descriptors, True)
        operations.put_dma_adapter(dma.adapter)
        extension.dma = None
    if extension.fifo is not None:
        ExFreePoolWithTag(extension.fifo.tail, STORE_TAG)
        extension.fifo = None
    old_irql = KeAcquireSpinLock(extension.request_lock)
    registers, extension.registers = extension.registers, None
    KeReleaseSpinLock(extension.request_lock, old_irql)
    if registers is not None:
        MmUnmapIoSpace(registers.address, registers.length)


def StoreRemove(device: DEVICE_OBJECT, irp: IRP) -> int:
    """IRP_MN_REMOVE_DEVICE: wait for outstanding requests, give the hardware back, pass down, delete the device."""
    extension: StoreExtension = device.device_extension
    IoSetDeviceInterfaceState(extension.interface_name, False)
    if not extension.powered:
        StoreDeviceGone(device)
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
    """Delete the names and the device object."""
    extension: StoreExtension = device.device_extension
    RtlFreeUnicodeString(extension.interface_name)
    IoDeleteSymbolicLink(f"{DOS_DEVICE_NAME}{extension.number}")
    IoDeleteDevice(device)


_REQUESTS: dict[int, Callable[[DEVICE_OBJECT, IRP], int]] = {
    IRP_MN_START_DEVICE: StoreStart,
    IRP_MN_QUERY_STOP_DEVICE: StoreQueryStop,
    IRP_MN_CANCEL_STOP_DEVICE: StoreCancelStop,
    IRP_MN_STOP_DEVICE: StoreStop,
    IRP_MN_QUERY_REMOVE_DEVICE: StoreQueryRemove,
    IRP_MN_CANCEL_REMOVE_DEVICE: _succeed,
    IRP_MN_SURPRISE_REMOVAL: StoreSurpriseRemoval,
    IRP_MN_REMOVE_DEVICE: StoreRemove,
    IRP_MN_QUERY_CAPABILITIES: StoreQueryCapabilities,
    IRP_MN_QUERY_PNP_DEVICE_STATE: StoreQueryState,
    IRP_MN_DEVICE_USAGE_NOTIFICATION: StoreUsage,
}
"""The routines for the requests, by minor function."""
