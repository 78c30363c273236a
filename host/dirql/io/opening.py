# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Devices are opened by their names (ZwCreateFile, ZwOpenFile), and who opens one must have the right to do so."""

from __future__ import annotations

from typing import Final

from dirql.io.file import OpenFile
from dirql.io.objects import DeviceObject
from dirql.io.security import check_open
from dirql.io.status_block import IoStatusBlock
from dirql.ke.processors.contract import contract
from dirql.ke.refusals import note_refusal
from dirql.ke.threads.kernel_call import KernelCall, is_program
from dirql.nt.constants import (
    DO_DEVICE_INITIALIZING,
    DO_EXCLUSIVE,
    DOE_DELETE_PENDING,
    DOE_UNLOAD_PENDING,
    FILE_MAXIMUM_DISPOSITION,
    FILE_OPEN,
    FILE_SHARE_READ,
    FILE_SHARE_WRITE,
    FILE_SUPERSEDE,
    FILE_SYNCHRONOUS_IO_ALERT,
    FILE_SYNCHRONOUS_IO_NONALERT,
    FO_ALERTABLE_IO,
    FO_SYNCHRONOUS_IO,
)
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import (
    STATUS_ACCESS_DENIED,
    STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import handle_flags, running as object_manager

__all__ = ["create_file", "open_device", "open_file"]

_CREATE_FILE: Final = contract("ZwCreateFile")
_OPEN_FILE: Final = contract("ZwOpenFile")
_OPEN_DEVICE: Final = contract("ZwOpenFile")

_DISPOSITIONS: Final = range(FILE_SUPERSEDE, FILE_MAXIMUM_DISPOSITION + 1)
_SHARE_ALL: Final = FILE_SHARE_READ | FILE_SHARE_WRITE


def create_file(
    desired_access: int,
    object_attributes: ObjectAttributes,
    io_status_block: IoStatusBlock,
    allocation_size: int | None,
    file_attributes: int,
    share_access: int,
    create_disposition: int,
    create_options: int,
    ea_buffer: int | None,
    ea_length: int,
) -> tuple[int, int | None]:
    """Open the device to which a name leads: (status, handle); follows ZwCreateFile.

    Each success sends one IRP_MJ_CREATE with a file object of its own (row NAM-04). `io_status_block` receives the
    result of that request. A device has no use for `allocation_size`, and extended attributes are refused with
    STATUS_NOT_SUPPORTED.
    """
    _CREATE_FILE.check_with(desired_access, object_attributes, io_status_block)
    if type(create_disposition) is int and create_disposition not in _DISPOSITIONS:
        return STATUS_INVALID_PARAMETER, None
    arguments = (allocation_size, file_attributes, share_access, create_disposition, create_options)
    _CREATE_FILE.check_arguments(
        desired_access, object_attributes, io_status_block, *arguments, ea_buffer, ea_length
    )
    del allocation_size
    if ea_buffer is not None or ea_length:
        return STATUS_NOT_SUPPORTED, None
    status, file, desired_access = _find(object_attributes, desired_access, create_options)
    if file is None:
        return status, None
    options = create_disposition << 24 | create_options
    flags = handle_flags(object_attributes)
    return _create(file, desired_access, flags, options, file_attributes, share_access, io_status_block)


def open_file(
    desired_access: int,
    object_attributes: ObjectAttributes,
    io_status_block: IoStatusBlock,
    share_access: int,
    open_options: int,
) -> tuple[int, int | None]:
    """Open the device to which a name leads: (status, handle); follows ZwOpenFile."""
    _OPEN_FILE.check_with(desired_access, object_attributes, io_status_block)
    _OPEN_DEVICE.check_arguments(
        desired_access, object_attributes, io_status_block, share_access, open_options
    )
    return _open(desired_access, object_attributes, io_status_block, share_access, open_options)


def open_device(name: str, desired_access: int, options: int = 0) -> tuple[int, int | None]:
    """Open a device with the usual access and attributes, by `open_file`: (status, handle).

    `options` are FILE_ options.
    """
    _OPEN_DEVICE.check_level(name)
    return _open(desired_access, ObjectAttributes(name), IoStatusBlock(), _SHARE_ALL, options)


def _open(
    desired_access: int, attributes: ObjectAttributes, block: IoStatusBlock, share_access: int, options: int
) -> tuple[int, int | None]:
    status, file, desired_access = _find(attributes, desired_access, options)
    if file is None:
        return status, None
    disposition = FILE_OPEN << 24
    return _create(
        file, desired_access, handle_flags(attributes), disposition | options, 0, share_access, block
    )


def _find(attributes: ObjectAttributes, access: int, options: int) -> tuple[int, OpenFile | None, int]:
    """A file object for a device that can be opened now, and the part of `access` that is granted."""
    status, found, rest = object_manager.value.lookup(attributes)
    if found is None:
        return status, None, 0
    if not isinstance(found, DeviceObject):
        return STATUS_OBJECT_TYPE_MISMATCH, None, 0
    going = found.device_object_extension.extension_flags & (DOE_DELETE_PENDING | DOE_UNLOAD_PENDING)
    if going or found.flags & DO_DEVICE_INITIALIZING:
        if not going:
            _note_initializing(found)
        return STATUS_NO_SUCH_DEVICE, None, 0
    status, granted = check_open(found, rest, access, attributes.attributes)
    if status != STATUS_SUCCESS:
        return status, None, 0
    if found.flags & DO_EXCLUSIVE and found.reference_count:
        return STATUS_ACCESS_DENIED, None, 0
    flags = 0
    if options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT):
        flags = FO_SYNCHRONOUS_IO
    if options & FILE_SYNCHRONOUS_IO_ALERT:
        flags |= FO_ALERTABLE_IO
    return STATUS_SUCCESS, OpenFile(found, rest, flags), granted


def _note_initializing(device: DeviceObject) -> None:
    note_refusal(
        STATUS_NO_SUCH_DEVICE,
        f"a device must be ready before it is opened; {device!r} still has DO_DEVICE_INITIALIZING in its flags: clear"
        " it at the end of AddDevice",
    )


def _create(
    file: OpenFile,
    access: int,
    attributes: int,
    options: int,
    file_attributes: int,
    share_access: int,
    block: IoStatusBlock,
) -> tuple[int, int | None]:
    """Send IRP_MJ_CREATE, and make a handle with the OBJ_ `attributes` if the driver agrees."""
    if is_program():
        result = file.create(access, options, file_attributes, share_access)
    else:
        with KernelCall():
            result = file.create(access, options, file_attributes, share_access)
    block.status, block.information = result.status, result.information
    if not nt_success(result.status):
        return result.status, None
    handle = object_manager.value.handles.insert(file, access, attributes)
    file.dereference()
    return result.status, handle
