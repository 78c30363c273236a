# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The causes, interrupts, ISR calls, DPCs and IRPs of a run, linked to each other.

All clocks are bus clocks since reset; None stands for something that did not happen within the run. `reconstruct` fills
the records in while it reads the event records; all others only read them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Cause", "Dpc", "Interrupt", "Irp", "Isr", "Records"]


@dataclass(slots=True, eq=False)
class Cause:
    """One device event that asks for service: a bit newly set in a function's cause register."""

    function: int
    clock: int
    bit: int
    """The cause, as its bit in the cause register."""
    drained: int | None = None
    """The clock at which the last datum of the DMA before the cause had reached the memory of the host."""
    clear: int | None = None
    deassert: int | None = None
    """The clock at which the line fell because of that clear. A pulse fell before it, and a message has no line."""
    interrupt: Interrupt | None = None
    """The interrupt that was served when the cause was cleared; None if a polling driver cleared it."""
    irp: Irp | None = None
    """The request that was completed because of the cause."""


@dataclass(slots=True, eq=False)
class Isr:
    """One call of an interrupt service routine."""

    serial: int
    processor: int
    enter: int
    interrupt: Interrupt | None
    exit: int | None = None
    claimed: bool = False
    causes: list[Cause] = field(default_factory=list)
    """The causes that this call, or the DPC that it queued, cleared."""


@dataclass(slots=True, eq=False)
class Interrupt:
    """One vector fetch, and the routines that served it."""

    vector: int
    fetch: int
    asserted: int | None = None
    """The clock at which the first line or message that led to the fetch rose."""
    reads: dict[int, int] = field(default_factory=dict)
    """By device function: the clock of the first read of a register."""
    eoi: int | None = None
    isrs: list[Isr] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    dpcs: list[Dpc] = field(default_factory=list)

    @property
    def claimed(self) -> bool:
        """Whether a service routine returned TRUE."""
        return any(isr.claimed for isr in self.isrs)

    @property
    def first_read(self) -> int | None:
        """The clock of the first register read of a served function; if none was served, of any function."""
        served = [self.reads[cause.function] for cause in self.causes if cause.function in self.reads]
        return min(served or self.reads.values(), default=None)


@dataclass(slots=True, eq=False)
class Dpc:
    """One DPC: the time of the DPC object in a queue, and the call of the routine."""

    serial: int
    queue: int | None = None
    processor: int = 0
    start: int | None = None
    end: int | None = None
    isrs: list[Isr] = field(default_factory=list)
    """The ISR calls that queued the DPC, or found it queued already; none for the DPC of a timer."""
    irps: list[Irp] = field(default_factory=list)
    """The requests that the routine completed, in order."""


@dataclass(slots=True, eq=False)
class Irp:
    """One request, from the first dispatch to the delivery of its result."""

    serial: int
    start: int | None = None
    complete: int | None = None
    """The clock of the last call of IoCompleteRequest."""
    delivered: int | None = None
    """The clock at which the owner of the request had the result."""


@dataclass(slots=True, eq=False)
class Records:
    """The records of a run, or of a part of it, each list in the order of the first event of its members."""

    causes: list[Cause] = field(default_factory=list)
    interrupts: list[Interrupt] = field(default_factory=list)
    dpcs: list[Dpc] = field(default_factory=list)
    irps: list[Irp] = field(default_factory=list)
    spurious: list[int] = field(default_factory=list)
    """The clocks of vector fetches with nothing pending."""
    unmatched: Counter[str] = field(default_factory=Counter)
    """By kind of contradiction: the number of event records that contradict earlier ones; some record is missing."""

    @property
    def held(self) -> int:
        """The number of records."""
        return len(self.causes) + len(self.interrupts) + len(self.dpcs) + len(self.irps) + len(self.spurious)
