# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract over a channel: what every machine behind a stream of commands has in common.

Spent clocks and marks are sent with the next command and pass before it, so that they need no command of their own and
change no cycle count. Until then neither `attention` nor `take_event_records` shows their effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Never

from dirql.hardware.description import MachineDescription
from dirql.registers.protocol import Attention, Failure, Op
from dirql.target.access import check_access, check_burst, check_clocks, check_dword
from dirql.target.channel.channel import (
    DEADLINE_WANTED,
    INPUT,
    INTERRUPT_WANTED,
    NEVER,
    REMOVED_WANTED,
    STATUS,
    WANTED,
    Channel,
    attention_of,
    input_of,
    pack_answer,
    value_of,
)
from dirql.target.channel.operations import OPERATION_NAMES
from dirql.target.channel.records import decode_records
from dirql.target.contract import (
    BusFault,
    Capability,
    EventRecord,
    NotSupported,
    Target,
    TargetClosed,
    Wake,
    bus_error,
)

__all__ = ["CommandTarget"]

_DWORD = 0xFFFF_FFFF

# Plain integers: `Op.MEM_READ` and so on in the methods would make a register access 4 % slower ("register reads" of
# bench/target_paths.py: 2.73 to 2.84 µs).
_MEM_READ = int(Op.MEM_READ)
_MEM_WRITE = int(Op.MEM_WRITE)
_IO_READ = int(Op.IO_READ)
_IO_WRITE = int(Op.IO_WRITE)
_CFG_READ = int(Op.CFG_READ)
_CFG_WRITE = int(Op.CFG_WRITE)
_INT_ACK = int(Op.INT_ACK)


