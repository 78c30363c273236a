# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Times requests by the clock of this computer: on a board they are another thing than the clocks of the machine."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from types import TracebackType
from typing import Protocol, Self

from dirql.io.objects import Irp
from dirql.ke.hooks import chain
from dirql.trace.histogram import Histogram

__all__ = ["HostTimes"]

_MICROSECOND = 1000
"""The nanoseconds in it."""


class Hooks(Protocol):
    """The hooks of the I/O manager that are subscribed to."""

    irp_started: Callable[[Irp], None] | None
    irp_delivered: Callable[[Irp], None] | None


class HostTimes:
    """Times the requests of programs, from submission to delivery, from `with` to the end of the block."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._began: dict[Irp, int] = {}
        self._times: list[int] = []
        self._before: tuple[Callable[[Irp], None] | None, Callable[[Irp], None] | None] = (None, None)

    def __enter__(self) -> Self:
        hooks = self._hooks
        self._before = hooks.irp_started, hooks.irp_delivered
        hooks.irp_started = chain(hooks.irp_started, self._start)
        hooks.irp_delivered = chain(hooks.irp_delivered, self._deliver)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hooks.irp_started, self._hooks.irp_delivered = self._before

    def _start(self, irp: Irp) -> None:
        self._began.setdefault(irp, perf_counter_ns())

    def _deliver(self, irp: Irp) -> None:
        began = self._began.pop(irp, None)
        if began is not None:
            self._times.append((perf_counter_ns() - began) // _MICROSECOND)

    def histogram(self) -> Histogram:
        """The times of all requests that have been delivered, in whole microseconds."""
        return Histogram.of(self._times)
