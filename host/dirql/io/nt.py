# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system services for files: open, read, write, control, cancel, close (NtCreateFile and its kin; Zw… to drivers).

Buffers are virtual addresses of the calling process. A file opened with FILE_SYNCHRONOUS_IO_NONALERT or _ALERT waits
for the end of each request and returns its status; on any other, STATUS_PENDING means that the status block and the
event tell later (rows HIO-01 … HIO-06).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.io import current
from dirql.io.device import DeviceObject
from dirql.io.file import FileObject
from dirql.io.irp import IoStatusBlock, Irp
from dirql.io.request import Request, send_file_request
from dirql.io.transfer import attach_control_buffers, attach_read_buffer, attach_write_buffer
from dirql.ke.objects.event import Event
from dirql.ke.processors.irql import contract
from dirql.ke.threads.thread import get_current_thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.bugcodes import DDI_IRQL_ZW_PASSIVE, DRIVER_VERIFIER_DETECTED_VIOLATION
from dirql.nt.constants import (
    DO_DEVICE_INITIALIZING,
    DO_EXCLUSIVE,
    FILE_READ_DATA,
    FILE_WRITE_DATA,
    FO_ALERTABLE_IO,
    FO_HANDLE_CREATED,
    FO_SYNCHRONOUS_IO,
    IRP_MJ_CREATE,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    METHOD_NEITHER,
    PASSIVE_LEVEL,
    Executive,
    UserMode,
    access_from_ctl_code,
    method_from_ctl_code,
)
from dirql.nt.status import (
    STATUS_ACCESS_DENIED,
    STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_FOUND,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_PENDING,
    STATUS_SUCCESS,
    StatusException,
    nt_success,
)

if TYPE_CHECKING:
    from dirql.ob.object import Object

__all__ = [
    "FILE_SYNCHRONOUS_IO_ALERT",
    "FILE_SYNCHRONOUS_IO_NONALERT",
    "cancel_io_file",
    "cancel_io_file_ex",
    "close_handle",
    "create_file",
    "device_io_control_file",
    "read_file",
    "write_file",
]

FILE_SYNCHRONOUS_IO_ALERT = 0x10
FILE_SYNCHRONOUS_IO_NONALERT = 0x20


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def create_file(name: str, desired_access: int, create_options: int) -> tuple[int, int | None]:
    """Open the device that `name` leads to: (status, handle); follows NtCreateFile.

    Each success sends one IRP_MJ_CREATE with a file object of its own (row NAM-04).
    """
    status, found, rest = current.manager.objects.namespace.lookup(name)
    if found is None:
        return status, None
    status, file = _open(found, rest, create_options)
    if file is None:
        return status, None
    file.device_object.reference_count += 1
    status = send_file_request(file, IRP_MJ_CREATE, desired_access, create_options)
    if nt_success(status):
        file.opened = True
        current.manager.open_files[file] = None
        file.flags |= FO_HANDLE_CREATED
        handle = current.manager.objects.handles.insert(file, desired_access)
        file.dereference()
        return status, handle
    file.device_object.file_closed()
    return status, None


