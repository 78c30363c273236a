# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers are told of Plug and Play events."""

from __future__ import annotations

import pytest

from dirql.io.file import OpenFile
from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.ntstatus import status_name
from dirql.pnp.notification import NotificationEntry
from dirql.wdm import (
    DEVICE_INTERFACE_CHANGE_NOTIFICATION,
    FILE_OBJECT,
    GUID,
    GUID_DEVICE_INTERFACE_ARRIVAL,
    GUID_DEVICE_INTERFACE_REMOVAL,
    GUID_HWPROFILE_CHANGE_CANCELLED,
    GUID_HWPROFILE_CHANGE_COMPLETE,
    GUID_HWPROFILE_QUERY_CHANGE,
    GUID_TARGET_DEVICE_QUERY_REMOVE,
    GUID_TARGET_DEVICE_REMOVE_CANCELLED,
    GUID_TARGET_DEVICE_REMOVE_COMPLETE,
    IRP_MN_QUERY_REMOVE_DEVICE,
    PASSIVE_LEVEL,
    PLUGPLAY_NOTIFICATION_HEADER,
    PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES,
    STATUS_INVALID_DEVICE_REQUEST,
    STATUS_INVALID_PARAMETER,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    TARGET_DEVICE_CUSTOM_NOTIFICATION,
    TARGET_DEVICE_REMOVAL_NOTIFICATION,
    UNICODE_STRING,
    EventCategoryDeviceInterfaceChange,
    EventCategoryHardwareProfileChange,
    EventCategoryReserved,
    EventCategoryTargetDeviceChange,
    IoGetDeviceObjectPointer,
    IoRegisterDeviceInterface,
    IoRegisterPlugPlayNotification,
    IoReportTargetDeviceChange,
    IoReportTargetDeviceChangeAsynchronous,
    IoSetDeviceInterfaceState,
    IoUnregisterPlugPlayNotification,
    IoUnregisterPlugPlayNotificationEx,
    KeGetCurrentIrql,
    ObDereferenceObject,
    RtlFreeUnicodeString,
)
from fakes.pci_function import FakeFunction
from unit.pnp.conftest import Opener
from unit.pnp.recorder import NAME, Recorder

CLASS = GUID(0x86E0D1E0, 0x8089, 0x11D0, bytes.fromhex("9CE408003E301F73"))
CUSTOM = GUID(7, 8, 9, bytes(8))


class Listener:
    """A callback that keeps what it is told."""

    def __init__(self, status: int = STATUS_SUCCESS) -> None:
        self.status = status
        self.heard: list[PLUGPLAY_NOTIFICATION_HEADER] = []
        self.contexts: list[object] = []
        self.minors_then: list[int] = []
        self.recorder: Recorder | None = None

    def listen(self, notice: object, context: object) -> int:
        assert KeGetCurrentIrql() == PASSIVE_LEVEL
        assert isinstance(notice, PLUGPLAY_NOTIFICATION_HEADER)
        self.heard.append(notice)
        self.contexts.append(context)
        if self.recorder is not None:
            self.minors_then = list(self.recorder.minors)
        return self.status

    @property
    def events(self) -> list[GUID]:
        return [notice.event for notice in self.heard]


def started(open_bus: Opener) -> tuple[Machine, Recorder]:
    machine = open_bus(FakeFunction(bars=((0x0, 4096),)))
    recorder = Recorder()
    machine.load_driver(recorder)
    recorder.minors.clear()
    return machine, recorder


def register(
    machine: Machine, category: int, data: object, listener: Listener, flags: int = 0
) -> NotificationEntry:
    driver = machine.io.drivers["Recorder"]
    status, entry = IoRegisterPlugPlayNotification(category, flags, data, driver, listener.listen, "context")
    assert status == STATUS_SUCCESS, status_name(status)
    assert entry is not None
    return entry


def target(machine: Machine, listener: Listener) -> tuple[FILE_OBJECT, NotificationEntry]:
    """Register for the device, with a file object that is let go at once."""
    status, file, _ = IoGetDeviceObjectPointer(NAME, 0)
    assert status == STATUS_SUCCESS
    assert file is not None
    entry = register(machine, EventCategoryTargetDeviceChange, file, listener)
    ObDereferenceObject(file)
    return file, entry


