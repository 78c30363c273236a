# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Schedules, which choose the processor or thread that goes on where several could.

Decisions are recorded and can be replayed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random

from mypy_extensions import mypyc_attr

__all__ = ["RandomSchedule", "Replay", "RoundRobin", "Schedule"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Schedule(ABC):
    """A source of decisions. `record` lists them in the order in which they were made."""

    __slots__ = ("record",)

    def __init__(self) -> None:
        """Make a schedule that has decided nothing yet."""
        self.record: list[int] = []

    @property
    def shuffles(self) -> bool:
        """Whether threads of equal priority may take each other's place; otherwise the oldest goes first."""
        return True

    def choose(self, count: int) -> int:
        """Decide between `count` possibilities, and record and return the number; 0 goes on with the current one."""
        choice = self.decide(count)
        self.record.append(choice)
        return choice

    @abstractmethod
    def decide(self, count: int) -> int:
        """Return a number from 0 to `count` - 1."""


class RoundRobin(Schedule):
    """Processors take turns at each point of preemption; threads of equal priority run in the order of their age."""

    __slots__ = ()

    @property
    def shuffles(self) -> bool:
        """See `Schedule`."""
        return False

    def decide(self, count: int) -> int:
        """Return 1, the next possibility, if there are several."""
        return 1 % count


class RandomSchedule(Schedule):
    """Decisions at random; the same seed makes the same decisions."""

    __slots__ = ("_random",)

    def __init__(self, seed: int) -> None:
        """`seed` is any integer."""
        super().__init__()
        self._random = Random(seed)

    def decide(self, count: int) -> int:
        """Return any of the numbers, each with the same probability."""
        return self._random.randrange(count)


class Replay(Schedule):
    """The decisions of an earlier run, once more."""

    __slots__ = ("_decisions", "_shuffles")

    def __init__(self, of: Schedule) -> None:
        """`of` is the schedule that the run had."""
        super().__init__()
        self._shuffles = of.shuffles
        self._decisions: Sequence[int] = tuple(of.record)

    @property
    def shuffles(self) -> bool:
        """See `Schedule`."""
        return self._shuffles

    def decide(self, count: int) -> int:
        """Return the recorded decision; raises `RuntimeError` if this run goes on longer, or in another way."""
        if len(self.record) >= len(self._decisions):
            raise RuntimeError(
                f"a replay must end where its record ends, after {len(self._decisions)} decisions"
            )
        decision = self._decisions[len(self.record)]
        if decision >= count:
            raise RuntimeError(
                f"a replay must meet the choices of its record: decision {len(self.record)} was number {decision},"
                f" and there are {count} possibilities now"
            )
        return decision
