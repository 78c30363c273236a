# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The services for files: the effects of a request on the status block, the event and the buffers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    CTL_CODE,
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    FILE_ANY_ACCESS,
    FILE_DEVICE_UNKNOWN,
    FILE_READ_ACCESS,
    FILE_READ_DATA,
    FILE_SYNCHRONOUS_IO_NONALERT,
    FILE_WRITE_ACCESS,
    FILE_WRITE_DATA,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    IRP_MJ_CREATE,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    KDPC,
    KTIMER,
    MDL_WRITE_OPERATION,
    METHOD_BUFFERED,
    METHOD_IN_DIRECT,
    METHOD_NEITHER,
    METHOD_OUT_DIRECT,
    STATUS_ACCESS_DENIED,
    STATUS_ACCESS_VIOLATION,
    STATUS_BUFFER_OVERFLOW,
    STATUS_CANCELLED,
    STATUS_INVALID_HANDLE,
    STATUS_NOT_FOUND,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoCancelIrp,
    IoGetCurrentIrpStackLocation,
    IoMarkIrpPending,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    KeInitializeDpc,
    KeInitializeTimer,
    KeReadStateEvent,
    KeSetEvent,
    KeSetTimer,
    MmGetMdlByteCount,
    MmGetSystemAddressForMdlSafe,
    NormalPagePriority,
    RtlReadMemory,
    RtlWriteMemory,
    ZwCancelIoFile,
    ZwCancelIoFileEx,
    ZwClose,
    ZwDeviceIoControlFile,
    ZwReadFile,
    ZwWriteFile,
)
from unit.io.making import (
    NAME,
    Dispatch,
    complete,
    create_file,
    make_device,
    make_driver,
)
from unit.io.program import BOTH, UNTOUCHED, Program, ends_with


@pytest.mark.parametrize("returned", [STATUS_SUCCESS, STATUS_UNSUCCESSFUL, STATUS_BUFFER_OVERFLOW, 0x1234])
def test_HIO_01_the_dispatch_value_is_returned(machine: Machine, returned: int) -> None:
    program = Program(machine, ends_with(STATUS_SUCCESS, pending=False, returned=returned))
    machine.kernel.verifier.verify(program.device.driver_object, None)
    assert program.control() == returned
    assert program.iosb.status == STATUS_SUCCESS


@pytest.mark.parametrize("status", [STATUS_SUCCESS, STATUS_UNSUCCESSFUL, STATUS_BUFFER_OVERFLOW])
def test_HIO_01_a_synchronous_handle_waits(machine: Machine, status: int) -> None:
    program = Program(machine, ends_with(status, pending=True), FILE_SYNCHRONOUS_IO_NONALERT)
    assert program.control() == status
    assert program.result() == (status, 0, 1)


def test_HIO_01_a_synchronous_handle_really_waits(machine: Machine) -> None:
    held: list[IRP] = []

    def hold(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        held.append(irp)
        return STATUS_PENDING

    program = Program(machine, hold, FILE_SYNCHRONOUS_IO_NONALERT)
    thread = machine.create_thread(lambda: complete(held.pop(), STATUS_SUCCESS, 3))
    assert program.control() == STATUS_SUCCESS
    assert program.iosb.information == 3
    thread.join()


def test_HIO_02_an_error_that_was_not_pending_touches_nothing(machine: Machine) -> None:
    program = Program(machine, ends_with(STATUS_UNSUCCESSFUL, pending=False))
    assert program.control() == STATUS_UNSUCCESSFUL
    assert program.result() == (UNTOUCHED, UNTOUCHED, 0)


@pytest.mark.parametrize("status", [STATUS_SUCCESS, 0x4000_0001, STATUS_BUFFER_OVERFLOW])
def test_HIO_02_anything_else_signals(machine: Machine, status: int) -> None:
    program = Program(machine, ends_with(status, pending=False, information=7))
    assert program.control() == status
    assert program.result() == (status, 7, 1)


@pytest.mark.parametrize("status", [STATUS_SUCCESS, STATUS_BUFFER_OVERFLOW, STATUS_UNSUCCESSFUL])
def test_HIO_03_marked_pending_always_signals(machine: Machine, status: int) -> None:
    program = Program(machine, ends_with(status, pending=True))
    assert program.control() == STATUS_PENDING
    assert program.result() == (status, 0, 1)


@pytest.mark.parametrize(
    ("status", "copied"),
    [(STATUS_SUCCESS, True), (STATUS_BUFFER_OVERFLOW, True), (STATUS_UNSUCCESSFUL, False)],
)
@pytest.mark.parametrize("pending", [True, False])
def test_HIO_04_exactly_information_bytes_come_back(
    machine: Machine, status: int, copied: bool, pending: bool
) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        assert irp.associated_irp.system_buffer is not None
        RtlWriteMemory(irp.associated_irp.system_buffer, b"ABCDEFGH")
        return ends_with(status, pending=pending, information=3)(device, irp)

    program = Program(machine, dispatch)
    output = program.buffer(8)
    program.control(output=output, length=8)
    assert output.read() == (b"ABC....." if copied else b"........")


@pytest.mark.parametrize("status", [STATUS_SUCCESS, STATUS_UNSUCCESSFUL])
def test_HIO_06_the_event_is_reset_first(machine: Machine, status: int) -> None:
    states = []

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        states.append(KeReadStateEvent(program.event))
        return complete(irp, status)

    program = Program(machine, dispatch)
    KeSetEvent(program.event, 0, False)
    program.control()
    assert states == [0]


@pytest.mark.parametrize("access", [FILE_ANY_ACCESS, FILE_READ_ACCESS, FILE_WRITE_ACCESS])
@pytest.mark.parametrize("granted", [0, FILE_READ_DATA, FILE_WRITE_DATA])
def test_HIO_12_access_is_checked_before_the_driver(machine: Machine, access: int, granted: int) -> None:
    calls = []

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        calls.append(irp)
        return complete(irp)

    program = Program(machine, dispatch, access=granted)
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, access)
    allowed = access & ~granted == 0
    assert program.control(code) == (STATUS_SUCCESS if allowed else STATUS_ACCESS_DENIED)
    assert bool(calls) is allowed


