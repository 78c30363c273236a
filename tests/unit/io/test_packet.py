# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Packets that are used after their end or by a driver that has passed them on, and dispatch routines that lie."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dirql.io.device import attach_device_to_device_stack
from dirql.ke import guard
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_BUFFERED_IO,
    DO_DIRECT_IO,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    KEVENT,
    KMUTEX,
    KSPIN_LOCK,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    Executive,
    IoAllocateIrp,
    IoBuildAsynchronousFsdRequest,
    IoBuildSynchronousFsdRequest,
    IoCallDriver,
    IoCancelIrp,
    IoCompleteRequest,
    IoCopyCurrentIrpStackLocationToNext,
    IoDeleteDevice,
    IoFreeIrp,
    IoGetCurrentIrpStackLocation,
    IoGetNextIrpStackLocation,
    IoInitializeIrp,
    IoMarkIrpPending,
    IoReuseIrp,
    IoSetCancelRoutine,
    IoSetCompletionRoutine,
    IoSizeOfIrp,
    IoSkipCurrentIrpStackLocation,
    KeAcquireSpinLock,
    KeInitializeEvent,
    KeInitializeMutex,
    KeInitializeSpinLock,
    KeReleaseMutex,
    KeReleaseSpinLock,
    KernelMode,
    KeWaitForSingleObject,
    NotificationEvent,
    ZwReadFile,
    ZwWriteFile,
)
from unit.io.making import Dispatch, complete, keep, make_device, make_driver, make_irp, succeed
from unit.io.program import Program, ends_with


def stopped_by(act: Callable[[], object]) -> tuple[int, object, str]:
    """The code, the first parameter and the reason of the bug check in which `act` ends."""
    with pytest.raises(BugCheck) as stopped:
        act()
    return stopped.value.code, stopped.value.parameters[0], stopped.value.reason


# Uses after the end.

