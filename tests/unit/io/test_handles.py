# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Handles of threads and files, and the objects behind them."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.ntstatus import StatusException
from dirql.wdm import (
    FILE_OBJECT,
    FILE_READ_DATA,
    FILE_WRITE_DATA,
    KTHREAD,
    STATUS_ACCESS_DENIED,
    STATUS_ACCESS_VIOLATION,
    STATUS_INVALID_HANDLE,
    STATUS_OBJECT_TYPE_MISMATCH,
    STATUS_SUCCESS,
    THREAD_ALL_ACCESS,
    IoAllocateMdl,
    IoFreeMdl,
    IoReadAccess,
    KeDelayExecutionThread,
    KernelMode,
    KeWaitForSingleObject,
    MmProbeAndLockPages,
    MmUnlockPages,
    ObDereferenceObject,
    ObReferenceObject,
    ObReferenceObjectByHandle,
    PsCreateSystemThread,
    RtlReadMemory,
    UserMode,
    ZwClose,
)
from unit.io.making import NAME, OPEN_AND_CLOSE, create_file, make_device, make_driver


def start_thread(ran: list[object]) -> int:
    status, handle, client = PsCreateSystemThread(THREAD_ALL_ACCESS, None, None, ran.append, "context")
    assert status == STATUS_SUCCESS
    assert handle is not None
    assert client is not None
    assert client.unique_thread > 0
    return handle


def test_a_driver_waits_for_its_thread_by_the_handle(machine: Machine) -> None:
    ran: list[object] = []
    handle = start_thread(ran)
    status, thread, information = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, KTHREAD, KernelMode)
    assert status == STATUS_SUCCESS
    assert thread is not None
    assert information is not None
    assert information.granted_access == THREAD_ALL_ACCESS
    assert ZwClose(handle) == STATUS_SUCCESS
    assert KeWaitForSingleObject(thread) == STATUS_SUCCESS
    assert ran == ["context"]
    assert ObDereferenceObject(thread) == 0
    assert machine.objects.handles.open_handles() == []
    with pytest.raises(BugCheck) as stopped:
        ObDereferenceObject(thread)
    assert stopped.value.code == 0x18


def test_references_to_a_thread_are_counted(machine: Machine) -> None:
    handle = start_thread([])
    _, thread, _ = ObReferenceObjectByHandle(handle, 0, None, KernelMode)
    assert isinstance(thread, KTHREAD)
    assert ObReferenceObject(thread) == 3  # the handle, ObReferenceObjectByHandle and this call
    assert [ObDereferenceObject(thread) for _ in range(2)] == [2, 1]
    ZwClose(handle)


def test_the_object_of_a_handle_must_be_what_the_driver_expects(machine: Machine) -> None:
    make_device(make_driver(OPEN_AND_CLOSE), NAME)
    _, handle = create_file(NAME, FILE_READ_DATA)
    assert handle is not None
    assert ObReferenceObjectByHandle(handle, 0, KTHREAD, KernelMode) == (
        STATUS_OBJECT_TYPE_MISMATCH,
        None,
        None,
    )
    assert ObReferenceObjectByHandle(handle + 4, 0, None, KernelMode) == (STATUS_INVALID_HANDLE, None, None)
    denied = ObReferenceObjectByHandle(handle, FILE_WRITE_DATA, FILE_OBJECT, UserMode)
    assert denied == (STATUS_ACCESS_DENIED, None, None)
    status, file, _ = ObReferenceObjectByHandle(handle, FILE_WRITE_DATA, FILE_OBJECT, KernelMode)
    assert (status, isinstance(file, FILE_OBJECT)) == (STATUS_SUCCESS, True)
    assert file is not None
    assert ObDereferenceObject(file) == 1


def test_MDL_14_a_system_thread_has_no_user_addresses(machine: Machine) -> None:
    """A routine of a driver that runs in a program's thread has the program's addresses, a system thread has none."""
    buffer = machine.memory_manager.process.allocate(10)
    outcome: list[object] = []

    def look(_context: object) -> None:
        try:
            outcome.append(RtlReadMemory(buffer.address, 10))
        except StatusException as error:
            outcome.append(error.status)
        mdl = IoAllocateMdl(buffer.address, 10, False, False, None)
        assert mdl is not None
        try:
            MmProbeAndLockPages(mdl, UserMode, IoReadAccess)
        except StatusException as error:
            outcome.append(error.status)
        else:
            MmUnlockPages(mdl)
        IoFreeMdl(mdl)

    look(None)
    assert outcome == [buffer.read()]
    outcome.clear()
    status, handle, _ = PsCreateSystemThread(THREAD_ALL_ACCESS, None, None, look, None)
    assert status == STATUS_SUCCESS
    assert handle is not None
    KeDelayExecutionThread(KernelMode, False, -10_000)
    assert outcome == [STATUS_ACCESS_VIOLATION] * 2
    ZwClose(handle)
