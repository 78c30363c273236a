# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Idle detection, and what drivers demand of the state of the system."""

from __future__ import annotations

import pytest

from dirql.machine import Machine
from dirql.nt.ntstatus import StatusException
from dirql.wdm import (
    COUNTED_REASON_CONTEXT,
    DEVICE_OBJECT,
    ES_CONTINUOUS,
    ES_DISPLAY_REQUIRED,
    ES_SYSTEM_REQUIRED,
    ES_USER_PRESENT,
    FILE_DEVICE_DISK,
    STATUS_INVALID_PARAMETER,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    DevicePowerState,
    PoClearPowerRequest,
    PoCreatePowerRequest,
    PoDeletePowerRequest,
    PoEndDeviceBusy,
    PoRegisterDeviceForIdleDetection,
    PoRegisterSystemState,
    PoSetDeviceBusy,
    PoSetDeviceBusyEx,
    PoSetPowerRequest,
    PoSetPowerState,
    PoSetSystemState,
    PoStartDeviceBusy,
    PoUnregisterSystemState,
    PowerDeviceD0,
    PowerDeviceD2,
    PowerDeviceD3,
    PowerRequestDisplayRequired,
    PowerRequestExecutionRequired,
    PowerRequestSystemRequired,
    RtlReadMemory,
)
from unit.io.making import make_device, make_driver
from unit.po.stacks import Bus, Child, Event, Owner

MINUS_ONE = 0xFFFF_FFFF


class World:
    """A device with a driver, whose requests are in `log`."""

    def __init__(self, machine: Machine) -> None:
        self.log: list[Event] = []
        self.child = Child("a")
        machine.load_driver(Bus(self.log, self.child))
        owner = Owner(self.log, "a")
        machine.load_driver(owner)
        assert owner.device is not None
        assert self.child.device is not None
        self.device = owner.device
        self.physical = self.child.device

    def watch(self, conservation: int, performance: int, state: int = PowerDeviceD3) -> int:
        counter = PoRegisterDeviceForIdleDetection(self.device, conservation, performance, state)
        assert counter is not None
        return counter


def seconds_of(counter: int) -> int:
    return int.from_bytes(RtlReadMemory(counter, 4), "little")


def test_PWR_14_a_device_that_nobody_uses_goes_to_the_state(machine: Machine) -> None:
    world = World(machine)
    counter = world.watch(2, 5)
    assert seconds_of(counter) == 0
    machine.sleep(4.5)
    assert (seconds_of(counter), world.log) == (4, [])
    machine.sleep(1)
    assert world.log == [("a", "set D3"), ("pdo a", "set D3")]
    machine.sleep(5)
    assert len(world.log) == 2


def test_PWR_14_the_time_follows_the_policy_of_the_system(machine: Machine) -> None:
    world = World(machine)
    world.watch(2, 0, PowerDeviceD2)
    machine.sleep(10)
    assert world.log == []
    machine.power.is_conserving = True
    machine.sleep(1)
    assert world.log == [("a", "set D2"), ("pdo a", "set D2")]


def test_PWR_14_use_sets_the_counter_to_zero(machine: Machine) -> None:
    world = World(machine)
    counter = world.watch(0, 3)
    for busy in (PoSetDeviceBusy, PoSetDeviceBusyEx):
        machine.sleep(2.2)
        assert seconds_of(counter) == 2
        busy(counter)
        assert seconds_of(counter) == 0
    PoStartDeviceBusy(counter)
    PoStartDeviceBusy(counter)
    PoEndDeviceBusy(counter)
    machine.sleep(10)
    assert world.log == []
    PoEndDeviceBusy(counter)
    machine.sleep(3)
    assert world.log[0] == ("a", "set D3")


def test_PWR_14_a_device_that_is_low_already_is_left_alone_and_counts_again_in_D0(machine: Machine) -> None:
    world = World(machine)
    PoSetPowerState(world.device, DevicePowerState, PowerDeviceD3)
    world.watch(0, 1, PowerDeviceD2)
    machine.sleep(3)
    assert world.log == []
    PoSetPowerState(world.device, DevicePowerState, PowerDeviceD0)
    machine.sleep(1)
    assert world.log[0] == ("a", "set D2")


def test_PWR_14_two_times_of_zero_end_the_detection(machine: Machine) -> None:
    world = World(machine)
    counter = world.watch(0, 1)
    assert PoRegisterDeviceForIdleDetection(world.device, 0, 0, PowerDeviceD3) is None
    assert machine.kernel.timers.entries() == []
    machine.sleep(3)
    assert world.log == []
    with pytest.raises(StatusException):
        PoSetDeviceBusyEx(counter)


