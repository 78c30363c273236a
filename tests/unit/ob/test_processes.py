# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads that attach to another process, processes by handle, and objects by name."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.ntstatus import StatusException
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, create_file, make_device, make_driver, succeed

PROCESS_ALL_ACCESS = 0x1F_FFFF
FSCTL_SAMPLE = wdm.CTL_CODE(wdm.FILE_DEVICE_FILE_SYSTEM, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)


def process_of(number: int) -> wdm.EPROCESS:
    status, process = wdm.PsLookupProcessByProcessId(number)
    assert status == wdm.STATUS_SUCCESS
    assert process is not None
    return process


def in_system_thread(routine: Callable[[object], object]) -> None:
    """Run a routine in a thread of the system process, and wait for its end."""
    status, handle, _ = wdm.PsCreateSystemThread(wdm.SYNCHRONIZE, None, None, routine, None)
    assert status == wdm.STATUS_SUCCESS
    assert handle is not None
    wdm.ZwWaitForSingleObject(handle, False, None)
    wdm.ZwClose(handle)


def readable(address: int) -> bool:
    try:
        wdm.RtlReadMemory(address, 4)
    except StatusException:
        return False
    return True


def test_a_system_thread_sees_the_memory_of_the_process_to_which_it_is_attached(machine: Machine) -> None:
    program = wdm.PsGetCurrentProcess()
    address = machine.hal.memory_manager.process.allocate(64).address
    wdm.RtlWriteMemory(address, b"data")
    seen: list[object] = []

    def look(_: object) -> None:
        state = wdm.KAPC_STATE()
        seen.append(readable(address))
        wdm.KeStackAttachProcess(program, state)
        seen.append((wdm.RtlReadMemory(address, 4), wdm.PsGetCurrentProcess() is program))
        seen.append((wdm.IoGetCurrentProcess() is program, wdm.PsGetCurrentProcessId()))
        wdm.KeUnstackDetachProcess(state)
        seen.append((readable(address), wdm.PsGetProcessId(wdm.PsGetCurrentProcess())))

    in_system_thread(look)
    assert seen == [False, (b"data", True), (True, 4), (False, 4)]


def test_attachments_nest_and_end_in_their_order(machine: Machine) -> None:
    own, system = wdm.PsGetCurrentProcess(), process_of(4)
    first, second = wdm.KAPC_STATE(), wdm.KAPC_STATE()
    found = []
    wdm.KeStackAttachProcess(system, first)
    found.append(wdm.PsGetCurrentProcess())
    wdm.KeStackAttachProcess(own, second)
    found.append(wdm.PsGetCurrentProcess())
    wdm.KeUnstackDetachProcess(second)
    found.append(wdm.PsGetCurrentProcess())
    wdm.KeUnstackDetachProcess(first)
    found.append(wdm.PsGetCurrentProcess())
    assert found == [system, own, system, own]


def test_a_state_that_was_used_or_is_another_threads_stops_the_system(machine: Machine) -> None:
    state = wdm.KAPC_STATE()
    wdm.KeStackAttachProcess(process_of(4), state)
    wdm.KeUnstackDetachProcess(state)
    with pytest.raises(BugCheck, match="must be called once for the state of the last") as caught:
        wdm.KeUnstackDetachProcess(state)
    assert caught.value.code == wdm.INVALID_PROCESS_DETACH_ATTEMPT


def test_the_old_attachment_does_not_nest(machine: Machine) -> None:
    own, system = wdm.PsGetCurrentProcess(), process_of(4)
    wdm.KeDetachProcess()
    wdm.KeAttachProcess(system)
    wdm.KeAttachProcess(system)
    assert wdm.PsGetCurrentProcess() is system
    with pytest.raises(BugCheck, match="use KeStackAttachProcess") as caught:
        wdm.KeAttachProcess(own)
    assert caught.value.code == wdm.INVALID_PROCESS_ATTACH_ATTEMPT


