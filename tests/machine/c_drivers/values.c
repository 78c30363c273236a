/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0 */

/* Reads the values of its service's key by a table: into variables, into a string, by a routine, and by default. */

#include <ntddk.h>

DRIVER_INITIALIZE DriverEntry;

static ULONG Number, Missing, Seen;
static UNICODE_STRING Text;
static WCHAR Last[16];

static NTSTATUS See(PWSTR ValueName, ULONG ValueType, PVOID ValueData, ULONG ValueLength, PVOID Context,
                    PVOID EntryContext)
{
    if (Context == &Seen && EntryContext == Last && ValueType == REG_SZ && wcscmp(ValueName, L"Names") == 0) {
        Seen++;
        RtlCopyMemory(Last, ValueData, min(ValueLength, sizeof Last));
    }
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    RtlFreeUnicodeString(&Text);
    IoDeleteDevice(DriverObject->DeviceObject);
}

static NTSTATUS Answer(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PULONG answers = Irp->AssociatedIrp.SystemBuffer;

    UNREFERENCED_PARAMETER(DeviceObject);
    Irp->IoStatus.Information = 0;
    if (IoGetCurrentIrpStackLocation(Irp)->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        answers[0] = Number;
        answers[1] = Missing;
        answers[2] = Seen;
        answers[3] = Text.Length == 10 && wcscmp(Text.Buffer, L"hello") == 0 && wcscmp(Last, L"two") == 0;
        Irp->IoStatus.Information = 4 * sizeof(ULONG);
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Values");
    RTL_QUERY_REGISTRY_TABLE table[6];
    ULONG fallback = 7;
    PDEVICE_OBJECT device;
    NTSTATUS status;

    Number = Missing = Seen = 0;
    RtlZeroMemory(table, sizeof table);
    table[0].Flags = RTL_QUERY_REGISTRY_SUBKEY;
    table[0].Name = L"Parameters";
    table[1].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK | RTL_QUERY_REGISTRY_REQUIRED;
    table[1].Name = L"Number";
    table[1].EntryContext = &Number;
    table[1].DefaultType = REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    table[2].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
    table[2].Name = L"Text";
    table[2].EntryContext = &Text;
    table[2].DefaultType = REG_SZ << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    table[3].QueryRoutine = See;
    table[3].Name = L"Names";
    table[3].EntryContext = Last;
    table[4].Flags = RTL_QUERY_REGISTRY_DIRECT;
    table[4].Name = L"Missing";
    table[4].EntryContext = &Missing;
    table[4].DefaultType = REG_DWORD;
    table[4].DefaultData = &fallback;
    table[4].DefaultLength = sizeof fallback;
    status = RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, RegistryPath->Buffer, table, &Seen, NULL);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = DriverObject->MajorFunction[IRP_MJ_CLOSE] = Answer;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Answer;
    DriverObject->DriverUnload = Unload;
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
