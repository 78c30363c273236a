// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// A driver whose pageable code runs at DISPATCH_LEVEL, with its section locked or not, as DriverEntry's path says.
#include <ntddk.h>

typedef enum _DEVICE_TYPE {
    DEVICE_TYPE_FILTER = 1,
    DEVICE_TYPE_CONTROL
} DEVICE_TYPE;

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DEVICE_TYPE Type = DEVICE_TYPE_CONTROL;

#pragma code_seg("PAGE")
static volatile LONG Runs;
struct record { int number; };

ULONG Pageable(_In_ ULONG Value)
{
    InterlockedIncrement(&Runs);
    return Value + (ULONG)Type;
}
#pragma code_seg(push, "PAGEOTHR")
ULONG Other(_In_ ULONG Value) { return Value + 10; }
#pragma code_seg(pop)
static VOID Unload(PDRIVER_OBJECT DriverObject) { UNREFERENCED_PARAMETER(DriverObject); }
#pragma code_seg()

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    KIRQL old;
    PVOID handle;
    ULONG sum;

    UNREFERENCED_PARAMETER(RegistryPath);
    DriverObject->DriverUnload = Unload;
    handle = MmLockPagableCodeSection((PVOID)(ULONG_PTR)Pageable);
    MmLockPagableSectionByHandle(handle);
    MmUnlockPagableImageSection(handle);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    sum = Pageable(1);
#ifdef OTHER
    sum += Other(1);
#endif
    KeLowerIrql(old);
    MmUnlockPagableImageSection(handle);
    DbgPrint("%u %u %u", sum, Other(sum), MmPageEntireDriver((PVOID)(ULONG_PTR)DriverEntry) != NULL);
    MmResetDriverPaging((PVOID)(ULONG_PTR)DriverEntry);
#ifdef UNLOCKED
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    sum = Pageable(1);
    KeLowerIrql(old);
#endif
    return STATUS_SUCCESS;
}