def test_a_detached_thread_has_its_own_process(machine: Machine) -> None:
    wdm.KeAttachProcess(process_of(4))
    wdm.KeDetachProcess()
    assert wdm.PsGetProcessId(wdm.PsGetCurrentProcess()) == 8


def test_a_request_that_leaves_the_thread_attached_stops_the_system(machine: Machine) -> None:
    def attach(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.KeStackAttachProcess(process_of(4), wdm.KAPC_STATE())
        return complete(irp)

    make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_READ: attach}), NAME, wdm.DO_BUFFERED_IO)
    _, handle = create_file(NAME, wdm.FILE_READ_DATA)
    assert handle is not None
    user = machine.hal.memory_manager.process.allocate(16).address
    with pytest.raises(BugCheck, match="call KeUnstackDetachProcess on each way out") as caught:
        wdm.ZwReadFile(handle, None, None, None, wdm.IO_STATUS_BLOCK(), user, 4, 0, None)
    assert (caught.value.code, caught.value.parameters[1]) == (wdm.APC_INDEX_MISMATCH, 1)


def test_a_thread_that_ends_attached_stops_the_system(machine: Machine) -> None:
    program = wdm.PsGetCurrentProcess()
    with pytest.raises(BugCheck, match="before it ends") as caught:
        in_system_thread(lambda _: wdm.KeStackAttachProcess(program, wdm.KAPC_STATE()))
    assert caught.value.code == wdm.INVALID_PROCESS_ATTACH_ATTEMPT


def test_the_handles_of_the_current_process_and_thread_are_always_open(machine: Machine) -> None:
    by_handle = wdm.ObReferenceObjectByHandle
    status, process, information = by_handle(wdm.ZwCurrentProcess(), 0, wdm.EPROCESS, wdm.KernelMode)
    assert (status, process) == (wdm.STATUS_SUCCESS, wdm.PsGetCurrentProcess())
    assert information is not None
    assert information.granted_access == PROCESS_ALL_ACCESS
    assert by_handle(wdm.ZwCurrentThread(), 0, wdm.ETHREAD, wdm.KernelMode)[1] is wdm.PsGetCurrentThread()
    wrong = by_handle(wdm.ZwCurrentThread(), 0, wdm.EPROCESS, wdm.KernelMode)
    assert wrong == (wdm.STATUS_OBJECT_TYPE_MISMATCH, None, None)


def test_a_process_is_opened_by_its_number_or_by_that_of_its_thread(machine: Machine) -> None:
    unnamed = wdm.OBJECT_ATTRIBUTES(None)
    status, handle = wdm.ZwOpenProcess(PROCESS_ALL_ACCESS, unnamed, wdm.CLIENT_ID(4, 0))
    assert (status, handle is not None) == (wdm.STATUS_SUCCESS, True)
    own = wdm.PsGetCurrentThreadId()
    assert wdm.ZwOpenProcess(0, unnamed, wdm.CLIENT_ID(0, own))[0] == wdm.STATUS_SUCCESS
    assert wdm.ZwOpenProcess(0, unnamed, wdm.CLIENT_ID(4, own))[0] == wdm.STATUS_INVALID_CID
    assert wdm.ZwOpenProcess(0, unnamed, wdm.CLIENT_ID(12, 0)) == (wdm.STATUS_INVALID_CID, None)
    named = wdm.ZwOpenProcess(0, wdm.OBJECT_ATTRIBUTES(r"\X"), wdm.CLIENT_ID(4, 0))
    assert named == (wdm.STATUS_INVALID_PARAMETER_MIX, None)


