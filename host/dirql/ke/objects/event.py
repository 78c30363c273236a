# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Events."""

from __future__ import annotations

from dirql.ke import current
from dirql.ke.objects.dispatcher_object import DispatcherObject
from dirql.ke.processors.irql import contract
from dirql.ke.threads.thread import Thread
from dirql.nt.bugcodes import DRIVER_VERIFIER_DETECTED_VIOLATION, VF_SET_EVENT_IRQL
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    EventNotificationObject,
    EventSynchronizationObject,
    NotificationEvent,
)

__all__ = ["Event"]


class Event(DispatcherObject):
    """An event (KEVENT): of notification, signalled until it is cleared, or of synchronization, freeing one thread."""

    __slots__ = ()

    def __init__(self) -> None:
        """Not usable before `initialize`."""
        super().__init__(EventNotificationObject, 0)

    def __repr__(self) -> str:
        """Its kind and state."""
        kind = "notification" if self.type == EventNotificationObject else "synchronization"
        return f"<{kind} event {id(self):#x}, {'' if self.signal_state else 'not '}signalled>"

    def initialize(self, type: int, state: bool) -> None:
        """Make it a notification or a synchronization event, signalled or not (KeInitializeEvent)."""
        self.type = EventNotificationObject if type == NotificationEvent else EventSynchronizationObject
        self.signal_state = int(state)
        self.wait_list = []

    @contract(max_irql=DISPATCH_LEVEL, code=DRIVER_VERIFIER_DETECTED_VIOLATION, subcode=VF_SET_EVENT_IRQL)
    def set(self, increment: int = 0, wait: bool = False) -> int:
        """Signal it and return the previous state (KeSetEvent).

        `increment` has no effect: priorities are fixed. With `wait` the caller goes on to a wait, and nobody runs
        in between.
        """
        previous = self.signal_state
        self.signal_state = 1
        if self.wait_list:
            self.wake()
            if not wait and current.processor.irql < DISPATCH_LEVEL:
                current.dispatcher.preempt()
        return previous

    @contract(max_irql=DISPATCH_LEVEL)
    def pulse(self, increment: int = 0, wait: bool = False) -> int:
        """Release those that wait now and leave it not signalled; return the previous state (KePulseEvent)."""
        previous = self.signal_state
        self.signal_state = 1
        if self.wait_list:
            self.wake()
        self.signal_state = 0
        if not wait:
            current.dispatcher.preempt()
        return previous

    @contract(max_irql=DISPATCH_LEVEL)
    def reset(self) -> int:
        """Make it not signalled and return the previous state (KeResetEvent)."""
        previous = self.signal_state
        self.signal_state = 0
        return previous

    @contract(max_irql=DISPATCH_LEVEL)
    def clear(self) -> None:
        """Make it not signalled (KeClearEvent)."""
        self.signal_state = 0

    def read_state(self) -> int:
        """1 if it is signalled, else 0 (KeReadStateEvent)."""
        current.dispatcher.poll()
        return self.signal_state

    def satisfy(self, thread: Thread) -> None:
        """A synchronization event frees one thread."""
        if self.type == EventSynchronizationObject:
            self.signal_state = 0
