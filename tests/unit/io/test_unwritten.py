# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Information that covers bytes which nobody wrote."""

from __future__ import annotations

import pytest

from dirql.machine import Machine, open_machine
from dirql.wdm import (
    CTL_CODE,
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    FILE_ANY_ACCESS,
    FILE_DEVICE_UNKNOWN,
    IRP,
    IRP_MJ_READ,
    METHOD_BUFFERED,
    METHOD_IN_DIRECT,
    METHOD_NEITHER,
    METHOD_OUT_DIRECT,
    POOL_FLAG_NON_PAGED,
    POOL_FLAG_UNINITIALIZED,
    POOL_TAG,
    STATUS_BUFFER_OVERFLOW,
    STATUS_IO_DEVICE_ERROR,
    STATUS_SUCCESS,
    ExAllocatePool2,
    ExFreePoolWithTag,
    IoGetCurrentIrpStackLocation,
    MmGetSystemAddressForMdlSafe,
    NormalPagePriority,
    RtlCopyMemory,
    RtlWriteMemory,
    ZwReadFile,
)
from fakes.scripted_target import ScriptedTarget
from unit.io.making import Dispatch, complete
from unit.io.program import Program

TAG = POOL_TAG("Test")


def target_of(irp: IRP) -> int:
    """The address of the buffer that a read or a control request fills, whatever the way of passing it."""
    if irp.mdl_address is not None:
        address = MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
    elif irp.associated_irp.system_buffer is not None:
        address = irp.associated_irp.system_buffer
    else:
        address = irp.user_buffer
    assert address is not None
    return address


def moves(data: bytes, information: int) -> Dispatch:
    """A dispatch routine that writes `data` and says that it has moved `information` bytes."""

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        if data:
            RtlWriteMemory(target_of(irp), data)
        return complete(irp, STATUS_SUCCESS, information)

    return dispatch


def read(machine: Machine, program: Program, length: int, offset: int = 0) -> None:
    buffer = machine.memory_manager.process.allocate(length, offset=offset)
    ZwReadFile(program.handle, program.event, None, None, program.iosb, buffer.address, length, 0)


@pytest.mark.row("BUF-10")
@pytest.mark.parametrize("flags", [0, DO_BUFFERED_IO, DO_DIRECT_IO])
@pytest.mark.parametrize(
    ("length", "written", "information", "unwritten"),
    [
        (4, 0, 4, "last 4 were"),
        (8, 4, 8, "last 4 were"),
        (512, 256, 512, "last 8 were"),
        (9000, 4096, 9000, "last 8 were"),
        (512, 0, 100, "last 8 were"),
    ],
)
def test_BUF_10_a_read_that_claims_more_than_it_wrote(
    machine: Machine, flags: int, length: int, written: int, information: int, unwritten: str
) -> None:
    read(machine, Program(machine, moves(b"x" * written, information), flags=flags), length)
    [(row, what)] = machine.defects
    assert row == "BUF-10"
    assert f"completed with {information}," in what
    assert unwritten in what
    assert "of <driver made>" in what


@pytest.mark.row("BUF-10")
@pytest.mark.parametrize("flags", [0, DO_BUFFERED_IO, DO_DIRECT_IO])
@pytest.mark.parametrize(("length", "information"), [(4, 4), (512, 512), (9000, 9000), (512, 0), (512, 3)])
def test_BUF_10_a_read_that_is_written_is_right(
    machine: Machine, flags: int, length: int, information: int
) -> None:
    program = Program(machine, moves(b"x" * information, information), flags=flags)
    read(machine, program, length)
    read(machine, program, length, offset=4090)
    assert machine.defects == []


@pytest.mark.row("BUF-11")
@pytest.mark.parametrize("flags", [0, DO_BUFFERED_IO, DO_DIRECT_IO])
@pytest.mark.parametrize(
    ("length", "written", "information"),
    [(1, 1, 0), (512, 512, 0), (512, 40, 0), (16, 16, 8), (9000, 9000, 4096)],
)
def test_BUF_11_a_read_that_counts_less_than_it_moved(
    machine: Machine, flags: int, length: int, written: int, information: int
) -> None:
    read(machine, Program(machine, moves(b"\0" * written, information), flags=flags), length)
    [(row, what)] = machine.defects
    assert row == "BUF-11"
    assert (
        f"completed with {information}, yet the bytes behind them were written too, in a buffer of {length}"
        in what
    )
    assert "of <driver made>" in what


