# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""host/bootstrap.sh on systems that lack something: one sentence, and nothing is touched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from source_tree import ROOT

FITTING_PYTHON = "exit 0"
OLD_PYTHON = "exit 1"
WITHOUT_VENV = "case $2 in *ensurepip*) exit 1 ;; *) exit 0 ;; esac"


def bootstrap(folder: Path, programs: dict[str, str], argument: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a PATH on which there are only `programs`, each with its body."""
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    command = ["/bin/sh", str(ROOT / "host" / "bootstrap.sh"), argument]
    return subprocess.run(
        command, env={"PATH": str(folder)}, capture_output=True, text=True, check=False, timeout=30
    )


TOOLS = {"g++": "", "make": "", "perl": ""}


@pytest.mark.parametrize(
    ("programs", "missing", "packages"),
    [
        ({**TOOLS}, "Python 3.11 or later", "python3 python3-venv"),
        ({**TOOLS, "python3": OLD_PYTHON}, "Python 3.11 or later", "python3 python3-venv"),
        ({**TOOLS, "python3": WITHOUT_VENV}, "Python's venv and ensurepip modules", "python3-venv"),
        ({"python3": FITTING_PYTHON, "make": ""}, "a C++ compiler (g++), perl", "g++ perl"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(
    programs: dict[str, str], missing: str, packages: str, tmp_path: Path
) -> None:
    done = bootstrap(tmp_path, programs, "dev")
    assert done.returncode == 2
    sentence = f"dirql needs {missing}: install it, on Debian and Ubuntu with: apt install {packages}\n"
    assert (done.stdout, done.stderr) == ("", sentence)
    assert bootstrap(tmp_path, programs, "--missing").stdout == f"{packages}\n"


def test_a_later_python_beside_an_old_one_is_found(tmp_path: Path) -> None:
    programs = {**TOOLS, "python3": OLD_PYTHON, "python3.12": FITTING_PYTHON}
    assert bootstrap(tmp_path, programs, "--missing").stdout == "\n"
