# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What a job found out, for everything that shows it."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dirql.trace.latency import Analysis

__all__ = ["JobResult", "ModeResult", "Parameter", "Verdict"]

Parameter = int | str | bool | None | Sequence[str]


class Verdict(enum.Enum):
    """What a job comes to."""

    PASS = "pass"
    """All data was right, nothing leaked, and the figures hold."""
    FAIL = "fail"
    """Data was wrong, a request failed, or something leaked."""
    INVALID = "invalid"
    """Data was right, but events were lost: the latencies prove nothing."""


@dataclass(frozen=True, slots=True)
class ModeResult:
    """The transfers of one mode with one kind of interrupt."""

    mode: str
    interrupt: str | None
    """The kind of interrupt; None for a mode that uses none."""
    size: int
    """Bytes of one transfer."""
    transfers: int
    bytes: int
    """Bytes moved, both directions together."""
    irps: int
    clocks: int
    """Bus clocks that the mode took."""
    data_clocks: int
    """Those on which the bus moved a datum for the transfers."""
    busy_clocks: int
    """Those during which the device worked on the transfers: its command to its end."""
    wall_seconds: float
    verified: bool
    """Whether every byte that came back was the one that was sent."""
    errors: tuple[str, ...]
    """What went wrong, a sentence each."""
    analysis: Analysis

    @property
    def efficiency(self) -> Fraction | None:
        """Data clocks as a share of busy clocks; None if the device was never busy."""
        return Fraction(self.data_clocks, self.busy_clocks) if self.busy_clocks else None

    @property
    def name(self) -> str:
        """The mode and its interrupts, as tables name the pair."""
        return f"{self.mode}, {self.interrupt}" if self.interrupt else self.mode

    @property
    def good(self) -> bool:
        """Whether all data was right and no request failed."""
        return self.verified and not self.errors


@dataclass(frozen=True, slots=True)
class JobResult:
    """A whole job: the modes in the order in which they ran, and all that is needed to run it again."""

    version: str
    """Of dirql."""
    target: str
    frequency: Fraction
    """Bus clocks a second."""
    seed: int
    costs: Mapping[str, int]
    """The cost model: what each host action is charged, in bus clocks."""
    parameters: Mapping[str, Parameter]
    """The other options of the job, by their names on the command line."""
    modes: tuple[ModeResult, ...]
    leaks: tuple[str, ...]
    """What was still held when the machine was closed, a sentence each."""

    @property
    def verdict(self) -> Verdict:
        """Failure first: wrong data is wrong however well it was measured."""
        if self.leaks or not all(mode.good for mode in self.modes):
            return Verdict.FAIL
        return Verdict.PASS if all(mode.analysis.valid for mode in self.modes) else Verdict.INVALID
