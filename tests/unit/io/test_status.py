# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Statuses written as in C, as negative numbers: whoever gets one from a driver has the constant."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from compiled import no_integer
from dirql.io.errors import IoError
from dirql.io.loader import load_driver
from dirql.ke.threads.system_thread import create_thread
from dirql.machine import LoadError, Machine
from dirql.nt.ntstatus import StatusException
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_PNP,
    IRP_MJ_READ,
    KTHREAD,
    NT_SUCCESS,
    STATUS_DEVICE_BUSY,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    Executive,
    ExRaiseStatus,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCopyCurrentIrpStackLocationToNext,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoReuseIrp,
    IoSetCompletionRoutine,
    IoSkipCurrentIrpStackLocation,
    KernelMode,
    KeWaitForSingleObject,
    PsTerminateSystemThread,
)
from unit.io.making import NAME, OPEN_AND_CLOSE, make_device, make_driver, make_irp

SIGNED = -1073741823
BUSY_SIGNED = STATUS_DEVICE_BUSY - (1 << 32)


def fail(device: DEVICE_OBJECT, irp: IRP) -> int:
    irp.io_status.status = SIGNED
    IoCompleteRequest(irp, IO_NO_INCREMENT)
    return SIGNED


def send(device: DEVICE_OBJECT, major: int) -> tuple[int, list[int]]:
    """The value of IoCallDriver, and the statuses that the completion routine and the sender saw."""
    seen: list[int] = []

    def done(_device: object, irp: IRP, context: object) -> int:
        seen.append(irp.io_status.status)
        return STATUS_MORE_PROCESSING_REQUIRED - (1 << 32)

    irp = make_irp(2)
    IoGetNextIrpStackLocation(irp).major_function = major
    IoSetCompletionRoutine(irp, done, None, True, True, True)
    status = IoCallDriver(device, irp)
    seen.append(irp.io_status.status)
    IoFreeIrp(irp)
    return status, seen


def test_a_request_that_fails_with_a_negative_number_has_the_constant(machine: Machine) -> None:
    device = make_device(make_driver({IRP_MJ_READ: fail}))
    assert send(device, IRP_MJ_READ) == (STATUS_UNSUCCESSFUL, [STATUS_UNSUCCESSFUL] * 2)


def test_a_program_sees_the_constant(machine: Machine) -> None:
    make_device(make_driver({**OPEN_AND_CLOSE, IRP_MJ_DEVICE_CONTROL: fail}), NAME)
    with machine.open(NAME) as device, pytest.raises(IoError, match="STATUS_UNSUCCESSFUL") as caught:
        device.ioctl(0x22_0000)
    assert caught.value.status == STATUS_UNSUCCESSFUL


def test_a_driver_below_sees_the_constant(machine: Machine) -> None:
    """Plug and Play requests have a status on their way down, which a driver may have set."""
    below: list[int] = []

    def look(device: DEVICE_OBJECT, irp: IRP) -> int:
        below.append(irp.io_status.status)
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return below[-1]

    def passed(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = BUSY_SIGNED
        prepare[-1](irp)
        return IoCallDriver(lower, irp)

    lower = make_device(make_driver({IRP_MJ_PNP: look}, "lower"))
    upper = make_device(make_driver({IRP_MJ_PNP: passed}, "upper"))
    IoAttachDeviceToDeviceStack(upper, lower)
    prepare = [IoSkipCurrentIrpStackLocation, IoCopyCurrentIrpStackLocationToNext]
    while prepare:
        assert send(upper, IRP_MJ_PNP)[0] == STATUS_DEVICE_BUSY
        prepare.pop()
    assert below == [STATUS_DEVICE_BUSY] * 2


def test_DriverEntry_that_fails_with_a_negative_number_has_the_constant(machine: Machine) -> None:
    assert load_driver(lambda _driver, _path: SIGNED, "made") == (STATUS_UNSUCCESSFUL, None)
    driver = SimpleNamespace(DriverEntry=lambda _driver, _path: SIGNED, HARDWARE_IDS=())
    with pytest.raises(LoadError, match="STATUS_UNSUCCESSFUL") as caught:
        machine.load_driver(driver, "made")
    assert caught.value.status == STATUS_UNSUCCESSFUL


def test_a_thread_that_ends_with_a_negative_number_has_the_constant(machine: Machine) -> None:
    thread = create_thread(lambda _context: PsTerminateSystemThread(SIGNED), None)
    assert isinstance(thread, KTHREAD)
    assert KeWaitForSingleObject(thread, Executive, KernelMode, False, None) == STATUS_SUCCESS
    assert thread.exit_status == STATUS_UNSUCCESSFUL


def test_blocks_packets_and_exceptions_have_the_constant(machine: Machine) -> None:
    block = IO_STATUS_BLOCK(SIGNED)
    assert block.status == STATUS_UNSUCCESSFUL
    block.status = BUSY_SIGNED
    assert block.status == STATUS_DEVICE_BUSY
    sentence = "an NTSTATUS must be an integer such as STATUS_SUCCESS; it was None"
    with pytest.raises(TypeError, match=no_integer(sentence)):
        eval("setattr(block, 'status', None)", {"block": block})
    irp = make_irp(1)
    IoReuseIrp(irp, SIGNED)
    assert irp.io_status.status == STATUS_UNSUCCESSFUL
    IoFreeIrp(irp)
    with pytest.raises(StatusException) as caught:
        ExRaiseStatus(SIGNED)
    assert caught.value.status == STATUS_UNSUCCESSFUL
    assert not NT_SUCCESS(SIGNED)
    assert NT_SUCCESS(STATUS_SUCCESS)
