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

__all__ = ["EventLog", "InterruptName", "Names", "RequestNames", "Run"]


class EventLog:
    """The newest event records, at most `limit` of them, in columns: 18 bytes for each record; in hardware it takes 16.

    A list of tuples would take ten times as much.
    """

    __slots__ = ("_columns", "_limit", "forgotten")

    def __init__(self, events: Iterable[EventRecord] = (), limit: int | None = None) -> None:
        self._columns = tuple(array(code) for code in "QHBBIH")  # the fields of `EventRecord`, in their order
        self._limit = limit
        self.forgotten = 0
        """The number of older records that had to make place."""
        self.extend(events)

    def extend(self, events: Iterable[EventRecord]) -> None:
        """Append records, oldest first."""
        for column, values in zip(self._columns, zip(*events, strict=True), strict=False):
            column.extend(values)
        limit = self._limit
        if limit is not None and len(self) > limit + limit // 4:
            self.trim()

    def trim(self) -> None:
        """Let go of the oldest records beyond the limit."""
        surplus = 0 if self._limit is None else max(0, len(self) - self._limit)
        if surplus:
            self.forgotten += surplus
            for column in self._columns:
                del column[:surplus]

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


class RequestNames:
    """The names of requests by their serial numbers, for the newest 2^20 requests only; a name takes one byte."""

    KEPT = 1 << 20

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._kinds: dict[str, int] = {}
        self._numbers = bytearray()
        self.count = 0
        """The number of requests so far, which is the serial number of the next one."""
        for name in names:
            self.append(name)

    def append(self, name: str) -> None:
        """Name the next request; of all names at most 256 may differ, as major functions do."""
        kind = self._kinds.setdefault(name, len(self._kinds))
        if self.count < self.KEPT:
            self._numbers.append(kind)
        else:
            self._numbers[self.count % self.KEPT] = kind
        self.count += 1

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, serial: int) -> str:
        number = self._numbers[serial % self.KEPT]
        return next(name for name, kind in self._kinds.items() if kind == number)

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))


@dataclass(frozen=True, slots=True)
class Names:
    """The objects that the serial numbers in marks stand for: entry n has serial number n."""

    interrupts: Sequence[InterruptName] = ()
    dpcs: Sequence[str] = ()
    irps: Sequence[str] | RequestNames = ()


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
    def forgotten(self) -> int:
        """The number of records at the beginning of the run that the recorder did not keep."""
        return self.events.forgotten

    @property
    def clocks(self) -> int:
        """The length of the run in bus clocks."""
        return self.end - self.start
