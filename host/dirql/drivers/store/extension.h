/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The device extension and the records in it, grouped by the lock that guards them. The twin of extension.py, which
 * says what each member means. */
#pragma once

#include "interface.h"
#include "power_policy.h"

#define DEFAULT_ACCESS_CLOCKS 0
#define DEFAULT_TIMEOUT_MICROSECONDS 1000000

typedef struct _STORE_REGISTERS {
    PUCHAR Address; /* NULL while the driver does not have them */
    ULONG Length;
} STORE_REGISTERS, *PSTORE_REGISTERS;

typedef struct _STORE_FIFO_PORT {
    PULONG Port;
    ULONG Dwords;
    PULONG Tail; /* NULL while the driver does not have it */
} STORE_FIFO_PORT, *PSTORE_FIFO_PORT;

typedef struct _STORE_DMA {
    PDMA_ADAPTER Adapter; /* NULL while the driver does not have it */
    PULONG Descriptors;
    PHYSICAL_ADDRESS DescriptorsLogical;
} STORE_DMA, *PSTORE_DMA;

typedef struct _STORE_CLOCKS {
    ULONG Data;
    ULONG Busy;
} STORE_CLOCKS, *PSTORE_CLOCKS;

/* The request that owns the device, and how far it has come. Guarded by the request lock. */
typedef struct _STORE_TRANSFER {
    /* Python has a new object for each request. Here memory is used again, when the request has ended and no
     * scatter/gather list is to come for it any more; the number tells requests apart. */
    SINGLE_LIST_ENTRY Free;
    ULONG Number;
    BOOLEAN AwaitsList;

    PIRP Irp;
    TRANSFER_MODE Mode;
    ULONG Operation;
    ULONGLONG Deadline;
    BOOLEAN Writing;
    ULONG Length;
    ULONG Offset;
    PUCHAR Buffer;
    ULONG Moved;
    PSCATTER_GATHER_LIST ScatterGather;
    BOOLEAN DeviceIsReady;
    BOOLEAN Cancelled;
} STORE_TRANSFER, *PSTORE_TRANSFER;

typedef struct _STORE_EXTENSION {
    /* Set when the device is added and when it starts, constant until it is removed. */
    POLICY_OWNER Owner;
    ULONG Number;
    UNICODE_STRING InterfaceName;
    LONG SpecialFiles;
    ULONG DeviceBytes;
    ULONG InterruptControl;

    /* The resources that must be given back. */
    STORE_REGISTERS Registers;
    STORE_FIFO_PORT Fifo;
    STORE_DMA Dma;
    PKINTERRUPT Interrupt;

    BOOLEAN HasHardware; /* requests may use the resources */
    BOOLEAN Gone;

    /* Guarded by the interrupt spin lock. */
    ULONG LatchedCause;
    ULONG TakenCause;
    PIRP TakenIrp;
    ULONG EnabledCauses;
    ULONG Interrupts;

    /* Guarded by the request lock. */
    KSPIN_LOCK RequestLock;
    PSTORE_TRANSFER Transfer;
    SINGLE_LIST_ENTRY FreeTransfers;
    STORE_TRANSFER FirstTransfer;
    BOOLEAN DeviceIsQuiet;
    ULONG DeviceDelay;
    KTIMER Watchdog;
    KDPC WatchdogDpc;
    KTIMER PollTimer;
    KDPC PollDpc;

    BOOLEAN Powered;
    BOOLEAN Stopping;
    PIRP HeldIrp;
    KEVENT Quiet;
    PIRP PowerIrp;
    KDPC PowerDpc;
    STORE_CLOCKS KeptClocks;

    /* Set by control codes, read when a request starts. */
    TRANSFER_MODE Mode;
    STORE_TIMING Timing;

    /* Counters, for IOCTL_STORE_GET_STATISTICS. */
    ULONG Requests;
    ULONG Timeouts;
    ULONG Errors;
} STORE_EXTENSION, *PSTORE_EXTENSION;
