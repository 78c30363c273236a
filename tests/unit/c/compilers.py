# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The compilers with which C is tested, and libraries of the runtime for a look from Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from dirql.c.image.compiler import HEADERS, OPTIONS, RUNTIME

COMPILERS = [
    pytest.param(
        shlex.split(os.environ.get(f"DIRQL_{name.upper()}", name)),
        id=name,
        marks=pytest.mark.skipif(
            shutil.which(shlex.split(os.environ.get(f"DIRQL_{name.upper()}", name))[0]) is None,
            reason=f"{name} is not installed",
        ),
    )
    for name in ("gcc", "clang")
]
"""gcc and clang; DIRQL_GCC and DIRQL_CLANG name other commands for them."""


def compile_runtime(folder: Path, *others: Path) -> Path:
    """The runtime of images, as far as it needs no kernel, and other sources as one shared library."""
    library = folder / "runtime.so"
    apart = ("seh.c", "address.c", "coverage.c", "system_routines.c", "wmilib.c")
    sources = [source for source in RUNTIME.glob("*.c") if source.name not in apart]
    headers = ["-nostdinc", *(f"-I{HEADERS / each}" for each in ("", "crt", "ddk"))]
    options = [*OPTIONS, "-O2", "-Wall", "-Wextra", "-Werror", "-fno-tree-loop-distribute-patterns"]
    command = ["gcc", *options, *headers, "-shared", "-nostdlib", "-Wl,-Bsymbolic", "-o", str(library)]
    subprocess.run([*command, *map(str, [*sources, *others])], check=True)
    return library
