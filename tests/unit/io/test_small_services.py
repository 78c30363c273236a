# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Shutdown notification, the error log, driver extensions, reinitialization, callback objects, controllers."""

from __future__ import annotations

import pytest

from dirql import wdm
from dirql.io.loader import load_driver
from dirql.io.unload import unload_driver
from dirql.ke.bugcheck import BugCheck
from dirql.machine import LeakReport, Machine
from dirql.ob.callback import Callback, CallbackRegistration
from unit.io.making import complete, make_device, make_driver

# Shutdown.


def device_that_notes(order: list[str], name: str) -> wdm.DEVICE_OBJECT:
    def shutdown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        order.append(f"{name} at {wdm.KeGetCurrentIrql()}")
        return complete(irp)

    return make_device(make_driver({wdm.IRP_MJ_SHUTDOWN: shutdown}, name))


def test_DRV_09_each_registered_device_is_told_once_and_the_last_chance_comes_last(machine: Machine) -> None:
    order: list[str] = []
    late, first, second = (device_that_notes(order, name) for name in ("late", "first", "second"))
    wdm.IoRegisterLastChanceShutdownNotification(late)
    for device in (first, second):
        assert wdm.IoRegisterShutdownNotification(device) == wdm.STATUS_SUCCESS
        assert device.flags & wdm.DO_SHUTDOWN_REGISTERED
    machine.shut_down()
    assert order == ["second at 0", "first at 0", "late at 0"]
    machine.shut_down()
    assert len(order) == 3


def test_DRV_09_unregistering_takes_back_all_registrations(machine: Machine) -> None:
    order: list[str] = []
    device = device_that_notes(order, "only")
    before = device.pointer_count
    wdm.IoRegisterShutdownNotification(device)
    wdm.IoRegisterShutdownNotification(device)
    wdm.IoRegisterLastChanceShutdownNotification(device)
    wdm.IoUnregisterShutdownNotification(device)
    assert (device.flags & wdm.DO_SHUTDOWN_REGISTERED, device.pointer_count) == (0, before)
    machine.shut_down()
    assert order == []


