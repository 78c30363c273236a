# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine under cocotb: building the simulator, and running a Python function inside it.

`run_in_simulator` starts a second process, the simulator, which embeds Python and calls the function there;
`dirql.target.simulation.cocotb` runs in it. Standard streams and the terminal are passed through, and cocotb's own log
is quiet.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.reading import DEFAULT_MACHINE, describe
from dirql.hardware.render import CHASSIS, TOP, generated_files, hdl_files
from dirql.hardware.root import machine_root
from dirql.target.contract import TargetError
from dirql.target.simulation.build import (
    Announce,
    Recipe,
    announce_on_stderr,
    build,
    find_built,
    verilated_sources,
    write_generated,
)
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import SetupError, Toolchain, find_toolchain, pip_install
from dirql.target.simulation.units import SIMULATOR_OPTIONS, SLOW, find_runtime, write_unit

__all__ = ["INTERRUPTED", "SimulatorError", "build_simulator", "inside_simulator", "run_in_simulator"]

INTERRUPTED = "interrupted"
"""The file, in the folder of an order, that says that Ctrl-C was pressed."""
_TOP = "harness"
_ORDER = "DIRQL_SIMULATOR_ORDER"
"""The environment variable that names the folder with the order for a simulator; set only inside a simulator."""


class SimulatorError(TargetError):
    """The simulator ended before the function in it had returned."""


def inside_simulator() -> bool:
    """Return whether this process is a simulator that `run_in_simulator` started."""
    return _ORDER in os.environ


def build_simulator(
    machine: MachineDescription, announce: Announce = announce_on_stderr, root: Path | None = None
) -> Path:
    """The simulator's executable, from the cache or compiled now; raises `SetupError` or `BuildError`."""
    recipe = _recipe(machine, root or machine_root(), *_cocotb_folders())
    try:
        toolchain = find_toolchain()
    except SetupError:
        built = find_built(recipe)  # which needs no compiler
        if built is None:
            raise
        return built
    return build(recipe, toolchain, announce)


def run_in_simulator(
    entry: str,
    arguments: Sequence[str] = (),
    *,
    machine: str | Path | MachineDescription = DEFAULT_MACHINE,
    seed: int = 0,
    announce: Announce = announce_on_stderr,
) -> int:
    """Call `entry` ("package.module:function") with the list of arguments in the simulator; returns its exit status.

    The status is the function's result or the code of its `SystemExit`; None is 0. Ctrl-C goes to the simulator, where
    it is a `KeyboardInterrupt` in that function; the status is then 130. `seed` fixes Python's hashes and cocotb's
    random numbers. Raises `SetupError`, `BuildError`, and `SimulatorError` if the simulator dies.
    """
    described = describe(machine)
    executable = build_simulator(described, announce)
    with tempfile.TemporaryDirectory(prefix="dirql-") as name:
        folder = Path(name)
        order = {
            "entry": entry,
            "arguments": list(arguments),
            "folder": str(Path.cwd()),
            "machine": str(described.path),
        }
        (folder / "order.json").write_text(json.dumps(order), encoding="utf-8")
        exchange = _make_exchange(folder)
        try:
            with _interrupts_left_to_simulator(folder / INTERRUPTED):
                ending = _start(executable, folder, _environment(folder, exchange, seed), seed)
                return _status(folder, ending)
        finally:
            exchange.unlink(missing_ok=True)


def _cocotb_folders() -> tuple[Path, Path]:
    """Find cocotb's folders of libraries and of shared files."""
    try:
        from cocotb_tools import config
    except ImportError:
        raise SetupError(
            "cocotb, which runs the machine in a simulator, is not installed", pip_install("cocotb>=2.1")
        ) from None
    return Path(config.libs_dir), Path(config.share_dir)


# Building.


def _recipe(machine: MachineDescription, root: Path, libraries: Path, share: Path) -> Recipe:
    sim = root / "sim"
    own = [*sorted((sim / "exchange").iterdir()), *sorted((sim / "cocotb").iterdir())]
    main = share / "lib" / "verilator" / "verilator.cpp"
    verilate, link = _verilator_options(machine), _linker_options(libraries)

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        write_generated(folder, machine)
        sources = [
            str(path)
            for path in (
                *hdl_files(machine, root),
                folder / CHASSIS,
                folder / TOP,
                sim / "cocotb" / "harness.sv",
            )
        ]
        yield [[*toolchain.command, *verilate, f"-I{folder}", "--Mdir", str(folder), *sources]]
        yield from _compile_stages(folder, toolchain, sim, main, link)

    return Recipe(
        name=f"cocotb-{machine.name}",
        product=_TOP,
        duration="this usually takes about a minute",
        inputs=[*hdl_files(machine, root), *own, sim / "generated" / "protocol.h", main],
        facts=[*generated_files(machine).values(), *verilate, *SIMULATOR_OPTIONS, *link],
        steps=steps,
    )


