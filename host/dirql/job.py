# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The main job, `dirql run`: verified transfers through the store driver, and the latency of each stage."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from rich.console import Console

from dirql import __version__
from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_GET_STATISTICS,
    IOCTL_STORE_SET_MODE,
    PROGRAM_NAME,
    STATISTICS_BYTES,
    Statistics,
    TransferMode,
    program_name,
)
from dirql.hardware.description import MachineDescription
from dirql.io.errors import IoError
from dirql.io.handle import Handle
from dirql.ke.limits import Limits
from dirql.machine import LeakReport, Machine, open_machine
from dirql.report import run_json, table
from dirql.report.progress import Display, Step, show
from dirql.report.results import JobResult, ModeResult, Verdict
from dirql.trace import perfetto
from dirql.trace.recorder import Recorder
from dirql.trace.run import Run

__all__ = ["MODES", "Options", "run"]


STORE = "store"
"""The function that the job uses; the machine may have several."""

MODES = {
    "polled": TransferMode.POLLED,
    "timer": TransferMode.TIMER_POLLED,
    "interrupt": TransferMode.INTERRUPT,
    "dma": TransferMode.DMA,
}
_POLLING = ("polled", "timer")

_TRACED = 100_000
"""The most event records of each row that a trace has, which are its newest; so the memory for them is bounded."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `dirql run`, by their names on the command line."""

    target: str
    machine: MachineDescription
    mode: tuple[str, ...]
    interrupt: tuple[str, ...]
    transfers: int
    size: int
    seed: int
    processors: int
    waves: Path | None
    json: Path | None
    trace: Path | None
    limits: Limits = field(default_factory=Limits)


class Row(NamedTuple):
    """One line of the table: a mode, and the kind of interrupt, None for a mode without interrupts."""

    mode: str
    interrupt: str | None

    @property
    def name(self) -> str:
        return f"{self.mode}, {self.interrupt}" if self.interrupt else self.mode


def _kinds(options: Options) -> list[str]:
    """The kinds of interrupt of the options that all stores of the machine have."""
    stores = options.machine.functions_named(STORE)
    return [kind for kind in options.interrupt if all(kind in store.interrupts for store in stores)]


def _rows(options: Options) -> Iterator[Row]:
    """The rows to run, grouped by the kind of interrupt, which is chosen when the driver is loaded."""
    yield from (Row(mode, None) for mode in options.mode if mode in _POLLING)
    for kind in _kinds(options):
        yield from (Row(mode, kind) for mode in options.mode if mode not in _POLLING)


def run(options: Options) -> int:
    """Run the job and show its result; the exit status is 0 only if all data was right and nothing leaked."""
    console = Console()
    runs: list[Run] = []
    result = _measure(options, console, runs)
    written = []
    for path, write in _exports(options, result, runs):
        write(path)
        written.append(path)
    table.render(console, result)
    for kind in options.interrupt:
        if kind not in _kinds(options):
            reason = f"the stores of {options.machine.name} have no such interrupts"
            console.print(f"There is no row for {kind}: {reason}.", highlight=False, markup=False)
    for path in written:
        console.print(f"wrote {path}", highlight=False)
    for recorded in runs:
        if recorded.forgotten:
            console.print(f"{recorded.name}: the trace has the last {len(recorded.events):,} event records")
    return 0 if result.verdict is Verdict.PASS else 1


def _exports(
    options: Options, result: JobResult, runs: list[Run]
) -> Iterator[tuple[Path, Callable[[Path], None]]]:
    if options.json is not None:
        yield options.json, lambda path: run_json.write(path, result)
    if options.trace is not None:
        yield options.trace, lambda path: perfetto.write(path, runs)


def _measure(options: Options, console: Console, runs: list[Run]) -> JobResult:
    """Run all rows on one machine; the driver is loaded anew for each row."""
    if not options.machine.functions_named(STORE):
        raise ValueError(f"--machine must name a machine with a store; {options.machine.name} has none")
    if not list(_rows(options)):
        raise ValueError(
            f"--interrupt must name a kind that the stores of {options.machine.name} have; they have no"
            f" {' and no '.join(options.interrupt)} interrupts"
        )
    modes: list[ModeResult] = []
    leaks: tuple[str, ...] = ()
    machine = open_machine(
        options.target,
        machine=options.machine,
        processors=options.processors,
        seed=options.seed,
        waves=options.waves,
        limits=options.limits,
    )
    try:
        with machine, show(console) as display:
            for row in _rows(options):
                driver = machine.load_driver(store, interrupt=row.interrupt or "level")
                result, recorded = _run_row(machine, row, options, display)
                modes.append(result)
                if options.trace is not None:
                    runs.append(recorded)
                machine.unload_driver(driver)
    except LeakReport as report:
        leaks = report.leaks
    return JobResult(
        version=__version__,
        target=machine.target.name,
        frequency=Fraction(machine.target.frequency),
        seed=options.seed,
        costs=asdict(machine.kernel.costs),
        parameters={
            "machine": options.machine.name,
            "mode": options.mode,
            "interrupt": options.interrupt,
            "transfers": options.transfers,
            "size": options.size,
            "processors": options.processors,
        },
        modes=tuple(modes),
        leaks=leaks,
    )


