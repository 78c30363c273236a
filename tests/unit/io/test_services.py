# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The services for files: their arguments, and the end of a file object."""

from __future__ import annotations

import pytest

from dirql.io.shutdown import cancel_outstanding_requests
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    FILE_OPEN_IF,
    FILE_READ_DATA,
    FILE_SHARE_READ,
    FILE_SYNCHRONOUS_IO_NONALERT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_READ,
    OBJECT_ATTRIBUTES,
    PASSIVE_LEVEL,
    STATUS_CANCELLED,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED,
    STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_PENDING,
    STATUS_SUCCESS,
    InitializeObjectAttributes,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    KeDelayExecutionThread,
    KeGetCurrentIrql,
    KeLowerIrql,
    KeRaiseIrql,
    KernelMode,
    ZwClose,
    ZwCreateDirectoryObject,
    ZwCreateFile,
    ZwOpenFile,
    ZwReadFile,
)
from unit.io.making import (
    NAME,
    OPEN_AND_CLOSE,
    attributes,
    complete,
    create_file,
    make_device,
    make_driver,
)
from unit.io.program import BOTH, UNTOUCHED, Program

# The end of a file.


@pytest.mark.row("NAM-04")
def test_NAM_04_close_is_sent_at_passive_level(machine: Machine) -> None:
    """A DPC completes the last request of a file, and with it goes the last reference to the file."""
    levels: list[int] = []
    held: list[IRP] = []

    def hold(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        held.append(irp)
        return STATUS_PENDING

    def close(device: DEVICE_OBJECT, irp: IRP) -> int:
        levels.append(KeGetCurrentIrql())
        return complete(irp)

    device = make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_READ: hold, IRP_MJ_CLOSE: close}), NAME)
    _, handle = create_file(NAME, FILE_READ_DATA)
    assert handle is not None
    ZwReadFile(handle, None, None, None, IO_STATUS_BLOCK(), 0, 0, 0)
    ZwClose(handle)
    old_irql = KeRaiseIrql(DISPATCH_LEVEL)
    complete(held.pop())
    assert (levels, device.reference_count) == ([], 1)
    assert list(machine.io.open_files) != []
    KeLowerIrql(old_irql)
    machine.io.worker.flush()
    assert (levels, device.reference_count) == ([PASSIVE_LEVEL], 0)
    assert machine.io.open_files == {}


def test_closing_the_machine_waits_for_the_last_close(machine: Machine) -> None:
    closed: list[int] = []
    held: list[IRP] = []

    def hold(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoSetCancelRoutine(irp, cancel)
        held.append(irp)
        return STATUS_PENDING

    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(DISPATCH_LEVEL)
        complete(irp, STATUS_CANCELLED)
        KeLowerIrql(irp.cancel_irql)

    def close(device: DEVICE_OBJECT, irp: IRP) -> int:
        KeDelayExecutionThread(KernelMode, False, -10_000)
        closed.append(KeGetCurrentIrql())
        return complete(irp)

    make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_READ: hold, IRP_MJ_CLOSE: close}), NAME)
    machine.open(NAME).read_overlapped(0)
    cancel_outstanding_requests()
    assert closed == [PASSIVE_LEVEL]


# Arguments of the services.


def test_ZwOpenFile_opens_by_a_name_below_a_directory(machine: Machine) -> None:
    iosb = IO_STATUS_BLOCK(UNTOUCHED, UNTOUCHED)
    assert ZwOpenFile(0, attributes(r"\Below\Device"), iosb, 0, 0) == (STATUS_OBJECT_PATH_NOT_FOUND, None)
    status, directory = ZwCreateDirectoryObject(0, attributes(r"\Below"))
    assert status == STATUS_SUCCESS
    make_device(make_driver(OPEN_AND_CLOSE), r"\Below\Device")
    relative = OBJECT_ATTRIBUTES()
    InitializeObjectAttributes(relative, "Device", 0, directory, None)
    status, handle = ZwOpenFile(0, relative, iosb, 0, 0)
    assert (status, iosb.status) == (STATUS_SUCCESS, STATUS_SUCCESS)
    assert handle is not None
    ZwClose(handle)


def test_what_a_create_request_holds(machine: Machine) -> None:
    seen: list[tuple[int, int, int, int]] = []

    def create(device: DEVICE_OBJECT, irp: IRP) -> int:
        made = IoGetCurrentIrpStackLocation(irp).parameters.create
        access = made.security_context.desired_access
        seen.append((access, made.options, made.file_attributes, made.share_access))
        return complete(irp, STATUS_SUCCESS, 1)

    make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_CREATE: create}), NAME)
    iosb = IO_STATUS_BLOCK()
    name, options = attributes(NAME), FILE_SYNCHRONOUS_IO_NONALERT
    status, _ = ZwCreateFile(BOTH, name, iosb, None, 0x80, FILE_SHARE_READ, FILE_OPEN_IF, options, None, 0)
    assert (status, iosb.information) == (STATUS_SUCCESS, 1)
    assert seen == [(BOTH, FILE_OPEN_IF << 24 | options, 0x80, FILE_SHARE_READ)]


@pytest.mark.parametrize(
    ("disposition", "ea_length", "status"),
    [(6, 0, STATUS_INVALID_PARAMETER), (-1, 0, STATUS_INVALID_PARAMETER), (1, 8, STATUS_NOT_SUPPORTED)],
)
def test_arguments_of_a_create_that_are_refused(
    machine: Machine, disposition: int, ea_length: int, status: int
) -> None:
    make_device(make_driver(OPEN_AND_CLOSE), NAME)
    iosb = IO_STATUS_BLOCK()
    arguments = (0, attributes(NAME), iosb, None, 0, 0, disposition, 0, None, ea_length)
    assert ZwCreateFile(*arguments) == (status, None)


@pytest.mark.parametrize("synchronous", [True, False])
def test_a_read_without_an_offset_begins_at_the_files_position(machine: Machine, synchronous: bool) -> None:
    offsets: list[int] = []

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        location = IoGetCurrentIrpStackLocation(irp)
        offsets.append(location.parameters.read.byte_offset)
        assert location.file_object is not None
        location.file_object.current_byte_offset += 5
        return complete(irp)

    program = Program(machine, read, FILE_SYNCHRONOUS_IO_NONALERT if synchronous else 0)
    returned = [ZwReadFile(program.handle, None, None, None, program.iosb, 0, 0, None) for _ in range(2)]
    assert returned == [STATUS_SUCCESS if synchronous else STATUS_INVALID_PARAMETER] * 2
    assert offsets == ([0, 5] if synchronous else [])
