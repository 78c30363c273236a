# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Arguments of the services for files: handles of events, and generic rights."""

from __future__ import annotations

from collections.abc import Callable

from dirql import wdm
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, create_file, make_device, make_driver

REQUESTS = (wdm.IRP_MJ_READ, wdm.IRP_MJ_WRITE, wdm.IRP_MJ_DEVICE_CONTROL)


def test_the_event_of_a_request_may_be_a_handle(machine: Machine) -> None:
    """WDK: Event of ZwReadFile, ZwWriteFile and ZwDeviceIoControlFile is a handle of ZwCreateEvent."""
    routines = {**OPEN_AND_CLOSE, **dict.fromkeys(REQUESTS, lambda _, irp: complete(irp))}
    make_device(make_driver(routines), NAME)
    _, file = create_file(NAME, wdm.GENERIC_READ | wdm.GENERIC_WRITE)
    _, event = wdm.ZwCreateEvent(wdm.EVENT_ALL_ACCESS, None, wdm.NotificationEvent, False)
    assert file is not None
    assert event is not None
    code = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, 0x800, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
    block = wdm.IO_STATUS_BLOCK()
    calls: tuple[Callable[[int], int], ...] = (
        lambda event: wdm.ZwReadFile(file, event, None, None, block, None, 0, 0, None),
        lambda event: wdm.ZwWriteFile(file, event, None, None, block, None, 0, 0, None),
        lambda event: wdm.ZwDeviceIoControlFile(file, event, None, None, block, code, None, 0, None, 0),
    )
    for call in calls:
        assert call(event) == wdm.STATUS_SUCCESS
        assert wdm.ZwResetEvent(event) == (wdm.STATUS_SUCCESS, 1)
        assert call(file) == wdm.STATUS_OBJECT_TYPE_MISMATCH
        assert call(12345) == wdm.STATUS_INVALID_HANDLE
        assert call(0) == wdm.STATUS_SUCCESS


def test_generic_rights_are_those_of_files(machine: Machine) -> None:
    seen: list[int] = []

    def create(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        context = wdm.IoGetCurrentIrpStackLocation(irp).parameters.create.security_context
        assert context is not None
        seen.append(context.desired_access)
        return complete(irp)

    make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_CREATE: create}), NAME)
    for generic in (wdm.GENERIC_READ, wdm.GENERIC_WRITE, wdm.GENERIC_EXECUTE, wdm.GENERIC_ALL):
        _, file = create_file(NAME, generic)
        assert file is not None
        wdm.ZwClose(file)
    assert seen == [0x12_0089, 0x12_0116, 0x12_00A0, 0x1F_01FF]
