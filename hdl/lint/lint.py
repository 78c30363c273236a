# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Lints the RTL with Verilator at -Wall, and names files that hdl/machine.f leaves out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dirql.target.build import hdl_sources
from dirql.target.toolchain import SetupError, find_toolchain

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
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
    command = [*toolchain.command, "--lint-only", "--quiet", "-Wall", "--assert", "--top-module", TOP]
    done = subprocess.run([*command, *map(str, sources)], env=toolchain.environment, check=False)
    return 1 if done.returncode or unused else 0


if __name__ == "__main__":
    sys.exit(main())
