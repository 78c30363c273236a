# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a job as tables for a terminal: the transfers, the time of a request, and the latency of each stage.

There are three tables, because one with all columns would not fit 80 columns. No information is in the colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rich import box
from rich.console import Console
from rich.table import Table

from dirql.report.results import JobResult, Verdict
from dirql.trace.histogram import Histogram, samples_needed
from dirql.trace.latency import Analysis, Stage

__all__ = ["render"]

STAGES = {
    Stage.DELIVER: "cause to\nfetch",
    Stage.FIRST_TOUCH: "fetch to\nread",
    Stage.ISR: "one\nISR",
    Stage.DPC_WAIT: "DPC\nwait",
    Stage.DPC: "one\nDPC",
    Stage.TOTAL: "cause to\ndone",
}
PERCENTILES = {"p50": Fraction(50, 100), "p99": Fraction(99, 100)}
_NOTHING = "-"
_STYLES = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INVALID: "bold yellow"}
_NOTES = """\
A stage is a part of a request and no more: from the cause in the device to the vector fetch, from there to the first \
read of a device register, ISR from call to return, DPC from queue to call and from call to return (for each DPC, also \
one that only polls or moves a part of the data), and from the last cause of a request to its completion. \
Percentiles are nearest rank; n<368 means that there are fewer samples than such a percentile needs, and ? that a \
figure is not valid."""
_CLOSED = """\
Closed load: each program sends its next request when it has the result of the last one. A slow driver gets fewer \
requests then, and no request waits behind others; with --rate N they arrive by a timer."""


def render(console: Console, job: JobResult) -> None:
    """Print the tables of a job, a note on measured and modelled figures, and a line for each problem."""
    if job.modes:
        console.print(_transfers(job))
        console.print(_requests(job, "µs" if console.encoding.startswith("utf") else "us"))
        console.print(_load(job), style="dim", highlight=False)
        if job.floor is not None:
            console.print(_host_times(job, "µs" if console.encoding.startswith("utf") else "us"))
            console.print(_floor(job.floor), style="dim", highlight=False)
        console.print(_latencies(job))
        console.print(_NOTES, style="dim", highlight=False)
        console.print(_origin(job), style="dim", highlight=False)
    for mode in job.modes:
        if not mode.kept_up:
            console.print(
                f"{mode.name}: the driver did not keep up with {mode.rate:,} requests a second, so the time of a "
                "request grows with the number of requests",
                style="yellow",
                highlight=False,
                markup=False,
            )
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
    sizes = " and ".join(f"{size:,}" for size in sorted({mode.size for mode in job.modes} - {0}))
    table = _grid(f"Transfers of {sizes} bytes" if sizes else "Transfers")
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


def _requests(job: JobResult, microsecond: str) -> Table:
    """One line for each mode: what a request took, in clocks and in microseconds, whose unit is `microsecond`."""
    rates = {mode.rate for mode in job.modes}
    begin = "submission" if rates == {None} else "scheduled arrival"
    table = _grid(f"Time of a request, {begin} to delivery")
    table.add_column("mode", overflow="fold")
    for unit in ("clocks", microsecond):
        for heading in (*PERCENTILES, "max"):
            table.add_column(f"{heading}\n{unit}", justify="right", vertical="bottom", overflow="fold")
    microseconds = Fraction(1_000_000) / job.frequency
    for mode in job.modes:
        valid = Stage.REQUEST not in mode.analysis.invalid
        figures = [mode.requests.percentile(share) for share in PERCENTILES.values()]
        times = [
            None if clocks is None else clocks * microseconds for clocks in (*figures, mode.requests.maximum)
        ]
        table.add_row(
            mode.name,
            *(_percentile(mode.requests, share, valid) for share in PERCENTILES.values()),
            _count(mode.requests.maximum, valid),
            *(_decimal(time, valid) for time in times),
        )
    return table


def _host_times(job: JobResult, microsecond: str) -> Table:
    """One line for each mode: the time of the host that a request took, on a machine behind a link."""
    table = _grid("Time of a request by the host's clock")
    table.add_column("mode", overflow="fold")
    for heading in (*PERCENTILES, "max"):
        table.add_column(f"{heading}\n{microsecond}", justify="right", vertical="bottom", overflow="fold")
    for mode in job.modes:
        times = mode.host_microseconds or Histogram()
        figures = [_percentile(times, share, valid=True) for share in PERCENTILES.values()]
        table.add_row(mode.name, *figures, _count(times.maximum, valid=True))
    return table


