/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The interface of the store driver for programs: the device name, the control codes and the data for them. The twin
 * of interface.py, which says what each member means. */
#pragma once

#include <wdm.h>

#define DEVICE_NAME L"\\Device\\Store"
#define DOS_DEVICE_NAME L"\\DosDevices\\Store"

DEFINE_GUID(GUID_DEVINTERFACE_STORE, 0x6B3C0F52, 0x91D4, 0x4E0B, 0xA4, 0x17, 0x3F, 0x6E, 0x25, 0xC8, 0xD9, 0x01);

typedef enum _TRANSFER_MODE {
    ModePolled,
    ModeTimerPolled,
    ModeInterrupt,
    ModeDma,
    ModeMaximum
} TRANSFER_MODE;

/* Input: a TRANSFER_MODE as a ULONG. No output. */
#define IOCTL_STORE_SET_MODE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* Input: a STORE_TIMING. No output. */
#define IOCTL_STORE_SET_TIMING CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* No input. Output: a STORE_STATISTICS. */
#define IOCTL_STORE_GET_STATISTICS CTL_CODE(FILE_DEVICE_UNKNOWN, 0x802, METHOD_BUFFERED, FILE_ANY_ACCESS)
/* No input and no output: the device raises one interrupt, and the DPC for it completes the request. */
#define IOCTL_STORE_RAISE CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef struct _STORE_TIMING {
    ULONG AccessClocks;
    ULONG TimeoutMicroseconds;
} STORE_TIMING, *PSTORE_TIMING;

typedef struct _STORE_STATISTICS {
    ULONGLONG DeviceBytes;
    ULONG Requests;
    ULONG Interrupts;
    ULONG DataClocks;
    ULONG BusyClocks;
    ULONG Timeouts;
    ULONG Errors;
} STORE_STATISTICS, *PSTORE_STATISTICS;
