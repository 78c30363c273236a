# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The latency of each stage of a run in bus clocks, as exact histograms.

The zero point is the cause in the device, never the edge of a line. A cause that arrives while another is pending
raises no edge, and would be missing from the figures just when the system is slowest.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dirql.trace.histogram import Histogram
from dirql.trace.reconstruct import reconstruct
from dirql.trace.records import Records
from dirql.trace.run import Run

__all__ = ["Analysis", "Counts", "Stage", "analyse", "summarise"]


class Stage(enum.Enum):
    """The stages of a run, each in bus clocks; the values are the names in JSON documents."""

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
    """From a cause to the completion of the request that it led to; for a polled run, the same as IRP."""
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
    """Causes not cleared when the run ended."""
    interrupts: int
    unclaimed: int
    """Vectors fetched for which no service routine returned TRUE."""
    spurious: int
    """Vector fetches with nothing pending."""
    isrs: int
    dpcs: int
    irps: int
    unfinished: int
    """ISRs, DPCs and requests that the run saw begin and not end."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The latencies of a run, and whether the figures are valid."""

    stages: Mapping[Stage, Histogram]
    counts: Counts
    dropped: int
    """The number of event records that were lost."""
    problems: tuple[str, ...]
    """One sentence for each reason why the figures are not valid."""

    @property
    def valid(self) -> bool:
        """Whether the figures are valid; if one event record is missing, none is."""
        return not self.problems


def analyse(run: Run) -> Analysis:
    """The latencies of a run."""
    return summarise(run, reconstruct(run))


def summarise(run: Run, records: Records) -> Analysis:
    """The latencies of a run that has been reconstructed already."""
    stages = {stage: Histogram.of(samples(records)) for stage, samples in _SAMPLES.items()}
    if not records.interrupts:
        stages[Stage.TOTAL] = stages[Stage.IRP]
    return Analysis(
        stages=MappingProxyType(stages),
        counts=_count(records),
        dropped=run.dropped,
        problems=tuple(_problems(run, records)),
    )


def _problems(run: Run, records: Records) -> Iterator[str]:
    if run.dropped:
        yield f"{run.dropped} event records were lost"
    for what, times in sorted(records.unmatched.items()):
        yield f"{what}: {times} times"


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
        + sum(irp.complete is None for irp in records.irps),
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


def _irp(records: Records) -> Iterator[int]:
    for irp in records.irps:
        if irp.start is not None and irp.complete is not None:
            yield irp.complete - irp.start


_SAMPLES = {
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
