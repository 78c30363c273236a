# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Recipes for the machine as a shared library: Verilator, then the C++ compiler for a few units side by side.

The fast variant is put together from parts, each of which is compiled once, however often the machine has it; see
`composition`. It is compiled twice. The first library counts, while `training.py` runs it, which branches the machine
takes; the second is laid out by these counts, which makes it a third faster ("busy clocks waited" of
bench/target_paths.py). More than -O1 only takes longer to compile, because the model is one long run of simple
statements.
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
from dirql.hardware.parts import Part, chassis_part, function_parts
from dirql.hardware.render import CHASSIS, CHECKED_PARAMETER, TOP, generated_files, hdl_files
from dirql.target.simulation.build import Recipe, verilated_sources, write_generated
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.composition import (
    CompositionError,
    can_be_composed,
    render_composition,
    render_layout,
    translate,
)
from dirql.target.simulation.exchange import declarations, exchange_declarations
from dirql.target.simulation.toolchain import Toolchain, has_header, python_headers
from dirql.target.simulation.units import MODEL_OPTIONS, SLOW, find_runtime, write_unit

__all__ = [
    "MODULE",
    "PORT_MODULE",
    "SUFFIXES",
    "Form",
    "Variant",
    "forms",
    "library_declarations",
    "library_recipe",
    "possible_form",
]

MODULE = "_dirql_machine"
"""Name of the extension module that cffi makes, and of the library."""
PORT_MODULE = "_dirql_port"
"""Name of the second extension module in the same library, which has methods of the target."""
SUFFIXES = (".fst", ".vcd")
"""The suffixes of the files that waves can have."""

_HOT = "model"
"""The unit with everything that a clock evaluates."""
_PORT = "port"
"""The unit that Python calls for each command."""


class Variant(enum.Enum):
    """The variants of the library; each is built when it is first asked for."""

    FAST = "fast"
    WAVES = "waves"
    CHECKED = "checked"


@dataclass(frozen=True, slots=True)
class Form:
    """Properties of a library that depend on the headers that are installed."""

    waves: str
    """The suffix of the files with waves, "" for a library without them."""
    modules: bool
    """Whether the library is two extension modules, for which it was compiled with Python.h."""


def possible_form(variant: Variant, toolchain: Toolchain) -> Form:
    """The form that the installed headers allow."""
    waves = _waves_suffix(toolchain) if variant is Variant.WAVES else ""
    return Form(waves, python_headers() is not None)


def forms(variant: Variant) -> Iterator[Form]:
    """All forms that a library of a variant may have, the best first."""
    for waves in SUFFIXES if variant is Variant.WAVES else ("",):
        yield from (Form(waves, modules) for modules in (True, False))


def _waves_suffix(toolchain: Toolchain) -> str:
    """Give ".fst" where the headers that Verilator's FST writer needs are installed, else ".vcd"."""
    headers = ("zlib.h", "lz4.h")
    fst = all(has_header(name, toolchain.cxx, toolchain.environment) for name in headers)
    return ".fst" if fst else ".vcd"


def library_declarations(root: Path, machine: MachineDescription) -> str:
    """The declarations of the library for cffi."""
    return exchange_declarations(root, machine) + declarations(root / "sim" / "verilated" / "machine.h")


