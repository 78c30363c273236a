# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The two things that the kernel needs from the hardware abstraction layer: a clock and an interrupt controller."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Protocol

from mypy_extensions import mypyc_attr

__all__ = ["FAR_HORIZON", "Clock", "InterruptController"]

FAR_HORIZON: Final = (1 << 30) - 1
"""The `Clock.horizon` of a machine in which nothing will happen; a greater one says no more.

Python compares integers below 2**30 faster: with greater ones the cheapest kernel call takes 4 % more ("contract call"
in bench/ke_paths.py).
"""


@mypyc_attr(allow_interpreted_subclasses=True)
class Clock(ABC):
    """The time of a target, in bus clocks since the reset.

    It is a class and not a protocol, so that a compiled kernel knows where in the object the variables are.
    """

    __slots__ = ("attention", "horizon", "spent")

    attention: bool
    """True when, after the last operation of the machine, an interrupt is presented or the deadline has been reached.

    It may stay true while the IRQL of the processor holds off the interrupt.
    """
    horizon: int
    """As long as `spent` is less, `attention` would stay as it is if the spent clocks passed now.

    It is 0 while `attention` is true, and at least 1 otherwise. A machine that can say how long nothing will
    happen in it spares the kernel most of its calls of `wait(0)`.
    """
    spent: int
    """The clocks that pass before the machine's next operation: the time that host code has taken since the last one.

    The kernel adds to it the cost of each kernel call. It is a variable, and not a method, because a method would take
    0.03 µs more, a fifth of the cheapest kernel call ("contract call" in bench/ke_paths.py).
    """

    @property
    @abstractmethod
    def frequency(self) -> int:
        """Bus clocks per second."""

    @abstractmethod
    def now(self) -> int:
        """Clocks since the reset, including `spent`."""

    def lag(self) -> int:
        """The clocks since the reset, a part of `now`, that neither the machine nor host code is to blame for.

        They passed while accesses went to a far machine and back, and while the host was slow. The limits of the watch
        over hangs do not count them. It is 0 for a machine whose clocks pass only when it is used.
        """
        return 0

    @abstractmethod
    def set_deadline(self, clock: int | None) -> None:
        """Make `attention` true and let `wait` return from `clock` on; None removes the deadline."""

    @abstractmethod
    def wait(self, limit: int | None = None) -> object:
        """Let the spent clocks pass, then let the machine run until it wants attention or `limit` clocks have passed.

        Returns at once if the machine wants attention already, and for a limit of 0. Returns None if the limit was
        reached, else the reason for the return.
        """


class InterruptController(Protocol):
    """The interrupt controller. No operation of it is a point of preemption."""

    def requested_irql(self) -> int:
        """The IRQL of the interrupt that is presented now; 0 for none. Costs no clocks."""

    def acknowledge(self) -> int:
        """Fetch and return the vector; 0xFF if nothing is pending any more."""

    def end(self, vector: int) -> None:
        """Write the end of interrupt: the vector is no longer in service."""

    def put_back(self, vector: int) -> None:
        """Undo the fetch of a vector: it is presented again when no higher one is."""

    def enable(self, vector: int, latched: bool) -> None:
        """Unmask the input of the vector, and make it latched (edge) or level-sensitive."""

    def disable(self, vector: int) -> None:
        """Mask the input of the vector."""
