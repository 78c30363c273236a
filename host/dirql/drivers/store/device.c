/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Routines that program the device: commands, causes of interrupts, the FIFO, errors, reset.
 *
 * The caller holds the request lock, or no other code can use the device yet. */
#include "store.h"

#define RESET_POLLS 1000 /* the number of polls of STATUS after which a device that is still busy counts as broken */

/* The status to report for each error of the device, the gravest error first. */
static const struct {
    ULONG Mask;
    NTSTATUS Status;
} ErrorStatus[] = {
    {STORE_ERROR_MASTER_ABORT | STORE_ERROR_TARGET_ABORT | STORE_ERROR_BUS_MASTER_DISABLED,
     STATUS_ADAPTER_HARDWARE_ERROR},
    {STORE_ERROR_PARITY | STORE_ERROR_FIFO_OVERRUN, STATUS_DEVICE_DATA_ERROR},
    {ALL_ONES, STATUS_DEVICE_PROTOCOL_ERROR},
};

/* The context of a routine that changes the causes under the interrupt's spin lock. */
typedef struct _CAUSES_CONTEXT {
    PSTORE_EXTENSION Extension;
    ULONG Wanted;
} CAUSES_CONTEXT, *PCAUSES_CONTEXT;

static KSYNCHRONIZE_ROUTINE EnableCauses;
static KSYNCHRONIZE_ROUTINE EnableMoreCauses;
static KSYNCHRONIZE_ROUTINE ForgetCauses;

ULONG ReadRegister(PSTORE_EXTENSION Extension, ULONG Offset)
{
    return READ_REGISTER_ULONG((PULONG)(Extension->Registers.Address + Offset));
}

VOID WriteRegister(PSTORE_EXTENSION Extension, ULONG Offset, ULONG Value)
{
    WRITE_REGISTER_ULONG((PULONG)(Extension->Registers.Address + Offset), Value);
}

/* Enable exactly the interrupt causes in Causes, then write the request's command; the device begins at once. */
VOID StartCommand(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, ULONG Causes)
{
    if (Causes != Extension->EnabledCauses) {
        CAUSES_CONTEXT context = {Extension, Causes};

        KeSynchronizeExecution(Extension->Interrupt, EnableCauses, &context);
    }
    if (Extension->Timing.AccessClocks != Extension->DeviceDelay) {
        Extension->DeviceDelay = Extension->Timing.AccessClocks;
        WriteRegister(Extension, STORE_DELAY, Extension->DeviceDelay);
    }
    WriteRegister(Extension, STORE_COMMAND, Transfer->Operation);
}

/* Let the device not interrupt. */
VOID MaskCauses(PSTORE_EXTENSION Extension)
{
    CAUSES_CONTEXT context = {Extension, 0};

    KeSynchronizeExecution(Extension->Interrupt, EnableCauses, &context);
}

/* Enable the wanted interrupt causes and no others; called with the interrupt's spin lock held. */
static BOOLEAN EnableCauses(PVOID Context)
{
    PSTORE_EXTENSION extension = ((PCAUSES_CONTEXT)Context)->Extension;
    ULONG wanted = ((PCAUSES_CONTEXT)Context)->Wanted;
    ULONG off = extension->EnabledCauses & ~wanted;
    ULONG on = wanted & ~extension->EnabledCauses;

    if (off) {
        WriteRegister(extension, STORE_INTERRUPT_MASK_CLEAR, off);
    }
    if (on) {
        /* Causes may still be set from earlier requests that polled. */
        WriteRegister(extension, STORE_INTERRUPT_CAUSE, CAUSES);
        WriteRegister(extension, STORE_INTERRUPT_MASK_SET, on);
    }
    extension->EnabledCauses = wanted;
    return TRUE;
}

/* Let the FIFO interrupt again; it does so at once if it needs service already. */
VOID UnmaskFifo(PSTORE_EXTENSION Extension)
{
    CAUSES_CONTEXT context = {Extension, STORE_INTERRUPT_CAUSE_FIFO};

    KeSynchronizeExecution(Extension->Interrupt, EnableMoreCauses, &context);
}

/* Enable the wanted interrupt causes besides the others; called with the interrupt's spin lock held. */
static BOOLEAN EnableMoreCauses(PVOID Context)
{
    PSTORE_EXTENSION extension = ((PCAUSES_CONTEXT)Context)->Extension;
    ULONG wanted = ((PCAUSES_CONTEXT)Context)->Wanted;

    extension->EnabledCauses |= wanted;
    WriteRegister(extension, STORE_INTERRUPT_MASK_SET, wanted);
    return TRUE;
}

