/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Maps sections, attaches to the system process and asks for facts in DriverEntry; its status tells the step that failed.
 */
#include <ntifs.h>

NTSTATUS ObReferenceObjectByName(PUNICODE_STRING, ULONG, PACCESS_STATE, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, PVOID,
                                 PVOID *);

#define STEP(number, condition)                                                                                       \
    if (!(condition))                                                                                                 \
    return (NTSTATUS)(0xE0000000 | (number))

static NTSTATUS map_twice(HANDLE section)
{
    PVOID first = NULL, second = NULL;
    SIZE_T size = 0, length = 1;
    LARGE_INTEGER offset;
    NTSTATUS status;

    status = ZwMapViewOfSection(section, ZwCurrentProcess(), &first, 0, 0, NULL, &size, ViewUnmap, 0, PAGE_READWRITE);
    STEP(0x10, status == STATUS_SUCCESS && first != NULL && size == 0x20000);
    offset.QuadPart = 0x10000;
    status = ZwMapViewOfSection(section, NtCurrentProcess(), &second, 0, 0, &offset, &length, ViewShare, 0, PAGE_READONLY);
    STEP(0x11, status == STATUS_SUCCESS && length == PAGE_SIZE && offset.QuadPart == 0x10000);
    RtlCopyMemory((PUCHAR)first + 0x10000, "shared", 7);
    STEP(0x12, RtlCompareMemory(second, "shared", 7) == 7);
    STEP(0x13, ZwUnmapViewOfSection(ZwCurrentProcess(), first) == STATUS_SUCCESS);
    STEP(0x14, RtlCompareMemory(second, "shared", 7) == 7);
    return ZwUnmapViewOfSection(ZwCurrentProcess(), second);
}

static NTSTATUS share(void)
{
    HANDLE section;
    LARGE_INTEGER size = {{0x20000, 0}};
    OBJECT_ATTRIBUTES attributes;
    PVOID object, system = NULL;
    SIZE_T length = 0;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwCreateSection(&section, SECTION_ALL_ACCESS, &attributes, &size, PAGE_READWRITE, SEC_COMMIT, NULL);
    STEP(0x1, status == STATUS_SUCCESS);
    status = map_twice(section);
    STEP(status & 0xFF, status == STATUS_SUCCESS);
    status = ObReferenceObjectByHandle(section, 0, NULL, KernelMode, &object, NULL);
    STEP(0x2, status == STATUS_SUCCESS);
    status = MmMapViewInSystemSpace(object, &system, &length);
    STEP(0x3, status == STATUS_SUCCESS && length == 0x20000 && ((PUCHAR)system)[0x10000] == 's');
    STEP(0x4, MmUnmapViewInSystemSpace(system) == STATUS_SUCCESS);
    ObDereferenceObject(object);
    return ZwClose(section);
}

static NTSTATUS attach(void)
{
    KAPC_STATE state;
    PEPROCESS own = PsGetCurrentProcess();
    PROCESS_BASIC_INFORMATION facts;
    ULONG length;

    KeStackAttachProcess((PRKPROCESS)PsInitialSystemProcess, &state);
    STEP(0x20, PsGetCurrentProcess() == PsInitialSystemProcess);
    STEP(0x21, ZwQueryInformationProcess(ZwCurrentProcess(), ProcessBasicInformation, &facts, sizeof(facts), &length) ==
                   STATUS_SUCCESS);
    STEP(0x22, facts.UniqueProcessId == 4 && length == sizeof(facts));
    KeUnstackDetachProcess(&state);
    STEP(0x23, PsGetCurrentProcess() == own);
    return STATUS_SUCCESS;
}

static NTSTATUS allocate(void)
{
    PVOID base = NULL;
    SIZE_T size = 100;
    NTSTATUS status;

    status = ZwAllocateVirtualMemory(ZwCurrentProcess(), &base, 0, &size, MEM_COMMIT, PAGE_READWRITE);
    STEP(0x30, status == STATUS_SUCCESS && size == PAGE_SIZE && *(PULONG)base == 0);
    size = 0;
    status = ZwFreeVirtualMemory(ZwCurrentProcess(), &base, &size, MEM_RELEASE);
    STEP(0x31, status == STATUS_SUCCESS && size == PAGE_SIZE);
    return STATUS_SUCCESS;
}

static VOID unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    PDRIVER_OBJECT found;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = unload;
    status = share();
    if (NT_SUCCESS(status))
        status = attach();
    if (NT_SUCCESS(status))
        status = allocate();
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByName(&driver->DriverName, OBJ_CASE_INSENSITIVE, NULL, 0, *IoDriverObjectType, KernelMode,
                                     NULL, (PVOID *)&found);
    STEP(0x40, status == STATUS_SUCCESS && found == driver);
    ObDereferenceObject(found);
    return STATUS_SUCCESS;
}