@dataclass(frozen=True, slots=True)
class _Plan:
    """One library: the machine, the variant and its form, and the folder with hdl/ and sim/."""

    machine: MachineDescription
    variant: Variant
    form: Form
    root: Path

    @property
    def waves(self) -> str:
        """The suffix of the files with waves, "" for a library without them."""
        return self.form.waves

    @property
    def trained(self) -> bool:
        """Whether branches are counted first."""
        return self.variant is Variant.FAST

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that the machine is put together from; none for a library that is one model."""
        if self.variant is not Variant.FAST or not can_be_composed(self.machine):
            return ()
        return (chassis_part(self.machine), *function_parts(self.machine))

    def verilator_options(self) -> list[str]:
        """The options for every model, without its name and place."""
        options = [
            "--cc",
            "--threads",
            "1",
            "--no-timing",
            "-O3",
            "--x-assign",
            "fast",
            "--x-initial",
            "fast",
        ]
        # With case statements made into trees of comparisons a clock would take 1 % more instructions, 2 % more time.
        options += ["-fno-case", "-Wno-fatal", "--timescale", "1ns/1ns"]
        options += ["--assert"] if self.variant is Variant.CHECKED else ["--noassert"]
        return options + ([f"--trace{self.waves.replace('.', '-')}"] if self.waves else [])

    def compiler_options(self) -> list[str]:
        """The options for each unit, without those of optimisation."""
        traces = {f"VM_TRACE_{kind}": self.waves == f".{kind.lower()}" for kind in ("FST", "VCD", "SAIF")}
        defines = {"VM_TRACE": bool(self.waves), **traces}
        definitions = [f"-D{name}={int(value)}" for name, value in defines.items()]
        return [*MODEL_OPTIONS, "-fno-semantic-interposition", *definitions]

    def linker_options(self) -> list[str]:
        """The options for the library as a whole."""
        return ["-shared", "-Wl,-Bsymbolic", "-pthread", *(["-lz", "-llz4"] if self.waves == ".fst" else [])]

    def sources(self) -> list[Path]:
        """The files whose contents are part of the cache's key."""
        sim = self.root / "sim"
        own = [*sorted((sim / "exchange").iterdir()), *sorted((sim / "verilated").iterdir())]
        headers = sorted((self.root / "hdl").rglob("*.svh"))
        training = [Path(__file__).with_name("training.py")] if self.trained else []
        training.append(Path(__file__).with_name("composition.py"))
        return [
            *hdl_files(self.machine, self.root),
            *headers,
            *own,
            sim / "generated" / "protocol.h",
            *training,
        ]


