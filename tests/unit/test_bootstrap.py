# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""host/bootstrap.sh: what a system lacks is said in one sentence; an environment is whole, or is made again."""

from __future__ import annotations

import fcntl
import shlex
import shutil
import subprocess
import sys
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


MADE_UP_PYTHON = f"""#!/bin/sh
case "$*" in
    *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo venv >>log ;;
    *"-m pip"*) echo pip >>log && [ ! -f interrupted ] && : >.venv/dirql ;;
    *compileall*) echo bytecode >>log ;;
    *importlib.metadata* | *"import dirql"*) [ -f .venv/dirql ] ;;
    *fcntl*) exec {shlex.quote(sys.executable)} "$@" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the script and a Python that notes in a file what it makes; "interrupted" makes pip fail."""
    folder = tmp_path / "a folder"
    (folder / "host").mkdir(parents=True)
    shutil.copy(ROOT / "host" / "bootstrap.sh", folder / "host")
    (folder / "pyproject.toml").touch()
    python = tmp_path / "python3"
    python.write_text(MADE_UP_PYTHON, encoding="utf-8")
    python.chmod(0o755)
    return folder


def start(checkout: Path, argument: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["/bin/sh", "host/bootstrap.sh", argument],
        cwd=checkout,
        env={"PATH": f"{checkout.parent}:/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    )


def set_up(checkout: Path, argument: str = "run") -> int:
    with start(checkout, argument) as process:
        process.communicate()
    return process.returncode


def made(checkout: Path) -> list[str]:
    log = checkout / "log"
    text = log.read_text(encoding="utf-8").split() if log.exists() else []
    log.unlink(missing_ok=True)
    return text


def test_an_environment_is_made_once(checkout: Path) -> None:
    assert set_up(checkout, "--fits") != 0
    assert set_up(checkout) == 0
    assert made(checkout) == ["venv", "pip", "bytecode"]
    assert set_up(checkout, "--fits") == set_up(checkout) == 0
    assert made(checkout) == []
    assert set_up(checkout, "dev") == 0
    assert made(checkout) == ["pip", "bytecode"]


def test_an_environment_whose_making_was_interrupted_is_made_again(checkout: Path) -> None:
    (checkout / "interrupted").touch()
    assert set_up(checkout) != 0
    assert made(checkout) == ["venv", "pip"]
    assert set_up(checkout, "--fits") != 0
    (checkout / "interrupted").unlink()
    assert set_up(checkout) == 0
    assert made(checkout) == ["venv", "pip", "bytecode"]
    (checkout / ".venv" / ".folder").unlink()  # as when Python's own environment was being made
    assert set_up(checkout) == 0
    assert made(checkout) == ["venv", "pip", "bytecode"]


def test_an_environment_is_made_again_for_another_folder(checkout: Path) -> None:
    assert set_up(checkout) == 0
    renamed = checkout.rename(checkout.with_name("another folder"))
    made(renamed)
    assert set_up(renamed, "--fits") != 0
    assert set_up(renamed) == 0
    assert made(renamed) == ["venv", "pip", "bytecode"]


def test_of_two_at_once_the_second_waits_and_says_so(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    with (checkout / ".venv" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(checkout, "run")
        assert process.stderr is not None
        assert process.stderr.readline() == "dirql: another process sets up .venv; waiting for it\n"
        assert made(checkout) == []
    process.communicate()
    assert process.returncode == 0
    assert made(checkout) == ["venv", "pip", "bytecode"]


def test_a_folder_that_cannot_be_written_is_told(checkout: Path) -> None:
    (checkout / ".venv").touch()
    with start(checkout, "run") as process:
        _, told = process.communicate()
    assert process.returncode == 2
    assert told.startswith("dirql needs to write .venv in its folder, and cannot: copy ")
