# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for the machine as a shared library: Verilator, then the C++ compiler for model, shim and runtime together.

The fast variant is compiled twice. The first library counts, while `training.py` runs it, which branches the machine
takes; the second is laid out by these counts, which makes it a third faster ("clocks waited" of bench/target_paths.py).
More than -O1 only takes longer to compile, because the model is one long run of simple statements.
"""

from __future__ import annotations

import enum
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cffi

from dirql.hardware.description import MachineDescription
from dirql.hardware.render import CHECKED_PARAMETER, TOP, generated_files, hdl_files
from dirql.target.simulation.build import Recipe, verilated_sources, write_generated
from dirql.target.simulation.exchange import declarations, exchange_declarations
from dirql.target.simulation.toolchain import Toolchain, has_header, python_headers

__all__ = ["MODULE", "Variant", "library_declarations", "library_recipe", "waves_suffix"]

MODULE = "_dirql_machine"
"""Name of the extension module."""


class Variant(enum.Enum):
    """The variants of the library; each is built when it is first asked for."""

    FAST = "fast"
    WAVES = "waves"
    CHECKED = "checked"


def waves_suffix(toolchain: Toolchain) -> str:
    """Give ".fst" where the headers that Verilator's FST writer needs are installed, else ".vcd"."""
    headers = ("zlib.h", "lz4.h")
    fst = all(has_header(name, toolchain.cxx, toolchain.environment) for name in headers)
    return ".fst" if fst else ".vcd"


def library_declarations(root: Path, machine: MachineDescription) -> str:
    """The declarations of the library for cffi."""
    return exchange_declarations(root, machine) + declarations(root / "sim" / "verilated" / "machine.h")


@dataclass(frozen=True, slots=True)
class _Plan:
    """One library: the machine, the variant, the toolchain, and the folder with hdl/ and sim/."""

    machine: MachineDescription
    variant: Variant
    toolchain: Toolchain
    root: Path

    @property
    def waves(self) -> str:
        """The suffix of the files with waves, "" for a library without them."""
        return waves_suffix(self.toolchain) if self.variant is Variant.WAVES else ""

    @property
    def trained(self) -> bool:
        return self.variant is Variant.FAST and not self._is_clang

    @property
    def _is_clang(self) -> bool:
        return "clang" in Path(self.toolchain.cxx.path).name

    def verilator_options(self) -> list[str]:
        options = ["--cc", "--top-module", "machine", "--prefix", "Vmachine", "--threads", "1", "--no-timing"]
        options += [
            "-O3",
            "--x-assign",
            "fast",
            "--x-initial",
            "fast",
            "-Wno-fatal",
            "--timescale",
            "1ns/1ns",
        ]
        options += (
            ["--assert", f"-G{CHECKED_PARAMETER}=1"] if self.variant is Variant.CHECKED else ["--noassert"]
        )
        return options + ([f"--trace{self.waves.replace('.', '-')}"] if self.waves else [])

    def compiler_options(self) -> list[str]:
        options = ["-std=c++17", "-O1", "-fPIC", "-shared", "-w", "-flto" if self._is_clang else "-flto=auto"]
        options += ["-fno-semantic-interposition", "-Wl,-Bsymbolic", "-pthread"]
        traces = {f"VM_TRACE_{kind}": self.waves == f".{kind.lower()}" for kind in ("FST", "VCD", "SAIF")}
        defines = {
            "VERILATOR": 1,
            "VM_COVERAGE": 0,
            "VM_SC": 0,
            "VM_TIMING": 0,
            "VM_TRACE": bool(self.waves),
            **traces,
        }
        options += [f"-D{name}={int(value)}" for name, value in defines.items()]
        # The shim says what $finish, $stop and a failed assertion do: a host process must survive them.
        options += ["-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL"]
        return options + (["-lz", "-llz4"] if self.waves == ".fst" else [])

    def sources(self) -> list[Path]:
        """The files whose contents are part of the cache's key."""
        sim = self.root / "sim"
        own = [*sorted((sim / "exchange").iterdir()), *sorted((sim / "verilated").iterdir())]
        headers = sorted((self.root / "hdl").rglob("*.svh"))
        training = [Path(__file__).with_name("training.py")] if self.trained else []
        return [
            *hdl_files(self.machine, self.root),
            *headers,
            *own,
            sim / "generated" / "protocol.h",
            *training,
        ]

    def steps(self, folder: Path) -> Iterator[Sequence[str]]:
        """The commands that make the library in `folder`."""
        write_generated(folder, self.machine)
        hdl = [*map(str, hdl_files(self.machine, self.root)), str(folder / TOP)]
        yield [*self.toolchain.command, *self.verilator_options(), "--Mdir", str(folder), *hdl]
        if python_headers() is not None:
            self._write_wrapper(folder / "wrapper.cpp")
        compile_ = self._compile(folder)
        if not self.trained:
            yield compile_
            return
        profile = folder / "profile"
        yield [*compile_, f"-fprofile-generate={profile}"]
        yield _train(folder / f"{MODULE}.so", self.machine)
        yield [*compile_, f"-fprofile-use={profile}", "-fprofile-correction"]

    def _compile(self, folder: Path) -> list[str]:
        include, sim = self.toolchain.include, self.root / "sim"
        runtime = ["verilated.cpp", "verilated_threads.cpp"]
        runtime += [f"verilated_{self.waves[1:]}_c.cpp"] if self.waves else []
        sources = [str(sim / "verilated" / "machine.cpp"), *verilated_sources(folder)]
        sources += [str(include / name) for name in runtime]
        folders = [
            folder,
            include,
            include / "vltstd",
            sim / "exchange",
            sim / "verilated",
            sim / "generated",
        ]
        headers = python_headers()
        if headers is not None:
            folders.append(headers)
            sources.append(str(folder / "wrapper.cpp"))
        options = [*(f"-I{place}" for place in folders), *self.compiler_options()]
        return [self.toolchain.cxx.path, *sources, *options, "-o", str(folder / f"{MODULE}.so")]

    def _write_wrapper(self, path: Path) -> None:
        ffi = cffi.FFI()
        ffi.cdef(library_declarations(self.root, self.machine))
        ffi.set_source(MODULE, '#include "machine.h"', source_extension=".cpp", compiler_verbose=0)
        ffi.emit_c_code(str(path))


def _train(product: Path, machine: MachineDescription) -> list[str]:
    """The command that runs the library to count branches, in a process with the same import path as this one."""
    call = (
        f"from dirql.target.simulation.training import train; train({str(product)!r}, {str(machine.path)!r})"
    )
    code = f"import sys; sys.path[:] = {sys.path!r}; {call}"
    return [sys.executable, "-c", code]


def library_recipe(machine: MachineDescription, variant: Variant, toolchain: Toolchain, root: Path) -> Recipe:
    """The recipe of one library."""
    plan = _Plan(machine, variant, toolchain, root)
    options = [*plan.verilator_options(), *plan.compiler_options()]
    return Recipe(
        name=f"verilated-{machine.name}-{variant.value}",
        product=f"{MODULE}.so",
        duration="this usually takes about a minute"
        if plan.trained
        else "this usually takes about half a minute",
        inputs=plan.sources(),
        facts=[
            *options,
            *generated_files(machine).values(),
            cffi.__version__,
            str(sysconfig.get_config_var("EXT_SUFFIX")),
        ],
        steps=plan.steps,
    )
