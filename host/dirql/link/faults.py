# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults of a line, from a seed: bytes that are changed, lost, repeated or late, and the end of the line at a byte."""

from __future__ import annotations

import math
import random
import time
from collections import deque
from dataclasses import dataclass

from dirql.link.pipe import Pipe, PipeLost

__all__ = ["Damage", "Faults", "FaultyPipe"]

_LONGEST_PIECE = 48
"""The most bytes that are lost or repeated at once: more than a short frame, so that whole frames are."""
_FAR = 1e18
"""More bytes than a line ever carries."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of both directions of a line; each rate is a probability for each byte."""

    seed: int = 0
    flips: float = 0.0
    """One bit of the byte is wrong."""
    drops: float = 0.0
    """Some bytes are lost, this one first."""
    doubles: float = 0.0
    """Some bytes come twice, this one last."""
    delay: float = 0.0
    """The longest time, in seconds, by which bytes are late; they stay in their order."""
    disconnect_at: int | None = None
    """The number of bytes, in both directions together, after which the line ends."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a rate that is none."""
        for name in ("flips", "drops", "doubles"):
            rate = getattr(self, name)
            if not 0 <= rate <= 1:
                raise ValueError(f"the rate of {name} must be 0 to 1; it was {rate}")


class Damage:
    """The faults of one direction."""

    def __init__(self, faults: Faults, direction: str) -> None:
        self._random = random.Random(f"{faults.seed} {direction}")
        self._kinds = [
            (kind, math.log1p(-rate) if rate < 1 else -math.inf)
            for kind, rate in (
                (self._flip, faults.flips),
                (self._drop, faults.drops),
                (self._double, faults.doubles),
            )
            if rate
        ]
        self._left = [self._gap(scale) for _, scale in self._kinds]
        self._dropping = 0
        self._delay = faults.delay
        self._last: bytes = b""

    def pass_on(self, octets: bytes) -> bytes:
        """The bytes that come out when `octets` go in."""
        passed = bytearray(octets)
        for number, (damage, scale) in enumerate(self._kinds):
            at = self._left[number]
            while at < len(passed):
                at = damage(passed, at) + self._gap(scale)
            self._left[number] = at - len(passed)
        return bytes(passed)

    def delay(self) -> float:
        """The time in seconds by which the next bytes are late."""
        return self._random.random() * self._delay if self._delay else 0.0

    def _gap(self, scale: float) -> int:
        """The number of bytes before the next fault, if each has it with the same probability."""
        return int(min(math.log(1.0 - self._random.random()) / scale, _FAR))

    def _flip(self, passed: bytearray, at: int) -> int:
        passed[at] ^= 1 << self._random.randrange(8)
        return at + 1

    def _drop(self, passed: bytearray, at: int) -> int:
        del passed[at : at + self._random.randint(1, _LONGEST_PIECE)]
        return at

    def _double(self, passed: bytearray, at: int) -> int:
        start = max(0, at + 1 - self._random.randint(1, _LONGEST_PIECE))
        passed[at + 1 : at + 1] = passed[start : at + 1]
        return at + 1 + (at + 1 - start)


class FaultyPipe(Pipe):
    """A pipe with faults, around any other pipe."""

    def __init__(self, pipe: Pipe, faults: Faults) -> None:
        super().__init__(f"{pipe.name} with faults", pipe.rate)
        self._pipe = pipe
        self._out = Damage(faults, "out")
        self._in = Damage(faults, "in")
        self._late: deque[tuple[float, bytes]] = deque()
        self._left = faults.disconnect_at

    def read(self) -> bytes:
        """See `Pipe`."""
        chunk = self._pipe.read()
        if chunk:
            chunk = self._in.pass_on(chunk[: self._carried(len(chunk))])
            due = max(time.monotonic() + self._in.delay(), self._late[-1][0] if self._late else 0.0)
            self._late.append((due, chunk))
        ready = bytearray()
        while self._late and self._late[0][0] <= time.monotonic():
            ready += self._late.popleft()[1]
        return bytes(ready)

    def write(self, octets: bytes) -> None:
        """See `Pipe`."""
        self._pipe.write(self._out.pass_on(octets[: self._carried(len(octets))]))

    def _carried(self, size: int) -> int:
        """Count bytes; returns how many of them the line still carries, and raises `PipeLost` at its end."""
        if self._left is None:
            return size
        if self._left <= 0:
            self._pipe.close()
            raise PipeLost(f"{self.name} was disconnected")
        carried = min(size, self._left)
        self._left -= carried
        return carried

    def cancel(self) -> None:
        """See `Pipe`."""
        self._pipe.cancel()

    def close(self) -> None:
        """See `Pipe`."""
        self._pipe.close()
