# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel's two needs from the layers below, without a bus: a clock, and an interrupt controller.

`PlainMachine` is both and nothing more: bench/ke_paths.py runs on it, where the share of the machine in each figure
should stay small. `FakeMachine` adds what tests need: 16 inputs, devices that interrupt at a clock that was chosen
before, records of the calls, and refusals of the arguments that the Target contract refuses.
"""

from __future__ import annotations

from heapq import heappop, heappush

from dirql.ke.platform import FAR_HORIZON, Clock
from dirql.registers.protocol import Vector
from dirql.target.access import check_clocks
from fakes.default_machine import input_of, vector_of

__all__ = ["FREQUENCY", "FakeMachine", "PlainMachine", "vector_of"]

FREQUENCY = 33_000_000
"""Clocks per second: 33 to the microsecond, so that a test can count them."""


class PlainMachine(Clock):
    """A `Clock` that satisfies `InterruptController` of `dirql.ke.platform` too.

    An interrupt is gone when it is fetched. Accesses take no clocks.
    """

    frequency = FREQUENCY

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.attention = False
        self.horizon = FAR_HORIZON
        self.clock = 0
        self.spent = 0
        self.deadline: int | None = None
        self.presented = 0
        """The vector that the controller presents; 0 for none."""

    def update(self) -> None:
        """Run the clocks spent, and set `attention`."""
        self.clock += self.spent
        self.spent = 0
        deadline = self.deadline
        if self.presented or (deadline is not None and self.clock >= deadline):
            self.attention, self.horizon = True, 0
        else:
            self.attention = False
            self.horizon = FAR_HORIZON if deadline is None else deadline - self.clock

    # Clock.

    def now(self) -> int:
        return self.clock + self.spent

    def spend(self, clocks: int) -> None:
        self.spent += clocks

    def set_deadline(self, clock: int | None) -> None:
        self.deadline = clock
        if self.presented or (clock is not None and self.clock >= clock):
            self.attention, self.horizon = True, 0
        else:
            self.attention = False
            self.horizon = FAR_HORIZON if clock is None else clock - self.clock

    def wait(self, limit: int | None = None) -> object:
        """As `Target.wait`; nothing but the deadline and the limit can end a wait of this machine."""
        self.update()
        if not self.attention:
            stop = self.deadline
            if limit is not None and (stop is None or self.clock + limit < stop):
                stop = self.clock + limit
            assert stop is not None, "this wait would never end"
            self.clock = stop
            self.update()
        return "attention" if self.attention else None

    # InterruptController.

    def requested_irql(self) -> int:
        return self.presented >> 4

    def acknowledge(self) -> int:
        vector = self.presented
        self.presented = 0
        self.update()
        return vector

    def end(self, vector: int) -> None:
        self.update()

    def put_back(self, vector: int) -> None:
        self.presented = vector
        self.end(vector)

    def enable(self, vector: int, latched: bool) -> None:
        self.update()

    def disable(self, vector: int) -> None:
        self.update()


class FakeMachine(PlainMachine):
    """The machine of the tests. Sets of inputs are masks, bit *n* for input *n*.

    An input that is enabled as level is on from `interrupt` to `clear`; a latched one keeps one pending edge.
    """

    def reset(self) -> None:
        super().reset()
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
        self._look_ahead()

    def clear(self, line: int) -> None:
        """Deassert a level input."""
        self.lines &= ~(1 << line)
        self.update()

    def access(self, clocks: int = 8) -> None:
        """Let the clocks of a register access pass. The HAL would call preempt after it."""
        self.spent += clocks
        self.update()

    def update(self) -> None:
        """Let the spent clocks pass, call the scripted actions that are due, and set `attention`."""
        while self.script and self.script[0][0] <= self.now():
            self._assert(heappop(self.script)[1])
        self.presented = self._highest()
        super().update()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Lower `horizon` to the clocks that are left until the next scripted action."""
        if self.script:
            self.horizon = min(self.horizon, max(not self.attention, self.script[0][0] - self.clock))

    def _highest(self) -> int:
        """The vector of the highest input that is pending, enabled and above all inputs in service; 0 for none."""
        highest = ((self.lines | self.edges) & self.enabled).bit_length()
        return vector_of(highest - 1) if highest > self.in_service.bit_length() else 0

    def _assert(self, line: int) -> None:
        if self.latched >> line & 1:
            self.edges |= 1 << line
        else:
            self.lines |= 1 << line

    # Clock.

    def spend(self, clocks: int) -> None:
        super().spend(check_clocks("the clocks to spend", clocks))

    def set_deadline(self, clock: int | None) -> None:
        super().set_deadline(None if clock is None else check_clocks("a deadline", clock))
        self._look_ahead()

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

    def acknowledge(self) -> int:
        self.access()
        vector = self.presented
        if not vector:
            return Vector.SPURIOUS
        line = input_of(vector)
        self.edges &= ~(1 << line)
        self.in_service |= 1 << line
        self.acknowledged.append((self.clock, line))
        self.update()
        return vector

    def end(self, vector: int) -> None:
        line = input_of(vector)
        assert self.in_service >> line & 1, f"vector {vector:#x} must be in service to be ended"
        self.in_service &= ~(1 << line)
        self.ended.append(line)
        self.access()

    def put_back(self, vector: int) -> None:
        line = input_of(vector)
        if self.latched >> line & 1:
            self.edges |= 1 << line
        self.end(vector)

    def enable(self, vector: int, latched: bool) -> None:
        bit = 1 << input_of(vector)
        self.enabled |= bit
        self.latched = self.latched | bit if latched else self.latched & ~bit
        self.update()

    def disable(self, vector: int) -> None:
        bit = 1 << input_of(vector)
        self.enabled &= ~bit
        self.latched &= ~bit
        self.update()
