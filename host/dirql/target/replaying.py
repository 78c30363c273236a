# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Compares twins with pins clock by clock: a session that one of them had is sent to each of them again.

A session has the bytes that went in, each with the clock in which its start bit began. Of the answers the edges of the
line `tx` are compared, by the numbers of their clocks, so that the same bytes at other times are a difference too.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dirql.target.contract import TargetError

__all__ = ["first_difference", "replay"]

_CONTEXT = 6
"""The edges that a message shows before the first difference."""
_BYTES = 8
"""The bytes of the session that a message shows before it."""


def replay(program: Path, line_options: Sequence[str], session: Path, clocks: int) -> list[int]:
    """The clocks of the edges of `tx` while a twin with pins runs for this number of clocks.

    Raises `TargetError` if the twin stops early.
    """
    command = [str(program), *line_options, "--replay", str(session), str(clocks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TargetError(f"{program} must replay {session} to its end; it ended with: {done.stderr.strip()}")
    return [int(line) for line in done.stdout.split()]


def first_difference(wanted: Sequence[int], found: Sequence[int], session: Path) -> str | None:
    """The first edge that differs, with the edges and the bytes before it; None if there is none.

    The levels follow from the number of an edge: the line rests at 1, so the first edge is to 0.
    """
    pairs = itertools.zip_longest(wanted, found)
    number = next((number for number, (one, other) in enumerate(pairs) if one != other), None)
    if number is None:
        return None
    clocks = [edges[number] for edges in (wanted, found) if number < len(edges)]
    lines = (line.split() for line in session.read_text(encoding="ascii").splitlines())
    came = [(int(clock), int(octet)) for clock, octet in lines if int(clock) <= max(clocks)]
    before = ", ".join(f"{octet:02x} at {clock}" for clock, octet in came[-_BYTES:]) or "none"
    edges = ", ".join(map(str, wanted[max(0, number - _CONTEXT) : number])) or "none"
    one, other = (str(edges[number]) if number < len(edges) else "never" for edges in (wanted, found))
    return (
        f"edge {number:,} of tx, to {number % 2}, must be after clock {one}; it was after clock {other}. Edges before"
        f" it: {edges}. Of {len(came):,} bytes that went in, the last: {before}"
    )
