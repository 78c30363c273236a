# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of an open file that name no device and no request."""

from __future__ import annotations

from dirql.io.completion import CompletionContext
from dirql.io.file_lock import FileLock
from dirql.ke.objects.event import Event
from dirql.nt.constants import FO_SYNCHRONOUS_IO, IO_TYPE_FILE, NotificationEvent
from dirql.ob.object import Object

__all__ = ["FileFields"]


class FileFields(Object):
    """The base class of `FileObject`."""

    __slots__ = (
        "completion_context",
        "current_byte_offset",
        "event",
        "file_name",
        "final_status",
        "flags",
        "fs_context",
        "fs_context2",
        "lock",
        "opened",
        "type",
    )

    def __init__(self, file_name: str, flags: int) -> None:
        super().__init__()
        self.type = IO_TYPE_FILE
        self.file_name = file_name
        self.flags = flags
        self.fs_context: object = None
        self.fs_context2: object = None
        self.current_byte_offset = 0
        self.final_status = 0
        self.event = Event()
        self.event.initialize(NotificationEvent, False)
        self.lock = FileLock()
        self.completion_context: CompletionContext | None = None
        """The completion port that the file is joined to, with the key of its packets."""
        self.opened = False
        """Whether IRP_MJ_CREATE succeeded, so that CLEANUP and CLOSE must follow (row NAM-05)."""

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "File"

    @property
    def synchronous(self) -> bool:
        """Whether the services for this file wait until the request is delivered."""
        return bool(self.flags & FO_SYNCHRONOUS_IO)
