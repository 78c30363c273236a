# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Entry points of the store driver: load, add a device, open and close it, queue requests."""

from __future__ import annotations

import struct

from dirql.drivers.store.cancel import StoreCancelFile, StoreCancelQueued, StoreTimeout
from dirql.drivers.store.device import StoreReadClocks
from dirql.drivers.store.extension import StoreExtension
from dirql.drivers.store.interface import (
    DEVICE_NAME,
    DOS_DEVICE_NAME,
    GUID_DEVINTERFACE_STORE,
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_RAISE,
    IOCTL_STORE_SET_MODE,
    IOCTL_STORE_SET_TIMING,
    Statistics,
    Timing,
    TransferMode,
)
from dirql.drivers.store.interrupt import StoreDpcForIsr
from dirql.drivers.store.plugplay import StoreDeleteDevice, StorePnp
from dirql.drivers.store.polling import StorePollDpc
from dirql.drivers.store.power import StoreGoDownDpc, StorePower
from dirql.drivers.store.transfer import StoreStartIo, request_range
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DO_DIRECT_IO,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    IO_NO_INCREMENT,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_POWER,
    IRP_MJ_READ,
    IRP_MJ_SYSTEM_CONTROL,
    IRP_MJ_WRITE,
    NT_SUCCESS,
    STATUS_BUFFER_TOO_SMALL,
    STATUS_DEVICE_DOES_NOT_EXIST,
    STATUS_DEVICE_NOT_READY,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_NAME_COLLISION,
    STATUS_PENDING,
    STATUS_SUCCESS,
    IoAcquireRemoveLock,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCreateDevice,
    IoCreateSymbolicLink,
    IoDeleteDevice,
    IoDetachDevice,
    IoGetCurrentIrpStackLocation,
    IoInitializeDpcRequest,
    IoInitializeRemoveLock,
    IoMarkIrpPending,
    IoRegisterDeviceInterface,
    IoReleaseRemoveLock,
    IoSkipCurrentIrpStackLocation,
    IoStartPacket,
    KeInitializeDpc,
    KeInitializeEvent,
    KeInitializeSpinLock,
    KeInitializeTimer,
    NotificationEvent,
    RtlReadMemory,
    RtlWriteMemory,
)

__all__ = ["DriverEntry"]


def DriverEntry(driver_object: DRIVER_OBJECT, registry_path: str) -> int:
    """Tell the I/O manager which routine serves which request."""
    del registry_path
    driver_object.driver_extension.add_device = StoreAddDevice
    driver_object.driver_unload = StoreUnload
    driver_object.driver_start_io = StoreStartIo
    table = driver_object.major_function
    table[IRP_MJ_CREATE] = StoreCreateClose
    table[IRP_MJ_CLOSE] = StoreCreateClose
    table[IRP_MJ_CLEANUP] = StoreCleanup
    table[IRP_MJ_READ] = StoreReadWrite
    table[IRP_MJ_WRITE] = StoreReadWrite
    table[IRP_MJ_DEVICE_CONTROL] = StoreDeviceControl
    table[IRP_MJ_PNP] = StorePnp
    table[IRP_MJ_POWER] = StorePower
    table[IRP_MJ_SYSTEM_CONTROL] = StorePassDown
    return STATUS_SUCCESS


def StoreUnload(driver_object: DRIVER_OBJECT) -> None:
    """Nothing is left to do: IRP_MN_REMOVE_DEVICE has deleted each device."""
    del driver_object


def StoreAddDevice(driver_object: DRIVER_OBJECT, physical_device_object: DEVICE_OBJECT) -> int:
    """Put a device object on the stack of a device that Plug and Play found."""
    status, device, number = _create_numbered_device(driver_object)
    if device is None:
        return status
    status = IoCreateSymbolicLink(f"{DOS_DEVICE_NAME}{number}", f"{DEVICE_NAME}{number}")
    if not NT_SUCCESS(status):
        IoDeleteDevice(device)
        return status
    extension: StoreExtension = device.device_extension
    extension.number = number
    extension.physical_device_object = physical_device_object
    IoInitializeRemoveLock(extension.remove_lock, "Stor", 0, 0)
    KeInitializeSpinLock(extension.request_lock)
    KeInitializeTimer(extension.watchdog)
    KeInitializeDpc(extension.watchdog_dpc, StoreTimeout, device)
    KeInitializeTimer(extension.poll_timer)
    KeInitializeDpc(extension.poll_dpc, StorePollDpc, device)
    KeInitializeDpc(extension.power_dpc, StoreGoDownDpc, device)
    KeInitializeEvent(extension.quiet, NotificationEvent, False)
    IoInitializeDpcRequest(device, StoreDpcForIsr)

    lower = IoAttachDeviceToDeviceStack(device, physical_device_object)
    if lower is None:
        StoreDeleteDevice(device)
        return STATUS_NO_SUCH_DEVICE
    extension.lower_device_object = lower
    status = IoRegisterDeviceInterface(
        physical_device_object, GUID_DEVINTERFACE_STORE, None, extension.interface_name
    )
    if not NT_SUCCESS(status):
        IoDetachDevice(lower)
        StoreDeleteDevice(device)
        return status
    device.flags |= DO_DIRECT_IO | lower.flags & (DO_POWER_PAGABLE | DO_POWER_INRUSH)
    device.flags &= ~DO_DEVICE_INITIALIZING
    return STATUS_SUCCESS


