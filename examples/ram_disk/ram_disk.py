# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
r"""A RAM disk: a monolithic driver, without hardware below and without Plug and Play, whose sectors are in pool.

DriverEntry makes the device `\\.\RamDisk`, Unload deletes it. The control codes are those of a disk, from ntdddisk.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dirql import wdm

if TYPE_CHECKING:
    from dirql.machine import Machine

DEVICE_NAME = r"\Device\RamDisk"
LINK_NAME = r"\DosDevices\RamDisk"
RAM_DISK_TAG = wdm.POOL_TAG("RDsk")
SECTOR_BYTES = 512
SECTORS_PER_TRACK = 32
TRACKS_PER_CYLINDER = 2
CYLINDERS = 4
DISK_BYTES = SECTOR_BYTES * SECTORS_PER_TRACK * TRACKS_PER_CYLINDER * CYLINDERS

# Output: a DISK_GEOMETRY.
IOCTL_DISK_GET_DRIVE_GEOMETRY = wdm.CTL_CODE(
    wdm.FILE_DEVICE_DISK, 0x00, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS
)
# Output: a GET_LENGTH_INFORMATION, the bytes of the disk as a number of 64 bits.
IOCTL_DISK_GET_LENGTH_INFO = wdm.CTL_CODE(
    wdm.FILE_DEVICE_DISK, 0x17, wdm.METHOD_BUFFERED, wdm.FILE_READ_ACCESS
)
# STATUS_SUCCESS, or STATUS_MEDIA_WRITE_PROTECTED.
IOCTL_DISK_IS_WRITABLE = wdm.CTL_CODE(wdm.FILE_DEVICE_DISK, 0x09, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
# Of this driver alone. Input: one byte, 1 to protect the disk against writes and 0 to end that.
IOCTL_RAM_DISK_PROTECT = wdm.CTL_CODE(wdm.FILE_DEVICE_DISK, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_WRITE_ACCESS)
DISK_GEOMETRY = struct.Struct("<qIIII")  # cylinders, media type, tracks, sectors, bytes
FIXED_MEDIA = 12
GET_LENGTH_INFORMATION = struct.Struct("<q")


class Extension:
    """The disk: the address of its sectors in nonpaged pool, and its write protection."""

    def __init__(self) -> None:
        self.sectors = 0
        self.is_protected = False


def DriverEntry(driver: wdm.DRIVER_OBJECT, registry_path: str) -> int:
    for major in (
        wdm.IRP_MJ_CREATE,
        wdm.IRP_MJ_CLEANUP,
        wdm.IRP_MJ_CLOSE,
        wdm.IRP_MJ_FLUSH_BUFFERS,  # nothing is cached
    ):
        driver.major_function[major] = Succeed
    driver.major_function[wdm.IRP_MJ_READ] = ReadWrite
    driver.major_function[wdm.IRP_MJ_WRITE] = ReadWrite
    driver.major_function[wdm.IRP_MJ_DEVICE_CONTROL] = Control
    driver.driver_unload = Unload
    status, device = wdm.IoCreateDevice(driver, Extension, DEVICE_NAME, wdm.FILE_DEVICE_DISK, 0, False)
    if device is None:
        return status
    device.flags |= wdm.DO_DIRECT_IO
    sectors = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, DISK_BYTES, RAM_DISK_TAG)
    if sectors is None:
        status = wdm.STATUS_INSUFFICIENT_RESOURCES
    else:
        device.device_extension.sectors = sectors
        status = wdm.IoCreateSymbolicLink(LINK_NAME, DEVICE_NAME)
    if not wdm.NT_SUCCESS(status):  # Unload is not called for a driver that fails here
        DeleteDisk(device)
    return status


def Unload(driver: wdm.DRIVER_OBJECT) -> None:
    wdm.IoDeleteSymbolicLink(LINK_NAME)
    if driver.device_object is not None:
        DeleteDisk(driver.device_object)


def DeleteDisk(device: wdm.DEVICE_OBJECT) -> None:
    if device.device_extension.sectors:
        wdm.ExFreePoolWithTag(device.device_extension.sectors, RAM_DISK_TAG)
    wdm.IoDeleteDevice(device)


def Complete(irp: wdm.IRP, status: int, information: int = 0) -> int:
    irp.io_status.status, irp.io_status.information = status, information
    wdm.IoCompleteRequest(irp, wdm.IO_DISK_INCREMENT if information else wdm.IO_NO_INCREMENT)
    return status


def Succeed(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    return Complete(irp, wdm.STATUS_SUCCESS)


def ReadWrite(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    """A disk moves whole sectors that it has, or nothing."""
    stack = wdm.IoGetCurrentIrpStackLocation(irp)
    is_write = stack.major_function == wdm.IRP_MJ_WRITE
    request = stack.parameters.write if is_write else stack.parameters.read
    offset, length = request.byte_offset, request.length
    if offset % SECTOR_BYTES or length % SECTOR_BYTES:
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    # Not `offset + length > DISK_BYTES`: in C the sum can be too large for its type.
    if not 0 <= offset <= DISK_BYTES or length > DISK_BYTES - offset:
        return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
    if is_write and device.device_extension.is_protected:
        return Complete(irp, wdm.STATUS_MEDIA_WRITE_PROTECTED)
    if irp.mdl_address is None:  # no bytes
        return Complete(irp, wdm.STATUS_SUCCESS)
    buffer = wdm.MmGetSystemAddressForMdlSafe(irp.mdl_address, wdm.NormalPagePriority)
    if buffer is None:
        return Complete(irp, wdm.STATUS_INSUFFICIENT_RESOURCES)
    sectors = device.device_extension.sectors + offset
    if is_write:
        wdm.RtlCopyMemory(sectors, buffer, length)
    else:
        wdm.RtlCopyMemory(buffer, sectors, length)
    return Complete(irp, wdm.STATUS_SUCCESS, length)


def Control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
    request = wdm.IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
    extension = device.device_extension
    if request.io_control_code == IOCTL_DISK_GET_DRIVE_GEOMETRY:
        geometry = (CYLINDERS, FIXED_MEDIA, TRACKS_PER_CYLINDER, SECTORS_PER_TRACK, SECTOR_BYTES)
        return Answer(irp, DISK_GEOMETRY.pack(*geometry), request.output_buffer_length)
    if request.io_control_code == IOCTL_DISK_GET_LENGTH_INFO:
        return Answer(irp, GET_LENGTH_INFORMATION.pack(DISK_BYTES), request.output_buffer_length)
    if request.io_control_code == IOCTL_DISK_IS_WRITABLE:
        is_protected = extension.is_protected
        return Complete(irp, wdm.STATUS_MEDIA_WRITE_PROTECTED if is_protected else wdm.STATUS_SUCCESS)
    if request.io_control_code == IOCTL_RAM_DISK_PROTECT:
        buffer = irp.associated_irp.system_buffer
        if buffer is None or request.input_buffer_length != 1:
            return Complete(irp, wdm.STATUS_INVALID_PARAMETER)
        extension.is_protected = wdm.RtlReadMemory(buffer, 1) != b"\0"
        return Complete(irp, wdm.STATUS_SUCCESS)
    return Complete(irp, wdm.STATUS_INVALID_DEVICE_REQUEST)


def Answer(irp: wdm.IRP, answer: bytes, room: int) -> int:
    buffer = irp.associated_irp.system_buffer
    if buffer is None or room < len(answer):
        return Complete(irp, wdm.STATUS_BUFFER_TOO_SMALL)
    wdm.RtlWriteMemory(buffer, answer)
    return Complete(irp, wdm.STATUS_SUCCESS, len(answer))


def scenario(machine: Machine) -> Iterator[Callable[[int], int]]:
    """The transfers of `dirql run --driver`: each writes a sector and reads it back."""
    with machine.open(r"\\.\RamDisk") as disk:

        def transfer(number: int) -> int:
            data, place = number.to_bytes(4, "little") * (SECTOR_BYTES // 4), number % 256 * SECTOR_BYTES
            disk.write(data, place)
            assert disk.read(SECTOR_BYTES, place) == data
            return 2 * SECTOR_BYTES

        yield transfer
