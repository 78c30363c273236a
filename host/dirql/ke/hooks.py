# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Where others look in: one attribute an event, None until somebody subscribes, so that nobody else pays for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from dirql.ke.processors.dpc import Dpc
    from dirql.ke.processors.interrupt import Interrupt
    from dirql.ke.processors.processor import Processor
    from dirql.ke.processors.spin_lock import SpinLock
    from dirql.ke.threads.thread import Thread

__all__ = ["Hooks", "chain"]

P = ParamSpec("P")


class Hooks:
    """The kernel's hooks. They run inside what they watch and must not call the kernel."""

    __slots__ = (
        "bug_checked",
        "dpc_ended",
        "dpc_queued",
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
        """Nobody looks."""
        self.interrupt_entered: Callable[[Processor, int], None] | None = None
        """The vector is known and something is connected to it."""
        self.interrupt_exited: Callable[[Processor, int], None] | None = None
        self.isr_entered: Callable[[Interrupt], None] | None = None
        self.isr_exited: Callable[[Interrupt, bool], None] | None = None
        self.dpc_queued: Callable[[Dpc], None] | None = None
        self.dpc_started: Callable[[Dpc], None] | None = None
        self.dpc_ended: Callable[[Dpc], None] | None = None
        self.thread_switched: Callable[[Processor, Thread], None] | None = None
        """The thread is the processor's from now on."""
        self.irql_changed: Callable[[Processor, int], None] | None = None
        self.lock_taken: Callable[[SpinLock], None] | None = None
        self.lock_dropped: Callable[[SpinLock], None] | None = None
        """Before the lock is free."""
        self.stalled: Callable[[Processor, int], None] | None = None
        """A stall of so many microseconds was called."""
        self.bug_checked: Callable[[BaseException], None] | None = None
        """Once, before the error is raised."""


def chain(first: Callable[P, None] | None, second: Callable[P, None]) -> Callable[P, None]:
    """One hook for two subscribers, for a place that one has taken already."""
    if first is None:
        return second

    def both(*args: P.args, **kwargs: P.kwargs) -> None:
        first(*args, **kwargs)
        second(*args, **kwargs)

    return both
