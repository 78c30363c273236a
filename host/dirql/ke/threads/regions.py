# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Critical regions and guarded regions: parts of a thread in which its APCs are held off.

In a critical region normal kernel APCs and user APCs wait, in a guarded region special kernel APCs too. Regions nest:
each counts one below zero in its thread (rows APC-01, APC-03).
"""

from __future__ import annotations

from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.thread import GUARDED_REGION
from dirql.nt.constants import APC_LEVEL

__all__ = [
    "are_all_apcs_disabled",
    "are_apcs_disabled",
    "enter_critical_region",
    "enter_guarded_region",
    "leave_critical_region",
    "leave_guarded_region",
]

_ENTER_CRITICAL_REGION: Final = contract("KeEnterCriticalRegion")
_LEAVE_CRITICAL_REGION: Final = contract("KeLeaveCriticalRegion")
_ENTER_GUARDED_REGION: Final = contract("KeEnterGuardedRegion")
_LEAVE_GUARDED_REGION: Final = contract("KeLeaveGuardedRegion")
_ARE_APCS_DISABLED: Final = contract("KeAreApcsDisabled")
_ARE_ALL_APCS_DISABLED: Final = contract("KeAreAllApcsDisabled")


def enter_critical_region() -> None:
    """Hold off the thread's normal kernel APCs and user APCs; follows KeEnterCriticalRegion."""
    _ENTER_CRITICAL_REGION.check_level(0)
    thread = current.processor.current_thread
    thread.kernel_apc_disable -= 1
    thread.regions += 1


def leave_critical_region() -> None:
    """Undo one `enter_critical_region`, and run the APCs that it held off; follows KeLeaveCriticalRegion.

    A call without an entry counts upwards, as on NT, and then APCs are held off too.
    """
    _LEAVE_CRITICAL_REGION.check_level(0)
    thread = current.processor.current_thread
    thread.kernel_apc_disable += 1
    thread.regions -= 1
    if not thread.kernel_apc_disable and thread.apc_state.kernel_apc_pending:
        current.dispatcher.take_apcs()


def enter_guarded_region() -> None:
    """Hold off all APCs of the thread; follows KeEnterGuardedRegion."""
    _ENTER_GUARDED_REGION.check_level(0)
    thread = current.processor.current_thread
    thread.special_apc_disable -= 1
    thread.regions += GUARDED_REGION


def leave_guarded_region() -> None:
    """Undo one `enter_guarded_region`, and run the APCs that it held off; follows KeLeaveGuardedRegion."""
    _LEAVE_GUARDED_REGION.check_level(0)
    thread = current.processor.current_thread
    thread.special_apc_disable += 1
    thread.regions -= GUARDED_REGION
    if not thread.special_apc_disable and thread.apc_state.kernel_apc_pending:
        current.dispatcher.take_apcs()


def are_apcs_disabled() -> bool:
    """Whether the thread is in a critical or guarded region; follows KeAreApcsDisabled.

    A high IRQL holds APCs off too, and does not count here.
    """
    _ARE_APCS_DISABLED.check_level(0)
    thread = current.processor.current_thread
    return thread.kernel_apc_disable != 0 or thread.special_apc_disable != 0


def are_all_apcs_disabled() -> bool:
    """Whether the thread is in a guarded region or at APC_LEVEL or above; follows KeAreAllApcsDisabled."""
    _ARE_ALL_APCS_DISABLED.check_level(0)
    processor = current.processor
    return processor.irql >= APC_LEVEL or processor.current_thread.special_apc_disable != 0