# The device of a file object.


@pytest.mark.row("PNP-22")
def test_PNP_22_a_removal_is_asked_for_before_the_drivers_are(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    listener = Listener()
    listener.recorder = recorder
    file, _ = target(machine, listener)
    asked: list[int] = []
    listener.status = STATUS_SUCCESS
    assert machine.pnp.remove(machine.devices[0]) is None
    asked += listener.minors_then
    assert listener.events == [GUID_TARGET_DEVICE_QUERY_REMOVE, GUID_TARGET_DEVICE_REMOVE_COMPLETE]
    assert listener.contexts == ["context", "context"]
    first = listener.heard[0]
    assert isinstance(first, TARGET_DEVICE_REMOVAL_NOTIFICATION)
    assert (first.version, first.size, first.file_object) == (1, 0x20, file)
    assert asked[-1] != IRP_MN_QUERY_REMOVE_DEVICE


@pytest.mark.row("PNP-22")
def test_PNP_22_a_callback_that_refuses(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    willing, refusing, never_asked = Listener(), Listener(STATUS_UNSUCCESSFUL), Listener()
    for each in (willing, refusing, never_asked):
        target(machine, each)
    recorder.minors.clear()
    veto = machine.pnp.remove(machine.devices[0])
    assert veto is not None
    assert "the notification callback of <driver Recorder> refused with STATUS_UNSUCCESSFUL" in veto.reason
    assert IRP_MN_QUERY_REMOVE_DEVICE not in recorder.minors
    both = [GUID_TARGET_DEVICE_QUERY_REMOVE, GUID_TARGET_DEVICE_REMOVE_CANCELLED]
    assert (willing.events, refusing.events, never_asked.events) == (both, both, [])


@pytest.mark.row("PNP-22")
def test_PNP_22_a_removal_that_a_driver_refuses(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    listener = Listener()
    target(machine, listener)
    recorder.fail[IRP_MN_QUERY_REMOVE_DEVICE] = STATUS_UNSUCCESSFUL
    assert machine.pnp.remove(machine.devices[0]) is not None
    assert listener.events == [GUID_TARGET_DEVICE_QUERY_REMOVE, GUID_TARGET_DEVICE_REMOVE_CANCELLED]


@pytest.mark.row("PNP-22")
def test_PNP_22_a_device_that_is_gone(open_bus: Opener) -> None:
    machine, _ = started(open_bus)
    listener = Listener()
    target(machine, listener)
    machine.pnp.surprise_remove(machine.devices[0])
    assert listener.events == [GUID_TARGET_DEVICE_REMOVE_COMPLETE]


def test_an_event_of_a_driver(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    listener = Listener()
    file, entry = target(machine, listener)
    assert recorder.physical is not None
    notice = TARGET_DEVICE_CUSTOM_NOTIFICATION(event=CUSTOM, custom_data_buffer=b"data")
    assert IoReportTargetDeviceChange(recorder.physical, notice) == STATUS_SUCCESS
    (heard,) = listener.heard
    assert isinstance(heard, TARGET_DEVICE_CUSTOM_NOTIFICATION)
    assert (heard.event, heard.custom_data_buffer, heard.file_object) == (CUSTOM, b"data", file)
    done: list[object] = []
    status = IoReportTargetDeviceChangeAsynchronous(recorder.physical, notice, done.append, "done")
    assert (status, done, len(listener.heard)) == (STATUS_PENDING, [], 1)
    machine.pnp.wait_until_idle()
    assert (done, len(listener.heard)) == (["done"], 2)
    of_the_system = TARGET_DEVICE_CUSTOM_NOTIFICATION(event=GUID_TARGET_DEVICE_REMOVE_COMPLETE)
    refused = STATUS_INVALID_DEVICE_REQUEST
    assert IoReportTargetDeviceChange(recorder.physical, of_the_system) == refused
    assert IoReportTargetDeviceChangeAsynchronous(recorder.physical, of_the_system, None, None) == refused
    assert IoUnregisterPlugPlayNotification(entry) == STATUS_SUCCESS
    IoReportTargetDeviceChange(recorder.physical, notice)
    assert len(listener.heard) == 2


def test_a_file_object_without_a_physical_device(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    assert recorder.device is not None
    with machine.open(NAME):
        (file,) = machine.io.open_files
        assert isinstance(file, OpenFile)
        with pytest.raises(TypeError, match="EventCategoryData must be a file object on the device"):
            register(machine, EventCategoryTargetDeviceChange, CLASS, Listener())


# Interfaces.


def interface(recorder: Recorder, *, enable: bool = True) -> str:
    assert recorder.physical is not None
    name = UNICODE_STRING()
    IoRegisterDeviceInterface(recorder.physical, CLASS, None, name)
    text = str(name)
    RtlFreeUnicodeString(name)
    if enable:
        IoSetDeviceInterfaceState(text, True)
    return text


def test_interfaces_that_come_and_go_are_told_later_in_their_order(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    listener, other = Listener(), Listener()
    register(machine, EventCategoryDeviceInterfaceChange, CLASS, listener)
    register(machine, EventCategoryDeviceInterfaceChange, CUSTOM, other)
    name = interface(recorder)
    assert listener.heard == []
    machine.pnp.surprise_remove(machine.devices[0])
    machine.pnp.wait_until_idle()
    assert listener.events == [GUID_DEVICE_INTERFACE_ARRIVAL, GUID_DEVICE_INTERFACE_REMOVAL]
    for notice in listener.heard:
        assert isinstance(notice, DEVICE_INTERFACE_CHANGE_NOTIFICATION)
        assert (notice.interface_class_guid, notice.symbolic_link_name) == (CLASS, name)
    assert other.heard == []


def test_existing_interfaces_are_told_at_once(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    interface(recorder)
    machine.pnp.wait_until_idle()
    silent, told = Listener(), Listener()
    register(machine, EventCategoryDeviceInterfaceChange, CLASS, silent)
    flags = PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES
    register(machine, EventCategoryDeviceInterfaceChange, CLASS, told, flags)
    assert (silent.events, told.events) == ([], [GUID_DEVICE_INTERFACE_ARRIVAL])


def test_a_callback_may_end_its_registration(open_bus: Opener) -> None:
    machine, recorder = started(open_bus)
    entries: list[NotificationEntry] = []
    heard: list[object] = []

    def once(notice: object, context: object) -> int:
        heard.append(notice)
        return IoUnregisterPlugPlayNotificationEx(entries[0])

    driver = machine.io.drivers["Recorder"]
    category = EventCategoryDeviceInterfaceChange
    status, entry = IoRegisterPlugPlayNotification(category, 0, CLASS, driver, once, None)
    assert (status, entry is None) == (STATUS_SUCCESS, False)
    assert entry is not None
    entries.append(entry)
    name = interface(recorder)
    IoSetDeviceInterfaceState(name, False)
    machine.pnp.wait_until_idle()
    assert len(heard) == 1


# The hardware profile, and the rest.


def test_a_change_of_the_hardware_profile(open_bus: Opener) -> None:
    machine, _ = started(open_bus)
    first, second = Listener(), Listener()
    for each in (first, second):
        register(machine, EventCategoryHardwareProfileChange, None, each)
    assert machine.pnp.change_hardware_profile() is None
    assert first.events == [GUID_HWPROFILE_QUERY_CHANGE, GUID_HWPROFILE_CHANGE_COMPLETE]
    second.status = STATUS_UNSUCCESSFUL
    assert "refused with STATUS_UNSUCCESSFUL" in (machine.pnp.change_hardware_profile() or "")
    assert first.events[2:] == [GUID_HWPROFILE_QUERY_CHANGE, GUID_HWPROFILE_CHANGE_CANCELLED]


def test_a_category_that_does_not_exist(open_bus: Opener) -> None:
    machine, _ = started(open_bus)
    driver = machine.io.drivers["Recorder"]
    listener = Listener().listen
    answer = IoRegisterPlugPlayNotification(EventCategoryReserved, 0, None, driver, listener, None)
    assert answer == (STATUS_INVALID_PARAMETER, None)


def test_a_registration_that_a_driver_leaves(open_bus: Opener) -> None:
    machine, _ = started(open_bus)
    register(machine, EventCategoryHardwareProfileChange, None, Listener())
    with pytest.raises(BugCheck, match="call IoUnregisterPlugPlayNotification") as stopped:
        machine.unload_driver(machine.io.drivers["Recorder"])
    assert stopped.value.code == 0xCE
