# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The C compiler for drivers: gcc, or clang, on Linux on x86-64."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dirql.target.simulation.c_compiler import c_compiler
from dirql.target.simulation.toolchain import SetupError, install

__all__ = [
    "HEADERS",
    "OPTIONS",
    "RUNTIME",
    "RUNTIME_OPTIONS",
    "CompileError",
    "Compiler",
    "find_compiler",
]

_C = Path(__file__).parent.parent
HEADERS = _C / "include"
RUNTIME = _C / "runtime"

OPTIONS = (
    "-std=gnu11",
    "-g",
    "-fPIC",
    "-fshort-wchar",
    "-mms-bitfields",
    "-fms-extensions",
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fno-builtin",
    "-fcommon",
    "-fno-stack-protector",
    "-fno-omit-frame-pointer",
)
"""The options of every file: types, aliasing and common variables are those of Microsoft's compiler."""

RUNTIME_OPTIONS: Final = (
    "-O2",
    "-ffreestanding",
    "-ffunction-sections",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
)
"""The options of the runtime, which is part of each image."""


class CompileError(ValueError):
    """The compiler refused a driver; the text is the compiler's own."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words of its command, and the text of its version. dirql has headers of its own."""

    command: tuple[str, ...]
    version: str
    is_clang: bool

    def run(self, arguments: Sequence[str], folder: Path) -> tuple[str, str]:
        """Run the compiler in a folder; returns its output and its messages.

        Raises `CompileError` with the messages if it fails.
        """
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        if done.returncode:
            raise CompileError(done.stderr.rstrip() or f"{self.command[0]} ended with {done.returncode}")
        return done.stdout, done.stderr


def find_compiler(environment: Mapping[str, str] = os.environ) -> Compiler:
    """The compiler for drivers: that of `c_compiler`. Raises `SetupError`."""
    return _examine(c_compiler(environment))


@cache
def _examine(command: tuple[str, ...]) -> Compiler:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    version = done.stdout.strip()
    if done.returncode or not version:
        raise SetupError(
            f"{' '.join(command)} must be gcc or clang; with --version it ended with {done.returncode}",
            f"{install('gcc binutils')}, or set CC",
        )
    return Compiler(command, version, "clang" in version)
