# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Handles and overlapped requests, as a program has them: bytes in, bytes out, `IoError` when a request fails."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from dirql.io import current, nt
from dirql.io.errors import IoError
from dirql.io.irp import IoStatusBlock
from dirql.ke.objects.event import Event
from dirql.ke.threads.wait import wait_for_single_object
from dirql.mm.manager import running as memory_manager
from dirql.mm.process import UserBuffer
from dirql.nt.constants import FILE_READ_DATA, FILE_WRITE_DATA, NotificationEvent, UserMode, UserRequest
from dirql.nt.status import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_INVALID_HANDLE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    status_name,
)

__all__ = ["Handle", "Overlapped"]

_ERROR_OR_WARNING = 0x8000_0000  # the lowest status that NT_SUCCESS rejects
_UNITS_PER_SECOND = 10_000_000  # kernel time-outs count 100 ns

_READ = "read of {} bytes at {:#x}"
_WRITE = "write of {} bytes at {:#x}"
_CONTROL = "control code {:#010x} with room for {} bytes of output"


class Overlapped:
    """A request under way (OVERLAPPED).

    `status` is STATUS_PENDING until the request has ended, `information` then says how many bytes moved. The result
    can be taken as often as wanted; taking it the first time gives the request's buffers back.
    """

    __slots__ = ("_data", "_handle", "_input", "_output", "_returned", "_what", "event", "iosb")

    def __init__(
        self, handle: Handle, what: tuple[str, int, int], data: UserBuffer | None, output: UserBuffer | None
    ) -> None:
        """Made by a handle; not by programs. `what` is a format and its two numbers."""
        self._handle = handle
        self._what = what
        self._input = data
        self._output = output
        self._data = b""
        self._returned = STATUS_PENDING
        self.iosb = IoStatusBlock(STATUS_PENDING)
        self.event = Event()
        self.event.initialize(NotificationEvent, False)

    @property
    def operation(self) -> str:
        """What was asked for, in words."""
        text, first, second = self._what
        return text.format(first, second)

    def __repr__(self) -> str:
        return f"<{self.operation} on {self._handle.name}: {status_name(self.status)}>"

    def started(self, status: int) -> None:
        """The request was sent and the service returned `status`; called by the handle."""
        self._returned = status
        if status != STATUS_PENDING:
            self._release()

    @property
    def status(self) -> int:
        """The NTSTATUS of the request, STATUS_PENDING while it is under way."""
        return self.iosb.status if self._returned == STATUS_PENDING else self._returned

    @property
    def information(self) -> int:
        """Bytes moved, once the request has ended."""
        return self.iosb.information

    @property
    def done(self) -> bool:
        """Whether the request has ended."""
        return self.status != STATUS_PENDING

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds of the machine's time; whether it has ended."""
        if timeout is not None and timeout < 0:
            raise ValueError(f"a time-out must be a number of seconds from 0 on, or None, was {timeout}")
        if not self.done:
            units = None if timeout is None else -round(timeout * _UNITS_PER_SECOND)
            wait_for_single_object(self.event, UserRequest, UserMode, False, units)
        return self.done

    def result(self) -> bytes:
        """Wait for the end and return the output, empty for a write. Raises `IoError` when the request failed."""
        if self._returned == STATUS_PENDING and self.iosb.status == STATUS_PENDING:
            wait_for_single_object(self.event, UserRequest, UserMode, False, None)
        if self._output is not None or self._input is not None:
            self._release()
        status = self.status
        if status >= _ERROR_OR_WARNING and status != STATUS_BUFFER_OVERFLOW:
            raise IoError(status, self._handle.name, self.operation)
        return self._data

    def cancel(self) -> bool:
        """Ask that the request end soon; False when it has ended already. It may still succeed; follows CancelIoEx."""
        return nt.cancel_io_file_ex(self._handle.value, self.iosb) == STATUS_SUCCESS

    def _release(self) -> None:
        """Take the output out of the process's memory and give the buffers back."""
        if self._output is not None:
            moved = min(self.iosb.information, self._output.length) if self.status < 0xC000_0000 else 0
            self._data = self._output.read(moved)
            self._output.free()
            self._output = None
        if self._input is not None:
            self._input.free()
            self._input = None


