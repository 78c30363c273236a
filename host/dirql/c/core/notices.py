# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The structures in memory with which drivers in C are told of Plug and Play and of the registry."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, cast

from dirql.c.core.binding import python_callable
from dirql.c.core.guids import bytes_of_guid
from dirql.c.core.interface import CLASSES
from dirql.pnp.notices import (
    DeviceInterfaceChangeNotification,
    NotificationHeader,
    TargetDeviceCustomNotification,
    TargetDeviceRemovalNotification,
)

__all__ = ["CUSTOM", "HEADER", "TOLD", "notice_bytes", "pointer_or_null"]

TOLD: Final[dict[type, str]] = {
    cast(type, python_callable(path)): name for name, path in CLASSES.items() if name.startswith("REG_")
}
"""The structures with what a registry callback is told, by their classes."""
HEADER: Final = struct.Struct("<HH16s")
_INTERFACE: Final = struct.Struct("<16s4xQ")
_FILE: Final = struct.Struct("<4xQ")
CUSTOM: Final = struct.Struct("<4xQi")


def notice_bytes(notice: NotificationHeader, pointer_to: Callable[[object], int]) -> bytes:
    """A notification as C sees it."""
    head = HEADER.pack(notice.version, notice.size, bytes_of_guid(notice.event))
    if isinstance(notice, DeviceInterfaceChangeNotification):
        name = pointer_to(notice.symbolic_link_name)
        return head + _INTERFACE.pack(bytes_of_guid(notice.interface_class_guid), name)
    if isinstance(notice, TargetDeviceRemovalNotification):
        return head + _FILE.pack(pointer_or_null(notice.file_object, pointer_to))
    if isinstance(notice, TargetDeviceCustomNotification):
        place = pointer_or_null(notice.file_object, pointer_to)
        return head + CUSTOM.pack(place, notice.name_buffer_offset) + notice.custom_data_buffer
    return head


def pointer_or_null(instance: object, pointer_to: Callable[[object], int]) -> int:
    """The address of an object, and 0 for None."""
    return 0 if instance is None else pointer_to(instance)