def _create_numbered_device(driver_object: DRIVER_OBJECT) -> tuple[int, DEVICE_OBJECT | None, int]:
    """Create a device object with the first number that no other device has: (status, device, number)."""
    number = 0
    while True:
        name = f"{DEVICE_NAME}{number}"
        status, device = IoCreateDevice(driver_object, StoreExtension, name, FILE_DEVICE_UNKNOWN, 0, False)
        if status != STATUS_OBJECT_NAME_COLLISION:
            return status, device, number
        number += 1


def StorePassDown(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Hand a request that this driver does not handle to the driver below, which stays until it has returned."""
    extension: StoreExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return complete(irp, status)
    IoSkipCurrentIrpStackLocation(irp)
    status = IoCallDriver(extension.lower_device_object, irp)
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def complete(irp: IRP, status: int, information: int = 0) -> int:
    """Complete a request that was never queued; returns the status for the dispatch routine to return."""
    irp.io_status.status = status
    irp.io_status.information = information
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def StoreCreateClose(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Let every program open the device, any number of times."""
    del device
    return complete(irp, STATUS_SUCCESS)


def StoreReadWrite(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Check a read or a write and queue it."""
    extension: StoreExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return complete(irp, status)
    length, offset = request_range(IoGetCurrentIrpStackLocation(irp))
    if extension.hardware is None and not extension.stopping:
        status = _without_hardware(extension)
    elif offset < 0 or offset + length > extension.device_bytes:
        status = STATUS_INVALID_PARAMETER
    if not NT_SUCCESS(status) or length == 0:
        IoReleaseRemoveLock(extension.remove_lock, irp)
        return complete(irp, status)
    return StoreQueue(device, irp)


def _without_hardware(extension: StoreExtension) -> int:
    """The status of a request that needs the device, when the driver does not have it."""
    return STATUS_DEVICE_DOES_NOT_EXIST if extension.gone else STATUS_DEVICE_NOT_READY


def StoreQueue(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Hand a request to StartIo, now or after the requests that wait already."""
    IoMarkIrpPending(irp)
    IoStartPacket(device, irp, None, StoreCancelQueued)
    return STATUS_PENDING


def StoreDeviceControl(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Answer a control code of `interface` at once, or queue IOCTL_STORE_RAISE."""
    extension: StoreExtension = device.device_extension
    status = IoAcquireRemoveLock(extension.remove_lock, irp)
    if not NT_SUCCESS(status):
        return complete(irp, status)
    code = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control.io_control_code
    if code == IOCTL_STORE_RAISE and (extension.hardware is not None or extension.stopping):
        return StoreQueue(device, irp)
    try:
        status, information = _control(extension, irp, code)
    except (struct.error, ValueError):
        status, information = STATUS_INVALID_PARAMETER, 0
    IoReleaseRemoveLock(extension.remove_lock, irp)
    return complete(irp, status, information)


def _control(extension: StoreExtension, irp: IRP, code: int) -> tuple[int, int]:
    """Answer a control code at once: (status, bytes of output)."""
    parameters = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    buffer = irp.associated_irp.system_buffer
    data = RtlReadMemory(buffer, parameters.input_buffer_length) if buffer is not None else b""
    if code == IOCTL_STORE_SET_MODE:
        mode = TransferMode(*struct.unpack("<I", data))
        hardware = extension.hardware
        if mode is TransferMode.DMA and hardware is not None and hardware.dma is None:
            return STATUS_NOT_SUPPORTED, 0
        extension.mode = mode
    elif code == IOCTL_STORE_SET_TIMING:
        extension.timing = Timing.unpack(data)
    elif code == IOCTL_STORE_GET_STATISTICS:
        answer = _statistics(extension).pack()
        if buffer is None or parameters.output_buffer_length < len(answer):
            return STATUS_BUFFER_TOO_SMALL, 0
        RtlWriteMemory(buffer, answer)
        return STATUS_SUCCESS, len(answer)
    elif code == IOCTL_STORE_RAISE:
        return _without_hardware(extension), 0
    else:
        return STATUS_INVALID_DEVICE_REQUEST, 0
    return STATUS_SUCCESS, 0


def _statistics(extension: StoreExtension) -> Statistics:
    data_clocks, busy_clocks = StoreReadClocks(extension)
    return Statistics(
        device_bytes=extension.device_bytes,
        requests=extension.requests,
        interrupts=extension.interrupts,
        data_clocks=data_clocks,
        busy_clocks=busy_clocks,
        timeouts=extension.timeouts,
        errors=extension.errors,
    )


def StoreCleanup(device: DEVICE_OBJECT, irp: IRP) -> int:
    """The last handle of a file object was closed: cancel the requests of the file object."""
    StoreCancelFile(device, IoGetCurrentIrpStackLocation(irp).file_object)
    return complete(irp, STATUS_SUCCESS)
