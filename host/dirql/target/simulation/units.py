# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The units that the C++ compiler gets for a model: few, since the headers alone take a second in each.

Verilator's runtime, which takes longer to compile than a small machine does, is compiled once for all models. A build
has `Runtime.making` in a stage before the one that links, beside other commands, and links `Runtime.product`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dirql.target.simulation.build import (
    Recipe,
    build,
    cache_directory,
    is_whole,
    product_path,
    verilated_sources,
)
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain

__all__ = [
    "MODEL_OPTIONS",
    "SIMULATOR_OPTIONS",
    "SLOW",
    "Runtime",
    "find_runtime",
    "library_stages",
    "make_runtime",
    "write_unit",
]

_DEFINES = ("VERILATOR=1", "VM_COVERAGE=0", "VM_SC=0", "VM_TIMING=0")
_SIMULATOR_DEFINES = (
    "VERILATOR=1",
    "VM_COVERAGE=0",
    "VM_SC=0",
    "VM_TIMING=1",
    "VM_TRACE=0",
    "VM_TRACE_FST=0",
)
MODEL_OPTIONS = ("-std=c++17", "-w", "-fPIC", "-pthread", *(f"-D{each}" for each in _DEFINES))
# The program around a model says what $finish, $stop and a failed assertion do: a host process must survive them.
MODEL_OPTIONS += ("-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL")
"""The options of the compiler for all that is linked with the runtime, without those of optimisation."""

SLOW = "Slow.cpp"
"""The end of the names of the files that Verilator makes for what runs once."""

SIMULATOR_OPTIONS = (
    *("-std=c++20", "-fcoroutines", "-w", "-pthread", "-DVL_USER_FINISH"),
    *(f"-D{each}" for each in _SIMULATOR_DEFINES),
)
"""The same for the program that is a simulator with cocotb in it."""

# The runtime of a model is called when the model begins and ends. To optimise it would take three times as long.
_MODEL = ("runtime", ("verilated", "verilated_threads"), (*MODEL_OPTIONS, "-DVM_TRACE=0", "-O0"))
_VPI = ("verilated", "verilated_threads", "verilated_dpi", "verilated_timing", "verilated_vpi")
_SIMULATOR = ("simulator-runtime", _VPI, (*SIMULATOR_OPTIONS, "-O1"))
_PRODUCT = "runtime.o"


class Runtime(NamedTuple):
    """The runtime for one toolchain."""

    product: str
    """The path of the object file."""
    making: Stage
    """The command that makes it; none if it is in the cache."""


def find_runtime(toolchain: Toolchain, *, simulator: bool = False) -> Runtime:
    """The runtime, which may have to be made, of a model that a host process clocks or of a simulator."""
    product = product_path(_recipe(simulator=simulator), toolchain)
    call = f"from {__name__} import make_runtime; make_runtime({str(cache_directory())!r}, simulator={simulator})"
    code = f"import sys; sys.path[:] = {sys.path!r}; {call}"
    return Runtime(str(product), [] if is_whole(product) else [[sys.executable, "-c", code]])


def make_runtime(cache: str, *, simulator: bool) -> None:
    """Compile the runtime into a cache, unless another build has done so meanwhile."""
    os.environ["DIRQL_CACHE"] = cache
    build(_recipe(simulator=simulator), find_toolchain())


def write_unit(path: Path, files: Sequence[str | Path], head: str = "") -> None:
    """Write a unit, which only includes other files."""
    # Verilator's headers refuse to be precompiled for more than one model, which nobody does here.
    lines = (f'#undef VL_PCH_INCLUDED\n#include "{name}"\n' for name in files)
    path.write_text("".join((head, *lines)), encoding="utf-8")


def library_stages(
    folder: Path, toolchain: Toolchain, source: Path, product: str, options: Sequence[str]
) -> Iterator[Stage]:
    """The stages that make a library of `source` and of the files that Verilator has written into the folder.

    The code that runs once is not optimised.
    """
    model, runtime = verilated_sources(folder), find_runtime(toolchain)
    slow = [name for name in model if name.endswith(SLOW)]
    hot = [*(name for name in model if name not in slow), str(source)]
    units = {"model": (hot, [*options]), "constructors": (slow, [*options, "-O0"])}
    if "-O0" in options:
        units = {"model": ([*hot, *slow], [*options])}
    include = toolchain.include
    places = [f"-I{place}" for place in (folder, include, include / "vltstd", source.parent)]
    compiling: list[list[str]] = []
    for unit, (files, chosen) in units.items():
        write_unit(folder / f"{unit}.cc", files)
        names = ["-c", str(folder / f"{unit}.cc"), "-o", str(folder / f"{unit}.o")]
        compiling.append([*toolchain.cxx.command, *MODEL_OPTIONS, "-DVM_TRACE=0", *chosen, *places, *names])
    yield [*compiling, *runtime.making]
    objects = [*(str(folder / f"{unit}.o") for unit in units), runtime.product]
    yield [[*toolchain.cxx.command, "-shared", "-pthread", *objects, "-o", str(folder / product)]]


def _recipe(*, simulator: bool) -> Recipe:
    name, sources, options = _SIMULATOR if simulator else _MODEL

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        include = toolchain.include
        start = [*toolchain.cxx.command, *options, f"-I{include}", f"-I{include / 'vltstd'}", "-c"]
        yield [[*start, str(include / f"{name}.cpp"), "-o", str(folder / f"{name}.o")] for name in sources]
        objects = [str(folder / f"{name}.o") for name in sources]
        yield [[*toolchain.cxx.command, "-r", "-nostdlib", *objects, "-o", str(folder / _PRODUCT)]]

    return Recipe(
        name=f"verilator-{name}",
        product=_PRODUCT,
        duration="this takes a few seconds",
        inputs=[],
        facts=[*options, *sources],
        steps=steps,
    )