def test_PWR_14_the_counter_goes_with_the_device(machine: Machine) -> None:
    world = World(machine)
    world.watch(0, 1)
    machine.pnp.remove_devices(world.device.driver_object)
    assert machine.kernel.timers.entries() == []


@pytest.mark.parametrize(("conservation", "state"), [(MINUS_ONE, PowerDeviceD3), (1, 0), (1, 5)])
def test_PWR_14_times_and_states_that_are_none_give_no_counter(
    machine: Machine, conservation: int, state: int
) -> None:
    world = World(machine)
    assert PoRegisterDeviceForIdleDetection(world.device, conservation, 1, state) is None


def test_PWR_14_a_disk_may_have_the_time_for_disks(machine: Machine) -> None:
    world = World(machine)
    world.device.device_type = FILE_DEVICE_DISK
    world.watch(MINUS_ONE, MINUS_ONE)
    machine.power.is_conserving = True
    machine.sleep(599.5)
    assert world.log == []
    machine.sleep(1)
    assert world.log[0] == ("a", "set D3")


# The state of the system.


def test_PWR_15_a_demand_lasts_until_it_is_taken_back(machine: Machine) -> None:
    first = PoRegisterSystemState(None, ES_CONTINUOUS | ES_SYSTEM_REQUIRED)
    second = PoRegisterSystemState(None, ES_DISPLAY_REQUIRED)
    assert machine.power.required == ES_SYSTEM_REQUIRED | ES_DISPLAY_REQUIRED
    assert PoRegisterSystemState(first, ES_USER_PRESENT) is first
    assert machine.power.required == ES_USER_PRESENT | ES_DISPLAY_REQUIRED
    PoUnregisterSystemState(second)
    assert machine.power.required == ES_USER_PRESENT
    assert list(machine.power.leaks()) == [
        "<registration of the system's state 0x4> of None was not taken back"
    ]
    PoUnregisterSystemState(first)
    with pytest.raises(StatusException):
        PoUnregisterSystemState(first)
    assert list(machine.power.leaks()) == []


def test_PWR_15_a_use_of_the_system_is_noted(machine: Machine) -> None:
    PoSetSystemState(ES_USER_PRESENT)
    assert (machine.power.last_use, machine.power.required, machine.defects) == (ES_USER_PRESENT, 0, [])
    PoSetSystemState(ES_CONTINUOUS | ES_SYSTEM_REQUIRED)
    ((row, sentence),) = machine.defects
    assert row == "PWR-15"
    assert "call PoRegisterSystemState for a state that lasts" in sentence


def a_device() -> DEVICE_OBJECT:
    return make_device(make_driver())


def test_PWR_15_power_requests_are_counted(machine: Machine) -> None:
    reason = COUNTED_REASON_CONTEXT(simple_string=None)
    status, request = PoCreatePowerRequest(a_device(), reason)
    assert status == STATUS_SUCCESS
    for _ in range(2):
        assert PoSetPowerRequest(request, PowerRequestSystemRequired) == STATUS_SUCCESS
    assert PoSetPowerRequest(request, PowerRequestDisplayRequired) == STATUS_SUCCESS
    assert machine.power.required == ES_SYSTEM_REQUIRED | ES_DISPLAY_REQUIRED
    assert PoClearPowerRequest(request, PowerRequestSystemRequired) == STATUS_SUCCESS
    assert PoClearPowerRequest(request, PowerRequestDisplayRequired) == STATUS_SUCCESS
    assert machine.power.required == ES_SYSTEM_REQUIRED
    assert PoClearPowerRequest(request, PowerRequestDisplayRequired) == STATUS_UNSUCCESSFUL
    assert [row for row, _ in machine.defects] == ["PWR-15"]
    PoDeletePowerRequest(request)
    assert machine.power.required == 0
    with pytest.raises(StatusException):
        PoSetPowerRequest(request, PowerRequestSystemRequired)


def test_PWR_15_what_drivers_cannot_ask_for_is_refused(machine: Machine) -> None:
    assert PoCreatePowerRequest(None, None) == (STATUS_INVALID_PARAMETER, None)
    _, request = PoCreatePowerRequest(a_device(), None)
    assert PoSetPowerRequest(request, PowerRequestExecutionRequired) == STATUS_NOT_SUPPORTED
    assert PoClearPowerRequest(request, 17) == STATUS_NOT_SUPPORTED
    assert len(list(machine.power.leaks())) == 1


def test_PWR_15_the_system_sleeps_all_the_same_when_a_person_wants_it(machine: Machine) -> None:
    PoRegisterSystemState(None, ES_SYSTEM_REQUIRED)
    assert machine.suspend("S3").state == "S3"
