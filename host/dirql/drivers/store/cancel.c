/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Routines that complete a request early: cancellation, the watchdog, the loss of the device. */
#include "store.h"

/* Cancel routine of a queued request; called with the cancel spin lock held.
 *
 * If the request has just become current, StartIo sees Cancel and completes it; else it leaves the queue here. */
VOID StoreCancelQueued(PDEVICE_OBJECT Device, PIRP Irp)
{
    if (Irp == Device->CurrentIrp) {
        IoReleaseCancelSpinLock(Irp->CancelIrql);
        return;
    }
    KeRemoveEntryDeviceQueue(&Device->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry);
    IoReleaseCancelSpinLock(Irp->CancelIrql);
    StoreCompleteRequest(Device, Irp, STATUS_CANCELLED, 0);
}

/* The request that owns the device now.
 *
 * Unless the caller holds the request lock, the answer may be out of date at once. */
static PIRP CurrentIrp(PDEVICE_OBJECT Device)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PSTORE_TRANSFER transfer = extension->Transfer;

    return transfer != NULL ? transfer->Irp : NULL;
}

/* Tell the device to stop; the interrupt that follows, or a poll, completes the request. */
static VOID Cancel(PDEVICE_OBJECT Device, PIRP Irp)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PSTORE_TRANSFER transfer = StoreAcquireDevice(extension, Irp);

    if (transfer == NULL) {
        return;
    }
    transfer->Cancelled = TRUE;
    if (extension->EnabledCauses) {
        WriteRegister(extension, STORE_CONTROL, STORE_CONTROL_ABORT);
    }
    StoreReleaseDevice(Device, transfer, StoreGoesOn);
}

/* Cancel routine of the request that owns the device, or waits for D0; called with the cancel spin lock held. */
VOID StoreCancelCurrent(PDEVICE_OBJECT Device, PIRP Irp)
{
    KIRQL oldIrql;

    IoReleaseCancelSpinLock(Irp->CancelIrql);
    oldIrql = KeRaiseIrqlToDpcLevel();
    if (StoreTakeHeld(Device->DeviceExtension, Irp)) {
        StoreEndHeld(Device, Irp, STATUS_CANCELLED);
    } else {
        Cancel(Device, Irp);
    }
    KeLowerIrql(oldIrql);
}

static BOOLEAN IsOfFile(PIRP Irp, PFILE_OBJECT FileObject)
{
    return Irp != NULL && IoGetCurrentIrpStackLocation(Irp)->FileObject == FileObject;
}

/* Cancel all requests of a file object: those in the queue, and the one that owns the device. */
VOID StoreCancelFile(PDEVICE_OBJECT Device, PFILE_OBJECT FileObject)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PLIST_ENTRY head = &Device->DeviceQueue.DeviceListHead, entry, next;
    LIST_ENTRY doomed;
    PIRP irp;
    KIRQL oldIrql;

    InitializeListHead(&doomed);
    IoAcquireCancelSpinLock(&oldIrql);
    for (entry = head->Flink; entry != head; entry = next) {
        next = entry->Flink;
        irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.DeviceQueueEntry.DeviceListEntry);
        if (IsOfFile(irp, FileObject)) {
            IoSetCancelRoutine(irp, NULL);
            KeRemoveEntryDeviceQueue(&Device->DeviceQueue, &irp->Tail.Overlay.DeviceQueueEntry);
            InsertTailList(&doomed, &irp->Tail.Overlay.ListEntry);
        }
    }
    IoReleaseCancelSpinLock(oldIrql);
    while (!IsListEmpty(&doomed)) {
        irp = CONTAINING_RECORD(RemoveHeadList(&doomed), IRP, Tail.Overlay.ListEntry);
        StoreCompleteRequest(Device, irp, STATUS_CANCELLED, 0);
    }

    oldIrql = KeRaiseIrqlToDpcLevel();
    irp = extension->HeldIrp;
    if (IsOfFile(irp, FileObject) && StoreTakeHeld(extension, irp)) {
        StoreEndHeld(Device, irp, STATUS_CANCELLED);
    }
    irp = CurrentIrp(Device);
    if (IsOfFile(irp, FileObject)) {
        Cancel(Device, irp);
    }
    KeLowerIrql(oldIrql);
}

/* DPC of the watchdog: complete the request if it has taken too long. A late DPC finds another request. */
VOID StoreTimeout(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_OBJECT device = Context;
    PSTORE_EXTENSION extension = device->DeviceExtension;
    PSTORE_TRANSFER transfer = StoreAcquireDevice(extension, CurrentIrp(device));
    STORE_OUTCOME outcome = StoreGoesOn;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    if (transfer == NULL) {
        return;
    }
    if (KeQueryInterruptTime() >= transfer->Deadline) {
        extension->Timeouts++;
        ResetDevice(extension);
        outcome = StoreEnded(STATUS_IO_TIMEOUT, transfer->Moved);
    }
    StoreReleaseDevice(device, transfer, outcome);
}

/* The device is no longer there: complete the request that owns it; StartIo completes those that wait. */
VOID StoreDeviceGone(PDEVICE_OBJECT Device)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PSTORE_TRANSFER transfer;
    KIRQL oldIrql;
    PIRP irp;

    oldIrql = KeRaiseIrqlToDpcLevel();
    KeAcquireSpinLockAtDpcLevel(&extension->RequestLock);
    extension->HasHardware = FALSE; /* under the lock, so that StartIo gives the device to no request any more */
    extension->Gone = TRUE;
    extension->Stopping = FALSE;
    irp = CurrentIrp(Device);
    KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
    transfer = StoreAcquireDevice(extension, irp);
    if (transfer != NULL) {
        /* In case that the device is still there: it must not move data to memory that is given back. */
        ResetDevice(extension);
        StoreReleaseDevice(Device, transfer, StoreEnded(STATUS_DEVICE_REMOVED, 0));
    }
    irp = extension->HeldIrp;
    if (irp != NULL && StoreTakeHeld(extension, irp)) {
        StoreEndHeld(Device, irp, STATUS_DEVICE_REMOVED);
    }
    KeLowerIrql(oldIrql);
}
