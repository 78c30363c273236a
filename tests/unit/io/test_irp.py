# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests: allocation, stack locations, the way down and the walk of completion."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from dirql.io.request import Request
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    CM_RESOURCE_LIST,
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_MAXIMUM_FUNCTION,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    NT_SUCCESS,
    SL_INVOKE_ON_CANCEL,
    SL_INVOKE_ON_ERROR,
    SL_INVOKE_ON_SUCCESS,
    SL_PENDING_RETURNED,
    STATUS_BUFFER_OVERFLOW,
    STATUS_CANCELLED,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoAllocateIrp,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCopyCurrentIrpStackLocationToNext,
    IoFreeIrp,
    IoGetCurrentIrpStackLocation,
    IoGetNextIrpStackLocation,
    IoInitializeIrp,
    IoMarkIrpPending,
    IoReuseIrp,
    IoSetCancelRoutine,
    IoSetCompletionRoutine,
    IoSetNextIrpStackLocation,
    IoSizeOfIrp,
    IoSkipCurrentIrpStackLocation,
    KeLowerIrql,
    KeRaiseIrql,
    KernelMode,
)
from unit.io.making import complete, keep, make_device, make_driver, make_irp, succeed


def check_fresh(irp: IRP, stack_size: int) -> None:
    assert irp.type == 6
    assert irp.stack_count == stack_size
    assert irp.current_location == stack_size + 1
    assert irp.io_status.information == 0
    assert irp.mdl_address is None
    assert irp.associated_irp.system_buffer is None
    assert irp.user_iosb is None
    assert irp.user_event is None
    assert irp.cancel_routine is None
    assert not irp.cancel
    assert not irp.pending_returned
    assert irp.flags == 0
    assert all(location.major_function == 0 for location in irp.locations)
    assert all(location.parameters.read.length == 0 for location in irp.locations)


def test_IRP_01_a_fresh_irp(machine: Machine) -> None:
    irp = make_irp(3)
    check_fresh(irp, 3)
    assert irp.allocation_flags == 4
    assert irp.io_status.status == 0
    IoInitializeIrp(irp, IoSizeOfIrp(2), 2)
    check_fresh(irp, 2)
    assert irp.allocation_flags == 0
    with pytest.raises(ValueError, match="PacketSize must be at least"):
        IoInitializeIrp(irp, 16, 2)


@pytest.mark.parametrize("size", [0, -1, 128])
def test_IRP_01_a_stack_size_that_does_not_exist(machine: Machine, size: int) -> None:
    assert IoAllocateIrp(size, False) is None


def test_IRP_01_a_freed_irp_comes_back_fresh(machine: Machine) -> None:
    irp = make_irp(2)
    location = IoGetNextIrpStackLocation(irp)
    location.major_function = IRP_MJ_READ
    location.parameters.read.length = 7
    location.parameters.create.options = 3
    location.parameters.device_io_control.output_buffer_length = 9
    irp.flags = irp.cancel_irql = 5
    irp.cancel = True
    irp.io_status.information = 4
    IoFreeIrp(irp)
    again = make_irp(2)
    check_fresh(again, 2)
    assert again.locations[1].parameters.create.options == 0
    assert again.locations[1].parameters.device_io_control.output_buffer_length == 0
    assert again.allocation_flags == 4


def test_IRP_02_reuse_keeps_allocation_flags_and_sets_the_status(machine: Machine) -> None:
    irp = make_irp(2)
    IoSetNextIrpStackLocation(irp)
    IoGetCurrentIrpStackLocation(irp).major_function = IRP_MJ_WRITE
    irp.io_status.information = 5
    irp.tail.overlay.driver_context[0] = self = object()
    assert irp.tail.overlay.driver_context[0] is self
    assert irp.tail.overlay.current_stack_location is IoGetCurrentIrpStackLocation(irp)
    parts = [irp.io_status, irp.associated_irp, irp.tail.overlay, irp.tail.overlay.driver_context]
    IoReuseIrp(irp, STATUS_UNSUCCESSFUL)
    after = [irp.io_status, irp.associated_irp, irp.tail.overlay, irp.tail.overlay.driver_context]
    assert all(part is before for part, before in zip(after, parts, strict=True))  # fixed for life
    check_fresh(irp, 2)
    assert irp.allocation_flags == 4
    assert irp.io_status.status == STATUS_UNSUCCESSFUL
    assert irp.tail.overlay.driver_context[0] is None


