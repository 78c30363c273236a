# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The driver's tests and the first examples once more, in a pytest session inside the simulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dirql.target import inside_simulator

ROOT = Path(__file__).parents[2]
PATHS = ("tests/machine/test_store_driver.py", "examples/first_driver", "examples/own_driver")

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts a simulator of its own")


def session(*arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-q", "--dirql-target", "cocotb", *arguments]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_drivers_tests_pass_in_the_simulator() -> None:
    done = session(*PATHS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_gpio_drivers_tests_pass_in_the_simulator() -> None:
    done = session("tests/machine/test_gpio_driver.py", "--dirql-machine", "tests/hdl/machines/several.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failure_in_the_simulator_is_a_failure_outside(tmp_path: Path) -> None:
    test = tmp_path / "test_wrong.py"
    test.write_text("def test_wrong(handle):\n    handle.write(b'a')\n    assert handle.read(1) == b'b'\n")
    done = session(str(test), "--rootdir", str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout


@pytest.mark.slow
def test_a_machine_with_several_stores_runs_in_the_simulator(tmp_path: Path) -> None:
    """The simulator has the machine that the session names; a test for another machine is skipped."""
    test = tmp_path / "test_shared.py"
    test.write_text(
        "import pytest\n"
        "from dirql.drivers.store.interface import program_name\n"
        "def test_all(device, machine):\n"
        "    for number in range(4):\n"
        "        with machine.open(program_name(number)) as handle:\n"
        "            handle.write(bytes([number] * 8))\n"
        "            assert handle.read(8) == bytes([number] * 8)\n"
        "@pytest.mark.machine(machine='tiny')\n"
        "def test_other(machine):\n"
        "    pass\n"
    )
    done = session(str(test), "--rootdir", str(tmp_path), "--dirql-machine", "shared")
    assert "1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
