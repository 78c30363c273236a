# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lints each machine, alone and with its link, and the serial port, as Verilator sees them at its strictest.

Machines are looked at with and without the bus protocol checker.

    python hdl/lint/lint.py

Exits 1 after printing what Verilator said. Waivers, each with its reason, are in waivers.vlt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dirql.hardware.linked import LINKED_FILE_LIST
from dirql.hardware.render import CHECKED_PARAMETER
from dirql.target.simulation.toolchain import find_toolchain

__all__ = ["main"]

MACHINES = Path(__file__).resolve().parents[1] / "machines/generated"
CONFIGURATIONS = ((), (f"-G{CHECKED_PARAMETER}=1", "--assert"))
LISTS = {"machine": "machine.f", "linked_machine": LINKED_FILE_LIST}
PORT = ("--top-module", "link_uart", "-GClocksPerBit=8", "link/rtl/link_uart.sv")


def main() -> int:
    """Lint all machines; the worst exit code."""
    toolchain = find_toolchain()
    command = [*toolchain.command, "--lint-only", "-Wall", "--quiet-stats"]
    runs = [(MACHINES.parents[1], PORT)]
    for folder in sorted(path for path in MACHINES.iterdir() if path.is_dir()):
        for top, names in LISTS.items():
            runs += [(folder, ("--top-module", top, *options, "-F", names)) for options in CONFIGURATIONS]
    worst = 0
    for folder, words in runs:
        done = subprocess.run([*command, *words], cwd=folder, env=toolchain.environment, check=False)
        worst = max(worst, int(done.returncode != 0))
    return worst


if __name__ == "__main__":
    sys.exit(main())
