# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Power IRPs that drivers ask for: how they are made, which go when, and what PoSetPowerState remembers."""

from __future__ import annotations

import pytest

from dirql.machine import Machine
from dirql.wdm import (
    DEVICE_OBJECT,
    DISPATCH_LEVEL,
    DO_POWER_INRUSH,
    DO_POWER_PAGABLE,
    IO_NO_INCREMENT,
    IO_STATUS_BLOCK,
    IRP,
    IRP_MJ_POWER,
    IRP_MN_POWER_SEQUENCE,
    IRP_MN_QUERY_POWER,
    IRP_MN_SET_POWER,
    PASSIVE_LEVEL,
    POWER_SEQUENCE,
    POWER_STATE,
    STATUS_INVALID_PARAMETER_2,
    STATUS_NOT_SUPPORTED,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_WAIT_3,
    SYSTEM_POWER_STATE_CONTEXT,
    DevicePowerState,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoCompleteRequest,
    IoCopyCurrentIrpStackLocationToNext,
    IoGetCurrentIrpStackLocation,
    IoSkipCurrentIrpStackLocation,
    KeGetCurrentIrql,
    KeLowerIrql,
    KeRaiseIrqlToDpcLevel,
    PoCallDriver,
    PoRequestPowerIrp,
    PoSetPowerState,
    PoStartNextPowerIrp,
    PowerDeviceD0,
    PowerDeviceD2,
    PowerDeviceD3,
    PowerDeviceUnspecified,
    PowerSystemSleeping3,
    PowerSystemUnspecified,
    SystemPowerState,
)
from unit.io.making import make_device, make_driver
from unit.po.stacks import Bus, Child, Event, Owner

D0, D3 = POWER_STATE(device_state=PowerDeviceD0), POWER_STATE(device_state=PowerDeviceD3)


class Stack:
    """Three devices of one driver, none of which a bus has reported."""

    def __init__(self, flags: int = 0) -> None:
        driver = make_driver({IRP_MJ_POWER: self.power})
        self.devices = [make_device(driver, flags=flags) for _ in range(3)]
        for device in self.devices[1:]:
            IoAttachDeviceToDeviceStack(device, self.devices[0])
        self.seen: list[tuple[int, int]] = []
        """The number of each device that got the IRP, and the IRQL."""
        self.irps: list[IRP] = []
        self.status = STATUS_WAIT_3

    def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        number = self.devices.index(device)
        self.seen.append((number, KeGetCurrentIrql()))
        self.irps.append(irp)
        self.look(irp)
        PoStartNextPowerIrp(irp)
        if number:
            IoSkipCurrentIrpStackLocation(irp)
            return PoCallDriver(self.devices[number - 1], irp)
        irp.io_status.status, irp.io_status.information = self.status, 7
        IoCompleteRequest(irp, IO_NO_INCREMENT)
        return self.status

    def look(self, irp: IRP) -> None:
        """Look at an IRP on its way down."""


def test_PWR_01_the_request_goes_to_the_top_of_the_stack(machine: Machine) -> None:
    found: list[tuple[object, ...]] = []

    class Looking(Stack):
        def look(self, irp: IRP) -> None:
            stack = IoGetCurrentIrpStackLocation(irp)
            assert (stack.major_function, stack.minor_function) == (IRP_MJ_POWER, IRP_MN_SET_POWER)
            assert stack.context is done
            power = stack.parameters.power
            assert (power.type, power.state.device_state) == (DevicePowerState, PowerDeviceD0)
            assert (irp.stack_count, irp.current_location) == (5, 3)
            assert (irp.io_status.status, irp.io_status.information) == (STATUS_NOT_SUPPORTED, 0)
            assert irp.tail.overlay.thread is None

    def done(
        device: DEVICE_OBJECT, minor: int, state: POWER_STATE, context: object, result: IO_STATUS_BLOCK
    ) -> None:
        irp = stack.irps[-1]
        assert irp.io_status is result
        own = IoGetCurrentIrpStackLocation(irp)
        others = own.parameters.others
        assert (irp.current_location, own.major_function, own.completion_routine) == (4, 0, None)
        assert (others.argument1, others.argument2, others.argument3, others.argument4) == (
            device,
            minor,
            PowerDeviceD0,
            context,
        )
        found.append((device, minor, state.device_state, context, result.status, result.information))

    stack = Looking()
    status, irp = PoRequestPowerIrp(stack.devices[1], IRP_MN_SET_POWER, D0, done, "context")
    assert status == STATUS_PENDING
    assert irp is stack.irps[0]
    assert [number for number, _ in stack.seen] == [2, 1, 0]
    assert found == [(stack.devices[1], IRP_MN_SET_POWER, PowerDeviceD0, "context", STATUS_WAIT_3, 7)]
    assert irp not in machine.io.live_irps


