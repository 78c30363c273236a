# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compiles the libraries of `usb_core.bus`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dirql.target.simulation.build import Recipe, build, verilated_sources
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from source_tree import ROOT

__all__ = ["core_sources", "device_library"]

BUS = ROOT / "sim/hdl/usb_bus.h"
WARNINGS = ["-DVL_USER_FINISH", "-DVL_USER_STOP", "-DVL_USER_FATAL", "-w"]
SWITCHES = [f"-DVM_{name}=0" for name in ("COVERAGE", "SC", "TRACE", "TIMING")]


def core_sources() -> list[Path]:
    """The files of the USB core in their order."""
    names = (ROOT / "hdl/link/usb/usb.f").read_text(encoding="utf-8").split()
    return [ROOT / "hdl/prim/rtl/prim_ram.sv", *(ROOT / "hdl" / name for name in names)]


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


def compile_command(folder: Path, toolchain: Toolchain, bench: Path, product: Path) -> list[str]:
    """The command that makes a library of a bench and the files that Verilator has written."""
    include = toolchain.include
    runtime = [str(include / name) for name in ("verilated.cpp", "verilated_threads.cpp")]
    flags = ["-std=c++17", "-fPIC", "-O2", "-pthread", "-DVERILATOR=1", *SWITCHES, *WARNINGS]
    folders = [f"-I{place}" for place in (folder, include, include / "vltstd", BUS.parent)]
    files = [str(bench), *runtime, *verilated_sources(folder)]
    return [*toolchain.cxx.command, "-shared", *flags, *folders, *files, "-o", str(product)]
