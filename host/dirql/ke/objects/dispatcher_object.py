# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects for which threads wait: the header, the wait blocks that queue threads, and the waking of threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import ClassVar, Protocol

from mypy_extensions import mypyc_attr

from dirql.nt.constants import WaitAll

__all__ = ["DispatcherHeader", "DispatcherObject", "WaitBlock", "Waiter"]


class Waiter(Protocol):
    """A waiting thread, as the objects see it for which it waits."""

    @property
    def number(self) -> int:
        """The thread's number, for messages."""

    @property
    def mutexes(self) -> list[DispatcherObject]:
        """The mutexes that the thread owns."""

    kernel_apc_disable: int
    """Below 0 while the thread's normal kernel APCs and user APCs are held off."""

    @property
    def wait_type(self) -> int:
        """The kind of the wait, `WaitAny` or `WaitAll`."""

    @property
    def wait_block_list(self) -> Sequence[WaitBlock]:
        """A block for each object of the thread's wait."""

    def end_wait(self, status: int, increment: int = 0) -> None:
        """Make the thread ready, with a boost of its priority by `increment`; the wait returns `status`."""


@mypyc_attr(allow_interpreted_subclasses=True)
class WaitBlock:
    """The place of one thread in the wait list of one object (KWAIT_BLOCK). A wait fills in the fields."""

    __slots__ = ("object", "thread", "wait_key")

    thread: Waiter
    object: DispatcherObject
    wait_key: int
    """The index of the object in the wait, which is also the status of a wait for any object that it ends."""


class DispatcherHeader:
    """The header of an object that can be waited for (DISPATCHER_HEADER). Waiters are served oldest first."""

    __slots__ = ("signal_state", "type", "wait_list")

    def __init__(self, type: int, signal_state: int) -> None:
        """`type` is NT's number for the kind of object; the object is signalled while `signal_state` is above 0."""
        self.type = type
        self.signal_state = signal_state
        self.wait_list: OrderedDict[WaitBlock, None] = OrderedDict()
        """The blocks of the waiters, the oldest first. Any of them is taken out in the same time, however many wait."""

    def initialize(self, type: int, signal_state: int) -> None:
        """Set the type and the state again, and forget all waiters."""
        self.type = type
        self.signal_state = signal_state
        self.wait_list.clear()


@mypyc_attr(allow_interpreted_subclasses=True)
class DispatcherObject:
    """An object that can be waited for.

    Subclasses override `is_signalled_for` and `satisfy` where their waits differ.
    """

    __slots__ = ("header",)

    INITIALIZER: ClassVar[str] = "the routine that makes it"
    """The routine of the WDK that initializes such objects."""

    def __init__(self, type: int, signal_state: int) -> None:
        """The header's type and state."""
        self.header = DispatcherHeader(type, signal_state)

    def is_signalled_for(self, thread: Waiter) -> bool:
        """Whether a wait of this thread would be satisfied now."""
        return self.header.signal_state > 0

    def satisfy(self, thread: Waiter) -> None:
        """Change the state as a satisfied wait of this thread does; only some kinds of object need that."""

    def wake(self, increment: int = 0) -> bool:
        """Release the waiters that the object, now signalled, can release; return whether there were any waiters.

        Their priorities are boosted by `increment`.
        """
        header = self.header
        waiters = header.wait_list
        if not waiters:
            return False
        if header.signal_state <= 0:
            return True
        # Nearly always the oldest waiter is released, and then no other one can be.
        block = next(iter(waiters))
        thread = block.thread
        if thread.wait_type != WaitAll:
            self.satisfy(thread)
            thread.end_wait(block.wait_key, increment)
        if waiters and header.signal_state > 0:
            self._wake_all(increment)
        return True

    def _wake_all(self, increment: int) -> None:
        """Release all waiters that can be released, oldest first."""
        released: dict[Waiter, int] = {}
        for block in self.header.wait_list:
            if self.header.signal_state <= 0:
                break
            thread = block.thread
            if thread in released:
                continue
            if thread.wait_type == WaitAll:
                blocks = thread.wait_block_list
                if not all(other.object.is_signalled_for(thread) for other in blocks):
                    continue
                for other in blocks:
                    other.object.satisfy(thread)
                released[thread] = 0
            else:
                self.satisfy(thread)
                released[thread] = block.wait_key
        for thread, status in released.items():
            thread.end_wait(status, increment)