@pytest.mark.row("BUF-11")
@pytest.mark.parametrize("flags", [0, DO_BUFFERED_IO, DO_DIRECT_IO])
@pytest.mark.parametrize(
    ("length", "written", "information", "status"),
    [
        (512, 512, 505, STATUS_SUCCESS),  # the last unit that the device moves is filled
        (512, 511, 256, STATUS_SUCCESS),
        (512, 0, 0, STATUS_SUCCESS),
        (512, 7, 0, STATUS_SUCCESS),
        (512, 512, 0, STATUS_IO_DEVICE_ERROR),
        (512, 512, 8, STATUS_BUFFER_OVERFLOW),
    ],
)
def test_BUF_11_a_read_that_leaves_the_end_of_the_buffer_is_right(
    machine: Machine, flags: int, length: int, written: int, information: int, status: int
) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        if written:
            RtlWriteMemory(target_of(irp), b"\0" * written)
        return complete(irp, status, information)

    read(machine, Program(machine, dispatch, flags=flags), length)
    assert machine.defects == []


@pytest.mark.row("BUF-10")
@pytest.mark.parametrize("checks", [True, False])
def test_BUF_10_is_switched_with_the_checks_of_buffers(checks: bool) -> None:
    machine = open_machine(ScriptedTarget(), buffer_checks=checks)
    read(machine, Program(machine, moves(b"", 512)), 512)
    assert [row for row, _ in machine.defects] == ["BUF-10"] * checks
    machine.kernel.stop(RuntimeError("the test is over"))
    machine.close()


@pytest.mark.row("BUF-10")
@pytest.mark.parametrize(("written", "claimed", "requests"), [(2, 4, 2), (0, 1, 4), (1, 2, 4)])
def test_BUF_10_few_bytes_count_together(machine: Machine, written: int, claimed: int, requests: int) -> None:
    program = Program(machine, moves(b"x" * written, claimed), flags=DO_BUFFERED_IO)
    for _ in range(requests - 1):
        read(machine, program, claimed)
        assert machine.defects == []
    read(machine, program, claimed)
    [(row, _)] = machine.defects
    assert row == "BUF-10"


@pytest.mark.row("BUF-10")
def test_BUF_10_few_bytes_are_forgotten_when_the_device_has_written(machine: Machine) -> None:
    moved = 0

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        nonlocal moved
        moved += 1
        return moves(b"x" * (moved % 2), 1)(device, irp)

    program = Program(machine, dispatch, flags=DO_BUFFERED_IO)
    for _ in range(16):
        read(machine, program, 1)
    assert machine.defects == []


@pytest.mark.row("BUF-10")
@pytest.mark.parametrize("method", [METHOD_BUFFERED, METHOD_OUT_DIRECT, METHOD_NEITHER])
def test_BUF_10_a_control_request(machine: Machine, method: int) -> None:
    program = Program(machine, moves(b"", 8))
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, method, FILE_ANY_ACCESS)
    program.control(code, b"ab", machine.memory_manager.process.allocate(8), 8)
    [(row, what)] = machine.defects
    assert row == "BUF-10"
    assert ("last 6 were" if method == METHOD_BUFFERED else "last 8 were") in what


def test_a_second_buffer_of_METHOD_IN_DIRECT_is_not_for_output(machine: Machine) -> None:
    program = Program(machine, moves(b"", 8))
    code = CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_IN_DIRECT, FILE_ANY_ACCESS)
    program.control(code, b"ab", machine.memory_manager.process.allocate(8), 8)
    assert machine.defects == []


@pytest.mark.row("BUF-10")
def test_BUF_10_poison_of_other_memory(machine: Machine) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        assert IoGetCurrentIrpStackLocation(irp).major_function == IRP_MJ_READ
        block = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, 64, TAG)
        assert block is not None
        RtlCopyMemory(target_of(irp), block, 64)
        ExFreePoolWithTag(block, TAG)
        return complete(irp, STATUS_SUCCESS, 64)

    read(machine, Program(machine, dispatch, flags=DO_BUFFERED_IO), 64)
    [(row, what)] = machine.defects
    assert row == "BUF-10"
    assert "last 8 were never written" in what