def test_HIO_12_handles_and_rights(machine: Machine) -> None:
    program = Program(machine, ends_with(STATUS_SUCCESS, pending=False), access=FILE_READ_DATA)
    assert ZwReadFile(program.handle, None, None, None, program.iosb, 0, 0, 0) == STATUS_SUCCESS
    assert ZwWriteFile(program.handle, None, None, None, program.iosb, 0, 0, 0) == STATUS_ACCESS_DENIED
    ZwClose(program.handle)
    assert program.control() == STATUS_INVALID_HANDLE
    assert ZwReadFile(program.handle, None, None, None, program.iosb, 0, 0, 0) == STATUS_INVALID_HANDLE
    assert ZwClose(program.handle) == STATUS_INVALID_HANDLE


# Cancel and close.


class Holder:
    """A driver that keeps requests until each is cancelled, or the file is closed."""

    def __init__(self, machine: Machine) -> None:
        self.log: list[str] = []
        self.held: list[IRP] = []
        self.machine = machine
        routines: dict[int, Dispatch] = {
            IRP_MJ_CREATE: self.note("create"),
            IRP_MJ_CLEANUP: self.cleanup,
            IRP_MJ_CLOSE: self.note("close"),
            IRP_MJ_READ: self.hold,
        }
        make_device(make_driver(routines), NAME)

    def note(self, what: str) -> Dispatch:
        def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
            self.log.append(what)
            return complete(irp)

        return dispatch

    def hold(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        self.held.append(irp)
        IoSetCancelRoutine(irp, self.cancel)
        return STATUS_PENDING

    def cancel(self, device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        self.held.remove(irp)
        self.log.append("cancelled")
        complete(irp, STATUS_CANCELLED)

    def cleanup(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        self.log.append("cleanup")
        file = IoGetCurrentIrpStackLocation(irp).file_object
        for held in [h for h in self.held if IoGetCurrentIrpStackLocation(h).file_object is file]:
            IoCancelIrp(held)
        return complete(irp)

    def open(self) -> int:
        status, handle = create_file(NAME, BOTH, 0)
        assert status == STATUS_SUCCESS
        assert handle is not None
        return handle

    def read(self, handle: int) -> IO_STATUS_BLOCK:
        iosb = IO_STATUS_BLOCK(STATUS_PENDING)
        assert ZwReadFile(handle, None, None, None, iosb, 0, 0, 0) == STATUS_PENDING
        return iosb


def test_HIO_11_cancel_one_or_all(machine: Machine) -> None:
    holder = Holder(machine)
    handle, other = holder.open(), holder.open()
    first, second, third, fourth = (holder.read(handle) for _ in range(4))
    elsewhere = holder.read(other)
    assert ZwCancelIoFileEx(handle, second)[0] == STATUS_SUCCESS
    assert [iosb.status for iosb in (first, second, third)] == [
        STATUS_PENDING,
        STATUS_CANCELLED,
        STATUS_PENDING,
    ]
    assert ZwCancelIoFileEx(handle, second)[0] == STATUS_NOT_FOUND
    assert ZwCancelIoFileEx(handle, None)[0] == STATUS_SUCCESS
    assert [iosb.status for iosb in (first, third, fourth)] == [STATUS_CANCELLED] * 3
    assert ZwCancelIoFileEx(handle, None)[0] == STATUS_NOT_FOUND
    assert elsewhere.status == STATUS_PENDING


def test_HIO_11_cancel_io_is_for_the_calling_thread(machine: Machine) -> None:
    holder = Holder(machine)
    handle = holder.open()
    mine = holder.read(handle)
    theirs: list[IO_STATUS_BLOCK] = []
    machine.create_thread(lambda: theirs.append(holder.read(handle))).join()
    assert ZwCancelIoFile(handle)[0] == STATUS_SUCCESS
    assert mine.status == STATUS_CANCELLED
    assert theirs[0].status == STATUS_PENDING
    assert ZwCancelIoFile(handle)[0] == STATUS_SUCCESS


def test_HIO_11_cancel_io_waits_for_the_end(machine: Machine) -> None:
    timer, dpc = KTIMER(), KDPC()
    KeInitializeTimer(timer)

    def end(dpc: object, irp: IRP, argument1: object, argument2: object) -> None:
        complete(irp, STATUS_CANCELLED)

    def cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        KeInitializeDpc(dpc, end, irp)
        KeSetTimer(timer, -250_000, dpc)

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoSetCancelRoutine(irp, cancel)
        return STATUS_PENDING

    program = Program(machine, read)
    assert program.control() == STATUS_PENDING
    assert ZwCancelIoFile(program.handle)[0] == STATUS_SUCCESS
    assert program.iosb.status == STATUS_CANCELLED


def test_NAM_04_close_comes_after_the_last_request(machine: Machine) -> None:
    holder = Holder(machine)
    handle = holder.open()
    iosb = holder.read(handle)
    ZwClose(handle)
    assert holder.log == ["create", "cleanup", "cancelled", "close"]
    assert iosb.status == STATUS_CANCELLED


def test_NAM_04_duplicates_send_nothing(machine: Machine) -> None:
    holder = Holder(machine)
    handle = holder.open()
    _, copy = machine.objects.handles.duplicate(handle)
    assert copy is not None
    ZwClose(handle)
    assert holder.log == ["create"]
    holder.open()
    assert holder.log == ["create", "create"]
    ZwClose(copy)
    assert holder.log == ["create", "create", "cleanup", "close"]


def test_NAM_05_a_failed_create_is_the_end_of_it(machine: Machine) -> None:
    log: list[str] = []

    def note(what: str, status: int) -> Dispatch:
        def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
            log.append(what)
            return complete(irp, status)

        return dispatch

    routines = {
        IRP_MJ_CREATE: note("create", STATUS_ACCESS_DENIED),
        IRP_MJ_CLEANUP: note("cleanup", 0),
        IRP_MJ_CLOSE: note("close", 0),
    }
    device = make_device(make_driver(routines), NAME)
    assert create_file(NAME, 0, 0) == (STATUS_ACCESS_DENIED, None)
    assert log == ["create"]
    assert device.reference_count == 0


# Buffers.


def test_BUF_01_buffered(machine: Machine) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        buffer = irp.associated_irp.system_buffer
        control = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
        length = max(control.input_buffer_length, control.output_buffer_length)
        seen.append(None if buffer is None else RtlReadMemory(buffer, length))
        return complete(irp)

    seen: list[bytes | None] = []
    program = Program(machine, dispatch)
    output = program.buffer(16)
    program.control(data=b"input", output=output, length=16)
    program.control(data=b"longer input", output=output, length=2)
    program.control()
    assert seen[0] is not None
    assert len(seen[0]) == 16
    assert seen[0][:5] == b"input"
    assert seen[1] == b"longer input"
    assert seen[2] is None
    assert machine.memory_manager.statistics().nonpaged_pool.blocks == 0


@pytest.mark.parametrize("method", [METHOD_IN_DIRECT, METHOD_OUT_DIRECT])
def test_BUF_02_direct(machine: Machine, method: int) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        assert irp.associated_irp.system_buffer is not None
        assert RtlReadMemory(irp.associated_irp.system_buffer, 5) == b"input"
        mdl = irp.mdl_address
        assert mdl is not None
        assert MmGetMdlByteCount(mdl) == 16
        assert bool(mdl.mdl_flags & MDL_WRITE_OPERATION) is (method == METHOD_OUT_DIRECT)
        address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority)
        assert address is not None
        seen.append(RtlReadMemory(address, 4))
        RtlWriteMemory(address, b"DATA")
        return complete(irp, STATUS_SUCCESS, 4)

    seen: list[bytes] = []
    program = Program(machine, dispatch)
    output = program.buffer(16, b"before")
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, method, FILE_ANY_ACCESS)
    assert program.control(code, b"input", output, 16) == STATUS_SUCCESS
    assert seen == [b"befo"]
    assert output.read(6) == b"DATAre"
    held = machine.memory_manager.statistics()
    assert (held.mdls, held.locked_mdls, held.mapped_mdls, held.nonpaged_pool.blocks) == (0, 0, 0, 0)


def test_BUF_02_a_bad_output_address_fails_before_the_driver(machine: Machine) -> None:
    program = Program(machine, ends_with(STATUS_SUCCESS, pending=False))
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_OUT_DIRECT, FILE_ANY_ACCESS)
    status = ZwDeviceIoControlFile(
        program.handle, program.event, None, None, program.iosb, code, None, 0, 0x10_0000, 16
    )
    assert status == STATUS_ACCESS_VIOLATION
    assert program.iosb.status == UNTOUCHED
    assert machine.io.live_irps == {}
    assert machine.memory_manager.statistics().mdls == 0


