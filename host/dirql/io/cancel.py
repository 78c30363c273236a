# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The cancel spin lock, which guards the cancel routines of all requests of the machine (rows CXL-01 … CXL-03)."""

from __future__ import annotations

from dirql.io import current

__all__ = ["acquire_cancel_spin_lock", "release_cancel_spin_lock"]


def acquire_cancel_spin_lock() -> int:
    """Take the lock; returns the IRQL to give back when releasing it. Follows IoAcquireCancelSpinLock."""
    return current.manager.cancel_lock.acquire()


def release_cancel_spin_lock(irql: int) -> None:
    """Let the lock go and return to `irql`, in a cancel routine `irp.cancel_irql`; follows IoReleaseCancelSpinLock."""
    current.manager.cancel_lock.release(irql)
