# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system sleeps, wakes and is switched off: what the drivers of all devices get, and in which order."""

from __future__ import annotations

from typing import cast

import pytest

from dirql.ke.watch.deadlock import Deadlock
from dirql.machine import Machine
from dirql.po.system import Suspended, SuspendRefused
from dirql.wdm import (
    DISPATCH_LEVEL,
    DO_POWER_PAGABLE,
    IRP,
    IRP_MN_WAIT_WAKE,
    KEVENT,
    PASSIVE_LEVEL,
    POWER_STATE,
    STATUS_CANCELLED,
    STATUS_DEVICE_BUSY,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    Executive,
    IoCancelIrp,
    IoGetCurrentIrpStackLocation,
    KeInitializeEvent,
    KernelMode,
    KeWaitForSingleObject,
    NotificationEvent,
    PoRequestPowerIrp,
    PowerActionShutdownOff,
    PowerActionSleep,
    PowerSystemShutdown,
    PowerSystemSleeping1,
    PowerSystemSleeping3,
    PowerSystemWorking,
)
from unit.po.stacks import Bus, Child, Event, Owner, complete


def loaded(machine: Machine, bus: Bus, *owners: Owner) -> None:
    for driver in (bus, *owners):
        machine.load_driver(driver, driver.name)


def of(log: list[Event], name: str) -> list[str]:
    return [what for who, what in log if who == name]


def test_PWR_06_devices_sleep_before_their_bus_and_wake_after_it(machine: Machine) -> None:
    log: list[Event] = []
    loaded(machine, Bus(log, Child("a"), Child("b")), Owner(log, "a"), Owner(log, "b"))
    assert machine.suspend("S3") == Suspended("S3", "")
    down = [
        ("a", "query S3"),
        ("pdo a", "query S3"),
        ("b", "query S3"),
        ("pdo b", "query S3"),
        ("bus", "query S3"),
        ("a", "set S3"),
        ("pdo a", "set S3"),
        ("a", "set D3"),
        ("pdo a", "set D3"),
        ("b", "set S3"),
        ("pdo b", "set S3"),
        ("b", "set D3"),
        ("pdo b", "set D3"),
        ("bus", "set S3"),
    ]
    assert log[: len(down)] == down
    up = log[len(down) :]
    assert up[0] == ("bus", "set S0")
    assert of(up, "a") == of(up, "b") == ["set S0", "set D0"]
    assert machine.power.system_state == PowerSystemWorking


def test_PWR_06_pageable_devices_sleep_before_all_others(machine: Machine) -> None:
    log: list[Event] = []
    bus = Bus(log, Child("a", flags=0), Child("b"), flags=0)
    loaded(machine, bus, Owner(log, "a", flags=0), Owner(log, "b"))
    machine.suspend("S3")
    sets = [who for who, what in log if what in ("set S3", "set S0") and not who.startswith("pdo")]
    assert sets == ["b", "a", "bus", "bus", "a", "b"]


def test_PWR_06_the_request_says_where_the_system_comes_from_and_goes_to(machine: Machine) -> None:
    log: list[Event] = []
    seen: list[tuple[int, int, int, int]] = []

    class Looking(Owner):
        def note(self, name: str, irp: IRP) -> None:
            super().note(name, irp)
            power = IoGetCurrentIrpStackLocation(irp).parameters.power
            context = power.system_power_state_context
            if log[-1][1].startswith("set S"):
                assert power.system_context == context.context_as_ulong
                seen.append(
                    (
                        context.current_system_state,
                        context.target_system_state,
                        context.effective_system_state,
                        power.shutdown_type,
                    )
                )

    loaded(machine, Bus(log, Child("a")), Looking(log, "a"))
    machine.suspend("S1")
    s0, s1 = PowerSystemWorking, PowerSystemSleeping1
    assert seen == [(s0, s1, s1, PowerActionSleep), (s1, s0, s0, PowerActionSleep)]


def test_PWR_05_after_a_refusal_those_that_were_asked_work_on(machine: Machine) -> None:
    log: list[Event] = []
    bus, owner = Bus(log, Child("a"), Child("b")), Owner(log, "a")
    owner.answers["query S3"] = lambda _, irp: complete(irp, STATUS_UNSUCCESSFUL)
    loaded(machine, bus, owner, Owner(log, "b"))
    with pytest.raises(SuspendRefused, match=r"FAKE\\a.0 refused that the system goes to S3") as refused:
        machine.suspend("S3")
    assert refused.value.status == STATUS_UNSUCCESSFUL
    assert of(log, "a") == of(log, "b") == ["query S3", "set S0", "set D0"]
    assert of(log, "bus") == []
    assert machine.power.system_state == PowerSystemWorking
    del owner.answers["query S3"]
    assert machine.suspend("S3").state == "S3"


