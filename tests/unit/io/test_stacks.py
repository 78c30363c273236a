# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Mistakes in passing a request down a stack, and in its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from compiled import no_integer
from dirql.io.device import attach_device_to_device_stack
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_CREATE,
    IRP_MJ_READ,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    IoAllocateIrp,
    IoCallDriver,
    IoCopyCurrentIrpStackLocationToNext,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoReuseIrp,
    IoSetCompletionRoutine,
    IoSkipCurrentIrpStackLocation,
    IoStartPacket,
    ZwReadFile,
)
from unit.io.making import Dispatch, complete, make_device, make_driver, make_irp, succeed
from unit.io.program import Program


def _go_on(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    return STATUS_SUCCESS


def _pend(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    return STATUS_PENDING


def _take_back(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    return STATUS_MORE_PROCESSING_REQUIRED


def _set(irp: IRP, routine: Callable[[DEVICE_OBJECT | None, IRP, object], int]) -> None:
    IoSetCompletionRoutine(irp, routine, None, True, True, True)


def _empty(irp: IRP) -> None:
    """Neither copy nor skip."""


def _skip_and_set(irp: IRP) -> None:
    IoSkipCurrentIrpStackLocation(irp)
    _set(irp, _go_on)


def _set_and_copy(irp: IRP) -> None:
    _set(irp, _go_on)
    IoCopyCurrentIrpStackLocationToNext(irp)


def _copy_and_pend(irp: IRP) -> None:
    IoCopyCurrentIrpStackLocationToNext(irp)
    _set(irp, _pend)


def _copy_and_set(irp: IRP) -> None:
    IoCopyCurrentIrpStackLocationToNext(irp)
    _set(irp, _go_on)


def _pass_down(machine: Machine, prepare: Callable[[IRP], None]) -> list[tuple[str, str]]:
    """The defects of a filter that prepares a read in this way for the driver below, which succeeds."""
    lower = make_device(
        make_driver({IRP_MJ_CREATE: succeed, IRP_MJ_READ: succeed}, name="lower"), name=r"\Device\Lower"
    )

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        prepare(irp)
        return IoCallDriver(lower, irp)

    upper = make_device(make_driver({IRP_MJ_READ: dispatch}, name="upper"))
    attach_device_to_device_stack(upper, lower)
    irp = make_irp(2)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    _set(irp, _take_back)
    IoCallDriver(upper, irp)
    return machine.defects


@pytest.mark.parametrize(
    ("prepare", "row", "advice"),
    [
        (_empty, "IRP-05", "call IoCopyCurrentIrpStackLocationToNext, or fill in the location"),
        (_skip_and_set, "IRP-06", "after IoSkipCurrentIrpStackLocation"),
        (_set_and_copy, "IRP-06", "_go_on is lost: change the order"),
        (_copy_and_pend, "IRP-07", "_pend returned STATUS_PENDING"),
    ],
)
def test_a_location_that_is_not_set_up_as_it_must_be(
    machine: Machine, prepare: Callable[[IRP], None], row: str, advice: str
) -> None:
    ((found, sentence),) = _pass_down(machine, prepare)
    assert found == row
    assert advice in sentence
    assert ".py:" in sentence


@pytest.mark.parametrize("prepare", [_copy_and_set, IoSkipCurrentIrpStackLocation])
def test_a_location_that_is_set_up_right(machine: Machine, prepare: Callable[[IRP], None]) -> None:
    assert _pass_down(machine, prepare) == []


@pytest.mark.parametrize("act", [IoFreeIrp, lambda irp: IoReuseIrp(irp, STATUS_SUCCESS)])
def test_a_packet_that_its_own_driver_still_has_is_not_freed(
    machine: Machine, act: Callable[[IRP], None]
) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        return STATUS_PENDING

    def control(device: DEVICE_OBJECT, irp: IRP) -> int:
        own = IoAllocateIrp(1)
        assert own is not None
        IoGetNextIrpStackLocation(own).major_function = IRP_MJ_READ
        _set(own, _take_back)
        IoCallDriver(device, own)
        act(own)
        return complete(irp)

    program = Program(machine, control)
    program.device.driver_object.major_function[IRP_MJ_READ] = dispatch
    with pytest.raises(BugCheck) as stopped:
        program.control()
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x20A)


def _read(machine: Machine, dispatch: Dispatch) -> IO_STATUS_BLOCK:
    program = Program(machine, dispatch, flags=DO_BUFFERED_IO)
    block = IO_STATUS_BLOCK()
    ZwReadFile(program.handle, None, None, None, block, program.buffer(8).address, 8, 0)
    return block


def test_BUF_08_a_negative_number_of_bytes_is_a_large_one(machine: Machine) -> None:
    _read(machine, lambda _, irp: complete(irp, STATUS_SUCCESS, -1))
    ((row, sentence),) = machine.defects
    assert row == "BUF-08"
    assert "18446744073709551615 bytes" in sentence


@pytest.mark.parametrize("given", [b"data", 4.0, None])
def test_a_number_of_bytes_is_an_integer(machine: Machine, given: object) -> None:
    with pytest.raises(BugCheck, match=no_integer(r"io_status\.information must be a number of bytes")):
        _read(machine, lambda _, irp: complete(irp, STATUS_SUCCESS, cast("int", given)))


def test_SIO_07_a_packet_is_not_completed_in_a_device_queue(machine: Machine) -> None:
    kept: list[IRP] = []

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        kept.append(irp)
        IoStartPacket(device, irp, None, None)
        if len(kept) == 2:
            complete(irp)
        return STATUS_PENDING

    program = Program(machine, dispatch)
    program.device.driver_object.driver_start_io = lambda *_: None
    program.control()
    program.control()
    ((row, sentence),) = machine.defects
    assert row == "SIO-07"
    assert "KeRemoveEntryDeviceQueue" in sentence


def test_a_slot_of_NULL_is_one_without_a_routine(machine: Machine) -> None:
    table = cast("dict[int, Dispatch]", {IRP_MJ_READ: None})
    device = make_device(make_driver(table))
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    _set(irp, _take_back)
    assert IoCallDriver(device, irp) == STATUS_INVALID_DEVICE_REQUEST