def test_BUF_04_neither(machine: Machine) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        control = IoGetCurrentIrpStackLocation(irp).parameters.device_io_control
        assert irp.associated_irp.system_buffer is None
        assert irp.mdl_address is None
        seen.append((control.type3_input_buffer, irp.user_buffer))
        return complete(irp)

    seen: list[object] = []
    program = Program(machine, dispatch)
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_NEITHER, FILE_ANY_ACCESS)
    status = ZwDeviceIoControlFile(program.handle, None, None, None, program.iosb, code, 0x1234, 5, 0x5678, 6)
    assert status == STATUS_SUCCESS
    assert seen == [(0x1234, 0x5678)]


@pytest.mark.parametrize("flags", [DO_BUFFERED_IO, DO_DIRECT_IO, 0])
def test_BUF_06_reads_and_writes_go_by_the_devices_flags(machine: Machine, flags: int) -> None:
    def address_of(irp: IRP) -> int | None:
        if flags == DO_BUFFERED_IO:
            assert irp.mdl_address is None
            return irp.associated_irp.system_buffer
        assert irp.associated_irp.system_buffer is None
        if flags == DO_DIRECT_IO:
            assert irp.mdl_address is not None
            return MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
        return irp.user_buffer

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        address = address_of(irp)
        assert address is not None
        location = IoGetCurrentIrpStackLocation(irp)
        assert location.parameters.read.byte_offset == 0x40
        if location.major_function == IRP_MJ_WRITE:
            written.append(RtlReadMemory(address, location.parameters.write.length))
        else:
            RtlWriteMemory(address, b"answer")
        return complete(irp, STATUS_SUCCESS, 6)

    written: list[bytes] = []
    program = Program(machine, dispatch, flags=flags)
    buffer = program.buffer(6, b"asking")
    assert (
        ZwWriteFile(program.handle, None, None, None, program.iosb, buffer.address, 6, 0x40) == STATUS_SUCCESS
    )
    assert (
        ZwReadFile(program.handle, None, None, None, program.iosb, buffer.address, 6, 0x40) == STATUS_SUCCESS
    )
    assert written == [b"asking"]
    assert buffer.read() == b"answer"


