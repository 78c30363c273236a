# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Pytest fixtures for driver tests: `machine`, `device` and `handle`, on the target that `--dirql-target` names.

    @pytest.mark.driver("dirql.drivers.store", interrupt="latched")
    def test_round_trip(handle):
        handle.write(b"abcd")
        assert handle.read(4) == b"abcd"

`@pytest.mark.needs("FAULT_INJECTION")` names capabilities of the target; on a target without one of them the test is
skipped. `@pytest.mark.machine(processors=2)` gives options of `open_machine`.

With `--dirql-target cocotb` the whole pytest run takes place inside the simulator. pytest loads this file in every
run, so modules of dirql are imported only where they are used.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from traceback import walk_tb
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Protocol, cast

import pytest

if TYPE_CHECKING:
    from dirql.driver_files import DriverModule
    from dirql.io.handle import Handle
    from dirql.io.objects import DeviceObject, DriverObject
    from dirql.ke.limits import Limits
    from dirql.machine import Machine
    from dirql.outputs import Folders, Outputs

__all__ = ["DriverMark"]


class Opener(Protocol):
    """The signature of `open_machine`, for options that come from a mark."""

    def __call__(self, **options: object) -> Machine:
        """Open a machine with `options`; returns the machine."""


class FixtureFunction(Protocol):
    """The signature of the function of a fixture that yields."""

    def __call__(self, *arguments: object, **named: object) -> Generator[object]:
        """Begin the fixture, which is asked for its value next."""


class Loader(Protocol):
    """The signature of `Machine.load_driver`, for options that come from a mark."""

    def __call__(self, driver: DriverModule, **options: object) -> DriverObject:
        """Load `driver` with `options`; returns the driver object."""


class _Frame(Protocol):
    """A frame of a traceback of pytest."""

    @property
    def lineno(self) -> int:
        """The number of the line; raises TypeError if there is none."""


class _PlainModules(MetaPathFinder):
    """Finds the modules of dirql as Python itself does.

    pytest rewrites the assertions of a plugin's whole package, and where it keeps no bytecode it compiles each module
    anew for that: a session that loads the kernel took twice as long to begin.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `MetaPathFinder`."""
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith("dirql.") else None


sys.meta_path.insert(0, _PlainModules())

STORE = "dirql.drivers.store"
_FAILED = pytest.StashKey[bool]()
_STOP = pytest.StashKey[str]()
"""The message of the error with which the test has failed."""
_COMPLAINTS = pytest.StashKey[list[str]]()
_FOLDERS: pytest.StashKey[Folders] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dirql", "driver tests against a machine")
    group.addoption(
        "--dirql-target",
        default="verilated",
        metavar="NAME",
        help="where the machine is that fixtures open: verilated, cocotb, the address of a board or a twin, or"
        " replay:FILE",
    )
    group.addoption(
        "--dirql-machine",
        metavar="NAME",
        help="the machine: a name that `dirql machines` lists, or a file; default: that of the twin, or `default`",
    )
    group.addoption("--dirql-seed", type=int, default=0, help="seed of scheduling, which takes turns at 0")
    group.addoption(
        "--dirql-memory-delays",
        type=int,
        metavar="SEED",
        help="make the host's RAM slow: reads of bus masters are answered after random times with this seed",
    )
    group.addoption(
        "--dirql-registry",
        type=Path,
        metavar="FILE",
        help="begin with the keys and values of this registry file, which stays as it is",
    )
    group.addoption("--dirql-processors", type=int, default=1, help="processors of the kernel")
    for kind, what in (
        ("waves", "all signals"),
        ("trace", "a Perfetto trace"),
        ("json", "the latencies"),
        ("record", "a recording for a replay"),
    ):
        group.addoption(
            f"--dirql-{kind}",
            type=Path,
            metavar="FOLDER",
            help=f"write {what} of each test to a file in this folder",
        )
    group.addoption(
        "--dirql-only-failed",
        action="store_true",
        help="keep the files of these options for tests that fail only",
    )
    group.addoption(
        "--dirql-limits",
        metavar="LIST",
        help="what counts as a hang, as request=1000000,poll=off; docs/checks.md has the names",
    )
    for kind, what in (
        ("pool", "poison, guards and quarantine of pool, which docs/checks.md explains"),
        ("buffer", "poison in the buffers of programs, and the look for bytes that nobody wrote"),
        ("race", "with a seed, the look for data that an ISR and other code of a driver both change"),
    ):
        group.addoption(f"--dirql-{kind}-checks", choices=("on", "off"), default="on", help=what)


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "needs(*capabilities): capabilities of the target (names of dirql.target.contract.Capability)",
        "machine(name, **options): the machine, and options of dirql.machine.open_machine, for the `machine` fixture",
        "driver(module, name=..., **options): the driver of `device` and `handle`, and options of load_driver",
    ):
        config.addinivalue_line("markers", line)
    _check_target(config)
    _make_folders(config)


