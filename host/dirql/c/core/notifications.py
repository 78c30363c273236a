# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What drivers in C are told of Plug and Play and of the registry, and what they tell of their devices themselves."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from dirql.c.core.binding import python_callable
from dirql.c.core.guids import bytes_of_guid, guid_of_bytes
from dirql.c.core.interface import CLASSES, ROUTINES
from dirql.c.core.native_module import Native
from dirql.io.objects import DriverObject, FileObject
from dirql.nt.constants import EventCategoryDeviceInterfaceChange
from dirql.pnp.notices import (
    DeviceInterfaceChangeNotification,
    NotificationHeader,
    TargetDeviceCustomNotification,
    TargetDeviceRemovalNotification,
)
from dirql.pnp.notification_routines import register_plug_play_notification

if TYPE_CHECKING:
    from dirql.c.core.objects import Objects

__all__ = ["TOLD", "notice_bytes", "notification_routines"]

TOLD: Final[dict[type, str]] = {
    cast(type, python_callable(path)): name for name, path in CLASSES.items() if name.startswith("REG_")
}
"""The structures with what a registry callback is told, by their classes."""
_HEADER: Final = struct.Struct("<HH16s")
_INTERFACE: Final = struct.Struct("<16s4xQ")
_FILE: Final = struct.Struct("<4xQ")
_CUSTOM: Final = struct.Struct("<4xQi")
_GUID_SIZE: Final = 16
_POINTER: Final = struct.Struct("<Q")


def notice_bytes(notice: NotificationHeader, pointer_to: Callable[[object], int]) -> bytes:
    """A notification as C sees it."""
    head = _HEADER.pack(notice.version, notice.size, bytes_of_guid(notice.event))
    if isinstance(notice, DeviceInterfaceChangeNotification):
        name = pointer_to(notice.symbolic_link_name)
        return head + _INTERFACE.pack(bytes_of_guid(notice.interface_class_guid), name)
    if isinstance(notice, TargetDeviceRemovalNotification):
        return head + _FILE.pack(_pointer(notice.file_object, pointer_to))
    if isinstance(notice, TargetDeviceCustomNotification):
        place = _pointer(notice.file_object, pointer_to)
        return head + _CUSTOM.pack(place, notice.name_buffer_offset) + notice.custom_data_buffer
    return head


def _pointer(instance: object, pointer_to: Callable[[object], int]) -> int:
    return 0 if instance is None else pointer_to(instance)


def notification_routines(native: Native, objects: Objects) -> dict[str, Callable[..., object]]:
    """The routines, by their names in C."""

    def register(
        category: int,
        flags: int,
        data: int | None,
        driver: DriverObject,
        routine: Callable[[object, object], int],
        context: object,
        entry: int,
    ) -> int:
        subject: object = None if data is None else native.objects.get(data, data)
        if category == EventCategoryDeviceInterfaceChange and data is not None:
            subject = guid_of_bytes(objects.read(data, _GUID_SIZE))
        status, made = register_plug_play_notification(category, flags, subject, driver, routine, context)
        objects.write(entry, _POINTER.pack(_pointer(made, objects.pointer_to)))
        return status

    def reporting(name: str) -> Callable[..., object]:
        report = python_callable(ROUTINES[name][0])

        def reported(device: object, notice: int | None, *rest: object) -> object:
            return report(device, None if notice is None else _custom(native, objects, notice), *rest)

        return reported

    names = ("IoReportTargetDeviceChange", "IoReportTargetDeviceChangeAsynchronous")
    return {"IoRegisterPlugPlayNotification": register, **{name: reporting(name) for name in names}}


def _custom(native: Native, objects: Objects, address: int) -> TargetDeviceCustomNotification:
    """The TARGET_DEVICE_CUSTOM_NOTIFICATION of a driver."""
    version, size, event = _HEADER.unpack(objects.read(address, _HEADER.size))
    place, offset = _CUSTOM.unpack(objects.read(address + _HEADER.size, _CUSTOM.size))
    begin = _HEADER.size + _CUSTOM.size
    data = objects.read(address + begin, size - begin) if size > begin else b""
    file = cast(FileObject | None, native.objects.get(place))
    return TargetDeviceCustomNotification(version, size, guid_of_bytes(event), file, offset, data)
