# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system services for files: open, read, write, control and cancel (NtCreateFile and so on; drivers say Zw…).

Buffers are virtual addresses of the calling process. A file that was opened with FILE_SYNCHRONOUS_IO_NONALERT or
FILE_SYNCHRONOUS_IO_ALERT waits until each request is delivered and returns its status. On any other file STATUS_PENDING
means that the status block and the event will tell later (rows HIO-01 … HIO-06).

With an `apc_routine` the thread that made the request also runs `apc_routine(apc_context, io_status_block, 0)` when the
result is there: a driver's as a normal kernel APC, a program's as a user APC, in an alertable wait (row HIO-09). On a
file with a completion port an `apc_routine` is refused; there `apc_context` comes back in the packet, and a request
without one sends none (row PRT-02).
"""

from __future__ import annotations

from typing import Final

from dirql.io.cancel import cancel_request
from dirql.io.irp import attach_control_buffers, attach_read_buffer, attach_write_buffer
from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, FileObject, IoStackLocation, Irp
from dirql.io.parameters import DeviceIoControlParameters, FileSystemControlParameters
from dirql.io.request import FileRequest, Request
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import get_current_thread
from dirql.ke.guard import current_driver
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import charge_call, contract
from dirql.ke.threads.apc import NormalRoutine
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import delay_execution_thread
from dirql.mm.layout import USER_PROBE_ADDRESS, page_align
from dirql.mm.manager import running as memory_manager
from dirql.nt.constants import (
    FILE_READ_DATA,
    FILE_WRITE_DATA,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    METHOD_IN_DIRECT,
    METHOD_NEITHER,
    PAGE_SIZE,
    KernelMode,
)
from dirql.nt.control_code import access_from_ctl_code, method_from_ctl_code
from dirql.nt.ntstatus import StatusException, nt_success
from dirql.nt.status import (
    STATUS_ACCESS_VIOLATION,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_FOUND,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.ob.waitable import event_of_handle

__all__ = [
    "cancel_io_file",
    "cancel_io_file_ex",
    "cancel_synchronous_io",
    "control_for_program",
    "device_io_control_file",
    "is_accessible",
    "packet_for",
    "read_file",
    "read_for_program",
    "send_control",
    "write_file",
    "write_for_program",
]

_READ_FILE: Final = contract("ZwReadFile")
_WRITE_FILE: Final = contract("ZwWriteFile")
_DEVICE_IO_CONTROL_FILE: Final = contract("ZwDeviceIoControlFile")
_CANCEL_IO_FILE: Final = contract("ZwCancelIoFile")
_CANCEL_IO_FILE_EX: Final = contract("ZwCancelIoFileEx")

Completion = tuple[NormalRoutine | None, object]
"""An APC routine and its context; without a routine, the context of a packet for the completion port."""
_CANCEL_PAUSE: Final = 100_000
"""NT looks each 10 ms, here in units of 100 ns, whether the requests that a thread cancelled have ended."""


def read_file(
    file_handle: int,
    event: Event | int | None,
    apc_routine: NormalRoutine | None,
    apc_context: object,
    io_status_block: IoStatusBlock,
    buffer: int | None,
    length: int,
    byte_offset: int | None,
    key: int | None = None,
) -> int:
    """Read `length` bytes into the caller's buffer; follows ZwReadFile. `event` is a handle, or an event itself.

    `byte_offset` None means the current position of a synchronous file.
    """
    _READ_FILE.check_with(file_handle, io_status_block)
    _READ_FILE.check_arguments(
        file_handle, event, apc_routine, apc_context, io_status_block, buffer, length, byte_offset, key
    )
    found, signalled = event_of_handle(_READ_FILE, event)
    if not nt_success(found):
        return found
    status, file = _file_for(file_handle, FILE_READ_DATA, byte_offset)
    if file is None:
        return status
    if not is_accessible(buffer, length, write=True):
        return STATUS_ACCESS_VIOLATION
    offset = file.current_byte_offset if byte_offset is None else byte_offset
    if apc_routine is not None and file.completion_context is not None:
        return STATUS_INVALID_PARAMETER
    apc = None if apc_routine is None and apc_context is None else (apc_routine, apc_context)
    return _read(file, signalled, io_status_block, buffer or 0, length, offset, key or 0, apc)


def read_for_program(
    file_handle: int, event: Event, io_status_block: IoStatusBlock, buffer: int, length: int, byte_offset: int
) -> int:
    """Do as `read_file` for a `Handle`, which has made all but the numbers itself.

    The buffer is one that the process has just allocated. The checks of the other arguments would take 7 % of "a read"
    in bench/io_paths.py.
    """
    _READ_FILE.check_level(file_handle)
    if type(length) is not int or type(byte_offset) is not int:
        _READ_FILE.check_arguments(
            file_handle, event, None, None, io_status_block, buffer, length, byte_offset, None
        )
    status, file = object_manager.value.handles.lookup(file_handle, FileObject, FILE_READ_DATA)
    if file is None:
        return status
    return _read(file, event, io_status_block, buffer, length, byte_offset, 0)


def _read(
    file: FileObject,
    event: Event | None,
    block: IoStatusBlock,
    buffer: int,
    length: int,
    byte_offset: int,
    key: int,
    apc: Completion | None = None,
) -> int:
    irp, stack, device = packet_for(file, IRP_MJ_READ)
    read = stack.parameters.read
    read.length, read.key, read.byte_offset = length, key, byte_offset
    request = FileRequest(file, irp, event, block, length)
    if apc is not None:
        _set_notice(request, *apc)
    try:
        attach_read_buffer(irp, device.stored_flags, buffer, length)
    except StatusException as error:
        return request.fail(error.status)
    return request.send(device)


def write_file(
    file_handle: int,
    event: Event | int | None,
    apc_routine: NormalRoutine | None,
    apc_context: object,
    io_status_block: IoStatusBlock,
    buffer: int | None,
    length: int,
    byte_offset: int | None,
    key: int | None = None,
) -> int:
    """Write `length` bytes from the caller's buffer; follows ZwWriteFile. The arguments are those of `read_file`."""
    _WRITE_FILE.check_with(file_handle, io_status_block)
    _WRITE_FILE.check_arguments(
        file_handle, event, apc_routine, apc_context, io_status_block, buffer, length, byte_offset, key
    )
    found, signalled = event_of_handle(_WRITE_FILE, event)
    if not nt_success(found):
        return found
    status, file = _file_for(file_handle, FILE_WRITE_DATA, byte_offset)
    if file is None:
        return status
    if not is_accessible(buffer, length, write=False):
        return STATUS_ACCESS_VIOLATION
    offset = file.current_byte_offset if byte_offset is None else byte_offset
    if apc_routine is not None and file.completion_context is not None:
        return STATUS_INVALID_PARAMETER
    apc = None if apc_routine is None and apc_context is None else (apc_routine, apc_context)
    return _write(file, signalled, io_status_block, buffer or 0, length, offset, key or 0, apc)


