# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hooks of the kernel, to which tools subscribe.

There is one attribute per event. It is None without subscribers, which keeps the unobserved path cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol

from dirql.ke.processors.dpc_queue import QueuedDpc
from dirql.ke.processors.processor import Processor
from dirql.ke.threads.thread import Thread

__all__ = ["ConnectedInterrupt", "Hooks", "chain"]

P = ParamSpec("P")


class ConnectedInterrupt(Protocol):
    """An interrupt object, as subscribers see it."""

    @property
    def vector(self) -> int:
        """The vector to which the object is connected."""

    @property
    def irql(self) -> int:
        """The IRQL of the vector."""

    @property
    def service_routine(self) -> object:
        """The ISR that the driver connected."""


class Hooks:
    """The kernel's hooks. A subscriber runs inside the routine that it watches, and must not call the kernel."""

    __slots__ = (
        "bug_checked",
        "defect_found",
        "dpc_ended",
        "dpc_queued",
        "dpc_removed",
        "dpc_started",
        "interrupt_entered",
        "interrupt_exited",
        "irql_changed",
        "isr_entered",
        "isr_exited",
        "lock_dropped",
        "lock_taken",
        "stalled",
        "thread_switched",
    )

    def __init__(self) -> None:
        self.interrupt_entered: Callable[[Processor, int], None] | None = None
        """The processor has fetched this vector, and an interrupt object is connected to it."""
        self.interrupt_exited: Callable[[Processor, int], None] | None = None
        """The end of interrupt was written for this vector."""
        self.isr_entered: Callable[[ConnectedInterrupt], None] | None = None
        """The ISR of the object is about to be called."""
        self.isr_exited: Callable[[ConnectedInterrupt, bool], None] | None = None
        """The ISR of the object has returned this value."""
        self.dpc_queued: Callable[[QueuedDpc], None] | None = None
        self.dpc_removed: Callable[[QueuedDpc], None] | None = None
        """The DPC was taken out of its queue and will not run."""
        self.dpc_started: Callable[[QueuedDpc], None] | None = None
        self.dpc_ended: Callable[[QueuedDpc], None] | None = None
        self.thread_switched: Callable[[Processor, Thread], None] | None = None
        """The processor goes on with this thread."""
        self.irql_changed: Callable[[Processor, int], None] | None = None
        """The processor is at this IRQL now."""
        self.lock_taken: Callable[[object], None] | None = None
        """The current processor has taken this spin lock."""
        self.lock_dropped: Callable[[object], None] | None = None
        """The current processor is about to free this spin lock."""
        self.stalled: Callable[[Processor, int], None] | None = None
        """A stall of this many microseconds begins."""
        self.bug_checked: Callable[[BaseException], None] | None = None
        """The kernel has stopped with this bug check. Called once, before the error is raised."""
        self.defect_found: Callable[[str, str], None] | None = None
        """A driver broke a rule and NT lets it pass: the row of the rule, and a sentence."""


def chain(first: Callable[P, None] | None, second: Callable[P, None]) -> Callable[P, None]:
    """Return a subscriber that calls `first`, if there is one, and then `second`."""
    if first is None:
        return second

    def both(*args: P.args, **kwargs: P.kwargs) -> None:
        first(*args, **kwargs)
        second(*args, **kwargs)

    return both
