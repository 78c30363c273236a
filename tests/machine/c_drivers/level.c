/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One level of a stack, for test_c_mixed_stacks.py: it writes what it sees of a control request into the request's
 * buffer, changes what the driver below gets, and what the one above gets back. LEVEL is 0 at the bottom. */
#include <wdm.h>

#define CHANGE 0x0123456789ABCDEFull
#define FIRST_INFORMATION 200
#define WIDE_(text) L##text
#define WIDE(text) WIDE_(text)
#define TEXT_(number) #number
#define TEXT(number) TEXT_(number)

typedef struct _SEEN {
    ULONG Code, Input, Output, Level;
    ULONGLONG Type3;
    UCHAR Major, Minor, Flags, Control;
    CHAR StackCount, CurrentLocation;
    USHORT Mine;
} SEEN, *PSEEN;

static NTSTATUS Completed(PDEVICE_OBJECT Device, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(Device);
    if (Irp->PendingReturned) {
        IoMarkIrpPending(Irp);
    }
    Irp->IoStatus.Information += (ULONG_PTR)Context;
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS Finish(PIRP Irp, ULONG_PTR Information)
{
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTSTATUS Dispatch(PDEVICE_OBJECT Device, PIRP Irp)
{
    PDEVICE_OBJECT lower = *(PDEVICE_OBJECT *)Device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(Irp);
    PIO_STACK_LOCATION next;

    if (stack->MajorFunction != IRP_MJ_DEVICE_CONTROL) {
        if (lower == NULL) {
            return Finish(Irp, 0);
        }
        IoSkipCurrentIrpStackLocation(Irp);
        return IoCallDriver(lower, Irp);
    }
    ((PSEEN)Irp->AssociatedIrp.SystemBuffer)[LEVEL] = (SEEN){
        stack->Parameters.DeviceIoControl.IoControlCode,
        stack->Parameters.DeviceIoControl.InputBufferLength,
        stack->Parameters.DeviceIoControl.OutputBufferLength,
        LEVEL,
        (ULONG_PTR)stack->Parameters.DeviceIoControl.Type3InputBuffer,
        stack->MajorFunction,
        stack->MinorFunction,
        stack->Flags,
        stack->Control,
        Irp->StackCount,
        Irp->CurrentLocation,
        stack->DeviceObject == Device,
    };
    if (lower == NULL) {
        return Finish(Irp, FIRST_INFORMATION);
    }
    IoCopyCurrentIrpStackLocationToNext(Irp);
    next = IoGetNextIrpStackLocation(Irp);
    next->MinorFunction = (UCHAR)(stack->MinorFunction + 100 + LEVEL);
    next->Parameters.DeviceIoControl.IoControlCode = ~stack->Parameters.DeviceIoControl.IoControlCode;
    next->Parameters.DeviceIoControl.InputBufferLength = 0u - stack->Parameters.DeviceIoControl.InputBufferLength;
    next->Parameters.DeviceIoControl.OutputBufferLength *= 0x10001;
    next->Parameters.DeviceIoControl.Type3InputBuffer =
        (PVOID)((ULONG_PTR)stack->Parameters.DeviceIoControl.Type3InputBuffer ^ CHANGE);
    IoSetCompletionRoutine(Irp, Completed, (PVOID)(LEVEL + 10), TRUE, TRUE, TRUE);
    return IoCallDriver(lower, Irp);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    PDEVICE_OBJECT device = DriverObject->DeviceObject;
    PDEVICE_OBJECT lower = *(PDEVICE_OBJECT *)device->DeviceExtension;

    if (lower != NULL) {
        IoDetachDevice(lower);
    }
    IoDeleteDevice(device);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(WIDE("\\Device\\Level") WIDE(TEXT(LEVEL)));
    UNICODE_STRING bottom = RTL_CONSTANT_STRING(L"\\Device\\Level0");
    PDEVICE_OBJECT device;
    NTSTATUS status;
    ULONG major;

    UNREFERENCED_PARAMETER(RegistryPath);
    for (major = 0; major <= IRP_MJ_MAXIMUM_FUNCTION; major++) {
        DriverObject->MajorFunction[major] = Dispatch;
    }
    DriverObject->DriverUnload = Unload;
    status = IoCreateDevice(DriverObject, sizeof(PDEVICE_OBJECT), &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (NT_SUCCESS(status) && LEVEL > 0) {
        status = IoAttachDevice(device, &bottom, (PDEVICE_OBJECT *)device->DeviceExtension);
    }
    return status;
}
