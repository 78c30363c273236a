# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The main job, `dirql run`: verified transfers through the store driver, and the latency of each stage."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import NamedTuple

from rich.console import Console

from dirql import __version__
from dirql.driver_files import DriverModule, driver_module, file_beside, find_driver, scenario_file
from dirql.drivers import store
from dirql.drivers.store.interface import (
    IOCTL_STORE_SET_MODE,
    TransferMode,
    program_name,
)
from dirql.files import FileNotWritten
from dirql.hardware.description import MachineDescription
from dirql.io.errors import IoError
from dirql.ke.bugcheck import BugCheck
from dirql.ke.limits import Limits
from dirql.ke.watch.deadlock import Deadlock
from dirql.load import SCENARIO, OpenLoad, ScenarioCalls, scenario_of
from dirql.machine import LeakReport, Machine, open_machine
from dirql.outputs import VCD_BYTES_PER_CLOCK, waves_growth
from dirql.registers.functions import Store
from dirql.report import run_json, table
from dirql.report.progress import Display, Step, show
from dirql.report.results import JobResult, ModeResult, Verdict, summarize_defects
from dirql.shares import Offer, ShareFailed, possible_processes, run_shares
from dirql.target import inside_simulator
from dirql.target.contract import LinkLost
from dirql.target.simulation.build import announce_on_stderr
from dirql.trace import perfetto
from dirql.trace.histogram import Histogram
from dirql.trace.host_times import HostTimes
from dirql.trace.recorder import Recorder
from dirql.trace.run import Run
from dirql.transfer_checks import TransferChecks
from dirql.transfers import BUFFER_BAR, GUARD, HeldData, Transfers, told_of_loss

__all__ = ["MODES", "Options", "run", "warn_of_size"]


STORE = "store"
"""The function that the job uses; the machine may have several."""

DMA = "dma"
MODES = {
    "polled": TransferMode.POLLED,
    "timer": TransferMode.TIMER_POLLED,
    "interrupt": TransferMode.INTERRUPT,
    DMA: TransferMode.DMA,
}
_POLLING = ("polled", "timer")

_REGISTERS_BAR = 0
"""The base address register of the store's registers."""

_WORKERS = 16
"""The most requests of an open load that are under way at once for one device; more wait until one of them ends."""

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
    rate: int | None
    driver: Path | None
    waves: Path | None
    json: Path | None
    trace: Path | None
    record: Path | None = None
    limits: Limits = field(default_factory=Limits)
    pool_checks: bool = True
    buffer_checks: bool = True
    race_checks: bool = True
    has_scenario: bool = True
    """Whether the driver makes its own transfers; `run` finds it out."""

    @property
    def makes_transfers(self) -> bool:
        """Whether the transfers are those of the job, through a store driver, and not those of a scenario."""
        return self.driver is None or not self.has_scenario


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


def _modes(options: Options) -> list[str]:
    """The modes of the options that all stores of the machine have."""
    stores = options.machine.functions_named(STORE)
    return [mode for mode in options.mode if mode != DMA or all(store.bus_master for store in stores)]


def _rows(options: Options) -> Iterator[Row]:
    """The rows to run, grouped by the kind of interrupt, which is chosen when the driver is loaded."""
    if options.driver is not None and options.has_scenario:
        yield from (Row(options.driver.stem, kind) for kind in options.interrupt)
        return
    yield from (Row(mode, None) for mode in options.mode if mode in _POLLING)
    for kind in _kinds(options):
        yield from (Row(mode, kind) for mode in _modes(options) if mode not in _POLLING)


def run(options: Options) -> int:
    """Run the job and show its result; the exit status is 0 only if all data was right and nothing leaked.

    The status is 2 if all that was so, and a file could not be written. An error that ended the job behind its first
    row is raised when the rows before it have been shown and written.
    """
    console = Console()
    runs: list[Run] = []
    options = replace(options, has_scenario=_has_scenario(options.driver))
    warn_of_size(options)
    result, complaints, failure = _measure(options, console, runs)
    table.render(console, result)
    complaints += _write_files(options, result, runs, console)
    for complaint in complaints:
        console.print(complaint, style="red", highlight=False, markup=False, soft_wrap=True)
    if failure is not None:
        raise failure
    if result.verdict is not Verdict.PASS:
        return 1
    return 2 if complaints else 0


