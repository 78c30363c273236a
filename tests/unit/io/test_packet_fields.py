# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of a packet belong to the driver that has the packet (row IRP-21)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql.io.device import attach_device_to_device_stack
from dirql.ke import guard
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_STACK_LOCATION,
    IRP,
    IRP_MJ_DEVICE_CONTROL,
    IRP_MJ_READ,
    KEVENT,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    Executive,
    IoAllocateIrp,
    IoCallDriver,
    IoCopyCurrentIrpStackLocationToNext,
    IoForwardIrpSynchronously,
    IoFreeIrp,
    IoGetCurrentIrpStackLocation,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoReuseIrp,
    IoSetCompletionRoutine,
    IoSetNextIrpStackLocation,
    IoSkipCurrentIrpStackLocation,
    KeInitializeEvent,
    KernelMode,
    KeSetEvent,
    KeWaitForSingleObject,
    NotificationEvent,
)
from unit.io.making import Dispatch, complete, keep, make_device, make_driver, succeed
from unit.io.program import Program

Use = Callable[[IRP], object]
Pass = Callable[[DEVICE_OBJECT, IRP], int]


def write_status(irp: IRP) -> None:
    irp.io_status.status = STATUS_SUCCESS


def write_information(irp: IRP) -> None:
    irp.io_status.information = 0


def write_flags(irp: IRP) -> None:
    irp.flags |= 1


def write_mdl(irp: IRP) -> None:
    irp.mdl_address = None


def write_user_buffer(irp: IRP) -> None:
    irp.user_buffer = None


USES: dict[str, tuple[str, Use]] = {
    "status": ("io_status.status", lambda irp: irp.io_status.status),
    "status, written": ("io_status.status", write_status),
    "information": ("io_status.information", lambda irp: irp.io_status.information),
    "information, written": ("io_status.information", write_information),
    "flags": ("flags", lambda irp: irp.flags),
    "flags, written": ("flags", write_flags),
    "mdl": ("mdl_address", lambda irp: irp.mdl_address),
    "mdl, written": ("mdl_address", write_mdl),
    "user buffer": ("user_buffer", lambda irp: irp.user_buffer),
    "user buffer, written": ("user_buffer", write_user_buffer),
    "system buffer": ("associated_irp", lambda irp: irp.associated_irp.system_buffer),
    "cancel": ("cancel", lambda irp: irp.cancel),
    "cancel, written": ("cancel", lambda irp: setattr(irp, "cancel", False)),
    "pending returned": ("pending_returned", lambda irp: irp.pending_returned),
    "pending returned, written": ("pending_returned", lambda irp: setattr(irp, "pending_returned", False)),
    "tail": ("tail", lambda irp: irp.tail.overlay.driver_context),
}