def test_IRP_03_call_driver(machine: Machine) -> None:
    seen: list[Any] = []

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        location = IoGetCurrentIrpStackLocation(irp)
        seen.append((device, irp.current_location, location.device_object, location.parameters.read.length))
        return 0x12345

    device = make_device(make_driver({IRP_MJ_READ: read}))
    machine.kernel.verifier.verify(device.driver_object, None)  # who is verified completes what it returns
    irp = make_irp(2)
    location = IoGetNextIrpStackLocation(irp)
    location.major_function = IRP_MJ_READ
    location.parameters.read.length = 17
    assert IoCallDriver(device, irp) == 0x12345
    assert seen == [(device, 2, device, 17)]


def test_IRP_04_no_location_left(machine: Machine) -> None:
    device = make_device(make_driver({IRP_MJ_READ: keep}))
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    IoCallDriver(device, irp)
    with pytest.raises(BugCheck, match="no stack location left") as stopped:
        IoCallDriver(device, irp)
    assert stopped.value.code == 0x35
    assert stopped.value.parameters[0] is irp


def test_IRP_04_completed_twice(machine: Machine) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        complete(irp)
        return complete(irp)

    device = make_device(make_driver({IRP_MJ_READ: read}))
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    completed = r"was already completed by IoCompleteRequest in complete \(.*making.py:\d+\)"
    with pytest.raises(BugCheck, match=completed) as stopped:
        IoCallDriver(device, irp)
    assert stopped.value.code == 0x44
    assert stopped.value.parameters[0] is irp


def test_a_freed_irp_is_not_sent(machine: Machine) -> None:
    device = make_device(make_driver({IRP_MJ_READ: succeed}))
    irp = make_irp(1)
    IoFreeIrp(irp)
    freed = "was already freed by IoFreeIrp in test_a_freed_irp_is_not_sent"
    with pytest.raises(BugCheck, match=freed) as stopped:
        IoCallDriver(device, irp)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 3)


@pytest.mark.row("IRP-05")
def test_IRP_05_skip_gives_the_same_location(machine: Machine) -> None:
    irp = make_irp(2)
    IoSetNextIrpStackLocation(irp)
    mine = IoGetCurrentIrpStackLocation(irp)
    IoSkipCurrentIrpStackLocation(irp)
    assert irp.current_location == 3
    assert IoGetNextIrpStackLocation(irp) is mine


def test_IRP_05_copy_leaves_completion_and_control_behind(machine: Machine) -> None:
    irp = make_irp(2)
    IoSetCompletionRoutine(irp, lambda *_: 0, None, True, True, True)
    IoSetNextIrpStackLocation(irp)
    mine = IoGetCurrentIrpStackLocation(irp)
    mine.major_function, mine.minor_function, mine.flags = IRP_MJ_WRITE, 1, 2
    mine.parameters.write.length = 512
    mine.parameters.device_io_control.io_control_code = 0x222000
    mine.parameters.others.argument1 = "x"
    IoCopyCurrentIrpStackLocationToNext(irp)
    below = IoGetNextIrpStackLocation(irp)
    assert (below.major_function, below.minor_function, below.flags) == (IRP_MJ_WRITE, 1, 2)
    assert below.parameters.read.length == 512
    assert below.parameters.device_io_control.io_control_code == 0x222000
    assert below.parameters.others.argument1 == "x"
    assert below.completion_routine is None
    assert below.control == 0
    below.parameters.write.length = 1
    below.parameters.others.argument1 = "y"
    assert mine.parameters.write.length == 512
    assert mine.parameters.others.argument1 == "x"


def test_IRP_06_the_completion_routine_goes_to_the_next_location(machine: Machine) -> None:
    irp = make_irp(2)
    IoSetNextIrpStackLocation(irp)
    context = object()
    routine = succeed_too
    IoSetCompletionRoutine(irp, routine, context, True, False, True)
    below = IoGetNextIrpStackLocation(irp)
    assert below.completion_routine is routine
    assert below.context is context
    assert below.control == SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_CANCEL
    assert IoGetCurrentIrpStackLocation(irp).completion_routine is None
    IoSetCompletionRoutine(irp, None, None, False, True, False)
    assert below.control == SL_INVOKE_ON_ERROR