def _write_files(options: Options, result: JobResult, runs: Sequence[Run], console: Console) -> list[str]:
    """Write the files that were asked for, and say what there is not; returns a sentence for each that failed."""
    complaints: list[str] = []
    for sentence in _absent_rows(options):
        console.print(sentence, highlight=False, markup=False)
    for path, write in _exports(options, result, runs):
        try:
            write(path)
        except FileNotWritten as error:
            complaints.append(str(error))
        else:
            console.print(f"wrote {path}", highlight=False, markup=False, soft_wrap=True)
    for recorded in runs:
        if recorded.forgotten:
            console.print(f"{recorded.name}: the trace has the last {len(recorded.events):,} event records")
    return complaints


def _absent_rows(options: Options) -> Iterator[str]:
    """A sentence for each mode and each kind of interrupt that was asked for, and that the stores do not have."""
    stores = f"the stores of {options.machine.name}"
    for mode in options.mode:
        if options.makes_transfers and mode not in _modes(options):
            yield f"There is no row for {mode}: {stores} have programmed I/O alone."
    for kind in options.interrupt:
        if kind not in _kinds(options):
            yield f"There is no row for {kind}: {stores} have no such interrupts."


_CLOCKS_PER_DWORD = {"polled": 6.2, "timer": 16.9, "interrupt": 7.0, "dma": 1.2}
_CLOCKS_PER_REQUEST = 300
_LARGE = 1_000_000_000
"""Waves are announced from this number of bytes on. The figures above were measured with the machine `default`."""
_LONGEST_FIRST = ("interrupt", "timer", "polled", "dma")
"""The modes by the time of this computer that their rows take, so that processes have short rows left at the end."""
_WORTHWHILE = 2_000_000
"""The job is divided among processes from this number of clocks on, which take about a second."""


def warn_of_size(options: Options) -> None:
    """Say before a run with waves if the file is going to be large."""
    if options.waves is None or inside_simulator():
        return
    if not options.makes_transfers:
        announce_on_stderr(f"dirql: {waves_growth()}: fewer --transfers make the file smaller")
        return
    clocks = _expected_clocks(options)
    if clocks * VCD_BYTES_PER_CLOCK >= _LARGE:
        announce_on_stderr(
            f"dirql: about {clocks / 1e6:,.0f} million clocks of waves, which are"
            f" {clocks * VCD_BYTES_PER_CLOCK / 1e9:,.0f} GB as VCD, and less as FST: fewer --transfers, a smaller"
            " --size or one --mode make the file smaller"
        )


