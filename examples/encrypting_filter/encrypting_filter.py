# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A filter above the first store device that encrypts what is written, and decrypts what is read.

The filter never changes the caller's data: the device gets a copy, with an MDL of its own. The cipher is a
demonstration of what a filter does with data, and no protection: see README.md.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from dirql import wdm

TARGET_NAME = r"\Device\Store0"
# Input: the key, 16 to 64 bytes. Without a key nothing can be read or written.
IOCTL_ENCRYPT_SET_KEY = wdm.CTL_CODE(
    wdm.FILE_DEVICE_UNKNOWN, 0x901, wdm.METHOD_BUFFERED, wdm.FILE_WRITE_ACCESS
)
KEY_BYTES = range(16, 65)
ENCRYPT_TAG = wdm.POOL_TAG("Encr")
SECTOR_BYTES = 512
BLOCK_BYTES = 64  # the digest of BLAKE2b


class Extension:
    """The filter's own data about one device that it is attached to."""

    def __init__(self) -> None:
        self.lower_device: wdm.DEVICE_OBJECT
        self.remove_lock = wdm.IO_REMOVE_LOCK()
        self.key = b""


@dataclass(slots=True)
class Copy:
    """The filter's copy of the data of one request, from the dispatch routine to completion."""

    key: bytes
    offset: int  # in the device
    address: int  # of the copy, in nonpaged pool
    mdl: wdm.MDL
    caller_address: int  # the system address of the caller's buffer
    caller_mdl: wdm.MDL
    work_item: wdm.IO_WORKITEM | None  # for a read
    irp: wdm.IRP


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    for major in range(wdm.IRP_MJ_MAXIMUM_FUNCTION + 1):
        driver.major_function[major] = PassDown
    driver.major_function[wdm.IRP_MJ_READ] = Read
    driver.major_function[wdm.IRP_MJ_WRITE] = Write
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.major_function[wdm.IRP_MJ_PNP] = Pnp
    driver.driver_unload = Unload
    return Attach(driver)


def Attach(driver: wdm.DRIVER_OBJECT) -> int:
    """Put a device object on top of the stack of the store device, which must have direct I/O."""
    status, file, target = wdm.IoGetDeviceObjectPointer(TARGET_NAME, wdm.FILE_READ_DATA)
    if file is None or target is None:
        return status
    status, device = wdm.IoCreateDevice(
        driver, Extension, None, target.device_type, target.characteristics, False
    )
    if device is not None:
        wdm.IoInitializeRemoveLock(device.device_extension.remove_lock, "Encr", 0, 0)
        lower = wdm.IoAttachDeviceToDeviceStack(device, target)
        if lower is None:
            wdm.IoDeleteDevice(device)
            status = wdm.STATUS_NO_SUCH_DEVICE
        else:
            device.device_extension.lower_device = lower
            device.flags |= lower.flags & (wdm.DO_BUFFERED_IO | wdm.DO_DIRECT_IO | wdm.DO_POWER_PAGABLE)
            device.flags &= ~wdm.DO_DEVICE_INITIALIZING
    wdm.ObDereferenceObject(file)
    return status


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    while (device := driver.device_object) is not None:
        extension = device.device_extension
        wdm.IoAcquireRemoveLock(extension.remove_lock, driver)
        wdm.IoDetachDevice(extension.lower_device)
        wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, driver)
        wdm.IoDeleteDevice(device)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return status


def PassDown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    extension = device.device_extension
    status = wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    if not wdm.NT_SUCCESS(status):
        return Complete(irp, status)
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(extension.lower_device, irp)
    wdm.IoReleaseRemoveLock(extension.remove_lock, irp)
    return status


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    if request.io_control_code != IOCTL_ENCRYPT_SET_KEY:
        return PassDown(device, irp)
    buffer = irp.associated_irp.system_buffer
    if buffer is None or request.input_buffer_length not in KEY_BYTES:
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    device.device_extension.key = wdm.RtlReadMemory(buffer, request.input_buffer_length)
    wdm.RtlZeroMemory(buffer, request.input_buffer_length)  # the pool shall not keep the key
    return Complete(irp, wdm.STATUS_SUCCESS)


