# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Counts the LUTs, registers and block RAMs of a netlist of Yosys, as a whole and in an instance of the design."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

__all__ = ["Count", "count_cells", "kind_of", "named_cells"]

LUTS = {"ice40": ("SB_LUT4",), "ecp5": ("LUT4",), "gowin": ("LUT1", "LUT2", "LUT3", "LUT4")}
REGISTERS = {"ice40": "SB_DFF", "ecp5": "TRELLIS_FF", "gowin": "DFF"}
"""The begin of the types of registers."""
RAMS = {
    "ice40": ("SB_RAM40_4K",),
    "ecp5": ("DP16KD",),
    "gowin": ("DPB", "DPX9B", "SDPB", "SDPX9B", "SP", "SPX9"),
}


class _Cell(TypedDict):
    type: str


@dataclass(frozen=True, slots=True)
class Count:
    """The cells of a netlist, or of a part of it. Adders of an FPGA's carry chain are not among the LUTs."""

    luts: int = 0
    registers: int = 0
    rams: int = 0

    def with_one(self, kind: str) -> Count:
        """The same with one more cell of a kind."""
        return Count(
            self.luts + (kind == "lut"), self.registers + (kind == "register"), self.rams + (kind == "ram")
        )


def kind_of(cell: str, family: str) -> str:
    """The kind of a cell by its type: lut, register, ram, or nothing that is counted."""
    if cell in LUTS[family]:
        return "lut"
    if cell in RAMS[family]:
        return "ram"
    return "register" if cell.startswith(REGISTERS[family]) else ""


def named_cells(netlist: Path, top: str, family: str) -> Iterator[tuple[str, str]]:
    """The name and the kind of each cell that is counted in the flattened module `top` of a netlist."""
    cells: dict[str, _Cell] = json.loads(netlist.read_text(encoding="utf-8"))["modules"][top]["cells"]
    for name, cell in cells.items():
        if kind := kind_of(cell["type"], family):
            yield name, kind


def count_cells(netlist: Path, top: str, family: str, instances: frozenset[str]) -> tuple[Count, Count]:
    """The cells of a netlist, and those of them that are in instances with one of these names.

    Yosys keeps the name of an instance in that of a cell: a register has that of its signal, and a LUT that of the
    signal it drives.
    """
    whole = inside = Count()
    for name, kind in named_cells(netlist, top, family):
        whole = whole.with_one(kind)
        if not instances.isdisjoint(name.split(".")[:-1]):
            inside = inside.with_one(kind)
    return whole, inside
