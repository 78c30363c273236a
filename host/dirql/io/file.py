# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""File objects: one for each successful open of a device (FILE_OBJECT).

The last handle that closes sends IRP_MJ_CLEANUP, the last reference that goes sends IRP_MJ_CLOSE (row NAM-04). Each
outstanding request holds a reference, so CLOSE comes after all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.io import current
from dirql.io.request import send_file_request
from dirql.ke.objects.event import Event
from dirql.nt.constants import (
    FO_CLEANUP_COMPLETE,
    FO_SYNCHRONOUS_IO,
    IO_TYPE_FILE,
    IRP_MJ_CLEANUP,
    IRP_MJ_CLOSE,
    NotificationEvent,
)
from dirql.ob.object import Object

if TYPE_CHECKING:
    from dirql.io.device import DeviceObject
    from dirql.io.irp import Irp

__all__ = ["FileObject"]


class FileObject(Object):
    """An open device; `fs_context` and `fs_context2` are the driver's."""

    __slots__ = (
        "current_byte_offset",
        "device_object",
        "event",
        "file_name",
        "final_status",
        "flags",
        "fs_context",
        "fs_context2",
        "irps",
        "opened",
        "synchronous",
        "type",
    )

    def __init__(self, device_object: DeviceObject, file_name: str, flags: int) -> None:
        super().__init__()
        self.type = IO_TYPE_FILE
        self.device_object = device_object
        self.file_name = file_name
        self.flags = flags
        self.synchronous = bool(flags & FO_SYNCHRONOUS_IO)
        """Whether requests on this file wait for their end."""
        self.fs_context: object = None
        self.fs_context2: object = None
        self.current_byte_offset = 0
        self.final_status = 0
        self.event = Event()
        self.event.initialize(NotificationEvent, False)
        self.irps: dict[Irp, None] = {}
        """Outstanding requests, oldest first; each knows its thread."""
        self.opened = False
        """CREATE succeeded, so that CLEANUP and CLOSE are due (row NAM-05)."""

    def __repr__(self) -> str:
        return f"<file {self.device_object.name}{self.file_name}>"

    def last_handle_closed(self) -> None:
        """Tell the drivers: IRP_MJ_CLEANUP. They end what is outstanding for this file."""
        self.flags |= FO_CLEANUP_COMPLETE
        if self.opened:
            send_file_request(self, IRP_MJ_CLEANUP)

    def last_reference_dropped(self) -> None:
        """Tell the drivers: IRP_MJ_CLOSE."""
        if self.opened:
            self.opened = False
            current.manager.open_files.pop(self, None)
            send_file_request(self, IRP_MJ_CLOSE)
            self.device_object.file_closed()
