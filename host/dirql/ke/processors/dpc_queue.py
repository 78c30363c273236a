# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The queue of deferred procedure calls that each processor has."""

from __future__ import annotations

from collections import deque
from typing import Protocol

__all__ = ["DpcQueue", "QueuedDpc"]


class QueuedDpc(Protocol):
    """A DPC, as processors and the subscribers of hooks see it."""

    @property
    def deferred_routine(self) -> object:
        """The routine of the driver that the DPC calls."""


class DpcQueue:
    """The DPC queue of one processor (KDPC_DATA)."""

    __slots__ = ("requested", "running", "waiting")

    def __init__(self) -> None:
        self.waiting = deque[QueuedDpc]()
        """The queued DPCs, the next one first; the length is NT's DpcQueueDepth."""
        self.requested = False
        """The queue is to be drained as soon as the processor's IRQL is below DISPATCH_LEVEL."""
        self.running: QueuedDpc | None = None
        """The DPC whose routine the processor runs now."""
