# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What the kernel needs of the hardware abstraction layer: time and an interrupt controller, and no more."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock", "InterruptController"]


class Clock(Protocol):
    """Bus clocks since reset; the part of a target that is time.

    `attention` is true when, after the last operation of the machine, an interrupt is presented or the deadline has
    been reached. It may stay true while the processor's level masks what caused it.
    """

    attention: bool
    spent: int
    """Clocks that host code has taken and that pass before the machine's next operation; they need not run at once."""

    @property
    def frequency(self) -> int:
        """Clocks a second."""

    def now(self) -> int:
        """Clocks since reset, those spent but not yet run included."""

    def spend(self, clocks: int) -> None:
        """Let `clocks` pass before the machine's next operation: the time that host code takes. Not negative."""

    def set_deadline(self, clock: int | None) -> None:
        """From `clock` on, `attention` is true and `wait` returns; None for no deadline."""

    def wait(self, limit: int | None = None) -> object:
        """Run the clocks spent, then let the machine run until it wants attention or `limit` clocks have passed.

        Returns at once if it wants attention already, and for a limit of 0. Returns None for the limit, else why.
        """


class InterruptController(Protocol):
    """The interrupt controller. None of its operations is a point of preemption."""

    def requested_irql(self) -> int:
        """The level of the interrupt that is presented now; 0 for none. Costs no clocks."""

    def acknowledge(self) -> int:
        """Fetch the vector; 0xFF if nothing is pending any more."""

    def end(self, vector: int) -> None:
        """End of interrupt: the vector is no longer in service."""

    def put_back(self, vector: int) -> None:
        """Undo the fetch of a vector: it is presented again when nothing above it is."""

    def enable(self, vector: int, latched: bool) -> None:
        """Unmask the vector's input and set its sensitivity: latched (edge) or level."""

    def disable(self, vector: int) -> None:
        """Mask the vector's input."""
