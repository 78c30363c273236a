# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Who has the device: one request at a time, from StartIo to its completion (`extension.request`).

Whoever does something for a request, be it StartIo, the DPC, a poll, the watchdog or a cancel, does so in `attend`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from dirql.drivers.store.interface import TransferMode
from dirql.wdm import (
    IO_NO_INCREMENT,
    IoAcquireCancelSpinLock,
    IoCompleteRequest,
    IoReleaseCancelSpinLock,
    IoReleaseRemoveLock,
    IoSetCancelRoutine,
    IoStartNextPacket,
    KeAcquireSpinLockAtDpcLevel,
    KeCancelTimer,
    KeReleaseSpinLockFromDpcLevel,
)

if TYPE_CHECKING:
    from dirql.drivers.store.extension import StoreExtension
    from dirql.wdm import DEVICE_OBJECT, IRP

__all__ = ["Outcome", "attend", "finish", "is_cancelled"]


class Outcome(NamedTuple):
    """How a request ends."""

    status: int
    information: int = 0


def attend(
    device: DEVICE_OBJECT,
    irp: IRP | None,
    work: Callable[[StoreExtension, int], Outcome | None],
    argument: int = 0,
) -> bool:
    """Do `work(extension, argument)` for `irp` if it still owns the device, and end it if there is an outcome.

    At DISPATCH_LEVEL. Whatever touches the device or a request's progress goes through here, under the request lock:
    StartIo, the DPC, a poll, the watchdog and a cancel can meet on different processors, and each may find that the
    request that it came for has ended and another one has the device. Returns whether `irp` owned the device.
    """
    extension = device.device_extension
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    owned = irp is not None and extension.request is irp
    outcome = work(extension, argument) if owned else None
    if outcome is not None:
        extension.request = None
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    if irp is not None and outcome is not None:
        _conclude(device, extension, irp, outcome)
    return owned


def _conclude(device: DEVICE_OBJECT, extension: StoreExtension, irp: IRP, outcome: Outcome) -> None:
    """Complete the request that has just lost the device, and start the next.

    A DPC of a timer that expired meanwhile may still be queued; it finds another request, or none, and leaves it alone.
    """
    KeCancelTimer(extension.watchdog)
    if extension.request_mode is TransferMode.TIMER_POLLED:
        KeCancelTimer(extension.poll_timer)
    old_irql = IoAcquireCancelSpinLock()
    IoSetCancelRoutine(irp, None)
    IoReleaseCancelSpinLock(old_irql)
    if extension.scatter_gather is not None and extension.quiet:
        adapter = extension.dma_adapter
        adapter.dma_operations.put_scatter_gather_list(adapter, extension.scatter_gather, extension.writing)
        extension.scatter_gather = None
    finish(device, irp, outcome.status, outcome.information)
    IoStartNextPacket(device, True)


def finish(device: DEVICE_OBJECT, irp: IRP, status: int, information: int) -> None:
    """Complete a request that holds the remove lock."""
    irp.io_status.status = status
    irp.io_status.information = information
    IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)


def is_cancelled(extension: StoreExtension) -> bool:
    """Whether nobody wants the request any more that owns the device; for `work`, under the request lock."""
    return extension.abandoned or (extension.request is not None and extension.request.cancel)
