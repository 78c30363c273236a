# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The files that are made from a machine's description: the top of the RTL, and the facts that C++ needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dirql.hardware.description import MachineDescription
from dirql.hardware.segments import AHEAD_BYTES
from dirql.hardware.top import render_chassis, render_top

__all__ = ["CHASSIS", "CHECKED_PARAMETER", "TOP", "generated_files", "hdl_files", "head_of"]

TOP = "machine.sv"
"""The file with the top of the RTL."""

CHASSIS = "chassis.sv"
"""The file with everything but the functions, which the top holds."""

CHECKED_PARAMETER = "Checker"
"""The parameter of the top that builds the bus protocol checker in."""

_HOST_BRIDGE_AHEAD = 32
"""Bytes that the host bridge may have asked the host for when a burst ends."""

_HEAD = (
    "SPDX-FileCopyrightText: dirql contributors",
    "SPDX-License-Identifier: Apache-2.0",
)


def generated_files(machine: MachineDescription) -> dict[str, str]:
    """The name and the text of each file."""
    head = head_of(machine)
    return {
        CHASSIS: f"{head}\n{render_chassis(machine)}",
        TOP: f"{head}\n{render_top(machine)}",
        "machine_facts.h": f"{head}{_facts(machine)}",
        "harness_pads.svh": f"{head}{_harness_pads(machine)}",
    }


def head_of(machine: MachineDescription) -> str:
    """The first lines of each file."""
    return "".join(f"// {line}\n" for line in (*_HEAD, f"Generated from {machine.file}, do not edit."))


def _facts(machine: MachineDescription) -> str:
    """The facts that C++ needs."""
    pads = " ".join(f"X({function.index}, {function.pad_ports})" for function in machine.with_pads)
    lines = (
        "#pragma once",
        "",
        "// Bytes of the host's RAM, which begins at bus address 0.",
        f"#define DIRQL_MEMORY_BYTES {machine.host_memory.size:#x}u",
        "// Bytes of host memory behind those that a bus master wants that bridges may fetch too.",
        f"#define DIRQL_FETCHED_AHEAD {_HOST_BRIDGE_AHEAD + (AHEAD_BYTES if machine.bridges else 0)}u",
        "// Bus clocks per second.",
        f"#define DIRQL_CLOCK_FREQUENCY {machine.frequency}u",
        "// X(index, ports) for each function with pads: its index, and the start of the names of its ports.",
        f"#define DIRQL_PADS(X) {pads}".rstrip(),
    )
    return "\n".join(lines) + "\n"


def _harness_pads(machine: MachineDescription) -> str:
    """The part of sim/cocotb/harness.sv that depends on the machine: signals for pads, and calls for them."""
    signals, calls = [], []
    for function in machine.with_pads:
        count, ports = function.pad_count, function.pad_ports
        signals.append(f"  logic [{count - 1}:0] {ports}_i = '0, {ports}_o, {ports}_en_o;")
        calls.append(
            f"    {ports}_i = {count}'(dirql_pads({function.index}, 32'({ports}_o), 32'({ports}_en_o)));"
        )
    lines = (
        *signals,
        "  /// Gives the levels of all pads to the host's side, and takes those that come from outside.",
        "  function automatic void step_pads();",
        *calls,
        "  endfunction",
    )
    return "\n".join(lines) + "\n"


def hdl_files(machine: MachineDescription, root: Path) -> list[Path]:
    """The files of RTL and lint waivers that the top needs, in the order in which they are compiled.

    `root` is the folder with hdl/. The chassis and the top itself, which are generated, are not among them.
    """
    return list(_hdl_files(machine, root / "hdl"))


def _hdl_files(machine: MachineDescription, hdl: Path) -> Iterator[Path]:
    for line in (hdl / "core.f").read_text(encoding="utf-8").splitlines():
        if name := line.split("//")[0].strip():
            yield hdl / name
    for kind in machine.function_types:
        yield hdl / f"regs/generated/{kind.name}_identity_pkg.sv"
        for path in kind.maps:
            for part in ("reg_pkg", "regs"):
                yield hdl / f"regs/generated/{path.stem}_{part}.sv"
        yield from kind.files
