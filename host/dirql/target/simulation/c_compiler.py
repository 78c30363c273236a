# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The C compiler of this computer, with which drivers in C and their core are compiled: gcc, or clang."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from collections.abc import Mapping

from dirql.target.simulation.toolchain import SetupError, install

__all__ = ["c_compiler"]


def c_compiler(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The words of the command that the variable CC names, or else gcc, or else clang.

    Raises `SetupError` without one, and on computers that cannot run drivers in C.
    """
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise SetupError(
            f"drivers in C run on Linux on x86-64 only; this is {sys.platform} on {platform.machine()}",
            "run them there, or in a virtual machine; drivers in Python run here",
        )
    wanted = environment.get("CC")
    path = environment.get("PATH")
    for command in (shlex.split(wanted),) if wanted else (["gcc"], ["clang"]):
        found = shutil.which(command[0], path=path) if command else None
        if found is not None:
            return (found, *command[1:])
    what = f"the C compiler {wanted!r}, which CC names," if wanted else "gcc, which compiles drivers in C,"
    raise SetupError(f"{what} is not there", install("gcc binutils"))