def test_PWR_01_another_minor_function_is_refused(machine: Machine) -> None:
    stack = Stack()
    for minor in (IRP_MN_POWER_SEQUENCE, 4, 255):
        assert PoRequestPowerIrp(stack.devices[0], minor, D0, None, None) == (
            STATUS_INVALID_PARAMETER_2,
            None,
        )
    assert stack.seen == []


def test_the_completion_routine_is_optional_and_the_state_may_be_its_number(machine: Machine) -> None:
    stack = Stack()
    stack.status = STATUS_SUCCESS
    PoRequestPowerIrp(stack.devices[0], IRP_MN_QUERY_POWER, PowerDeviceD3, None, None)
    assert len(stack.seen) == 3
    assert machine.power.outstanding == {}


@pytest.mark.parametrize("state", [POWER_STATE(), POWER_STATE(device_state=5), 17])
def test_a_state_that_is_none_is_refused(machine: Machine, state: POWER_STATE | int) -> None:
    with pytest.raises(
        ValueError, match=r"PoRequestPowerIrp: PowerState must be a POWER_STATE with a DEVICE_POW"
    ):
        PoRequestPowerIrp(Stack().devices[0], IRP_MN_SET_POWER, state, None, None)


def asked(machine: Machine, owner: Owner, minor: int, state: POWER_STATE, done: list[str], name: str) -> None:
    assert owner.device is not None
    physical = owner.device.device_extension.physical
    PoRequestPowerIrp(physical, minor, state, lambda *_: done.append(name), None)


