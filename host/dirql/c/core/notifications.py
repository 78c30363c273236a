# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers in C ask to be told of Plug and Play events, and tell of events of their own devices."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.binding import python_callable
from dirql.c.core.guids import guid_of_bytes
from dirql.c.core.interface import ROUTINES
from dirql.c.core.native_module import Native
from dirql.c.core.notices import CUSTOM, HEADER, pointer_or_null
from dirql.c.core.objects import Objects
from dirql.io.objects import DriverObject, FileObject
from dirql.nt.constants import EventCategoryDeviceInterfaceChange
from dirql.pnp.notices import TargetDeviceCustomNotification
from dirql.pnp.notification_routines import register_plug_play_notification

__all__ = ["notification_routines"]

_GUID_SIZE: Final = 16
_POINTER: Final = struct.Struct("<Q")


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
        objects.write(entry, _POINTER.pack(pointer_or_null(made, objects.pointer_to)))
        return status

    def reporting(name: str) -> Callable[..., object]:
        report = python_callable(ROUTINES[name][0])

        def reported(device: object, notice: int | None, *rest: object) -> object:
            return report(device, None if notice is None else _custom(native, objects, notice), *rest)

        return reported

    names = ("IoReportTargetDeviceChange", "IoReportTargetDeviceChangeAsynchronous")
    return {"IoRegisterPlugPlayNotification": register, **{name: reporting(name) for name in names}}


def _custom(native: Native, objects: Objects, address: int) -> TargetDeviceCustomNotification:
    """The TARGET_DEVICECUSTOM_NOTIFICATION of a driver."""
    version, size, event = HEADER.unpack(objects.read(address, HEADER.size))
    place, offset = CUSTOM.unpack(objects.read(address + HEADER.size, CUSTOM.size))
    begin = HEADER.size + CUSTOM.size
    data = objects.read(address + begin, size - begin) if size > begin else b""
    file = cast(FileObject | None, native.objects.get(place))
    return TargetDeviceCustomNotification(version, size, guid_of_bytes(event), file, offset, data)