def pend(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoMarkIrpPending(irp)
    return STATUS_PENDING


def copy_down(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoCopyCurrentIrpStackLocationToNext(irp)
    return IoCallDriver(device, irp)


def skip_down(device: DEVICE_OBJECT, irp: IRP) -> int:
    IoSkipCurrentIrpStackLocation(irp)
    return IoCallDriver(device, irp)


class Below:
    lower: DEVICE_OBJECT


def stack_of(machine: Machine, upper: Dispatch, lower: Dispatch, keeps: bool = False) -> Program:
    """A program above the driver `upper` above the driver `lower`; with `keeps` a driver on top keeps the packet.

    The extension of the upper device has the device below.
    """
    bottom = make_device(make_driver({IRP_MJ_DEVICE_CONTROL: lower}, "lower"))
    middle = make_device(make_driver({IRP_MJ_DEVICE_CONTROL: upper}, "upper"), extension=Below)
    middle.device_extension.lower = attach_device_to_device_stack(middle, bottom)

    def top(device: DEVICE_OBJECT, irp: IRP) -> int:
        if not keeps:
            return skip_down(middle, irp)
        IoMarkIrpPending(irp)
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, hold, None, True, True, True)
        IoCallDriver(middle, irp)
        return STATUS_PENDING

    program = Program(machine, succeed)
    program.device.driver_object.major_function[IRP_MJ_DEVICE_CONTROL] = top
    program.device.stack_size = 3
    return program


def hold(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    return STATUS_MORE_PROCESSING_REQUIRED


def let_go(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    if irp.pending_returned:
        IoMarkIrpPending(irp)
    return STATUS_SUCCESS


@pytest.mark.row("IRP-21")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("way", [copy_down, skip_down])
def test_IRP_21_a_packet_that_was_passed_on(machine: Machine, use: str, way: Pass) -> None:
    name, touch = USES[use]

    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        status = way(device.device_extension.lower, irp)
        touch(irp)
        return status

    assert stack_of(machine, upper, pend).control() == STATUS_PENDING
    [(row, what)] = machine.defects
    assert row == "IRP-21"
    assert what.startswith(f"irp.{name} must be used by the driver that has the IRP")
    assert (
        "with <device without a name of <driver lower>>, to which it had been passed by IoCallDriver in"
        in what
    )
    assert f"IoCallDriver in {way.__qualname__} (" in what
    assert "test_packet_fields.py:" in what.rpartition("; in ")[2]
    assert what.endswith("of <driver upper>")


@pytest.mark.row("IRP-21")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("how", ["completes", "copies", "skips"])
def test_IRP_21_a_packet_that_a_driver_above_has_again(machine: Machine, use: str, how: str) -> None:
    name, touch = USES[use]

    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        if how == "completes":
            complete(irp)
        elif how == "skips":
            skip_down(device.device_extension.lower, irp)
        else:
            IoCopyCurrentIrpStackLocationToNext(irp)
            IoSetCompletionRoutine(irp, let_go, None, True, True, True)
            IoCallDriver(device.device_extension.lower, irp)
        touch(irp)
        return STATUS_SUCCESS

    stack_of(machine, upper, succeed, keeps=True).control()
    [(row, what)] = machine.defects
    assert row == "IRP-21"
    assert what.startswith(f"irp.{name} must be")
    assert "with <device \\Device\\Made of <driver made>>, because it had been completed by" in what
    assert what.endswith("of <driver upper>")


@pytest.mark.row("IRP-21")
def test_IRP_21_a_driver_is_told_once_for_a_packet(machine: Machine) -> None:
    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        status = copy_down(device.device_extension.lower, irp)
        for _, touch in USES.values():
            touch(irp)
        return status

    program = stack_of(machine, upper, pend)
    program.control()
    assert len(machine.defects) == 1
    program.control()
    assert len(machine.defects) == 2


@pytest.mark.row("IRP-21")
def test_IRP_21_a_later_call_of_the_driver_is_told_too(machine: Machine) -> None:
    kept: list[IRP] = []

    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        kept.append(irp)
        return copy_down(device.device_extension.lower, irp)

    program = stack_of(machine, upper, pend)
    program.control()
    driver = machine.io.drivers["upper"]
    guard.call_driver(guard.CALLBACK, driver, USES["status"][1], kept[0])
    [(row, _)] = machine.defects
    assert row == "IRP-21"


def use_all(irp: IRP) -> None:
    for _, touch in USES.values():
        touch(irp)


def waits(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Pass a packet down, wait for its return, and complete it."""
    event = KEVENT()
    KeInitializeEvent(event, NotificationEvent, False)

    def wake(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        use_all(irp)
        KeSetEvent(event, 0, False)
        return STATUS_MORE_PROCESSING_REQUIRED

    IoCopyCurrentIrpStackLocationToNext(irp)
    IoSetCompletionRoutine(irp, wake, None, True, True, True)
    if IoCallDriver(device.device_extension.lower, irp) == STATUS_PENDING:
        KeWaitForSingleObject(event, Executive, KernelMode, False, None)
    use_all(irp)
    return complete(irp)


def forwards(device: DEVICE_OBJECT, irp: IRP) -> int:
    assert IoForwardIrpSynchronously(device.device_extension.lower, irp)
    use_all(irp)
    return complete(irp)


def prepares(device: DEVICE_OBJECT, irp: IRP) -> int:
    """Use a packet between IoSkipCurrentIrpStackLocation and IoCallDriver."""
    use_all(irp)
    IoSkipCurrentIrpStackLocation(irp)
    use_all(irp)
    return IoCallDriver(device.device_extension.lower, irp)


def sees_it_come_back(device: DEVICE_OBJECT, irp: IRP) -> int:
    def look(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        use_all(irp)
        return let_go(device, irp, context)

    IoCopyCurrentIrpStackLocationToNext(irp)
    IoSetCompletionRoutine(irp, look, None, True, True, True)
    return IoCallDriver(device.device_extension.lower, irp)


def sends_twice(device: DEVICE_OBJECT, irp: IRP) -> int:
    for _ in range(2):
        IoForwardIrpSynchronously(device.device_extension.lower, irp)
        use_all(irp)
    return sees_it_come_back(device, irp)


def uses_and_completes(device: DEVICE_OBJECT, irp: IRP) -> int:
    use_all(irp)
    return complete(irp)


@pytest.mark.row("IRP-21")
@pytest.mark.parametrize("upper", [waits, forwards, prepares, sees_it_come_back, sends_twice])
def test_IRP_21_a_driver_that_has_the_packet_uses_it(machine: Machine, upper: Dispatch) -> None:
    assert stack_of(machine, upper, uses_and_completes).control() == STATUS_SUCCESS
    assert machine.defects == []


@pytest.mark.row("IRP-21")
def test_IRP_21_the_maker_of_a_packet_has_it_back(machine: Machine) -> None:
    def act(lower: DEVICE_OBJECT) -> None:
        irp = IoAllocateIrp(1, False)
        assert irp is not None
        for _ in range(2):
            use_all(irp)
            IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
            IoSetCompletionRoutine(irp, hold, None, True, True, True)
            IoCallDriver(lower, irp)
            use_all(irp)
            IoReuseIrp(irp, STATUS_SUCCESS)
        IoFreeIrp(irp)

    lower = make_device(make_driver({IRP_MJ_READ: uses_and_completes}, "lower"))
    upper = make_driver({}, "upper")
    guard.call_driver(guard.CALLBACK, upper, act, lower)
    assert machine.defects == []


@pytest.mark.row("IRP-21")
def test_IRP_21_the_maker_of_a_packet_does_not_have_it_yet(machine: Machine) -> None:
    def act(lower: DEVICE_OBJECT) -> None:
        irp = IoAllocateIrp(1, False)
        assert irp is not None
        IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
        IoCallDriver(lower, irp)
        use_all(irp)

    lower = make_device(make_driver({IRP_MJ_READ: keep}, "lower"))
    guard.call_driver(guard.CALLBACK, make_driver({}, "upper"), act, lower)
    [(row, what)] = machine.defects
    assert row == "IRP-21"
    assert "<driver lower>>, to which it had been passed by IoCallDriver in" in what
    assert ".act (" in what


@pytest.mark.row("IRP-21")
def test_IRP_21_drivers_without_verifier_are_left_alone(machine: Machine) -> None:
    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        status = copy_down(device.device_extension.lower, irp)
        use_all(irp)
        return status

    program = stack_of(machine, upper, pend)
    machine.kernel.verifier.verify(machine.io.drivers["upper"], None)
    program.control()
    assert machine.defects == []


@pytest.mark.row("IRP-21")
@pytest.mark.parametrize("is_verified", [True, False])
def test_IRP_21_the_current_stack_location_is_told_once(machine: Machine, is_verified: bool) -> None:
    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        status = copy_down(device.device_extension.lower, irp)
        assert irp.tail.overlay.current_stack_location is IoGetCurrentIrpStackLocation(irp)
        return status

    program = stack_of(machine, upper, pend)
    if not is_verified:
        machine.kernel.verifier.verify(machine.io.drivers["upper"], None)
    program.control()
    assert [row for row, _ in machine.defects] == ["IRP-21"] * is_verified


# Stack locations that a driver has kept.

Look = Callable[[IO_STACK_LOCATION], object]
LOOKS: dict[str, Look] = {
    "minor_function": lambda stack: stack.minor_function,
    "minor_function, written": lambda stack: setattr(stack, "minor_function", 0),
    "flags": lambda stack: stack.flags,
    "flags, written": lambda stack: setattr(stack, "flags", 0),
    "file_object": lambda stack: stack.file_object,
    "file_object, written": lambda stack: setattr(stack, "file_object", None),
    "parameters": lambda stack: stack.parameters.read.length,
}


@pytest.mark.row("IRP-21")
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("how", ["completes", "copies", "skips"])
def test_IRP_21_a_stack_location_that_a_driver_has_kept(machine: Machine, look: str, how: str) -> None:
    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        if how == "completes":
            complete(irp)
        else:
            (skip_down if how == "skips" else copy_down)(device.device_extension.lower, irp)
        for _ in range(2):
            LOOKS[look](stack)
        return STATUS_SUCCESS

    stack_of(machine, upper, succeed).control()
    [(row, what)] = machine.defects
    assert row == "IRP-21"
    assert f"its {look.partition(',')[0]} was read or changed in the location of <device" in what
    assert "for IRP_MJ_DEVICE_CONTROL after the completion" in what
    assert what.endswith("of <driver upper>")


@pytest.mark.row("IRP-21")
def test_IRP_21_a_driver_that_has_the_packet_back_uses_its_location(machine: Machine) -> None:
    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        for _ in range(2):
            IoGetNextIrpStackLocation(irp).parameters.read.length = 1
            IoCopyCurrentIrpStackLocationToNext(irp)
            IoGetNextIrpStackLocation(irp).minor_function = 1
            IoForwardIrpSynchronously(device.device_extension.lower, irp)
            for look in LOOKS.values():
                look(stack)
        return complete(irp)

    assert stack_of(machine, upper, succeed).control() == STATUS_SUCCESS
    assert machine.defects == []


@pytest.mark.row("IRP-21")
def test_IRP_21_the_maker_of_a_packet_prepares_its_locations_again(machine: Machine) -> None:
    def act(lower: DEVICE_OBJECT) -> None:
        irp = IoAllocateIrp(2, False)
        assert irp is not None
        for _ in range(2):
            IoSetNextIrpStackLocation(irp)
            own = IoGetCurrentIrpStackLocation(irp)
            for stack in (own, IoGetNextIrpStackLocation(irp)):
                for look in LOOKS.values():
                    look(stack)
            IoSetCompletionRoutine(irp, hold, None, True, True, True)
            IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
            IoCallDriver(lower, irp)
            IoReuseIrp(irp, STATUS_SUCCESS)
        IoFreeIrp(irp)

    lower = make_device(make_driver({IRP_MJ_READ: succeed}, "lower"))
    guard.call_driver(guard.CALLBACK, make_driver({}, "upper"), act, lower)
    assert machine.defects == []


@pytest.mark.row("IRP-21")
def test_IRP_21_a_location_of_a_driver_without_verifier(machine: Machine) -> None:
    def upper(device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        complete(irp)
        assert stack.minor_function == 0
        return STATUS_SUCCESS

    program = stack_of(machine, upper, succeed)
    machine.kernel.verifier.verify(machine.io.drivers["upper"], None)
    program.control()
    assert machine.defects == []