class Handle:
    """An open device. Closing it, or leaving its `with` block, ends what is outstanding as the driver sees fit.

    Requests may run at the same time; the methods without `_overlapped` wait for the one that they made.
    """

    def __init__(self, name: str, access: int = FILE_READ_DATA | FILE_WRITE_DATA) -> None:
        r"""Open `name`, such as `\\.\Store0`. Raises `IoError` when there is no such device or it refuses."""
        if not name.startswith("\\"):
            raise ValueError(rf"a device's name must start with a backslash, as in \\.\Store0, was {name!r}")
        status, value = nt.create_file(name, access, 0)
        if value is None:
            raise IoError(status, name, "open")
        self.name = name
        self.value = value
        current.manager.handles[self] = None

    def __repr__(self) -> str:
        return f"<handle {self.value:#x} of {self.name}{'' if self.is_open else ', closed'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(
            error, Exception
        ):  # a machine that has stopped closes nothing any more
            self.close()

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self.value != 0

    def close(self) -> None:
        """Close the handle; a second call does nothing."""
        if self.is_open:
            value, self.value = self.value, 0
            current.manager.handles.pop(self, None)
            nt.close_handle(value)

    def read(self, length: int, offset: int = 0) -> bytes:
        """Read up to `length` bytes, beginning `offset` bytes into the device."""
        return self.read_overlapped(length, offset).result()

    def write(self, data: bytes | bytearray | memoryview, offset: int = 0) -> int:
        """Write `data`; returns how many bytes the device took."""
        request = self.write_overlapped(data, offset)
        request.result()
        return request.information

    def ioctl(self, code: int, input: bytes | bytearray | memoryview = b"", output_length: int = 0) -> bytes:
        """Send a control code with `input`; returns the output, at most `output_length` bytes."""
        return self.ioctl_overlapped(code, input, output_length).result()

    def read_overlapped(self, length: int, offset: int = 0) -> Overlapped:
        """Begin to read; the request goes on while the program does."""
        value = self._check("read")
        _check_range(length, offset)
        output = memory_manager.value.process.allocate(length)
        request = Overlapped(self, (_READ, length, offset), None, output)
        request.started(nt.read_file(value, request.event, request.iosb, output.address, length, offset))
        return request

    def write_overlapped(self, data: bytes | bytearray | memoryview, offset: int = 0) -> Overlapped:
        """Begin to write; `data` is copied before this returns."""
        value = self._check("write")
        length = memoryview(data).nbytes
        _check_range(length, offset)
        source = memory_manager.value.process.allocate(length)
        source.write(data)
        request = Overlapped(self, (_WRITE, length, offset), source, None)
        request.started(nt.write_file(value, request.event, request.iosb, source.address, length, offset))
        return request

    def ioctl_overlapped(
        self, code: int, input: bytes | bytearray | memoryview = b"", output_length: int = 0
    ) -> Overlapped:
        """Begin a control request; `input` is copied before this returns."""
        value = self._check("ioctl")
        if not 0 <= code <= 0xFFFF_FFFF:
            raise ValueError(f"an I/O control code must have 32 bits, was {code:#x}")
        _check_range(output_length, 0)
        source = memory_manager.value.process.allocate(memoryview(input).nbytes)
        source.write(input)
        output = memory_manager.value.process.allocate(output_length)
        request = Overlapped(self, (_CONTROL, code, output_length), source, output)
        addresses = (source.address, source.length, output.address, output_length)
        request.started(nt.device_io_control_file(value, request.event, request.iosb, code, *addresses))
        return request

    def cancel(self) -> int:
        """Cancel all that is outstanding on this handle; returns the NTSTATUS of the service. Follows CancelIoEx."""
        return nt.cancel_io_file_ex(self._check("cancel"), None)

    def _check(self, operation: str) -> int:
        """The handle's value, if it is open."""
        if not self.value:
            raise IoError(STATUS_INVALID_HANDLE, self.name, f"{operation} after close")
        return self.value


def _check_range(length: int, offset: int) -> None:
    """Lengths and offsets are not negative, and lengths fit into 32 bits as NT's do."""
    if not 0 <= length <= 0xFFFF_FFFF:
        raise ValueError(f"a length must be 0 … 0xffffffff bytes, was {length}")
    if not 0 <= offset < 1 << 63:
        raise ValueError(f"an offset must be 0 … 2^63 - 1 bytes, was {offset}")
