# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""What threads wait for: dispatcher objects, the blocks that queue a thread at them, and what wakes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dirql.nt.constants import WaitAll

if TYPE_CHECKING:
    from dirql.ke.threads.thread import Thread

__all__ = ["DispatcherObject", "WaitBlock"]


class WaitBlock:
    """One thread's place in the queue of one object (KWAIT_BLOCK)."""

    __slots__ = ("key", "object", "thread")

    def __init__(self, thread: Thread, object: DispatcherObject, key: int) -> None:
        """`key` is the object's index in the wait, and the status of a wait for any that it ends."""
        self.thread = thread
        self.object = object
        self.key = key


class DispatcherObject:
    """Something that can be waited for (DISPATCHER_HEADER). Waiters are served oldest first."""

    __slots__ = ("signal_state", "type", "wait_list")

    def __init__(self, type: int, signal_state: int) -> None:
        """`type` is the header's; the object is signalled while `signal_state` is above 0."""
        self.type = type
        self.signal_state = signal_state
        self.wait_list: list[WaitBlock] = []

    def is_signalled_for(self, thread: Thread) -> bool:
        """Whether a wait of this thread would be satisfied now."""
        return self.signal_state > 0

    def satisfy(self, thread: Thread) -> None:
        """Take what a satisfied wait takes. Nothing, unless the kind of object says otherwise."""

    def wake(self) -> None:
        """Release those waiters that the object, just signalled, can release."""
        for block in tuple(self.wait_list):
            if self.signal_state <= 0:
                return
            thread = block.thread
            if thread.wait_type == WaitAll:
                if not all(other.object.is_signalled_for(thread) for other in thread.wait_blocks):
                    continue
                for other in thread.wait_blocks:
                    other.object.satisfy(thread)
                thread.end_wait(0)
            else:
                self.satisfy(thread)
                thread.end_wait(block.key)
