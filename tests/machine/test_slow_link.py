# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Limits on a board behind a slow line: what the line takes is no hang, and a hang is told all the same.

The board is the compiled machine behind a naive model of the link's device side. No time of the host passes in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from dirql.drivers import store
from dirql.drivers.store.interface import PROGRAM_NAME
from dirql.ke.bugcheck import BugCheck
from dirql.ke.limits import Limits
from dirql.ke.watch.deadlock import Deadlock
from dirql.link.session import Patience
from dirql.machine import Machine, open_machine
from dirql.target import open_target
from dirql.target.contract import Target
from dirql.target.recording.recorder import RecordingTarget
from dirql.target.recording.replay import ReplayTarget
from fakes.link_target import FakeBoard, open_board_over
from machine.silent_driver import NAME, Silent

DATA = bytes(range(256)) * 4
LIMITS = Limits(routine=100_000, raised=200_000, poll=150_000, loop=500_000, drain=500_000)
LOOP = 500_000
NEAR = 1_000
"""The clocks of an access that count, as docs/checks.md says."""


class SlowLine:
    """A clock of seconds in which each look of the board takes 50 ms, as an access over a slow line does."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 0.05
        return self.seconds


@pytest.fixture
def board() -> Iterator[FakeBoard]:
    opened = open_board_over(open_target("verilated"), patience=Patience(silence=5), clock=SlowLine())
    yield opened
    opened.target.close()
    opened.device.script.close()


def read_in_order(target: Target) -> list[tuple[int, int]]:
    """The clocks and the lag after each of four accesses, and after a wait."""
    seen = []
    for _ in range(4):
        target.read_configuration(0)
        seen.append((target.now(), target.lag()))
    target.wait(target.frequency // 10)
    seen.append((target.now(), target.lag()))
    return seen


def test_an_access_lags_but_for_its_first_clocks_and_a_wait_does_not(board: FakeBoard) -> None:
    *accesses, (waited, last) = read_in_order(board.target)
    for (before, lag), (after, more) in itertools.pairwise(accesses):
        assert after - before > 10 * NEAR
        assert more - lag == after - before - NEAR
    assert waited > accesses[-1][0]
    assert last == accesses[-1][1]


def test_a_simulation_does_not_lag() -> None:
    target = open_target("verilated")
    assert {lag for _, lag in read_in_order(target)} == {0}
    target.close()


def test_a_replay_lags_as_its_recording(board: FakeBoard, tmp_path: Path) -> None:
    path = tmp_path / "slow.dirql"
    recorder = RecordingTarget(board.target, path)
    recorded = read_in_order(recorder)
    recorder.close()
    replay = ReplayTarget(path)
    assert read_in_order(replay) == recorded
    assert recorded[-1][1] > 0
    replay.close()


def test_what_the_line_takes_is_not_taken_for_a_hang(board: FakeBoard) -> None:
    with open_machine(board.target, drivers=[store], limits=LIMITS) as machine:
        assert machine.target.now() > 10 * LOOP, "the time that the drivers took to start"
        with machine.open(PROGRAM_NAME) as handle:
            handle.write(DATA)
            assert handle.read(len(DATA)) == DATA


@pytest.mark.parametrize(
    ("mistake", "kind", "said"),
    [
        ("poll", Deadlock, "and only read"),
        ("configuration", Deadlock, "Limits.loop is 500000"),
        ("poll in a DPC", BugCheck, "a DPC must return"),
    ],
)
def test_a_hang_is_told(board: FakeBoard, mistake: str, kind: type[BaseException], said: str) -> None:
    machine = open_machine(board.target, limits=LIMITS)
    with pytest.raises(kind, match=said):
        read(machine, Silent(mistake))


def read(machine: Machine, driver: Silent) -> None:
    with machine:
        machine.load_driver(driver, "silent", interrupt="level")
        machine.open(NAME).read(4)
