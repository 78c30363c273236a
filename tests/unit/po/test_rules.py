# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers that handle power IRPs wrongly."""

from __future__ import annotations

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    DRIVER_OBJECT,
    DRIVER_POWER_STATE_FAILURE,
    DRIVER_VERIFIER_IOMANAGER_VIOLATION,
    INTERNAL_POWER_ERROR,
    IRP,
    IRP_MJ_POWER,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    IRP_MN_WAIT_WAKE,
    KEVENT,
    POWER_STATE,
    STATUS_CONTINUE_COMPLETION,
    STATUS_DELETE_PENDING,
    STATUS_MORE_PROCESSING_REQUIRED,
    STATUS_NOT_SUPPORTED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    Executive,
    IoAllocateIrp,
    IoCallDriver,
    IoCopyCurrentIrpStackLocationToNext,
    IoDeleteDevice,
    IoDetachDevice,
    IoFreeIrp,
    IoGetNextIrpStackLocation,
    IoMarkIrpPending,
    IoSetCompletionRoutine,
    IoSkipCurrentIrpStackLocation,
    KeInitializeEvent,
    KernelMode,
    KeSetEvent,
    KeWaitForSingleObject,
    NotificationEvent,
    PoRequestPowerIrp,
    PowerDeviceD0,
    PowerDeviceD3,
    PowerSystemSleeping3,
)
from unit.po.stacks import Bus, Child, Event, Owner, Passing, complete

D3 = POWER_STATE(device_state=PowerDeviceD3)


def loaded(machine: Machine, bus: Bus, owner: Passing) -> None:
    machine.load_driver(bus)
    machine.load_driver(owner)


def physical(owner: Passing) -> DEVICE_OBJECT:
    assert owner.device is not None
    device = owner.device.device_extension.physical
    assert isinstance(device, DEVICE_OBJECT)
    return device


def ask(owner: Passing, minor: int = IRP_MN_SET_POWER, state: POWER_STATE = D3) -> None:
    PoRequestPowerIrp(physical(owner), minor, state, None, None)


def violation(machine: Machine, owner: Passing, minor: int = IRP_MN_SET_POWER) -> tuple[int, str]:
    """The first parameter and the reason of the bug check that a request to D3 is."""
    with pytest.raises(BugCheck) as stopped:
        ask(owner, minor)
    assert stopped.value.code == DRIVER_VERIFIER_IOMANAGER_VIOLATION
    return int(str(stopped.value.parameters[0])), stopped.value.reason


