# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Completion ports in the kernel: the port, its packets, and what joins a file to it (rows PRT-01 … PRT-06)."""

from __future__ import annotations

from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import current as ke
from dirql.ke.objects.kernel_queue import KernelQueue
from dirql.nt.constants import DISPATCH_LEVEL
from dirql.ob.object import Object

__all__ = ["CompletionContext", "IoCompletion", "Packet"]


class Packet:
    """The news of one request: the key of its file, the context of the request, and the result."""

    __slots__ = ("apc_context", "information", "key_context", "status")

    def __init__(self, key_context: object, apc_context: object, status: int, information: int) -> None:
        self.key_context = key_context
        self.apc_context = apc_context
        self.status = status
        self.information = information


class IoCompletion(Object):
    """A completion port, as the object manager has it: a kernel queue of packets."""

    __slots__ = ("queue",)

    def __init__(self, count: int) -> None:
        """`count` threads may work on packets at once; 0 stands for the number of processors."""
        super().__init__()
        self.queue = KernelQueue()
        self.queue.begin(count)

    @property
    def type_name(self) -> str:
        """The name of the object's type, as in `ob.object_type`."""
        return "IoCompletion"

    def __repr__(self) -> str:
        return f"<completion port with {self.queue!r}>"

    def post(self, packet: Packet) -> None:
        """Queue a packet. Any IRQL up to DISPATCH_LEVEL."""
        if self.queue.abandoned:
            return
        self.queue.put(packet)
        if ke.processor.irql < DISPATCH_LEVEL:
            ke.dispatcher.preempt()

    def last_handle_closed(self) -> None:
        """End all waits; packets that nobody has taken are lost, and files of the port send no more."""
        self.queue.take_all()


class CompletionContext:
    """The port that a file is joined to, and the key that its packets have (IO_COMPLETION_CONTEXT)."""

    __slots__ = ("key", "port")

    def __init__(self, port: IoCompletion, key: object) -> None:
        self.port = port
        self.key = key

    def post(self, apc_context: object, result: IoStatusBlock) -> None:
        """Send the packet of a request that has this result."""
        self.port.post(Packet(self.key, apc_context, result.nt_status, result.stored_information))
