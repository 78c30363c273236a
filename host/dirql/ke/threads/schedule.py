# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Schedules, which choose the processor or thread that goes on where several could.

Decisions are recorded and can be replayed.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Final

from mypy_extensions import mypyc_attr

__all__ = ["DELAYS", "Choice", "RandomSchedule", "Replay", "RoundRobin", "Schedule"]


class Choice(enum.IntEnum):
    """The kinds of decisions, with what the candidates of each are."""

    PROCESSOR = 0
    """The processor that goes on: `Processor` objects, the current one first, and then in order of number."""
    OTHER_PROCESSOR = 1
    """The processor that goes on while the current one waits: the others, the next one first."""
    THREAD = 2
    """The thread that goes on: `Thread` objects of one priority, the current one first, and the others by age."""
    NEXT_THREAD = 3
    """The thread that a processor takes when it has none: ready `Thread` objects of one priority, by age."""
    PAUSE = 4
    """The number of points of preemption before the next delay."""
    DELAY = 5
    """The number of clocks by which this point of preemption takes longer: one of `DELAYS`."""


DELAYS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""The clocks of a delay, from which a schedule that shuffles chooses."""
_PAUSES: Final = tuple(range(24))
"""The numbers of points of preemption that may lie between two delays."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Schedule(ABC):
    """A source of decisions. `record` lists them in their order, and `kinds` what each was about."""

    __slots__ = ("_calls_left", "kinds", "record")

    def __init__(self) -> None:
        """Make a schedule that has decided nothing yet."""
        self.record: list[int] = []
        self.kinds = bytearray()
        """The kind of each decision of the record, a `Choice`."""
        self._calls_left = 0

    @property
    def shuffles(self) -> bool:
        """Whether threads of equal priority may take each other's place, and calls take longer here and there.

        Otherwise the oldest thread goes first, and a call takes what it costs.
        """
        return True

    def choose(self, choice: Choice, candidates: Sequence[object]) -> int:
        """Decide between the candidates, of which there are some; record and return the number of the chosen one."""
        number = self.decide(choice, candidates)
        self.record.append(number)
        self.kinds.append(choice)
        return number

    def delay(self) -> int:
        """Decide how much longer than its cost a point of preemption takes: 0 clocks for most, else one of `DELAYS`.

        Caches and other processors make the code of a driver slower on a real machine, and the device gets ahead of it.
        The schedule records two decisions for each delay.
        """
        if self._calls_left:
            self._calls_left -= 1
            return 0
        self._calls_left = self.choose(Choice.PAUSE, _PAUSES)
        return DELAYS[self.choose(Choice.DELAY, DELAYS)]

    @abstractmethod
    def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
        """Return the number of one of the candidates, from 0 on. `choice` says what they are."""


class RoundRobin(Schedule):
    """Processors take turns at each point of preemption; threads of equal priority run in the order of their age."""

    __slots__ = ()

    @property
    def shuffles(self) -> bool:
        """See `Schedule`."""
        return False

    def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
        """Return 1, the next processor, if the current one could go on; else 0, which is the next one or the oldest."""
        return 1 % len(candidates) if choice == Choice.PROCESSOR else 0


class RandomSchedule(Schedule):
    """Decisions at random; the same seed makes the same decisions."""

    __slots__ = ("_random",)

    def __init__(self, seed: int) -> None:
        """`seed` is any integer."""
        super().__init__()
        self._random = Random(seed)

    def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
        """Return any of the numbers, each with the same probability."""
        return self._random.randrange(len(candidates))


class Replay(Schedule):
    """The decisions of an earlier run, once more."""

    __slots__ = ("_decisions", "_kinds", "_shuffles")

    def __init__(self, of: Schedule) -> None:
        """`of` is the schedule that the run had."""
        super().__init__()
        self._shuffles = of.shuffles
        self._decisions: Sequence[int] = tuple(of.record)
        self._kinds = bytes(of.kinds)

    @property
    def shuffles(self) -> bool:
        """See `Schedule`."""
        return self._shuffles

    def decide(self, choice: Choice, candidates: Sequence[object]) -> int:
        """Return the recorded decision; raises `RuntimeError` if this run goes on longer, or in another way."""
        place = len(self.record)
        if place >= len(self._decisions):
            raise RuntimeError(
                f"a replay must end where its record ends, after {len(self._decisions)} decisions"
            )
        decision, kind = self._decisions[place], Choice(self._kinds[place])
        if decision >= len(candidates) or kind != choice:
            raise RuntimeError(
                f"a replay must meet the choices of its record: decision {place} was {kind.name} number {decision}, and"
                f" now it is {choice.name} with {len(candidates)} candidates"
            )
        return decision
