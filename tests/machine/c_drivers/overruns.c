// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Touches a byte too many, in one of several ways, for the address sanitizer; the last digit of the service's name says in which.
#include <ntddk.h>

static UCHAR table[10];

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
}

static ULONG Raise(volatile ULONG place)
{
    UCHAR large[200];

    large[place] = 1;
    ExRaiseStatus(STATUS_DATA_ERROR);
    return large[0];
}

/* Uses the stack whose frames a handler has dropped. */
static UCHAR Again(UCHAR fill)
{
    UCHAR all[300];

    RtlFillMemory(all, sizeof all, fill);
    return all[299];
}

static VOID Right(volatile ULONG count)
{
    PUCHAR block = ExAllocatePoolWithTag(NonPagedPool, 13, 'kcoB');
    UNICODE_STRING text;
    UCHAR last = 0;

    __try {
        Raise(count);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        last = Again(7);
    }
    RtlInitUnicodeString(&text, L"right");
    RtlZeroMemory(block, 13);
    table[count - 7] = last;
    block[count - 4] = table[count - 7];
    DbgPrint("%wZ %d", &text, block[12]);
    ExFreePool(block);
}

static VOID Wrong(ULONG place, volatile ULONG count)
{
    PUCHAR block = ExAllocatePoolWithTag(NonPagedPool, 13, 'kcoB'), inner = NULL;
    UCHAR local[16];

    switch (place) {
    case 0:
        ExFreePool(block);
        break;
    case 1:
        for (ULONG each = 0; each <= count; each++) {
            local[each] = 0; // place 1
        }
        break;
    case 2:
        RtlZeroMemory(local, count + 1); // place 2
        break;
    case 3:
        table[count - 6] = 1; // place 3
        break;
    case 4:
        table[0] = block[count - 3]; // place 4
        break;
    case 5:
        block[(LONG)count - 17] = 1; // place 5
        break;
    case 6:
        ExFreePool(block);
        block[0] = 1; // place 6
        break;
    case 7:
        RtlMoveMemory(local, block, count); // place 7
        break;
    case 8: {
        UCHAR shorter[8];

        inner = shorter;
        shorter[0] = 1;
    }
        inner[0] = 1; // place 8
        break;
    }
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    DriverObject->DriverUnload = Unload;
    Right(16);
    Wrong(RegistryPath->Buffer[RegistryPath->Length / sizeof(WCHAR) - 1] - L'0', 16);
    return STATUS_SUCCESS;
}