/* Move all bytes that the FIFO takes or gives now; Status is the value of the status register. */
VOID MoveFifo(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, ULONG Status)
{
    PSTORE_FIFO_PORT fifo = &Extension->Fifo;
    ULONG level = (Status & STORE_STATUS_FIFO_LEVEL) >> STORE_STATUS_FIFO_LEVEL_SHIFT;
    ULONG available = 4 * (Transfer->Writing ? fifo->Dwords - level : level);
    ULONG left = Transfer->Length - Transfer->Moved;
    ULONG count = available < left ? available : left;
    PUCHAR address = Transfer->Buffer + Transfer->Moved;
    ULONG dwords = count / 4, tail = count % 4;

    if (count == 0) {
        return;
    }
    if (Transfer->Writing) {
        if (dwords) {
            WRITE_PORT_BUFFER_ULONG(fifo->Port, (PULONG)address, dwords);
        }
        if (tail) {
            RtlCopyMemory(fifo->Tail, address + 4 * dwords, tail);
            WRITE_PORT_BUFFER_ULONG(fifo->Port, fifo->Tail, 1);
        }
    } else {
        if (dwords) {
            READ_PORT_BUFFER_ULONG(fifo->Port, (PULONG)address, dwords);
        }
        if (tail) {
            READ_PORT_BUFFER_ULONG(fifo->Port, fifo->Tail, 1);
            RtlCopyMemory(address + 4 * dwords, fifo->Tail, tail);
        }
    }
    Transfer->Moved += count;
}

/* The outcome of a request for which the device reports an error; the device is reset for the next request.
 *
 * The outcome has the bytes that were moved before the error. */
STORE_OUTCOME ErrorOutcome(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer)
{
    ULONG error = ReadRegister(Extension, STORE_ERROR);
    ULONG moved = ReadRegister(Extension, STORE_TRANSFERRED);
    ULONG each = 0;

    while (!(error & ErrorStatus[each].Mask) && ErrorStatus[each].Mask != ALL_ONES) {
        each++;
    }
    Extension->Errors++;
    ResetDevice(Extension);
    return StoreEnded(ErrorStatus[each].Status, moved < Transfer->Length ? moved : Transfer->Length);
}

/* Stop the device, wait until it is idle, and write the registers that a reset clears.
 *
 * A device that does not become idle may still write to memory, so the scatter/gather list of the request is then
 * never put back. */
VOID ResetDevice(PSTORE_EXTENSION Extension)
{
    ULONG poll, status;

    WriteRegister(Extension, STORE_CONTROL, STORE_CONTROL_SOFT_RESET);
    Extension->DeviceIsQuiet = FALSE;
    for (poll = 0; poll < RESET_POLLS; poll++) {
        status = ReadRegister(Extension, STORE_STATUS);
        if (status == ALL_ONES || !(status & STORE_STATUS_BUSY)) {
            Extension->DeviceIsQuiet = TRUE;
            break;
        }
        KeStallExecutionProcessor(POLL_STALL_MICROSECONDS);
    }
    if (Extension->Interrupt != NULL) {
        KeSynchronizeExecution(Extension->Interrupt, ForgetCauses, Extension);
    }
    Extension->DeviceDelay = 0;
    WriteRegister(Extension, STORE_FIFO_THRESHOLD, Extension->Fifo.Dwords / 2);
    WriteRegister(Extension, STORE_INTERRUPT_CONTROL, Extension->InterruptControl);
}

/* Forget the causes of a request that ends; called with the interrupt's spin lock held. */
static BOOLEAN ForgetCauses(PVOID Context)
{
    PSTORE_EXTENSION extension = Context;

    extension->EnabledCauses = extension->LatchedCause = 0;
    return TRUE;
}

/* The device's counters of data clocks and busy clocks; those that were kept, if it is off, stopped or gone. */
STORE_CLOCKS StoreReadClocks(PSTORE_EXTENSION Extension)
{
    STORE_CLOCKS clocks;
    KIRQL oldIrql;

    KeAcquireSpinLock(&Extension->RequestLock, &oldIrql);
    clocks = Extension->KeptClocks;
    if (Extension->Powered && !Extension->Gone && Extension->Registers.Address != NULL) {
        clocks.Data = ReadRegister(Extension, STORE_DATA_CLOCKS);
        clocks.Busy = ReadRegister(Extension, STORE_BUSY_CLOCKS);
    }
    KeReleaseSpinLock(&Extension->RequestLock, oldIrql);
    return clocks;
}
