# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The floating-point state, which a driver saves before it uses floating-point instructions and restores afterwards.

Python's numbers need neither; what is checked here is that each state is restored once, where it was saved.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import bug_check
from dirql.ke.current import current
from dirql.ke.executive_state import SavedState
from dirql.ke.guard import current_driver
from dirql.ke.origin import mark
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import Thread
from dirql.nt.bugcodes import INVALID_FLOATING_POINT_STATE
from dirql.nt.status import STATUS_SUCCESS

__all__ = ["FloatingSave"]

_SAVE: Final = contract("KeSaveFloatingPointState")
_RESTORE: Final = contract("KeRestoreFloatingPointState")

_NOT_SAVED: Final = 0
_WRONG_IRQL: Final = 1
_WRONG_THREAD: Final = 2
"""Parameter 1 of the bug check."""


@mypyc_attr(allow_interpreted_subclasses=True)
class FloatingSave:
    """A saved floating-point state (KFLOATING_SAVE)."""

    __slots__ = ("irql", "thread")

    def __init__(self) -> None:
        """Make a place for a state that is not saved yet."""
        self.irql = 0
        self.thread: Thread | None = None

    def __repr__(self) -> str:
        return f"<floating-point state {id(self):#x}, {'not saved' if self.thread is None else 'saved'}>"

    def save(self) -> int:
        """Save the state of the current thread; follows KeSaveFloatingPointState. Always STATUS_SUCCESS."""
        _SAVE.check(self)
        processor = current.processor
        self.thread, self.irql = processor.current_thread, processor.irql
        current.kernel.executive.saved_states[self] = SavedState(current_driver(), mark())
        return STATUS_SUCCESS

    def restore(self) -> int:
        """Restore the state that `save` has saved; follows KeRestoreFloatingPointState (row FPU-01).

        Bug check 0xE7 for a state that was not saved, at another IRQL or in another thread than it was saved.
        """
        _RESTORE.check(self)
        processor = current.processor
        thread = self.thread
        rule = (
            "KeRestoreFloatingPointState must be called once for a saved state, at the IRQL and in the thread of its"
            " KeSaveFloatingPointState"
        )
        if thread is None:
            reason = f"{rule}; {self!r} was not saved: call it only if KeSaveFloatingPointState has succeeded"
            bug_check(INVALID_FLOATING_POINT_STATE, _NOT_SAVED, self, 0, 0, reason=reason)
        if self.irql != processor.irql:
            reason = f"{rule}; {self!r} was saved at IRQL {self.irql} and restored at {processor.irql}"
            bug_check(INVALID_FLOATING_POINT_STATE, _WRONG_IRQL, self.irql, processor.irql, 0, reason=reason)
        here = processor.current_thread
        if thread is not here:
            reason = f"{rule}; {self!r} was saved in {thread!r} and restored in {here!r}"
            bug_check(INVALID_FLOATING_POINT_STATE, _WRONG_THREAD, thread, here, 0, reason=reason)
        self.thread = None
        del current.kernel.executive.saved_states[self]
        return STATUS_SUCCESS
