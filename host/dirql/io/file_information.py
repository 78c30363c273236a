# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The services that ask for information about a file, change it, and empty its buffers (rows INF-01 … INF-04).

A few classes are answered by the I/O manager itself. For all others it sends the request to the drivers, with the
information in a system buffer, and waits for it, on any file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from dirql.io.completion import IoCompletion
from dirql.io.irp import attach_read_buffer, attach_write_buffer
from dirql.io.objects import FileObject, Irp
from dirql.io.port_notice import join_port, set_notification_modes
from dirql.io.request import FileRequest
from dirql.io.services import is_accessible, packet_for
from dirql.io.status_block import IoStatusBlock
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm import memory
from dirql.nt.constants import (
    DO_BUFFERED_IO,
    FILE_SYNCHRONOUS_IO_ALERT,
    FILE_SYNCHRONOUS_IO_NONALERT,
    FILE_WRITE_DATA,
    FO_ALERTABLE_IO,
    FO_SYNCHRONOUS_IO,
    IRP_MJ_FLUSH_BUFFERS,
    IRP_MJ_QUERY_INFORMATION,
    IRP_MJ_QUERY_VOLUME_INFORMATION,
    IRP_MJ_SET_INFORMATION,
    FileAccessInformation,
    FileAlignmentInformation,
    FileBasicInformation,
    FileCompletionInformation,
    FileDispositionInformation,
    FileEndOfFileInformation,
    FileFsAttributeInformation,
    FileFsDeviceInformation,
    FileFsFullSizeInformation,
    FileFsMaximumInformation,
    FileFsSizeInformation,
    FileFsVolumeInformation,
    FileInternalInformation,
    FileIoCompletionNotificationInformation,
    FileMaximumInformation,
    FileModeInformation,
    FileNameInformation,
    FileNetworkOpenInformation,
    FilePositionInformation,
    FileStandardInformation,
)
from dirql.nt.ntstatus import StatusException
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_INFO_CLASS,
    STATUS_INVALID_PARAMETER,
    STATUS_PENDING,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager

__all__ = [
    "flush_buffers_file",
    "query_information_file",
    "query_volume_information_file",
    "set_information_file",
]

_ULONG: Final = 0xFFFF_FFFF
"""The bits of a field, of which C keeps those of any number that a driver puts there."""
_ULONGLONG: Final = (1 << 64) - 1

_QUERY: Final = contract("ZwQueryInformationFile")
_SET: Final = contract("ZwSetInformationFile")
_QUERY_VOLUME: Final = contract("ZwQueryVolumeInformationFile")
_FLUSH: Final = contract("ZwFlushBuffersFile")

_LEAST_TO_QUERY: Final = {
    FileAccessInformation: 4,
    FileAlignmentInformation: 4,
    FileBasicInformation: 0x28,
    FileInternalInformation: 8,
    FileModeInformation: 4,
    FileNameInformation: 8,
    FileNetworkOpenInformation: 0x38,
    FilePositionInformation: 8,
    FileStandardInformation: 0x18,
}
_LEAST_TO_SET: Final = {
    FileBasicInformation: 0x28,
    FileCompletionInformation: 0x10,
    FileDispositionInformation: 1,
    FileEndOfFileInformation: 8,
    FileIoCompletionNotificationInformation: 4,
    FileModeInformation: 4,
    FilePositionInformation: 8,
}
_LEAST_OF_VOLUME: Final = {
    FileFsAttributeInformation: 0x10,
    FileFsDeviceInformation: 8,
    FileFsFullSizeInformation: 0x20,
    FileFsSizeInformation: 0x18,
    FileFsVolumeInformation: 0x18,
}
"""The size of the structure for each class whose length the I/O manager checks."""

_QUERY_ONLY: Final = frozenset(
    (FileAccessInformation, FileAlignmentInformation, FileNameInformation, FileStandardInformation)
)


