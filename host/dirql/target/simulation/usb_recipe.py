# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The library with a machine behind its USB core, on a bus of which `dirql.link.usb_bus` is the host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.linked import LINKED_TOP, link_files, render_linked, usb_files
from dirql.hardware.render import CHASSIS, TOP, hdl_files
from dirql.target.simulation.build import Recipe, write_generated
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain
from dirql.target.simulation.units import MODEL_OPTIONS, library_stages

__all__ = ["NO_BUILD", "bus_header", "bus_stages", "usb_recipe"]

NO_BUILD = "0" * 16
"""The number of the build of a machine that is in no bitstream."""

_PRODUCT = "usb_machine.so"
_VERILATOR = ["--cc", "--no-timing", "-O3", "--assert", "-Wno-fatal", "--timescale", "1ns/1ns"]
_OPTIMISATION = "-O2"


def bus_header(root: Path) -> Path:
    """The file with the bus; `root` is the folder with hdl/ and sim/."""
    return root / "sim/twin/usb_bus.h"


def bus_stages(root: Path, folder: Path, toolchain: Toolchain, source: Path, product: str) -> Iterator[Stage]:
    """The stages that make a library of `source` and of the files that Verilator has written into the folder."""
    options = (_OPTIMISATION, f"-I{bus_header(root).parent}")
    return library_stages(folder, toolchain, source, product, options)


def usb_recipe(machine: MachineDescription, root: Path, build: str = NO_BUILD) -> Recipe:
    """The recipe of the library. `machine` has the clock of the USB core; `build` is 16 digits."""
    top, glue = root / "hdl/link/rtl/usb_machine.sv", root / "sim/twin/usb_machine.cpp"
    sources = [*hdl_files(machine, root), *link_files(root), *usb_files(root)]
    options = [*_VERILATOR, f"-GBuild=64'h{build}", "--top-module", "usb_machine", "--prefix", "Vusb_machine"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        write_generated(folder, machine)
        (folder / LINKED_TOP).write_text(render_linked(machine), encoding="utf-8")
        files = [*sources, *(folder / name for name in (CHASSIS, TOP, LINKED_TOP)), top]
        yield [[*toolchain.command, *options, "--Mdir", str(folder), *map(str, files)]]
        yield from bus_stages(root, folder, toolchain, glue, _PRODUCT)

    return Recipe(
        name=f"usb-{machine.name}",
        product=_PRODUCT,
        duration="this takes about a minute",
        inputs=[
            *sources,
            *sorted((root / "hdl").rglob("*.svh")),
            top,
            glue,
            bus_header(root),
            Path(__file__),
        ],
        facts=[*options, *MODEL_OPTIONS, _OPTIMISATION, render_linked(machine), repr(machine)],
        steps=steps,
    )