def _floor(floor: tuple[float, float]) -> str:
    shortest, median = (f"{1e6 * seconds:,.0f}" for seconds in floor)
    return (
        f"The link's own floor: a round trip took {shortest} µs at best and {median} µs in the median when the"
        " board was opened, so an access that is waited for takes at least as long. The clocks of the other tables are"
        " those of the board, and count its waits for the host."
    )


def _load(job: JobResult) -> str:
    rates = {mode.rate for mode in job.modes if mode.rate is not None}
    if not rates:
        return _CLOSED
    return (
        f"Open load: a timer lets {', '.join(f'{rate:,}' for rate in sorted(rates))} requests arrive in each second of "
        "the machine, whatever the driver does. The time counts from the scheduled arrival, with all waiting in queues."
    )


def _latencies(job: JobResult) -> Table:
    """Three lines for each mode: the median, the 99th percentile and the maximum of each stage."""
    table = _grid("Stages of the service, in bus clocks")
    table.add_column("mode", overflow="fold")
    table.add_column("", no_wrap=True, min_width=3)
    for heading in STAGES.values():
        table.add_column(heading, justify="right", vertical="bottom", overflow="fold")
    for mode in job.modes:
        for number, (what, cells) in enumerate(_statistics(mode.analysis)):
            table.add_row("" if number else mode.name, what, *cells)
    return table


def _statistics(analysis: Analysis) -> Iterator[tuple[str, list[str]]]:
    stages = [(analysis.stages[stage], stage not in analysis.invalid) for stage in STAGES]
    for what, share in PERCENTILES.items():
        yield what, [_percentile(histogram, share, valid) for histogram, valid in stages]
    yield "max", [_count(histogram.maximum, valid) for histogram, valid in stages]


def _percentile(histogram: Histogram, share: Fraction, valid: bool) -> str:
    """The percentile, or the number of samples that it would need."""
    value = histogram.percentile(share)
    if value is None and histogram.counts:
        return f"n<{samples_needed(share)}"
    return _count(value, valid)


def _decimal(value: Fraction | None, valid: bool) -> str:
    return _NOTHING if value is None else f"{float(value):,.1f}{'' if valid else '?'}"


def _count(value: int | None, valid: bool) -> str:
    """A figure, with a question mark if samples are missing."""
    figure = _NOTHING if value is None else f"{value:,}"
    return figure if valid else f"{figure}?"


def _origin(job: JobResult) -> str:
    nanoseconds = float(1_000_000_000 / job.frequency)
    measured = (
        f"Measured: bus clocks, by the RTL's counter (one is {nanoseconds:.4g} ns on target {job.target}); wall time, "
        "by this computer."
    )
    if job.floor is not None:
        return (
            f"{measured} Nothing is modelled: on a board host code takes the time of this computer, and of the link "
            "for what it asks of the board."
        )
    costs = ", ".join(
        f"{name.replace('_', ' ').replace('dpc', 'DPC')} {clocks}" for name, clocks in job.costs.items()
    )
    return (
        f"{measured} Modelled: what host code costs, in clocks: {costs or 'nothing'}. The latencies describe "
        "the structure of the driver and the bus, not a PC."
    )


def _complaints(job: JobResult) -> Iterator[str]:
    for mode in job.modes:
        if not mode.verified and not mode.errors:
            yield f"{mode.name}: data came back wrong"
        for error in mode.errors:
            yield f"{mode.name}: {error}"
        for problem in mode.analysis.problems:
            yield f"{mode.name}: latencies are not valid: {problem}"
    if job.stopped is not None:
        yield job.stopped
    for leak in job.leaks:
        yield f"leaked: {leak}"
    for defect in job.defects:
        yield f"a mistake that NT lets pass: {defect}"


def _summary(job: JobResult) -> str:
    return {
        Verdict.PASS: "All data was right and nothing leaked.",
        Verdict.FAIL: "The job failed.",
        Verdict.INVALID: "All data was right, but latencies are not valid.",
    }[job.verdict]
