# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Who goes on where several could: the decisions of a run, which are recorded and can be replayed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random

__all__ = ["RandomSchedule", "Replay", "RoundRobin", "Schedule"]


class Schedule(ABC):
    """A source of decisions. Each is one of so many possibilities; what was decided is in `record`."""

    __slots__ = ("record",)

    shuffles = True
    """Whether threads of one priority may take each other's place; otherwise the oldest goes first."""

    def __init__(self) -> None:
        """Nothing decided yet."""
        self.record: list[int] = []

    def choose(self, count: int) -> int:
        """Decide between `count` possibilities, the current one being number 0."""
        choice = self.decide(count)
        self.record.append(choice)
        return choice

    @abstractmethod
    def decide(self, count: int) -> int:
        """0 ... `count` - 1."""


class RoundRobin(Schedule):
    """Processors take turns at each point of preemption; threads of one priority run in the order of their age."""

    __slots__ = ()

    shuffles = False

    def decide(self, count: int) -> int:
        """The next one."""
        return 1 % count


class RandomSchedule(Schedule):
    """Decisions at random; the same seed makes the same ones."""

    __slots__ = ("_random",)

    def __init__(self, seed: int) -> None:
        """`seed` is any integer."""
        super().__init__()
        self._random = Random(seed)

    def decide(self, count: int) -> int:
        """Any, each as likely."""
        return self._random.randrange(count)


class Replay(Schedule):
    """The decisions of an earlier run once more."""

    __slots__ = ("_decisions", "shuffles")

    def __init__(self, of: Schedule) -> None:
        """`of` is the schedule that the run had."""
        super().__init__()
        self.shuffles = of.shuffles
        self._decisions: Sequence[int] = tuple(of.record)

    def decide(self, count: int) -> int:
        """As it was then; a run that goes on longer, or another way, is an error."""
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
