# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The latency of each stage of a run in bus clocks, as exact histograms.

The zero point is the cause in the device, never the edge of a line. A cause that arrives while another is pending
raises no edge, and would be missing from the figures just when the system is slowest.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from dirql.trace.histogram import Histogram
from dirql.trace.reconstruct import reconstruct
from dirql.trace.records import Records
from dirql.trace.run import Run

__all__ = ["Analysis", "Counts", "Stage", "Tally", "analyse"]


class Stage(enum.Enum):
    """The stages of a run, each in bus clocks; the values are the names in JSON documents."""

    REQUEST = "request"
    """From the first dispatch of a request to the delivery of its result: the time that the request took."""
    DELIVER = "deliver"
    """From a cause to the vector fetch of the interrupt that served it. A cause after the fetch has no such latency."""
    FIRST_TOUCH = "first_touch"
    """From a vector fetch to the first read of a register of the device."""
    ISR = "isr"
    """From the call of a service routine to the return, with all that interrupted the routine."""
    DPC_WAIT = "dpc_wait"
    """From queueing a DPC to the call of the routine."""
    DPC = "dpc"
    """From the call of a DPC routine to the return, with all that interrupted the routine."""
    TOTAL = "total"
    """From a cause to the completion of the request that it led to."""
    QUIET = "quiet"
    """From a cause to the fall of the line."""
    EOI = "eoi"
    """From the rise of a line, or a message, to the end of interrupt."""
    IRP = "irp"
    """From the first dispatch of a request to the completion."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of causes, interrupts, ISR calls, DPCs and requests in a run."""

    causes: int
    merged: int
    """Of the causes that one interrupt served for one function, all but the first. The line has no edge for them."""
    polled: int
    """Causes cleared while no interrupt was served."""
    pending: int
    """Causes that nobody had cleared when the run ended."""
    interrupts: int
    unclaimed: int
    """Vectors fetched for which no service routine returned TRUE."""
    spurious: int
    """Vector fetches with nothing pending."""
    isrs: int
    dpcs: int
    irps: int
    unfinished: int
    """ISRs and DPCs that the run saw begin and not end, and requests whose result was not delivered."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Counts)))


@dataclass(frozen=True, slots=True)
class Analysis:
    """The latencies of a run, and whether the figures are valid."""

    stages: Mapping[Stage, Histogram]
    counts: Counts
    dropped: int
    """The number of event records that were lost."""
    problems: tuple[str, ...]
    """One sentence for each reason why figures are not valid."""
    invalid: frozenset[Stage] = frozenset()
    """The stages whose figures are not valid, because samples are missing, and those might be the longest."""

    @property
    def valid(self) -> bool:
        """Whether all figures are valid; if one event record is missing, none is."""
        return not self.problems


_ALL = frozenset(Stage)


class Tally:
    """Counts the latencies of records as they come; what it holds does not grow with their number."""

    def __init__(self) -> None:
        self._samples: dict[Stage, Counter[int]] = {stage: Counter() for stage in Stage}
        self._counts = _count(Records())
        self._problems: list[str] = []
        self._invalid: frozenset[Stage] = frozenset()

    def add(self, records: Records) -> None:
        """Count records that no later event can change."""
        for stage, samples in _SAMPLES.items():
            self._samples[stage].update(samples(records))
        self._counts += _count(records)

    def finish(self, rest: Records, dropped: int, forgotten: int = 0) -> Analysis:
        """Count the records that are left at the end of a run; returns the latencies of the whole run.

        `dropped` event records were lost by the hardware, and `forgotten` were not kept for the analysis.
        """
        self.add(rest)
        for affected, problem in _problems(rest, dropped, forgotten):
            self._problems.append(problem)
            self._invalid |= affected
        stages = {stage: Histogram.of_counts(counts) for stage, counts in self._samples.items()}
        return Analysis(MappingProxyType(stages), self._counts, dropped, tuple(self._problems), self._invalid)


def analyse(run: Run) -> Analysis:
    """The latencies of a run of which every event record was kept."""
    return Tally().finish(reconstruct(run), run.dropped, run.forgotten)


def _problems(rest: Records, dropped: int, forgotten: int) -> Iterator[tuple[frozenset[Stage], str]]:
    """The stages of which samples are missing, and a sentence that says why, for each reason."""
    if dropped:
        yield _ALL, f"{_number(dropped, 'event record')} lost by the hardware: take records more often"
    if forgotten:
        yield (
            _ALL,
            f"{_number(forgotten, 'event record')} no longer kept: use Recorder.analysis(), which counts as it records",
        )
    for what, times in sorted(rest.unmatched.items()):
        yield _ALL, f"event records contradict each other: {what}, {times} times"
    for stages, (noun, state), missing in _MISSING:
        if count := missing(rest):
            yield stages, f"{_number(count, noun)} {state}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what} was" if count == 1 else f"{count:,} {what}s were"


_MISSING: tuple[tuple[frozenset[Stage], tuple[str, str], Callable[[Records], int]], ...] = (
    (
        frozenset({Stage.DELIVER, Stage.TOTAL, Stage.QUIET}),
        ("cause of a device", "still set at the end: nobody served it"),
        lambda records: sum(cause.clear is None for cause in records.causes),
    ),
    (
        frozenset({Stage.ISR, Stage.EOI}),
        ("service routine", "still running at the end"),
        lambda records: sum(isr.exit is None for one in records.interrupts for isr in one.isrs),
    ),
    (
        frozenset({Stage.DPC_WAIT, Stage.DPC, Stage.TOTAL}),
        ("DPC", "still queued or running at the end"),
        lambda records: sum(dpc.end is None for dpc in records.dpcs),
    ),
    (
        frozenset({Stage.REQUEST, Stage.IRP, Stage.TOTAL}),
        ("request", "not completed and delivered at the end"),
        lambda records: sum(irp.delivered is None for irp in records.irps),
    ),
)
"""For each kind of record that may have no end: the stages whose samples are then missing, words, and their number."""


def _count(records: Records) -> Counts:
    served = sum(cause.interrupt is not None for cause in records.causes)
    pending = sum(cause.clear is None for cause in records.causes)
    first = sum(len({cause.function for cause in interrupt.causes}) for interrupt in records.interrupts)
    isrs = [isr for interrupt in records.interrupts for isr in interrupt.isrs]
    return Counts(
        causes=len(records.causes),
        merged=served - first,
        polled=len(records.causes) - served - pending,
        pending=pending,
        interrupts=len(records.interrupts),
        unclaimed=sum(not interrupt.claimed for interrupt in records.interrupts),
        spurious=len(records.spurious),
        isrs=len(isrs),
        dpcs=len(records.dpcs),
        irps=len(records.irps),
        unfinished=sum(isr.exit is None for isr in isrs)
        + sum(dpc.end is None for dpc in records.dpcs)
        + sum(irp.delivered is None for irp in records.irps),
    )


def _deliver(records: Records) -> Iterator[int]:
    for cause in records.causes:
        if cause.interrupt is not None and cause.clock <= cause.interrupt.fetch:
            yield cause.interrupt.fetch - cause.clock


def _first_touch(records: Records) -> Iterator[int]:
    for interrupt in records.interrupts:
        if (read := interrupt.first_read) is not None:
            yield read - interrupt.fetch


def _isr(records: Records) -> Iterator[int]:
    for interrupt in records.interrupts:
        for isr in interrupt.isrs:
            if isr.exit is not None:
                yield isr.exit - isr.enter


def _dpc_wait(records: Records) -> Iterator[int]:
    for dpc in records.dpcs:
        if dpc.start is not None and dpc.queue is not None:
            yield dpc.start - dpc.queue


def _dpc(records: Records) -> Iterator[int]:
    for dpc in records.dpcs:
        if dpc.end is not None and dpc.start is not None:
            yield dpc.end - dpc.start


def _total(records: Records) -> Iterator[int]:
    for cause in records.causes:
        if cause.irp is not None and cause.irp.complete is not None:
            yield cause.irp.complete - cause.clock


def _quiet(records: Records) -> Iterator[int]:
    for cause in records.causes:
        if cause.deassert is not None:
            yield cause.deassert - cause.clock


def _eoi(records: Records) -> Iterator[int]:
    for interrupt in records.interrupts:
        if interrupt.eoi is not None and interrupt.asserted is not None:
            yield interrupt.eoi - interrupt.asserted


def _request(records: Records) -> Iterator[int]:
    for irp in records.irps:
        if irp.start is not None and irp.delivered is not None:
            yield irp.delivered - irp.start


def _irp(records: Records) -> Iterator[int]:
    for irp in records.irps:
        if irp.start is not None and irp.complete is not None:
            yield irp.complete - irp.start


_SAMPLES = {
    Stage.REQUEST: _request,
    Stage.DELIVER: _deliver,
    Stage.FIRST_TOUCH: _first_touch,
    Stage.ISR: _isr,
    Stage.DPC_WAIT: _dpc_wait,
    Stage.DPC: _dpc,
    Stage.TOTAL: _total,
    Stage.QUIET: _quiet,
    Stage.EOI: _eoi,
    Stage.IRP: _irp,
}
