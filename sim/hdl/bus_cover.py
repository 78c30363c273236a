# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Functional coverage of the bus: which transactions have been on it, by their properties, read from its wires."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["AXES", "Cover", "Kind", "Wires", "possible"]

COMMANDS = {
    0x2: "I/O read",
    0x3: "I/O write",
    0x6: "memory read",
    0x7: "memory write",
    0xC: "read multiple",
    0xE: "read line",
    0xF: "write and invalidate",
}
SPEEDS = {2: "fast", 3: "medium", 4: "slow", 5: "subtractive"}


class Kind(NamedTuple):
    """The properties of a transaction."""

    command: str
    termination: str
    waits: str
    decode: str
    enables: str


AXES: dict[str, tuple[str, ...]] = {
    "command": tuple(COMMANDS.values()),
    "termination": (
        "completion",
        "retry",
        "disconnect with data",
        "disconnect without data",
        "target abort",
        "master abort",
    ),
    "waits": ("none", "master", "target", "both"),
    "decode": (*SPEEDS.values(), "nobody"),
    "enables": ("all", "run", "holes", "none"),
}


class Wires(NamedTuple):
    """The bus at one rising edge."""

    frame: bool
    irdy: bool
    devsel: bool
    trdy: bool
    stop: bool
    cbe: int


def enables_of(cbe: int) -> str:
    """The class of low-true byte enables: all, a run of lanes, lanes with holes, or none."""
    lanes = f"{~cbe & 0xF:04b}"
    if lanes in {"1111", "0000"}:
        return "all" if lanes == "1111" else "none"
    return "holes" if "0" in lanes.strip("0") else "run"


def possible(kind: Kind) -> bool:
    """Whether the rules of the bus allow a transaction of this kind."""
    single = kind.command.startswith("I/O")
    aborted = kind.termination == "master abort"
    return (
        aborted == (kind.decode == "nobody")
        # Nobody claims, so nobody makes the master wait; the master may be late with IRDY.
        and not (aborted and kind.waits in {"target", "both"})
        # One data phase: nothing can have moved before a disconnect.
        and not (single and kind.termination == "disconnect without data")
        and (kind.command != "write and invalidate" or kind.enables == "all")
    )


class Cover:
    """Watches the bus clock by clock, and counts the transactions of each kind."""

    def __init__(self) -> None:
        self.counts: Counter[Kind] = Counter()
        self._frame = False
        self._clock = 0
        self._begin(0)

    def _begin(self, command: int) -> None:
        self._command = command
        self._decode = "nobody"
        self._moved = 0
        self._stop = ""
        self._master_waits = self._target_waits = False
        self._enables: set[str] = set()
        self._wanted = "all"

    def sample(self, bus: Wires) -> None:
        """Take the wires of the next edge."""
        start = bus.frame and not self._frame and self._clock == 0
        self._frame = bus.frame
        if start:
            self._begin(bus.cbe)
            self._clock = 1
        elif self._clock:
            self._clock += 1
            self._transact(bus)

    def _transact(self, bus: Wires) -> None:
        """An edge of a transaction after its address phase."""
        if not bus.frame and not bus.irdy:
            self._count()
            self._clock = 0
            return
        if bus.devsel and self._decode == "nobody":
            self._decode = SPEEDS.get(self._clock, "late")
        if self._stop:
            return
        if not bus.irdy:
            self._master_waits = True
        elif not bus.trdy and not bus.stop:
            # Clock 2 is the turnaround of a read that was claimed at once.
            self._target_waits |= bus.devsel and self._clock > 2
            self._wanted = enables_of(bus.cbe)
        else:
            self._enables.add(enables_of(bus.cbe))
            self._moved += bus.trdy
            if bus.stop:
                self._stop = self._stopped(bus)

    def _stopped(self, bus: Wires) -> str:
        if not bus.devsel:
            return "target abort"
        if bus.trdy:
            return "disconnect with data"
        return "disconnect without data" if self._moved else "retry"

    def _count(self) -> None:
        """Count the transaction once for each class of byte enables that it had."""
        if self._command not in COMMANDS:
            return
        aborted = self._decode == "nobody"
        termination = self._stop or ("master abort" if aborted else "completion")
        waits = {
            (False, False): "none",
            (True, False): "master",
            (False, True): "target",
            (True, True): "both",
        }[self._master_waits, self._target_waits]
        for enables in self._enables or ({self._wanted} if aborted else ()):
            self.counts[Kind(COMMANDS[self._command], termination, waits, self._decode, enables)] += 1

    def pairs(self) -> Iterator[tuple[str, str, dict[tuple[str, str], int]]]:
        """For each two axes, how many transactions were of each two values that are possible together."""
        kinds = [
            kind for kind in itertools.starmap(Kind, itertools.product(*AXES.values())) if possible(kind)
        ]
        for one, two in itertools.combinations(AXES, 2):
            counts = {(getattr(kind, one), getattr(kind, two)): 0 for kind in kinds}
            for kind, count in self.counts.items():
                counts[getattr(kind, one), getattr(kind, two)] += count
            yield one, two, counts

    def holes(self) -> list[str]:
        """The possible pairs of values that no transaction had."""
        return [
            f"{one} {a}, {two} {b}"
            for one, two, counts in self.pairs()
            for (a, b), n in counts.items()
            if not n
        ]

    def report(self) -> str:
        """The coverage in tables, one for each two axes, and the share of all combinations of five values."""
        kinds = [
            kind for kind in itertools.starmap(Kind, itertools.product(*AXES.values())) if possible(kind)
        ]
        hit = sum(kind in self.counts for kind in kinds)
        head = f"{sum(self.counts.values())} transactions; {hit} of {len(kinds)} possible combinations"
        lines = [f"{head} of command, termination, waits, decode and byte enables ({hit / len(kinds):.0%})"]
        for one, two, counts in self.pairs():
            columns = AXES[two]
            width = max(map(len, columns)) + 2
            lines += ["", f"{one} × {two}", " " * 24 + "".join(f"{column:>{width}}" for column in columns)]
            for row in AXES[one]:
                cells = (counts.get((row, column)) for column in columns)
                lines.append(f"  {row:22}" + "".join(f"{'–' if n is None else n:>{width}}" for n in cells))
        return "\n".join(lines)
