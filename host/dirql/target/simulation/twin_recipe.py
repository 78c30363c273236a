# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The recipe of a twin: a design with the process around it, as a program.

The design is a machine with its link, and, at the level of pins, its UART; or one of a caller's with the same pins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.linked import LINKED_TOP, link_files, render_linked
from dirql.hardware.render import CHASSIS, TOP, generated_files, hdl_files
from dirql.target.simulation.build import Recipe, verilated_sources, write_generated
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.composition import render_layout
from dirql.target.simulation.toolchain import Toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, SLOW, find_runtime, write_unit

__all__ = ["LEAST_CLOCKS_PER_BIT", "Design", "design_recipe", "twin_recipe"]

LEAST_CLOCKS_PER_BIT = 4
"""The fewest clocks of a bit with which `link_uart` works."""

_PRODUCT = "twin"
_LAYOUT = "twin_layout.h"
_VERILATOR = ["--cc", "--threads", "1", "--no-timing", "-O3", "--noassert", "--x-assign", "fast"]
_VERILATOR += ["--x-initial", "fast", "-Wno-fatal", "--timescale", "1ns/1ns", "--prefix", "Vtwin"]
_COMPILER = (*MODEL_OPTIONS, "-DVM_TRACE=0", "-fPIE")


@dataclass(frozen=True, slots=True)
class Design:
    """The Verilog that runs in a twin. The clock of the process is that of `machine`."""

    name: str
    """The name of the twin in the cache."""
    machine: MachineDescription
    top: str
    """The module on top: with the ports of `twin_pins` if it has pins, otherwise with those of `linked_machine`."""
    has_pins: bool
    can_skip: bool
    """Whether clocks in which nothing happens may be skipped."""
    options: Sequence[str]
    """The options of Verilator that this design needs."""
    inputs: Sequence[Path]
    """Files; their contents are part of the cache's key."""
    facts: Sequence[str]
    """Other parts of the cache's key."""
    write: Callable[[Path], Sequence[Path]]
    """Writes what is generated into a folder; returns the files for Verilator, in their order."""
    duration: str = "this usually takes about half a minute"


@dataclass(frozen=True, slots=True)
class _Program:
    """The program with one design."""

    design: Design
    root: Path

    @property
    def options(self) -> list[str]:
        """The options of Verilator, without places."""
        return [*_VERILATOR, "--top-module", self.design.top, *self.design.options]

    @property
    def folders(self) -> list[Path]:
        """The folders of C++ files."""
        return [self.root / "sim" / name for name in ("twin", "verilated", "generated")]

    def steps(self, folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        """The commands that make the program in `folder`."""
        write_generated(folder, self.design.machine)
        files = map(str, self.design.write(folder))
        yield [[*toolchain.command, *self.options, "--Mdir", str(folder), *files]]
        layout = render_layout("Vtwin", "the twin", folder, can_skip=self.design.can_skip)
        (folder / _LAYOUT).write_text(layout, encoding="utf-8")
        units, runtime = self._write_units(folder), find_runtime(toolchain)
        compiling = [self._compile(folder, toolchain, *unit) for unit in units.items()]
        yield [*compiling, *runtime.making]
        objects = [*(str(folder / f"{unit}.o") for unit in units), runtime.product]
        yield [[*toolchain.cxx.command, *objects, "-pthread", "-lutil", "-o", str(folder / _PRODUCT)]]

    def _write_units(self, folder: Path) -> dict[str, str]:
        """Write the units, which only include other files; returns their names and how far they are optimised.

        The code that a clock evaluates is one unit with the loop around it, as in the library. The code that runs once
        is not optimised.
        """
        model = verilated_sources(folder)
        slow = [name for name in model if name.endswith(SLOW)]
        hot = [*(name for name in model if name not in slow), str(self.root / "sim/twin/twin.cpp")]
        units = {"model": (hot, "-O1"), "constructors": (slow, "-O0")}
        for unit, (files, _) in units.items():
            write_unit(folder / f"{unit}.cc", files)
        return {unit: optimisation for unit, (_, optimisation) in units.items()}

    def _compile(self, folder: Path, toolchain: Toolchain, unit: str, optimisation: str) -> list[str]:
        include = toolchain.include
        places = [f"-I{place}" for place in (folder, include, include / "vltstd", *self.folders)]
        pins = f"-DDIRQL_PINS={int(self.design.has_pins)}"
        source, made = (str(folder / f"{unit}.{suffix}") for suffix in ("cc", "o"))
        return [*toolchain.cxx.command, *_COMPILER, *places, pins, optimisation, "-c", source, "-o", made]


def design_recipe(design: Design, root: Path) -> Recipe:
    """The recipe of a twin with a design; `root` is the folder with hdl/ and sim/."""
    program = _Program(design, root)
    cpp = [path for folder in program.folders for path in sorted(folder.iterdir()) if path.is_file()]
    return Recipe(
        name=f"twin-{design.name}",
        product=_PRODUCT,
        duration=design.duration,
        inputs=[*design.inputs, *cpp, Path(__file__), Path(__file__).with_name("composition.py")],
        facts=[
            *program.options,
            *_COMPILER,
            f"pins {design.has_pins}, skips {design.can_skip}",
            *generated_files(design.machine).values(),
            *design.facts,
        ],
        steps=program.steps,
    )


def twin_recipe(machine: MachineDescription, root: Path, *, clocks_per_bit: int = 0) -> Recipe:
    """The recipe of a twin at the level of bytes or, with `clocks_per_bit`, of pins."""
    hdl = [*hdl_files(machine, root), *link_files(root)]
    pins = [root / "sim/twin/twin_pins.sv"] if clocks_per_bit else []

    def write(folder: Path) -> list[Path]:
        (folder / LINKED_TOP).write_text(render_linked(machine), encoding="utf-8")
        return [*hdl, *(folder / name for name in (CHASSIS, TOP, LINKED_TOP)), *pins]

    design = Design(
        name=f"{machine.name}-{f'pin-{clocks_per_bit}' if clocks_per_bit else 'byte'}",
        machine=machine,
        top="twin_pins" if clocks_per_bit else "linked_machine",
        has_pins=bool(clocks_per_bit),
        can_skip=True,
        options=[f"-GClocksPerBit={clocks_per_bit}"] if clocks_per_bit else [],
        inputs=[*hdl, *sorted((root / "hdl").rglob("*.svh")), *pins],
        facts=[render_linked(machine)],
        write=write,
    )
    return design_recipe(design, root)
