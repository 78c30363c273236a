# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract: all that the HAL needs of a machine.

A target is a machine that the host can reach: RTL compiled into this process, RTL in a simulator, or a board behind a
link. The code above sees only the types of this file. Where machines differ, it asks for a capability and never for a
name.

Time is counted in bus clocks since reset, by a counter in the hardware. On a simulated target no clock passes between
two calls unless the host asks for it with `Target.spend` or `Target.wait`.
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dirql.hardware.description import Function, MachineDescription
from dirql.ke.platform import Clock

__all__ = [
    "BusError",
    "BusFault",
    "BusStatus",
    "Capability",
    "EventBits",
    "EventRecord",
    "Grant",
    "LinkFloor",
    "LinkLost",
    "MachineRemoved",
    "MasterAbort",
    "MemoryFile",
    "NotSupported",
    "PadLevels",
    "ParityError",
    "StrayAccess",
    "Target",
    "TargetAbort",
    "TargetClosed",
    "TargetError",
    "TransactionTimeout",
    "Wake",
    "bus_error",
]


class Capability(enum.Enum):
    """Abilities that not every target has; a test names those that it needs."""

    DETERMINISTIC = "the same seed gives the same clocks, byte for byte"
    CYCLE_EXACT = "clock counts are those of the RTL"
    HOST_MEMORY = "bus masters reach the host's memory"
    FAULT_INJECTION = "bus errors and interrupt delays can be injected"
    TIMESTAMPS = "device events are recorded with their clocks"
    WAVES = "signals can be dumped to a file"
    CONFINEMENT = "bus masters can be confined to parts of the host's memory"
    PADS = "the pads of functions can be driven and read"
    PRECISE_WRITES = "the error of a write to memory space is raised by that write"


class BusStatus(enum.IntEnum):
    """The end of a transaction, as the host bridge reports it.

    The values are those of `registers.protocol.BusStatus`; tests/unit/target/test_contract.py compares the two.
    """

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
    """The machine no longer answers; whether the last operation was carried out is unknown."""


class NotSupported(TargetError):
    """The target cannot do that; `Target.capabilities` says so beforehand."""


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
    """The addressed device refused the access, and would refuse a repetition too."""

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


class MachineRemoved(LinkLost, BusError):
    """The machine is gone: the link to the board was lost. As on a PC, nobody claims an address of a removed device."""

    status = BusStatus.MASTER_ABORT
    meaning = "nothing: the machine was removed"

    def __init__(self, reason: str, operation: str, address: int) -> None:
        """`reason` is a sentence that says how the machine was lost."""
        BusError.__init__(self, operation, address)
        self.args = (f"{self.args[0]}: {reason}",)
        self.reason = reason


_BUS_ERRORS: dict[int, type[BusError]] = {
    error.status: error for error in (MasterAbort, TargetAbort, ParityError, TransactionTimeout)
}


def bus_error(status: int, operation: str, address: int, completed: int = 0) -> BusError:
    """The exception for a status other than OK. `completed` counts the dwords that moved before the error."""
    return _BUS_ERRORS[status](operation, address, completed)


class EventBits(enum.IntFlag):
    """The device events of one clock, as the timestamp unit records them; several may coincide.

    The bits are those of `registers.protocol.EventBit`; tests/unit/target/test_contract.py compares the two.
    """

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
    """Device events of one clock, of at most one function, from the hardware's timestamp unit.

    The events of one clock may take several records. None of them has both `EventBits.CAUSE` and `EventBits.CLEAR`.
    """

    clock: int
    """Bus clocks since reset."""
    bits: int
    """The device events of this clock, as `EventBits`."""
    function: int
    """Index of the function in the machine file to which the device events in `bits` belong."""
    vector: int
    """The vector that was fetched, or the input whose interrupt was ended."""
    mark: int
    """The payload of a host mark."""
    causes: int = 0
    """The causes that were set if `bits` has CAUSE, or cleared if it has CLEAR; bit 0 is the first of the function."""


class LinkFloor(NamedTuple):
    """The round trips of a link alone, in seconds, as measured when it was opened: no access can be faster."""

    shortest: float
    median: float