def write_for_program(
    file_handle: int, event: Event, io_status_block: IoStatusBlock, buffer: int, length: int, byte_offset: int
) -> int:
    """Do as `write_file` for a `Handle`; see `read_for_program`."""
    _WRITE_FILE.check_level(file_handle)
    if type(byte_offset) is not int:
        _WRITE_FILE.check_arguments(
            file_handle, event, None, None, io_status_block, buffer, length, byte_offset, None
        )
    status, file = object_manager.value.handles.lookup(file_handle, FileObject, FILE_WRITE_DATA)
    if file is None:
        return status
    return _write(file, event, io_status_block, buffer, length, byte_offset, 0)


def _write(
    file: FileObject,
    event: Event | None,
    block: IoStatusBlock,
    buffer: int,
    length: int,
    byte_offset: int,
    key: int,
    apc: Completion | None = None,
) -> int:
    irp, stack, device = packet_for(file, IRP_MJ_WRITE)
    write = stack.parameters.read  # IRP_MJ_WRITE has the same record
    write.length, write.key, write.byte_offset = length, key, byte_offset
    request = FileRequest(file, irp, event, block, limit=length)
    if apc is not None:
        _set_notice(request, *apc)
    try:
        attach_write_buffer(irp, device.stored_flags, buffer, length)
    except StatusException as error:
        return request.fail(error.status)
    return request.send(device)


