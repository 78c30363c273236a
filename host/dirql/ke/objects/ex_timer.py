# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Timers of the executive (EX_TIMER), which the system allocates and which call a routine at DISPATCH_LEVEL."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.guard import EXT_CALLBACK, call_driver, current_driver, describe
from dirql.ke.objects.timer import Timer
from dirql.ke.processors.contract import contract
from dirql.ke.processors.dpc import Dpc
from dirql.nt.bugcodes import INVALID_TIMER, TIMER_OR_DPC_INVALID
from dirql.nt.constants import EX_TIMER_NOTIFICATION, NotificationTimer, SynchronizationTimer

__all__ = ["ExTimer", "ExTimerCallback", "allocate_timer"]

_ALLOCATE: Final = contract("ExAllocateTimer")
_SET: Final = contract("ExSetTimer")
_CANCEL: Final = contract("ExCancelTimer")
_DELETE: Final = contract("ExDeleteTimer")

ExTimerCallback = Callable[["ExTimer", object], object]
"""A timer's callback is called as `routine(timer, context)`."""


class ExTimer(Timer):
    """A timer of the executive. Threads can wait for it, as for a KTIMER."""

    __slots__ = ("callback", "context", "is_deleted", "own_dpc", "owner")

    INITIALIZER: ClassVar[str] = "ExAllocateTimer"

    def __init__(self, callback: ExTimerCallback | None, context: object, attributes: int) -> None:
        """`allocate_timer` calls this; drivers do not."""
        super().__init__()
        self.initialize_ex(NotificationTimer if attributes & EX_TIMER_NOTIFICATION else SynchronizationTimer)
        self.callback = callback
        self.context = context
        self.owner = current_driver()
        self.is_deleted = False
        self.own_dpc = Dpc()
        self.own_dpc.initialize(_expired, self)

    def __repr__(self) -> str:
        return f"<executive timer of {describe(self.callback)}, {'' if self.is_set() else 'not '}set>"

    def set_timer(self, due_time: int, period: int, parameters: object) -> bool:
        """Set the timer, in 100 ns units; follows ExSetTimer. Returns whether it was set already.

        `due_time` is negative from now, else in system time; `period` is 0 for a timer that expires once. `parameters`
        mean nothing here: timers are exact.
        """
        _SET.check(self)
        _SET.check_arguments(self, due_time, period, parameters)
        self._check_live("ExSetTimer")
        if period < 0:
            raise ValueError(
                f"ExSetTimer: Period must be 0 or more; it was {period}: give 0 for a single expiry"
            )
        return self.start(due_time, period, None if self.callback is None else self.own_dpc)

    def cancel_timer(self, parameters: object) -> bool:
        """Take the timer back; follows ExCancelTimer. Returns whether it was set."""
        _CANCEL.check(self)
        del parameters
        self._check_live("ExCancelTimer")
        return self.stop()

    def delete_timer(self, cancel: int, wait: int, parameters: object) -> bool:
        """End the timer; follows ExDeleteTimer. Returns whether it was set and was cancelled.

        Without `cancel` a timer that is set still expires once, and is gone then. With `wait`, which needs `cancel`,
        the routine has returned.
        """
        _DELETE.check(self)
        _DELETE.check_arguments(self, cancel, wait, parameters)
        self._check_live("ExDeleteTimer")
        if wait and not cancel:
            raise ValueError(
                "ExDeleteTimer: Cancel must be TRUE where Wait is TRUE; it was FALSE: give TRUE for both"
            )
        self.is_deleted = True
        was_set = False
        if cancel:
            was_set = self.stop()
            while wait and self.own_dpc.dpc_data is not None:
                current.dispatcher.poll()
        else:
            self.end_periods()
        return was_set

    def _check_live(self, routine: str) -> None:
        if self.is_deleted:
            reason = (
                f"{routine} must be called before ExDeleteTimer; {self!r} was deleted: forget the pointer"
            )
            bug_check(TIMER_OR_DPC_INVALID, INVALID_TIMER, self, 0, 0, reason=reason)


def _expired(dpc: Dpc, context: object, argument1: object, argument2: object) -> None:
    """Call the routine of a timer that has expired."""
    del dpc, argument1, argument2
    if isinstance(context, ExTimer) and context.callback is not None:
        call_driver(EXT_CALLBACK, context.owner, context.callback, context, context.context)


def allocate_timer(callback: ExTimerCallback | None, callback_context: object, attributes: int) -> ExTimer:
    """Make a timer that calls `callback(timer, context)`; follows ExAllocateTimer. There is always memory for it.

    With EX_TIMER_NOTIFICATION it frees all threads that wait for it, else one for each expiry. The other attributes,
    about power and resolution, mean nothing here.
    """
    _ALLOCATE.check_level(callback)
    _ALLOCATE.check_arguments(callback, callback_context, attributes)
    return ExTimer(callback, callback_context, attributes)
