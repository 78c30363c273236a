# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Bug checks that a driver asks for, and the routines of drivers that run when the system stops."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from mypy_extensions import mypyc_attr

from dirql.ke.bugcheck import BugCheck, bug_check
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.processors.irql import enter
from dirql.nt.constants import HIGH_LEVEL

__all__ = ["BugCheckCallbackRecord", "ke_bug_check", "ke_bug_check_ex"]

_BUG_CHECK: Final = contract("KeBugCheck")
_BUG_CHECK_EX: Final = contract("KeBugCheckEx")
_INITIALIZE_RECORD: Final = contract("KeInitializeCallbackRecord")
_REGISTER: Final = contract("KeRegisterBugCheckCallback")
_DEREGISTER: Final = contract("KeDeregisterBugCheckCallback")

_REASON: Final = "the driver asked for it"


def ke_bug_check(bug_check_code: int) -> NoReturn:
    """Stop the system with a code and four zeros; follows KeBugCheck."""
    _BUG_CHECK.check_level(bug_check_code)
    _BUG_CHECK.check_arguments(bug_check_code)
    bug_check(bug_check_code, reason=f"{_REASON} by KeBugCheck")


def ke_bug_check_ex(
    bug_check_code: int,
    bug_check_parameter1: object,
    bug_check_parameter2: object,
    bug_check_parameter3: object,
    bug_check_parameter4: object,
) -> NoReturn:
    """Stop the system with a code and four parameters; follows KeBugCheckEx.

    A parameter is a number, or an object where C has its address.
    """
    _BUG_CHECK_EX.check_level(bug_check_code)
    parameters = (bug_check_parameter1, bug_check_parameter2, bug_check_parameter3, bug_check_parameter4)
    _BUG_CHECK_EX.check_arguments(bug_check_code, *parameters)
    bug_check(bug_check_code, *parameters, reason=f"{_REASON} by KeBugCheckEx")


@mypyc_attr(allow_interpreted_subclasses=True)
class BugCheckCallbackRecord:
    """The registration of a routine that runs when the system bug-checks (KBUGCHECK_CALLBACK_RECORD)."""

    __slots__ = ("buffer", "component", "is_initialized", "is_registered", "length", "routine")

    def __init__(self) -> None:
        """Make a record that has to be initialized before its use."""
        self.is_initialized = self.is_registered = False
        self.routine: Callable[[object, int], object] | None = None
        self.buffer: object = None
        self.length = 0
        self.component = ""

    def initialize(self) -> None:
        """Make the record ready for a registration; follows KeInitializeCallbackRecord."""
        _INITIALIZE_RECORD.check_arguments(self)
        self.is_initialized = True
        self.is_registered = False

    def register(
        self, callback_routine: Callable[[object, int], object], buffer: object, length: int, component: str
    ) -> bool:
        """Let a routine run when the system bug-checks; follows KeRegisterBugCheckCallback (row BGC-01).

        The routine is called at HIGH_LEVEL with `buffer` and `length`. Returns FALSE for a record that is registered
        already or was not initialized.
        """
        _REGISTER.check(self)
        _REGISTER.check_arguments(self, callback_routine, buffer, length, component)
        if self.is_registered or not self.is_initialized:
            return False
        self.routine, self.buffer, self.length, self.component = callback_routine, buffer, length, component
        self.is_registered = True
        current.kernel.bug_check_callbacks.append(self)
        return True

    def deregister(self) -> bool:
        """Undo `register`; returns whether the record was registered; follows KeDeregisterBugCheckCallback."""
        _DEREGISTER.check(self)
        if not self.is_registered:
            return False
        self.is_registered = False
        current.kernel.bug_check_callbacks.remove(self)
        return True

    def run(self) -> None:
        """Call the routine at HIGH_LEVEL; an error in it ends it and nothing else."""
        enter(current.processor, HIGH_LEVEL)
        assert self.routine is not None
        with suppress(Exception, BugCheck):
            self.routine(self.buffer, self.length)
