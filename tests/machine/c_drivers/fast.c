// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Answers one control code by its table for fast I/O, and all others by requests.
#include <ntddk.h>

#define FAST CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_ANY_ACCESS)

static FAST_IO_DISPATCH table;

static BOOLEAN Fast(PFILE_OBJECT FileObject, BOOLEAN Wait, PVOID InputBuffer, ULONG InputBufferLength,
                    PVOID OutputBuffer, ULONG OutputBufferLength, ULONG IoControlCode, PIO_STATUS_BLOCK IoStatus,
                    PDEVICE_OBJECT DeviceObject)
{
    if (IoControlCode != FAST) {
        return FALSE;
    }
    DbgPrint("%d%d ", Wait, FileObject->DeviceObject == DeviceObject);
    if (InputBufferLength > OutputBufferLength) {
        IoStatus->Status = STATUS_BUFFER_TOO_SMALL;
        return TRUE;
    }
    RtlCopyMemory(OutputBuffer, InputBuffer, InputBufferLength);
    IoStatus->Status = STATUS_SUCCESS;
    IoStatus->Information = InputBufferLength;
    return TRUE;
}

static NTSTATUS Slow(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    ULONG major = IoGetCurrentIrpStackLocation(Irp)->MajorFunction;

    UNREFERENCED_PARAMETER(DeviceObject);
    if (major == IRP_MJ_DEVICE_CONTROL) {
        DbgPrint("slow ");
    }
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 0;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Fast");
    PDEVICE_OBJECT device;

    UNREFERENCED_PARAMETER(RegistryPath);
    table.SizeOfFastIoDispatch = sizeof table;
    table.FastIoDeviceControl = Fast;
    DriverObject->FastIoDispatch = &table;
    DriverObject->DriverUnload = Unload;
    for (ULONG each = 0; each <= IRP_MJ_MAXIMUM_FUNCTION; each++) {
        DriverObject->MajorFunction[each] = Slow;
    }
    return IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
