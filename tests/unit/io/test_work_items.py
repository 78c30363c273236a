# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Work items of devices, IoTimer, and both at the unloading of their driver."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirql import wdm
from dirql.io.unload import unload_driver
from dirql.ke.bugcheck import BugCheck
from dirql.machine import LeakReport, Machine
from dirql.nt.ntstatus import StatusException
from unit.io.making import make_device, make_driver


def device_of(
    name: str = "made", unload: Callable[[wdm.DRIVER_OBJECT], None] | None = None
) -> wdm.DEVICE_OBJECT:
    return make_device(make_driver(name=name, driver_unload=unload))


def as_driver(machine: Machine, device: wdm.DEVICE_OBJECT, routine: Callable[[], object]) -> None:
    """Run a routine as code of the device's driver."""
    processor = machine.kernel.processors[0]
    processor.driver = device.driver_object
    routine()
    processor.driver = None


def test_a_work_item_calls_its_routine_with_device_and_context(machine: Machine) -> None:
    device, seen = device_of(), list[object]()
    item = wdm.IoAllocateWorkItem(device)

    def routine(*told: object) -> None:
        seen.append((*told, wdm.KeGetCurrentIrql()))

    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.IoQueueWorkItem(item, routine, wdm.DelayedWorkQueue, "context")
    assert seen == []
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    machine.sleep(1e-5)
    assert seen == [(device, "context", wdm.PASSIVE_LEVEL)]
    wdm.IoFreeWorkItem(item)


@pytest.mark.parametrize("owner", ["device", "driver"])
def test_the_ex_form_also_gets_the_item_and_may_free_it(machine: Machine, owner: str) -> None:
    device, seen = device_of(), list[object]()
    item = wdm.IoAllocateWorkItem(device)
    io_object: object = device
    if owner == "driver":
        io_object = device.driver_object
        wdm.IoFreeWorkItem(item)
        item = wdm.IO_WORKITEM()
        wdm.IoInitializeWorkItem(io_object, item)

    def routine(given: object, context: object, told: wdm.IO_WORKITEM) -> None:
        seen.append((given is io_object, context, told is item))
        (wdm.IoFreeWorkItem if owner == "device" else wdm.IoUninitializeWorkItem)(told)

    wdm.IoQueueWorkItemEx(item, routine, wdm.CriticalWorkQueue, 7)
    machine.sleep(1e-5)
    assert seen == [(True, 7, True)]


def test_an_item_that_is_queued_must_be_left_alone(machine: Machine) -> None:
    item = wdm.IoAllocateWorkItem(device_of())
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.IoQueueWorkItem(item, lambda *_: None, wdm.DelayedWorkQueue, None)
    with pytest.raises(BugCheck, match="must not be queued again") as stopped:
        wdm.IoQueueWorkItem(item, lambda *_: None, wdm.DelayedWorkQueue, None)
    assert (stopped.value.code, stopped.value.parameters[0]) == (wdm.WORKER_INVALID, 1)


def test_an_item_that_is_queued_must_not_be_freed(machine: Machine) -> None:
    item = wdm.IoAllocateWorkItem(device_of())
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.IoQueueWorkItem(item, lambda *_: None, wdm.DelayedWorkQueue, None)
    with pytest.raises(BugCheck, match="IoFreeWorkItem: a work item must not be freed") as stopped:
        wdm.IoFreeWorkItem(item)
    assert (stopped.value.code, stopped.value.parameters[:2]) == (wdm.WORKER_INVALID, (2, item))


def test_an_item_belongs_to_a_device_or_a_driver(machine: Machine) -> None:
    with pytest.raises(BugCheck) as stopped:
        wdm.IoInitializeWorkItem(3, wdm.IO_WORKITEM())
    assert (stopped.value.code, stopped.value.parameters[0]) == (wdm.WORKER_INVALID, 3)


def test_an_item_is_freed_once(machine: Machine) -> None:
    item = wdm.IoAllocateWorkItem(device_of())
    wdm.IoFreeWorkItem(item)
    with pytest.raises(BugCheck, match="must be freed once") as stopped:
        wdm.IoFreeWorkItem(item)
    assert (stopped.value.code, stopped.value.parameters) == (wdm.BAD_POOL_CALLER, (7, 0, 0, item))


