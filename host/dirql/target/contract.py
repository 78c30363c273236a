# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract: all that the HAL needs of the world below it, and no more.

A target is a machine that one can reach: RTL compiled into this process, RTL in a simulator, later a board behind a
link. Everything above sees only the types of this file and asks for capabilities, never for a name.

Time is counted in bus clocks since reset, by the hardware's own counter. On a simulated target no clock passes between
two calls unless the host asks for it with `Target.spend` or `Target.wait`.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "BusError",
    "BusFault",
    "BusStatus",
    "Capability",
    "EventBits",
    "EventRecord",
    "LinkLost",
    "MasterAbort",
    "ParityError",
    "Target",
    "TargetAbort",
    "TargetClosed",
    "TargetError",
    "TransactionTimeout",
    "Wake",
    "bus_error",
]


class Capability(enum.Enum):
    """What a target can do beyond moving data; tests name the ones that they need."""

    DETERMINISTIC = "the same seed gives the same clocks, byte for byte"
    CYCLE_EXACT = "clock counts are those of the RTL"
    HOST_MEMORY = "bus masters reach the host's memory"
    FAULT_INJECTION = "bus errors and interrupt delays can be asked for"
    TIMESTAMPS = "hardware events arrive as a stream"
    WAVES = "signals can be dumped to a file"


class BusStatus(enum.IntEnum):
    """How a transaction ended, as the host bridge reports it."""

    OK = 0
    MASTER_ABORT = 1
    TARGET_ABORT = 2
    PARITY = 3
    TIMEOUT = 4


class TargetError(Exception):
    """Base of everything that a target raises."""


class TargetClosed(TargetError):
    """The target was used after `close`."""


class LinkLost(TargetError):
    """The far side no longer answers; nothing is known of the last request."""


class BusError(TargetError):
    """A transaction ended without moving its data."""

    status: BusStatus
    meaning: str

    def __init__(self, operation: str, address: int, completed: int = 0) -> None:
        """`completed` counts the dwords of a burst that moved before the error."""
        super().__init__(f"{operation} at {address:#010x} ended with {self.meaning}")
        self.operation = operation
        self.address = address
        self.completed = completed


class MasterAbort(BusError):
    """No device claimed the address."""

    status = BusStatus.MASTER_ABORT
    meaning = "a master abort: no device claimed the address"


class TargetAbort(BusError):
    """The addressed device refused for good."""

    status = BusStatus.TARGET_ABORT
    meaning = "a target abort: the device refused the access"


class ParityError(BusError):
    """Data arrived with wrong parity."""

    status = BusStatus.PARITY
    meaning = "a data parity error"


class TransactionTimeout(BusError):
    """The device kept asking for a retry beyond the bridge's limit."""

    status = BusStatus.TIMEOUT
    meaning = "a time-out: the device kept asking for a retry"


_BUS_ERRORS: dict[int, type[BusError]] = {
    error.status: error for error in (MasterAbort, TargetAbort, ParityError, TransactionTimeout)
}


def bus_error(status: int, operation: str, address: int, completed: int = 0) -> BusError:
    """The exception for a status other than OK."""
    return _BUS_ERRORS[status](operation, address, completed)


class EventBits(enum.IntFlag):
    """What happened on one clock, as the timestamp unit records it; several may coincide."""

    CAUSE = 1 << 0
    ASSERT = 1 << 1
    VECTOR_FETCH = 1 << 2
    FIRST_REGISTER_READ = 1 << 3
    CLEAR = 1 << 4
    DEASSERT = 1 << 5
    EOI = 1 << 6
    MARK = 1 << 7
    DMA_DRAINED = 1 << 8
    SPURIOUS_FETCH = 1 << 9


class EventRecord(NamedTuple):
    """One hardware timestamp record."""

    clock: int
    bits: int
    function: int
    vector: int
    mark: int


class Wake(enum.IntEnum):
    """Why `Target.wait` returned."""

    INTERRUPT = 1
    DEADLINE = 2


@dataclass(frozen=True, slots=True)
class BusFault:
    """The next `count` host transactions to exactly `address` end with `status` and do not reach the device."""

    address: int
    status: BusStatus
    count: int = 1


