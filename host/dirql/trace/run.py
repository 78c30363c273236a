# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A recorded run: the hardware's events, and the names of what their marks number."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dirql.target.contract import EventRecord

__all__ = ["EventLog", "InterruptName", "Names", "Run"]


class EventLog:
    """Event records in columns: 16 bytes per record, as in hardware; a list of tuples would take ten times as much."""

    __slots__ = ("_columns",)

    def __init__(self, events: Iterable[EventRecord] = ()) -> None:
        self._columns = tuple(array(code) for code in "QHBBI")  # the fields of `EventRecord`, in their order
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
    """What is known of an interrupt object."""

    vector: int
    irql: int
    name: str


@dataclass(frozen=True, slots=True)
class Names:
    """What the serial numbers in marks stand for: position n is serial n."""

    interrupts: Sequence[InterruptName] = ()
    dpcs: Sequence[str] = ()
    irps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All that was recorded between two moments; clocks are bus clocks since reset."""

    name: str
    frequency: Fraction
    """Bus clocks a second."""
    start: int
    end: int
    events: EventLog
    names: Names
    dropped: int
    """Records that the hardware lost because nobody took them in time: with any, the run proves nothing."""

    @property
    def clocks(self) -> int:
        """Bus clocks that the run took."""
        return self.end - self.start
