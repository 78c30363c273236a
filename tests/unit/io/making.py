# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes drivers of a few functions, devices and files, for tests of several files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dirql.io.loader import load_driver
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_DEVICE_INITIALIZING,
    DRIVER_OBJECT,
    FILE_DEVICE_UNKNOWN,
    FILE_OPEN,
    IO_NO_INCREMENT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    NT_SUCCESS,
    OBJECT_ATTRIBUTES,
    POOL_FLAG_PAGED,
    POOL_TAG,
    STATUS_PENDING,
    STATUS_SUCCESS,
    UNICODE_STRING,
    ExAllocatePool2,
    InitializeObjectAttributes,
    IoAllocateIrp,
    IoCompleteRequest,
    IoCreateDevice,
    RtlFillMemory,
    ZwCreateFile,
)

Dispatch = Callable[[DEVICE_OBJECT, IRP], int]

NAME = r"\Device\Made"


def complete(irp: IRP, status: int = STATUS_SUCCESS, information: int = 0) -> int:
    irp.io_status.status = status
    irp.io_status.information = information
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return status


def succeed(device: DEVICE_OBJECT, irp: IRP) -> int:
    return complete(irp)


def keep(device: DEVICE_OBJECT, irp: IRP) -> int:
    """A dispatch routine that neither completes nor forwards, so that the sender still has the request."""
    return STATUS_PENDING


OPEN_AND_CLOSE: dict[int, Dispatch] = {
    IRP_MJ_CREATE: succeed,
    IRP_MJ_CLEANUP: succeed,
    IRP_MJ_CLOSE: succeed,
}


def make_driver(
    routines: dict[int, Dispatch] | None = None, name: str = "made", **fields: Any
) -> DRIVER_OBJECT:
    """Load a driver with these dispatch routines and these fields of the driver object."""

    def entry(driver: DRIVER_OBJECT, registry_path: str) -> int:
        for major, routine in (routines or {}).items():
            driver.major_function[major] = routine
        for field, value in fields.items():
            setattr(driver, field, value)
        return STATUS_SUCCESS

    status, driver = load_driver(entry, name)
    assert NT_SUCCESS(status)
    assert driver is not None
    return driver


def make_device(
    driver: DRIVER_OBJECT, name: str | None = None, flags: int = 0, extension: type | None = None
) -> DEVICE_OBJECT:
    """Make a device of the driver that can be opened."""
    status, device = IoCreateDevice(driver, extension, name, FILE_DEVICE_UNKNOWN, 0, False)
    assert NT_SUCCESS(status)
    assert device is not None
    device.flags |= flags
    device.flags &= ~DO_DEVICE_INITIALIZING
    return device


def empty_string(size: int) -> UNICODE_STRING:
    """A string without text in a buffer of `size` bytes, which are 0x55."""
    buffer = ExAllocatePool2(POOL_FLAG_PAGED, size, POOL_TAG("Test"))
    assert buffer is not None
    RtlFillMemory(buffer, size, 0x55)
    return UNICODE_STRING(0, size, buffer)


def attributes(name: str, flags: int = 0) -> OBJECT_ATTRIBUTES:
    made = OBJECT_ATTRIBUTES()
    InitializeObjectAttributes(made, name, flags, None, None)
    return made


def create_file(name: str, access: int = 0, options: int = 0) -> tuple[int, int | None]:
    """Open a device as a program does, through ZwCreateFile."""
    iosb = IO_STATUS_BLOCK()
    return ZwCreateFile(access, attributes(name), iosb, None, 0, 0, FILE_OPEN, options, None, 0)


def make_irp(stack_size: int) -> IRP:
    irp = IoAllocateIrp(stack_size, False)
    assert irp is not None
    return irp
