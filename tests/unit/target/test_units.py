# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Verilator's runtime, which is compiled once for all models, and the units with a model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dirql.target.simulation.toolchain import Toolchain, find_toolchain
from dirql.target.simulation.units import find_runtime, library_stages


@pytest.fixture(scope="module")
def toolchain() -> Toolchain:
    return find_toolchain()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIRQL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("simulator", [False, True])
def test_a_runtime_that_is_in_the_cache_is_not_made_again(simulator: bool, toolchain: Toolchain) -> None:
    before = find_runtime(toolchain, simulator=simulator)
    assert len(before.making) == 1
    product = Path(before.product)
    product.parent.mkdir(parents=True)
    product.write_bytes(b"code")
    digest = product.with_name(f"{product.name}.sha256")
    digest.write_text("another")
    assert find_runtime(toolchain, simulator=simulator) == before
    digest.write_text(hashlib.sha256(b"code").hexdigest())
    assert find_runtime(toolchain, simulator=simulator) == (before.product, [])
    assert len(find_runtime(toolchain, simulator=not simulator).making) == 1


@pytest.mark.parametrize(("level", "slow"), [("-O0", ["model.cc"]), ("-O1", ["constructors.cc"])])
def test_what_runs_once_is_never_optimised(
    level: str, slow: list[str], toolchain: Toolchain, tmp_path: Path
) -> None:
    for name in ("Vtop.cpp", "Vtop__Slow.cpp"):
        (tmp_path / name).touch()
    compiling, linking = library_stages(tmp_path, toolchain, tmp_path / "bench.cpp", "bench.so", [level])
    units = {path.name: path.read_text() for path in tmp_path.glob("*.cc")}
    assert [name for name, text in units.items() if "Vtop__Slow.cpp" in text] == slow
    assert [name for name, text in units.items() if "bench.cpp" in text] == ["model.cc"]
    levels = {
        Path(command[command.index("-c") + 1]).name: [word for word in command if word.startswith("-O")][-1]
        for command in compiling[: len(units)]
    }
    assert levels == {"model.cc": level, slow[0]: "-O0"}
    assert len(compiling) == len(units) + 1
    assert find_runtime(toolchain).product in linking[0]