def test_facts_about_a_process(machine: Machine) -> None:
    address = wdm.ExAllocatePool2(wdm.POOL_FLAG_PAGED, 64, wdm.POOL_TAG("Test"))
    assert address is not None
    query, own = wdm.ZwQueryInformationProcess, wdm.ZwCurrentProcess()
    assert query(own, wdm.ProcessBasicInformation, address, 0x30) == (wdm.STATUS_SUCCESS, 0x30)
    facts = struct.unpack("<i4x2Qi4x2Q", wdm.RtlReadMemory(address, 0x30))
    assert facts == (wdm.STATUS_PENDING, 0, 1, 8, 8, 4)
    short = query(own, wdm.ProcessBasicInformation, address, 0x2F)
    assert short == (wdm.STATUS_INFO_LENGTH_MISMATCH, 0x30)
    assert query(own, wdm.ProcessDebugPort, address, 8) == (wdm.STATUS_SUCCESS, 8)
    assert wdm.RtlReadMemory(address, 8) == bytes(8)
    assert query(own, wdm.ProcessImageFileName, None, 0) == (wdm.STATUS_INFO_LENGTH_MISMATCH, 32)
    assert query(own, wdm.ProcessImageFileName, address, 64) == (wdm.STATUS_SUCCESS, 32)
    assert wdm.RtlReadMemory(address + 16, 16).decode("utf-16-le") == "program\0"
    assert query(own, 99, address, 64) == (wdm.STATUS_INVALID_INFO_CLASS, 0)
    assert query(0x7770, wdm.ProcessDebugPort, address, 8) == (wdm.STATUS_INVALID_HANDLE, 0)


def test_a_driver_is_found_by_its_name(machine: Machine) -> None:
    driver = make_driver({}, "sample")
    by_name = wdm.ObReferenceObjectByName
    found = by_name(r"\Driver\SAMPLE", 0, None, 0, wdm.DRIVER_OBJECT, wdm.KernelMode, None)
    assert found == (wdm.STATUS_SUCCESS, driver)
    assert by_name(r"\Driver\sample", 0, None, 0, None, wdm.KernelMode, None)[1] is driver
    wrong = by_name(r"\Driver\sample", 0, None, 0, wdm.DEVICE_OBJECT, wdm.KernelMode, None)
    assert wrong == (wdm.STATUS_OBJECT_TYPE_MISMATCH, None)
    missing = by_name(r"\Driver\other", 0, None, 0, wdm.DRIVER_OBJECT, wdm.KernelMode, None)
    assert missing == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)
    relative = by_name("sample", 0, None, 0, wdm.DRIVER_OBJECT, wdm.KernelMode, None)
    assert relative == (wdm.STATUS_OBJECT_PATH_SYNTAX_BAD, None)
    assert by_name("", 0, None, 0, None, wdm.KernelMode, None)[0] == wdm.STATUS_OBJECT_NAME_INVALID


def test_a_control_code_of_a_file_system_reaches_the_driver_as_such(machine: Machine) -> None:
    seen: list[tuple[int, int, int, int]] = []

    def control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        stack = wdm.IoGetCurrentIrpStackLocation(irp)
        asked = stack.parameters.file_system_control
        lengths = asked.input_buffer_length, asked.output_buffer_length
        seen.append((stack.minor_function, asked.fs_control_code, *lengths))
        address = irp.associated_irp.system_buffer
        assert address is not None
        wdm.RtlWriteMemory(address, b"answer")
        return complete(irp, wdm.STATUS_SUCCESS, 6)

    routines = {**OPEN_AND_CLOSE, wdm.IRP_MJ_FILE_SYSTEM_CONTROL: control, wdm.IRP_MJ_DEVICE_CONTROL: succeed}
    make_device(make_driver(routines), NAME)
    _, handle = create_file(NAME, wdm.FILE_READ_DATA)
    assert handle is not None
    user, block = machine.hal.memory_manager.process.allocate(16).address, wdm.IO_STATUS_BLOCK()
    send = wdm.ZwFsControlFile
    assert send(handle, None, None, None, block, FSCTL_SAMPLE, user, 4, user, 8) == wdm.STATUS_SUCCESS
    assert seen == [(0, FSCTL_SAMPLE, 4, 8)]
    assert (wdm.RtlReadMemory(user, 6), block.information) == (b"answer", 6)
    assert send(0x7770, None, None, None, block, FSCTL_SAMPLE, None, 0, None, 0) == wdm.STATUS_INVALID_HANDLE
