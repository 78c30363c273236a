# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The quantum of a thread: the time after which a boost of its priority falls by one."""

from __future__ import annotations

from typing import Final

from dirql.ke.objects.timer_queue import TimerQueue

__all__ = ["Quantum"]

_LENGTH: Final = 312_500
"""In units of 100 ns: two ticks."""
_PARTS: Final = 6
"""A wait, and a look at a state, takes one part of a quantum."""


class Quantum:
    """The rest of the quantum of a thread, which is counted only while the thread is boosted."""

    __slots__ = ("_left", "_since", "_timers")

    def __init__(self, timers: TimerQueue) -> None:
        """`timers` count the clocks."""
        self._timers = timers
        self._left = 0
        self._since = 0

    def begin(self) -> None:
        """Begin a whole quantum now."""
        self._left = self._timers.clocks(_LENGTH)
        self._since = self._timers.now()

    def spend(self, parts: int, end: int | None = None) -> int:
        """Take the clocks up to `end`, by default now, and some parts; return how many quanta have ended by that.

        The next clocks count from now.
        """
        now = self._timers.now()
        whole = self._timers.clocks(_LENGTH)
        used = max(0, (now if end is None else end) - self._since) + parts * whole // _PARTS
        self._since = now
        ended = max(0, -((self._left - used - 1) // whole))
        self._left += ended * whole - used
        return ended
