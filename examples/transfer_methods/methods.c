/* SPDX-FileCopyrightText: dirql contributors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One control code for each way in which a buffer reaches a driver. Each request turns the bytes of its input around:
 * the driver with METHOD_NEITHER gets pointers of the program, which it probes and reads inside __try.
 */
#include <ntddk.h>

#define CODE(number, method) CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + (number), (method), FILE_ANY_ACCESS)
#define IOCTL_BUFFERED CODE(0, METHOD_BUFFERED)
#define IOCTL_IN_DIRECT CODE(1, METHOD_IN_DIRECT)
#define IOCTL_OUT_DIRECT CODE(2, METHOD_OUT_DIRECT)
#define IOCTL_NEITHER CODE(3, METHOD_NEITHER)

DRIVER_INITIALIZE DriverEntry;
static DRIVER_UNLOAD Unload;
static DRIVER_DISPATCH Succeed;
static DRIVER_DISPATCH Control;

#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry)
#pragma alloc_text(PAGE, Unload)
#pragma alloc_text(PAGE, Control)
#endif

static VOID Reverse(PUCHAR Bytes, ULONG Length)
{
    ULONG each;

    for (each = 0; each < Length / 2; each++) {
        UCHAR kept = Bytes[each];

        Bytes[each] = Bytes[Length - 1 - each];
        Bytes[Length - 1 - each] = kept;
    }
}

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information)
{
    Irp->IoStatus.Status = Status;
    Irp->IoStatus.Information = Information;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS Succeed(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    return Complete(Irp, STATUS_SUCCESS, 0);
}

/* The system buffer holds the input, and takes the output. */
static NTSTATUS Buffered(PIRP Irp, ULONG Length)
{
    Reverse(Irp->AssociatedIrp.SystemBuffer, Length);
    return STATUS_SUCCESS;
}

/* The system buffer holds the input; the MDL describes the other buffer, which the program has locked. */
static NTSTATUS Direct(PIRP Irp, ULONG Length, BOOLEAN IsOutput)
{
    PUCHAR other = MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority);

    if (other == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (IsOutput) {
        RtlCopyMemory(other, Irp->AssociatedIrp.SystemBuffer, Length);
        Reverse(other, Length);
        return STATUS_SUCCESS;
    }
    /* With METHOD_IN_DIRECT the other buffer is read: both must be the same. */
    return RtlEqualMemory(other, Irp->AssociatedIrp.SystemBuffer, Length) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/* Both are addresses of the program, which may be wrong, or become wrong at any time. */
static NTSTATUS Neither(PIO_STACK_LOCATION Location, PIRP Irp, ULONG Length)
{
    PUCHAR input = Location->Parameters.DeviceIoControl.Type3InputBuffer;
    PUCHAR copy = ExAllocatePoolWithTag(PagedPool, Length, 'tohM');
    NTSTATUS status = STATUS_SUCCESS;

    if (copy == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        __try {
            ProbeForRead(input, Length, sizeof(UCHAR));
            RtlCopyMemory(copy, input, Length);
            Reverse(copy, Length);
            ProbeForWrite(Irp->UserBuffer, Length, sizeof(UCHAR));
            RtlCopyMemory(Irp->UserBuffer, copy, Length);
        } __finally {
            ExFreePoolWithTag(copy, 'tohM');
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
        KdPrint(("a buffer of the program is wrong: %08lx\n", status));
    }
    return status;
}

static NTSTATUS Control(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(Irp);
    ULONG length = location->Parameters.DeviceIoControl.InputBufferLength;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(DeviceObject);
    PAGED_CODE();
    if (length == 0 || location->Parameters.DeviceIoControl.OutputBufferLength < length) {
        return Complete(Irp, STATUS_INVALID_PARAMETER, 0);
    }
    switch (location->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_BUFFERED:
        status = Buffered(Irp, length);
        break;
    case IOCTL_IN_DIRECT:
        status = Direct(Irp, length, FALSE);
        break;
    case IOCTL_OUT_DIRECT:
        status = Direct(Irp, length, TRUE);
        break;
    case IOCTL_NEITHER:
        status = Neither(location, Irp, length);
        break;
    default:
        status = STATUS_INVALID_DEVICE_REQUEST;
        break;
    }
    return Complete(Irp, status, NT_SUCCESS(status) ? length : 0);
}

static VOID Unload(PDRIVER_OBJECT DriverObject)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\Methods");

    PAGED_CODE();
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(DriverObject->DeviceObject);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Methods");
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\Methods");
    PDEVICE_OBJECT device;
    NTSTATUS status;

    UNREFERENCED_PARAMETER(RegistryPath);
    status = IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    DriverObject->MajorFunction[IRP_MJ_CREATE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_CLOSE] = Succeed;
    DriverObject->MajorFunction[IRP_MJ_DEVICE_CONTROL] = Control;
    DriverObject->DriverUnload = Unload;
    status = IoCreateSymbolicLink(&link, &name);
    if (!NT_SUCCESS(status)) {
        IoDeleteDevice(device);
    }
    return status;
}
