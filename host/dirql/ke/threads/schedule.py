# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Schedules, which choose the processor or thread that goes on where several could.

Decisions are recorded and can be replayed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Final

from mypy_extensions import mypyc_attr

__all__ = ["DELAYS", "RandomSchedule", "Replay", "RoundRobin", "Schedule"]


DELAYS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""The clocks of a delay, from which a schedule that shuffles chooses."""
_CALLS_BETWEEN_DELAYS: Final = 24
"""Fewer points of preemption than this lie between two delays."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Schedule(ABC):
    """A source of decisions. `record` lists them in the order in which they were made."""

    __slots__ = ("_calls_left", "record")

    def __init__(self) -> None:
        """Make a schedule that has decided nothing yet."""
        self.record: list[int] = []
        self._calls_left = 0

    @property
    def shuffles(self) -> bool:
        """Whether threads of equal priority may take each other's place, and calls take longer here and there.

        Otherwise the oldest thread goes first, and a call takes what it costs.
        """
        return True

    def choose(self, count: int) -> int:
        """Decide between `count` possibilities, and record and return the number; 0 goes on with the current one."""
        choice = self.decide(count)
        self.record.append(choice)
        return choice

    def delay(self) -> int:
        """Decide how much longer than its cost a point of preemption takes: 0 clocks for most, else one of `DELAYS`.

        Caches and other processors make the code of a driver slower on a real machine, and the device gets ahead of it.
        The schedule records two decisions for each delay.
        """
        if self._calls_left:
            self._calls_left -= 1
            return 0
        self._calls_left = self.choose(_CALLS_BETWEEN_DELAYS)
        return DELAYS[self.choose(len(DELAYS))]

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
