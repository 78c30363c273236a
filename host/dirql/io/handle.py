# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A program's view of devices: handles and overlapped requests, with bytes for data and `IoError` for a failure."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from dirql.io.errors import OPEN, IoError
from dirql.io.file_information import flush_buffers_file
from dirql.io.manager import running as io_manager
from dirql.io.objects import FileObject
from dirql.io.opening import open_device
from dirql.io.port_notice import set_notification_modes
from dirql.io.services import (
    cancel_io_file,
    cancel_io_file_ex,
    control_for_program,
    device_io_control_file,
    read_file,
    read_for_program,
    write_file,
    write_for_program,
)
from dirql.io.status_block import IoStatusBlock
from dirql.ke.current import current as ke
from dirql.ke.objects.event import Event
from dirql.ke.threads.apc import NormalRoutine
from dirql.ke.threads.wait import delay_execution_thread, wait_for_single_object
from dirql.mm.manager import running as memory_manager
from dirql.mm.process import UserBuffer
from dirql.nt.constants import (
    FILE_READ_DATA,
    FILE_SYNCHRONOUS_IO_NONALERT,
    FILE_WRITE_DATA,
    UserMode,
    UserRequest,
)
from dirql.nt.ntstatus import nt_error, nt_success, status_name
from dirql.nt.status import (
    STATUS_BUFFER_OVERFLOW,
    STATUS_INVALID_HANDLE,
    STATUS_PENDING,
    STATUS_SUCCESS,
    STATUS_USER_APC,
)
from dirql.ob.manager import running as object_manager
from dirql.ob.services import close as close_handle
from dirql.rtl.statuses import dos_error

__all__ = ["CompletionRoutine", "Handle", "Overlapped", "sleep", "time_out"]

CompletionRoutine = Callable[[int, int, "Overlapped"], object]
"""A program's routine for a completed request: Win32 error code, bytes moved, request."""

_UNITS_PER_SECOND: Final = 10_000_000  # kernel time-outs count 100 ns


def sleep(seconds: float, *, alertable: bool = False) -> bool:
    """Let a time of the machine pass; follows SleepEx.

    An alertable sleep ends early when completion routines of the thread have run; returns whether some have.
    """
    if seconds < 0:
        raise ValueError(f"a time must be a number of seconds from 0 on; it was {seconds}")
    status = delay_execution_thread(UserMode, alertable, -round(seconds * _UNITS_PER_SECOND))
    return status == STATUS_USER_APC


def time_out(seconds: float | None) -> int | None:
    """A time-out of a program in the kernel's units; raises `ValueError` for one below 0."""
    if seconds is None:
        return None
    if seconds < 0:
        raise ValueError(f"a time-out must be a number of seconds from 0 on, or None; it was {seconds}")
    return -round(seconds * _UNITS_PER_SECOND)


