# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract with one routine for all calls, for targets that write a recording or read one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

from dirql.hardware.description import Function
from dirql.target.access import check_clocks, lag_of
from dirql.target.channel.records import decode_records, encode_record
from dirql.target.contract import (
    BusError,
    BusFault,
    BusStatus,
    EventRecord,
    Grant,
    MemoryFile,
    PadLevels,
    StrayAccess,
    Target,
    TargetClosed,
    TargetError,
    Wake,
)
from dirql.target.recording.entries import CLOCKED, NONE, Call, Failure, Outcome, Request

__all__ = ["CalledTarget", "perform"]


class CalledTarget(Target):
    """A target of which a subclass has `_carry_out`.

    That sets `spent`, `attention`, `horizon`, `_clock` and `_removed`.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_lag",
        "_removed",
        "_spends",
        "capabilities",
        "description",
        "floor",
        "frequency",
        "memory",
        "memory_file",
        "write_error",
    )

    memory_file: MemoryFile | None

    def __init__(self) -> None:
        """Begin with a machine just out of reset."""
        self.write_error: Callable[[BusError], None] | None = None
        self.spent = 0
        self.attention = False
        self.horizon = 1
        self._clock = 0
        self._lag = 0
        self._spends = False
        self._removed: str | None = None
        self._closed = False

    @abstractmethod
    def _carry_out(self, request: Request) -> Outcome:
        """Carry out a call. The failure in the outcome is raised by the caller."""

    def _call(self, call: Call, *numbers: int, data: bytes = b"", into: memoryview | None = None) -> Outcome:
        if self._closed:
            raise TargetClosed(
                "a target must be open when it is used; this one had been closed: open another one"
            )
        began = self._clock
        outcome = self._carry_out(Request(call, numbers, data))
        if not self._spends and call in CLOCKED and (call is not Call.WAIT or numbers == (0,)):
            self._lag += lag_of(self._clock - began)
        if into is not None:
            into.cast("B")[: len(outcome.data)] = outcome.data
        for late in outcome.late:
            self._tell(late.exception())
        if outcome.failure is not None:
            raise outcome.failure.exception()
        return outcome

    def _check_open(self) -> None:
        if self._closed:
            raise TargetClosed(
                "a target must be open when it is used; this one had been closed: open another one"
            )

    def _tell(self, error: TargetError | ValueError) -> None:
        """Tell the error of a posted write, as `Target.write_error` says."""
        if self.write_error is None or not isinstance(error, BusError):
            raise error
        self.write_error(error)

    def _value(self, call: Call, *numbers: int) -> int:
        value = self._call(call, *numbers).value
        return 0 if value is None else value

    # Transactions.

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._value(Call.READ_MEMORY, address, byte_enables)

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._call(Call.WRITE_MEMORY, address, value, byte_enables)

    def read_memory_burst(self, address: int, into: memoryview) -> None:
        """See `Target`."""
        self._call(Call.READ_MEMORY_BURST, address, into.nbytes, into=into)

    def write_memory_burst(self, address: int, data: memoryview) -> None:
        """See `Target`."""
        self._call(Call.WRITE_MEMORY_BURST, address, data=bytes(data))

    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._value(Call.READ_IO, address, byte_enables)

    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._call(Call.WRITE_IO, address, value, byte_enables)

    def read_io_string(self, address: int, into: memoryview) -> int:
        """See `Target`."""
        return self._call(Call.READ_IO_STRING, address, into.nbytes, into=into).value or 0

    def write_io_string(self, address: int, data: memoryview) -> int:
        """See `Target`."""
        return self._call(Call.WRITE_IO_STRING, address, data=bytes(data)).value or 0

    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._value(Call.READ_CONFIGURATION, address, byte_enables)

    def write_configuration(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._call(Call.WRITE_CONFIGURATION, address, value, byte_enables)

    # Interrupts.

    def interrupt_request(self) -> int | None:
        """See `Target`."""
        return self._call(Call.INTERRUPT_REQUEST).value

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        return self._value(Call.INTERRUPT_ACKNOWLEDGE)

    # Time.

    def now(self) -> int:
        """See `Target`; as of the last call."""
        self._check_open()
        return self._clock + (self.spent if self._spends else 0)

    def lag(self) -> int:
        """See `Clock`."""
        return self._lag

    def spend(self, clocks: int) -> None:
        """See `Target`."""
        self._check_open()
        self.spent += check_clocks("the clocks to spend", clocks)

    def set_deadline(self, clock: int | None) -> None:
        """See `Target`."""
        self._call(Call.SET_DEADLINE, NONE if clock is None else check_clocks("a deadline", clock))

    def wait(self, limit: int | None = None) -> Wake | None:
        """See `Target`."""
        number = NONE if limit is None else check_clocks("the limit of a wait", limit)
        value = self._call(Call.WAIT, number).value
        return None if value is None else Wake(value)

    # Timestamps.

    def mark(self, payload: int) -> None:
        """See `Target`."""
        self._call(Call.MARK, payload)

    def take_event_records(self) -> Sequence[EventRecord]:
        """See `Target`."""
        return decode_records(self._call(Call.TAKE_EVENT_RECORDS).data)

    def event_records_dropped(self) -> int:
        """See `Target`."""
        return self._value(Call.EVENT_RECORDS_DROPPED)

    # Faults.

    def inject_bus_fault(self, fault: BusFault) -> None:
        """See `Target`."""
        self._call(Call.INJECT_BUS_FAULT, fault.address, int(fault.status), fault.count)

    def hold_interrupt(self, clocks: int) -> None:
        """See `Target`."""
        self._call(Call.HOLD_INTERRUPT, clocks)

    # The host's memory.

    def confine(self) -> None:
        """See `Target`."""
        self._call(Call.CONFINE)

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """See `Target`."""
        first, second, third = self._call(Call.GRANT, int(reads), int(writes), *bounds).numbers
        return first, second, third

    def revoke(self, grant: Grant) -> None:
        """See `Target`."""
        self._call(Call.REVOKE, *grant)

    def take_stray_access(self) -> StrayAccess | None:
        """See `Target`."""
        numbers = self._call(Call.TAKE_STRAY_ACCESS).numbers
        if not numbers:
            return None
        clock, address, enables, is_write, accesses = numbers
        return StrayAccess(clock, address, enables, bool(is_write), accesses)

    @property
    def removed(self) -> str | None:
        """See `Target`; as of the last call."""
        return self._removed

    def take_removal(self) -> str | None:
        """See `Target`."""
        return self._call(Call.TAKE_REMOVAL).text

    # Pads.

    def drive_pads(self, function: Function, levels: int) -> None:
        """See `Target`."""
        self._call(Call.DRIVE_PADS, self._index(function), levels)

    def read_pads(self, function: Function) -> PadLevels:
        """See `Target`."""
        levels, driven = self._call(Call.READ_PADS, self._index(function)).numbers
        return PadLevels(levels, driven)

    def _index(self, function: Function) -> int:
        if function not in self.description.functions:
            raise ValueError(
                "the function must be one of this machine, which are"
                f" {', '.join(map(str, self.description.functions))}; it was {function}"
            )
        return function.index

    # Life.

    def reset(self) -> None:
        """See `Target`."""
        self._call(Call.RESET)
        self._lag = 0


# The calls of any target.


def perform(target: Target, request: Request) -> Outcome:
    """Make a call of a target; the outcome has what it gave back, or its failure."""
    try:
        return _PERFORM[request.call](target, request)
    except (TargetError, ValueError) as error:
        return Outcome(failure=Failure.of(error))


def _read_memory(target: Target, request: Request) -> Outcome:
    return Outcome(target.read_memory(*request.numbers))


def _write_memory(target: Target, request: Request) -> Outcome:
    target.write_memory(*request.numbers)
    return Outcome()


def _read_memory_burst(target: Target, request: Request) -> Outcome:
    address, size = request.numbers
    into = bytearray(size)
    try:
        target.read_memory_burst(address, memoryview(into))
    except BusError as error:
        return Outcome(data=bytes(into), failure=Failure.of(error))
    return Outcome(data=bytes(into))


def _write_memory_burst(target: Target, request: Request) -> Outcome:
    (address,) = request.numbers
    target.write_memory_burst(address, memoryview(request.data))
    return Outcome()


def _read_io(target: Target, request: Request) -> Outcome:
    return Outcome(target.read_io(*request.numbers))


def _write_io(target: Target, request: Request) -> Outcome:
    target.write_io(*request.numbers)
    return Outcome()


def _read_io_string(target: Target, request: Request) -> Outcome:
    address, size = request.numbers
    into = bytearray(size)
    try:
        moved = target.read_io_string(address, memoryview(into))
    except BusError as error:
        return Outcome(data=bytes(into), failure=Failure.of(error))
    return Outcome(moved, data=bytes(into[: 4 * moved]))


def _write_io_string(target: Target, request: Request) -> Outcome:
    (address,) = request.numbers
    return Outcome(target.write_io_string(address, memoryview(request.data)))


def _read_configuration(target: Target, request: Request) -> Outcome:
    return Outcome(target.read_configuration(*request.numbers))


def _write_configuration(target: Target, request: Request) -> Outcome:
    target.write_configuration(*request.numbers)
    return Outcome()


def _set_deadline(target: Target, request: Request) -> Outcome:
    (clock,) = request.numbers
    target.set_deadline(None if clock == NONE else clock)
    return Outcome()


def _wait(target: Target, request: Request) -> Outcome:
    (limit,) = request.numbers
    return Outcome(target.wait(None if limit == NONE else limit))


def _mark(target: Target, request: Request) -> Outcome:
    target.mark(*request.numbers)
    return Outcome()


def _take_event_records(target: Target, request: Request) -> Outcome:
    del request
    return Outcome(data=b"".join(map(encode_record, target.take_event_records())))


def _inject_bus_fault(target: Target, request: Request) -> Outcome:
    address, status, count = request.numbers
    target.inject_bus_fault(BusFault(address, BusStatus(status), count))
    return Outcome()


def _hold_interrupt(target: Target, request: Request) -> Outcome:
    target.hold_interrupt(*request.numbers)
    return Outcome()


def _confine(target: Target, request: Request) -> Outcome:
    del request
    target.confine()
    return Outcome()


def _grant(target: Target, request: Request) -> Outcome:
    reads, writes, *bounds = request.numbers
    return Outcome(numbers=target.grant(bounds, reads=bool(reads), writes=bool(writes)))


def _revoke(target: Target, request: Request) -> Outcome:
    first, second, third = request.numbers
    target.revoke((first, second, third))
    return Outcome()


def _take_stray_access(target: Target, request: Request) -> Outcome:
    del request
    stray = target.take_stray_access()
    return Outcome(numbers=() if stray is None else tuple(map(int, stray)))


def _drive_pads(target: Target, request: Request) -> Outcome:
    index, levels = request.numbers
    target.drive_pads(target.description.functions[index], levels)
    return Outcome()


def _read_pads(target: Target, request: Request) -> Outcome:
    (index,) = request.numbers
    return Outcome(numbers=tuple(target.read_pads(target.description.functions[index])))


def _reset(target: Target, request: Request) -> Outcome:
    del request
    target.reset()
    return Outcome()


_PERFORM: dict[Call, Callable[[Target, Request], Outcome]] = {
    Call.READ_MEMORY: _read_memory,
    Call.WRITE_MEMORY: _write_memory,
    Call.READ_IO: _read_io,
    Call.WRITE_IO: _write_io,
    Call.READ_CONFIGURATION: _read_configuration,
    Call.WRITE_CONFIGURATION: _write_configuration,
    Call.READ_MEMORY_BURST: _read_memory_burst,
    Call.WRITE_MEMORY_BURST: _write_memory_burst,
    Call.READ_IO_STRING: _read_io_string,
    Call.WRITE_IO_STRING: _write_io_string,
    Call.INTERRUPT_REQUEST: lambda target, _: Outcome(target.interrupt_request()),
    Call.INTERRUPT_ACKNOWLEDGE: lambda target, _: Outcome(target.interrupt_acknowledge()),
    Call.SET_DEADLINE: _set_deadline,
    Call.WAIT: _wait,
    Call.MARK: _mark,
    Call.TAKE_EVENT_RECORDS: _take_event_records,
    Call.EVENT_RECORDS_DROPPED: lambda target, _: Outcome(target.event_records_dropped()),
    Call.INJECT_BUS_FAULT: _inject_bus_fault,
    Call.HOLD_INTERRUPT: _hold_interrupt,
    Call.CONFINE: _confine,
    Call.GRANT: _grant,
    Call.REVOKE: _revoke,
    Call.TAKE_STRAY_ACCESS: _take_stray_access,
    Call.TAKE_REMOVAL: lambda target, _: Outcome(text=target.take_removal()),
    Call.DRIVE_PADS: _drive_pads,
    Call.READ_PADS: _read_pads,
    Call.RESET: _reset,
}