def _check_target(config: pytest.Config) -> None:
    """Refuse a target that there is not before the first test; find the machine if none is named."""
    from dirql.target import check_target, machine_of
    from dirql.target.contract import TargetError

    target = config.getoption("dirql_target")
    try:
        check_target(target)
        if config.option.dirql_machine is None:
            config.option.dirql_machine = machine_of(target)
    except (ValueError, TargetError) as error:
        raise pytest.UsageError(f"--dirql-target: {error}") from error


def _make_folders(config: pytest.Config) -> None:
    """Make the folders for the files of tests. A file that cannot be written is refused before the first test."""
    names = ("dirql_waves", "dirql_trace", "dirql_json", "dirql_record")
    folders = [config.getoption(name) for name in names]
    if not any(folders):
        return
    from dirql.outputs import Folders

    if folders[0] is not None and config.getoption("dirql_target") != "verilated":
        raise pytest.UsageError(
            "--dirql-waves needs --dirql-target verilated; the clocks are the same on both"
        )
    waves, trace, json, record = folders
    wanted = Folders(waves, trace, json, record, config.getoption("dirql_only_failed"))
    try:
        wanted.make()
    except OSError as error:
        raise pytest.UsageError(
            "the folder of --dirql-waves, --dirql-trace, --dirql-json or --dirql-record must be one that can be written"
            f" to: {error}"
        ) from error
    config.stash[_FOLDERS] = wanted


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say before the tests how much their waves grow."""
    if config.getoption("dirql_waves") is None:
        return []
    from dirql.outputs import waves_growth

    return [f"dirql: {waves_growth()}: --dirql-limits clocks=N bounds each test"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the files of tests that could not be written; they cost no result of a test."""
    for complaint in config.stash.get(_COMPLAINTS, []):
        terminalreporter.write_line(f"dirql: {complaint}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in which files are missing that were asked for does not exit with 0."""
    if session.config.stash.get(_COMPLAINTS, []) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a driver's mistake without dirql's frames, and remember that a test has failed, for the files it leaves."""
    if call.excinfo is None:
        return (yield)
    from dirql.tracebacks import explain_to_program

    explain_to_program(call.excinfo.value)
    error = _mistake(call.excinfo.value)
    if error is None or item.config.option.fulltrace:
        report = yield
    else:
        with _shortened(call, error):
            report = yield
        _put_reason_first(report, error)
    if report.failed:
        item.stash[_FAILED] = True
        item.stash[_STOP] = str(call.excinfo.value)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let each fixture of a test with a machine end as dirql's own do, also when the machine has stopped."""
    function = fixturedef.func
    if not inspect.isgeneratorfunction(function) or "machine" not in request.fixturenames:
        return (yield)
    vars(fixturedef)["func"] = _ends_well(cast("FixtureFunction", function), request.node)
    try:
        return (yield)
    finally:
        vars(fixturedef)["func"] = function


def _ends_well(function: FixtureFunction, node: pytest.Item) -> FixtureFunction:
    """A fixture that yields, whose end neither repeats the error of its test nor keeps other fixtures from ending."""

    @functools.wraps(function)
    def fixture(*arguments: object, **named: object) -> Generator[object]:
        steps = function(*arguments, **named)
        for value in steps:
            yield value
            break
        goes_on = False
        with _stops_are_failures(node.stash.get(_STOP, None)):
            goes_on = next(steps, steps) is not steps
        if goes_on:
            yield None  # which pytest refuses

    return fixture


def _mistake(raised: BaseException) -> BaseException | None:
    """The error about a driver that has failed a test, or that `_stops_are_failures` has turned into a failure."""
    from dirql.tracebacks import shows_driver

    error = raised.__cause__ if isinstance(raised, pytest.fail.Exception) and raised.__cause__ else raised
    return error if shows_driver(error) else None


@contextmanager
def _shortened(call: pytest.CallInfo[None], error: BaseException) -> Iterator[None]:
    """Let pytest see a traceback without dirql's frames in the block; the error is then as before."""
    from dirql.tracebacks import shown_traceback

    before, cause, excinfo = error.__traceback__, error.__cause__, call.excinfo
    shown = shown_traceback(error)
    if all(
        _is_of_pytest(frame) for frame, _ in walk_tb(shown)
    ):  # a fixture failed, and no code of the driver ran
        message = f"{type(error).__name__}: {error}"
        stand_in = pytest.fail.Exception(message, pytrace=False).with_traceback(before)
        call.excinfo = pytest.ExceptionInfo.from_exception(stand_in)
    else:
        error.__traceback__, error.__cause__, error.__suppress_context__ = shown, None, True
        call.excinfo = pytest.ExceptionInfo.from_exception(error)
    try:
        yield
    finally:
        error.__traceback__, error.__cause__, call.excinfo = before, cause, excinfo


def _is_of_pytest(frame: FrameType) -> bool:
    return not {"_pytest", "pluggy"}.isdisjoint(Path(frame.f_code.co_filename).parts)


def _put_reason_first(report: pytest.TestReport, error: BaseException) -> None:
    """Let the line of the summary begin with the reason; pytest cuts it off at the width of the terminal."""
    from dirql.tracebacks import reason_of

    reason = reason_of(error)
    crash = getattr(report.longrepr, "reprcrash", None)
    if reason is not None and crash is not None:
        crash.message = reason


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Leave out frames without a line, at which pytest would end with an INTERNALERROR and the exit status 1.

    Python 3.11 has instructions without a line, and Ctrl-C can come at each of them.
    """
    excinfo.traceback = excinfo.traceback.filter(_has_line)


def _has_line(entry: _Frame) -> bool:
    try:
        return entry.lineno >= 0
    except TypeError:
        return False


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Start pytest again inside the simulator, if the target needs that."""
    from dirql.target import inside_simulator, machine_of, run_in_simulator

    if config.getoption("dirql_target") != "cocotb" or inside_simulator() or config.option.help:
        return None
    return run_in_simulator(
        "dirql.pytest_plugin:run_session",
        [str(word) for word in config.invocation_params.args],
        machine=config.getoption("dirql_machine") or machine_of("cocotb"),
    )


def run_session(arguments: Sequence[str]) -> int:
    """Run pytest inside the simulator; returns the exit status."""
    # pytest warns that dirql was imported before its assertions could be rewritten; dirql has none to rewrite.
    quiet = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
    return int(pytest.main([*quiet, *arguments]))


def _capability_names(node: pytest.Item) -> list[str]:
    return [str(name) for mark in node.iter_markers("needs") for name in mark.args]


def _skip_without(machine: Machine, names: Sequence[str]) -> None:
    """Skip the test if the machine's target lacks one of the named capabilities."""
    from dirql.target.contract import Capability

    unknown = [name for name in names if name not in Capability.__members__]
    if unknown:
        raise pytest.UsageError(
            f"needs: a capability must be one of {', '.join(Capability.__members__)}; it was {', '.join(unknown)}"
        )
    missing = [Capability[name] for name in names if Capability[name] not in machine.target.capabilities]
    if missing:
        wanted = "; ".join(f"{capability.name} ({capability.value})" for capability in missing)
        pytest.skip(f"target {machine.target.name} lacks {wanted}")


def _marked_options(node: pytest.Item, known: Sequence[str]) -> dict[str, object]:
    """The options, all of them `known`, that the mark `machine` of a test gives; one without a name is the machine."""
    mark = node.get_closest_marker("machine")
    if mark is None:
        return {}
    options: dict[str, object] = dict(mark.kwargs)
    for name in mark.args[:1]:
        options["machine"] = name
    unknown = [name for name in options if name not in known]
    if unknown or len(mark.args) + ("machine" in mark.kwargs) > 1:
        given = [*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())]
        raise pytest.UsageError(
            f"the mark machine must have one machine, and options of open_machine, which are {', '.join(known)};"
            f" it had {', '.join(given)}"
        )
    if isinstance(options.get("registry"), str | Path):  # from the test's folder, as the file of a driver is
        options["registry"] = node.path.parent / str(options["registry"])
    return options


