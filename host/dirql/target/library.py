# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machine as a shared library: its recipe, and how it comes into this process."""

from __future__ import annotations

import enum
import importlib.machinery
import importlib.util
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import cffi

from dirql.target.build import (
    Announce,
    Recipe,
    announce_on_stderr,
    build,
    hdl_sources,
    machine_root,
    verilated_sources,
)
from dirql.target.exchange import Constants, declarations
from dirql.target.toolchain import Toolchain, find_toolchain, has_header, python_headers

__all__ = ["Library", "Variant", "load_library", "waves_suffix"]

_MODULE = "_dirql_machine"


class Variant(enum.Enum):
    """Which of the libraries; each is built when it is first asked for."""

    FAST = "fast"
    WAVES = "waves"
    CHECKED = "checked"


class Library(Constants, Protocol):
    """The functions of sim/verilated/machine.h and the constants of exchange.h."""

    def dirql_open(self, exchange: cffi.FFI.CData, waves: cffi.FFI.CData | bytes) -> cffi.FFI.CData: ...
    def dirql_close(self, machine: cffi.FFI.CData) -> None: ...
    def dirql_execute(self, machine: cffi.FFI.CData) -> None: ...
    def dirql_command(
        self,
        machine: cffi.FFI.CData,
        operation: int,
        spent: int,
        address: int,
        byte_enables: int,
        datum: int,
        /,
    ) -> int: ...
    def dirql_complaint(self, machine: cffi.FFI.CData) -> cffi.FFI.CData: ...
    def dirql_clock_bare(self, machine: cffi.FFI.CData, clocks: int) -> None: ...


def waves_suffix(toolchain: Toolchain) -> str:
    """Give ".fst" where the headers that Verilator's FST writer needs are installed, else ".vcd"."""
    headers = ("zlib.h", "lz4.h")
    fst = all(has_header(name, toolchain.cxx, toolchain.environment) for name in headers)
    return ".fst" if fst else ".vcd"


def load_library(
    variant: Variant = Variant.FAST, announce: Announce = announce_on_stderr, root: Path | None = None
) -> tuple[cffi.FFI, Library]:
    """Build the library if need be and load it; raises `SetupError` or `BuildError`."""
    root = root or machine_root()
    toolchain = find_toolchain()
    product = build(_recipe(variant, toolchain, root), toolchain, announce)
    if python_headers() is None:
        announce("dirql: Python.h is not installed, so calls into the machine take about twice as long")
        ffi = cffi.FFI()
        ffi.cdef(_declarations(root))
        return ffi, cast(Library, ffi.dlopen(str(product)))
    loader = importlib.machinery.ExtensionFileLoader(_MODULE, str(product))
    spec = importlib.util.spec_from_file_location(_MODULE, product, loader=loader)
    if spec is None:
        raise ImportError(f"{product} cannot be imported as an extension module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return cast(cffi.FFI, module.ffi), cast(Library, module.lib)


def _declarations(root: Path) -> str:
    sim = root / "sim"
    return declarations(sim / "port" / "exchange.h") + declarations(sim / "verilated" / "machine.h")


def _recipe(variant: Variant, toolchain: Toolchain, root: Path) -> Recipe:
    suffix = waves_suffix(toolchain) if variant is Variant.WAVES else ""
    sim = root / "sim"
    own = [*sorted((sim / "port").iterdir()), *sorted((sim / "verilated").iterdir())]
    constants = sim / "generated" / "machine_constants.h"
    verilate, compile_ = _verilator_options(variant, suffix), _compiler_options(variant, suffix, toolchain)

    def steps(folder: Path) -> Iterator[Sequence[str]]:
        sources = [str(path) for path in hdl_sources(root)]
        yield [*toolchain.command, *verilate, "--Mdir", str(folder), *sources]
        wrapper = folder / "wrapper.cpp"
        if python_headers() is not None:
            _write_wrapper(wrapper, root)
        yield [*_compile(folder, sim, wrapper, suffix, toolchain), *compile_]

    return Recipe(
        name=f"verilated-{variant.value}",
        product=f"{_MODULE}.so",
        duration="this usually takes about half a minute",
        inputs=[*hdl_sources(root), *_includes(root), *own, constants],
        facts=[*verilate, *compile_, cffi.__version__, str(sysconfig.get_config_var("EXT_SUFFIX"))],
        steps=steps,
    )


def _includes(root: Path) -> list[Path]:
    return sorted((root / "hdl").rglob("*.svh"))


def _verilator_options(variant: Variant, suffix: str) -> list[str]:
    options = [
        "--cc",
        "--top-module",
        "machine",
        "--prefix",
        "Vmachine",
        "--threads",
        "1",
        "--no-timing",
        "-O3",
    ]
    options += ["--x-assign", "fast", "--x-initial", "fast", "-Wno-fatal", "--timescale", "1ns/1ns"]
    options += ["--assert", "-GChecker=1"] if variant is Variant.CHECKED else ["--noassert"]
    return options + ([f"--trace{suffix.replace('.', '-')}"] if suffix else [])


def _compiler_options(variant: Variant, suffix: str, toolchain: Toolchain) -> list[str]:
    lto = "-flto" if "clang" in Path(toolchain.cxx.path).name else "-flto=auto"
    options = [
        "-std=c++17",
        "-O3",
        "-fPIC",
        "-shared",
        "-w",
        lto,
        "-fno-semantic-interposition",
        "-Wl,-Bsymbolic",
    ]
    traces = {"VM_TRACE": bool(suffix), "VM_TRACE_FST": suffix == ".fst", "VM_TRACE_VCD": suffix == ".vcd"}
    defines = {"VERILATOR": 1, "VM_COVERAGE": 0, "VM_SC": 0, "VM_TIMING": 0, "VM_TRACE_SAIF": 0, **traces}
    options += [f"-D{name}={int(value)}" for name, value in defines.items()]
    # The library defines what $finish, $stop and a failed assertion do: a host process must survive them.
    options += ["-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL", "-pthread"]
    if variant is Variant.CHECKED:
        options.append("-DDIRQL_CHECKED=1")
    return options + (["-lz", "-llz4"] if suffix == ".fst" else [])


def _compile(folder: Path, sim: Path, wrapper: Path, suffix: str, toolchain: Toolchain) -> list[str]:
    include = toolchain.include
    runtime = ["verilated.cpp", "verilated_threads.cpp"]
    runtime += [f"verilated_{suffix[1:]}_c.cpp"] if suffix else []
    sources = [
        str(sim / "verilated" / "machine.cpp"),
        *verilated_sources(folder),
        *(str(include / r) for r in runtime),
    ]
    folders = [folder, include, include / "vltstd", sim / "port", sim / "verilated", sim / "generated"]
    headers = python_headers()
    if headers is not None:
        folders.append(headers)
        sources.append(str(wrapper))
    product = str(folder / f"{_MODULE}.so")
    return [toolchain.cxx.path, *(f"-I{folder}" for folder in folders), *sources, "-o", product]


def _write_wrapper(path: Path, root: Path) -> None:
    ffi = cffi.FFI()
    ffi.cdef(_declarations(root))
    ffi.set_source(_MODULE, '#include "machine.h"', source_extension=".cpp", compiler_verbose=0)
    ffi.emit_c_code(str(path))
