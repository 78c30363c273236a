# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers are told of Plug and Play events for which they have registered (IoRegisterPlugPlayNotification).

A callback runs at PASSIVE_LEVEL, in the order of the registrations; after a refusal those that were asked are told so
in the opposite order. Events of interfaces are told later, by the worker of the device tree, all others at once by the
thread that brings the event about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from dirql.io.objects import DeviceObject, DriverObject, FileObject
from dirql.ke.current import get_current_thread
from dirql.ke.guard import NOTIFICATION, call_driver
from dirql.ke.objects.event import Event
from dirql.ke.threads.thread import Thread
from dirql.ke.threads.wait import wait_for_single_object
from dirql.nt.constants import (
    EventCategoryDeviceInterfaceChange,
    EventCategoryHardwareProfileChange,
    EventCategoryTargetDeviceChange,
)
from dirql.nt.guid import Guid
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.plug_and_play import (
    GUID_HWPROFILE_CHANGE_CANCELLED,
    GUID_HWPROFILE_CHANGE_COMPLETE,
    GUID_HWPROFILE_QUERY_CHANGE,
    GUID_TARGET_DEVICE_QUERY_REMOVE,
    GUID_TARGET_DEVICE_REMOVE_CANCELLED,
    GUID_TARGET_DEVICE_REMOVE_COMPLETE,
)
from dirql.nt.status import STATUS_SUCCESS
from dirql.pnp.node import DeviceNode
from dirql.pnp.notices import (
    DeviceInterfaceChangeNotification,
    HwProfileChangeNotification,
    NotificationHeader,
    TargetDeviceCustomNotification,
    TargetDeviceRemovalNotification,
)
from dirql.pnp.veto import Veto

__all__ = ["NotificationCallback", "NotificationEntry", "NotificationTable"]

NotificationCallback = Callable[[object, object], int]
"""A driver's routine: it gets one of the structures of `notices`, and the context of the registration."""


class NotificationEntry:
    """One registration of a driver."""

    def __init__(
        self,
        category: int,
        driver: DriverObject,
        routine: NotificationCallback,
        context: object,
        subject: Guid | DeviceObject | None,
        file_object: FileObject | None,
    ) -> None:
        """`subject` is the class of interfaces, or the physical device object of a file object."""
        self.category = category
        self.driver = driver
        self.routine = routine
        self.context = context
        self.subject = subject
        self.file_object = file_object
        self.is_registered = True
        self._running_in: list[Thread] = []
        self._ended = Event.make_notification()

    def __repr__(self) -> str:
        return f"<Plug and Play notification of {self.driver!r} with {self.routine!r}>"

    def call(self, notice: NotificationHeader) -> int:
        """Tell the driver, if it is still registered."""
        if not self.is_registered:
            return STATUS_SUCCESS
        thread = get_current_thread()
        self._running_in.append(thread)
        try:
            return call_driver(NOTIFICATION, self.driver, self.routine, notice, self.context)
        finally:
            self._running_in.remove(thread)
            self._ended.set_for_system()

    def wait_until_ended(self) -> None:
        """Wait until the callback does not run, unless this thread is in it."""
        while self._running_in and get_current_thread() not in self._running_in:
            self._ended.clear_for_system()
            wait_for_single_object(self._ended)


class NotificationTable:
    """The registrations of one machine, oldest first."""

    def __init__(self) -> None:
        self.entries: list[NotificationEntry] = []

    def of_driver(self, driver: object) -> Iterator[NotificationEntry]:
        """The registrations of a driver."""
        return (entry for entry in self.entries if entry.driver is driver)

    def _about(self, category: int, subject: object) -> list[NotificationEntry]:
        return [each for each in self.entries if each.category == category and each.subject == subject]

    # The devices of file objects.

    def query_removal(self, nodes: Sequence[DeviceNode]) -> Veto | None:
        """Ask those that have registered for one of the devices; the first refusal ends the removal."""
        asked: list[NotificationEntry] = []
        for node in nodes:
            for entry in self._about(EventCategoryTargetDeviceChange, node.physical_device_object):
                asked.append(entry)
                status = entry.call(_removal(GUID_TARGET_DEVICE_QUERY_REMOVE, entry))
                if not nt_success(status):
                    _tell(reversed(asked), GUID_TARGET_DEVICE_REMOVE_CANCELLED)
                    what = f"the notification callback of {entry.driver!r} refused with {status_name(status)}"
                    return Veto(node, what, status)
        return None

    def cancel_removal(self, nodes: Sequence[DeviceNode]) -> None:
        """Tell those that have agreed that the devices stay."""
        _tell(reversed(self._of_devices(nodes)), GUID_TARGET_DEVICE_REMOVE_CANCELLED)

    def complete_removal(self, nodes: Sequence[DeviceNode]) -> None:
        """Tell those that have registered that the devices are gone."""
        _tell(self._of_devices(nodes), GUID_TARGET_DEVICE_REMOVE_COMPLETE)

    def report(self, device: DeviceObject, notice: TargetDeviceCustomNotification) -> None:
        """Tell those that have registered for a device of an event that a driver has defined."""
        for entry in self._about(EventCategoryTargetDeviceChange, device):
            own = TargetDeviceCustomNotification(
                notice.version,
                notice.size,
                notice.event,
                entry.file_object,
                notice.name_buffer_offset,
                notice.custom_data_buffer,
            )
            entry.call(own)

    def _of_devices(self, nodes: Sequence[DeviceNode]) -> list[NotificationEntry]:
        devices = {node.physical_device_object for node in nodes}
        return [
            each
            for each in self.entries
            if each.category == EventCategoryTargetDeviceChange and each.subject in devices
        ]

    # Interfaces, and the hardware profile.

    def interface_changed(self, event: Guid, interface_class: Guid, name: str) -> None:
        """Tell those that have registered for the class of an interface."""
        for entry in self._about(EventCategoryDeviceInterfaceChange, interface_class):
            entry.call(
                DeviceInterfaceChangeNotification(
                    event=event, interface_class_guid=interface_class, symbolic_link_name=name
                )
            )

    def change_hardware_profile(self) -> str | None:
        """Ask whether the hardware profile may change, and say that it has; the reason if it may not."""
        asked: list[NotificationEntry] = []
        for entry in self._about(EventCategoryHardwareProfileChange, None):
            asked.append(entry)
            status = entry.call(HwProfileChangeNotification(event=GUID_HWPROFILE_QUERY_CHANGE))
            if not nt_success(status):
                for each in reversed(asked):
                    each.call(HwProfileChangeNotification(event=GUID_HWPROFILE_CHANGE_CANCELLED))
                return f"the notification callback of {entry.driver!r} refused with {status_name(status)}"
        for entry in self._about(EventCategoryHardwareProfileChange, None):
            entry.call(HwProfileChangeNotification(event=GUID_HWPROFILE_CHANGE_COMPLETE))
        return None


def _removal(event: Guid, entry: NotificationEntry) -> TargetDeviceRemovalNotification:
    return TargetDeviceRemovalNotification(event=event, file_object=entry.file_object)


def _tell(entries: Iterable[NotificationEntry], event: Guid) -> None:
    for entry in list(entries):
        entry.call(_removal(event, entry))
