# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a request on a file with a completion port, and how a file gets one."""

from __future__ import annotations

from typing import Final

from dirql.io.completion import CompletionContext, IoCompletion
from dirql.io.objects import FileObject, Irp
from dirql.io.status_block import IoStatusBlock
from dirql.nt.constants import (
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS,
    FILE_SKIP_SET_EVENT_ON_HANDLE,
    FILE_SKIP_SET_USER_EVENT_ON_FAST_IO,
    FO_SKIP_COMPLETION_PORT,
    FO_SKIP_SET_EVENT,
    FO_SYNCHRONOUS_IO,
)
from dirql.nt.status import STATUS_INVALID_PARAMETER, STATUS_SUCCESS

__all__ = ["PortNotice", "join_port", "set_notification_modes"]

_MODES: Final = (
    FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE | FILE_SKIP_SET_USER_EVENT_ON_FAST_IO
)


class PortNotice:
    """Tells the completion port of a file, if it has one, that a request is done; stands where an APC would."""

    __slots__ = ("context", "file", "irp")

    def __init__(self, file: FileObject, irp: Irp, context: object) -> None:
        """`context` comes back in the packet."""
        self.file = file
        self.irp = irp
        self.context = context

    def queue(self, block: IoStatusBlock, reserved: int) -> None:
        """Send the packet, unless the file wants none for a request that was completed at once."""
        del reserved
        file = self.file
        joined = file.completion_context
        if joined is None or (file.flags & FO_SKIP_COMPLETION_PORT and not self.irp.stored_pending):
            return
        joined.post(self.context, block)


def join_port(file: FileObject, port: IoCompletion, key: object) -> int:
    """Let requests on the file send packets with `key` to the port; returns a status.

    STATUS_INVALID_PARAMETER for a file that has a port already, and for one whose services wait for each request.
    """
    if file.completion_context is not None or file.flags & FO_SYNCHRONOUS_IO:
        return STATUS_INVALID_PARAMETER
    file.completion_context = CompletionContext(port, key)
    return STATUS_SUCCESS


def set_notification_modes(file: FileObject, modes: int) -> int:
    """Set FILE_SKIP_… modes of a file, which nothing takes back; returns a status."""
    if modes & ~_MODES or (modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS and file.flags & FO_SYNCHRONOUS_IO):
        return STATUS_INVALID_PARAMETER
    if modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS:
        file.flags |= FO_SKIP_COMPLETION_PORT
    if modes & FILE_SKIP_SET_EVENT_ON_HANDLE:
        file.flags |= FO_SKIP_SET_EVENT
    return STATUS_SUCCESS
