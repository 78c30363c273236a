# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lints the RTL with Verilator at -Wall, with the waivers of this folder, and names files that nothing uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dirql.target.build import hdl_sources
from dirql.target.toolchain import SetupError, find_toolchain

__all__ = ["main"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOP = "machine"


def main() -> int:
    try:
        toolchain = find_toolchain()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    sources = hdl_sources(ROOT)
    unused = sorted(
        {*(ROOT / "hdl").glob("**/rtl/*.sv"), *(ROOT / "hdl").glob("**/generated/*.sv")} - set(sources)
    )
    for file in unused:
        print(f"{file.relative_to(ROOT)} is not in hdl/machine.f", file=sys.stderr)
    waivers = sorted(HERE.glob("*.vlt"))
    command = [*toolchain.command, "--lint-only", "-Wall", "--assert", "--top-module", TOP]
    done = subprocess.run([*command, *map(str, [*waivers, *sources])], env=toolchain.environment, check=False)
    return 1 if done.returncode or unused else 0


if __name__ == "__main__":
    sys.exit(main())
