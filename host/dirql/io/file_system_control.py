# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""ZwFsControlFile: a control code for a file system, or for a driver that answers like one."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import FileObject
from dirql.io.services import is_accessible, send_control
from dirql.io.status_block import IoStatusBlock
from dirql.ke.objects.event import Event
from dirql.ke.processors.contract import contract
from dirql.ke.threads.apc import NormalRoutine
from dirql.nt.constants import IRP_MJ_FILE_SYSTEM_CONTROL, METHOD_IN_DIRECT, METHOD_NEITHER
from dirql.nt.control_code import access_from_ctl_code, method_from_ctl_code
from dirql.nt.ntstatus import nt_success
from dirql.nt.status import STATUS_ACCESS_VIOLATION, STATUS_INVALID_PARAMETER
from dirql.ob.manager import running as object_manager
from dirql.ob.waitable import event_of_handle

__all__ = ["fs_control_file"]

_FS_CONTROL_FILE: Final = contract("ZwFsControlFile")


def fs_control_file(
    file_handle: int,
    event: Event | int | None,
    apc_routine: NormalRoutine | None,
    apc_context: object,
    io_status_block: IoStatusBlock,
    fs_control_code: int,
    input_buffer: int | None,
    input_buffer_length: int,
    output_buffer: int | None,
    output_buffer_length: int,
) -> int:
    """Send a control code as IRP_MJ_FILE_SYSTEM_CONTROL with IRP_MN_USER_FS_REQUEST; follows ZwFsControlFile.

    The handle must grant the access that the code demands. The buffers are as for ZwDeviceIoControlFile.
    """
    _FS_CONTROL_FILE.check_with(file_handle, io_status_block)
    buffers = (input_buffer, input_buffer_length, output_buffer, output_buffer_length)
    _FS_CONTROL_FILE.check_arguments(
        file_handle, event, apc_routine, apc_context, io_status_block, fs_control_code, *buffers
    )
    found, signalled = event_of_handle(_FS_CONTROL_FILE, event)
    if not nt_success(found):
        return found
    access = access_from_ctl_code(fs_control_code)
    status, file = object_manager.value.handles.lookup(file_handle, FileObject, access)
    if file is None:
        return status
    method = method_from_ctl_code(fs_control_code)
    if method != METHOD_NEITHER and not (
        is_accessible(input_buffer, input_buffer_length, write=False)
        and is_accessible(output_buffer, output_buffer_length, write=method != METHOD_IN_DIRECT)
    ):
        return STATUS_ACCESS_VIOLATION
    if apc_routine is not None and file.completion_context is not None:
        return STATUS_INVALID_PARAMETER
    apc = None if apc_routine is None and apc_context is None else (apc_routine, apc_context)
    major = IRP_MJ_FILE_SYSTEM_CONTROL
    return send_control(file, signalled, io_status_block, fs_control_code, *buffers, apc, major)
