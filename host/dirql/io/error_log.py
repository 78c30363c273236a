# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The system's error log: entries that drivers write (row DRV-10). `Machine.error_log` has them, the oldest first."""

from __future__ import annotations

from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, DriverObject
from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.defects import report_defect
from dirql.ke.guard import current_driver
from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.nt.bugcodes import BAD_POOL_CALLER
from dirql.nt.constants import ERROR_LOG_MAXIMUM_SIZE
from dirql.nt.ntstatus import status_name

__all__ = ["ErrorLogPacket", "LoggedError", "allocate_error_log_entry"]

_ALLOCATE: Final = contract("IoAllocateErrorLogEntry")
_WRITE: Final = contract("IoWriteErrorLogEntry")
_FREE: Final = contract("IoFreeErrorLogEntry")

_HEADER: Final = 0x28
"""The bytes of IO_ERROR_LOG_PACKET before DumpData."""
_FREED_TWICE: Final = 7


class LoggedError:
    """An entry of the error log."""

    __slots__ = ("driver", "io_object", "packet", "system_time")

    def __init__(
        self, driver: object, io_object: DeviceObject | DriverObject, system_time: int, packet: ErrorLogPacket
    ) -> None:
        self.driver = driver
        """The driver that wrote the entry."""
        self.io_object = io_object
        """The device or the driver that the entry is about."""
        self.system_time = system_time
        """The system time at which it was written, in 100 ns units since 1601."""
        self.packet = packet
        """The entry as the driver has filled it."""

    def __repr__(self) -> str:
        return f"<{status_name(self.packet.error_code)} of {self.io_object!r} in the error log>"


class ErrorLogPacket:
    """An entry of the error log, which its driver fills (IO_ERROR_LOG_PACKET).

    In C the strings follow the dump data in the memory of the entry; in Python they are the list `strings`.
    """

    __slots__ = (
        "device_offset",
        "driver",
        "dump_data",
        "dump_data_size",
        "entry_size",
        "error_code",
        "event_category",
        "final_status",
        "io_control_code",
        "io_object",
        "is_live",
        "major_function_code",
        "number_of_strings",
        "place",
        "retry_count",
        "sequence_number",
        "string_offset",
        "strings",
        "unique_error_value",
    )

    def __init__(self, io_object: DeviceObject | DriverObject, entry_size: int) -> None:
        """`allocate_error_log_entry` calls this; drivers do not."""
        self.io_object = io_object
        self.entry_size = entry_size
        self.driver = current_driver()
        self.place = mark()
        self.is_live = True
        self.major_function_code = 0
        self.retry_count = 0
        self.dump_data_size = 0
        self.number_of_strings = 0
        self.string_offset = 0
        self.event_category = 0
        self.error_code = 0
        self.unique_error_value = 0
        self.final_status = 0
        self.sequence_number = 0
        self.io_control_code = 0
        self.device_offset = 0
        self.dump_data: list[int] = []
        self.strings: list[str] = []

    def __repr__(self) -> str:
        return f"<error log entry of {self.io_object!r}, {self.entry_size} bytes>"

    def write(self) -> None:
        """Put the entry into the log, which takes it over; follows IoWriteErrorLogEntry."""
        _WRITE.check(self)
        self._end("IoWriteErrorLogEntry")
        words = max(len(self.dump_data) * 4, self.dump_data_size)
        needed = _HEADER + words + sum(2 * len(text) + 2 for text in self.strings)
        if needed > self.entry_size:
            report_defect(
                "DRV-10",
                f"IoWriteErrorLogEntry: the dump data and the strings must fit into the EntrySize bytes that were"
                f" allocated; they need {needed} and it was {self.entry_size}: allocate"
                " sizeof(IO_ERROR_LOG_PACKET), DumpDataSize and the strings with their ends",
            )
        kernel = current.kernel
        time = kernel.timers.system_time(kernel.clock.now())
        io_manager.value.errors.log.append(LoggedError(self.driver, self.io_object, time, self))

    def free(self) -> None:
        """Give up an entry that is not written; follows IoFreeErrorLogEntry."""
        _FREE.check(self)
        self._end("IoFreeErrorLogEntry")

    def _end(self, routine: str) -> None:
        if not self.is_live:
            reason = (
                f"{routine} must be called for an entry once, and not after IoWriteErrorLogEntry, which takes it over;"
                f" {self!r} was written or freed already: forget the pointer"
            )
            bug_check(BAD_POOL_CALLER, _FREED_TWICE, 0, 0, self, reason=reason)
        self.is_live = False
        io_manager.value.errors.unwritten.pop(self, None)


def allocate_error_log_entry(
    io_object: DeviceObject | DriverObject, entry_size: int
) -> ErrorLogPacket | None:
    """Make an entry of `entry_size` bytes; None above ERROR_LOG_MAXIMUM_SIZE. Follows IoAllocateErrorLogEntry."""
    _ALLOCATE.check_level(io_object)
    _ALLOCATE.check_arguments(io_object, entry_size)
    if not isinstance(io_object, DeviceObject | DriverObject):
        _ALLOCATE.refuse_argument("IoObject", "a device object or a driver object", io_object)
    if entry_size > ERROR_LOG_MAXIMUM_SIZE:
        return None
    entry = ErrorLogPacket(io_object, entry_size)
    io_manager.value.errors.unwritten[entry] = None
    return entry
