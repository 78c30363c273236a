/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The interrupt path: the ISR acknowledges the device, the DPC moves data and completes the request. */
#include "store.h"

static KSYNCHRONIZE_ROUTINE TakeCause;

/* Acknowledge the device and ask for the DPC; return FALSE if the interrupt is another device's.
 *
 * The causes are cleared before the end of interrupt, or a level-sensitive line would interrupt again. The cause FIFO
 * is set again as long as the FIFO needs service, so it is masked here, and unmasked when the DPC has moved data.
 * Registers of a device that is gone read as all ones; such an interrupt is not claimed either. */
BOOLEAN StoreInterruptService(PKINTERRUPT Interrupt, PVOID Context)
{
    PDEVICE_OBJECT device = Context;
    PSTORE_EXTENSION extension = device->DeviceExtension;
    ULONG cause;

    UNREFERENCED_PARAMETER(Interrupt);
    if (extension->Registers.Address == NULL) {
        return FALSE;
    }
    cause = ReadRegister(extension, STORE_INTERRUPT_CAUSE);
    if ((cause & ~CAUSES) || !(cause & extension->EnabledCauses)) {
        return FALSE;
    }
    if (cause & STORE_INTERRUPT_CAUSE_FIFO & extension->EnabledCauses) {
        WriteRegister(extension, STORE_INTERRUPT_MASK_CLEAR, STORE_INTERRUPT_CAUSE_FIFO);
        extension->EnabledCauses &= ~STORE_INTERRUPT_CAUSE_FIFO;
    }
    WriteRegister(extension, STORE_INTERRUPT_CAUSE, cause);
    extension->LatchedCause |= cause;
    extension->Interrupts++;
    IoRequestDpc(device, device->CurrentIrp, NULL);
    return TRUE;
}

/* Take the latched causes, and the request to which they belong; called with the interrupt's spin lock held. */
static BOOLEAN TakeCause(PVOID Context)
{
    PSTORE_EXTENSION extension = Context;

    extension->TakenCause = extension->LatchedCause;
    extension->LatchedCause = 0;
    extension->TakenIrp = extension->Transfer != NULL ? extension->Transfer->Irp : NULL;
    return TRUE;
}

/* Continue programmed I/O. The request can be completed when the device is ready and all data has left the FIFO. */
static STORE_OUTCOME Advance(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, ULONG Cause)
{
    if (Cause & STORE_INTERRUPT_CAUSE_DONE) {
        Transfer->DeviceIsReady = TRUE;
    }
    if (Transfer->ScatterGather != NULL) {
        Transfer->Moved = Transfer->Length;
    } else if (Transfer->Moved < Transfer->Length) {
        MoveFifo(Extension, Transfer, ReadRegister(Extension, STORE_STATUS));
    }
    if (Transfer->Moved < Transfer->Length) {
        UnmaskFifo(Extension);
    } else if (Transfer->DeviceIsReady) {
        return StoreEnded(STATUS_SUCCESS, Transfer->Length);
    }
    return StoreGoesOn;
}

static STORE_OUTCOME Serve(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, ULONG Cause)
{
    if (Cause & STORE_INTERRUPT_CAUSE_ERROR) {
        return ErrorOutcome(Extension, Transfer);
    }
    if (Cause & STORE_INTERRUPT_CAUSE_ABORTED) {
        ULONG moved = ReadRegister(Extension, STORE_TRANSFERRED);

        return StoreEnded(STATUS_CANCELLED, moved < Transfer->Length ? moved : Transfer->Length);
    }
    if (Cause & STORE_INTERRUPT_CAUSE_RAISED) {
        return StoreEnded(STATUS_SUCCESS, 0);
    }
    return Advance(Extension, Transfer, Cause);
}

/* Serve the causes of the interrupt: move data, or complete the request. */
VOID StoreDpcForIsr(PKDPC Dpc, PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    PSTORE_EXTENSION extension = Device->DeviceExtension;
    PSTORE_TRANSFER transfer;
    ULONG cause;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Irp);
    UNREFERENCED_PARAMETER(Context);
    if (extension->Interrupt == NULL) {
        return;
    }
    KeSynchronizeExecution(extension->Interrupt, TakeCause, extension);
    cause = extension->TakenCause;
    if (cause && (transfer = StoreAcquireDevice(extension, extension->TakenIrp)) != NULL) {
        StoreReleaseDevice(Device, transfer, Serve(extension, transfer, cause));
    }
}