class Target(ABC):
    """A machine that can be reached.

    Addresses are bus addresses; configuration addresses are bus 23:16, device 15:11, function 10:8, register 7:2.
    Values are unsigned 32-bit integers, byte lane 0 in bits 7:0. Byte enables are high-true, bit 0 for lane 0. Each
    transaction raises a `BusError` when it does not end well, `LinkLost` when the far side is gone and `TargetClosed`
    after `close`.

    `attention` is true when, after the last operation, an interrupt is presented or the deadline has been reached.
    The kernel looks at it after each access; it is an attribute because that look must cost nothing.
    """

    name: str
    capabilities: frozenset[Capability]
    frequency: int
    """Bus clocks a second."""
    memory: memoryview
    """The host's RAM, writable bytes; bus masters see it from bus address 0."""
    attention: bool
    spent: int
    """Clocks that host code has taken and that pass before the next operation; `spend` adds to it, and so does the
    kernel at each of its calls, where a call of `spend` would cost more than it charges."""

    # Transactions.

    @abstractmethod
    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """Read one dword of memory space; `address` is dword aligned."""

    @abstractmethod
    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """Write one dword of memory space."""

    @abstractmethod
    def read_memory_burst(self, address: int, into: memoryview) -> None:
        """Read `len(into)` bytes, a multiple of 4, from consecutive dwords in bursts."""

    @abstractmethod
    def write_memory_burst(self, address: int, data: memoryview) -> None:
        """Write `len(data)` bytes, a multiple of 4, to consecutive dwords in bursts."""

    @abstractmethod
    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """Read from the dword of I/O space that holds `address`, whose low bits name the lowest enabled byte."""

    @abstractmethod
    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """Write to I/O space."""

    @abstractmethod
    def read_io_string(self, address: int, into: memoryview) -> int:
        """Read the same I/O dword once for each 4 bytes of `into`.

        Returns the dwords moved: fewer than asked for if `attention` rose on the way; call again for the rest.
        """

    @abstractmethod
    def write_io_string(self, address: int, data: memoryview) -> int:
        """Write each 4 bytes of `data` to the same I/O dword; returns as `read_io_string` does."""

    @abstractmethod
    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        """Read one configuration dword."""

    @abstractmethod
    def write_configuration(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """Write one configuration dword."""

    # Interrupts.

    @abstractmethod
    def interrupt_request(self) -> int | None:
        """The input number that the interrupt controller presents now, or None. Costs no clocks."""

    @abstractmethod
    def interrupt_acknowledge(self) -> int:
        """Fetch the vector with an Interrupt Acknowledge transaction."""

    # Time.

    @abstractmethod
    def now(self) -> int:
        """Bus clocks since reset, those spent but not yet run included."""

    @abstractmethod
    def spend(self, clocks: int) -> None:
        """Let `clocks` pass before the next operation, as the time that host code takes."""

    @abstractmethod
    def set_deadline(self, clock: int | None) -> None:
        """From `clock` on, `attention` is true and `wait` returns; None for no deadline."""

    @abstractmethod
    def wait(self, limit: int | None = None) -> Wake | None:
        """Let the machine run until an interrupt is presented, the deadline is reached, or `limit` clocks have passed.

        Returns why; None for the limit. With neither a deadline nor a limit it runs until an interrupt, for ever if
        none comes.
        """

    # Timestamps.

    @abstractmethod
    def mark(self, payload: int) -> None:
        """Put a host mark (32 bits) into the timestamp stream; it costs one clock."""

    @abstractmethod
    def take_event_records(self) -> Sequence[EventRecord]:
        """The records since the last call, oldest first."""

    @abstractmethod
    def event_records_dropped(self) -> int:
        """Records lost since reset because nobody took them in time."""

    # Faults, for targets with FAULT_INJECTION.

    @abstractmethod
    def inject_bus_fault(self, fault: BusFault) -> None:
        """Arm a bus error; a second call replaces the first."""

    @abstractmethod
    def hold_interrupt(self, clocks: int) -> None:
        """Keep the controller from presenting any interrupt for the next `clocks` clocks."""

    # Life.

    @abstractmethod
    def reset(self) -> None:
        """Reset the machine: as after power-on, clock 0, memory contents kept, faults and events gone."""

    @abstractmethod
    def close(self) -> None:
        """Release the machine; a second call does nothing."""