def test_PWR_02_one_device_request_at_a_time_is_in_a_stack(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a")
    owner.answers["set D3"] = owner.hold
    machine.load_driver(Bus(log, Child("a")))
    machine.load_driver(owner)
    done: list[str] = []
    asked(machine, owner, IRP_MN_SET_POWER, D3, done, "first")
    asked(machine, owner, IRP_MN_QUERY_POWER, D3, done, "second")
    asked(machine, owner, IRP_MN_SET_POWER, D0, done, "third")
    assert log == [("a", "set D3")]
    owner.go_on()
    rest = [("a", "query D3"), ("pdo a", "query D3"), ("a", "set D0"), ("pdo a", "set D0")]
    assert log[1:] == [("pdo a", "set D3"), *rest]
    assert done == ["first", "second", "third"]
    assert machine.power.queues == {}


def test_PWR_02_a_request_about_the_device_does_not_wait_for_one_about_the_system(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a")
    machine.load_driver(Bus(log, Child("a")))
    machine.load_driver(owner)
    owner.answers["set S3"] = owner.hold
    sleeper = machine.create_thread(lambda: machine.suspend("S3"))
    machine.sleep(0.001)
    done: list[str] = []
    asked(machine, owner, IRP_MN_QUERY_POWER, D3, done, "device")
    assert done == ["device"]
    owner.go_on()
    sleeper.join()


def test_PWR_02_calls_of_PoStartNextPowerIrp_change_nothing(machine: Machine) -> None:
    stack = Stack()
    stack.status = STATUS_SUCCESS
    PoRequestPowerIrp(stack.devices[0], IRP_MN_QUERY_POWER, D3, None, None)
    assert machine.defects == []


def test_PWR_02_a_late_call_of_PoStartNextPowerIrp_is_told(machine: Machine) -> None:
    log: list[Event] = []

    class Late(Owner):
        def pass_down(self, device: DEVICE_OBJECT, irp: IRP) -> int:
            stack = IoGetCurrentIrpStackLocation(irp)
            if stack.major_function != IRP_MJ_POWER:
                return super().pass_down(device, irp)
            IoSkipCurrentIrpStackLocation(irp)
            PoStartNextPowerIrp(irp)
            return IoCallDriver(device.device_extension.lower, irp)

    owner = Late(log, "a")
    machine.load_driver(Bus(log, Child("a")))
    machine.load_driver(owner)
    asked(machine, owner, IRP_MN_QUERY_POWER, D3, [], "")
    ((row, sentence),) = machine.defects
    assert row == "PWR-02"
    assert "PoStartNextPowerIrp must be called" in sentence
    assert "before IoSkipCurrentIrpStackLocation" in sentence


def test_PWR_02_PoCallDriver_is_for_power_requests(machine: Machine) -> None:
    stack = Stack()
    irp = machine.io.take_irp(1)
    assert irp is not None
    irp.get_next_stack_location().major_function = 3
    PoCallDriver(stack.devices[0], irp)
    assert [row for row, _ in machine.defects] == ["PWR-02"]


def test_PWR_03_a_request_at_dispatch_level_comes_to_a_pageable_device_later(machine: Machine) -> None:
    stack = Stack(DO_POWER_PAGABLE)
    stack.status = STATUS_SUCCESS
    irql = KeRaiseIrqlToDpcLevel()
    PoRequestPowerIrp(stack.devices[0], IRP_MN_SET_POWER, D0, None, None)
    assert stack.seen == []
    KeLowerIrql(irql)
    machine.sleep(0.001)
    assert stack.seen == [(number, PASSIVE_LEVEL) for number in (2, 1, 0)]


def test_PWR_03_only_to_turn_on_comes_at_dispatch_level(machine: Machine) -> None:
    stack = Stack()
    stack.status = STATUS_SUCCESS
    irql = KeRaiseIrqlToDpcLevel()
    PoRequestPowerIrp(stack.devices[0], IRP_MN_SET_POWER, D0, None, None)
    assert [level for _, level in stack.seen] == [DISPATCH_LEVEL] * 3
    stack.seen.clear()
    PoRequestPowerIrp(stack.devices[0], IRP_MN_QUERY_POWER, D3, None, None)
    assert stack.seen == []
    KeLowerIrql(irql)
    machine.sleep(0.001)
    assert [level for _, level in stack.seen] == [PASSIVE_LEVEL] * 3


def test_PWR_04_devices_with_an_inrush_of_current_are_turned_on_one_after_the_other(machine: Machine) -> None:
    log: list[Event] = []
    names = ("a", "b", "c")
    flags = {"a": DO_POWER_INRUSH, "b": DO_POWER_INRUSH, "c": 0}
    machine.load_driver(Bus(log, *(Child(name, flags=0) for name in names), flags=0))
    owners = [Owner(log, name, flags=flags[name]) for name in names]
    done: list[str] = []
    for owner in owners:
        machine.load_driver(owner, owner.name)
        owner.answers["set D0"] = owner.hold
    for owner in owners:
        asked(machine, owner, IRP_MN_SET_POWER, D0, done, owner.name)
    assert log == [("a", "set D0"), ("c", "set D0")]
    owners[0].go_on()
    assert log[2:] == [("pdo a", "set D0"), ("b", "set D0")]
    owners[1].go_on()
    assert done == ["a", "b"]


def test_PWR_13_the_state_before_is_returned(machine: Machine) -> None:
    device = Stack().devices[0]
    assert PoSetPowerState(device, DevicePowerState, D0) == PowerDeviceUnspecified
    assert PoSetPowerState(device, DevicePowerState, PowerDeviceD2) == D0
    assert PoSetPowerState(device, DevicePowerState, D3).device_state == PowerDeviceD2
    sleeping = POWER_STATE(PowerSystemSleeping3)
    assert PoSetPowerState(device, SystemPowerState, sleeping) == PowerSystemUnspecified
    assert PoSetPowerState(device, SystemPowerState, sleeping).system_state == PowerSystemSleeping3


def test_each_location_has_a_state_of_its_own(machine: Machine) -> None:
    states: list[int] = []

    class Changing(Stack):
        def power(self, device: DEVICE_OBJECT, irp: IRP) -> int:
            number = self.devices.index(device)
            states.append(IoGetCurrentIrpStackLocation(irp).parameters.power.state.device_state)
            if not number:
                IoGetCurrentIrpStackLocation(irp).parameters.power.state.device_state = PowerDeviceD2
                return super().power(device, irp)
            IoCopyCurrentIrpStackLocationToNext(irp)
            return IoCallDriver(self.devices[number - 1], irp)

    stack = Changing()
    stack.status = STATUS_SUCCESS
    PoRequestPowerIrp(stack.devices[0], IRP_MN_QUERY_POWER, D3, None, None)
    assert states == [PowerDeviceD3] * 3


def test_the_structures_share_their_storage_as_in_C() -> None:
    state = POWER_STATE()
    state.device_state = PowerDeviceD3
    assert (state.system_state, state, hash(state)) == (PowerDeviceD3, POWER_STATE(PowerDeviceD3), hash(4))
    assert state != "D3"
    state.system_state = PowerSystemUnspecified
    assert repr(state) == "POWER_STATE(0)"
    context = SYSTEM_POWER_STATE_CONTEXT(0)
    context.target_system_state, context.effective_system_state, context.current_system_state = 4, 3, 1
    context.ignore_hibernation_path = context.pseudo_transition = 1
    assert context.context_as_ulong == 0x0031_3400
    assert (context.target_system_state, context.effective_system_state) == (4, 3)
    assert (context.current_system_state, context.ignore_hibernation_path) == (1, 1)
    context.pseudo_transition = 0
    assert (context.pseudo_transition, repr(context)) == (0, "SYSTEM_POWER_STATE_CONTEXT(0x113400)")
    assert POWER_SEQUENCE(1, 2, 3).sequence_d3 == 3