def test_PWR_03_a_device_that_is_not_pageable_wakes_at_dispatch_level(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a", flags=0)
    loaded(machine, Bus(log, Child("a", flags=0), flags=0), owner)
    machine.suspend("S3")
    what = of(log, "a")
    assert what == ["query S3", "set S3", "set D3", "set S0", "set D0"]
    assert owner.levels == [PASSIVE_LEVEL, PASSIVE_LEVEL, PASSIVE_LEVEL, DISPATCH_LEVEL, DISPATCH_LEVEL]


def test_PWR_03_a_pageable_device_below_gets_the_request_at_passive_level(machine: Machine) -> None:
    log: list[Event] = []
    bus, owner = Bus(log, Child("a", flags=DO_POWER_PAGABLE)), Owner(log, "a", flags=0)
    loaded(machine, bus, owner)
    machine.suspend("S3")
    assert DISPATCH_LEVEL in owner.levels
    assert set(bus.levels) == {PASSIVE_LEVEL}


def test_PWR_07_nobody_is_asked_when_the_system_is_switched_off(machine: Machine) -> None:
    log: list[Event] = []
    owner = Owner(log, "a")
    loaded(machine, Bus(log, Child("a")), owner)
    actions: list[int] = []
    owner.answers["set S5"] = lambda device, irp: (
        actions.append(IoGetCurrentIrpStackLocation(irp).parameters.power.shutdown_type),
        owner.pass_down(device, irp),
    )[1]
    machine.power_off()
    machine.power_off()
    assert log == [("a", "set S5"), ("pdo a", "set S5"), ("bus", "set S5")]
    assert actions == [PowerActionShutdownOff]
    assert machine.power.system_state == PowerSystemShutdown
    with pytest.raises(
        RuntimeError, match=r"a system that is to sleep must work; it was switched off.*open a machine anew"
    ):
        machine.suspend()


def test_a_state_that_is_no_sleep_is_refused_by_name(machine: Machine) -> None:
    with pytest.raises(ValueError, match=r"must be one of S1, S2, S3, S4; it was 'S5'"):
        machine.suspend("S5")


def test_a_time_that_cannot_be_is_refused_before_anything_sleeps(machine: Machine) -> None:
    with pytest.raises(ValueError, match="must be a number of seconds from 0 on, or None; it was -1"):
        machine.suspend("S3", seconds=-1)
    with pytest.raises(TypeError):
        machine.suspend("S3", seconds=cast("float", "a"))
    assert machine.suspend("S3", seconds=0).state == "S3"


def test_the_system_sleeps_for_the_time_that_was_asked_for(machine: Machine) -> None:
    before = machine.target.now()
    machine.suspend("S3", seconds=0.25)
    assert machine.target.now() - before == pytest.approx(0.25 * machine.target.frequency, rel=0.01)


def test_another_thread_can_wake_the_system(machine: Machine) -> None:
    waker = machine.create_thread(lambda: (machine.sleep(0.01), machine.wake()))
    assert machine.suspend("S3", seconds=None) == Suspended("S3", "")
    waker.join()


def arm(bus: Bus, child: Child, results: list[int]) -> IRP:
    """Ask the power manager for an IRP_MN_WAIT_WAKE, as the driver above the child does."""
    assert child.device is not None
    state = POWER_STATE(PowerSystemSleeping3)
    status, irp = PoRequestPowerIrp(
        child.device, IRP_MN_WAIT_WAKE, state, lambda *rest: results.append(rest[-1].status), None
    )
    assert status == STATUS_PENDING
    assert irp is not None
    return irp


def test_PWR_08_a_device_that_signals_wakes_the_system(machine: Machine) -> None:
    log: list[Event] = []
    child = Child("a")
    bus = Bus(log, child, Child("b"))
    loaded(machine, bus, Owner(log, "a"), Owner(log, "b"))
    results: list[int] = []
    arm(bus, child, results)
    assert log == [("a", "wake S3"), ("pdo a", "wake S3")]
    signalling = machine.create_thread(lambda: (machine.sleep(0.01), child.signal()))
    assert machine.suspend("S3", seconds=None) == Suspended("S3", r"FAKE\a\0")
    signalling.join()
    assert results == [STATUS_SUCCESS]


def test_PWR_08_a_signal_while_the_system_works_wakes_nobody(machine: Machine) -> None:
    log: list[Event] = []
    child = Child("a")
    bus = Bus(log, child)
    loaded(machine, bus, Owner(log, "a"))
    results: list[int] = []
    arm(bus, child, results)
    child.signal()
    assert results == [STATUS_SUCCESS]
    assert machine.suspend("S3", seconds=0.01).woken_by == ""


def test_PWR_08_a_device_is_armed_once_and_can_be_disarmed(machine: Machine) -> None:
    log: list[Event] = []
    child = Child("a")
    bus = Bus(log, child)
    loaded(machine, bus, Owner(log, "a"))
    results: list[int] = []
    irp = arm(bus, child, results)
    arm(bus, child, results)
    assert results == [STATUS_DEVICE_BUSY]
    assert IoCancelIrp(irp)
    assert results == [STATUS_DEVICE_BUSY, STATUS_CANCELLED]
    assert machine.power.outstanding == {}


def test_a_wait_for_a_device_that_is_switched_off_is_told_as_that(machine: Machine) -> None:
    log: list[Event] = []
    machine.load_driver(Bus(log, Child("a")))
    machine.power_off()
    never = KEVENT()
    KeInitializeEvent(never, NotificationEvent, False)
    with pytest.raises(
        Deadlock, match=r"the machine is switched off, so that drivers hold .* before machine\.power_off"
    ):
        KeWaitForSingleObject(never, Executive, KernelMode, False, None)
