# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel's two needs from the layers below, without a bus: a clock, and an interrupt controller of 16 inputs.

The clock refuses the arguments that the Target contract refuses. Sets of inputs are masks, bit *n* for input *n*:
bench/ke_paths.py runs on this fake, too, where the fake's own share of each figure should stay small.
"""

from __future__ import annotations

from heapq import heappop, heappush

from dirql.registers.machine import Vector
from dirql.target.access import check_clocks

__all__ = ["FREQUENCY", "FakeMachine", "vector_of"]

FREQUENCY = 33_000_000
"""Clocks per second: 33 to the microsecond, so that a test can count them."""


def vector_of(line: int) -> int:
    """The vector that belongs to an input of the controller."""
    return Vector.BASE + Vector.STEP * line


def line_of(vector: int) -> int:
    return (vector - Vector.BASE) // Vector.STEP


class FakeMachine:
    """Satisfies `Clock` and `InterruptController` of `dirql.ke.platform`.

    An input that is enabled as level is on from `interrupt` to `clear`; a latched one keeps one pending edge.
    """

    frequency = FREQUENCY

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.attention = False
        self.clock = 0
        self._spent = 0
        self.deadline: int | None = None
        self.enabled = 0
        self.latched = 0
        self.lines = 0
        self.edges = 0
        self.in_service = 0
        self.script: list[tuple[int, int]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.ended: list[int] = []
        self.waits = 0

    # For tests, in the place of devices.

    def interrupt(self, line: int) -> None:
        """Assert an input, or pulse it if it is latched."""
        self._assert(line)
        self.update()

    def interrupt_at(self, clock: int, line: int) -> None:
        """Call `interrupt` when the clock reaches `clock`."""
        heappush(self.script, (clock, line))

    def clear(self, line: int) -> None:
        """Deassert a level input."""
        self.lines &= ~(1 << line)
        self.update()

    def access(self, clocks: int = 8) -> None:
        """Let the clocks of a register access pass. The HAL would call preempt after it."""
        self._spent += clocks
        self.update()

    def update(self) -> None:
        """Let the spent clocks pass, call the scripted actions that are due, and set `attention`."""
        self.clock += self._spent
        self._spent = 0
        while self.script and self.script[0][0] <= self.clock:
            self._assert(heappop(self.script)[1])
        self._look()

    def _look(self) -> None:
        deadline = self.deadline
        self.attention = self.presented() >= 0 or (deadline is not None and self.clock >= deadline)

    def presented(self) -> int:
        """The highest input that is pending, enabled and above all inputs in service; -1 for none."""
        highest = ((self.lines | self.edges) & self.enabled).bit_length()
        return highest - 1 if highest > self.in_service.bit_length() else -1

    def _assert(self, line: int) -> None:
        if self.latched >> line & 1:
            self.edges |= 1 << line
        else:
            self.lines |= 1 << line

    # Clock.

    def now(self) -> int:
        return self.clock + self._spent

    def spend(self, clocks: int) -> None:
        if clocks < 0:
            check_clocks("the clocks to spend", clocks)
        self._spent += clocks

    def set_deadline(self, clock: int | None) -> None:
        self.deadline = None if clock is None else check_clocks("a deadline", clock)
        self._look()

    def wait(self, limit: int | None = None) -> object:
        """As `Target.wait`; a wait that nothing can end is a failure of the test."""
        left = None if limit is None else check_clocks("the limit of a wait", limit)
        self.waits += 1
        self.update()
        end = None if left is None else self.clock + left
        while not self.attention and self.clock != end:
            scripted = self.script[0][0] if self.script else None
            stops = [stop for stop in (scripted, self.deadline, end) if stop is not None]
            assert stops, "this wait would never end"
            self.clock = min(stops)
            self.update()
        return "attention" if self.attention else None

    # InterruptController.

    def requested_irql(self) -> int:
        line = self.presented()
        return vector_of(line) >> 4 if line >= 0 else 0

    def acknowledge(self) -> int:
        self.access()
        line = self.presented()
        if line < 0:
            return Vector.SPURIOUS
        self.edges &= ~(1 << line)
        self.in_service |= 1 << line
        self.acknowledged.append((self.clock, line))
        self._look()
        return vector_of(line)

    def end(self, vector: int) -> None:
        line = line_of(vector)
        assert self.in_service >> line & 1, f"vector {vector:#x} must be in service to be ended"
        self.in_service &= ~(1 << line)
        self.ended.append(line)
        self.access()

    def put_back(self, vector: int) -> None:
        line = line_of(vector)
        if self.latched >> line & 1:
            self.edges |= 1 << line
        self.end(vector)

    def enable(self, vector: int, latched: bool) -> None:
        bit = 1 << line_of(vector)
        self.enabled |= bit
        self.latched = self.latched | bit if latched else self.latched & ~bit
        self.update()

    def disable(self, vector: int) -> None:
        bit = 1 << line_of(vector)
        self.enabled &= ~bit
        self.latched &= ~bit
        self.update()
