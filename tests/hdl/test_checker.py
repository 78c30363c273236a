# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The bus checker itself: a broken rule ends the simulation, and what is printed says which rule it was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dirql.hardware.render import hdl_files
from dirql.target.simulation.toolchain import find_toolchain
from fakes.default_machine import MACHINE

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "sim" / "hdl" / "checker_bench.sv"


@pytest.mark.slow
def test_a_broken_rule_ends_the_run_with_its_label_and_its_sentence(tmp_path: Path) -> None:
    toolchain = find_toolchain()
    sources = [source for source in hdl_files(MACHINE, ROOT) if source.stem in ("bus_pkg", "bus_checker")]
    command = [*toolchain.command, "--binary", "--assert", "-Wno-fatal", "-CFLAGS", "-std=c++20 -O0"]
    subprocess.run(
        [*command, "--top-module", "checker_bench", "--Mdir", str(tmp_path), *map(str, sources), str(BENCH)],
        env={**toolchain.environment, "MAKEFLAGS": " ".join(toolchain.make_variables)},
        check=True,
        capture_output=True,
    )
    run = subprocess.run([tmp_path / "Vchecker_bench"], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "T04_trdy: TRDY is on only while DEVSEL is." in run.stdout
    assert "nobody minded" not in run.stdout