def _compile_stages(
    folder: Path, toolchain: Toolchain, sim: Path, main: Path, link: Sequence[str]
) -> Iterator[Stage]:
    """The stages that make the program of the files that Verilator has written into the folder."""
    folders = [
        folder,
        toolchain.include,
        toolchain.include / "vltstd",
        sim / "exchange",
        sim / "generated",
    ]
    model, runtime = verilated_sources(folder), find_runtime(toolchain, simulator=True)
    slow = [name for name in model if name.endswith(SLOW)]
    write_unit(folder / "model.cc", [*(name for name in model if name not in slow), main])
    write_unit(folder / "exchange.cc", [sim / "cocotb" / "exchange_dpi.cpp"])
    write_unit(folder / "constructors.cc", slow)
    options = [*SIMULATOR_OPTIONS, *(f"-I{folder}" for folder in folders)]
    units = {"model": "-O1", "exchange": "-O1", "constructors": "-O0"}
    start = [*toolchain.cxx.command, *options, "-c"]
    compiling = [
        [*start, level, str(folder / f"{unit}.cc"), "-o", str(folder / f"{unit}.o")]
        for unit, level in units.items()
    ]
    yield [*compiling, *runtime.making]
    objects = [*(str(folder / f"{unit}.o") for unit in units), runtime.product]
    yield [[*toolchain.cxx.command, "-pthread", *objects, *link, "-o", str(folder / _TOP)]]


def _verilator_options(machine: MachineDescription) -> list[str]:
    options = ["--cc", "--vpi", "--timing", "--top-module", _TOP, "--prefix", "Vtop", "--threads", "1", "-O3"]
    return [
        *options,
        "--x-assign",
        "fast",
        "--x-initial",
        "fast",
        "--noassert",
        "-Wno-fatal",
        "--timescale",
        "1ns/1ps",
        f"-GClockFrequency={machine.frequency}",
    ]


def _linker_options(libraries: Path) -> list[str]:
    return [
        f"-L{libraries}",
        *("-Xlinker", "-rpath", "-Xlinker", str(libraries)),
        "-lcocotbvpi_verilator",
    ]


# Running.


def _make_exchange(folder: Path) -> Path:
    """An empty file for both sides to map, in memory where the system has such a place."""
    in_memory = Path("/dev/shm")
    handle, name = tempfile.mkstemp(
        prefix="dirql-", dir=in_memory if os.access(in_memory, os.W_OK) else folder
    )
    os.close(handle)
    return Path(name)


def _environment(folder: Path, exchange: Path, seed: int) -> Mapping[str, str | None]:
    """Environment variables that differ for the simulator; None for one that it must not have."""
    return {
        _ORDER: str(folder),
        "DIRQL_EXCHANGE": str(exchange),
        "PYTHONHASHSEED": str(seed % 2**32),
        "PYTHONUNBUFFERED": "1",
        "COCOTB_LOG_LEVEL": "WARNING",
        "GPI_LOG_LEVEL": "WARNING",
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        # These would change how cocotb's runner runs the simulator.
        "PYTEST_CURRENT_TEST": None,
        "WAVES": None,
        "GUI": None,
    }


def _start(executable: Path, folder: Path, environment: Mapping[str, str | None], seed: int) -> str:
    """Run the simulator to the end; returns the message of cocotb's runner about it, "" for none."""
    from cocotb_tools.runner import get_runner

    with _changed_environment(environment):
        try:
            get_runner("verilator").test(
                test_module="dirql.target.simulation.cocotb",
                hdl_toplevel=_TOP,
                hdl_toplevel_lang="verilog",
                build_dir=executable.parent,
                test_dir=folder,
                results_xml=str(folder / "results.xml"),
                seed=seed,
            )
        except (RuntimeError, SystemExit) as error:
            return str(error)
    return ""


@contextlib.contextmanager
def _changed_environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change the environment of this process: cocotb's runner passes it on, and prefers it to its own arguments."""
    before = {name: os.environ.get(name) for name in changes}

    def change(values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    change(changes)
    try:
        yield
    finally:
        change(before)


@contextlib.contextmanager
def _interrupts_left_to_simulator(note: Path) -> Iterator[None]:
    """Leave Ctrl-C to the simulator, which begins with the signal held back and takes it as soon as it can handle it.

    A signal that comes before there is a simulator is noted in a file, which the simulator looks for. The system may
    give it to any thread that does not hold it back; Python handles it in the main thread then.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda *_: note.touch()) if is_main else None
    ended = threading.Event()

    def keep_note() -> None:
        while signal.sigwait({signal.SIGINT}) and not ended.is_set():
            note.touch()

    keeper = threading.Thread(target=keep_note, name="interrupts", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        if keeper.ident is not None:
            signal.pthread_kill(keeper.ident, signal.SIGINT)
        keeper.join()
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _status(folder: Path, ending: str) -> int:
    status = folder / "status.json"
    if not status.is_file():
        if (folder / INTERRUPTED).exists():
            raise KeyboardInterrupt
        raise SimulatorError(
            f"the simulator died before the function in it had returned ({ending or 'no reason given'});"
            " its last lines are above"
        )
    return int(json.loads(status.read_text(encoding="utf-8")))