def _expected_clocks(options: Options) -> float:
    """The bus clocks of all rows, roughly."""
    requests = 2 * options.transfers * len(options.machine.functions_named(STORE))
    dwords = -(-options.size // 4)
    return sum(
        requests * (_CLOCKS_PER_REQUEST + dwords * _CLOCKS_PER_DWORD[row.mode]) for row in _rows(options)
    )


def _exports(
    options: Options, result: JobResult, runs: Sequence[Run]
) -> Iterator[tuple[Path, Callable[[Path], None]]]:
    if options.json is not None:
        yield options.json, lambda path: run_json.write(path, result)
    if options.trace is not None:
        yield options.trace, lambda path: perfetto.write(path, runs)


def _open(options: Options) -> Machine:
    return open_machine(
        options.target,
        machine=options.machine,
        processors=options.processors,
        seed=options.seed,
        waves=options.waves,
        record=options.record,
        limits=options.limits,
        pool_checks=options.pool_checks,
        buffer_checks=options.buffer_checks,
        race_checks=options.race_checks,
    )


def _measure(
    options: Options, console: Console, runs: list[Run]
) -> tuple[JobResult, list[str], BaseException | None]:
    """Run all rows; returns the target's complaints, too, and the error that ended the job early.

    The rows run on one machine, unless their figures are the same without that and several processors are free.
    """
    module = None if options.driver is None else find_driver(options.driver)
    scenarios = (
        None
        if options.driver is None or not options.has_scenario
        else driver_module(scenario_file(options.driver))
    )
    if scenarios is None and not options.machine.functions_named(STORE):
        raise ValueError(f"--machine must name a machine with a store; {options.machine.name} has none")
    if not list(_rows(options)):
        if not _modes(options):
            raise ValueError(
                f"--mode must name a mode that the stores of {options.machine.name} have; they have programmed I/O"
                f" alone, and no {DMA}"
            )
        raise ValueError(
            f"--interrupt must name a kind that the stores of {options.machine.name} have; they have no"
            f" {' and no '.join(options.interrupt)} interrupts"
        )
    if options.makes_transfers:
        _check_size(options)
    shared = _measure_shares(options, console)
    if shared is not None:
        return shared, [], None
    modes: list[ModeResult] = []
    leaks: tuple[str, ...] = ()
    machine = _open(options)
    failure: BaseException | None = None
    try:
        machine.memory_manager.process.guard = GUARD
        with machine, show(console) as display:
            _run_rows(machine, module, scenarios, options, list(_rows(options)), display, modes, runs)
    except LeakReport as report:
        leaks = report.leaks
    except (Exception, BugCheck, Deadlock) as error:
        if not modes:
            raise
        failure = error
    return _job_result(machine, options, modes, leaks, failure), list(machine.target.complaints), failure


def _check_size(options: Options) -> None:
    """Raise `ValueError` if a transfer does not fit into each store."""
    least = min(each.bar_size(BUFFER_BAR) for each in options.machine.functions_named(STORE))
    if options.size > least:
        raise ValueError(
            f"--size must be at most {least} bytes, the size of the device; it was {options.size}"
        )


def _measure_shares(options: Options, console: Console) -> JobResult | None:
    """Run the rows in several processes, each with a machine of its own; None if they must run on one machine.

    They must, too, if anything went wrong: the job then runs once more, and reports what goes wrong there.
    """
    rows = list(_rows(options))
    processes = min(possible_processes(), len(rows)) if _may_be_shared(options) else 1
    if processes < 2:
        return None
    with _open(options):
        pass  # the machine is compiled, if need be, before it is needed by several at once
    order = sorted(range(len(rows)), key=lambda number: _LONGEST_FIRST.index(rows[number].mode))
    offer = Offer(order)
    try:
        with show(console) as display:
            task = partial(_run_share, options, (rows[number] for number in offer.take()))
            results = run_shares([row.name for row in rows], [task] * processes, display)
    except ShareFailed as failed:
        again = f"{failed} All rows run again on one machine."
        console.print(again, highlight=False, markup=False, soft_wrap=True)
        return None
    finally:
        offer.close()
    modes = {mode.name: mode for result in results for mode in result.modes}
    return replace(results[0], modes=tuple(modes[row.name] for row in rows))


def _may_be_shared(options: Options) -> bool:
    """Whether several processes are worthwhile, and what a row shows does not depend on those before it."""
    files = options.waves, options.trace, options.record
    is_free = (
        options.target == "verilated"
        and options.driver is None
        and options.rate is None
        and files == (None, None, None)
        and options.processors == 1
        and not options.seed
        and options.limits == Limits()
        and len(options.machine.functions_named(STORE)) == 1
    )
    return is_free and _expected_clocks(options) >= _WORTHWHILE


def _run_share(options: Options, rows: Iterable[Row], display: Display) -> JobResult | None:
    """Run these rows on a machine of their own; None if that is not a full success."""
    modes: list[ModeResult] = []
    machine = _open(options)
    machine.memory_manager.process.guard = GUARD
    with machine:
        _run_rows(machine, None, None, options, rows, display, modes, [])
    result = _job_result(machine, options, modes, (), None)
    return result if result.verdict is Verdict.PASS and not machine.target.complaints else None


def _has_scenario(driver: Path | None) -> bool:
    """Whether the transfers are those of a scenario; a driver for the store can do without one."""
    if driver is None:
        return False
    file = driver if driver.suffix == ".py" else file_beside(driver)
    if file.is_file() and hasattr(driver_module(file), SCENARIO):
        return True
    return Store.HARDWARE_ID not in getattr(find_driver(driver), "HARDWARE_IDS", ())


def _run_rows(
    machine: Machine,
    module: DriverModule | None,
    scenarios: ModuleType | None,
    options: Options,
    rows: Iterable[Row],
    display: Display,
    modes: list[ModeResult],
    runs: list[Run],
) -> None:
    """Run these rows, and add the result of each to `modes`; the driver is loaded anew for each row."""
    for row in rows:
        if machine.target.removed is not None:
            raise LinkLost(f"the job ended before {row.name}: {machine.target.removed}")
        with told_of_loss(machine, row.name):
            driver = machine.load_driver(
                store if module is None else module, interrupt=row.interrupt or "level"
            )
            if scenarios is None:
                result, recorded = _run_row(machine, row, options, display)
            else:
                result, recorded = _run_scenario(machine, scenarios, row, options, display)
        modes.append(result)
        if options.trace is not None:
            runs.append(recorded)
        with told_of_loss(machine, row.name):
            machine.unload_driver(driver)


def _job_result(
    machine: Machine,
    options: Options,
    modes: Sequence[ModeResult],
    leaks: tuple[str, ...],
    failure: BaseException | None,
) -> JobResult:
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
            "rate": options.rate,
            "driver": None if options.driver is None else str(options.driver),
        },
        modes=tuple(modes),
        leaks=leaks,
        defects=summarize_defects(machine.defects),
        floor=machine.target.floor,
        stopped=None if failure is None else _stop(options, modes, failure),
    )