def test_PWR_10_a_failed_request_is_not_passed_down(machine: Machine) -> None:
    owner = Owner([], "a")

    def fail(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = STATUS_UNSUCCESSFUL
        return owner.pass_down(device, irp)

    owner.answers["query D3"] = fail
    loaded(machine, Bus([], Child("a")), owner)
    code, reason = violation(machine, owner, IRP_MN_QUERY_POWER)
    assert code == 0x219
    assert "a driver that fails a power IRP must complete it" in reason


def test_PWR_10_a_status_is_not_taken_back(machine: Machine) -> None:
    class Turning(Owner):
        """The middle of three drivers: the upper one succeeds, this one takes that back."""

        def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
            irp.io_status.status = STATUS_NOT_SUPPORTED
            return self.pass_down(device, irp)

    log: list[Event] = []
    middle = Turning(log, "a")
    loaded(machine, Bus(log, Child("a")), middle)
    upper = Owner(log, "upper")

    def succeed(device: DEVICE_OBJECT, irp: IRP) -> int:
        irp.io_status.status = STATUS_SUCCESS
        return upper.pass_down(device, irp)

    upper.answers["set D3"] = succeed
    machine.load_driver(upper, "upper")
    upper.add_device(machine.io.drivers["upper"], physical(middle))
    code, reason = violation(machine, middle)
    assert code == 0x21A
    assert "must not take back the status" in reason


def test_PWR_10_a_request_goes_to_the_next_lower_device(machine: Machine) -> None:
    log: list[Event] = []
    middle = Owner(log, "a")
    loaded(machine, Bus(log, Child("a")), middle)
    upper = Owner(log, "upper")

    def skip(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoSkipCurrentIrpStackLocation(irp)
        return IoCallDriver(physical(middle), irp)

    upper.answers["set D3"] = skip
    machine.load_driver(upper, "upper")
    upper.add_device(machine.io.drivers["upper"], physical(middle))
    code, reason = violation(machine, middle)
    assert code == 0x211
    assert "must go to the next lower device" in reason


def test_PWR_10_a_driver_above_the_bus_driver_does_not_answer(machine: Machine) -> None:
    owner = Owner([], "a")
    owner.answers["set D3"] = lambda _, irp: complete(irp, STATUS_SUCCESS)
    loaded(machine, Bus([], Child("a")), owner)
    code, reason = violation(machine, owner)
    assert code == 0x218
    assert "must pass a power IRP down unless it fails it" in reason


def test_PWR_10_a_bus_driver_handles_the_request(machine: Machine) -> None:
    bus, owner = Bus([], Child("a")), Owner([], "a")
    bus.answers["set D3"] = lambda _, irp: complete(irp, irp.io_status.status)
    loaded(machine, bus, owner)
    code, reason = violation(machine, owner)
    assert code == 0x217
    assert "a bus driver must handle IRP_MN_SET_POWER" in reason


def test_PNP_02_PWR_10_a_request_of_a_driver_begins_as_not_supported(machine: Machine) -> None:
    owner = Owner([], "a")

    def send(device: DEVICE_OBJECT, irp: IRP) -> int:
        own = IoAllocateIrp(3, False)
        assert own is not None
        stack = IoGetNextIrpStackLocation(own)
        stack.major_function, stack.minor_function = IRP_MJ_POWER, IRP_MN_QUERY_POWER
        own.io_status.status = STATUS_SUCCESS
        IoCallDriver(physical(owner), own)
        raise AssertionError

    owner.answers["query D3"] = send
    loaded(machine, Bus([], Child("a")), owner)
    code, reason = violation(machine, owner, IRP_MN_QUERY_POWER)
    assert code == 0x20F
    assert "must begin with STATUS_NOT_SUPPORTED" in reason


def test_PWR_12_a_driver_makes_no_power_request_itself(machine: Machine) -> None:
    owner = Owner([], "a")

    def send(device: DEVICE_OBJECT, irp: IRP) -> int:
        own = IoAllocateIrp(3, False)
        assert own is not None
        stack = IoGetNextIrpStackLocation(own)
        stack.major_function, stack.minor_function = IRP_MJ_POWER, IRP_MN_QUERY_POWER
        own.io_status.status = STATUS_NOT_SUPPORTED
        IoSetCompletionRoutine(own, lambda *_: STATUS_MORE_PROCESSING_REQUIRED, None, True, True, True)
        IoCallDriver(physical(owner), own)
        IoFreeIrp(own)
        return owner.pass_down(device, irp)

    owner.answers["query D3"] = send
    loaded(machine, Bus([], Child("a")), owner)
    ask(owner, IRP_MN_QUERY_POWER)
    ((row, sentence),) = machine.defects
    assert row == "PWR-12"
    assert "a driver must not make a power IRP itself" in sentence


def test_PWR_12_the_function_codes_are_not_changed(machine: Machine) -> None:
    owner = Owner([], "a")

    def change(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoGetNextIrpStackLocation(irp).minor_function = IRP_MN_QUERY_POWER
        return IoCallDriver(physical(owner), irp)

    owner.answers["set D3"] = change
    loaded(machine, Bus([], Child("a")), owner)
    ask(owner)
    row, sentence = machine.defects[0]
    assert row == "PWR-12"
    assert "IRP_MN_SET_POWER to D3> on as IRP_MN_QUERY_POWER" in sentence


def test_PWR_09_a_device_that_is_gone_may_fail_the_request(machine: Machine) -> None:
    owner = Owner([], "a")
    owner.answers["set D3"] = lambda _, irp: complete(irp, STATUS_DELETE_PENDING)
    loaded(machine, Bus([], Child("a")), owner)
    ask(owner)
    assert machine.defects == []


def test_PWR_10_a_driver_in_the_stack_has_a_dispatch_routine(machine: Machine) -> None:
    class Without(Owner):
        def enter(self, driver: DRIVER_OBJECT, registry_path: str) -> int:
            status = super().enter(driver, registry_path)
            driver.major_function[IRP_MJ_POWER] = driver.major_function[0]
            return status

    owner = Without([], "a")
    loaded(machine, Bus([], Child("a")), owner)
    code, reason = violation(machine, owner)
    assert code == 0x21F
    assert "must have a dispatch routine for IRP_MJ_POWER; <driver Without> has none" in reason


def test_PWR_09_a_request_to_set_a_state_is_not_failed(machine: Machine) -> None:
    owner = Owner([], "a")
    owner.answers["set D3"] = lambda _, irp: complete(irp, STATUS_UNSUCCESSFUL)
    loaded(machine, Bus([], Child("a")), owner)
    ask(owner)
    ((row, sentence),) = machine.defects
    assert row == "PWR-09"
    assert "a driver must not fail IRP_MN_SET_POWER" in sentence
    assert "IRP_MN_SET_POWER to D3" in sentence


def test_PWR_13_somebody_in_the_stack_tells_the_new_state(machine: Machine) -> None:
    bus, owner = Bus([], Child("a")), Owner([], "a")
    bus.answers["set D3"] = lambda _, irp: complete(irp, STATUS_SUCCESS)
    loaded(machine, bus, owner)
    ask(owner)
    ((row, sentence),) = machine.defects
    assert row == "PWR-13"
    assert "call PoSetPowerState" in sentence


def test_PWR_04_a_device_cannot_be_pageable_and_have_an_inrush_of_current(machine: Machine) -> None:
    owner = Owner([], "a", flags=DO_POWER_INRUSH | DO_POWER_PAGABLE)
    loaded(machine, Bus([], Child("a")), owner)
    with pytest.raises(BugCheck, match="must not have both DO_POWER_INRUSH and DO_POWER_PAGABLE") as stopped:
        ask(owner, state=POWER_STATE(device_state=PowerDeviceD0))
    assert (stopped.value.code, stopped.value.parameters[:2]) == (INTERNAL_POWER_ERROR, (1, 5))


def test_PWR_11_a_request_that_does_not_end_stops_the_system(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a")
    owner.answers["set D3"] = owner.hold
    loaded(machine, Bus(log, Child("a")), owner)
    with pytest.raises(BugCheck, match=r"complete a power IRP or pass it on in time; <power IRP") as stopped:
        machine.suspend("S3")
    error = stopped.value
    # The driver waits for its own IRP about the device before it completes the one about the system.
    assert (error.code, error.parameters[0]) == (DRIVER_POWER_STATE_FAILURE, 3)
    assert (error.parameters[1], error.parameters[3]) == (physical(owner), owner.irps[-1])
    assert "<driver Owner> has it" in str(error)
    assert "power IRPs, the oldest first:" in str(error)
    assert r"for FAKE\a\0: <driver Owner> has it" in str(error)
    assert "in Owner.power" in str(error)


def test_PWR_11_a_driver_that_waits_for_a_request_behind_its_own_is_told_where_it_waits(
    machine: Machine,
) -> None:
    owner = Owner([], "a")

    def wait(device: DEVICE_OBJECT, irp: IRP) -> int:
        ended = KEVENT()
        KeInitializeEvent(ended, NotificationEvent, False)
        state = POWER_STATE(device_state=PowerDeviceD0)
        PoRequestPowerIrp(
            physical(owner), IRP_MN_QUERY_POWER, state, lambda *_: KeSetEvent(ended, 0, False), None
        )
        KeWaitForSingleObject(ended, Executive, KernelMode, False, None)
        return owner.pass_down(device, irp)

    owner.answers["set D3"] = wait
    loaded(machine, Bus([], Child("a")), owner)
    with pytest.raises(BugCheck, match="IRP_MN_SET_POWER to D3>, sent to the stack of") as stopped:
        ask(owner)
    report = str(stopped.value)
    assert stopped.value.parameters[0] == 3
    assert "IRP_MN_QUERY_POWER to D0> for FAKE\\a\\0: waits for <power IRP" in report
    assert "in the same stack" in report
    assert ".wait (" in report


def test_PWR_11_a_wake_request_may_wait_for_ever(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a")
    loaded(machine, Bus(log, Child("a")), owner)
    ask(owner, IRP_MN_WAIT_WAKE, POWER_STATE(PowerSystemSleeping3))
    machine.sleep(20)
    assert len(machine.power.outstanding) == 1


def test_PWR_11_a_device_that_has_a_request_is_not_freed(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a")
    owner.answers["set D3"] = owner.hold
    loaded(machine, Bus(log, Child("a")), owner)
    ask(owner)
    assert owner.device is not None
    IoDetachDevice(physical(owner))
    with pytest.raises(BugCheck, match="must not be freed while it has a power IRP") as stopped:
        IoDeleteDevice(owner.device)
    assert stopped.value.parameters == (1, owner.device, 0, 0)
    assert stopped.value.code == DRIVER_POWER_STATE_FAILURE


def remove(owner: Owner) -> None:
    assert owner.device is not None
    IoDetachDevice(physical(owner))
    IoDeleteDevice(owner.device)


@pytest.mark.parametrize("late", [False, True], ids=["dispatch", "completion"])
def test_PWR_11_a_device_stays_for_the_routine_that_is_about_to_give_its_request_back(
    machine: Machine, late: bool
) -> None:
    """On another processor the device is deleted, because the driver has no remove lock yet, or no more."""
    log: list[Event] = []
    owner = Owner(log, "a")

    def refuse(device: DEVICE_OBJECT, irp: IRP) -> int:
        remove(owner)
        assert device.device_extension.lower is not None, "the extension is still there"
        return complete(irp, STATUS_DELETE_PENDING)

    def forward(device: DEVICE_OBJECT, irp: IRP) -> int:
        IoMarkIrpPending(irp)
        IoCopyCurrentIrpStackLocationToNext(irp)
        IoSetCompletionRoutine(irp, done, None, True, True, True)
        IoCallDriver(device.device_extension.lower, irp)
        return STATUS_PENDING

    def done(device: DEVICE_OBJECT | None, irp: IRP, context: object) -> int:
        assert device is not None
        remove(owner)
        assert device.device_extension.lower is not None, "the extension is still there"
        return STATUS_CONTINUE_COMPLETION

    owner.answers["set D3"] = forward if late else refuse
    loaded(machine, Bus(log, Child("a")), owner)
    ask(owner)
    assert owner.device is not None
    assert owner.device.type == 0, "the device is gone when the request is complete"
    assert machine.power.outstanding == {}