class MemoryFile(NamedTuple):
    """The file that holds a target's RAM, for a second mapping of it."""

    fd: int
    """A file descriptor. It belongs to the target, which closes it; a mapping that has been made stays valid."""
    offset: int
    """The offset of the first byte of RAM in the file, a multiple of the page size."""


class PadLevels(NamedTuple):
    """The pads of a function as seen from outside; bit n stands for pad n."""

    levels: int
    """The level that the function puts on each pad, if it drives that pad."""
    driven: int
    """The pads that the function drives."""


Grant = tuple[int, int, int]
"""A permission that `Target.grant` gave; the numbers mean something to its target only."""


class StrayAccess(NamedTuple):
    """An access of a bus master to host memory that no grant allowed, and that had no effect; see `Target.confine`."""

    clock: int
    address: int
    """The address of the dword, dword aligned."""
    byte_enables: int
    """High-true, bit 0 for byte lane 0."""
    is_write: bool
    accesses: int
    """The number of stray accesses since the last one was taken; the other members describe the first of them."""


class Wake(enum.IntEnum):
    """The reason for which `Target.wait` returned."""

    INTERRUPT = 1
    DEADLINE = 2
    STRAY = 3
    REMOVED = 4


@dataclass(frozen=True, slots=True)
class BusFault:
    """The next `count` host transactions to exactly `address` end with `status` and do not reach the device."""

    address: int
    status: BusStatus
    count: int = 1

    def __post_init__(self) -> None:
        """Raise `ValueError` for a fault that the machine cannot be armed with."""
        if self.status is BusStatus.OK or not 1 <= self.count <= 0xFFFF:
            raise ValueError(
                f"a bus fault must have a status other than OK and a count of 1 to 65535; it was {self}"
            )