def _run_row(machine: Machine, row: Row, options: Options, display: Display) -> tuple[ModeResult, Run]:
    """Run and record the transfers of one row, with all stores of the machine at once."""
    with ExitStack() as open_handles:
        stores = [
            _Transfers(options, row, machine, open_handles.enter_context(machine.open(program_name(number))))
            for number in range(len(options.machine.functions_named(STORE)))
        ]
        for each in stores:
            each.handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", MODES[row.mode]))
        started = perf_counter()
        with (
            display.mode(row.name, 2 * options.transfers * len(stores)) as step,
            Recorder(
                machine.target,
                machine.kernel,
                machine.io.hooks,
                row.name,
                0 if options.trace is None else _TRACED,
            ) as recorder,
        ):
            _run_together(machine, [partial(each.run, options.transfers, step) for each in stores])
        wall = perf_counter() - started
        recorded = recorder.finish()
        failed = any(each.errors for each in stores)
        clocks = [(0, 0) if failed else each.bus_clocks() for each in stores]
    result = ModeResult(
        mode=row.mode,
        interrupt=row.interrupt,
        size=options.size,
        transfers=options.transfers * len(stores),
        bytes=sum(each.bytes for each in stores),
        irps=sum(each.requests for each in stores),
        clocks=recorded.clocks,
        data_clocks=sum(data for data, _ in clocks),
        busy_clocks=sum(busy for _, busy in clocks),
        wall_seconds=wall,
        verified=all(each.verified for each in stores),
        errors=tuple(error for each in stores for error in each.errors),
        analysis=recorder.analysis(),
    )
    return result, recorded


def _run_together(machine: Machine, runs: Sequence[Callable[[], None]]) -> None:
    """Run each routine in a thread of the program of its own; a single one needs no other thread."""
    threads = [machine.create_thread(run) for run in runs[1:]]
    runs[0]()
    for thread in threads:
        thread.join()


class _Transfers:
    """The transfers of one row with one store: random data is written to a random place, read back and compared."""

    def __init__(self, options: Options, row: Row, machine: Machine, handle: Handle) -> None:
        self.size = options.size
        self.machine = machine
        self.handle = handle
        self.random = random.Random(f"{options.seed} {row.name}{_suffix(handle)}")
        self.bytes = self.requests = 0
        self.verified = True
        self.errors: list[str] = []
        self.device_bytes = _statistics(handle).device_bytes
        if self.size > self.device_bytes:
            raise ValueError(
                f"--size must be at most {self.device_bytes} bytes, the size of the device; it was {self.size}"
            )

    def run(self, transfers: int, step: Step) -> None:
        """Run all transfers; a request that fails is noted, and the next one follows."""
        for _ in range(transfers):
            offset = self.random.randrange(0, self.device_bytes - self.size + 1, 4)
            data = self.random.randbytes(self.size)
            try:
                began = self.machine.target.now()
                self._count(self.handle.write(data, offset), began, step)
                began = self.machine.target.now()
                back = self.handle.read(self.size, offset)
                self._count(len(back), began, step)
            except IoError as error:
                self.errors.append(str(error))
                continue
            if back != data:
                self.verified = False
                self.errors.append(f"{self.handle.name}: {_difference(data, back, offset)}")

    def _count(self, moved: int, began: int, step: Step) -> None:
        self.requests += 1
        self.bytes += moved
        step(moved, self.machine.target.now() - began)

    def bus_clocks(self) -> tuple[int, int]:
        """(clocks that moved data, clocks that the device was busy) of one more write and one more read.

        These two transfers are not recorded, because the questions for the counters would show up in the latencies. The
        device counts the data phases of DMA; programmed I/O takes one data phase of the host for each dword.
        """
        self.handle.write(self.random.randbytes(self.size))
        write = _statistics(self.handle)
        self.handle.read(self.size)
        read = _statistics(self.handle)
        data_clocks = write.data_clocks + read.data_clocks or 2 * -(-self.size // 4)
        return data_clocks, write.busy_clocks + read.busy_clocks


def _suffix(handle: Handle) -> str:
    """The end of a seed, which gives each store data of its own; the first store has the data of a lone one."""
    return "" if handle.name == PROGRAM_NAME else f" {handle.name}"


def _statistics(handle: Handle) -> Statistics:
    return Statistics.unpack(handle.ioctl(IOCTL_STORE_GET_STATISTICS, b"", STATISTICS_BYTES))


def _difference(sent: bytes, received: bytes, offset: int) -> str:
    """A sentence on the first difference of two pieces of data."""
    if len(sent) != len(received):
        return f"{len(received)} bytes came back at {offset:#x} where {len(sent)} had been written"
    first = next(place for place, pair in enumerate(zip(sent, received, strict=True)) if pair[0] != pair[1])
    return f"byte {offset + first:#x} must be {sent[first]:#04x}; it was {received[first]:#04x}"
