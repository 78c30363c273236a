/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The owner of the device: one request at a time, from StartIo to completion (Extension->Transfer).
 *
 * StartIo, the DPC, a poll, the watchdog and a cancel routine can run at the same time on different processors. Each
 * may find that its request is completed already and another one has the device. So each of them calls
 * StoreAcquireDevice, works for the request if the request still owns the device, and ends with StoreReleaseDevice. */
#include "store.h"

const STORE_OUTCOME StoreGoesOn = {FALSE, 0, 0};

STORE_OUTCOME StoreEnded(NTSTATUS Status, ULONG_PTR Information)
{
    STORE_OUTCOME outcome = {TRUE, Status, Information};

    return outcome;
}

/* Acquire the request lock for Irp, at DISPATCH_LEVEL.
 *
 * Returns the transfer, with the lock held, if Irp owns the device. Returns NULL, without the lock, if it does not. */
PSTORE_TRANSFER StoreAcquireDevice(PSTORE_EXTENSION Extension, PIRP Irp)
{
    PSTORE_TRANSFER transfer;

    KeAcquireSpinLockAtDpcLevel(&Extension->RequestLock);
    transfer = Extension->Transfer;
    if (transfer != NULL && transfer->Irp == Irp) {
        return transfer;
    }
    KeReleaseSpinLockFromDpcLevel(&Extension->RequestLock);
    return NULL;
}

/* Acquire the request lock for a transfer for which a scatter/gather list was asked, at DISPATCH_LEVEL.
 *
 * Returns whether the transfer owns the device still, with the lock held if it does. */
BOOLEAN StoreOwnsDevice(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    KeAcquireSpinLockAtDpcLevel(&Extension->RequestLock);
    Transfer->AwaitsList = FALSE;
    if (Extension->Transfer == Transfer) {
        return TRUE;
    }
    StoreFreeTransfer(Extension, Transfer);
    KeReleaseSpinLockFromDpcLevel(&Extension->RequestLock);
    return FALSE;
}

/* Release the request lock; with an outcome, complete the request and start the next one. */
VOID StoreReleaseDevice(PDEVICE_OBJECT Device, PSTORE_TRANSFER Transfer, STORE_OUTCOME Outcome)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PSCATTER_GATHER_LIST list = Transfer->ScatterGather;
    TRANSFER_MODE mode = Transfer->Mode;
    BOOLEAN writing = Transfer->Writing;
    PIRP irp = Transfer->Irp, powerIrp;
    BOOLEAN stopping;
    KIRQL oldIrql;

    if (!Outcome.HasEnded) {
        KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
        return;
    }
    extension->Transfer = NULL;
    StoreFreeTransfer(extension, Transfer);
    powerIrp = extension->PowerIrp;
    extension->PowerIrp = NULL;
    stopping = extension->Stopping;
    KeReleaseSpinLockFromDpcLevel(&extension->RequestLock);
    /* A DPC of a timer that expired meanwhile may still be queued. It finds another request, or none, and returns. */
    KeCancelTimer(&extension->Watchdog);
    if (mode == ModeTimerPolled) {
        KeCancelTimer(&extension->PollTimer);
    }
    IoAcquireCancelSpinLock(&oldIrql);
    IoSetCancelRoutine(irp, NULL);
    IoReleaseCancelSpinLock(oldIrql);
    if (list != NULL && extension->DeviceIsQuiet) {
        PDMA_ADAPTER adapter = extension->Dma.Adapter;

        adapter->DmaOperations->PutScatterGatherList(adapter, list, writing);
    }
    StoreCompleteRequest(Device, irp, Outcome.Status, Outcome.Information);
    IoStartNextPacket(Device, TRUE);
    if (powerIrp != NULL) {
        KeInsertQueueDpc(&extension->PowerDpc, powerIrp, NULL);
    }
    if (stopping) {
        KeSetEvent(&extension->Quiet, IO_NO_INCREMENT, FALSE);
    }
}

/* Take Irp if it is the request that waits for the device to come back, at DISPATCH_LEVEL. */
BOOLEAN StoreTakeHeld(PSTORE_EXTENSION Extension, PIRP Irp)
{
    BOOLEAN isHeld;

    KeAcquireSpinLockAtDpcLevel(&Extension->RequestLock);
    isHeld = Irp != NULL && Extension->HeldIrp == Irp;
    if (isHeld) {
        Extension->HeldIrp = NULL;
    }
    KeReleaseSpinLockFromDpcLevel(&Extension->RequestLock);
    return isHeld;
}

/* Complete the current request, which is not in the device, and let the next one come. */
VOID StoreEndHeld(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status)
{
    KIRQL oldIrql;

    IoAcquireCancelSpinLock(&oldIrql);
    IoSetCancelRoutine(Irp, NULL);
    IoReleaseCancelSpinLock(oldIrql);
    StoreCompleteRequest(Device, Irp, Status, 0);
    IoStartNextPacket(Device, TRUE);
}

/* Complete a request that holds the remove lock. */
VOID StoreCompleteRequest(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;

    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoReleaseRemoveLock(&extension->Owner.RemoveLock, Irp);
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
}

/* Whether the program does not want the request any more. The caller holds the request lock. */
BOOLEAN IsCancelled(PSTORE_TRANSFER Transfer)
{
    return Transfer->Cancelled || Transfer->Irp->Cancel;
}

/* Memory for a transfer; NULL if there is none. The caller holds the request lock. */
PSTORE_TRANSFER StoreTakeTransfer(PSTORE_EXTENSION Extension)
{
    PSINGLE_LIST_ENTRY entry = PopEntryList(&Extension->FreeTransfers);
    PSTORE_TRANSFER transfer;

    if (entry == NULL) { /* transfers whose requests were cancelled still wait for map registers */
        transfer = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(STORE_TRANSFER), STORE_TAG);
    } else {
        transfer = CONTAINING_RECORD(entry, STORE_TRANSFER, Free);
        RtlZeroMemory(transfer, sizeof(*transfer));
    }
    return transfer;
}

/* Give the memory of a transfer back, unless a scatter/gather list is to come. The caller holds the request lock. */
VOID StoreFreeTransfer(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    if (!Transfer->AwaitsList) {
        PushEntryList(&Extension->FreeTransfers, &Transfer->Free);
    }
}
