# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Cancelling requests, under the cancel spin lock of the machine (rows CXL-01 … CXL-03)."""

from __future__ import annotations

from collections import deque
from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import Irp
from dirql.io.packet import refuse_use
from dirql.ke import guard
from dirql.ke.current import current
from dirql.ke.processors.contract import contract
from dirql.ke.threads.nesting import Nesting

__all__ = [
    "DEEPEST_CANCEL",
    "acquire_cancel_spin_lock",
    "cancel_irp",
    "cancel_request",
    "release_cancel_spin_lock",
]

_CANCEL_IRP: Final = contract("IoCancelIrp")
_RELEASE_CANCEL_SPIN_LOCK: Final = contract("IoReleaseCancelSpinLock")

DEEPEST_CANCEL: Final = 8
"""So many cancel routines run one inside the other on a stack; a further one is called when the last has returned."""


def acquire_cancel_spin_lock() -> int:
    """Acquire the lock; returns the IRQL to give to its release. Follows IoAcquireCancelSpinLock."""
    return io_manager.value.cancel_lock.acquire()


def release_cancel_spin_lock(irql: int) -> None:
    """Release the lock and return to `irql`; follows IoReleaseCancelSpinLock.

    A cancel routine passes `irp.cancel_irql`.
    """
    if type(irql) is not int:
        _RELEASE_CANCEL_SPIN_LOCK.check_arguments(irql)
    io_manager.value.cancel_lock.release(irql)


def cancel_irp(irp: Irp) -> bool:
    """Ask that a request be completed soon; follows IoCancelIrp. True when it had a cancel routine, which has run.

    The routine runs at DISPATCH_LEVEL with the cancel lock held and must release the lock with `irp.cancel_irql`
    (row CXL-02).
    """
    _CANCEL_IRP.check(irp)
    if not irp.type:
        refuse_use(irp, "IoCancelIrp was called for it")
    return cancel_request(irp)


def cancel_request(irp: Irp) -> bool:
    """Do as `cancel_irp` for the I/O manager itself; a request may end before the cancel lock is taken."""
    lock = io_manager.value.cancel_lock
    old_irql = lock.acquire()
    if not irp.type:
        lock.release(old_irql)
        return False
    irp.stored_cancel = True
    routine = irp.cancel_routine
    if routine is None:
        lock.release(old_irql)
        return False
    irp.cancel_routine = None
    irp.cancel_irql = old_irql
    device = irp.current_stack_location().device_object
    assert device is not None
    manager = io_manager.value
    nesting = current.processor.current_thread.nesting
    depth = nesting.cancels + 1
    if depth > DEEPEST_CANCEL:
        lock.release(old_irql)
        manager.later_cancels.setdefault(nesting, deque()).append((routine, device, irp))
        return True
    nesting.cancels = depth
    try:
        guard.call_driver(guard.CANCEL, device.driver_object, routine, device, irp)
        if depth == DEEPEST_CANCEL:
            _cancel_later(nesting)
    finally:
        nesting.cancels = depth - 1
    return True


def _cancel_later(nesting: Nesting) -> None:
    """Call the cancel routines whose calls would have been nested too deeply on a stack."""
    manager = io_manager.value
    queue = manager.later_cancels.get(nesting)
    while queue:
        routine, device, irp = queue.popleft()
        irp.cancel_irql = manager.cancel_lock.acquire()
        guard.call_driver(guard.CANCEL, device.driver_object, routine, device, irp)
    manager.later_cancels.pop(nesting, None)
