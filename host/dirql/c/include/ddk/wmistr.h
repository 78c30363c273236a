/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Structures of WMI. */

#ifndef DIRQL_DDK_WMISTR_H
#define DIRQL_DDK_WMISTR_H

#include <wdm.h>

#define WMIREG_FLAG_EXPENSIVE 0x1
#define WMIREG_FLAG_INSTANCE_LIST 0x4
#define WMIREG_FLAG_INSTANCE_BASENAME 0x8
#define WMIREG_FLAG_INSTANCE_PDO 0x20
#define WMIREG_FLAG_REMOVE_GUID 0x10000
#define WMIREG_FLAG_EVENT_ONLY_GUID 0x40

typedef struct _WNODE_HEADER {
    ULONG BufferSize;
    ULONG ProviderId;
    union {
        ULONG64 HistoricalContext;
        struct {
            ULONG Version;
            ULONG Linkage;
        };
    };
    union {
        ULONG CountLost;
        HANDLE KernelHandle;
        LARGE_INTEGER TimeStamp;
    };
    GUID Guid;
    ULONG ClientContext;
    ULONG Flags;
} WNODE_HEADER, *PWNODE_HEADER;

C_ASSERT(sizeof(WNODE_HEADER) == 0x30);

#endif
