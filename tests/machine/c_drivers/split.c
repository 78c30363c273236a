// SPDX-FileCopyrightText: dirql contributors
// SPDX-License-Identifier: Apache-2.0
// Splits a read into two associated packets; the second one completes the master.
#include <ntddk.h>

static NTSTATUS Ended(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context)
{
    UNREFERENCED_PARAMETER(DeviceObject);
    UNREFERENCED_PARAMETER(Context);
    DbgPrint("left %d ", Irp->AssociatedIrp.MasterIrp->AssociatedIrp.IrpCount);
    return STATUS_SUCCESS;
}

static NTSTATUS Read(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    IoMarkIrpPending(Irp);
    Irp->IoStatus.Status = STATUS_SUCCESS;
    Irp->IoStatus.Information = 3;
    Irp->AssociatedIrp.IrpCount = 2;
    RtlCopyMemory(MmGetSystemAddressForMdlSafe(Irp->MdlAddress, NormalPagePriority), "abc", 3);
    for (ULONG part = 0; part < 2; part++) {
        PIRP half = IoMakeAssociatedIrp(Irp, DeviceObject->StackSize + 1);

        DbgPrint("%d%d ", half->AssociatedIrp.MasterIrp == Irp, (half->Flags & IRP_ASSOCIATED_IRP) != 0);
        IoGetNextIrpStackLocation(half)->MajorFunction = IRP_MJ_WRITE;
        IoSetCompletionRoutine(half, Ended, NULL, TRUE, TRUE, TRUE);
        IoCallDriver(DeviceObject, half);
    }
    return STATUS_PENDING;
}

static NTSTATUS Done(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    UNREFERENCED_PARAMETER(DeviceObject);
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
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Split");
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(DriverObject, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);

    UNREFERENCED_PARAMETER(RegistryPath);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    device->Flags |= DO_DIRECT_IO;
    DriverObject->DriverUnload = Unload;
    for (ULONG each = 0; each <= IRP_MJ_MAXIMUM_FUNCTION; each++) {
        DriverObject->MajorFunction[each] = Done;
    }
    DriverObject->MajorFunction[IRP_MJ_READ] = Read;
    return STATUS_SUCCESS;
}
