# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Routines that complete a request early: cancellation, the watchdog, the loss of the device."""

from __future__ import annotations

from dirql.drivers.store.device import reset_device
from dirql.drivers.store.extension import StoreExtension, Transfer
from dirql.drivers.store.ownership import (
    Outcome,
    StoreAcquireDevice,
    StoreCompleteRequest,
    StoreEndHeld,
    StoreReleaseDevice,
    StoreTakeHeld,
)
from dirql.registers import store as regs
from dirql.wdm import (
    CONTAINING_RECORD,
    DEVICE_OBJECT,
    FILE_OBJECT,
    IRP,
    KDPC,
    STATUS_CANCELLED,
    STATUS_DEVICE_REMOVED,
    STATUS_IO_TIMEOUT,
    WRITE_REGISTER_ULONG,
    IoAcquireCancelSpinLock,
    IoGetCurrentIrpStackLocation,
    IoReleaseCancelSpinLock,
    IoSetCancelRoutine,
    KeAcquireSpinLockAtDpcLevel,
    KeLowerIrql,
    KeQueryInterruptTime,
    KeRaiseIrqlToDpcLevel,
    KeReleaseSpinLockFromDpcLevel,
    KeRemoveEntryDeviceQueue,
)

__all__ = [
    "StoreCancelCurrent",
    "StoreCancelFile",
    "StoreCancelQueued",
    "StoreDeviceGone",
    "StoreTimeout",
]


def StoreCancelQueued(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Cancel routine of a queued request; called with the cancel spin lock held.

    If the request has just become current, StartIo sees `cancel` and completes it; else it leaves the queue here.
    """
    if irp is device.current_irp:
        IoReleaseCancelSpinLock(irp.cancel_irql)
        return
    KeRemoveEntryDeviceQueue(device.device_queue, irp.tail.overlay.device_queue_entry)
    IoReleaseCancelSpinLock(irp.cancel_irql)
    StoreCompleteRequest(device, irp, STATUS_CANCELLED)


def StoreCancelCurrent(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Cancel routine of the request that owns the device, or waits for D0; called with the cancel spin lock held."""
    IoReleaseCancelSpinLock(irp.cancel_irql)
    old_irql = KeRaiseIrqlToDpcLevel()
    if StoreTakeHeld(device.device_extension, irp):
        StoreEndHeld(device, irp, STATUS_CANCELLED)
    else:
        _cancel(device, irp)
    KeLowerIrql(old_irql)


def StoreCancelFile(device: DEVICE_OBJECT, file_object: FILE_OBJECT | None) -> None:
    """Cancel all requests of a file object: those in the queue, and the one that owns the device."""
    old_irql = IoAcquireCancelSpinLock()
    queued = [CONTAINING_RECORD(entry, IRP, "tail.overlay") for entry in device.device_queue.queued()]
    doomed = [irp for irp in queued if IoGetCurrentIrpStackLocation(irp).file_object is file_object]
    for irp in doomed:
        IoSetCancelRoutine(irp, None)
        KeRemoveEntryDeviceQueue(device.device_queue, irp.tail.overlay.device_queue_entry)
    IoReleaseCancelSpinLock(old_irql)
    for irp in doomed:
        StoreCompleteRequest(device, irp, STATUS_CANCELLED)

    old_irql = KeRaiseIrqlToDpcLevel()
    held = device.device_extension.held_irp
    is_held = held is not None and IoGetCurrentIrpStackLocation(held).file_object is file_object
    if is_held and StoreTakeHeld(device.device_extension, held):
        StoreEndHeld(device, held, STATUS_CANCELLED)
    current = _current_irp(device)
    if current is not None and IoGetCurrentIrpStackLocation(current).file_object is file_object:
        _cancel(device, current)
    KeLowerIrql(old_irql)


def _current_irp(device: DEVICE_OBJECT) -> IRP | None:
    """The request that owns the device now.

    Unless the caller holds the request lock, the answer may be out of date at once.
    """
    transfer: Transfer | None = device.device_extension.transfer
    return transfer.irp if transfer is not None else None


def _cancel(device: DEVICE_OBJECT, irp: IRP) -> None:
    """Tell the device to stop; the interrupt that follows, or a poll, completes the request."""
    extension: StoreExtension = device.device_extension
    transfer = StoreAcquireDevice(extension, irp)
    if transfer is None:
        return
    transfer.cancelled = True
    if extension.enabled_causes:
        registers = transfer.hardware.registers.address
        WRITE_REGISTER_ULONG(registers + regs.CONTROL.offset, regs.CONTROL.ABORT)
    StoreReleaseDevice(device, transfer, None)


def StoreTimeout(dpc: KDPC, device: DEVICE_OBJECT, argument1: object, argument2: object) -> None:
    """DPC of the watchdog: complete the request if it has taken too long. A late DPC finds another request."""
    del dpc, argument1, argument2
    extension: StoreExtension = device.device_extension
    transfer = StoreAcquireDevice(extension, _current_irp(device))
    if transfer is None:
        return
    outcome = None
    if KeQueryInterruptTime() >= transfer.deadline:
        extension.timeouts += 1
        reset_device(extension, transfer.hardware.registers, transfer.hardware.fifo)
        outcome = Outcome(STATUS_IO_TIMEOUT, transfer.moved)
    StoreReleaseDevice(device, transfer, outcome)


def StoreDeviceGone(device: DEVICE_OBJECT) -> None:
    """The device is no longer there: complete the request that owns it; StartIo completes those that wait."""
    extension: StoreExtension = device.device_extension
    old_irql = KeRaiseIrqlToDpcLevel()
    KeAcquireSpinLockAtDpcLevel(extension.request_lock)
    extension.hardware = None  # under the lock, so that StartIo gives the device to no request any more
    extension.gone = True
    extension.stopping = False
    irp = _current_irp(device)
    KeReleaseSpinLockFromDpcLevel(extension.request_lock)
    transfer = StoreAcquireDevice(extension, irp)
    if transfer is not None:
        # In case that the device is still there: it must not move data to memory that is given back.
        reset_device(extension, transfer.hardware.registers, transfer.hardware.fifo)
        StoreReleaseDevice(device, transfer, Outcome(STATUS_DEVICE_REMOVED))
    held = extension.held_irp
    if held is not None and StoreTakeHeld(extension, held):
        StoreEndHeld(device, held, STATUS_DEVICE_REMOVED)
    KeLowerIrql(old_irql)
