# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The first difference between two replays of a session, with what came before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dirql.target.replaying import first_difference

EDGES = [100, 104, 120, 136, 140]


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "session"
    path.write_text("10 126\n50 1\n130 255\n138 7\n", encoding="ascii")
    return path


def test_edges_at_the_same_clocks_are_no_difference(session: Path) -> None:
    assert first_difference(EDGES, list(EDGES), session) is None
    assert first_difference([], [], session) is None


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([100, 104, 120, 137, 140], "edge 3 of tx, to 1, must be after clock 136; it was after clock 137."),
        (EDGES[:3], "edge 3 of tx, to 1, must be after clock 136; it was after clock never."),
        ([*EDGES, 150], "edge 5 of tx, to 1, must be after clock never; it was after clock 150."),
        ([90, *EDGES], "edge 0 of tx, to 0, must be after clock 100; it was after clock 90."),
    ],
)
def test_the_first_difference_is_told(session: Path, found: list[int], message: str) -> None:
    told = first_difference(EDGES, found, session)
    assert told is not None
    assert message in told


def test_a_difference_has_the_edges_and_the_bytes_before_it(session: Path) -> None:
    told = first_difference(EDGES, [100, 104, 120, 137, 140], session)
    assert told is not None
    assert "Edges before it: 100, 104, 120." in told
    assert "Of 3 bytes that went in, the last: 7e at 10, 01 at 50, ff at 130" in told
