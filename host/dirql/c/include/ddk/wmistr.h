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
#define WMIREG_FLAG_TRACED_GUID 0x80000
#define WMIREG_FLAG_TRACE_CONTROL_GUID 0x1000
#define WMIREGISTER 0
#define WMIUPDATE 1

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

#define WNODE_FLAG_ALL_DATA 0x1
#define WNODE_FLAG_SINGLE_INSTANCE 0x2
#define WNODE_FLAG_SINGLE_ITEM 0x4
#define WNODE_FLAG_EVENT_ITEM 0x8
#define WNODE_FLAG_FIXED_INSTANCE_SIZE 0x10
#define WNODE_FLAG_TOO_SMALL 0x20
#define WNODE_FLAG_INSTANCES_SAME 0x40
#define WNODE_FLAG_STATIC_INSTANCE_NAMES 0x80
#define WNODE_FLAG_INTERNAL 0x100
#define WNODE_FLAG_USE_TIMESTAMP 0x200
#define WNODE_FLAG_EVENT_REFERENCE 0x2000
#define WNODE_FLAG_PDO_INSTANCE_NAMES 0x10000
#define WNODE_FLAG_METHOD_ITEM 0x8000
#define WNODE_FLAG_SEVERITY_MASK 0xff000000

typedef struct _OFFSETINSTANCEDATAANDLENGTH {
    ULONG OffsetInstanceData;
    ULONG LengthInstanceData;
} OFFSETINSTANCEDATAANDLENGTH, *POFFSETINSTANCEDATAANDLENGTH;

typedef struct _WNODE_ALL_DATA {
    WNODE_HEADER WnodeHeader;
    ULONG DataBlockOffset;
    ULONG InstanceCount;
    ULONG OffsetInstanceNameOffsets;
    union {
        ULONG FixedInstanceSize;
        OFFSETINSTANCEDATAANDLENGTH OffsetInstanceDataAndLength[1];
    };
} WNODE_ALL_DATA, *PWNODE_ALL_DATA;

typedef struct _WNODE_SINGLE_INSTANCE {
    WNODE_HEADER WnodeHeader;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG DataBlockOffset;
    ULONG SizeDataBlock;
    UCHAR VariableData[];
} WNODE_SINGLE_INSTANCE, *PWNODE_SINGLE_INSTANCE;

typedef struct _WNODE_SINGLE_ITEM {
    WNODE_HEADER WnodeHeader;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG ItemId;
    ULONG DataBlockOffset;
    ULONG SizeDataItem;
    UCHAR VariableData[];
} WNODE_SINGLE_ITEM, *PWNODE_SINGLE_ITEM;

typedef struct _WNODE_METHOD_ITEM {
    WNODE_HEADER WnodeHeader;
    ULONG OffsetInstanceName;
    ULONG InstanceIndex;
    ULONG MethodId;
    ULONG DataBlockOffset;
    ULONG SizeDataBlock;
    UCHAR VariableData[];
} WNODE_METHOD_ITEM, *PWNODE_METHOD_ITEM;

typedef struct _WNODE_EVENT_ITEM {
    WNODE_HEADER WnodeHeader;
} WNODE_EVENT_ITEM, *PWNODE_EVENT_ITEM;

typedef struct _WNODE_TOO_SMALL {
    WNODE_HEADER WnodeHeader;
    ULONG SizeNeeded;
} WNODE_TOO_SMALL, *PWNODE_TOO_SMALL;

typedef struct _WMIREGGUIDW {
    GUID Guid;
    ULONG Flags;
    ULONG InstanceCount;
    union {
        ULONG InstanceNameList;
        ULONG BaseNameOffset;
        ULONG_PTR Pdo;
        ULONG_PTR InstanceInfo;
    };
} WMIREGGUIDW, *PWMIREGGUIDW, WMIREGGUID, *PWMIREGGUID;

typedef struct _WMIREGINFOW {
    ULONG BufferSize;
    ULONG NextWmiRegInfo;
    ULONG RegistryPath;
    ULONG MofResourceName;
    ULONG GuidCount;
    WMIREGGUIDW WmiRegGuid[];
} WMIREGINFOW, *PWMIREGINFOW, WMIREGINFO, *PWMIREGINFO;

C_ASSERT(sizeof(WNODE_SINGLE_INSTANCE) == 0x40 && sizeof(WMIREGGUIDW) == 0x20 && sizeof(WMIREGINFOW) == 0x18);

#endif
