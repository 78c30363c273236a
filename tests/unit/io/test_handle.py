# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Handles and overlapped requests, as programs have them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.rtl.statuses import dos_error
from dirql.wdm import (
    CTL_CODE,
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    ERROR_FILE_NOT_FOUND,
    ERROR_GEN_FAILURE,
    ERROR_INVALID_FUNCTION,
    ERROR_IO_PENDING,
    ERROR_MORE_DATA,
    ERROR_OPERATION_ABORTED,
    ERROR_SUCCESS,
    FILE_ANY_ACCESS,
    FILE_DEVICE_UNKNOWN,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    METHOD_BUFFERED,
    STATUS_BUFFER_OVERFLOW,
    STATUS_CANCELLED,
    STATUS_DEVICE_DATA_ERROR,
    STATUS_INVALID_HANDLE,
    STATUS_NOT_FOUND,
    STATUS_OBJECT_NAME_NOT_FOUND,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    MmGetSystemAddressForMdlSafe,
    NormalPagePriority,
    RtlReadMemory,
    RtlWriteMemory,
)
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, make_device, make_driver

IOCTL_REVERSE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
IOCTL_FAIL = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
IOCTL_TRUNCATE = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
BYTES = 1 << 16


class Disk:
    """A device with a piece of memory and some control codes; in the mode `hold` it keeps the requests that it gets."""

    def __init__(self, flags: int = DO_DIRECT_IO) -> None:
        self.data = bytearray(BYTES)
        self.hold = False
        self.held: list[IRP] = []
        routines = OPEN_AND_CLOSE | {
            IRP_MJ_READ: self.move,
            IRP_MJ_WRITE: self.move,
            IRP_MJ_DEVICE_CONTROL: self.control,
        }
        make_device(make_driver(routines), NAME, flags)

    def move(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        if self.hold:
            IoMarkIrpPending(irp)
            IoSetCancelRoutine(irp, self.cancel)
            self.held.append(irp)
            return STATUS_PENDING
        return self.finish(irp)

    def cancel(self, device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        self.held.remove(irp)
        complete(irp, STATUS_CANCELLED)

    def release(self) -> None:
        irp = self.held.pop(0)
        IoSetCancelRoutine(irp, None)
        self.finish(irp)

    def finish(self, irp: IRP) -> int:
        location = IoGetCurrentIrpStackLocation(irp)
        length, offset = location.parameters.read.length, location.parameters.read.byte_offset
        if length == 0:
            return complete(irp)
        address = irp.associated_irp.system_buffer
        if irp.mdl_address is not None:
            address = MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
        assert address is not None
        if location.major_function == IRP_MJ_WRITE:
            self.data[offset : offset + length] = RtlReadMemory(address, length)
        else:
            RtlWriteMemory(address, self.data[offset : offset + length])
        return complete(irp, STATUS_SUCCESS, length)

    def control(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        control = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
        if control.io_control_code == IOCTL_FAIL:
            return complete(irp, STATUS_DEVICE_DATA_ERROR)
        buffer = irp.associated_irp.system_buffer
        assert buffer is not None
        answer = RtlReadMemory(buffer, control.input_buffer_length)[::-1]
        fits = answer[: control.output_buffer_length]
        RtlWriteMemory(buffer, fits)
        truncated = control.io_control_code == IOCTL_TRUNCATE
        return complete(irp, STATUS_BUFFER_OVERFLOW if truncated else STATUS_SUCCESS, len(fits))


@given(
    data=st.binary(max_size=12_000),
    offset=st.integers(0, 1000),
    flags=st.sampled_from([DO_DIRECT_IO, DO_BUFFERED_IO]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
def test_what_is_written_is_read(machine: Machine, data: bytes, offset: int, flags: int) -> None:
    for driver in list(machine.io.drivers.values()):
        if driver.driver_extension.service_key_name == "made":
            machine.objects.namespace.remove(driver)
            machine.objects.namespace.remove(driver.devices()[0])
            del machine.io.drivers["made"]
    disk = Disk(flags)
    with machine.open(NAME) as handle:
        assert handle.write(data, offset) == len(data)
        assert bytes(disk.data[offset : offset + len(data)]) == data
        assert handle.read(len(data), offset) == data
        assert handle.write(memoryview(data), offset) == len(data)
    held = machine.memory_manager.statistics()
    assert (held.mdls, held.locked_mdls, held.nonpaged_pool.blocks, held.user_buffers["user"]) == (0, 0, 0, 0)
    assert machine.io.live_irps == {}


@pytest.mark.parametrize("flags", [DO_DIRECT_IO, DO_BUFFERED_IO, 0])
@pytest.mark.parametrize("moved", [0, 512])
def test_BUF_09_a_driver_that_moves_nothing_gives_no_old_data(
    machine: Machine, flags: int, moved: int
) -> None:
    """The driver says that it has moved all; of a read it writes `moved` bytes."""

    def move(device: DEVICE_OBJECT, irp: IRP) -> int:
        location = IoGetCurrentIrpStackLocation(irp)
        address = irp.associated_irp.system_buffer if flags & DO_BUFFERED_IO else irp.user_buffer
        if irp.mdl_address is not None:
            address = MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
        assert address is not None
        if location.major_function == IRP_MJ_READ:
            RtlWriteMemory(address, data[:moved])
        return complete(irp, STATUS_SUCCESS, location.parameters.read.length)

    data = b"\xee" * 6000
    make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_READ: move, IRP_MJ_WRITE: move}), NAME, flags)
    with machine.open(NAME) as handle:
        handle.write(data)
        back = handle.read(len(data))
    assert back[:moved] == data[:moved]
    assert b"\0" not in back[moved:]
    assert b"\xee" * 8 not in back[moved:]


def test_BUF_09_the_output_of_a_control_request_that_was_not_written(machine: Machine) -> None:
    def control(device: DEVICE_OBJECT, irp: IRP) -> int:
        return complete(irp, STATUS_SUCCESS, 100)

    make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_DEVICE_CONTROL: control}), NAME)
    with machine.open(NAME) as handle:
        output = handle.ioctl(IOCTL_REVERSE, b"in", 100)
    assert output[:2] == b"in"  # input and output share the system buffer
    assert b"\0" not in output


