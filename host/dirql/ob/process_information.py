# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Processes by handle: opening one, and the facts that ZwQueryInformationProcess tells."""

from __future__ import annotations

import struct
from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import DEFAULT_PRIORITY
from dirql.mm import memory
from dirql.nt.constants import (
    ProcessBasicInformation,
    ProcessBreakOnTermination,
    ProcessDebugPort,
    ProcessImageFileName,
    ProcessWow64Information,
)
from dirql.nt.status import (
    STATUS_INFO_LENGTH_MISMATCH,
    STATUS_INVALID_CID,
    STATUS_INVALID_INFO_CLASS,
    STATUS_INVALID_PARAMETER_MIX,
    STATUS_PENDING,
    STATUS_SUCCESS,
)
from dirql.ob.attributes import ObjectAttributes
from dirql.ob.manager import (
    CURRENT_PROCESS,
    CURRENT_THREAD,
    handle_flags,
    has_name,
    running as object_manager,
)
from dirql.ob.process import SYSTEM_ID, KernelProcess
from dirql.ob.services import ClientId

__all__ = [
    "current_process_handle",
    "current_thread_handle",
    "open_process",
    "process_of_handle",
    "query_process",
]

_CURRENT_PROCESS: Final = contract("ZwCurrentProcess")
_CURRENT_THREAD: Final = contract("ZwCurrentThread")
_OPEN_PROCESS: Final = contract("ZwOpenProcess")
_QUERY_PROCESS: Final = contract("ZwQueryInformationProcess")

_BASIC: Final = struct.Struct("<I4x2Qi4x2Q")
_STRING: Final = struct.Struct("<HH4xQ")
"""The layouts of PROCESS_BASIC_INFORMATION and of UNICODE_STRING."""
_SIZES: Final = {
    ProcessBasicInformation: _BASIC.size,
    ProcessDebugPort: 8,
    ProcessWow64Information: 8,
    ProcessBreakOnTermination: 4,
}
"""The bytes of each answer that has one size."""


def current_process_handle() -> int:
    """The handle that stands for the current process, which is always open; follows ZwCurrentProcess."""
    return CURRENT_PROCESS


def current_thread_handle() -> int:
    """The handle that stands for the current thread, which is always open; follows ZwCurrentThread."""
    return CURRENT_THREAD


def process_of_handle(handle: int | None, access: int = 0) -> tuple[int, KernelProcess | None]:
    """The process of a handle that grants all bits of `access`, ZwCurrentProcess included: (status, process)."""
    manager = object_manager.value
    own = manager.current_of(handle)
    if isinstance(own, KernelProcess):
        return STATUS_SUCCESS, own
    return manager.handles.lookup(handle or 0, KernelProcess, access)


def open_process(
    desired_access: int, object_attributes: ObjectAttributes, client_id: ClientId | None
) -> tuple[int, int | None]:
    """Open a process by its number: (status, handle); follows ZwOpenProcess.

    STATUS_INVALID_CID if there is no such process, or if `client_id` names a thread that is not in it;
    STATUS_INVALID_PARAMETER_MIX with a name, since no process has one, and without `client_id`.
    """
    _OPEN_PROCESS.check_with(desired_access, object_attributes, client_id)
    _OPEN_PROCESS.check_arguments(desired_access, object_attributes, client_id)
    if client_id is None or has_name(object_attributes):
        return STATUS_INVALID_PARAMETER_MIX, None
    manager = object_manager.value
    number, thread = client_id.unique_process, client_id.unique_thread
    for process in (manager.system_process, manager.program_process):
        if thread:
            is_it = any(each.number == thread and process.has(each) for each in current.kernel.threads)
            is_it = is_it and number in (0, process.number)
        else:
            is_it = process.number == number
        if is_it:
            flags = handle_flags(object_attributes)
            return STATUS_SUCCESS, manager.handles.insert(manager.header_of(process), desired_access, flags)
    return STATUS_INVALID_CID, None


def query_process(
    process_handle: int | None,
    process_information_class: int,
    process_information: int | None,
    process_information_length: int,
) -> tuple[int, int]:
    """Write facts about a process to an address; follows ZwQueryInformationProcess.

    Returns the status and the bytes of the answer. STATUS_INFO_LENGTH_MISMATCH if the buffer has another size, or is
    too short for a name.
    """
    _QUERY_PROCESS.check_level(process_handle)
    _QUERY_PROCESS.check_arguments(
        process_handle, process_information_class, process_information, process_information_length
    )
    if type(process_information) is not int and process_information is not None:
        _QUERY_PROCESS.refuse_argument("ProcessInformation", "an address, or NULL", process_information)
    named = process_information_class == ProcessImageFileName
    size = _SIZES.get(process_information_class)
    if size is None and not named:
        return STATUS_INVALID_INFO_CLASS, 0
    if size is not None and (process_information_length != size or process_information is None):
        return STATUS_INFO_LENGTH_MISMATCH, size
    status, process = process_of_handle(process_handle)
    if process is None:
        return status, 0
    if named:
        return _name(process, process_information, process_information_length)
    assert size is not None
    assert process_information is not None
    answer = _basic(process) if process_information_class == ProcessBasicInformation else bytes(size)
    memory.write(process_information, answer)
    return STATUS_SUCCESS, size


def _basic(process: KernelProcess) -> bytes:
    affinity = (1 << len(current.kernel.processors)) - 1
    parent = 0 if process.is_system else SYSTEM_ID
    return _BASIC.pack(STATUS_PENDING, 0, affinity, DEFAULT_PRIORITY, process.number, parent)


def _name(process: KernelProcess, address: int | None, length: int) -> tuple[int, int]:
    """Write the name of the image as a UNICODE_STRING with its text; the system process has none."""
    text = b"" if process.is_system else process.image_name.encode("utf-16-le")
    needed = _STRING.size + (len(text) + 2 if text else 0)
    if length < needed or address is None:
        return STATUS_INFO_LENGTH_MISMATCH, needed
    head = _STRING.pack(len(text), len(text) + 2 if text else 0, address + _STRING.size if text else 0)
    memory.write(address, head + (text + b"\0\0" if text else b""))
    return STATUS_SUCCESS, needed