def query_information_file(
    file_handle: int,
    io_status_block: IoStatusBlock,
    file_information: int | None,
    length: int,
    file_information_class: int,
) -> int:
    """Write information about a file to the address `file_information`; follows ZwQueryInformationFile.

    The I/O manager answers for FileAccessInformation, FileAlignmentInformation, FileModeInformation, and, of a
    synchronous file, for FilePositionInformation.
    """
    _QUERY.check_with(file_handle, io_status_block)
    _QUERY.check_arguments(file_handle, io_status_block, file_information, length, file_information_class)
    status = _check(file_information_class, length, _LEAST_TO_QUERY, FileMaximumInformation)
    if status != STATUS_SUCCESS:
        return status
    status, file = object_manager.value.handles.lookup(file_handle, FileObject)
    if file is None:
        return status
    address = file_information or 0
    if not is_accessible(address, length, write=True):
        return STATUS_ACCESS_VIOLATION
    answer = _own_answer(file, file_handle, file_information_class)
    if answer is not None:
        return _give(answer, address, io_status_block)

    def fill(irp: Irp) -> None:
        query = irp.get_next_stack_location().parameters.query_file
        query.length, query.file_information_class = length, file_information_class
        attach_read_buffer(irp, DO_BUFFERED_IO, address, length)

    return _send(file, IRP_MJ_QUERY_INFORMATION, io_status_block, length, fill)


def set_information_file(
    file_handle: int,
    io_status_block: IoStatusBlock,
    file_information: int | None,
    length: int,
    file_information_class: int,
) -> int:
    """Change information about a file; follows ZwSetInformationFile.

    The I/O manager itself changes FileModeInformation, FileCompletionInformation, with the handle of a port, and
    FileIoCompletionNotificationInformation, and of a synchronous file FilePositionInformation.
    """
    _SET.check_with(file_handle, io_status_block)
    _SET.check_arguments(file_handle, io_status_block, file_information, length, file_information_class)
    status = _check(file_information_class, length, _LEAST_TO_SET, FileMaximumInformation)
    if status != STATUS_SUCCESS or file_information_class in _QUERY_ONLY:
        return status or STATUS_INVALID_INFO_CLASS
    status, file = object_manager.value.handles.lookup(file_handle, FileObject)
    if file is None:
        return status
    address = file_information or 0
    if not is_accessible(address, length, write=False):
        return STATUS_ACCESS_VIOLATION
    own = _OWN_CHANGES.get(file_information_class)
    if own is not None and (file.synchronous or file_information_class != FilePositionInformation):
        status = own(file, memory.read(address, _LEAST_TO_SET[file_information_class]))
        io_status_block.status, io_status_block.information = status, 0
        return status

    def fill(irp: Irp) -> None:
        change = irp.get_next_stack_location().parameters.set_file
        change.length, change.file_information_class = length, file_information_class
        attach_write_buffer(irp, DO_BUFFERED_IO, address, length)

    return _send(file, IRP_MJ_SET_INFORMATION, io_status_block, 0, fill)


def query_volume_information_file(
    file_handle: int,
    io_status_block: IoStatusBlock,
    fs_information: int | None,
    length: int,
    fs_information_class: int,
) -> int:
    """Write information about the device or volume of a file to an address; follows ZwQueryVolumeInformationFile.

    The I/O manager answers for FileFsDeviceInformation.
    """
    _QUERY_VOLUME.check_with(file_handle, io_status_block)
    _QUERY_VOLUME.check_arguments(file_handle, io_status_block, fs_information, length, fs_information_class)
    status = _check(fs_information_class, length, _LEAST_OF_VOLUME, FileFsMaximumInformation)
    if status != STATUS_SUCCESS:
        return status
    status, file = object_manager.value.handles.lookup(file_handle, FileObject)
    if file is None:
        return status
    address = fs_information or 0
    if not is_accessible(address, length, write=True):
        return STATUS_ACCESS_VIOLATION
    if fs_information_class == FileFsDeviceInformation:
        device = file.device_object
        answer = struct.pack("<II", device.device_type & _ULONG, device.characteristics & _ULONG)
        return _give(answer, address, io_status_block)

    def fill(irp: Irp) -> None:
        query = irp.get_next_stack_location().parameters.query_volume
        query.length, query.fs_information_class = length, fs_information_class
        attach_read_buffer(irp, DO_BUFFERED_IO, address, length)

    return _send(file, IRP_MJ_QUERY_VOLUME_INFORMATION, io_status_block, length, fill)


