# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The results of a job, as values that tables and documents show."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dirql.trace.histogram import Histogram
from dirql.trace.latency import Analysis, Stage

__all__ = ["JobResult", "ModeResult", "Parameter", "Verdict", "summarize_defects"]

Parameter = int | str | bool | None | Sequence[str]


class Verdict(enum.Enum):
    """The verdict on a whole job."""

    PASS = "pass"
    """All data was right, nothing leaked, and the figures are valid."""
    FAIL = "fail"
    """Data was wrong, a request failed, something leaked, a driver made a mistake that NT lets pass, or was stopped."""
    INVALID = "invalid"
    """All data was right, but figures are missing, because causes, requests or event records have no end."""


@dataclass(frozen=True, slots=True)
class ModeResult:
    """The transfers of one mode with one kind of interrupt."""

    mode: str
    interrupt: str | None
    """The kind of interrupt; None for a mode that uses none."""
    size: int
    """Bytes of one transfer; 0 if a scenario decides it."""
    transfers: int
    bytes: int
    """The bytes that were moved, in both directions together."""
    irps: int
    clocks: int
    """Bus clocks that the mode took."""
    data_clocks: int
    """The bus clocks on which the bus moved a datum, in one more write and one more read."""
    busy_clocks: int
    """The bus clocks for which the device worked on these two transfers."""
    wall_seconds: float
    verified: bool
    """Whether every byte that came back was the one that was sent."""
    errors: tuple[str, ...]
    """One sentence for each thing that went wrong."""
    analysis: Analysis
    rate: int | None = None
    """The requests that a timer sends in each second of the machine, whatever the driver does: an open load.

    None for a closed load, in which the next request comes only when the last one has been answered.
    """
    arrivals: Histogram | None = None
    """For an open load: from the scheduled arrival of each request until its program had the result."""
    host_microseconds: Histogram | None = None
    """The microseconds of the host that each request took, on a machine behind a link; None without a link."""
    kept_up: bool = True
    """For an open load: whether requests ended as fast as they arrived."""

    @property
    def requests(self) -> Histogram:
        """The clocks that each request took, until its result was delivered.

        They count from the submission in a closed load, and from the scheduled arrival in an open one.
        """
        return self.analysis.stages[Stage.REQUEST] if self.arrivals is None else self.arrivals

    @property
    def efficiency(self) -> Fraction | None:
        """Data clocks as a share of busy clocks; None if the device was never busy."""
        return Fraction(self.data_clocks, self.busy_clocks) if self.busy_clocks else None

    @property
    def name(self) -> str:
        """The mode and the kind of interrupt, as tables name the pair."""
        return f"{self.mode}, {self.interrupt}" if self.interrupt else self.mode

    @property
    def good(self) -> bool:
        """Whether all data was right and no request failed."""
        return self.verified and not self.errors


def summarize_defects(defects: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """One sentence for each place and row of `Machine.defects`: the first, with the number of them."""
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for row, sentence in defects:
        key = row, sentence.rpartition("; in ")[2]
        counts[key] += 1
        first.setdefault(key, f"{row}: {sentence}")
    return tuple(
        sentence if counts[key] == 1 else f"{sentence} ({counts[key]} times)"
        for key, sentence in first.items()
    )


@dataclass(frozen=True, slots=True)
class JobResult:
    """A whole job: the modes in the order in which they ran, and all that is needed to run it again."""

    version: str
    """The version of dirql."""
    target: str
    frequency: Fraction
    """Bus clocks per second."""
    seed: int
    costs: Mapping[str, int]
    """The cost model: the bus clocks that each action of the host is charged."""
    parameters: Mapping[str, Parameter]
    """The other options of the job, by their names on the command line."""
    modes: tuple[ModeResult, ...]
    leaks: tuple[str, ...]
    """One sentence for each thing that drivers still held when the machine was closed."""
    defects: tuple[str, ...] = ()
    """One sentence for each kind of mistake of a driver that NT lets pass."""
    floor: tuple[float, float] | None = None
    """The shortest and the median round trip of the link alone, in seconds; None without a link."""
    stopped: str | None = None
    """A sentence on the error that ended the job before all its modes were measured; None if it has come to its end."""

    @property
    def verdict(self) -> Verdict:
        """The verdict; FAIL wins over INVALID."""
        if self.stopped or self.leaks or self.defects or not all(mode.good for mode in self.modes):
            return Verdict.FAIL
        return Verdict.PASS if all(mode.analysis.valid for mode in self.modes) else Verdict.INVALID
