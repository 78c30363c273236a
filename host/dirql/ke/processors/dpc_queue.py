# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The queue of deferred procedure calls that each processor has."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from dirql.ke.threads.nesting import Nesting

__all__ = ["DpcQueue", "QueuedDpc"]


class QueuedDpc(Protocol):
    """A DPC, as processors and the subscribers of hooks see it."""

    dpc_data: DpcQueue | None
    """The queue that the DPC is in; None while it is not queued."""

    @property
    def driver(self) -> object:
        """The driver that the routine belongs to."""

    @property
    def deferred_routine(self) -> Callable[[QueuedDpc, object, object, object], object]:
        """The routine of the driver that the DPC calls."""

    @property
    def deferred_context(self) -> object:
        """The second argument of the routine."""

    @property
    def system_argument1(self) -> object:
        """The third argument of the routine."""

    @property
    def system_argument2(self) -> object:
        """The fourth argument of the routine."""


class DpcQueue:
    """The DPC queue of one processor (KDPC_DATA)."""

    __slots__ = (
        "count",
        "is_undrained",
        "nesting",
        "requested",
        "running",
        "threaded",
        "waiting",
        "wake_thread",
    )

    def __init__(self) -> None:
        self.waiting = deque[QueuedDpc]()
        """The queued DPCs, the next one first; the length is NT's DpcQueueDepth."""
        self.threaded = deque[QueuedDpc]()
        """The threaded DPCs that are queued, the next one first."""
        self.wake_thread: Callable[[], None] | None = None
        """Lets the processor's thread for threaded DPCs go on; None until there is such a thread."""
        self.requested = False
        """The queue is to be drained as soon as the processor's IRQL is below DISPATCH_LEVEL."""
        self.count = 0
        """The number of DPCs that were begun (DpcCount)."""
        self.is_undrained = False
        """Whether the queue was not drained since the watch set this. To drain it the IRQL was below DISPATCH_LEVEL."""
        self.running: QueuedDpc | None = None
        """The DPC whose routine the processor runs now."""
        self.nesting = Nesting()
        """The calls on the stack for DPCs; while DPCs run, those of the thread that they interrupted."""
