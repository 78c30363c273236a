# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures that Plug and Play notifications carry to drivers."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.io.objects import FileObject
from dirql.nt.guid import Guid

__all__ = [
    "DeviceInterfaceChangeNotification",
    "HwProfileChangeNotification",
    "NotificationHeader",
    "TargetDeviceCustomNotification",
    "TargetDeviceRemovalNotification",
]

_NO_EVENT = Guid(0, 0, 0, bytes(8))


@dataclass(slots=True)
class NotificationHeader:
    """The head of every notification (PLUGPLAY_NOTIFICATION_HEADER); `event` says what has happened."""

    version: int = 1
    size: int = 0x14
    event: Guid = _NO_EVENT


@dataclass(slots=True)
class HwProfileChangeNotification(NotificationHeader):
    """The hardware profile changes (HWPROFILE_CHANGE_NOTIFICATION)."""


@dataclass(slots=True)
class DeviceInterfaceChangeNotification(NotificationHeader):
    """A device interface was enabled or disabled (DEVICE_INTERFACE_CHANGE_NOTIFICATION)."""

    size: int = 0x30
    interface_class_guid: Guid = _NO_EVENT
    symbolic_link_name: str = ""


@dataclass(slots=True)
class TargetDeviceRemovalNotification(NotificationHeader):
    """A device is about to be removed, has been removed, or stays (TARGET_DEVICE_REMOVAL_NOTIFICATION)."""

    size: int = 0x20
    file_object: FileObject | None = None


@dataclass(slots=True)
class TargetDeviceCustomNotification(NotificationHeader):
    """An event that a driver has defined for its device (TARGET_DEVICE_CUSTOM_NOTIFICATION).

    `custom_data_buffer` has the data of the event, and from `name_buffer_offset` on a text, unless that is -1.
    """

    size: int = 0x28
    file_object: FileObject | None = None
    name_buffer_offset: int = -1
    custom_data_buffer: bytes = b""
