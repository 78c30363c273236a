# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A recorded run: the event records of the hardware, and the names for the serial numbers in marks."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dirql.hardware.description import MachineDescription
from dirql.target.contract import EventRecord

__all__ = ["EventLog", "InterruptName", "Names", "Run"]


class EventLog:
    """Event records in columns, 18 bytes for each record; in hardware it takes 16.

    A list of tuples would take ten times as much.
    """

    __slots__ = ("_columns",)

    def __init__(self, events: Iterable[EventRecord] = ()) -> None:
        self._columns = tuple(array(code) for code in "QHBBIH")  # the fields of `EventRecord`, in their order
        self.extend(events)

    def extend(self, events: Iterable[EventRecord]) -> None:
        """Append records, oldest first."""
        for column, values in zip(self._columns, zip(*events, strict=True), strict=False):
            column.extend(values)

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[EventRecord]:
        return map(EventRecord._make, zip(*self._columns, strict=True))


@dataclass(frozen=True, slots=True)
class InterruptName:
    """An interrupt object: the vector, the level, and the name of the service routine."""

    vector: int
    irql: int
    name: str


@dataclass(frozen=True, slots=True)
class Names:
    """The objects that the serial numbers in marks stand for: entry n has serial number n."""

    interrupts: Sequence[InterruptName] = ()
    dpcs: Sequence[str] = ()
    irps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A recording from the clock `start` to the clock `end`, in bus clocks since reset."""

    name: str
    machine: MachineDescription
    """The machine that ran: the vectors of its inputs, and its functions by the index in event records."""
    frequency: Fraction
    """Bus clocks per second."""
    start: int
    end: int
    events: EventLog
    names: Names
    dropped: int
    """The number of records that the hardware lost because nobody took them in time. It must be 0 for valid figures."""

    @property
    def clocks(self) -> int:
        """The length of the run in bus clocks."""
        return self.end - self.start
