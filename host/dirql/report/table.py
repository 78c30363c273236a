# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a job as tables for a terminal: the transfers, and the latency of each stage.

There are two tables, because one with all columns would not fit 80 columns. No information is in the colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from rich import box
from rich.console import Console
from rich.table import Table

from dirql.report.results import JobResult, Verdict
from dirql.trace.histogram import Histogram, samples_needed
from dirql.trace.latency import Stage

__all__ = ["render"]

STAGES = {
    Stage.DELIVER: "cause to\nfetch",
    Stage.FIRST_TOUCH: "fetch to\nread",
    Stage.ISR: "\nISR",
    Stage.DPC_WAIT: "DPC\nwait",
    Stage.DPC: "\nDPC",
    Stage.TOTAL: "\ntotal",
}
PERCENTILES = {"p50": Fraction(50, 100), "p99": Fraction(99, 100)}
_NOTHING = "-"
_STYLES = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INVALID: "bold yellow"}
_NOTES = """\
Stages, in bus clocks: from the cause in the device to the vector fetch, from there to the first read of a device \
register, ISR from call to return, DPC from queue to call and from call to return (those that only poll or move data \
included); total from the last cause of a request to its completion, in modes without interrupts from its \
start. Percentiles are nearest rank; n<368 means that there are fewer samples than such a percentile needs."""


def render(console: Console, job: JobResult) -> None:
    """Print the tables of a job, a note on measured and modelled figures, and a line for each problem."""
    if job.modes:
        console.print(_transfers(job))
        console.print(_latencies(job))
        console.print(_NOTES, style="dim", highlight=False)
        console.print(_origin(job), style="dim", highlight=False)
    for line in _complaints(job):
        console.print(line, style="red", highlight=False, markup=False)
    console.print(_summary(job), style=_STYLES[job.verdict], highlight=False)


def _grid(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def _transfers(job: JobResult) -> Table:
    sizes = sorted({mode.size for mode in job.modes})
    table = _grid(f"Transfers of {' and '.join(f'{size:,}' for size in sizes)} bytes")
    table.add_column("mode", overflow="fold")
    for heading in ("IRPs", "bytes", "bus\nefficiency", "simulated\nclocks", "wall\ntime", "data"):
        table.add_column(heading, justify="right", vertical="bottom", overflow="fold")
    for mode in job.modes:
        table.add_row(
            mode.name,
            f"{mode.irps:,}",
            f"{mode.bytes:,}",
            _NOTHING if mode.efficiency is None else f"{float(mode.efficiency):.1%}",
            f"{mode.clocks:,}",
            f"{mode.wall_seconds:.2f} s",
            "right" if mode.verified else "WRONG",
            style=None if mode.good else "red",
        )
    return table


def _latencies(job: JobResult) -> Table:
    """Three lines for each mode: the median, the 99th percentile and the maximum of each stage."""
    table = _grid("Latencies in bus clocks")
    table.add_column("mode", overflow="fold")
    table.add_column("", no_wrap=True, min_width=3)
    for heading in STAGES.values():
        table.add_column(heading, justify="right", vertical="bottom", overflow="fold")
    for mode in job.modes:
        for number, (what, cells) in enumerate(_statistics(mode.analysis.stages)):
            table.add_row("" if number else mode.name, what, *cells)
    return table


def _statistics(stages: Mapping[Stage, Histogram]) -> Iterator[tuple[str, list[str]]]:
    for what, share in PERCENTILES.items():
        yield what, [_percentile(stages[stage], share) for stage in STAGES]
    yield "max", [_count(stages[stage].maximum) for stage in STAGES]


def _percentile(histogram: Histogram, share: Fraction) -> str:
    """The percentile, or the number of samples that it would need."""
    if not histogram.counts:
        return _NOTHING
    value = histogram.percentile(share)
    return f"n<{samples_needed(share)}" if value is None else _count(value)


def _count(value: int | None) -> str:
    return _NOTHING if value is None else f"{value:,}"


def _origin(job: JobResult) -> str:
    costs = ", ".join(
        f"{name.replace('_', ' ').replace('dpc', 'DPC')} {clocks}" for name, clocks in job.costs.items()
    )
    nanoseconds = float(1_000_000_000 / job.frequency)
    return (
        f"Measured: bus clocks, by the RTL's counter (one is {nanoseconds:.4g} ns on target {job.target}); wall time, "
        f"by this computer. Modelled: what host code costs, in clocks: {costs or 'nothing'}. The latencies describe "
        "the structure of the driver and the bus, not a PC."
    )


def _complaints(job: JobResult) -> Iterator[str]:
    for mode in job.modes:
        if not mode.verified and not mode.errors:
            yield f"{mode.name}: data came back wrong"
        for error in mode.errors:
            yield f"{mode.name}: {error}"
        for problem in mode.analysis.problems:
            yield f"{mode.name}: the latencies prove nothing: {problem}"
    for leak in job.leaks:
        yield f"leaked: {leak}"


def _summary(job: JobResult) -> str:
    return {
        Verdict.PASS: "All data was right and nothing leaked.",
        Verdict.FAIL: "The job failed.",
        Verdict.INVALID: "All data was right, but the latencies are not valid.",
    }[job.verdict]
