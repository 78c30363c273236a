# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Live progress of a job.

On a terminal each mode has a line that is redrawn: requests, bytes, bus clocks and clocks per second. Elsewhere, where
redrawing would fill a log, each mode prints one line at the end. No thread draws: the steps of the job refresh the
display, so that nothing runs beside the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

__all__ = ["Display", "Step", "show"]

_REFRESH_SECONDS = 0.1


class Step:
    """The progress of one mode. A step is called after each of its requests or transfers."""

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.count = count
        self.done = 0
        self.bytes = 0
        self.clocks = 0
        self._began = perf_counter()

        self._ended: float | None = None

    def __call__(self, moved: int, clocks: int, requests: int = 1) -> None:
        """Count one more request, or several, of `moved` bytes in `clocks` bus clocks."""
        self.done += requests
        self.bytes += moved
        self.clocks += clocks

    def end(self) -> None:
        """Note that the mode has ended: its time goes on no longer."""
        self._ended = perf_counter()

    def __str__(self) -> str:
        seconds = max((self._ended or perf_counter()) - self._began, 1e-9)
        rate = self.clocks / seconds / 1e6
        return f"{self.bytes:,} bytes, {self.clocks:,} clocks, {rate:.2f} M clocks/s"


class _MovingStep(Step):
    """A step that is drawn as a line on a terminal."""

    def __init__(self, name: str, count: int, bars: Progress) -> None:
        super().__init__(name, count)
        self._bars = bars
        self._task = bars.add_task(name, total=count, figures="")
        self._drawn = 0.0

    def __call__(self, moved: int, clocks: int, requests: int = 1) -> None:
        super().__call__(moved, clocks, requests)
        now = perf_counter()
        if now - self._drawn >= _REFRESH_SECONDS or self.done == self.count:
            self._drawn = now
            self._bars.update(self._task, completed=self.done, figures=str(self), refresh=True)


class Display:
    """The display of a job, with one line for each mode; made by `show`."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self._console = console
        self._bars = bars

    @contextmanager
    def mode(self, name: str, count: int, unit: str) -> Iterator[Step]:
        """Show the progress of one mode of `count` units, such as requests; yields the step to call after each unit."""
        step = self.begin(name, count)
        yield step
        step.end()
        self.end(step, unit)

    def begin(self, name: str, count: int) -> Step:
        """Do as `mode` for a mode that runs beside others."""
        return Step(name, count) if self._bars is None else _MovingStep(name, count, self._bars)

    def end(self, step: Step, unit: str) -> None:
        """Show the end of a mode that has ended."""
        if self._bars is None:
            line = f"{step.name}: {step.done:,} {unit}, {step}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def show(console: Console) -> Iterator[Display]:
    """Show a display while a job runs; at the end of the block the lines disappear from a terminal."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Display(console, None)
        return
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        console=console,
        auto_refresh=False,
        transient=True,
    )
    with bars:
        yield Display(console, bars)