def _limits(config: pytest.Config) -> Limits:
    """The limits of the watch over hangs that the command line chooses."""
    from dirql.ke.limits import Limits

    text = config.getoption("dirql_limits")
    try:
        return Limits() if text is None else Limits.parse(text)
    except ValueError as error:
        raise pytest.UsageError(f"--dirql-limits: {error}") from error


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine just out of reset, without a function driver.

    The test fails if closing it finds a leak, or if a driver has made a mistake that NT lets pass.
    """
    from dirql.machine import open_machine
    from dirql.target import MemoryDelays

    config = request.config
    delays = config.getoption("dirql_memory_delays")
    options: dict[str, object] = {
        "target": config.getoption("dirql_target"),
        "machine": config.getoption("dirql_machine"),
        "seed": config.getoption("dirql_seed"),
        "processors": config.getoption("dirql_processors"),
        "memory_delays": None if delays is None else MemoryDelays(delays),
        "limits": _limits(config),
        "pool_checks": config.getoption("dirql_pool_checks") == "on",
        "buffer_checks": config.getoption("dirql_buffer_checks") == "on",
        "race_checks": config.getoption("dirql_race_checks") == "on",
        "registry": config.getoption("dirql_registry"),
    }
    options.update(_marked_options(request.node, list(inspect.signature(open_machine).parameters)))
    if options["target"] == "cocotb" and options["machine"] != config.getoption("dirql_machine"):
        pytest.skip(f"the simulator runs another machine; run with --dirql-machine {options['machine']}")
    outputs = _outputs(request.node)
    if outputs is not None and outputs.waves is not None:
        options.setdefault("waves", outputs.waves)
    if outputs is not None and outputs.recording is not None:
        options.setdefault("record", outputs.recording)
    opened = cast("Opener", open_machine)(**options)
    try:
        _skip_without(opened, _capability_names(request.node))
        if outputs is not None:
            outputs.begin(opened)
        yield opened
    finally:
        with _files_written(request.node, outputs), _stops_are_failures():
            try:
                if outputs is not None:
                    outputs.end()
            finally:
                opened.close()
                _complaints(config).extend(opened.target.complaints)
            if not request.node.stash.get(_FAILED, False):
                _fail_for_defects(opened)


def _complaints(config: pytest.Config) -> list[str]:
    """The sentences about files that could not be written, which the end of the session shows."""
    return config.stash.setdefault(_COMPLAINTS, [])


def _fail_for_defects(machine: Machine) -> None:
    """Fail the test for mistakes that are still in `Machine.defects`."""
    if machine.defects:
        found = "".join(f"\n  {row}: {sentence}" for row, sentence in machine.defects)
        pytest.fail(
            "drivers made mistakes that NT lets pass; a test that expects them takes them out of machine.defects:"
            + found,
            pytrace=False,
        )


def _outputs(node: pytest.Item) -> Outputs | None:
    """The files of a test, None without an option that asks for them."""
    folders = node.config.stash.get(_FOLDERS, None)
    if folders is None:
        return None
    from dirql.outputs import Outputs

    return Outputs(folders, node.nodeid)


@contextmanager
def _files_written(node: pytest.Item, outputs: Outputs | None) -> Iterator[None]:
    """Write the files of a test at the end of the block, in which the machine is closed."""
    failed = True
    try:
        yield
        failed = node.stash.get(_FAILED, False)
    finally:
        if outputs is not None:
            _complaints(node.config).extend(outputs.write(failed=failed))


@contextmanager
def _stops_are_failures(told: str | None = None) -> Iterator[None]:
    """A bug check or a deadlock while a fixture begins or ends fails this test, and does not disturb the next ones.

    Both exceptions derive from BaseException; if they were not converted, pytest would skip the teardown. `told` is the
    message of the error with which the test has failed already; it is not told again.
    """
    from dirql.ke.bugcheck import BugCheck
    from dirql.ke.threads.dispatcher import Deadlock

    try:
        yield
    except (BugCheck, Deadlock) as stop:
        if str(stop) == told:
            return
        raise pytest.fail.Exception(f"{type(stop).__name__}: {stop}") from stop


@dataclass(frozen=True, slots=True)
class DriverMark:
    """The driver that `@pytest.mark.driver` names; without the mark, the store driver.

    The driver is a module, a module's name, or the path of a file or folder from the test's folder: a file that ends in
    `.py`, or a driver in C.
    """

    module: DriverModule
    name: str
    """The name of the device that `handle` opens."""
    options: Mapping[str, object]

    @classmethod
    def of(cls, node: pytest.Item) -> DriverMark:
        """The nearest mark of a test."""
        from dirql.drivers.store.interface import PROGRAM_NAME

        mark = node.get_closest_marker("driver")
        options = dict(mark.kwargs) if mark else {}
        module = mark.args[0] if mark and mark.args else STORE
        name = options.pop("name", PROGRAM_NAME)
        if isinstance(module, str | Path):
            from dirql.driver_files import find_driver

            try:
                module = find_driver(module, node.path.parent)
            except ValueError as error:
                raise pytest.UsageError(f"the mark driver: {error}") from error
        return cls(module, str(name), options)


@pytest.fixture
def device(machine: Machine, request: pytest.FixtureRequest) -> DeviceObject:
    """The first device object of the driver that the test's `driver` mark names, loaded and started."""
    from dirql.driver_files import service_name

    driver = DriverMark.of(request.node)
    with _stops_are_failures():
        loaded = cast("Loader", machine.load_driver)(driver.module, **driver.options)
    if loaded.device_object is None:
        pytest.fail(
            f"{service_name(driver.module)} found no device to drive; its HARDWARE_IDS must name one on the bus"
        )
    return loaded.device_object


@pytest.fixture
def handle(device: DeviceObject, machine: Machine, request: pytest.FixtureRequest) -> Iterator[Handle]:
    """An open handle of `device`, closed after the test."""
    with _stops_are_failures():
        opened = machine.open(DriverMark.of(request.node).name)
    yield opened
    if machine.kernel.stopped is None:
        with _stops_are_failures():
            opened.close()
