# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What the events of a run add up to: causes, interrupts, ISR calls, DPCs and IRPs, linked to each other.

All clocks are bus clocks since reset; None stands for what did not happen within the run. `reconstruct` fills the
records in while it reads the events; everybody else only reads them.
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
    drained: int | None = None
    """When the last datum of the DMA before it had reached the host's memory."""
    clear: int | None = None
    deassert: int | None = None
    """When the line fell because of that clear; a pulse has fallen long before, a message has no line."""
    interrupt: Interrupt | None = None
    """The interrupt whose service cleared it; None if a polling driver did."""
    irp: Irp | None = None
    """The request that was completed because of it."""


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
    """Those that it cleared, or that its DPC cleared for it."""


@dataclass(slots=True, eq=False)
class Interrupt:
    """One vector fetched and what was done about it."""

    vector: int
    fetch: int
    asserted: int | None = None
    """When the first line or message behind it rose."""
    reads: dict[int, int] = field(default_factory=dict)
    """Of each function whose registers were read: the clock of the first read."""
    eoi: int | None = None
    isrs: list[Isr] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    dpcs: list[Dpc] = field(default_factory=list)

    @property
    def claimed(self) -> bool:
        """Whether a service routine said that it was its device's."""
        return any(isr.claimed for isr in self.isrs)

    @property
    def first_read(self) -> int | None:
        """The first register read of a function that it served; of any, if it served none."""
        served = [self.reads[cause.function] for cause in self.causes if cause.function in self.reads]
        return min(served or self.reads.values(), default=None)


@dataclass(slots=True, eq=False)
class Dpc:
    """One stay of a DPC object in a queue and the call of its routine."""

    serial: int
    queue: int | None = None
    processor: int = 0
    start: int | None = None
    end: int | None = None
    isrs: list[Isr] = field(default_factory=list)
    """The calls that wanted it: several if more came while it was queued, none for a timer's."""
    irps: list[Irp] = field(default_factory=list)
    """Those that its routine completed, in that order."""


@dataclass(slots=True, eq=False)
class Irp:
    """One request."""

    serial: int
    start: int | None = None
    complete: int | None = None


@dataclass(slots=True, eq=False)
class Records:
    """Everything in a run, each list in the order of the first event of its members."""

    causes: list[Cause] = field(default_factory=list)
    interrupts: list[Interrupt] = field(default_factory=list)
    dpcs: list[Dpc] = field(default_factory=list)
    irps: list[Irp] = field(default_factory=list)
    spurious: list[int] = field(default_factory=list)
    """Clocks of fetches with nothing pending."""
    unmatched: Counter[str] = field(default_factory=Counter)
    """Events that do not fit what came before, by what is wrong with them: some record is missing."""