def _stop(options: Options, modes: Sequence[ModeResult], failure: BaseException) -> str:
    """A sentence that says in which row the job has ended, and why."""
    rows = [row.name for row in _rows(options)]
    where = rows[min(len(modes), len(rows) - 1)]
    reason = str(failure).partition("\n")[0] or type(failure).__name__
    return f"the job ended in {where}, and the tables have the rows before it alone: {reason}"


def _run_row(machine: Machine, row: Row, options: Options, display: Display) -> tuple[ModeResult, Run]:
    """Run and record the transfers of one row, with all stores of the machine at once."""
    numbers = range(len(options.machine.functions_named(STORE)))
    alone = len(numbers) == 1 and options.rate is None
    with ExitStack() as open_handles:
        with _told_of_names(options):
            stores = [
                Transfers(
                    f"{options.seed} {row.name}",
                    options.size,
                    machine,
                    open_handles.enter_context(machine.open(program_name(number))),
                    HeldData(machine, machine.device_window(STORE, number, bar=BUFFER_BAR), alone=alone),
                )
                for number in numbers
            ]
            for each in stores:
                each.handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack("<I", MODES[row.mode]))
        times = None if machine.target.floor is None else HostTimes(machine.io.hooks)
        started = perf_counter()
        with (
            display.mode(row.name, 2 * options.transfers * len(stores), "requests") as step,
            _recorder(machine, row, options) as recorder,
            times or nullcontext(),
        ):
            arrivals, kept_up = _run_together(machine, stores, options, step)
        wall = perf_counter() - started
        recorded = recorder.finish()
        checked = sum(each.held.clocks for each in stores)
        for number, each in enumerate(stores):
            each.check_all()
            if not each.errors:
                TransferChecks(each, machine.device_window(STORE, number, bar=_REGISTERS_BAR)).run()
        failed = any(each.errors for each in stores)
        clocks = [(0, 0) if failed else each.bus_clocks() for each in stores]
    result = ModeResult(
        mode=row.mode,
        interrupt=row.interrupt,
        size=options.size,
        transfers=options.transfers * len(stores),
        bytes=sum(each.bytes for each in stores),
        irps=sum(each.requests for each in stores),
        clocks=recorded.clocks - checked,
        data_clocks=sum(data for data, _ in clocks),
        busy_clocks=sum(busy for _, busy in clocks),
        wall_seconds=wall,
        verified=all(each.verified for each in stores),
        errors=tuple(error for each in stores for error in each.errors),
        analysis=recorder.analysis(),
        rate=options.rate,
        arrivals=arrivals,
        host_microseconds=None if times is None else times.histogram(),
        kept_up=kept_up,
    )
    return result, recorded