class Overlapped:
    """A request of a program that may still be outstanding (OVERLAPPED).

    `status` is STATUS_PENDING until the result is delivered; `information` then is the number of bytes moved. The
    result can be taken more than once. The request's buffers are freed when it is taken for the first time.
    """

    __slots__ = ("_data", "_describe", "_handle", "_input", "_output", "event", "iosb")

    def __init__(
        self, handle: Handle, describe: Callable[[], str], data: UserBuffer | None, output: UserBuffer | None
    ) -> None:
        """A `Handle` calls this; programs do not. `describe` returns a description of the request for messages.

        Describing each request at once would take 0.2 µs more (bench/io_paths.py, "a read").
        """
        self._handle = handle
        self._describe = describe
        self._input = data
        self._output = output
        self._data = b""
        self.iosb = IoStatusBlock(STATUS_PENDING)
        self.event = Event.make_notification()

    def __repr__(self) -> str:
        return f"<{self.operation} on {self._handle.name}: {status_name(self.iosb.nt_status)}>"

    def sent(self, status: int) -> None:
        """Note the status that the service returned; called by the handle.

        A service that returns an error does not write the status block, so that is done here.
        """
        if status != STATUS_PENDING:
            self.iosb.nt_status = status
            self._release()

    @property
    def operation(self) -> str:
        """A description of the request, for messages."""
        return self._describe()

    @property
    def status(self) -> int:
        """The NTSTATUS of the request, STATUS_PENDING while it is outstanding.

        A program that asks again and again lets the time of the machine go on, as a polling program on a PC does.
        """
        if self.iosb.nt_status == STATUS_PENDING and ke.is_running() and ke.kernel.stopped is None:
            ke.dispatcher.poll()
        return self.iosb.nt_status

    @property
    def information(self) -> int:
        """The number of bytes moved, once the result is delivered."""
        return self.iosb.stored_information

    @property
    def has_completed(self) -> bool:
        """Whether the result is delivered; follows HasOverlappedIoCompleted."""
        return self.status != STATUS_PENDING

    def wait(self, timeout: float | None = None, *, alertable: bool = False) -> bool:
        """Wait for the result, at most `timeout` seconds of the machine's time; whether it is delivered.

        An alertable wait also ends when completion routines of the thread have run, as WaitForSingleObjectEx does.
        """
        units = time_out(timeout)
        if self.iosb.nt_status == STATUS_PENDING:
            wait_for_single_object(self.event, UserRequest, UserMode, alertable, units)
        return self.iosb.nt_status != STATUS_PENDING

    def result(self) -> bytes:
        """Wait for the result and return the output, empty for a write. Raises `IoError` when the request failed."""
        if self.iosb.nt_status == STATUS_PENDING:
            self.wait()
        if self._output is not None or self._input is not None:
            self._release()
        status = self.iosb.nt_status
        if not nt_success(status) and status != STATUS_BUFFER_OVERFLOW:
            raise IoError(status, self._handle.name, self.operation)
        return self._data

    def call_back(self, routine: CompletionRoutine | None) -> NormalRoutine | None:
        """The routine of the APC that calls `routine(error code, bytes moved, request)`; called by the handle."""
        if routine is None:
            return None

        def run(context: object, block: object, reserved: object) -> None:
            del context, block, reserved
            routine(dos_error(self.iosb.nt_status), self.iosb.stored_information, self)

        return run

    def cancel(self) -> bool:
        """Ask that the request be completed soon; False when it is delivered already. Follows CancelIoEx.

        A cancelled request may still succeed.
        """
        status, _ = cancel_io_file_ex(self._handle.value, self.iosb)
        return status == STATUS_SUCCESS

    def _release(self) -> None:
        """Copy the output from the memory of the process and free the buffers; a second call does nothing."""
        if self._output is not None:
            iosb, output = self.iosb, self._output
            moved = 0 if nt_error(iosb.nt_status) else min(iosb.stored_information, output.length)
            self._data = output.read(moved)
            output.free()
            self._output = None
        if self._input is not None:
            self._input.free()
            self._input = None


