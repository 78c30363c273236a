# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The simulated targets agree to the clock: a random program sees the same on both, event records included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dirql.target import MemoryDelays, inside_simulator, run_in_simulator
from dirql.target.contract import EventBits
from machine.same_cycles import run_program
from machine.target_bench import open_bench

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts a simulator of its own")

SEEDS = (1, 2, 3)
STEPS = 1500


def in_process(seed: int, memory: str = "fast", target: str = "verilated") -> list[list[Any]]:
    bench = open_bench(target, memory_delays=MemoryDelays(seed) if memory == "slow" else None)
    seen = run_program(bench, seed, STEPS)
    bench.target.close()
    return list(json.loads(json.dumps(seen)))


@pytest.mark.parametrize("memory", ["fast", "slow"])
def test_verilated_and_cocotb_see_the_same_on_the_same_clocks(tmp_path: Path, memory: str) -> None:
    path = tmp_path / "seen.json"
    arguments = [str(path), str(STEPS), memory, *map(str, SEEDS)]
    assert run_in_simulator("machine.same_cycles:main", arguments) == 0
    for seed, there in zip(SEEDS, json.loads(path.read_text(encoding="utf-8")), strict=True):
        here = in_process(seed, memory)
        for step, (ours, theirs) in enumerate(zip(here, there, strict=True)):
            assert ours == theirs, f"seed {seed}, step {step}"


@pytest.mark.parametrize("seed", range(8))
def test_the_methods_in_python_and_those_in_the_library_see_the_same(seed: int) -> None:
    assert in_process(seed) == in_process(seed, target="python")


def test_the_program_exercises_what_it_is_for() -> None:
    seen = in_process(SEEDS[0])
    events = [event for row in seen if row[0] in {"events", "end"} for event in row[-1]]
    bits = 0
    for event in events:
        bits |= event[1]
    assert bits & EventBits.VECTOR_FETCH
    assert bits & EventBits.EOI
    assert bits & EventBits.MARK
    assert bits & EventBits.CAUSE
    assert bits & EventBits.DMA_DRAINED
    errors = [row[-1] for row in seen if isinstance(row[-1], str) and "ended with" in row[-1]]
    assert len({error.split("ended with")[1] for error in errors}) >= 3


def test_the_same_seed_gives_the_same_run_twice() -> None:
    assert in_process(7) == in_process(7)
    assert in_process(7, "slow") == in_process(7, "slow") != in_process(7)