def test_control_codes(machine: Machine) -> None:
    Disk()
    with machine.open(NAME) as handle:
        assert handle.ioctl(IOCTL_REVERSE, b"abc", 10) == b"cba"
        assert handle.ioctl(IOCTL_TRUNCATE, b"abcdef", 2) == b"fe"
        with pytest.raises(IoError, match="control code 0x00222004") as failed:
            handle.ioctl(IOCTL_FAIL)
    assert failed.value.status == STATUS_DEVICE_DATA_ERROR
    assert failed.value.device == NAME
    assert isinstance(failed.value, OSError)
    assert failed.value.errno == failed.value.win32 == 23


@pytest.mark.row("HIO-10")
def test_HIO_10_overlapped(machine: Machine) -> None:
    disk = Disk()
    disk.hold = True
    with machine.open(NAME) as handle:
        request = handle.write_overlapped(b"later", 3)
        assert (request.status, request.has_completed, dos_error(request.status)) == (
            STATUS_PENDING,
            False,
            ERROR_IO_PENDING,
        )
        assert "write of 5 bytes at 0x3" in repr(request)
        disk.release()
        assert request.has_completed
        assert request.wait(0)
        assert (request.status, request.information, request.result()) == (STATUS_SUCCESS, 5, b"")
        assert request.result() == b""
        disk.hold = False
        at_once = handle.read_overlapped(5, 3)
        assert at_once.has_completed
        assert at_once.result() == b"later"


@pytest.mark.row("HIO-11")
def test_HIO_11_cancel_of_overlapped(machine: Machine) -> None:
    disk = Disk()
    disk.hold = True
    with machine.open(NAME) as handle:
        first, second = handle.read_overlapped(4), handle.read_overlapped(4)
        assert first.cancel()
        assert not first.cancel()
        assert second.status == STATUS_PENDING
        with pytest.raises(IoError) as failed:
            first.result()
        assert failed.value.win32 == ERROR_OPERATION_ABORTED
        assert handle.cancel() == STATUS_SUCCESS
        assert second.status == STATUS_CANCELLED
        assert handle.cancel() == STATUS_NOT_FOUND