def cancel_nothing(device: DEVICE_OBJECT, irp: IRP) -> None:
    pass


def succeed_too(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
    return STATUS_SUCCESS


class Layer:
    lower: DEVICE_OBJECT


def make_stack(count: int, bottom: Any, layer: Any) -> list[DEVICE_OBJECT]:
    """Make a stack of devices; all above the lowest have `layer` as their read routine."""
    devices = [make_device(make_driver({IRP_MJ_READ: bottom}, "bottom"))]
    driver = make_driver({IRP_MJ_READ: layer}, "layer")
    for _ in range(count - 1):
        device = make_device(driver, extension=Layer)
        lower = IoAttachDeviceToDeviceStack(device, devices[0])
        assert lower is not None
        device.device_extension.lower = lower
        devices.append(device)
    return devices


def send(top: DEVICE_OBJECT, routine: Any = None) -> tuple[int, IRP]:
    irp = make_irp(top.stack_size)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    if routine is not None:
        IoSetCompletionRoutine(irp, routine, "sender", True, True, True)
    return IoCallDriver(top, irp), irp


def test_IRP_07_the_walk_goes_up(machine: Machine) -> None:
    walked: list[Any] = []

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        below = irp.locations[irp.current_location - 2]
        walked.append((device, irp.current_location, context, below.major_function, below.completion_routine))
        return STATUS_SUCCESS

    def layer(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, done, device, True, True, True)
        return IoCallDriver(device.device_extension.lower, irp)

    devices = make_stack(3, succeed, layer)
    status, irp = send(devices[-1], done)
    assert status == STATUS_SUCCESS
    # Each is called with its own device, its location raised, the location below cleared but for the major function;
    # the sender has no device.
    assert walked == [
        (devices[1], 2, devices[1], IRP_MJ_READ, None),
        (devices[2], 3, devices[2], IRP_MJ_READ, None),
        (None, 4, "sender", IRP_MJ_READ, None),
    ]
    assert irp.current_location == 5


@pytest.mark.parametrize(
    ("status", "cancel", "success", "error", "on_cancel", "called"),
    [
        (STATUS_SUCCESS, False, True, False, False, True),
        (STATUS_SUCCESS, False, False, True, True, False),
        (0x4000_0001, False, True, False, False, True),
        (STATUS_BUFFER_OVERFLOW, False, True, False, True, False),
        (STATUS_BUFFER_OVERFLOW, False, False, True, False, True),
        (STATUS_UNSUCCESSFUL, False, False, True, False, True),
        (STATUS_UNSUCCESSFUL, False, True, False, True, False),
        (STATUS_CANCELLED, False, False, True, False, True),
        (STATUS_CANCELLED, True, False, False, True, True),
        (STATUS_SUCCESS, True, False, True, True, True),
        (STATUS_SUCCESS, True, False, True, False, False),
    ],
)
def test_IRP_09_when_a_routine_is_called(
    machine: Machine, status: int, cancel: bool, success: bool, error: bool, on_cancel: bool, called: bool
) -> None:
    calls = []

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.cancel = cancel
        return complete(irp, status)

    device = make_device(make_driver({IRP_MJ_READ: read}))
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    IoSetCompletionRoutine(irp, lambda *_: calls.append(1) or 0, None, success, error, on_cancel)
    assert IoCallDriver(device, irp) == status
    assert bool(calls) is called


def test_IRP_10_more_processing_required_stops_the_walk(machine: Machine) -> None:
    order: list[str] = []
    kept: list[IRP] = []

    def hold_back(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        order.append("kept")
        kept.append(irp)
        return STATUS_MORE_PROCESSING_REQUIRED

    def layer(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, hold_back, None, True, True, True)
        IoMarkIrpPending(irp)
        IoCallDriver(device.device_extension.lower, irp)
        return STATUS_PENDING

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        order.append("done")
        return 0x777  # any other value goes on

    devices = make_stack(2, succeed, layer)
    _, irp = send(devices[-1], done)
    assert order == ["kept"]
    assert irp.current_location == 2
    assert IoGetCurrentIrpStackLocation(irp).device_object is devices[1]
    IoCompleteRequest(irp, 0)
    assert order == ["kept", "done"]


def test_IRP_13_mark_pending_and_its_way_up(machine: Machine) -> None:
    seen: list[bool] = []

    def pend(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        assert IoGetCurrentIrpStackLocation(irp).control == SL_PENDING_RETURNED
        complete(irp)
        return STATUS_PENDING

    def layer(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        return IoCallDriver(device.device_extension.lower, irp)

    devices = make_stack(2, pend, layer)

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        seen.append(irp.pending_returned)
        return STATUS_SUCCESS

    status, _ = send(devices[-1], done)
    assert status == STATUS_PENDING
    assert seen == [True]  # the layer set no routine, so that the system passed the mark on for it


def test_IRP_16_slots_not_filled_fail_the_request(machine: Machine) -> None:
    driver = make_driver()
    assert len(driver.major_function) == IRP_MJ_MAXIMUM_FUNCTION + 1 == 28
    assert len(set(driver.major_function)) == 1
    device = make_device(driver)
    irp = make_irp(1)
    IoGetNextIrpStackLocation(irp).major_function = IRP_MJ_READ
    assert IoCallDriver(device, irp) == STATUS_INVALID_DEVICE_REQUEST
    assert irp.io_status.status == STATUS_INVALID_DEVICE_REQUEST


def test_IRP_17_complete_with_pending(machine: Machine) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        return complete(irp, STATUS_PENDING)

    device = make_device(make_driver({IRP_MJ_READ: read}))
    with pytest.raises(
        BugCheck, match="must be final when it is completed; it was STATUS_PENDING"
    ) as stopped:
        send(device)
    assert (stopped.value.code, stopped.value.parameters[:2]) == (0xC9, (6, STATUS_PENDING))


def test_IRP_17_complete_with_a_cancel_routine(machine: Machine) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoSetCancelRoutine(irp, cancel_nothing)
        return complete(irp)

    with pytest.raises(BugCheck, match="cancel routine") as stopped:
        send(make_device(make_driver({IRP_MJ_READ: read})))
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 7)


@pytest.mark.parametrize("free", [True, False])
def test_IRP_17_free_what_is_no_irp_of_the_drivers(machine: Machine, free: bool) -> None:
    irp = make_irp(1)
    if free:
        IoFreeIrp(irp)
    else:
        irp.owner = Request(irp, None, IO_STATUS_BLOCK(), KernelMode)
    with pytest.raises(BugCheck) as stopped:
        IoFreeIrp(irp)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 1 if free else 2)


@pytest.mark.row("IRP-17")
@pytest.mark.parametrize("what", ["call", "complete"])
def test_IRP_17_levels(machine: Machine, what: str) -> None:
    device = make_device(make_driver({IRP_MJ_READ: keep}))
    _, irp = send(device)
    KeRaiseIrql(DISPATCH_LEVEL + 1)
    with pytest.raises(BugCheck) as stopped:
        IoCallDriver(device, irp) if what == "call" else IoCompleteRequest(irp, 0)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x10 if what == "call" else 0xE)


@pytest.mark.row("IRQL-06")
def test_IRQL_06_a_dispatch_routine_returns_at_its_level(machine: Machine) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        KeRaiseIrql(DISPATCH_LEVEL)
        return complete(irp)

    with pytest.raises(BugCheck, match="must return at PASSIVE_LEVEL") as stopped:
        send(make_device(make_driver({IRP_MJ_READ: read})))
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 5)


