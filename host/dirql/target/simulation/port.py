# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A target whose machine is reached through an exchange: what the verilated and the cocotb target have in common.

Each request is written into the exchange and carried out by sim/port/port.h. Marks and spent clocks wait there for the
next request, so that they cost no switch of their own; they run before it, at the very clocks that they would have
had. Until then they change neither `attention` nor what `take_event_records` returns.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Sequence
from typing import Never

from dirql.registers.machine import Op
from dirql.target.access import check_access, check_burst, check_clocks, check_dword
from dirql.target.contract import (
    BusFault,
    BusStatus,
    EventRecord,
    LinkLost,
    Target,
    TargetClosed,
    TargetError,
    Wake,
    bus_error,
)
from dirql.target.simulation.exchange import NEVER, Constants, Exchange, SharedMemory

__all__ = ["FREQUENCY", "MachineStopped", "PortTarget"]

FREQUENCY = 33_333_333
"""Bus clocks a second: conventional PCI's 30 ns."""

_RECORD = struct.Struct("<QIBBH")
_SLICE = 1 << 18
"""Clocks of a wait between two looks at Python's signals: Ctrl-C must not wait for the machine."""

_NAMES = {
    Op.MEM_READ: "memory read",
    Op.MEM_WRITE: "memory write",
    Op.IO_READ: "I/O read",
    Op.IO_WRITE: "I/O write",
    Op.CFG_READ: "configuration read",
    Op.CFG_WRITE: "configuration write",
    Op.INT_ACK: "interrupt acknowledge",
    Op.ARM_FAULT: "arming of a bus fault",
    Op.HOLD_INTERRUPT: "hold of interrupts",
}


class MachineStopped(TargetError):
    """The RTL stopped itself: an assertion failed, or it called $stop or $finish."""


def _refuse() -> Never:
    raise TargetClosed("the target was used after it had been closed; open another one")


