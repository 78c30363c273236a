# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A target made of Python functions, for unit tests of the code above a target.

A test maps devices, which answer reads and writes, and calls actions at chosen clocks:

    target = ScriptedTarget()
    target.map(Space.MEMORY, MEMORY, 4096, Ram(4096))
    target.at(100, lambda: target.interrupts.raise_edge(4))

The interrupt controller is at the machine's address. An access takes `ACCESS_CLOCKS` clocks, and each further dword of
a burst one more. Runs are deterministic, but the clocks are not those of the RTL.
"""

from __future__ import annotations

import enum
import heapq
import itertools
import mmap
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Never, Protocol

from dirql.ke.platform import FAR_HORIZON
from dirql.registers.protocol import Op, Vector
from dirql.target.access import check_access, check_burst, check_clocks, check_dword
from dirql.target.channel.operations import OPERATION_NAMES
from dirql.target.contract import (
    BusFault,
    Capability,
    EventBits,
    EventRecord,
    Grant,
    LinkLost,
    MasterAbort,
    MemoryFile,
    StrayAccess,
    Target,
    TargetClosed,
    Wake,
    bus_error,
)
from fakes.default_machine import CONTROLLER, DOORBELL, MACHINE
from fakes.scripted_interrupts import ScriptedInterrupts

__all__ = ["ACCESS_CLOCKS", "Device", "Ram", "ScriptedTarget", "Space"]

ACCESS_CLOCKS = 8
"""The bus clocks of one access."""


class Space(enum.Enum):
    """The address space of an access."""

    MEMORY = enum.auto()
    IO = enum.auto()
    CONFIGURATION = enum.auto()


_SPACES = {
    Op.MEM_READ: Space.MEMORY,
    Op.MEM_WRITE: Space.MEMORY,
    Op.IO_READ: Space.IO,
    Op.IO_WRITE: Space.IO,
    Op.CFG_READ: Space.CONFIGURATION,
    Op.CFG_WRITE: Space.CONFIGURATION,
}


class Device(Protocol):
    """A device that answers in a region; offsets count from the base of the region and are dword aligned."""

    def read(self, offset: int, byte_enables: int) -> int:
        """The dword at `offset`."""

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        """Change the enabled bytes of the dword at `offset`."""


class Ram:
    """A device that keeps the data written to it."""

    def __init__(self, size: int) -> None:
        """Make a RAM of `size` zeros."""
        self.dwords = [0] * (size // 4)

    def read(self, offset: int, byte_enables: int) -> int:
        """See `Device`."""
        return self.dwords[offset // 4]

    def write(self, offset: int, value: int, byte_enables: int) -> None:
        """See `Device`."""
        mask = sum(0xFF << 8 * lane for lane in range(4) if byte_enables >> lane & 1)
        old = self.dwords[offset // 4]
        self.dwords[offset // 4] = old & ~mask | value & mask


@dataclass(frozen=True, slots=True)
class _Region:
    base: int
    size: int
    device: Device


class ScriptedTarget(Target):
    """A target with a machine made of the devices that a test maps into it."""

    name = "scripted"
    capabilities = frozenset(
        {
            Capability.DETERMINISTIC,
            Capability.HOST_MEMORY,
            Capability.FAULT_INJECTION,
            Capability.TIMESTAMPS,
            Capability.CONFINEMENT,
            Capability.PRECISE_WRITES,
        }
    )
    description = MACHINE
    frequency = MACHINE.frequency

    def __init__(self) -> None:
        """Open a machine that has an interrupt controller and no devices."""
        self._file = os.memfd_create("scripted-memory")
        os.ftruncate(self._file, MACHINE.host_memory.size)
        self.memory = memoryview(mmap.mmap(self._file, MACHINE.host_memory.size))
        self.memory_file = MemoryFile(self._file, 0)
        self._regions: dict[Space, list[_Region]] = {space: [] for space in Space}
        self._closed = False
        self._is_confined = False
        self._grants: dict[Grant, tuple[Sequence[int], bool, bool]] = {}
        self._order = itertools.count()
        self._start()

    def _start(self) -> None:
        """Put everything into the state after power-on."""
        self._clock = 0
        self.spent = 0
        self._deadline: int | None = None
        self._hold_until = 0
        self._fault: BusFault | None = None
        self._events: list[EventRecord] = []
        self._strays: list[StrayAccess] = []
        self._actions: list[tuple[int, int, Callable[[], None]]] = []
        self.interrupts = ScriptedInterrupts(lambda number: self.record(EventBits.EOI, vector=number))
        self.attention = False
        self._look_ahead()

    # The script.

    def map(self, space: Space, base: int, size: int, device: Device) -> None:
        """Let `device` answer for `size` bytes from `base` on; the latest mapping of an address counts."""
        self._regions[space].insert(0, _Region(base, size, device))

    def at(self, clock: int, action: Callable[[], None]) -> None:
        """Call `action` when the clock reaches `clock`; actions of one clock run in the order of these calls."""
        heapq.heappush(self._actions, (clock, next(self._order), action))
        self._look_ahead()

    def record(self, bits: int, *, function: int = 0, vector: int = 0, mark: int = 0) -> None:
        """Put a record into the timestamp stream."""
        self._events.append(EventRecord(self._clock, bits, function, vector, mark))

    # Host memory, as bus masters reach it.

    def read_as_master(self, address: int, length: int) -> bytes:
        """Read bytes of host memory as a bus master does."""
        return b"".join(
            bytes(self.memory[at : at + 1]) if self._allows(at, is_write=False) else b"\xff"
            for at in range(address, address + length)
        )

    def write_as_master(self, address: int, data: bytes) -> None:
        """Write bytes of host memory as a bus master does."""
        for at, value in enumerate(data, address):
            if self._allows(at, is_write=True):
                self.memory[at] = value

    def _allows(self, at: int, *, is_write: bool) -> bool:
        """Whether a bus master may access a byte; an access that it may not make is kept."""
        allowed = not self._is_confined or any(
            (writes and start <= at < end) if is_write else (reads and start & ~3 <= at < end + 3 & ~3)
            for bounds, reads, writes in self._grants.values()
            for start, end in zip(bounds[::2], bounds[1::2], strict=True)
        )
        if not allowed:
            self._strays.append(StrayAccess(self._clock, at & ~3, 1 << (at & 3), is_write, 1))
            self._look()
        return allowed

    def confine(self) -> None:
        """See `Target`."""
        self._check_open()
        self._is_confined = True

    def grant(self, bounds: Sequence[int], *, reads: bool, writes: bool) -> Grant:
        """See `Target`."""
        self._check_open()
        made = (next(self._order), 0, 0)
        self._grants[made] = (bounds, reads, writes)
        return made

    def revoke(self, grant: Grant) -> None:
        """See `Target`."""
        self._check_open()
        del self._grants[grant]

    def take_stray_access(self) -> StrayAccess | None:
        """See `Target`."""
        self._check_open()
        strays, self._strays = self._strays, []
        self._look()
        return strays[0]._replace(accesses=len(strays)) if strays else None

    # Time.

    def _pass(self, clocks: int) -> None:
        """Let clocks pass, and call the actions that are due on them."""
        end = self._clock + clocks
        while self._actions and self._actions[0][0] <= end:
            due, _, action = heapq.heappop(self._actions)
            self._clock = max(self._clock, due)
            action()
        self._clock = end

    def _begin(self) -> None:
        if self._closed:
            raise TargetClosed(
                "a target must be open when it is used; this one had been closed: open another one"
            )
        spent, self.spent = self.spent, 0
        self._pass(spent)

    def _look(self) -> None:
        self.attention = self._presented() is not None or self._is_due() or bool(self._strays)
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Set `horizon` to the clocks that are left until something may happen."""
        actions = (self._actions[0][0],) if self._actions else ()
        held = () if self._hold_until <= self._clock else (self._hold_until,)
        due = () if self._deadline is None else (self._deadline,)
        ahead = min((*actions, *held, *due, self._clock + FAR_HORIZON)) - self._clock
        self.horizon = 0 if self.attention else max(1, ahead)

    def _is_due(self) -> bool:
        return self._deadline is not None and self._clock >= self._deadline

    def _presented(self) -> int | None:
        return None if self._clock < self._hold_until else self.interrupts.presented()

    def now(self) -> int:
        """See `Target`."""
        self._check_open()
        return self._clock + self.spent

    def spend(self, clocks: int) -> None:
        """See `Target`."""
        self._check_open()
        self.spent += check_clocks("the clocks to spend", clocks)

    def set_deadline(self, clock: int | None) -> None:
        """See `Target`."""
        self._check_open()
        self._deadline = None if clock is None else check_clocks("a deadline", clock)
        self._look()

    def wait(self, limit: int | None = None) -> Wake | None:
        """See `Target`; with nothing that could end it, it raises `LinkLost` instead of running for ever."""
        end = None if limit is None else self.now() + check_clocks("the limit of a wait", limit)
        self._begin()
        while True:
            self._look()
            if self.attention:
                if self._presented() is not None:
                    return Wake.INTERRUPT
                return Wake.DEADLINE if self._is_due() else Wake.STRAY
            if end is not None and self._clock >= end:
                return None
            self._pass(self._next_clock(end) - self._clock)

    def _next_clock(self, end: int | None) -> int:
        """The next clock on which something can change."""
        held = self._hold_until if self._hold_until > self._clock else None
        due = max(self._actions[0][0], self._clock + 1) if self._actions else None
        clocks = [clock for clock in (end, held, due, self._deadline) if clock is not None]
        if not clocks:
            raise LinkLost(
                "a wait without limit and deadline can only be ended by an interrupt, and none is scripted"
            )
        return min(clocks)

    # Transactions.

    def _access(self, operation: Op, address: int, byte_enables: int, value: int = 0) -> int:
        """Make one single transaction."""
        check_access(address, byte_enables, value, is_io=_SPACES[operation] is Space.IO)
        self._begin()
        try:
            return self._move(operation, address & ~3, byte_enables, value)
        finally:
            self._pass(ACCESS_CLOCKS)
            self._look()

    def _move(self, operation: Op, address: int, byte_enables: int, value: int) -> int:
        fault = self._fault
        if fault is not None and fault.address == address:
            self._fault = None if fault.count == 1 else BusFault(address, fault.status, fault.count - 1)
            raise bus_error(fault.status, OPERATION_NAMES[operation], address)
        device, offset = self._decode(operation, address)
        if operation in (Op.MEM_READ, Op.IO_READ, Op.CFG_READ):
            return device.read(offset, byte_enables)
        device.write(offset, value, byte_enables)
        return 0

    def _decode(self, operation: Op, address: int) -> tuple[Device, int]:
        for region in self._regions[_SPACES[operation]]:
            if region.base <= address < region.base + region.size:
                return region.device, address - region.base
        if operation in (Op.MEM_READ, Op.MEM_WRITE):
            if address & ~0xFFF == CONTROLLER:
                return self.interrupts, address & 0xFFF
            if address & ~0xFFF == DOORBELL:
                return self.interrupts.doorbell, 0
        raise MasterAbort(OPERATION_NAMES[operation], address)

    def read_memory(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._access(Op.MEM_READ, address, byte_enables)

    def write_memory(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._access(Op.MEM_WRITE, address, byte_enables, value)

    def read_io(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._access(Op.IO_READ, address, byte_enables)

    def write_io(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._access(Op.IO_WRITE, address, byte_enables, value)

    def read_configuration(self, address: int, byte_enables: int = 0xF) -> int:
        """See `Target`."""
        return self._access(Op.CFG_READ, address, byte_enables)

    def write_configuration(self, address: int, value: int, byte_enables: int = 0xF) -> None:
        """See `Target`."""
        self._access(Op.CFG_WRITE, address, byte_enables, value)

    def read_memory_burst(self, address: int, into: memoryview) -> None:
        """See `Target`."""
        check_burst(address, into.nbytes)
        into = into.cast("B")
        self._burst(Op.MEM_READ, address, into, lambda at, value: _put(into, at, value))

    def write_memory_burst(self, address: int, data: memoryview) -> None:
        """See `Target`."""
        check_burst(address, data.nbytes)
        self._burst(Op.MEM_WRITE, address, data.cast("B"), lambda _at, _value: None)

    def _burst(
        self, operation: Op, address: int, data: memoryview, moved: Callable[[int, int], None]
    ) -> None:
        self._begin()
        try:
            for at in range(0, data.nbytes, 4):
                value = int.from_bytes(data[at : at + 4], "little")
                moved(at, self._move(operation, address + at, 0xF, value))
        finally:
            self._pass(ACCESS_CLOCKS - 1 + data.nbytes // 4)
            self._look()

    def read_io_string(self, address: int, into: memoryview) -> int:
        """See `Target`."""
        into = into.cast("B")
        return self._string(address, into, lambda at: _put(into, at, self.read_io(address)))

    def write_io_string(self, address: int, data: memoryview) -> int:
        """See `Target`."""
        data = data.cast("B")

        def move(at: int) -> None:
            self.write_io(address, int.from_bytes(data[at : at + 4], "little"))

        return self._string(address, data, move)

    def _string(self, address: int, data: memoryview, move: Callable[[int], None]) -> int:
        check_burst(address, data.nbytes, is_io=True)
        self._check_open()
        before = self._signature()
        for at in range(0, data.nbytes, 4):
            move(at)
            if self.attention and self._signature() != before:
                return at // 4 + 1
        return data.nbytes // 4

    def _signature(self) -> tuple[int | None, bool]:
        return self._presented(), self._is_due()

    # Interrupts.

    def interrupt_request(self) -> int | None:
        """See `Target`."""
        self._check_open()
        return self._presented()

    def interrupt_acknowledge(self) -> int:
        """See `Target`."""
        self._begin()
        vector = self.interrupts.claim()
        spurious = EventBits.SPURIOUS_FETCH if vector == Vector.SPURIOUS else 0
        self.record(EventBits.VECTOR_FETCH | spurious, vector=vector)
        self._pass(ACCESS_CLOCKS)
        self._look()
        return vector

    def hold_interrupt(self, clocks: int) -> None:
        """See `Target`."""
        check_dword("the clocks to hold interrupts", clocks)
        self._begin()
        self._hold_until = self._clock + clocks
        self._look()

    # Timestamps and faults.

    def mark(self, payload: int) -> None:
        """See `Target`."""
        check_dword("the payload of a mark", payload)
        self._begin()
        self.record(EventBits.MARK, mark=payload)
        self._pass(1)
        self._look_ahead()

    def take_event_records(self) -> Sequence[EventRecord]:
        """See `Target`."""
        self._check_open()
        events, self._events = self._events, []
        return events

    def event_records_dropped(self) -> int:
        """See `Target`; always 0."""
        self._check_open()
        return 0

    def inject_bus_fault(self, fault: BusFault) -> None:
        """See `Target`."""
        self._begin()
        self._fault = fault

    # Life.

    def reset(self) -> None:
        """See `Target`; the mapped devices stay, and the scripted actions are forgotten."""
        self._check_open()
        self._start()

    def close(self) -> None:
        """See `Target`."""
        if not self._closed:
            self._closed = True
            self.attention = False
            os.close(self._file)

    def __del__(self) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            _refuse()


def _refuse() -> Never:
    raise TargetClosed("a target must be open when it is used; this one had been closed: open another one")


def _put(into: memoryview, at: int, value: int) -> None:
    into[at : at + 4] = value.to_bytes(4, "little")