def Pnp(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    if wdm.IoGetCurrentIrpStackLocation(irp).minor_function != wdm.IRP_MN_REMOVE_DEVICE:
        return PassDown(device, irp)
    extension = device.device_extension
    wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    wdm.IoSkipCurrentIrpStackLocation(irp)
    status = wdm.IoCallDriver(extension.lower_device, irp)
    wdm.IoReleaseRemoveLockAndWait(extension.remove_lock, irp)
    wdm.IoDetachDevice(extension.lower_device)
    wdm.IoDeleteDevice(device)
    return status


def Cipher(key: bytes, offset: int, data: bytes) -> bytes:
    """Encrypt or decrypt bytes that lie `offset` bytes into the device.

    The key stream is BLAKE2b in counter mode. Each sector has a stream of its own, because its number is the salt, so
    that equal sectors look different, and a part of a sector can be read alone.
    """
    blocks = range(offset // BLOCK_BYTES, -(-(offset + len(data)) // BLOCK_BYTES))
    stream = b"".join(_block(key, number * BLOCK_BYTES) for number in blocks)
    begin = offset % BLOCK_BYTES
    mask = int.from_bytes(stream[begin : begin + len(data)], "little")
    return (int.from_bytes(data, "little") ^ mask).to_bytes(len(data), "little")


def _block(key: bytes, offset: int) -> bytes:
    sector, place = divmod(offset, SECTOR_BYTES)
    return hashlib.blake2b(struct.pack("<Q", place), key=key, salt=struct.pack("<QQ", sector, 0)).digest()


def MakeCopy(device: wdm.DEVICE_OBJECT, irp: wdm.IRP, is_read: bool) -> tuple[int, Copy | None]:
    """Make room for a copy of the request's data, and everything that completion needs: it must not fail there."""
    extension = device.device_extension
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.read  # that of a write has the same layout
    caller_mdl = irp.mdl_address
    if not extension.key:
        return wdm.STATUS_INVALID_DEVICE_STATE, None
    if caller_mdl is None:
        return wdm.STATUS_SUCCESS, None
    caller_address = wdm.MmGetSystemAddressForMdlSafe(caller_mdl, wdm.NormalPagePriority)
    if caller_address is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES, None
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, request.length, ENCRYPT_TAG)
    if address is None:
        return wdm.STATUS_INSUFFICIENT_RESOURCES, None
    mdl = wdm.IoAllocateMdl(address, request.length, False, False, None)
    work_item = wdm.IoAllocateWorkItem(device) if is_read else None
    if mdl is None or (is_read and work_item is None):
        if mdl is not None:
            wdm.IoFreeMdl(mdl)
        if work_item is not None:
            wdm.IoFreeWorkItem(work_item)
        wdm.ExFreePoolWithTag(address, ENCRYPT_TAG)
        return wdm.STATUS_INSUFFICIENT_RESOURCES, None
    wdm.MmBuildMdlForNonPagedPool(mdl)
    copy = Copy(extension.key, request.byte_offset, address, mdl, caller_address, caller_mdl, work_item, irp)
    return wdm.STATUS_SUCCESS, copy


def FreeCopy(copy: Copy) -> None:
    """Give the caller its MDL back, and free the copy. IRQL <= DISPATCH_LEVEL."""
    copy.irp.mdl_address = copy.caller_mdl
    wdm.IoFreeMdl(copy.mdl)
    wdm.ExFreePoolWithTag(copy.address, ENCRYPT_TAG)


def Write(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Send an encrypted copy down in place of the caller's data."""
    extension = device.device_extension
    status = wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    if not wdm.NT_SUCCESS(status):
        return Complete(irp, status)
    status, copy = MakeCopy(device, irp, is_read=False)
    if copy is None:
        wdm.IoReleaseRemoveLock(extension.remove_lock, irp)
        return Complete(irp, status)
    length = wdm.MmGetMdlByteCount(copy.mdl)
    wdm.RtlWriteMemory(
        copy.address, Cipher(copy.key, copy.offset, wdm.RtlReadMemory(copy.caller_address, length))
    )
    irp.mdl_address = copy.mdl
    wdm.IoCopyCurrentIrpStackLocationToNext(irp)
    wdm.IoSetCompletionRoutine(irp, Written, copy, True, True, True)
    return wdm.IoCallDriver(extension.lower_device, irp)


def Written(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
    assert device is not None
    assert isinstance(context, Copy)
    FreeCopy(context)
    if irp.pending_returned:
        wdm.IoMarkIrpPending(irp)
    wdm.IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    return wdm.STATUS_CONTINUE_COMPLETION


def Read(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """Let the device read into a copy. The request is pending in any case: a work item decrypts and completes it."""
    extension = device.device_extension
    status = wdm.IoAcquireRemoveLock(extension.remove_lock, irp)
    if not wdm.NT_SUCCESS(status):
        return Complete(irp, status)
    status, copy = MakeCopy(device, irp, is_read=True)
    if copy is None:
        wdm.IoReleaseRemoveLock(extension.remove_lock, irp)
        return Complete(irp, status)
    irp.mdl_address = copy.mdl
    wdm.IoMarkIrpPending(irp)
    wdm.IoCopyCurrentIrpStackLocationToNext(irp)
    wdm.IoSetCompletionRoutine(irp, ReadDone, copy, True, True, True)
    wdm.IoCallDriver(extension.lower_device, irp)
    return wdm.STATUS_PENDING


def ReadDone(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
    """Take the request back. This may run at DISPATCH_LEVEL, where nobody should decrypt pages of data."""
    assert isinstance(context, Copy)
    assert context.work_item is not None
    wdm.IoQueueWorkItem(context.work_item, Decrypt, wdm.DelayedWorkQueue, context)
    return wdm.STATUS_MORE_PROCESSING_REQUIRED


def Decrypt(device: wdm.DEVICE_OBJECT, context: object) -> None:
    """Decrypt what was read into the caller's buffer, and go on with the completion. PASSIVE_LEVEL."""
    assert isinstance(context, Copy)
    assert context.work_item is not None
    irp = context.irp
    if wdm.NT_SUCCESS(irp.io_status.status):
        data = wdm.RtlReadMemory(context.address, irp.io_status.information)
        wdm.RtlWriteMemory(context.caller_address, Cipher(context.key, context.offset, data))
    FreeCopy(context)
    wdm.IoFreeWorkItem(context.work_item)
    wdm.IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    wdm.IoCompleteRequest(irp, wdm.IO_DISK_INCREMENT)