def test_an_item_in_memory_of_the_driver_is_not_freed(machine: Machine) -> None:
    item = wdm.IO_WORKITEM()
    wdm.IoInitializeWorkItem(device_of(), item)
    with pytest.raises(BugCheck, match="IoUninitializeWorkItem") as stopped:
        wdm.IoFreeWorkItem(item)
    assert stopped.value.code == wdm.BAD_POOL_CALLER


def test_an_item_that_was_freed_must_not_be_queued(machine: Machine) -> None:
    item = wdm.IoAllocateWorkItem(device_of())
    wdm.IoFreeWorkItem(item)
    with pytest.raises(BugCheck, match="do not use it after it was freed") as stopped:
        wdm.IoQueueWorkItem(item, print, wdm.DelayedWorkQueue, None)
    assert (stopped.value.code, stopped.value.parameters[0]) == (wdm.WORKER_INVALID, 3)


def test_an_item_that_was_not_initialized_must_not_be_queued(machine: Machine) -> None:
    with pytest.raises(BugCheck, match="it was to belong to None: initialize it") as stopped:
        wdm.IoQueueWorkItem(wdm.IO_WORKITEM(), print, wdm.DelayedWorkQueue, None)
    assert (stopped.value.code, stopped.value.parameters[0]) == (wdm.WORKER_INVALID, 3)


def test_unload_waits_for_work_items_of_devices(machine: Machine) -> None:
    order: list[str] = []
    go = wdm.KEVENT()
    wdm.KeInitializeEvent(go, wdm.NotificationEvent, False)

    def unload(driver: wdm.DRIVER_OBJECT) -> None:
        order.append("unload")
        wdm.IoDeleteDevice(device)

    def work(*_: object) -> None:
        wdm.KeWaitForSingleObject(go, wdm.Executive, wdm.KernelMode, False, None)
        order.append("work")
        wdm.IoFreeWorkItem(item)

    device = device_of(unload=unload)
    item = wdm.IoAllocateWorkItem(device)
    wdm.IoQueueWorkItem(item, work, wdm.DelayedWorkQueue, None)
    unload_driver(device.driver_object)
    machine.sleep(1e-5)
    assert order == []
    wdm.KeSetEvent(go, 0, False)
    machine.sleep(1e-5)
    assert order == ["work", "unload"]


def test_DRV_07_a_work_item_of_the_executive_must_not_be_left(machine: Machine) -> None:
    device = device_of(unload=lambda driver: wdm.IoDeleteDevice(driver.devices()[0]))
    item = wdm.WORK_QUEUE_ITEM()
    as_driver(machine, device, lambda: wdm.ExInitializeWorkItem(item, lambda _: None, None))
    go = wdm.KEVENT()
    wdm.KeInitializeEvent(go, wdm.NotificationEvent, False)
    blockers = [wdm.WORK_QUEUE_ITEM() for _ in range(16)]
    for each in blockers:  # all threads of the queue wait
        wdm.ExInitializeWorkItem(
            each,
            lambda _: wdm.KeWaitForSingleObject(go, wdm.Executive, wdm.KernelMode, False, None),
            None,
        )
        wdm.ExQueueWorkItem(each, wdm.DelayedWorkQueue)
    machine.sleep(1e-5)
    wdm.ExQueueWorkItem(item, wdm.DelayedWorkQueue)
    with pytest.raises(BugCheck, match="queued") as stopped:
        unload_driver(device.driver_object)
    assert stopped.value.code == wdm.DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS


def test_a_work_item_that_is_not_freed_is_a_leak(machine: Machine) -> None:
    item = wdm.IoAllocateWorkItem(device_of())
    with pytest.raises(LeakReport) as leaks:
        machine.close()
    assert any(repr(item) in leak for leak in leaks.value.leaks)


# IoTimer.


