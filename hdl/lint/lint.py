# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lints machines, alone and with their link, the ports of the link, tops of boards, and the checker of wave dumps.

Verilator is at its strictest. A function that machines of the tests alone have is linted by itself.

Machines are looked at with and without the bus protocol checker. Tops with vendor cells are left out.

    python hdl/lint/lint.py

Exits 1 after printing what Verilator said. Waivers, each with its reason, are in waivers.vlt.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dirql.boards.description import Board, UsbLink
from dirql.boards.reading import board_names, load_board
from dirql.hardware.linked import LINKED_FILE_LIST, usb_files
from dirql.hardware.reading import load_machine, machine_names
from dirql.hardware.render import CHECKED_PARAMETER, hdl_files
from dirql.target.simulation.toolchain import find_toolchain

__all__ = ["main"]

MACHINES = Path(__file__).resolve().parents[1] / "machines/generated"
TESTED = Path(__file__).resolve().parents[2] / "tests/hdl/machines"
CONFIGURATIONS = ((), (f"-G{CHECKED_PARAMETER}=1", "--assert"))
LISTS = {"machine": "machine.f", "linked_machine": LINKED_FILE_LIST}
SERIAL_MACHINE = "../../../link/rtl/serial_machine.sv"
USB_MACHINE = "link/rtl/usb_machine.sv"
VENDOR_CELL = "EHXPLLL"
PORT = ("--top-module", "link_uart", "-GClocksPerBit=8", "link/rtl/link_uart.sv")
USB = ("--top-module", "usb_device", "lint/waivers.vlt", "prim/rtl/prim_ram.sv", "-f", "link/usb/usb.f")

BUS_FILES = ("bus/rtl/bus_pkg.sv", "bus/rtl/bus_start.sv", "bus/rtl/bus_checker.sv")
DUMP = (
    "--top-module",
    "dump_bus",
    "lint/waivers.vlt",
    *BUS_FILES,
    "../sim/dump/error_pins.sv",
    "../sim/dump/dump_bus.sv",
)


def _top_of(board: Board) -> tuple[str, ...]:
    """The words that lint the top of a board; none for one with vendor cells."""
    top = board.folder / "top.sv"
    if VENDOR_CELL in top.read_text(encoding="utf-8"):
        return ()
    parameters = [f"-G{name}={value}" for name, value in board.parameters.items()]
    hdl = MACHINES.parents[1]
    usb = [str(path) for path in (*usb_files(hdl.parent), hdl / USB_MACHINE)]
    port = usb if isinstance(board.link, UsbLink) else [SERIAL_MACHINE]
    return ("--top-module", "top", *parameters, "-GBuild=64'd0", "-F", LINKED_FILE_LIST, *port, str(top))


def _functions_of_tests() -> Iterator[tuple[str, ...]]:
    """The words that lint each function that no machine of dirql has."""
    seen = {kind.name for name in machine_names() for kind in load_machine(name).function_types}
    for machine in map(load_machine, sorted(TESTED.glob("*.toml"))):
        files = tuple(map(str, hdl_files(machine, MACHINES.parents[2])))
        for kind in machine.function_types:
            if kind.name not in seen:
                seen.add(kind.name)
                yield ("--top-module", kind.module, *files)


def main() -> int:
    """Lint all machines; the worst exit code."""
    toolchain = find_toolchain()
    command = [*toolchain.command, "--lint-only", "-Wall", "--quiet-stats"]
    runs = [
        (MACHINES.parents[1], PORT),
        (MACHINES.parents[1], DUMP),
        *((MACHINES.parents[1], (*USB, *more)) for more in ((), ("--assert",))),
    ]
    for folder in sorted(path for path in MACHINES.iterdir() if path.is_dir()):
        for top, names in LISTS.items():
            runs += [(folder, ("--top-module", top, *options, "-F", names)) for options in CONFIGURATIONS]
    runs += [(MACHINES.parents[1], words) for words in _functions_of_tests()]
    runs += [(MACHINES / board.machine.name, _top_of(board)) for board in map(load_board, board_names())]
    worst = 0
    for folder, words in filter(lambda run: run[1], runs):
        done = subprocess.run([*command, *words], cwd=folder, env=toolchain.environment, check=False)
        worst = max(worst, int(done.returncode != 0))
    return worst


if __name__ == "__main__":
    sys.exit(main())
