# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A program that has a device open, and a driver that completes its requests at once."""

from __future__ import annotations

from dirql.machine import Machine
from dirql.mm.process import UserBuffer
from dirql.wdm import (
    CTL_CODE,
    DEVICE_OBJECT,
    FILE_ANY_ACCESS,
    FILE_DEVICE_UNKNOWN,
    FILE_READ_DATA,
    FILE_WRITE_DATA,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    KEVENT,
    METHOD_BUFFERED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    IoMarkIrpPending,
    KeInitializeEvent,
    KeReadStateEvent,
    NotificationEvent,
    ZwDeviceIoControlFile,
)
from unit.io.making import (
    NAME,
    OPEN_AND_CLOSE,
    Dispatch,
    complete,
    create_file,
    make_device,
    make_driver,
)

IOCTL = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
BOTH = FILE_READ_DATA | FILE_WRITE_DATA
UNTOUCHED = 0x5555


class Program:
    """A program that has a device open, with a status block and an event of its own."""

    def __init__(
        self, machine: Machine, control: Dispatch, options: int = 0, access: int = BOTH, flags: int = 0
    ) -> None:
        routines = OPEN_AND_CLOSE | dict.fromkeys((IRP_MJ_DEVICE_CONTROL, IRP_MJ_READ, IRP_MJ_WRITE), control)
        self.device = make_device(make_driver(routines), NAME, flags)
        status, handle = create_file(NAME, access, options)
        assert status == STATUS_SUCCESS
        assert handle is not None
        self.handle = handle
        self.machine = machine
        self.iosb = IO_STATUS_BLOCK(UNTOUCHED, UNTOUCHED)
        self.event = KEVENT()
        KeInitializeEvent(self.event, NotificationEvent, True)

    def buffer(self, length: int, fill: bytes = b"") -> UserBuffer:
        buffer = self.machine.memory_manager.process.allocate(length)
        buffer.write(fill.ljust(length, b"."))
        return buffer

    def control(
        self, code: int = IOCTL, data: bytes = b"", output: UserBuffer | None = None, length: int = 0
    ) -> int:
        source = self.buffer(max(len(data), 1), data)
        target = output.address if output else None
        return ZwDeviceIoControlFile(
            self.handle, self.event, None, None, self.iosb, code, source.address, len(data), target, length
        )

    def result(self) -> tuple[int, int, int]:
        return self.iosb.status, self.iosb.information, KeReadStateEvent(self.event)


def ends_with(status: int, *, pending: bool, returned: int | None = None, information: int = 0) -> Dispatch:
    """Make a dispatch routine that completes the request at once, marked pending or not."""

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        if pending:
            IoMarkIrpPending(irp)
        complete(irp, status, information)
        return STATUS_PENDING if pending else status if returned is None else returned

    return dispatch
