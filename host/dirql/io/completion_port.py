# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A program's view of completion ports: one place where the results of requests on many handles arrive."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from dirql.io.completion import IoCompletion, Packet
from dirql.io.errors import IoError
from dirql.io.handle import Handle, time_out
from dirql.io.manager import running as io_manager
from dirql.io.objects import FileObject
from dirql.io.port_notice import join_port
from dirql.ke.current import current as ke
from dirql.ke.processors.contract import charge_call
from dirql.ke.threads.queue_wait import take_from_queue
from dirql.nt.constants import UserMode
from dirql.nt.ntstatus import nt_success, status_name
from dirql.nt.status import STATUS_ABANDONED, STATUS_INVALID_HANDLE, STATUS_SUCCESS
from dirql.ob.manager import running as object_manager
from dirql.ob.services import close as close_handle
from dirql.rtl.statuses import dos_error

__all__ = ["CompletionPacket", "CompletionPort"]

_NAME: Final = "a completion port"
_ALL_ACCESS: Final = 0x1F_0003  # IO_COMPLETION_ALL_ACCESS
_HIGHEST_COUNT: Final = 0xFFFF_FFFF


class CompletionPacket:
    """The end of one request, or what a program has posted (OVERLAPPED_ENTRY).

    `key` is that of the handle, `overlapped` the request. `status` and `error` are the NTSTATUS and the Win32 code.
    """

    __slots__ = ("bytes_transferred", "key", "overlapped", "status")

    def __init__(self, packet: Packet) -> None:
        """A port calls this; programs do not."""
        self.key = packet.key_context
        self.overlapped = packet.apc_context
        self.status = packet.status
        self.bytes_transferred = packet.information

    def __repr__(self) -> str:
        what = f"{self.bytes_transferred} bytes, key {self.key!r}"
        return f"<packet of {self.overlapped!r}: {status_name(self.status)}, {what}>"

    @property
    def succeeded(self) -> bool:
        """Whether the request succeeded, so that GetQueuedCompletionStatus returns TRUE."""
        return nt_success(self.status)

    @property
    def error(self) -> int:
        """The Win32 code of the result."""
        return dos_error(self.status)


class CompletionPort:
    """A completion port of a program. When it is closed, threads that wait for packets get an `IoError`."""

    def __init__(self, concurrency: int = 0) -> None:
        """Make a port; follows CreateIoCompletionPort.

        `concurrency` threads may work on packets at once, 0 stands for the number of processors. A thread that has
        taken a packet works on it until it takes the next one; while it waits for something else, another may go on.
        """
        if not 0 <= concurrency <= _HIGHEST_COUNT:
            raise ValueError(f"the concurrency of a port must be 0 … 0xffffffff; it was {concurrency}")
        self._port = IoCompletion(concurrency)
        self.value = object_manager.value.handles.insert(self._port, _ALL_ACCESS)
        self._port.dereference()
        io_manager.value.handles[self] = None

    def __repr__(self) -> str:
        state = f"with {self._port.queue!r}" if self.is_open else "closed"
        return f"<completion port {self.value:#x}, {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # After a BugCheck or a Deadlock, which are no `Exception`, the machine has stopped and closes nothing. A
        # fixture of pytest that yields inside of the block is not told of the error of its test.
        is_stopped = ke.is_running() and ke.kernel.stopped is not None
        if not is_stopped and (error is None or isinstance(error, Exception)):
            self.close()

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self.value != 0

    @property
    def waiting_packets(self) -> int:
        """The number of packets that nobody has taken yet."""
        return self._port.queue.header.signal_state

    def close(self) -> None:
        """Close the port; a second call does nothing. Packets that nobody has taken are lost."""
        if self.is_open:
            value, self.value = self.value, 0
            io_manager.value.handles.pop(self, None)
            close_handle(value)

    def associate(self, handle: Handle, key: object = 0) -> None:
        """Let the requests on a handle send packets with `key` here; follows CreateIoCompletionPort.

        It holds for requests that are made afterwards, and as long as the file is open. Raises `IoError` with
        STATUS_INVALID_PARAMETER for a file that has a port already, or a synchronous one.
        """
        self._check("associate")
        status, file = object_manager.value.handles.lookup(handle.value, FileObject)
        if file is not None:
            status = join_port(file, self._port, key)
        if status != STATUS_SUCCESS:
            raise IoError(status, handle.name, f"association with {self!r}")
        handle.sends_packets = True

    def post(self, bytes_transferred: int = 0, key: object = 0, overlapped: object = None) -> None:
        """Queue a packet of the program's own; follows PostQueuedCompletionStatus."""
        self._check("post")
        if not 0 <= bytes_transferred <= _HIGHEST_COUNT:
            raise ValueError(
                f"the number of bytes of a packet must be 0 … 0xffffffff; it was {bytes_transferred}"
            )
        charge_call()
        self._port.post(Packet(key, overlapped, STATUS_SUCCESS, bytes_transferred))

    def get(self, timeout: float | None = None) -> CompletionPacket | None:
        """Take the next packet, or wait for one; follows GetQueuedCompletionStatus.

        None if there was none in `timeout` seconds of the machine's time. A packet of a failed request is no error
        here: its `status` tells.
        """
        return self._take(timeout, alertable=False)

    def get_several(
        self, count: int, timeout: float | None = None, *, alertable: bool = False
    ) -> list[CompletionPacket]:
        """Take up to `count` packets, or wait for one; follows GetQueuedCompletionStatusEx.

        Empty if there was none in `timeout` seconds, or if completion routines of this thread have ended an alertable
        wait. If the port is closed meanwhile, the packets that were taken before are returned.
        """
        if count < 1:
            raise ValueError(f"the number of packets must be 1 or more; it was {count}")
        packet = self._take(timeout, alertable=alertable)
        taken: list[CompletionPacket] = []
        while packet is not None:
            taken.append(packet)
            packet = self._take_next()[1] if len(taken) < count and self.waiting_packets else None
        return taken

    def _take(self, timeout: float | None, *, alertable: bool) -> CompletionPacket | None:
        self._check("wait")
        status, packet = self._take_next(time_out(timeout), alertable=alertable)
        if status == STATUS_ABANDONED:
            raise IoError(status, _NAME, "a wait for a packet")
        return packet

    def _take_next(
        self, units: int | None = 0, *, alertable: bool = False
    ) -> tuple[int, CompletionPacket | None]:
        charge_call()
        status, packet = take_from_queue(self._port.queue, UserMode, alertable, units)
        return status, CompletionPacket(packet) if isinstance(packet, Packet) else None

    def _check(self, operation: str) -> None:
        if not self.is_open:
            raise IoError(STATUS_INVALID_HANDLE, _NAME, f"{operation} after close")