@pytest.mark.row("IRQL-06")
def test_IRQL_06_a_completion_routine_returns_at_its_level(machine: Machine) -> None:
    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        KeRaiseIrql(DISPATCH_LEVEL)
        return STATUS_SUCCESS

    with pytest.raises(BugCheck, match="completion routine") as stopped:
        send(make_device(make_driver({IRP_MJ_READ: succeed})), done)
    assert stopped.value.code == 0xC4
    assert (stopped.value.parameters[0], *stopped.value.parameters[2:]) == (0xFA, 0, 2)


def test_IRQL_11_a_completion_routine_runs_at_the_completers_level(machine: Machine) -> None:
    levels = []

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        old = KeRaiseIrql(DISPATCH_LEVEL)
        complete(irp)
        KeLowerIrql(old)
        return STATUS_SUCCESS

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        levels.append(machine.kernel.processors[0].irql)
        return STATUS_SUCCESS

    send(make_device(make_driver({IRP_MJ_READ: read})), done)
    assert levels == [DISPATCH_LEVEL]


def test_a_driver_that_raises_is_named(machine: Machine) -> None:
    def careless_read(device: DEVICE_OBJECT, irp: IRP) -> int:
        raise KeyError("missing")

    with pytest.raises(BugCheck, match=r"careless_read.*KeyError") as stopped:
        send(make_device(make_driver({IRP_MJ_READ: careless_read})))
    assert stopped.value.code == 0x1E
    assert isinstance(stopped.value.__cause__, KeyError)


