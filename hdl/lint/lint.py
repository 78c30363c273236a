# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lints the machine as Verilator sees it at its strictest, in each configuration that differs in structure.

    python hdl/lint/lint.py

Exits 1 after printing what Verilator said. Waivers, each with its reason, are in waivers.vlt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dirql.target.simulation.toolchain import find_toolchain

__all__ = ["main"]

HDL = Path(__file__).resolve().parent.parent
CONFIGURATIONS = (
    (),
    ("-GChecker=1", "--assert"),
    ("-GBufferLog2=13", "-GFifoLog2=5", "-GEventLog2=6", "-GMemoryLog2=16"),
)


def main() -> int:
    """Lint all configurations; the worst exit code."""
    toolchain = find_toolchain()
    command = [*toolchain.command, "--lint-only", "-Wall", "--quiet-stats", "--top-module", "machine"]
    worst = 0
    for options in CONFIGURATIONS:
        run = [*command, *options, "-F", "machine.f"]
        done = subprocess.run(run, cwd=HDL, env=toolchain.environment, check=False)
        worst = max(worst, int(done.returncode != 0))
    return worst


if __name__ == "__main__":
    sys.exit(main())
