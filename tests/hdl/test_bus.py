# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of sim/hdl in a simulator, with the protocol checker on, and reports each as a test.

The rows that they show are in their names.
"""

from __future__ import annotations

import ast
import hashlib
import xml.etree.ElementTree as ET
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
MODULES = ("bus_rules", "pin_rules", "memory_rules", "edge_rules")


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


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The complaint of each test, "" for a test that passed."""
    toolchain = find_toolchain()
    folder = tmp_path_factory.mktemp("bus")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in toolchain.environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(BENCH)
        patch.setenv("MAKEFLAGS", " ".join(toolchain.make_variables))
        patch.setenv("COCOTB_REWRITE_ASSERTION_FILES", "")
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        runner = get_runner("verilator")
        build = build_folder(toolchain)
        runner.build(
            sources=[*hdl_files(MACHINE, ROOT), BENCH / "bus_bench.sv"],
            hdl_toplevel="bus_bench",
            build_dir=build,
            build_args=["--assert", "-Wno-fatal", "--timescale", "1ns/1ps", "-CFLAGS", "-O0"],
            log_file=folder / "build.log",
        )
        results = runner.test(
            test_module=list(MODULES),
            hdl_toplevel="bus_bench",
            hdl_toplevel_lang="verilog",
            build_dir=build,
            test_dir=folder,
            results_xml=str(folder / "results.xml"),
            log_file=folder / "run.log",
        )
    return read_results(results, folder / "run.log")


def build_folder(toolchain: Toolchain) -> Path:
    """The folder that keeps the compiled bench between sessions, by the places that its makefile names."""
    places = (share_dir, toolchain.include, toolchain.cxx.path)
    digest = hashlib.sha256("\n".join(map(str, places)).encode()).hexdigest()
    return cache_directory() / f"bus-bench-{digest[:12]}"


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
def test_rule(outcomes: dict[str, str], name: str) -> None:
    assert outcomes[name] == ""