def test_a_location_that_is_not_there(machine: Machine) -> None:
    irp = make_irp(1)
    with pytest.raises(BugCheck, match=r"has the stack locations 1 … 1, location 2 was asked for") as stopped:
        IoGetCurrentIrpStackLocation(irp)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x208)


@given(status=st.integers(min_value=0, max_value=0xFFFF_FFFF))
def test_IRP_09_nt_success_decides(status: int) -> None:
    assert NT_SUCCESS(status) is (status >> 30 in (0, 1))


@pytest.mark.row("IRP-20")
@pytest.mark.parametrize("returned", [None, "status", 1 << 32, -(1 << 31) - 1])
def test_a_dispatch_routine_returns_a_status(machine: Machine, returned: Any) -> None:
    def read(device: DEVICE_OBJECT, irp: IRP) -> Any:
        complete(irp)
        return returned

    with pytest.raises(BugCheck, match="must return an NTSTATUS") as stopped:
        send(make_device(make_driver({IRP_MJ_READ: read})))
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x224)


def test_a_negative_status_of_a_driver_is_an_error(machine: Machine) -> None:
    """C's STATUS_UNSUCCESSFUL is negative; NT_SUCCESS must not take it for a success."""
    seen: list[int] = []

    def read(device: DEVICE_OBJECT, irp: IRP) -> int:
        return complete(irp, STATUS_UNSUCCESSFUL - (1 << 32))

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        seen.append(irp.io_status.status)
        return STATUS_MORE_PROCESSING_REQUIRED - (1 << 32)

    status, irp = send(make_device(make_driver({IRP_MJ_READ: read})), done)
    assert not NT_SUCCESS(status)
    assert (status, seen) == (STATUS_UNSUCCESSFUL, [STATUS_UNSUCCESSFUL])
    assert irp.current_location == 2  # the completion routine kept the packet


@pytest.mark.row("IRP-05")
@pytest.mark.parametrize("how", ["skip", "copy"])
def test_a_driver_below_another_sees_the_parameters_that_were_sent(machine: Machine, how: str) -> None:
    """`parameters.start_device` reaches the bus driver, also if a driver in between has used other records."""
    seen: list[object] = []

    def bus(device: DEVICE_OBJECT, irp: IRP) -> int:
        seen.append(IoGetCurrentIrpStackLocation(irp).parameters.start_device.allocated_resources)
        return complete(irp)

    def layer(device: DEVICE_OBJECT, irp: IRP) -> int:
        assert IoGetCurrentIrpStackLocation(irp).parameters.query_id.id_type == 0
        if how == "skip":
            IoSkipCurrentIrpStackLocation(irp)
        else:
            IoCopyCurrentIrpStackLocationToNext(irp)
        return IoCallDriver(device.device_extension.lower, irp)

    top = make_stack(2, bus, layer)[-1]
    irp = make_irp(top.stack_size)
    location = IoGetNextIrpStackLocation(irp)
    location.major_function = IRP_MJ_READ
    location.parameters.start_device.allocated_resources = resources = CM_RESOURCE_LIST(())
    assert IoCallDriver(top, irp) == STATUS_SUCCESS
    assert seen == [resources]
