# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The asynchronous procedure calls that are queued to a thread."""

from __future__ import annotations

from collections import deque
from typing import Protocol

__all__ = ["ApcState", "QueuedApc"]


class QueuedApc(Protocol):
    """An APC, as the thread sees it to which it is queued."""

    inserted: bool
    """Whether the APC is in the queue of its thread."""


class ApcState:
    """The queues of one thread, the next APC first in each (KAPC_STATE)."""

    __slots__ = (
        "kernel_apc_in_progress",
        "kernel_apc_pending",
        "normal",
        "special",
        "user",
        "user_apc_pending",
    )

    def __init__(self) -> None:
        self.special = deque[QueuedApc]()
        """Special kernel APCs, which have no normal routine."""
        self.normal = deque[QueuedApc]()
        """Normal kernel APCs, which also have a normal routine."""
        self.user = deque[QueuedApc]()
        """User APCs, for alertable waits of the program."""
        self.kernel_apc_pending = False
        """Whether a kernel APC is queued."""
        self.kernel_apc_in_progress = False
        """Whether the thread runs the normal routine of a kernel APC."""
        self.user_apc_pending = False
        """Whether the thread runs its user APCs when it returns to user mode."""

    def is_deliverable(self, kernel_apc_disable: int, special_apc_disable: int) -> bool:
        """Whether a kernel APC may run below APC_LEVEL in a thread with these counts."""
        if special_apc_disable:
            return False
        return bool(self.special) or (
            bool(self.normal) and not self.kernel_apc_in_progress and not kernel_apc_disable
        )

    def count(self) -> int:
        """The number of APCs that are queued."""
        return len(self.special) + len(self.normal) + len(self.user)