def test_BUF_07_control_codes() -> None:
    assert CTL_CODE(0x22, 0x800, 0, 0) == 0x222000
    assert CTL_CODE(0x22, 0x801, 3, 0) == 0x222007


def test_BUF_08_too_much_information_is_capped_and_reported(machine: Machine) -> None:
    program = Program(machine, ends_with(STATUS_SUCCESS, pending=False, information=100))
    output = program.buffer(8)
    guard = machine.memory_manager.process.read(output.address + 4, 4)
    program.control(output=output, length=4)
    assert machine.memory_manager.process.read(output.address + 4, 4) == guard
    ((row, what),) = machine.defects
    assert row == "BUF-08"
    assert "at most the 4 bytes of the buffer" in what
    assert "100 bytes" in what


# What a dispatch routine must not do.


def forget(device: DEVICE_OBJECT, irp: IRP) -> int:
    return STATUS_SUCCESS


@pytest.mark.row("IRP-20")
@pytest.mark.parametrize(
    ("dispatch", "subcode"),
    [
        (forget, 0x226),
        (ends_with(STATUS_SUCCESS, pending=False, returned=STATUS_PENDING), 0x224),
    ],
)
def test_IRP_20_what_the_dispatch_routine_returns(
    machine: Machine, dispatch: Callable[[DEVICE_OBJECT, IRP], int], subcode: int
) -> None:
    program = Program(machine, dispatch)
    with pytest.raises(BugCheck, match="the dispatch routine of") as stopped:
        program.control()
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, subcode)


@pytest.mark.row("VER-04")
def test_VER_04_pending_without_a_mark(machine: Machine) -> None:
    held: list[IRP] = []

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        held.append(irp)
        return STATUS_PENDING

    program = Program(machine, dispatch)
    program.control()
    with pytest.raises(BugCheck, match="nobody marked pending") as stopped:
        complete(held[0])
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x228)