def device_io_control_file(
    file_handle: int,
    event: Event | int | None,
    apc_routine: NormalRoutine | None,
    apc_context: object,
    io_status_block: IoStatusBlock,
    io_control_code: int,
    input_buffer: int | None,
    input_buffer_length: int,
    output_buffer: int | None,
    output_buffer_length: int,
) -> int:
    """Send a control code with input and room for output; follows ZwDeviceIoControlFile.

    The handle must grant the access that the code demands (row HIO-12).
    """
    _DEVICE_IO_CONTROL_FILE.check_with(file_handle, io_status_block)
    buffers = (input_buffer, input_buffer_length, output_buffer, output_buffer_length)
    _DEVICE_IO_CONTROL_FILE.check_arguments(
        file_handle, event, apc_routine, apc_context, io_status_block, io_control_code, *buffers
    )
    found, signalled = event_of_handle(_DEVICE_IO_CONTROL_FILE, event)
    if not nt_success(found):
        return found
    status, file = _file_for(file_handle, access_from_ctl_code(io_control_code), 0)
    if file is None:
        return status
    method = method_from_ctl_code(io_control_code)
    if method != METHOD_NEITHER and not (
        is_accessible(input_buffer, input_buffer_length, write=False)
        and is_accessible(output_buffer, output_buffer_length, write=method != METHOD_IN_DIRECT)
    ):
        return STATUS_ACCESS_VIOLATION
    if apc_routine is not None and file.completion_context is not None:
        return STATUS_INVALID_PARAMETER
    apc = None if apc_routine is None and apc_context is None else (apc_routine, apc_context)
    return send_control(file, signalled, io_status_block, io_control_code, *buffers, apc)


def control_for_program(
    file_handle: int,
    event: Event,
    io_status_block: IoStatusBlock,
    io_control_code: int,
    input_buffer: int,
    input_buffer_length: int,
    output_buffer: int,
    output_buffer_length: int,
) -> int:
    """Do as `device_io_control_file` for a `Handle`; see `read_for_program`."""
    _DEVICE_IO_CONTROL_FILE.check_level(file_handle)
    buffers = (input_buffer, input_buffer_length, output_buffer, output_buffer_length)
    if type(io_control_code) is not int or type(output_buffer_length) is not int:
        _DEVICE_IO_CONTROL_FILE.check_arguments(
            file_handle, event, None, None, io_status_block, io_control_code, *buffers
        )
    access = access_from_ctl_code(io_control_code)
    status, file = object_manager.value.handles.lookup(file_handle, FileObject, access)
    if file is None:
        return status
    return send_control(file, event, io_status_block, io_control_code, *buffers)


def send_control(
    file: FileObject,
    event: Event | None,
    block: IoStatusBlock,
    code: int,
    source: int | None,
    source_length: int,
    target: int | None,
    target_length: int,
    apc: Completion | None = None,
    major_function: int = IRP_MJ_DEVICE_CONTROL,
) -> int:
    """Send a control code with its buffers to the device of a file; returns a status."""
    irp, stack, device = packet_for(file, major_function)
    method = method_from_ctl_code(code)
    control: DeviceIoControlParameters | FileSystemControlParameters
    if major_function == IRP_MJ_DEVICE_CONTROL:
        control = stack.parameters.device_io_control
        control.io_control_code = code
    else:
        control = stack.parameters.file_system_control
        control.fs_control_code = code
    control.input_buffer_length = source_length
    control.output_buffer_length = target_length
    if method == METHOD_NEITHER:
        control.type3_input_buffer = source
    request = FileRequest(file, irp, event, block, target_length)
    if apc is not None:
        _set_notice(request, *apc)
    fast = io_manager.value.hooks.fast_control
    if fast is not None and major_function == IRP_MJ_DEVICE_CONTROL:
        status = irp.io_status
        if fast(device, file, status, (source, source_length, target, target_length, code)):
            return request.fail(status.status)
    try:
        attach_control_buffers(irp, method, source, source_length, target, target_length)
    except StatusException as error:
        return request.fail(error.status)
    return request.send(device)