class Target(Clock):
    """A machine that can be reached; it is the clock of the kernel that runs on it.

    Addresses are bus addresses; configuration addresses are bus 23:16, device 15:11, function 10:8, register 7:2.
    Values are unsigned 32-bit integers, byte lane 0 in bits 7:0. Byte enables are high-true, bit 0 for lane 0. Each
    transaction raises a `BusError` when it fails; without the capability PRECISE_WRITES, that of a single write to
    memory space is told by the next transaction that is no such write (`write_error`). Each operation raises
    `ValueError` for an argument that it cannot carry, `LinkLost` when the machine no longer answers, and `TargetClosed`
    after `close`.
    """

    name: str
    capabilities: frozenset[Capability]
    frequency: int
    """Bus clocks per second."""
    description: MachineDescription
    """The machine, as its file describes it: addresses, vectors, functions."""
    memory: memoryview
    """The host's RAM as writable bytes. Bus masters see the first byte at bus address 0."""
    memory_file: MemoryFile | None
    """The file that holds `memory`, `len(memory)` bytes of it; None where there is none, as on a board."""

    floor: LinkFloor | None = None
    """The round trips of the link to the machine; None for a machine without a link."""
    build: bytes = b""
    """The identity of the bitstream that a board has; empty for a machine without one."""
    write_error: Callable[[BusError], None] | None = None
    """Called with the error of a write that was not waited for; with None, the transaction that learns of it raises."""

    # Transactions.

    @abstractmethod
    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """Read one dword of memory space; `address` is dword aligned."""

    @abstractmethod
    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """Write one dword of memory space; `address` is dword aligned."""

    @abstractmethod
    def read_memory_burst(self, address: int, into: memoryview) -> None:
        """Read `len(into)` bytes, a multiple of 4, from consecutive dwords in bursts."""

    @abstractmethod
    def write_memory_burst(self, address: int, data: memoryview) -> None:
        """Write `len(data)` bytes, a multiple of 4, to consecutive dwords in bursts."""

    @abstractmethod
    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """Read from the dword of I/O space that holds `address`.

        The low two bits of `address` are the number of the lowest enabled byte.
        """

    @abstractmethod
    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """Write to the dword of I/O space that holds `address`; the low two bits are as for `read_io`."""

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
    def spend(self, clocks: int) -> None:
        """Let `clocks` pass before the next operation, for the time that host code takes.

        It checks the number and adds it to `spent`.
        """

    @abstractmethod
    def wait(self, limit: int | None = None) -> Wake | None:
        """Let the machine run until an interrupt is presented, the deadline is reached, or `limit` clocks have passed.

        A stray access ends the wait too. Returns the reason, None if it was the limit. With neither a deadline nor a
        limit the machine runs until an interrupt, and for ever if none comes.
        """

    # Timestamps.

    @abstractmethod
    def mark(self, payload: int) -> None:
        """Put a host mark (32 bits) among the event records; this takes one clock."""

    @abstractmethod
    def take_event_records(self) -> Sequence[EventRecord]:
        """The event records since the last call, oldest first."""

    @abstractmethod
    def event_records_dropped(self) -> int:
        """The number of event records since reset that were lost because nobody took them in time."""

    # Faults, for targets with FAULT_INJECTION; the others raise `NotSupported`.

    @abstractmethod
    def inject_bus_fault(self, fault: BusFault) -> None:
        """Arm a bus error; it replaces the one that is armed."""

    @abstractmethod
    def hold_interrupt(self, clocks: int) -> None:
        """Keep the controller from presenting an interrupt for the next `clocks` clocks."""

    # The host's memory, for targets with CONFINEMENT.

    def confine(self) -> None:
        """Let bus masters access only the parts of host memory that grants allow; without a call they reach all of it.

        Any other access is a stray access: a read gives all ones, a write has no effect. It makes `attention` true
        until `take_stray_access` is called. The grants hold for all masters together. A reset keeps grants.
        """
        raise _no_confinement(self.name)

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """Allow bus masters to read or write pieces of host memory.

        `bounds` has two numbers for each piece: the address of its first byte, and the address behind its last one.

        Grants may overlap; what any of them allows is allowed. A master may read whole dwords of which a piece has a
        byte. Raises `NotSupported` without the capability CONFINEMENT.
        """
        raise _no_confinement(self.name)

    def revoke(self, grant: Grant) -> None:
        """Take a grant back; to be called once for each grant."""
        raise _no_confinement(self.name)

    def take_stray_access(self) -> StrayAccess | None:
        """The first stray access since the last call, None if there was none."""
        raise _no_confinement(self.name)

    def settle_memory(self) -> Sequence[tuple[int, int]] | None:
        """Let what bus masters have written be in `memory`; from the first call on it comes there in no other way.

        Returns the start and the end of each part that was written. None stands for a machine whose bus masters write
        only during the other operations of the target, which needs no call.
        """
        return None

    # Removal, for machines that can be unplugged.

    @property
    def removed(self) -> str | None:
        """The sentence that says how the machine was lost; None while it is there, and on targets that cannot lose it.

        After it was lost, each transaction raises `MachineRemoved`, marks are dropped, and the clock goes on as that
        of the host, so that what waits for a time comes to an end.
        """
        return None

    def take_removal(self) -> str | None:
        """Do as `removed`, and let the removal ask for attention no longer."""
        return None

    # Pads, for targets with PADS.

    def drive_pads(self, function: Function, levels: int) -> None:
        """Set the levels of a function's pads from outside; bit n is the level of pad n.

        They stay until the next call or a reset, after which they are low. The call itself takes no clock. Raises
        `ValueError` for a function of another machine or without pads, `NotSupported` without the capability PADS.
        """
        raise _no_pads(self.name, function)

    def read_pads(self, function: Function) -> PadLevels:
        """The levels that a function puts on its pads now; takes no clock, and raises as `drive_pads` does."""
        raise _no_pads(self.name, function)

    # Life.

    @abstractmethod
    def reset(self) -> None:
        """Reset the machine: clock 0, no deadline, no faults, no event records, pads low; the memory is kept."""

    @abstractmethod
    def close(self) -> None:
        """Release the machine; a second call does nothing."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """Sentences about files of the target that could not be written to their end; complete after `close`."""
        return ()


def _no_confinement(target: str) -> NotSupported:
    return NotSupported(
        f"bus masters must be confined on a target with the capability CONFINEMENT; target {target} lacks it: ask"
        " `capabilities` first"
    )


def _no_pads(target: str, function: Function) -> NotSupported:
    return NotSupported(
        f"the pads of {function} must be reached on a target with the capability PADS; target {target} lacks it: mark"
        ' the test with needs("PADS"), or choose another target'
    )
