# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compiles the libraries with a bus: of the core alone, and of a machine behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dirql.boards.reading import USB_FREQUENCY
from dirql.hardware.linked import usb_files
from dirql.hardware.reading import load_machine
from dirql.target.simulation.build import Recipe, build
from dirql.target.simulation.commands import Stage
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.usb_recipe import bus_header, bus_stages, usb_recipe
from source_tree import ROOT

__all__ = ["BUILD", "core_sources", "device_library", "machine_library"]

BUILD = "0123456789ABCDEF"
"""The number of the build in the machine of the tests."""


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
        yield from bus_stages(ROOT, folder, toolchain, bench, "usb_device_bench.so")

    recipe = Recipe(
        name="usb-device",
        product="usb_device_bench.so",
        duration="this takes some seconds",
        inputs=[*sources, bench, bus_header(ROOT), Path(__file__)],
        facts=options,
        steps=steps,
    )
    return build(recipe, find_toolchain())


def machine_library(name: str) -> Path:
    """The library with a whole machine behind the core, all of it at the clock of the core."""
    machine = replace(load_machine(name), frequency=USB_FREQUENCY)
    return build(usb_recipe(machine, ROOT, BUILD), find_toolchain())
