# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The entries of a recording: one for each call of a target, with what went in and what came out of it.

docs/recording.md has the form that they have in a file.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from dirql.target.contract import (
    BusError,
    LinkLost,
    MachineRemoved,
    NotSupported,
    TargetClosed,
    TargetError,
    bus_error,
)

__all__ = [
    "CLOCKED",
    "NONE",
    "WRITES",
    "Call",
    "Change",
    "Entry",
    "Failure",
    "Outcome",
    "Request",
]

NONE = -1
"""The number that stands for None: no limit of a wait, no deadline."""


class Call(enum.StrEnum):
    """The operations of a target that a recording has; the numbers are the arguments in their order."""

    READ_MEMORY = "read_memory"
    WRITE_MEMORY = "write_memory"
    READ_IO = "read_io"
    WRITE_IO = "write_io"
    READ_CONFIGURATION = "read_configuration"
    WRITE_CONFIGURATION = "write_configuration"
    READ_MEMORY_BURST = "read_memory_burst"
    WRITE_MEMORY_BURST = "write_memory_burst"
    READ_IO_STRING = "read_io_string"
    WRITE_IO_STRING = "write_io_string"
    INTERRUPT_REQUEST = "interrupt_request"
    INTERRUPT_ACKNOWLEDGE = "interrupt_acknowledge"
    SET_DEADLINE = "set_deadline"
    WAIT = "wait"
    MARK = "mark"
    TAKE_EVENT_RECORDS = "take_event_records"
    EVENT_RECORDS_DROPPED = "event_records_dropped"
    INJECT_BUS_FAULT = "inject_bus_fault"
    HOLD_INTERRUPT = "hold_interrupt"
    CONFINE = "confine"
    GRANT = "grant"
    REVOKE = "revoke"
    TAKE_STRAY_ACCESS = "take_stray_access"
    TAKE_REMOVAL = "take_removal"
    DRIVE_PADS = "drive_pads"
    READ_PADS = "read_pads"
    RESET = "reset"


WRITES = frozenset(
    {
        Call.WRITE_MEMORY,
        Call.WRITE_IO,
        Call.WRITE_CONFIGURATION,
        Call.WRITE_MEMORY_BURST,
        Call.WRITE_IO_STRING,
    }
)
"""The calls that write to the machine."""

CLOCKED = WRITES | {
    Call.READ_MEMORY,
    Call.READ_IO,
    Call.READ_CONFIGURATION,
    Call.READ_MEMORY_BURST,
    Call.READ_IO_STRING,
    Call.INTERRUPT_ACKNOWLEDGE,
    Call.WAIT,
    Call.MARK,
    Call.INJECT_BUS_FAULT,
    Call.HOLD_INTERRUPT,
    Call.DRIVE_PADS,
    Call.READ_PADS,
    Call.RESET,
}
"""The calls in which clocks of a simulated machine may pass, and that take the spent clocks with them."""


class Request(NamedTuple):
    """A call of a target."""

    call: Call
    numbers: tuple[int, ...] = ()
    data: bytes = b""
    """The data of a burst or a string that writes; one that reads has the number of bytes among `numbers`."""


class Change(NamedTuple):
    """Bytes of the host's memory that became others."""

    address: int
    data: bytes


class Failure(NamedTuple):
    """An exception of a target."""

    kind: str
    texts: tuple[str, ...]
    numbers: tuple[int, ...] = ()

    @classmethod
    def of(cls, error: TargetError | ValueError) -> Failure:
        """The failure that stands for an exception."""
        if isinstance(error, MachineRemoved):
            return cls("removed", (error.reason, error.operation), (error.address,))
        if isinstance(error, BusError):
            return cls("bus", (error.operation,), (error.status, error.address, error.completed))
        kind = next((kind for kind, known in _KINDS.items() if isinstance(error, known)), "target")
        return cls(kind, (str(error),))

    def exception(self) -> TargetError | ValueError:
        """The exception; raises `ValueError` or `LookupError` for a failure that is none."""
        if self.kind == "removed":
            (reason, operation), (address,) = self.texts, self.numbers
            return MachineRemoved(reason, operation, address)
        if self.kind == "bus":
            (operation,), (status, address, completed) = self.texts, self.numbers
            return bus_error(status, operation, address, completed)
        (text,) = self.texts
        return _KINDS[self.kind](text)


_KINDS: dict[str, type[TargetError | ValueError]] = {
    "lost": LinkLost,
    "unsupported": NotSupported,
    "closed": TargetClosed,
    "argument": ValueError,
    "target": TargetError,
}


@dataclass(slots=True)
class Outcome:
    """The answer of a call, and the state of the machine that the host could see after it."""

    value: int | None = None
    numbers: tuple[int, ...] = ()
    data: bytes = b""
    text: str | None = None
    failure: Failure | None = None
    """The exception that the call ended with."""
    late: tuple[Failure, ...] = ()
    """The errors of posted writes that the call told."""
    clock: int = 0
    attention: bool = False
    horizon: int = 0
    removed: str | None = None

    @property
    def answer(self) -> tuple[object, ...]:
        """The part that the machine said, without clocks."""
        return self.value, self.numbers, self.data, self.text, self.failure


@dataclass(slots=True)
class Entry:
    """One call. `changes` are those of the host to memory before it, `written` those of bus masters until its end."""

    request: Request
    outcome: Outcome
    spent: int = 0
    """The clocks that host code was charged with since the call before."""
    began: int = 0
    """The host's time at its begin, in microseconds since the begin of the recording."""
    took: int = 0
    """The microseconds that it took."""
    place: str = ""
    """The routine, file and line of the driver or program; empty for the kernel itself."""
    changes: list[Change] = field(default_factory=list)
    written: list[Change] = field(default_factory=list)
