# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The boost that IoCompleteRequest gives to the thread which made the request."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.machine import Machine
from unit.io.making import OPEN_AND_CLOSE, create_file, keep, make_device, make_driver

NAME = r"\Device\Slow"


@pytest.mark.parametrize(
    ("boost", "priority"),
    [
        (wdm.IO_NO_INCREMENT, 8),
        (wdm.IO_DISK_INCREMENT, 9),
        (wdm.IO_KEYBOARD_INCREMENT, 14),
        (wdm.IO_SOUND_INCREMENT, 15),
        (-1, 8),
    ],
)
@pytest.mark.parametrize(
    "options", [0, wdm.FILE_SYNCHRONOUS_IO_NONALERT], ids=["asynchronous", "synchronous"]
)
def test_PRI_01_the_thread_that_waits_for_a_request_is_boosted(
    machine: Machine, boost: int, priority: int, options: int
) -> None:
    kept = list[wdm.IRP]()

    def pend(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        kept.append(irp)
        return keep(device, irp)

    make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_READ: pend}), NAME, wdm.DO_BUFFERED_IO)
    seen = list[int]()

    def program(_: object) -> None:
        handle = create_file(NAME, wdm.FILE_READ_DATA | wdm.SYNCHRONIZE, options)[1]
        assert handle is not None
        event, block = wdm.KEVENT(), wdm.IO_STATUS_BLOCK()
        wdm.KeInitializeEvent(event, wdm.NotificationEvent, False)
        if wdm.ZwReadFile(handle, event, None, None, block, None, 0, 0, None) == wdm.STATUS_PENDING:
            wdm.KeWaitForSingleObject(event, wdm.Executive, wdm.KernelMode, False, None)
        seen.append(wdm.KeQueryPriorityThread(wdm.KeGetCurrentThread()))
        wdm.ZwClose(handle)

    wdm.PsCreateSystemThread(0, None, None, program, None)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000_000)
    (irp,) = kept
    irp.io_status.status, irp.io_status.information = wdm.STATUS_SUCCESS, 0
    wdm.IoCompleteRequest(irp, boost)
    wdm.KeDelayExecutionThread(wdm.KernelMode, False, -10_000_000)
    assert seen == [priority]
