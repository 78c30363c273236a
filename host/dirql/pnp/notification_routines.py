# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers register for Plug and Play events (IoRegisterPlugPlayNotification) and take that back."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import DeviceObject, DriverObject, FileObject, IoStackLocation
from dirql.ke.processors.contract import contract
from dirql.nt.constants import (
    IRP_MN_QUERY_DEVICE_RELATIONS,
    PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES,
    EventCategoryDeviceInterfaceChange,
    EventCategoryHardwareProfileChange,
    EventCategoryTargetDeviceChange,
    TargetDeviceRelation,
)
from dirql.nt.guid import Guid
from dirql.nt.ntstatus import nt_success
from dirql.nt.plug_and_play import GUID_DEVICE_INTERFACE_ARRIVAL
from dirql.nt.status import (
    STATUS_INVALID_PARAMETER,
    STATUS_NO_SUCH_DEVICE,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
)
from dirql.ob.manager import running as object_manager
from dirql.pnp.notices import DeviceInterfaceChangeNotification
from dirql.pnp.notification import NotificationCallback, NotificationEntry
from dirql.pnp.relations import DeviceRelations
from dirql.pnp.request import send_pnp
from dirql.pnp.tree import running

__all__ = [
    "register_plug_play_notification",
    "unregister_plug_play_notification",
    "unregister_plug_play_notification_ex",
]

_REGISTER: Final = contract("IoRegisterPlugPlayNotification")
_UNREGISTER: Final = contract("IoUnregisterPlugPlayNotification")
_UNREGISTER_EX: Final = contract("IoUnregisterPlugPlayNotificationEx")


def register_plug_play_notification(
    event_category: int,
    event_category_flags: int,
    event_category_data: object,
    driver_object: DriverObject,
    callback_routine: NotificationCallback,
    context: object,
) -> tuple[int, NotificationEntry | None]:
    """Have a routine called for events of a kind: (status, entry); follows IoRegisterPlugPlayNotification (row PNP-22).

    `event_category_data` is the GUID of a class of interfaces, or a file object on the device that the events are
    about. The routine is called as `callback_routine(structure, context)` at PASSIVE_LEVEL, and returns a status.
    """
    _REGISTER.check_with(event_category, driver_object)
    _REGISTER.check_arguments(
        event_category,
        event_category_flags,
        event_category_data,
        driver_object,
        callback_routine,
        context,
    )
    if not callable(callback_routine):
        _REGISTER.refuse_argument("CallbackRoutine", "a routine", callback_routine)
    subject: Guid | DeviceObject | None = None
    file: FileObject | None = None
    if event_category == EventCategoryDeviceInterfaceChange:
        if not isinstance(event_category_data, Guid):
            _REGISTER.refuse_argument(
                "EventCategoryData", "the GUID of an interface class", event_category_data
            )
        subject = event_category_data
    elif event_category == EventCategoryTargetDeviceChange:
        if not isinstance(event_category_data, FileObject):
            _REGISTER.refuse_argument("EventCategoryData", "a file object on the device", event_category_data)
        file = event_category_data
        status, subject = _target_device(file)
        if subject is None:
            return status, None
    elif event_category != EventCategoryHardwareProfileChange:
        return STATUS_INVALID_PARAMETER, None
    table = running.value.notifications
    entry = NotificationEntry(event_category, driver_object, callback_routine, context, subject, file)
    table.entries.append(entry)
    if event_category_flags & PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES and isinstance(
        subject, Guid
    ):
        for interface in running.value.interfaces.enabled(subject):
            entry.call(
                DeviceInterfaceChangeNotification(
                    event=GUID_DEVICE_INTERFACE_ARRIVAL,
                    interface_class_guid=subject,
                    symbolic_link_name=interface.name,
                )
            )
    return STATUS_SUCCESS, entry


def unregister_plug_play_notification(notification_entry: object) -> int:
    """Call the routine no more; follows IoUnregisterPlugPlayNotification. A call that is under way goes on."""
    _UNREGISTER.check_level(notification_entry)
    if not isinstance(notification_entry, NotificationEntry):
        _UNREGISTER.refuse_argument("NotificationEntry", _ENTRY, notification_entry)
    _unregister(notification_entry)
    return STATUS_SUCCESS


def unregister_plug_play_notification_ex(notification_entry: object) -> int:
    """Call the routine no more, and wait for a call that is under way; follows IoUnregisterPlugPlayNotificationEx."""
    _UNREGISTER_EX.check_level(notification_entry)
    if not isinstance(notification_entry, NotificationEntry):
        _UNREGISTER_EX.refuse_argument("NotificationEntry", _ENTRY, notification_entry)
    _unregister(notification_entry)
    notification_entry.wait_until_ended()
    return STATUS_SUCCESS


_ENTRY: Final = "the entry that IoRegisterPlugPlayNotification has returned"


def _unregister(entry: NotificationEntry) -> None:
    entry.is_registered = False
    entries = running.value.notifications.entries
    if entry in entries:
        entries.remove(entry)


def _target_device(file: FileObject) -> tuple[int, DeviceObject | None]:
    """The physical device object to which requests for the file go (TargetDeviceRelation)."""

    def fill(stack: IoStackLocation) -> None:
        stack.parameters.query_device_relations.type = TargetDeviceRelation

    request = send_pnp(file.device_object.top_of_stack(), IRP_MN_QUERY_DEVICE_RELATIONS, fill)
    relations = request.information_object
    if not nt_success(request.status):
        is_unknown = request.status == STATUS_NOT_SUPPORTED
        return (STATUS_NO_SUCH_DEVICE if is_unknown else request.status), None
    if not isinstance(relations, DeviceRelations) or not relations.objects:
        return STATUS_NO_SUCH_DEVICE, None
    for device in relations.objects:
        object_manager.value.give_reference_back(device)
    return STATUS_SUCCESS, relations.objects[0]
