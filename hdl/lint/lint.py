# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lints each machine as Verilator sees it at its strictest, with and without the bus protocol checker.

    python hdl/lint/lint.py

Exits 1 after printing what Verilator said. Waivers, each with its reason, are in waivers.vlt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dirql.hardware.render import CHECKED_PARAMETER
from dirql.target.simulation.toolchain import find_toolchain

__all__ = ["main"]

MACHINES = Path(__file__).resolve().parents[1] / "machines/generated"
CONFIGURATIONS = ((), (f"-G{CHECKED_PARAMETER}=1", "--assert"))


def main() -> int:
    """Lint all machines; the worst exit code."""
    toolchain = find_toolchain()
    command = [*toolchain.command, "--lint-only", "-Wall", "--quiet-stats", "--top-module", "machine"]
    worst = 0
    for folder in sorted(path for path in MACHINES.iterdir() if path.is_dir()):
        for options in CONFIGURATIONS:
            run = [*command, *options, "-F", "machine.f"]
            done = subprocess.run(run, cwd=folder, env=toolchain.environment, check=False)
            worst = max(worst, int(done.returncode != 0))
    return worst


if __name__ == "__main__":
    sys.exit(main())