@dataclass(frozen=True, slots=True)
class _Work:
    """The making of one library in a folder."""

    plan: _Plan
    folder: Path
    toolchain: Toolchain

    def steps(self) -> Iterator[Stage]:
        """The commands that make the library."""
        folder = self.folder
        write_generated(folder, self.plan.machine)
        composed = False
        if self.plan.parts:
            yield self._verilate_parts()
            composed = self._compose()
        if not composed:
            checked = [f"-G{CHECKED_PARAMETER}=1"] if self.plan.variant is Variant.CHECKED else []
            tops = [str(folder / name) for name in (CHASSIS, TOP)]
            yield [self._verilate("machine", [*checked, *tops])]
            # Assertions and waves need each clock.
            can_skip = self.plan.variant is Variant.FAST
            layout = render_layout(
                "Vmachine", "the machine", folder, can_skip=can_skip, also_shown=["clock_o"]
            )
            (folder / "whole_layout.h").write_text(layout, encoding="utf-8")
        cold = self._write_units(composed=composed)
        runtime = find_runtime(self.toolchain)
        hot, link = self._compile(_HOT, "-O1"), self._link([_HOT, *cold], runtime.product)
        if not self.plan.trained:
            yield [hot, *runtime.making, *self._compile_cold(cold)]
            yield [link]
            return
        profile = folder / "profile"
        counting = f"-fprofile-generate={profile}"
        yield [[*hot, counting], *runtime.making, *self._compile_cold(cold)]
        yield [[*link, counting]]
        yield [_train(folder / f"{MODULE}.so", self.plan.machine)]
        yield [[*hot, f"-fprofile-use={profile}", "-fprofile-correction"]]
        yield [link]

    def _verilate(self, top: str, more: Sequence[str]) -> list[str]:
        hdl = map(str, hdl_files(self.plan.machine, self.plan.root))
        names = ["--top-module", top, "--prefix", f"V{top}", "--Mdir", str(self.folder)]
        return [*self.toolchain.command, *self.plan.verilator_options(), *names, *hdl, *more]

    def _verilate_parts(self) -> Stage:
        """A model of each part, whose core stays a module of its own."""
        folder = self.folder
        cores = folder / "cores.vlt"
        lines = ["`verilator_config", *(f'no_inline -module "{part.core}"' for part in self.plan.parts)]
        cores.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for part in self.plan.parts:
            (folder / f"{part.name}.sv").write_text(part.text, encoding="utf-8")
        chassis = folder / CHASSIS
        return [
            self._verilate(part.name, [str(cores), str(chassis), str(folder / f"{part.name}.sv")])
            for part in self.plan.parts
        ]

    def _compose(self) -> bool:
        """Write composition.h; False if the parts have another form than expected, and nothing of them is kept."""
        try:
            translations = [translate(part, self.folder) for part in self.plan.parts]
        except CompositionError:
            for path in self.folder.glob("V*"):
                path.unlink()
            return False
        text = render_composition(self.plan.machine, translations)
        (self.folder / "composition.h").write_text(text, encoding="utf-8")
        return True

    def _write_units(self, *, composed: bool) -> list[str]:
        """Write the source of each unit, which only includes other files; returns the units that are not evaluated.

        The model and the shim, in this order, are one unit: the shim finds the routines of the model, and the compiler
        sees through the calls between them. The model's
        constructors take much of the compiler's time and none of the model's, so that they are
        compiled beside it, once, and without optimisation, as Verilator's runtime is: 27 s of a build became 8 s.
        """
        model = verilated_sources(self.folder)
        writer = [f"verilated_{self.plan.waves[1:]}_c.cpp"] if self.plan.waves else []
        include = self.toolchain.include
        shim = self.plan.root / "sim" / "verilated"
        units = {
            _HOT: [*(name for name in model if not name.endswith(SLOW)), str(shim / "machine.cpp")],
            "constructors": [name for name in model if name.endswith(SLOW)],
            **{Path(name).stem: [str(include / name)] for name in writer},
        }
        if self.plan.form.modules:
            units[_PORT] = [str(shim / "port_type.cpp")]
        for unit, files in units.items():
            write_unit(self.folder / f"{unit}.cc", files, f"#define DIRQL_COMPOSED {int(composed)}\n")
        if self.plan.form.modules:
            units["wrapper"] = []
            self._write_wrapper(self.folder / "wrapper.cc")
        return [unit for unit in units if unit != _HOT]

    def _compile_cold(self, units: Sequence[str]) -> Iterator[list[str]]:
        for unit in units:
            yield self._compile(unit, "-O2" if unit == _PORT else "-O0")

    def _compile(self, unit: str, optimisation: str) -> list[str]:
        include, sim = self.toolchain.include, self.plan.root / "sim"
        folders = [
            self.folder,
            include,
            include / "vltstd",
            *(sim / name for name in ("exchange", "verilated", "generated")),
        ]
        headers = python_headers()
        folders += [headers] if headers is not None else []
        options = [*(f"-I{place}" for place in folders), *self.plan.compiler_options(), optimisation]
        return [
            *self.toolchain.cxx.command,
            *options,
            "-c",
            str(self.folder / f"{unit}.cc"),
            "-o",
            str(self.folder / f"{unit}.o"),
        ]

    def _link(self, units: Sequence[str], runtime: str) -> list[str]:
        objects = [str(self.folder / f"{unit}.o") for unit in units]
        product = str(self.folder / f"{MODULE}.so")
        return [*self.toolchain.cxx.command, *objects, runtime, *self.plan.linker_options(), "-o", product]

    def _write_wrapper(self, path: Path) -> None:
        ffi = cffi.FFI()
        ffi.cdef(library_declarations(self.plan.root, self.plan.machine))
        ffi.set_source(MODULE, '#include "machine.h"', source_extension=".cpp", compiler_verbose=0)
        ffi.emit_c_code(str(path))


def _train(product: Path, machine: MachineDescription) -> list[str]:
    """The command that runs the library to count branches, in a process with the same import path as this one."""
    call = (
        f"from dirql.target.simulation.training import train; train({str(product)!r}, {str(machine.path)!r})"
    )
    code = f"import sys; sys.path[:] = {sys.path!r}; {call}"
    return [sys.executable, "-c", code]


def library_recipe(machine: MachineDescription, variant: Variant, form: Form, root: Path) -> Recipe:
    """The recipe of one library."""
    plan = _Plan(machine, variant, form, root)
    options = [*plan.verilator_options(), *plan.compiler_options(), *plan.linker_options()]
    return Recipe(
        name=f"verilated-{machine.name}-{variant.value}",
        product=f"{MODULE}.so",
        duration="this usually takes about ten seconds",
        inputs=plan.sources(),
        facts=[
            *options,
            *generated_files(machine).values(),
            cffi.__version__,
            str(sysconfig.get_config_var("EXT_SUFFIX")),
            f"modules {form.modules}",
        ],
        steps=lambda folder, toolchain: _Work(plan, folder, toolchain).steps(),
    )
