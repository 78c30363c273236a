# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Events: notification events and synchronization events (KEVENT)."""

from __future__ import annotations

from typing import ClassVar, Final

from mypy_extensions import mypyc_attr

from dirql.ke.current import current
from dirql.ke.objects.blank import BLANK, refuse_blank
from dirql.ke.objects.dispatcher_object import DispatcherObject, Waiter
from dirql.ke.objects.wait_argument import check_wait
from dirql.ke.processors.contract import charge_call, contract
from dirql.nt.constants import (
    DISPATCH_LEVEL,
    EventNotificationObject,
    EventSynchronizationObject,
    NotificationEvent,
    SynchronizationEvent,
)

__all__ = ["Event"]

_SET: Final = contract("KeSetEvent")
_PULSE: Final = contract("KePulseEvent")
_RESET: Final = contract("KeResetEvent")
_CLEAR: Final = contract("KeClearEvent")
_INITIALIZE_EVENT: Final = contract("KeInitializeEvent")
_READ_STATE_EVENT: Final = contract("KeReadStateEvent")


_KINDS: Final = {
    NotificationEvent: EventNotificationObject,
    SynchronizationEvent: EventSynchronizationObject,
}


@mypyc_attr(allow_interpreted_subclasses=True)
class Event(DispatcherObject):
    """An event (KEVENT).

    A notification event stays signalled until it is cleared; a synchronization event frees one thread.
    """

    __slots__ = ()

    INITIALIZER: ClassVar[str] = "KeInitializeEvent"

    def __init__(self) -> None:
        """Make an event that has to be initialized before its use."""
        super().__init__(BLANK, 0)

    def __repr__(self) -> str:
        if self.header.type < 0:
            return f"<event {id(self):#x}, not initialized>"
        kind = "notification" if self.header.type == EventNotificationObject else "synchronization"
        return f"<{kind} event {id(self):#x}, {'' if self.header.signal_state else 'not '}signalled>"

    def initialize(self, type: int, state: int) -> None:
        """Make it a NotificationEvent or a SynchronizationEvent, signalled or not; follows KeInitializeEvent."""
        try:
            kind, header = _KINDS.get(type), self.header
        except (AttributeError, TypeError) as error:
            _INITIALIZE_EVENT.explain(error, self, type, state)
        if kind is None or (state is not False and state is not True):
            _INITIALIZE_EVENT.check_arguments(self, type, state)
        header.initialize(EventSynchronizationObject if kind is None else kind, int(state))

    @staticmethod
    def make_notification() -> Event:
        """Return a notification event that is not signalled, for code of the kernel.

        With the checks of `initialize` each request of a program would take 1 % longer ("a read" in bench/io_paths.py).
        """
        made = Event()
        made.header.type = EventNotificationObject
        return made

    def clear_for_system(self) -> None:
        """Do as `clear` for code of the kernel, whose object is an event."""
        _CLEAR.check_level(self)
        header = self.header
        if header.type < 0:
            refuse_blank(self, "KeClearEvent", self.INITIALIZER)
        header.signal_state = 0

    def set_for_system(self) -> None:
        """Do as `set` without a boost, for code of the kernel that has checked the level and has an event."""
        charge_call()
        header = self.header
        if header.type < 0:
            refuse_blank(self, "KeSetEvent", self.INITIALIZER)
        header.signal_state = 1
        if header.wait_list and self.wake() and current.processor.irql < DISPATCH_LEVEL:
            current.dispatcher.preempt()

    def set(self, increment: int = 0, wait: int = 0) -> int:
        """Signal the event and return the previous state; follows KeSetEvent.

        The threads that this frees are boosted by `increment`. With `wait` the caller goes on to a wait, and no other
        thread runs before that.
        """
        _SET.check(self)
        if increment and type(increment) is not int:
            _SET.check_arguments(self, increment, wait)
        header = self.header
        if header.type < 0:
            refuse_blank(self, "KeSetEvent", self.INITIALIZER)
        if wait:
            check_wait("KeSetEvent")
        previous = header.signal_state
        header.signal_state = 1
        if self.wake(increment) and not wait:
            processor = current.processor
            if processor.irql < DISPATCH_LEVEL:
                # The reasons of `lower_irql`: with a call of `preempt` each time "event and switch" in
                # bench/ke_paths.py would take 5 % longer.
                kernel = current.kernel
                clock = kernel.clock
                queue = processor.dpcs
                if (
                    kernel.ready.highest > processor.current_thread.priority
                    or clock.spent >= clock.horizon
                    or kernel.is_eager
                    or queue.requested
                    or queue.running is not None
                ):
                    current.dispatcher.preempt()
        return previous

    def pulse(self, increment: int = 0, wait: int = 0) -> int:
        """Release the threads that wait now, clear the event, return the previous state; follows KePulseEvent.

        The threads that this frees are boosted by `increment`.
        """
        _PULSE.check(self)
        if increment and type(increment) is not int:
            _PULSE.check_arguments(self, increment, wait)
        header = self.header
        if header.type < 0:
            refuse_blank(self, "KePulseEvent", self.INITIALIZER)
        if wait:
            check_wait("KePulseEvent")
        previous = header.signal_state
        header.signal_state = 1
        self.wake(increment)
        header.signal_state = 0
        if not wait:
            current.dispatcher.preempt()
        return previous

    def reset(self) -> int:
        """Clear the event and return the previous state; follows KeResetEvent."""
        _RESET.check(self)
        if self.header.type < 0:
            refuse_blank(self, "KeResetEvent", self.INITIALIZER)
        previous = self.header.signal_state
        self.header.signal_state = 0
        return previous

    def clear(self) -> None:
        """Clear the event; follows KeClearEvent."""
        _CLEAR.check(self)
        if self.header.type < 0:
            refuse_blank(self, "KeClearEvent", self.INITIALIZER)
        self.header.signal_state = 0

    def read_state(self) -> int:
        """Return 1 if the event is signalled, else 0; follows KeReadStateEvent."""
        _READ_STATE_EVENT.check_arguments(self)
        if self.header.type < 0:
            refuse_blank(self, "KeReadStateEvent", self.INITIALIZER)
        current.dispatcher.poll()
        return self.header.signal_state

    def satisfy(self, thread: Waiter) -> None:
        """Clear a synchronization event, because it frees one thread only."""
        if self.header.type == EventSynchronizationObject:
            self.header.signal_state = 0