class Handle:
    """A program's handle of an open device.

    When it is closed, or its `with` block is left, the driver decides how to complete outstanding requests. Several
    requests may be outstanding; the methods without `_overlapped` wait for the one that they made.
    """

    def __init__(
        self, name: str, access: int = FILE_READ_DATA | FILE_WRITE_DATA, *, synchronous: bool = False
    ) -> None:
        r"""Open `name`, such as `\\.\Store0`. Raises `IoError` when there is no such device or it refuses.

        On a `synchronous` handle every request is waited for inside the service that makes it, as without
        FILE_FLAG_OVERLAPPED.
        """
        if not name.startswith("\\"):
            raise ValueError(
                rf"a device's name must start with a backslash, as in \\.\Store0; it was {name!r}"
            )
        status, value = open_device(name, access, FILE_SYNCHRONOUS_IO_NONALERT if synchronous else 0)
        if value is None:
            raise IoError(status, name, OPEN)
        self.name = name
        self.value = value
        self.sends_packets = False
        """Whether the file has a completion port."""
        io_manager.value.handles[self] = None

    def __repr__(self) -> str:
        return f"<handle {self.value:#x} of {self.name}{'' if self.is_open else ', closed'}>"

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
        """Whether the handle is open."""
        return self.value != 0

    def close(self) -> None:
        """Close the handle; a second call does nothing."""
        if self.is_open:
            value, self.value = self.value, 0
            io_manager.value.handles.pop(self, None)
            close_handle(value)

    def read(self, length: int, offset: int = 0) -> bytes:
        """Read up to `length` bytes, beginning `offset` bytes into the device."""
        return self.read_overlapped(length, offset).result()

    def write(self, data: bytes | bytearray | memoryview, offset: int = 0) -> int:
        """Write `data`; returns the number of bytes that the device took."""
        request = self.write_overlapped(data, offset)
        request.result()
        return request.information

    def ioctl(self, code: int, input: bytes | bytearray | memoryview = b"", output_length: int = 0) -> bytes:
        """Send a control code with `input`; returns the output, at most `output_length` bytes."""
        return self.ioctl_overlapped(code, input, output_length).result()

    def read_overlapped(
        self, length: int, offset: int = 0, completion: CompletionRoutine | None = None
    ) -> Overlapped:
        """Begin to read; returns while the request is outstanding.

        A `completion` routine runs as `completion(error code, bytes moved, request)`, as that of ReadFileEx does: in
        the next alertable wait of this thread after the result is there. A handle with a completion port refuses it.
        """
        value = self._check("read")
        _check_range(length, offset)
        output = memory_manager.value.process.allocate(length)
        request = Overlapped(self, lambda: f"read of {length} bytes at {offset:#x}", None, output)
        routine = request.call_back(completion)
        if routine is None and not self.sends_packets:
            request.sent(read_for_program(value, request.event, request.iosb, output.address, length, offset))
        else:
            block = request.iosb
            request.sent(
                read_file(value, request.event, routine, request, block, output.address, length, offset)
            )
        return request

    def write_overlapped(
        self,
        data: bytes | bytearray | memoryview,
        offset: int = 0,
        completion: CompletionRoutine | None = None,
    ) -> Overlapped:
        """Begin to write; `data` is copied before this returns. `completion` is as for `read_overlapped`."""
        value = self._check("write")
        length = memoryview(data).nbytes
        _check_range(length, offset)
        source = memory_manager.value.process.allocate(length, poisoned=False)
        source.write(data)
        request = Overlapped(self, lambda: f"write of {length} bytes at {offset:#x}", source, None)
        routine = request.call_back(completion)
        if routine is None and not self.sends_packets:
            request.sent(
                write_for_program(value, request.event, request.iosb, source.address, length, offset)
            )
        else:
            block = request.iosb
            request.sent(
                write_file(value, request.event, routine, request, block, source.address, length, offset)
            )
        return request

    def ioctl_overlapped(
        self, code: int, input: bytes | bytearray | memoryview = b"", output_length: int = 0
    ) -> Overlapped:
        """Begin a control request; `input` is copied before this returns."""
        value = self._check("ioctl")
        if not 0 <= code <= 0xFFFF_FFFF:
            raise ValueError(f"an I/O control code must have 32 bits; it was {code:#x}")
        _check_range(output_length, 0)
        source = memory_manager.value.process.allocate(memoryview(input).nbytes, poisoned=False)
        source.write(input)
        output = memory_manager.value.process.allocate(output_length)
        request = Overlapped(
            self,
            lambda: f"control code {code:#010x} with room for {output_length} bytes of output",
            source,
            output,
        )
        buffers = (source.address, source.length, output.address, output_length)
        if self.sends_packets:
            block = request.iosb
            request.sent(device_io_control_file(value, request.event, None, request, block, code, *buffers))
        else:
            request.sent(control_for_program(value, request.event, request.iosb, code, *buffers))
        return request

    def flush(self) -> None:
        """Have data written that drivers or the device still hold; follows FlushFileBuffers. Raises `IoError`."""
        status = flush_buffers_file(self._check("flush"), IoStatusBlock())
        if not nt_success(status):
            raise IoError(status, self.name, "flush")

    def cancel(self) -> int:
        """Cancel all outstanding requests on this handle; returns the service's NTSTATUS. Follows CancelIoEx."""
        status, _ = cancel_io_file_ex(self._check("cancel"), None)
        return status

    def cancel_of_this_thread(self) -> int:
        """Cancel the requests on this handle that the calling thread has made; returns the service's NTSTATUS.

        Returns when they are completed. Follows CancelIo.
        """
        status, _ = cancel_io_file(self._check("cancel"))
        return status

    def set_notification_modes(self, modes: int) -> None:
        """Set FILE_SKIP_COMPLETION_PORT_ON_SUCCESS and its kin; follows SetFileCompletionNotificationModes.

        Raises `IoError` for unknown modes, or for a mode that a synchronous handle cannot have.
        """
        status, file = object_manager.value.handles.lookup(self._check("set_notification_modes"), FileObject)
        if file is not None:
            status = set_notification_modes(file, modes)
        if not nt_success(status):
            raise IoError(status, self.name, f"set_notification_modes({modes:#x})")

    def _check(self, operation: str) -> int:
        """The value of the handle, which must be open."""
        if not self.value:
            raise IoError(STATUS_INVALID_HANDLE, self.name, f"{operation} after close")
        return self.value


def _check_range(length: int, offset: int) -> None:
    """Raise `ValueError` for a length beyond 32 bits, an offset beyond 63 bits, or a negative one."""
    if not 0 <= length <= 0xFFFF_FFFF:
        raise ValueError(f"a length must be 0 … 0xffffffff bytes; it was {length}")
    if not 0 <= offset < 1 << 63:
        raise ValueError(f"an offset must be 0 … 2^63 - 1 bytes; it was {offset}")
