# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The same driver with the same seed takes the same clocks on each cycle-exact target, and again on the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dirql.target import inside_simulator, run_in_simulator
from machine.driver_traffic import run_traffic
from machine.store_twins import chosen, each_driver

SEEDS = (0, 1, 2, 3)

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts a simulator of its own")


@each_driver
def test_both_targets_leave_the_same_event_records(tmp_path: Path) -> None:
    path, language = tmp_path / "seen.json", chosen.language
    seeds = SEEDS if language == "python" else SEEDS[:2]
    assert run_in_simulator("machine.driver_traffic:main", [str(path), language, *map(str, seeds)]) == 0
    for seed, theirs in zip(seeds, json.loads(path.read_text(encoding="utf-8")), strict=True):
        ours = json.loads(json.dumps(run_traffic("verilated", seed, language)))
        assert isinstance(ours, list)
        assert isinstance(theirs, list)
        for mine, other in zip(ours, theirs, strict=True):
            *head, my_events = mine
            *other_head, other_events = other
            assert len(my_events) > 50
            for number, (one, two) in enumerate(zip(my_events, other_events, strict=False)):
                assert one == two, f"seed {seed}, {head}: record {number}"
            assert (head, len(my_events)) == (other_head, len(other_events))


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first = run_traffic("verilated", 1)
    assert run_traffic("verilated", 1) == first
    assert run_traffic("verilated", 5) != first