def test_IRQL_11_the_io_timer_routine_runs_once_a_second_at_DISPATCH_LEVEL(machine: Machine) -> None:
    seen: list[object] = []
    device = device_of()
    begin = wdm.KeQueryInterruptTime()

    def routine(given: wdm.DEVICE_OBJECT, context: object) -> None:
        seconds = round((wdm.KeQueryInterruptTime() - begin) / 10_000_000)
        seen.append((given is device, context, wdm.KeGetCurrentIrql(), seconds))

    assert wdm.IoInitializeTimer(device, routine, "context") == wdm.STATUS_SUCCESS
    machine.sleep(2.0)
    assert seen == [], "the timer is not started"
    begin = wdm.KeQueryInterruptTime()
    wdm.IoStartTimer(device)
    wdm.IoStartTimer(device)
    machine.sleep(3.5)
    assert seen == [(True, "context", wdm.DISPATCH_LEVEL, second) for second in (1, 2, 3)]
    wdm.IoStopTimer(device)
    machine.sleep(2.0)
    assert len(seen) == 3


def test_one_second_serves_all_devices_and_each_stops_alone(machine: Machine) -> None:
    calls: list[str] = []
    devices = {name: device_of(name) for name in ("one", "two")}
    for name, device in devices.items():
        wdm.IoInitializeTimer(device, lambda _, context: calls.append(str(context)), name)
        wdm.IoStartTimer(device)
    machine.sleep(1.5)
    assert calls == ["one", "two"]
    wdm.IoStopTimer(devices["one"])
    machine.sleep(1.0)
    assert calls == ["one", "two", "two"]
    wdm.IoDeleteDevice(devices["two"])
    machine.sleep(1.0)
    assert len(calls) == 3


def test_a_device_has_one_io_timer(machine: Machine) -> None:
    device = device_of()
    wdm.IoInitializeTimer(device, lambda *_: None, None)
    with pytest.raises(BugCheck) as stopped:
        wdm.IoInitializeTimer(device, lambda *_: None, None)
    assert stopped.value.code == wdm.DRIVER_VERIFIER_IOMANAGER_VIOLATION
    assert stopped.value.parameters[:2] == (0xA, device)


def test_a_timer_is_initialized_before_it_is_started(machine: Machine) -> None:
    with pytest.raises(StatusException) as raised:
        wdm.IoStartTimer(device_of())
    assert raised.value.status == wdm.STATUS_ACCESS_VIOLATION


def test_DRV_07_an_io_timer_must_not_be_left_running(machine: Machine) -> None:
    device = device_of(unload=lambda _: None)
    wdm.IoInitializeTimer(device, lambda *_: None, None)
    wdm.IoStartTimer(device)
    with pytest.raises(BugCheck, match="call IoStopTimer") as stopped:
        unload_driver(device.driver_object)
    assert stopped.value.code == wdm.DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS


def test_the_timer_of_a_deleted_device_has_ended_with_it(machine: Machine) -> None:
    """The system's own timer must not be left either, which a report would then name without a driver."""
    device = device_of()
    wdm.IoInitializeTimer(device, lambda *_: None, None)
    wdm.IoStartTimer(device)
    assert [each.state["period"] for each in machine.list_objects("KTIMER")] == [1000]
    wdm.IoDeleteDevice(device)
    assert not [each for each in machine.list_objects("KTIMER") if each.state["due_time"]]


class Extension:
    def __init__(self) -> None:
        self.timer = wdm.KTIMER()
        self.dpc = wdm.KDPC()
        wdm.KeInitializeTimer(self.timer)
        wdm.KeInitializeDpc(self.dpc, lambda *_: None, None)


@pytest.mark.parametrize("left", ["timer", "dpc"])
def test_DPC_14_a_device_extension_with_a_timer_or_dpc_in_use_must_not_be_freed(
    machine: Machine, left: str
) -> None:
    driver = make_driver()
    device = make_device(driver)
    device.device_extension = extension = Extension()
    if left == "timer":
        wdm.KeSetTimer(extension.timer, -1_000_000, None)
    else:
        wdm.KeSetImportanceDpc(extension.dpc, wdm.LowImportance)  # so that it stays queued
        wdm.KeInsertQueueDpc(extension.dpc, None, None)
    with pytest.raises(BugCheck) as stopped:
        wdm.IoDeleteDevice(device)
    assert stopped.value.code == wdm.TIMER_OR_DPC_INVALID
    assert stopped.value.parameters[:2] == ((0, extension.timer) if left == "timer" else (1, extension.dpc))
