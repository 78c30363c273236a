// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
//
// A driver whose strings and extensions lie in its own data: no routine of the kernel has seen the strings before.
#include <ntddk.h>

typedef struct _DRIVER_DATA {
    ULONG Calls;
    UNICODE_STRING Name;
    KSPIN_LOCK Lock;
    LIST_ENTRY List;
} DRIVER_DATA;

typedef struct _CONTROLLER_DATA {
    ULONG Magic;
    KEVENT Event;
} CONTROLLER_DATA;

typedef struct _ANSWERS {
    NTSTATUS Key, Value, Event, Opened, File, Missing, Twice;
    ULONG Number, Calls, Magic, Found;
} ANSWERS;

static UNICODE_STRING g_Key = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\names\\Parameters");
static UNICODE_STRING g_Value = RTL_CONSTANT_STRING(L"Number");
static UNICODE_STRING g_Event = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\Names");
static UNICODE_STRING g_Device = RTL_CONSTANT_STRING(L"\\Device\\Names");
static UNICODE_STRING g_Missing = RTL_CONSTANT_STRING(L"\\Device\\Nobody");
static PCONTROLLER_OBJECT g_Controller;

DRIVER_DISPATCH Succeed, Tell;
DRIVER_UNLOAD Unload;

static NTSTATUS Finish(PIRP Irp, ULONG_PTR Information)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

NTSTATUS Succeed(PDEVICE_OBJECT Device, PIRP Irp)
{
    UNREFERENCED_PARAMETER(Device);
    return Finish(Irp, 0);
}

static NTSTATUS OpenFile(PUNICODE_STRING Name)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK block;
    HANDLE file;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, Name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwCreateFile(&file, GENERIC_READ | SYNCHRONIZE, &attributes, &block, NULL, FILE_ATTRIBUTE_NORMAL, 0, FILE_OPEN,
                          FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    if (NT_SUCCESS(status)) {
        ZwClose(file);
    }
    return status;
}

static void ReadNumber(ANSWERS *Answers)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;
    ULONG length;
    struct { KEY_VALUE_PARTIAL_INFORMATION Value; ULONG Room; } read;

    InitializeObjectAttributes(&attributes, &g_Key, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    Answers->Key = ZwOpenKey(&key, KEY_READ, &attributes);
    if (NT_SUCCESS(Answers->Key)) {
        Answers->Value = ZwQueryValueKey(key, &g_Value, KeyValuePartialInformation, &read, sizeof(read), &length);
        if (NT_SUCCESS(Answers->Value)) {
            Answers->Number = *(UNALIGNED ULONG *)read.Value.Data;
        }
        ZwClose(key);
    }
}

static void UseEvent(ANSWERS *Answers)
{
    OBJECT_ATTRIBUTES attributes;
    HANDLE made, opened;

    InitializeObjectAttributes(&attributes, &g_Event, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    Answers->Event = ZwCreateEvent(&made, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE);
    Answers->Opened = ZwOpenEvent(&opened, EVENT_ALL_ACCESS, &attributes);
    if (NT_SUCCESS(Answers->Opened)) {
        ZwClose(opened);
    }
    if (NT_SUCCESS(Answers->Event)) {
        ZwClose(made);
    }
}

NTSTATUS Tell(PDEVICE_OBJECT Device, PIRP Irp)
{
    DRIVER_DATA *data = IoGetDriverObjectExtension(Device->DriverObject, Tell);
    CONTROLLER_DATA *controller = g_Controller->ControllerExtension;
    ANSWERS *answers = Irp->AssociatedIrp.SystemBuffer;
    PVOID twice;

    RtlZeroMemory(answers, sizeof(*answers));
    ReadNumber(answers);
    UseEvent(answers);
    answers->File = OpenFile(&data->Name);
    answers->Missing = OpenFile(&g_Missing);
    answers->Twice = IoAllocateDriverObjectExtension(Device->DriverObject, Tell, 4, &twice);
    ExInterlockedAddUlong(&data->Calls, 1, &data->Lock);
    answers->Calls = data->Calls;
    answers->Magic = controller->Magic;
    answers->Found = IsListEmpty(&data->List) && KeReadStateEvent(&controller->Event) != 0;
    return Finish(Irp, sizeof(*answers));
}

VOID Unload(PDRIVER_OBJECT Driver)
{
    IoDeleteController(g_Controller);
    IoDeleteDevice(Driver->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING RegistryPath)
{
    PDEVICE_OBJECT device;
    DRIVER_DATA *data;
    CONTROLLER_DATA *controller;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoAllocateDriverObjectExtension(Driver, Tell, sizeof(*data), (PVOID *)&data);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    RtlZeroMemory(data, sizeof(*data));
    data->Name = g_Device;
    KeInitializeSpinLock(&data->Lock);
    InitializeListHead(&data->List);
    g_Controller = IoCreateController(sizeof(*controller));
    controller = g_Controller->ControllerExtension;
    controller->Magic = 0x12345678;
    KeInitializeEvent(&controller->Event, NotificationEvent, TRUE);
    status = IoCreateDevice(Driver, 0, &g_Device, FILE_DEVICE_UNKNOWN, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    Driver->DriverUnload = Unload;
    Driver->MajorFunction[IRP_MJ_CREATE] = Succeed;
    Driver->MajorFunction[IRP_MJ_CLEANUP] = Succeed;
    Driver->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    Driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Tell;
    DbgPrintEx(DPFLTR_KBDCLASS_ID, DPFLTR_INFO_LEVEL, "%wZ\n", &data->Name);
    return STATUS_SUCCESS;
}
