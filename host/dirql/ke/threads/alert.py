# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Alerts, which end alertable waits, and the question whether an alertable wait may begin."""

from __future__ import annotations

from typing import Final

from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.apc import deliver_user
from dirql.ke.threads.thread import WAITING, Thread
from dirql.nt.constants import KernelMode, UserMode
from dirql.nt.status import STATUS_ALERTED, STATUS_SUCCESS, STATUS_USER_APC

__all__ = ["alert_thread", "check_alertability", "return_to_user_mode", "test_alert_thread"]

_ALERT_THREAD: Final = contract("KeAlertThread")
_TEST_ALERT_THREAD: Final = contract("KeTestAlertThread")
_WAITS: Final = (
    "KeWaitForSingleObject, KeWaitForMultipleObjects, KeDelayExecutionThread, KeRemoveQueue: WaitMode"
)
_ALERT_INCREMENT: Final = 2


def alert_thread(thread: Thread, alert_mode: int) -> bool:
    """Alert a thread for a processor mode, and return whether it was alerted before; follows KeAlertThread.

    An alertable wait ends with STATUS_ALERTED, and the thread is boosted by 2. An alert for kernel mode ends a wait of
    user mode too.
    """
    _ALERT_THREAD.check(thread)
    _ALERT_THREAD.check_arguments(thread, alert_mode)
    _check_mode("KeAlertThread: AlertMode", alert_mode)
    before = thread.alerted[alert_mode]
    if not before:
        if thread.state is WAITING and thread.alertable and alert_mode <= thread.wait_mode:
            thread.end_wait(STATUS_ALERTED, _ALERT_INCREMENT)
            current.dispatcher.preempt()
        else:
            thread.alerted[alert_mode] = True
    return before


def test_alert_thread(alert_mode: int) -> bool:
    """Take back an alert of the current thread, and return whether there was one; follows KeTestAlertThread.

    For user mode, user APCs that are queued run when the thread returns to its program.
    """
    _TEST_ALERT_THREAD.check_level(alert_mode)
    _TEST_ALERT_THREAD.check_arguments(alert_mode)
    _check_mode("KeTestAlertThread: AlertMode", alert_mode)
    thread = current.processor.current_thread
    before = thread.alerted[alert_mode]
    thread.alerted[alert_mode] = False
    if alert_mode == UserMode and thread.apc_state.user:
        thread.apc_state.user_apc_pending = True
    return before


def _check_mode(what: str, mode: int) -> None:
    if mode not in (KernelMode, UserMode):
        raise ValueError(f"{what} must be KernelMode or UserMode; it was {mode!r}")


def check_alertability(thread: Thread, alertable: bool, wait_mode: int) -> int:
    """The status with which a wait of the current thread must not begin, or STATUS_SUCCESS."""
    _check_mode(_WAITS, wait_mode)
    if alertable:
        if thread.alerted[wait_mode]:
            thread.alerted[wait_mode] = False
            return STATUS_ALERTED
        if thread.apc_state.user:
            if wait_mode == UserMode:
                thread.apc_state.user_apc_pending = True
            return STATUS_USER_APC
        if thread.alerted[KernelMode]:
            thread.alerted[KernelMode] = False
            return STATUS_ALERTED
    elif wait_mode == UserMode and thread.apc_state.user_apc_pending:
        return STATUS_USER_APC
    return STATUS_SUCCESS


def return_to_user_mode() -> None:
    """Run the user APCs that are due, at the end of a system service that a program called.

    Inside of a `KernelCall` nothing runs: the service has more to do, and calls this again at its end.
    """
    processor = current.processor
    thread = processor.current_thread
    if thread.apc_state.user_apc_pending and processor.driver is None and not thread.kernel_calls:
        deliver_user()