def is_accessible(address: int | None, length: int, *, write: bool) -> bool:
    """Whether a program may have this buffer read or written; a driver's buffer, of kernel mode, is not probed."""
    if length == 0 or current_driver() is not None:
        return True
    start = address or 0
    if not 0 <= start <= start + length <= USER_PROBE_ADDRESS:
        return False
    if write:
        manager = memory_manager.value
        try:
            for page in range(page_align(start), start + length, PAGE_SIZE):
                manager.access(page, write=True)
        except StatusException:
            return False
    return True


def _file_for(handle: int, access: int, byte_offset: int | None) -> tuple[int, FileObject | None]:
    """The file of a handle that grants `access`, if the arguments of the service suit it."""
    status, file = object_manager.value.handles.lookup(handle, FileObject, access)
    if file is not None and byte_offset is None and not file.synchronous:
        return STATUS_INVALID_PARAMETER, None
    return status, file


def _set_notice(request: FileRequest, routine: NormalRoutine | None, context: object) -> None:
    if routine is None:
        request.set_port_context(context)
    else:
        request.set_apc(routine, context)


def packet_for(file: FileObject, major_function: int) -> tuple[Irp, IoStackLocation, DeviceObject]:
    """A packet for a program's request, the stack location for the top driver, and the device to which it goes."""
    device = file.device_object.top_of_stack()
    irp = io_manager.value.take_irp(device.stored_stack_size)
    assert irp is not None, f"{device!r} must have a stack size of 1 … 127; it was {device.stack_size}"
    stack = irp.get_next_stack_location()
    stack.major_function = major_function
    stack.file_object = file
    return irp, stack, device


def cancel_io_file(file_handle: int) -> tuple[int, IoStatusBlock]:
    """Cancel the calling thread's outstanding requests on a file: (status, status block); follows ZwCancelIoFile.

    It returns when these requests are completed (row HIO-11).
    """
    _CANCEL_IO_FILE.check_level(file_handle)
    _CANCEL_IO_FILE.check_arguments(file_handle)
    status, file = object_manager.value.handles.lookup(file_handle, FileObject)
    if file is not None:
        thread = get_current_thread()
        found = [irp for irp in file.irps if irp.type and irp.tail.overlay.thread is thread]
        _cancel(file, found)
        while any(irp in file.irps for irp in found):
            delay_execution_thread(KernelMode, False, -_CANCEL_PAUSE)
    return status, IoStatusBlock(status)


def cancel_io_file_ex(
    file_handle: int, io_request_to_cancel: IoStatusBlock | None
) -> tuple[int, IoStatusBlock]:
    """Cancel outstanding requests on a file: (status, status block); follows ZwCancelIoFileEx (row HIO-11).

    `io_request_to_cancel` is the status block of the one request that is meant; None means the requests of all threads.
    STATUS_NOT_FOUND when there is no such request. It returns before the requests are completed.
    """
    _CANCEL_IO_FILE_EX.check_with(file_handle, io_request_to_cancel)
    _CANCEL_IO_FILE_EX.check_arguments(file_handle, io_request_to_cancel)
    status, file = object_manager.value.handles.lookup(file_handle, FileObject)
    if file is not None:
        wanted = io_request_to_cancel
        found = [irp for irp in file.irps if wanted is None or irp.stored_iosb is wanted]
        _cancel(file, found)
        status = STATUS_SUCCESS if found else STATUS_NOT_FOUND
    return status, IoStatusBlock(status)


def cancel_synchronous_io(thread: Thread) -> int:
    """Cancel the requests for which a thread of the program waits inside a service; follows NtCancelSynchronousIoFile.

    These are opens, and requests on synchronous files. STATUS_NOT_FOUND when the thread waits for none. It returns
    before the requests are completed.
    """
    charge_call()
    found = [irp for irp in io_manager.value.live_irps if _is_waited_for(irp.owner, thread)]
    for irp in found:
        if irp.type:
            cancel_request(irp)
    return STATUS_SUCCESS if found else STATUS_NOT_FOUND


def _is_waited_for(owner: object, thread: Thread) -> bool:
    if not isinstance(owner, Request) or owner.thread is not thread or not owner.irp.requestor_mode:
        return False
    return not isinstance(owner, FileRequest) or owner.file.synchronous


def _cancel(file: FileObject, found: list[Irp]) -> None:
    """Cancel the requests, except those that another cancel has completed meanwhile."""
    for irp in found:
        if irp in file.irps and irp.type:
            cancel_request(irp)