USES: dict[str, Callable[[IRP], object]] = {
    "status read": lambda irp: irp.io_status.status,
    "system buffer read": lambda irp: irp.associated_irp.system_buffer,
    "context written": lambda irp: irp.tail.overlay.driver_context.append(1),
    "marked": IoMarkIrpPending,
    "cancelled": IoCancelIrp,
    "given a cancel routine": lambda irp: IoSetCancelRoutine(irp, None),
    "given a completion routine": lambda irp: IoSetCompletionRoutine(irp, None, None, True, True, True),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("marked", [False, True])
def test_a_packet_is_not_used_after_its_end(machine: Machine, use: str, marked: bool) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        if marked:
            IoMarkIrpPending(irp)
        complete(irp)
        USES[use](irp)
        return STATUS_PENDING if marked else STATUS_SUCCESS

    code, packet, reason = stopped_by(Program(machine, dispatch).control)
    assert (code, type(packet)) == (0xD5, IRP)
    for word in ("IRP_MJ_DEVICE_CONTROL", "<driver made>", "in complete (", "making.py:"):
        assert word in reason


def test_an_MDL_is_not_used_after_the_end_of_its_packet(machine: Machine) -> None:
    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        complete(irp)
        return int(irp.mdl_address is None)

    program = Program(machine, dispatch, flags=DO_DIRECT_IO)
    buffer = program.buffer(8)
    block = IO_STATUS_BLOCK()
    code, _, reason = stopped_by(
        lambda: ZwReadFile(program.handle, None, None, None, block, buffer.address, 8, 0)
    )
    assert code == 0xD5
    assert "irp.mdl_address was read" in reason


def test_an_attribute_that_no_packet_has_is_a_plain_error(machine: Machine) -> None:
    irp: Any = make_irp(1)
    with pytest.raises(AttributeError, match="IoStatus"):
        _ = irp.IoStatus


def test_IRP_04_a_stale_pointer_touches_no_other_request(machine: Machine) -> None:
    kept: list[IRP] = []

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        kept.append(irp)
        IoMarkIrpPending(irp)
        if len(kept) == 1:
            complete(irp)
        return STATUS_PENDING

    program = Program(machine, dispatch)
    program.control()
    program.control()
    assert kept[0] is not kept[1]
    code, packet, reason = stopped_by(lambda: IoCompleteRequest(kept[0], 0))
    assert (code, packet) == (0x44, kept[0])
    assert "making.py:" in reason


def test_a_packet_is_freed_once(machine: Machine) -> None:
    irp = make_irp(1)
    IoFreeIrp(irp)
    code, subcode, reason = stopped_by(lambda: IoFreeIrp(irp))
    assert (code, subcode) == (0xC9, 1)
    assert "was already freed by IoFreeIrp in test_a_packet_is_freed_once" in reason


# What a driver does with packets of its own.


class Maker:
    """A driver whose control request sends a packet of its own to a device below."""

    def __init__(self, machine: Machine, below: Dispatch, send: Callable[[DEVICE_OBJECT], object]) -> None:
        self.target = make_device(make_driver({IRP_MJ_READ: below}, "below"))

        def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
            send(self.target)
            return complete(irp)

        self.program = Program(machine, dispatch)


def build(target: DEVICE_OBJECT, routine: Any) -> IRP:
    irp = IoAllocateIrp(target.stack_size, False)
    assert irp is not None
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    if routine is not None:
        IoSetCompletionRoutine(irp, routine, None, True, True, True)
    return irp


def pend(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    return STATUS_PENDING


def free_and_go_on(device: object, irp: IRP, context: object) -> int:
    IoFreeIrp(irp)
    return STATUS_SUCCESS


def test_a_completion_routine_that_frees_says_so(machine: Machine) -> None:
    maker = Maker(machine, succeed, lambda target: IoCallDriver(target, build(target, free_and_go_on)))
    code, subcode, reason = stopped_by(maker.program.control)
    assert (code, subcode) == (0xC9, 0x20A)
    assert "STATUS_MORE_PROCESSING_REQUIRED" in reason
    assert "free_and_go_on" in reason


def test_a_packet_of_a_driver_comes_back_to_it(machine: Machine) -> None:
    maker = Maker(machine, succeed, lambda target: IoCallDriver(target, build(target, None)))
    code, address, reason = stopped_by(maker.program.control)
    assert (code, address) == (0xA, 0)
    assert "must take it back in a completion routine" in reason


def test_IRP_14_a_built_packet_without_a_completion_routine_is_freed(machine: Machine) -> None:
    block = IO_STATUS_BLOCK(0x77)

    def send(target: DEVICE_OBJECT) -> None:
        irp = IoBuildAsynchronousFsdRequest(IRP_MJ_READ, target, None, 0, None, block)
        assert irp is not None
        IoCallDriver(target, irp)

    Maker(machine, succeed, send).program.control()
    assert block.status == STATUS_SUCCESS
    assert machine.io.live_irps == {}


@pytest.mark.parametrize("routine", ["IoFreeIrp", "IoReuseIrp", "IoInitializeIrp"])
def test_a_packet_that_a_driver_below_has_is_left_alone(machine: Machine, routine: str) -> None:
    def send(target: DEVICE_OBJECT) -> None:
        irp = build(target, free_and_go_on)
        IoCallDriver(target, irp)
        if routine == "IoFreeIrp":
            IoFreeIrp(irp)
        elif routine == "IoReuseIrp":
            IoReuseIrp(irp, STATUS_SUCCESS)
        else:
            IoInitializeIrp(irp, IoSizeOfIrp(1), 1)

    code, subcode, reason = stopped_by(Maker(machine, pend, send).program.control)
    assert (code, subcode) == (0xC9, 0x20A)
    assert f"must have come back before {routine}" in reason


def test_a_packet_that_the_io_manager_takes_back_is_not_reused(machine: Machine) -> None:
    event = KEVENT()
    KeInitializeEvent(event, NotificationEvent, False)

    def send(target: DEVICE_OBJECT) -> None:
        irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, target, None, 0, None, event, IO_STATUS_BLOCK())
        assert irp is not None
        IoReuseIrp(irp, STATUS_SUCCESS)

    code, subcode, _ = stopped_by(Maker(machine, pend, send).program.control)
    assert (code, subcode) == (0xC9, 0x20B)


# What dispatch routines return.


def forget(device: DEVICE_OBJECT, irp: IRP) -> int:
    return STATUS_SUCCESS


def mark_and_succeed(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    return STATUS_SUCCESS


def mark_complete_and_succeed(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    return complete(irp)


@pytest.mark.row("IRP-20")
@pytest.mark.parametrize(
    ("dispatch", "subcode", "words"),
    [
        (
            ends_with(STATUS_UNSUCCESSFUL, pending=False, returned=STATUS_SUCCESS),
            0x224,
            "STATUS_UNSUCCESSFUL",
        ),
        (
            ends_with(STATUS_SUCCESS, pending=False, returned=STATUS_PENDING),
            0x224,
            "without having been marked",
        ),
        (ends_with(STATUS_SUCCESS, pending=False, returned=-1), 0x225, "completed with STATUS_SUCCESS"),
        (mark_and_succeed, 0x224, "was marked pending"),
        (mark_complete_and_succeed, 0x224, "was marked pending"),
        (forget, 0x226, "neither completed nor pending nor passed on"),
    ],
)
def test_IRP_20_a_dispatch_routine_returns_what_it_did(
    machine: Machine, dispatch: Dispatch, subcode: int, words: str
) -> None:
    code, found, reason = stopped_by(Program(machine, dispatch).control)
    assert (code, found) == (0xC9, subcode)
    assert words in reason
    assert "the dispatch routine of <device" in reason


def test_IRP_20_only_verified_drivers_are_compared(machine: Machine) -> None:
    program = Program(machine, ends_with(STATUS_UNSUCCESSFUL, pending=False, returned=STATUS_SUCCESS))
    machine.kernel.verifier.verify(program.device.driver_object, None)
    assert program.control() == STATUS_SUCCESS


# Two drivers, of which the upper one passes requests on.


def two_layers(machine: Machine, upper: Callable[[DEVICE_OBJECT, IRP], int], lower: Dispatch) -> Program:
    """A program that has the upper device open; `upper` gets the device below."""
    target = make_device(make_driver({0xE: lower, IRP_MJ_READ: lower}, "lower"))
    middle = make_device(make_driver({0xE: forward}, "middle"), extension=Below)
    middle.device_extension.lower = attach_device_to_device_stack(middle, target)
    top: list[DEVICE_OBJECT] = []

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        return upper(middle, irp) if device is top[0] else succeed(device, irp)

    program = Program(machine, succeed)
    top.append(program.device)
    program.device.driver_object.major_function[0xE] = dispatch
    program.device.stack_size = 3
    return program


class Below:
    lower: DEVICE_OBJECT


def forward(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(device.device_extension.lower, irp)


def pass_on(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoCopyCurrentIrpStackLocationToNext(irp)
    return IoCallDriver(device, irp)


def twice(device: DEVICE_OBJECT, irp: IRP) -> int:
    pass_on(device, irp)
    return pass_on(device, irp)


def complete_below_too(device: DEVICE_OBJECT, irp: IRP) -> int:
    pass_on(device, irp)
    return complete(irp)


def no_cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
    raise AssertionError


def cancel_routine_late(device: DEVICE_OBJECT, irp: IRP) -> int:
    status = pass_on(device, irp)
    IoSetCancelRoutine(irp, no_cancel)
    return status


def cancel_routine_left(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoSetCancelRoutine(irp, no_cancel)
    return pass_on(device, irp)


def mark_and_skip(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    IoSkipCurrentIrpStackLocation(irp)
    IoCallDriver(device, irp)
    return STATUS_PENDING


def succeed_anyway(device: DEVICE_OBJECT, irp: IRP) -> int:
    pass_on(device, irp)
    return STATUS_SUCCESS


@pytest.mark.row("CXL-07")
@pytest.mark.row("IRP-20")
@pytest.mark.parametrize(
    ("upper", "subcode"),
    [
        (twice, 0x205),
        (complete_below_too, 0x209),
        (cancel_routine_late, 0x229),
        (cancel_routine_left, 0x203),
        (mark_and_skip, 0x206),
        (succeed_anyway, 0x224),
    ],
)
def test_IRP_20_a_packet_is_with_one_driver(machine: Machine, upper: Dispatch, subcode: int) -> None:
    program = two_layers(machine, upper, pend)
    code, found, reason = stopped_by(program.control)
    assert (code, found) == (0xC9, subcode)
    assert "IRP_MJ_DEVICE_CONTROL" in reason


def test_IRP_13_a_mark_after_the_call_is_reported(machine: Machine) -> None:
    def late(device: DEVICE_OBJECT, irp: IRP) -> int:
        status = pass_on(device, irp)
        IoMarkIrpPending(irp)
        return status

    assert two_layers(machine, late, pend).control() == STATUS_PENDING
    assert [row for row, _ in machine.defects] == ["IRP-13"]


def test_VER_04_a_completion_routine_marks(machine: Machine) -> None:
    held: list[IRP] = []

    def lower(device: DEVICE_OBJECT, irp: IRP) -> int:
        held.append(irp)
        return pend(device, irp)

    def done(device: object, irp: IRP, context: object) -> int:
        return STATUS_SUCCESS

    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, done, None, True, True, True)
        return IoCallDriver(device, irp)

    two_layers(machine, upper, lower).control()
    code, subcode, reason = stopped_by(lambda: complete(held[0]))
    assert (code, subcode) == (0xC9, 0x228)
    assert "done" in reason


def test_a_request_that_is_sent_again_while_its_first_sender_returns(machine: Machine) -> None:
    """The routine that sends a request again runs inside the dispatch routine below, whose value suits the first."""
    times: list[int] = []

    def lower(device: DEVICE_OBJECT, irp: IRP) -> int:
        times.append(1)
        return complete(irp, STATUS_UNSUCCESSFUL) if len(times) == 1 else complete(irp)

    def again(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        if len(times) == 1:
            send(irp)
        else:
            IoFreeIrp(irp)
        return STATUS_MORE_PROCESSING_REQUIRED

    target = make_device(make_driver({IRP_MJ_READ: lower}, "lower"))

    def send(irp: IRP) -> int:
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoSetCompletionRoutine(irp, again, None, True, True, True)
        return IoCallDriver(target, irp)

    assert send(make_irp(1)) == STATUS_UNSUCCESSFUL
    assert len(times) == 2


# What IoCompleteRequest looks at.


def test_IRP_17_minus_one_is_no_result(machine: Machine) -> None:
    code, subcode, _ = stopped_by(Program(machine, ends_with(-1, pending=False)).control)
    assert (code, subcode) == (0xC9, 6)


def test_IRP_17_more_processing_is_no_result(machine: Machine) -> None:
    Program(machine, ends_with(STATUS_MORE_PROCESSING_REQUIRED, pending=False)).control()
    assert [row for row, _ in machine.defects] == ["IRP-17"]


def test_IRP_17_no_spin_lock_is_held(machine: Machine) -> None:
    lock = KSPIN_LOCK()
    KeInitializeSpinLock(lock)

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        irql = KeAcquireSpinLock(lock)
        complete(irp)
        KeReleaseSpinLock(lock, irql)
        return STATUS_SUCCESS

    Program(machine, dispatch).control()
    [(row, what)] = machine.defects
    assert row == "IRP-17"
    assert "without a spin lock" in what


@pytest.mark.row("BUF-08")
@pytest.mark.parametrize("flags", [0, DO_BUFFERED_IO, DO_DIRECT_IO])
@pytest.mark.parametrize("major", [IRP_MJ_READ, IRP_MJ_WRITE])
def test_BUF_08_more_than_the_buffer_is_reported(machine: Machine, flags: int, major: int) -> None:
    program = Program(machine, ends_with(STATUS_SUCCESS, pending=False, information=9), flags=flags)
    service = ZwReadFile if major == IRP_MJ_READ else ZwWriteFile
    buffer = program.buffer(8)
    service(program.handle, program.event, None, None, program.iosb, buffer.address, 8, 0)
    [(row, what)] = machine.defects
    assert row == "BUF-08"
    assert "9 bytes" in what


# Devices that are gone.


def test_a_device_is_deleted_once(machine: Machine) -> None:
    device = make_device(make_driver())
    IoDeleteDevice(device)
    code, _, reason = stopped_by(lambda: IoDeleteDevice(device))
    assert code == 0x18
    assert "must be called once" in reason


def test_no_request_is_sent_to_a_device_that_is_gone(machine: Machine) -> None:
    device = make_device(make_driver({IRP_MJ_READ: succeed}))
    irp = build(device, None)
    IoDeleteDevice(device)
    code, subcode, reason = stopped_by(lambda: IoCallDriver(device, irp))
    assert (code, subcode) == (0xC9, 4)
    assert "is gone" in reason


KEPT_POINTERS: dict[str, tuple[Callable[[DEVICE_OBJECT, IRP], object], int, int]] = {
    "IoCompleteRequest": (lambda _, irp: complete(irp), 0x44, 0),
    "IoCallDriver": (IoCallDriver, 0xC9, 0x212),
    "IoSetCancelRoutine": (lambda _, irp: IoSetCancelRoutine(irp, no_cancel), 0xC9, 0x229),
    "IoMarkIrpPending": (lambda _, irp: IoMarkIrpPending(irp), 0, 0),
    "IoGetCurrentIrpStackLocation": (lambda _, irp: IoGetCurrentIrpStackLocation(irp), 0, 0),
}


@pytest.mark.row("IRP-20")
@pytest.mark.parametrize("routine", KEPT_POINTERS)
@pytest.mark.parametrize("maker_has_it", [False, True])
def test_IRP_20_a_driver_does_not_touch_a_request_that_it_has_completed(
    machine: Machine, routine: str, maker_has_it: bool
) -> None:
    """The packet is not at its end, because a driver above keeps it, or the driver that made it."""
    use, code, subcode = KEPT_POINTERS[routine]

    def take(device: DEVICE_OBJECT, irp: IRP) -> int:
        return complete(irp)

    def keep_it(device: object, irp: IRP, context: object) -> int:
        return STATUS_MORE_PROCESSING_REQUIRED

    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, keep_it, None, True, True, True)
        IoCallDriver(lower, irp)
        return STATUS_PENDING

    bottom = make_device(make_driver({IRP_MJ_READ: keep}, "bottom"))
    lower = make_device(make_driver({IRP_MJ_READ: take}, "lower"))
    top = lower if maker_has_it else make_device(make_driver({IRP_MJ_READ: upper}, "upper"))
    irp = make_irp(3)
    next_location = IoGetNextIrpStackLocation(irp)
    next_location.major_function = IRP_MJ_READ
    IoSetCompletionRoutine(irp, keep_it, None, True, True, True)
    IoCallDriver(top, irp)
    if maker_has_it and routine in ("IoMarkIrpPending", "IoGetCurrentIrpStackLocation"):
        code, subcode = 0xC9, 0x208
    act = partial(guard.call_driver, guard.CALLBACK, lower.driver_object, use, bottom, irp)
    if code:
        with pytest.raises(BugCheck) as stopped:
            act()
        assert stopped.value.code == code
        assert subcode in (0, stopped.value.parameters[0])
        assert repr(irp) in stopped.value.reason
        return
    act()
    ((row, sentence),) = machine.defects
    assert row == ("IRP-13" if routine == "IoMarkIrpPending" else "IRP-20")
    assert "with <device without a name of <driver upper>>, because it had been completed" in sentence


def test_IRP_20_a_driver_does_not_read_the_location_of_a_driver_below(machine: Machine) -> None:
    def late(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        pass_on(device, irp)
        IoGetCurrentIrpStackLocation(irp)
        return STATUS_PENDING

    assert two_layers(machine, late, pend).control() == STATUS_PENDING
    ((row, sentence),) = machine.defects
    assert row == "IRP-20"
    assert "to which it had been passed" in sentence


@pytest.mark.parametrize("released", [False, True])
def test_a_thread_does_not_return_to_the_program_with_a_mutex(machine: Machine, released: bool) -> None:
    mutex = KMUTEX()
    KeInitializeMutex(mutex, 0)

    def dispatch(device: DEVICE_OBJECT, irp: IRP) -> int:
        KeWaitForSingleObject(mutex, Executive, KernelMode, False, None)
        if released:
            KeReleaseMutex(mutex, False)
        return complete(irp)

    program = Program(machine, dispatch)
    if released:
        assert program.control() == STATUS_SUCCESS
        return
    with pytest.raises(
        BugCheck, match="must release its mutexes before it returns to the program"
    ) as stopped:
        program.control()
    assert (stopped.value.code, stopped.value.parameters) == (0x1, (program.device, 0, 0xFFFF, 0))
