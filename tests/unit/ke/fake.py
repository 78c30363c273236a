# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine with no bus: a clock, a controller of 16 inputs, and interrupts that come at given clocks."""

from __future__ import annotations

from heapq import heappop, heappush

FREQUENCY = 33_000_000


def vector_of(line: int) -> int:
    return 0x30 + 8 * line


class FakeMachine:
    """Clock and interrupt controller in one. A level line is held until `clear`; a pulse is one pending edge."""

    frequency = FREQUENCY

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.attention = False
        self.clock = 0
        self.spent = 0
        self.deadline: int | None = None
        self.enabled: set[int] = set()
        self.latched: set[int] = set()
        self.lines: set[int] = set()
        self.edges: set[int] = set()
        self.in_service: list[int] = []
        self.script: list[tuple[int, int]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.ended: list[int] = []
        self.waits = 0

    # What a test does to it.

    def interrupt(self, line: int) -> None:
        """Assert a line, or pulse it if it is latched."""
        if line in self.latched:
            self.edges.add(line)
        else:
            self.lines.add(line)
        self.update()

    def interrupt_at(self, clock: int, line: int) -> None:
        heappush(self.script, (clock, line))

    def clear(self, line: int) -> None:
        self.lines.discard(line)
        self.update()

    # Its inside.

    def presented(self) -> int | None:
        pending = [line for line in self.lines | self.edges if line in self.enabled]
        highest = max(pending, default=-1)
        if highest > max(self.in_service, default=-1):
            return highest
        return None

    def update(self) -> None:
        self.clock += self.spent
        self.spent = 0
        while self.script and self.script[0][0] <= self.clock:
            line = heappop(self.script)[1]
            (self.edges if line in self.latched else self.lines).add(line)
        due = self.deadline is not None and self.clock >= self.deadline
        self.attention = due or self.presented() is not None

    def access(self, clocks: int = 8) -> None:
        """What a register access does; the HAL would then call preempt."""
        self.spent += clocks
        self.update()

    # Clock.

    def now(self) -> int:
        return self.clock + self.spent

    def spend(self, clocks: int) -> None:
        assert clocks >= 0
        self.spent += clocks

    def set_deadline(self, clock: int | None) -> None:
        self.deadline = clock

    def wait(self, limit: int | None = None) -> object:
        self.waits += 1
        self.update()
        end = None if limit is None else self.clock + limit
        while not self.wants_attention():
            stops = [clock for clock, _ in self.script] + [
                stop for stop in (self.deadline, end) if stop is not None
            ]
            assert stops, "this wait would never end"
            if min(stops) == end:
                self.clock = end
                self.update()
                return "attention" if self.wants_attention() else None
            self.clock = min(stops)
            self.update()
        return "attention"

    def wants_attention(self) -> bool:
        return self.attention

    # InterruptController.

    def requested_irql(self) -> int:
        line = self.presented()
        return 0 if line is None else vector_of(line) >> 4

    def acknowledge(self) -> int:
        self.access()
        line = self.presented()
        if line is None:
            return 0xFF
        self.edges.discard(line)
        self.in_service.append(line)
        self.acknowledged.append((self.clock, line))
        self.update()
        return vector_of(line)

    def end(self, vector: int) -> None:
        self.access()
        line = (vector - 0x30) // 8
        self.in_service.remove(line)
        self.ended.append(line)
        self.update()

    def put_back(self, vector: int) -> None:
        line = (vector - 0x30) // 8
        if line in self.latched:
            self.edges.add(line)
        self.end(vector)

    def enable(self, vector: int, latched: bool) -> None:
        line = (vector - 0x30) // 8
        self.enabled.add(line)
        if latched:
            self.latched.add(line)
        self.update()

    def disable(self, vector: int) -> None:
        line = (vector - 0x30) // 8
        self.enabled.discard(line)
        self.latched.discard(line)
        self.update()