def test_waiting_with_a_time_out(machine: Machine) -> None:
    disk = Disk()
    disk.hold = True
    with machine.open(NAME) as handle:
        request = handle.read_overlapped(4)
        before = machine.target.now()
        assert not request.wait(0.001)
        passed = machine.target.now() - before
        assert 0.0009 < passed / machine.target.frequency < 0.0015
        with pytest.raises(ValueError, match="a time-out must be a number of seconds"):
            request.wait(-1)
        thread = machine.create_thread(disk.release)
        assert request.wait(1)
        thread.join()


def test_a_read_waits_for_its_end(machine: Machine) -> None:
    disk = Disk()
    disk.data[:3] = b"abc"
    disk.hold = True
    with machine.open(NAME) as handle:
        thread = machine.create_thread(disk.release)
        assert handle.read(3) == b"abc"
        thread.join()


def test_a_closed_handle(machine: Machine) -> None:
    Disk()
    handle = machine.open(NAME)
    assert handle.is_open
    handle.close()
    handle.close()
    assert not handle.is_open
    with pytest.raises(IoError, match="read after close") as failed:
        handle.read(1)
    assert failed.value.status == STATUS_INVALID_HANDLE
    assert "closed" in repr(handle)


def test_names_of_devices(machine: Machine) -> None:
    with pytest.raises(IoError, match=r"open on .*STATUS_OBJECT_NAME_NOT_FOUND") as failed:
        machine.open(r"\\.\None")
    assert failed.value.status == STATUS_OBJECT_NAME_NOT_FOUND
    assert failed.value.win32 == ERROR_FILE_NOT_FOUND
    with pytest.raises(ValueError, match="must start with a backslash"):
        machine.open("None")


@pytest.mark.parametrize(
    "call",
    [
        lambda handle: handle.read(-1),
        lambda handle: handle.read(1, -1),
        lambda handle: handle.read(1 << 32),
        lambda handle: handle.ioctl(1 << 32),
        lambda handle: handle.ioctl(-1),
        lambda handle: handle.ioctl(0, b"", -1),
        lambda handle: handle.write(b"x", 1 << 63),
    ],
)
def test_bad_arguments(machine: Machine, call: object) -> None:
    Disk()
    assert callable(call)
    with machine.open(NAME) as handle, pytest.raises(ValueError, match=r"must (be|have)"):
        call(handle)


def test_arguments_of_the_wrong_type(machine: Machine) -> None:
    Disk()
    text: Any = "text"
    with machine.open(NAME) as handle, pytest.raises(TypeError):
        handle.write(text)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (STATUS_SUCCESS, ERROR_SUCCESS),
        (0x4000_0001, ERROR_SUCCESS),
        (STATUS_PENDING, ERROR_IO_PENDING),
        (STATUS_CANCELLED, ERROR_OPERATION_ABORTED),
        (STATUS_NOT_FOUND, 1168),
        (0xC000_0010, ERROR_INVALID_FUNCTION),
        (STATUS_BUFFER_OVERFLOW, ERROR_MORE_DATA),
        (STATUS_UNSUCCESSFUL, ERROR_GEN_FAILURE),
        (0xC000_0023, 122),
        (0xC000_0034, 2),
        (0xC000_0022, 5),
        (0xC000_00BB, 50),
        (0xC000_FFFF, ERROR_GEN_FAILURE),
    ],
)
def test_win32_codes(status: int, code: int) -> None:
    assert dos_error(status) == code


def test_a_handle_after_a_bug_check(machine: Machine) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        raise ZeroDivisionError

    make_device(make_driver(OPEN_AND_CLOSE | {IRP_MJ_READ: read}), NAME)
    with pytest.raises(BugCheck), machine.open(NAME) as handle:
        handle.read(0)
    with pytest.raises(BugCheck):
        Handle(NAME)