def test_DRV_09_the_request_goes_to_the_top_of_the_stack_and_may_be_pending(machine: Machine) -> None:
    order: list[str] = []
    lower = device_that_notes(order, "lower")
    dpc, timer = wdm.KDPC(), wdm.KTIMER()
    wdm.KeInitializeTimer(timer)

    def shutdown(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        order.append("upper")
        wdm.KeInitializeDpc(dpc, lambda *_: complete(irp), None)
        wdm.KeSetTimer(timer, -100, dpc)
        return wdm.STATUS_PENDING

    upper = make_device(make_driver({wdm.IRP_MJ_SHUTDOWN: shutdown}, "upper"))
    wdm.IoAttachDeviceToDeviceStack(upper, lower)
    wdm.IoRegisterShutdownNotification(lower)
    machine.shut_down()
    assert order == ["upper"]
    wdm.IoDetachDevice(lower)


def test_DRV_07_a_registration_must_not_be_left_at_unload(machine: Machine) -> None:
    driver = make_driver(driver_unload=lambda _: None)
    wdm.IoRegisterShutdownNotification(make_device(driver))
    with pytest.raises(BugCheck, match="IoUnregisterShutdownNotification") as stopped:
        unload_driver(driver)
    assert stopped.value.code == wdm.DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS


# The error log.


def entry_for(io_object: wdm.DEVICE_OBJECT | wdm.DRIVER_OBJECT, size: int = 0x30) -> wdm.IO_ERROR_LOG_PACKET:
    entry = wdm.IoAllocateErrorLogEntry(io_object, size)
    assert entry is not None
    return entry


@pytest.mark.parametrize("size", [0, 1, 0x30, 239, 240])
def test_DRV_10_an_entry_is_at_most_240_bytes(machine: Machine, size: int) -> None:
    device = make_device(make_driver())
    wdm.IoFreeErrorLogEntry(entry_for(device, size))
    assert wdm.IoAllocateErrorLogEntry(device, 241) is None
    assert machine.error_log == []


def test_DRV_10_a_written_entry_is_in_the_log(machine: Machine) -> None:
    device = make_device(make_driver())
    entry = entry_for(device, 0x30 + 2 * len("text") + 2)
    entry.error_code, entry.unique_error_value, entry.final_status = 0xC0040001, 7, wdm.STATUS_UNSUCCESSFUL
    entry.dump_data, entry.strings = [1, 2], ["text"]
    machine.sleep(1e-3)
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.IoWriteErrorLogEntry(entry)
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    (logged,) = machine.error_log
    assert (logged.io_object, logged.packet.error_code, logged.packet.strings) == (
        device,
        0xC0040001,
        ["text"],
    )
    assert logged.system_time == wdm.KeQuerySystemTime() or logged.system_time < wdm.KeQuerySystemTime()


@pytest.mark.parametrize("end", [wdm.IoWriteErrorLogEntry, wdm.IoFreeErrorLogEntry])
def test_DRV_10_an_entry_ends_once(machine: Machine, end: object) -> None:
    entry = entry_for(make_driver())
    assert callable(end)
    end(entry)
    with pytest.raises(BugCheck, match="must be called for an entry once") as stopped:
        wdm.IoFreeErrorLogEntry(entry)
    assert stopped.value.code == wdm.BAD_POOL_CALLER


def test_DRV_10_an_entry_with_more_than_it_has_room_for_is_a_defect(machine: Machine) -> None:
    entry = entry_for(make_driver(), 0x30)
    entry.strings = ["longer than two words"]
    wdm.IoWriteErrorLogEntry(entry)
    assert [row for row, *_ in machine.defects] == ["DRV-10"]


def test_DRV_10_an_entry_that_is_neither_written_nor_freed_is_a_leak(machine: Machine) -> None:
    entry = entry_for(make_driver())
    with pytest.raises(LeakReport) as leaks:
        machine.close()
    assert any(repr(entry) in leak for leak in leaks.value.leaks)


# Driver extensions and reinitialization.


class Extension:
    def __init__(self) -> None:
        self.count = 0


def test_a_driver_finds_its_extensions_by_their_addresses(machine: Machine) -> None:
    driver, other = make_driver(), make_driver(name="other")
    status, extension = wdm.IoAllocateDriverObjectExtension(driver, "first", Extension)
    assert (status, type(extension)) == (wdm.STATUS_SUCCESS, Extension)
    status, block = wdm.IoAllocateDriverObjectExtension(driver, "second", 16)
    assert (status, block) == (wdm.STATUS_SUCCESS, bytearray(16))
    assert wdm.IoAllocateDriverObjectExtension(driver, "first", 16) == (
        wdm.STATUS_OBJECT_NAME_COLLISION,
        None,
    )
    assert wdm.IoGetDriverObjectExtension(driver, "first") is extension
    assert wdm.IoGetDriverObjectExtension(driver, "second") is block
    assert wdm.IoGetDriverObjectExtension(driver, "third") is None
    assert wdm.IoGetDriverObjectExtension(other, "first") is None
    assert (
        wdm.IoAllocateDriverObjectExtension(driver, "huge", 1 << 30)[0] == wdm.STATUS_INSUFFICIENT_RESOURCES
    )


def test_reinitialization_comes_after_DriverEntry_and_counts(machine: Machine) -> None:
    order: list[object] = []

    def later(driver: wdm.DRIVER_OBJECT, context: object, count: int) -> None:
        order.append((context, count, bool(driver.flags & wdm.DRVO_REINIT_REGISTERED)))
        if count < 3:
            wdm.IoRegisterDriverReinitialization(driver, later, context)

    def entry(driver: wdm.DRIVER_OBJECT, path: str) -> int:
        wdm.IoRegisterDriverReinitialization(driver, later, "context")
        assert driver.flags & wdm.DRVO_REINIT_REGISTERED
        wdm.IoRegisterBootDriverReinitialization(driver, lambda *_: order.append("boot"), None)
        order.append("entry")
        return wdm.STATUS_SUCCESS

    assert load_driver(entry, "later")[0] == wdm.STATUS_SUCCESS
    assert order == ["entry", "boot", ("context", 2, False), ("context", 3, False)]


def test_reinitialization_is_forgotten_when_DriverEntry_fails(machine: Machine) -> None:
    order: list[str] = []

    def entry(driver: wdm.DRIVER_OBJECT, path: str) -> int:
        wdm.IoRegisterDriverReinitialization(driver, lambda *_: order.append("called"), None)
        return wdm.STATUS_UNSUCCESSFUL

    assert load_driver(entry, "fails")[0] == wdm.STATUS_UNSUCCESSFUL
    make_driver()
    assert order == []


# Callback objects.


NAME = r"\Callback\Made"


def attributes(name: str | None) -> wdm.OBJECT_ATTRIBUTES:
    made = wdm.OBJECT_ATTRIBUTES()
    wdm.InitializeObjectAttributes(made, name, wdm.OBJ_CASE_INSENSITIVE, None, None)
    return made


def registration(callback: Callback, calls: list[object], name: str) -> CallbackRegistration:
    made = wdm.ExRegisterCallback(callback, lambda *told: calls.append((name, *told)), name)
    assert made is not None
    return made


def test_a_callback_object_calls_all_routines_in_order(machine: Machine) -> None:
    calls: list[object] = []
    status, callback = wdm.ExCreateCallback(attributes(NAME), True, True)
    assert callback is not None, hex(status)
    registrations = [registration(callback, calls, name) for name in ("first", "second")]
    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    wdm.ExNotifyCallback(callback, 1, 2)
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    assert calls == [("first", "first", 1, 2), ("second", "second", 1, 2)]
    wdm.ExUnregisterCallback(registrations[0])
    wdm.ExNotifyCallback(callback, 3, 4)
    assert calls[2:] == [("second", "second", 3, 4)]
    wdm.ExUnregisterCallback(registrations[1])
    wdm.ObDereferenceObject(callback)


def test_a_callback_object_is_found_by_name_while_it_lives(machine: Machine) -> None:
    assert wdm.ExCreateCallback(attributes(NAME), False, True) == (wdm.STATUS_OBJECT_NAME_NOT_FOUND, None)
    _, made = wdm.ExCreateCallback(attributes(NAME), True, False)
    status, opened = wdm.ExCreateCallback(attributes(NAME.upper()), False, True)
    assert (status, opened is made) == (wdm.STATUS_SUCCESS, True)
    assert made is not None
    registered = registration(made, [], "one")
    assert wdm.ExRegisterCallback(made, lambda *_: None, None) is None, "one routine only"
    wdm.ExUnregisterCallback(registered)
    wdm.ObDereferenceObject(made)
    wdm.ObDereferenceObject(made)
    assert wdm.ExCreateCallback(attributes(NAME), False, True)[0] == wdm.STATUS_OBJECT_NAME_NOT_FOUND


def test_a_name_of_another_kind_is_no_callback_object(machine: Machine) -> None:
    assert wdm.ExCreateCallback(attributes(r"\Device"), True, True) == (wdm.STATUS_OBJECT_TYPE_MISMATCH, None)


def test_DRV_07_a_callback_must_not_be_left_at_unload(machine: Machine) -> None:
    _, callback = wdm.ExCreateCallback(attributes(None), True, True)
    assert callback is not None

    def entry(driver: wdm.DRIVER_OBJECT, path: str) -> int:
        driver.driver_unload = lambda _: None
        wdm.ExRegisterCallback(callback, lambda *_: None, None)
        return wdm.STATUS_SUCCESS

    _, driver = load_driver(entry, "registers")
    assert driver is not None
    with pytest.raises(BugCheck, match="ExUnregisterCallback") as stopped:
        unload_driver(driver)
    assert stopped.value.code == wdm.DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS


# Controllers.


def test_one_device_at_a_time_has_the_controller(machine: Machine) -> None:
    controller = wdm.IoCreateController(Extension)
    assert controller is not None
    assert isinstance(controller.controller_extension, Extension)
    devices = [make_device(make_driver(name=name)) for name in ("a", "b", "c")]
    order: list[object] = []

    def control(device: wdm.DEVICE_OBJECT, irp: wdm.IRP | None, base: object, context: object) -> int:
        order.append((devices.index(device), irp, base, context))
        return wdm.DeallocateObject if context == "at once" else wdm.KeepObject

    wdm.KeRaiseIrql(wdm.DISPATCH_LEVEL)
    for device, context in zip(devices, ("first", "at once", "last"), strict=True):
        wdm.IoAllocateController(controller, device, control, context)
    assert order == [(0, None, None, "first")]
    wdm.IoFreeController(controller)
    assert order[1:] == [(1, None, None, "at once"), (2, None, None, "last")]
    wdm.IoFreeController(controller)
    wdm.KeLowerIrql(wdm.PASSIVE_LEVEL)
    wdm.IoDeleteController(controller)
    with pytest.raises(BugCheck, match="was deleted"):
        wdm.IoDeleteController(controller)


def test_a_controller_may_have_bytes_or_nothing(machine: Machine) -> None:
    controller = wdm.IoCreateController(8)
    assert controller is not None
    assert controller.controller_extension == bytearray(8)
    assert wdm.IoCreateController(1 << 30) is None