class _ClosedExchange:
    """Stands where the exchange was: whatever is asked of it, the target is closed."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        _refuse()

    def __setattr__(self, name: str, value: object) -> Never:
        _refuse()


class _ClosedClocks(int):
    """Stands where the spent clocks were, so that `spend` needs no question of its own."""

    def __add__(self, clocks: int) -> Never:
        _refuse()


class PortTarget(Target):
    """Target over an exchange; a subclass says how a request is run."""

    __slots__ = ("_constants", "_data", "_events", "_exchange", "_posted", "attention", "memory", "spent")

    frequency = FREQUENCY

    _exchange: Exchange | _ClosedExchange

    def __init__(self, shared: SharedMemory, constants: Constants) -> None:
        """Take the exchange as it is; the subclass then calls `reset`."""
        self._constants = constants
        self._exchange = shared.struct
        self._posted = shared.posted
        self._data = shared.data
        self._events = shared.events
        self.spent = 0
        self.memory = shared.memory
        self.attention = False

    @abstractmethod
    def _run(self) -> None:
        """Carry out the request in the exchange."""

    def _complaint(self) -> str:
        return "it gave no reason"

    # Requests.

    def _request(
        self,
        kind: int,
        operation: int = 0,
        address: int = 0,
        byte_enables: int = 0,
        length: int = 1,
        datum: int = 0,
    ) -> int:
        """Fill in a request, have it run, and return its status."""
        exchange = self._exchange
        exchange.kind = kind
        exchange.operation = operation
        exchange.address = address
        exchange.byte_enables = byte_enables
        exchange.length = length
        exchange.datum = datum
        exchange.spent = self.spent
        exchange.pending = 1
        self.spent = 0
        self._run()
        self.attention = exchange.attention != 0
        return exchange.status

    def _command(self, operation: Op, address: int, byte_enables: int = 0xF, datum: int = 0) -> int:
        """One command that is no burst; returns what it read."""
        check_access(operation, address, byte_enables, datum)
        status = self._request(self._constants.DIRQL_TRANSFER, operation, address, byte_enables, 1, datum)
        if status:
            self._fail(status, operation, address)
        return self._exchange.value

    def _fail(self, status: int, operation: Op, address: int, completed: int = 0) -> Never:
        """Raise what a status other than OK means."""
        constants = self._constants
        if status == constants.DIRQL_CLOSED:
            _refuse()
        if status == constants.DIRQL_UNANSWERED:
            raise LinkLost(
                f"{_NAMES[operation]} at {address:#010x}: the machine did not answer within {constants.DIRQL_PATIENCE}"
                " clocks; its command port is stuck, dump waves and look at cmd_ready_o and rsp_valid_o"
            )
        if status == constants.DIRQL_STOPPED:
            raise MachineStopped(
                f"the machine stopped itself during {_NAMES[operation]}: {self._complaint()}"
            )
        raise bus_error(status, _NAMES[operation], address, completed)

    # Transactions.

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._command(Op.MEM_READ, address, byte_enables)

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._command(Op.MEM_WRITE, address, byte_enables, value)

    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._command(Op.IO_READ, address, byte_enables)

    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._command(Op.IO_WRITE, address, byte_enables, value)

    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._command(Op.CFG_READ, address, byte_enables)

    def write_configuration(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._command(Op.CFG_WRITE, address, byte_enables, value)

    def read_memory_burst(self, address: int, into: memoryview) -> None:
        """See `Target`; longer ones than the exchange holds are cut into several bursts.

        The bridge does not tell how far a burst came that failed: `completed` of the error counts those before it.
        """
        check_burst(Op.MEM_READ, address, into.nbytes)
        into = into.cast("B")
        for start, stop in self._pieces(into.nbytes):
            status = self._transfer(Op.MEM_READ, address + start, (stop - start) // 4)
            into[start:stop] = self._data[: stop - start]
            if status:
                self._fail(status, Op.MEM_READ, address, start // 4)

    def write_memory_burst(self, address: int, data: memoryview) -> None:
        """See `Target`; longer ones than the exchange holds are cut into several bursts."""
        check_burst(Op.MEM_WRITE, address, data.nbytes)
        data = data.cast("B")
        for start, stop in self._pieces(data.nbytes):
            self._data[: stop - start] = data[start:stop]
            status = self._transfer(Op.MEM_WRITE, address + start, (stop - start) // 4)
            if status:
                self._fail(status, Op.MEM_WRITE, address, start // 4)

    def read_io_string(self, address: int, into: memoryview) -> int:
        """See `Target`; one call moves at most what the exchange holds."""
        moved, status = self._string(Op.IO_READ, address, min(into.nbytes, self._data.nbytes), into.nbytes)
        into.cast("B")[: 4 * moved] = self._data[: 4 * moved]
        if status:
            self._fail(status, Op.IO_READ, address, moved)
        return moved

    def write_io_string(self, address: int, data: memoryview) -> int:
        """See `Target`; one call moves at most what the exchange holds."""
        size = min(data.nbytes, self._data.nbytes)
        self._data[:size] = data.cast("B")[:size]
        moved, status = self._string(Op.IO_WRITE, address, size, data.nbytes)
        if status:
            self._fail(status, Op.IO_WRITE, address, moved)
        return moved

    def _pieces(self, size: int) -> Sequence[tuple[int, int]]:
        step = self._data.nbytes
        return [(start, min(start + step, size)) for start in range(0, size, step)]

    def _transfer(self, operation: Op, address: int, dwords: int) -> int:
        datum = int.from_bytes(self._data[:4], "little")  # a burst of one dword is a single write
        return self._request(self._constants.DIRQL_TRANSFER, operation, address, 0xF, dwords, datum)

    def _string(self, operation: Op, address: int, size: int, asked: int) -> tuple[int, int]:
        """Dwords moved and the status of a string operation."""
        check_burst(operation, address, asked)
        if not size:
            return 0, 0
        status = self._request(self._constants.DIRQL_STRING, operation, address, 0xF, size // 4)
        return self._exchange.completed, status

    # Interrupts.

    def interrupt_request(self) -> int | None:
        """See `Target`."""
        exchange = self._exchange
        return exchange.input if exchange.attention & self._constants.DIRQL_INTERRUPT else None

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        return self._command(Op.INT_ACK, 0) & 0xFF

    # Time.

    def now(self) -> int:
        """See `Target`."""
        return self._exchange.clock + self.spent

    def spend(self, clocks: int) -> None:
        """See `Target`."""
        if clocks < 0:
            check_clocks("the clocks to spend", clocks)
        self.spent += clocks

    def set_deadline(self, clock: int | None) -> None:
        """See `Target`."""
        exchange = self._exchange
        exchange.deadline = deadline = NEVER if clock is None else check_clocks("a deadline", clock)
        interrupt = exchange.attention & self._constants.DIRQL_INTERRUPT
        exchange.attention = interrupt | (self._constants.DIRQL_DEADLINE if exchange.clock >= deadline else 0)
        self.attention = exchange.attention != 0

    def wait(self, limit: int | None = None) -> Wake | None:
        """See `Target`."""
        left = NEVER if limit is None else check_clocks("the limit of a wait", limit)
        while True:
            step = min(left, _SLICE)
            attention = self._wait(step)
            if attention:
                return Wake.INTERRUPT if attention & self._constants.DIRQL_INTERRUPT else Wake.DEADLINE
            left -= step
            if not left:
                return None

    def _wait(self, clocks: int) -> int:
        """Wait for at most so many clocks; returns what asks for attention."""
        self._exchange.limit = clocks
        status = self._request(self._constants.DIRQL_WAIT)
        if status:
            self._stopped(status)
        return self._exchange.attention

    def _stopped(self, status: int) -> Never:
        """Raise what the status of a wait means."""
        if status == self._constants.DIRQL_CLOSED:
            _refuse()
        raise MachineStopped(f"the machine stopped itself during a wait: {self._complaint()}")

    # Timestamps.

    def mark(self, payload: int) -> None:
        """See `Target`."""
        exchange = self._exchange
        count = exchange.posted_count
        if count == self._constants.DIRQL_POSTED_SLOTS:
            count = 0
            self._wait(0)
        posted = self._posted
        posted[2 * count] = self.spent
        posted[2 * count + 1] = check_dword("the payload of a mark", payload)
        exchange.posted_count = count + 1
        exchange.clock += self.spent + 1
        self.spent = 0

    def take_event_records(self) -> Sequence[EventRecord]:
        """See `Target`."""
        exchange = self._exchange
        records = self._events[: _RECORD.size * exchange.event_count]
        exchange.event_count = 0
        return [
            EventRecord(clock, bits, function, vector, mark)
            for clock, mark, vector, function, bits in _RECORD.iter_unpack(records)
        ]

    def event_records_dropped(self) -> int:
        """See `Target`."""
        return self._exchange.events_dropped

    # Faults.

    def inject_bus_fault(self, fault: BusFault) -> None:
        """See `Target`."""
        if fault.status is BusStatus.OK or not 1 <= fault.count <= 0xFFFF:
            raise ValueError(
                f"a bus fault must have a status other than OK and a count of 1 to 65535, and is {fault}"
            )
        status = self._request(
            self._constants.DIRQL_TRANSFER, Op.ARM_FAULT, fault.address, 0xF, fault.count, fault.status
        )
        if status:
            self._fail(status, Op.ARM_FAULT, fault.address)

    def hold_interrupt(self, clocks: int) -> None:
        """See `Target`."""
        self._command(Op.HOLD_INTERRUPT, 0, 0xF, check_dword("the clocks to hold interrupts", clocks))

    # Life.

    def reset(self) -> None:
        """See `Target`."""
        self._exchange.deadline = NEVER
        self.spent = 0
        status = self._request(self._constants.DIRQL_RESET)
        if status:
            raise MachineStopped(f"the machine stopped itself during reset: {self._complaint()}")

    def _close(self) -> None:
        """Let every further use raise `TargetClosed`."""
        self._exchange = _ClosedExchange()
        self.spent = _ClosedClocks()
        self.attention = False
