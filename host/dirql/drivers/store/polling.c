/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Transfers without interrupts: a DPC reads the status register and moves the data. */
#include "store.h"

/* The time after which a DPC that polls ends and queues itself again, so that other DPCs get their turn. */
#define POLL_SLICE_MICROSECONDS 50

static BOOLEAN Polls(TRANSFER_MODE Mode)
{
    return Mode == ModePolled || Mode == ModeTimerPolled;
}

/* Poll the device once, if the mode of the request is one that polls. */
static STORE_OUTCOME Poll(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    ULONG status;

    if (!Polls(Transfer->Mode)) {
        return StoreGoesOn;
    }
    if (IsCancelled(Transfer)) {
        ResetDevice(Extension);
        return StoreEnded(STATUS_CANCELLED, Transfer->Moved);
    }
    status = ReadRegister(Extension, STORE_STATUS);
    if (status == ALL_ONES) {
        return StoreEnded(STATUS_DEVICE_NOT_CONNECTED, Transfer->Moved);
    }
    if (status & STORE_STATUS_ERROR) {
        return ErrorOutcome(Extension, Transfer);
    }
    MoveFifo(Extension, Transfer, status);
    if ((status & STORE_STATUS_BUSY) || Transfer->Moved < Transfer->Length) {
        return StoreGoesOn;
    }
    return StoreEnded(STATUS_SUCCESS, Transfer->Length);
}

/* Poll the device for a slice of time, or once for each tick of the poll timer. */
VOID StorePollDpc(PKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    PDEVICE_OBJECT device = Context;
    PSTORE_EXTENSION extension = device->DeviceExtension;
    PSTORE_TRANSFER transfer = extension->Transfer;
    PIRP irp = transfer != NULL ? transfer->Irp : NULL;
    LARGE_INTEGER frequency, start = KeQueryPerformanceCounter(&frequency);
    LONGLONG sliceTicks = POLL_SLICE_MICROSECONDS * frequency.QuadPart / 1000000;

    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);
    while ((transfer = StoreAcquireDevice(extension, irp)) != NULL) {
        TRANSFER_MODE mode = transfer->Mode;
        ULONG number = transfer->Number;
        LARGE_INTEGER due;

        StoreReleaseDevice(device, transfer, Poll(extension, transfer));
        if (extension->Transfer != transfer || transfer->Number != number || !Polls(mode)) {
            return;
        }
        if (mode == ModeTimerPolled) {
            due.QuadPart = -POLL_PERIOD_100NS;
            KeSetTimer(&extension->PollTimer, due, &extension->PollDpc);
            return;
        }
        if (KeQueryPerformanceCounter(NULL).QuadPart - start.QuadPart > sliceTicks) {
            KeInsertQueueDpc(Dpc, NULL, NULL);
            return;
        }
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS);
    }
}