@contextmanager
def _told_of_names(options: Options) -> Iterator[None]:
    """Say what a driver must have to be measured without a scenario, if it lacks that."""
    try:
        yield
    except IoError as error:
        if options.driver is None:
            raise
        raise ValueError(
            f"{options.driver} must have a generator {SCENARIO}(machine) that opens the device and yields a routine"
            " transfer(number), which docs/measuring.md shows, or the names and the control codes of the store driver"
            f" (dirql.drivers.store.interface); it has no scenario, and {error.strerror or error}"
        ) from error


def _recorder(machine: Machine, row: Row, options: Options) -> Recorder:
    keep = 0 if options.trace is None else _TRACED
    return Recorder(machine.target, machine.kernel, machine.io.hooks, row.name, keep)


def _run_together(
    machine: Machine, stores: Sequence[Transfers], options: Options, step: Step
) -> tuple[Histogram | None, bool]:
    """Run the transfers of all stores: each in a thread of the program of its own, or as the requests arrive.

    Returns the times from the scheduled arrivals, None for a closed load, and whether the driver kept up with them.
    """
    if options.rate is not None:
        workers = [worker for each in stores for worker in each.workers(step, _WORKERS)]
        load = OpenLoad(machine, options.rate)
        return load.run(2 * options.transfers * len(stores), workers), load.kept_up
    threads = [machine.create_thread(partial(each.run, options.transfers, step)) for each in stores[1:]]
    stores[0].run(options.transfers, step)
    for thread in threads:
        thread.join()
    return None, True


def _run_scenario(
    machine: Machine, module: ModuleType, row: Row, options: Options, display: Display
) -> tuple[ModeResult, Run]:
    """Run and record the transfers that the scenario in a driver's file makes."""
    with scenario_of(module)(machine) as transfer:
        calls = ScenarioCalls(machine, transfer)
        started = perf_counter()
        with (
            display.mode(row.name, options.transfers, "transfers") as step,
            _recorder(machine, row, options) as recorder,
        ):
            arrivals, kept_up = None, True
            if options.rate is None:
                for _ in range(options.transfers):
                    calls.run(step)
            else:
                workers = [partial(calls.run, step)] * _WORKERS
                load = OpenLoad(machine, options.rate)
                arrivals, kept_up = load.run(options.transfers, workers), load.kept_up
        wall = perf_counter() - started
        recorded = recorder.finish()
    analysis = recorder.analysis()
    if not analysis.counts.irps:
        calls.errors.append(
            "no request was made: the routine of the scenario must make the requests to measure"
        )
    result = ModeResult(
        mode=row.mode,
        interrupt=row.interrupt,
        size=0,
        transfers=options.transfers,
        bytes=calls.bytes,
        irps=analysis.counts.irps,
        clocks=recorded.clocks,
        data_clocks=0,
        busy_clocks=0,
        wall_seconds=wall,
        verified=calls.verified,
        errors=tuple(calls.errors),
        analysis=analysis,
        rate=options.rate,
        arrivals=arrivals,
        kept_up=kept_up,
    )
    return result, recorded