def _open(found: Object, rest: str, create_options: int) -> tuple[int, FileObject | None]:
    """A file object for a device that may be opened now."""
    if not isinstance(found, DeviceObject):
        return STATUS_OBJECT_TYPE_MISMATCH, None
    if found.device_object_extension.delete_pending or found.flags & DO_DEVICE_INITIALIZING:
        return STATUS_NO_SUCH_DEVICE, None
    if found.flags & DO_EXCLUSIVE and found.reference_count:
        return STATUS_ACCESS_DENIED, None
    flags = 0
    if create_options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT):
        flags = FO_SYNCHRONOUS_IO
    if create_options & FILE_SYNCHRONOUS_IO_ALERT:
        flags |= FO_ALERTABLE_IO
    return STATUS_SUCCESS, FileObject(found, rest, flags)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def close_handle(handle: int) -> int:
    """Close a handle of any kind; follows NtClose."""
    return current.manager.objects.close(handle)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def read_file(
    handle: int,
    event: Event | None,
    iosb: IoStatusBlock,
    buffer: int,
    length: int,
    byte_offset: int,
    key: int = 0,
) -> int:
    """Read into the caller's buffer; follows NtReadFile, which has an APC as well that is left out here."""
    status, file = current.manager.objects.handles.lookup(handle, FileObject, FILE_READ_DATA)
    if file is None:
        return status
    device = file.device_object.top_of_stack()
    irp = _allocate(file, device, IRP_MJ_READ)
    request = Request(file, irp, event, iosb)
    read = irp.get_next_stack_location().parameters.read
    read.length, read.byte_offset, read.key = length, byte_offset, key
    request.output_length = length
    try:
        attach_read_buffer(irp, device.flags, buffer, length)
    except StatusException as error:
        return request.abandon(irp, error.status)
    return _finish(request, device)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def write_file(
    handle: int,
    event: Event | None,
    iosb: IoStatusBlock,
    buffer: int,
    length: int,
    byte_offset: int,
    key: int = 0,
) -> int:
    """Write from the caller's buffer; follows NtWriteFile, which has an APC as well that is left out here."""
    status, file = current.manager.objects.handles.lookup(handle, FileObject, FILE_WRITE_DATA)
    if file is None:
        return status
    device = file.device_object.top_of_stack()
    irp = _allocate(file, device, IRP_MJ_WRITE)
    request = Request(file, irp, event, iosb)
    write = irp.get_next_stack_location().parameters.write
    write.length, write.byte_offset, write.key = length, byte_offset, key
    try:
        attach_write_buffer(irp, device.flags, buffer, length)
    except StatusException as error:
        return request.abandon(irp, error.status)
    return _finish(request, device)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def device_io_control_file(
    handle: int,
    event: Event | None,
    iosb: IoStatusBlock,
    io_control_code: int,
    input_buffer: int | None,
    input_length: int,
    output_buffer: int | None,
    output_length: int,
) -> int:
    """Send a control code; follows NtDeviceIoControlFile, which has an APC as well that is left out here.

    The access bits of the code must have been granted to the handle (row HIO-12).
    """
    access = access_from_ctl_code(io_control_code)
    status, file = current.manager.objects.handles.lookup(handle, FileObject, access)
    if file is None:
        return status
    device = file.device_object.top_of_stack()
    irp = _allocate(file, device, IRP_MJ_DEVICE_CONTROL)
    request = Request(file, irp, event, iosb)
    control = irp.get_next_stack_location().parameters.device_io_control
    control.io_control_code = io_control_code
    control.input_buffer_length = input_length
    control.output_buffer_length = request.output_length = output_length
    method = method_from_ctl_code(io_control_code)
    if method == METHOD_NEITHER:
        control.type3_input_buffer = input_buffer
    try:
        attach_control_buffers(irp, method, input_buffer, input_length, output_buffer, output_length)
    except StatusException as error:
        return request.abandon(irp, error.status)
    return _finish(request, device)


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def cancel_io_file(handle: int) -> int:
    """Cancel what the calling thread has outstanding on a file; follows NtCancelIoFile, but does not wait."""
    status, file = current.manager.objects.handles.lookup(handle, FileObject)
    if file is None:
        return status
    thread = get_current_thread()
    _cancel(file, [irp for irp in file.irps if irp.tail_overlay.thread is thread])
    return STATUS_SUCCESS


@contract(max_irql=PASSIVE_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=DDI_IRQL_ZW_PASSIVE)
def cancel_io_file_ex(handle: int, iosb: IoStatusBlock | None) -> int:
    """Cancel what any thread has outstanding on a file, with a status block only that request; does not wait.

    STATUS_NOT_FOUND when there was nothing to cancel. Follows NtCancelIoFileEx (row HIO-11).
    """
    status, file = current.manager.objects.handles.lookup(handle, FileObject)
    if file is None:
        return status
    found = [irp for irp in file.irps if iosb is None or irp.user_iosb is iosb]
    _cancel(file, found)
    return STATUS_SUCCESS if found else STATUS_NOT_FOUND


def _cancel(file: FileObject, found: list[Irp]) -> None:
    """Cancel those of them that have not ended meanwhile."""
    for irp in found:
        if irp in file.irps:
            irp.cancel_irp()


def _allocate(file: FileObject, device: DeviceObject, major_function: int) -> Irp:
    """A packet for a program's request, with what is common to all of them."""
    irp = current.manager.take_irp(device.stack_size)
    assert irp is not None, f"{device!r} must have a stack size of 1 … 127, was {device.stack_size}"
    stack = irp.get_next_stack_location()
    stack.major_function = major_function
    stack.file_object = file
    return irp


def _finish(request: Request, device: DeviceObject) -> int:
    """Send it, and on a synchronous file wait for its end (row HIO-01)."""
    file = request.file
    status = request.send(device)
    if status == STATUS_PENDING and file.synchronous:
        wait_for_single_object(file.event, Executive, UserMode, bool(file.flags & FO_ALERTABLE_IO), None)
        status = file.final_status
    return status