def flush_buffers_file(file_handle: int, io_status_block: IoStatusBlock) -> int:
    """Have data written that drivers or the device still hold; follows ZwFlushBuffersFile.

    The handle must grant FILE_WRITE_DATA.
    """
    _FLUSH.check_with(file_handle, io_status_block)
    _FLUSH.check_arguments(file_handle, io_status_block)
    status, file = object_manager.value.handles.lookup(file_handle, FileObject, FILE_WRITE_DATA)
    return status if file is None else _send(file, IRP_MJ_FLUSH_BUFFERS, io_status_block, 0, lambda _: None)


def _check(kind: int, length: int, least: dict[int, int], end: int) -> int:
    """The status for the class and the length of a call."""
    if not 0 < kind < end:
        return STATUS_INVALID_INFO_CLASS
    return STATUS_INFO_LENGTH_MISMATCH if length < least.get(kind, 1) else STATUS_SUCCESS


def _own_answer(file: FileObject, handle: int, kind: int) -> bytes | None:
    """The answer that the I/O manager gives itself, None if a driver has to."""
    if kind == FileAlignmentInformation:
        return struct.pack("<I", file.device_object.top_of_stack().alignment_requirement & _ULONG)
    if kind == FileModeInformation:
        return struct.pack("<I", _mode(file))
    if kind == FileAccessInformation:
        entry = object_manager.value.handles.entry(handle)
        return struct.pack("<I", 0 if entry is None else entry.granted_access)
    if kind == FilePositionInformation and file.synchronous:
        return struct.pack("<Q", file.current_byte_offset & _ULONGLONG)
    return None


def _give(answer: bytes, address: int, block: IoStatusBlock) -> int:
    memory.write(address, answer)
    block.status, block.information = STATUS_SUCCESS, len(answer)
    return STATUS_SUCCESS


def _mode(file: FileObject) -> int:
    if not file.synchronous:
        return 0
    return FILE_SYNCHRONOUS_IO_ALERT if file.flags & FO_ALERTABLE_IO else FILE_SYNCHRONOUS_IO_NONALERT


def _set_position(file: FileObject, data: bytes) -> int:
    (offset,) = struct.unpack("<q", data)
    if offset < 0:
        return STATUS_INVALID_PARAMETER
    file.current_byte_offset = offset
    return STATUS_SUCCESS


def _set_mode(file: FileObject, data: bytes) -> int:
    """Choose how a synchronous file waits; no other file becomes synchronous, and none stops being so."""
    (mode,) = struct.unpack("<I", data)
    waits = mode & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT)
    if mode != waits or mode == FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT:
        return STATUS_INVALID_PARAMETER
    if bool(waits) is not bool(file.flags & FO_SYNCHRONOUS_IO):
        return STATUS_INVALID_PARAMETER
    file.flags &= ~FO_ALERTABLE_IO
    if mode == FILE_SYNCHRONOUS_IO_ALERT:
        file.flags |= FO_ALERTABLE_IO
    return STATUS_SUCCESS


def _set_completion(file: FileObject, data: bytes) -> int:
    handle, key = struct.unpack("<QQ", data)
    status, port = object_manager.value.handles.lookup(handle, IoCompletion)
    return status if port is None else join_port(file, port, key)


def _set_notification(file: FileObject, data: bytes) -> int:
    return set_notification_modes(file, int.from_bytes(data, "little"))


_OWN_CHANGES: Final[dict[int, Callable[[FileObject, bytes], int]]] = {
    FileCompletionInformation: _set_completion,
    FileIoCompletionNotificationInformation: _set_notification,
    FileModeInformation: _set_mode,
    FilePositionInformation: _set_position,
}


def _send(
    file: FileObject,
    major_function: int,
    block: IoStatusBlock,
    output_length: int,
    fill: Callable[[Irp], None],
) -> int:
    """Send a request to the drivers and wait for it; returns its status."""
    irp, _, device = packet_for(file, major_function)
    event = Event.make_notification()
    request = FileRequest(file, irp, event, block, output_length)
    try:
        fill(irp)
    except StatusException as error:
        return request.fail(error.status)
    status = request.send(device)
    if status == STATUS_PENDING:
        wait_for_single_object(event)
        return block.nt_status
    return status
