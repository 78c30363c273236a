# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Structured exceptions in C: each construct does what Microsoft's compiler makes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dirql.c.image.compiler import HEADERS, RUNTIME
from unit.c.compilers import COMPILERS

CASES = Path(__file__).with_name("seh_cases.c")
OPTIONS = ("-std=gnu11", "-g", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{HEADERS}")


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("optimised", [False, True], ids=["plain runtime", "optimised runtime"])
def test_every_construct_takes_its_steps(compiler: list[str], tmp_path: Path, optimised: bool) -> None:
    runtime, program = tmp_path / "seh.o", tmp_path / "cases"
    level = "-O2" if optimised else "-O0"
    subprocess.run([*compiler, *OPTIONS, level, "-c", str(RUNTIME / "seh.c"), "-o", str(runtime)], check=True)
    subprocess.run([*compiler, *OPTIONS, "-O0", str(CASES), str(runtime), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("0 failures\n", 0)


def refusal(text: str, *options: str) -> str:
    """The messages of gcc for a text with exceptions."""
    command = ["gcc", *OPTIONS, *options, "-fsyntax-only", "-x", "c", "-"]
    source = f"#include <dirql_seh.h>\nint f(int x)\n{{\n{text}\nreturn x;\n}}\n"
    return subprocess.run(command, input=source, capture_output=True, text=True, check=False).stderr


def test_optimised_code_with_a_try_does_not_compile() -> None:
    text = "__try { x = 1; } __except (1) { x = 2; }"
    assert refusal(text) == ""
    assert "a file with __try must be compiled with -O0" in refusal(text, "-O2")


def test_a_try_between_if_and_else_without_braces_does_not_compile() -> None:
    """It would be two statements, and the `else` would belong to the second."""
    assert "else" in refusal("if (x) __try { x = 1; } __except (1) { x = 2; } else x = 3;")
