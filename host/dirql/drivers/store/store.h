/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The routines of the store driver that more than one file calls. */
#pragma once

#include "extension.h"
#include <registers/store.h>
#include <registers/store_descriptor.h>

#define STORE_TAG 'rotS'

/* driver.c */
DRIVER_DISPATCH StoreQueue;

/* ownership.c */
typedef struct _STORE_OUTCOME {
    BOOLEAN HasEnded; /* FALSE stands for no outcome: the request goes on */
    NTSTATUS Status;
    ULONG_PTR Information;
} STORE_OUTCOME;

extern const STORE_OUTCOME StoreGoesOn;
STORE_OUTCOME StoreEnded(NTSTATUS Status, ULONG_PTR Information);
PSTORE_TRANSFER StoreAcquireDevice(PSTORE_EXTENSION Extension, PIRP Irp);
BOOLEAN StoreOwnsDevice(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer);
VOID StoreReleaseDevice(PDEVICE_OBJECT Device, PSTORE_TRANSFER Transfer, STORE_OUTCOME Outcome);
BOOLEAN StoreTakeHeld(PSTORE_EXTENSION Extension, PIRP Irp);
VOID StoreEndHeld(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status);
VOID StoreCompleteRequest(PDEVICE_OBJECT Device, PIRP Irp, NTSTATUS Status, ULONG_PTR Information);
BOOLEAN IsCancelled(PSTORE_TRANSFER Transfer);
PSTORE_TRANSFER StoreTakeTransfer(PSTORE_EXTENSION Extension);
VOID StoreFreeTransfer(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer);

/* device.c */
#define ALL_ONES 0xFFFFFFFF /* the value of a register that is read when no device answers */
#define CAUSES                                                                                                \
    (STORE_INTERRUPT_CAUSE_DONE | STORE_INTERRUPT_CAUSE_FIFO | STORE_INTERRUPT_CAUSE_ERROR |                  \
     STORE_INTERRUPT_CAUSE_ABORTED | STORE_INTERRUPT_CAUSE_RAISED)
#define POLL_STALL_MICROSECONDS 1

ULONG ReadRegister(PSTORE_EXTENSION Extension, ULONG Offset);
VOID WriteRegister(PSTORE_EXTENSION Extension, ULONG Offset, ULONG Value);
VOID StartCommand(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, ULONG Causes);
VOID MaskCauses(PSTORE_EXTENSION Extension);
VOID UnmaskFifo(PSTORE_EXTENSION Extension);
VOID MoveFifo(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer, ULONG Status);
STORE_OUTCOME ErrorOutcome(PSTORE_EXTENSION Extension, PSTORE_TRANSFER Transfer);
VOID ResetDevice(PSTORE_EXTENSION Extension);
STORE_CLOCKS StoreReadClocks(PSTORE_EXTENSION Extension);

/* transfer.c */
DRIVER_STARTIO StoreStartIo;

/* interrupt.c */
KSERVICE_ROUTINE StoreInterruptService;
IO_DPC_ROUTINE StoreDpcForIsr;

/* polling.c */
#define POLL_PERIOD_100NS 200
KDEFERRED_ROUTINE StorePollDpc;

/* cancel.c */
DRIVER_CANCEL StoreCancelQueued;
DRIVER_CANCEL StoreCancelCurrent;
VOID StoreCancelFile(PDEVICE_OBJECT Device, PFILE_OBJECT FileObject);
KDEFERRED_ROUTINE StoreTimeout;
VOID StoreDeviceGone(PDEVICE_OBJECT Device);

/* stopping.c */
VOID StoreHoldRequests(PDEVICE_OBJECT Device);
VOID StoreGoOn(PDEVICE_OBJECT Device);

/* power.c */
DRIVER_DISPATCH StorePower;
KDEFERRED_ROUTINE StoreGoDownDpc;

/* plugplay.c */
DRIVER_DISPATCH StorePnp;
VOID StoreDeleteDevice(PDEVICE_OBJECT Device);
VOID StoreName(PUNICODE_STRING Name, PCWSTR Beginning, ULONG Number);
#define NAME_CHARACTERS 32
