# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The owner of the device: one request at a time, from StartIo to completion (`extension.transfer`).

StartIo, the DPC, a poll, the watchdog and a cancel routine can run at the same time on different processors. Each may
find that its request is completed already and another one has the device. So each of them calls `StoreAcquireDevice`,
works for the request if the request still owns the device, and ends with `StoreReleaseDevice`.
"""

from __future__ import annotations

from typing import NamedTuple

from dirql.drivers.store.extension import StoreExtension, Transfer
from dirql.drivers.store.interface import TransferMode
from dirql.wdm import (
    DEVICE_OBJECT,
    IO_NO_INCREMENT,
    IRP,
    IoAcquireCancelSpinLock,
    IoCompleteRequest,
    IoReleaseCancelSpinLock,
    IoReleaseRemoveLock,
    IoSetCancelRoutine,
    IoStartNextPacket,
    KeAcquireSpinLockAtDpcLevel,
    KeCancelTimer,
    KeInsertQueueDpc,
    KeReleaseSpinLockFromDpcLevel,
    KeSetEvent,
)

__all__ = [
    "Outcome",
    "StoreAcquireDevice",
    "StoreCompleteRequest",
    "StoreEndHeld",
    "StoreReleaseDevice",
    "StoreTakeHeld",
    "is_cancelled",
]


class Outcome(NamedTuple):
    """The I/O status of a request that is to be completed."""

    status: int
    information: int = 0


def StoreAcquireDevice(extension: StoreExtension, irp: IRP | None) -> Transfer | None:
    """Acquire the request lock for `irp`, at DISPATCH_LEVEL.

    Returns the transfer, with the lock held, if `irp` owns the device. Returns None, without the lock, if it does not.
    """
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    transfer = extension.transfer
    if transfer is not None and transfer.irp is irp:
        return transfer
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    return None


def StoreReleaseDevice(device: DEVICE_OBJECT, transfer: Transfer, outcome: Outcome | None) -> None:
    """Release the request lock; with an outcome, complete the request and start the next one."""
    extension: StoreExtension = device.device_extension
    if outcome is None:
        KeReleaseSpinLockFromDpcLevel(extension.request_lock)
        return
    extension.transfer = None
    power_irp, extension.power_irp = extension.power_irp, None
    stopping = extension.stopping
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    # A DPC of a timer that expired meanwhile may still be queued. It finds another request, or none, and returns.
    KeCancelTimer(extension.watchdog)
    if transfer.mode is TransferMode.TIMER_POLLED:
        KeCancelTimer(extension.poll_timer)
    old_irql = IoAcquireCancelSpinLock()
    IoSetCancelRoutine(transfer.irp, None)
    IoReleaseCancelSpinLock(old_irql)
    if transfer.scatter_gather is not None and extension.device_is_quiet:
        assert transfer.hardware.dma is not None
        adapter = transfer.hardware.dma.adapter
        adapter.dma_operations.put_scatter_gather_list(adapter, transfer.scatter_gather, transfer.writing)
    StoreCompleteRequest(device, transfer.irp, outcome.status, outcome.information)
    IoStartNextPacket(device, True)
    if power_irp is not None:
        KeInsertQueueDpc(extension.power_dpc, power_irp, None)
    if stopping:
        KeSetEvent(extension.quiet, IO_NO_INCREMENT, False)


def StoreTakeHeld(extension: StoreExtension, irp: IRP | None) -> bool:
    """Take `irp` if it is the request that waits for the device to come back, at DISPATCH_LEVEL."""
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    is_held = irp is not None and extension.held_irp is irp
    if is_held:
        extension.held_irp = None
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    return is_held


def StoreEndHeld(device: DEVICE_OBJECT, irp: IRP, status: int) -> None:
    """Complete the current request, which is not in the device, and let the next one come."""
    old_irql = IoAcquireCancelSpinLock()
    IoSetCancelRoutine(irp, None)
    IoReleaseCancelSpinLock(old_irql)
    StoreCompleteRequest(device, irp, status)
    IoStartNextPacket(device, True)


def StoreCompleteRequest(device: DEVICE_OBJECT, irp: IRP, status: int, information: int = 0) -> None:
    """Complete a request that holds the remove lock."""
    irp.io_status.status = status
    irp.io_status.information = information
    IoReleaseRemoveLock(device.device_extension.remove_lock, irp)
    IoCompleteRequest(irp, IO_NO_INCREMENT)


def is_cancelled(transfer: Transfer) -> bool:
    """Whether the program does not want the request any more. The caller holds the request lock."""
    return transfer.cancelled or transfer.irp.cancel