class CommandTarget(Target):
    """The Target contract over a channel. A subclass adds `name` and `abilities`."""

    __slots__ = (
        "_answer",
        "_channel",
        "_closed",
        "_deadline",
        "_send",
        "capabilities",
        "description",
        "frequency",
        "memory",
        "memory_file",
    )

    abilities: frozenset[Capability]
    """The capabilities with a machine that leaves nothing out."""

    def __init__(self, channel: Channel, description: MachineDescription) -> None:
        """Reset the machine at the far end of `channel`, which this target owns from now on.

        `description` says which machine that is.
        """
        self.description = description
        missing = () if description.savings.faults else (Capability.FAULT_INJECTION,)
        self.capabilities = self.abilities.difference(missing)
        self.frequency = description.frequency
        self._channel = channel
        self._send = channel.command
        self._closed = False
        self._answer = 0
        self._deadline = NEVER
        self.spent = 0
        self.attention = False
        self.horizon = 1
        self.memory = channel.memory
        self.memory_file = channel.memory_file
        self.reset()

    @property
    def _open(self) -> Channel:
        """The channel; raises `TargetClosed` after `close`."""
        if self._closed:
            _refuse()
        return self._channel

    # Commands.

    def _command(self, operation: int, address: int, byte_enables: int, datum: int, length: int = 1) -> int:
        """Carry out one single command; returns the value that it read."""
        if byte_enables != 0xF or address % 4 or not 0 <= address <= _DWORD or not 0 <= datum <= _DWORD:
            check_access(address, byte_enables, datum, is_io=operation in (_IO_READ, _IO_WRITE))
        answer = self._send(operation, self.spent, address, byte_enables, length, datum)
        self.spent = 0
        if answer <= _DWORD:
            self.attention = False
            self.horizon = 1
            return answer
        return self._value(answer, operation, address)

    def _value(self, answer: int, operation: int, address: int) -> int:
        """Keep the answer to a single command that failed, or asks for attention; returns the value."""
        status = self._take(answer)
        if status:
            self._fail(status, operation, address)
        return value_of(answer)

    def _take(self, answer: int) -> int:
        """Keep an answer and set `attention` by it; returns the status."""
        self._answer = answer
        self.spent = 0
        self.attention = answer & WANTED != 0
        self._set_horizon()
        return answer >> STATUS & 0xFF

    def _set_horizon(self) -> None:
        """Set `horizon` by `attention`, the deadline, and what the channel knows."""
        channel = self._channel
        end = min(channel.quiet_until, self._deadline)
        self.horizon = 0 if self.attention else max(1, end - channel.clock)

    def _presented(self) -> tuple[int, int]:
        """The bits of `Attention` that the last answer had, and the input that is presented."""
        return (attention_of(self._answer), input_of(self._answer)) if self.attention else (0, 0)

    def _fail(self, status: int, operation: int, address: int, completed: int = 0) -> Never:
        """Raise the exception for a status other than OK."""
        name = OPERATION_NAMES[operation]
        if status < Failure.UNANSWERED:
            raise bus_error(status, name, address, completed)
        raise self._channel.failure(status, f"{name} at {address:#010x}")

    # Transactions.

    # `_command` is written out for accesses in memory space. The call would take 0.12 µs, 4 % of "register reads" in
    # bench/target_paths.py.

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        if byte_enables != 0xF or address % 4 or not 0 <= address <= _DWORD:
            check_access(address, byte_enables, 0)
        answer = self._send(_MEM_READ, self.spent, address, byte_enables, 1, 0)
        self.spent = 0
        if answer <= _DWORD:
            self.attention = False
            self.horizon = 1
            return answer
        return self._value(answer, _MEM_READ, address)

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        if byte_enables != 0xF or address % 4 or not 0 <= address <= _DWORD or not 0 <= value <= _DWORD:
            check_access(address, byte_enables, value)
        answer = self._send(_MEM_WRITE, self.spent, address, byte_enables, 1, value)
        self.spent = 0
        if answer <= _DWORD:
            self.attention = False
            self.horizon = 1
        else:
            self._value(answer, _MEM_WRITE, address)

    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._command(_IO_READ, address, byte_enables, 0)

    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._command(_IO_WRITE, address, byte_enables, value)

    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._command(_CFG_READ, address, byte_enables, 0)

    def write_configuration(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._command(_CFG_WRITE, address, byte_enables, value)

    def read_memory_burst(self, address: int, into: memoryview) -> None:
        """See `Target`; a burst that is longer than the channel's capacity becomes several.

        The bridge does not say how far a failed burst came, so `completed` of the error counts only the dwords of the
        bursts before that one.
        """
        self._burst(_MEM_READ, address, into)

    def write_memory_burst(self, address: int, data: memoryview) -> None:
        """See `Target`; a burst that is longer than the channel's capacity becomes several."""
        self._burst(_MEM_WRITE, address, data)

    def _burst(self, operation: int, address: int, data: memoryview) -> None:
        check_burst(address, data.nbytes)
        moved = 0
        for piece in _pieces(data, self._open.capacity):
            status = self._transfer(operation, address + moved, piece, repeats=False)
            if status:
                self._fail(status, operation, address, moved // 4)
            moved += piece.nbytes

    def read_io_string(self, address: int, into: memoryview) -> int:
        """See `Target`; a string that is longer than the channel's capacity becomes several."""
        return self._string(_IO_READ, address, into)

    def write_io_string(self, address: int, data: memoryview) -> int:
        """See `Target`; a string that is longer than the channel's capacity becomes several."""
        return self._string(_IO_WRITE, address, data)

    def _string(self, operation: int, address: int, data: memoryview) -> int:
        check_burst(address, data.nbytes, is_io=True)
        before, moved = self._presented(), 0
        for piece in _pieces(data, self._open.capacity):
            status = self._transfer(operation, address, piece, repeats=True)
            moved += value_of(self._answer)
            if status:
                self._fail(status, operation, address, moved)
            if self.attention and self._presented() != before:
                break
        return moved

    def _transfer(self, operation: int, address: int, data: memoryview, *, repeats: bool) -> int:
        return self._take(self._open.transfer(operation, self.spent, address, data, repeats))

    # Interrupts.

    def interrupt_request(self) -> int | None:
        """See `Target`."""
        if self._closed:
            _refuse()
        answer = self._answer
        return answer >> INPUT if self.attention and answer & INTERRUPT_WANTED else None

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        answer = self._send(_INT_ACK, self.spent, 0, 0xF, 1, 0)
        self.spent = 0
        if answer > _DWORD:
            return self._value(answer, _INT_ACK, 0) & 0xFF
        self.attention = False
        self.horizon = 1
        return answer & 0xFF

    # Time.

    def now(self) -> int:
        """See `Target`."""
        return self._open.clock + self.spent

    def spend(self, clocks: int) -> None:
        """See `Target`."""
        if self._closed:
            _refuse()
        if clocks < 0:
            check_clocks("the clocks to spend", clocks)
        self.spent += clocks

    def set_deadline(self, clock: int | None) -> None:
        """See `Target`."""
        channel = self._open
        deadline = self._deadline = NEVER if clock is None else check_clocks("a deadline", clock)
        channel.set_deadline(deadline)
        presented, number = self._presented()
        kept = presented & (Attention.INTERRUPT | Attention.STRAY)
        due = Attention.DEADLINE if channel.clock >= deadline else 0
        self._answer = pack_answer(0, 0, kept | due, number)
        self.attention = kept | due != 0
        self._set_horizon()

    def wait(self, limit: int | None = None) -> Wake | None:
        """See `Target`."""
        left = NEVER if limit is None else limit
        if left < 0:
            check_clocks("the limit of a wait", left)
        channel = self._open
        stop = NEVER if limit is None else channel.clock + self.spent + left
        while True:
            status = self._take(channel.wait(self.spent, left))
            if status:
                raise self._channel.failure(status, "a wait")
            if self.attention:
                if self._answer & INTERRUPT_WANTED:
                    return Wake.INTERRUPT
                if self._answer & DEADLINE_WANTED:
                    return Wake.DEADLINE
                return Wake.REMOVED if self._answer & REMOVED_WANTED else Wake.STRAY
            # The channel may return early, so that Ctrl-C need not wait for the machine.
            left = stop - channel.clock
            if left <= 0:
                return None

    # Timestamps.

    def mark(self, payload: int) -> None:
        """See `Target`."""
        if self._closed:
            _refuse()
        if not 0 <= payload <= _DWORD:
            check_dword("the payload of a mark", payload)
        if not self._channel.post_mark(self.spent, payload):
            self.wait(0)
            self._channel.post_mark(0, payload)
        self.spent = 0
        self._set_horizon()

    def take_event_records(self) -> Sequence[EventRecord]:
        """See `Target`."""
        return decode_records(self._open.take_records())

    def event_records_dropped(self) -> int:
        """See `Target`."""
        return self._open.records_dropped

    # Faults.

    def _check_faults(self) -> None:
        """Raise `NotSupported` if the machine leaves faults out, `TargetClosed` after `close`."""
        if self._closed:
            _refuse()
        if not self.description.savings.faults:
            raise NotSupported(
                "faults must be injected into a machine with the capability FAULT_INJECTION; machine"
                f" {self.description.name} lacks it, as savings.faults in {self.description.file} says: mark the test"
                ' with needs("FAULT_INJECTION"), or choose another machine'
            )

    def inject_bus_fault(self, fault: BusFault) -> None:
        """See `Target`."""
        self._check_faults()
        self._command(Op.ARM_FAULT, fault.address, 0xF, fault.status, fault.count)

    def hold_interrupt(self, clocks: int) -> None:
        """See `Target`."""
        datum = check_dword("the clocks to hold interrupts", clocks)
        self._check_faults()
        self._command(Op.HOLD_INTERRUPT, 0, 0xF, datum)

    # Life.

    def reset(self) -> None:
        """See `Target`."""
        channel = self._open
        channel.set_deadline(NEVER)
        self._deadline = NEVER
        status = self._take(channel.reset())
        if status:
            raise channel.failure(status, "a reset")

    def close(self) -> None:
        """See `Target`."""
        if not self._closed:
            self._closed = True
            self._send = _refuse_command
            self.attention = False
            self._channel.close()


def _refuse() -> Never:
    raise TargetClosed("a target must be open when it is used; this one had been closed: open another one")


def _refuse_command(
    _operation: int, _spent: int, _address: int, _byte_enables: int, _length: int, _datum: int, /
) -> Never:
    """Takes the place of the channel's command after `close`."""
    _refuse()


def _pieces(data: memoryview, capacity: int) -> Iterator[memoryview]:
    octets = data.cast("B")
    for start in range(0, octets.nbytes, capacity):
        yield octets[start : start + capacity]
