# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Races between a driver and its device are found by seeds, on one processor and on two; see bench/races.py."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest

from dirql import wdm
from dirql.ke.bugcheck import BugCheck
from dirql.machine import open_machine
from dirql.target import inside_simulator
from machine.racing_drivers import RACES, Early, play

pytestmark = pytest.mark.skipif(inside_simulator(), reason="runs each race with many seeds")

SEEDS = range(1, 65)


@pytest.mark.parametrize("processors", [1, 2])
@pytest.mark.parametrize("name", RACES)
def test_a_race_is_found_within_64_seeds(name: str, processors: int) -> None:
    race = RACES[name]
    assert any(play(race, right=False, processors=processors, seed=seed) for seed in SEEDS)


@pytest.mark.parametrize("name", RACES)
def test_without_a_seed_one_processor_does_not_meet_the_race(name: str) -> None:
    assert play(RACES[name], right=False, processors=1, seed=0) == ""


@pytest.mark.parametrize("processors", [1, 2])
@pytest.mark.parametrize("name", RACES)
def test_a_driver_without_the_race_is_right_with_each_seed(name: str, processors: int) -> None:
    for seed in range(24):
        assert play(RACES[name], right=True, processors=processors, seed=seed) == "", f"seed {seed}"


class Unready(Early):
    """A driver whose ISR uses the table even if the device has not interrupted."""

    def isr(self, interrupt: wdm.KINTERRUPT, device: wdm.DEVICE_OBJECT) -> bool:
        self.served(self.extension(device), 0)
        return super().isr(interrupt, device)


def expected(right: bool) -> AbstractContextManager[object]:
    return nullcontext() if right else pytest.raises(BugCheck, match="must handle its exceptions")


def test_the_same_seed_finds_the_same() -> None:
    race = RACES["Cancelled"]
    seed = next(seed for seed in SEEDS if play(race, right=False, processors=1, seed=seed))
    first = play(race, right=False, processors=1, seed=seed)
    assert play(race, right=False, processors=1, seed=seed) == first


def test_r07_an_isr_that_is_not_ready_when_it_is_connected_is_found_without_a_seed() -> None:
    """The line is shared, so the ISR of a verified driver is called at once, whether or not its device interrupts."""
    for right in (True, False):
        with expected(right), open_machine() as machine:
            machine.load_driver(Unready(right))
